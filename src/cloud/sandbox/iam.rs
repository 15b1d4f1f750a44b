//! IAM's part of the port, and the profiles on instances.

use super::rules;
use super::simulated::Sandbox;
use crate::cloud::port::{CloudResult, IamReads, IamWrites, ProfileReads, Simulation, Target};
use crate::domain::principal::{
    AccessKey, InstanceProfile, KeyUse, ManagedPolicy, ProfileAssociation, Role, Simulated, User,
};
use crate::domain::{InstanceId, Principal, Scope};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

fn user_named(name: &str) -> Principal {
    Principal::User(name.to_owned())
}

fn role_named(name: &str) -> Principal {
    Principal::Role(name.to_owned())
}

#[async_trait]
impl IamReads for Sandbox {
    async fn user(&self, scope: &Scope, name: &str) -> CloudResult<User> {
        let resource = Some(name.to_owned());
        self.ask("iam:GetUser", scope, resource, |world| rules::iam::describe_user(world, scope, name)).await
    }

    async fn role(&self, scope: &Scope, name: &str) -> CloudResult<Role> {
        let (resource, now) = (Some(name.to_owned()), self.now());
        self.ask("iam:GetRole", scope, resource, |world| rules::iam::describe_role(world, scope, name, now)).await
    }

    async fn access_keys(&self, scope: &Scope, user: &str) -> CloudResult<Vec<AccessKey>> {
        let resource = Some(user.to_owned());
        self.ask("iam:ListAccessKeys", scope, resource, |world| rules::iam::keys(world, scope, user)).await
    }

    async fn key_last_used(&self, scope: &Scope, key: &str) -> CloudResult<KeyUse> {
        let (resource, now) = (Some(key.to_owned()), self.now());
        self.ask("iam:GetAccessKeyLastUsed", scope, resource, |world| rules::iam::key_use(world, scope, key, now)).await
    }

    async fn login_profile(&self, scope: &Scope, user: &str) -> CloudResult<DateTime<Utc>> {
        let resource = Some(user.to_owned());
        self.ask("iam:GetLoginProfile", scope, resource, |world| rules::iam::password(world, scope, user)).await
    }

    async fn user_policies(&self, scope: &Scope, user: &str) -> CloudResult<BTreeSet<String>> {
        let of = user_named(user);
        self.ask("iam:ListUserPolicies", scope, Some(user.to_owned()), |world| {
            Ok(rules::iam::inline(world, scope, &of)?.keys().cloned().collect())
        })
        .await
    }

    async fn user_policy(&self, scope: &Scope, user: &str, name: &str) -> CloudResult<String> {
        let of = user_named(user);
        let resource = Some(format!("{user}/{name}"));
        self.ask("iam:GetUserPolicy", scope, resource, |world| rules::iam::policy(world, scope, &of, name)).await
    }

    async fn role_policies(&self, scope: &Scope, role: &str) -> CloudResult<BTreeSet<String>> {
        let of = role_named(role);
        self.ask("iam:ListRolePolicies", scope, Some(role.to_owned()), |world| {
            Ok(rules::iam::inline(world, scope, &of)?.keys().cloned().collect())
        })
        .await
    }

    async fn role_policy(&self, scope: &Scope, role: &str, name: &str) -> CloudResult<String> {
        let of = role_named(role);
        let resource = Some(format!("{role}/{name}"));
        self.ask("iam:GetRolePolicy", scope, resource, |world| rules::iam::policy(world, scope, &of, name)).await
    }

    async fn attached_user_policies(&self, scope: &Scope, user: &str) -> CloudResult<BTreeSet<String>> {
        let of = user_named(user);
        let resource = Some(user.to_owned());
        self.ask("iam:ListAttachedUserPolicies", scope, resource, |world| rules::iam::attached(world, scope, &of)).await
    }

    async fn attached_role_policies(&self, scope: &Scope, role: &str) -> CloudResult<BTreeSet<String>> {
        let of = role_named(role);
        let resource = Some(role.to_owned());
        self.ask("iam:ListAttachedRolePolicies", scope, resource, |world| rules::iam::attached(world, scope, &of)).await
    }

