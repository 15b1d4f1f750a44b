//! The end of a role, with all that it was.

use super::edit::{Edit, Standing};
use crate::domain::principal::{Role, RoleRecord};
use crate::domain::text;
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Deletes a role after taking everything off it. There is no way back: a role of the same name that is made later is
/// another principal, and no policy that names this one's id means it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRole {
    /// The whole role, as it stood: trust policy, inline policies, what is attached, boundary, tags, profiles.
    pub export: Box<RoleRecord>,
    /// The documents of the managed policies attached to it, by ARN, as far as they could be read.
    pub managed: BTreeMap<String, String>,
}

impl DeleteRole {
    /// The role's name.
    pub fn name(&self) -> &str {
        &self.export.role.name
    }

    /// Whether a policy of the role, an inline one by its name or a managed one by its ARN, denies anything, or may: one that
    /// could not be read counts among them. Those come off last: sessions that a Deny has cut would act again by what is
    /// still allowed.
    pub fn denies(&self, policy: &str) -> bool {
        let document = self.export.inline.get(policy).or_else(|| self.managed.get(policy));
        let document = document.and_then(|d| serde_json::from_str::<Value>(d).ok());
        let one = |statement: &Value| statement["Effect"] == "Deny";
        document.is_none_or(|document| match &document["Statement"] {
            Value::Array(list) => list.iter().any(one),
            statement => one(statement),
        })
    }

    /// Whether this is the role that was exported, or what is left of it: nothing was added or changed.
    pub fn is_rest_of(&self, now: &RoleRecord) -> bool {
        let lasting = |role: &Role| Role { used_at: None, ..role.clone() };
        let profiles = |record: &RoleRecord| record.profiles.iter().map(|p| p.arn.clone()).collect::<BTreeSet<_>>();
        lasting(&now.role) == lasting(&self.export.role)
            && now.inline.iter().all(|(name, document)| self.export.inline.get(name) == Some(document))
            && now.attached.is_subset(&self.export.attached)
            && profiles(now).is_subset(&profiles(&self.export))
    }
}

impl Edit for DeleteRole {
    fn fields(&self) -> Vec<String> {
        vec![format!("role {}", self.name())]
    }

    fn needs(&self) -> Needs {
        Needs { roles: BTreeSet::from([self.name().to_owned()]), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        match world.roles.get(self.name()) {
            None => Standing::After,
            Some(now) if self.is_rest_of(now) => {
                let whole = now.inline.len() == self.export.inline.len()
                    && now.attached.len() == self.export.attached.len()
                    && now.profiles.len() == self.export.profiles.len();
                if whole { Standing::Before } else { Standing::Drift("taken apart, not deleted yet".to_owned()) }
            }
            Some(_) => Standing::Drift("not the role that was exported".to_owned()),
        }
    }

    fn before_text(&self) -> String {
        let RoleRecord { role, inline, attached, profiles } = &*self.export;
        format!(
            "{} {}: {} inline and {} managed policies, in {} instance profiles",
            text::safe(&role.arn),
            text::safe(&role.id),
            inline.len(),
            attached.len(),
            profiles.len()
        )
    }

    fn after_text(&self) -> String {
        "deleted".to_owned()
    }

    fn what(&self) -> String {
        format!("role {}", text::safe(self.name()))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let name = self.name();
        let gone = |operation, target: String, before: String| {
            ApiCall::new(operation, &target, Some(before), Some("gone".to_owned()))
        };
        let export = &self.export;
        let profiles = export
            .profiles
            .iter()
            .map(|p| gone("iam:RemoveRoleFromInstanceProfile", p.name.clone(), text::fit(name, 80)));
        let off = [false, true].map(|deny| {
            let attached = export.attached.iter().filter(move |arn| self.denies(arn) == deny);
            let inline = export.inline.iter().filter(move |(policy, _)| self.denies(policy) == deny);
            let attached = attached.map(|arn| gone("iam:DetachRolePolicy", name.to_owned(), text::fit(arn, 200)));
            let inline = inline.map(|(policy, document)| {
                gone("iam:DeleteRolePolicy", format!("{name} {policy}"), text::fit(document, 200))
            });
            attached.chain(inline).collect::<Vec<_>>()
        });
        let last = gone("iam:DeleteRole", name.to_owned(), text::fit(&export.role.id, 40));
        profiles.chain(off.into_iter().flatten()).chain([last]).collect()
    }

    fn inverse(&self) -> Option<Self> {
        None
    }

    fn then(&self, _later: &Self) -> Option<Self> {
        None
    }
}
