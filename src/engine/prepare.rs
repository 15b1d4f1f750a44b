//! From a request to a plan: observe, then ask the playbook. Reads only.

use super::observe::{observe, quarantine_group, ssm_endpoint_groups};
use super::{Engine, EngineError, Outstanding};
use crate::cloud::port::FindingQuery;
use crate::domain::{InstanceId, Protection, RunId, Scope, Workflow};
use crate::ledger::RunState;
use crate::playbook::{Change, FindingRef, Needs, Observed, Plan, PlanRefusal, Playbook, quarantine, restore};
use crate::policy::QuarantinePolicy;
use std::collections::BTreeSet;

/// Asks for the quarantine of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct QuarantineRequest {
    /// Where the instance is.
    pub scope: Scope,
    /// The instance.
    pub instance: InstanceId,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// How to isolate.
    pub policy: QuarantinePolicy,
}

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreWhat {
    /// Everything that open quarantines of this instance changed.
    Instance(InstanceId),
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
}

#[derive(Debug, Clone, PartialEq)]
enum Request {
    Quarantine(Box<QuarantineRequest>),
    Restore(RestoreRequest),
}

/// A plan with what it rests on: what is previewed, and what is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The world it rests on.
    pub observed: Observed,
    request: Request,
    from_tags: bool,
}

impl Prepared {
    /// Whether the originals come from tags alone.
    pub fn from_tags(&self) -> bool {
        self.from_tags
    }
}

impl Engine {
    /// Observes an instance and plans its quarantine.
    ///
    /// # Errors
    /// When something can't be read, or the playbook refuses.
    pub async fn prepare_quarantine(&self, request: &QuarantineRequest) -> Result<Prepared, EngineError> {
        let QuarantineRequest { scope, instance, finding, policy } = request;
        let observed = self.observe_instance(scope, instance, policy).await?;
        let open = self.open_quarantines(scope, &format!("instance:{instance}")).await?;
        let history = open.last().map_or_else(quarantine::History::default, |run| quarantine::History {
            run: Some(run.run),
            actor: Some(run.actor.to_string()),
            since: Some(run.begun_at),
        });
        let plan = quarantine::plan(&quarantine::Request {
            instance,
            finding: finding.clone(),
            observed: &observed,
            policy,
            history: &history,
            actor: &self.actor().name,
        })?;
        Ok(Prepared { plan, observed, request: Request::Quarantine(Box::new(request.clone())), from_tags: false })
    }

    /// Reads an instance, its interfaces, protections, groups and the quarantine group that would be used.
    ///
    /// # Errors
    /// When something can't be read.
    pub async fn observe_instance(
        &self,
        scope: &Scope,
        instance: &InstanceId,
        policy: &QuarantinePolicy,
    ) -> Result<Observed, EngineError> {
        let reads = self.cloud().reads().as_ref();
        let needs = Needs {
            instance: Some(instance.clone()),
            protections: BTreeSet::from([Protection::Termination, Protection::Stop]),
            ..Needs::default()
        };
        let mut observed = observe(reads, scope, &needs, self.now()).await?;
        if let Some(vpc) = observed.instance.as_ref().and_then(|i| i.vpc.clone()) {
            let endpoints = async {
                if policy.allow_ssm { ssm_endpoint_groups(reads, scope, &vpc).await } else { Ok(BTreeSet::new()) }
            };
            let choice = quarantine_group(reads, scope, &vpc, policy.group.as_ref());
            (observed.quarantine_group, observed.ssm_endpoint_groups) = futures::try_join!(choice, endpoints)?;
        }
        Ok(observed)
    }

    /// Reads what a restore needs and plans it: from the ledger, or from the tags where the ledger knows nothing.
    ///
    /// # Errors
    /// When something can't be read, there is nothing to restore, or a named run is unknown.
    pub async fn prepare_restore(&self, request: &RestoreRequest) -> Result<Prepared, EngineError> {
        let scope = &request.scope;
        let reads = self.cloud().reads().as_ref();
        let (instance, standing) = match &request.what {
            RestoreWhat::Instance(instance) => {
                (instance.clone(), self.outstanding(scope, &format!("instance:{instance}")).await?)
            }
            RestoreWhat::Run(run) => self.outstanding_of_run(scope, *run).await?,
        };
        let runs: Vec<&RunState> = standing.iter().map(|o| &o.run).collect();
        let mut changes: Vec<Change> = standing.iter().flat_map(|o| o.changes.clone()).collect();
        let from_tags = runs.is_empty();
        if from_tags {
            let world = self.observe_instance(scope, &instance, &QuarantinePolicy::default()).await?;
            changes = restore::changes_from_tags(&world)?;
        }
        let observed = observe(reads, scope, &restore::needs(&instance, &changes), self.now()).await?;
        let latest = runs.iter().rev().find(|r| r.plan.finding.is_some()).or(runs.last()).copied();
        let finding = match latest.and_then(|r| r.plan.finding.clone()) {
            Some(finding) => Some(self.as_it_stands(finding).await),
            None => None,
        };
        let plan = restore::plan(&restore::Request {
            instance: &instance,
            reverts: runs.iter().map(|r| r.run).collect(),
            changes,
            observed: &observed,
            finding,
            incident: latest.map_or_else(|| instance.to_string(), |r| r.plan.incident.clone()),
            force: request.force.clone(),
            finding_status: request.finding_status.clone(),
            topic_arn: request.topic_arn.clone(),
            actor: &self.actor().name,
            from_tags,
        })?;
        Ok(Prepared { plan, observed, request: Request::Restore(request.clone()), from_tags })
    }

    /// What one quarantine changed and nobody has put back.
    async fn outstanding_of_run(
        &self,
        scope: &Scope,
        run: RunId,
    ) -> Result<(InstanceId, Vec<Outstanding>), EngineError> {
        let state = self.run_state(run).await?;
        let instance = state.plan.instance();
        let Some(instance) = instance.filter(|_| state.plan.playbook == Playbook::QuarantineInstance) else {
            let what = state.plan.playbook.name();
            return Err(
                PlanRefusal::Unfit(format!("run {run} is a {what}, not a quarantine: nothing to take back")).into()
            );
        };
        let mut standing = self.outstanding(scope, &state.plan.subject).await?;
        let Some(place) = standing.iter().position(|o| o.run.run == run) else {
            return Err(PlanRefusal::Nothing(format!("run {run} has been taken back: nothing to put back")).into());
        };
        let later = standing.split_off(place + 1);
        let mine: Vec<String> = standing.iter().skip(place).flat_map(|o| &o.changes).flat_map(Change::fields).collect();
        let newer = later.iter().find(|o| o.changes.iter().flat_map(Change::fields).any(|f| mine.contains(&f)));
        if let Some(newer) = newer {
            return Err(PlanRefusal::Unfit(format!(
                "run {} came later and holds {instance} now: restore that one, or the instance",
                newer.run.run
            ))
            .into());
        }
        Ok((instance, standing.split_off(place)))
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

    /// The state of one run.
    ///
    /// # Errors
    /// When the ledger can't be read or has no such run.
    pub async fn run_state(&self, run: RunId) -> Result<RunState, EngineError> {
        let records = self.ledger().records(run).await?;
        RunState::replay(&records).map_err(crate::ledger::LedgerError::from)?.ok_or(EngineError::NoSuchRun(run))
    }

    pub(super) async fn prepare_again(&self, prepared: &Prepared) -> Result<Prepared, EngineError> {
        match &prepared.request {
            Request::Quarantine(request) => self.prepare_quarantine(request).await,
            Request::Restore(request) => self.prepare_restore(request).await,
        }
    }
}
