//! The findings that are known, and which of them are shown in what order.

use super::field::Field;
use super::fuzzy::Fuzzy;
use super::list::{Cursor, Kept, Move};
use crate::cloud::port::SeenFinding;
use crate::domain::{AccountId, Finding, FindingId, InstanceId, RecordState, Scope, Severity, Subject, Workflow, text};
use crate::engine::poller::Batch;
use crate::ledger::RunState;
use crate::playbook::change::SetFinding;
use crate::playbook::{Action, Change};
use chrono::{DateTime, Utc};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Names a row for as long as the console runs; never used twice.
pub type RowId = u32;

/// A finding with what the list needs of it, made once when it arrives. Texts are safe to show.
#[derive(Debug, Clone)]
pub struct Row {
    /// The finding.
    pub finding: Finding,
    /// Its JSON as it was received.
    pub json: Arc<str>,
    /// Whose Security Hub it was read from.
    pub hub: Scope,
    /// The first part of its type, such as `CryptoCurrency`.
    pub family: String,
    /// The telling part of its type, such as `BitcoinTool.B!DNS`; the title for controls.
    pub name: String,
    /// What it is about, in a few words: id, then name.
    pub subject: (String, String),
    /// What people call its account, else the number.
    pub account: String,
    /// Its Region.
    pub region: String,
    /// The first instance that it names, where one and a legal scope are named.
    pub instance: Option<(Scope, InstanceId)>,
    /// What the filter looks at; the last is what stands in the line and changes without the finding.
    fields: Vec<String>,
    /// When it was read, or last set by us.
    read_at: DateTime<Utc>,
}

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// Worst first, then newest first.
    #[default]
    Severity,
    /// Newest first.
    Age,
    /// By type.
    Type,
    /// By subject.
    Subject,
    /// By account and Region.
    Account,
}

impl SortBy {
    /// The next one, around.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Severity => Self::Age,
            Self::Age => Self::Type,
            Self::Type => Self::Subject,
            Self::Subject => Self::Account,
            Self::Account => Self::Severity,
        }
    }

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Age => "age",
            Self::Type => "type",
            Self::Subject => "subject",
            Self::Account => "account",
        }
    }
}

/// Findings, and the view of them.
#[derive(Debug, Default)]
pub struct Findings {
    rows: Vec<Option<Row>>,
    by_id: HashMap<FindingId, RowId>,
    order: Vec<RowId>,
    /// The selected row.
    pub cursor: Cursor<RowId>,
    /// The filter that was typed.
    pub filter: Field,
    /// What the list is sorted by.
    pub sort: SortBy,
    /// Whether the order is turned around.
    pub reversed: bool,
    /// Whether archived, suppressed and resolved ones are shown.
    pub closed: bool,
    /// The least severity shown.
    pub least: Severity,
    open_by_severity: [usize; 5],
    /// How many are known.
    total: usize,
    stale: bool,
    /// The marked rows.
    marks: BTreeSet<RowId>,
}

/// What a batch brought that a person should hear of.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Open critical findings that were not known before, by title.
    pub criticals: Vec<String>,
}

impl Findings {
    /// Moves the selection.
    pub fn go(&mut self, to: Move, height: usize) {
        self.cursor.go(&self.order, to, height);
    }

    /// The rows that are shown, in order.
    pub fn order(&self) -> &[RowId] {
        &self.order
    }

    /// A row.
    pub fn row(&self, id: RowId) -> Option<&Row> {
        self.rows.get(usize::try_from(id).ok()?)?.as_ref()
    }

    /// The selected row.
    pub fn selected(&self) -> Option<&Row> {
        self.row(*self.cursor.key()?)
    }

    /// How many open findings of a severity are known.
    pub fn open(&self, severity: Severity) -> usize {
        self.open_by_severity.get(severity as usize).copied().unwrap_or(0)
    }

    /// How many findings are known, shown or not.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Takes a page in.
    pub fn take(&mut self, batch: Batch, names: &BTreeMap<AccountId, String>) -> News {
        let mut news = News::default();
        for seen in batch.changed {
            let known = self.by_id.get(&seen.finding.id).copied();
            let row = Row::new(seen, batch.scope.clone(), names, batch.at);
            if known.is_none()
                && row.finding.severity == Severity::Critical
                && row.finding.is_open()
                && !row.finding.sample
            {
                news.criticals.push(text::fit(&row.finding.title, 120));
            }
            match known.and_then(|id| self.rows.get_mut(usize::try_from(id).ok()?)) {
                Some(slot) => *slot = Some(row),
                None => {
                    let Ok(id) = RowId::try_from(self.rows.len()) else { continue };
                    self.by_id.insert(row.finding.id.clone(), id);
                    self.rows.push(Some(row));
                }
            }
        }
        if let Some(listed) = batch.complete {
            let listed: HashSet<&FindingId> = listed.iter().collect();
            for slot in &mut self.rows {
                if slot.as_ref().is_some_and(|r| r.hub == batch.scope && !listed.contains(&r.finding.id)) {
                    if let Some(row) = slot {
                        self.by_id.remove(&row.finding.id);
                    }
                    *slot = None;
                }
            }
        }
        // A mark goes with its row: what comes back later is another.
        let rows = &self.rows;
        let is_there = |id: &RowId| usize::try_from(*id).ok().and_then(|n| rows.get(n)).is_some_and(Option::is_some);
        self.marks.retain(is_there);
        self.count();
        self.stale = true;
        news
    }

