//! IAM: users, roles, keys and policies of an account. Every Region sees the same.

use super::super::evaluate::{self, Context};
use super::super::identities::{Role as RoleState, UserState};
use super::super::refusal::{Refusal, Ruling};
use super::super::world::{Account, World, hex_of};
use crate::cloud::port::Simulation;
use crate::domain::principal::{
    ATTACHED_LIMIT, AccessKey, InstanceProfile, KeyUse, ManagedPolicy, ROLE_POLICY_LIMIT, Role, Simulated,
    USER_POLICY_LIMIT, User, is_identity_centers, policy_size,
};
use crate::domain::{Principal, Scope};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// The one version that the sandbox keeps of a managed policy.
pub(super) const VERSION: &str = "v1";

fn missing(what: &str, name: &str) -> Refusal {
    Refusal::new("NoSuchEntity", format!("The {what} with name {name} cannot be found."))
}

fn arn(scope: &Scope, resource: &str) -> String {
    format!("arn:{}:iam::{}:{resource}", scope.partition, scope.account)
}

fn user<'a>(account: &'a Account, name: &str) -> Ruling<&'a UserState> {
    account.users.get(name).ok_or_else(|| missing("user", name))
}

fn role<'a>(account: &'a Account, name: &str) -> Ruling<&'a RoleState> {
    account.roles.get(name).ok_or_else(|| missing("role", name))
}

fn user_mut<'a>(world: &'a mut World, scope: &Scope, name: &str) -> Ruling<&'a mut UserState> {
    world.account_mut(scope)?.users.get_mut(name).ok_or_else(|| missing("user", name))
}

/// A role that may be changed. Those that AWS keeps for itself may not (IAM API reference, `UnmodifiableEntity`).
pub(super) fn role_mut<'a>(world: &'a mut World, scope: &Scope, name: &str) -> Ruling<&'a mut RoleState> {
    let role = world.account_mut(scope)?.roles.get_mut(name).ok_or_else(|| missing("role", name))?;
    let reserved = ["/aws-service-role/", "/aws-reserved/"].iter().any(|path| role.path.starts_with(path));
    if reserved || is_identity_centers(name) {
        let message = format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        );
        return Err(Refusal::new("UnmodifiableEntity", message));
    }
    Ok(role)
}

pub(in super::super) fn describe_user(world: &World, scope: &Scope, name: &str) -> Ruling<User> {
    let state = user(world.account(scope)?, name)?;
    Ok(User {
        name: name.to_owned(),
        id: state.id.clone(),
        arn: arn(scope, &format!("user{}{name}", state.path)),
        path: state.path.clone(),
        created_at: Some(state.created_at),
        password_used_at: None,
        tags: state.tags.clone(),
    })
}

pub(in super::super) fn describe_role(world: &World, scope: &Scope, name: &str, now: DateTime<Utc>) -> Ruling<Role> {
    let account = world.account(scope)?;
    let state = role(account, name)?;
    let sessions = account.sessions.iter().filter(|(_, s)| s.principal == Principal::Role(name.to_owned()));
    let used_at = sessions.filter_map(|(id, _)| world.last_use(&scope.account, id, now).at).max();
    Ok(Role {
        name: name.to_owned(),
        id: state.id.clone(),
        arn: arn(scope, &format!("role{}{name}", state.path)),
        path: state.path.clone(),
        trust: state.trust.clone(),
        max_session: state.max_session,
        description: state.description.clone(),
        boundary: state.boundary.clone(),
        created_at: Some(state.created_at),
        used_at,
        tags: state.tags.clone(),
    })
}

pub(in super::super) fn keys(world: &World, scope: &Scope, name: &str) -> Ruling<Vec<AccessKey>> {
    let state = user(world.account(scope)?, name)?;
    let key = |(id, k): (&String, &super::super::identities::KeyState)| AccessKey {
        id: id.clone(),
        active: k.active,
        created_at: Some(k.created_at),
    };
    let mut keys: Vec<AccessKey> = state.keys.iter().map(key).collect();
    keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(keys)
}

