//! Resources as ASFF, OCSF and attack sequences list them: a type, an id, and details.

use super::arn::{Arn, last_part};
use super::draft::Draft;
use super::error::quote;
use super::fields::{self, at, find, items_at, text, text_at, texts_at};
use super::principal;
use crate::domain::subject::InstanceSubject;
use crate::domain::{InstanceId, InterfaceId, Subject, SubnetId, VpcId};
use serde_json::Value;
use std::net::IpAddr;

/// One resource as a finding lists it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resource<'a> {
    /// Its type as it was written: `AwsEc2Instance`, `AWS::EC2::Instance`, `EC2_INSTANCE`.
    pub(super) written_type: &'a str,
    /// Its id as it was written: often an ARN.
    pub(super) id: &'a str,
    /// What else is said about it: an object with its fields, or with one field that holds them.
    pub(super) details: &'a Value,
    /// Its tags, as a map or a list.
    pub(super) tags: Option<&'a Value>,
    /// Where it stands in the finding.
    pub(super) place: &'a str,
}

/// Adds the subject that a resource is. What isn't known stays as `Other`; what has neither type nor id is an oddity.
pub(super) fn add(draft: &mut Draft, resource: Resource<'_>) {
    let Resource { written_type, id, details, tags, place } = resource;
    let mut kind = plain(written_type);
    if kind.is_empty() || kind == "other" {
        kind = inferred(id).unwrap_or("other").to_owned();
    }
    let inner = |names: [&str; 2]| names.into_iter().find_map(|name| find(details, name)).unwrap_or(details);
    match kind.as_str() {
        "ec2instance" => {
            let details = inner(["AwsEc2Instance", "awsEc2InstanceDetails"]);
            let own = text_at(details, "instanceId");
            let id = own.as_deref().unwrap_or(id);
            add_instance(draft, details, id, tags, place);
        }
        "iamaccesskey" | "accesskey" => {
            principal::add_access_key(draft, inner(["AwsIamAccessKey", "accessKey"]), Some(id), place);
        }
        "iamrole" | "iamuser" => add_identity(draft, &kind, inner(["AwsIamRole", "AwsIamUser"]), resource),
        _ if id.trim().is_empty() => draft.odd(format!("{place}: a resource without an id")),
        "s3bucket" => {
            let name = if id.starts_with("arn:") { last_part(id) } else { id };
            draft.add(Subject::Bucket { name: name.to_owned() });
        }
        "lambdafunction" | "lambda" => draft.add(Subject::Function { id: id.to_owned() }),
        "rdsdbinstance" | "rdsdbcluster" => draft.add(Subject::Database { id: id.to_owned() }),
        "ekscluster" | "ecscluster" => draft.add(Subject::Cluster { id: id.to_owned() }),
        "container" | "ecscontainer" | "ecstask" => draft.add(Subject::Container { id: id.to_owned() }),
        _ => draft.add(other(written_type, id)),
    }
}

/// A resource of a kind that isn't contained here.
pub(super) fn other(resource_type: &str, id: &str) -> Subject {
    let resource_type = if resource_type.trim().is_empty() { "Other" } else { resource_type };
    Subject::Other { resource_type: resource_type.to_owned(), id: id.to_owned() }
}

/// Adds an instance by its id, or an ARN that ends in it.
pub(super) fn add_instance(draft: &mut Draft, details: &Value, id: &str, tags: Option<&Value>, place: &str) {
    let written = id.trim();
    let id = last_part(written);
    if id.is_empty() {
        draft.odd(format!("{place}: an instance without an id"));
        return;
    }
    if !id.starts_with("i-") {
        draft.odd(format!("{place}: {} is not an instance id", quote(written)));
    }
    let mut instance = InstanceSubject {
        id: Some(InstanceId::new(id)),
        vpc: text_at(details, "vpcId").map(VpcId::new),
        subnet: text_at(details, "subnetId").map(SubnetId::new),
        profile_arn: text_at(details, "iamInstanceProfileArn").or_else(|| text_at(details, "iamInstanceProfile.arn")),
        name: fields::tag(tags, "Name").or_else(|| fields::tag(find(details, "tags"), "Name")),
        ..InstanceSubject::default()
    };
    for (n, interface) in items_at(details, "networkInterfaces").iter().enumerate() {
        add_interface(draft, &mut instance, interface, &format!("{place}.networkInterfaces[{n}]"));
    }
    // ASFF lists all of an instance's addresses together, public and private.
    for list in ["ipV4Addresses", "ipV6Addresses"] {
        for written in texts_at(details, list) {
            if let Some(ip) = draft.ip(written, &format!("{place}.{list}")) {
                file(&mut instance, ip);
            }
        }
    }
    draft.add(Subject::Instance(instance));
}

