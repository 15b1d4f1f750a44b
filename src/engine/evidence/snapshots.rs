//! What keeps a run's snapshots: locks, copies under another key, and who else may use them.

use super::super::Engine;
use super::super::answer::{Answer, unclear_or_failed};
use super::super::retry::{rereading, retrying};
use crate::cloud::port::{Snapshot, Target};
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::{AccountId, InstanceId, Retention, Scope, text};
use crate::ledger::RunState;
use crate::playbook::tags::{COPY_OF, COPY_RUN, RUN};
use std::collections::BTreeMap;
use std::time::Duration;

/// The wait between looks at snapshots that are not completed.
const LOOK: Duration = Duration::from_secs(15);

/// EC2's code for a volume that was snapshotted a moment ago: by a quarantine before a collection, above all.
const TOO_SOON: &str = "SnapshotCreationPerVolumeRateExceeded";

/// How long EC2 wants a volume left alone between snapshots (EC2 API reference, error codes: "at least 15 seconds").
const APART: Duration = Duration::from_secs(16);

/// How often that is waited for: less in all than what isolation waits for snapshots.
const TIMES: u32 = 3;

/// Snapshots all volumes of an instance at one moment.
pub(in crate::engine) async fn create(
    engine: &Engine,
    writes: &dyn Writes,
    scope: &Scope,
    instance: &InstanceId,
    description: &str,
    tags: &BTreeMap<String, String>,
) -> Answer {
    let target = Target::new(scope);
    let mut again = TIMES;
    loop {
        match retrying(engine, || writes.create_snapshots(&target, instance, description, tags)).await {
            Ok(made) => return Answer::applied(made.iter().map(|s| format!("{} of {}", s.id, s.volume)).collect()),
            Err(error) if error.code == TOO_SOON && again > 0 => {
                again -= 1;
                tokio::time::sleep(APART).await;
            }
            Err(error) => return unclear_or_failed(&error),
        }
    }
}

/// The run's own snapshots.
pub(super) async fn own(engine: &Engine, state: &RunState) -> Result<Vec<Snapshot>, CloudError> {
    tagged(engine, state, RUN).await
}

/// The copies that the run has made.
pub(super) async fn copies(engine: &Engine, state: &RunState) -> Result<Vec<Snapshot>, CloudError> {
    tagged(engine, state, COPY_RUN).await
}

async fn tagged(engine: &Engine, state: &RunState, tag: &str) -> Result<Vec<Snapshot>, CloudError> {
    let (reads, run) = (engine.cloud().reads(), state.run.to_string());
    rereading(engine, || reads.snapshots(&state.plan.scope, tag, &run)).await
}

/// Copies in words.
pub(super) fn words(copies: &[Snapshot]) -> Vec<String> {
    let of = |s: &Snapshot| s.tags.get(COPY_OF).map_or_else(|| s.volume.to_string(), |of| text::safe(of).into_owned());
    copies.iter().map(|s| format!("{} copy of {}", s.id, of(s))).collect()
}

/// What is done to each of the run's snapshots. Each sets a state: doing it twice is doing it once.
pub(super) enum Act {
    /// Locks it.
    Lock(Retention),
    /// Lets accounts make volumes from it, or from its copy.
    Share {
        /// The accounts.
        accounts: Vec<AccountId>,
        /// Whether the copies are meant.
        copies: bool,
    },
}

