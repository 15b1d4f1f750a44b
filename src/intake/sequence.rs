//! Attack sequences: GuardDuty's `service.detection.sequence` and ASFF's `Detection.Sequence`.
//!
//! One finding about up to 32 resources, with the actors and network endpoints of all its signals. Everything is
//! taken; nothing is taken for the main one.

use super::arn::last_part;
use super::draft::Draft;
use super::fields::{at, find, items_at, text_at, texts_at};
use super::remote::{self, Found};
use super::resource::{self, Resource};
use super::{principal, resource::add_interface};
use crate::domain::subject::{AccessKeySubject, InstanceSubject};
use crate::domain::{InstanceId, InterfaceId, Subject};
use serde_json::Value;
use std::collections::HashMap;

/// Adds the resources, actors and endpoints of a sequence.
pub(super) fn add(draft: &mut Draft, sequence: &Value, place: &str) {
    let resources = items_at(sequence, "resources");
    let interfaces: HashMap<String, &Value> = resources
        .iter()
        .filter_map(|resource| {
            Some((last_part(&text_at(resource, "uid")?).to_owned(), at(resource, "data.ec2NetworkInterface")?))
        })
        .collect();
    for (n, item) in resources.iter().enumerate() {
        add_resource(draft, item, &interfaces, &format!("{place}.resources[{n}]"));
    }
    for (n, actor) in items_at(sequence, "actors").iter().enumerate() {
        add_actor(draft, actor, &format!("{place}.actors[{n}]"));
    }
    let on_the_network = endpoints_on_the_network(sequence);
    for (n, endpoint) in items_at(sequence, "endpoints").iter().enumerate() {
        add_endpoint(draft, endpoint, &on_the_network, &format!("{place}.endpoints[{n}]"));
    }
}

fn add_resource(draft: &mut Draft, item: &Value, interfaces: &HashMap<String, &Value>, place: &str) {
    let written_type = text_at(item, "resourceType").unwrap_or_default();
    let id = text_at(item, "uid").or_else(|| text_at(item, "name")).unwrap_or_default();
    let data = find(item, "data").unwrap_or(&Value::Null);
    let Some(instance) = find(data, "ec2Instance") else {
        // The access key's id is its name; its uid may be longer.
        let name = text_at(item, "name").filter(|_| find(data, "accessKey").is_some());
        let id = name.unwrap_or(id);
        let tags = find(item, "tags");
        resource::add(draft, Resource { written_type: &written_type, id: &id, details: data, tags, place });
        return;
    };
    resource::add_instance(draft, instance, &id, find(item, "tags"), place);
    // Interfaces are resources of their own, named by the instance.
    let mut more = InstanceSubject { id: Some(InstanceId::new(last_part(&id))), ..InstanceSubject::default() };
    for uid in texts_at(instance, "ec2NetworkInterfaceUids") {
        let eni = last_part(uid);
        more.interfaces.push(InterfaceId::new(eni));
        if let Some(interface) = interfaces.get(eni) {
            add_interface(draft, &mut more, interface, place);
        }
    }
    if !last_part(&id).is_empty() {
        draft.add(Subject::Instance(more));
    }
}

fn add_actor(draft: &mut Draft, actor: &Value, place: &str) {
    let Some(user) = find(actor, "user") else { return };
    let key = AccessKeySubject {
        id: text_at(user, "credentialUid").unwrap_or_default(),
        principal_type: None,
        principal_name: text_at(user, "name"),
        principal_id: text_at(user, "uid"),
    };
    principal::add(draft, key, text_at(user, "type").as_deref(), place);
}

/// For each endpoint that signals name: whether one of them saw it on the network, rather than in an API's log.
fn endpoints_on_the_network(sequence: &Value) -> HashMap<&str, bool> {
    let mut seen = HashMap::new();
    for signal in items_at(sequence, "signals") {
        let kind = text_at(signal, "type").unwrap_or_default().to_ascii_uppercase();
        let api_log = matches!(kind.as_str(), "CLOUD_TRAIL" | "S3_DATA_EVENTS" | "EKS_AUDIT_LOG");
        for id in texts_at(signal, "endpointIds") {
            *seen.entry(id).or_insert(false) |= !api_log;
        }
    }
    seen
}

