//! What an update of findings needs to know, and its plan.

use super::super::observe::findings::{SHOWN_WITHIN, as_last_set, noted_by, through_courtesies};
use super::super::observe::observe;
use super::super::{Engine, EngineError, settled};
use super::{Prepared, Request};
use crate::domain::Scope;
use crate::ledger::{LedgerError, RunFilter};
use crate::playbook::update_findings::{self, FindingAction};
use crate::playbook::{Change, FindingRef, Needs, Observed, PlanRefusal};
use chrono::Duration;

/// Asks for an update of findings of one Security Hub.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingsRequest {
    /// The account and Region whose Security Hub is told.
    pub hub: Scope,
    /// The findings, at most [`update_findings::MOST`]. Their JSON may be left out where they are many.
    pub findings: Vec<FindingRef>,
    /// What is said about them.
    pub action: FindingAction,
    /// What else is to be noted.
    pub note: Option<String>,
}

impl Engine {
    /// Reads how the findings stand and plans what to set.
    ///
    /// # Errors
    /// When something can't be read, or there is nothing to set.
    pub async fn prepare_findings(&self, request: &FindingsRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let keys = request.findings.iter().filter_map(|f| f.key.clone()).take(update_findings::MOST + 1).collect();
        let needs = Needs { findings: keys, ..Needs::default() };
        let mut observed = observe(self.cloud().reads().as_ref(), &request.hub, &needs, self.now()).await?;
        self.with_findings_as_last_set(&mut observed).await?;
        let plan = update_findings::plan(&update_findings::Request {
            findings: &request.findings,
            action: &request.action,
            note: request.note.as_deref(),
            observed: &observed,
            actor: &self.actor().name,
        })?;
        Ok(Prepared::new(head, plan, observed, Request::Findings(Box::new(request.clone()))))
    }

    /// Looks through what runs of the incident that stand no more have said on the findings in passing. A note that one
    /// that still stands has set holds back a change of that note, unless `forced`.
    pub(super) async fn with_courtesies_looked_through(
        &self,
        world: &mut Observed,
        incident: &str,
        changes: &[Change],
        forced: bool,
    ) -> Result<(), EngineError> {
        if world.findings.is_empty() {
            return Ok(());
        }
        let filter = RunFilter { incident: Some(incident.to_owned()), ..RunFilter::default() };
        let runs = self.ledger().runs(&filter).await?;
        let settled = settled(&runs);
        let (over, standing): (Vec<_>, Vec<_>) =
            runs.iter().partition(|r| !r.is_open() && (!r.plan.playbook.contains() || settled.contains(&r.run)));
        if let (false, Some(newer)) = (forced, noted_by(world, &standing, changes)) {
            let subject = "a finding's note".to_owned();
            return Err(PlanRefusal::Newer { newer, subject }.into());
        }
        through_courtesies(world, &over);
        Ok(())
    }

    /// Corrects what Security Hub shows of findings by what the ledger says was set on them lately.
    pub(super) async fn with_findings_as_last_set(&self, world: &mut Observed) -> Result<(), LedgerError> {
        if world.findings.is_empty() {
            return Ok(());
        }
        // A run may have begun long before its last step: one that was recovered, above all.
        let since = world.at - SHOWN_WITHIN - Duration::days(1);
        let lately = RunFilter { since: Some(since), ..RunFilter::default() };
        as_last_set(world, &self.ledger().list(&lately).await?.runs);
        Ok(())
    }
}
