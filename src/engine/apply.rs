//! Making one change: the calls behind it, and looking before anything is done twice.

use super::Engine;
use super::answer::{Answer, step_error, unclear_or_failed};
use super::readback;
use super::retry::{ATTEMPTS, rereading, retrying};
use crate::cloud::port::{GroupQuery, Target};
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::{GroupId, GroupRule, Scope, SecurityGroup, Tags, VpcId};
use crate::playbook::change::leaks;
use crate::playbook::{Change, Standing, tags};
use std::collections::BTreeSet;

/// Makes one change. After an unclear answer it looks before it does anything again.
pub(super) async fn apply_change(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &Change) -> Answer {
    if let Change::MakeQuarantineGroup { vpc, name, ssm_endpoint_groups } = change {
        return make_group(engine, writes, scope, vpc, name, ssm_endpoint_groups).await;
    }
    let target = Target::new(scope);
    let mut last = None;
    for _ in 1..ATTEMPTS {
        match retrying(engine, || call_change(writes, &target, change)).await {
            Ok(()) => return Answer::applied(vec![]),
            Err(e) if !e.may_have_applied => return Answer::Failed(step_error(&e)),
            Err(e) => {
                let error = step_error(&e);
                match readback::look(engine, scope, change).await {
                    Ok(Standing::After) => {
                        return Answer::Applied {
                            output: vec!["no answer came; found done on looking".into()],
                            verified: None,
                        };
                    }
                    // Setting the same value again does no harm, and looking has shown that it isn't there yet.
                    Ok(Standing::Before) => last = Some(error),
                    Ok(_) | Err(_) => return Answer::Unclear(error),
                }
            }
        }
    }
    last.map_or_else(|| Answer::failed("NoAnswer", "no answer came"), Answer::Unclear)
}

/// The calls of one change. All of them set a value, so that making them twice is making them once.
pub(super) async fn call_change(writes: &dyn Writes, target: &Target, change: &Change) -> Result<(), CloudError> {
    match change {
        Change::Protection { instance, protection, after, .. } => {
            writes.set_protection(target, instance, *protection, *after).await
        }
        Change::InterfaceGroups { interface, after, .. } => {
            let groups: Vec<GroupId> = after.iter().cloned().collect();
            writes.set_interface_groups(target, interface, &groups).await
        }
        Change::Tags { resource, edits, .. } => {
            let mut set = Tags::new();
            let mut remove = Tags::new();
            for (key, edit) in edits {
                match (&edit.before, &edit.after) {
                    (_, Some(value)) => {
                        set.insert(key.clone(), value.clone());
                    }
                    // With its value, so that a tag that somebody else has changed since stays.
                    (Some(value), None) => {
                        remove.insert(key.clone(), value.clone());
                    }
                    (None, None) => {}
                }
            }
            // Removing first makes room: a resource holds fifty tags.
            if !remove.is_empty() {
                writes.delete_tags(target, resource, &remove).await?;
            }
            if set.is_empty() { Ok(()) } else { writes.create_tags(target, resource, &set).await }
        }
        Change::MakeQuarantineGroup { .. } => Ok(()),
    }
}

/// Makes the quarantine group, or takes the one of that name, and leaves only when it was read and isolates.
async fn make_group(
    engine: &Engine,
    writes: &dyn Writes,
    scope: &Scope,
    vpc: &VpcId,
    name: &str,
    reach: &BTreeSet<GroupId>,
) -> Answer {
    let target = Target::new(scope);
    let reads = engine.cloud().reads().as_ref();
    let tag = Tags::from([(tags::GROUP_TAG.0.to_owned(), tags::GROUP_TAG.1.to_owned())]);
    let description = "lazaret quarantine: no traffic";
    let by_name = GroupQuery::Named(vpc.clone(), name.to_owned());
    let made = match retrying(engine, || writes.create_group(&target, vpc, name, description, &tag)).await {
        Ok(id) => Made { id, egress: vec![GroupRule::all_egress()] },
        // Ours from before, or another responder's a moment ago: which of them made it does not matter.
        Err(e) if e.kind == ErrorKind::AlreadyExists || e.may_have_applied => {
            match read_until(engine, reads, scope, &by_name, Option::is_some).await {
                Ok(Some(group)) if is_ours(&group) => Made { id: group.id, egress: group.egress },
                Ok(Some(group)) => {
                    let id = group.id;
                    return Answer::failed(
                        "ForeignGroup",
                        format!("{id} is named {name} and not tagged as ours: rename it, or use --quarantine-group"),
                    );
                }
                Ok(None) => return unclear_or_failed(&e),
                Err(e) => return Answer::Failed(step_error(&e)),
            }
        }
        Err(e) => return Answer::Failed(step_error(&e)),
    };
    // Only the rule that EC2 itself puts on a new group is ours to revoke.
    let all = [GroupRule::all_egress()];
    if made.egress.contains(&all[0])
        && let Err(e) = retrying(engine, || writes.revoke_egress(&target, &made.id, &all)).await
        && e.kind != ErrorKind::NotFound
    {
        return unclear_or_failed(&e);
    }
    let wanted = reach.iter().cloned().map(GroupRule::https_to);
    let missing: Vec<GroupRule> = wanted.filter(|r| !made.egress.contains(r)).collect();
    if !missing.is_empty()
        && let Err(e) = retrying(engine, || writes.authorize_egress(&target, &made.id, &missing)).await
        && e.kind != ErrorKind::AlreadyExists
    {
        return unclear_or_failed(&e);
    }
    let by_id = GroupQuery::Ids(vec![made.id.clone()]);
    let clean = |g: &Option<SecurityGroup>| g.as_ref().is_some_and(|g| leaks(g, reach).is_empty());
    match read_until(engine, reads, scope, &by_id, clean).await {
        Ok(Some(group)) if leaks(&group, reach).is_empty() => Answer::Applied {
            output: vec![group.id.to_string()],
            verified: Some("no ingress, and no egress but what was asked for".into()),
        },
        Ok(Some(group)) => {
            Answer::failed("LeakyGroup", format!("{} lets through {}", group.id, leaks(&group, reach).join("; ")))
        }
        Ok(None) => Answer::failed("NotVisible", format!("{} was made and can't be read yet", made.id)),
        Err(e) => Answer::Failed(step_error(&e)),
    }
}

/// A quarantine group with the egress rules that it is known to have.
struct Made {
    id: GroupId,
    egress: Vec<GroupRule>,
}

fn is_ours(group: &SecurityGroup) -> bool {
    group.tags.get(tags::GROUP_TAG.0).map(String::as_str) == Some(tags::GROUP_TAG.1)
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
