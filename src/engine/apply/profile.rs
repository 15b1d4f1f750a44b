//! Putting an instance profile on an instance: which call it takes depends on what stands there.

use super::super::Engine;
use super::super::answer::{Answer, step_error};
use super::super::observe::observe;
use super::super::readback::WAITS;
use super::super::retry::{ATTEMPTS, rereading, retrying};
use crate::cloud::port::Target;
use crate::cloud::{CloudError, Writes};
use crate::domain::Scope;
use crate::domain::principal::ProfileAssociation;
use crate::playbook::change::{Edit, SetInstanceProfile};
use crate::playbook::{Observed, Standing};

/// Makes the change, if the instance has the profile that was planned with. None of the calls may be repeated without
/// looking: after an unclear answer the instance says whether it was made.
pub(super) async fn set(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &SetInstanceProfile) -> Answer {
    let mut unclear = None;
    // From when the old profile may be off: whatever fails after that has left its mark.
    let mut taken_off = false;
    for attempt in 0..ATTEMPTS {
        let world = match look(engine, scope, change).await {
            Ok(world) => world,
            Err(e) => return unclear.map_or_else(|| Answer::Failed(step_error(&e)), Answer::Unclear),
        };
        match change.standing(&world) {
            Standing::Before => {}
            Standing::After => {
                let when = if attempt == 0 {
                    "found done before it was called"
                } else {
                    "no answer came; found done on looking"
                };
                return Answer::applied(vec![when.to_owned()]);
            }
            // A stopped instance's old profile is off, and the new one not on yet.
            Standing::Drift(_) if attempt > 0 && change.after.is_some() && live(change, &world).is_none() => {}
            // Our own call, which is still on its way: its read-back waits for it.
            Standing::Drift(now) if attempt > 0 && coming(change, &world) => return Answer::applied(vec![now]),
            Standing::Drift(now) => {
                let what = change.what();
                return Answer::failed(
                    "ChangedSincePlan",
                    format!("{what} changed since the plan was made: now {now}"),
                );
            }
            Standing::Gone => return Answer::failed("Gone", format!("{} is no longer there", change.instance)),
            Standing::Unknown => return Answer::failed("NotReadable", format!("{} could not be read", change.what())),
        }
        match call(engine, writes, scope, change, &world, &mut taken_off).await {
            Ok(output) => return Answer::applied(output),
            Err(e) if !e.may_have_applied && !taken_off => return Answer::Failed(step_error(&e)),
            Err(e) => unclear = Some(step_error(&e)),
        }
    }
    unclear.map_or_else(|| Answer::failed("NoAnswer", "no answer came"), Answer::Unclear)
}

/// Whether the profile is on its way onto the instance.
fn coming(change: &SetInstanceProfile, world: &Observed) -> bool {
    let mut live = world.profiles.get(&change.instance).into_iter().flatten().filter(|a| a.is_live());
    live.all(|a| Some(&a.profile_arn) == change.after.as_ref())
}

async fn look(engine: &Engine, scope: &Scope, change: &SetInstanceProfile) -> Result<Observed, CloudError> {
    let (needs, reads) = (change.needs(), engine.cloud().reads().as_ref());
    rereading(engine, || observe(reads, scope, &needs, engine.now())).await
}

fn live<'a>(change: &SetInstanceProfile, world: &'a Observed) -> Option<&'a ProfileAssociation> {
    world.profiles.get(&change.instance)?.iter().find(|a| a.is_live())
}

/// The calls: a replacement without a gap where the instance runs. EC2 replaces nothing on a stopped one, whose
/// profile is taken off and the other put on: nobody uses it meanwhile.
async fn call(
    engine: &Engine,
    writes: &dyn Writes,
    scope: &Scope,
    change: &SetInstanceProfile,
    world: &Observed,
    taken_off: &mut bool,
) -> Result<Vec<String>, CloudError> {
    let target = Target::new(scope).moved(change.region.as_ref());
    let instance = &change.instance;
    let running = world.instances.get(instance).is_some_and(|i| i.state == "running");
    let off = live(change, world).map(|a| a.id.clone());
    match (&off, &change.after) {
        (Some(id), Some(arn)) if running => {
            let replace = || retrying(engine, || writes.replace_profile(&target, id, arn));
            return once_known(&[NOT_KNOWN_YET], replace).await.map(|new| vec![new]);
        }
        (Some(id), _) => {
            let answer = retrying(engine, || writes.disassociate_profile(&target, id)).await;
            *taken_off |= answer.as_ref().map_or_else(|e| e.may_have_applied, |()| true);
            answer?;
        }
        (None, _) => {}
    }
    let Some(arn) = &change.after else { return Ok(vec![]) };
    // Right after it was taken off EC2 may still see the old one.
    let passing: &[&str] = if *taken_off { &[NOT_KNOWN_YET, "IncorrectState"] } else { &[NOT_KNOWN_YET] };
    let associate = || retrying(engine, || writes.associate_profile(&target, instance, arn));
    once_known(passing, associate).await.map(|new| vec![new])
}

/// How EC2 answers for a profile, or a role in it, that IAM was given a moment ago.
const NOT_KNOWN_YET: &str = "InvalidParameterValue";

/// Calls again while EC2 answers with one of these codes, which pass by themselves.
async fn once_known<T, F, C>(passing: &[&str], call: C) -> Result<T, CloudError>
where
    C: Fn() -> F,
    F: Future<Output = Result<T, CloudError>>,
{
    let mut last = call().await;
    for wait in WAITS {
        match &last {
            Err(e) if passing.contains(&e.code.as_str()) => {}
            _ => return last,
        }
        tokio::time::sleep(wait).await;
        last = call().await;
    }
    last
}
