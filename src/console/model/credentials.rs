//! Which credentials are cut: the ledger beside the live accounts.

use super::field::Field;
use super::fuzzy::Fuzzy;
use super::list::{Cursor, Kept, Move};
use crate::console::msg::{CredentialsRead, Held};
use crate::domain::{AccountId, Principal, RunId, Scope, text};
use crate::engine::outstanding;
use crate::ledger::{Outcome, RunState};
use crate::playbook::{Action, Change, FindingRef, Playbook, Standing};
use chrono::{DateTime, Duration, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// How long a restored principal stays on the list: until the next shift has seen it.
const RESTORED_FOR: Duration = Duration::hours(24);

/// Whose credentials: an account's user or role.
pub type CutKey = (AccountId, Principal);

/// How a cut stands, what needs a person first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CutStatus {
    /// Somebody else changed or removed something of it: it may not be cut any more.
    Drift,
    /// A run is at work on it.
    Running,
    /// It could not be read yet: nothing is claimed.
    Unread,
    /// Every part of it was read as we left it.
    Cut,
    /// A restore has taken it back.
    Restored,
}

impl CutStatus {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Drift => "DRIFT",
            Self::Running => "running",
            Self::Unread => "unread",
            Self::Cut => "cut",
            Self::Restored => "restored",
        }
    }
}

/// One part of a cut: one edit that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The edit, as the ledger has it.
    pub change: Change,
    /// The run that made it.
    pub run: RunId,
    /// How it stands live; none where it was not read.
    pub live: Option<Standing>,
}

/// One user or role that is, or just was, cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// Whose.
    pub key: CutKey,
    /// Where the latest run was carried out.
    pub scope: Scope,
    /// How it stands.
    pub status: CutStatus,
    /// Since when.
    pub since: DateTime<Utc>,
    /// By whom, raw.
    pub by: String,
    /// The runs that hold it, oldest first.
    pub runs: Vec<RunId>,
    /// The finding that was answered.
    pub finding: Option<FindingRef>,
    /// What stands.
    pub parts: Vec<Part>,
    /// What was read back, and what the simulator said, as the runs recorded it; and whether it speaks for the cut.
    /// Safe.
    pub proofs: Vec<(bool, String)>,
    /// What is to be looked at next, as the runs said.
    pub next: Vec<String>,
}

impl Cut {
    /// By which means, in a few words. Safe.
    pub fn means(&self) -> String {
        let mut means: Vec<String> = self.parts.iter().map(|p| means(&p.change)).collect();
        means.dedup();
        means.join(", ")
    }

    /// Whether it cuts the sessions of some instances alone, and leaves others alive.
    pub fn is_narrow(&self) -> bool {
        let narrow = |part: &Part| match &part.change {
            Change::InlinePolicy(edit) => edit.after.as_deref().and_then(only_instance).is_some(),
            _ => false,
        };
        !self.parts.is_empty() && self.parts.iter().all(narrow)
    }

    /// The same, short enough for a list. Safe.
    pub fn brief(&self, now: DateTime<Utc>) -> String {
        let mut means: Vec<String> = self.parts.iter().map(|p| brief(&p.change, now)).collect();
        means.dedup();
        means.join(", ")
    }
}

/// The same, short enough for a list: a time of today without its day.
pub fn brief(change: &Change, now: DateTime<Utc>) -> String {
    let Some((whose, at)) = sessions(change) else { return means(change) };
    match at.parse::<DateTime<Utc>>() {
        Ok(at) if at.date_naive() == now.date_naive() => format!("{whose} before {}", at.format("%H:%M:%SZ")),
        Ok(at) => format!("{whose} before {}", at.format("%m-%d %H:%MZ")),
        Err(_) => means(change),
    }
}

/// By which means one edit cuts, in a few words. Safe.
pub fn means(change: &Change) -> String {
    match change {
        Change::AccessKeyStatus(edit) => format!("key {} inactive", text::fit_middle(&edit.key, 12)),
        Change::InlinePolicy(_) => match sessions(change) {
            Some((whose, at)) => format!("{whose} before {} denied", text::fit(&at, 24)),
            None => "everything denied".to_owned(),
        },
        Change::ManagedPolicy(_) => "AWSDenyAll attached".to_owned(),
        other => other.what(),
    }
}

/// Whose sessions an edit denies, and those from before when; none where it denies by no time.
fn sessions(change: &Change) -> Option<(String, String)> {
    let Change::InlinePolicy(edit) = change else { return None };
    let document = edit.after.as_deref()?;
    let at = cut_off(document)?;
    let whose = match only_instance(document) {
        Some(id) => format!("sessions of {} alone", text::fit(id, 24)),
        None => "sessions".to_owned(),
    };
    Some((whose, at))
}

