//! The only writer of a run: appends its records, and keeps its state beside them.

use super::{Engine, Progress};
use crate::ledger::{Event, LedgerError, Record, RunState};

/// Appends a run's records and keeps its state beside them. The only writer of a run.
pub(super) struct Journal {
    engine: Engine,
    pub(super) state: RunState,
    progress: Option<Progress>,
}

impl Journal {
    pub(super) fn new(engine: &Engine, state: RunState, progress: Option<Progress>) -> Self {
        Self { engine: engine.clone(), state, progress }
    }

    /// Appends durably; what isn't recorded isn't done.
    pub(super) async fn append(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        if events.is_empty() {
            return Ok(());
        }
        self.state.admit(events)?;
        let now = self.engine.now();
        let records = self.engine.ledger().append(self.state.run, self.state.next_seq, events, now).await?;
        for record in records {
            self.state.apply(&record)?;
            self.tell(record);
        }
        Ok(())
    }

    fn tell(&self, record: Record) {
        if let Some(progress) = &self.progress {
            // A listener that has gone away changes nothing about the run.
            let _ = progress.send(record);
        }
    }
}
