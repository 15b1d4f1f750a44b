//! What the responder's policy holds to what is ours, beyond its list of actions.

use lazaret::playbook::tags::{COPY_RUN, RUN};
use serde_json::{Value, json};

const RESPONDER: &str = include_str!("../../assets/iam/responder.json");

/// The conditions of the statements that allow an action.
fn conditions(action: &str) -> Vec<Value> {
    let policy: Value = serde_json::from_str(RESPONDER).unwrap();
    let names = |s: &&Value| match &s["Action"] {
        Value::Array(list) => list.iter().any(|a| a == action),
        one => one == action,
    };
    policy["Statement"].as_array().unwrap().iter().filter(names).map(|s| s["Condition"].clone()).collect()
}

/// What gives data or keys away, or can't be undone, reaches only what a run of ours has made and tagged, or what AWS
/// itself asks for.
#[test]
fn snapshots_are_locked_and_shared_only_where_they_are_ours_and_keys_are_granted_to_aws_alone() {
    let tagged = |key: &str| json!({"Null": {format!("aws:ResourceTag/{key}"): "false"}});
    assert_eq!(conditions("ec2:LockSnapshot"), [tagged(RUN)]);
    assert_eq!(conditions("ec2:ModifySnapshotAttribute"), [tagged(RUN), tagged(COPY_RUN)]);
    let grants = conditions("kms:CreateGrant");
    assert!(!grants.is_empty() && grants.iter().all(|c| c["Bool"]["kms:GrantIsForAWSResource"] == "true"));
}
