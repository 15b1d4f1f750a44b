//! Policies on users and roles: inline ones, and AWS's own attached.

use super::edit::{Edit, Standing, chained};
use crate::domain::{Principal, RunId, text};
use crate::playbook::call::ApiCall;
use crate::playbook::deny;
use crate::playbook::observed::{Needs, Observed};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How much of a policy is shown.
const SHOWN: usize = 400;

/// Sets or removes one inline policy. Compared byte for byte: what somebody else has rewritten is theirs (I6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutInlinePolicy {
    /// The user or role.
    pub of: Principal,
    /// The policy's name. May hold [`deny::RUN`] until its step is recorded.
    pub name: String,
    /// The document that stood under that name; none where there was none.
    pub before: Option<String>,
    /// The document that will; none to remove it. May hold [`deny::NOW`] until its step is recorded.
    pub after: Option<String>,
}

fn shown(document: Option<&String>) -> String {
    document.map_or_else(|| "absent".to_owned(), |d| text::fit(d, SHOWN))
}

impl Edit for PutInlinePolicy {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} policy {}", self.of, self.name)]
    }

    fn needs(&self) -> Needs {
        Needs { inline_policies: BTreeSet::from([(self.of.clone(), self.name.clone())]), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        match world.inline_policies.get(&self.of).and_then(|policies| policies.get(&self.name)) {
            None => Standing::Unknown,
            Some(now) if *now == self.after => Standing::After,
            Some(now) if *now == self.before => Standing::Before,
            Some(now) => Standing::Drift(shown(now.as_ref())),
        }
    }

    fn before_text(&self) -> String {
        shown(self.before.as_ref())
    }

    fn after_text(&self) -> String {
        shown(self.after.as_ref())
    }

    fn what(&self) -> String {
        format!("policy {} of {} {}", text::safe(&self.name), self.of.kind(), text::safe(self.of.name()))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let operation = match (&self.of, &self.after) {
            (Principal::User(_), Some(_)) => "iam:PutUserPolicy",
            (Principal::User(_), None) => "iam:DeleteUserPolicy",
            (Principal::Role(_), Some(_)) => "iam:PutRolePolicy",
            (Principal::Role(_), None) => "iam:DeleteRolePolicy",
        };
        let target = format!("{}/{}", self.of.name(), self.name);
        vec![ApiCall::new(operation, &target, Some(self.before_text()), Some(self.after_text()))]
    }

    fn reads(&self) -> Vec<ApiCall> {
        let operation = match &self.of {
            Principal::User(_) => "iam:GetUserPolicy",
            Principal::Role(_) => "iam:GetRolePolicy",
        };
        vec![ApiCall::read(operation, &format!("{}/{}", self.of.name(), self.name))]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after.clone(), after: self.before.clone(), ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.fields() == later.fields()).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after.clone(),
            ..self.clone()
        })
    }

    fn undoing(&self) -> Option<String> {
        let ours = self.after.as_ref().filter(|_| self.before.is_none())?;
        Some(match &self.of {
            Principal::Role(name) => format!(
                "every session of role {} that was cut{} and has not expired acts again, a thief's too",
                text::safe(name),
                deny::cut_off_of(ours).map(|at| format!(", issued before {}", text::fit(&at, 40))).unwrap_or_default()
            ),
            Principal::User(name) => acts_again(name),
        })
    }

    /// A cut of sessions that certainly was not made is made as of a later moment.
    fn renewed_by(&self, later: &Self) -> bool {
        let same = (&self.of, &self.name, &self.before) == (&later.of, &later.name, &later.before);
        same && self.after.is_some() && later.after.is_some()
    }

    fn settle(self, run: RunId, now: DateTime<Utc>) -> Self {
        Self {
            name: deny::settled(&self.name, run, now),
            after: self.after.map(|document| deny::settled(&document, run, now)),
            ..self
        }
    }
}

/// Attaches a managed policy to a user, or detaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachManagedPolicy {
    /// The user.
    pub user: String,
    /// The policy's ARN.
    pub arn: String,
    /// Whether it was attached.
    pub before: bool,
    /// Whether it will be.
    pub after: bool,
}

/// What the end of a Deny on a user means.
fn acts_again(user: &str) -> String {
    format!(
        "user {} acts again with every Active key and every session that has not expired, a thief's too",
        text::safe(user)
    )
}

fn attached(is: bool) -> String {
    if is { "attached".to_owned() } else { "not attached".to_owned() }
}

impl AttachManagedPolicy {
    fn of(&self) -> Principal {
        Principal::User(self.user.clone())
    }
}

impl Edit for AttachManagedPolicy {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} attached {}", self.of(), self.arn)]
    }

    fn needs(&self) -> Needs {
        Needs { attached_to: BTreeSet::from([self.of()]), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        match world.attached_policies.get(&self.of()).map(|arns| arns.contains(&self.arn)) {
            None => Standing::Gone,
            Some(now) if now == self.after => Standing::After,
            Some(_) => Standing::Before,
        }
    }

    fn before_text(&self) -> String {
        attached(self.before)
    }

    fn after_text(&self) -> String {
        attached(self.after)
    }

    fn what(&self) -> String {
        format!("policy {} on user {}", text::safe(&self.arn), text::safe(&self.user))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let operation = if self.after { "iam:AttachUserPolicy" } else { "iam:DetachUserPolicy" };
        let target = format!("{} on {}", self.arn, self.user);
        vec![ApiCall::new(operation, &target, Some(self.before_text()), Some(self.after_text()))]
    }

    fn reads(&self) -> Vec<ApiCall> {
        vec![ApiCall::read("iam:ListAttachedUserPolicies", &self.user)]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after, after: self.before, ..self.clone() })
    }

    fn undoing(&self) -> Option<String> {
        (self.after && !self.before).then(|| acts_again(&self.user))
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.fields() == later.fields()).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after,
            ..self.clone()
        })
    }
}
