//! What a restore needs to know, and its plan.

use super::super::observe::observe;
use super::super::{Engine, EngineError, Outstanding};
use super::{Prepared, Request};
use crate::cloud::port::FindingQuery;
use crate::domain::{InstanceId, RunId, Scope, Workflow, text};
use crate::ledger::RunState;
use crate::playbook::{Change, FindingRef, PlanRefusal, Playbook, restore};
use crate::policy::address::AwsRanges;
use crate::policy::{BlockPolicy, QuarantinePolicy};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreWhat {
    /// Everything that open runs on this instance changed.
    Instance(InstanceId),
    /// Everything that open runs on this subject changed; the subject as plans name it, `role:ci`.
    Subject(String),
    /// What this run changed, and nothing else.
    Run(RunId),
}

/// Asks for a restore.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoreRequest {
    /// Where the instance is.
    pub scope: Scope,
    /// What is to be restored.
    pub what: RestoreWhat,
    /// Fields that go back though somebody else changed them, as [`crate::playbook::plan::Drift::what`] names them;
    /// `all` for every one.
    pub force: BTreeSet<String>,
    /// The status the finding gets; none to leave it.
    pub finding_status: Option<Workflow>,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// How to block, and what never to: where the run took a block away, it is denied again.
    pub block: BlockPolicy,
    /// AWS's published ranges, where somebody keeps the file of them.
    pub aws: Option<Arc<AwsRanges>>,
}

impl Engine {
    /// Reads what a restore needs and plans it: from the ledger, or from the tags where the ledger knows nothing.
    ///
    /// # Errors
    /// When something can't be read, there is nothing to restore, or a named run is unknown.
    pub async fn prepare_restore(&self, request: &RestoreRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let scope = &request.scope;
        let reads = self.cloud().reads().as_ref();
        let (subject, standing) = match &request.what {
            RestoreWhat::Instance(instance) => {
                let subject = format!("instance:{instance}");
                let standing = self.outstanding(scope, &subject).await?;
                (subject, standing)
            }
            RestoreWhat::Subject(subject) => (subject.clone(), self.outstanding(scope, subject).await?),
            RestoreWhat::Run(run) => {
                let state = self.run_state(*run).await?;
                if let Some(prepared) = self.prepare_again(head, request, &state).await? {
                    return Ok(prepared);
                }
                self.outstanding_of_run(scope, &state).await?
            }
        };
        let runs: Vec<&RunState> = standing.iter().map(|o| &o.run).collect();
        let mut changes: Vec<Change> = standing.iter().flat_map(|o| o.changes.clone()).collect();
        let from_tags = runs.is_empty();
        if from_tags {
            let Some(instance) = subject.strip_prefix("instance:").map(InstanceId::new) else {
                return Err(PlanRefusal::Nothing(format!(
                    "nothing of {} stands: nothing to put back",
                    text::safe(&subject)
                ))
                .into());
            };
            let world = self.observe_instance(scope, &instance, &QuarantinePolicy::default()).await?;
            changes = restore::changes_from_tags(&world)?;
        }
        let mut observed = observe(reads, scope, &restore::needs(&subject, &changes), self.now()).await?;
        self.with_findings_as_last_set(&mut observed).await?;
        if let Some(run) = runs.last() {
            let (incident, forced) = (&run.plan.incident, !request.force.is_empty());
            self.with_courtesies_looked_through(&mut observed, incident, &changes, forced).await?;
        }
        let latest = runs.iter().rev().find(|r| r.plan.finding.is_some()).or(runs.last()).copied();
        let finding = match latest.and_then(|r| r.plan.finding.clone()) {
            Some(finding) => Some(self.as_it_stands(finding).await),
            None => None,
        };
        let plan = restore::plan(&restore::Request {
            subject: &subject,
            reverts: runs.iter().map(|r| r.run).collect(),
            changes,
            observed: &observed,
            finding,
            incident: latest.map_or_else(
                || subject.split_once(':').map_or(subject.as_str(), |(_, id)| id).to_owned(),
                |r| r.plan.incident.clone(),
            ),
            force: request.force.clone(),
            finding_status: request.finding_status.clone(),
            topic_arn: request.topic_arn.clone(),
            actor: &self.actor().name,
            from_tags,
        })?;
        let mut prepared = Prepared::new(head, plan, observed, Request::Restore(Box::new(request.clone())));
        prepared.from_tags = from_tags;
        Ok(prepared)
    }

