//! Making an instance's allow-all group and removing it: several calls, and succeeding only when the result was read.

use super::super::Engine;
use super::super::answer::{Answer, step_error, unclear_or_failed};
use super::super::readback;
use super::super::retry::{rereading, retrying};
use super::quarantine_group::once_visible;
use crate::cloud::port::{GroupQuery, Target};
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::{GroupId, GroupRule, Scope, SecurityGroup};
use crate::ledger::StepError;
use crate::playbook::change::OpenGroup;
use crate::playbook::tags;
use std::time::Duration;

/// How long making it may take: flows are cut only where it is quick, and isolation comes first.
const PATIENCE: Duration = Duration::from_secs(15);

/// Makes or removes it.
pub(super) async fn make(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &OpenGroup) -> Answer {
    if !change.after {
        return remove(engine, writes, scope, change).await;
    }
    match tokio::time::timeout(PATIENCE, open(engine, writes, scope, change)).await {
        Ok(answer) => answer,
        Err(_) => Answer::Unclear(StepError {
            code: "Timeout".into(),
            message: format!("not made within {} s, and isolation does not wait for it", PATIENCE.as_secs()),
        }),
    }
}

async fn read(engine: &Engine, scope: &Scope, change: &OpenGroup) -> Result<Option<SecurityGroup>, CloudError> {
    let reads = engine.cloud().reads().as_ref();
    let by_name = GroupQuery::Named(change.vpc.clone(), change.name());
    Ok(rereading(engine, || reads.groups(scope, &by_name)).await?.into_iter().next())
}

/// The rules of a list that a group lacks.
fn lacking(have: &[GroupRule]) -> Vec<GroupRule> {
    GroupRule::defaults().into_iter().filter(|rule| !have.contains(rule)).collect()
}

async fn open(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &OpenGroup) -> Answer {
    let target = Target::new(scope);
    let (name, tag) = (change.name(), tags::of_open_group());
    let make = || writes.create_group(&target, &change.vpc, &name, tags::OPEN_GROUP_DESCRIPTION, &tag);
    let mut id = None;
    match retrying(engine, make).await {
        Ok(made) => id = Some(made),
        // Ours from before: it is looked for below.
        Err(e) if e.kind == ErrorKind::AlreadyExists || e.may_have_applied => {}
        Err(e) => return Answer::Failed(step_error(&e)),
    }
    let mut group = None;
    for wait in readback::WAITS {
        tokio::time::sleep(wait).await;
        match read(engine, scope, change).await {
            Ok(Some(found)) => {
                group = Some(found);
                break;
            }
            Ok(None) => {}
            Err(e) => return Answer::Failed(step_error(&e)),
        }
    }
    let Some(group) = group else {
        return Answer::failed(
            "NotVisible",
            format!("{name} can't be read: {}", id.map_or_else(String::new, |i| i.to_string())),
        );
    };
    if !tags::is_open_group(&group.tags) {
        return Answer::failed("ForeignGroup", format!("{} is named {name} and not tagged as ours", group.id));
    }
    let (ingress, egress) = (lacking(&group.ingress), lacking(&group.egress));
    if !ingress.is_empty() {
        let call = || retrying(engine, || writes.authorize_ingress(&target, &group.id, &ingress));
        match once_visible(call).await {
            Err(e) if e.kind != ErrorKind::AlreadyExists => return unclear_or_failed(&e),
            _ => {}
        }
    }
    if !egress.is_empty() {
        let call = || retrying(engine, || writes.authorize_egress(&target, &group.id, &egress));
        match once_visible(call).await {
            Err(e) if e.kind != ErrorKind::AlreadyExists => return unclear_or_failed(&e),
            _ => {}
        }
    }
    for wait in readback::WAITS {
        tokio::time::sleep(wait).await;
        match read(engine, scope, change).await {
            Ok(Some(now)) if lacking(&now.ingress).is_empty() && lacking(&now.egress).is_empty() => {
                let verified = Some("lets everything through, both ways".into());
                return Answer::Applied { output: vec![now.id.to_string()], verified };
            }
            Ok(_) => {}
            Err(e) => return Answer::Failed(step_error(&e)),
        }
    }
    Answer::failed("NotAsLeft", format!("{} does not let everything through", group.id))
}

/// What looking says of an allow-all group that was to be made.
pub(in crate::engine) enum Found {
    /// It is there and lets everything through.
    Whole(GroupId),
    /// It is there, and doesn't yet.
    Part(GroupId),
    /// One of that name is there that isn't ours.
    Foreign(GroupId),
    /// It isn't there.
    Nothing,
}

/// Looks for the group by its name.
///
/// # Errors
/// When it can't be read.
pub(in crate::engine) async fn found(engine: &Engine, scope: &Scope, change: &OpenGroup) -> Result<Found, CloudError> {
    Ok(match read(engine, scope, change).await? {
        None => Found::Nothing,
        Some(group) if !tags::is_open_group(&group.tags) => Found::Foreign(group.id),
        Some(group) if lacking(&group.ingress).is_empty() && lacking(&group.egress).is_empty() => {
            Found::Whole(group.id)
        }
        Some(group) => Found::Part(group.id),
    })
}

async fn remove(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &OpenGroup) -> Answer {
    let target = Target::new(scope);
    let mut last = None;
    for wait in readback::WAITS {
        tokio::time::sleep(wait).await;
        let group = match read(engine, scope, change).await {
            Ok(None) => return Answer::Applied { output: vec![], verified: Some("absent".into()) },
            Ok(Some(group)) => group,
            Err(e) => return Answer::Failed(step_error(&e)),
        };
        // I6: nothing is removed that isn't ours.
        if !tags::is_open_group(&group.tags) {
            return Answer::failed("ForeignGroup", format!("{} is not tagged as ours", group.id));
        }
        match retrying(engine, || writes.delete_group(&target, &group.id)).await {
            Ok(()) => {}
            // An interface that has just left it may hold it for a moment more, as far as EC2 has heard.
            Err(e) if e.code == "DependencyViolation" || e.kind == ErrorKind::NotFound || e.may_have_applied => {
                last = Some(e);
            }
            Err(e) => return Answer::Failed(step_error(&e)),
        }
    }
    match read(engine, scope, change).await {
        Ok(None) => Answer::Applied { output: vec![], verified: Some("absent".into()) },
        _ => last.map_or_else(|| Answer::failed("NotAsLeft", "it is still there"), |e| unclear_or_failed(&e)),
    }
}
