//! How long isolation waits for evidence that is to come first.

use crate::ledger::RunState;
use crate::playbook::{Action, Change, Playbook, StepId};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// What a wave waits for though nothing depends on it: evidence that is to come first, and only for so long.
#[derive(Default)]
pub(super) struct Patience {
    waited: BTreeMap<StepId, Instant>,
}

impl Patience {
    pub(super) fn wait_for(&mut self, step: &StepId, left: Duration) {
        self.waited.insert(step.clone(), Instant::now() + left);
    }

    pub(super) fn done(&mut self, step: &StepId) {
        self.waited.remove(step);
    }

    /// Until when there is something to wait for; none when there is nothing.
    pub(super) fn until(&self) -> Option<Instant> {
        self.waited.values().max().copied().filter(|until| *until > Instant::now())
    }
}

/// How much of an awaited step's seconds is left at `now`. What isolation waits for counts from the run's beginning, as
/// the ledger has it: who takes the run over waits for no more than the rest. Of other plans nobody is in such a hurry,
/// and their steps build on one another: all of it, from their wave's beginning.
pub(super) fn left(state: &RunState, seconds: u32, now: DateTime<Utc>) -> Duration {
    let whole = Duration::from_secs(seconds.into());
    match state.plan.playbook {
        Playbook::QuarantineInstance => whole.saturating_sub((now - state.begun_at).to_std().unwrap_or_default()),
        _ => whole,
    }
}

/// Whether an interface is still to be isolated: nothing that only keeps evidence may hold that up.
pub(super) fn still_to_isolate(state: &RunState) -> bool {
    state.plan.playbook == Playbook::QuarantineInstance
        && state.plan.steps.iter().any(|s| {
            matches!(s.action, Action::Change(Change::InterfaceGroups(_)))
                && state.steps.get(&s.id).is_some_and(|s| !s.state.succeeded())
        })
}