    fn count(&mut self) {
        self.open_by_severity = [0; 5];
        self.total = 0;
        for row in self.rows.iter().flatten() {
            self.total += 1;
            let open = row.finding.is_open() && !row.finding.sample;
            if let (true, Some(count)) = (open, self.open_by_severity.get_mut(row.finding.severity as usize)) {
                *count += 1;
            }
        }
    }

    /// Takes over what runs of ours have set on findings: Security Hub may take minutes to show it, and never says
    /// that it changed. What was read later than it was set stays.
    pub fn note(&mut self, runs: &[RunState]) {
        for run in runs {
            for step in &run.plan.steps {
                let (key, workflow) = match &step.action {
                    Action::UpdateFinding { key, workflow, .. } => (key, workflow),
                    Action::Change(Change::Finding(SetFinding { key, status: Some(status), .. })) => {
                        (key, &status.after)
                    }
                    _ => continue,
                };
                let set_at = run.steps.get(&step.id).filter(|s| s.state.succeeded()).and_then(|s| s.answered_at);
                let row = self.by_id.get(&key.id).and_then(|id| self.rows.get_mut(usize::try_from(*id).ok()?));
                if let (Some(at), Some(Some(row))) = (set_at, row)
                    && row.read_at < at
                {
                    row.finding.workflow = workflow.clone();
                    row.read_at = at;
                    self.stale = true;
                }
            }
        }
        self.count();
    }

    /// Whether the view will be made anew.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// One more than the highest row that was ever given.
    pub fn ids(&self) -> RowId {
        RowId::try_from(self.rows.len()).unwrap_or(RowId::MAX)
    }

    /// All rows, shown or not.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }

    /// Sets what stands in each line beside the finding's own words, for the filter.
    pub fn set_words(&mut self, words: Vec<String>) {
        for (row, words) in self.rows.iter_mut().zip(words) {
            if let Some(last) = row.as_mut().and_then(|r| r.fields.last_mut()) {
                *last = words;
            }
        }
    }

    /// Marks the selected row, or takes its mark away.
    pub fn mark(&mut self) {
        if let Some(id) = self.cursor.key()
            && !self.marks.remove(id)
        {
            self.marks.insert(*id);
        }
    }

    /// Takes all marks away. Whether there were any.
    pub fn unmark_all(&mut self) -> bool {
        !std::mem::take(&mut self.marks).is_empty()
    }

    /// The marked rows, in the order of the list; those that are not shown come last.
    pub fn marked(&self) -> Vec<RowId> {
        let mut marked: Vec<RowId> = self.order.iter().copied().filter(|id| self.marks.contains(id)).collect();
        marked.extend(self.marks.iter().filter(|id| !self.order.contains(id)));
        marked
    }

    /// Whether a row is marked.
    pub fn is_marked(&self, id: RowId) -> bool {
        self.marks.contains(&id)
    }

    /// How many rows are marked, and how many of them are not shown.
    pub fn marks(&self) -> (usize, usize) {
        let shown = if self.marks.is_empty() { 0 } else { self.order.iter().filter(|id| self.is_marked(**id)).count() };
        (self.marks.len(), self.marks.len() - shown)
    }

    /// The marked rows, else the selected one: what bulk actions are about.
    pub fn chosen(&self) -> Vec<&Row> {
        let ids = if self.marks.is_empty() { self.cursor.key().copied().into_iter().collect() } else { self.marked() };
        ids.into_iter().filter_map(|id| self.row(id)).collect()
    }

    /// Has the view made anew before it is used next.
    pub fn changed(&mut self) {
        self.stale = true;
    }

    /// Makes the view anew where something it rests on has changed. Says what became of the selection.
    pub fn settle(&mut self, height: usize) -> Kept {
        if !self.stale {
            return Kept::Same;
        }
        self.stale = false;
        let lines = self.rows.iter().flatten().map(|row| row.fields.as_slice());
        let mut fuzzy = Fuzzy::choose(self.filter.text(), lines);
        let mut order: Vec<RowId> = Vec::with_capacity(self.total);
        for (id, row) in (0..).zip(&self.rows) {
            let Some(row) = row else { continue };
            let wanted = row.finding.severity >= self.least
                && (self.closed || row.finding.is_open())
                && fuzzy.as_mut().is_none_or(|f| f.matches(&row.fields));
            if wanted {
                order.push(id);
            }
        }
        order.sort_by(|a, b| self.compare(*a, *b));
        self.order = order;
        self.cursor.settle(&self.order, height)
    }

