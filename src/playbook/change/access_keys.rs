//! Whether a user's long-term key is Active.

use super::edit::{Edit, Standing, chained};
use crate::domain::text;
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Makes a long-term key Active or Inactive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAccessKeyStatus {
    /// The user.
    pub user: String,
    /// The key's id.
    pub key: String,
    /// Whether it was Active.
    pub before: bool,
    /// Whether it will be.
    pub after: bool,
}

fn word(active: bool) -> String {
    if active { "Active".to_owned() } else { "Inactive".to_owned() }
}

impl Edit for SetAccessKeyStatus {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} status", self.key)]
    }

    fn needs(&self) -> Needs {
        Needs { keys_of: BTreeSet::from([self.user.clone()]), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let Some(keys) = world.access_keys.get(&self.user) else { return Standing::Gone };
        match keys.iter().find(|k| k.id == self.key).map(|k| k.active) {
            None => Standing::Gone,
            Some(now) if now == self.after => Standing::After,
            Some(now) if now == self.before => Standing::Before,
            Some(now) => Standing::Drift(word(now)),
        }
    }

    fn before_text(&self) -> String {
        word(self.before)
    }

    fn after_text(&self) -> String {
        word(self.after)
    }

    fn what(&self) -> String {
        format!("key {} of user {}", text::safe(&self.key), text::safe(&self.user))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (before, after) = (Some(self.before_text()), Some(self.after_text()));
        vec![ApiCall::new("iam:UpdateAccessKey", &format!("{} of {}", self.key, self.user), before, after)]
    }

    fn reads(&self) -> Vec<ApiCall> {
        vec![ApiCall::read("iam:ListAccessKeys", &self.user)]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after, after: self.before, ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.key == later.key).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after,
            ..self.clone()
        })
    }

    /// A key that was in a thief's hands works again only when somebody asks for that key.
    fn only_when_asked(&self) -> bool {
        self.before && !self.after
    }

    fn asked_as(&self) -> Vec<String> {
        vec![self.what(), self.key.clone()]
    }
}
