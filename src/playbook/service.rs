//! What being in service means for an instance.

use super::call::ApiCall;
use crate::domain::{Balancer, InstanceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One target of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TargetRef {
    /// Where it is registered.
    pub with: Balancer,
    /// An instance's id, or an address.
    pub id: String,
    /// Its port; none for every port that it is registered with.
    pub port: Option<i32>,
}

/// What being in service means for an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCheck {
    /// The instance.
    pub instance: InstanceId,
    /// The Auto Scaling group in which it has to be in service.
    pub scaling_group: Option<String>,
    /// The targets that have to be well.
    pub targets: BTreeSet<TargetRef>,
}

impl ServiceCheck {
    /// The calls by which it is looked at.
    pub(super) fn calls(&self) -> Vec<ApiCall> {
        let balancers: BTreeSet<&Balancer> = self.targets.iter().map(|t| &t.with).collect();
        let targets = balancers.into_iter().map(|b| match b.is_target_group() {
            true => ApiCall::read("elasticloadbalancing:DescribeTargetHealth", b.name()),
            false => ApiCall::read("elasticloadbalancing:DescribeInstanceHealth", b.name()),
        });
        let member = self.scaling_group.as_ref();
        let member = member.map(|_| ApiCall::read("autoscaling:DescribeAutoScalingInstances", self.instance.as_str()));
        member.into_iter().chain(targets).collect()
    }
}
