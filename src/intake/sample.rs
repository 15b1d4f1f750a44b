//! Whether a finding is a sample, which must never be acted on live.
//!
//! An attacker must not be able to pass a real finding off as a sample. So only what the products write is believed:
//! the explicit flags, and placeholders where AWS itself gives the ids (instances, access keys, principals). A user,
//! a bucket or a tag that is named like a placeholder proves nothing.

use super::draft::Draft;
use super::fields::{at, find, is_true, object_or_json};
use crate::domain::Subject;
use serde_json::Value;

/// The instance id in GuardDuty's samples.
const SAMPLE_INSTANCE: &str = "i-99999999";

/// What the ids in GuardDuty's samples begin with.
const PLACEHOLDER: &str = "GeneratedFinding";

/// Whether a field called `sample`, in any case, says yes.
pub(super) fn flagged(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|fields| fields.iter().any(|(name, value)| name.eq_ignore_ascii_case("sample") && is_true(value)))
}

/// Whether GuardDuty's `additionalInfo` says yes, as a field or inside the JSON text that its `value` is.
pub(super) fn flagged_in_additional_info(info: &Value) -> bool {
    flagged(info) || find(info, "value").is_some_and(flagged_in_json) || flagged_in_json(info)
}

/// Whether an object, or the JSON text of one, has the flag.
pub(super) fn flagged_in_json(value: &Value) -> bool {
    object_or_json(value)
        .is_some_and(|fields| fields.iter().any(|(name, value)| name.eq_ignore_ascii_case("sample") && is_true(value)))
}

/// Whether OCSF's remains of the original finding carry the flag. The whole path counts: a tag called `sample` may be
/// among them.
pub(super) fn flagged_in_ocsf(value: &Value) -> bool {
    let is_flag = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "sample" || name == "is_sample" || name.ends_with("additionalinfo/sample")
    };
    ["unmapped", "vendor_attributes", "metadata"]
        .into_iter()
        .filter_map(|path| at(value, path)?.as_object())
        .any(|fields| fields.iter().any(|(name, value)| is_flag(name) && is_true(value)))
}

/// Settles the question: `flag` is what the finding says itself (beside what was noted already), else the ids of its
/// subjects tell.
pub(super) fn settle(draft: &mut Draft, flag: bool) {
    draft.finding.sample |= flag;
    if draft.finding.sample {
        return;
    }
    let placeholder = draft.finding.subjects.iter().find_map(|subject| match subject {
        Subject::Instance(_) => Some(subject.id()).filter(|id| id == SAMPLE_INSTANCE || id.starts_with(PLACEHOLDER)),
        Subject::AccessKey(key) => [Some(&key.id), key.principal_id.as_ref()]
            .into_iter()
            .flatten()
            .find(|id| id.starts_with(PLACEHOLDER))
            .cloned(),
        _ => None,
    });
    if let Some(id) = placeholder {
        draft.finding.sample = true;
        draft.odd(format!("no flag says so, but {} only occurs in samples", super::error::quote(&id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subject::{AccessKeySubject, InstanceSubject};
    use serde_json::json;

    #[test]
    fn flags_in_every_place_and_case() {
        assert!(flagged(&json!({"Sample": true})) && flagged(&json!({"SAMPLE": "True"})));
        assert!(!flagged(&json!({"sample": "false"})) && !flagged(&json!("sample")));
        assert!(flagged_in_additional_info(&json!({"sample": true})));
        assert!(flagged_in_additional_info(&json!({"Value": "{\"threatListName\":\"x\",\"Sample\":true}"})));
        assert!(flagged_in_additional_info(&json!("{\"sample\":\"true\"}")));
        assert!(!flagged_in_additional_info(&json!({"value": "{\"note\":\"sample\"}"})));
        assert!(!flagged_in_additional_info(&json!({"value": "{\"sample\":true"})));
        assert!(flagged_in_ocsf(
            &json!({"unmapped": {"ProductFields.aws/guardduty/service/additionalInfo/sample": "true"}})
        ));
        assert!(!flagged_in_ocsf(
            &json!({"unmapped": {"not_a_sample_rate": "true", "Resources[].Tags.sample": "true"}})
        ));
    }

    #[test]
    fn placeholders_tell_where_aws_gives_the_ids() {
        let sample = |subject: Subject| {
            let mut draft = Draft::default();
            draft.add(subject);
            settle(&mut draft, false);
            draft.finding.sample
        };
        let key = |id: &str| Subject::AccessKey(AccessKeySubject { id: id.into(), ..AccessKeySubject::default() });
        let instance =
            |id: &str| Subject::Instance(InstanceSubject { id: Some(id.into()), ..InstanceSubject::default() });
        assert!(sample(instance("i-99999999")) && sample(key("GeneratedFindingAccessKeyId")));
        assert!(!sample(instance("i-0999999999999999")) && !sample(key("AKIAEXAMPLE")));
        // An attacker names users and buckets.
        assert!(!sample(Subject::User { name: "GeneratedFindingUserName".into() }));
        assert!(!sample(Subject::Bucket { name: "GeneratedFindingS3Bucket".into() }));
    }
}
