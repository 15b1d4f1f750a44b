//! Roles and instance profiles made and deleted.

use super::super::identities::{InstanceProfile, Role as RoleState};
use super::super::refusal::{Refusal, Ruling};
use super::super::world::{World, hex_of};
use super::iam::{VERSION, attached, inline, managed, role_mut};
use crate::domain::principal::{ATTACHED_LIMIT, Role};
use crate::domain::{Principal, Scope};
use chrono::{DateTime, Utc};

fn exists(what: &str, name: &str) -> Refusal {
    Refusal::new("EntityAlreadyExists", format!("{what} with name {name} already exists."))
}

fn no_profile(name: &str) -> Refusal {
    Refusal::new("NoSuchEntity", format!("Instance Profile {name} cannot be found."))
}

fn of_role(name: &str) -> Principal {
    Principal::Role(name.to_owned())
}

pub(in super::super) fn policy_document(world: &World, scope: &Scope, arn: &str, version: &str) -> Ruling<String> {
    managed(world, scope, arn)?;
    let missing = || Refusal::new("NoSuchEntity", format!("Policy {arn} version {version} does not exist."));
    world.account(scope)?.managed_document(arn).filter(|_| version == VERSION).ok_or_else(missing)
}

pub(in super::super) fn create(world: &mut World, scope: &Scope, role: &Role, now: DateTime<Utc>) -> Ruling<()> {
    let name = &role.name;
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
        return Err(Refusal::new("ValidationError", format!("The specified value for roleName is invalid: {name}")));
    }
    if world.account(scope)?.roles.keys().any(|n| n.eq_ignore_ascii_case(name)) {
        return Err(exists("Role", name));
    }
    if serde_json::from_str::<serde_json::Value>(&role.trust).is_err() {
        return Err(Refusal::new("MalformedPolicyDocument", "This policy contains invalid Json"));
    }
    if let Some(boundary) = &role.boundary {
        managed(world, scope, boundary)?;
    }
    world.made += 1;
    let id = hex_of(&[b"role", &world.seed.to_be_bytes(), &world.made.to_be_bytes()], 17).to_uppercase();
    let state = RoleState {
        id: format!("AROA{id}"),
        path: role.path.clone(),
        created_at: now,
        trust: role.trust.clone(),
        max_session: role.max_session,
        description: role.description.clone(),
        boundary: role.boundary.clone(),
        tags: role.tags.clone(),
        ..RoleState::default()
    };
    world.account_mut(scope)?.roles.insert(name.clone(), state);
    Ok(())
}

pub(in super::super) fn attach(
    world: &mut World,
    scope: &Scope,
    name: &str,
    arn: &str,
    now: DateTime<Utc>,
) -> Ruling<()> {
    let held = attached(world, scope, &of_role(name))?;
    managed(world, scope, arn)?;
    role_mut(world, scope, name)?;
    if !held.contains(arn) && held.len() >= ATTACHED_LIMIT {
        return Err(Refusal::new(
            "LimitExceeded",
            format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_LIMIT}"),
        ));
    }
    world.reckon(now);
    role_mut(world, scope, name)?.attached.insert(arn.to_owned());
    Ok(())
}

pub(in super::super) fn detach(
    world: &mut World,
    scope: &Scope,
    name: &str,
    arn: &str,
    now: DateTime<Utc>,
) -> Ruling<()> {
    if !attached(world, scope, &of_role(name))?.contains(arn) {
        return Err(Refusal::new("NoSuchEntity", format!("Policy {arn} was not found.")));
    }
    world.reckon(now);
    role_mut(world, scope, name)?.attached.remove(arn);
    Ok(())
}

pub(in super::super) fn create_profile(world: &mut World, scope: &Scope, name: &str, path: &str) -> Ruling<()> {
    let profiles = &mut world.account_mut(scope)?.profiles;
    if profiles.contains_key(name) {
        return Err(exists("Instance Profile", name));
    }
    profiles.insert(name.to_owned(), InstanceProfile { path: path.to_owned(), role: String::new() });
    Ok(())
}

pub(in super::super) fn add_to_profile(world: &mut World, scope: &Scope, profile: &str, role: &str) -> Ruling<()> {
    role_mut(world, scope, role)?;
    let state = world.account_mut(scope)?.profiles.get_mut(profile).ok_or_else(|| no_profile(profile))?;
    if !state.role.is_empty() {
        // One role a profile (IAM user guide, "IAM and AWS STS quotas").
        return Err(Refusal::new("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
    }
    role.clone_into(&mut state.role);
    Ok(())
}

pub(in super::super) fn remove_from_profile(world: &mut World, scope: &Scope, profile: &str, role: &str) -> Ruling<()> {
    role_mut(world, scope, role)?;
    let state = world.account_mut(scope)?.profiles.get_mut(profile).ok_or_else(|| no_profile(profile))?;
    if state.role != role {
        return Err(Refusal::new("NoSuchEntity", format!("Role {role} is not in instance profile {profile}.")));
    }
    state.role.clear();
    Ok(())
}

pub(in super::super) fn delete(world: &mut World, scope: &Scope, name: &str, now: DateTime<Utc>) -> Ruling<()> {
    role_mut(world, scope, name)?;
    let conflict =
        |what: &str| Err(Refusal::new("DeleteConflict", format!("Cannot delete entity, must {what} first.")));
    if world.account(scope)?.profiles.values().any(|p| p.role == name) {
        return conflict("remove roles from instance profile");
    }
    if !attached(world, scope, &of_role(name))?.is_empty() {
        return conflict("detach all policies");
    }
    if !inline(world, scope, &of_role(name))?.is_empty() {
        return conflict("delete policies");
    }
    world.reckon(now);
    world.account_mut(scope)?.roles.remove(name);
    Ok(())
}
