//! What blocking, unblocking and extending need to know, and their plans.

use super::super::blocks::{Block, numbers_used, ours};
use super::super::observe::{observe, prefix_lists::of_aws};
use super::super::{Engine, EngineError};
use super::{Prepared, Request};
use crate::cloud::port::{InstanceQuery, InterfaceQuery};
use crate::domain::{AclDirection, AclId, Instance, InstanceId, Interface, RunId, Scope};
use crate::ledger::{Listing, RunFilter, Unreadable};
use crate::playbook::block::{self, How, Recorded, RemoteFacts, extend, guarding, unblock};
use crate::playbook::change::DenyAddress;
use crate::playbook::{Action, Change, FindingRef, Needs, Observed, PlanRefusal};
use crate::policy::address::{AwsLists, AwsRanges};
use crate::policy::{BlockPolicy, EXEMPT_TAG, EXEMPT_VALUE, Stands};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Asks for the block of one address or range.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockRequest {
    /// Where.
    pub scope: Scope,
    /// What is to be denied.
    pub range: IpNet,
    /// The instances whose packets are meant: every ACL that guards a subnet of one of their interfaces.
    pub instances: Vec<InstanceId>,
    /// ACLs that are named; with them, those of the instances are left out of it.
    pub acls: Vec<AclId>,
    /// In which directions; none for both.
    pub directions: Option<BTreeSet<AclDirection>>,
    /// For how long.
    pub stands: Stands,
    /// The ACLs that deny otherwise than the rest.
    pub otherwise: BTreeMap<AclId, How>,
    /// The range typed a second time, where it is wide or AWS's own.
    pub typed_again: Option<IpNet>,
    /// How to block, and what never to.
    pub policy: BlockPolicy,
    /// AWS's published ranges, where somebody keeps the file of them.
    pub aws: Option<Arc<AwsRanges>>,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// What that finding says of the address.
    pub remote: Option<RemoteFacts>,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// Whether the finding is set to NOTIFIED with a note.
    pub update_finding: bool,
}

/// Which blocks of an address are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichBlocks {
    /// All of ours.
    All,
    /// Those that one run made.
    Run(RunId),
    /// Those whose time is over: what a sweep takes away.
    Expired,
}

/// Asks for blocks of one address to be taken away; with [`WhichBlocks::Expired`], for a sweep of it.
#[derive(Debug, Clone, PartialEq)]
pub struct UnblockRequest {
    /// Where.
    pub scope: Scope,
    /// What is denied.
    pub range: IpNet,
    /// Which of its blocks go.
    pub which: WhichBlocks,
    /// The topic to tell.
    pub topic_arn: Option<String>,
}

/// Asks for the end of blocks to be moved.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendRequest {
    /// Where.
    pub scope: Scope,
    /// What is denied.
    pub range: IpNet,
    /// Which of its blocks.
    pub which: WhichBlocks,
    /// How long they stand now.
    pub stands: Stands,
}

/// What the blocks of several addresses in one plan have in common.
#[derive(Debug, Default)]
pub(super) struct Together {
    /// AWS's prefix lists: read with the first, and not again.
    lists: OnceCell<AwsLists>,
    /// The denies planned so far: their entries take numbers and room.
    planned: Vec<DenyAddress>,
}

impl Engine {
    /// Observes the ACLs in question and plans a block.
    ///
    /// # Errors
    /// When something can't be read, or the playbook refuses.
    pub async fn prepare_block(&self, request: &BlockRequest) -> Result<Prepared, EngineError> {
        self.prepare_block_with(request, &mut Together::default()).await
    }

