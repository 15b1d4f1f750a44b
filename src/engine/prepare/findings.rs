//! What an update of findings needs to know, and its plan.

use super::super::observe::findings::{SHOWN_WITHIN, as_last_set};
use super::super::observe::observe;
use super::super::{Engine, EngineError};
use super::{Prepared, Request};
use crate::domain::Scope;
use crate::ledger::{LedgerError, RunFilter};
use crate::playbook::update_findings::{self, FindingAction};
use crate::playbook::{FindingRef, Needs, Observed};
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
        Ok(Prepared::new(plan, observed, Request::Findings(Box::new(request.clone()))))
    }

    /// Corrects what Security Hub shows of findings by what the ledger says was set on them lately.
    pub(super) async fn with_findings_as_last_set(&self, world: &mut Observed) -> Result<(), LedgerError> {
        if world.findings.is_empty() {
            return Ok(());
        }
        // A run may have begun long before its last step: one that was recovered, above all.
        let since = world.at - SHOWN_WITHIN - Duration::days(1);
        let runs = self.ledger().runs(&RunFilter { since: Some(since), ..RunFilter::default() }).await?;
        as_last_set(world, &runs);
        Ok(())
    }
}
