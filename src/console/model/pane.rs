//! One plan from the question to the result of its run, and what a person says about it on the way.

use super::field::Field;
use crate::console::msg::{Failure, Ticket};
use crate::domain::{InstanceId, RunId, Scope};
use crate::engine::rehearse::Rehearsal;
use crate::engine::{Consent, Prepared, QuarantineRequest, Refusal, RestoreRequest};
use crate::ledger::RunState;
use crate::playbook::plan::Drift;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long a plan has to stand on the screen before the commit key counts: a key that was on its way when the plan
/// appeared, or changed, was not meant for it.
pub const ARMED_AFTER: Duration = Duration::milliseconds(300);

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// The quarantine of an instance.
    Quarantine(Box<QuarantineRequest>),
    /// A restore.
    Restore(Box<RestoreRequest>),
    /// To take over a run whose process has gone.
    Recover(Box<RunState>),
}

/// What EC2 has said to the calls of a plan in a dry run.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Rehearsed {
    /// It was not asked.
    #[default]
    No,
    /// It is being asked.
    Asking,
    /// It has answered.
    Said(Vec<Rehearsal>),
    /// It could not be asked.
    Failed(String),
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// The finding names several instances: which one?
    Choosing(Vec<InstanceId>),
    /// The plan is being made.
    Preparing,
    /// The plan is shown.
    Ready {
        /// The plan.
        prepared: Arc<Prepared>,
        /// Why the guard would say no.
        refusal: Option<Refusal>,
        /// Whether it replaced another because the world changed.
        changed: bool,
        /// What EC2 said to its calls, where it was asked.
        rehearsal: Rehearsed,
    },
    /// A recovery waits for its commit.
    Recovery,
    /// No plan was made, or none may run.
    Refused(Failure),
    /// The run is under way.
    Running(Option<Box<RunState>>),
    /// The run is over.
    Ended(Box<RunState>),
    /// The run ended without an end in the ledger: what is known of it, and what went wrong.
    Broken(Option<Box<RunState>>, Failure),
}

/// What has to be typed before the guard lets the plan pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typing {
    /// The instance's id, to act on what its owner exempted.
    Exemption(Field),
    /// `yes`, to believe what tags say.
    TrustTags(Field),
}

impl Typing {
    /// The text so far.
    pub fn field(&mut self) -> &mut Field {
        match self {
            Self::Exemption(field) | Self::TrustTags(field) => field,
        }
    }
}

/// The pane.
#[derive(Debug, Clone, PartialEq)]
pub struct Pane {
    /// Its name: answers for another are not for it.
    pub ticket: Ticket,
    /// What was asked for.
    pub ask: Ask,
    /// How far it has come.
    pub stage: Stage,
    /// When the stage began.
    pub since: DateTime<Utc>,
    /// The first line that is shown.
    pub scroll: usize,
    /// What has been said so far.
    pub consent: Consent,
    /// What is being typed.
    pub typing: Option<Typing>,
    /// What the instance is called, once it was read. Raw.
    pub name: Option<String>,
    /// The line that the cursor is on, where there are lines to choose from: instances, or drift.
    pub line: usize,
}

impl Pane {
    /// A pane whose plan is being made.
    pub fn new(ticket: Ticket, ask: Ask, now: DateTime<Utc>) -> Self {
        let stage = if matches!(ask, Ask::Recover(_)) { Stage::Recovery } else { Stage::Preparing };
        Self {
            ticket,
            ask,
            stage,
            since: now,
            scroll: 0,
            consent: Consent::default(),
            typing: None,
            line: 0,
            name: None,
        }
    }

    /// Goes on to another stage.
    pub fn enter(&mut self, stage: Stage, now: DateTime<Utc>) {
        self.stage = stage;
        self.since = now;
        self.typing = None;
    }

    /// Where it acts.
    pub fn scope(&self) -> &Scope {
        match &self.ask {
            Ask::Quarantine(request) => &request.scope,
            Ask::Restore(request) => &request.scope,
            Ask::Recover(run) => &run.plan.scope,
        }
    }

    /// What it acts on.
    pub fn instance(&self) -> Option<InstanceId> {
        use crate::engine::prepare::RestoreWhat;
        match (&self.ask, &self.stage) {
            (_, Stage::Ready { prepared, .. }) => prepared.plan.instance(),
            (Ask::Quarantine(request), _) => Some(request.instance.clone()),
            (Ask::Restore(request), _) => match &request.what {
                RestoreWhat::Instance(instance) => Some(instance.clone()),
                RestoreWhat::Run(_) | RestoreWhat::Subject(_) => self.run().and_then(|run| run.plan.instance()),
            },
            (Ask::Recover(run), _) => run.plan.instance(),
        }
    }

    /// What it is, in one word.
    pub fn verb(&self) -> &'static str {
        match self.ask {
            Ask::Quarantine(_) => "Quarantine",
            Ask::Restore(_) => "Restore",
            Ask::Recover(_) => "Recover",
        }
    }

    /// The run's state, where there is one.
    pub fn run(&self) -> Option<&RunState> {
        match &self.stage {
            Stage::Running(Some(run)) | Stage::Ended(run) | Stage::Broken(Some(run), _) => Some(run),
            _ => None,
        }
    }

    /// The run's id, where there is one.
    pub fn run_id(&self) -> Option<RunId> {
        self.run().map(|r| r.run)
    }

    /// What somebody else changed, as the plan or its refusal tells.
    pub fn drifts(&self) -> &[Drift] {
        match &self.stage {
            Stage::Ready { prepared, .. } => &prepared.plan.drift,
            Stage::Refused(failure) => &failure.drift,
            _ => &[],
        }
    }

    /// The fields that go back though somebody else changed them.
    pub fn forced(&self) -> Option<&BTreeSet<String>> {
        match &self.ask {
            Ask::Restore(request) => Some(&request.force),
            _ => None,
        }
    }

    /// Whether the commit key counts now.
    pub fn armed(&self, now: DateTime<Utc>) -> bool {
        let stage = match &self.stage {
            Stage::Ready { refusal, .. } => refusal.is_none(),
            Stage::Recovery => true,
            _ => false,
        };
        stage && now - self.since >= ARMED_AFTER
    }
}
