//! Entries of network ACLs, and the parameters that count them.

use super::{Fixture, PARAMETERS, refused};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::{InterfaceQuery, Target};
use lazaret::domain::{AclAction, AclDirection, AclEntry, AclId, NetworkAcl};
use std::collections::BTreeSet;

const BOTH: [AclDirection; 2] = [AclDirection::Ingress, AclDirection::Egress];
const CREATE: &str = "ec2:CreateNetworkAclEntry";
const DELETE: &str = "ec2:DeleteNetworkAclEntry";

fn deny(number: i32, direction: AclDirection, cidr: &str) -> AclEntry {
    AclEntry { number, direction, action: AclAction::Deny, protocol: "-1".into(), cidr: cidr.into(), ports: None }
}

async fn acl(fixture: &dyn Fixture) -> NetworkAcl {
    let world = fixture.world();
    let found = fixture.cloud().reads().network_acls(&world.scope, std::slice::from_ref(&world.acl)).await.unwrap();
    found.into_iter().next().unwrap()
}

pub(super) async fn an_entry_is_made_and_removed_in_each_direction_and_family(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let before = acl(fixture).await;
    let mut made = Vec::new();
    for (number, cidr) in [(12, "203.0.113.7/32"), (13, "2001:db8::17/128")] {
        for direction in BOTH {
            let entry = deny(number, direction, cidr);
            writes.create_acl_entry(&target, &world.acl, &entry).await.unwrap();
            made.push(entry);
        }
    }
    let after = acl(fixture).await;
    for entry in &made {
        assert_eq!(after.at(entry.direction, entry.number), Some(entry), "whole, as it was written");
    }
    assert_eq!(after.entries.len(), before.entries.len() + 4);
    for entry in &made {
        writes.delete_acl_entry(&target, &world.acl, entry.direction, entry.number).await.unwrap();
    }
    let sorted = |acl: NetworkAcl| acl.entries.into_iter().collect::<BTreeSet<AclEntry>>();
    assert_eq!(sorted(acl(fixture).await), sorted(before));
}

pub(super) async fn a_number_is_one_persons_in_its_direction(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let first = deny(12, AclDirection::Ingress, "203.0.113.7/32");
    writes.create_acl_entry(&target, &world.acl, &first).await.unwrap();
    // Also for the same entry again, and in the other family: EC2 numbers both as one.
    for cidr in ["203.0.113.8/32", "203.0.113.7/32", "2001:db8::17/128"] {
        let answer = writes.create_acl_entry(&target, &world.acl, &deny(12, AclDirection::Ingress, cidr)).await;
        refused(answer, CREATE, ErrorKind::AlreadyExists, "NetworkAclEntryAlreadyExists");
    }
    assert_eq!(acl(fixture).await.at(AclDirection::Ingress, 12), Some(&first));
    let other = deny(12, AclDirection::Egress, "203.0.113.8/32");
    writes.create_acl_entry(&target, &world.acl, &other).await.unwrap();
    assert_eq!(acl(fixture).await.at(AclDirection::Egress, 12), Some(&other));
}

pub(super) async fn a_range_keeps_its_network(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    for (number, cidr, kept) in [(12, "203.0.113.77/24", "203.0.113.0/24"), (13, "2001:db8::17/64", "2001:db8::/64")] {
        let entry = deny(number, AclDirection::Ingress, cidr);
        writes.create_acl_entry(&target, &world.acl, &entry).await.unwrap();
        assert_eq!(acl(fixture).await.at(AclDirection::Ingress, number).unwrap().cidr, kept);
    }
}

pub(super) async fn numbers_are_legal(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    for number in [0, -1, 32767, 32768, 40_000] {
        let entry = deny(number, AclDirection::Ingress, "203.0.113.7/32");
        let answer = writes.create_acl_entry(&target, &world.acl, &entry).await;
        refused(answer, CREATE, ErrorKind::Invalid, "InvalidParameterValue");
    }
    for number in [1, 32766] {
        let entry = deny(number, AclDirection::Ingress, "203.0.113.7/32");
        writes.create_acl_entry(&target, &world.acl, &entry).await.unwrap();
    }
}

pub(super) async fn the_final_denies_stay(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    for direction in BOTH {
        let answer = writes.delete_acl_entry(&target, &world.acl, direction, AclEntry::FINAL).await;
        refused(answer, DELETE, ErrorKind::Invalid, "InvalidParameterValue");
        assert!(acl(fixture).await.at(direction, AclEntry::FINAL).is_some());
    }
}

pub(super) async fn a_table_has_a_quota(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let used = acl(fixture).await.entries_of(AclDirection::Ingress, false).len();
    for n in used..NetworkAcl::DEFAULT_QUOTA {
        let number = i32::try_from(n).unwrap();
        let entry = deny(number, AclDirection::Ingress, &format!("203.0.113.{n}/32"));
        writes.create_acl_entry(&target, &world.acl, &entry).await.unwrap();
    }
    let one_more = deny(89, AclDirection::Ingress, "203.0.113.200/32");
    let answer = writes.create_acl_entry(&target, &world.acl, &one_more).await;
    refused(answer, CREATE, ErrorKind::Conflict, "NetworkAclEntryLimitExceeded");
    // The other direction and the other family have room of their own.
    let egress = deny(89, AclDirection::Egress, "203.0.113.200/32");
    writes.create_acl_entry(&target, &world.acl, &egress).await.unwrap();
    let v6 = deny(89, AclDirection::Ingress, "2001:db8::17/128");
    writes.create_acl_entry(&target, &world.acl, &v6).await.unwrap();
}

