//! Who calls.

use super::Fixture;
use lazaret::cloud::port::InstanceQuery;

pub(super) async fn the_caller_is_known(fixture: &dyn Fixture) {
    let (cloud, world) = (fixture.cloud(), fixture.world());
    for scope in [None, Some(&world.scope)] {
        let caller = cloud.reads().caller_identity(scope).await.unwrap();
        assert_eq!(caller.account, world.scope.account.as_str());
        assert!(caller.arn.starts_with("arn:aws:"), "{}", caller.arn);
        assert!(caller.arn.contains(world.scope.account.as_str()), "{}", caller.arn);
    }
}

pub(super) async fn another_account_is_another_account(fixture: &dyn Fixture) {
    let (cloud, world) = (fixture.cloud(), fixture.world());
    let caller = cloud.reads().caller_identity(Some(&world.other)).await.unwrap();
    assert_eq!(caller.account, world.other.account.as_str());
    // Its CloudTrail tells who it was.
    let ours = cloud.reads().caller_identity(None).await.unwrap();
    assert_eq!(caller.arn.rsplit('/').next(), ours.arn.rsplit('/').next(), "{} and {}", caller.arn, ours.arn);
    let there = cloud.reads().instances(&world.other, &InstanceQuery::All).await.unwrap();
    assert_eq!(there, []);
    assert_eq!(cloud.reads().instances(&world.scope, &InstanceQuery::All).await.unwrap().len(), 1);
}
