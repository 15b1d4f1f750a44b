//! What may be said of findings that a run set: what Security Hub took, what it shows, and what it refused.

use crate::ledger::{RunState, StepState};
use crate::playbook::{Action, Change};

/// The findings' steps of a run, by what became of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Read back as set.
    pub(super) shown: usize,
    /// Taken, and not shown yet.
    pub(super) late: usize,
    /// Each that was not taken, or of which nobody knows, with why.
    pub(super) missing: Vec<String>,
}

impl Said {
    /// Counts a run's findings; none where it sets none.
    pub(super) fn of(state: &RunState) -> Option<Self> {
        let mut said = Self::default();
        let mut any = false;
        for step in &state.plan.steps {
            let (Action::Change(Change::Finding(edit)), Some(status)) = (&step.action, state.steps.get(&step.id))
            else {
                continue;
            };
            any = true;
            match &status.state {
                StepState::Verified => said.shown += 1,
                StepState::Applied => said.late += 1,
                other => {
                    let why = other.why().unwrap_or_else(|| other.word().to_owned());
                    let id = crate::domain::text::fit_middle(edit.key.id.as_str(), 60);
                    said.missing.push(format!("{id}: {why}"));
                }
            }
        }
        any.then_some(said)
    }

    /// What Security Hub shows of what it took, for the end of a sentence.
    pub(super) fn proof(&self) -> String {
        match (self.shown, self.late) {
            (0, 0) => String::new(),
            (_, 0) => "; read back".to_owned(),
            (0, late) => format!("; {late} accepted, not yet shown: Security Hub may take minutes"),
            (shown, late) => {
                format!("; {shown} read back, {late} accepted, not yet shown: Security Hub may take minutes")
            }
        }
    }

    /// The first of those that are missing, and how many more there are.
    pub(super) fn missing(&self) -> String {
        let first: Vec<&str> = self.missing.iter().take(5).map(String::as_str).collect();
        let more = self.missing.len() - first.len();
        let more = if more == 0 { String::new() } else { format!("; and {more} more: see `lazaret runs --run`") };
        format!("{}{more}", first.join("; "))
    }
}