pub(in super::super) fn key_use(world: &World, scope: &Scope, key: &str, now: DateTime<Utc>) -> Ruling<KeyUse> {
    let account = world.account(scope)?;
    let Some((name, _)) = account.users.iter().find(|(_, u)| u.keys.contains_key(key)) else {
        let message = format!(
            "User: {} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key {key}",
            world.caller_arn(scope)
        );
        return Err(Refusal::new("AccessDenied", message));
    };
    Ok(KeyUse { user: Some(name.clone()), ..world.last_use(&scope.account, key, now) })
}

pub(in super::super) fn password(world: &World, scope: &Scope, name: &str) -> Ruling<DateTime<Utc>> {
    let state = user(world.account(scope)?, name)?;
    let none = || Refusal::new("NoSuchEntity", format!("Login Profile for User {name} cannot be found."));
    state.password_since.ok_or_else(none)
}

/// A principal's inline policies.
pub(in super::super) fn inline<'a>(
    world: &'a World,
    scope: &Scope,
    of: &Principal,
) -> Ruling<&'a BTreeMap<String, String>> {
    let account = world.account(scope)?;
    Ok(match of {
        Principal::User(name) => &user(account, name)?.inline,
        Principal::Role(name) => &role(account, name)?.inline,
    })
}

pub(in super::super) fn policy(world: &World, scope: &Scope, of: &Principal, name: &str) -> Ruling<String> {
    let found = inline(world, scope, of)?.get(name);
    found.cloned().ok_or_else(|| missing(&format!("{} policy", of.kind()), name))
}

/// The managed policies on a principal.
pub(in super::super) fn attached(world: &World, scope: &Scope, of: &Principal) -> Ruling<BTreeSet<String>> {
    let account = world.account(scope)?;
    Ok(match of {
        Principal::User(name) => user(account, name)?.attached.clone(),
        Principal::Role(name) => role(account, name)?.attached.clone(),
    })
}

pub(in super::super) fn managed(world: &World, scope: &Scope, arn: &str) -> Ruling<ManagedPolicy> {
    let account = world.account(scope)?;
    let own = account.policies.get(arn);
    if own.is_none() && account.managed_document(arn).is_none() {
        return Err(Refusal::new("NoSuchEntity", format!("Policy {arn} was not found.")));
    }
    Ok(ManagedPolicy {
        arn: arn.to_owned(),
        created_at: own.map(|p| p.created_at),
        updated_at: own.map(|p| p.updated_at),
        version: VERSION.to_owned(),
    })
}

fn profile(world: &World, scope: &Scope, name: &str) -> Ruling<InstanceProfile> {
    let found = world.account(scope)?.profiles.get(name);
    let state =
        found.ok_or_else(|| Refusal::new("NoSuchEntity", format!("Instance Profile {name} cannot be found.")))?;
    Ok(InstanceProfile {
        name: name.to_owned(),
        id: format!(
            "AIPA{}",
            hex_of(&[b"profile", scope.account.as_str().as_bytes(), name.as_bytes()], 17).to_uppercase()
        ),
        arn: arn(scope, &format!("instance-profile{}{name}", state.path)),
        path: state.path.clone(),
        role: Some(state.role.clone()).filter(|r| !r.is_empty()),
    })
}

pub(in super::super) fn describe_profile(world: &World, scope: &Scope, name: &str) -> Ruling<InstanceProfile> {
    profile(world, scope, name)
}

pub(in super::super) fn profiles_of(world: &World, scope: &Scope, name: &str) -> Ruling<Vec<InstanceProfile>> {
    let account = world.account(scope)?;
    role(account, name)?;
    account.profiles.iter().filter(|(_, p)| p.role == name).map(|(n, _)| profile(world, scope, n)).collect()
}

pub(in super::super) fn simulate(world: &World, scope: &Scope, asked: &Simulation) -> Ruling<Simulated> {
    let unknown = || Refusal::new("NoSuchEntity", format!("{} cannot be found.", asked.principal_arn));
    let (account, principal) = Principal::of_arn(&asked.principal_arn).ok_or_else(|| {
        Refusal::new("InvalidInput", "Invalid Entity Arn: PolicySourceArn must be the ARN of a user, group or role")
    })?;
    if account != scope.account || asked.principal_arn.contains(":sts:") {
        return Err(unknown());
    }
    let policies = world.account(scope)?.policies_of(&principal).ok_or_else(unknown)?;
    let context =
        asked.issued_at.map_or_else(Context::default, |at| Context::of_session(at, asked.source_instance.as_deref()));
    let (decision, by) = evaluate::decide(&policies, &asked.action, "*", &context);
    Ok(Simulated { action: asked.action.clone(), decision, by })
}

