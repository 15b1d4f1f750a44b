//! OCSF findings, as the newer Security Hub and Security Lake speak them (classes 2001 to 2004).
//!
//! Field names are snake_case, but a resource's `data` holds the product's own description of it: GuardDuty's in
//! snake_case, ASFF's in PascalCase (sometimes as JSON text), Inspector's in camelCase.

use super::DecodeError;
use super::arn::Arn;
use super::draft::{Context, Draft, partition_of};
use super::error::quote;
use super::fields::{at, find, get, is_true, items_at, object_or_json, text_at, texts_at};
use super::remote::{self, Found};
use super::resource::{self, Resource};
use super::{finding_type, principal, sample, severity};
use crate::domain::subject::AccessKeySubject;
use crate::domain::{Compliance, Direction, Finding, FindingId, Partition, RecordState, Source, Workflow};
use serde_json::Value;
use std::borrow::Cow;

/// Decodes one OCSF finding.
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

/// Whether a value has what makes an OCSF finding: its class, or its description with OCSF's metadata.
pub(super) fn looks_like(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some_and(|field| !field.is_null());
    has("class_uid") || has("finding_info") && (has("metadata") || has("severity_id") || has("cloud"))
}

/// Decodes one OCSF finding; total, for a value that [`looks_like`] one.
pub(super) fn decode_in(value: &Value, context: &Context) -> Finding {
    let mut draft = Draft::new(Source::Ocsf, context);
    // Before OCSF 1.1 it was called `finding`.
    let info = get(value, "finding_info").or_else(|| get(value, "finding")).unwrap_or(&Value::Null);
    let id = text_at(info, "uid").or_else(|| text_at(value, "metadata.uid"));
    draft.finding.id = FindingId(id.unwrap_or_default());
    draft.finding.product_arn = text_at(value, "metadata.product.uid");
    draft.finding.product = text_at(value, "metadata.product.name");
    add_type(&mut draft, value, info);
    draft.finding.title = text_at(info, "title").unwrap_or_default();
    let description = text_at(info, "desc").or_else(|| text_at(info, "description"));
    draft.finding.description = description.or_else(|| text_at(value, "message")).unwrap_or_default();
    severity::ocsf(&mut draft, value);
    add_times(&mut draft, value, info);
    add_states(&mut draft, value);
    draft.finding.note = text_at(value, "comment");
    draft.finding.count = draft.count(at(value, "count"), "count");
    let resources = match items_at(value, "resources") {
        [] => items_at(value, "resource"),
        resources => resources,
    };
    add_scope(&mut draft, value, context, resources);
    for (n, resource) in resources.iter().enumerate() {
        add_resource(&mut draft, resource, &format!("resources[{n}]"));
    }
    if let Some(device) = at(value, "device") {
        add_device(&mut draft, device);
    }
    for (n, evidence) in items_at(value, "evidences").iter().enumerate() {
        add_evidence(&mut draft, evidence, &format!("evidences[{n}]"));
    }
    let flag = sample::flagged(value) || sample::flagged_in_ocsf(value);
    sample::settle(&mut draft, flag);
    draft.finish(value)
}

/// The first type that is one of GuardDuty's, else the first.
fn add_type(draft: &mut Draft, value: &Value, info: &Value) {
    let found = texts_at(info, "types").find_map(finding_type::guardduty_type);
    let found = found.or_else(|| texts_at(info, "types").next().map(str::to_owned));
    match found.or_else(|| text_at(value, "class_name")) {
        Some(finding_type) => draft.finding.finding_type = finding_type,
        None => draft.odd("finding_info.types is missing".into()),
    }
}

fn add_times(draft: &mut Draft, value: &Value, info: &Value) {
    draft.finding.created_at = draft.time(info, &["created_time_dt", "created_time"]);
    draft.finding.first_seen = draft.time(info, &["first_seen_time_dt", "first_seen_time"]);
    draft.finding.last_seen = draft.time(info, &["last_seen_time_dt", "last_seen_time"]);
    let modified = draft.time(info, &["modified_time_dt", "modified_time"]);
    draft.finding.updated_at = modified.or_else(|| draft.time(value, &["time_dt", "time"]));
}

