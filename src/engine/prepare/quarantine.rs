//! What a quarantine needs to know, and its plan.

use super::super::observe::{Finder, observe, quarantine_group, ssm_endpoint_groups};
use super::super::{Engine, EngineError};
use super::{Prepared, Request};
use crate::domain::{InstanceId, Protection, Scope, Vault, text};
use crate::ledger::RunState;
use crate::playbook::{Change, FindingRef, Needs, Observed, quarantine};
use crate::policy::{QuarantinePolicy, VolatileEvidence};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a quarantine waits for a bucket to say that it is there.
const VAULT: Duration = Duration::from_secs(5);

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

impl Engine {
    /// Observes an instance and plans its quarantine.
    ///
    /// # Errors
    /// When something can't be read, or the playbook refuses.
    pub async fn prepare_quarantine(&self, request: &QuarantineRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let QuarantineRequest { scope, instance, finding, policy } = request;
        let reads = self.cloud().reads().as_ref();
        let found = Finder::first(reads, scope, instance, policy);
        let read = self.observe_instance(scope, instance, policy);
        let agent = async {
            if policy.evidence_first && policy.volatile.is_some() {
                self.agent_seen(scope, instance).await
            } else {
                None
            }
        };
        let (observed, found, denies, agent, (volatile, not_there)) =
            futures::join!(read, found, self.denies(request), agent, self.volatile(policy));
        let mut observed = observed?;
        observed.agent = agent;
        observed.fleet = found.second(reads, scope, observed.instance.as_ref(), &observed.interfaces).await;
        let open = self.open_quarantines(scope, &format!("instance:{instance}")).await?;
        // A later run may only have done what was left: since when it is isolated stands in the one that swapped.
        let swapped = |run: &&RunState| run.changes().iter().any(|c| matches!(c, Change::InterfaceGroups(_)));
        let isolating = open.iter().rev().find(swapped).or(open.last());
        let history = isolating.map_or_else(quarantine::History::default, |run| quarantine::History {
            run: Some(run.run),
            actor: Some(run.actor.to_string()),
            since: Some(run.begun_at),
        });
        let policy = &QuarantinePolicy { volatile, ..policy.clone() };
        let mut plan = quarantine::plan(&quarantine::Request {
            instance,
            finding: finding.clone(),
            observed: &observed,
            policy,
            history: &history,
            denies: &denies,
            actor: &self.actor().name,
        })?;
        plan.warnings.extend(not_there);
        Ok(Prepared::new(head, plan, observed, Request::Quarantine(Box::new(request.clone()))))
    }

    /// What is captured before the isolation, into a vault that can be used; and, where the one that was meant can't, why,
    /// and where evidence goes instead.
    async fn volatile(&self, policy: &QuarantinePolicy) -> (Option<VolatileEvidence>, Option<String>) {
        let Some(wanted) = policy.volatile.clone().filter(|_| policy.evidence_first) else { return (None, None) };
        let why = match tokio::time::timeout(VAULT, self.checked_vault(&wanted.vault)).await {
            Ok(Ok(vault)) => return (Some(VolatileEvidence { vault, ..wanted }), None),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it did not answer within {} s", VAULT.as_secs()),
        };
        let shown = |vault: &Vault| text::safe(&vault.to_string()).into_owned();
        let meant = shown(&wanted.vault);
        match wanted.otherwise {
            Some(vault) => {
                let note = format!("evidence goes to {}, since {meant} can't be used: {why}", shown(&vault));
                (Some(VolatileEvidence { vault, otherwise: None, seconds: wanted.seconds }), Some(note))
            }
            None => (None, Some(format!("no scripts are run before the isolation: {meant} can't be used: {why}"))),
        }
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
}
