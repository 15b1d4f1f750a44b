//! GuardDuty's own findings: as EventBridge delivers them (camelCase) and as the API does (PascalCase).

use super::DecodeError;
use super::arn::{Arn, last_part};
use super::draft::{Context, Draft, partition_of};
use super::fields::{at, find, get, is_true, items_at, text, text_at};
use super::{finding_type, principal, remote, resource, sample, sequence, severity};
use crate::domain::{Finding, FindingId, Partition, RecordState, Source, Subject};
use serde_json::Value;

/// Decodes one GuardDuty finding.
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

/// Whether a value has what makes a GuardDuty finding: a type with a severity, a service or a resource.
pub(super) fn looks_like(value: &Value) -> bool {
    let has = |name: &str| get(value, name).is_some();
    let body =
        ["service", "resource"].into_iter().filter(|name| get(value, name).is_some_and(Value::is_object)).count();
    let is_typed = get(value, "type").is_some_and(Value::is_string);
    body == 2
        || is_typed && (body == 1 || has("severity") || has("schemaVersion") || has("accountId"))
        || text_at(value, "service.serviceName").is_some_and(|name| name == "guardduty")
}

/// Decodes one GuardDuty finding; total, for a value that [`looks_like`] one.
pub(super) fn decode_in(value: &Value, context: &Context) -> Finding {
    let mut draft = Draft::new(Source::GuardDuty, context);
    let arn = text_at(value, "arn");
    // Some pipelines rename `service` to `finding`.
    let service = get(value, "service").or_else(|| get(value, "finding")).unwrap_or(&Value::Null);
    draft.finding.id = FindingId(text_at(value, "id").or_else(|| arn.clone()).unwrap_or_default());
    draft.finding.product = Some("GuardDuty".into());
    match text_at(value, "type") {
        Some(written) => draft.finding.finding_type = finding_type::normal_type(&written),
        None => draft.odd("type is missing".into()),
    }
    draft.finding.title = text_at(value, "title").unwrap_or_default();
    draft.finding.description = text_at(value, "description").unwrap_or_default();
    severity::guardduty(&mut draft, value);
    draft.finding.account = draft.account(value, "accountId").or_else(|| context.account.clone());
    draft.finding.region = text_at(value, "region")
        .or_else(|| context.region.clone())
        .or_else(|| Arn::parse(arn.as_deref()?).map(|arn| arn.region.to_owned()).filter(|region| !region.is_empty()));
    draft.finding.partition =
        text_at(value, "partition").map(Partition::from).or_else(|| partition_of([arn.as_deref()]));
    draft.finding.created_at = draft.time(value, &["createdAt"]);
    draft.finding.updated_at = draft.time(value, &["updatedAt"]);
    draft.finding.first_seen = draft.time(service, &["eventFirstSeen"]);
    draft.finding.last_seen = draft.time(service, &["eventLastSeen"]);
    draft.finding.count = draft.count(find(service, "count"), "service.count");
    if find(service, "archived").is_some_and(is_true) {
        draft.finding.record_state = RecordState::Archived;
    }
    if let Some(resource) = get(value, "resource") {
        add_resource(&mut draft, resource);
    }
    if let Some(action) = find(service, "action") {
        remote::add_action(&mut draft, action, "service.action");
    }
    if let Some(detected) = at(service, "detection.sequence") {
        sequence::add(&mut draft, detected, "service.detection.sequence");
    }
    let info = find(service, "additionalInfo").is_some_and(sample::flagged_in_additional_info);
    sample::settle(&mut draft, info || sample::flagged(value));
    draft.finish(value)
}

/// Adds everything that the `resource` describes: a finding about a key or a container may describe an instance too.
fn add_resource(draft: &mut Draft, resource: &Value) {
    let Some(blocks) = resource.as_object() else {
        draft.odd("resource is not an object".into());
        return;
    };
    for (name, block) in blocks {
        let place = format!("resource.{name}");
        let mut plain = name.to_ascii_lowercase();
        plain.retain(|c| c != '_');
        for block in items_of(block) {
            match plain.as_str() {
                "resourcetype" | "rdsdbuserdetails" => {}
                "instancedetails" => {
                    let id = text_at(block, "instanceId").unwrap_or_default();
                    resource::add_instance(draft, block, &id, None, &place);
                }
                "accesskeydetails" => principal::add_access_key(draft, block, None, &place),
                "s3bucketdetails" => {
                    if let Some(name) = first_of(block, &["name", "arn"]) {
                        let name = if name.starts_with("arn:") { last_part(&name) } else { &name };
                        draft.add(Subject::Bucket { name: name.to_owned() });
                    }
                }
                "eksclusterdetails" => add_cluster(draft, block),
                "ecsclusterdetails" => {
                    add_cluster(draft, block);
                    for container in items_at(block, "taskDetails.containers") {
                        add_container(draft, container);
                    }
                }
                "containerdetails" => add_container(draft, block),
                "lambdadetails" => {
                    if let Some(id) = first_of(block, &["functionArn", "functionName"]) {
                        draft.add(Subject::Function { id });
                    }
                }
                "rdsdbinstancedetails" | "rdslimitlessdbdetails" => {
                    let names = ["dbInstanceArn", "dbShardGroupArn", "dbInstanceIdentifier", "dbShardGroupIdentifier"];
                    if let Some(id) = first_of(block, &names) {
                        draft.add(Subject::Database { id });
                    }
                }
                "kubernetesdetails" => add_kubernetes(draft, block),
                "ebsvolumedetails" => {
                    for volume in items_at(block, "scannedVolumeDetails") {
                        add_other(draft, "ebsVolumeDetails", volume);
                    }
                }
                _ => add_other(draft, name, block),
            }
        }
    }
}

