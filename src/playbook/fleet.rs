//! What was read of an instance's Auto Scaling group, load balancers and Elastic IP addresses.

use crate::domain::{Balancer, ElasticIp, InstanceId, ScalingGroup, ScalingMember, Target};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which of it is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetNeeds {
    /// The instances whose place in an Auto Scaling group is asked for.
    pub members: BTreeSet<InstanceId>,
    /// Auto Scaling groups, by name.
    pub groups: BTreeSet<String>,
    /// Target groups and classic load balancers whose targets are asked for.
    pub targets: BTreeSet<Balancer>,
    /// Elastic IP addresses, by allocation.
    pub addresses: BTreeSet<String>,
}

impl FleetNeeds {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.members.extend(other.members);
        self.groups.extend(other.groups);
        self.targets.extend(other.targets);
        self.addresses.extend(other.addresses);
        self
    }
}

/// What was read. A map lacks what was not asked for or could not be read; its value is `None` where it isn't there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// Places in Auto Scaling groups; `None` for an instance that is in none.
    pub members: BTreeMap<InstanceId, Option<ScalingMember>>,
    /// Auto Scaling groups, by name.
    pub groups: BTreeMap<String, Option<ScalingGroup>>,
    /// Everything that is registered, by where it is.
    pub targets: BTreeMap<Balancer, Option<Vec<Target>>>,
    /// Elastic IP addresses, by allocation.
    pub addresses: BTreeMap<String, Option<ElasticIp>>,
    /// What could not be read, each with why.
    pub unread: Vec<String>,
}
