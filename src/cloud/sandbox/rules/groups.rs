//! Security groups: describing, making, and the egress rules.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::{Group, ScopeWorld, World};
use super::{interfaces::unknown_group, tags};
use crate::cloud::port::GroupQuery;
use crate::domain::{GroupId, GroupRule, RulePeer, Scope, SecurityGroup, Tags, VpcId};
use ipnet::IpNet;

/// How many rules a group may have in one direction by default (VPC user guide, "Amazon VPC quotas").
const MOST_RULES: usize = 60;

/// What a dry run answers in place of an id.
const PLACEHOLDER: &str = "sg-00000000000000000";

pub(in super::super) fn placeholder() -> GroupId {
    GroupId::new(PLACEHOLDER)
}

pub(in super::super) fn describe(place: &ScopeWorld, query: &GroupQuery) -> Vec<SecurityGroup> {
    let wanted = |g: &&SecurityGroup| match query {
        GroupQuery::Ids(ids) => ids.contains(&g.id),
        GroupQuery::Tagged(vpc, key, value) => g.vpc == *vpc && g.tags.get(key) == Some(value),
        GroupQuery::Named(vpc, name) => g.vpc == *vpc && g.name == *name,
    };
    place.groups.values().map(|g| &g.group).filter(wanted).cloned().collect()
}

fn check_text(what: &str, text: &str) -> Ruling<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.is_empty() || text.chars().count() > 255 || !text.chars().all(legal) {
        return Err(Refusal::new(
            "InvalidParameterValue",
            format!("Value ({text}) for parameter {what} is invalid. Character sets beyond ASCII are not supported."),
        ));
    }
    Ok(())
}

pub(in super::super) fn create(
    world: &mut World,
    scope: &Scope,
    vpc: &VpcId,
    name: &str,
    description: &str,
    given: &Tags,
) -> Ruling<GroupId> {
    let place = world.place(scope)?;
    let Some(stands_in) = place.vpcs.get(vpc) else {
        return Err(Refusal::new("InvalidVpcID.NotFound", format!("The vpc ID '{vpc}' does not exist")));
    };
    let egress = stands_in.new_egress();
    check_text("GroupName", name)?;
    check_text("GroupDescription", description)?;
    tags::check(given)?;
    if name.starts_with("sg-") {
        return Err(Refusal::new(
            "InvalidParameterValue",
            format!("Value ({name}) for parameter GroupName is invalid. Group names may not begin with 'sg-'."),
        ));
    }
    if name == "default" {
        return Err(Refusal::new("InvalidGroup.Reserved", "The security group 'default' is reserved."));
    }
    if place.groups.values().any(|g| g.group.vpc == *vpc && g.group.name == name) {
        return Err(Refusal::new(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc}'"),
        ));
    }
    let id = GroupId::new(world.new_id("sg-"));
    let group = SecurityGroup {
        id: id.clone(),
        name: name.to_owned(),
        vpc: vpc.clone(),
        ingress: Vec::new(),
        egress,
        tags: given.clone(),
    };
    world.place_mut(scope)?.groups.insert(id.clone(), Group { group, description: description.to_owned() });
    Ok(id)
}

pub(in super::super) fn revoke_egress(place: &mut ScopeWorld, id: &GroupId, rules: &[GroupRule]) -> Ruling<()> {
    some_rules(rules)?;
    let group = place.groups.get_mut(id).ok_or_else(|| unknown_group(id))?;
    if rules.iter().any(|rule| !group.group.egress.contains(rule)) {
        return Err(Refusal::new(
            "InvalidPermission.NotFound",
            "The specified rule does not exist in this security group.",
        ));
    }
    group.group.egress.retain(|rule| !rules.contains(rule));
    Ok(())
}

pub(in super::super) fn authorize_egress(place: &mut ScopeWorld, id: &GroupId, rules: &[GroupRule]) -> Ruling<()> {
    some_rules(rules)?;
    for rule in rules {
        check_peer(place, &rule.peer)?;
    }
    let group = place.groups.get_mut(id).ok_or_else(|| unknown_group(id))?;
    if let Some(rule) = rules.iter().find(|rule| group.group.egress.contains(rule)) {
        return Err(Refusal::new(
            "InvalidPermission.Duplicate",
            format!("the specified rule \"{rule}\" already exists"),
        ));
    }
    if group.group.egress.len() + rules.len() > MOST_RULES {
        return Err(Refusal::new(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        ));
    }
    group.group.egress.extend(rules.iter().cloned());
    Ok(())
}

pub(in super::super) fn authorize_ingress(place: &mut ScopeWorld, id: &GroupId, rules: &[GroupRule]) -> Ruling<()> {
    some_rules(rules)?;
    for rule in rules {
        check_peer(place, &rule.peer)?;
    }
    let group = place.groups.get_mut(id).ok_or_else(|| unknown_group(id))?;
    if let Some(rule) = rules.iter().find(|rule| group.group.ingress.contains(rule)) {
        return Err(Refusal::new(
            "InvalidPermission.Duplicate",
            format!("the specified rule \"{rule}\" already exists"),
        ));
    }
    if group.group.ingress.len() + rules.len() > MOST_RULES {
        return Err(Refusal::new(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        ));
    }
    group.group.ingress.extend(rules.iter().cloned());
    Ok(())
}

pub(in super::super) fn delete(place: &mut ScopeWorld, id: &GroupId) -> Ruling<()> {
    let group = place.groups.get(id).ok_or_else(|| unknown_group(id))?;
    if group.group.name == "default" {
        return Err(Refusal::new("CannotDelete", "the specified group: \"default\" name: cannot be deleted by a user"));
    }
    let names_it = |rule: &GroupRule| matches!(&rule.peer, RulePeer::Group(peer) if peer == id);
    let named = place.groups.values().filter(|g| g.group.id != *id);
    let named = named.flat_map(|g| g.group.ingress.iter().chain(&g.group.egress)).any(names_it);
    let endpoint = place.endpoints.values().any(|e| e.endpoint.groups.contains(id));
    if named || endpoint || place.interfaces.values().any(|i| i.groups.contains(id)) {
        return Err(Refusal::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    place.groups.remove(id);
    Ok(())
}

fn some_rules(rules: &[GroupRule]) -> Ruling<()> {
    if rules.is_empty() {
        return Err(Refusal::new("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' is required."));
    }
    Ok(())
}

fn check_peer(place: &ScopeWorld, peer: &RulePeer) -> Ruling<()> {
    match peer {
        RulePeer::Cidr(cidr) if cidr.parse::<IpNet>().is_err() => {
            Err(Refusal::new("InvalidParameterValue", format!("CIDR block {cidr} is malformed")))
        }
        RulePeer::Group(group) if !place.groups.contains_key(group) => Err(unknown_group(group)),
        RulePeer::Other(peer) => Err(Refusal::new("InvalidParameterValue", format!("{peer} can't be named"))),
        _ => Ok(()),
    }
}
