//! Which instance profile is on which instance.

use super::CloudResult;
use crate::domain::principal::ProfileAssociation;
use crate::domain::{InstanceId, Scope};
use async_trait::async_trait;

/// What only looks at instance profiles on instances.
#[async_trait]
pub trait ProfileReads: Send + Sync {
    /// `ec2:DescribeIamInstanceProfileAssociations`: those of these instances, or all of the account and Region, in
    /// every state.
    async fn profile_associations(
        &self,
        scope: &Scope,
        instances: &[InstanceId],
    ) -> CloudResult<Vec<ProfileAssociation>>;
}