    /// What one run changed and nobody has put back.
    async fn outstanding_of_run(
        &self,
        scope: &Scope,
        state: &RunState,
    ) -> Result<(String, Vec<Outstanding>), EngineError> {
        let run = state.run;
        if !state.plan.playbook.contains() {
            return Err(PlanRefusal::Unfit(contains_nothing(state)).into());
        }
        if state.plan.playbook == Playbook::DeleteRole {
            return Err(PlanRefusal::Unfit(format!(
                "run {run} deleted {}: a deleted role can't come back as the same principal, so nothing puts it back. Its \
                 whole export is in the ledger: `lazaret delete-role --export {run}`. A role made from it by hand is a new one: \
                 policies elsewhere that name the old one have to name it anew",
                text::safe(&state.plan.subject)
            ))
            .into());
        }
        let subject = state.plan.subject.clone();
        let mut standing = self.outstanding(scope, &state.plan.subject).await?;
        let Some(place) = standing.iter().position(|o| o.run.run == run) else {
            if state.plan.playbook == Playbook::CollectForensics {
                let why = "took evidence, which stays where it is kept; nothing else of it stands";
                return Err(PlanRefusal::Nothing(format!("run {run} {why}: nothing to put back")).into());
            }
            let why = if state.changes().iter().any(|c| c.inverse().is_some()) {
                "has been taken back"
            } else {
                "has changed nothing that could be put back"
            };
            return Err(PlanRefusal::Nothing(format!("run {run} {why}: nothing to put back")).into());
        };
        let later = standing.split_off(place + 1);
        let mine: Vec<String> = standing.iter().skip(place).flat_map(|o| &o.changes).flat_map(Change::fields).collect();
        let newer = later.iter().find(|o| o.changes.iter().flat_map(Change::fields).any(|f| mine.contains(&f)));
        if let Some(newer) = newer {
            let subject = text::safe(state.plan.subject_id()).into_owned();
            return Err(PlanRefusal::Newer { newer: newer.run.run, subject }.into());
        }
        Ok((subject, standing.split_off(place)))
    }

    /// The finding with the status and note that stand on it now, where its Security Hub tells.
    async fn as_it_stands(&self, mut finding: FindingRef) -> FindingRef {
        let Some(hub) = finding.hub.clone() else { return finding };
        let query = FindingQuery { ids: vec![finding.id.clone()], include_closed: true, ..FindingQuery::default() };
        match self.cloud().reads().findings(&hub, &query, None).await {
            Ok(page) => {
                if let Some(now) = page.findings.into_iter().find(|s| s.finding.id == finding.id) {
                    finding.workflow = now.finding.workflow;
                    finding.note = now.finding.note;
                }
            }
            // Restoring doesn't wait for Security Hub.
            Err(error) => tracing::warn!(%error, "the finding could not be read"),
        }
        finding
    }
}

/// Why a run that contained nothing is not taken back, and what does the opposite.
fn contains_nothing(state: &RunState) -> String {
    let (run, what) = (state.run, text::safe(state.plan.subject_id()));
    let again = match state.plan.subject.split_once(':').map(|(kind, _)| kind) {
        Some("instance") => format!("`lazaret quarantine {what}` isolates it again"),
        Some("user") => format!("`lazaret revoke user {what}` cuts it again"),
        Some("role") => format!("`lazaret revoke role {what}` cuts its sessions again"),
        Some("address") => format!("`lazaret block {what}` blocks it again"),
        _ => "what it took back can be done again".to_owned(),
    };
    match state.plan.playbook {
        Playbook::Restore => format!("run {run} put back what another had changed: {again}"),
        Playbook::Unblock => format!("run {run} took no block away: nothing to take back"),
        Playbook::ExtendBlock => format!("run {run} did not move the end of any block: nothing to take back"),
        other => format!("run {run} ({}) contains nothing: nothing to take back", other.name()),
    }
}