/// Adds what one of its network interfaces says to an instance.
pub(super) fn add_interface(draft: &mut Draft, instance: &mut InstanceSubject, interface: &Value, place: &str) {
    instance.interfaces.extend(text_at(interface, "networkInterfaceId").map(InterfaceId::new));
    if instance.vpc.is_none() {
        instance.vpc = text_at(interface, "vpcId").map(VpcId::new);
    }
    if instance.subnet.is_none() {
        let subnet = text_at(interface, "subnetId").or_else(|| text_at(interface, "subNetId"));
        instance.subnet = subnet.map(SubnetId::new);
    }
    let listed = items_at(interface, "privateIpAddresses");
    let listed = listed.iter().filter_map(|item| text_at(item, "privateIpAddress").or_else(|| text(item)));
    for written in text_at(interface, "privateIpAddress").into_iter().chain(listed) {
        instance.private_ips.extend(draft.ip(&written, &format!("{place}.privateIpAddress")));
    }
    if let Some(written) = text_at(interface, "publicIp") {
        instance.public_ips.extend(draft.ip(&written, &format!("{place}.publicIp")));
    }
    for written in texts_at(interface, "ipv6Addresses") {
        if let Some(ip) = draft.ip(written, &format!("{place}.ipv6Addresses")) {
            file(instance, ip);
        }
    }
}

/// Files an address under public or private by its range.
fn file(instance: &mut InstanceSubject, ip: IpAddr) {
    let private = match ip {
        IpAddr::V4(ip) => {
            let shared = matches!(ip.octets(), [100, 64..=127, ..]); // RFC 6598
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    };
    if private { instance.private_ips.push(ip) } else { instance.public_ips.push(ip) }
}

fn add_identity(draft: &mut Draft, kind: &str, details: &Value, resource: Resource<'_>) {
    let Resource { written_type, id, place, .. } = resource;
    let subject = match (id.starts_with("arn:"), text_at(details, "roleName").or_else(|| text_at(details, "userName")))
    {
        (false, Some(name)) => principal::identity(kind, &name),
        _ => principal::identity(kind, id),
    };
    match subject {
        Some(subject) => {
            let is_role = matches!(subject, Subject::Role { .. });
            if is_role != (kind == "iamrole") {
                draft.odd(format!("{place}: {} has the type {}", quote(id), quote(written_type)));
            }
            draft.add(subject);
        }
        None => {
            draft.odd(format!("{place}: {} is not the name of a user or role", quote(id)));
            draft.add(other(written_type, id));
        }
    }
}

/// A type without its spelling: `AwsEc2Instance`, `AWS::EC2::Instance` and `EC2_INSTANCE` are all `ec2instance`.
fn plain(written: &str) -> String {
    let plain = written.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    plain.strip_prefix("aws").map(str::to_owned).unwrap_or(plain)
}

/// The type that an id implies, where the finding gives none.
fn inferred(id: &str) -> Option<&'static str> {
    if id.starts_with("AWS::IAM::AccessKey:") {
        return Some("iamaccesskey");
    }
    if id.parse::<InstanceId>().is_ok() {
        return Some("ec2instance");
    }
    let arn = Arn::parse(id)?;
    match (arn.service, arn.kind()) {
        ("ec2", "instance") => Some("ec2instance"),
        ("iam", "role") | ("sts", "assumed-role") => Some("iamrole"),
        ("iam", "user") => Some("iamuser"),
        ("s3", "") => Some("s3bucket"),
        ("lambda", "function") => Some("lambdafunction"),
        ("rds", "db" | "cluster") => Some("rdsdbinstance"),
        ("eks" | "ecs", "cluster") => Some("ekscluster"),
        _ => None,
    }
}

