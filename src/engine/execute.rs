//! Carrying out a plan: record the intention, call, record the answer, read back.
//!
//! A failed step never un-contains what is contained: later waves are skipped, the subject is read back all the same,
//! and the run says what holds.

use super::answer::{Answer, HALF_DONE, NO_ANSWER, NOT_APPLIED, Sight, step_error, unclear_or_failed};
use super::journal::Journal;
use super::look::{LOOK, look_for_evidence, look_into};
use super::patience::{Patience, left};
use super::readback;
use super::recheck::recheck;
use super::resolve::{group_made, open_group_step, passing, resolved_change};
use super::retry::retrying;
use super::{Engine, EngineError, LEASE, apply, block, evidence, message, service, simulate};
use crate::cloud::port::{FindingUpdate, Target};
use crate::cloud::{Permit, Writes};
use crate::domain::{Partition, Scope, text};
use crate::ledger::{Event, RunState, StepError, StepState};
use crate::playbook::change::OpenGroup;
use crate::playbook::tags::RUN;
use crate::playbook::{Action, Change, Evidence, Playbook, Standing, Step, StepId, Weight};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How often a step is begun again, made otherwise: as often as there may be others at the same table at the same moment.
const TIMES_AGAIN: u32 = 40;

/// The code of a failure that came after all of them.
const TOO_OFTEN: &str = "TooOften";

/// How many calls that set findings are under way at a time: Security Hub takes ten a second from all of us.
const FINDING_CALLS: usize = 4;

/// Steps that ended together, each with what became of it.
type Answers = Vec<(StepId, Answer)>;

/// Runs every step that has not run yet, in order, to the run's end.
///
/// # Errors
/// When the ledger fails or another process has taken the run over: then nothing more is called.
pub(super) async fn run(engine: &Engine, journal: &mut Journal, permit: &Permit) -> Result<(), EngineError> {
    // A set aborts its tasks when it is dropped: a run that is given up must not go on promising to be alive.
    let mut heart = JoinSet::new();
    heart.spawn(heartbeat(engine.clone(), journal.state.run));
    waves(engine, journal, permit).await
}

/// Renews the run's lease for as long as its process lives.
async fn heartbeat(engine: Engine, run: crate::domain::RunId) {
    let beat = LEASE.to_std().unwrap_or(Duration::from_secs(30)) / 3;
    loop {
        tokio::time::sleep(beat).await;
        // A missed beat is made good by the next; a lost lease shows as a conflict at the next append.
        let _ = engine.ledger().renew(run, engine.now() + LEASE).await;
    }
}

