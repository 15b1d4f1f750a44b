//! The blocks that stand: ours as the ledger tells them, beside the live tables. Pure but for [`Engine::blocks`].

use super::observe::acls::counters;
use super::{Engine, EngineError, outstanding};
use crate::domain::{AclEntry, AclId, FindingId, NetworkAcl, RunId, Scope, text};
use crate::ledger::{Listing, RunFilter, RunState};
use crate::playbook::block::counter::compare;
use crate::playbook::change::{DenyAddress, ways};
use crate::playbook::{Action, Change};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The code of a failure after which the same is intended again under another number.
pub const NUMBER_TAKEN: &str = "NumberTaken";

/// What a removal answers that found nothing to remove.
pub(super) const NOTHING_STOOD: &str = "nothing of ours stood there any more";

/// What the live table says of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BlockState {
    /// It stands whole, and takes effect.
    Stands,
    /// It stands whole, and an allow before it lets the address through.
    Dead {
        /// The allow.
        behind: String,
    },
    /// Only a part of it stands as we left it.
    Part {
        /// What is odd.
        seen: String,
    },
    /// Nothing of it stands: somebody else has removed or replaced it.
    Gone,
    /// The table was not read.
    Unread,
}

/// One of our blocks in one ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Block {
    /// Account and Region.
    pub scope: Scope,
    /// What stands in the ledger: ACL, range, number, directions.
    #[serde(flatten)]
    pub deny: DenyAddress,
    /// The run that made it.
    pub run: RunId,
    /// Who began that run, escaped.
    pub by: String,
    /// When.
    pub since: DateTime<Utc>,
    /// Until when it stands, after every extension; none until it is taken back.
    pub until: Option<DateTime<Utc>>,
    /// The finding that the run answered.
    pub finding: Option<FindingId>,
    /// What the live table says.
    pub seen: BlockState,
}

impl Block {
    /// Whether this run denied this range by it.
    pub(super) fn is(&self, of: RunId, range: &IpNet) -> bool {
        self.run == of && self.deny.range == *range
    }

    /// Whether its time is over.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// When a block ends, where it does by itself.
pub(super) type End = Option<DateTime<Utc>>;

/// Whose ends a run has moved: the range, the run that denies it, and until when.
pub(super) fn moves(run: &RunState) -> Vec<(IpNet, RunId, End)> {
    let moved = run.plan.steps.iter().filter_map(|step| match &step.action {
        Action::MoveExpiry { range, runs, until, .. } if run.steps.get(&step.id)?.state.succeeded() => {
            Some(runs.iter().map(|of| (*range, *of, *until)))
        }
        _ => None,
    });
    moved.flatten().collect()
}

/// What a run has removed, or may have. Where looking found that somebody else had, it is theirs, and not the run's.
pub(super) fn removed(run: &RunState) -> Vec<DenyAddress> {
    let steps =
        run.steps.values().filter(|s| s.state.may_have_effect() && !s.output.iter().any(|o| o == NOTHING_STOOD));
    let denies = steps.filter_map(|step| match &step.change {
        Some(Change::DenyAddress(deny)) if !deny.adds => Some(deny.clone()),
        _ => None,
    });
    denies.collect()
}

/// Our blocks that no run has taken away, oldest first, as all runs of the ledger tell them. The tables are not asked:
/// every one is [`BlockState::Unread`].
pub fn ours(runs: Vec<RunState>) -> Vec<Block> {
    let mut runs = runs;
    runs.sort_by_key(|r| r.run);
    let moved = runs.iter().flat_map(moves);
    let until: BTreeMap<(RunId, IpNet), End> = moved.map(|(range, of, end)| ((of, range), end)).collect();
    let mut blocks = Vec::new();
    for standing in outstanding(runs) {
        let run = &standing.run;
        for change in &standing.changes {
            let Change::DenyAddress(deny) = change else { continue };
            if !deny.adds {
                continue;
            }
            blocks.push(Block {
                scope: run.plan.scope.clone(),
                run: run.run,
                by: run.actor.to_string(),
                since: run.begun_at,
                until: until.get(&(run.run, deny.range)).copied().unwrap_or(deny.until),
                finding: run.plan.finding.as_ref().map(|f| f.id.clone()),
                seen: BlockState::Unread,
                deny: deny.clone(),
            });
        }
    }
    blocks
}

/// The numbers that our runs have used in each ACL, whether their entries stand or have been taken away.
pub fn numbers_used<'a>(runs: impl IntoIterator<Item = &'a RunState>) -> BTreeMap<(Scope, AclId), BTreeSet<i32>> {
    let mut used: BTreeMap<_, BTreeSet<i32>> = BTreeMap::new();
    for run in runs {
        for change in run.changes() {
            if let Change::DenyAddress(DenyAddress { adds: true, acl, number, .. }) = change {
                used.entry((run.plan.scope.clone(), acl)).or_default().insert(number);
            }
        }
    }
    used
}

/// What a table says of a block; `None` for a table that isn't there any more.
pub fn look(deny: &DenyAddress, acl: Option<&NetworkAcl>) -> BlockState {
    let Some(acl) = acl else { return BlockState::Gone };
    let seen = deny.seen_in(acl);
    if seen.ours.is_empty() {
        return BlockState::Gone;
    }
    if seen.ours.len() < deny.directions.len() {
        let mut odd = vec![format!("stands in {} alone", ways(&seen.ours))];
        odd.extend(seen.others.iter().map(|(direction, what)| format!("{direction} now has {what}")));
        return BlockState::Part { seen: odd.join("; ") };
    }
    match deny.directions.iter().find_map(|d| deny.shadowed_by(acl, *d)) {
        Some(allow) => BlockState::Dead { behind: allow.to_string() },
        None => BlockState::Stands,
    }
}

