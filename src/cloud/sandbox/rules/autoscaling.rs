//! Auto Scaling groups: standby, detaching and attaching; and what a group does by itself to an instance that its load
//! balancers call unhealthy.

use super::super::fleet::ScalingState;
use super::super::refusal::{Refusal, Ruling};
use super::super::world::{ScopeWorld, World};
use super::elb::{self, Checks};
use super::instances;
use crate::domain::{Balancer, InstanceId, InterfaceId, ScalingGroup, ScalingMember, Scope};
use chrono::{DateTime, Utc};

const IN_SERVICE: &str = "InService";
const STANDBY: &str = "Standby";

pub(in super::super) fn member(place: &ScopeWorld, instance: &InstanceId) -> Option<ScalingMember> {
    place.fleet.scaling_groups.values().find_map(|state| {
        let lifecycle = state.members.get(instance)?.clone();
        Some(ScalingMember { group: state.group.name.clone(), lifecycle })
    })
}

pub(in super::super) fn groups(place: &ScopeWorld, names: &[String]) -> Vec<ScalingGroup> {
    let all = place.fleet.scaling_groups.values().map(|state| &state.group);
    all.filter(|g| names.contains(&g.name)).cloned().collect()
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

fn group_of<'a>(place: &'a mut ScopeWorld, name: &str) -> Ruling<&'a mut ScalingState> {
    let missing = || invalid(format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found"));
    place.fleet.scaling_groups.get_mut(name).ok_or_else(missing)
}

fn sizes(group: &ScalingGroup, what: &str) -> Refusal {
    invalid(format!(
        "AutoScalingGroup {} has min-size={}, max-size={}, and desired-size={}. To {what}, please update the \
         AutoScalingGroup sizes appropriately.",
        group.name, group.min, group.max, group.desired
    ))
}

/// Checks that an instance is in a group in this state.
fn must_be(state: &ScalingState, instance: &InstanceId, lifecycle: &str) -> Ruling<()> {
    match state.members.get(instance) {
        None => {
            Err(invalid(format!("The instance {instance} is not part of Auto Scaling group {}.", state.group.name)))
        }
        Some(now) if now != lifecycle => Err(invalid(format!("The instance {instance} is not in {lifecycle}."))),
        Some(_) => Ok(()),
    }
}

/// The load balancers that the group registers its instances with, of both generations.
fn balancers(place: &ScopeWorld, name: &str) -> Vec<Balancer> {
    let state = place.fleet.scaling_groups.get(name);
    state.iter().flat_map(|s| s.group.target_groups.iter().chain(&s.load_balancers)).cloned().collect()
}

fn leave_balancers(place: &mut ScopeWorld, name: &str, instance: &InstanceId) {
    for balancer in balancers(place, name) {
        elb::leave(place, &balancer, instance.as_str(), None);
        if let Some(classic) = place.fleet.load_balancers.get_mut(&balancer) {
            classic.instances.remove(instance);
        }
    }
}

fn enter_balancers(place: &mut ScopeWorld, name: &str, instance: &InstanceId, now: DateTime<Utc>) {
    for balancer in balancers(place, name) {
        elb::enter(place, &balancer, instance.as_str(), None, None, now);
        if let Some(classic) = place.fleet.load_balancers.get_mut(&balancer) {
            classic.instances.entry(instance.clone()).or_insert(now);
        }
    }
}

pub(in super::super) fn enter_standby(place: &mut ScopeWorld, name: &str, instance: &InstanceId) -> Ruling<()> {
    let state = group_of(place, name)?;
    must_be(state, instance, IN_SERVICE)?;
    if state.group.desired <= state.group.min {
        return Err(sizes(&state.group, "place into standby 1 instance"));
    }
    state.group.desired -= 1;
    state.members.insert(instance.clone(), STANDBY.to_owned());
    leave_balancers(place, name, instance);
    Ok(())
}

pub(in super::super) fn exit_standby(
    place: &mut ScopeWorld,
    name: &str,
    instance: &InstanceId,
    now: DateTime<Utc>,
) -> Ruling<()> {
    let state = group_of(place, name)?;
    must_be(state, instance, STANDBY)?;
    if state.group.desired >= state.group.max {
        return Err(sizes(&state.group, "exit standby 1 instance"));
    }
    state.group.desired += 1;
    state.members.insert(instance.clone(), IN_SERVICE.to_owned());
    enter_balancers(place, name, instance, now);
    Ok(())
}

