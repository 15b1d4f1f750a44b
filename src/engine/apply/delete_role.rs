//! Deleting a role: in the order that IAM wants, and only the role that was exported, or what is left of it.

use super::super::Engine;
use super::super::answer::{Answer, HALF_DONE, step_error};
use super::super::observe::observe;
use super::super::readback::WAITS;
use super::super::retry::{ATTEMPTS, rereading, retrying};
use crate::cloud::port::Target;
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::Scope;
use crate::domain::principal::RoleRecord;
use crate::ledger::StepError;
use crate::playbook::change::{DeleteRole, Edit};
use std::collections::BTreeSet;

/// Takes the role apart and deletes it. Each attempt looks first and goes on with what is left.
pub(super) async fn delete(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &DeleteRole) -> Answer {
    let target = Target::new(scope);
    let (mut begun, mut last): (bool, Option<CloudError>) = (false, None);
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(WAITS.get(attempt as usize + 1).copied().unwrap_or_default()).await;
        }
        let now = match look(engine, scope, change).await {
            Ok(now) => now,
            Err(e) if begun => return half_done(&e),
            Err(e) => return Answer::Failed(step_error(&e)),
        };
        let Some(now) = now else {
            return Answer::Applied { output: vec![], verified: Some("IAM knows no such role any more".into()) };
        };
        if !change.is_rest_of(&now) {
            let why = format!("{} is not what was exported: it was changed, or made anew", change.what());
            return Answer::failed("ChangedSincePlan", why);
        }
        match in_use(engine, scope, change).await {
            Ok(users) if users.is_empty() => {}
            Ok(users) => {
                let why = format!("{} is used by {}", change.what(), users.join(" "));
                return Answer::failed("InUse", why);
            }
            Err(e) if begun => return half_done(&e),
            Err(e) => return Answer::Failed(step_error(&e)),
        }
        begun = true;
        match take_apart(engine, writes, &target, change, &now).await {
            Ok(()) => last = None,
            // IAM may not have agreed with itself yet on what was taken off a moment ago.
            Err(e) if e.may_have_applied || e.kind == ErrorKind::Conflict => last = Some(e),
            Err(e) => return half_done(&e),
        }
    }
    match look(engine, scope, change).await {
        Ok(None) => Answer::Applied { output: vec![], verified: Some("IAM knows no such role any more".into()) },
        Ok(Some(_)) => {
            last.map_or_else(|| Answer::failed("NotAsLeft", "the role can still be read"), |e| half_done(&e))
        }
        Err(e) => half_done(&e),
    }
}

/// What can't be told apart from done in part: recovery goes on with it.
fn half_done(error: &CloudError) -> Answer {
    Answer::Unclear(StepError { code: HALF_DONE.into(), message: error.to_string() })
}

async fn look(engine: &Engine, scope: &Scope, change: &DeleteRole) -> Result<Option<RoleRecord>, CloudError> {
    let (reads, needs) = (engine.cloud().reads().as_ref(), change.needs());
    let world = rereading(engine, || observe(reads, scope, &needs, engine.now())).await?;
    Ok(world.roles.into_values().next())
}

/// The instances here that have the role now.
async fn in_use(engine: &Engine, scope: &Scope, change: &DeleteRole) -> Result<Vec<String>, CloudError> {
    let reads = engine.cloud().reads().as_ref();
    let profiles: BTreeSet<&str> = change.export.profiles.iter().map(|p| p.arn.as_str()).collect();
    let all = rereading(engine, || reads.profile_associations(scope, &[])).await?;
    let users = all.into_iter().filter(|a| a.is_live() && profiles.contains(a.profile_arn.as_str()));
    Ok(users.map(|a| a.instance.to_string()).collect())
}

/// What is gone already is as good as taken off now.
fn gone(answer: Result<(), CloudError>) -> Result<(), CloudError> {
    match answer {
        Err(e) if e.kind == ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

/// What denies comes off last: sessions that a Deny has cut would act again by what is still allowed.
async fn take_apart(
    engine: &Engine,
    writes: &dyn Writes,
    target: &Target,
    change: &DeleteRole,
    now: &RoleRecord,
) -> Result<(), CloudError> {
    let name = &now.role.name;
    for profile in &now.profiles {
        gone(retrying(engine, || writes.remove_role_from_profile(target, &profile.name, name)).await)?;
    }
    for deny in [false, true] {
        for arn in now.attached.iter().filter(|arn| change.denies(arn) == deny) {
            gone(retrying(engine, || writes.detach_role_policy(target, name, arn)).await)?;
        }
        for (policy, _) in now.inline.iter().filter(|(policy, _)| change.denies(policy) == deny) {
            gone(retrying(engine, || writes.delete_role_policy(target, name, policy)).await)?;
        }
    }
    gone(retrying(engine, || writes.delete_role(target, name)).await)
}
