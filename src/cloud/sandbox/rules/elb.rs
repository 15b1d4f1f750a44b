//! Target groups and classic load balancers: who is registered, and who answers their checks.

use super::super::fleet::{ClassicLoadBalancer, Pool, Registered};
use super::super::refusal::{Refusal, Ruling};
use super::super::world::ScopeWorld;
use crate::domain::{Balancer, ClassicBalancer, GroupRule, InstanceId, Interface, Target, TargetGroup, TargetKind};
use chrono::{DateTime, Duration, Utc};

/// How far a load balancer has come with its checks.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Checks {
    /// The time.
    pub(in super::super) now: DateTime<Utc>,
    /// How long a new target is checked before it is called healthy.
    pub(in super::super) take: Duration,
}

pub(in super::super) fn groups(place: &ScopeWorld) -> Vec<TargetGroup> {
    place.fleet.target_groups.values().map(|pool| pool.group.clone()).collect()
}

pub(in super::super) fn classic(place: &ScopeWorld) -> Vec<ClassicBalancer> {
    let each = place.fleet.load_balancers.iter();
    each.map(|(id, b)| ClassicBalancer { id: id.clone(), instances: b.instances.keys().cloned().collect() }).collect()
}

fn unknown_group(group: &Balancer) -> Refusal {
    Refusal::new("TargetGroupNotFound", format!("Target groups '{}' not found", group.as_str()))
}

fn unknown_balancer(balancer: &Balancer) -> Refusal {
    Refusal::new("LoadBalancerNotFound", format!("There is no ACTIVE Load Balancer named '{}'", balancer.as_str()))
}

pub(in super::super) fn targets(place: &ScopeWorld, group: &Balancer, checks: Checks) -> Ruling<Vec<Target>> {
    let pool = place.fleet.target_groups.get(group).ok_or_else(|| unknown_group(group))?;
    Ok(pool.targets.iter().map(|target| described(place, pool, target, checks)).collect())
}

fn described(place: &ScopeWorld, pool: &Pool, target: &Registered, checks: Checks) -> Target {
    let (state, reason) = health(place, pool, target, checks);
    Target {
        id: target.id.clone(),
        port: Some(target.port),
        zone: target.zone.clone(),
        state: state.to_owned(),
        reason: reason.map(str::to_owned),
    }
}

/// State and reason, by ELBv2's own words (`TargetHealth`).
fn health(
    place: &ScopeWorld,
    pool: &Pool,
    target: &Registered,
    checks: Checks,
) -> (&'static str, Option<&'static str>) {
    if target.draining {
        return ("draining", Some("Target.DeregistrationInProgress"));
    }
    let instance = InstanceId::new(target.id.as_str());
    let interface = match pool.group.kind {
        TargetKind::Instance => place.interfaces_of(&instance).into_iter().next(),
        TargetKind::Ip | TargetKind::Other => {
            let address = target.id.parse().ok();
            place.interfaces.values().find(|i| address.is_some_and(|a| i.private_ips.contains(&a)))
        }
    };
    let Some(interface) = interface else { return ("unhealthy", Some("Target.Timeout")) };
    if !runs(place, interface) {
        ("unused", Some("Target.InvalidState"))
    } else if !admits(place, interface, target.port) {
        ("unhealthy", Some("Target.Timeout"))
    } else if checks.now < target.since + checks.take {
        ("initial", Some("Elb.InitialHealthChecking"))
    } else {
        ("healthy", None)
    }
}

fn runs(place: &ScopeWorld, interface: &Interface) -> bool {
    let state = interface.instance.as_ref().and_then(|id| place.instances.get(id));
    state.is_some_and(|s| s.instance.state == "running")
}

/// Whether a security group of the interface lets a check in.
fn admits(place: &ScopeWorld, interface: &Interface, port: i32) -> bool {
    let lets_in = |rule: &GroupRule| {
        let ports = rule.from_port.zip(rule.to_port).is_none_or(|(from, to)| (from..=to).contains(&port));
        rule.protocol == "-1" || (rule.protocol == "tcp" && ports)
    };
    let groups = interface.groups.iter().filter_map(|id| place.groups.get(id));
    groups.flat_map(|g| &g.group.ingress).any(lets_in)
}

pub(in super::super) fn classic_targets(
    place: &ScopeWorld,
    balancer: &Balancer,
    checks: Checks,
) -> Ruling<Vec<Target>> {
    let found = place.fleet.load_balancers.get(balancer).ok_or_else(|| unknown_balancer(balancer))?;
    Ok(found.instances.iter().map(|(id, since)| classic_target(place, found, id, *since, checks)).collect())
}

