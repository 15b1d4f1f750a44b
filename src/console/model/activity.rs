//! The runs, as the ledger tells them.

use super::field::Field;
use super::fuzzy::Fuzzy;
use super::list::{Cursor, Kept, Move};
use crate::console::msg::RunsRead;
use crate::domain::{FindingId, RunId, text};
use crate::engine::incident::is_note;
use crate::engine::{has_a_way_back, leaves_something, settled};
use crate::ledger::{RunState, Unreadable};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// The runs, newest first.
#[derive(Debug, Default)]
pub struct Activity {
    read: RunsRead,
    settled: BTreeSet<RunId>,
    standing: BTreeMap<FindingId, Vec<RunId>>,
    order: Vec<RunId>,
    /// Whether the ledger was read.
    pub known: bool,
    /// The selected run.
    pub cursor: Cursor<RunId>,
    /// The filter that was typed.
    pub filter: Field,
}

impl Activity {
    /// Moves the selection.
    pub fn go(&mut self, to: Move, height: usize) {
        self.cursor.go(&self.order, to, height);
    }

    /// Takes a reading in.
    pub fn take(&mut self, read: RunsRead, height: usize) -> Kept {
        self.settled = settled(&read.runs);
        self.read = read;
        self.standing.clear();
        let mut newest: Vec<&RunState> = self.read.runs.iter().collect();
        newest.sort_by_key(|run| std::cmp::Reverse(run.run));
        for run in newest.into_iter().filter(|r| !is_note(r) && leaves_something(r) && !self.settled.contains(&r.run)) {
            if let Some(finding) = &run.plan.finding {
                self.standing.entry(finding.id.clone()).or_default().push(run.run);
            }
        }
        self.known = true;
        self.reorder(height)
    }

    /// Filters what is known.
    pub fn reorder(&mut self, height: usize) -> Kept {
        let mut fuzzy = Fuzzy::new(self.filter.text());
        let shown = self.read.runs.iter().filter(|r| {
            let fields = [
                r.plan.playbook.name().to_owned(),
                text::fit(&r.plan.title, 200),
                text::fit(r.plan.subject_id(), 128),
                text::fit(&r.actor.name, 64),
                r.run.to_string(),
                r.ended.as_ref().map_or("running", |(o, _, _)| o.as_str()).to_owned(),
            ];
            fuzzy.as_mut().is_none_or(|f| f.matches(&fields))
        });
        self.order = shown.map(|r| r.run).collect();
        self.order.sort_by(|a, b| b.cmp(a));
        self.cursor.follow_top();
        self.cursor.settle(&self.order, height)
    }

    /// All runs that are known.
    pub fn runs(&self) -> &[RunState] {
        &self.read.runs
    }

    /// What of the ledger can't be read.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.read.unreadable
    }

    /// The runs that are shown, in order.
    pub fn order(&self) -> &[RunId] {
        &self.order
    }

    /// One run.
    pub fn run(&self, id: RunId) -> Option<&RunState> {
        self.read.runs.iter().find(|r| r.run == id)
    }

    /// The selected run.
    pub fn selected(&self) -> Option<&RunState> {
        self.run(*self.cursor.key()?)
    }

    /// Whether a run is open and its process is alive.
    pub fn alive(&self, id: RunId) -> bool {
        self.read.alive.contains(&id)
    }

    /// When the process of an open run was last heard from.
    pub fn heard(&self, id: RunId) -> Option<DateTime<Utc>> {
        self.read.heard.get(&id).copied()
    }

    /// The open runs whose process has gone.
    pub fn abandoned(&self) -> impl Iterator<Item = &RunState> {
        self.read.runs.iter().filter(|r| r.is_open() && !self.alive(r.run))
    }

    /// What was done about a finding and can be taken back, newest first; what people said of it left out.
    pub fn standing_for(&self, finding: &FindingId) -> impl Iterator<Item = &RunState> {
        self.standing.get(finding).into_iter().flatten().filter_map(|id| self.run(*id))
    }

    /// Whether a restore can take the run back: it changed something, and none has.
    pub fn can_be_taken_back(&self, run: &RunState) -> bool {
        has_a_way_back(run) && !self.settled.contains(&run.run)
    }

    /// Whether a restore has taken the run back.
    pub fn was_taken_back(&self, run: &RunState) -> bool {
        leaves_something(run) && self.settled.contains(&run.run)
    }
}
