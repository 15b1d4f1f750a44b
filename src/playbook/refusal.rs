//! Why a playbook makes no plan.

use super::drift::Drift;
use crate::domain::{GroupId, RunId, Scope};
use chrono::{DateTime, Utc};

/// Why no plan could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanRefusal {
    /// There is no such thing.
    #[error("{what} does not exist in {scope}")]
    NotFound {
        /// What was looked for.
        what: String,
        /// Where.
        scope: Scope,
    },
    /// It is in quarantine already.
    #[error("{subject} is already in quarantine{}{}",
        by.as_ref().map(|b| format!(", by {b}")).unwrap_or_default(),
        since.map(|t| format!(", since {}", t.format("%Y-%m-%d %H:%M:%SZ"))).unwrap_or_default())]
    AlreadyQuarantined {
        /// The instance.
        subject: String,
        /// Who did it, escaped.
        by: Option<String>,
        /// When.
        since: Option<DateTime<Utc>>,
        /// The run that did it, when our ledger knows it.
        run: Option<RunId>,
    },
    /// The address is denied already, everywhere it was to be.
    #[error("{subject} is denied already{}{}{}: {}",
        by.as_ref().map_or(", by somebody else".to_owned(), |b| format!(", by {b}")),
        since.map(|t| format!(", since {}", t.format("%Y-%m-%d %H:%M:%SZ"))).unwrap_or_default(),
        until.map(|t| format!(", until {}", t.format("%Y-%m-%d %H:%M:%SZ"))).unwrap_or_default(),
        entries.join("; "))]
    AlreadyBlocked {
        /// The address or range.
        subject: String,
        /// Who blocked it with us, escaped; none where no entry is ours.
        by: Option<String>,
        /// When.
        since: Option<DateTime<Utc>>,
        /// Until when; none until it is taken back.
        until: Option<DateTime<Utc>>,
        /// The run that did it, when our ledger knows it.
        run: Option<RunId>,
        /// The entries that deny it, and why it may not be known whose they are.
        entries: Vec<String>,
    },
    /// The address is not one to block.
    #[error(transparent)]
    Address(#[from] crate::policy::address::AddressRefusal),
    /// The quarantine group lets something through.
    #[error("{group} can't be the quarantine group: it lets through {}", rules.join("; "))]
    LeakyGroup {
        /// The group.
        group: GroupId,
        /// The rules that must go.
        rules: Vec<String>,
    },
    /// Everything that could go back was changed by somebody else.
    #[error("nothing of {subject} goes back by itself: {}",
        drift.iter().map(|d| format!("{}: now {} ({})", d.what, d.now, d.decision)).collect::<Vec<_>>().join("; "))]
    Drifted {
        /// The subject.
        subject: String,
        /// What was changed.
        drift: Vec<Drift>,
    },
    /// There is nothing to do or undo.
    #[error("{0}")]
    Nothing(String),
    /// It is contained already.
    #[error("{subject} is contained already{}{}",
        by.as_ref().map(|b| format!(", by {b}")).unwrap_or_default(),
        since.map(|t| format!(", since {}", t.format("%Y-%m-%d %H:%M:%SZ"))).unwrap_or_default())]
    AlreadyContained {
        /// What, escaped.
        subject: String,
        /// Who did it, escaped.
        by: Option<String>,
        /// When.
        since: Option<DateTime<Utc>>,
        /// The run that did it, when our ledger knows it.
        run: Option<RunId>,
    },
    /// A later run holds the same fields: what it found goes back first.
    #[error("run {newer} came later and holds {subject} now: restore that one first")]
    Newer {
        /// The later run.
        newer: RunId,
        /// The subject's id, escaped.
        subject: String,
    },
    /// A state that a playbook can't work with; the text says what and what to do.
    #[error("{0}")]
    Unfit(String),
}
