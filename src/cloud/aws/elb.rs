//! Elastic Load Balancing: target groups through its second API, classic load balancers through its first.

use super::AwsCloud;
use super::error::call;
use crate::cloud::operations::{
    DEREGISTER_INSTANCES_FROM_LOAD_BALANCER, DEREGISTER_TARGETS, DESCRIBE_INSTANCE_HEALTH, DESCRIBE_LOAD_BALANCERS,
    DESCRIBE_TARGET_GROUPS, DESCRIBE_TARGET_HEALTH, REGISTER_INSTANCES_WITH_LOAD_BALANCER, REGISTER_TARGETS,
};
use crate::cloud::port::{CloudResult, ElbReads, ElbWrites, Target as Place};
use crate::domain::{Balancer, ClassicBalancer, InstanceId, Scope, Target, TargetGroup, TargetKind, VpcId};
use async_trait::async_trait;
use aws_sdk_elasticloadbalancing::types as classic;
use aws_sdk_elasticloadbalancingv2::types as v2;

/// The largest page of target groups, and of classic load balancers.
const PAGE: i32 = 400;

fn group(g: &v2::TargetGroup) -> Option<TargetGroup> {
    Some(TargetGroup {
        id: Balancer::new(g.target_group_arn()?),
        vpc: g.vpc_id().filter(|v| !v.is_empty()).map(VpcId::new),
        kind: match g.target_type() {
            Some(v2::TargetTypeEnum::Instance) => TargetKind::Instance,
            Some(v2::TargetTypeEnum::Ip) => TargetKind::Ip,
            _ => TargetKind::Other,
        },
    })
}

fn target(d: &v2::TargetHealthDescription) -> Option<Target> {
    let (target, health) = (d.target()?, d.target_health());
    Some(Target {
        id: target.id()?.to_owned(),
        port: target.port(),
        zone: target.availability_zone().map(str::to_owned),
        state: health.and_then(|h| h.state()).map_or_else(String::new, |s| s.as_str().to_owned()),
        reason: health.and_then(|h| h.reason()).map(|r| r.as_str().to_owned()),
    })
}

fn instance(state: &classic::InstanceState) -> Option<Target> {
    Some(Target {
        id: state.instance_id()?.to_owned(),
        port: None,
        zone: None,
        state: state.state().unwrap_or_default().to_owned(),
        reason: state.reason_code().filter(|code| *code != "N/A").map(str::to_owned),
    })
}

fn described(target: &Target) -> v2::TargetDescription {
    // Without its zone: the load balancer finds that out, unless the address lies outside the VPC.
    let zone = target.zone.clone().filter(|zone| zone == "all");
    v2::TargetDescription::builder().id(&target.id).set_port(target.port).set_availability_zone(zone).build()
}

#[async_trait]
impl ElbReads for AwsCloud {
    async fn target_groups(&self, scope: &Scope) -> CloudResult<Vec<TargetGroup>> {
        let clients = self.clients.of(scope).await?;
        let elbv2 = &clients.elbv2;
        let pages = elbv2.describe_target_groups().page_size(PAGE).into_paginator().items().send();
        let found = call(DESCRIBE_TARGET_GROUPS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
        Ok(found.iter().filter_map(group).collect())
    }

    async fn targets(&self, scope: &Scope, group: &Balancer) -> CloudResult<Vec<Target>> {
        let clients = self.clients.of(scope).await?;
        let elbv2 = &clients.elbv2;
        let request = elbv2.describe_target_health().target_group_arn(group.as_str());
        let answer = call(DESCRIBE_TARGET_HEALTH, Some(scope), request.send()).await;
        let answer = answer.map_err(|e| e.on(group.as_str()))?;
        Ok(answer.target_health_descriptions().iter().filter_map(target).collect())
    }

    async fn classic_balancers(&self, scope: &Scope) -> CloudResult<Vec<ClassicBalancer>> {
        let clients = self.clients.of(scope).await?;
        let elb = &clients.elb;
        let pages = elb.describe_load_balancers().page_size(PAGE).into_paginator().items().send();
        let found = call(DESCRIBE_LOAD_BALANCERS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
        let balancer = |b: &classic::LoadBalancerDescription| {
            Some(ClassicBalancer {
                id: Balancer::new(b.load_balancer_name()?),
                instances: b.instances().iter().filter_map(|i| i.instance_id()).map(InstanceId::new).collect(),
            })
        };
        Ok(found.iter().filter_map(balancer).collect())
    }

    async fn classic_targets(&self, scope: &Scope, balancer: &Balancer) -> CloudResult<Vec<Target>> {
        let clients = self.clients.of(scope).await?;
        let elb = &clients.elb;
        let request = elb.describe_instance_health().load_balancer_name(balancer.as_str());
        let answer = call(DESCRIBE_INSTANCE_HEALTH, Some(scope), request.send()).await;
        let answer = answer.map_err(|e| e.on(balancer.as_str()))?;
        Ok(answer.instance_states().iter().filter_map(instance).collect())
    }
}

#[async_trait]
impl ElbWrites for AwsCloud {
    async fn register_target(&self, place: &Place, group: &Balancer, target: &Target) -> CloudResult<()> {
        if place.dry_run {
            return Ok(());
        }
        let clients = self.clients.of(&place.scope).await?;
        let elbv2 = &clients.elbv2;
        let request = elbv2.register_targets().target_group_arn(group.as_str()).targets(described(target));
        let answer = call(REGISTER_TARGETS, Some(&place.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(group.as_str()))
    }

    async fn deregister_target(&self, place: &Place, group: &Balancer, target: &Target) -> CloudResult<()> {
        if place.dry_run {
            return Ok(());
        }
        let clients = self.clients.of(&place.scope).await?;
        let elbv2 = &clients.elbv2;
        let request = elbv2.deregister_targets().target_group_arn(group.as_str()).targets(described(target));
        let answer = call(DEREGISTER_TARGETS, Some(&place.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(group.as_str()))
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
        let clients = self.clients.of(&place.scope).await?;
        let elb_once = &clients.elb_once;
        let instance = classic::Instance::builder().instance_id(instance.as_str()).build();
        let request =
            elb_once.register_instances_with_load_balancer().load_balancer_name(balancer.as_str()).instances(instance);
        let answer = call(REGISTER_INSTANCES_WITH_LOAD_BALANCER, Some(&place.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(balancer.as_str()))
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
        let clients = self.clients.of(&place.scope).await?;
        let elb_once = &clients.elb_once;
        let instance = classic::Instance::builder().instance_id(instance.as_str()).build();
        let request = elb_once
            .deregister_instances_from_load_balancer()
            .load_balancer_name(balancer.as_str())
            .instances(instance);
        let answer = call(DEREGISTER_INSTANCES_FROM_LOAD_BALANCER, Some(&place.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(balancer.as_str()))
    }
}
