//! From a planned change to the one that is recorded and made: with what only the run itself knows.

use super::answer::NOT_APPLIED;
use super::{Engine, LEASE};
use crate::domain::{GroupId, InterfaceId};
use crate::ledger::{RunState, StepState, StepStatus};
use crate::playbook::change::OpenGroup;
use crate::playbook::{Action, Change, Step, deny};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// The step by which the interface of this one passes through the allow-all group first.
pub(super) fn passing<'a>(state: &'a RunState, step: &Step) -> Option<&'a Step> {
    let of = |action: &Action| match action {
        Action::Change(Change::InterfaceGroups(groups)) => Some((groups.interface.clone(), groups.passing)),
        Action::BackOut { change, .. } => Some((change.interface.clone(), false)),
        _ => None,
    };
    let (interface, false) = of(&step.action)? else { return None };
    state.plan.steps.iter().find(|s| of(&s.action) == Some((interface.clone(), true)))
}

/// The step's change with the groups that earlier steps have made, the run and the moment in it; and as it was first
/// recorded where it was.
pub(super) fn resolved_change(engine: &Engine, state: &RunState, step: &Step) -> Option<Change> {
    let change = match &step.action {
        Action::Change(change) => change.clone(),
        Action::BackOut { change, .. } => Change::InterfaceGroups(change.clone()),
        _ => return None,
    };
    if let Some(status) = state.steps.get(&step.id)
        && let Some(recorded) = status.change.clone()
        && !cuts_anew(status, &change, engine.now())
    {
        return Some(recorded);
    }
    let change = change.settle(state.run, engine.aws_now());
    let change = match group_made(state) {
        Some(group) => change.with_group_made(&group),
        None => change,
    };
    let open = open_group_step(state).and_then(|s| state.steps.get(&s.id)).and_then(|s| s.output.first());
    let change = match open {
        Some(group) => change.with_open_group(&GroupId::new(group.as_str())),
        None => change,
    };
    Some(from_where_it_stands(state, step, change))
}

/// Whether a cut of sessions that looking has shown not to be made gets the moment of its second beginning: what was
/// issued since the first, before an instance was moved after all, would outlive it. Not before IAM has had time to agree
/// with itself on what it shows.
fn cuts_anew(status: &StepStatus, planned: &Change, now: DateTime<Utc>) -> bool {
    let not_made = matches!(&status.state, StepState::Failed { error } if error.code == NOT_APPLIED);
    let at_a_moment =
        matches!(planned, Change::InlinePolicy(p) if p.after.as_ref().is_some_and(|d| d.contains(deny::NOW)));
    not_made && at_a_moment && status.intended_at.is_some_and(|at| now - at >= LEASE)
}

/// A swap begins where its interface stands: in the allow-all group if it has passed into it, else in its own groups.
fn from_where_it_stands(state: &RunState, step: &Step, mut change: Change) -> Change {
    if let Change::InterfaceGroups(swap) = &mut change
        && let Some(pass) = passing(state, step)
        && let Action::Change(Change::InterfaceGroups(planned)) = &pass.action
        && !state.steps.get(&pass.id).is_some_and(|s| s.state.may_have_effect())
    {
        swap.before.clone_from(&planned.before);
    }
    change
}

/// The step of this run that makes the allow-all group.
pub(super) fn open_group_step(state: &RunState) -> Option<&Step> {
    let makes = |s: &&Step| matches!(&s.action, Action::Change(Change::OpenGroup(OpenGroup { after: true, .. })));
    state.plan.steps.iter().find(makes)
}

/// The quarantine group that a step of this run made.
pub(super) fn group_made(state: &RunState) -> Option<GroupId> {
    let made = state.plan.steps.iter().find(|s| matches!(s.action, Action::Change(Change::MakeQuarantineGroup(_))))?;
    state.steps.get(&made.id)?.output.first().map(|id| GroupId::new(id.as_str()))
}

/// Whether an interface may stand in the allow-all group: it has passed into it, and neither got on nor back.
pub(super) fn stands_open(state: &RunState) -> Vec<InterfaceId> {
    let mut open = BTreeSet::new();
    for step in &state.plan.steps {
        let Some(status) = state.steps.get(&step.id) else { continue };
        match (&step.action, &status.change) {
            (Action::Change(Change::InterfaceGroups(planned)), _)
                if planned.passing && status.state.may_have_effect() =>
            {
                open.insert(planned.interface.clone());
            }
            (Action::Change(Change::InterfaceGroups(planned)), _) if planned.passing => {}
            (_, Some(Change::InterfaceGroups(groups))) if status.state.succeeded() => {
                open.remove(&groups.interface);
            }
            _ => {}
        }
    }
    open.into_iter().collect()
}
