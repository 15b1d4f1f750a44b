//! Elastic Load Balancing's half of the port.

use super::rules::elb as rules;
use super::simulated::Sandbox;
use crate::cloud::port::{CloudResult, ElbReads, ElbWrites, Target as Place};
use crate::domain::{Balancer, ClassicBalancer, InstanceId, Scope, Target, TargetGroup};
use async_trait::async_trait;

#[async_trait]
impl ElbReads for Sandbox {
    async fn target_groups(&self, scope: &Scope) -> CloudResult<Vec<TargetGroup>> {
        self.ask("elasticloadbalancing:DescribeTargetGroups", scope, None, |world| {
            Ok(rules::groups(world.place(scope)?))
        })
        .await
    }

    async fn targets(&self, scope: &Scope, group: &Balancer) -> CloudResult<Vec<Target>> {
        let (resource, checks) = (Some(group.as_str().to_owned()), self.checks());
        self.ask("elasticloadbalancing:DescribeTargetHealth", scope, resource, |world| {
            rules::targets(world.place(scope)?, group, checks)
        })
        .await
    }

    async fn classic_balancers(&self, scope: &Scope) -> CloudResult<Vec<ClassicBalancer>> {
        self.ask("elasticloadbalancing:DescribeLoadBalancers", scope, None, |world| {
            Ok(rules::classic(world.place(scope)?))
        })
        .await
    }

    async fn classic_targets(&self, scope: &Scope, balancer: &Balancer) -> CloudResult<Vec<Target>> {
        let (resource, checks) = (Some(balancer.as_str().to_owned()), self.checks());
        self.ask("elasticloadbalancing:DescribeInstanceHealth", scope, resource, |world| {
            rules::classic_targets(world.place(scope)?, balancer, checks)
        })
        .await
    }
}

#[async_trait]
impl ElbWrites for Sandbox {
    async fn register_target(&self, place: &Place, group: &Balancer, target: &Target) -> CloudResult<()> {
        if place.dry_run {
            return Ok(());
        }
        let now = self.now();
        self.tell("elasticloadbalancing:RegisterTargets", place, group.as_str(), |world| {
            rules::register(world.place_mut(&place.scope)?, group, target, now)
        })
        .await
    }

    async fn deregister_target(&self, place: &Place, group: &Balancer, target: &Target) -> CloudResult<()> {
        if place.dry_run {
            return Ok(());
        }
        self.tell("elasticloadbalancing:DeregisterTargets", place, group.as_str(), |world| {
            rules::deregister(world.place_mut(&place.scope)?, group, target)
        })
        .await
    }

    async fn register_with_classic(
        &self,
        place: &Place,
        balancer: &Balancer,
        instance: &InstanceId,
    ) -> CloudResult<()> {
        if place.dry_run {
            return Ok(());
        }
        let now = self.now();
        self.tell("elasticloadbalancing:RegisterInstancesWithLoadBalancer", place, balancer.as_str(), |world| {
            rules::set_classic(world.place_mut(&place.scope)?, balancer, instance, Some(now))
        })
        .await
    }

    async fn deregister_from_classic(
        &self,
        place: &Place,
        balancer: &Balancer,
        instance: &InstanceId,
    ) -> CloudResult<()> {
        if place.dry_run {
            return Ok(());
        }
        self.tell("elasticloadbalancing:DeregisterInstancesFromLoadBalancer", place, balancer.as_str(), |world| {
            rules::set_classic(world.place_mut(&place.scope)?, balancer, instance, None)
        })
        .await
    }
}