/// Detaches without a smaller desired capacity: another instance is launched.
pub(in super::super) fn detach(
    world: &mut World,
    scope: &Scope,
    name: &str,
    instance: &InstanceId,
    now: DateTime<Utc>,
) -> Ruling<()> {
    let place = world.place_mut(scope)?;
    let state = group_of(place, name)?;
    if state.members.get(instance).map(String::as_str) != Some(STANDBY) {
        must_be(state, instance, IN_SERVICE)?;
    }
    state.members.remove(instance);
    leave_balancers(place, name, instance);
    if let Some(state) = place.instances.get_mut(instance) {
        state.instance.tags.remove(TAG);
    }
    launch(world, scope, name, instance, now)
}

/// The tag by which Auto Scaling marks its instances.
const TAG: &str = "aws:autoscaling:groupName";

pub(in super::super) fn attach(
    place: &mut ScopeWorld,
    name: &str,
    instance: &InstanceId,
    now: DateTime<Utc>,
) -> Ruling<()> {
    let elsewhere = member(place, instance);
    let running = place.instances.get(instance).is_some_and(|i| i.instance.state == "running");
    let state = group_of(place, name)?;
    if let Some(member) = elsewhere {
        return Err(invalid(format!("Instances are already part of group {}: {instance}", member.group)));
    }
    if !running {
        return Err(invalid(format!("Invalid Instance ID(s): [{instance}] specified")));
    }
    if state.group.desired >= state.group.max {
        return Err(sizes(&state.group, "attach 1 new instance"));
    }
    state.group.desired += 1;
    state.members.insert(instance.clone(), IN_SERVICE.to_owned());
    if let Some(state) = place.instances.get_mut(instance) {
        state.instance.tags.insert(TAG.to_owned(), name.to_owned());
    }
    enter_balancers(place, name, instance, now);
    Ok(())
}

/// Launches another instance like this one into the group.
fn launch(world: &mut World, scope: &Scope, name: &str, like: &InstanceId, now: DateTime<Utc>) -> Ruling<()> {
    let id = InstanceId::new(world.new_id("i-"));
    let interface = InterfaceId::new(world.new_id("eni-"));
    let place = world.place_mut(scope)?;
    if let Some(mut state) = place.instances.get(like).cloned() {
        state.instance.id = id.clone();
        state.instance.launched_at = Some(now);
        state.instance.volumes.clear();
        state.instance.tags = [(TAG.to_owned(), name.to_owned())].into();
        (state.termination_protection, state.stop_protection) = (false, false);
        place.instances.insert(id.clone(), state);
    }
    let primary = place.interfaces_of(like).into_iter().next().cloned();
    if let Some(mut made) = primary {
        (made.id, made.instance) = (interface.clone(), Some(id.clone()));
        (made.private_ips, made.public_ips) = (vec![], vec![]);
        made.tags.clear();
        place.interfaces.insert(interface, made);
    }
    group_of(place, name)?.members.insert(id.clone(), IN_SERVICE.to_owned());
    enter_balancers(place, name, &id, now);
    Ok(())
}

/// What Auto Scaling does by itself at its next check: instances in service that do not run, or that a load balancer
/// calls unhealthy where the group asks it, are terminated and replaced, protected from termination or not. Answers them.
pub(in super::super) fn check_health(world: &mut World, scope: &Scope, checks: Checks) -> Ruling<Vec<InstanceId>> {
    let place = world.place(scope)?;
    let mut doomed: Vec<(String, InstanceId)> = Vec::new();
    for (name, state) in &place.fleet.scaling_groups {
        let in_service = state.members.iter().filter(|(_, lifecycle)| *lifecycle == IN_SERVICE);
        for (instance, _) in in_service {
            // "EC2 status checks" are every group's: whatever isn't running is unhealthy.
            let down = place.instances.get(instance).is_some_and(|i| i.instance.state != "running");
            let asked = state.group.asks_load_balancers;
            let ill = down
                || asked
                    && balancers(place, name).into_iter().any(|balancer| {
                        let targets = if balancer.is_target_group() {
                            elb::targets(place, &balancer, checks)
                        } else {
                            elb::classic_targets(place, &balancer, checks)
                        };
                        let its = targets.unwrap_or_default().into_iter().filter(|t| t.id == instance.as_str());
                        its.into_iter().any(|t| t.state == "unhealthy" || t.reason.as_deref() == Some("Instance"))
                    });
            if ill {
                doomed.push((name.clone(), instance.clone()));
            }
        }
    }
    for (name, instance) in &doomed {
        launch(world, scope, name, instance, checks.now)?;
        let place = world.place_mut(scope)?;
        leave_balancers(place, name, instance);
        group_of(place, name)?.members.remove(instance);
        instances::end(place, instance);
    }
    Ok(doomed.into_iter().map(|(_, instance)| instance).collect())
}
