//! Users, roles, policies, sessions and intruders of a scenario.

use super::super::brief::Span;
use super::super::evaluate::is_policy;
use super::super::identities::{InstanceProfile, Intruder, KeyState, PolicyState, Role, Session, UserState};
use super::super::world::{Account, World};
use crate::domain::{AccountId, Partition, Principal, Tags};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The longest session of a role where nothing else was set, in seconds (IAM API reference, `MaxSessionDuration`).
const MAX_SESSION: i32 = 3_600;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountEntry {
    pub(super) id: String,
    pub(super) name: String,
    /// Role names and their unique ids: roles for EC2 without policies. `[[role]]` says more.
    #[serde(default)]
    pub(super) roles: BTreeMap<String, String>,
    /// Instance profiles and the role in each.
    #[serde(default)]
    pub(super) profiles: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserEntry {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) id: String,
    #[serde(default = "root")]
    pub(super) path: String,
    #[serde(default)]
    pub(super) created: Span,
    /// When its console password was made.
    #[serde(default)]
    pub(super) password: Option<Span>,
    #[serde(default)]
    pub(super) keys: Vec<KeyEntry>,
    /// Inline policies: name and JSON.
    #[serde(default)]
    pub(super) inline: BTreeMap<String, String>,
    /// The names of managed policies, the account's own or AWS's.
    #[serde(default)]
    pub(super) attached: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyEntry {
    pub(super) id: String,
    #[serde(default)]
    pub(super) created: Span,
    #[serde(default)]
    pub(super) inactive: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleEntry {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) id: String,
    #[serde(default = "root")]
    pub(super) path: String,
    #[serde(default)]
    pub(super) created: Span,
    /// Who may assume it: services (`ec2.amazonaws.com`), ARNs and account numbers.
    pub(super) trust: Vec<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Inline policies: name and JSON.
    #[serde(default)]
    pub(super) inline: BTreeMap<String, String>,
    /// The names of managed policies, the account's own or AWS's.
    #[serde(default)]
    pub(super) attached: Vec<String>,
    /// The instance profile that it is in.
    #[serde(default)]
    pub(super) profile: Option<String>,
    #[serde(default)]
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyEntry {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) document: String,
    #[serde(default)]
    pub(super) created: Span,
}

/// Temporary credentials that were handed out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionEntry {
    pub(super) account: String,
    pub(super) id: String,
    /// `role:NAME` or `user:NAME`.
    pub(super) of: Principal,
    pub(super) issued: Span,
    pub(super) lasts: Span,
    /// The instance's name, where the credentials were an instance's.
    #[serde(default)]
    pub(super) instance: Option<String>,
}

/// Who goes on using stolen credentials.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntruderEntry {
    pub(super) account: String,
    pub(super) credential: String,
    pub(super) action: String,
    #[serde(default = "everything")]
    pub(super) resource: String,
    pub(super) every: Span,
}

fn root() -> String {
    "/".to_owned()
}

fn everything() -> String {
    "*".to_owned()
}

/// A trust policy for these.
fn trust(whom: &[String]) -> String {
    let service = |t: &&String| t.ends_with(".amazonaws.com");
    let services: Vec<&String> = whom.iter().filter(service).collect();
    let others: Vec<&String> = whom.iter().filter(|t| !service(t)).collect();
    let mut principal = serde_json::Map::new();
    if !services.is_empty() {
        principal.insert("Service".to_owned(), json!(services));
    }
    if !others.is_empty() {
        principal.insert("AWS".to_owned(), json!(others));
    }
    let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// An account with what its entry names.
pub(super) fn account(entry: &AccountEntry) -> Account {
    let role = |id: &String| Role {
        id: id.clone(),
        path: root(),
        trust: trust(&["ec2.amazonaws.com".to_owned()]),
        max_session: MAX_SESSION,
        ..Role::default()
    };
    let profile = |role: &String| InstanceProfile { path: root(), role: role.clone() };
    Account {
        name: entry.name.clone(),
        roles: entry.roles.iter().map(|(name, id)| (name.clone(), role(id))).collect(),
        profiles: entry.profiles.iter().map(|(name, role)| (name.clone(), profile(role))).collect(),
        ..Account::default()
    }
}

/// The account of this name or number.
fn find<'a>(world: &'a mut World, name: &str) -> Result<(AccountId, &'a mut Account), String> {
    let id = world.account_named(name).cloned().or_else(|| name.parse().ok());
    let id = id.ok_or_else(|| format!("there is no account `{name}`"))?;
    let account = world.accounts.get_mut(&id).ok_or_else(|| format!("there is no account `{name}`"))?;
    Ok((id, account))
}

fn checked(inline: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    match inline.iter().find(|(_, document)| !is_policy(document)) {
        Some((name, _)) => Err(format!("`{name}` is no policy")),
        None => Ok(inline.clone()),
    }
}

