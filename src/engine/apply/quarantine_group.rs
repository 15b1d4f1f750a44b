//! Making the quarantine group, and closing it: several calls, and succeeding only when the result was read.

use super::super::Engine;
use super::super::answer::{Answer, step_error, unclear_or_failed};
use super::super::readback;
use super::super::retry::{rereading, retrying};
use crate::cloud::port::{GroupQuery, Target};
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::{GroupId, GroupRule, Scope, SecurityGroup, VpcId};
use crate::playbook::change::{MakeQuarantineGroup, leaks};
use crate::playbook::tags;
use futures::future::join_all;
use std::collections::BTreeSet;

/// Makes the group, or takes the one that is there, and closes it.
pub(super) async fn make(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &MakeQuarantineGroup) -> Answer {
    let made = match &change.existing {
        Some(group) => known_group(engine, scope, group).await,
        None => make_group(engine, writes, scope, &change.vpc, &change.name).await,
    };
    match made {
        Ok(made) => close_group(engine, writes, scope, &made, &change.ssm_endpoint_groups).await,
        Err(answer) => answer,
    }
}

/// The quarantine group that is there.
async fn known_group(engine: &Engine, scope: &Scope, group: &GroupId) -> Result<Made, Answer> {
    let reads = engine.cloud().reads().as_ref();
    let query = GroupQuery::Ids(vec![group.clone()]);
    match rereading(engine, || reads.groups(scope, &query)).await {
        Ok(found) => found
            .into_iter()
            .next()
            .map(|g| Made { id: g.id, egress: g.egress })
            .ok_or_else(|| Answer::failed("NotFound", format!("{group} no longer exists"))),
        Err(e) => Err(Answer::Failed(step_error(&e))),
    }
}

/// Makes the quarantine group, or takes the one of that name.
async fn make_group(
    engine: &Engine,
    writes: &dyn Writes,
    scope: &Scope,
    vpc: &VpcId,
    name: &str,
) -> Result<Made, Answer> {
    let target = Target::new(scope);
    let reads = engine.cloud().reads().as_ref();
    let (tag, description) = (tags::of_quarantine_group(), tags::GROUP_DESCRIPTION);
    let failed = match retrying(engine, || writes.create_group(&target, vpc, name, description, &tag)).await {
        Ok(id) => return Ok(Made { id, egress: GroupRule::defaults().to_vec() }),
        // Ours from before, or another responder's a moment ago: which of them made it does not matter.
        Err(e) if e.kind == ErrorKind::AlreadyExists || e.may_have_applied => e,
        Err(e) => return Err(Answer::Failed(step_error(&e))),
    };
    let by_name = GroupQuery::Named(vpc.clone(), name.to_owned());
    match read_until(engine, reads, scope, &by_name, Option::is_some).await {
        Ok(Some(group)) if tags::is_quarantine_group(&group.tags) => Ok(Made { id: group.id, egress: group.egress }),
        Ok(Some(group)) => {
            let id = group.id;
            let why = format!("{id} is named {name} and not tagged as ours: rename it, or use --quarantine-group");
            Err(Answer::failed("ForeignGroup", why))
        }
        Ok(None) => Err(unclear_or_failed(&failed)),
        Err(e) => Err(Answer::Failed(step_error(&e))),
    }
}

/// Leaves the group with nothing but TCP 443 to `reach`, and succeeds only when that was read.
async fn close_group(
    engine: &Engine,
    writes: &dyn Writes,
    scope: &Scope,
    made: &Made,
    reach: &BTreeSet<GroupId>,
) -> Answer {
    let target = Target::new(scope);
    let reads = engine.cloud().reads().as_ref();
    // Only the rules that EC2 itself puts on a new group are ours to revoke, each by itself: one may not be there.
    let defaults = GroupRule::defaults().into_iter().filter(|rule| made.egress.contains(rule));
    let revoked = join_all(defaults.map(|rule| revoke(engine, writes, &target, &made.id, rule))).await;
    if let Some(e) = revoked.into_iter().find_map(Result::err) {
        return unclear_or_failed(&e);
    }
    let wanted: Vec<GroupRule> = reach.iter().cloned().map(GroupRule::https_to).collect();
    let missing: Vec<GroupRule> = wanted.iter().filter(|r| !made.egress.contains(r)).cloned().collect();
    let authorize = || retrying(engine, || writes.authorize_egress(&target, &made.id, &missing));
    if !missing.is_empty()
        && let Err(e) = once_visible(authorize).await
        && e.kind != ErrorKind::AlreadyExists
    {
        return unclear_or_failed(&e);
    }
    let by_id = GroupQuery::Ids(vec![made.id.clone()]);
    let as_wanted = |g: &SecurityGroup| leaks(g, reach).is_empty() && wanted.iter().all(|r| g.egress.contains(r));
    match read_until(engine, reads, scope, &by_id, |g| g.as_ref().is_some_and(as_wanted)).await {
        Ok(Some(group)) if as_wanted(&group) => Answer::Applied {
            output: vec![group.id.to_string()],
            verified: Some("no ingress, and no egress but what was asked for".into()),
        },
        Ok(Some(group)) => {
            let rules = leaks(&group, reach);
            let what =
                if rules.is_empty() { "lacks its rules".into() } else { format!("lets through {}", rules.join("; ")) };
            Answer::failed("NotAsLeft", format!("{} {what}", group.id))
        }
        Ok(None) => Answer::failed("NotVisible", format!("{} was made and can't be read yet", made.id)),
        Err(e) => Answer::Failed(step_error(&e)),
    }
}

/// Revokes one egress rule; that it isn't there is as good.
async fn revoke(
    engine: &Engine,
    writes: &dyn Writes,
    target: &Target,
    group: &GroupId,
    rule: GroupRule,
) -> Result<(), CloudError> {
    let rules = [rule];
    match once_visible(|| retrying(engine, || writes.revoke_egress(target, group, &rules))).await {
        Err(e) if e.code == "InvalidPermission.NotFound" => Ok(()),
        answer => answer,
    }
}

/// Calls again while EC2 does not know yet the group that it has just made.
pub(super) async fn once_visible<T, F, C>(call: C) -> Result<T, CloudError>
where
    C: Fn() -> F,
    F: Future<Output = Result<T, CloudError>>,
{
    let mut last = call().await;
    for wait in readback::WAITS {
        match &last {
            Err(e) if ["InvalidGroup.NotFound", "InvalidGroupId.NotFound"].contains(&e.code.as_str()) => {}
            _ => return last,
        }
        tokio::time::sleep(wait).await;
        last = call().await;
    }
    last
}

/// A quarantine group with the egress rules that it is known to have.
struct Made {
    id: GroupId,
    egress: Vec<GroupRule>,
}

/// Reads a group until it is as wanted, for as long as EC2 may need to agree with itself.
async fn read_until(
    engine: &Engine,
    reads: &dyn crate::cloud::Reads,
    scope: &Scope,
    query: &GroupQuery,
    wanted: impl Fn(&Option<SecurityGroup>) -> bool,
) -> Result<Option<SecurityGroup>, CloudError> {
    let mut seen = None;
    for wait in readback::WAITS {
        tokio::time::sleep(wait).await;
        seen = rereading(engine, || reads.groups(scope, query)).await?.into_iter().next();
        if wanted(&seen) {
            break;
        }
    }
    Ok(seen)
}
