//! Instances and their protections.

use super::{Fixture, refused};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::InstanceQuery;
use lazaret::domain::{InstanceId, Protection};

fn unknown() -> InstanceId {
    InstanceId::new("i-0123456789abcdef0")
}

pub(super) async fn an_instance_is_described(fixture: &dyn Fixture) {
    let world = fixture.world();
    let query = InstanceQuery::Ids(vec![world.instance.clone()]);
    let found = fixture.cloud().reads().instances(&world.scope, &query).await.unwrap();
    let [instance] = &found[..] else { panic!("{found:?}") };
    assert_eq!(instance.id, world.instance);
    assert_eq!(instance.state, "running");
    assert_eq!(instance.vpc.as_ref(), Some(&world.vpc));
    assert_eq!(instance.subnet.as_ref(), Some(&world.subnet));
    assert_eq!(instance.name(), Some("web-1"));
    assert_eq!(instance.instance_type, "t3.micro");
    assert!(instance.launched_at.is_some() && instance.image.is_some());
    assert_eq!(instance.volumes.iter().map(|v| v.id.clone()).collect::<std::collections::BTreeSet<_>>(), world.volumes);
    assert!(instance.volumes.iter().all(|v| v.device.starts_with("/dev/")), "{:?}", instance.volumes);
}

pub(super) async fn unknown_instances_are_left_out(fixture: &dyn Fixture) {
    let (cloud, world) = (fixture.cloud(), fixture.world());
    for (ids, found) in [
        (vec![unknown()], 0),
        (vec![unknown(), world.instance.clone()], 1),
        (vec![], 0),
        // Findings are written by others: an id that is a pattern matches nothing.
        (vec![InstanceId::new("i-*"), InstanceId::new("*")], 0),
    ] {
        let answer = cloud.reads().instances(&world.scope, &InstanceQuery::Ids(ids.clone())).await.unwrap();
        assert_eq!(answer.len(), found, "{ids:?}");
    }
}

pub(super) async fn instances_are_found_by_tag(fixture: &dyn Fixture) {
    let (cloud, world) = (fixture.cloud(), fixture.world());
    for (key, value, found) in [("Name", "web-1", 1), ("Name", "web", 0), ("Nam", "web-1", 0)] {
        let query = InstanceQuery::Tagged(key.into(), value.into());
        let answer = cloud.reads().instances(&world.scope, &query).await.unwrap();
        assert_eq!(answer.len(), found, "{key}={value}");
    }
    assert_eq!(cloud.reads().instances(&world.scope, &InstanceQuery::All).await.unwrap().len(), 1);
}

pub(super) async fn protections_are_set_and_read(fixture: &dyn Fixture) {
    let (cloud, world, writes, target) = (fixture.cloud(), fixture.world(), fixture.writes(), fixture.target());
    let reads = cloud.reads();
    for protection in [Protection::Termination, Protection::Stop] {
        for on in [true, true, false] {
            writes.set_protection(&target, &world.instance, protection, on).await.unwrap();
            assert_eq!(reads.protection(&world.scope, &world.instance, protection).await, Ok(on), "{protection}");
        }
        writes.set_protection(&target, &world.instance, protection, true).await.unwrap();
    }
    // One does not stand for the other.
    writes.set_protection(&target, &world.instance, Protection::Stop, false).await.unwrap();
    assert_eq!(reads.protection(&world.scope, &world.instance, Protection::Termination).await, Ok(true));

    let not_found = "InvalidInstanceID.NotFound";
    let answer = reads.protection(&world.scope, &unknown(), Protection::Stop).await;
    refused(answer, "ec2:DescribeInstanceAttribute", ErrorKind::NotFound, not_found);
    let answer = writes.set_protection(&target, &unknown(), Protection::Stop, true).await;
    refused(answer, "ec2:ModifyInstanceAttribute", ErrorKind::NotFound, not_found);
}
