//! Where plans become calls: guard, executor, verifier, recovery, and the poller of findings.
//!
//! May import everything below: `domain`, `intake`, `policy`, `playbook`, `ledger`, `cloud`. The only room that calls
//! a mutating port.

mod answer;
mod apply;
mod block;
pub mod blocks;
pub mod evidence;
mod execute;
mod findings_said;
pub mod guard;
pub mod incident;
mod journal;
mod look;
mod message;
pub mod observe;
mod outstanding;
mod patience;
mod per_instance;
pub mod poller;
pub mod prepare;
pub mod principal;
mod readback;
mod recheck;
pub mod recovery;
pub mod rehearse;
pub mod report;
mod resolve;
mod retry;
mod service;
mod simulate;

pub use blocks::{Block, BlockList, BlockState};
pub use guard::{Consent, Guard, Refusal};
pub use outstanding::{Outstanding, has_a_way_back, leaves_something, outstanding, settled};
pub use prepare::{
    BlockRequest, CredentialsRequest, ExtendRequest, FindingsRequest, ForensicsRequest, Prepared, QuarantineRequest,
    Request, RestoreRequest, UnblockRequest, WhichBlocks,
};
pub use report::RunReport;

use crate::cloud::{Cloud, CloudError};
use crate::domain::{Clock, RunId, Scope};
use crate::ledger::{Actor, BeginError, Event, LedgerError, Outcome, Record, RunFilter, RunState, Store};
use crate::playbook::PlanRefusal;
use crate::playbook::plan::claim_key;
use chrono::{DateTime, Duration, Utc};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedSender;

/// How old an observation may be when its plan is committed; older ones are read again first.
pub const FRESH: Duration = Duration::seconds(10);

/// How long a process promises to be alive for its run at a time. A run whose promise has run out may be recovered.
pub const LEASE: Duration = Duration::seconds(30);

/// What failed, and what holds now.
fn ledger_words(error: &LedgerError) -> String {
    if error.is_unreadable() {
        return error.to_string();
    }
    format!("{error}. Nothing was called without a record; `lazaret recover` looks into what was under way")
}

/// Why a verb could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// AWS failed while nothing was being changed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The ledger failed: nothing more was called for the run.
    #[error("{}", ledger_words(.0))]
    Ledger(#[from] LedgerError),
    /// The playbook made no plan.
    #[error(transparent)]
    Plan(#[from] PlanRefusal),
    /// The guard said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The world changed between the preview and the commit; the new plan is here to be looked at.
    #[error("the world changed since the preview: look at the new plan and commit again")]
    Changed(Box<Prepared>),
    /// There is no such run.
    #[error("the ledger has no run {0}")]
    NoSuchRun(RunId),
}

impl From<BeginError> for EngineError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Held { subject, claim } => Self::Refused(Refusal::Held { subject, claim }),
            BeginError::Ledger(error) => Self::Ledger(error),
        }
    }
}

/// The one engine behind all hands. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    cloud: Cloud,
    ledger: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    guard: Guard,
    actor: Actor,
    random: Mutex<ChaCha12Rng>,
}

/// Receives each record of a run as it is appended.
pub type Progress = UnboundedSender<Record>;

impl Engine {
    /// An engine that acts as `actor`. `random` feeds run ids and the jitter of waits.
    pub fn new(
        cloud: Cloud,
        ledger: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        guard: Guard,
        actor: Actor,
        random: ChaCha12Rng,
    ) -> Self {
        let cloud = if guard.read_only { cloud.read_only() } else { cloud };
        Self { inner: Arc::new(Inner { cloud, ledger, clock, guard, actor, random: Mutex::new(random) }) }
    }

    /// The cloud; its mutating half asks for a permit that only the guard makes.
    pub fn cloud(&self) -> &Cloud {
        &self.inner.cloud
    }