async fn waves(engine: &Engine, journal: &mut Journal, permit: &Permit) -> Result<(), EngineError> {
    let Some(writes) = engine.cloud().writes(permit).cloned() else {
        return Err(super::Refusal::ReadOnly.into());
    };
    let mut running: JoinSet<Answers> = JoinSet::new();
    let turns = Arc::new(Semaphore::new(FINDING_CALLS));
    let mut begun_again = BTreeMap::new();
    for wave in journal.state.plan.waves() {
        // A step can tell whether what it needs has succeeded only once that has been answered.
        let mut needed: BTreeSet<StepId> =
            journal.state.plan.steps.iter().filter(|s| s.wave == wave).flat_map(|s| s.needs.clone()).collect();
        needed.extend(passing_before(&journal.state, wave));
        needed.retain(|id| journal.state.steps.get(id).is_some_and(|s| s.state == StepState::Intended));
        while !needed.is_empty() {
            let Some(done) = running.join_next().await else { break };
            for id in take(engine, journal, &writes, &mut running, &mut begun_again, done).await? {
                needed.remove(&id);
            }
        }
        let halted = halted(&journal.state, wave);
        let mut events = Vec::new();
        let mut start = Vec::new();
        for step in journal.state.plan.steps.iter().filter(|s| s.wave == wave) {
            match verdict(&journal.state, step, halted.as_deref()) {
                Verdict::Leave => {}
                Verdict::Skip(why) => events.push(Event::Skipped { step: step.id.clone(), why }),
                Verdict::Start => {
                    let change = resolved_change(engine, &journal.state, step);
                    let record = change.clone().map(Box::new);
                    let resumed = journal.state.steps.get(&step.id).is_some_and(|s| s.intended_at.is_some());
                    events.push(Event::Intended { step: step.id.clone(), change: record });
                    start.push(((step.clone(), resumed), change));
                }
            }
        }
        journal.append(&events).await?;
        let mut waited: BTreeSet<StepId> = BTreeSet::new();
        for batch in apply::findings::batches(&mut start, |(step, _): &(Step, bool)| step.id.clone()) {
            let (engine, writes, turns) = (engine.clone(), writes.clone(), turns.clone());
            let scope = journal.state.plan.scope.clone();
            running.spawn(async move {
                let _turn = turns.acquire().await;
                apply::findings::set(&engine, writes.as_ref(), &scope, batch).await
            });
        }
        let mut patience = Patience::default();
        for ((step, resumed), change) in start {
            // What was read back is known before anything later begins, whatever it is to the run.
            match step.weight {
                Weight::Awaited { seconds } => {
                    patience.wait_for(&step.id, left(&journal.state, seconds, engine.now()));
                }
                Weight::Wanted | Weight::Courtesy if !matches!(step.action, Action::ReadBack { .. }) => {}
                Weight::Essential | Weight::Wanted | Weight::Courtesy => {
                    waited.insert(step.id.clone());
                }
            }
            // A notification reports on everything before it, as a manifest does, and what looks at the end of a restore has
            // no hurry: what still runs is awaited first.
            if matches!(
                step.action,
                Action::Notify { .. }
                    | Action::ReadBack { isolated: None, .. }
                    | Action::AwaitService(_)
                    | Action::Evidence(Evidence::Manifest { .. })
            ) {
                while let Some(done) = running.join_next().await {
                    take(engine, journal, &writes, &mut running, &mut begun_again, done).await?;
                }
            }
            if matches!(step.action, Action::Evidence(Evidence::Manifest { .. }) | Action::Notify { .. }) {
                look_for_evidence(engine, journal, LOOK).await?;
            }
            let (id, work) = (step.id.clone(), work(engine, journal, &writes, step, change, resumed));
            running.spawn(async move { vec![(id, work.await)] });
        }
        loop {
            let done = if !waited.is_empty() {
                running.join_next().await
            } else if let Some(until) = patience.until() {
                tokio::time::timeout_at(until, running.join_next()).await.ok().flatten()
            } else {
                None
            };
            // Nothing runs any more, or what still does is no longer waited for: it goes on beside the next wave.
            let Some(done) = done else { break };
            for id in take(engine, journal, &writes, &mut running, &mut begun_again, done).await? {
                waited.remove(&id);
                patience.done(&id);
            }
        }
    }
    while let Some(done) = running.join_next().await {
        take(engine, journal, &writes, &mut running, &mut begun_again, done).await?;
    }
    look_for_evidence(engine, journal, LOOK).await?;
    // Best-effort changes may have been answered after the last read-back.
    if readback::unread(&journal.state) {
        match readback::read_back(engine, &journal.state, None, None).await {
            Ok(sight) => journal.append(&seen_events(&sight)).await?,
            Err(error) => tracing::warn!(run = %journal.state.run, %error, "the last read-back failed"),
        }
    }
    let (outcome, message) = super::report::conclusion(&journal.state);
    journal.append(&[Event::Ended { outcome, message }]).await?;
    Ok(())
}

/// Writes an answer down. A step that is to be made otherwise is intended again, durably, and begun again; the step's id
/// where it has come to its end.
async fn take(
    engine: &Engine,
    journal: &mut Journal,
    writes: &Arc<dyn Writes>,
    running: &mut JoinSet<Answers>,
    begun_again: &mut BTreeMap<StepId, u32>,
    done: Result<Answers, tokio::task::JoinError>,
) -> Result<Vec<StepId>, EngineError> {
    // A step that panicked leaves its intention without an answer, which is what recovery is for.
    let Ok(mut answers) = done else { return Ok(vec![]) };
    let (id, error, change) = match answers.pop() {
        Some((id, Answer::Again { error, change })) if answers.is_empty() => (id, error, change),
        last => {
            answers.extend(last);
            let ids = answers.iter().map(|(id, _)| id.clone()).collect();
            record_answers(engine, journal, answers).await?;
            return Ok(ids);
        }
    };
    let failed = Event::Failed { step: id.clone(), error };
    let times = begun_again.entry(id.clone()).or_insert(0);
    *times += 1;
    let step = journal.state.plan.step(&id).filter(|_| *times <= TIMES_AGAIN).cloned();
    let Some(step) = step else {
        let Event::Failed { step, error } = failed else { return Ok(vec![id]) };
        let message = format!("tried {TIMES_AGAIN} times, at last: {}", error.message);
        let error = StepError { code: TOO_OFTEN.into(), message };
        journal.append(&[Event::Failed { step, error }]).await?;
        return Ok(vec![id]);
    };
    journal.append(&[failed, Event::Intended { step: id.clone(), change: Some(change.clone()) }]).await?;
    let work = work(engine, journal, writes, step, Some(*change), false);
    running.spawn(async move { vec![(id, work.await)] });
    Ok(vec![])
}

