//! Looking at what a run has changed: nothing is claimed that was not read back.

use super::Engine;
use super::answer::Sight;
use super::block;
use super::observe::observe_strictly;
use super::retry::rereading;
use crate::cloud::CloudError;
use crate::domain::{GroupId, InstanceId, Scope};
use crate::ledger::{RunState, StepState};
use crate::playbook::change::leaks;
use crate::playbook::{Change, Needs, Standing, StepId};
use std::collections::BTreeSet;
use std::time::Duration;

/// The waits before each look: EC2 may need seconds until a read agrees with a write.
pub(super) const WAITS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// After how many looks a finding that isn't shown as set is left at that: Security Hub takes minutes, and three looks a
/// second.
const LATE_LOOKS: usize = 2;

/// The changes that AWS has said yes to and that were not seen to hold yet.
fn to_read(state: &RunState) -> Vec<(StepId, Change)> {
    let taken_back = super::outstanding::taken_back(state);
    let wanted = |step: &crate::playbook::Step| {
        let status = state.steps.get(&step.id)?;
        let open = matches!(status.state, StepState::Applied | StepState::NotVerified { .. });
        let change = status.change.clone().filter(|c| open && c.can_be_read())?;
        // What the run itself has put back since is read where it was put back.
        let back = change.inverse().filter(|_| !taken_back.is_empty());
        if back.is_some_and(|back| taken_back.contains(&&back)) {
            return None;
        }
        Some((step.id.clone(), change))
    };
    state.plan.steps.iter().filter_map(wanted).collect()
}

/// Whether AWS has said yes and may go on showing what stood there before, or shows nothing that proves it.
pub(super) fn not_shown_yet(change: &Change, now: &Standing) -> bool {
    match change {
        Change::Finding(edit) => match now {
            Standing::Before => true,
            Standing::After | Standing::Drift(_) => edit.lagging,
            Standing::Gone | Standing::Unknown => false,
        },
        _ => false,
    }
}

/// Whether a change was applied and never read back.
pub(super) fn unread(state: &RunState) -> bool {
    // Security Hub may take minutes to show an update: once its read-back has looked, there is nothing to wait for.
    let hurried = |change: &Change| !matches!(change, Change::Finding(_));
    let applied = |id: &StepId| state.steps.get(id).is_some_and(|s| s.state == StepState::Applied);
    to_read(state).iter().any(|(id, change)| hurried(change) && applied(id))
}

/// Reads back every change that AWS has said yes to, and whether the instance is isolated where that is asked.
///
/// # Errors
/// When the world can't be read.
pub(super) async fn read_back(
    engine: &Engine,
    state: &RunState,
    instance: Option<&InstanceId>,
    isolated: Option<&(GroupId, BTreeSet<GroupId>)>,
) -> Result<Sight, CloudError> {
    let mut changes = to_read(state);
    // Isolation is not held up by what isn't part of it: load balancers and the like are read at the end.
    if isolated.is_some() {
        changes.retain(|(_, change)| change.needs().fleet.is_empty());
    }
    let mut needs = changes.iter().map(|(_, c)| c.needs()).fold(Needs::default(), Needs::and);
    // Whether groups exist is not asked here: an interface can't hold one that doesn't.
    needs.groups.clear();
    needs.groups.extend(isolated.map(|(group, _)| group.clone()));
    needs.instance = needs.instance.or(instance.cloned());
    // What a block has left to somebody else is claimed too: it is denied.
    let others = block::left_to_others(state);
    needs.acls.extend(others.iter().map(|deny| deny.acl.clone()));
    let reads = engine.cloud().reads().as_ref();
    let mut sight = Sight { findings: vec![], late: vec![], problem: None };
    if needs.is_empty() {
        return Ok(sight);
    }
    for (n, wait) in WAITS.into_iter().enumerate() {
        tokio::time::sleep(wait).await;
        let world = rereading(engine, || observe_strictly(reads, &state.plan.scope, &needs, engine.now())).await?;
        let (late, shown): (Vec<_>, Vec<_>) =
            changes.iter().partition(|(_, change)| not_shown_yet(change, &change.standing(&world)));
        sight.late = late.iter().map(|(_, change)| format!("accepted, not yet shown: {}", change.what())).collect();
        sight.findings = shown
            .into_iter()
            .map(|(id, change)| match change.standing(&world) {
                Standing::After => match change.without_effect(&world) {
                    None => (id.clone(), true, change.after_text()),
                    Some(why) => (id.clone(), false, why),
                },
                Standing::Before => (id.clone(), false, format!("still {}", change.before_text())),
                Standing::Drift(now) => (id.clone(), false, now),
                Standing::Gone => (id.clone(), false, "no longer there".into()),
                Standing::Unknown => (id.clone(), false, "could not be read".into()),
            })
            .collect();
        let mut loose: Vec<String> = sight
            .findings
            .iter()
            .filter(|(_, ok, _)| !ok)
            .filter_map(|(id, _, seen)| Some(format!("{}: {seen}", changes.iter().find(|(c, _)| c == id)?.1.what())))
            .collect();
        loose.extend(block::not_denied(&others, &world));
        let loose = (isolated.is_none() && !loose.is_empty()).then(|| format!("not as left: {}", loose.join("; ")));
        sight.problem = loose.or_else(|| {
            isolated.and_then(|(group, reach)| {
                // An interface in a group that lets traffic through is not isolated, whoever opened it and when.
                let open =
                    world.groups.get(group).map_or_else(|| vec!["could not be read".into()], |g| leaks(g, reach));
                if !open.is_empty() {
                    return Some(format!("not isolated: {group} lets through: {}", open.join("; ")));
                }
                if world.is_isolated_by(group) {
                    return None;
                }
                let open = world.not_isolated_by(group);
                Some(if open.is_empty() {
                    "no interface could be read".to_owned()
                } else {
                    format!("not isolated: {}", open.join("; "))
                })
            })
        });
        let holds = sight.problem.is_none() && sight.findings.iter().all(|(_, ok, _)| *ok);
        if holds && (sight.late.is_empty() || n >= LATE_LOOKS) {
            break;
        }
    }
    Ok(sight)
}

/// Which side of one change the world is on now.
///
/// # Errors
/// When the world can't be read.
pub(super) async fn look(engine: &Engine, scope: &Scope, change: &Change) -> Result<Standing, CloudError> {
    let mut needs = change.needs();
    needs.groups.clear();
    let reads = engine.cloud().reads().as_ref();
    let world = rereading(engine, || observe_strictly(reads, scope, &needs, engine.now())).await?;
    Ok(change.standing(&world))
}