    async fn managed_policy(&self, scope: &Scope, arn: &str) -> CloudResult<ManagedPolicy> {
        let resource = Some(arn.to_owned());
        self.ask("iam:GetPolicy", scope, resource, |world| rules::iam::managed(world, scope, arn)).await
    }

    async fn profiles_of_role(&self, scope: &Scope, role: &str) -> CloudResult<Vec<InstanceProfile>> {
        self.ask("iam:ListInstanceProfilesForRole", scope, Some(role.to_owned()), |world| {
            rules::iam::profiles_of(world, scope, role)
        })
        .await
    }

    async fn instance_profile(&self, scope: &Scope, name: &str) -> CloudResult<InstanceProfile> {
        self.ask("iam:GetInstanceProfile", scope, Some(name.to_owned()), |world| {
            rules::iam::describe_profile(world, scope, name)
        })
        .await
    }

    async fn simulate(&self, scope: &Scope, simulation: &Simulation) -> CloudResult<Simulated> {
        let resource = Some(simulation.principal_arn.clone());
        self.ask("iam:SimulatePrincipalPolicy", scope, resource, |world| rules::iam::simulate(world, scope, simulation))
            .await
    }

    fn clock_ahead(&self) -> Option<TimeDelta> {
        Some(self.ahead())
    }
}

#[async_trait]
impl IamWrites for Sandbox {
    async fn set_key_active(&self, target: &Target, user: &str, key: &str, active: bool) -> CloudResult<()> {
        let now = self.now();
        self.tell_iam("iam:UpdateAccessKey", target, key, |world| {
            rules::iam::set_key(world, &target.scope, user, key, active, now)
        })
        .await
    }

    async fn put_user_policy(&self, target: &Target, user: &str, name: &str, document: &str) -> CloudResult<()> {
        let (of, now) = (user_named(user), self.now());
        self.tell_iam("iam:PutUserPolicy", target, user, |world| {
            rules::iam::put_policy(world, &target.scope, &of, name, document, now)
        })
        .await
    }

    async fn delete_user_policy(&self, target: &Target, user: &str, name: &str) -> CloudResult<()> {
        let (of, now) = (user_named(user), self.now());
        self.tell_iam("iam:DeleteUserPolicy", target, user, |world| {
            rules::iam::delete_policy(world, &target.scope, &of, name, now)
        })
        .await
    }

    async fn put_role_policy(&self, target: &Target, role: &str, name: &str, document: &str) -> CloudResult<()> {
        let (of, now) = (role_named(role), self.now());
        self.tell_iam("iam:PutRolePolicy", target, role, |world| {
            rules::iam::put_policy(world, &target.scope, &of, name, document, now)
        })
        .await
    }

    async fn delete_role_policy(&self, target: &Target, role: &str, name: &str) -> CloudResult<()> {
        let (of, now) = (role_named(role), self.now());
        self.tell_iam("iam:DeleteRolePolicy", target, role, |world| {
            rules::iam::delete_policy(world, &target.scope, &of, name, now)
        })
        .await
    }

    async fn attach_user_policy(&self, target: &Target, user: &str, arn: &str) -> CloudResult<()> {
        let now = self.now();
        self.tell_iam("iam:AttachUserPolicy", target, user, |world| {
            rules::iam::attach_to_user(world, &target.scope, user, arn, now)
        })
        .await
    }

    async fn detach_user_policy(&self, target: &Target, user: &str, arn: &str) -> CloudResult<()> {
        let now = self.now();
        self.tell_iam("iam:DetachUserPolicy", target, user, |world| {
            rules::iam::detach_from_user(world, &target.scope, user, arn, now)
        })
        .await
    }
}

#[async_trait]
impl ProfileReads for Sandbox {
    async fn profile_associations(
        &self,
        scope: &Scope,
        instances: &[InstanceId],
    ) -> CloudResult<Vec<ProfileAssociation>> {
        self.ask("ec2:DescribeIamInstanceProfileAssociations", scope, None, |world| {
            Ok(rules::profiles::associations(world.place(scope)?, instances))
        })
        .await
    }
}