/// The steps by which interfaces pass through the allow-all group before they are swapped in this wave. Where one failed
/// the swap goes ahead all the same, but not before that is known.
fn passing_before(state: &RunState, wave: u8) -> Vec<StepId> {
    let swapped =
        |step: &&Step| step.wave == wave && matches!(&step.action, Action::Change(Change::InterfaceGroups(_)));
    let swaps = state.plan.steps.iter().filter(swapped);
    swaps.filter_map(|s| Some(passing(state, s)?.id.clone())).collect()
}

/// Why waves from here on must not change anything more: an essential step before them did not succeed.
fn halted(state: &RunState, wave: u8) -> Option<String> {
    state.plan.steps.iter().filter(|s| s.wave < wave && s.weight == Weight::Essential).find_map(|s| {
        let status = &state.steps.get(&s.id)?.state;
        (!status.succeeded()
            && !matches!(status, StepState::Skipped { .. } if matches!(s.action, Action::ReadBack { .. })))
        .then(|| format!("\"{}\" did not succeed", s.title))
    })
}

enum Verdict {
    Start,
    Skip(String),
    Leave,
}

fn verdict(state: &RunState, step: &Step, halted: Option<&str>) -> Verdict {
    let Some(status) = state.steps.get(&step.id) else { return Verdict::Leave };
    let startable = match &status.state {
        StepState::Pending => true,
        // Recovery has looked and found that these had no effect.
        StepState::Failed { error } => error.code == NOT_APPLIED,
        // And here, that the rest is still to be done.
        StepState::Indeterminate { error } if error.code == HALF_DONE => true,
        // A finding may be set twice, and Security Hub does not show for minutes whether it was. What may have been captured
        // before its process went away is looked for first.
        StepState::Indeterminate { error } => match &step.action {
            Action::Change(Change::Finding(_)) => true,
            Action::Evidence(_) => error.code == NO_ANSWER,
            _ => false,
        },
        _ => false,
    };
    if !startable {
        return Verdict::Leave;
    }
    let skip = |why: String| if status.state == StepState::Pending { Verdict::Skip(why) } else { Verdict::Leave };
    if let Action::BackOut { passed, unless, .. } = &step.action {
        let is = |id: &StepId, of: fn(&StepState) -> bool| state.steps.get(id).is_some_and(|s| of(&s.state));
        let needed = is(passed, StepState::may_have_effect) && !is(unless, StepState::succeeded);
        return if needed { Verdict::Start } else { skip("not needed: the interface does not stand open".into()) };
    }
    if let Action::Change(Change::OpenGroup(OpenGroup { after: false, .. })) = &step.action
        && state.plan.playbook != Playbook::Restore
    {
        let made = open_group_step(state).and_then(|s| state.steps.get(&s.id));
        let made = made.is_some_and(|s| s.intended_at.is_some());
        return if made { Verdict::Start } else { skip("it was not made".into()) };
    }
    let contained = state.plan.steps.iter().any(|s| {
        matches!(s.action, Action::Change(Change::InterfaceGroups(_)))
            && state.steps.get(&s.id).is_some_and(|s| s.state.may_have_effect())
    });
    if let Some(why) = halted {
        // Looking and telling go on: what holds must be known, and people must know. Snapshots are evidence and
        // hurt nobody, but are no use where nothing was contained.
        let goes_on = match &step.action {
            Action::ReadBack { .. } | Action::Notify { .. } => true,
            Action::Snapshots { .. } => contained,
            // Each needs the step whose number it writes.
            Action::WriteCounter { .. } => true,
            Action::Evidence(Evidence::Manifest { .. }) => !state.kept().is_empty(),
            Action::Evidence(_) => contained,
            Action::UpdateFinding { .. }
            | Action::Change(_)
            | Action::Recheck { .. }
            | Action::MoveExpiry { .. }
            | Action::Simulate { .. }
            | Action::BackOut { .. }
            | Action::AwaitService(_) => false,
        };
        if !goes_on {
            return skip(why.to_owned());
        }
    }
    let missing = step.needs.iter().find(|id| !state.steps.get(*id).is_some_and(|s| s.state.succeeded()));
    if let Some(id) = missing {
        let title = state.plan.step(id).map_or_else(|| id.to_string(), |s| s.title.clone());
        return skip(format!("\"{title}\" did not succeed"));
    }
    Verdict::Start
}