/// The time before which sessions are denied by a policy's document, where it denies by time.
fn cut_off(document: &str) -> Option<String> {
    let (_, rest) = document.split_once("aws:TokenIssueTime")?;
    rest.split('"').find(|piece| piece.len() >= 19 && piece.as_bytes().get(4) == Some(&b'-')).map(str::to_owned)
}

/// The instance that a policy's document is narrowed to, where it is.
fn only_instance(document: &str) -> Option<&str> {
    let (_, rest) = document.split_once("ec2:SourceInstanceARN")?;
    rest.split('"').find(|piece| piece.starts_with("arn:"))?.rsplit('/').next()
}

/// The cuts of all accounts.
#[derive(Debug, Default)]
pub struct Credentials {
    cuts: BTreeMap<CutKey, Cut>,
    live: BTreeMap<RunId, Vec<Held>>,
    /// Why some could not be read, safe.
    pub errors: Vec<String>,
    order: Vec<CutKey>,
    /// The selected one.
    pub cursor: Cursor<CutKey>,
    /// The filter that was typed.
    pub filter: Field,
}

impl Credentials {
    /// Moves the selection.
    pub fn go(&mut self, to: Move, height: usize) {
        self.cursor.go(&self.order, to, height);
    }

    /// The lines that are shown, in order.
    pub fn order(&self) -> &[CutKey] {
        &self.order
    }

    /// One of them.
    pub fn cut(&self, key: &CutKey) -> Option<&Cut> {
        self.cuts.get(key)
    }

    /// Whether a principal is on the list and cut, in whatever account, shown or not.
    pub fn lists(&self, principal: &Principal) -> bool {
        self.cuts.values().any(|cut| cut.key.1 == *principal && cut.status != CutStatus::Restored)
    }

    /// What a run holds, where it cuts somebody.
    pub fn holding_run(&self, run: RunId) -> Option<&Cut> {
        self.cuts.values().find(|cut| cut.runs.contains(&run))
    }

    /// The selected one.
    pub fn selected(&self) -> Option<&Cut> {
        self.cut(self.cursor.key()?)
    }

    /// How many are cut now, whatever their state.
    pub fn holding(&self) -> usize {
        self.cuts.values().filter(|c| c.status != CutStatus::Restored).count()
    }

    /// How many need a person.
    pub fn troubled(&self) -> usize {
        self.cuts.values().filter(|c| c.status == CutStatus::Drift).count()
    }

    /// Takes a live reading in.
    pub fn take(&mut self, read: CredentialsRead) {
        self.live.clear();
        for held in read.held {
            self.live.entry(held.run).or_default().push(held);
        }
        self.errors = read.errors;
    }

    /// Makes the list anew from ledger and readings.
    pub fn rebuild(
        &mut self,
        runs: &[RunState],
        now: DateTime<Utc>,
        names: &BTreeMap<AccountId, String>,
        height: usize,
    ) -> Kept {
        let mut cuts: BTreeMap<CutKey, Cut> = BTreeMap::new();
        for standing in outstanding(about_principals(runs)) {
            for change in standing.changes.iter().filter(|c| cuts_off(c)) {
                let Some(principal) = change.principal() else { continue };
                let key = (standing.run.plan.scope.account.clone(), principal);
                let cut = cuts.entry(key.clone()).or_insert_with(|| Cut::new(key, &standing.run));
                cut.add(&standing.run, change, &self.live);
            }
        }
        for run in runs.iter().filter(|r| r.is_open()) {
            let principals: BTreeSet<Principal> =
                run.plan.steps.iter().filter_map(|s| principal_of(&s.action)).collect();
            for principal in principals {
                let key = (run.plan.scope.account.clone(), principal);
                cuts.entry(key.clone()).or_insert_with(|| Cut::new(key, run)).status = CutStatus::Running;
            }
        }
        for run in runs.iter().filter(|r| r.plan.playbook == Playbook::Restore) {
            let Some((Outcome::Done, at, _)) = &run.ended else { continue };
            if now - *at >= RESTORED_FOR {
                continue;
            }
            for principal in run.changes().iter().filter_map(Change::principal) {
                let key = (run.plan.scope.account.clone(), principal);
                let cut = cuts.entry(key.clone()).or_insert_with(|| Cut {
                    status: CutStatus::Restored,
                    since: *at,
                    ..Cut::new(key, run)
                });
                if cut.status == CutStatus::Restored && cut.since < *at {
                    cut.since = *at;
                    cut.by.clone_from(&run.actor.name);
                }
            }
        }
        self.cuts = cuts;
        self.reorder(names, height)
    }

