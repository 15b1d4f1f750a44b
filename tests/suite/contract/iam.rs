//! What the policies allow is what the playbooks need, beyond the names of actions.

use lazaret::playbook::tags;
use serde_json::Value;

fn statement<'a>(policy: &'a Value, sid: &str) -> &'a Value {
    policy["Statement"].as_array().unwrap().iter().find(|s| s["Sid"] == sid).unwrap()
}

#[test]
fn the_responder_may_write_the_tags_of_a_quarantine_and_no_others() {
    let policy: Value = serde_json::from_str(include_str!("../../../assets/iam/responder.json")).unwrap();
    let keys = &statement(&policy, "MarkWhatIsInQuarantine")["Condition"]["ForAllValues:StringLike"]["aws:TagKeys"];
    let mut allowed: Vec<&str> = keys.as_array().unwrap().iter().map(|k| k.as_str().unwrap()).collect();
    allowed.retain(|key| *key != "lazaret:*"); // a namespace of our own
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