/// A block, or each of a list of blocks; `null`, as the API writes what it leaves out, is none.
fn items_of(block: &Value) -> &[Value] {
    match block {
        Value::Null => &[],
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn first_of(block: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| find(block, name).and_then(text))
}

fn add_cluster(draft: &mut Draft, block: &Value) {
    if let Some(id) = first_of(block, &["arn", "name"]) {
        draft.add(Subject::Cluster { id });
    }
}

fn add_container(draft: &mut Draft, block: &Value) {
    if let Some(id) = first_of(block, &["id", "name", "image"]) {
        draft.add(Subject::Container { id });
    }
}

fn add_kubernetes(draft: &mut Draft, block: &Value) {
    if let Some(name) = text_at(block, "kubernetesUserDetails.username") {
        draft.add(resource::other("KubernetesUser", &name));
    }
    if let Some(workload) = find(block, "kubernetesWorkloadDetails")
        && let Some(name) = text_at(workload, "name")
    {
        let namespace = text_at(workload, "namespace").map(|n| format!("{n}/")).unwrap_or_default();
        draft.add(resource::other("KubernetesWorkload", &format!("{namespace}{name}")));
    }
}

/// A block of a kind that came after this code was written: kept by whatever names it.
fn add_other(draft: &mut Draft, name: &str, block: &Value) {
    let names = ["arn", "volumeArn", "snapshotArn", "imageArn", "recoveryPointArn", "id", "name"];
    if let Some(id) = first_of(block, &names) {
        let kind = name.strip_suffix("Details").or_else(|| name.strip_suffix("_details")).unwrap_or(name);
        draft.add(resource::other(kind, &id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;
    use serde_json::json;

    fn camel() -> Value {
        json!({
            "schemaVersion": "2.0", "accountId": "111122223333", "region": "us-gov-west-1", "partition": "aws-us-gov",
            "id": "f1", "arn": "arn:aws-us-gov:guardduty:us-gov-west-1:111122223333:detector/d/finding/f1",
            "type": "CryptoCurrency:EC2/BitcoinTool.B", "severity": 8, "title": "t", "description": "d",
            "createdAt": "2026-01-02T03:04:05.678Z", "updatedAt": 1_767_323_045_678_i64,
            "resource": {
                "resourceType": "Instance",
                "instanceDetails": {
                    "instanceId": "i-0aaaaaaaaaaaaaaa1",
                    "iamInstanceProfile": {"arn": "arn:aws-us-gov:iam::111122223333:instance-profile/p", "id": "x"},
                    "networkInterfaces": [
                        {"networkInterfaceId": "eni-1", "vpcId": "vpc-1", "subnetId": "subnet-1", "publicIp": "203.0.113.5",
                         "ipv6Addresses": ["2001:db8::5"], "privateIpAddress": "10.0.0.5",
                         "privateIpAddresses": [{"privateIpAddress": "10.0.0.5"}, {"privateIpAddress": "10.0.0.6"}]},
                        {"networkInterfaceId": "eni-2", "privateIpAddress": "10.0.1.5"},
                    ],
                    "tags": [{"key": "Name", "value": "web-1"}],
                },
                "containerDetails": {"id": "c1"},
                "accessKeyDetails": null,
            },
            "service": {
                "action": {"networkConnectionAction": {"connectionDirection": "OUTBOUND",
                    "remoteIpDetails": {"ipAddressV4": "198.51.100.9"}}},
                "eventFirstSeen": "2026-01-02T03:00:00Z", "eventLastSeen": "", "archived": "true", "count": "13",
                "additionalInfo": {"value": "{}", "type": "default"},
            },
        })
    }

    /// The same finding with every field name in PascalCase.
    fn pascal(value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| {
                    (
                        name.get(..1).unwrap_or_default().to_uppercase() + name.get(1..).unwrap_or_default(),
                        pascal(value),
                    )
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(pascal).collect::<Vec<_>>().into(),
            other => other.clone(),
        }
    }

    #[test]
    fn both_spellings_give_the_same_finding() {
        let one = decode(&camel()).unwrap();
        assert_eq!(one, decode(&pascal(&camel())).unwrap());
        assert_eq!((one.severity, one.severity_raw.as_deref()), (Severity::High, Some("8")));
        assert_eq!((one.count, one.record_state), (Some(13), RecordState::Archived));
        assert_eq!(one.partition, Some(Partition::AwsUsGov));
        assert_eq!((one.last_seen, one.created_at, one.updated_at.is_some()), (None, one.created_at, true));
        assert!(one.oddities.is_empty() && !one.sample, "{:?}", one.oddities);
        let instance = one.instances().next().unwrap();
        assert_eq!((instance.interfaces.len(), instance.private_ips.len(), instance.public_ips.len()), (2, 3, 2));
        assert_eq!(instance.name.as_deref(), Some("web-1"));
        let kinds: Vec<_> = one.subjects.iter().map(Subject::kind).collect();
        assert_eq!(kinds, ["container", "instance", "remote_address"]);
    }

    #[test]
    fn every_kind_of_resource() {
        let mut value = camel();
        value["resource"] = json!({
            "accessKeyDetails": {"accessKeyId": "ASIAEXAMPLE", "userType": "Role", "userName": "ci"},
            "s3BucketDetails": [{"name": "a"}, {"arn": "arn:aws:s3:::b"}],
            "eksClusterDetails": {"name": "eks", "arn": "arn:aws:eks:r:1:cluster/eks"},
            "ecsClusterDetails": {"name": "ecs", "taskDetails": {"containers": [{"name": "c1"}, {"id": "c2"}]}},
            "lambdaDetails": {"functionName": "f"},
            "rdsDbInstanceDetails": {"dbInstanceIdentifier": "db", "dbInstanceArn": "arn:aws:rds:r:1:db:db"},
            "kubernetesDetails": {"kubernetesUserDetails": {"username": "system:anonymous"},
                "kubernetesWorkloadDetails": {"name": "w", "namespace": "n"}},
            "ebsVolumeDetails": {"scannedVolumeDetails": [{"volumeArn": "arn:aws:ec2:r:1:volume/vol-1"}]},
            "spaceshipDetails": {"arn": "arn:aws:space:r:1:ship/1"},
        });
        let finding = decode(&value).unwrap();
        let shown: Vec<_> = finding.subjects.iter().map(|s| format!("{} {}", s.kind(), s.id())).collect();
        for expected in [
            "access_key ASIAEXAMPLE",
            "bucket a",
            "bucket b",
            "cluster arn:aws:eks:r:1:cluster/eks",
            "cluster ecs",
            "container c1",
            "container c2",
            "function f",
            "database arn:aws:rds:r:1:db:db",
            "other system:anonymous",
            "other n/w",
            "other arn:aws:ec2:r:1:volume/vol-1",
            "other arn:aws:space:r:1:ship/1",
        ] {
            assert!(shown.iter().any(|s| s == expected), "{expected} in {shown:?}");
        }
    }

    #[test]
    fn what_is_missing_is_said_and_an_id_is_made() {
        let finding = decode(&json!({"type": "Recon:EC2/Portscan", "severity": ""})).unwrap();
        assert!(finding.id.as_str().starts_with("unidentified-"));
        assert_eq!(finding.title, "Recon:EC2/Portscan");
        assert_eq!(finding.oddities.len(), 2, "{:?}", finding.oddities);
        let untimely = decode(&json!({"type": "a:b/c", "severity": 1, "id": "x", "createdAt": "soon"})).unwrap();
        assert_eq!(untimely.oddities, ["createdAt is not a time: `soon`"]);
    }

    #[test]
    fn other_things_are_errors_that_say_what_they_are() {
        for (value, what) in [
            (json!(1), "$: a number, not a finding"),
            (json!({}), "$: an empty object, not a finding"),
            (
                json!({"Type": "Notification", "Message": "m"}),
                "$: an object with the fields `Message`, `Type`, not a finding",
            ),
        ] {
            assert_eq!(decode(&value).unwrap_err().to_string(), what);
        }
    }

    #[test]
    fn samples_by_flag_in_any_place() {
        for info in [json!({"sample": true}), json!({"Value": "{\"sample\":true}"}), json!({"SAMPLE": "TRUE"})] {
            let mut value = camel();
            value["service"]["additionalInfo"] = info;
            assert!(decode(&value).unwrap().sample);
        }
    }
}
