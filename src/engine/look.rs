//! After an unclear answer: look at the world, and let it say what was applied.

use super::answer::{HALF_DONE, NO_ANSWER, NOT_APPLIED};
use super::apply::deny_address::{Found, found};
use super::apply::open_group;
use super::journal::Journal;
use super::readback::{look, not_shown_yet};
use super::{Engine, EngineError, evidence};
use crate::ledger::{Event, RunState, StepError, StepState};
use crate::playbook::{Action, Change, Standing, StepId, tags};
use futures::future::join_all;
use std::time::Duration;

/// How long a look at what was kept as evidence may take, where nothing waits but the run's end.
pub(super) const LOOK: Duration = Duration::from_secs(10);

/// Looks at the world for the answer that a step is owed, and records what it says.
pub(super) async fn look_into(engine: &Engine, journal: &mut Journal, step: &StepId) -> Result<(), EngineError> {
    let Some(status) = journal.state.steps.get(step) else { return Ok(()) };
    let Some(action) = journal.state.plan.step(step).map(|s| s.action.clone()) else { return Ok(()) };
    let scope = journal.state.plan.scope.clone();
    let failed = |code: &str, message: &str| Event::Failed {
        step: step.clone(),
        error: StepError { code: code.into(), message: message.into() },
    };
    let applied = |output: Vec<String>| Event::Applied { step: step.clone(), output };
    if is_evidence(&action) {
        let events = found_of(engine, &journal.state, step, &action).await?;
        return Ok(journal.append(&events).await?);
    }
    let event = match (&action, &status.change) {
        // Making the group looks before it makes, and reads only look: both can be begun again as they are.
        (
            Action::Change(Change::MakeQuarantineGroup(_) | Change::MakeBackupRole(_))
            | Action::Recheck { .. }
            | Action::ReadBack { .. }
            | Action::MoveExpiry { .. }
            | Action::AwaitService(_)
            | Action::Simulate { .. },
            _,
        ) => failed(NOT_APPLIED, "no answer was recorded; to be done again"),
        (Action::Change(_), Some(Change::DenyAddress(deny))) => match found(engine, &scope, deny).await? {
            Found::Done => applied(vec!["found done on looking".into()]),
            Found::Nothing => failed(NOT_APPLIED, "looking showed that it was not done"),
            Found::Gone => failed("Gone", "the network ACL is no longer there"),
            Found::Part(what) => {
                let known = matches!(&status.state, StepState::Indeterminate { error } if error.code == HALF_DONE);
                if known {
                    return Ok(());
                }
                let error = StepError { code: HALF_DONE.into(), message: what };
                Event::Indeterminate { step: step.clone(), error }
            }
        },
        (Action::Change(_), Some(change @ Change::DeleteRole(_))) => match look(engine, &scope, change).await? {
            Standing::After => applied(vec!["found done on looking".into()]),
            Standing::Before => failed(NOT_APPLIED, "looking showed that it was not done"),
            now => {
                let known = matches!(&status.state, StepState::Indeterminate { error } if error.code == HALF_DONE);
                if known {
                    return Ok(());
                }
                let message = match now {
                    Standing::Drift(now) => now,
                    _ => "could not be read".to_owned(),
                };
                Event::Indeterminate { step: step.clone(), error: StepError { code: HALF_DONE.into(), message } }
            }
        },
        // Later steps put interfaces into it by its id. One that doesn't let everything through is opened when it is begun
        // again, which making it does from wherever it stands.
        (Action::Change(_), Some(Change::OpenGroup(group))) if group.after => {
            match open_group::found(engine, &scope, group).await? {
                open_group::Found::Whole(id) => applied(vec![id.to_string()]),
                open_group::Found::Part(_) if matches!(&status.state, StepState::Indeterminate { error } if error.code == HALF_DONE) =>
                {
                    return Ok(());
                }
                open_group::Found::Part(id) => {
                    let message = format!("{id} does not let everything through");
                    Event::Indeterminate { step: step.clone(), error: StepError { code: HALF_DONE.into(), message } }
                }
                open_group::Found::Foreign(id) => {
                    failed("ForeignGroup", &format!("{id} has its name and is not tagged as ours"))
                }
                open_group::Found::Nothing => failed(NOT_APPLIED, "looking showed that it was not done"),
            }
        }
        (Action::Change(_) | Action::BackOut { .. }, Some(change)) => match look(engine, &scope, change).await? {
            Standing::After => applied(vec!["found done on looking".into()]),
            // It may show minutes late. Setting it again does no harm, and recovery does that.
            now if not_shown_yet(change, &now) => Event::Indeterminate {
                step: step.clone(),
                error: StepError { code: "NotShown".into(), message: "no answer came, and it is not shown yet".into() },
            },
            Standing::Before => failed(NOT_APPLIED, "looking showed that it was not done"),
            Standing::Gone => failed("Gone", "the resource is no longer there"),
            Standing::Drift(now) => {
                let output = vec![format!("found otherwise on looking: {now}")];
                journal.append(&[applied(output)]).await?;
                Event::NotVerified { step: step.clone(), seen: now }
            }
            Standing::Unknown => return Ok(()),
        },
        // Writing a counter again does no harm: what it writes is made out from the table each time.
        (Action::WriteCounter { .. }, _) => failed(NOT_APPLIED, "no answer was recorded; to be done again"),
        // Nothing tells whether a message went out, and Security Hub may take minutes to show an update.
        (
            Action::Notify { .. }
            | Action::UpdateFinding { .. }
            | Action::Change(_)
            | Action::Evidence(_)
            | Action::Snapshots { .. }
            | Action::BackOut { .. },
            _,
        ) => {
            if matches!(status.state, StepState::Indeterminate { .. }) {
                return Ok(());
            }
            Event::Indeterminate {
                step: step.clone(),
                error: StepError {
                    code: NO_ANSWER.into(),
                    message: "its process went away before the answer: it may have been done. It is not repeated"
                        .into(),
                },
            }
        }
    };
    Ok(journal.append(&[event]).await?)
}