/// Does the same with each snapshot. All are tried; the first failure is the answer.
pub(super) async fn each(engine: &Engine, writes: &dyn Writes, state: &RunState, act: &Act) -> Answer {
    let target = Target::new(&state.plan.scope);
    let of_copies = matches!(act, Act::Share { copies: true, .. });
    let snapshots = if of_copies { copies(engine, state).await } else { own(engine, state).await };
    let snapshots = match snapshots {
        Ok(snapshots) if snapshots.is_empty() => {
            return Answer::failed("NotFound", "no snapshot of this run was found");
        }
        Ok(snapshots) => snapshots,
        Err(error) => return unclear_or_failed(&error),
    };
    let (mut done, mut failed) = (vec![], None);
    for snapshot in &snapshots {
        let id = &snapshot.id;
        let answer = match act {
            Act::Lock(lock) => rereading(engine, || writes.lock_snapshot(&target, id, *lock))
                .await
                .map(|()| format!("{id} locked for {} ({})", lock.length(), lock.mode.as_str())),
            Act::Share { accounts, .. } => {
                let names: Vec<String> = accounts.iter().map(ToString::to_string).collect();
                let shared = rereading(engine, || writes.share_snapshot(&target, id, accounts)).await;
                shared.map(|()| format!("{id} shared with {}", names.join(", ")))
            }
        };
        match answer {
            Ok(line) => done.push(line),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let Some(error) = failed else { return Answer::applied(done) };
    let so_far = if done.is_empty() { String::new() } else { format!(". Done: {}", done.join("; ")) };
    // EC2: "Snapshots encrypted with your default KMS key cannot be shared with other accounts."
    let refused = matches!(act, Act::Share { copies: false, .. }) && error.kind == ErrorKind::Invalid;
    let hint = if refused { ". Name a customer's key with --copy-key, and the copies are shared" } else { "" };
    Answer::failed(&error.code, format!("{error}{hint}{so_far}"))
}

/// Copies each of the run's snapshots under a key, once it is completed. What is copied already is not copied again.
pub(super) async fn copy(
    engine: &Engine,
    writes: &dyn Writes,
    state: &RunState,
    instance: &InstanceId,
    kms_key: &str,
    wait_minutes: u32,
    tags: &BTreeMap<String, String>,
) -> Answer {
    let bound = Duration::from_secs(u64::from(wait_minutes) * 60);
    let mine = match tokio::time::timeout(bound, completed(engine, state)).await {
        Ok(Ok(mine)) => mine,
        Ok(Err(answer)) => return answer,
        Err(_) => {
            let why =
                format!("the snapshots were not completed within {wait_minutes} minutes, and EC2 copies no others");
            return Answer::failed("StillPending", why);
        }
    };
    let target = Target::new(&state.plan.scope);
    let mut unclear = None;
    for snapshot in &mine {
        let made = match copies(engine, state).await {
            Ok(made) => made,
            Err(error) => return unclear_or_failed(&error),
        };
        if made.iter().any(|s| s.tags.get(COPY_OF).map(String::as_str) == Some(snapshot.id.as_str())) {
            continue;
        }
        let mut tags = tags.clone();
        tags.insert(COPY_RUN.to_owned(), state.run.to_string());
        tags.insert(COPY_OF.to_owned(), snapshot.id.to_string());
        let description = format!("lazaret: evidence of {instance}, copy of {}", snapshot.id);
        let call = || writes.copy_snapshot(&target, &snapshot.id, kms_key, &description, &tags);
        match retrying(engine, call).await {
            Ok(_) => {}
            // Whether it was made shows below.
            Err(error) if error.may_have_applied => unclear = Some(error),
            Err(error) => return unclear_or_failed(&error),
        }
    }
    match copies(engine, state).await {
        Ok(made) if made.len() >= mine.len() => Answer::applied(words(&made)),
        Ok(_) => match unclear {
            Some(error) => Answer::failed(&error.code, format!("{error}. No such copy was found: it is not repeated")),
            None => Answer::failed("NotVisible", "the copies were made and can't be seen yet"),
        },
        Err(error) => unclear_or_failed(&error),
    }
}

/// The run's snapshots, once all are completed.
async fn completed(engine: &Engine, state: &RunState) -> Result<Vec<Snapshot>, Answer> {
    loop {
        let mine = own(engine, state).await.map_err(|e| unclear_or_failed(&e))?;
        if mine.is_empty() {
            return Err(Answer::failed("NotFound", "no snapshot of this run was found"));
        }
        if let Some(broken) = mine.iter().find(|s| s.state == "error") {
            return Err(Answer::failed("SnapshotFailed", format!("{} failed", broken.id)));
        }
        if mine.iter().all(|s| s.state == "completed") {
            return Ok(mine);
        }
        tokio::time::sleep(LOOK).await;
    }
}
