//! The durable, append-only, hash-chained record of runs: the truth of what we did.
//!
//! May import `domain` and `playbook`. [`Store`] is the contract (append gates effect), [`state`] the one state
//! machine over its events, [`sqlite`] the store that is built in.

pub mod event;
pub mod known;
pub mod sqlite;
pub mod state;
pub mod store;

pub use event::{Actor, Event, Hand, Outcome, Record, StepError};
pub use known::KnownRuns;
pub use sqlite::SqliteStore;
pub use state::{IllegalEvent, RunState, StepState, StepStatus};
pub use store::{BeginError, Claim, LedgerError, Listing, News, RunFilter, Store, Unreadable, Verdict};
