//! The log of all calls that the sandbox got, and how deep they were.

use crate::domain::Scope;
use std::time::Duration;

/// A moment in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Its place in the order of all beginnings and ends.
    pub order: u64,
    /// The time since the log's first call, by tokio's clock, which tests can pause.
    pub elapsed: Duration,
}

/// How a call went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// No answer was given: the call is under way, hangs, or its future was dropped.
    Unanswered,
    /// It was answered.
    Done,
    /// It failed with this code.
    Failed(String),
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The operation, `service:Operation`.
    pub operation: String,
    /// What it was called on.
    pub resource: Option<String>,
    /// Where it was sent.
    pub scope: Scope,
    /// Whether it belongs to the mutating half of the port.
    pub mutating: bool,
    /// Whether it was only a rehearsal (EC2's `DryRun`).
    pub dry_run: bool,
    /// When it began.
    pub started: Moment,
    /// When it was answered.
    pub ended: Option<Moment>,
    /// How it went.
    pub outcome: CallOutcome,
}

/// How many of these calls had to follow one another: the longest chain in which each began after the one before was
/// answered.
pub fn depth(calls: &[CallRecord]) -> usize {
    let mut order: Vec<&CallRecord> = calls.iter().collect();
    order.sort_by_key(|call| call.started);
    let mut depths: Vec<usize> = Vec::with_capacity(order.len());
    for (n, call) in order.iter().enumerate() {
        let before = order[..n].iter().zip(&depths);
        let deepest = before.filter(|(c, _)| c.ended.is_some_and(|e| e.order < call.started.order)).map(|(_, d)| *d);
        depths.push(deepest.max().unwrap_or(0) + 1);
    }
    depths.into_iter().max().unwrap_or(0)
}

/// How many records are kept: a console that is left open for weeks must not fill the memory.
const KEPT: usize = 50_000;

/// The log being written.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    records: Vec<CallRecord>,
    cleared: usize,
    order: u64,
    origin: Option<tokio::time::Instant>,
}

/// A call in the log, to be ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket(usize);

impl CallLog {
    fn moment(&mut self) -> Moment {
        let now = tokio::time::Instant::now();
        let origin = *self.origin.get_or_insert(now);
        self.order += 1;
        Moment { order: self.order, elapsed: now.saturating_duration_since(origin) }
    }

    pub(super) fn begin(
        &mut self,
        operation: &str,
        resource: Option<&str>,
        scope: &Scope,
        mutating: bool,
        dry_run: bool,
    ) -> Ticket {
        let started = self.moment();
        if self.records.len() >= KEPT {
            self.records.drain(..KEPT / 2);
            self.cleared += KEPT / 2;
        }
        self.records.push(CallRecord {
            operation: operation.to_owned(),
            resource: resource.map(str::to_owned),
            scope: scope.clone(),
            mutating,
            dry_run,
            started,
            ended: None,
            outcome: CallOutcome::Unanswered,
        });
        Ticket(self.cleared + self.records.len() - 1)
    }

    pub(super) fn end(&mut self, ticket: Ticket, outcome: CallOutcome) {
        let ended = self.moment();
        let place = ticket.0.checked_sub(self.cleared);
        if let Some(record) = place.and_then(|place| self.records.get_mut(place)) {
            record.ended = Some(ended);
            record.outcome = outcome;
        }
    }

    pub(super) fn records(&self) -> &[CallRecord] {
        &self.records
    }

    pub(super) fn clear(&mut self) {
        self.cleared += self.records.len();
        self.records.clear();
    }
}
