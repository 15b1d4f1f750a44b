//! Auto Scaling's half of the port, and what its groups do by themselves.

use super::rules::{autoscaling as rules, elb::Checks};
use super::simulated::{Sandbox, SandboxError};
use crate::cloud::port::{AutoScalingReads, AutoScalingWrites, CloudResult, Target};
use crate::domain::{InstanceId, ScalingGroup, ScalingMember, Scope};
use async_trait::async_trait;
use chrono::Duration;

impl Sandbox {
    /// How far load balancers are with their checks by now.
    pub(super) fn checks(&self) -> Checks {
        let take = Duration::from_std(self.behaviour().checks).unwrap_or_else(|_| Duration::zero());
        Checks { now: self.now(), take }
    }

    /// Lets Auto Scaling check the health of its instances, as it does all the time: what is in service and ill by a
    /// load balancer's word is terminated and replaced. Answers what was terminated.
    ///
    /// # Errors
    /// When there is no such scope.
    pub fn scale(&self, scope: &Scope) -> Result<Vec<InstanceId>, SandboxError> {
        let checks = self.checks();
        self.change_unseen(|world| rules::check_health(world, scope, checks))
    }
}

#[async_trait]
impl AutoScalingReads for Sandbox {
    async fn scaling_member(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<ScalingMember>> {
        self.ask("autoscaling:DescribeAutoScalingInstances", scope, Some(instance.to_string()), |world| {
            Ok(rules::member(world.place(scope)?, instance))
        })
        .await
    }

    async fn scaling_groups(&self, scope: &Scope, names: &[String]) -> CloudResult<Vec<ScalingGroup>> {
        self.ask("autoscaling:DescribeAutoScalingGroups", scope, Some(names.join(",")), |world| {
            Ok(rules::groups(world.place(scope)?, names))
        })
        .await
    }
}

#[async_trait]
impl AutoScalingWrites for Sandbox {
    async fn enter_standby(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        self.tell("autoscaling:EnterStandby", target, instance, |world| {
            rules::enter_standby(world.place_mut(&target.scope)?, group, instance)
        })
        .await
    }

    async fn exit_standby(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let now = self.now();
        self.tell("autoscaling:ExitStandby", target, instance, |world| {
            rules::exit_standby(world.place_mut(&target.scope)?, group, instance, now)
        })
        .await
    }

    async fn detach_instance(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let now = self.now();
        self.tell("autoscaling:DetachInstances", target, instance, |world| {
            rules::detach(world, &target.scope, group, instance, now)
        })
        .await
    }

    async fn attach_instance(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let now = self.now();
        self.tell("autoscaling:AttachInstances", target, instance, |world| {
            rules::attach(world.place_mut(&target.scope)?, group, instance, now)
        })
        .await
    }
}
