//! Auto Scaling: the group that an instance is in, and the ways out of it and back.

use super::{CloudResult, Target};
use crate::domain::{InstanceId, ScalingGroup, ScalingMember, Scope};
use async_trait::async_trait;

/// What looks at Auto Scaling.
#[async_trait]
pub trait AutoScalingReads: Send + Sync {
    /// `autoscaling:DescribeAutoScalingInstances`: the group that an instance is in; none when it is in none.
    async fn scaling_member(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<ScalingMember>>;
    /// `autoscaling:DescribeAutoScalingGroups`: those of these names; unknown ones are left out of the answer.
    async fn scaling_groups(&self, scope: &Scope, names: &[String]) -> CloudResult<Vec<ScalingGroup>>;
}

/// What changes who is in an Auto Scaling group. Each fails with `ValidationError` where the group's sizes forbid it, or
/// the instance isn't where it should be, and with `ResourceContention` while another update of the group is pending.
#[async_trait]
pub trait AutoScalingWrites: Send + Sync {
    /// `autoscaling:EnterStandby`: stops health checks and traffic, and takes one off the desired capacity.
    async fn enter_standby(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()>;
    /// `autoscaling:ExitStandby`: puts it back in service, and one on the desired capacity.
    async fn exit_standby(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()>;
    /// `autoscaling:DetachInstances`: takes it out of the group, which launches another in its place.
    async fn detach_instance(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()>;
    /// `autoscaling:AttachInstances`: takes it into the group, and puts one on the desired capacity.
    async fn attach_instance(&self, target: &Target, group: &str, instance: &InstanceId) -> CloudResult<()>;
}
