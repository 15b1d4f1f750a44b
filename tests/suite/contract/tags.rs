//! Tags on instances and interfaces.

use super::{Fixture, refused};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::InstanceQuery;
use lazaret::domain::Tags;

fn tags<const N: usize>(pairs: [(&str, &str); N]) -> Tags {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

async fn on_instance(fixture: &dyn Fixture) -> Tags {
    let query = InstanceQuery::Ids(vec![fixture.world().instance.clone()]);
    let found = fixture.cloud().reads().instances(&fixture.world().scope, &query).await.unwrap();
    found[0].tags.clone()
}

async fn on_interface(fixture: &dyn Fixture, n: usize) -> Tags {
    fixture.interfaces().await[n].tags.clone()
}

pub(super) async fn tags_are_set_and_overwritten(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let (instance, interface) = (world.instance.as_str(), world.interfaces[1].as_str());
    writes.create_tags(&target, instance, &tags([("SecurityStatus", "Quarantined"), ("Empty", "")])).await.unwrap();
    writes.create_tags(&target, interface, &tags([("Original", "sg-1 sg-2")])).await.unwrap();
    let now = on_instance(fixture).await;
    assert_eq!(now, tags([("Name", "web-1"), ("SecurityStatus", "Quarantined"), ("Empty", "")]));
    assert_eq!(on_interface(fixture, 1).await, tags([("Original", "sg-1 sg-2")]));
    assert_eq!(on_interface(fixture, 0).await, tags([]));
    writes.create_tags(&target, instance, &tags([("SecurityStatus", "Restored")])).await.unwrap();
    assert_eq!(on_instance(fixture).await.get("SecurityStatus").map(String::as_str), Some("Restored"));

    let answer = writes.create_tags(&target, "i-0123456789abcdef0", &tags([("a", "b")])).await;
    refused(answer, "ec2:CreateTags", ErrorKind::NotFound, "InvalidInstanceID.NotFound");
}

pub(super) async fn tags_are_deleted_by_value(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let instance = world.instance.as_str();
    writes.create_tags(&target, instance, &tags([("A", "1"), ("B", "2"), ("C", "")])).await.unwrap();
    // What holds another value, or isn't there, is left alone and is no error.
    writes.delete_tags(&target, instance, &tags([("A", "other"), ("B", "2"), ("D", "4")])).await.unwrap();
    assert_eq!(on_instance(fixture).await, tags([("Name", "web-1"), ("A", "1"), ("C", "")]));
    // An empty value is a value, and not "whatever it is".
    writes.delete_tags(&target, instance, &tags([("A", ""), ("C", "")])).await.unwrap();
    assert_eq!(on_instance(fixture).await, tags([("Name", "web-1"), ("A", "1")]));
}

pub(super) async fn tags_have_limits(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let instance = world.instance.as_str();
    let before = on_instance(fixture).await;
    for wrong in [("Key", "x".repeat(257).as_str()), (&"k".repeat(129), "x"), ("aws:mine", "x")] {
        let answer = writes.create_tags(&target, instance, &tags([wrong])).await;
        refused(answer, "ec2:CreateTags", ErrorKind::Invalid, "InvalidParameterValue");
    }
    let many: Tags = (0..50).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    let answer = writes.create_tags(&target, instance, &many).await;
    refused(answer, "ec2:CreateTags", ErrorKind::Conflict, "TagLimitExceeded");
    assert_eq!(on_instance(fixture).await, before);
    // 256 characters, not bytes.
    writes.create_tags(&target, instance, &tags([("Key", &"é".repeat(256))])).await.unwrap();
    assert_eq!(on_instance(fixture).await.get("Key").map(|v| v.chars().count()), Some(256));
}
