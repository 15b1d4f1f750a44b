//! Auto Scaling groups, load balancers and Elastic IP addresses of a scenario.

use super::super::fleet::{ClassicLoadBalancer, Pool, Registered, ScalingState};
use super::super::world::{ScopeWorld, hex_of};
use crate::domain::{
    Association, Balancer, ElasticIp, InstanceId, ScalingGroup, Scope, TargetGroup, TargetKind, VpcId,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::net::IpAddr;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetGroupEntry {
    pub(super) scope: String,
    pub(super) name: String,
    /// The VPC's name or id.
    pub(super) vpc: String,
    pub(super) port: i32,
    /// Instances by name or id; or addresses, and nothing else.
    pub(super) targets: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoadBalancerEntry {
    pub(super) scope: String,
    pub(super) name: String,
    pub(super) vpc: String,
    pub(super) port: i32,
    pub(super) instances: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScalingGroupEntry {
    pub(super) scope: String,
    pub(super) name: String,
    pub(super) min: i32,
    pub(super) max: i32,
    /// Whether it replaces what a load balancer calls unhealthy.
    #[serde(default)]
    pub(super) asks_load_balancers: bool,
    #[serde(default)]
    pub(super) target_groups: Vec<String>,
    #[serde(default)]
    pub(super) load_balancers: Vec<String>,
    pub(super) instances: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressEntry {
    pub(super) scope: String,
    pub(super) allocation: String,
    pub(super) public: IpAddr,
    /// The private address that it stands for.
    pub(super) private: IpAddr,
}

fn find_vpc(place: &ScopeWorld, id_or_name: &str) -> Result<VpcId, String> {
    let named = |tags: &crate::domain::Tags| tags.get("Name").is_some_and(|n| n == id_or_name);
    let found = place.vpcs.iter().find(|(id, vpc)| id.as_str() == id_or_name || named(&vpc.tags));
    found.map(|(id, _)| id.clone()).ok_or_else(|| format!("there is no VPC `{id_or_name}`"))
}

fn find_instance(place: &ScopeWorld, id_or_name: &str) -> Result<InstanceId, String> {
    let is = |i: &crate::domain::Instance| i.id.as_str() == id_or_name || i.name() == Some(id_or_name);
    let found = place.instances.values().find(|s| is(&s.instance));
    found.map(|s| s.instance.id.clone()).ok_or_else(|| format!("there is no instance `{id_or_name}`"))
}

/// The ARN of a target group of this name.
fn arn(scope: &Scope, name: &str) -> Balancer {
    let id = hex_of(&[b"target group", name.as_bytes()], 16);
    Balancer::new(scope.arn("elasticloadbalancing", &format!("targetgroup/{name}/{id}")))
}

pub(super) fn add_target_group(
    place: &mut ScopeWorld,
    scope: &Scope,
    entry: &TargetGroupEntry,
    since: DateTime<Utc>,
) -> Result<(), String> {
    let addresses = entry.targets.iter().all(|t| t.parse::<IpAddr>().is_ok());
    let kind = if addresses { TargetKind::Ip } else { TargetKind::Instance };
    let id = arn(scope, &entry.name);
    let group = TargetGroup { id: id.clone(), vpc: Some(find_vpc(place, &entry.vpc)?), kind };
    let mut targets = Vec::new();
    for target in &entry.targets {
        let id = if addresses { target.clone() } else { find_instance(place, target)?.to_string() };
        targets.push(Registered { id, port: entry.port, zone: None, since, draining: false });
    }
    match place.fleet.target_groups.insert(id, Pool { group, port: entry.port, targets }) {
        Some(_) => Err(format!("target group {} is there twice", entry.name)),
        None => Ok(()),
    }
}

pub(super) fn add_load_balancer(
    place: &mut ScopeWorld,
    entry: &LoadBalancerEntry,
    since: DateTime<Utc>,
) -> Result<(), String> {
    let mut instances = std::collections::BTreeMap::new();
    for instance in &entry.instances {
        instances.insert(find_instance(place, instance)?, since);
    }
    let balancer = ClassicLoadBalancer { vpc: find_vpc(place, &entry.vpc)?, port: entry.port, instances };
    match place.fleet.load_balancers.insert(Balancer::new(entry.name.as_str()), balancer) {
        Some(_) => Err(format!("load balancer {} is there twice", entry.name)),
        None => Ok(()),
    }
}

pub(super) fn add_scaling_group(
    place: &mut ScopeWorld,
    scope: &Scope,
    entry: &ScalingGroupEntry,
) -> Result<(), String> {
    let mut members = std::collections::BTreeMap::new();
    for instance in &entry.instances {
        members.insert(find_instance(place, instance)?, "InService".to_owned());
    }
    let group = ScalingGroup {
        name: entry.name.clone(),
        min: entry.min,
        max: entry.max,
        desired: i32::try_from(members.len()).map_err(|error| error.to_string())?,
        asks_load_balancers: entry.asks_load_balancers,
        target_groups: entry.target_groups.iter().map(|name| arn(scope, name)).collect(),
    };
    if let Some(missing) = group.target_groups.iter().find(|g| !place.fleet.target_groups.contains_key(*g)) {
        return Err(format!("there is no {missing}"));
    }
    let load_balancers = entry.load_balancers.iter().map(|name| Balancer::new(name.as_str())).collect();
    let state = ScalingState { group, load_balancers, members };
    match place.fleet.scaling_groups.insert(entry.name.clone(), state) {
        Some(_) => Err(format!("Auto Scaling group {} is there twice", entry.name)),
        None => Ok(()),
    }
}

pub(super) fn add_address(place: &mut ScopeWorld, entry: &AddressEntry) -> Result<(), String> {
    let interface = place.interfaces.values().find(|i| i.private_ips.contains(&entry.private));
    let interface = interface.ok_or_else(|| format!("no interface has {}", entry.private))?;
    let id = format!("eipassoc-0{}", hex_of(&[b"association", entry.allocation.as_bytes()], 16));
    let association = Some(Association { id, interface: interface.id.clone(), private_ip: entry.private });
    let (allocation, public_ip) = (entry.allocation.clone(), entry.public);
    match place.fleet.addresses.insert(allocation.clone(), ElasticIp { allocation, public_ip, association }) {
        Some(_) => Err(format!("{} is there twice", entry.allocation)),
        None => Ok(()),
    }
}
