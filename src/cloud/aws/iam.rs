//! IAM. One endpoint a partition, the same from every Region; which account is meant follows from the credentials.
//!
//! IAM encodes policy documents by RFC 3986 in its answers and takes them plain: they are decoded here.

use super::clients::ScopeClients;
use super::ec2::convert::time;
use super::error::{call, incomplete};
use crate::cloud::operations::{
    ATTACH_USER_POLICY, DELETE_ROLE_POLICY, DELETE_USER_POLICY, DETACH_USER_POLICY, GET_ACCESS_KEY_LAST_USED,
    GET_INSTANCE_PROFILE, GET_LOGIN_PROFILE, GET_POLICY, GET_ROLE, GET_ROLE_POLICY, GET_USER, GET_USER_POLICY,
    LIST_ACCESS_KEYS, LIST_ATTACHED_ROLE_POLICIES, LIST_ATTACHED_USER_POLICIES, LIST_INSTANCE_PROFILES_FOR_ROLE,
    LIST_ROLE_POLICIES, LIST_USER_POLICIES, PUT_ROLE_POLICY, PUT_USER_POLICY, SIMULATE_PRINCIPAL_POLICY,
    UPDATE_ACCESS_KEY,
};
use crate::cloud::port::{CloudResult, IamReads, IamWrites, Simulation, Target};
use crate::domain::Scope;
use crate::domain::principal::{AccessKey, Decision, InstanceProfile, KeyUse, ManagedPolicy, Role, Simulated, User};
use async_trait::async_trait;
use aws_sdk_iam::types::{
    self as iam_types, ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType, StatusType,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The largest page of IAM's lists.
const PAGE: i32 = 1000;

impl super::AwsCloud {
    async fn iam_clients(&self, scope: &Scope) -> CloudResult<Arc<ScopeClients>> {
        self.clients.of(scope).await
    }
}

/// A document as IAM answers it, decoded: `%7B%22Version%22…`.
pub(super) fn decoded(document: &str) -> String {
    let hex = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let bytes = document.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = if *byte == b'%' { hex(bytes.get(at + 1)).zip(hex(bytes.get(at + 2))) } else { None };
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| document.to_owned())
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn tag(t: &iam_types::Tag) -> (String, String) {
    (t.key().to_owned(), t.value().to_owned())
}

fn role(r: &iam_types::Role) -> Role {
    Role {
        name: r.role_name().to_owned(),
        id: r.role_id().to_owned(),
        arn: r.arn().to_owned(),
        path: r.path().to_owned(),
        trust: r.assume_role_policy_document().map(decoded).unwrap_or_default(),
        max_session: r.max_session_duration().unwrap_or(3_600),
        description: r.description().and_then(some),
        boundary: r.permissions_boundary().and_then(|b| b.permissions_boundary_arn()).map(str::to_owned),
        created_at: time(r.create_date()),
        used_at: r.role_last_used().and_then(|u| u.last_used_date()).and_then(time),
        tags: r.tags().iter().map(tag).collect(),
    }
}

fn profile(p: &iam_types::InstanceProfile) -> InstanceProfile {
    InstanceProfile {
        name: p.instance_profile_name().to_owned(),
        id: p.instance_profile_id().to_owned(),
        arn: p.arn().to_owned(),
        path: p.path().to_owned(),
        role: p.roles().first().map(|r| r.role_name().to_owned()),
    }
}

fn policy_arns(policies: &[iam_types::AttachedPolicy]) -> BTreeSet<String> {
    policies.iter().filter_map(|p| p.policy_arn().map(str::to_owned)).collect()
}

#[async_trait]
impl IamReads for super::AwsCloud {
    async fn user(&self, scope: &Scope, name: &str) -> CloudResult<User> {
        let iam = &self.iam_clients(scope).await?.iam;
        let answer =
            call(GET_USER, Some(scope), iam.get_user().user_name(name).send()).await.map_err(|e| e.on(name))?;
        let user = answer.user().ok_or_else(|| incomplete(GET_USER, scope, "the user").on(name))?;
        Ok(User {
            name: user.user_name().to_owned(),
            id: user.user_id().to_owned(),
            arn: user.arn().to_owned(),
            path: user.path().to_owned(),
            created_at: time(user.create_date()),
            password_used_at: user.password_last_used().and_then(time),
            tags: user.tags().iter().map(tag).collect(),
        })
    }

    async fn role(&self, scope: &Scope, name: &str) -> CloudResult<Role> {
        let iam = &self.iam_clients(scope).await?.iam;
        let answer =
            call(GET_ROLE, Some(scope), iam.get_role().role_name(name).send()).await.map_err(|e| e.on(name))?;
        answer.role().map(role).ok_or_else(|| incomplete(GET_ROLE, scope, "the role").on(name))
    }

    async fn access_keys(&self, scope: &Scope, user: &str) -> CloudResult<Vec<AccessKey>> {
        let iam = &self.iam_clients(scope).await?.iam;
        let pages = iam.list_access_keys().user_name(user).max_items(PAGE).into_paginator().items().send();
        let keys = call(LIST_ACCESS_KEYS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await;
        let keys = keys.map_err(|e| e.on(user))?;
        let key = |k: &iam_types::AccessKeyMetadata| {
            Some(AccessKey {
                id: k.access_key_id()?.to_owned(),
                // Whatever isn't known to be off is taken for on.
                active: k.status() != Some(&StatusType::Inactive),
                created_at: k.create_date().and_then(time),
            })
        };
        let mut keys: Vec<AccessKey> = keys.iter().filter_map(key).collect();
        keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(keys)
    }

    async fn key_last_used(&self, scope: &Scope, key: &str) -> CloudResult<KeyUse> {
        let iam = &self.iam_clients(scope).await?.iam;
        let request = iam.get_access_key_last_used().access_key_id(key);
        let answer = call(GET_ACCESS_KEY_LAST_USED, Some(scope), request.send()).await.map_err(|e| e.on(key))?;
        let used = answer.access_key_last_used();
        Ok(KeyUse {
            user: answer.user_name().and_then(some),
            at: used.and_then(|u| u.last_used_date()).and_then(time),
            service: used.and_then(|u| some(u.service_name())).filter(|s| s != "N/A"),
        })
    }

    async fn login_profile(&self, scope: &Scope, user: &str) -> CloudResult<DateTime<Utc>> {
        let iam = &self.iam_clients(scope).await?.iam;
        let request = iam.get_login_profile().user_name(user);
        let answer = call(GET_LOGIN_PROFILE, Some(scope), request.send()).await.map_err(|e| e.on(user))?;
        let made = answer.login_profile().and_then(|p| time(p.create_date()));
        made.ok_or_else(|| incomplete(GET_LOGIN_PROFILE, scope, "when the password was made").on(user))
    }

    async fn user_policies(&self, scope: &Scope, user: &str) -> CloudResult<BTreeSet<String>> {
        let iam = &self.iam_clients(scope).await?.iam;
        let pages = iam.list_user_policies().user_name(user).max_items(PAGE).into_paginator().items().send();
        let names = call(LIST_USER_POLICIES, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await;
        Ok(names.map_err(|e| e.on(user))?.into_iter().collect())
    }

    async fn user_policy(&self, scope: &Scope, user: &str, name: &str) -> CloudResult<String> {
        let iam = &self.iam_clients(scope).await?.iam;
        let request = iam.get_user_policy().user_name(user).policy_name(name);
        let answer = call(GET_USER_POLICY, Some(scope), request.send()).await;
        Ok(decoded(answer.map_err(|e| e.on(format!("{user}/{name}")))?.policy_document()))
    }

    async fn role_policies(&self, scope: &Scope, role: &str) -> CloudResult<BTreeSet<String>> {
        let iam = &self.iam_clients(scope).await?.iam;
        let pages = iam.list_role_policies().role_name(role).max_items(PAGE).into_paginator().items().send();
        let names = call(LIST_ROLE_POLICIES, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await;
        Ok(names.map_err(|e| e.on(role))?.into_iter().collect())
    }

    async fn role_policy(&self, scope: &Scope, role: &str, name: &str) -> CloudResult<String> {
        let iam = &self.iam_clients(scope).await?.iam;
        let request = iam.get_role_policy().role_name(role).policy_name(name);
        let answer = call(GET_ROLE_POLICY, Some(scope), request.send()).await;
        Ok(decoded(answer.map_err(|e| e.on(format!("{role}/{name}")))?.policy_document()))
    }

    async fn attached_user_policies(&self, scope: &Scope, user: &str) -> CloudResult<BTreeSet<String>> {
        let iam = &self.iam_clients(scope).await?.iam;
        let pages = iam.list_attached_user_policies().user_name(user).max_items(PAGE).into_paginator().items().send();
        let found = call(LIST_ATTACHED_USER_POLICIES, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await;
        Ok(policy_arns(&found.map_err(|e| e.on(user))?))
    }

    async fn attached_role_policies(&self, scope: &Scope, role: &str) -> CloudResult<BTreeSet<String>> {
        let iam = &self.iam_clients(scope).await?.iam;
        let pages = iam.list_attached_role_policies().role_name(role).max_items(PAGE).into_paginator().items().send();
        let found = call(LIST_ATTACHED_ROLE_POLICIES, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await;
        Ok(policy_arns(&found.map_err(|e| e.on(role))?))
    }

    async fn managed_policy(&self, scope: &Scope, arn: &str) -> CloudResult<ManagedPolicy> {
        let iam = &self.iam_clients(scope).await?.iam;
        let answer = call(GET_POLICY, Some(scope), iam.get_policy().policy_arn(arn).send()).await;
        let answer = answer.map_err(|e| e.on(arn))?;
        let policy = answer.policy().ok_or_else(|| incomplete(GET_POLICY, scope, "the policy").on(arn))?;
        Ok(ManagedPolicy {
            arn: arn.to_owned(),
            created_at: policy.create_date().and_then(time),
            updated_at: policy.update_date().and_then(time),
            version: policy.default_version_id().unwrap_or_default().to_owned(),
        })
    }

    async fn profiles_of_role(&self, scope: &Scope, role: &str) -> CloudResult<Vec<InstanceProfile>> {
        let iam = &self.iam_clients(scope).await?.iam;
        let pages =
            iam.list_instance_profiles_for_role().role_name(role).max_items(PAGE).into_paginator().items().send();
        let found = call(LIST_INSTANCE_PROFILES_FOR_ROLE, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await;
        Ok(found.map_err(|e| e.on(role))?.iter().map(profile).collect())
    }

    async fn instance_profile(&self, scope: &Scope, name: &str) -> CloudResult<InstanceProfile> {
        let iam = &self.iam_clients(scope).await?.iam;
        let request = iam.get_instance_profile().instance_profile_name(name);
        let answer = call(GET_INSTANCE_PROFILE, Some(scope), request.send()).await.map_err(|e| e.on(name))?;
        let found = answer.instance_profile().map(profile);
        found.ok_or_else(|| incomplete(GET_INSTANCE_PROFILE, scope, "the instance profile").on(name))
    }

    async fn simulate(&self, scope: &Scope, simulation: &Simulation) -> CloudResult<Simulated> {
        let iam = &self.iam_clients(scope).await?.iam;
        let arn = simulation.principal_arn.as_str();
        let entry = |name: &str, kind, value: String| {
            ContextEntry::builder().context_key_name(name).context_key_type(kind).context_key_values(value).build()
        };
        let issued = simulation.issued_at.map(|at| {
            let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            entry("aws:TokenIssueTime", ContextKeyTypeEnum::Date, at)
        });
        let source = simulation.source_instance.clone();
        let source = source.map(|s| entry("ec2:SourceInstanceARN", ContextKeyTypeEnum::String, s));
        let request = iam
            .simulate_principal_policy()
            .policy_source_arn(arn)
            .action_names(&simulation.action)
            .set_context_entries(Some(issued.into_iter().chain(source).collect()));
        let answer = call(SIMULATE_PRINCIPAL_POLICY, Some(scope), request.send()).await.map_err(|e| e.on(arn))?;
        let wanted = |r: &&iam_types::EvaluationResult| r.eval_action_name().eq_ignore_ascii_case(&simulation.action);
        let lacks = || incomplete(SIMULATE_PRINCIPAL_POLICY, scope, "a decision").on(arn);
        let result = answer.evaluation_results().iter().find(wanted).ok_or_else(lacks)?;
        let decision = match result.eval_decision() {
            PolicyEvaluationDecisionType::Allowed => Decision::Allowed,
            PolicyEvaluationDecisionType::ExplicitDeny => Decision::ExplicitDeny,
            PolicyEvaluationDecisionType::ImplicitDeny => Decision::ImplicitDeny,
            _ => return Err(lacks()),
        };
        let by = result.matched_statements().iter().filter_map(|s| s.source_policy_id().map(str::to_owned)).collect();
        Ok(Simulated { action: simulation.action.clone(), decision, by })
    }

    fn clock_ahead(&self) -> Option<TimeDelta> {
        self.clients.clock().ahead()
    }
}

#[async_trait]
impl IamWrites for super::AwsCloud {
    async fn set_key_active(&self, target: &Target, user: &str, key: &str, active: bool) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam = &self.iam_clients(&target.scope).await?.iam;
        let status = if active { StatusType::Active } else { StatusType::Inactive };
        let request = iam.update_access_key().user_name(user).access_key_id(key).status(status);
        call(UPDATE_ACCESS_KEY, Some(&target.scope), request.send()).await.map(drop).map_err(|e| e.on(key))
    }

    async fn put_user_policy(&self, target: &Target, user: &str, name: &str, document: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam = &self.iam_clients(&target.scope).await?.iam;
        let request = iam.put_user_policy().user_name(user).policy_name(name).policy_document(document);
        call(PUT_USER_POLICY, Some(&target.scope), request.send()).await.map(drop).map_err(|e| e.on(user))
    }

    async fn delete_user_policy(&self, target: &Target, user: &str, name: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.iam_clients(&target.scope).await?.iam_once;
        let request = iam_once.delete_user_policy().user_name(user).policy_name(name);
        call(DELETE_USER_POLICY, Some(&target.scope), request.send()).await.map(drop).map_err(|e| e.on(user))
    }

    async fn put_role_policy(&self, target: &Target, role: &str, name: &str, document: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam = &self.iam_clients(&target.scope).await?.iam;
        let request = iam.put_role_policy().role_name(role).policy_name(name).policy_document(document);
        call(PUT_ROLE_POLICY, Some(&target.scope), request.send()).await.map(drop).map_err(|e| e.on(role))
    }

    async fn delete_role_policy(&self, target: &Target, role: &str, name: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.iam_clients(&target.scope).await?.iam_once;
        let request = iam_once.delete_role_policy().role_name(role).policy_name(name);
        call(DELETE_ROLE_POLICY, Some(&target.scope), request.send()).await.map(drop).map_err(|e| e.on(role))
    }

    async fn attach_user_policy(&self, target: &Target, user: &str, arn: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam = &self.iam_clients(&target.scope).await?.iam;
        let request = iam.attach_user_policy().user_name(user).policy_arn(arn);
        call(ATTACH_USER_POLICY, Some(&target.scope), request.send()).await.map(drop).map_err(|e| e.on(user))
    }

    async fn detach_user_policy(&self, target: &Target, user: &str, arn: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let iam_once = &self.iam_clients(&target.scope).await?.iam_once;
        let request = iam_once.detach_user_policy().user_name(user).policy_arn(arn);
        call(DETACH_USER_POLICY, Some(&target.scope), request.send()).await.map(drop).map_err(|e| e.on(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_decoded_as_they_were_put() {
        assert_eq!(decoded("%7B%22a%22%3A%20%22%25+%C3%A9%22%7D"), "{\"a\": \"%+é\"}");
        for plain in ["{\"a\": 1}", "100%", "%zz", "%F"] {
            assert_eq!(decoded(plain), plain);
        }
    }
}
