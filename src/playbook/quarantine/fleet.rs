//! What would replace the instance or lead to it: Auto Scaling, load balancers, Elastic IP addresses, and volumes that
//! would go with it.
//!
//! All of it begins beside the first writes, and isolation waits for none of it: a group whose API is down must not keep
//! an instance open. What fails is said, and isolation holds all the same.

use super::Request;
use crate::domain::{ElasticIp, Instance, InstanceId, ScalingGroup, ScalingMember, Target, text};
use crate::playbook::change::{Change, Place, SetAddress, SetDeleteOnTermination, SetPlace, SetRegistration};
use crate::playbook::plan::{Action, Step, Weight};

/// The wave in which these steps begin.
const WAVE: u8 = 1;

fn step(id: String, title: String, change: Change) -> Step {
    let action = Action::Change(change);
    Step { id: id.into(), title, wave: WAVE, weight: Weight::Wanted, needs: vec![], action }
}

/// The instance's place in its group, as it was read; none when it is in none, or nobody could tell.
fn member<'a>(request: &Request<'a>, id: &InstanceId) -> Option<&'a ScalingMember> {
    request.observed.fleet.members.get(id)?.as_ref()
}

fn group<'a>(request: &Request<'a>, member: &ScalingMember) -> Option<&'a ScalingGroup> {
    request.observed.fleet.groups.get(&member.group)?.as_ref()
}

/// Where the instance goes: standby where the group may have one less, else outside.
fn way_out(group: &ScalingGroup) -> Place {
    // AWS refuses a standby that takes the desired capacity below the minimum (`EnterStandby`).
    if group.desired > group.min { Place::Standby } else { Place::Outside }
}

/// The steps.
pub(super) fn steps(request: &Request<'_>, instance: &Instance) -> Vec<Step> {
    let policy = request.policy;
    let mut steps = Vec::new();
    if policy.leave_scaling_group {
        steps.extend(leave_group(request, instance));
    }
    if policy.leave_load_balancers {
        steps.extend(deregister(request, instance));
    }
    if policy.take_addresses {
        let pointing = request.observed.fleet.addresses.values().flatten();
        steps.extend(pointing.filter_map(|a| take_address(request, instance, a)));
    }
    if policy.keep_volumes {
        steps.extend(keep_volumes(instance));
    }
    steps
}

fn leave_group(request: &Request<'_>, instance: &Instance) -> Option<Step> {
    let member = member(request, &instance.id)?;
    let group = group(request, member)?;
    if Place::of(&member.lifecycle) != Some(Place::InService) {
        return None;
    }
    let after = way_out(group);
    let name = text::fit(&group.name, 80);
    let (id, title) = match after {
        Place::Outside => ("detach", format!("Detach it from {name}, which would replace it")),
        _ => ("standby", format!("Put it in standby in {name}, which would replace it")),
    };
    let change = SetPlace { instance: instance.id.clone(), group: group.name.clone(), before: Place::InService, after };
    Some(step(id.into(), title, Change::Place(change)))
}

fn deregister<'a>(request: &Request<'a>, instance: &'a Instance) -> impl Iterator<Item = Step> + use<'a> {
    let observed = request.observed;
    let is_its = move |target: &&Target| {
        let address = target.id.parse().ok();
        target.id == instance.id.as_str()
            || observed
                .interfaces
                .values()
                .any(|i| address.is_some_and(|a| i.private_ips.contains(&a) || i.public_ips.contains(&a)))
    };
    observed.fleet.targets.iter().flat_map(move |(with, targets)| {
        let its = targets.iter().flatten().filter(is_its).filter(|t| t.is_registered());
        its.map(move |target| {
            let change = SetRegistration {
                instance: instance.id.clone(),
                with: with.clone(),
                target: target.id.clone(),
                port: target.port,
                zone: target.zone.clone(),
                before: true,
                after: false,
            };
            let what = change.target_text();
            step(
                format!("deregister-{}-{}", with.name(), what.replace(':', "-")),
                format!("Take {what} out of {}", text::safe(&with.to_string())),
                Change::Registration(change),
            )
        })
    })
}

fn take_address(request: &Request<'_>, instance: &Instance, address: &ElasticIp) -> Option<Step> {
    let association = address.association.clone()?;
    request.observed.interfaces.get(&association.interface)?;
    Some(step(
        format!("address-{}", address.allocation),
        format!("Take Elastic IP {} off {}", address.public_ip, association.interface),
        Change::Address(SetAddress {
            instance: instance.id.clone(),
            allocation: address.allocation.clone(),
            public_ip: address.public_ip,
            before: Some(association),
            after: None,
        }),
    ))
}

fn keep_volumes(instance: &Instance) -> impl Iterator<Item = Step> {
    instance.volumes.iter().filter(|v| v.delete_on_termination).map(|volume| {
        step(
            format!("keep-{}", volume.id),
            format!("Keep {} should the instance be terminated", volume.id),
            Change::DeleteOnTermination(SetDeleteOnTermination {
                instance: instance.id.clone(),
                volume: volume.id.clone(),
                device: volume.device.clone(),
                before: true,
                after: false,
            }),
        )
    })
}

/// What a person should know of it.
pub(super) fn warnings(request: &Request<'_>, instance: &Instance) -> Vec<String> {
    let policy = request.policy;
    let fleet = &request.observed.fleet;
    let mut warnings: Vec<String> = fleet.unread.iter().map(|what| format!("{what}: left as it is")).collect();
    warnings.extend(scaling_warning(request, instance));
    if policy.take_addresses {
        let off: Vec<String> = fleet
            .addresses
            .values()
            .flatten()
            .filter(|a| a.association.is_some())
            .map(|a| a.public_ip.to_string())
            .collect();
        if !off.is_empty() {
            warnings.push(format!(
                "{} comes off: EC2 may give the instance another public address in its place",
                off.join(", ")
            ));
        }
    }
    let doomed: Vec<&str> =
        instance.volumes.iter().filter(|v| v.delete_on_termination).map(|v| v.id.as_str()).collect();
    if !policy.keep_volumes && !doomed.is_empty() {
        warnings.push(format!("deleted with the instance if it is terminated: {}", doomed.join(" ")));
    }
    warnings
}

fn scaling_warning(request: &Request<'_>, instance: &Instance) -> Option<String> {
    const REPLACED: &str =
        "isolated, it will look unhealthy and be replaced; termination protection does not stop that";
    let known = member(request, &instance.id);
    // The tag is a hint for where Auto Scaling could not be asked: AWS writes it, and nobody else can.
    let tagged = instance.tags.get("aws:autoscaling:groupName");
    let asked = request.observed.fleet.members.contains_key(&instance.id);
    let name = text::fit(known.map(|m| &m.group).or(tagged.filter(|_| !asked))?, 80);
    let Some(member) = known else { return Some(format!("in Auto Scaling group {name}: {REPLACED}")) };
    let lifecycle = text::fit(&member.lifecycle, 40);
    match (Place::of(&member.lifecycle), group(request, member)) {
        _ if !request.policy.leave_scaling_group => Some(format!("in Auto Scaling group {name}: {REPLACED}")),
        (Some(Place::InService), None) => Some(format!("in Auto Scaling group {name}: {REPLACED}")),
        (Some(Place::InService), Some(group)) if way_out(group) == Place::Outside => Some(format!(
            "Auto Scaling group {name} is at its minimum of {}: it launches another instance in the place of this one, \
             and after a restore it has one more than before",
            group.min
        )),
        (Some(_), _) => None,
        (None, _) => Some(format!("{lifecycle} in Auto Scaling group {name}: it can't be taken out of it now")),
    }
}