pub(in super::super) fn set_key(
    world: &mut World,
    scope: &Scope,
    name: &str,
    key: &str,
    active: bool,
    now: DateTime<Utc>,
) -> Ruling<()> {
    user(world.account(scope)?, name)?
        .keys
        .get(key)
        .ok_or_else(|| Refusal::new("NoSuchEntity", format!("The Access Key with id {key} cannot be found.")))?;
    world.reckon(now);
    if let Some(state) = user_mut(world, scope, name)?.keys.get_mut(key) {
        state.active = active;
    }
    Ok(())
}

/// IAM's rule for the names of policies (IAM API reference, `PolicyName`).
fn check_name(name: &str) -> Ruling<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(legal) {
        let message = format!(
            "The specified value for policyName is invalid: {name}. It must contain only alphanumeric characters and/or \
             the following: +=,.@_-"
        );
        return Err(Refusal::new("ValidationError", message));
    }
    Ok(())
}

pub(in super::super) fn put_policy(
    world: &mut World,
    scope: &Scope,
    of: &Principal,
    name: &str,
    document: &str,
    now: DateTime<Utc>,
) -> Ruling<()> {
    if let Principal::Role(role) = of {
        role_mut(world, scope, role)?;
    }
    let standing = inline(world, scope, of)?;
    check_name(name)?;
    if !evaluate::is_policy(document) {
        return Err(Refusal::new("MalformedPolicyDocument", "Syntax errors in policy."));
    }
    let limit = if matches!(of, Principal::User(_)) { USER_POLICY_LIMIT } else { ROLE_POLICY_LIMIT };
    let others: usize = standing.iter().filter(|(n, _)| *n != name).map(|(_, d)| policy_size(d)).sum();
    if others + policy_size(document) > limit {
        let message = format!("Maximum policy size of {limit} bytes exceeded for {} {}", of.kind(), of.name());
        return Err(Refusal::new("LimitExceeded", message));
    }
    world.reckon(now);
    let policies = match of {
        Principal::User(user) => &mut user_mut(world, scope, user)?.inline,
        Principal::Role(role) => &mut role_mut(world, scope, role)?.inline,
    };
    policies.insert(name.to_owned(), document.to_owned());
    Ok(())
}

pub(in super::super) fn delete_policy(
    world: &mut World,
    scope: &Scope,
    of: &Principal,
    name: &str,
    now: DateTime<Utc>,
) -> Ruling<()> {
    if let Principal::Role(role) = of {
        role_mut(world, scope, role)?;
    }
    policy(world, scope, of, name)?;
    world.reckon(now);
    match of {
        Principal::User(user) => user_mut(world, scope, user)?.inline.remove(name),
        Principal::Role(role) => role_mut(world, scope, role)?.inline.remove(name),
    };
    Ok(())
}

pub(in super::super) fn attach_to_user(
    world: &mut World,
    scope: &Scope,
    name: &str,
    arn: &str,
    now: DateTime<Utc>,
) -> Ruling<()> {
    let held = attached(world, scope, &Principal::User(name.to_owned()))?;
    managed(world, scope, arn)?;
    if !held.contains(arn) && held.len() >= ATTACHED_LIMIT {
        let message = format!("Cannot exceed quota for PoliciesPerUser: {ATTACHED_LIMIT}");
        return Err(Refusal::new("LimitExceeded", message));
    }
    world.reckon(now);
    user_mut(world, scope, name)?.attached.insert(arn.to_owned());
    Ok(())
}

pub(in super::super) fn detach_from_user(
    world: &mut World,
    scope: &Scope,
    name: &str,
    arn: &str,
    now: DateTime<Utc>,
) -> Ruling<()> {
    if !attached(world, scope, &Principal::User(name.to_owned()))?.contains(arn) {
        return Err(Refusal::new("NoSuchEntity", format!("Policy {arn} was not found.")));
    }
    world.reckon(now);
    user_mut(world, scope, name)?.attached.remove(arn);
    Ok(())
}
