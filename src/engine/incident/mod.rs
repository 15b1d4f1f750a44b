//! Incidents: the runs that answer the same finding, what of them still stands, and what no restore takes back. Pure but
//! for [`report::IncidentReport::read`].
//!
//! [`report`] is the one typed value of an incident from which both its forms come; [`markdown`] writes one of them.

pub mod markdown;
pub mod report;

use super::outstanding::outstanding;
use crate::domain::{FindingKey, RunId, Scope, Severity};
use crate::ledger::{Listing, RunState, Unreadable};
use crate::playbook::{Action, Change, FindingRef, Playbook, Step};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many characters of an incident's id tell it apart at least: nobody means an incident by its first letter.
const SHORTEST: usize = 4;

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A run of it has not ended.
    UnderWay,
    /// Something that its runs changed still stands.
    Standing,
    /// Everything that its runs changed was taken back.
    TakenBack,
    /// None of its runs changed anything that could be taken back.
    WithoutEffect,
}

impl State {
    /// The words that are shown.
    pub fn words(self) -> &'static str {
        match self {
            Self::UnderWay => "under way: a run has not ended",
            Self::Standing => "standing: what was done has not been taken back in full",
            Self::TakenBack => "taken back",
            Self::WithoutEffect => "without effect",
        }
    }
}

/// An incident in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Its id.
    pub incident: String,
    /// Where it stands.
    pub state: State,
    /// When its first run began.
    pub began: DateTime<Utc>,
    /// When the last of its runs began or ended.
    pub last: DateTime<Utc>,
    /// How many runs it has, restores included.
    pub runs: usize,
    /// How many of them still stand.
    pub standing: usize,
    /// The worst severity among its findings; none where it answers none.
    pub severity: Option<Severity>,
    /// The type of its worst finding.
    pub finding_type: Option<String>,
    /// What its runs acted on.
    pub subjects: Vec<String>,
    /// The accounts and Regions they acted in.
    pub scopes: Vec<Scope>,
}

/// Why no incident is meant by what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unnamed {
    /// None begins so.
    #[error("no incident begins with `{0}`")]
    Unknown(String),
    /// Several begin so.
    #[error("{} incidents begin with `{typed}`: {}", ids.len(), ids.join(", "))]
    Ambiguous {
        /// What was typed, escaped.
        typed: String,
        /// Those that begin so, escaped, at most ten.
        ids: Vec<String>,
    },
    /// Too little was typed.
    #[error("`{0}` is too short to mean an incident: at least {SHORTEST} characters")]
    TooShort(String),
}

/// The incident that this id, or beginning of one, means.
///
/// # Errors
/// When none begins so, several do, or too little was typed.
pub fn named(typed: &str, runs: &[RunState]) -> Result<String, Unnamed> {
    let ids: BTreeSet<&str> = runs.iter().map(|r| r.plan.incident.as_str()).collect();
    if let Some(exact) = ids.get(typed) {
        return Ok((*exact).to_owned());
    }
    let shown = |id: &str| crate::domain::text::fit(id, 80);
    if typed.chars().count() < SHORTEST {
        return Err(Unnamed::TooShort(shown(typed)));
    }
    let begin: Vec<&str> = ids.into_iter().filter(|id| id.starts_with(typed)).collect();
    match begin.as_slice() {
        [] => Err(Unnamed::Unknown(shown(typed))),
        [only] => Ok((*only).to_owned()),
        many => {
            Err(Unnamed::Ambiguous { typed: shown(typed), ids: many.iter().take(10).map(|id| shown(id)).collect() })
        }
    }
}

/// The runs of an incident, oldest first: its own, and those that take one of them back whatever they are filed under.
pub fn members(incident: &str, runs: &[RunState]) -> Vec<RunState> {
    let own: BTreeSet<RunId> = runs.iter().filter(|r| r.plan.incident == incident).map(|r| r.run).collect();
    let mut members: Vec<RunState> = runs
        .iter()
        .filter(|r| own.contains(&r.run) || r.plan.reverts.iter().any(|back| own.contains(back)))
        .cloned()
        .collect();
    members.sort_by_key(|r| r.run);
    members
}

/// As [`members`], where every run that is of the incident, or may have taken back something of it, can be read.
///
/// # Errors
/// The first that can't.
pub fn all_members(incident: &str, all: &Listing) -> Result<Vec<RunState>, Unreadable> {
    let members = members(incident, &all.runs);
    let of_it = |u: &&Unreadable| {
        u.incident.as_deref().is_none_or(|own| own == incident)
            || members.iter().any(|member| u.may_be_about(&member.plan.subject))
    };
    match all.unreadable.iter().find(of_it) {
        Some(unreadable) => Err(unreadable.clone()),
        None => Ok(members),
    }
}