    /// As [`Engine::prepare_block`], of one of several addresses in one plan, account and Region.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn prepare_block_with(
        &self,
        request: &BlockRequest,
        together: &mut Together,
    ) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let reads = self.cloud().reads().as_ref();
        let lists = async { Ok(together.lists.get_or_init(|| of_aws(reads, &request.scope)).await) };
        let ((mut observed, interfaces), lists) = futures::try_join!(self.observe_acls(request), lists)?;
        for deny in together.planned.iter().filter(|d| d.adds) {
            if let Some(acl) = observed.acls.get_mut(&deny.acl) {
                acl.entries.extend(deny.directions.iter().map(|direction| deny.entry(*direction)));
            }
        }
        // What can't be read is said, and keeps nobody from containing.
        let Listing { runs, unreadable } = self.ledger().list(&RunFilter::default()).await?;
        let used = numbers_used(&runs);
        let recorded = self.meant(ours(runs), &request.scope, &request.range, WhichBlocks::All);
        let recorded: Vec<Recorded> = recorded.into_iter().map(as_recorded).collect();
        let here = |((scope, acl), numbers)| (scope == request.scope).then_some((acl, numbers));
        let used: BTreeMap<AclId, BTreeSet<i32>> = used.into_iter().filter_map(here).collect();
        let unknown = (!unreadable.is_empty())
            .then(|| format!("{}: what was denied there is not known here", Unreadable::sentence(&unreadable)));
        let planned = block::plan(&block::Request {
            used: &used,
            range: request.range,
            directions: request.directions.clone(),
            stands: request.stands,
            otherwise: &request.otherwise,
            observed: &observed,
            interfaces: &interfaces,
            recorded: &recorded,
            policy: &request.policy,
            aws: request.aws.as_deref(),
            lists,
            typed_again: request.typed_again,
            finding: request.finding.clone(),
            remote: request.remote.clone(),
            topic_arn: request.topic_arn.clone(),
            update_finding: request.update_finding,
            actor: &self.actor().name,
        });
        let mut plan = planned.map_err(|refusal| doubted(refusal, unknown.as_ref()))?;
        plan.warnings.extend(unknown);
        together.planned.extend(plan.steps.iter().filter_map(|s| match &s.action {
            Action::Change(Change::DenyAddress(deny)) => Some(deny.clone()),
            _ => None,
        }));
        Ok(Prepared::new(head, plan, observed, Request::Block(Box::new(request.clone()))))
    }

    /// Reads the ACLs that a block is meant for with their counters, the instances, and every interface around.
    async fn observe_acls(&self, request: &BlockRequest) -> Result<(Observed, Vec<Interface>), EngineError> {
        let reads = self.cloud().reads().as_ref();
        let (scope, at) = (&request.scope, self.now());
        let ids = InstanceQuery::Ids(request.instances.clone());
        let instances =
            async { if request.instances.is_empty() { Ok(vec![]) } else { reads.instances(scope, &ids).await } };
        let acls = reads.network_acls(scope, &[]);
        let around = reads.interfaces(scope, &InterfaceQuery::All);
        let (instances, acls, around) = futures::try_join!(instances, acls, around)?;
        let not_found = |what: String| PlanRefusal::NotFound { what, scope: scope.clone() };
        if let Some(id) = request.instances.iter().find(|id| !instances.iter().any(|i| &i.id == *id)) {
            return Err(not_found(format!("instance {id}")).into());
        }
        if let Some(id) = request.acls.iter().find(|id| !acls.iter().any(|a| &a.id == *id)) {
            return Err(not_found(format!("network ACL {id}")).into());
        }
        let mut observed = Observed::empty(scope.clone(), at);
        let theirs = |i: &&Interface| i.instance.as_ref().is_some_and(|id| request.instances.contains(id));
        observed.interfaces = around.iter().filter(theirs).map(|i| (i.id.clone(), i.clone())).collect();
        let wanted: BTreeSet<AclId> = if request.acls.is_empty() {
            guarding(&acls, &observed.interfaces)
        } else {
            request.acls.iter().cloned().collect()
        };
        let counters = Needs { counters: wanted.clone(), ..Needs::default() };
        let read = observe(reads, scope, &counters, at).await?;
        (observed.counters, observed.counters_error) = (read.counters, read.counters_error);
        observed.acls = acls.into_iter().filter(|a| wanted.contains(&a.id)).map(|a| (a.id.clone(), a)).collect();
        // The guard looks at the one whose owner keeps automation away, if there is one.
        let exempt =
            |i: &&Instance| i.tags.get(EXEMPT_TAG).is_some_and(|value| value.trim().eq_ignore_ascii_case(EXEMPT_VALUE));
        observed.instance = instances.iter().find(exempt).or(instances.first()).cloned();
        Ok((observed, around))
    }

    /// Reads what stands of an address's blocks and plans to take them away.
    ///
    /// # Errors
    /// When something can't be read, or there is nothing to take away.
    pub async fn prepare_unblock(&self, request: &UnblockRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let blocks = self.recorded(&request.scope, &request.range, request.which).await?;
        let observed = self.observe_blocks(&request.scope, &blocks).await?;
        let (finding, incident) = self.answered(&blocks).await?;
        let recorded: Vec<Recorded> = blocks.into_iter().map(as_recorded).collect();
        let plan = unblock::plan(&unblock::Request {
            range: request.range,
            blocks: &recorded,
            observed: &observed,
            why: if request.which == WhichBlocks::Expired { unblock::Why::Expired } else { unblock::Why::Asked },
            finding,
            incident,
            topic_arn: request.topic_arn.clone(),
        })?;
        Ok(Prepared::new(head, plan, observed, Request::Unblock(Box::new(request.clone()))))
    }

    /// Reads what stands of an address's blocks and plans to move their end.
    ///
    /// # Errors
    /// When something can't be read, or there is no such block.
    pub async fn prepare_extend(&self, request: &ExtendRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let blocks = self.recorded(&request.scope, &request.range, request.which).await?;
        let asked = Request::Extend(Box::new(request.clone()));
        self.prepare_move(head, &request.scope, request.range, vec![(request.stands, blocks)], asked).await
    }

    /// Plans that each of these blocks of a range stands as long as is said with it.
    pub(super) async fn prepare_move(
        &self,
        head: u64,
        scope: &Scope,
        range: IpNet,
        moves: Vec<(Stands, Vec<Block>)>,
        asked: Request,
    ) -> Result<Prepared, EngineError> {
        let blocks: Vec<Block> = moves.iter().flat_map(|(_, blocks)| blocks.clone()).collect();
        let observed = self.observe_blocks(scope, &blocks).await?;
        let (finding, incident) = self.answered(&blocks).await?;
        let recorded = |blocks: Vec<Block>| blocks.into_iter().map(as_recorded).collect();
        let moves: Vec<extend::Move> =
            moves.into_iter().map(|(stands, blocks)| extend::Move { stands, blocks: recorded(blocks) }).collect();
        let plan = extend::plan(&extend::Request { range, moves: &moves, observed: &observed, finding, incident })?;
        Ok(Prepared::new(head, plan, observed, asked))
    }

    /// Our blocks of a range in a scope.
    async fn recorded(&self, scope: &Scope, range: &IpNet, which: WhichBlocks) -> Result<Vec<Block>, EngineError> {
        Ok(self.meant(self.recorded_blocks().await?, scope, range, which))
    }

    /// Those of these blocks that are of a range in a scope.
    fn meant(&self, mut blocks: Vec<Block>, scope: &Scope, range: &IpNet, which: WhichBlocks) -> Vec<Block> {
        let (range, now) = (range.trunc(), self.now());
        blocks.retain(|b| {
            let meant = match which {
                WhichBlocks::All => true,
                WhichBlocks::Run(run) => b.run == run,
                WhichBlocks::Expired => b.is_due(now),
            };
            meant && b.scope == *scope && b.deny.range == range
        });
        blocks
    }

    async fn observe_blocks(&self, scope: &Scope, blocks: &[Block]) -> Result<Observed, EngineError> {
        let acls = blocks.iter().map(|b| b.deny.acl.clone()).collect();
        let needs = Needs { acls, ..Needs::default() };
        Ok(observe(self.cloud().reads().as_ref(), scope, &needs, self.now()).await?)
    }

    /// The finding that the latest of these blocks answered, and its incident.
    async fn answered(&self, blocks: &[Block]) -> Result<(Option<FindingRef>, String), EngineError> {
        let Some(latest) = blocks.iter().max_by_key(|b| b.run) else { return Ok((None, String::new())) };
        let plan = self.run_state(latest.run).await?.plan;
        Ok((plan.finding, plan.incident))
    }
}

fn as_recorded(block: Block) -> Recorded {
    Recorded { deny: block.deny, run: block.run, by: block.by, since: block.since, until: block.until }
}

/// Whose a deny is can't be said for sure where a run that may have made it can't be read.
fn doubted(mut refusal: PlanRefusal, unknown: Option<&String>) -> PlanRefusal {
    if let PlanRefusal::AlreadyBlocked { run: None, entries, .. } = &mut refusal {
        entries.extend(unknown.cloned());
    }
    refusal
}
