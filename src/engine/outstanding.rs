//! What still stands: the changes of runs that no restore has put back. Pure.

use crate::domain::RunId;
use crate::ledger::{Outcome, RunState};
use crate::playbook::{Change, Playbook};
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
                let changes: Vec<Change> = run.changes().into_iter().filter(|c| c.inverse().is_some()).collect();
                standing.push(Outstanding { run, changes });
            }
        }
    }
    standing.retain(|o| !o.changes.is_empty());
    standing
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
