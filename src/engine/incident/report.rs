//! The report of an incident as one typed value: what happened, who did it, how it was proved, what is left to do.
//!
//! Texts are as AWS, attackers and people wrote them: whoever writes them out escapes them.

use super::super::outstanding::{Outstanding, outstanding};
use super::{Lasting, State, all_members, each_once, findings, is_note, last_of, lasting, share, state};
use crate::domain::{RunId, Scope, Severity};
use crate::ledger::{Actor, Event, Hand, LedgerError, Listing, Outcome, Record, RunState, StepState, Store, Verdict};
use crate::playbook::plan::{Drift, DriftKind};
use crate::playbook::{Action, Playbook, StepId, Weight};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// A finding that the incident answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingLine {
    /// Its id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub finding_type: String,
    /// Its title.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is a sample.
    pub sample: bool,
    /// Whose Security Hub it was read from.
    pub hub: Option<Scope>,
}

/// Who did something, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct By {
    /// The caller's name.
    pub name: String,
    /// The caller's ARN, where it is known.
    pub arn: Option<String>,
    /// The machine.
    pub host: String,
    /// The hand.
    pub hand: Hand,
}

impl From<&Actor> for By {
    fn from(actor: &Actor) -> Self {
        Self { name: actor.name.clone(), arn: actor.arn.clone(), host: actor.host.clone(), hand: actor.hand }
    }
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A run began.
    Began,
    /// A step was done.
    Done,
    /// A change was read back and holds.
    ReadBack,
    /// A change was read back and does not hold.
    NotAsLeft,
    /// A step had no effect.
    Failed,
    /// No answer came: a step may have had its effect.
    NoAnswer,
    /// A step was left out.
    Skipped,
    /// Another process took the run over.
    TakenOver,
    /// A run ended.
    Ended,
}

impl Kind {
    /// The words that are shown.
    pub fn words(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Done => "done",
            Self::ReadBack => "read back",
            Self::NotAsLeft => "NOT AS LEFT",
            Self::Failed => "FAILED",
            Self::NoAnswer => "NO ANSWER",
            Self::Skipped => "skipped",
            Self::TakenOver => "taken over",
            Self::Ended => "ended",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// The run.
    pub run: RunId,
    /// Who acted for the run then.
    pub by: String,
    /// What kind of thing.
    pub kind: Kind,
    /// What it was about.
    pub what: String,
    /// What was seen or said.
    pub detail: Option<String>,
}

/// What was seen when a change was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it held.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

/// One change of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeLine {
    /// The step.
    pub step: StepId,
    /// The resource and field.
    pub what: String,
    /// What stood there.
    pub before: String,
    /// What was to stand there.
    pub after: String,
    /// Where the step stands, in one word.
    pub state: String,
    /// When it was written down, before the call.
    pub intended_at: Option<DateTime<Utc>>,
    /// The last reading back; none where nobody looked.
    pub proof: Option<Proof>,
    /// Whether it still stands, as far as the ledger knows; always `false` for what a restore put back.
    pub stands: bool,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunLine {
    /// Its id.
    pub run: RunId,
    /// Which playbook.
    pub playbook: Playbook,
    /// What it did, in one line.
    pub title: String,
    /// What it acted on.
    pub subject: String,
    /// Where.
    pub scope: Scope,
    /// Who began it.
    pub by: By,
    /// When.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// `done`, `partial`, `failed` or `running`.
    pub outcome: String,
    /// What holds and what doesn't.
    pub message: String,
    /// The runs that it takes back.
    pub reverts: Vec<RunId>,
    /// Whether something of it still stands.
    pub stands: bool,
    /// What it changed.
    pub changes: Vec<ChangeLine>,
    /// What it found changed by somebody else.
    pub drift: Vec<Drift>,
    /// How many records it has in the ledger.
    pub records: usize,
    /// The hash of the last of them.
    pub last_hash: String,
}

/// Evidence that a step took or kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceLine {
    /// The run.
    pub run: RunId,
    /// What was taken.
    pub what: String,
    /// When its answer was written down.
    pub at: Option<DateTime<Utc>>,
    /// Ids, keys and hashes, as they were answered.
    pub items: Vec<String>,
}