fn add_scope(draft: &mut Draft, value: &Value, context: &Context, resources: &[Value]) {
    let own = draft.account(value, "cloud.account.uid").or_else(|| draft.account(value, "accountid"));
    let first = resources.first();
    let product_arn = draft.finding.product_arn.as_deref();
    let named = text_at(value, "cloud.cloud_partition").or_else(|| text_at(first?, "cloud_partition"));
    let region = text_at(value, "cloud.region")
        .or_else(|| text_at(value, "region"))
        .or_else(|| context.region.clone())
        .or_else(|| text_at(first?, "region"))
        .or_else(|| Arn::parse(product_arn?).map(|arn| arn.region.to_owned()).filter(|region| !region.is_empty()));
    let partition = named.map(Partition::from).or_else(|| partition_of([product_arn, Some(draft.finding.id.as_str())]));
    draft.finding.account = own.or_else(|| context.account.clone());
    draft.finding.region = region;
    draft.finding.partition = partition;
}

fn add_states(draft: &mut Draft, value: &Value) {
    let word = text_at(value, "status").unwrap_or_default();
    let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let id = text_at(value, "status_id").unwrap_or_default();
    match (plain.as_str(), id.as_str()) {
        ("new", _) | ("", "" | "0" | "1") => {}
        ("notified", _) => draft.finding.workflow = Workflow::Notified,
        ("suppressed", _) | ("", "3") => draft.finding.workflow = Workflow::Suppressed,
        ("resolved", _) | ("", "4") => draft.finding.workflow = Workflow::Resolved,
        ("archived", _) | ("", "5") => draft.finding.record_state = RecordState::Archived,
        ("deleted", _) | ("", "6") => draft.finding.record_state = RecordState::Archived,
        ("inprogress", _) | ("", "2") => draft.finding.workflow = Workflow::Other("IN_PROGRESS".into()),
        _ => {
            draft.odd(format!("unknown status {}", quote(if word.is_empty() { &id } else { &word })));
            draft.finding.workflow = Workflow::Other(if word.is_empty() { id } else { word });
        }
    }
    draft.finding.compliance =
        text_at(value, "compliance.status").map(|status| match status.to_ascii_lowercase().as_str() {
            "pass" | "passed" => Compliance::Passed,
            "fail" | "failed" => Compliance::Failed,
            "warning" => Compliance::Warning,
            "unknown" | "not_available" => Compliance::NotAvailable,
            _ => {
                draft.odd(format!("unknown compliance.status {}", quote(&status)));
                Compliance::Other(status)
            }
        });
}

fn add_resource(draft: &mut Draft, resource: &Value, place: &str) {
    if !resource.is_object() {
        draft.odd(format!("{place} is {}, not a resource", super::error::describe(resource)));
        return;
    }
    let data = match get(resource, "data") {
        Some(text @ Value::String(_)) => {
            object_or_json(text).map(|fields| Cow::Owned(Value::Object(fields.into_owned())))
        }
        other => other.map(Cow::Borrowed),
    };
    let written_type = text_at(resource, "type").unwrap_or_default();
    let id = text_at(resource, "uid").or_else(|| text_at(resource, "name")).unwrap_or_default();
    let resource = Resource {
        written_type: &written_type,
        id: &id,
        details: data.as_deref().unwrap_or(&Value::Null),
        tags: get(resource, "tags"),
        place,
    };
    resource::add(draft, resource);
}

/// The machine of a finding that has a `device`, as third parties write it.
fn add_device(draft: &mut Draft, device: &Value) {
    let instance = ["instance_uid", "uid", "name"].into_iter().filter_map(|field| text_at(device, field));
    let ids: Vec<String> = instance.collect();
    match ids.iter().find(|id| id.parse::<crate::domain::InstanceId>().is_ok()) {
        Some(id) => resource::add_instance(draft, device, id, None, "device"),
        None => {
            if let Some(id) = ids.first() {
                draft.add(resource::other("Device", id));
            }
        }
    }
}

