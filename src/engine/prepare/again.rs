//! The way back of what was itself a way back: what an unblock took away is denied again, ends that were moved go back.

use super::super::blocks::{Block, End, moves, ours, removed};
use super::super::{Engine, EngineError};
use super::{BlockRequest, Prepared, Request, RestoreRequest};
use crate::domain::{AclId, RunId};
use crate::ledger::{RunFilter, RunState};
use crate::playbook::block::shown;
use crate::playbook::change::DenyAddress;
use crate::playbook::{PlanRefusal, Playbook};
use crate::policy::Stands;
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

impl Engine {
    /// Plans the opposite of a run that took blocks away or moved their end; none for any other run, and for one that
    /// changed nothing.
    pub(super) async fn prepare_again(
        &self,
        request: &RestoreRequest,
        state: &RunState,
    ) -> Result<Option<Prepared>, EngineError> {
        if !matches!(state.plan.playbook, Playbook::Unblock | Playbook::ExtendBlock) {
            return Ok(None);
        }
        let head = self.head().await?;
        let runs = self.ledger().runs(&RunFilter::default()).await?;
        let (before, later): (Vec<RunState>, Vec<RunState>) = runs.into_iter().partition(|r| r.run < state.run);
        if state.plan.playbook == Playbook::Unblock {
            self.deny_again(request, state, &ours(before)).await
        } else {
            self.move_back(head, request, state, &ours(before), &later).await
        }
    }

    async fn deny_again(
        &self,
        request: &RestoreRequest,
        state: &RunState,
        before: &[Block],
    ) -> Result<Option<Prepared>, EngineError> {
        let scope = &state.plan.scope;
        let removed = removed(state);
        let Some(range) = removed.first().map(|deny| deny.range) else { return Ok(None) };
        // A number tells no block by itself: it is free again once somebody else has removed its entry.
        let was = |deny: &DenyAddress| {
            let same = |d: &DenyAddress| (&d.acl, d.range, d.number) == (&deny.acl, deny.range, deny.number);
            before.iter().find(|b| b.scope == *scope && same(&b.deny))
        };
        // Where the ends of several differ, the latest: nothing is denied for less long than it was.
        let ends: Vec<End> = removed.iter().map(|deny| was(deny).map_or(deny.until, |block| block.until)).collect();
        let end = if ends.contains(&None) { None } else { ends.into_iter().flatten().max() };
        let acls: BTreeSet<AclId> = removed.iter().map(|deny| deny.acl.clone()).collect();
        let block = BlockRequest {
            scope: scope.clone(),
            range,
            instances: vec![],
            acls: acls.into_iter().collect(),
            directions: Some(removed.iter().flat_map(|deny| deny.directions.iter().copied()).collect()),
            stands: self.not_over(end).map_err(|over| anew(&range, over))?,
            // It was denied before, by somebody who was asked then.
            typed_again: Some(range),
            policy: request.block.clone(),
            aws: request.aws.clone(),
            finding: state.plan.finding.clone(),
            remote: None,
            topic_arn: request.topic_arn.clone(),
            update_finding: false,
        };
        match self.prepare_block(&block).await {
            // Taking back twice is harmless.
            Err(EngineError::Plan(already @ PlanRefusal::AlreadyBlocked { .. })) => {
                Err(PlanRefusal::Nothing(format!("{already}: nothing to put back")).into())
            }
            answer => answer.map(Some),
        }
    }

    async fn move_back(
        &self,
        head: u64,
        request: &RestoreRequest,
        state: &RunState,
        before: &[Block],
        later: &[RunState],
    ) -> Result<Option<Prepared>, EngineError> {
        let (scope, run) = (&state.plan.scope, state.run);
        let moved = moves(state);
        let Some(range) = moved.first().map(|(range, ..)| *range) else { return Ok(None) };
        let mut standing = self.recorded_blocks().await?;
        standing.retain(|b| b.scope == *scope && moved.iter().any(|(range, of, _)| b.is(*of, range)));
        let end_before = |b: &Block| {
            let was = before.iter().find(|was| was.is(b.run, &b.deny.range));
            was.map_or(b.deny.until, |was| was.until)
        };
        if standing.is_empty() {
            let why = format!("nothing stands of the blocks of {} whose end run {run} moved", shown(&range));
            return Err(PlanRefusal::Nothing(format!("{why}: nothing to put back")).into());
        }
        if standing.iter().all(|b| b.until == end_before(b)) {
            return Err(PlanRefusal::Nothing(format!("run {run} has been taken back: nothing to put back")).into());
        }
        // Whoever moved one of them since, and has not moved it back, goes first.
        let as_moved = |b: &Block| moved.iter().any(|(_, of, end)| b.run == *of && b.until == *end);
        let since = |r: &&RunState| {
            let of = moves(r);
            r.run > run && standing.iter().any(|b| !as_moved(b) && of.iter().any(|(range, of, _)| b.is(*of, range)))
        };
        if let Some(newer) = later.iter().filter(since).map(|r| r.run).max() {
            return Err(PlanRefusal::Newer { newer, subject: shown(&range) }.into());
        }
        let mut by_end: BTreeMap<End, Vec<Block>> = BTreeMap::new();
        for block in standing {
            by_end.entry(end_before(&block)).or_default().push(block);
        }
        let mut back = Vec::new();
        for (end, blocks) in by_end {
            back.push((self.not_over(end).map_err(|over| stands_still(&range, run, over))?, blocks));
        }
        let asked = Request::Restore(Box::new(request.clone()));
        self.prepare_move(head, scope, range, back, asked).await.map(Some)
    }

    /// Until its end once more; an end that is over, which can't be gone back to, is the error.
    fn not_over(&self, end: End) -> Result<Stands, DateTime<Utc>> {
        match end {
            Some(end) if end <= self.now() => Err(end),
            end => Ok(end.into()),
        }
    }
}

fn anew(range: &IpNet, over: DateTime<Utc>) -> PlanRefusal {
    PlanRefusal::Unfit(format!(
        "the time of {0}'s block was over at {1}. `lazaret block {0}` denies it anew, --ttl says for how long",
        shown(range),
        over.format("%Y-%m-%d %H:%M:%SZ"),
    ))
}

fn stands_still(range: &IpNet, run: RunId, over: DateTime<Utc>) -> PlanRefusal {
    PlanRefusal::Unfit(format!(
        "the end that {0}'s block had before run {run} was over at {1}, and the block stands still: \
         `lazaret unblock {0}` takes it away now, `lazaret block {0} --extend TIME` moves its end",
        shown(range),
        over.format("%Y-%m-%d %H:%M:%SZ"),
    ))
}
