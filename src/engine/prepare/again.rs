//! The way back of what was itself a way back: what an unblock took away is denied again, ends that were moved go back.

use super::super::blocks::{Block, End, moves, ours, removed};
use super::super::{Engine, EngineError};
use super::{BlockRequest, Prepared, Request, RestoreRequest};
use crate::domain::RunId;
use crate::ledger::{RunFilter, RunState};
use crate::playbook::block::{How, shown};
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
        head: u64,
        request: &RestoreRequest,
        state: &RunState,
    ) -> Result<Option<Prepared>, EngineError> {
        if !matches!(state.plan.playbook, Playbook::Unblock | Playbook::ExtendBlock) {
            return Ok(None);
        }
        let runs = self.ledger().runs(&RunFilter::default()).await?;
        let before = ours(runs.iter().filter(|r| r.run < state.run).cloned().collect());
        if state.plan.playbook == Playbook::Unblock {
            self.deny_again(request, state, &before).await
        } else {
            self.move_back(head, request, state, &before, &runs).await
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
        let tables = self.cloud().reads().network_acls(scope, &[]).await?;
        let (mut otherwise, mut over, mut left) = (BTreeMap::new(), None, Vec::new());
        for deny in &removed {
            if !tables.iter().any(|acl| acl.id == deny.acl) {
                left.push(format!("{} is there no more: nothing is denied in it again", deny.acl));
                continue;
            }
            match self.not_over(was(deny).map_or(deny.until, |block| block.until)) {
                Ok(stands) => {
                    otherwise.insert(deny.acl.clone(), How { directions: deny.directions.clone(), stands });
                }
                Err(end) => {
                    left.push(format!(
                        "the block in {} would have ended at {}: it stays away",
                        deny.acl,
                        shown_time(end)
                    ));
                    over = Some(end);
                }
            }
        }
        if otherwise.is_empty() {
            return Err(match over {
                Some(end) => anew(&range, end),
                None => PlanRefusal::Nothing(format!("{}: nothing to put back", left.join("; "))),
            }
            .into());
        }
        let block = BlockRequest {
            scope: scope.clone(),
            range,
            instances: vec![],
            acls: otherwise.keys().cloned().collect(),
            directions: None,
            stands: Stands::UntilTakenBack,
            otherwise,
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
            Err(error) => Err(error),
            Ok(mut prepared) => {
                prepared.plan.warnings.extend(left);
                // Planned anew, it is asked for as it was here: what is left out is said again.
                prepared.request = Request::Restore(Box::new(request.clone()));
                Ok(Some(prepared))
            }
        }
    }

    async fn move_back(
        &self,
        head: u64,
        request: &RestoreRequest,
        state: &RunState,
        before: &[Block],
        runs: &[RunState],
    ) -> Result<Option<Prepared>, EngineError> {
        let (scope, run) = (&state.plan.scope, state.run);
        let moved = moves(state);
        let Some(range) = moved.first().map(|(range, ..)| *range) else { return Ok(None) };
        let mut standing = ours(runs.to_vec());
        standing.retain(|b| b.scope == *scope && moved.iter().any(|(range, of, _)| b.is(*of, range)));
        let end_before = |b: &Block| {
            let was = before.iter().find(|was| was.is(b.run, &b.deny.range));
            was.map_or(b.deny.until, |was| was.until)
        };
        if standing.is_empty() {
            let why = format!("nothing stands of the blocks of {} whose end run {run} moved", shown(&range));
            return Err(PlanRefusal::Nothing(format!("{why}: nothing to put back")).into());
        }
        // The runs are newest first, and this one is among them.
        let in_force = in_force(runs.iter().rev());
        if !in_force.contains(&run) {
            return Err(PlanRefusal::Nothing(format!("run {run} has been taken back: nothing to put back")).into());
        }
        // Whoever moved one of them since, and has not moved it back, goes first. What moved one back is no move of its own.
        let since = |r: &&RunState| {
            let touches = |(range, of, _): &(IpNet, RunId, End)| standing.iter().any(|b| b.is(*of, range));
            r.run > run && r.plan.reverts.is_empty() && in_force.contains(&r.run) && moves(r).iter().any(touches)
        };
        if let Some(newer) = runs.iter().filter(since).map(|r| r.run).max() {
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
        let mut prepared = self.prepare_move(head, scope, range, back, asked).await?;
        prepared.plan.reverts = vec![run];
        Ok(Some(prepared))
    }

    /// Until its end once more; an end that is over, which can't be gone back to, is the error.
    fn not_over(&self, end: End) -> Result<Stands, DateTime<Utc>> {
        match end {
            Some(end) if end <= self.now() => Err(end),
            end => Ok(end.into()),
        }
    }
}

/// The moves of ends among these runs, oldest first, that nobody has taken back. What takes back such a move brings the one
/// before it to life again.
fn in_force<'a>(runs: impl Iterator<Item = &'a RunState>) -> BTreeSet<RunId> {
    let moved: Vec<&RunState> = runs.filter(|r| !moves(r).is_empty()).collect();
    let taken_back = |by: RunId| moved.iter().find(|r| r.run == by).and_then(|r| r.plan.reverts.first().copied());
    let mut in_force = BTreeSet::new();
    for run in &moved {
        if let Some(back) = run.plan.reverts.first() {
            in_force.remove(back);
            in_force.extend(taken_back(*back));
        }
        in_force.insert(run.run);
    }
    in_force
}

fn shown_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn anew(range: &IpNet, over: DateTime<Utc>) -> PlanRefusal {
    PlanRefusal::Unfit(format!(
        "the time of {0}'s block was over at {1}. `lazaret block {0}` denies it anew, --ttl says for how long",
        shown(range),
        shown_time(over),
    ))
}

fn stands_still(range: &IpNet, run: RunId, over: DateTime<Utc>) -> PlanRefusal {
    PlanRefusal::Unfit(format!(
        "the end that {0}'s block had before run {run} was over at {1}, and the block stands still: \
         `lazaret unblock {0}` takes it away now, `lazaret block {0} --extend TIME` moves its end",
        shown(range),
        shown_time(over),
    ))
}
