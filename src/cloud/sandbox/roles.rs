//! Roles and instance profiles made and deleted: that part of the port.

use super::rules;
use super::simulated::Sandbox;
use crate::cloud::port::{CloudResult, RoleReads, RoleWrites, Target};
use crate::domain::principal::Role;
use crate::domain::{Scope, Tags};
use async_trait::async_trait;

#[async_trait]
impl RoleReads for Sandbox {
    async fn policy_document(&self, scope: &Scope, arn: &str, version: &str) -> CloudResult<String> {
        self.ask("iam:GetPolicyVersion", scope, Some(arn.to_owned()), |world| {
            rules::roles::policy_document(world, scope, arn, version)
        })
        .await
    }
}

#[async_trait]
impl RoleWrites for Sandbox {
    async fn create_role(&self, target: &Target, role: &Role) -> CloudResult<()> {
        let now = self.now();
        self.tell_iam("iam:CreateRole", target, &role.name, |world| {
            rules::roles::create(world, &target.scope, role, now)
        })
        .await
    }

    async fn attach_role_policy(&self, target: &Target, role: &str, arn: &str) -> CloudResult<()> {
        let now = self.now();
        self.tell_iam("iam:AttachRolePolicy", target, &format!("{role}/{arn}"), |world| {
            rules::roles::attach(world, &target.scope, role, arn, now)
        })
        .await
    }

    async fn detach_role_policy(&self, target: &Target, role: &str, arn: &str) -> CloudResult<()> {
        let now = self.now();
        self.tell_iam("iam:DetachRolePolicy", target, &format!("{role}/{arn}"), |world| {
            rules::roles::detach(world, &target.scope, role, arn, now)
        })
        .await
    }

    async fn create_profile(&self, target: &Target, name: &str, path: &str, _tags: &Tags) -> CloudResult<()> {
        self.tell_iam("iam:CreateInstanceProfile", target, name, |world| {
            rules::roles::create_profile(world, &target.scope, name, path)
        })
        .await
    }

    async fn add_role_to_profile(&self, target: &Target, profile: &str, role: &str) -> CloudResult<()> {
        self.tell_iam("iam:AddRoleToInstanceProfile", target, profile, |world| {
            rules::roles::add_to_profile(world, &target.scope, profile, role)
        })
        .await
    }

    async fn remove_role_from_profile(&self, target: &Target, profile: &str, role: &str) -> CloudResult<()> {
        self.tell_iam("iam:RemoveRoleFromInstanceProfile", target, profile, |world| {
            rules::roles::remove_from_profile(world, &target.scope, profile, role)
        })
        .await
    }

    async fn delete_role(&self, target: &Target, role: &str) -> CloudResult<()> {
        let now = self.now();
        self.tell_iam("iam:DeleteRole", target, role, |world| rules::roles::delete(world, &target.scope, role, now))
            .await
    }
}
