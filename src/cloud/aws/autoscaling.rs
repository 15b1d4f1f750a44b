//! Auto Scaling. Its writes are sent once: repeated, each fails, and says nothing about the first.

use super::AwsCloud;
use super::error::call;
use crate::cloud::operations::{
    ATTACH_INSTANCES, DESCRIBE_AUTO_SCALING_GROUPS, DESCRIBE_AUTO_SCALING_INSTANCES, DETACH_INSTANCES, ENTER_STANDBY,
    EXIT_STANDBY,
};
use crate::cloud::port::{AutoScalingReads, AutoScalingWrites, CloudResult, Target};
use crate::domain::{Balancer, InstanceId, ScalingGroup, ScalingMember, Scope};
use async_trait::async_trait;
use aws_sdk_autoscaling::types as scaling;

/// How many names one page of `DescribeAutoScalingGroups` holds at most.
const PAGE: i32 = 100;

fn group(g: &scaling::AutoScalingGroup) -> Option<ScalingGroup> {
    Some(ScalingGroup {
        name: g.auto_scaling_group_name()?.to_owned(),
        min: g.min_size().unwrap_or_default(),
        max: g.max_size().unwrap_or_default(),
        desired: g.desired_capacity().unwrap_or_default(),
        // `EC2`, or a list such as `EC2,ELB` or `ELB,VPC_LATTICE`; whoever else judges is as quick to replace.
        asks_load_balancers: g.health_check_type().is_some_and(|kind| kind != "EC2"),
        target_groups: g.target_group_arns().iter().map(Balancer::new).collect(),
    })
}

#[async_trait]
impl AutoScalingReads for AwsCloud {
    async fn scaling_member(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<ScalingMember>> {
        let clients = self.clients.of(scope).await?;
        let autoscaling = &clients.autoscaling;
        let request = autoscaling.describe_auto_scaling_instances().instance_ids(instance.as_str());
        let answer = call(DESCRIBE_AUTO_SCALING_INSTANCES, Some(scope), request.send()).await;
        let answer = answer.map_err(|e| e.on(instance))?;
        let found = answer.auto_scaling_instances().iter().find(|i| i.instance_id() == Some(instance.as_str()));
        Ok(found.and_then(|i| {
            Some(ScalingMember {
                group: i.auto_scaling_group_name()?.to_owned(),
                lifecycle: i.lifecycle_state().unwrap_or_default().to_owned(),
            })
        }))
    }

    async fn scaling_groups(&self, scope: &Scope, names: &[String]) -> CloudResult<Vec<ScalingGroup>> {
        if names.is_empty() {
            return Ok(vec![]); // without a name AWS lists all
        }
        let clients = self.clients.of(scope).await?;
        let autoscaling = &clients.autoscaling;
        let pages = autoscaling
            .describe_auto_scaling_groups()
            .set_auto_scaling_group_names(Some(names.to_vec()))
            .max_records(PAGE)
            .into_paginator()
            .items()
            .send();
        let found = call(DESCRIBE_AUTO_SCALING_GROUPS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
        Ok(found.iter().filter_map(group).filter(|g| names.contains(&g.name)).collect())
    }
}

#[async_trait]
impl AutoScalingWrites for AwsCloud {
    async fn enter_standby(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let clients = self.clients.of(&target.scope).await?;
        let autoscaling_once = &clients.autoscaling_once;
        let request = autoscaling_once
            .enter_standby()
            .auto_scaling_group_name(group)
            .instance_ids(instance.as_str())
            .should_decrement_desired_capacity(true);
        let answer = call(ENTER_STANDBY, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(instance))
    }

    async fn exit_standby(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let clients = self.clients.of(&target.scope).await?;
        let autoscaling_once = &clients.autoscaling_once;
        let request = autoscaling_once.exit_standby().auto_scaling_group_name(group).instance_ids(instance.as_str());
        let answer = call(EXIT_STANDBY, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(instance))
    }

    async fn detach_instance(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let clients = self.clients.of(&target.scope).await?;
        let autoscaling_once = &clients.autoscaling_once;
        let request = autoscaling_once
            .detach_instances()
            .auto_scaling_group_name(group)
            .instance_ids(instance.as_str())
            .should_decrement_desired_capacity(false);
        let answer = call(DETACH_INSTANCES, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(instance))
    }

    async fn attach_instance(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let clients = self.clients.of(&target.scope).await?;
        let autoscaling_once = &clients.autoscaling_once;
        let request =
            autoscaling_once.attach_instances().auto_scaling_group_name(group).instance_ids(instance.as_str());
        let answer = call(ATTACH_INSTANCES, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(instance))
    }
}
