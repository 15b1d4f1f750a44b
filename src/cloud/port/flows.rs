//! The group through which interfaces pass so that flows in flight lose their tracking: opened, and removed.

use super::{CloudResult, Target};
use crate::domain::{GroupId, GroupRule};
use async_trait::async_trait;

/// What opens a group and removes it.
#[async_trait]
pub trait FlowWrites: Send + Sync {
    /// `ec2:AuthorizeSecurityGroupIngress`.
    async fn authorize_ingress(&self, target: &Target, group: &GroupId, rules: &[GroupRule]) -> CloudResult<()>;
    /// `ec2:DeleteSecurityGroup`: `DependencyViolation` while an interface holds it.
    async fn delete_group(&self, target: &Target, group: &GroupId) -> CloudResult<()>;
}
