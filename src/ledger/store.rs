//! The contract of a ledger's store: append is conditional and gates effect.

use super::event::{Actor, Event, Record};
use super::state::{IllegalEvent, RunState};
use crate::domain::RunId;
use crate::playbook::Plan;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Who holds a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// Who began it.
    pub actor: String,
    /// When.
    pub since: DateTime<Utc>,
    /// Until when its process has promised to be alive; later than that the run may be recovered.
    pub lease_until: DateTime<Utc>,
}

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Somebody else appended to this run: we no longer speak for it.
    #[error("run {run} was taken over by another process (record {seq} exists already)")]
    Conflict {
        /// The run.
        run: RunId,
        /// The place that was taken.
        seq: u64,
    },
    /// The records contradict each other.
    #[error("the ledger contradicts itself: {0}")]
    Illegal(#[from] IllegalEvent),
    /// A run can't be read.
    #[error(transparent)]
    UnreadableRun(#[from] Unreadable),
    /// A record can't be read.
    #[error("ledger record {position} can't be read: {why}")]
    Unreadable {
        /// Its place in the ledger.
        position: u64,
        /// Why.
        why: String,
    },
    /// The store was written by a newer lazaret.
    #[error("{place} was written by a newer lazaret (schema {found}; this one knows {known}): update lazaret")]
    TooNew {
        /// Where the store is.
        place: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The store itself failed.
    #[error("ledger {place}: {why}")]
    Store {
        /// Where the store is.
        place: String,
        /// What happened.
        why: String,
    },
}

impl LedgerError {
    /// Whether the ledger answered, and what it holds can't be read.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::UnreadableRun(_) | Self::Illegal(_))
    }
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Another run holds the subject.
    #[error("{subject} is held by run {}, begun by {} at {}", claim.run, claim.actor, claim.since.format("%Y-%m-%d %H:%M:%SZ"))]
    Held {
        /// The subject.
        subject: String,
        /// Who holds it.
        claim: Claim,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Which runs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only of this subject, as plans name it.
    pub subject: Option<String>,
    /// Only of this incident.
    pub incident: Option<String>,
    /// Only those begun then or later.
    pub since: Option<DateTime<Utc>>,
    /// Only those that have not ended.
    pub open_only: bool,
    /// At most so many, the newest; none for all.
    pub limit: Option<usize>,
}

/// What checking the chain found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// How many records were checked.
    pub records: u64,
    /// How many runs they make.
    pub runs: u64,
    /// The hash of the last good record: write it down elsewhere, and a ledger cut short shows.
    pub head: String,
    /// The first bad record: its place, and what is wrong with it.
    pub bad: Option<(u64, String)>,
    /// The first record of each run that can't be read though it stands as it was written: its place, and why. A newer
    /// lazaret wrote it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<(u64, String)>,
}

/// A run whose records can't be read: a newer lazaret wrote them, or they were changed. What it did is not known here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("run {run} can't be read: {why}")]
pub struct Unreadable {
    /// Its id, escaped.
    pub run: String,
    /// Its subject, as the list of runs has it; none where it is not on the list. Raw.
    pub subject: Option<String>,
    /// Its incident, likewise.
    pub incident: Option<String>,
    /// Why, escaped.
    pub why: String,
}

impl Unreadable {
    /// What it may be, and what tells.
    pub const HINT: &str = "a newer lazaret may have written it, or somebody changed it: `lazaret ledger verify` tells, and updating helps \
         in the first case";

    /// Several in one sentence: the first few in full.
    pub fn sentence(unreadable: &[Self]) -> String {
        const SHOWN: usize = 3;
        let mut words: Vec<String> = unreadable.iter().take(SHOWN).map(Self::to_string).collect();
        if let more @ 1.. = unreadable.len().saturating_sub(SHOWN) {
            words.push(format!("and {more} more of them"));
        }
        words.join("; ")
    }

    /// Whether it is about this subject, as far as anybody can tell.
    pub fn may_be_about(&self, subject: &str) -> bool {
        self.subject.as_deref().is_none_or(|own| own == subject)
    }
}

/// Runs, and those among them that can't be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// The runs, newest first.
    pub runs: Vec<RunState>,
    /// What can't be read.
    pub unreadable: Vec<Unreadable>,
}

impl Listing {
    /// All of the runs or none: for whoever would act wrongly where one is missing.
    ///
    /// # Errors
    /// Where one of them can't be read.
    pub fn whole(self) -> Result<Vec<RunState>, LedgerError> {
        match self.unreadable.into_iter().next() {
            Some(unreadable) => Err(unreadable.into()),
            None => Ok(self.runs),
        }
    }
}

/// What was appended since a place in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The place of the last record; 0 where there is none. Before the place that was asked about, it is another ledger.
    pub head: u64,
    /// The runs that have a record after the place, whole.
    pub listing: Listing,
}

/// A durable, append-only store of runs.
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins a run: records the plan and claims its subject, both or neither.
    ///
    /// # Errors
    /// [`BeginError::Held`] when another open run has the subject.
    async fn begin(
        &self,
        run: RunId,
        actor: &Actor,
        plan: &Plan,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<RunState, BeginError>;

    /// Appends events to a run, all or none, if its next place is `seq`; returns once they are on disk. `Ended`
    /// frees the subject.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when the place is taken or the run has ended; then the caller must stop acting for it.
    async fn append(
        &self,
        run: RunId,
        seq: u64,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Result<Vec<Record>, LedgerError>;

    /// Promises that the run's process is alive until then.
    async fn renew(&self, run: RunId, lease_until: DateTime<Utc>) -> Result<(), LedgerError>;

    /// The run's records in order; empty when there is no such run.
    async fn records(&self, run: RunId) -> Result<Vec<Record>, LedgerError>;

    /// The run as its records tell it; none where there is no such run.
    async fn run(&self, run: RunId) -> Result<Option<RunState>, LedgerError> {
        Ok(RunState::replay(&self.records(run).await?)?)
    }

    /// The runs that match, newest first; one that can't be read hides no other.
    async fn list(&self, filter: &RunFilter) -> Result<Listing, LedgerError>;

    /// The runs that match, newest first: all of them, or an error.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunState>, LedgerError> {
        self.list(filter).await?.whole()
    }

    /// The runs that were appended to after this place. Cheap where none was: only the last place is looked at.
    async fn changed_since(&self, position: u64) -> Result<News, LedgerError>;

    /// Who holds this subject now, by [`Plan::claim_key`].
    async fn claim(&self, key: &str) -> Result<Option<Claim>, LedgerError>;

    /// Checks every hash, every place and every transition.
    async fn verify(&self) -> Result<Verdict, LedgerError>;

    /// Where the store is, for messages.
    fn place(&self) -> String;
}
