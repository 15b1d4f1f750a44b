//! What the ledger records.

use crate::domain::{Kept, RunId};
use crate::playbook::{Change, Plan, StepId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Where a run was started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hand {
    /// The console.
    Console,
    /// The command line.
    Cli,
    /// AWS Lambda.
    Lambda,
}

/// Who started a run, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The caller's name: the last part of the caller's ARN, or the rule that fired.
    pub name: String,
    /// The caller's ARN, where it is known.
    pub arn: Option<String>,
    /// The machine.
    pub host: String,
    /// The hand.
    pub hand: Hand,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", crate::domain::text::safe(&self.name))
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything that matters was done and read back.
    Done,
    /// Something holds and something does not.
    Partial,
    /// Nothing that matters was done.
    Failed,
}

impl Outcome {
    /// The word that is shown and written to JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// Why a step failed, or why nothing is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    /// AWS's error code, or ours.
    pub code: String,
    /// The whole sentence, escaped.
    pub message: String,
}

/// One thing that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began: from here on it holds its subject.
    Begun {
        /// Who began it.
        actor: Actor,
        /// What will be done.
        plan: Box<Plan>,
    },
    /// A step is about to be carried out. For a change, as it will be made: with what stands there.
    Intended {
        /// The step.
        step: StepId,
        /// The change with what stands there now.
        change: Option<Box<Change>>,
    },
    /// A piece of evidence is in its vault. Stands before the step's `Applied`.
    Kept {
        /// The step.
        step: StepId,
        /// What is known of it.
        kept: Kept,
    },
    /// AWS said yes.
    Applied {
        /// The step.
        step: StepId,
        /// What came of it: ids of what was made, in words.
        output: Vec<String>,
    },
    /// AWS said no: the step had no effect.
    Failed {
        /// The step.
        step: StepId,
        /// Why.
        error: StepError,
    },
    /// No answer came: the step may have had its effect.
    Indeterminate {
        /// The step.
        step: StepId,
        /// What came instead.
        error: StepError,
    },
    /// Read back: it holds.
    Verified {
        /// The step.
        step: StepId,
        /// What was seen.
        seen: String,
    },
    /// Read back: it does not hold.
    NotVerified {
        /// The step.
        step: StepId,
        /// What was seen.
        seen: String,
    },
    /// The step will not run.
    Skipped {
        /// The step.
        step: StepId,
        /// Why.
        why: String,
    },
    /// Another process took the run over after its own had gone quiet.
    Recovered {
        /// Who.
        actor: Actor,
    },
    /// The run is over: it no longer holds its subject.
    Ended {
        /// How.
        outcome: Outcome,
        /// What holds and what doesn't, in a sentence.
        message: String,
    },
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the whole ledger, from 1.
    pub position: u64,
    /// Its run.
    pub run: RunId,
    /// Its place in the run, from 0.
    pub seq: u64,
    /// When it was appended.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
    /// The hash of the record before it in the ledger; 64 zeros for the first.
    pub previous: String,
    /// SHA-256 over this record's text and `previous`, in hexadecimal.
    pub hash: String,
}

/// The `previous` of the first record.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of one record: SHA-256 over its fields, each with its length before it, so that no two records have
/// the same bytes.
pub fn hash(position: u64, run: &str, seq: u64, at: &str, event_json: &str, previous: &str) -> String {
    let mut hasher = Sha256::new();
    for field in [&position.to_string(), run, &seq.to_string(), at, event_json, previous] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