/// Adds each resource of an ASFF finding's `Resources`.
pub(super) fn add_asff(draft: &mut Draft, resources: &[Value]) {
    for (n, resource) in resources.iter().enumerate() {
        let place = format!("Resources[{n}]");
        if !resource.is_object() {
            draft.odd(format!("{place} is {}, not a resource", super::error::describe(resource)));
            continue;
        }
        let written_type = text_at(resource, "Type").unwrap_or_default();
        if written_type.is_empty() {
            draft.odd(format!("{place}.Type is missing"));
        }
        let id = text_at(resource, "Id").unwrap_or_default();
        let details = at(resource, "Details").unwrap_or(&Value::Null);
        let tags = at(resource, "Tags");
        add(draft, Resource { written_type: &written_type, id: &id, details, tags, place: &place });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subject::AccessKeySubject;
    use serde_json::json;

    fn subjects(resources: Value) -> (Vec<Subject>, Vec<String>) {
        let mut draft = Draft::default();
        add_asff(&mut draft, resources.as_array().unwrap());
        let finding = draft.finish(&json!({"Id": "x"}));
        (finding.subjects, finding.oddities)
    }

    #[test]
    fn several_instances_with_several_interfaces_and_ipv6() {
        let (found, _) = subjects(json!([
            {"Type": "AwsEc2Instance", "Id": "arn:aws-cn:ec2:cn-north-1:111122223333:instance/i-0aaaaaaaaaaaaaaa1",
             "Tags": {"Name": "web-1"}, "Details": {"AwsEc2Instance": {
                "VpcId": "vpc-1", "SubnetId": "subnet-1", "IamInstanceProfileArn": "arn:aws-cn:iam::1:instance-profile/p",
                "IpV4Addresses": ["203.0.113.7", "10.0.0.7", "10.0.0.7"], "IpV6Addresses": ["2001:db8::7", "fe80::1"],
                "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1"}, {"NetworkInterfaceId": "eni-2"}]}}},
            {"Type": "AwsEc2Instance", "Id": "arn:aws::ec2:us-east-1:111122223333:instance/i-0aaaaaaaaaaaaaaa2"},
            {"Type": "AwsEc2Instance", "Id": "arn:aws:ec2:us-east-1:111122223333:i-0aaaaaaaaaaaaaaa3"},
            {"Type": "AwsEc2Instance", "Id": "i-0aaaaaaaaaaaaaaa3"},
        ]));
        let ids: Vec<_> = found.iter().map(Subject::id).collect();
        assert_eq!(ids, ["i-0aaaaaaaaaaaaaaa1", "i-0aaaaaaaaaaaaaaa2", "i-0aaaaaaaaaaaaaaa3"]);
        let Some(Subject::Instance(first)) = found.first() else { panic!() };
        let texts = |ips: &[IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&first.private_ips), ["10.0.0.7", "fe80::1"]);
        assert_eq!(texts(&first.public_ips), ["203.0.113.7", "2001:db8::7"]);
        assert_eq!(first.interfaces, [InterfaceId::new("eni-1"), InterfaceId::new("eni-2")]);
        assert_eq!((first.vpc.clone(), first.name.as_deref()), (Some(VpcId::new("vpc-1")), Some("web-1")));
    }

    #[test]
    fn every_kind_has_its_subject_and_the_rest_stays() {
        let (found, oddities) = subjects(json!([
            {"Type": "AwsIamRole", "Id": "arn:aws:iam::111122223333:role/a/ci"},
            {"Type": "AwsIamUser", "Id": "AIDAEXAMPLE", "Details": {"AwsIamUser": {"UserName": "ana"}}},
            {"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::logs"},
            {"Type": "AwsLambdaFunction", "Id": "arn:aws:lambda:us-east-1:111122223333:function:f"},
            {"Type": "AwsRdsDbInstance", "Id": "arn:aws:rds:us-east-1:111122223333:db:d"},
            {"Type": "AwsEksCluster", "Id": "arn:aws:eks:us-east-1:111122223333:cluster/c"},
            {"Type": "Container", "Id": "c1"},
            {"Type": "AwsKmsKey", "Id": "arn:aws:kms:us-east-1:111122223333:key/k"},
            {"Type": "Other", "Id": "arn:aws:ec2:us-east-1:111122223333:instance/i-0aaaaaaaaaaaaaaa1"},
        ]));
        let shown: Vec<_> = found.iter().map(|s| format!("{} {}", s.kind(), last_part(&s.id()))).collect();
        assert_eq!(
            shown,
            [
                "role ci",
                "user ana",
                "bucket logs",
                "function f",
                "database d",
                "cluster c",
                "container c1",
                "other k",
                "instance i-0aaaaaaaaaaaaaaa1",
            ]
        );
        assert!(oddities.iter().all(|o| o.contains("no id")), "{oddities:?}");
    }

    #[test]
    fn what_is_wrong_with_a_resource_is_said() {
        let (found, oddities) = subjects(json!([
            7,
            {"Id": "thing"},
            {"Type": "AwsS3Bucket"},
            {"Type": "AwsEc2Instance", "Id": "${instance_id}"},
            {"Type": "AwsIamRole", "Id": "V-1 Validation Code"},
            {"Type": "AwsIamRole", "Id": "arn:aws:iam::111122223333:user/ana"},
        ]));
        let kinds: Vec<_> = found.iter().map(Subject::kind).collect();
        assert_eq!(kinds, ["other", "instance", "other", "user"]);
        for text in [
            "Resources[0] is a number",
            "Resources[1].Type",
            "Resources[2]: a resource without",
            "`${instance_id}`",
            "`V-1 Validation Code`",
            "has the type `AwsIamRole`",
        ] {
            assert!(oddities.iter().any(|o| o.contains(text)), "{text}: {oddities:?}");
        }
    }

    #[test]
    fn the_role_behind_a_key_is_not_listed_twice() {
        let (found, _) = subjects(json!([
            {"Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLE", "Details": {"AwsIamAccessKey": {
                "PrincipalType": "AssumedRole", "PrincipalName": "ci", "PrincipalId": "AROAEXAMPLE:s"}}},
            {"Type": "AwsIamRole", "Id": "arn:aws:iam::111122223333:role/ci"},
            {"Type": "AwsIamRole", "Id": "AROAEXAMPLE"},
        ]));
        let [Subject::AccessKey(AccessKeySubject { principal_name, .. })] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(principal_name.as_deref(), Some("ci"));
    }
}