fn add_endpoint(draft: &mut Draft, endpoint: &Value, on_the_network: &HashMap<&str, bool>, place: &str) {
    let written = text_at(endpoint, "connection.direction");
    let id = text_at(endpoint, "id").unwrap_or_default();
    let found = Found {
        direction: remote::direction(draft, written.as_deref(), &format!("{place}.connection.direction")),
        // Where nothing tells, it may be on the network: blocking it is then at least worth offering.
        api_caller: written.is_none() && on_the_network.get(id.as_str()) == Some(&false),
        country: text_at(endpoint, "location.country"),
        asn_org: text_at(endpoint, "autonomousSystem.name"),
    };
    if let Some(ip) = text_at(endpoint, "ip") {
        remote::add_address(draft, &ip, found, &format!("{place}.ip"));
    }
    if let Some(domain) = text_at(endpoint, "domain") {
        remote::add_domain(draft, &domain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Direction, PrincipalType};
    use serde_json::json;

    #[test]
    fn every_resource_actor_and_endpoint_is_taken() {
        let mut resources: Vec<Value> = (0..31)
            .map(|n| {
                json!({"uid": format!("arn:aws:ec2:us-east-1:111122223333:instance/i-0aaaaaaaaaaaaaa{n:02}"),
                "resourceType": "EC2_INSTANCE", "data": {"ec2Instance": {"ec2NetworkInterfaceUids": [format!("eni-{n}")]}}})
            })
            .collect();
        resources.push(json!({"uid": "arn:aws:ec2:us-east-1:111122223333:network-interface/eni-3",
            "resourceType": "EC2_NETWORK_INTERFACE", "data": {"ec2NetworkInterface": {
                "vpcId": "vpc-1", "subNetId": "subnet-1", "publicIp": "203.0.113.3",
                "privateIpAddresses": [{"privateIpAddress": "10.0.0.3"}]}}}));
        let mut draft = Draft::default();
        add(
            &mut draft,
            &json!({
                "resources": resources,
                "actors": [{"id": "a", "user": {"name": "ana", "uid": "AIDAEXAMPLE", "type": "IAMUser", "credentialUid": "ASIAEXAMPLE"}}],
                "endpoints": [
                    {"id": "e1", "ip": "198.51.100.1", "location": {"country": "Nowhere"}, "autonomousSystem": {"name": "Example"}},
                    {"id": "e2", "ip": "198.51.100.2", "connection": {"direction": "OUTBOUND"}},
                    {"id": "e3", "domain": "Evil.Example."},
                ],
                "signals": [{"type": "CLOUD_TRAIL", "endpointIds": ["e1", "e2"]}, {"type": "FINDING", "endpointIds": ["e2"]}],
            }),
            "sequence",
        );
        let finding = draft.finish(&json!({}));
        assert_eq!(finding.instances().count(), 31);
        let third = finding.instances().nth(3).unwrap();
        assert_eq!((third.vpc.is_some(), third.subnet.is_some()), (true, true));
        assert_eq!((third.private_ips.len(), third.public_ips.len(), third.interfaces.len()), (1, 1, 1));
        let key =
            finding.subjects.iter().find_map(|s| if let Subject::AccessKey(k) = s { Some(k) } else { None }).unwrap();
        assert_eq!((key.id.as_str(), &key.principal_type), ("ASIAEXAMPLE", &Some(PrincipalType::User)));
        let addresses: Vec<_> = finding
            .subjects
            .iter()
            .filter_map(|s| if let Subject::RemoteAddress(a) = s { Some((a.direction, a.api_caller)) } else { None })
            .collect();
        assert_eq!(addresses, [(Direction::Unknown, true), (Direction::Outbound, false)]);
        assert!(finding.subjects.contains(&Subject::Domain { name: "evil.example".into() }));
    }

    #[test]
    fn a_key_is_named_by_its_name() {
        let mut draft = Draft::default();
        let key = json!({"uid": "arn:aws:iam::111122223333:access-key/long", "name": "AKIAEXAMPLE",
            "resourceType": "ACCESS_KEY", "data": {"accessKey": {"userName": "ana", "userType": "IAMUser"}}});
        add(&mut draft, &json!({"resources": [key, "rubbish", 7]}), "sequence");
        assert!(draft.has("access_key", "AKIAEXAMPLE"));
    }
}
