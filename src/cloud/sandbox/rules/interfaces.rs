//! `DescribeNetworkInterfaces` and `ModifyNetworkInterfaceAttribute`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::ScopeWorld;
use crate::cloud::port::InterfaceQuery;
use crate::domain::{GroupId, Interface, InterfaceId};
use std::collections::BTreeSet;

/// More groups than this are never allowed on one interface, whatever the quota (VPC user guide).
pub(in super::super) const MOST_GROUPS: usize = 16;

pub(in super::super) fn describe(place: &ScopeWorld, query: &InterfaceQuery) -> Vec<Interface> {
    let wanted = |i: &&Interface| match query {
        InterfaceQuery::AttachedTo(instances) => i.instance.as_ref().is_some_and(|id| instances.contains(id)),
        InterfaceQuery::InGroup(group) => i.groups.contains(group),
        InterfaceQuery::All => true,
    };
    let mut found: Vec<Interface> = place.interfaces.values().filter(wanted).cloned().collect();
    found.sort_by(|a, b| (&a.instance, a.device_index, &a.id).cmp(&(&b.instance, b.device_index, &b.id)));
    found
}

pub(in super::super) fn set_groups(place: &mut ScopeWorld, id: &InterfaceId, groups: &[GroupId]) -> Ruling<()> {
    let missing =
        || Refusal::new("InvalidNetworkInterfaceID.NotFound", format!("The networkInterface ID '{id}' does not exist"));
    let quota = place.group_quota().min(MOST_GROUPS);
    let interface = place.interfaces.get(id).ok_or_else(missing)?;
    if interface.requester_managed {
        // AWS gives the same code as for foreign resources, however much the caller may do.
        return Err(Refusal::new("AuthFailure", "You do not have permission to access the specified resource."));
    }
    if let Some(operator) = &interface.operator {
        return Err(Refusal::new(
            "OperationNotPermitted",
            format!("The network interface '{id}' is managed by '{operator}' and cannot be modified directly."),
        ));
    }
    let set: BTreeSet<GroupId> = groups.iter().cloned().collect();
    if set.is_empty() {
        return Err(Refusal::new(
            "InvalidParameterValue",
            "At least one security group must be specified for a network interface in a VPC.",
        ));
    }
    for group in &set {
        let found = place.groups.get(group).ok_or_else(|| unknown_group(group))?;
        if found.group.vpc != interface.vpc {
            return Err(Refusal::new(
                "InvalidGroup.NotFound",
                format!("You have specified two resources that belong to different networks: '{group}' and '{id}'."),
            ));
        }
    }
    if set.len() > quota {
        return Err(Refusal::new(
            "SecurityGroupsPerInterfaceLimitExceeded",
            format!("The maximum number of security groups per network interface ({quota}) has been reached."),
        ));
    }
    if let Some(interface) = place.interfaces.get_mut(id) {
        interface.groups = set;
    }
    Ok(())
}

/// What EC2 says of a group that isn't there.
pub(in super::super) fn unknown_group(group: &GroupId) -> Refusal {
    Refusal::new("InvalidGroup.NotFound", format!("The security group '{group}' does not exist"))
}
