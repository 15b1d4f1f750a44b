//! `lazaret block`.

use super::args::{BlockArgs, Global, Ways};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, unplanned};
use super::session::Session;
use crate::cloud::port::SeenFinding;
use crate::domain::{AclDirection, InstanceId, Scope, text};
use crate::engine::{BlockRequest, Consent, EngineError, ExtendRequest, WhichBlocks};
use crate::playbook::block::{facts, shown, subject};
use crate::playbook::{FindingRef, Playbook};
use crate::policy::address::{Known, check};
use crate::policy::{Stands, Ttl};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) async fn run(global: &Global, args: &BlockArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    if let Some(ttl) = args.extend {
        return extend(&session, args, ttl, out).await;
    }
    let aws = session.settings.aws_ranges().map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    // What is never blocked is said before anybody asks where.
    let settings = &session.settings.block;
    let known =
        Known { trusted: &settings.trusted, own: &[], aws: aws.as_ref(), lists: &[], typed_again: args.wide.as_ref() };
    if let (Err(refusal), Some(scope)) = (check(&args.address, &known), session.scopes.first()) {
        let refusal = EngineError::Plan(refusal.into());
        return Err(unplanned(Playbook::BlockAddress, &subject(&args.address), scope, refusal, out));
    }
    let found = finding(&session, args, out).await?;
    let (scope, instances) = place(&session, args, found.as_ref()).await?;
    let directions = match args.direction {
        Ways::Both => None,
        Ways::Ingress => Some(BTreeSet::from([AclDirection::Ingress])),
        Ways::Egress => Some(BTreeSet::from([AclDirection::Egress])),
    };
    let policy = session.settings.block.clone();
    let request = BlockRequest {
        range: args.address,
        instances,
        acls: args.nacl.clone(),
        directions,
        stands: args.ttl.or(policy.ttl).into(),
        otherwise: BTreeMap::new(),
        typed_again: args.wide,
        aws: aws.map(Arc::new),
        remote: found.as_ref().map(|(_, seen)| facts(&seen.finding, &args.address)),
        finding: found.map(|(hub, seen)| FindingRef::new(&seen.finding, Some(&seen.json), Some(hub))),
        topic_arn: session.topic_for(args.topic.as_ref(), &scope),
        update_finding: session.settings.quarantine.update_finding,
        policy,
        scope: scope.clone(),
    };
    let prepared = session
        .engine
        .prepare_block(&request)
        .await
        .map_err(|e| unplanned(Playbook::BlockAddress, &subject(&args.address), &scope, e, out))?;
    let consent = Consent { override_exemption: args.override_exemption, ..Consent::default() };
    carry_out(&session, prepared, &consent, args.commit, out).await
}

/// The finding that is named, or the worst open one that names the address. Not finding one stops nothing where the place
/// is named.
async fn finding(session: &Session, args: &BlockArgs, out: &Out) -> Result<Option<(Scope, SeenFinding)>, Failure> {
    if args.no_finding {
        return Ok(None);
    }
    if let Some(id) = &args.finding {
        return match session.finding(id).await? {
            Some(found) => Ok(Some(found)),
            None => Err(Failure::new(Exit::Failed, format!("no finding has the id {}", text::safe(id.as_str())))
                .hint("`lazaret findings --json` shows the ids; --no-finding goes ahead without one")),
        };
    }
    let placed = !args.nacl.is_empty() || !args.instance.is_empty();
    match session.worst_finding_naming(&args.address).await {
        // A caller of AWS's API is no reason to refuse what a person has named; alone, it says what helps instead.
        Ok(found) => Ok(found.filter(|(_, seen)| !(placed && facts(&seen.finding, &args.address).api_caller))),
        Err(error) if placed => {
            out.note(format!("findings could not be read, so none is answered: {error}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the block goes: the ACLs or instances that are named, or the finding's.
async fn place(
    session: &Session,
    args: &BlockArgs,
    found: Option<&(Scope, SeenFinding)>,
) -> Result<(Scope, Vec<InstanceId>), Failure> {
    if let Some(first) = args.instance.first() {
        return Ok((session.scope_of(first).await?, args.instance.clone()));
    }
    if !args.nacl.is_empty() {
        return Ok((session.scope_of_acls(&args.nacl).await?, vec![]));
    }
    let nowhere = |why: String| {
        Err(Failure::new(Exit::Usage, why).hint("--nacl names a network ACL, --instance an instance to guard"))
    };
    let Some((_, seen)) = found else {
        return nowhere(format!(
            "no open finding names {}, so it is not known where to block it",
            shown(&args.address)
        ));
    };
    let instances: Vec<InstanceId> = seen.finding.instances().filter_map(|i| i.id.clone()).collect();
    let caller = facts(&seen.finding, &args.address).api_caller;
    match (instances.first(), seen.finding.scope()) {
        (_, Some(scope)) if caller => Ok((scope, instances)), // the playbook says what helps instead
        (Some(_), Some(scope)) => Ok((scope, instances)),
        _ => nowhere("that finding names no instance".to_owned()),
    }
}

/// Moves the end of an address's blocks, wherever they are.
async fn extend(session: &Session, args: &BlockArgs, ttl: Ttl, out: &Out) -> Result<Exit, Failure> {
    let which = args.run.map_or(WhichBlocks::All, WhichBlocks::Run);
    let scopes = scopes_with(session, args).await?;
    let mut ends = Vec::new();
    for scope in scopes {
        let request = ExtendRequest { scope: scope.clone(), range: args.address, which, stands: Stands::For(ttl) };
        let done = match session.engine.prepare_extend(&request).await {
            Ok(prepared) => carry_out(session, prepared, &Consent::default(), args.commit, out).await,
            Err(e) => Err(unplanned(Playbook::ExtendBlock, &subject(&args.address), &scope, e, out)),
        };
        // What fails in one place keeps no other from its own.
        ends.push(done.unwrap_or_else(|failure| {
            let exit = failure.exit;
            out.error(&failure);
            exit
        }));
    }
    Ok(Exit::together(&ends))
}

async fn scopes_with(session: &Session, args: &BlockArgs) -> Result<BTreeSet<Scope>, Failure> {
    let blocks = session.engine.recorded_blocks().await?;
    let range = args.address.trunc();
    let of_run = |run| args.run.is_none_or(|wanted| wanted == run);
    let here = |b: &&crate::engine::Block| b.deny.range == range && of_run(b.run) && session.scopes.contains(&b.scope);
    let scopes: BTreeSet<Scope> = blocks.iter().filter(here).map(|b| b.scope.clone()).collect();
    if scopes.is_empty() {
        let message = format!("no block of ours denies {}: nothing to extend", shown(&range));
        return Err(Failure::new(Exit::Refused, message).hint("`lazaret blocks` lists them"));
    }
    Ok(scopes)
}
