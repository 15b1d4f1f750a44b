//! One plan from the question to the result of its run, and what a person says about it on the way.

use super::field::Field;
use crate::console::msg::{Failure, Ticket};
use crate::domain::{InstanceId, RunId, Scope, text};
use crate::engine::prepare::{Request, RestoreWhat};
use crate::engine::rehearse::Rehearsal;
use crate::engine::{Consent, Prepared, Refusal, RestoreRequest, has_a_way_back};
use crate::ledger::RunState;
use crate::playbook::block::shown;
use crate::playbook::plan::{Drift, claim_key};
use crate::playbook::{FindingRef, Plan, Playbook};
use chrono::{DateTime, Duration, Utc};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long a plan has to stand on the screen before the commit key counts: a key that was on its way when the plan
/// appeared, or changed, was not meant for it.
pub const ARMED_AFTER: Duration = Duration::milliseconds(300);

/// A request, with what can be said of it before its plan is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// The playbook that plans it.
    pub playbook: Playbook,
    /// What it is about, as plans name subjects: `instance:i-…`. Raw.
    pub subject: Option<String>,
    /// What a person chooses it by, among several. Safe.
    pub words: String,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// What the engine is asked.
    pub request: Request,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// A plan.
    Do(Box<Wish>),
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
    /// Several things could be meant: which one?
    Choosing(Vec<Wish>),
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

/// What typing the right words allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// To act on what its owner exempted.
    Exemption,
    /// To believe what tags say.
    TrustTags,
    /// To block a range that is wide, or AWS's own.
    WideRange(IpNet),
    /// To do what can't be taken back.
    Irreversible,
    /// To cut what lazaret itself is acting as.
    OwnPrincipal,
    /// To make a key active again.
    Reactivate,
}

/// What has to be typed before the guard lets the plan pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    /// What it allows.
    pub grant: Grant,
    /// What is asked for, in words.
    pub ask: String,
    /// The texts that are right.
    pub right: Vec<String>,
    /// The text so far.
    pub field: Field,
}

impl Typing {
    /// What a refusal wants typed; `None` where typing doesn't help.
    pub fn against(refusal: &Refusal, plan: &Plan) -> Option<Self> {
        let id = plan.subject_id().to_owned();
        let (grant, ask, right) = match refusal {
            Refusal::Exempt { .. } => {
                (Grant::Exemption, format!("type the {}: ", kind_words(&plan.subject).1), vec![id])
            }
            Refusal::UntrustedTags(_) => {
                (Grant::TrustTags, "type yes to believe the tags: ".to_owned(), vec!["yes".to_owned(), id])
            }
            Refusal::NotTyped(_) => {
                let ask = format!("this can't be taken back: type the {}: ", kind_words(&plan.subject).1);
                (Grant::Irreversible, ask, vec![id])
            }
            Refusal::OwnPrincipal(_) => {
                let ask = format!("this locks lazaret itself out: type the {}: ", kind_words(&plan.subject).1);
                (Grant::OwnPrincipal, ask, vec![id])
            }
            _ => return None,
        };
        Some(Self { grant, ask, right, field: Field::default() })
    }

    /// What has to be typed to make a key active again; `None` where it is no key that is kept inactive.
    pub fn to_reactivate(what: &str) -> Option<Self> {
        let key = what.strip_prefix("key ")?.split(' ').next()?.to_owned();
        let ask = format!("type {} to make it active again: ", text::fit(&key, 40));
        Some(Self { grant: Grant::Reactivate, ask, right: vec![key], field: Field::default() })
    }

    /// What has to be typed again before a wide range is blocked.
    pub fn again(range: IpNet) -> Self {
        let words = shown(&range);
        let ask = format!("type {words} again to block all of it: ");
        Self { grant: Grant::WideRange(range), ask, right: vec![words], field: Field::default() }
    }

    /// Whether what was typed is right.
    pub fn is_right(&self) -> bool {
        self.right.iter().any(|right| right == self.field.text().trim())
    }
}

/// What a subject's kind is called, and what names one of it: `instance`, `instance's id`.
pub fn kind_words(subject: &str) -> (&'static str, &'static str) {
    match subject.split_once(':').map_or("", |(kind, _)| kind) {
        "instance" | "evidence" => ("instance", "instance's id"),
        "role" => ("role", "role's name"),
        "user" => ("user", "user's name"),
        "key" => ("key", "key's id"),
        "principal" => ("principal", "principal's name"),
        "address" => ("address", "address"),
        "acl" => ("NACL", "NACL's id"),
        "finding" => ("finding", "finding's id"),
        "findings" => ("about", "finding's id"),
        _ => ("subject", "subject's id"),
    }
}

