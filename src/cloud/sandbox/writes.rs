//! The mutating half of the port.

use super::refusal::Ruling;
use super::rules;
use super::simulated::{Call, Sandbox};
use super::world::World;
use crate::cloud::port::{CloudResult, FindingUpdate, Snapshot, Target, Unprocessed, Writes};
use crate::domain::{FindingKey, GroupId, GroupRule, InstanceId, InterfaceId, Protection, Tags, VpcId};
use async_trait::async_trait;

/// What a dry run answers in place of a message's id.
const DRY_MESSAGE: &str = "00000000-0000-0000-0000-000000000000";

impl Sandbox {
    /// A mutating call on one resource.
    pub(super) async fn tell<T, F>(
        &self,
        operation: &'static str,
        target: &Target,
        resource: impl ToString,
        change: F,
    ) -> CloudResult<T>
    where
        F: FnOnce(&mut World) -> Ruling<T> + Send,
        T: Send,
    {
        let dry_run = target.dry_run;
        let resource = Some(resource.to_string());
        let call = Call { operation, scope: &target.scope, resource, mutating: true, dry_run };
        self.call(call, |sandbox| sandbox.change(dry_run, change)).await
    }

    /// A mutating call of IAM, which knows no rehearsal.
    pub(super) async fn tell_iam<F>(
        &self,
        operation: &'static str,
        target: &Target,
        resource: &str,
        change: F,
    ) -> CloudResult<()>
    where
        F: FnOnce(&mut World) -> Ruling<()> + Send,
    {
        if target.dry_run { Ok(()) } else { self.tell(operation, target, resource, change).await }
    }
}

#[async_trait]
impl Writes for Sandbox {
    async fn set_protection(
        &self,
        target: &Target,
        instance: &InstanceId,
        protection: Protection,
        on: bool,
    ) -> CloudResult<()> {
        self.tell("ec2:ModifyInstanceAttribute", target, instance, |world| {
            rules::instances::set_protection(world.place_mut(&target.scope)?, instance, protection, on)
        })
        .await
    }

    async fn set_interface_groups(
        &self,
        target: &Target,
        interface: &InterfaceId,
        groups: &[GroupId],
    ) -> CloudResult<()> {
        let now = self.now();
        self.tell("ec2:ModifyNetworkInterfaceAttribute", target, interface, |world| {
            let place = world.place_mut(&target.scope)?;
            rules::agents::told_by_now(place, interface, now);
            rules::interfaces::set_groups(place, interface, groups)
        })
        .await
    }

    async fn create_tags(&self, target: &Target, resource: &str, tags: &Tags) -> CloudResult<()> {
        self.tell("ec2:CreateTags", target, resource, |world| {
            rules::tags::create(world.place_mut(&target.scope)?, resource, tags)
        })
        .await
    }

    async fn delete_tags(&self, target: &Target, resource: &str, tags: &Tags) -> CloudResult<()> {
        self.tell("ec2:DeleteTags", target, resource, |world| {
            rules::tags::delete(world.place_mut(&target.scope)?, resource, tags)
        })
        .await
    }

    async fn create_group(
        &self,
        target: &Target,
        vpc: &VpcId,
        name: &str,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<GroupId> {
        let made = self
            .tell("ec2:CreateSecurityGroup", target, vpc, |world| {
                rules::groups::create(world, &target.scope, vpc, name, description, tags)
            })
            .await?;
        Ok(if target.dry_run { rules::groups::placeholder() } else { made })
    }

    async fn revoke_egress(&self, target: &Target, group: &GroupId, egress: &[GroupRule]) -> CloudResult<()> {
        self.tell("ec2:RevokeSecurityGroupEgress", target, group, |world| {
            rules::groups::revoke_egress(world.place_mut(&target.scope)?, group, egress)
        })
        .await
    }

    async fn authorize_egress(&self, target: &Target, group: &GroupId, egress: &[GroupRule]) -> CloudResult<()> {
        self.tell("ec2:AuthorizeSecurityGroupEgress", target, group, |world| {
            rules::groups::authorize_egress(world.place_mut(&target.scope)?, group, egress)
        })
        .await
    }

    async fn create_snapshots(
        &self,
        target: &Target,
        instance: &InstanceId,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<Vec<Snapshot>> {
        let now = self.now();
        let made = self
            .tell("ec2:CreateSnapshots", target, instance, |world| {
                rules::snapshots::create(world, &target.scope, instance, description, tags, now)
            })
            .await?;
        Ok(if target.dry_run { Vec::new() } else { made })
    }

    async fn publish(&self, target: &Target, topic_arn: &str, subject: &str, body: &str) -> CloudResult<String> {
        if target.dry_run {
            return Ok(DRY_MESSAGE.to_owned());
        }
        let now = self.now();
        self.tell("sns:Publish", target, topic_arn, |world| {
            rules::topics::publish(world, &target.scope, topic_arn, subject, body, now)
        })
        .await
    }

    async fn update_findings(
        &self,
        target: &Target,
        keys: &[FindingKey],
        update: &FindingUpdate,
    ) -> CloudResult<Vec<Unprocessed>> {
        if target.dry_run {
            return Ok(Vec::new());
        }
        let now = self.now();
        let resource = keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(",");
        self.tell("securityhub:BatchUpdateFindings", target, resource, |world| {
            let before = self.before_update(world);
            let answer = rules::findings::update(world, &target.scope, keys, update, now)?;
            before.into_iter().for_each(|before| self.show_late(before));
            Ok(answer)
        })
        .await
    }
}
