//! IAM: roles and instance profiles made and deleted.

use super::AwsCloud;
use super::error::{call, incomplete};
use super::iam::decoded;
use crate::cloud::operations::{
    ADD_ROLE_TO_INSTANCE_PROFILE, ATTACH_ROLE_POLICY, CREATE_INSTANCE_PROFILE, CREATE_ROLE, DELETE_ROLE,
    DETACH_ROLE_POLICY, GET_POLICY_VERSION, REMOVE_ROLE_FROM_INSTANCE_PROFILE,
};
use crate::cloud::port::{CloudError, CloudResult, ErrorKind, RoleReads, RoleWrites, Target};
use crate::domain::principal::Role;
use crate::domain::{Scope, Tags};
use async_trait::async_trait;
use aws_sdk_iam::types::Tag;

/// Tags as IAM wants them.
fn tags(operation: &str, tags: &Tags) -> CloudResult<Option<Vec<Tag>>> {
    let one = |(key, value): (&String, &String)| {
        let built = Tag::builder().key(key).value(value).build();
        built.map_err(|e| CloudError::new(operation, ErrorKind::Invalid, "NotSent", e.to_string()))
    };
    let all: Vec<Tag> = tags.iter().map(one).collect::<CloudResult<_>>()?;
    Ok((!all.is_empty()).then_some(all))
}

#[async_trait]
impl RoleReads for AwsCloud {
    async fn policy_document(&self, scope: &Scope, arn: &str, version: &str) -> CloudResult<String> {
        let iam = &self.clients.of(scope).await?.iam;
        let request = iam.get_policy_version().policy_arn(arn).version_id(version);
        let answer = call(GET_POLICY_VERSION, Some(scope), request.send()).await.map_err(|e| e.on(arn))?;
        let document = answer.policy_version().and_then(|v| v.document()).map(decoded);
        document.ok_or_else(|| incomplete(GET_POLICY_VERSION, scope, "the document").on(arn))
    }
}

#[async_trait]
impl RoleWrites for AwsCloud {
    async fn create_role(&self, target: &Target, role: &Role) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.clients.of(&target.scope).await?.iam_once;
        let request = iam_once
            .create_role()
            .role_name(&role.name)
            .path(&role.path)
            .assume_role_policy_document(&role.trust)
            .set_description(role.description.clone())
            .max_session_duration(role.max_session)
            .set_permissions_boundary(role.boundary.clone())
            .set_tags(tags(CREATE_ROLE.name, &role.tags)?);
        let answer = call(CREATE_ROLE, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(&role.name))
    }

    async fn attach_role_policy(&self, target: &Target, role: &str, arn: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam = &self.clients.of(&target.scope).await?.iam;
        let request = iam.attach_role_policy().role_name(role).policy_arn(arn);
        let answer = call(ATTACH_ROLE_POLICY, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(role))
    }

    async fn detach_role_policy(&self, target: &Target, role: &str, arn: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.clients.of(&target.scope).await?.iam_once;
        let request = iam_once.detach_role_policy().role_name(role).policy_arn(arn);
        let answer = call(DETACH_ROLE_POLICY, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(role))
    }

    async fn create_profile(&self, target: &Target, name: &str, path: &str, labels: &Tags) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.clients.of(&target.scope).await?.iam_once;
        let labels = tags(CREATE_INSTANCE_PROFILE.name, labels)?;
        let request = iam_once.create_instance_profile().instance_profile_name(name).path(path).set_tags(labels);
        let answer = call(CREATE_INSTANCE_PROFILE, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(name))
    }

    async fn add_role_to_profile(&self, target: &Target, profile: &str, role: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.clients.of(&target.scope).await?.iam_once;
        let request = iam_once.add_role_to_instance_profile().instance_profile_name(profile).role_name(role);
        let answer = call(ADD_ROLE_TO_INSTANCE_PROFILE, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(profile))
    }

    async fn remove_role_from_profile(&self, target: &Target, profile: &str, role: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.clients.of(&target.scope).await?.iam_once;
        let request = iam_once.remove_role_from_instance_profile().instance_profile_name(profile).role_name(role);
        let answer = call(REMOVE_ROLE_FROM_INSTANCE_PROFILE, Some(&target.scope), request.send()).await;
        answer.map(drop).map_err(|e| e.on(profile))
    }

    async fn delete_role(&self, target: &Target, role: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.clients.of(&target.scope).await?.iam_once;
        let answer = call(DELETE_ROLE, Some(&target.scope), iam_once.delete_role().role_name(role).send()).await;
        answer.map(drop).map_err(|e| e.on(role))
    }
}
