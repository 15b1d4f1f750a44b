//! The backup role: what the instances of a role are moved to while the role's sessions are cut off.

use super::edit::{Edit, Standing};
use crate::domain::principal::Role;
use crate::domain::text;
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use crate::playbook::tags;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Makes a role and an instance profile of the same name, tagged as ours. Never taken back: instances may stand on it by
/// then, and nothing that others rely on is deleted by an undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeBackupRole {
    /// The role as it is made; its id is AWS's to give.
    pub role: Box<Role>,
    /// Its inline policies by name: each one's JSON.
    pub inline: BTreeMap<String, String>,
    /// The ARNs of the managed policies attached to it.
    pub attached: BTreeSet<String>,
    /// The ARN that its instance profile will have.
    pub profile_arn: String,
}

impl MakeBackupRole {
    /// Whether a role is one that we made for this: by its tag.
    pub fn is_ours(role: &Role) -> bool {
        let (key, value) = tags::BACKUP_TAG;
        role.tags.get(key).map(String::as_str) == Some(value)
    }

    /// In what a role that carries our tag is not the one that is made here: a tag can be written by anyone who may make
    /// roles, and whoever else may assume it would get what the instances have.
    pub fn differs_from(&self, live: &Role) -> Vec<&'static str> {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let mut other = Vec::new();
        if live.trust != self.role.trust && (json(&live.trust).is_none() || json(&live.trust) != json(&self.role.trust))
        {
            other.push("trust policy");
        }
        if live.boundary != self.role.boundary {
            other.push("permissions boundary");
        }
        if live.path != self.role.path {
            other.push("path");
        }
        other
    }
}

impl Edit for MakeBackupRole {
    fn fields(&self) -> Vec<String> {
        vec![format!("role {}", self.role.name)]
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn standing(&self, _world: &Observed) -> Standing {
        Standing::Unknown
    }

    fn before_text(&self) -> String {
        "absent".to_owned()
    }

    fn after_text(&self) -> String {
        format!("{} inline and {} managed policies", self.inline.len(), self.attached.len())
    }

    fn what(&self) -> String {
        format!("role {}", text::safe(&self.role.name))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (name, absent) = (self.role.name.as_str(), || Some("absent".to_owned()));
        let trust = Some(format!("trust {}", text::fit(&self.role.trust, 200)));
        let mut calls = vec![ApiCall::new("iam:CreateRole", name, absent(), trust)];
        calls.extend(self.inline.iter().map(|(policy, document)| {
            ApiCall::new("iam:PutRolePolicy", &format!("{name} {policy}"), absent(), Some(text::fit(document, 400)))
        }));
        calls.extend(
            self.attached
                .iter()
                .map(|arn| ApiCall::new("iam:AttachRolePolicy", name, absent(), Some(text::fit(arn, 200)))),
        );
        calls.push(ApiCall::new("iam:CreateInstanceProfile", name, absent(), Some(text::fit(&self.profile_arn, 200))));
        calls.push(ApiCall::new(
            "iam:AddRoleToInstanceProfile",
            name,
            Some("no role".into()),
            Some(text::fit(name, 80)),
        ));
        calls
    }

    fn inverse(&self) -> Option<Self> {
        None
    }

    fn then(&self, _later: &Self) -> Option<Self> {
        None
    }
}