    fn compare(&self, a: RowId, b: RowId) -> Ordering {
        let (Some(x), Some(y)) = (self.row(a), self.row(b)) else { return a.cmp(&b) };
        let newest = || y.finding.touched_at().cmp(&x.finding.touched_at());
        let worst = || y.finding.severity.cmp(&x.finding.severity);
        let by = match self.sort {
            SortBy::Severity => worst().then_with(newest),
            SortBy::Age => newest(),
            SortBy::Type => (&x.family, &x.name).cmp(&(&y.family, &y.name)).then_with(worst).then_with(newest),
            SortBy::Subject => x.subject.cmp(&y.subject).then_with(worst).then_with(newest),
            SortBy::Account => (&x.account, &x.region).cmp(&(&y.account, &y.region)).then_with(worst).then_with(newest),
        };
        let by = if self.reversed { by.reverse() } else { by };
        by.then(a.cmp(&b))
    }
}

impl Row {
    fn new(seen: SeenFinding, hub: Scope, names: &BTreeMap<AccountId, String>, read_at: DateTime<Utc>) -> Self {
        let SeenFinding { finding, json } = seen;
        let (family, name) = type_parts(&finding);
        let scope = finding.scope();
        let account = scope
            .as_ref()
            .and_then(|s| names.get(&s.account).cloned())
            .or_else(|| finding.account.clone())
            .unwrap_or_else(|| "?".to_owned());
        let account = text::fit(&account, 64);
        let region = text::fit(finding.region.as_deref().unwrap_or("?"), 32);
        let instance = scope.and_then(|s| finding.instances().find_map(|i| i.id.clone()).map(|id| (s, id)));
        let mut fields = vec![
            finding.severity.label().to_owned(),
            text::fit(&finding.finding_type, 200),
            text::fit(&finding.title, 200),
            account.clone(),
            text::fit(finding.account.as_deref().unwrap_or_default(), 32),
            region.clone(),
            text::fit(finding.workflow.as_str(), 32),
        ];
        for subject in finding.subjects.iter().take(32) {
            fields.push(text::fit(&subject.id(), 128));
            fields.extend(name_of(subject).map(|n| text::fit(&n, 64)));
        }
        fields.push(String::new());
        let subject = subject_words(&finding);
        Self { family, name, subject, account, region, instance, fields, read_at, finding, json, hub }
    }

    /// When the finding last changed.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        self.finding.touched_at()
    }

    /// Where people, and the product, stand with it.
    pub fn state(&self) -> String {
        match (&self.finding.record_state, &self.finding.workflow) {
            _ if self.finding.sample => "sample".to_owned(),
            (RecordState::Archived, _) => "archived".to_owned(),
            (_, Workflow::New) => "new".to_owned(),
            (_, other) => text::fit(&other.as_str().to_lowercase(), 12),
        }
    }
}

/// Family and telling part of a finding's type.
fn type_parts(finding: &Finding) -> (String, String) {
    let (title, kind) = (finding.title.trim(), finding.finding_type.trim());
    // All controls share a few types: what tells them apart is the title.
    if kind.is_empty() || (finding.compliance.is_some() && !title.is_empty()) {
        let shown = if title.is_empty() { "(no type)" } else { title };
        return (String::new(), text::fit(shown, 200));
    }
    let (family, rest) = kind.split_once(':').unwrap_or_else(|| kind.rsplit_once('/').unwrap_or(("", kind)));
    let name = rest.split_once('/').map_or(rest, |(_, name)| name);
    (text::fit(family, 64), text::fit(name, 200))
}

/// The name that goes with a subject's id.
fn name_of(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Instance(i) => i.name.clone(),
        Subject::AccessKey(k) => k.principal_name.clone(),
        _ => None,
    }
}

/// What a finding is about, most containable first: id and name, safe and short.
fn subject_words(finding: &Finding) -> (String, String) {
    let rank = |s: &Subject| match s {
        Subject::Instance(_) => 0,
        Subject::AccessKey(_) => 1,
        Subject::Role { .. } | Subject::User { .. } => 2,
        Subject::RemoteAddress(_) | Subject::Domain { .. } => 4,
        _ => 3,
    };
    let Some(subject) = finding.subjects.iter().min_by_key(|s| rank(s)) else {
        return ("—".to_owned(), String::new());
    };
    let name = name_of(subject).map(|n| text::fit(&n, 48)).unwrap_or_default();
    let id = match subject {
        Subject::Instance(_) => text::fit_middle(&subject.id(), 11),
        Subject::AccessKey(key) if !name.is_empty() => {
            return (text::fit_middle(&key.id, 11), name);
        }
        Subject::Role { name } => format!("role {}", text::fit(name, 40)),
        Subject::User { name } => format!("user {}", text::fit(name, 40)),
        Subject::Bucket { name } => format!("bucket {}", text::fit(name, 40)),
        other => {
            let id = other.id();
            let last = id.rsplit(['/', ':']).next().filter(|l| !l.is_empty()).unwrap_or(&id).to_owned();
            text::fit(&last, 48)
        }
    };
    (id, name)
}
