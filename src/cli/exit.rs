//! Exit codes and the one error at the edge.

use crate::cloud::{CloudError, ErrorKind};
use crate::domain::text;
use crate::engine::EngineError;
use crate::engine::incident::Unnamed;
use crate::ledger::{LedgerError, Outcome, RunState, Unreadable};
use crate::playbook::PlanRefusal;
use crate::playbook::plan::{Drift, DriftKind};
use std::process::{ExitCode, Termination};

/// How the program ends. The numbers are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// A guard or a playbook refused; nothing was changed.
    Refused = 3,
    /// Something holds and something does not.
    Partial = 4,
    /// Somebody else changed what was to be put back, and it was left alone.
    Drift = 5,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

impl Exit {
    /// The word for it in JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Partial => "partial",
            Self::Drift => "drift",
        }
    }

    /// What a plan's drift means: what is left alone or lost is drift; what was overwritten as asked, and what waits to be
    /// asked for by name, is none.
    pub(super) fn of_drift(drift: &[Drift]) -> Self {
        let quiet = |d: &Drift| matches!(d.kind, DriftKind::Overwritten | DriftKind::Withheld);
        if drift.iter().all(quiet) { Self::Done } else { Self::Drift }
    }

    /// What several runs come to: drift where any has met it, their own where all ended alike, and else partial,
    /// unless nothing was done at all.
    pub(super) fn together(exits: &[Self]) -> Self {
        let Some(first) = exits.first() else { return Self::Done };
        if exits.contains(&Self::Drift) {
            return Self::Drift;
        }
        if exits.iter().all(|e| e == first) {
            return *first;
        }
        let something = exits.iter().any(|e| matches!(e, Self::Done | Self::Partial));
        if something { Self::Partial } else { Self::Failed }
    }

    /// What a run's end means for its caller.
    pub(super) fn of_run(state: &RunState) -> Self {
        match state.ended.as_ref().map(|(outcome, _, _)| *outcome) {
            Some(Outcome::Done) => Self::of_drift(&state.plan.drift),
            Some(Outcome::Partial) => Self::Partial,
            Some(Outcome::Failed) | None => Self::Failed,
        }
    }
}

/// What went wrong: `Error: …` and, where there is one, `Hint: …`.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        // Who has no AWS at hand gets one line: what is missing, and what works without.
        if error.kind == ErrorKind::Credentials || error.code == "NoRegion" {
            let message = format!("{}: {}; or try `lazaret --sandbox`", error.code, text::safe(&error.message));
            return Self::new(Exit::Failed, message);
        }
        let hint = match error.kind {
            ErrorKind::Denied => Some(format!("the caller needs {}; assets/iam has the policies", error.operation)),
            ErrorKind::Throttled => Some("AWS asks for patience: try again in a minute".to_owned()),
            _ => None,
        };
        Self { exit: Exit::Failed, message: error.to_string(), hint }
    }
}

impl From<Unnamed> for Failure {
    fn from(error: Unnamed) -> Self {
        let hint = match &error {
            Unnamed::Ambiguous { .. } => "say more of it",
            Unnamed::Unknown(_) | Unnamed::TooShort(_) => "`lazaret incidents` lists them",
        };
        Self::new(Exit::Usage, error.to_string()).hint(hint)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let failure = Self::new(Exit::Failed, error.to_string());
        if error.is_unreadable() { failure.hint(Unreadable::HINT) } else { failure }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        match error {
            EngineError::Cloud(error) => error.into(),
            EngineError::Ledger(error) if error.is_unreadable() => error.into(),
            EngineError::Ledger(_) | EngineError::NoSuchRun(_) => Self::new(Exit::Failed, message),
            EngineError::Plan(refusal) => {
                let (exit, hint) = match &refusal {
                    PlanRefusal::NotFound { .. } => {
                        (Exit::Failed, Some("--account and --region say where to look".to_owned()))
                    }
                    PlanRefusal::AlreadyQuarantined { subject, .. } => {
                        (Exit::Refused, Some(format!("`lazaret restore {subject}` takes it back")))
                    }
                    PlanRefusal::AlreadyBlocked { subject, run: Some(_), .. } => {
                        let hint = format!("`lazaret unblock {subject}` takes it back; `--extend 24h` moves its end");
                        (Exit::Refused, Some(hint))
                    }
                    PlanRefusal::AlreadyBlocked { .. } => (Exit::Refused, None),
                    PlanRefusal::Address(refusal) => (Exit::Refused, Some(refusal.hint())),
                    PlanRefusal::AlreadyContained { run: Some(run), .. } => {
                        (Exit::Refused, Some(format!("`lazaret restore --run {run}` takes it back")))
                    }
                    PlanRefusal::AlreadyContained { run: None, .. } => {
                        (Exit::Refused, Some("this ledger does not know who did it".to_owned()))
                    }
                    PlanRefusal::LeakyGroup { .. } => {
                        (Exit::Refused, Some("remove the rules, or name another group with --quarantine-group".into()))
                    }
                    PlanRefusal::Drifted { .. } => {
                        (Exit::Drift, Some("--force puts back what stood there all the same".to_owned()))
                    }
                    PlanRefusal::Newer { .. } | PlanRefusal::Nothing(_) | PlanRefusal::Unfit(_) => {
                        (Exit::Refused, None)
                    }
                };
                Self { exit, message, hint }
            }
            EngineError::Refused(refusal) => Self::new(Exit::Refused, message).hint(refusal.hint()),
            EngineError::Changed(_) => Self::new(Exit::Refused, message).hint("run the command again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_runs_come_to_one_exit() {
        use Exit::{Done, Drift, Failed, Partial, Refused};
        for (exits, together) in [
            (vec![], Done),
            (vec![Done, Done], Done),
            (vec![Done, Drift, Failed], Drift),
            (vec![Done, Failed], Partial),
            (vec![Done, Refused], Partial),
            (vec![Partial, Done], Partial),
            (vec![Refused, Refused], Refused),
            (vec![Failed, Refused], Failed),
        ] {
            assert_eq!(Exit::together(&exits), together, "{exits:?}");
        }
    }

    #[test]
    fn a_plan_and_its_run_agree_about_drift() {
        let drift = |kind| Drift {
            what: String::new(),
            ours: String::new(),
            now: String::new(),
            before: String::new(),
            decision: String::new(),
            kind,
        };
        assert_eq!(Exit::of_drift(&[]), Exit::Done);
        for kind in [DriftKind::Overwritten, DriftKind::Withheld] {
            assert_eq!(Exit::of_drift(&[drift(kind)]), Exit::Done, "{kind:?}");
        }
        for kind in [DriftKind::LeftAlone, DriftKind::Lost, DriftKind::Stuck] {
            assert_eq!(Exit::of_drift(&[drift(DriftKind::Overwritten), drift(kind)]), Exit::Drift, "{kind:?}");
        }
    }
}
