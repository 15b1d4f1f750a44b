//! IAM: users, roles, keys and policies. IAM knows no Region; a scope says which account is meant.
//!
//! Policy documents are plain JSON here, byte for byte as they were stored; the encoding that IAM puts them in stays
//! at the edge.

use super::{CloudResult, Target};
use crate::domain::principal::{AccessKey, InstanceProfile, KeyUse, ManagedPolicy, Role, Simulated, User};
use crate::domain::{Principal, Scope};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// What to simulate: whether a principal may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// The ARN of the user or role.
    pub principal_arn: String,
    /// The action, `s3:ListAllMyBuckets`, on every resource.
    pub action: String,
    /// When the credentials were issued, for temporary ones; none for a user's own key.
    pub issued_at: Option<DateTime<Utc>>,
    /// The ARN of the instance that the credentials were given to, where one was.
    pub source_instance: Option<String>,
}

/// What only looks at IAM. What doesn't exist is an error of kind `NotFound` (`NoSuchEntity`).
#[async_trait]
pub trait IamReads: Send + Sync {
    /// `iam:GetUser`.
    async fn user(&self, scope: &Scope, name: &str) -> CloudResult<User>;
    /// `iam:GetRole`: with its trust policy.
    async fn role(&self, scope: &Scope, name: &str) -> CloudResult<Role>;
    /// `iam:ListAccessKeys`: a user's long-term keys.
    async fn access_keys(&self, scope: &Scope, user: &str) -> CloudResult<Vec<AccessKey>>;
    /// `iam:GetAccessKeyLastUsed`: whose key it is, and its last use. Only long-term keys of the account are known:
    /// IAM denies the question about others.
    async fn key_last_used(&self, scope: &Scope, key: &str) -> CloudResult<KeyUse>;
    /// `iam:GetLoginProfile`: when the user's console password was made.
    async fn login_profile(&self, scope: &Scope, user: &str) -> CloudResult<DateTime<Utc>>;
    /// `iam:ListUserPolicies`: the names of a user's inline policies.
    async fn user_policies(&self, scope: &Scope, user: &str) -> CloudResult<BTreeSet<String>>;
    /// `iam:GetUserPolicy`: one inline policy.
    async fn user_policy(&self, scope: &Scope, user: &str, name: &str) -> CloudResult<String>;
    /// `iam:ListRolePolicies`: the names of a role's inline policies.
    async fn role_policies(&self, scope: &Scope, role: &str) -> CloudResult<BTreeSet<String>>;
    /// `iam:GetRolePolicy`: one inline policy.
    async fn role_policy(&self, scope: &Scope, role: &str, name: &str) -> CloudResult<String>;
    /// `iam:ListAttachedUserPolicies`: the ARNs of the managed policies on a user.
    async fn attached_user_policies(&self, scope: &Scope, user: &str) -> CloudResult<BTreeSet<String>>;
    /// `iam:ListAttachedRolePolicies`: the ARNs of the managed policies on a role.
    async fn attached_role_policies(&self, scope: &Scope, role: &str) -> CloudResult<BTreeSet<String>>;
    /// `iam:GetPolicy`: when a managed policy was made and changed.
    async fn managed_policy(&self, scope: &Scope, arn: &str) -> CloudResult<ManagedPolicy>;
    /// `iam:ListInstanceProfilesForRole`.
    async fn profiles_of_role(&self, scope: &Scope, role: &str) -> CloudResult<Vec<InstanceProfile>>;
    /// `iam:GetInstanceProfile`.
    async fn instance_profile(&self, scope: &Scope, name: &str) -> CloudResult<InstanceProfile>;
    /// `iam:SimulatePrincipalPolicy`: what IAM would answer. Nothing is called.
    async fn simulate(&self, scope: &Scope, simulation: &Simulation) -> CloudResult<Simulated>;
    /// How far AWS's clock is ahead of this machine's, at most, as IAM's last answer told; negative where it is behind.
    /// None before the first answer. Sends nothing.
    fn clock_ahead(&self) -> Option<TimeDelta>;
}

/// What changes IAM. A rehearsal answers `Ok` without a call: IAM knows no `DryRun`.
#[async_trait]
pub trait IamWrites: Send + Sync {
    /// `iam:UpdateAccessKey`: makes a key Active or Inactive.
    async fn set_key_active(&self, target: &Target, user: &str, key: &str, active: bool) -> CloudResult<()>;
    /// `iam:PutUserPolicy`: sets an inline policy, overwriting one of the same name.
    async fn put_user_policy(&self, target: &Target, user: &str, name: &str, document: &str) -> CloudResult<()>;
    /// `iam:DeleteUserPolicy`.
    async fn delete_user_policy(&self, target: &Target, user: &str, name: &str) -> CloudResult<()>;
    /// `iam:PutRolePolicy`: sets an inline policy, overwriting one of the same name.
    async fn put_role_policy(&self, target: &Target, role: &str, name: &str, document: &str) -> CloudResult<()>;
    /// `iam:DeleteRolePolicy`.
    async fn delete_role_policy(&self, target: &Target, role: &str, name: &str) -> CloudResult<()>;
    /// `iam:AttachUserPolicy`: attaches a managed policy; one that is attached stays so.
    async fn attach_user_policy(&self, target: &Target, user: &str, arn: &str) -> CloudResult<()>;
    /// `iam:DetachUserPolicy`.
    async fn detach_user_policy(&self, target: &Target, user: &str, arn: &str) -> CloudResult<()>;
}

impl dyn super::Reads + '_ {
    /// One inline policy of a user or role; none where there is none of this name.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn inline_policy(&self, scope: &Scope, of: &Principal, name: &str) -> CloudResult<Option<String>> {
        let answer = match of {
            Principal::User(user) => self.user_policy(scope, user, name).await,
            Principal::Role(role) => self.role_policy(scope, role, name).await,
        };
        match answer {
            Ok(document) => Ok(Some(document)),
            Err(e) if e.kind == super::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}
