//! Users, roles, keys and policies.

use super::{Fixture, RELEASE, TRUST, refused};
use chrono::TimeDelta;
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::Target;
use lazaret::domain::principal::{AccessKey, deny_all_arn, policy_size};
use lazaret::domain::{InstanceId, Partition, Principal};
use std::collections::BTreeSet;

const USER: &str = "deploy-bot";
const DENY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|n| (*n).to_owned()).collect()
}

/// The user's keys, each with whether it is active.
async fn keys(fixture: &dyn Fixture) -> Vec<(String, bool)> {
    let keys = fixture.cloud().reads().access_keys(&fixture.world().scope, USER).await.unwrap();
    keys.into_iter().map(|AccessKey { id, active, .. }| (id, active)).collect()
}

async fn stored(fixture: &dyn Fixture, of: &Principal, name: &str) -> Option<String> {
    fixture.cloud().reads().inline_policy(&fixture.world().scope, of, name).await.unwrap()
}

pub(super) async fn users_and_roles_are_described(fixture: &dyn Fixture) {
    let (scope, cloud) = (&fixture.world().scope, fixture.cloud());
    let user = cloud.reads().user(scope, USER).await.unwrap();
    assert_eq!((user.name.as_str(), user.path.as_str()), (USER, "/ci/"));
    assert_eq!(user.arn, format!("arn:aws:iam::{}:user/ci/{USER}", scope.account));
    assert!(!user.id.is_empty() && user.created_at.is_some(), "{user:?}");
    let role = cloud.reads().role(scope, "web").await.unwrap();
    assert_eq!(role.arn, format!("arn:aws:iam::{}:role/web", scope.account));
    assert_eq!((role.trust.as_str(), role.max_session), (TRUST, 3_600));
    assert_eq!((role.description.as_deref(), role.boundary.as_deref()), (Some("Web tier"), None));
    assert!(!role.id.is_empty() && !role.is_service_linked(), "{role:?}");
    let linked = cloud.reads().role(scope, "AWSServiceRoleForAutoScaling").await.unwrap();
    assert!(linked.is_service_linked(), "{linked:?}");
    let attached = cloud.reads().attached_user_policies(scope, USER).await.unwrap();
    assert_eq!(attached, names(&["arn:aws:iam::aws:policy/ReadOnlyAccess"]));
    assert_eq!(cloud.reads().attached_role_policies(scope, "web").await.unwrap(), names(&[]));
    let policy = cloud.reads().managed_policy(scope, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    assert_eq!(policy.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess");
}

pub(super) async fn iam_tells_the_time(fixture: &dyn Fixture) {
    let (cloud, scope) = (fixture.cloud(), &fixture.world().scope);
    cloud.reads().role_policies(scope, "web").await.unwrap();
    let ahead = cloud.reads().clock_ahead().unwrap();
    assert!(ahead.abs() < TimeDelta::minutes(1), "the same machine's clock, and the way of an answer: {ahead}");
}

pub(super) async fn keys_and_passwords_are_listed(fixture: &dyn Fixture) {
    let [first, second] = fixture.world().keys.clone();
    assert_eq!(keys(fixture).await, [(first, true), (second, true)]);
    let (scope, cloud) = (&fixture.world().scope, fixture.cloud());
    assert!(cloud.reads().login_profile(scope, USER).await.is_ok());
    let nobody = cloud.reads().login_profile(scope, "nobody").await;
    refused(nobody, "iam:GetLoginProfile", ErrorKind::NotFound, "NoSuchEntity");
}

pub(super) async fn a_key_names_its_user(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let used = cloud.reads().key_last_used(&world.scope, &world.keys[1]).await.unwrap();
    assert_eq!((used.user.as_deref(), used.at), (Some(USER), None));
    let foreign = cloud.reads().key_last_used(&world.scope, "AKIAIOSFODNN7EXAMPLE").await.unwrap_err();
    assert!(matches!(foreign.kind, ErrorKind::Denied | ErrorKind::NotFound), "{foreign:?}");
}

pub(super) async fn keys_are_switched_off_and_on(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let [first, second] = world.keys.clone();
    for _ in 0..2 {
        writes.set_key_active(&target, USER, &first, false).await.unwrap();
        assert_eq!(keys(fixture).await, [(first.clone(), false), (second.clone(), true)]);
    }
    writes.set_key_active(&target, USER, &first, true).await.unwrap();
    assert_eq!(keys(fixture).await, [(first, true), (second, true)]);
    let unknown = writes.set_key_active(&target, USER, "AKIAIOSFODNN7EXAMPLE", false).await;
    refused(unknown, "iam:UpdateAccessKey", ErrorKind::NotFound, "NoSuchEntity");
}

pub(super) async fn inline_policies_are_kept_byte_for_byte(fixture: &dyn Fixture) {
    let (scope, cloud) = (&fixture.world().scope, fixture.cloud());
    assert_eq!(cloud.reads().user_policies(scope, USER).await.unwrap(), names(&["release"]));
    assert_eq!(cloud.reads().role_policies(scope, "web").await.unwrap(), names(&["release"]));
    for of in [Principal::User(USER.into()), Principal::Role("web".into())] {
        assert_eq!(stored(fixture, &of, "release").await.as_deref(), Some(RELEASE), "{of}");
        assert_eq!(stored(fixture, &of, "other").await, None, "{of}");
    }
}

pub(super) async fn policies_are_put_overwritten_and_deleted(fixture: &dyn Fixture) {
    let (writes, target) = (fixture.writes(), fixture.target());
    let (user, role) = (Principal::User(USER.into()), Principal::Role("web".into()));
    for document in [RELEASE, DENY] {
        writes.put_user_policy(&target, USER, "lazaret-01", document).await.unwrap();
        writes.put_role_policy(&target, "web", "lazaret-01", document).await.unwrap();
        assert_eq!(stored(fixture, &user, "lazaret-01").await.as_deref(), Some(document));
        assert_eq!(stored(fixture, &role, "lazaret-01").await.as_deref(), Some(document));
    }
    writes.delete_user_policy(&target, USER, "lazaret-01").await.unwrap();
    writes.delete_role_policy(&target, "web", "lazaret-01").await.unwrap();
    assert_eq!((stored(fixture, &user, "lazaret-01").await, stored(fixture, &role, "lazaret-01").await), (None, None));
    assert_eq!(stored(fixture, &user, "release").await.as_deref(), Some(RELEASE));
    let again = writes.delete_user_policy(&target, USER, "lazaret-01").await;
    refused(again, "iam:DeleteUserPolicy", ErrorKind::NotFound, "NoSuchEntity");
    let again = writes.delete_role_policy(&target, "web", "lazaret-01").await;
    refused(again, "iam:DeleteRolePolicy", ErrorKind::NotFound, "NoSuchEntity");
    let broken = writes.put_user_policy(&target, USER, "lazaret-01", "{").await;
    refused(broken, "iam:PutUserPolicy", ErrorKind::Invalid, "MalformedPolicyDocument");
}

pub(super) async fn policies_have_quotas(fixture: &dyn Fixture) {
    let (writes, target) = (fixture.writes(), fixture.target());
    let long = |n: usize| DENY.replace(r#""Resource":"*""#, &format!(r#""Resource":"arn:aws:s3:::{}""#, "x".repeat(n)));
    let frame = policy_size(&long(0)) + policy_size(RELEASE);
    writes.put_user_policy(&target, USER, "long", &long(2_048 - frame)).await.unwrap();
    let more = writes.put_user_policy(&target, USER, "long", &long(2_048 - frame + 1)).await;
    refused(more, "iam:PutUserPolicy", ErrorKind::Conflict, "LimitExceeded");
    writes.put_role_policy(&target, "web", "long", &long(10_240 - frame)).await.unwrap();
    let more = writes.put_role_policy(&target, "web", "more", DENY).await;
    refused(more, "iam:PutRolePolicy", ErrorKind::Conflict, "LimitExceeded");
}

pub(super) async fn the_policy_that_denies_everything_is_attached_and_detached(fixture: &dyn Fixture) {
    let (scope, cloud, writes, target) = (&fixture.world().scope, fixture.cloud(), fixture.writes(), fixture.target());
    let deny_all = deny_all_arn(&Partition::Aws);
    for _ in 0..2 {
        writes.attach_user_policy(&target, USER, &deny_all).await.unwrap();
        let attached = cloud.reads().attached_user_policies(scope, USER).await.unwrap();
        assert_eq!(attached, names(&[&deny_all, "arn:aws:iam::aws:policy/ReadOnlyAccess"]));
    }
    writes.detach_user_policy(&target, USER, &deny_all).await.unwrap();
    let attached = cloud.reads().attached_user_policies(scope, USER).await.unwrap();
    assert_eq!(attached, names(&["arn:aws:iam::aws:policy/ReadOnlyAccess"]));
    let again = writes.detach_user_policy(&target, USER, &deny_all).await;
    refused(again, "iam:DetachUserPolicy", ErrorKind::NotFound, "NoSuchEntity");
}

pub(super) async fn roles_of_aws_can_not_be_edited(fixture: &dyn Fixture) {
    let (writes, target) = (fixture.writes(), fixture.target());
    let answer = writes.put_role_policy(&target, "AWSServiceRoleForAutoScaling", "lazaret-01", DENY).await;
    refused(answer, "iam:PutRolePolicy", ErrorKind::Conflict, "UnmodifiableEntity");
}

pub(super) async fn an_instance_shows_its_profile(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let profiles = cloud.reads().profiles_of_role(&world.scope, "web").await.unwrap();
    assert_eq!(
        profiles.iter().map(|p| (p.name.as_str(), p.role.as_deref())).collect::<Vec<_>>(),
        [("web", Some("web"))]
    );
    assert_eq!(cloud.reads().instance_profile(&world.scope, "web").await.unwrap(), profiles[0]);
    let nowhere = InstanceId::new("i-0123456789abcdef0");
    for instances in [vec![], vec![world.instance.clone()], vec![nowhere.clone(), world.instance.clone()]] {
        let found = cloud.reads().profile_associations(&world.scope, &instances).await.unwrap();
        let [association] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((&association.instance, &association.profile_arn), (&world.instance, &profiles[0].arn));
        assert!(association.id.starts_with("iip-assoc-") && association.is_live(), "{association:?}");
    }
    assert_eq!(cloud.reads().profile_associations(&world.scope, &[nowhere]).await, Ok(vec![]));
    assert_eq!(cloud.reads().profile_associations(&world.other, &[]).await, Ok(vec![]));
}

pub(super) async fn what_does_not_exist_in_iam_is_said(fixture: &dyn Fixture) {
    let (scope, cloud) = (&fixture.world().scope, fixture.cloud());
    let reads = cloud.reads();
    let gone = ErrorKind::NotFound;
    refused(reads.user(scope, "nobody").await, "iam:GetUser", gone, "NoSuchEntity");
    refused(reads.role(scope, "nobody").await, "iam:GetRole", gone, "NoSuchEntity");
    refused(reads.access_keys(scope, "nobody").await, "iam:ListAccessKeys", gone, "NoSuchEntity");
    refused(reads.user_policies(scope, "nobody").await, "iam:ListUserPolicies", gone, "NoSuchEntity");
    refused(reads.role_policy(scope, "web", "none").await, "iam:GetRolePolicy", gone, "NoSuchEntity");
    refused(reads.profiles_of_role(scope, "nobody").await, "iam:ListInstanceProfilesForRole", gone, "NoSuchEntity");
    refused(reads.instance_profile(scope, "nobody").await, "iam:GetInstanceProfile", gone, "NoSuchEntity");
    // The same name in another account is somebody else.
    refused(reads.user(&fixture.world().other, USER).await, "iam:GetUser", gone, "NoSuchEntity");
}

pub(super) async fn a_rehearsal_leaves_iam_alone(fixture: &dyn Fixture) {
    let (world, writes) = (fixture.world(), fixture.writes());
    let rehearsal = Target { dry_run: true, ..fixture.target() };
    writes.set_key_active(&rehearsal, USER, &world.keys[0], false).await.unwrap();
    writes.put_user_policy(&rehearsal, USER, "lazaret-01", DENY).await.unwrap();
    writes.put_role_policy(&rehearsal, "web", "lazaret-01", DENY).await.unwrap();
    writes.delete_user_policy(&rehearsal, USER, "release").await.unwrap();
    writes.delete_role_policy(&rehearsal, "web", "release").await.unwrap();
    writes.attach_user_policy(&rehearsal, USER, &deny_all_arn(&Partition::Aws)).await.unwrap();
    writes.detach_user_policy(&rehearsal, USER, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    assert!(keys(fixture).await.iter().all(|(_, active)| *active));
    for of in [Principal::User(USER.into()), Principal::Role("web".into())] {
        assert_eq!(stored(fixture, &of, "lazaret-01").await, None);
        assert_eq!(stored(fixture, &of, "release").await.as_deref(), Some(RELEASE));
    }
    users_and_roles_are_described(fixture).await;
}
