//! `lazaret restore --run` of what was itself a way back: an unblock is denied again, an end that was moved goes back.

use super::args::RestoreArgs;
use super::block::topic;
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, unplanned};
use super::session::Session;
use crate::domain::{AclId, text};
use crate::engine::blocks::ours;
use crate::engine::{Block, BlockRequest, Consent, ExtendRequest, WhichBlocks};
use crate::ledger::{RunFilter, RunState};
use crate::playbook::block::{shown, subject};
use crate::playbook::change::DenyAddress;
use crate::playbook::{Action, Change, Playbook};
use crate::policy::Ttl;
use chrono::{DateTime, Duration, Utc};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Takes back the run of an unblock or of an extension; none for any other run, and for one that changed nothing.
pub(super) async fn take_back(
    session: &Session,
    state: &RunState,
    args: &RestoreArgs,
    out: &Out,
) -> Result<Option<Exit>, Failure> {
    if !matches!(state.plan.playbook, Playbook::Unblock | Playbook::ExtendBlock) {
        return Ok(None);
    }
    let mut runs = session.engine.ledger().runs(&RunFilter::default()).await?;
    runs.retain(|earlier| earlier.run < state.run);
    let mut before = ours(runs);
    before.retain(|block| block.scope == state.plan.scope);
    match state.plan.playbook {
        Playbook::Unblock => deny_again(session, state, before, args, out).await,
        _ => move_back(session, state, before, args, out).await,
    }
}

/// How long is left until an end: `None` where there is none. An end that is over can't be gone back to.
fn left(session: &Session, range: &IpNet, until: Option<DateTime<Utc>>) -> Result<Option<Ttl>, Failure> {
    let Some(until) = until else { return Ok(None) };
    let left = until - session.engine.now();
    // A minute is the least that can be asked for: what has begun of one counts.
    let minutes = (left + Duration::seconds(59)).num_minutes();
    if minutes < 1 {
        let message =
            format!("the time of {}'s block was over at {}", shown(range), until.format("%Y-%m-%d %H:%M:%SZ"));
        let hint = format!("`lazaret block {}` denies it anew, --ttl says for how long", shown(range));
        return Err(Failure::new(Exit::Refused, message).hint(&hint));
    }
    let ttl = format!("{minutes}m").parse().map_err(|e: String| Failure::new(Exit::Failed, e))?;
    Ok(Some(ttl))
}

async fn deny_again(
    session: &Session,
    state: &RunState,
    before: Vec<Block>,
    args: &RestoreArgs,
    out: &Out,
) -> Result<Option<Exit>, Failure> {
    let removed: Vec<DenyAddress> = state
        .changes()
        .into_iter()
        .filter_map(|change| match change {
            Change::DenyAddress(deny) if !deny.adds && !deny.directions.is_empty() => Some(deny),
            _ => None,
        })
        .collect();
    let Some(range) = removed.first().map(|deny| deny.range) else { return Ok(None) };
    let was = |deny: &DenyAddress| before.iter().find(|b| b.deny.acl == deny.acl && b.deny.number == deny.number);
    // Where the ends of several differ, the latest: nothing is denied for less long than it was.
    let ends: Vec<_> = removed.iter().map(|deny| was(deny).map_or(deny.until, |block| block.until)).collect();
    let until = if ends.contains(&None) { None } else { ends.into_iter().flatten().max() };
    let acls: BTreeSet<AclId> = removed.iter().map(|deny| deny.acl.clone()).collect();
    let scope = state.plan.scope.clone();
    let request = BlockRequest {
        range,
        instances: vec![],
        acls: acls.into_iter().collect(),
        directions: Some(removed.iter().flat_map(|deny| deny.directions.iter().copied()).collect()),
        ttl: left(session, &range, until)?,
        // It was denied before, by somebody who was asked then.
        typed_again: Some(range),
        aws: session.settings.aws_ranges().map_err(|e| Failure::new(Exit::Usage, e.to_string()))?.map(Arc::new),
        remote: None,
        finding: state.plan.finding.clone(),
        topic_arn: topic(session, args.topic.as_ref(), &scope),
        update_finding: false,
        policy: session.settings.block.clone(),
        scope: scope.clone(),
    };
    let prepared = session
        .engine
        .prepare_block(&request)
        .await
        .map_err(|e| unplanned(Playbook::BlockAddress, &subject(&range), &scope, e, out))?;
    carry_out(session, prepared, &Consent::default(), args.commit, out).await.map(Some)
}

async fn move_back(
    session: &Session,
    state: &RunState,
    before: Vec<Block>,
    args: &RestoreArgs,
    out: &Out,
) -> Result<Option<Exit>, Failure> {
    let moved = state.plan.steps.iter().find_map(|step| match &step.action {
        Action::MoveExpiry { range, runs, .. } if state.steps.get(&step.id)?.state.succeeded() => Some((*range, runs)),
        _ => None,
    });
    let Some((range, runs)) = moved else { return Ok(None) };
    let mut ends = Vec::new();
    for run in runs {
        let Some(block) = before.iter().find(|b| b.run == *run && b.deny.range == range) else { continue };
        let scope = state.plan.scope.clone();
        let ttl = left(session, &range, block.until)?;
        let request = ExtendRequest { scope: scope.clone(), range, which: WhichBlocks::Run(*run), ttl };
        let prepared = session
            .engine
            .prepare_extend(&request)
            .await
            .map_err(|e| unplanned(Playbook::ExtendBlock, &subject(&range), &scope, e, out))?;
        ends.push(carry_out(session, prepared, &Consent::default(), args.commit, out).await?);
    }
    if ends.is_empty() {
        let what = text::safe(state.plan.subject_id()).into_owned();
        return Err(Failure::new(Exit::Failed, format!("the ledger does not know the end that {what} had before")));
    }
    Ok(Some(Exit::together(&ends)))
}
