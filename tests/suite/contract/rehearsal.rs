//! Calls with `DryRun`.

use super::{Fixture, refused};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::{GroupQuery, InstanceQuery, Target};
use lazaret::domain::{GroupRule, InstanceId, Protection, Tags};

/// All that the calls below would change.
async fn state(fixture: &dyn Fixture) -> String {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let (reads, scope) = (cloud.reads(), &world.scope);
    let mut all = format!("{:?}", fixture.interfaces().await);
    for protection in [Protection::Termination, Protection::Stop] {
        all += &format!("{:?}", reads.protection(scope, &world.instance, protection).await.unwrap());
    }
    all += &format!("{:?}", reads.instances(scope, &InstanceQuery::All).await.unwrap());
    all += &format!("{:?}", reads.groups(scope, &GroupQuery::Ids(world.groups.to_vec())).await.unwrap());
    all += &format!("{:?}", reads.groups(scope, &GroupQuery::Named(world.vpc.clone(), "new".into())).await.unwrap());
    all += &format!("{:?}", reads.snapshots(scope, "a", "b").await.unwrap());
    all + &format!("{:?}", fixture.published().await)
}

pub(super) async fn a_rehearsal_changes_nothing(fixture: &dyn Fixture) {
    let (world, w) = (fixture.world(), fixture.writes());
    let t = Target { scope: world.scope.clone(), dry_run: true };
    let tags = Tags::from([("a".to_owned(), "b".to_owned())]);
    let name = Tags::from([("Name".to_owned(), "web-1".to_owned())]);
    let web = &world.groups[0];
    let before = state(fixture).await;
    w.set_protection(&t, &world.instance, Protection::Termination, true).await.unwrap();
    w.set_protection(&t, &world.instance, Protection::Stop, true).await.unwrap();
    w.set_interface_groups(&t, &world.interfaces[0], &world.groups[2..]).await.unwrap();
    w.create_tags(&t, world.instance.as_str(), &tags).await.unwrap();
    w.delete_tags(&t, world.instance.as_str(), &name).await.unwrap();
    w.create_group(&t, &world.vpc, "new", "a new group", &tags).await.unwrap();
    w.revoke_egress(&t, web, &[GroupRule::all_egress()]).await.unwrap();
    w.authorize_egress(&t, web, &[GroupRule::https_to(web.clone())]).await.unwrap();
    assert_eq!(w.create_snapshots(&t, &world.instance, "x", &tags).await, Ok(vec![]));
    w.publish(&t, &world.topic, "subject", "body").await.unwrap();
    assert_eq!(state(fixture).await, before);
}

pub(super) async fn a_rehearsal_says_what_would_be_refused(fixture: &dyn Fixture) {
    let t = Target { scope: fixture.world().scope.clone(), dry_run: true };
    let gone = InstanceId::new("i-0123456789abcdef0");
    let tags = Tags::from([("a".to_owned(), "b".to_owned())]);
    let answer = fixture.writes().create_tags(&t, gone.as_str(), &tags).await;
    refused(answer, "ec2:CreateTags", ErrorKind::NotFound, "InvalidInstanceID.NotFound");
}