/// A run of which something still stands, with the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StandingLine {
    /// The run.
    pub run: RunId,
    /// What it did, in one line.
    pub title: String,
    /// What of it has not been taken back, as it was left.
    pub what: Vec<String>,
    /// The command that takes it back.
    pub back: String,
}

/// Why something is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A run has not ended.
    NotEnded,
    /// A change was not seen to hold.
    NotVerified,
    /// Nobody knows whether a step had its effect.
    NoAnswer,
    /// A step failed or was left out.
    NotDone,
    /// Somebody else changed what was to go back, or it can't.
    Drift,
    /// What was never meant to be stopped by it.
    NotStopped,
    /// What a person should do next.
    Next,
}

impl Why {
    /// The words that are shown.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotEnded => "not ended",
            Self::NotVerified => "not verified",
            Self::NoAnswer => "no answer",
            Self::NotDone => "not done",
            Self::Drift => "drift",
            Self::NotStopped => "not stopped",
            Self::Next => "next",
        }
    }
}

/// Something that a person still has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenItem {
    /// The run.
    pub run: RunId,
    /// Why it is open.
    pub why: Why,
    /// What.
    pub what: String,
}

/// What checking the ledger found when the report was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerLine {
    /// Where the ledger is.
    pub place: String,
    /// What was found.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentReport {
    /// The incident.
    pub incident: String,
    /// When the report was made.
    pub made_at: DateTime<Utc>,
    /// Where the incident stands.
    pub state: State,
    /// When its first run began.
    pub began: DateTime<Utc>,
    /// When the last of its runs began or ended.
    pub last: DateTime<Utc>,
    /// The worst severity among its findings; none where it answers none.
    pub severity: Option<Severity>,
    /// Its findings, worst first.
    pub findings: Vec<FindingLine>,
    /// The accounts and Regions that were acted in.
    pub scopes: Vec<Scope>,
    /// Its runs, oldest first.
    pub runs: Vec<RunLine>,
    /// What happened, in order.
    pub timeline: Vec<Moment>,
    /// The evidence that was taken.
    pub evidence: Vec<EvidenceLine>,
    /// What has not been taken back as far as the ledger knows, newest first, and how to take it back. What somebody else
    /// has changed of it since is among the open items.
    pub standing: Vec<StandingLine>,
    /// What no restore takes back.
    pub lasting: Vec<Lasting>,
    /// What is left to do.
    pub open: Vec<OpenItem>,
    /// What checking the ledger found.
    pub ledger: LedgerLine,
}

