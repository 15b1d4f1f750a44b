//! Instance profiles put on instances, and metadata options.

use super::{AwsCloud, ec2};
use crate::cloud::port::{CloudResult, ProfileWrites, Target};
use crate::domain::{InstanceId, MetadataOptions};
use async_trait::async_trait;

#[async_trait]
impl ProfileWrites for AwsCloud {
    async fn associate_profile(
        &self,
        target: &Target,
        instance: &InstanceId,
        profile_arn: &str,
    ) -> CloudResult<String> {
        ec2::profiles::associate(&*self.clients.of(&target.scope).await?, target, instance, profile_arn).await
    }

    async fn replace_profile(&self, target: &Target, association: &str, profile_arn: &str) -> CloudResult<String> {
        ec2::profiles::replace(&*self.clients.of(&target.scope).await?, target, association, profile_arn).await
    }

    async fn disassociate_profile(&self, target: &Target, association: &str) -> CloudResult<()> {
        ec2::profiles::disassociate(&*self.clients.of(&target.scope).await?, target, association).await
    }

    async fn set_metadata_options(
        &self,
        target: &Target,
        instance: &InstanceId,
        options: &MetadataOptions,
    ) -> CloudResult<()> {
        ec2::profiles::set_metadata_options(&*self.clients.of(&target.scope).await?, target, instance, options).await
    }
}