fn own_policy(id: &AccountId, name: &str) -> String {
    format!("arn:{}:iam::{id}:policy/{name}", Partition::Aws)
}

/// The ARNs of managed policies by name: the account's own where it has one of that name, else AWS's.
fn arns(id: &AccountId, account: &Account, names: &[String]) -> Result<BTreeSet<String>, String> {
    let arn = |name: &String| {
        let own = own_policy(id, name);
        let arn = if account.policies.contains_key(&own) {
            own
        } else {
            format!("arn:{}:iam::aws:policy/{name}", Partition::Aws)
        };
        account.managed_document(&arn).map(|_| arn).ok_or_else(|| format!("there is no policy `{name}`"))
    };
    names.iter().map(arn).collect()
}

pub(super) fn add_user(world: &mut World, entry: &UserEntry) -> Result<(), String> {
    let at = |span: Span| world.started_at + span.duration();
    let key = |k: &KeyEntry| (k.id.clone(), KeyState { active: !k.inactive, created_at: at(k.created) });
    let mut state = UserState {
        id: entry.id.clone(),
        path: entry.path.clone(),
        created_at: at(entry.created),
        password_since: entry.password.map(at),
        keys: entry.keys.iter().map(key).collect(),
        inline: checked(&entry.inline)?,
        attached: BTreeSet::new(),
        tags: Tags::new(),
    };
    let (id, account) = find(world, &entry.account)?;
    state.attached = arns(&id, account, &entry.attached)?;
    match account.users.insert(entry.name.clone(), state) {
        Some(_) => Err(format!("user {} is there twice", entry.name)),
        None => Ok(()),
    }
}

pub(super) fn add_role(world: &mut World, entry: &RoleEntry) -> Result<(), String> {
    let created_at = world.started_at + entry.created.duration();
    let (id, account) = find(world, &entry.account)?;
    let state = Role {
        id: entry.id.clone(),
        path: entry.path.clone(),
        created_at,
        trust: trust(&entry.trust),
        max_session: MAX_SESSION,
        description: entry.description.clone(),
        boundary: None,
        inline: checked(&entry.inline)?,
        attached: arns(&id, account, &entry.attached)?,
        tags: entry.tags.clone(),
    };
    if let Some(name) = &entry.profile {
        account.profiles.insert(name.clone(), InstanceProfile { path: root(), role: entry.name.clone() });
    }
    match account.roles.insert(entry.name.clone(), state) {
        Some(_) => Err(format!("role {} is there twice", entry.name)),
        None => Ok(()),
    }
}

pub(super) fn add_policy(world: &mut World, entry: &PolicyEntry) -> Result<(), String> {
    let at: DateTime<Utc> = world.started_at + entry.created.duration();
    if !is_policy(&entry.document) {
        return Err("its document is no policy".to_owned());
    }
    let (id, account) = find(world, &entry.account)?;
    let arn = own_policy(&id, &entry.name);
    account.policies.insert(arn, PolicyState { document: entry.document.clone(), created_at: at, updated_at: at });
    Ok(())
}

pub(super) fn add_session(world: &mut World, entry: &SessionEntry) -> Result<(), String> {
    let source_instance = match &entry.instance {
        None => None,
        Some(name) => {
            let (scope, found) = world.find_instance(name).ok_or_else(|| format!("there is no instance `{name}`"))?;
            Some(scope.arn("ec2", &format!("instance/{}", found.instance.id)))
        }
    };
    let issued_at = world.started_at + entry.issued.duration();
    let (_, account) = find(world, &entry.account)?;
    if account.policies_of(&entry.of).is_none() {
        return Err(format!("there is no {}", entry.of));
    }
    let expires_at = issued_at + entry.lasts.duration();
    let session = Session { principal: entry.of.clone(), issued_at, expires_at, source_instance };
    account.sessions.insert(entry.id.clone(), session);
    Ok(())
}

pub(super) fn add_intruder(world: &mut World, entry: &IntruderEntry) -> Result<(), String> {
    let started_at = world.started_at;
    let every = u32::try_from(entry.every.seconds()).ok().filter(|s| *s > 0);
    let every = every.ok_or_else(|| format!("`every` can't be {}", entry.every))?;
    let (id, account) = find(world, &entry.account)?;
    let known = account.sessions.contains_key(&entry.credential)
        || account.users.values().any(|u| u.keys.contains_key(&entry.credential));
    if !known {
        return Err(format!("there is no key and no session {}", entry.credential));
    }
    world.intruders.push(Intruder {
        account: id,
        credential: entry.credential.clone(),
        action: entry.action.clone(),
        resource: entry.resource.clone(),
        every,
        allowed: 0,
        denied: 0,
        allowed_at: None,
        reckoned_at: started_at - chrono::Duration::seconds(1),
    });
    Ok(())
}
