//! Tables for the tests of this folder.

use crate::domain::{AclAction, AclDirection, AclEntry, AclId, NetworkAcl, Tags, VpcId};
use std::collections::BTreeSet;

pub(super) fn both() -> BTreeSet<AclDirection> {
    BTreeSet::from([AclDirection::Ingress, AclDirection::Egress])
}

pub(super) fn entry(direction: AclDirection, number: i32, action: AclAction, protocol: &str, cidr: &str) -> AclEntry {
    AclEntry { number, direction, action, protocol: protocol.into(), cidr: cidr.into(), ports: None }
}

pub(super) fn allow(direction: AclDirection, number: i32, protocol: &str, cidr: &str) -> AclEntry {
    entry(direction, number, AclAction::Allow, protocol, cidr)
}

/// A deny of everything in both directions.
pub(super) fn deny(number: i32, cidr: &str) -> Vec<AclEntry> {
    both().into_iter().map(|direction| entry(direction, number, AclAction::Deny, "-1", cidr)).collect()
}

/// A table with the allows and final denies that every network ACL begins with, and these.
pub(super) fn acl(entries: &[AclEntry]) -> NetworkAcl {
    let mut all = entries.to_vec();
    for direction in both() {
        for (cidr, first, last) in [("0.0.0.0/0", 100, AclEntry::FINAL), ("::/0", 101, AclEntry::FINAL_V6)] {
            all.push(entry(direction, first, AclAction::Allow, "-1", cidr));
            all.push(entry(direction, last, AclAction::Deny, "-1", cidr));
        }
    }
    NetworkAcl {
        id: AclId::new("acl-0ab12cd34ef56ab78"),
        vpc: VpcId::new("vpc-0ab12cd34ef56ab78"),
        is_default: true,
        subnets: vec!["subnet-0ab12cd34ef56ab78".into()],
        entries: all,
        tags: Tags::new(),
    }
}