fn classic_target(
    place: &ScopeWorld,
    balancer: &ClassicLoadBalancer,
    instance: &InstanceId,
    since: DateTime<Utc>,
    checks: Checks,
) -> Target {
    let interface = place.interfaces_of(instance).into_iter().next();
    let (state, reason) = match interface {
        Some(i) if runs(place, i) && admits(place, i, balancer.port) => {
            if checks.now < since + checks.take {
                ("OutOfService", Some("ELB"))
            } else {
                ("InService", None)
            }
        }
        _ => ("OutOfService", Some("Instance")),
    };
    let reason = reason.map(str::to_owned);
    Target { id: instance.to_string(), port: None, zone: None, state: state.to_owned(), reason }
}

pub(in super::super) fn register(
    place: &mut ScopeWorld,
    group: &Balancer,
    target: &Target,
    now: DateTime<Utc>,
) -> Ruling<()> {
    let pool = place.fleet.target_groups.get(group).ok_or_else(|| unknown_group(group))?;
    let invalid = |why: &str| Refusal::new("InvalidTarget", format!("The following targets {why}: '{}'", target.id));
    match pool.group.kind {
        TargetKind::Instance => {
            let instance = place.instances.get(&InstanceId::new(target.id.as_str()));
            let instance = instance.ok_or_else(|| invalid("are not in the target group VPC"))?;
            if instance.instance.vpc != pool.group.vpc {
                return Err(invalid("are not in the target group VPC"));
            }
            if instance.instance.state != "running" {
                return Err(invalid("are not in a running state and cannot be registered"));
            }
        }
        TargetKind::Ip if target.id.parse::<std::net::IpAddr>().is_err() => {
            return Err(Refusal::new("ValidationError", format!("The IP address '{}' is not valid", target.id)));
        }
        TargetKind::Ip | TargetKind::Other => {}
    }
    enter(place, group, &target.id, target.port, target.zone.clone(), now);
    Ok(())
}

/// Registers a target as the calls do, or as Auto Scaling does by itself.
pub(super) fn enter(
    place: &mut ScopeWorld,
    group: &Balancer,
    id: &str,
    port: Option<i32>,
    zone: Option<String>,
    now: DateTime<Utc>,
) {
    let Some(pool) = place.fleet.target_groups.get_mut(group) else { return };
    let port = port.unwrap_or(pool.port);
    match pool.targets.iter_mut().find(|t| t.id == id && t.port == port) {
        Some(target) if target.draining => (target.draining, target.since) = (false, now),
        Some(_) => {}
        None => pool.targets.push(Registered { id: id.to_owned(), port, zone, since: now, draining: false }),
    }
}

pub(in super::super) fn deregister(place: &mut ScopeWorld, group: &Balancer, target: &Target) -> Ruling<()> {
    if !place.fleet.target_groups.contains_key(group) {
        return Err(unknown_group(group));
    }
    // "If the specified target does not exist, the action returns successfully" (`DeregisterTargets`).
    leave(place, group, &target.id, target.port);
    Ok(())
}

/// Deregisters a target, from one port or all.
pub(super) fn leave(place: &mut ScopeWorld, group: &Balancer, id: &str, port: Option<i32>) {
    let Some(pool) = place.fleet.target_groups.get_mut(group) else { return };
    let meant = |t: &&mut Registered| t.id == id && port.is_none_or(|port| t.port == port);
    pool.targets.iter_mut().filter(meant).for_each(|t| t.draining = true);
}

pub(in super::super) fn set_classic(
    place: &mut ScopeWorld,
    balancer: &Balancer,
    instance: &InstanceId,
    registered: Option<DateTime<Utc>>,
) -> Ruling<()> {
    let runs = place.instances.get(instance).filter(|i| i.instance.exists()).map(|i| i.instance.vpc.clone());
    let found = place.fleet.load_balancers.get_mut(balancer).ok_or_else(|| unknown_balancer(balancer))?;
    let invalid = || Refusal::new("InvalidInstance", format!("Could not find EC2 instance {instance}."));
    match registered {
        Some(since) => {
            if runs.ok_or_else(invalid)?.as_ref() != Some(&found.vpc) {
                return Err(invalid());
            }
            found.instances.entry(instance.clone()).or_insert(since);
        }
        None => {
            found.instances.remove(instance).map(drop).ok_or_else(invalid)?;
        }
    }
    Ok(())
}
