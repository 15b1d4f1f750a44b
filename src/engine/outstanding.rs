//! What still stands: the changes of runs that no restore has put back. Pure.

use super::blocks::removed;
use crate::domain::RunId;
use crate::ledger::{Outcome, RunState};
use crate::playbook::{Action, Change, Playbook};
use std::collections::BTreeSet;

/// A run with those of its changes that no restore has put back.
#[derive(Debug, Clone, PartialEq)]
pub struct Outstanding {
    /// The run.
    pub run: RunState,
    /// Its changes that still stand, as far as the ledger knows, in the order they were made.
    pub changes: Vec<Change>,
}

/// Reads what still stands from the runs of one subject, oldest first. A restore settles what it has put back, field
/// by field; one that ended well and left nothing open settles the runs that it names altogether.
pub fn outstanding(runs: Vec<RunState>) -> Vec<Outstanding> {
    let mut standing: Vec<Outstanding> = Vec::new();
    for run in runs {
        match run.plan.playbook {
            Playbook::Restore | Playbook::Unblock => settle(&run, &mut standing),
            _ => {
                let changes = left_standing(&run);
                standing.push(Outstanding { run, changes });
            }
        }
    }
    standing.retain(|o| !o.changes.is_empty());
    standing
}

/// The changes of a run that take back what an earlier step of it was to make, and have, or may have, been made. That
/// step need not have come to anything: taking back what isn't there is no change either.
pub(super) fn taken_back(run: &RunState) -> Vec<&Change> {
    let mut back = Vec::new();
    let mut before: Vec<&Change> = Vec::new();
    for step in &run.plan.steps {
        let (Action::Change(planned), Some(status)) = (&step.action, run.steps.get(&step.id)) else { continue };
        let change = status.change.as_ref().unwrap_or(planned);
        if !before.iter().any(|earlier| earlier.inverse().as_ref() == Some(change)) {
            before.push(change);
        } else if status.state.may_have_effect() {
            back.push(change);
        }
    }
    back
}

/// What a run has changed and not taken back itself. What it may not have taken back stands.
fn left_standing(run: &RunState) -> Vec<Change> {
    let back = taken_back(run);
    let done: Vec<&Change> =
        run.steps.values().filter(|s| s.state.succeeded()).filter_map(|s| s.change.as_ref()).collect();
    let mut changes: Vec<Change> = run.changes().into_iter().filter(|c| c.inverse().is_some()).collect();
    changes.retain(|change| {
        let undone = change.inverse().is_some_and(|i| back.contains(&&i) && done.contains(&&i));
        !undone && !back.contains(&change)
    });
    changes
}

fn settle(restore: &RunState, standing: &mut [Outstanding]) {
    // A block may be one part of a run: taking it away settles no more than that.
    let whole = restore.plan.playbook == Playbook::Restore
        && matches!(restore.ended, Some((Outcome::Done, _, _)))
        && !restore.plan.leaves_open();
    let back: Vec<&Change> =
        restore.steps.values().filter(|s| s.state.succeeded()).filter_map(|s| s.change.as_ref()).collect();
    for entry in standing.iter_mut().filter(|o| restore.plan.reverts.contains(&o.run.run)) {
        if whole {
            entry.changes.clear();
        }
        for put_back in &back {
            entry.changes = entry.changes.iter().filter_map(|c| c.minus(put_back)).collect();
        }
    }
}

/// Whether a run has left something that stands until it is put back, as far as the run itself tells.
pub fn leaves_something(run: &RunState) -> bool {
    run.plan.playbook.contains() && !run.is_open() && !left_standing(run).is_empty()
}

/// Whether a restore of the run, by its id, has something to do, as far as the run itself tells.
pub fn has_a_way_back(run: &RunState) -> bool {
    match run.plan.playbook {
        Playbook::ExtendBlock => run.outcome() == Outcome::Done,
        Playbook::Unblock => !run.is_open() && !removed(run).is_empty(),
        _ => leaves_something(run),
    }
}

/// The runs, of any subjects, of which nothing stands any more: taken back in full, or without effect.
pub fn settled(runs: &[RunState]) -> BTreeSet<RunId> {
    let mut in_order = runs.to_vec();
    in_order.sort_by_key(|r| r.run);
    let mut settled: BTreeSet<RunId> = runs.iter().filter(|r| r.plan.playbook.contains()).map(|r| r.run).collect();
    for standing in outstanding(in_order) {
        settled.remove(&standing.run.run);
    }
    settled
}