pub(super) async fn what_is_not_there_is_refused(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let gone = AclId::new("acl-0123456789abcdef0");
    let entry = deny(12, AclDirection::Ingress, "203.0.113.7/32");
    let answer = writes.create_acl_entry(&target, &gone, &entry).await;
    refused(answer, CREATE, ErrorKind::NotFound, "InvalidNetworkAclID.NotFound");
    let answer = writes.delete_acl_entry(&target, &gone, AclDirection::Ingress, 12).await;
    refused(answer, DELETE, ErrorKind::NotFound, "InvalidNetworkAclID.NotFound");
    writes.create_acl_entry(&target, &world.acl, &entry).await.unwrap();
    // Not in that direction, and not twice.
    let answer = writes.delete_acl_entry(&target, &world.acl, AclDirection::Egress, 12).await;
    refused(answer, DELETE, ErrorKind::NotFound, "InvalidNetworkAclEntry.NotFound");
    writes.delete_acl_entry(&target, &world.acl, AclDirection::Ingress, 12).await.unwrap();
    let answer = writes.delete_acl_entry(&target, &world.acl, AclDirection::Ingress, 12).await;
    refused(answer, DELETE, ErrorKind::NotFound, "InvalidNetworkAclEntry.NotFound");
}

pub(super) async fn an_entry_is_rehearsed(fixture: &dyn Fixture) {
    let (world, writes) = (fixture.world(), fixture.writes());
    let rehearsal = Target { scope: world.scope.clone(), dry_run: true };
    let before = acl(fixture).await;
    let entry = deny(12, AclDirection::Ingress, "203.0.113.7/32");
    writes.create_acl_entry(&rehearsal, &world.acl, &entry).await.unwrap();
    writes.delete_acl_entry(&rehearsal, &world.acl, AclDirection::Ingress, 50).await.unwrap();
    writes.put_parameter(&rehearsal, "/nacl/acl-00000000", "99").await.unwrap();
    assert_eq!(acl(fixture).await, before);
    let names = ["/nacl/acl-00000000".to_owned()];
    let found = fixture.cloud().reads().named_parameters(&world.scope, &names).await.unwrap();
    assert_eq!((found[0].value.as_str(), found[0].version), ("0", 1));
}

pub(super) async fn a_counter_is_written_and_read_by_name(fixture: &dyn Fixture) {
    let (world, cloud, writes, target) = (fixture.world(), fixture.cloud(), fixture.writes(), fixture.target());
    let name = "/nacl/acl-0123456789abcdef0".to_owned();
    let read = async |names: &[String]| cloud.reads().named_parameters(&world.scope, names).await.unwrap();
    assert_eq!(read(std::slice::from_ref(&name)).await, [], "one that isn't there is left out");
    for (value, version) in [("12", 1), ("13", 2), ("13", 3)] {
        writes.put_parameter(&target, &name, value).await.unwrap();
        let found = read(&[name.clone(), "/nacl/acl-ffffffff".to_owned()]).await;
        let [counter] = &found[..] else { panic!("{found:?}") };
        assert_eq!((counter.name.as_str(), counter.value.as_str(), counter.version), (name.as_str(), value, version));
        assert!(counter.modified_at.is_some());
    }
    // More than fit in one request.
    let all: Vec<String> = (0..PARAMETERS).map(|n| format!("/nacl/acl-{n:08x}")).collect();
    let values: BTreeSet<String> = read(&all).await.into_iter().map(|p| p.value).collect();
    assert_eq!(values, (0..PARAMETERS).map(|n| n.to_string()).collect());
    for (name, value, kind, code) in [
        ("/aws/nacl", "1", ErrorKind::Denied, "AccessDeniedException"),
        ("/ssm/nacl", "1", ErrorKind::Invalid, "ValidationException"),
        (name.as_str(), "", ErrorKind::Invalid, "ValidationException"),
    ] {
        refused(writes.put_parameter(&target, name, value).await, "ssm:PutParameter", kind, code);
    }
}

pub(super) async fn all_interfaces_are_listed(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let found = cloud.reads().interfaces(&world.scope, &InterfaceQuery::All).await.unwrap();
    let ids: BTreeSet<_> = found.iter().map(|i| &i.id).collect();
    assert!(world.interfaces.iter().all(|id| ids.contains(id)), "{found:?}");
    let ours = found.iter().filter(|i| i.instance.as_ref() == Some(&world.instance));
    assert!(ours.clone().count() == 3 && ours.into_iter().all(|i| i.subnet == world.subnet));
}

pub(super) async fn unknown_acls_are_left_out(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let ids = [AclId::new("acl-0123456789abcdef0"), world.acl.clone()];
    let found = cloud.reads().network_acls(&world.scope, &ids).await.unwrap();
    assert_eq!(found.iter().map(|a| &a.id).collect::<Vec<_>>(), [&world.acl]);
    assert_eq!(cloud.reads().network_acls(&world.scope, &ids[..1]).await, Ok(vec![]));
}
