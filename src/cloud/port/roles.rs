//! Roles and instance profiles made and deleted: what a containment beside a role, and its end, ask for.

use super::{CloudResult, Target};
use crate::domain::principal::Role;
use crate::domain::{Scope, Tags};
use async_trait::async_trait;

/// What only looks, beyond [`super::IamReads`].
#[async_trait]
pub trait RoleReads: Send + Sync {
    /// `iam:GetPolicyVersion`: the JSON of one version of a managed policy.
    async fn policy_document(&self, scope: &Scope, arn: &str, version: &str) -> CloudResult<String>;
}

/// What makes and deletes roles. A rehearsal answers `Ok` without a call: IAM knows no `DryRun`.
#[async_trait]
pub trait RoleWrites: Send + Sync {
    /// `iam:CreateRole`: with its trust policy, path, description, longest session, boundary and tags; its id is AWS's.
    /// `EntityAlreadyExists` where there is one of this name.
    async fn create_role(&self, target: &Target, role: &Role) -> CloudResult<()>;
    /// `iam:AttachRolePolicy`: attaches a managed policy; one that is attached stays so.
    async fn attach_role_policy(&self, target: &Target, role: &str, arn: &str) -> CloudResult<()>;
    /// `iam:DetachRolePolicy`.
    async fn detach_role_policy(&self, target: &Target, role: &str, arn: &str) -> CloudResult<()>;
    /// `iam:CreateInstanceProfile`.
    async fn create_profile(&self, target: &Target, name: &str, path: &str, tags: &Tags) -> CloudResult<()>;
    /// `iam:AddRoleToInstanceProfile`: `LimitExceeded` where one is in it.
    async fn add_role_to_profile(&self, target: &Target, profile: &str, role: &str) -> CloudResult<()>;
    /// `iam:RemoveRoleFromInstanceProfile`: takes the role from every instance that has the profile, at once.
    async fn remove_role_from_profile(&self, target: &Target, profile: &str, role: &str) -> CloudResult<()>;
    /// `iam:DeleteRole`: `DeleteConflict` while policies are on it, or it is in a profile.
    async fn delete_role(&self, target: &Target, role: &str) -> CloudResult<()>;
}
