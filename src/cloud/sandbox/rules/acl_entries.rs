//! `CreateNetworkAclEntry` and `DeleteNetworkAclEntry`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::ScopeWorld;
use crate::domain::{AclDirection, AclEntry, AclId};
use ipnet::IpNet;

/// The highest protocol number.
const LAST_PROTOCOL: i32 = 255;

pub(in super::super) fn create(place: &mut ScopeWorld, id: &AclId, entry: &AclEntry) -> Ruling<()> {
    let quota = place.acl_quota();
    let acl = place.network_acls.get_mut(id).ok_or_else(|| unknown(id))?;
    legal_number(entry.number)?;
    let range = entry.range().ok_or_else(|| {
        let cidr = &entry.cidr;
        Refusal::new(
            "InvalidParameterValue",
            format!("Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block."),
        )
    })?;
    legal_protocol(entry)?;
    if acl.at(entry.direction, entry.number).is_some() {
        let number = entry.number;
        let message = format!("The network acl entry identified by {number} already exists.");
        return Err(Refusal::new("NetworkAclEntryAlreadyExists", message));
    }
    if acl.entries_of(entry.direction, matches!(range, IpNet::V6(_))).len() >= quota {
        let message = format!(
            "You have reached the limit on the number of rules that you can add to network ACL '{id}' ({quota})."
        );
        return Err(Refusal::new("NetworkAclEntryLimitExceeded", message));
    }
    // EC2 keeps the network and forgets the bits after it: 100.68.0.18/18 becomes 100.68.0.0/18.
    let cidr = range.trunc().to_string();
    // Ports say nothing where every protocol is meant.
    let ports = if entry.protocol == "-1" { None } else { entry.ports };
    acl.entries.push(AclEntry { cidr, ports, ..entry.clone() });
    acl.entries.sort();
    Ok(())
}

pub(in super::super) fn delete(place: &mut ScopeWorld, id: &AclId, direction: AclDirection, number: i32) -> Ruling<()> {
    let acl = place.network_acls.get_mut(id).ok_or_else(|| unknown(id))?;
    legal_number(number)?;
    if acl.at(direction, number).is_none() {
        let message = format!("The network acl entry identified by {number} does not exist.");
        return Err(Refusal::new("InvalidNetworkAclEntry.NotFound", message));
    }
    acl.entries.retain(|e| !(e.direction == direction && e.number == number));
    Ok(())
}

/// 32767 and up are AWS's own: the final denies can be neither made nor removed.
fn legal_number(number: i32) -> Ruling<()> {
    if (1..AclEntry::FINAL).contains(&number) {
        return Ok(());
    }
    let message =
        format!("Value ({number}) for parameter ruleNumber is invalid. The value must be between 1 and 32766.");
    Err(Refusal::new("InvalidParameterValue", message))
}

fn legal_protocol(entry: &AclEntry) -> Ruling<()> {
    let protocol = &entry.protocol;
    if !protocol.parse().is_ok_and(|n: i32| (-1..=LAST_PROTOCOL).contains(&n)) {
        let message = format!("Value ({protocol}) for parameter protocol is invalid. Unknown protocol.");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    if ["6", "17"].contains(&protocol.as_str()) && entry.ports.is_none() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter portRange"));
    }
    Ok(())
}

fn unknown(id: &AclId) -> Refusal {
    Refusal::new("InvalidNetworkAclID.NotFound", format!("The networkAcl ID '{id}' does not exist"))
}