fn add_evidence(draft: &mut Draft, evidence: &Value, place: &str) {
    let api_caller = find(evidence, "api").is_some();
    let written = text_at(evidence, "connection_info.direction");
    let direction = remote::direction(draft, written.as_deref(), &format!("{place}.connection_info.direction"));
    // The source is the other side, except in a connection that we opened.
    let outbound = direction == Direction::Outbound && text_at(evidence, "dst_endpoint.ip").is_some();
    let end = if outbound { "dst_endpoint" } else { "src_endpoint" };
    if let Some(endpoint) = find(evidence, end) {
        let found = Found {
            direction,
            api_caller,
            country: text_at(endpoint, "location.country"),
            asn_org: text_at(endpoint, "autonomous_system.name"),
        };
        if let Some(ip) = text_at(endpoint, "ip") {
            remote::add_address(draft, &ip, found, &format!("{place}.{end}.ip"));
        }
    }
    if let Some(name) = text_at(evidence, "query.hostname") {
        remote::add_domain(draft, &name);
    }
    if let Some(user) = at(evidence, "actor.user")
        && let Some(id) = text_at(user, "credential_uid")
    {
        let key = AccessKeySubject {
            id,
            principal_type: None,
            principal_name: text_at(user, "name"),
            principal_id: text_at(user, "uid"),
        };
        principal::add(draft, key, text_at(user, "type").as_deref(), &format!("{place}.actor.user"));
    }
    // GuardDuty's additional information, where it came along.
    if at(evidence, "data.sample").is_some_and(is_true) {
        draft.finding.sample = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{PrincipalType, Severity, Subject};
    use serde_json::json;

    fn finding() -> Value {
        json!({
            "class_uid": 2004, "class_name": "Detection Finding", "severity": "High", "severity_id": 4, "status": "New", "status_id": 1,
            "cloud": {"account": {"uid": "111122223333"}, "region": "eu-central-1", "cloud_partition": "aws"}, "count": 3,
            "metadata": {"version": "1.6.0", "uid": "m", "product": {"name": "GuardDuty",
                "uid": "arn:aws:securityhub:eu-central-1::productv2/aws/guardduty"}},
            "finding_info": {"uid": "f", "title": "t", "desc": "d", "types": ["Threats", "Execution:Runtime/NewBinaryExecuted"],
                "created_time": 1_767_323_045_678_i64, "modified_time_dt": "2026-01-02T03:04:05.678Z"},
            "resources": [{"type": "AWS::EC2::Instance", "uid": "i-0aaaaaaaaaaaaaaa1", "region": "eu-central-1",
                "tags": [{"name": "Name", "value": "web-1"}],
                "data": {"instance_id": "i-0aaaaaaaaaaaaaaa1", "iam_instance_profile": {"arn": "arn:aws:iam::1:instance-profile/p"},
                    "network_interfaces": [{"network_interface_id": "eni-1", "vpc_id": "vpc-1", "subnet_id": "subnet-1",
                        "private_ip_address": "10.0.0.5", "public_ip": "203.0.113.5"}]}}],
            "evidences": [
                {"src_endpoint": {"ip": "198.51.100.9", "location": {"country": "NW"}, "autonomous_system": {"name": "Example"}}},
                {"src_endpoint": {"ip": "10.0.0.5"}, "dst_endpoint": {"ip": "198.51.100.10"}, "connection_info": {"direction": "Outbound"}},
                {"api": {"operation": "x"}, "src_endpoint": {"ip": "198.51.100.11"}},
                {"query": {"hostname": "Evil.example"}},
            ],
        })
    }

    #[test]
    fn a_plain_finding() {
        let decoded = decode(&finding()).unwrap();
        assert!(decoded.oddities.is_empty(), "{:?}", decoded.oddities);
        assert_eq!((decoded.severity, decoded.severity_raw.as_deref()), (Severity::High, Some("High")));
        assert_eq!(decoded.finding_type, "Execution:Runtime/NewBinaryExecuted");
        assert_eq!((decoded.count, decoded.created_at), (Some(3), decoded.updated_at));
        let instance = decoded.instances().next().unwrap();
        assert_eq!(
            (instance.name.as_deref(), instance.interfaces.len(), instance.vpc.is_some()),
            (Some("web-1"), 1, true)
        );
        let addresses: Vec<_> = decoded
            .subjects
            .iter()
            .filter_map(|s| match s {
                Subject::RemoteAddress(a) => Some((a.ip.to_string(), a.direction, a.api_caller)),
                _ => None,
            })
            .collect();
        assert_eq!(
            addresses,
            [
                ("198.51.100.9".to_owned(), Direction::Unknown, false),
                ("198.51.100.10".to_owned(), Direction::Outbound, false),
                ("198.51.100.11".to_owned(), Direction::Unknown, true),
            ]
        );
    }

    #[test]
    fn samples_by_flag_and_by_placeholder() {
        assert!(!decode(&finding()).unwrap().sample);
        let mut value = finding();
        value["evidences"][0]["data"] = json!({"sample": true});
        assert!(decode(&value).unwrap().sample);
        let mut value = finding();
        value["unmapped"] = json!({"Sample": "true"});
        assert!(decode(&value).unwrap().sample);
        let mut value = finding();
        value["resources"][0]["data"]["instance_id"] = json!("i-99999999");
        assert!(decode(&value).unwrap().sample);
    }

    #[test]
    fn resource_data_in_every_dress() {
        let key = |resource: Value| {
            let mut value = finding();
            value["resources"] = json!([resource]);
            decode(&value)
                .unwrap()
                .subjects
                .into_iter()
                .find_map(|s| if let Subject::AccessKey(k) = s { Some(k) } else { None })
        };
        let asff =
            "{\"AwsIamAccessKey\":{\"PrincipalId\":\"1\",\"PrincipalName\":\"Root\",\"PrincipalType\":\"Root\"}}";
        let root =
            key(json!({"type": "AwsIamAccessKey", "uid": "AWS::IAM::AccessKey:ASIAEXAMPLE", "data": asff})).unwrap();
        assert_eq!((root.id.as_str(), root.principal_type), ("ASIAEXAMPLE", Some(PrincipalType::Root)));
        let role = key(json!({"type": "AWS::IAM::AccessKey", "uid": "ASIAEXAMPLE",
            "data": {"access_key_id": "ASIAEXAMPLE", "user_type": "AssumedRole", "user_name": "ci"}}));
        assert_eq!(role.unwrap().principal_type, Some(PrincipalType::Role));
    }

    #[test]
    fn states_and_old_forms() {
        let mut value = finding();
        value["status"] = json!("Suppressed");
        value["compliance"] = json!({"status": "Fail"});
        let decoded = decode(&value).unwrap();
        assert_eq!((decoded.workflow, decoded.compliance), (Workflow::Suppressed, Some(Compliance::Failed)));
        value["status"] = json!("Archived");
        assert_eq!(decode(&value).unwrap().record_state, RecordState::Archived);
        value["status"] = json!("Pondered");
        assert_eq!(decode(&value).unwrap().workflow, Workflow::Other("Pondered".into()));
        let old = json!({"class_uid": 2002, "severity_id": 5, "finding": {"uid": "u", "title": "t"},
            "device": {"uid": "d", "name": "PROD"}, "resource": {"type": "AwsS3Bucket", "uid": "arn:aws:s3:::b"}});
        let decoded = decode(&old).unwrap();
        assert_eq!((decoded.title.as_str(), decoded.severity, decoded.subjects.len()), ("t", Severity::Critical, 2));
    }
}