/// The runs of an incident that still stand, newest first: the order in which they are taken back.
pub fn to_undo(members: &[RunState]) -> Vec<RunState> {
    let mut standing: Vec<RunState> = outstanding(members.to_vec()).into_iter().map(|o| o.run).collect();
    standing.reverse();
    standing
}

/// The findings that runs answer, worst first, each once.
fn findings(members: &[RunState]) -> Vec<&FindingRef> {
    let mut by_id: BTreeMap<_, &FindingRef> = BTreeMap::new();
    for finding in members.iter().filter_map(|r| r.plan.finding.as_ref()) {
        by_id.entry(&finding.id).or_insert(finding);
    }
    let mut findings: Vec<&FindingRef> = by_id.into_values().collect();
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
    findings
}

fn state(members: &[RunState], standing: usize) -> State {
    let contained = members.iter().any(|r| r.changes().iter().any(|c| c.inverse().is_some()));
    if members.iter().any(RunState::is_open) {
        State::UnderWay
    } else if standing > 0 {
        State::Standing
    } else if contained {
        State::TakenBack
    } else {
        State::WithoutEffect
    }
}

/// When the last thing is known to have happened to a run.
fn last_of(run: &RunState) -> DateTime<Utc> {
    run.ended.as_ref().map_or(run.begun_at, |(_, at, _)| *at)
}

/// Values in the order in which they first come, each once.
fn each_once<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for value in values {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}

/// Every incident, the one that was last worked on first.
pub fn list(runs: &[RunState]) -> Vec<Summary> {
    let ids: BTreeSet<&str> = runs.iter().map(|r| r.plan.incident.as_str()).collect();
    let mut list: Vec<Summary> = ids.into_iter().filter_map(|id| summary(id, &members(id, runs))).collect();
    list.sort_by(|a, b| (b.last, &b.incident).cmp(&(a.last, &a.incident)));
    list
}

fn summary(incident: &str, members: &[RunState]) -> Option<Summary> {
    let standing = to_undo(members).len();
    let worst = findings(members).into_iter().next();
    Some(Summary {
        incident: incident.to_owned(),
        state: state(members, standing),
        began: members.iter().map(|r| r.begun_at).min()?,
        last: members.iter().map(last_of).max()?,
        runs: members.len(),
        standing,
        severity: worst.map(|f| f.severity),
        finding_type: worst.map(|f| f.finding_type.clone()),
        subjects: each_once(members.iter().map(|r| r.plan.subject.clone())),
        scopes: each_once(members.iter().map(|r| r.plan.scope.clone())),
    })
}

/// Something that a run did and no restore takes back: a message that was sent, evidence that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lasting {
    /// The run.
    pub run: RunId,
    /// What it did.
    pub what: String,
    /// What came of it: ids.
    pub output: Vec<String>,
}

/// Whether a step does something to the world that it has no way back from.
fn lasts(step: &Step) -> bool {
    match &step.action {
        // Made by the run itself and gone again.
        Action::Change(Change::OpenGroup(group)) if !group.after => false,
        Action::Change(change) => change.inverse().is_none(),
        Action::Recheck { .. } | Action::ReadBack { .. } => false,
        _ => step.calls().iter().any(|call| call.after.is_some()),
    }
}

/// What the runs of an incident did, or may have done, that no restore takes back: of the statuses that a finding was
/// given, the last one.
pub fn lasting(members: &[RunState]) -> Vec<Lasting> {
    let mut list: Vec<(Option<&FindingKey>, Lasting)> = Vec::new();
    for run in members {
        for step in run.plan.steps.iter().filter(|s| lasts(s)) {
            let Some(status) = run.steps.get(&step.id).filter(|s| s.state.may_have_effect()) else { continue };
            let finding = match &step.action {
                Action::UpdateFinding { key, .. } => Some(key),
                _ => None,
            };
            if finding.is_some() {
                list.retain(|(earlier, _)| *earlier != finding);
            }
            list.push((finding, Lasting { run: run.run, what: step.title.clone(), output: status.output.clone() }));
        }
    }
    list.into_iter().map(|(_, lasting)| lasting).collect()
}

/// Whether a run only says where people stand with findings.
pub fn is_note(run: &RunState) -> bool {
    run.plan.playbook == Playbook::UpdateFindings
}

/// Whether two changes name a field in common.
fn share(one: &Change, other: &Change) -> bool {
    let fields = one.fields();
    other.fields().iter().any(|f| fields.contains(f))
}
