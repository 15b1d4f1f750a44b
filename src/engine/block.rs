//! The steps of a block that are no edits: the counter, and the time until which a block stands.

use super::Engine;
use super::answer::{Answer, step_error, unclear_or_failed};
use super::observe::acls::counters;
use super::observe::observe;
use super::retry::{rereading, retrying};
use crate::cloud::Writes;
use crate::cloud::port::Target;
use crate::domain::{AclCounter, AclId, Scope};
use crate::ledger::RunState;
use crate::playbook::block::counter::reconcile;
use crate::playbook::change::{DenyAddress, Edit};
use crate::playbook::{Change, Needs, Standing, StepId};
use std::collections::BTreeSet;

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
