//! Which group isolates: the one that is named, tagged, or to be made; and whether it does.

use crate::domain::{GroupId, GroupRule, Instance, SecurityGroup, VpcId};
use crate::playbook::change::{GROUP_TO_BE_MADE, group_list, leaks};
use crate::playbook::observed::{GroupChoice, Observed};
use crate::playbook::plan::PlanRefusal;
use crate::playbook::tags;
use crate::policy::QuarantinePolicy;
use std::collections::BTreeSet;

/// The group to use, and whether it has to be made.
pub(super) fn choose(
    instance: &Instance,
    observed: &Observed,
    policy: &QuarantinePolicy,
) -> Result<(GroupId, bool), PlanRefusal> {
    let group = match &observed.quarantine_group {
        GroupChoice::Found(group) => group,
        GroupChoice::Missing => return Ok((GroupId::new(GROUP_TO_BE_MADE), true)),
        GroupChoice::NamedButAbsent(id) => {
            return Err(PlanRefusal::NotFound {
                what: format!("quarantine group {id}"),
                scope: observed.scope.clone(),
            });
        }
        GroupChoice::Ambiguous(ids) => {
            return Err(PlanRefusal::Unfit(format!(
                "several groups are tagged {}={}: {}. Name one with --quarantine-group",
                tags::GROUP_TAG.0,
                tags::GROUP_TAG.1,
                group_list(ids)
            )));
        }
    };
    if Some(&group.vpc) != instance.vpc.as_ref() {
        return Err(PlanRefusal::Unfit(format!(
            "quarantine group {} belongs to {}, and {} is in {}",
            group.id,
            group.vpc,
            instance.id,
            instance.vpc.as_ref().map_or("no VPC", |v| v.as_str())
        )));
    }
    let reach = if policy.allow_ssm { observed.ssm_endpoint_groups.clone() } else { BTreeSet::new() };
    let rules = leaks(group, &reach);
    if !rules.is_empty() && !half_made(group, instance, &reach) {
        return Err(PlanRefusal::LeakyGroup { group: group.id.clone(), rules });
    }
    Ok((group.id.clone(), false))
}

/// The name of the group that we make in a VPC.
pub(super) fn name_in(vpc: &VpcId) -> String {
    format!("lazaret-quarantine-{vpc}")
}

/// Whether the group is one that we made: by its name and tag both.
fn is_ours(group: &SecurityGroup, instance: &Instance) -> bool {
    instance.vpc.as_ref().is_some_and(|vpc| group.name == name_in(vpc)) && tags::is_quarantine_group(&group.tags)
}

/// Whether we made the group and went away before it was closed: it lets out what EC2 lets every new group let out, and
/// nothing else is wrong with it.
fn half_made(group: &SecurityGroup, instance: &Instance, reach: &BTreeSet<GroupId>) -> bool {
    let mut closed = group.clone();
    closed.egress.retain(|rule| !GroupRule::defaults().contains(rule));
    is_ours(group, instance) && leaks(&closed, reach).is_empty()
}

/// Whether the quarantine group is one that we made, and is still to be closed, or to be let to the endpoints that it
/// may reach.
pub(super) fn to_mend(instance: &Instance, observed: &Observed, reach: &BTreeSet<GroupId>) -> bool {
    let GroupChoice::Found(group) = &observed.quarantine_group else { return false };
    let lacks = reach.iter().any(|g| !group.egress.contains(&GroupRule::https_to(g.clone())));
    let open = group.egress.iter().any(|rule| GroupRule::defaults().contains(rule));
    is_ours(group, instance) && (lacks || open)
}

/// What keeps SSM from working under quarantine, where it is wanted.
pub(super) fn ssm_warning(observed: &Observed, group: &GroupId) -> String {
    let reach = &observed.ssm_endpoint_groups;
    let GroupChoice::Found(found) = &observed.quarantine_group else {
        return if reach.is_empty() {
            "the VPC has no SSM endpoints: SSM will not reach the instance".into()
        } else {
            format!("SSM works only if {} admit the new quarantine group on TCP 443", group_list(reach))
        };
    };
    let missing: Vec<&GroupId> =
        reach.iter().filter(|g| !found.egress.contains(&GroupRule::https_to((*g).clone()))).collect();
    if reach.is_empty() {
        "the VPC has no SSM endpoints: SSM will not reach the instance".into()
    } else if !missing.is_empty() && found.name != name_in(&found.vpc) {
        format!("{group} has no egress on TCP 443 to {}: SSM will not reach the instance", group_list(missing))
    } else {
        format!("SSM works only if {} admit {group} on TCP 443", group_list(reach))
    }
}