/// The future that carries out one step. Everything it needs is cloned in, so that it can run on its own.
fn work(
    engine: &Engine,
    journal: &Journal,
    writes: &Arc<dyn Writes>,
    step: Step,
    change: Option<Change>,
    resumed: bool,
) -> impl Future<Output = Answer> + Send + 'static {
    let (engine, writes, state) = (engine.clone(), writes.clone(), journal.state.clone());
    async move {
        match (step.action, change) {
            (Action::Change(_), Some(change)) => {
                apply::apply_change(&engine, writes.as_ref(), &state.plan.scope, &change, resumed).await
            }
            (Action::Change(_), None) => Answer::failed("NoChange", "the change was not recorded"),
            (Action::BackOut { .. }, Some(change)) => {
                back_out(&engine, writes.as_ref(), &state.plan.scope, &change).await
            }
            (Action::BackOut { .. }, None) => Answer::failed("NoChange", "the change was not recorded"),
            (Action::AwaitService(check), _) => service::wait(&engine, &state.plan.scope, &check).await,
            (Action::Recheck { interfaces, quarantine_group, instance }, _) => {
                recheck(&engine, &state, &instance, &interfaces, quarantine_group.as_ref()).await
            }
            (Action::ReadBack { instance, isolated }, _) => {
                let made = group_made(&state);
                let isolated = isolated.map(|(group, reach)| (made.unwrap_or(group), reach));
                match readback::read_back(&engine, &state, instance.as_ref(), isolated.as_ref()).await {
                    Ok(sight) => Answer::Seen(sight),
                    Err(e) => Answer::Failed(step_error(&e)),
                }
            }
            (Action::Snapshots { instance, description, mut tags, .. }, _) => {
                tags.insert(RUN.to_owned(), state.run.to_string());
                evidence::create_snapshots(&engine, writes.as_ref(), &state.plan.scope, &instance, &description, &tags)
                    .await
            }
            (Action::Evidence(evidence), _) if resumed => {
                evidence::take_up(&engine, writes.as_ref(), &state, &step.id, evidence).await
            }
            (Action::Evidence(evidence), _) => evidence::take(&engine, writes.as_ref(), &state, evidence).await,
            (Action::Simulate { principal, arn, source_instance }, _) => {
                simulate::simulate(&engine, &state, &principal, &arn, source_instance.as_ref()).await
            }
            (Action::Notify { topic_arn, .. }, _) => {
                let scope = topic_scope(&topic_arn, &state.plan.scope);
                let (subject, body) = message::of(&state);
                let target = Target::new(&scope);
                match retrying(&engine, || writes.publish(&target, &topic_arn, &subject, &body)).await {
                    Ok(id) => Answer::applied(vec![id]),
                    Err(e) => unclear_or_failed(&e),
                }
            }
            (Action::WriteCounter { acl, step, .. }, _) => {
                block::write_counter(&engine, writes.as_ref(), &state, &acl, &step).await
            }
            (Action::MoveExpiry { blocks, .. }, _) => block::move_expiry(&engine, &state.plan.scope, &blocks).await,
            (Action::UpdateFinding { key, workflow, note, hub, .. }, _) => {
                let update = FindingUpdate { workflow: Some(workflow), note: Some(note) };
                let (target, keys) = (Target::new(&hub), [key]);
                match retrying(&engine, || writes.update_findings(&target, &keys, &update)).await {
                    Ok(unprocessed) => match unprocessed.first() {
                        None => Answer::applied(vec![]),
                        Some(u) => Answer::failed(
                            &u.code,
                            format!(
                                "Security Hub did not take it: {}: {}",
                                text::safe(&u.code),
                                text::safe(&u.message)
                            ),
                        ),
                    },
                    Err(e) => unclear_or_failed(&e),
                }
            }
        }
    }
}

