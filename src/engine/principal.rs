//! A user or role as it is now, for whoever looks before a cut or after one. Reads only: what a containment observes.

use super::{Engine, EngineError};
use crate::domain::principal::deny_all_arn;
use crate::domain::{Principal, RunId, Scope, text};
use crate::playbook::credentials::{self, Credential, OurDeny, our_denies, trusted, what_else};
use crate::playbook::dossier::Dossier;
use crate::playbook::{PlanRefusal, deny};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// A run on a principal of which something stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StandingRun {
    /// The run.
    pub run: RunId,
    /// What it did, in a line.
    pub title: String,
    /// Who began it, escaped.
    pub by: String,
    /// When.
    pub since: DateTime<Utc>,
}

/// A user or role with what hangs on it, what denies it, and what the ledger knows. What others wrote in it is as it was
/// read: escape before showing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrincipalSight {
    /// The account, and a Region of it.
    pub scope: Scope,
    /// When it was read.
    pub observed_at: DateTime<Utc>,
    /// The key by which it was named.
    pub key: Option<String>,
    /// The unique id that a finding tells, where the principal of that name has another: then it isn't the one meant.
    pub told_id: Option<String>,
    /// What was read.
    #[serde(flatten)]
    pub dossier: Dossier,
    /// Our Denies that stand on it, the oldest first.
    pub denies: Vec<OurDeny>,
    /// What else denies it everything, by name or ARN: a policy like ours under another name, AWS's own.
    pub denied_by_others: Vec<String>,
    /// Whom its trust policy lets in, where it is a role.
    pub trusted: Vec<String>,
    /// The runs on it of which something stands, oldest first.
    pub runs: Vec<StandingRun>,
    /// What it has besides its keys, as a list to act on, escaped.
    pub next: Vec<String>,
}

impl Engine {
    /// Finds out who is behind a credential, as a containment would, and reads what hangs on it. `regions` are where
    /// instances that use a role are looked for besides; `since` is when the finding was first seen.
    ///
    /// # Errors
    /// When something can't be read, there is no such principal, or nobody is behind the credential whom this account can
    /// deny anything.
    pub async fn look_at_principal(
        &self,
        scope: &Scope,
        regions: &[Scope],
        credential: &Credential,
        since: Option<DateTime<Utc>>,
    ) -> Result<PrincipalSight, EngineError> {
        let owner = self.owner_of(scope, credential).await?;
        let behind = credentials::behind(credential, owner.as_deref(), scope)?;
        let observed = self.observe_principal(scope, regions, &behind).await?;
        let named = || format!("{} {}", behind.principal.kind(), text::fit(behind.principal.name(), 80));
        let missing = || PlanRefusal::NotFound { what: named(), scope: scope.clone() };
        let dossier = *observed.dossier.ok_or_else(missing)?;
        let denies = dossier.inline().map(our_denies).unwrap_or_default();
        let ours = |name: &str| denies.iter().any(|d| d.policy == name);
        let inline = dossier.inline().into_iter().flatten();
        let alike = inline.filter(|(name, document)| **document == deny::deny_all() && !ours(name));
        let mut denied_by_others: Vec<String> = alike.map(|(name, _)| name.clone()).collect();
        let of_aws = deny_all_arn(&scope.partition);
        denied_by_others.extend(dossier.attached().filter(|arns| arns.contains(&of_aws)).map(|_| of_aws.clone()));
        let keys: Vec<String> = dossier.user.iter().flat_map(|u| &u.keys).map(|k| k.id.clone()).collect();
        let standing = self.outstanding(scope, &behind.principal.to_string()).await?;
        Ok(PrincipalSight {
            scope: scope.clone(),
            observed_at: observed.at,
            told_id: behind.id.clone().filter(|told| dossier.id().is_some_and(|live| live != told)),
            trusted: dossier.role.as_ref().map(|r| trusted(&r.role.trust)).unwrap_or_default(),
            runs: standing.iter().map(|o| of_run(&o.run)).collect(),
            next: what_else(&dossier, since, &keys),
            key: behind.key,
            denies,
            denied_by_others,
            dossier,
        })
    }
}

fn of_run(run: &crate::ledger::RunState) -> StandingRun {
    StandingRun {
        run: run.run,
        title: run.plan.title.clone(),
        by: text::safe(&run.actor.to_string()).into_owned(),
        since: run.begun_at,
    }
}

impl PrincipalSight {
    /// The user or role.
    pub fn principal(&self) -> &Principal {
        &self.dossier.principal
    }

    /// What holds of it, in a line, escaped: whether everything is denied, or which sessions are cut.
    pub fn status(&self) -> String {
        let all = self.denies.iter().find(|d| d.cut_off.is_none());
        if all.is_some() || !self.denied_by_others.is_empty() {
            return "denied everything".to_owned();
        }
        let latest = |all: bool| {
            let of = self.denies.iter().filter(|d| d.only_instance.is_none() == all);
            of.max_by_key(|d| d.cut_off)
        };
        match latest(true).or(latest(false)) {
            Some(deny) => format!("cut: denied {}", deny.words()),
            None => "not contained".to_owned(),
        }
    }
}
