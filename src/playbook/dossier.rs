//! What was read about a user or role that is to be contained.

use crate::domain::principal::{KeyUse, ManagedPolicy, RoleRecord, UserRecord};
use crate::domain::{InstanceId, Principal, Region, Scope};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An instance that gets a role's credentials through one of its profiles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoleUse {
    /// Where the instance is.
    pub scope: Scope,
    /// The instance.
    pub instance: InstanceId,
    /// The profile's ARN.
    pub profile_arn: String,
}

impl RoleUse {
    /// The instance's ARN, as `ec2:SourceInstanceARN` has it.
    pub fn instance_arn(&self) -> String {
        self.scope.arn("ec2", &format!("instance/{}", self.instance))
    }
}

/// A user or role, and what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dossier {
    /// Which of them.
    pub principal: Principal,
    /// The user, where it is one and exists.
    pub user: Option<UserRecord>,
    /// The role, where it is one and exists.
    pub role: Option<RoleRecord>,
    /// The instances that get the role's credentials, in the Regions that were looked into.
    pub instances: Vec<RoleUse>,
    /// The Regions that were looked into for instances.
    pub looked_in: Vec<Region>,
    /// When each of the user's keys was last used, as far as it could be read.
    pub key_uses: BTreeMap<String, KeyUse>,
    /// The account's own managed policies on the principal, with their dates.
    pub policies: Vec<ManagedPolicy>,
    /// What could not be read, in words: nothing is concluded from its absence.
    pub unread: Vec<String>,
}

impl Dossier {
    /// A dossier of nothing yet.
    pub fn empty(principal: Principal) -> Self {
        Self {
            principal,
            user: None,
            role: None,
            instances: Vec::new(),
            looked_in: Vec::new(),
            key_uses: BTreeMap::new(),
            policies: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// The principal's ARN, where it exists.
    pub fn arn(&self) -> Option<&str> {
        self.user.as_ref().map(|u| u.user.arn.as_str()).or(self.role.as_ref().map(|r| r.role.arn.as_str()))
    }

    /// The principal's unique id, where it exists.
    pub fn id(&self) -> Option<&str> {
        self.user.as_ref().map(|u| u.user.id.as_str()).or(self.role.as_ref().map(|r| r.role.id.as_str()))
    }

    /// Its inline policies, by name, where it exists.
    pub fn inline(&self) -> Option<&BTreeMap<String, String>> {
        self.user.as_ref().map(|u| &u.inline).or(self.role.as_ref().map(|r| &r.inline))
    }

    /// The ARNs of the managed policies on it, where it exists.
    pub fn attached(&self) -> Option<&BTreeSet<String>> {
        self.user.as_ref().map(|u| &u.attached).or(self.role.as_ref().map(|r| &r.attached))
    }
}
