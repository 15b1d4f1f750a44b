//! The steps of a block that are no edits: the counter, and the time until which a block stands. And what is said of a
//! block of which somebody else was faster with a part.

use super::Engine;
use super::answer::{Answer, step_error, unclear_or_failed};
use super::observe::acls::counters;
use super::observe::observe;
use super::retry::{rereading, retrying};
use crate::cloud::Writes;
use crate::cloud::port::Target;
use crate::domain::{AclCounter, AclDirection, AclId, Scope};
use crate::ledger::RunState;
use crate::playbook::block::counter::reconcile;
use crate::playbook::block::shown;
use crate::playbook::change::{DenyAddress, Edit, ways};
use crate::playbook::{Action, Change, Needs, Observed, Playbook, Standing, StepId};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What a block was to deny and left to somebody else, who was faster: the planned denies in those directions alone.
/// Nothing where the run is no block.
pub(super) fn left_to_others(state: &RunState) -> Vec<DenyAddress> {
    if state.plan.playbook != Playbook::BlockAddress {
        return vec![];
    }
    let left = |step: &crate::playbook::Step| {
        let Action::Change(Change::DenyAddress(planned)) = &step.action else { return None };
        let status = state.steps.get(&step.id).filter(|s| s.state.succeeded())?;
        let Some(Change::DenyAddress(made)) = &status.change else { return None };
        let left: BTreeSet<AclDirection> = planned.directions.difference(&made.directions).copied().collect();
        (!left.is_empty()).then(|| planned.in_directions(left))
    };
    state.plan.steps.iter().filter_map(left).collect()
}

/// Of what was left to others: what nobody denies any more, or not effectively, in words.
pub(super) fn not_denied(left: &[DenyAddress], world: &Observed) -> Vec<String> {
    let missing = |deny: &DenyAddress| {
        let acl = world.acls.get(&deny.acl);
        let open = |d: &&AclDirection| acl.is_none_or(|acl| acl.effective_deny(**d, &deny.range).is_none());
        let open: BTreeSet<AclDirection> = deny.directions.iter().filter(open).copied().collect();
        (!open.is_empty()).then(|| {
            format!("{} {}: somebody else denied {}, and no longer does", deny.acl, ways(&open), shown(&deny.range))
        })
    };
    left.iter().filter_map(missing).collect()
}

/// Whether a block, which has ended, has an entry of its own.
pub(super) fn has_entries(state: &RunState) -> bool {
    let has = |s: &crate::ledger::StepStatus| {
        s.state.may_have_effect()
            && matches!(&s.change, Some(Change::DenyAddress(deny)) if deny.adds && !deny.directions.is_empty())
    };
    state.steps.values().any(has)
}

/// Until when the denies stand that a quarantine made so as to cut flows: what is left to do about them.
pub(super) fn denied_meanwhile(state: &RunState) -> Vec<String> {
    if state.plan.playbook != Playbook::QuarantineInstance {
        return vec![];
    }
    let end = |s: &crate::ledger::StepStatus| match &s.change {
        Some(Change::DenyAddress(deny)) if s.state.may_have_effect() && !deny.directions.is_empty() => {
            Some((shown(&deny.range), deny.until?))
        }
        _ => None,
    };
    let ends: BTreeMap<String, DateTime<Utc>> = state.steps.values().filter_map(end).collect();
    let words = |(name, until): (String, DateTime<Utc>)| {
        let until = until.format("%Y-%m-%d %H:%M:%SZ");
        format!("The network ACLs deny {name} until a `lazaret sweep` after {until}, or the restore")
    };
    ends.into_iter().map(words).collect()
}

/// What a block that has succeeded amounts to. What somebody else denies is theirs, for as long as they leave it.
pub(super) fn kept(state: &RunState) -> String {
    let left = left_to_others(state);
    if left.is_empty() {
        return state.plan.promise.kept.clone();
    }
    let places: Vec<String> = left.iter().map(|d| format!("{} {}", d.acl, ways(&d.directions))).collect();
    let theirs = format!(
        "somebody else was faster in {}: that entry is theirs, was read back, and stands for as long as they leave it",
        places.join(" and ")
    );
    if has_entries(state) {
        return format!("{}. But {theirs}", state.plan.promise.kept);
    }
    let name = crate::domain::text::safe(state.plan.subject_id()).into_owned();
    format!(
        "{name} is denied, and not by this run: {theirs}. Nothing of ours was added, so there is nothing to take back"
    )
}

/// Writes the number that a step has used, after a fresh look at the table and the counter.
pub(super) async fn write_counter(
    engine: &Engine,
    writes: &dyn Writes,
    state: &RunState,
    acl: &AclId,
    step: &StepId,
) -> Answer {
    let used = state.steps.get(step).and_then(|s| s.change.as_ref());
    let Some(Change::DenyAddress(DenyAddress { number, directions, .. })) = used else {
        return Answer::failed("NoNumber", "no number was recorded");
    };
    if directions.is_empty() {
        return Answer::applied(vec!["no number was used".into()]);
    }
    let (reads, scope, ids) = (engine.cloud().reads().as_ref(), &state.plan.scope, BTreeSet::from([acl.clone()]));
    let list = [acl.clone()];
    let table = rereading(engine, || reads.network_acls(scope, &list));
    let counter = rereading(engine, || counters(reads, scope, &ids));
    let (table, counter) = match futures::try_join!(table, counter) {
        Ok(both) => both,
        Err(e) => return Answer::Failed(step_error(&e)),
    };
    let Some(table) = table.into_iter().find(|a| &a.id == acl) else {
        return Answer::failed("Gone", format!("{acl} is no longer there"));
    };
    let Some(value) = reconcile(&table, counter.get(acl), *number) else {
        return Answer::applied(vec!["it names this number, or a later one that stands: left as it is".into()]);
    };
    let (target, name) = (Target::new(scope), AclCounter::name_for(acl));
    match retrying(engine, || writes.put_parameter(&target, &name, &value)).await {
        Ok(()) => Answer::applied(vec![format!("{name} = {value}")]),
        Err(e) => unclear_or_failed(&e),
    }
}

/// Reads the blocks whose time is moved: only what stands whole, and is ours, can be extended.
pub(super) async fn move_expiry(engine: &Engine, scope: &Scope, blocks: &[DenyAddress]) -> Answer {
    let needs = blocks.iter().map(Edit::needs).fold(Needs::default(), Needs::and);
    let reads = engine.cloud().reads().as_ref();
    let world = match rereading(engine, || observe(reads, scope, &needs, engine.now())).await {
        Ok(world) => world,
        Err(e) => return Answer::Failed(step_error(&e)),
    };
    let odd: Vec<String> = blocks
        .iter()
        .filter_map(|block| match block.standing(&world) {
            Standing::After => block.without_effect(&world),
            Standing::Drift(now) => Some(format!("{}: {now}", block.what())),
            Standing::Before | Standing::Gone | Standing::Unknown => Some(format!("{} are gone", block.what())),
        })
        .collect();
    if odd.is_empty() {
        let seen = "every entry was read back".to_owned();
        return Answer::Applied { output: vec![], verified: Some(seen) };
    }
    Answer::failed("NotStanding", odd.join("; "))
}
