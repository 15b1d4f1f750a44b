//! How findings stand: as Security Hub shows them, and as the ledger knows better for a while.

use crate::cloud::port::FindingQuery;
use crate::cloud::{CloudError, Reads};
use crate::domain::{FindingKey, RecordState, RunId, Scope};
use crate::ledger::RunState;
use crate::playbook::change::{NO_NOTE, SetFinding, Swap};
use crate::playbook::{Action, Change, FindingNow, Observed};
use chrono::{DateTime, Duration, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Ids in one query: Security Hub takes at most twenty values in a string filter.
const IDS: usize = 20;

/// How long Security Hub may go on showing what stood there before an update that it has taken. (Its guide says
/// minutes, and no number.)
pub const SHOWN_WITHIN: Duration = Duration::minutes(15);

/// Reads these findings, archived and closed ones too. What Security Hub no longer has is left out.
///
/// # Errors
/// The first page that could not be read.
pub async fn findings(
    reads: &dyn Reads,
    scope: &Scope,
    keys: &BTreeSet<FindingKey>,
) -> Result<BTreeMap<FindingKey, FindingNow>, CloudError> {
    let mut found = BTreeMap::new();
    let mut ids: Vec<_> = keys.iter().map(|k| k.id.clone()).collect();
    ids.dedup();
    for ids in ids.chunks(IDS) {
        let query = FindingQuery { ids: ids.to_vec(), include_closed: true, ..FindingQuery::default() };
        let mut next: Option<String> = None;
        loop {
            let page = reads.findings(scope, &query, next.as_deref()).await?;
            for seen in page.findings {
                let Some(key) = seen.finding.key().filter(|k| keys.contains(k)) else { continue };
                let now = FindingNow {
                    workflow: seen.finding.workflow,
                    note: seen.finding.note.filter(|n| n != NO_NOTE),
                    archived: seen.finding.record_state == RecordState::Archived,
                    shown: true,
                };
                found.insert(key, now);
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
    }
    Ok(found)
}

/// Puts what was set lately in the place of what stood there before it, where Security Hub still shows that. An update
/// of ours that it has taken, or may have, counts for [`SHOWN_WITHIN`]; what it shows otherwise is somebody else's.
pub fn as_last_set(world: &mut Observed, runs: &[RunState]) {
    let since = world.at - SHOWN_WITHIN;
    let mut edits: Vec<(DateTime<Utc>, RunId, &SetFinding)> = Vec::new();
    for run in runs.iter().filter(|r| r.plan.scope == world.scope) {
        for status in run.steps.values().filter(|s| s.state.may_have_effect()) {
            let (Some(Change::Finding(edit)), Some(at)) = (&status.change, status.answered_at.or(status.intended_at))
            else {
                continue;
            };
            if at >= since {
                edits.push((at, run.run, edit));
            }
        }
    }
    edits.sort_by_key(|(at, run, _)| (*at, *run));
    for (key, now) in &mut world.findings {
        let mine = || edits.iter().map(|(_, _, e)| *e).filter(|e| &e.key == key);
        let status = overdue(&now.workflow, mine().filter_map(|e| e.status.as_ref()));
        let note = overdue(&now.note, mine().filter_map(|e| e.note.as_ref()));
        now.shown = status.is_none() && note.is_none();
        if let Some(status) = status {
            now.workflow = status;
        }
        if let Some(note) = note {
            now.note = note;
        }
    }
}

/// The value that was set last, where a value that stood there before one of these swaps is still shown.
fn overdue<'a, T: Clone + PartialEq + 'a>(shown: &T, swaps: impl Iterator<Item = &'a Swap<T>>) -> Option<T> {
    let swaps: Vec<&Swap<T>> = swaps.collect();
    let last = &swaps.last()?.after;
    (shown != last && swaps.iter().any(|s| &s.before == shown)).then(|| last.clone())
}

/// Looks through what runs have said on a finding in passing, as a quarantine does, once nothing of them stands any
/// more: what stood there before them counts, or our own courtesy would be drift. `over` are those runs, in any order.
pub fn through_courtesies(world: &mut Observed, over: &[&RunState]) {
    let mut said: Vec<(DateTime<Utc>, RunId, &Action)> = Vec::new();
    for run in over {
        for step in &run.plan.steps {
            let status = run.steps.get(&step.id).filter(|s| s.state.may_have_effect());
            let at = status.and_then(|s| s.answered_at.or(s.intended_at));
            if let (Action::UpdateFinding { .. }, Some(at)) = (&step.action, at) {
                said.push((at, run.run, &step.action));
            }
        }
    }
    said.sort_by_key(|(at, run, _)| (*at, *run));
    for (_, _, action) in said.into_iter().rev() {
        let Action::UpdateFinding { key, workflow, note, old_note, old_workflow, hub } = action else { continue };
        let Some(now) = world.findings.get_mut(key).filter(|_| *hub == world.scope) else { continue };
        if now.note.as_ref() == Some(note) && now.workflow == *workflow {
            now.note = old_note.clone().filter(|n| n != NO_NOTE);
            now.workflow = old_workflow.clone();
            now.shown = false;
        }
    }
}

/// The run, of these, whose note in passing stands on a finding of which one of the changes set the note.
pub fn noted_by(world: &Observed, standing: &[&RunState], changes: &[Change]) -> Option<RunId> {
    let sets = |k: &FindingKey| {
        changes.iter().any(|c| matches!(c, Change::Finding(SetFinding { key, note: Some(_), .. }) if key == k))
    };
    let stands = |action: &Action| match action {
        Action::UpdateFinding { key, note, .. } => {
            sets(key) && world.findings.get(key).is_some_and(|now| now.note.as_ref() == Some(note))
        }
        _ => false,
    };
    standing.iter().find(|run| run.plan.steps.iter().any(|step| stands(&step.action))).map(|run| run.run)
}