impl IncidentReport {
    /// Reads what a report of an incident needs beside the runs, and makes it. None where there is no run.
    ///
    /// # Errors
    /// When the ledger can't be read, or a run that is of the incident.
    pub async fn read(
        ledger: &dyn Store,
        incident: &str,
        all: &Listing,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, LedgerError> {
        let mut runs = Vec::new();
        for run in all_members(incident, all)? {
            let records = ledger.records(run.run).await?;
            runs.push((run, records));
        }
        let checked = LedgerLine { place: ledger.place(), verdict: ledger.verify().await? };
        Ok(Self::new(incident, &runs, checked, now))
    }

    /// The report of an incident: its runs, oldest first, each with its records in order. None where there is no run.
    pub fn new(
        incident: &str,
        runs: &[(RunState, Vec<Record>)],
        ledger: LedgerLine,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let members: Vec<RunState> = runs.iter().map(|(run, _)| run.clone()).collect();
        let standing = outstanding(members.clone());
        let mut timeline: Vec<(u64, Moment)> = runs.iter().flat_map(|(run, records)| moments(run, records)).collect();
        timeline.sort_by_key(|(position, moment)| (moment.at, *position));
        let line = |f: &crate::playbook::FindingRef| FindingLine {
            id: f.id.as_str().to_owned(),
            finding_type: f.finding_type.clone(),
            title: f.title.clone(),
            severity: f.severity,
            sample: f.sample,
            hub: f.hub.clone(),
        };
        let findings = findings(&members);
        Some(Self {
            incident: incident.to_owned(),
            made_at: now,
            state: state(&members, standing.len()),
            began: members.iter().map(|r| r.begun_at).min()?,
            last: members.iter().map(last_of).max()?,
            severity: findings.first().map(|f| f.severity),
            findings: findings.into_iter().map(line).collect(),
            scopes: each_once(members.iter().map(|r| r.plan.scope.clone())),
            runs: runs.iter().map(|(run, records)| run_line(run, records, &standing)).collect(),
            timeline: timeline.into_iter().map(|(_, moment)| moment).collect(),
            evidence: members.iter().flat_map(evidence).collect(),
            standing: standing.iter().rev().map(standing_line).collect(),
            lasting: lasting(&members),
            open: members.iter().flat_map(|r| open(r, &members, &standing)).collect(),
            ledger,
        })
    }
}

/// What a run's records tell, each with its place in the ledger. Intentions are left out: what became of them follows.
fn moments(run: &RunState, records: &[Record]) -> Vec<(u64, Moment)> {
    let mut by = run.actor.name.clone();
    let title = |step: &StepId| run.plan.step(step).map_or_else(|| step.to_string(), |s| s.title.clone());
    let mut list = Vec::new();
    for record in records {
        let (kind, what, detail) = match &record.event {
            Event::Begun { plan, .. } => (Kind::Began, plan.title.clone(), None),
            // What was kept stands in the evidence, with its hash.
            Event::Intended { .. } | Event::Kept { .. } => continue,
            Event::Applied { step, output } => {
                let output = (!output.is_empty()).then(|| output.join(", "));
                (Kind::Done, title(step), output)
            }
            Event::Failed { step, error } => (Kind::Failed, title(step), Some(error.message.clone())),
            Event::Indeterminate { step, error } => (Kind::NoAnswer, title(step), Some(error.message.clone())),
            Event::Verified { step, seen } => (Kind::ReadBack, title(step), Some(seen.clone())),
            Event::NotVerified { step, seen } => (Kind::NotAsLeft, title(step), Some(seen.clone())),
            Event::Skipped { step, why } => (Kind::Skipped, title(step), Some(why.clone())),
            Event::Recovered { actor } => {
                by = actor.name.clone();
                (Kind::TakenOver, run.plan.title.clone(), None)
            }
            Event::Ended { outcome, message } => (Kind::Ended, outcome.as_str().to_owned(), Some(message.clone())),
        };
        list.push((record.position, Moment { at: record.at, run: run.run, by: by.clone(), kind, what, detail }));
    }
    list
}

fn run_line(run: &RunState, records: &[Record], standing: &[Outstanding]) -> RunLine {
    let mine = standing.iter().find(|o| o.run.run == run.run);
    let proof = |step: &StepId| {
        records.iter().rev().find_map(|record| match &record.event {
            Event::Verified { step: s, seen } if s == step => {
                Some(Proof { at: record.at, holds: true, seen: seen.clone() })
            }
            Event::NotVerified { step: s, seen } if s == step => {
                Some(Proof { at: record.at, holds: false, seen: seen.clone() })
            }
            _ => None,
        })
    };
    let changes = run.plan.steps.iter().filter_map(|step| {
        let status = run.steps.get(&step.id)?;
        let change = status.change.as_ref()?;
        Some(ChangeLine {
            step: step.id.clone(),
            what: change.what(),
            before: change.before_text(),
            after: change.after_text(),
            state: status.state.word().to_owned(),
            intended_at: status.intended_at,
            proof: proof(&step.id),
            stands: status.state.may_have_effect() && mine.is_some_and(|o| o.changes.iter().any(|c| share(c, change))),
        })
    });
    RunLine {
        run: run.run,
        playbook: run.plan.playbook,
        title: run.plan.title.clone(),
        subject: run.plan.subject.clone(),
        scope: run.plan.scope.clone(),
        by: By::from(&run.actor),
        begun_at: run.begun_at,
        ended_at: run.ended.as_ref().map(|(_, at, _)| *at),
        outcome: run.ended.as_ref().map_or("running", |(outcome, _, _)| outcome.as_str()).to_owned(),
        message: run.ended.as_ref().map_or_else(|| "not ended".to_owned(), |(_, _, message)| message.clone()),
        reverts: run.plan.reverts.clone(),
        stands: mine.is_some(),
        changes: changes.collect(),
        drift: run.plan.drift.clone(),
        records: records.len(),
        last_hash: records.last().map(|r| r.hash.clone()).unwrap_or_default(),
    }
}

/// Snapshots of any run, and all evidence that was kept, each piece with its hash.
fn evidence(run: &RunState) -> Vec<EvidenceLine> {
    let is_evidence = |action: &Action| matches!(action, Action::Snapshots { .. } | Action::Evidence(_));
    let steps = run.plan.steps.iter().filter(|s| is_evidence(&s.action));
    steps
        .filter_map(|step| {
            let status = run.steps.get(&step.id).filter(|s| s.state.may_have_effect())?;
            Some(EvidenceLine {
                run: run.run,
                what: step.title.clone(),
                at: status.answered_at,
                items: status.output.iter().cloned().chain(status.kept.iter().map(ToString::to_string)).collect(),
            })
        })
        .collect()
}

fn standing_line(standing: &Outstanding) -> StandingLine {
    let run = &standing.run;
    StandingLine {
        run: run.run,
        title: run.plan.title.clone(),
        what: standing.changes.iter().map(|c| format!("{}: {}", c.what(), c.after_text())).collect(),
        back: format!("lazaret restore --run {}", run.run),
    }
}

/// Whether what a run left undone still matters: not once it was taken back, or done by a later run of the same kind;
/// and what a restore left matters as long as something of what it takes back stands.
fn matters(run: &RunState, members: &[RunState], standing: &[Outstanding]) -> bool {
    let stands = |id: RunId| standing.iter().any(|o| o.run.run == id);
    if !run.plan.reverts.is_empty() {
        return run.plan.reverts.iter().any(|id| stands(*id));
    }
    let done_later = members.iter().any(|later| {
        later.run > run.run
            && later.plan.playbook == run.plan.playbook
            && later.plan.claim_key() == run.plan.claim_key()
            && matches!(later.ended, Some((Outcome::Done, ..)))
    });
    let had_effect = run.changes().iter().any(|c| c.inverse().is_some());
    !done_later && (stands(run.run) || !had_effect)
}

/// What a run leaves to do.
fn open(run: &RunState, members: &[RunState], standing: &[Outstanding]) -> Vec<OpenItem> {
    let item = |why, what: String| OpenItem { run: run.run, why, what };
    let mut items = Vec::new();
    let stands = standing.iter().any(|o| o.run.run == run.run);
    if run.is_open() {
        let back = format!("{}: `lazaret recover {}` if its process is gone", run.plan.title, run.run);
        items.push(item(Why::NotEnded, back));
    }
    let matters = matters(run, members, standing);
    for step in run.plan.steps.iter().filter(|_| matters) {
        let Some(status) = run.steps.get(&step.id) else { continue };
        let courtesy = if step.weight == Weight::Courtesy { " (nothing depends on it)" } else { "" };
        let said = |why: Option<String>| why.map(|w| format!(": {w}")).unwrap_or_default();
        let line = format!("{}{}{courtesy}", step.title, said(status.state.why()));
        let is_change = matches!(step.action, Action::Change(_));
        match &status.state {
            StepState::NotVerified { .. } => items.push(item(Why::NotVerified, line)),
            StepState::Indeterminate { .. } | StepState::Intended => items.push(item(Why::NoAnswer, line)),
            StepState::Failed { .. } | StepState::Skipped { .. } => items.push(item(Why::NotDone, line)),
            StepState::Applied if is_change => {
                items.push(item(Why::NotVerified, format!("{}: accepted, and not read back", step.title)));
            }
            StepState::Pending | StepState::Applied | StepState::Verified => {}
        }
    }
    for drift in &run.plan.drift {
        let asks = match drift.kind {
            DriftKind::Overwritten => false,
            DriftKind::Lost => true,
            DriftKind::LeftAlone | DriftKind::Stuck | DriftKind::Withheld => matters,
        };
        if !asks {
            continue;
        }
        items.push(item(Why::Drift, format!("{}: now {}, {}", drift.what, drift.now, drift.decision)));
    }
    if stands {
        let limits = run.plan.limits.iter().filter(|_| !is_note(run));
        items.extend(limits.map(|l| item(Why::NotStopped, l.clone())));
        items.extend(run.next().into_iter().map(|n| item(Why::Next, n)));
    }
    items
}
