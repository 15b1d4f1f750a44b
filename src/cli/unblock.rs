//! `lazaret unblock` and `lazaret sweep`.

use super::args::{Commit, Global, SweepArgs, UnblockArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, nothing_to_do, unplanned};
use super::session::Session;
use crate::domain::Scope;
use crate::engine::{Consent, EngineError, UnblockRequest, WhichBlocks};
use crate::playbook::block::{shown, subject};
use crate::playbook::{PlanRefusal, Playbook};
use ipnet::IpNet;
use std::collections::BTreeSet;

pub(super) async fn run(global: &Global, args: &UnblockArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let which = args.run.map_or(WhichBlocks::All, WhichBlocks::Run);
    if let Some(run) = args.run {
        session.engine.run_state(run).await?;
    }
    let blocks = session.engine.recorded_blocks().await?;
    let (meant, elsewhere): (BTreeSet<(Scope, IpNet)>, BTreeSet<_>) = blocks
        .into_iter()
        .filter(|b| args.address.is_none_or(|range| b.deny.range == range.trunc()))
        .filter(|b| args.run.is_none_or(|run| b.run == run))
        .map(|b| (b.scope, b.deny.range))
        .partition(|(scope, _)| session.scopes.contains(scope) || args.run.is_some());
    let Some(home) = meant.first().map(|(scope, _)| scope).or(session.scopes.first()).cloned() else {
        return Err(Failure::new(Exit::Usage, "no account and Region to look in"));
    };
    if !elsewhere.is_empty() {
        let said = format!("{} stays denied in {}, where this does not look", named(&elsewhere), places(&elsewhere));
        if meant.is_empty() {
            return Err(Failure::new(Exit::Failed, said).hint("--account and --region say where to look"));
        }
        out.note(format!("warning: {said}: --account and --region say where to look"));
    }
    if meant.is_empty() {
        let what = args.address.map_or_else(|| "that run".to_owned(), |range| shown(&range));
        let message = format!("no block of ours is left of {what}: nothing to take back");
        let about = args.address.map_or_else(|| "address:none".to_owned(), |range| subject(&range));
        return Ok(nothing_to_do(Playbook::Unblock, &about, &home, message, out));
    }
    each(&session, meant, which, args.topic.as_ref(), args.commit, out).await
}

pub(super) async fn sweep(global: &Global, args: &SweepArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let due = session.engine.due(&session.scopes).await?;
    let now = session.engine.now();
    let elsewhere = |b: &crate::engine::Block| b.is_due(now) && !session.scopes.contains(&b.scope);
    let elsewhere = session.engine.recorded_blocks().await?.into_iter().filter(elsewhere);
    let elsewhere: BTreeSet<(Scope, IpNet)> = elsewhere.map(|b| (b.scope, b.deny.range)).collect();
    if !elsewhere.is_empty() {
        out.note(format!(
            "warning: {} expired in {}, where this does not look, and stays denied: --account and --region say where to look",
            named(&elsewhere),
            places(&elsewhere)
        ));
    }
    let Some((home, _)) = due.first() else {
        let Some(home) = session.scopes.first() else {
            return Err(Failure::new(Exit::Usage, "no account and Region to look in"));
        };
        let here = if elsewhere.is_empty() { "" } else { " here" };
        let message = format!("no block has expired{here}");
        return Ok(nothing_to_do(Playbook::Unblock, "address:none", home, message, out));
    };
    tracing::info!(%home, due = due.len(), "sweeping");
    each(&session, due.into_iter().collect(), WhichBlocks::Expired, args.topic.as_ref(), args.commit, out).await
}

/// What is denied, in words.
fn named(blocks: &BTreeSet<(Scope, IpNet)>) -> String {
    let names: BTreeSet<String> = blocks.iter().map(|(_, range)| shown(range)).collect();
    names.into_iter().collect::<Vec<_>>().join(" ")
}

/// Where it is denied, in words.
fn places(blocks: &BTreeSet<(Scope, IpNet)>) -> String {
    let places: BTreeSet<String> = blocks.iter().map(|(scope, _)| scope.to_string()).collect();
    places.into_iter().collect::<Vec<_>>().join(" and ")
}

/// One run for each address, in one account and Region: what can't be done for one doesn't hold up the next.
async fn each(
    session: &Session,
    meant: BTreeSet<(Scope, IpNet)>,
    which: WhichBlocks,
    named_topic: Option<&String>,
    commit: Commit,
    out: &Out,
) -> Result<Exit, Failure> {
    let mut worst = Exit::Done;
    let (mut failed, many) = (None, meant.len() > 1);
    for (scope, range) in meant {
        let topic_arn = session.topic_for(named_topic, &scope);
        let request = UnblockRequest { scope: scope.clone(), range, which, topic_arn };
        let exit = match session.engine.prepare_unblock(&request).await {
            Ok(prepared) => carry_out(session, prepared, &Consent::default(), commit, out).await,
            // Somebody was faster, or has extended it.
            Err(EngineError::Plan(PlanRefusal::Nothing(message))) => {
                Ok(nothing_to_do(Playbook::Unblock, &subject(&range), &scope, message, out))
            }
            Err(error) => Err(unplanned(Playbook::Unblock, &subject(&range), &scope, error, out)),
        };
        match exit {
            Ok(exit) if worst == Exit::Done => worst = exit,
            Ok(_) => {}
            Err(failure) if many => {
                out.error(&failure);
                failed.get_or_insert(failure.exit);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(failed.unwrap_or(worst))
}