/// A deny in a live table that is nobody's whom our ledger knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignDeny {
    /// Account and Region.
    pub scope: Scope,
    /// The ACL.
    pub acl: AclId,
    /// The entry.
    pub entry: AclEntry,
}

/// The denies of live tables that are not ours, below the final ones.
pub fn foreign(scope: &Scope, acls: &[NetworkAcl], blocks: &[Block]) -> Vec<ForeignDeny> {
    let is_ours =
        |acl: &AclId, e: &AclEntry| blocks.iter().any(|b| b.scope == *scope && b.deny.acl == *acl && b.deny.is_ours(e));
    acls.iter()
        .flat_map(|acl| acl.denies().into_iter().map(move |e| (acl, e)))
        .filter(|(acl, e)| !is_ours(&acl.id, e))
        .map(|(acl, e)| ForeignDeny { scope: scope.clone(), acl: acl.id.clone(), entry: e.clone() })
        .collect()
}

/// The counter of an ACL in Parameter Store, held against the live table: a hint, which nobody trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CounterSeen {
    /// Account and Region.
    pub scope: Scope,
    /// The ACL.
    pub acl: AclId,
    /// What it holds, escaped.
    pub says: String,
    /// How it differs from the table; none where it agrees.
    pub drift: Option<String>,
}

impl Engine {
    /// Our blocks as the ledger tells them, oldest first; the tables are not read.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn recorded_blocks(&self) -> Result<Vec<Block>, EngineError> {
        Ok(ours(self.ledger().runs(&RunFilter::default()).await?))
    }

    /// Our blocks in these accounts and Regions beside their live tables, and everybody else's denies. A table that can't
    /// be read leaves its blocks [`BlockState::Unread`], with the error.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn blocks(&self, scopes: &[Scope]) -> Result<BlockList, EngineError> {
        let Listing { runs, unreadable } = self.ledger().list(&RunFilter::default()).await?;
        let used = numbers_used(&runs);
        let mut blocks = ours(runs);
        blocks.retain(|b| scopes.contains(&b.scope));
        let (reads, all) = (self.cloud().reads(), []);
        let tables = futures::future::join_all(scopes.iter().map(|scope| reads.network_acls(scope, &all))).await;
        let errors = unreadable.iter().map(|u| format!("{u}: what it denied is listed as not ours")).collect();
        let mut list = BlockList { blocks, errors, ..BlockList::default() };
        for (scope, answer) in scopes.iter().zip(tables) {
            match answer {
                Ok(acls) => {
                    let here = |b: &&mut Block| &b.scope == scope;
                    for block in list.blocks.iter_mut().filter(here) {
                        block.seen = look(&block.deny, acls.iter().find(|a| a.id == block.deny.acl));
                    }
                    list.foreign.extend(foreign(scope, &acls, &list.blocks));
                    let denying: BTreeSet<AclId> = acls
                        .iter()
                        .filter(|acl| !acl.denies().is_empty() || list.blocks.iter().any(|b| b.deny.acl == acl.id))
                        .map(|acl| acl.id.clone())
                        .collect();
                    self.count(scope, &acls, &denying, &used, &mut list).await;
                }
                Err(error) => list.errors.push(error.to_string()),
            }
        }
        Ok(list)
    }

    /// Holds the counters of these ACLs against their tables.
    async fn count(
        &self,
        scope: &Scope,
        acls: &[NetworkAcl],
        which: &BTreeSet<AclId>,
        used: &BTreeMap<(Scope, AclId), BTreeSet<i32>>,
        list: &mut BlockList,
    ) {
        if which.is_empty() {
            return;
        }
        let found = match counters(self.cloud().reads().as_ref(), scope, which).await {
            Ok(found) => found,
            Err(error) => {
                list.counters_errors.push(format!("the counters in {scope} can't be read: {error}"));
                return;
            }
        };
        for acl in acls {
            let Some(counter) = found.get(&acl.id) else { continue };
            let none = BTreeSet::new();
            let used = used.get(&(scope.clone(), acl.id.clone())).unwrap_or(&none);
            let drift = compare(acl, Some(counter), used).drift().map(|how| format!("it {how}"));
            let says = text::fit(&counter.value, 20);
            list.counters.push(CounterSeen { scope: scope.clone(), acl: acl.id.clone(), says, drift });
        }
    }

    /// What has blocks of ours whose time is over, each once: what a sweep takes away. Those that somebody else has
    /// removed are among them, so that the ledger learns of it.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn due(&self, scopes: &[Scope]) -> Result<Vec<(Scope, IpNet)>, EngineError> {
        let now = self.now();
        let due = self.recorded_blocks().await?.into_iter().filter(|b| b.is_due(now) && scopes.contains(&b.scope));
        let set: BTreeSet<(Scope, IpNet)> = due.map(|b| (b.scope, b.deny.range)).collect();
        Ok(set.into_iter().collect())
    }
}

/// Blocks and denies, as `lazaret blocks` and the console list them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BlockList {
    /// Ours.
    pub blocks: Vec<Block>,
    /// Everybody else's denies.
    pub foreign: Vec<ForeignDeny>,
    /// The counters of the ACLs that deny something, where they have one.
    pub counters: Vec<CounterSeen>,
    /// Why counters could not be read, escaped. The blocks are whole without them.
    pub counters_errors: Vec<String>,
    /// What could not be read, escaped.
    pub errors: Vec<String>,
}