/// Whether a step takes or keeps evidence: a failed look at it stops nothing.
pub(super) fn is_evidence(action: &Action) -> bool {
    matches!(action, Action::Evidence(_) | Action::Snapshots { .. })
}

/// What the world says of evidence whose answer is owed.
async fn found_of(
    engine: &Engine,
    state: &RunState,
    step: &StepId,
    action: &Action,
) -> Result<Vec<Event>, EngineError> {
    if let Action::Evidence(evidence) = action {
        return evidence::look(engine, state, step, evidence).await;
    }
    let mine = engine.cloud().reads().snapshots(&state.plan.scope, tags::RUN, &state.run.to_string()).await?;
    if !mine.is_empty() {
        let output = mine.iter().map(|s| format!("{} of {}", s.id, s.volume)).collect();
        return Ok(vec![Event::Applied { step: step.clone(), output }]);
    }
    let message = "no answer came, and no snapshot of this run was found. It is not repeated blindly";
    Ok(vec![Event::Failed {
        step: step.clone(),
        error: StepError { code: "NotFound".into(), message: message.into() },
    }])
}

/// Looks for all evidence that may have been taken and gave no answer, side by side. What can't be looked for in this
/// time may have been taken still, and stays so: nobody waits for it.
///
/// # Errors
/// When the ledger fails.
pub(super) async fn look_for_evidence(
    engine: &Engine,
    journal: &mut Journal,
    within: Duration,
) -> Result<(), EngineError> {
    let open = |id: &StepId| {
        let status = journal.state.steps.get(id).map(|s| &s.state);
        status.is_some_and(|s| matches!(s, StepState::Indeterminate { .. }))
    };
    let steps = journal.state.plan.steps.iter().filter(|s| is_evidence(&s.action) && open(&s.id));
    let owed: Vec<(StepId, Action)> = steps.map(|s| (s.id.clone(), s.action.clone())).collect();
    if owed.is_empty() {
        return Ok(());
    }
    let state = journal.state.clone();
    let looks = owed.iter().map(|(step, action)| tokio::time::timeout(within, found_of(engine, &state, step, action)));
    for ((step, _), answer) in owed.iter().zip(join_all(looks).await) {
        match answer {
            Ok(Ok(events)) => journal.append(&events).await?,
            Ok(Err(EngineError::Cloud(error))) => tracing::warn!(%step, %error, "evidence could not be looked for"),
            Ok(Err(other)) => return Err(other),
            Err(_) => tracing::warn!(%step, "evidence could not be looked for in time"),
        }
    }
    Ok(())
}
