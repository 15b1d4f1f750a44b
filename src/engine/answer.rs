//! What became of one step's calls.

use crate::cloud::CloudError;
use crate::domain::Kept;
use crate::ledger::StepError;
use crate::playbook::{Change, StepId};

/// What a read-back saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    /// Each change's step, whether it holds, and what was seen.
    pub(super) findings: Vec<(StepId, bool, String)>,
    /// What AWS has said yes to and does not show yet, in words: nothing is said about it.
    pub(super) late: Vec<String>,
    /// Why the read-back as a whole did not succeed.
    pub(super) problem: Option<String>,
}

/// The code of a failure that looking has established: the step had no effect and may be begun again.
pub(super) const NOT_APPLIED: &str = "NotApplied";

/// The code of an unclear end that looking has established: a part of the step was done, and it may be begun again to do
/// the rest.
pub(super) const HALF_DONE: &str = "HalfDone";

/// The code of a step of which nobody knows, since its process went away before the answer.
pub(super) const NO_ANSWER: &str = "NoAnswer";

/// What became of one step's calls.
pub(super) enum Answer {
    /// AWS said yes; `verified` where the step has read back its own work.
    Applied { output: Vec<String>, verified: Option<String> },
    /// A piece of evidence is in its vault.
    Kept { kept: Kept, output: Vec<String> },
    /// It had no effect.
    Failed(StepError),
    /// It may have had its effect.
    Unclear(StepError),
    /// A read-back's findings.
    Seen(Sight),
    /// It had no effect, and is intended again, made otherwise.
    Again { error: StepError, change: Box<Change> },
}

impl Answer {
    pub(super) fn applied(output: Vec<String>) -> Self {
        Self::Applied { output, verified: None }
    }

    pub(super) fn failed(code: &str, message: impl Into<String>) -> Self {
        Self::Failed(StepError { code: code.into(), message: message.into() })
    }
}

pub(super) fn step_error(error: &CloudError) -> StepError {
    StepError { code: error.code.clone(), message: error.to_string() }
}

/// The answer that a failed call gives: whether it had an effect may be unknown.
pub(super) fn unclear_or_failed(error: &CloudError) -> Answer {
    if error.may_have_applied { Answer::Unclear(step_error(error)) } else { Answer::Failed(step_error(error)) }
}
