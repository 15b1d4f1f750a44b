//! What IAM keeps of an account: users, roles, sessions, policies; and who uses what was stolen.

use crate::domain::{AccountId, Principal, Tags};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An IAM user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    /// Its unique id, `AIDA…`.
    pub id: String,
    /// Its path, `/` at least.
    pub path: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its console password was made, if it has one.
    pub password_since: Option<DateTime<Utc>>,
    /// Its long-term keys, by id.
    pub keys: BTreeMap<String, KeyState>,
    /// Its inline policies, by name.
    pub inline: BTreeMap<String, String>,
    /// The ARNs of the managed policies attached to it.
    pub attached: BTreeSet<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

/// A long-term key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyState {
    /// Whether it is Active.
    pub active: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An IAM role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Role {
    /// Its unique id, `AROA…`.
    pub id: String,
    /// Its path, `/` at least.
    pub path: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Its trust policy.
    pub trust: String,
    /// The longest that one of its sessions may last, in seconds.
    pub max_session: i32,
    /// Its description.
    pub description: Option<String>,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its inline policies, by name.
    pub inline: BTreeMap<String, String>,
    /// The ARNs of the managed policies attached to it.
    pub attached: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Its path, `/` at least.
    pub path: String,
    /// The role in it.
    pub role: String,
}

/// A managed policy of the account's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyState {
    /// Its JSON.
    pub document: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Temporary credentials: nobody can call them back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose they are.
    pub principal: Principal,
    /// When they were issued.
    pub issued_at: DateTime<Utc>,
    /// When they run out.
    pub expires_at: DateTime<Utc>,
    /// The ARN of the instance that they were given to, if one was.
    pub source_instance: Option<String>,
}

/// Somebody who goes on using what was stolen, at even intervals, whatever we do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intruder {
    /// The account whose credentials these are.
    pub account: AccountId,
    /// The key's id: a user's own, or a session's.
    pub credential: String,
    /// What is called with it, `s3:GetObject`.
    pub action: String,
    /// On which resource.
    pub resource: String,
    /// Every so many seconds.
    pub every: u32,
    /// How many calls went through.
    pub allowed: u64,
    /// How many were turned away.
    pub denied: u64,
    /// When a call last went through.
    pub allowed_at: Option<DateTime<Utc>>,
    /// Up to when this was reckoned.
    pub reckoned_at: DateTime<Utc>,
}