/// What a subject is, without its kind. Safe.
pub fn id_words(subject: &str) -> String {
    let (kind, id) = subject.split_once(':').unwrap_or(("", subject));
    match id.split_once('-') {
        // Many findings have no name but a hash.
        Some((many, _)) if kind == "findings" => format!("{} findings", text::fit(many, 12)),
        _ => text::fit(id, 96),
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
    /// What an incident's runs did that no restore takes back. Safe.
    pub lasting: Vec<String>,
    /// What is to be done after it, each with a plan of its own.
    pub queue: Vec<Wish>,
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
            queue: vec![],
            lasting: vec![],
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

    /// The plan, where there is one: the one that is shown, or the run's.
    pub fn plan(&self) -> Option<&Plan> {
        match (&self.stage, &self.ask) {
            (Stage::Ready { prepared, .. }, _) => Some(&prepared.plan),
            (_, Ask::Recover(run)) => Some(self.run().map_or(&run.plan, |r| &r.plan)),
            _ => self.run().map(|r| &r.plan),
        }
    }

    /// Where it acts.
    pub fn scope(&self) -> &Scope {
        match (self.plan(), &self.ask) {
            (Some(plan), _) => &plan.scope,
            (None, Ask::Do(wish)) => wish.request.scope(),
            (None, Ask::Recover(run)) => &run.plan.scope,
        }
    }

    /// What it acts on, as plans name subjects. Raw.
    pub fn subject(&self) -> Option<&str> {
        match (self.plan(), &self.ask) {
            (Some(plan), _) => Some(&plan.subject),
            (None, Ask::Do(wish)) => wish.subject.as_deref(),
            (None, Ask::Recover(run)) => Some(&run.plan.subject),
        }
    }

    /// The subject's id without its kind, else what was asked for in words. Safe.
    pub fn subject_words(&self) -> Option<String> {
        let Some(subject) = self.subject() else {
            let Ask::Do(wish) = &self.ask else { return None };
            return (!wish.words.is_empty()).then(|| wish.words.clone());
        };
        Some(id_words(subject))
    }

    /// Whether what it acts on belongs to its whole account.
    pub fn is_global(&self) -> bool {
        let scope = self.scope();
        self.subject().is_some_and(|s| !claim_key(scope, s).starts_with(&scope.to_string()))
    }

    /// The instance that it acts on, where it is one.
    pub fn instance(&self) -> Option<InstanceId> {
        self.subject()?.strip_prefix("instance:").map(InstanceId::new)
    }

    /// Whether it is about this instance: contains it, or takes evidence of it.
    pub fn is_about(&self, instance: &InstanceId) -> bool {
        self.subject().and_then(|s| s.split_once(':')).is_some_and(|(_, id)| id == instance.as_str())
    }

    /// The playbook that plans it.
    pub fn playbook(&self) -> Playbook {
        match (self.plan(), &self.ask) {
            (Some(plan), _) => plan.playbook,
            (None, Ask::Do(wish)) => wish.playbook,
            (None, Ask::Recover(run)) => run.plan.playbook,
        }
    }

    /// The finding that is answered.
    pub fn finding(&self) -> Option<&FindingRef> {
        match (self.plan(), &self.ask) {
            (Some(plan), _) => plan.finding.as_ref(),
            (None, Ask::Do(wish)) => wish.finding.as_ref(),
            (None, Ask::Recover(run)) => run.plan.finding.as_ref(),
        }
    }

    /// What it is, in a word or two.
    pub fn verb(&self) -> &'static str {
        match self.ask {
            Ask::Recover(_) => "Recover",
            Ask::Do(_) => verb(self.playbook()),
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

    /// Whether nothing more comes of it.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ended(_) | Stage::Refused(_) | Stage::Broken(..))
    }

    /// What a restore from here would take back: what the run that is shown has changed, or what already stands in
    /// the way of a plan. An instance's goes back whole, however many runs it took.
    pub fn taken_back_by(&self) -> Option<RestoreWhat> {
        match &self.stage {
            Stage::Ended(run) | Stage::Broken(Some(run), _) => has_a_way_back(run).then(|| match run.plan.instance() {
                Some(instance) if run.plan.playbook == Playbook::QuarantineInstance => RestoreWhat::Instance(instance),
                _ => RestoreWhat::Run(run.run),
            }),
            Stage::Refused(Failure { stands: true, .. }) => {
                let subject = self.subject().filter(|_| self.playbook().contains())?;
                let instance = subject.strip_prefix("instance:").map(|id| RestoreWhat::Instance(InstanceId::new(id)));
                Some(instance.unwrap_or_else(|| RestoreWhat::Subject(subject.to_owned())))
            }
            _ => None,
        }
    }

    /// What somebody else changed, as the plan or its refusal tells.
    pub fn drifts(&self) -> &[Drift] {
        match &self.stage {
            Stage::Ready { prepared, .. } => &prepared.plan.drift,
            Stage::Refused(failure) => &failure.drift,
            _ => &[],
        }
    }

    /// The restore that was asked for, where it is one.
    pub fn restore(&self) -> Option<&RestoreRequest> {
        match &self.ask {
            Ask::Do(wish) => match &wish.request {
                Request::Restore(request) => Some(request),
                _ => None,
            },
            Ask::Recover(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn restore_mut(&mut self) -> Option<&mut RestoreRequest> {
        match &mut self.ask {
            Ask::Do(wish) => match &mut wish.request {
                Request::Restore(request) => Some(request),
                _ => None,
            },
            Ask::Recover(_) => None,
        }
    }

    /// The fields that go back though somebody else changed them.
    pub fn forced(&self) -> Option<&BTreeSet<String>> {
        self.restore().map(|request| &request.force)
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

/// What a playbook does, in a word or two.
pub fn verb(playbook: Playbook) -> &'static str {
    match playbook {
        Playbook::QuarantineInstance => "Quarantine",
        Playbook::Restore => "Restore",
        Playbook::ContainCredentials => "Revoke",
        Playbook::ContainExfiltration => "Contain exfiltration",
        Playbook::BlockAddress => "Block",
        Playbook::CollectForensics => "Collect forensics",
        Playbook::UpdateFindings => "Update findings",
        Playbook::DeleteRole => "Delete role",
        Playbook::Unblock => "Unblock",
        Playbook::ExtendBlock => "Extend",
    }
}
