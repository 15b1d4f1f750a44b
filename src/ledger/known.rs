//! The runs that a reader knows already, so that only what is new is read and replayed.

use super::state::RunState;
use super::store::{LedgerError, Listing, Store, Unreadable};
use crate::domain::RunId;
use std::collections::BTreeMap;

/// Every run of a ledger as of the last look, kept current by what was appended since.
#[derive(Debug, Default)]
pub struct KnownRuns {
    head: u64,
    runs: BTreeMap<RunId, RunState>,
    unreadable: BTreeMap<String, Unreadable>,
}

impl KnownRuns {
    /// Looks for what was appended since the last look, and answers all runs, newest first. Where nothing was, nothing
    /// is replayed.
    ///
    /// # Errors
    /// When the ledger can't be read; the next look begins where this one did.
    pub async fn look(&mut self, ledger: &dyn Store) -> Result<Listing, LedgerError> {
        let mut news = ledger.changed_since(self.head).await?;
        if news.head < self.head {
            // Another ledger stands in its place, as after a reset of the sandbox.
            *self = Self::default();
            news = ledger.changed_since(0).await?;
        }
        self.head = news.head;
        for unreadable in news.listing.unreadable {
            // As it was known, it may be over by now.
            if let Ok(run) = unreadable.run.parse() {
                self.runs.remove(&run);
            }
            self.unreadable.insert(unreadable.run.clone(), unreadable);
        }
        for run in &news.listing.runs {
            self.unreadable.remove(&run.run.to_string());
        }
        self.runs.extend(news.listing.runs.into_iter().map(|run| (run.run, run)));
        Ok(Listing {
            runs: self.runs.values().rev().cloned().collect(),
            unreadable: self.unreadable.values().rev().cloned().collect(),
        })
    }
}
