//! Putting instance profiles on instances, and how their credentials are served.

use super::{CloudResult, Target};
use crate::domain::{InstanceId, MetadataOptions};
use async_trait::async_trait;

/// What changes an instance's role and how its credentials are served. The three calls on associations take neither a
/// `ClientToken` nor `DryRun`: each is sent once, and rehearsed they answer `Ok` without a call.
#[async_trait]
pub trait ProfileWrites: Send + Sync {
    /// `ec2:AssociateIamInstanceProfile`: answers the association's id. `IncorrectState` where the instance has a
    /// profile, `IncorrectInstanceState` where it neither runs nor is stopped.
    async fn associate_profile(&self, target: &Target, instance: &InstanceId, profile_arn: &str)
    -> CloudResult<String>;

    /// `ec2:ReplaceIamInstanceProfileAssociation`: without a gap, on a running instance alone (`IncorrectState`
    /// otherwise). Answers the new association's id; the old one is gone.
    async fn replace_profile(&self, target: &Target, association: &str, profile_arn: &str) -> CloudResult<String>;

    /// `ec2:DisassociateIamInstanceProfile`.
    async fn disassociate_profile(&self, target: &Target, association: &str) -> CloudResult<()>;

    /// `ec2:ModifyInstanceMetadataOptions`: sets all of them. Knows `DryRun`.
    async fn set_metadata_options(
        &self,
        target: &Target,
        instance: &InstanceId,
        options: &MetadataOptions,
    ) -> CloudResult<()>;
}