    /// The ledger.
    pub fn ledger(&self) -> &Arc<dyn Store> {
        &self.inner.ledger
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    /// AWS's time now, never earlier than it is, as far as its answers have told; else this machine's.
    pub(crate) fn aws_now(&self) -> DateTime<Utc> {
        self.now() + self.inner.cloud.reads().clock_ahead().unwrap_or_default()
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The guard's standing orders.
    pub fn guard(&self) -> &Guard {
        &self.inner.guard
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.inner.actor
    }

    fn random_bits(&self) -> u128 {
        self.inner.random.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// An id later than that of every run in the ledger: runs are told in the order of their ids, and a clock that was set
    /// back would have a restore come before what it takes back. A run that can't be read keeps no other from beginning.
    async fn new_run_id(&self) -> RunId {
        let newest = self.inner.ledger.list(&RunFilter { limit: Some(1), ..RunFilter::default() }).await;
        let newest = newest.unwrap_or_default();
        let unreadable = newest.unreadable.first().and_then(|u| u.run.parse::<RunId>().ok());
        let newest = newest.runs.first().map(|run| run.run).or(unreadable);
        let after = newest.map_or(0, |run| run.millis() + 1);
        let now = self.now().timestamp_millis().unsigned_abs();
        RunId::from_parts(now.max(after), self.random_bits())
    }

    /// Carries out a prepared plan: guard, claim, steps, read-back. `progress` gets every record as it is appended.
    ///
    /// # Errors
    /// When the guard refuses, another run holds the subject, the world is no longer what the preview showed, or the
    /// ledger fails. A run that began and did not succeed is no error: look at its outcome.
    pub async fn commit(
        &self,
        prepared: &Prepared,
        consent: &Consent,
        progress: Option<Progress>,
    ) -> Result<RunState, EngineError> {
        let permit = self.inner.guard.admit(prepared, consent)?;
        let mut fresh = None;
        if self.now() - prepared.plan.observed_at > FRESH {
            let again = self.prepare_anew(prepared).await?;
            if !again.plan.same_effect(&prepared.plan) {
                return Err(EngineError::Changed(Box::new(again)));
            }
            self.inner.guard.admit(&again, consent)?;
            fresh = Some(again);
        }
        let prepared = fresh.as_ref().unwrap_or(prepared);
        let plan = &prepared.plan;
        let (run, now) = (self.new_run_id().await, self.now());
        let state = self.inner.ledger.begin(run, &self.inner.actor, plan, now, now + LEASE).await?;
        if let Some(records) = &progress {
            for record in self.inner.ledger.records(run).await? {
                // A listener that has gone away changes nothing about the run.
                let _ = records.send(record);
            }
        }
        let mut journal = journal::Journal::new(self, state, progress);
        // Somebody may have come and gone between our reading and our claim.
        let overtaken = match self.overtaken_by(&journal.state, prepared.head()).await {
            Ok(overtaken) => overtaken,
            Err(error) => {
                let message = format!("not begun: {error}");
                journal.append(&[Event::Ended { outcome: Outcome::Failed, message }]).await?;
                return Err(error.into());
            }
        };
        if let Some(other) = overtaken {
            let message = format!(
                "not begun: {} {} {} while this was being planned (run {})",
                other.actor,
                if other.is_open() { "began" } else { "finished" },
                other.plan.title,
                other.run
            );
            journal.append(&[Event::Ended { outcome: Outcome::Failed, message }]).await?;
            return Err(Refusal::Overtaken { by: other.actor.to_string(), run: other.run, at: other.begun_at }.into());
        }
        execute::run(self, &mut journal, &permit).await?;
        Ok(journal.state)
    }

    /// A run on the same subject of which something was recorded since the plan was made. The ledger's places tell, and no
    /// clock: clocks are set back.
    async fn overtaken_by(&self, ours: &RunState, head: u64) -> Result<Option<RunState>, LedgerError> {
        let since = self.inner.ledger.changed_since(head).await?.listing;
        // Nothing begins beside one that can't be read and is about the same.
        if let Some(unreadable) = since.unreadable.into_iter().find(|u| u.may_be_about(&ours.plan.subject)) {
            return Err(unreadable.into());
        }
        Ok(since.runs.into_iter().find(|other| {
            other.run != ours.run
                && other.plan.claim_key() == ours.plan.claim_key()
                && other.outcome() != Outcome::Failed
        }))
    }

    /// What runs on a subject have changed and no restore has put back, oldest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn outstanding(&self, scope: &Scope, subject: &str) -> Result<Vec<Outstanding>, LedgerError> {
        let filter = RunFilter { subject: Some(subject.to_owned()), ..RunFilter::default() };
        let mut runs = self.inner.ledger.runs(&filter).await?;
        runs.retain(|r| r.plan.claim_key() == claim_key(scope, subject));
        runs.sort_by_key(|r| r.run);
        Ok(outstanding(runs))
    }

    /// The quarantines of an instance that no restore has taken back in full, oldest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn open_quarantines(&self, scope: &Scope, subject: &str) -> Result<Vec<RunState>, LedgerError> {
        Ok(self.outstanding(scope, subject).await?.into_iter().map(|o| o.run).collect())
    }
}