    /// Filters and sorts what is known.
    pub fn reorder(&mut self, names: &BTreeMap<AccountId, String>, height: usize) -> Kept {
        let mut fuzzy = Fuzzy::new(self.filter.text());
        let mut shown: Vec<&Cut> = self
            .cuts
            .values()
            .filter(|c| {
                let mut fields = vec![
                    format!("{} {}", c.key.1.kind(), text::fit(c.key.1.name(), 80)),
                    c.key.0.to_string(),
                    names.get(&c.key.0).cloned().unwrap_or_default(),
                    c.status.word().to_owned(),
                    text::fit(&c.by, 64),
                ];
                fields.extend(c.parts.iter().map(|p| text::fit(&p.change.what(), 160)));
                fuzzy.as_mut().is_none_or(|f| f.matches(&fields))
            })
            .collect();
        shown.sort_by(|a, b| (a.status, b.since, &a.key).cmp(&(b.status, a.since, &b.key)));
        self.order = shown.into_iter().map(|c| c.key.clone()).collect();
        self.cursor.settle(&self.order, height)
    }
}

impl Cut {
    fn new(key: CutKey, run: &RunState) -> Self {
        Self {
            key,
            scope: run.plan.scope.clone(),
            status: CutStatus::Cut,
            since: run.begun_at,
            by: run.actor.name.clone(),
            runs: vec![],
            finding: run.plan.finding.clone(),
            parts: vec![],
            proofs: vec![],
            next: vec![],
        }
    }

    fn add(&mut self, run: &RunState, change: &Change, live: &BTreeMap<RunId, Vec<Held>>) {
        if !self.runs.contains(&run.run) {
            self.runs.push(run.run);
            self.scope = run.plan.scope.clone();
            self.next = crate::engine::report::next(run);
            self.finding = run.plan.finding.clone().or(self.finding.take());
            self.proofs.extend(proofs(run));
        }
        let fields = change.fields();
        let seen = live.get(&run.run).and_then(|list| list.iter().find(|h| h.fields == fields));
        let part = Part { change: change.clone(), run: run.run, live: seen.map(|h| h.standing.clone()) };
        let status = match &part.live {
            _ if run.is_open() => CutStatus::Running,
            None | Some(Standing::Unknown) => CutStatus::Unread,
            Some(Standing::After) => CutStatus::Cut,
            Some(_) => CutStatus::Drift,
        };
        self.status = self.status.min(status);
        self.parts.push(part);
    }
}

/// Whether an edit cuts somebody's credentials, and is not only about a role.
fn cuts_off(change: &Change) -> bool {
    matches!(change, Change::AccessKeyStatus(_) | Change::InlinePolicy(_) | Change::ManagedPolicy(_))
}

fn principal_of(action: &Action) -> Option<Principal> {
    match action {
        Action::Change(change) if cuts_off(change) => change.principal(),
        _ => None,
    }
}

/// The runs that cut something, and those that put it back; oldest first.
pub fn about_principals(runs: &[RunState]) -> Vec<RunState> {
    let about = |r: &&RunState| r.plan.steps.iter().any(|s| principal_of(&s.action).is_some());
    let mut list: Vec<RunState> = runs.iter().filter(about).cloned().collect();
    list.sort_by_key(|r| r.run);
    list
}

/// What a run's read-back and the simulator said.
fn proofs(run: &RunState) -> Vec<(bool, String)> {
    let proving =
        run.plan.steps.iter().filter(|s| matches!(s.action, Action::Simulate { .. } | Action::ReadBack { .. }));
    proving
        .filter_map(|step| {
            let status = run.steps.get(&step.id)?;
            let said: Vec<String> = status.output.iter().map(|o| text::fit(o, 240)).collect();
            let holds = status.state.succeeded();
            let words = match status.state.why() {
                _ if !said.is_empty() => said.join("; "),
                Some(why) => text::fit(&why, 240),
                None if holds => "holds".to_owned(),
                None => status.state.word().to_owned(),
            };
            Some((holds, format!("{}: {words}", text::fit(&step.title, 120))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deny_by_time_is_told_from_a_deny_of_everything() {
        let by_time = r#"{"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-03-01T03:00:05Z"}},"Effect":"Deny"}"#;
        assert_eq!(cut_off(by_time).as_deref(), Some("2026-03-01T03:00:05Z"));
        assert_eq!(cut_off(r#"{"Effect":"Deny","Action":"*"}"#), None);
    }
}
