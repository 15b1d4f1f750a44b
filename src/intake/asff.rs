//! ASFF, the format of Security Hub CSPM: what `GetFindings` returns and its EventBridge events carry.

use super::DecodeError;
use super::arn::Arn;
use super::draft::{Context, Draft, partition_of};
use super::error::quote;
use super::fields::{at, get, items_at, text_at, texts_at};
use super::{finding_type, product_fields, remote, resource, sample, sequence, severity};
use crate::domain::{Compliance, Finding, FindingId, RecordState, Source, Workflow};
use serde_json::Value;

/// The fields that make a finding ASFF; two of them are enough, or one of the first two.
const MARKS: [&str; 11] = [
    "ProductArn",
    "AwsAccountId",
    "GeneratorId",
    "Types",
    "Resources",
    "ProductFields",
    "FindingProviderFields",
    "RecordState",
    "Workflow",
    "Compliance",
    "Severity",
];

/// Decodes one ASFF finding.
///
/// # Errors
/// When the value is not an object that looks like one; missing and strange fields are oddities, not errors.
pub fn decode(value: &Value) -> Result<Finding, DecodeError> {
    if looks_like(value) {
        Ok(decode_in(value, &Context::default()))
    } else {
        Err(DecodeError::not_a_finding("$", value))
    }
}

/// Whether a value has what makes an ASFF finding.
pub(super) fn looks_like(value: &Value) -> bool {
    let marks = MARKS.iter().filter(|mark| get(value, mark).is_some()).count();
    marks >= 2 || MARKS.iter().take(2).any(|mark| get(value, mark).is_some())
}

/// Decodes one ASFF finding; total, for a value that [`looks_like`] one.
pub(super) fn decode_in(value: &Value, context: &Context) -> Finding {
    let mut draft = Draft::new(Source::SecurityHub, context);
    let resources = items_at(value, "Resources");
    draft.finding.id = FindingId(text_at(value, "Id").unwrap_or_default());
    add_product(&mut draft, value);
    add_type(&mut draft, value);
    match text_at(value, "Title") {
        Some(title) => draft.finding.title = title,
        None => draft.odd("Title is missing".into()),
    }
    draft.finding.description = text_at(value, "Description").unwrap_or_default();
    let is_guardduty = draft.finding.product_arn.as_deref().is_some_and(|arn| arn.ends_with("/guardduty"));
    severity::asff(&mut draft, value, is_guardduty);
    add_scope(&mut draft, value, context, resources);
    add_states(&mut draft, value);
    draft.finding.created_at = draft.time(value, &["CreatedAt"]);
    draft.finding.updated_at = draft.time(value, &["UpdatedAt"]);
    draft.finding.first_seen = draft.time(value, &["FirstObservedAt"]);
    draft.finding.last_seen = draft.time(value, &["LastObservedAt"]);
    draft.finding.note = text_at(value, "Note.Text");
    resource::add_asff(&mut draft, resources);
    if let Some(action) = at(value, "Action") {
        remote::add_action(&mut draft, action, "Action");
    }
    let fields = product_fields::read(&mut draft, at(value, "ProductFields"));
    draft.finding.count = draft.count(fields.count.as_ref(), "ProductFields count");
    remote::add_network(&mut draft, value);
    if let Some(detected) = at(value, "Detection.Sequence") {
        sequence::add(&mut draft, detected, "Detection.Sequence");
    }
    sample::settle(&mut draft, fields.sample || sample::flagged(value));
    draft.finish(value)
}

fn add_product(draft: &mut Draft, value: &Value) {
    draft.finding.product_arn = text_at(value, "ProductArn");
    if draft.finding.product_arn.is_none() {
        draft.odd("ProductArn is missing: Security Hub can't be told what is done about this finding".into());
    }
    let field = || at(value, "ProductFields")?.get("aws/securityhub/ProductName")?.as_str().map(str::to_owned);
    let from_arn = || draft.finding.product_arn.as_deref()?.rsplit('/').next().map(str::to_owned);
    draft.finding.product = text_at(value, "ProductName").or_else(field).or_else(from_arn);
}

/// The first type that is one of GuardDuty's, else the first.
fn add_type(draft: &mut Draft, value: &Value) {
    let listed = || texts_at(value, "Types").chain(texts_at(value, "FindingProviderFields.Types"));
    let found = listed().find_map(finding_type::guardduty_type).or_else(|| listed().next().map(str::to_owned));
    match found {
        Some(finding_type) => draft.finding.finding_type = finding_type,
        None => draft.odd("Types is missing".into()),
    }
}

