//! Evidence: captured, kept where nothing is overwritten, listed with hashes, and held against them later.
//!
//! One capture's failure never stops another. What was captured is never looked at: the bytes are the attacker's.

mod capture;
mod command;
mod manifest;
mod snapshots;
mod vault;
mod verify;

pub(super) use snapshots::create as create_snapshots;
pub(super) use vault::{check as check_vault, owner as owner_of};
pub use verify::{Check, Verdict, verify_folder};

use super::answer::{Answer, NOT_APPLIED, step_error};
use super::{Engine, EngineError};
use crate::cloud::{CloudError, Writes};
use crate::domain::{InstanceId, Kept, Vault};
use crate::ledger::{Event, RunState, StepError};
use crate::playbook::{Capture, Evidence, StepId};
use std::time::Duration;
use vault::Place;

/// What a capture brought.
pub(super) struct Captured {
    pub(super) bytes: Vec<u8>,
    /// What a person should know of it; ours, or escaped.
    pub(super) note: Option<String>,
}

/// How long putting one piece into its vault may take, beside its capture.
const PUT: Duration = Duration::from_secs(60);

/// Takes or keeps evidence: the work of one step.
pub(super) async fn take(engine: &Engine, writes: &dyn Writes, state: &RunState, step: Evidence) -> Answer {
    match step {
        Evidence::Capture { instance, what, vault, seconds } => {
            let bound = Duration::from_secs(seconds.into());
            let place = Place::of(state, &vault, &instance);
            let captured = capture::take(engine, writes, state, &instance, &what, &vault, bound);
            let captured = match tokio::time::timeout(bound, captured).await {
                Ok(Ok(captured)) => captured,
                Ok(Err(error)) => return Answer::Failed(error),
                Err(_) => return Answer::failed("Deadline", format!("nothing came within {seconds} s")),
            };
            let kept = vault::kept(what.object(), &captured.bytes, engine.now(), what.source());
            put(engine, writes, &place, kept, captured.bytes, captured.note).await
        }
        Evidence::Manifest { instance, vault } => {
            let (bytes, at) = manifest::of(state, &instance);
            let kept = vault::kept(crate::playbook::evidence::MANIFEST.to_owned(), &bytes, at, "lazaret");
            put(engine, writes, &Place::of(state, &vault, &instance), kept, bytes, None).await
        }
        Evidence::LockSnapshots { retention } => {
            snapshots::each(engine, writes, state, &snapshots::Act::Lock(retention)).await
        }
        Evidence::CopySnapshots { instance, kms_key, wait_minutes, tags } => {
            snapshots::copy(engine, writes, state, &instance, &kms_key, wait_minutes, &tags).await
        }
        Evidence::ShareSnapshots { accounts, copies } => {
            snapshots::each(engine, writes, state, &snapshots::Act::Share { accounts, copies }).await
        }
    }
}

/// Takes up a step that another process has begun: what it kept is looked for first, and what it did not is taken now.
pub(super) async fn take_up(
    engine: &Engine,
    writes: &dyn Writes,
    state: &RunState,
    id: &StepId,
    step: Evidence,
) -> Answer {
    let events = match tokio::time::timeout(PUT, look(engine, state, id, &step)).await {
        Ok(Ok(events)) => events,
        Ok(Err(EngineError::Cloud(error))) => return Answer::Unclear(step_error(&error)),
        Ok(Err(other)) => {
            return Answer::Unclear(StepError { code: "NotLookedFor".into(), message: other.to_string() });
        }
        Err(_) => {
            let message = format!("it may have been kept, and looking for it gave no answer in {} s", PUT.as_secs());
            return Answer::Unclear(StepError { code: "Deadline".into(), message });
        }
    };
    let mut found = None;
    for event in events {
        match event {
            Event::Kept { kept, .. } => found = Some(kept),
            Event::Applied { output, .. } => {
                return match found {
                    Some(kept) => Answer::Kept { kept, output },
                    None => Answer::applied(output),
                };
            }
            Event::Failed { error, .. } if error.code != NOT_APPLIED => return Answer::Failed(error),
            _ => {}
        }
    }
    take(engine, writes, state, step).await
}

