//! What a quarantine needs to know, and its plan.

use super::super::observe::{observe, quarantine_group, ssm_endpoint_groups};
use super::super::{Engine, EngineError};
use super::{Prepared, Request};
use crate::domain::{InstanceId, Protection, Scope};
use crate::playbook::{FindingRef, Needs, Observed, quarantine};
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

impl Engine {
    /// Observes an instance and plans its quarantine.
    ///
    /// # Errors
    /// When something can't be read, or the playbook refuses.
    pub async fn prepare_quarantine(&self, request: &QuarantineRequest) -> Result<Prepared, EngineError> {
        let QuarantineRequest { scope, instance, finding, policy } = request;
        let mut observed = self.observe_instance(scope, instance, policy).await?;
        if policy.evidence_first && policy.volatile.is_some() {
            observed.agent = self.agent_seen(scope, instance).await;
        }
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
        Ok(Prepared::new(plan, observed, Request::Quarantine(Box::new(request.clone()))))
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
