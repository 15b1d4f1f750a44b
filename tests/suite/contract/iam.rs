//! What the policies allow is what the playbooks need, beyond the names of actions.

use chrono::DateTime;
use lazaret::cloud::sandbox::Scenario;
use lazaret::config::Settings;
use lazaret::domain::Partition;
use lazaret::domain::principal::deny_all_arn;
use lazaret::playbook::tags;
use serde_json::Value;

fn statement<'a>(policy: &'a Value, sid: &str) -> &'a Value {
    policy["Statement"].as_array().unwrap().iter().find(|s| s["Sid"] == sid).unwrap()
}

const VIEWER: &str = include_str!("../../../assets/iam/viewer.json");
const RESPONDER: &str = include_str!("../../../assets/iam/responder.json");

#[test]
fn one_name_is_meant_by_the_role_everywhere() {
    let role = |policy: &str, sid: &str| {
        let policy: Value = serde_json::from_str(policy).unwrap();
        let statement = statement(&policy, sid);
        assert_eq!(statement["Action"], "sts:AssumeRole");
        statement["Resource"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    let (viewer, responder) = (role(VIEWER, "LookInOtherAccounts"), role(RESPONDER, "RespondInOtherAccounts"));
    let template = Settings::template().lines().find_map(|line| line.strip_prefix("#: role_name = ")).unwrap();
    assert_eq!(template, format!("{responder:?}"));
    let readme = include_str!("../../../README.md");
    for name in [&viewer, &responder] {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
    for scenario in Scenario::names() {
        let world = Scenario::load(scenario).unwrap().build(DateTime::UNIX_EPOCH, 1).unwrap();
        assert_eq!(world.caller.remote_role, responder);
    }
}

#[test]
fn a_quarantine_is_not_denied_by_a_condition_that_nobody_has_confirmed() {
    // AWS documents the condition key `ec2:Attribute` for primitive parameters and for `AttributeValue` objects, with
    // ModifyImageAttribute as its example, and `ec2:Attribute/Name` for what the attribute is set to. We send
    // `DisableApiTermination.Value`, an `AttributeBooleanValue`: neither page says that the keys are in that request,
    // nor how they are spelled there (public policies differ). A condition on a key that isn't there denies every
    // quarantine, so there is none, until somebody has seen it in a decoded authorization message.
    let policy: Value = serde_json::from_str(RESPONDER).unwrap();
    assert_eq!(statement(&policy, "ProtectInstances").get("Condition"), None);
}

#[test]
fn the_responder_may_write_the_tags_of_a_quarantine_and_no_others() {
    let policy: Value = serde_json::from_str(RESPONDER).unwrap();
    let keys = &statement(&policy, "MarkWhatIsInQuarantine")["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"];
    let mut allowed: Vec<&str> = keys.as_array().unwrap().iter().map(|k| k.as_str().unwrap()).collect();
    allowed.sort_unstable();
    let mut written = tags::OURS.to_vec();
    written.push(tags::RESTORED_AT);
    written.sort_unstable();
    assert_eq!(allowed, written);

    let (key, value) = tags::GROUP_TAG;
    let made = &statement(&policy, "MakeTheQuarantineGroup")["Condition"]["StringEquals"];
    assert_eq!(made[format!("aws:RequestTag/{key}")], value);
    let closed = &statement(&policy, "CloseTheQuarantineGroup")["Condition"]["StringEquals"];
    assert_eq!(closed[format!("aws:ResourceTag/{key}")], value);
}

#[test]
fn the_responder_attaches_no_policy_but_awss_deny_in_any_partition() {
    let policy: Value = serde_json::from_str(RESPONDER).unwrap();
    let statement = statement(&policy, "DenyUsersWithAwsOwnPolicy");
    let allowed = statement["Condition"]["ArnLike"]["iam:PolicyARN"].as_str().unwrap();
    let (before, after) = allowed.split_once('*').unwrap();
    for partition in [Partition::Aws, Partition::AwsCn, Partition::AwsUsGov] {
        let arn = deny_all_arn(&partition);
        assert!(arn.starts_with(before) && arn.ends_with(after), "{arn}");
    }
    assert_eq!(allowed.matches('*').count(), 1);
    for other in policy["Statement"].as_array().unwrap().iter().filter(|s| s["Sid"] != statement["Sid"]) {
        assert!(!other["Action"].to_string().contains("iam:AttachUserPolicy"), "{other}");
    }
}