fn add_scope(draft: &mut Draft, value: &Value, context: &Context, resources: &[Value]) {
    draft.finding.account = draft.account(value, "AwsAccountId").or_else(|| context.account.clone());
    if draft.finding.account.is_none() {
        draft.odd("AwsAccountId is missing".into());
    }
    let first = resources.first();
    let product_arn = draft.finding.product_arn.as_deref();
    let region = text_at(value, "Region")
        .or_else(|| context.region.clone())
        .or_else(|| text_at(first?, "Region"))
        .or_else(|| Arn::parse(product_arn?).map(|arn| arn.region.to_owned()).filter(|region| !region.is_empty()));
    let named = first.and_then(|resource| text_at(resource, "Partition"));
    let partition = partition_of([product_arn, Some(draft.finding.id.as_str())]).or_else(|| named.map(Into::into));
    draft.finding.region = region;
    draft.finding.partition = partition;
}

fn add_states(draft: &mut Draft, value: &Value) {
    match text_at(value, "RecordState").as_deref() {
        None | Some("ACTIVE") => {}
        Some("ARCHIVED") => draft.finding.record_state = RecordState::Archived,
        Some(other) => draft.odd(format!("unknown RecordState {}, taken for ACTIVE", quote(other))),
    }
    let (place, status) = match text_at(value, "Workflow.Status") {
        Some(status) => ("Workflow.Status", Some(status)),
        // The field that `Workflow` replaced; its other values have no counterpart.
        None => ("WorkflowState", text_at(value, "WorkflowState")),
    };
    draft.finding.workflow = match status.as_deref() {
        None | Some("NEW") => Workflow::New,
        Some("NOTIFIED") => Workflow::Notified,
        Some("SUPPRESSED") => Workflow::Suppressed,
        Some("RESOLVED") => Workflow::Resolved,
        Some(other) => {
            draft.odd(format!("unknown {place} {}", quote(other)));
            Workflow::Other(other.to_owned())
        }
    };
    draft.finding.compliance = text_at(value, "Compliance.Status").map(|status| match status.as_str() {
        "PASSED" => Compliance::Passed,
        "FAILED" => Compliance::Failed,
        "WARNING" => Compliance::Warning,
        "NOT_AVAILABLE" => Compliance::NotAvailable,
        _ => {
            draft.odd(format!("unknown Compliance.Status {}", quote(&status)));
            Compliance::Other(status)
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Direction, Partition, Severity, Subject};
    use serde_json::json;

    fn finding() -> Value {
        json!({
            "SchemaVersion": "2018-10-08", "Id": "arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f",
            "ProductArn": "arn:aws:securityhub:eu-central-1::product/aws/guardduty", "AwsAccountId": "111122223333",
            "GeneratorId": "g", "Types": ["TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce"],
            "CreatedAt": "2026-01-02T03:04:05.678Z", "UpdatedAt": "2026-01-02T03:04:05Z",
            "Severity": {"Label": "HIGH", "Normalized": 70}, "Title": "t", "Description": "d",
            "Workflow": {"Status": "NOTIFIED"}, "RecordState": "ACTIVE", "Note": {"Text": "n", "UpdatedBy": "u"},
            "Compliance": {"Status": "FAILED"},
            "ProductFields": {
                "aws/securityhub/ProductName": "GuardDuty",
                "aws/guardduty/service/count": "7",
                "aws/guardduty/service/action/networkConnectionAction/connectionDirection": "INBOUND",
                "aws/guardduty/service/action/networkConnectionAction/remoteIpDetails/ipAddressV4": "198.51.100.9",
            },
            "Resources": [{"Type": "AwsEc2Instance", "Partition": "aws", "Region": "eu-west-1",
                "Id": "arn:aws:ec2:eu-central-1:111122223333:instance/i-0aaaaaaaaaaaaaaa1"}],
        })
    }

    #[test]
    fn a_plain_finding() {
        let decoded = decode(&finding()).unwrap();
        assert_eq!(decoded.oddities, Vec::<String>::new());
        assert_eq!(decoded.finding_type, "UnauthorizedAccess:EC2/SSHBruteForce");
        assert_eq!((decoded.severity, decoded.severity_raw.as_deref()), (Severity::High, Some("HIGH")));
        assert_eq!((decoded.product.as_deref(), decoded.count), (Some("GuardDuty"), Some(7)));
        assert_eq!(
            (decoded.workflow.clone(), decoded.compliance.clone()),
            (Workflow::Notified, Some(Compliance::Failed))
        );
        assert_eq!((decoded.note.as_deref(), decoded.partition.clone()), (Some("n"), Some(Partition::Aws)));
        assert!(decoded.scope().is_some() && decoded.key().is_some() && decoded.is_open());
        assert!(matches!(decoded.subjects.as_slice(),
            [Subject::Instance(_), Subject::RemoteAddress(a)] if a.direction == Direction::Inbound));
    }

    #[test]
    fn the_region_is_its_own_then_the_envelopes_then_the_resources_then_the_products() {
        let mut value = finding();
        value["Region"] = json!("us-east-1");
        let outer =
            Context { region: Some("us-east-2".into()), account: Some("999988887777".into()), ..Context::default() };
        let region = |value: &Value, context: &Context| decode_in(value, context).region.unwrap();
        assert_eq!(region(&value, &outer), "us-east-1");
        value["Region"] = json!("");
        assert_eq!(region(&value, &outer), "us-east-2");
        assert_eq!(region(&value, &Context::default()), "eu-west-1");
        value["Resources"] = json!([]);
        assert_eq!(region(&value, &Context::default()), "eu-central-1");
        assert_eq!(decode_in(&value, &outer).account.as_deref(), Some("111122223333"));
        value["AwsAccountId"] = json!(null);
        assert_eq!(decode_in(&value, &outer).account.as_deref(), Some("999988887777"));
        value["AwsAccountId"] = json!(12_345_678_901_i64);
        assert_eq!(decode_in(&value, &outer).account.as_deref(), Some("012345678901"));
    }

    #[test]
    fn other_partitions() {
        for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
            let mut value = finding();
            value["ProductArn"] = json!(format!("arn:{partition}:securityhub:{region}::product/aws/guardduty"));
            value["Region"] = json!(region);
            let scope = decode(&value).unwrap().scope().unwrap();
            assert_eq!((scope.partition.as_str(), scope.region.as_str()), (partition, region));
        }
    }

    #[test]
    fn unknown_states_are_kept_and_said() {
        let mut value = finding();
        value["RecordState"] = json!("FROZEN");
        value["Workflow"]["Status"] = json!("PONDERED");
        value["Compliance"]["Status"] = json!("MAYBE");
        let decoded = decode(&value).unwrap();
        assert_eq!(decoded.workflow, Workflow::Other("PONDERED".into()));
        assert_eq!(decoded.compliance, Some(Compliance::Other("MAYBE".into())));
        assert_eq!((decoded.record_state, decoded.oddities.len()), (RecordState::Active, 3));
        value["Workflow"] = json!(null);
        value["WorkflowState"] = json!("RESOLVED");
        assert_eq!(decode(&value).unwrap().workflow, Workflow::Resolved);
    }

    #[test]
    fn the_first_guardduty_type_counts() {
        let mut value = finding();
        value["Types"] =
            json!(["Threats", "TTPs/Discovery/Recon:EC2-Portscan", "Unusual Behaviors/User/Recon:EC2-Other"]);
        assert_eq!(decode(&value).unwrap().finding_type, "Recon:EC2/Portscan");
        value["Types"] = json!(["Software and Configuration Checks/Vulnerabilities/CVE", "Vulnerabilities"]);
        assert_eq!(decode(&value).unwrap().finding_type, "Software and Configuration Checks/Vulnerabilities/CVE");
    }

    #[test]
    fn samples_by_every_flag() {
        for (field, flag) in [("Sample", json!(true)), ("sample", json!("TRUE"))] {
            let mut value = finding();
            value[field] = flag;
            assert!(decode(&value).unwrap().sample);
        }
        let mut value = finding();
        value["ProductFields"]["aws/guardduty/service/additionalInfo/sample"] = json!("true");
        assert!(decode(&value).unwrap().sample);
        assert!(!decode(&finding()).unwrap().sample);
    }

    #[test]
    fn almost_nothing_is_still_a_finding_and_says_what_it_lacks() {
        let decoded = decode(&json!({"AwsAccountId": "111122223333"})).unwrap();
        assert!(decoded.id.as_str().starts_with("unidentified-"));
        for lacking in ["ProductArn", "Types", "Title", "Severity", "no id"] {
            assert!(decoded.oddities.iter().any(|o| o.contains(lacking)), "{lacking}: {:?}", decoded.oddities);
        }
        assert!(decode(&json!({"Id": "x"})).is_err());
        assert!(decode(&json!([finding()])).is_err());
    }
}
