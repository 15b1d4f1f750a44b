//! IAM's rules, and what stolen credentials can still do.

use super::super::{Access, Scenario};
use super::*;
use crate::cloud::port::{IamReads, IamWrites, ProfileReads, Simulation};
use crate::domain::principal::Decision;
use chrono::{Duration, SecondsFormat};

const STOLEN: &str = "ASIAEXAMPLE0WEBROLE1";
const OTHERS: &str = "ASIAEXAMPLE0WEBROLE3";
const KEY: &str = "AKIAEXAMPLE0DEPLOY01";
const DENY_ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

fn stolen() -> (Arc<Sandbox>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(start()));
    let world = Scenario::load("ssrf-exfiltration").unwrap().build(start(), 1).unwrap();
    (Sandbox::new(world, clock.clone(), 1), clock)
}

fn deny_before(at: DateTime<Utc>, more: &str) -> String {
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        r#"{{"Statement":[{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{at}"}}{more}}}}}]}}"#
    )
}

fn access(sandbox: &Sandbox, credential: &str) -> Access {
    sandbox.world().access(&payments().account, credential, "s3:ListAllMyBuckets", sandbox.now())
}

fn is_denied(sandbox: &Sandbox, credential: &str) -> bool {
    matches!(access(sandbox, credential), Access::Denied(_))
}

#[tokio::test]
async fn an_inactive_key_is_not_accepted_and_others_go_on() {
    let (sandbox, _) = stolen();
    assert_eq!(access(&sandbox, KEY), Access::Allowed);
    sandbox.set_key_active(&target(), "deploy-bot", KEY, false).await.unwrap();
    assert_eq!(access(&sandbox, KEY), Access::NotAccepted("InvalidClientTokenId"));
    assert_eq!(access(&sandbox, "AKIAEXAMPLE0DEPLOY02"), Access::Allowed);
    let keys = sandbox.access_keys(&payments(), "deploy-bot").await.unwrap();
    assert_eq!(keys.iter().map(|k| k.active).collect::<Vec<_>>(), [false, true]);
    for (user, key) in [("deploy-bot", "AKIAEXAMPLE0AUDIT001"), ("nobody", KEY)] {
        let error = sandbox.set_key_active(&target(), user, key, false).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::NotFound, "NoSuchEntity"));
    }
}

#[tokio::test]
async fn a_swapped_profile_leaves_the_stolen_session_alive_and_a_deny_kills_it() {
    let (sandbox, clock) = stolen();
    let arn = "arn:aws:iam::111122223333:instance-profile/ec2rolle-backup";
    sandbox
        .edit(|w| {
            let place = w.scopes.get_mut(&payments()).unwrap();
            place.instances.get_mut(&InstanceId::new(WEB_1)).unwrap().instance.profile_arn = Some(arn.to_owned());
        })
        .unwrap();
    assert_eq!(access(&sandbox, STOLEN), Access::Allowed);
    clock.advance(Duration::seconds(10));
    sandbox.put_role_policy(&target(), "ec2rolle", "cut", &deny_before(sandbox.now(), "")).await.unwrap();
    assert!(is_denied(&sandbox, STOLEN) && is_denied(&sandbox, OTHERS));
    // A session that is issued later is none of the thief's.
    let later = sandbox.now() + Duration::seconds(1);
    sandbox
        .edit(|w| {
            let sessions = &mut w.accounts.get_mut(&payments().account).unwrap().sessions;
            sessions.get_mut(OTHERS).unwrap().issued_at = later;
        })
        .unwrap();
    assert_eq!(access(&sandbox, OTHERS), Access::Allowed);
    sandbox.delete_role_policy(&target(), "ec2rolle", "cut").await.unwrap();
    assert_eq!(access(&sandbox, STOLEN), Access::Allowed);
}

