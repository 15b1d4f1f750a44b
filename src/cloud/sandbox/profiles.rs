//! Instance profiles and metadata options: the mutating half of that part of the port.

use super::rules;
use super::simulated::Sandbox;
use crate::cloud::port::{CloudResult, ProfileWrites, Target};
use crate::domain::{InstanceId, MetadataOptions};
use async_trait::async_trait;

/// What a rehearsal answers in place of an association's id: these calls know no `DryRun`.
const DRY_ASSOCIATION: &str = "iip-assoc-00000000000000000";

#[async_trait]
impl ProfileWrites for Sandbox {
    async fn associate_profile(
        &self,
        target: &Target,
        instance: &InstanceId,
        profile_arn: &str,
    ) -> CloudResult<String> {
        if target.dry_run {
            return Ok(DRY_ASSOCIATION.to_owned());
        }
        self.tell("ec2:AssociateIamInstanceProfile", target, instance, |world| {
            rules::profiles::associate(world, &target.scope, instance, profile_arn)
        })
        .await
    }

    async fn replace_profile(&self, target: &Target, association: &str, profile_arn: &str) -> CloudResult<String> {
        if target.dry_run {
            return Ok(DRY_ASSOCIATION.to_owned());
        }
        self.tell("ec2:ReplaceIamInstanceProfileAssociation", target, association, |world| {
            rules::profiles::replace(world, &target.scope, association, profile_arn)
        })
        .await
    }

    async fn disassociate_profile(&self, target: &Target, association: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        self.tell("ec2:DisassociateIamInstanceProfile", target, association, |world| {
            rules::profiles::disassociate(world, &target.scope, association)
        })
        .await
    }

    async fn set_metadata_options(
        &self,
        target: &Target,
        instance: &InstanceId,
        options: &MetadataOptions,
    ) -> CloudResult<()> {
        self.tell("ec2:ModifyInstanceMetadataOptions", target, instance, |world| {
            rules::profiles::set_metadata(world.place_mut(&target.scope)?, instance, options)
        })
        .await
    }
}
