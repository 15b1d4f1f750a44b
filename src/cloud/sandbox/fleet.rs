//! Auto Scaling groups, load balancers and Elastic IP addresses as plain data.

use crate::domain::{Balancer, ElasticIp, InstanceId, ScalingGroup, TargetGroup, VpcId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What stands of them in one account and Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetWorld {
    /// Auto Scaling groups, by name.
    pub scaling_groups: BTreeMap<String, ScalingState>,
    /// Target groups, by ARN.
    pub target_groups: BTreeMap<Balancer, Pool>,
    /// Classic load balancers, by name.
    pub load_balancers: BTreeMap<Balancer, ClassicLoadBalancer>,
    /// Elastic IP addresses, by allocation.
    pub addresses: BTreeMap<String, ElasticIp>,
}

/// An Auto Scaling group with who is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingState {
    /// The group as it is described.
    pub group: ScalingGroup,
    /// The classic load balancers that it registers its instances with.
    pub load_balancers: BTreeSet<Balancer>,
    /// The lifecycle state of each instance.
    pub members: BTreeMap<InstanceId, String>,
}

/// A target group with its targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The group as it is described.
    pub group: TargetGroup,
    /// The port of targets that are registered without one.
    pub port: i32,
    /// Its targets, those on their way out included.
    pub targets: Vec<Registered>,
}

/// A registered target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// An instance's id, or an address.
    pub id: String,
    /// Its port.
    pub port: i32,
    /// The Availability Zone that it was registered with.
    pub zone: Option<String>,
    /// Since when: checks take a while.
    pub since: DateTime<Utc>,
    /// Whether it was deregistered and its connections are being drained.
    pub draining: bool,
}

/// A classic load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassicLoadBalancer {
    /// Its VPC.
    pub vpc: VpcId,
    /// The port that it checks.
    pub port: i32,
    /// Its instances, since when each.
    pub instances: BTreeMap<InstanceId, DateTime<Utc>>,
}

impl FleetWorld {
    /// Forgets what no restore brings back: since when targets are registered, and the ids of associations.
    pub(super) fn forget_times(&mut self) {
        for target in self.target_groups.values_mut().flat_map(|pool| &mut pool.targets) {
            target.since = DateTime::UNIX_EPOCH;
        }
        for since in self.load_balancers.values_mut().flat_map(|balancer| balancer.instances.values_mut()) {
            *since = DateTime::UNIX_EPOCH;
        }
        for association in self.addresses.values_mut().filter_map(|a| a.association.as_mut()) {
            association.id.clear();
        }
    }
}
