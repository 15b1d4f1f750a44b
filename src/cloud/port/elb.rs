//! Elastic Load Balancing, both generations: who is registered, how they fare, and registering.

use super::{CloudResult, Target as Place};
use crate::domain::{Balancer, ClassicBalancer, InstanceId, Scope, Target, TargetGroup};
use async_trait::async_trait;

/// What looks at load balancers.
#[async_trait]
pub trait ElbReads: Send + Sync {
    /// `elasticloadbalancing:DescribeTargetGroups`: all of the account and Region.
    async fn target_groups(&self, scope: &Scope) -> CloudResult<Vec<TargetGroup>>;
    /// `elasticloadbalancing:DescribeTargetHealth`: every target of a group. `TargetGroupNotFound` when there is none.
    async fn targets(&self, scope: &Scope, group: &Balancer) -> CloudResult<Vec<Target>>;
    /// `elasticloadbalancing:DescribeLoadBalancers`: all classic ones of the account and Region.
    async fn classic_balancers(&self, scope: &Scope) -> CloudResult<Vec<ClassicBalancer>>;
    /// `elasticloadbalancing:DescribeInstanceHealth`: every instance of a classic load balancer.
    /// `LoadBalancerNotFound` when there is none.
    async fn classic_targets(&self, scope: &Scope, balancer: &Balancer) -> CloudResult<Vec<Target>>;
}

/// What registers and deregisters targets.
#[async_trait]
pub trait ElbWrites: Send + Sync {
    /// `elasticloadbalancing:RegisterTargets`: one target, with its port. Registering it again changes nothing.
    async fn register_target(&self, place: &Place, group: &Balancer, target: &Target) -> CloudResult<()>;
    /// `elasticloadbalancing:DeregisterTargets`: one target, with its port. One that isn't there is no error.
    async fn deregister_target(&self, place: &Place, group: &Balancer, target: &Target) -> CloudResult<()>;
    /// `elasticloadbalancing:RegisterInstancesWithLoadBalancer`: with a classic load balancer.
    async fn register_with_classic(&self, place: &Place, balancer: &Balancer, instance: &InstanceId)
    -> CloudResult<()>;
    /// `elasticloadbalancing:DeregisterInstancesFromLoadBalancer`: from a classic load balancer.
    async fn deregister_from_classic(
        &self,
        place: &Place,
        balancer: &Balancer,
        instance: &InstanceId,
    ) -> CloudResult<()>;
}