#[tokio::test]
async fn a_deny_by_instance_leaves_the_other_instances_alone() {
    let (sandbox, _) = stolen();
    let web_1 = payments().arn("ec2", &format!("instance/{WEB_1}"));
    let only = format!(r#","ArnEquals":{{"ec2:SourceInstanceARN":"{web_1}"}}"#);
    sandbox.put_role_policy(&target(), "ec2rolle", "cut", &deny_before(sandbox.now(), &only)).await.unwrap();
    assert!(is_denied(&sandbox, STOLEN));
    assert_eq!(access(&sandbox, OTHERS), Access::Allowed);
}

#[tokio::test]
async fn a_deny_by_issue_time_never_touches_a_long_term_key_and_a_users_session_outlives_its_key() {
    let (sandbox, clock) = stolen();
    clock.advance(Duration::hours(1));
    sandbox.put_user_policy(&target(), "deploy-bot", "cut", &deny_before(sandbox.now(), "")).await.unwrap();
    assert_eq!(access(&sandbox, KEY), Access::Allowed);
    sandbox.put_user_policy(&target(), "deploy-bot", "cut", DENY_ALL).await.unwrap();
    assert!(is_denied(&sandbox, KEY));
    assert_eq!(access(&sandbox, "ASIAEXAMPLE0CONSOLE1"), Access::Allowed);
    sandbox.put_user_policy(&target(), "jan.kowalski", "cut", DENY_ALL).await.unwrap();
    assert!(is_denied(&sandbox, "ASIAEXAMPLE0CONSOLE1"));
}

#[tokio::test]
async fn the_intruder_goes_on_until_a_deny_applies_and_leaves_traces() {
    let (sandbox, clock) = stolen();
    clock.advance(Duration::seconds(60));
    let used = sandbox.key_last_used(&payments(), KEY).await.unwrap();
    assert_eq!((used.user.as_deref(), used.service.as_deref()), (Some("deploy-bot"), Some("s3")));
    assert_eq!(used.at, Some(start() + Duration::seconds(60)));
    sandbox.put_user_policy(&target(), "deploy-bot", "cut", DENY_ALL).await.unwrap();
    clock.advance(Duration::seconds(100));
    assert_eq!(sandbox.key_last_used(&payments(), KEY).await.unwrap().at, used.at);
    let intruders = sandbox.world().intruders_at(sandbox.now());
    let (intruder, access) = intruders.iter().find(|(i, _)| i.credential == KEY).unwrap();
    assert_eq!((intruder.allowed, intruder.denied), (4, 5));
    assert!(matches!(access, Access::Denied(by) if by.contains("user_deploy-bot_cut")), "{access:?}");
    let foreign = sandbox.key_last_used(&payments(), STOLEN).await.unwrap_err();
    assert_eq!(told(&foreign), (ErrorKind::Denied, "AccessDenied"));
    let role = sandbox.role(&payments(), "ec2rolle").await.unwrap();
    assert!(role.used_at.is_some_and(|at| at > start() + Duration::seconds(100)), "{role:?}");
}

#[tokio::test]
async fn inline_policies_have_quotas_that_white_space_does_not_count_against() {
    let (sandbox, _) = stolen();
    let statement = |n: usize| format!(r#"{{"Effect":"Deny","Action":"*","Resource":"{}"}}"#, "x".repeat(n));
    let policy = |n: usize| format!(r#"{{  "Statement" : {} }}"#, statement(n));
    let frame = policy(0).chars().filter(|c| !c.is_whitespace()).count();
    for (user, limit) in [(true, 2_048), (false, 10_240)] {
        let put = async |n: usize| match user {
            true => sandbox.put_user_policy(&target(), "jan.kowalski", "p", &policy(n)).await,
            false => sandbox.put_role_policy(&target(), "eks-node", "p", &policy(n)).await,
        };
        put(limit - frame).await.unwrap();
        let error = put(limit - frame + 1).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::Conflict, "LimitExceeded"));
    }
    let error = sandbox.put_user_policy(&target(), "audit-export", "p", DENY_ALL).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Conflict, "LimitExceeded"), "its own leave no room");
}

#[tokio::test]
async fn malformed_policies_and_names_are_refused_and_change_nothing() {
    let (sandbox, _) = stolen();
    let before = sandbox.world();
    let t = target();
    let error = sandbox.put_user_policy(&t, "deploy-bot", "p", "{}").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Invalid, "MalformedPolicyDocument"));
    // What the first eight characters of an ASFF id are.
    let error = sandbox.put_user_policy(&t, "deploy-bot", "deny-arn:aws:", DENY_ALL).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Invalid, "ValidationError"));
    let error = sandbox.delete_user_policy(&t, "deploy-bot", "p").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::NotFound, "NoSuchEntity"));
    assert_eq!(sandbox.world(), before);
}

#[tokio::test]
async fn roles_that_aws_keeps_for_itself_can_not_be_edited() {
    let (sandbox, _) = stolen();
    for role in ["AWSServiceRoleForAutoScaling", "AWSReservedSSO_Administrator_0a1b2c3d4e5f6071"] {
        let error = sandbox.put_role_policy(&target(), role, "cut", DENY_ALL).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::Conflict, "UnmodifiableEntity"));
    }
}