/// Takes an interface out of the allow-all group, if it still stands there alone.
async fn back_out(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &Change) -> Answer {
    match readback::look(engine, scope, change).await {
        Ok(Standing::Before) => apply::apply_change(engine, writes, scope, change, false).await,
        Ok(Standing::After) => Answer::applied(vec!["found done before it was called".into()]),
        Ok(Standing::Drift(now)) => Answer::failed("ChangedSincePlan", format!("not touched: it holds {now}")),
        Ok(Standing::Gone | Standing::Unknown) => Answer::failed("Gone", "the interface is no longer there"),
        // Closed blindly rather than left open.
        Err(_) => apply::apply_change(engine, writes, scope, change, false).await,
    }
}

/// A topic is called in its own partition, Region and account, which its ARN names.
fn topic_scope(arn: &str, home: &Scope) -> Scope {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "sns", region, account, ..] => Scope::parse(account, region)
            .map(|scope| Scope { partition: Partition::from((*partition).to_owned()), ..scope })
            .unwrap_or_else(|_| home.clone()),
        _ => home.clone(),
    }
}

/// Writes down what became of steps that ended together. An unclear answer is looked into where it can be.
async fn record_answers(engine: &Engine, journal: &mut Journal, answers: Answers) -> Result<(), EngineError> {
    let mut events = Vec::new();
    let mut unclear = Vec::new();
    let mut snapshots = false;
    for (step, answer) in answers {
        match answer {
            Answer::Applied { output, verified } => {
                events.push(Event::Applied { step: step.clone(), output });
                events.extend(verified.map(|seen| Event::Verified { step, seen }));
            }
            Answer::Seen(sight) => {
                events.extend(seen_events(&sight));
                events.push(match sight.problem {
                    None => Event::Applied { step, output: sight.late },
                    Some(message) => Event::Failed { step, error: StepError { code: "NotAsLeft".into(), message } },
                });
            }
            Answer::Kept { kept, output } => {
                events.push(Event::Kept { step: step.clone(), kept });
                events.push(Event::Applied { step, output });
            }
            Answer::Failed(error) | Answer::Again { error, .. } => events.push(Event::Failed { step, error }),
            Answer::Unclear(error) => {
                let looked = match journal.state.plan.step(&step).map(|s| &s.action) {
                    // Findings were looked at together already.
                    Some(Action::Change(Change::Finding(_))) => true,
                    // An isolation that evidence comes before doesn't wait for a look at it: the manifest, the
                    // notification and the run's end do.
                    Some(Action::Evidence(_)) => true,
                    Some(Action::Snapshots { .. }) => {
                        let needed = journal.state.plan.steps.iter().any(|s| s.needs.contains(&step));
                        snapshots |= needed;
                        true
                    }
                    _ => false,
                };
                if !looked {
                    unclear.push(step.clone());
                }
                events.push(Event::Indeterminate { step, error });
            }
        }
    }
    journal.append(&events).await?;
    for step in unclear {
        // What can't be looked into stays unclear, and is read back: one step's look stops no other step.
        match look_into(engine, journal, &step).await {
            Err(EngineError::Cloud(error)) => tracing::warn!(%step, %error, "it could not be looked into"),
            answer => answer?,
        }
    }
    // What is done to snapshots next needs to know of them.
    if snapshots {
        look_for_evidence(engine, journal, LOOK).await?;
    }
    Ok(())
}

fn seen_events(sight: &Sight) -> Vec<Event> {
    let event = |(step, holds, seen): &(StepId, bool, String)| {
        let (step, seen) = (step.clone(), seen.clone());
        if *holds { Event::Verified { step, seen } } else { Event::NotVerified { step, seen } }
    };
    sight.findings.iter().map(event).collect()
}