/// Puts one piece into its vault, in bounded time; without an answer it may be there.
async fn put(
    engine: &Engine,
    writes: &dyn Writes,
    place: &Place,
    kept: Kept,
    bytes: Vec<u8>,
    note: Option<String>,
) -> Answer {
    match tokio::time::timeout(PUT, vault::put(engine, writes, place, &kept, bytes)).await {
        Ok(Ok(())) => {
            let output = std::iter::once(kept.to_string()).chain(note).collect();
            Answer::Kept { kept, output }
        }
        Ok(Err(error)) if error.may_have_applied => Answer::Unclear(step_error(&error)),
        Ok(Err(error)) => Answer::Failed(step_error(&error)),
        Err(_) => Answer::Unclear(StepError {
            code: "Deadline".into(),
            message: format!("{} was being put into {} and no answer came", kept.name, place.describe()),
        }),
    }
}

/// What the world says of a step whose answer is owed.
///
/// # Errors
/// When it can't be read.
pub(super) async fn look(
    engine: &Engine,
    state: &RunState,
    step: &StepId,
    evidence: &Evidence,
) -> Result<Vec<Event>, EngineError> {
    let failed = |code: &str, message: String| {
        vec![Event::Failed { step: step.clone(), error: StepError { code: code.into(), message } }]
    };
    let found = |kept: Kept| {
        let output = vec![kept.to_string(), "found in the vault on looking".to_owned()];
        vec![Event::Kept { step: step.clone(), kept }, Event::Applied { step: step.clone(), output }]
    };
    let applied = |output: Vec<String>| vec![Event::Applied { step: step.clone(), output }];
    Ok(match evidence {
        Evidence::Capture { instance, what, vault, .. } => {
            let place = Place::of(state, vault, instance);
            match seen_in(engine, &place, &what.object(), what.source()).await? {
                Some(kept) => found(kept),
                None if matches!(what, Capture::Command { .. }) && !is_sent(engine, state, instance, what).await? => {
                    let why = "no answer came, and no command of this run was found. It is not repeated blindly";
                    failed("NotFound", why.into())
                }
                None => failed(NOT_APPLIED, format!("{} is not in the vault", what.object())),
            }
        }
        Evidence::Manifest { instance, vault } => {
            let place = Place::of(state, vault, instance);
            let name = crate::playbook::evidence::MANIFEST;
            match seen_in(engine, &place, name, "lazaret").await? {
                Some(kept) if kept.sha256 == vault::sha256(&manifest::of(state, instance).0) => found(kept),
                Some(kept) => failed("NotOurs", format!("another list stands in the vault: {kept}")),
                None => failed(NOT_APPLIED, "it is not in the vault".into()),
            }
        }
        // Locking and sharing set a state: doing it again does no harm.
        Evidence::LockSnapshots { .. } | Evidence::ShareSnapshots { .. } => {
            failed(NOT_APPLIED, "no answer was recorded; to be done again".into())
        }
        Evidence::CopySnapshots { .. } => {
            let copies = snapshots::copies(engine, state).await?;
            let made = copies.len() >= snapshots::own(engine, state).await?.len() && !copies.is_empty();
            // Those that are there are not made again.
            if made { applied(snapshots::words(&copies)) } else { failed(NOT_APPLIED, "copies are missing".into()) }
        }
    })
}

/// A piece as it stands in the vault.
async fn seen_in(engine: &Engine, place: &Place, name: &str, source: &str) -> Result<Option<Kept>, CloudError> {
    let seen = vault::stat(engine, place, name).await?;
    Ok(seen.map(|(sha256, bytes)| Kept {
        name: name.to_owned(),
        sha256,
        bytes,
        captured_at: engine.now(),
        source: source.to_owned(),
    }))
}

/// Whether a command of this run was sent, so that its output may still be fetched.
async fn is_sent(engine: &Engine, state: &RunState, instance: &InstanceId, what: &Capture) -> Result<bool, CloudError> {
    let Capture::Command { script, .. } = what else { return Ok(false) };
    Ok(command::find(engine, state, instance, *script).await?.is_some())
}

/// Where a run's evidence is: its vault and instance, of the plan's steps.
pub(super) fn kept_in(state: &RunState) -> Option<(&Vault, &InstanceId)> {
    state.plan.steps.iter().find_map(|s| match &s.action {
        crate::playbook::Action::Evidence(Evidence::Manifest { instance, vault }) => Some((vault, instance)),
        _ => None,
    })
}