#[tokio::test]
async fn a_user_holds_ten_managed_policies() {
    let (sandbox, _) = stolen();
    let t = target();
    let deny_all = "arn:aws:iam::aws:policy/AWSDenyAll";
    sandbox.attach_user_policy(&t, "deploy-bot", deny_all).await.unwrap();
    sandbox.attach_user_policy(&t, "deploy-bot", deny_all).await.unwrap();
    assert!(is_denied(&sandbox, KEY));
    sandbox.detach_user_policy(&t, "deploy-bot", deny_all).await.unwrap();
    let error = sandbox.detach_user_policy(&t, "deploy-bot", deny_all).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::NotFound, "NoSuchEntity"));
    let error = sandbox.attach_user_policy(&t, "deploy-bot", "arn:aws:iam::aws:policy/None").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::NotFound, "NoSuchEntity"));
    sandbox
        .edit(|w| {
            let user = w.accounts.get_mut(&payments().account).unwrap().users.get_mut("deploy-bot").unwrap();
            user.attached = (0..10).map(|n| format!("arn:aws:iam::111122223333:policy/p{n}")).collect();
        })
        .unwrap();
    let error = sandbox.attach_user_policy(&t, "deploy-bot", deny_all).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Conflict, "LimitExceeded"));
}

#[tokio::test]
async fn the_simulator_says_what_the_evaluation_says() {
    let (sandbox, _) = stolen();
    sandbox.put_role_policy(&target(), "ec2rolle", "cut", &deny_before(start(), "")).await.unwrap();
    let mut asked = Simulation {
        principal_arn: "arn:aws:iam::111122223333:role/ec2rolle".into(),
        action: "s3:ListAllMyBuckets".into(),
        issued_at: Some(start() - Duration::hours(1)),
        source_instance: None,
    };
    let before = sandbox.simulate(&payments(), &asked).await.unwrap();
    assert_eq!(before.decision, Decision::ExplicitDeny);
    assert_eq!(before.by.iter().collect::<Vec<_>>(), ["role_ec2rolle_cut"]);
    asked.issued_at = Some(start());
    assert_eq!(sandbox.simulate(&payments(), &asked).await.unwrap().decision, Decision::Allowed);
    asked.action = "iam:CreateUser".into();
    assert_eq!(sandbox.simulate(&payments(), &asked).await.unwrap().decision, Decision::ImplicitDeny);
    asked.principal_arn = "arn:aws:iam::111122223333:role/nobody".into();
    assert_eq!(sandbox.simulate(&payments(), &asked).await.unwrap_err().code, "NoSuchEntity");
}

#[tokio::test]
async fn a_role_is_found_on_its_instances_in_each_region() {
    let (sandbox, _) = stolen();
    let profiles = sandbox.profiles_of_role(&payments(), "ec2rolle").await.unwrap();
    assert_eq!(profiles.len(), 1);
    assert_eq!(sandbox.instance_profile(&payments(), "ec2rolle").await.unwrap(), profiles[0]);
    let on = async |region: &str| {
        let scope = Scope::parse("111122223333", region).unwrap();
        let all = sandbox.profile_associations(&scope, &[]).await.unwrap();
        all.into_iter().filter(|a| a.profile_arn == profiles[0].arn && a.is_live()).count()
    };
    assert_eq!((on("eu-central-1").await, on("us-east-1").await), (3, 1));
    let one = sandbox.profile_associations(&payments(), &[InstanceId::new(WEB_1)]).await.unwrap();
    assert!(one.len() == 1 && one[0].id.starts_with("iip-assoc-0"), "{one:?}");
}

#[tokio::test]
async fn another_account_has_other_users() {
    let (sandbox, _) = stolen();
    assert!(sandbox.user(&payments(), "deploy-bot").await.is_ok());
    assert_eq!(sandbox.user(&build(), "deploy-bot").await.unwrap_err().code, "NoSuchEntity");
    let nowhere = Scope::parse("999999999999", "eu-central-1").unwrap();
    assert_eq!(sandbox.user(&nowhere, "deploy-bot").await.unwrap_err().kind, ErrorKind::Denied);
    let password = sandbox.login_profile(&payments(), "jan.kowalski").await.unwrap();
    assert_eq!(password, start() - Duration::days(30));
    assert_eq!(sandbox.login_profile(&payments(), "deploy-bot").await.unwrap_err().code, "NoSuchEntity");
}
