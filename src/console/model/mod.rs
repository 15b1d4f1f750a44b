//! What the console knows and shows. Plain data: [`super::update`] changes it, [`super::view`] draws it.

pub mod activity;
pub mod blocks;
pub mod contained;
pub mod credentials;
pub mod field;
pub mod findings;
pub mod fuzzy;
pub mod list;
pub mod machines;
pub mod menu;
pub mod notice;
pub mod offers;
pub mod pane;
pub mod prompt;
pub mod refresh;
pub mod standing;
pub mod subjects;
pub mod ways;
pub mod words;

use super::Setup;
use super::effect::Thing;
use super::layout::{self, Screen, Want};
use super::msg::Ticket;
use crate::config::{Command, Context, Key, Keymap, Settings};
use crate::domain::{AccountId, GroupId, Region, RunId, Scope, Vault};
use crate::engine::Guard;
use crate::playbook::Playbook;
use crate::policy::address::AwsRanges;
use chrono::{DateTime, Utc};
use field::Field;
use machines::InstanceKey;
use ratatui::layout::Rect;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

/// What is shown between the tabs and the footer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// The findings.
    #[default]
    Findings,
    /// What is in quarantine.
    Quarantine,
    /// The network ACLs.
    Blocks,
    /// The credentials that are cut.
    Credentials,
    /// The runs.
    Activity,
}

impl View {
    /// All views, in the order of their tabs.
    pub const ALL: [Self; 5] = [Self::Findings, Self::Quarantine, Self::Blocks, Self::Credentials, Self::Activity];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Findings => "Findings",
            Self::Quarantine => "Quarantine",
            Self::Blocks => "Blocks",
            Self::Credentials => "Credentials",
            Self::Activity => "Activity",
        }
    }

    /// Its keys.
    pub fn context(self) -> Context {
        match self {
            Self::Findings => Context::Findings,
            Self::Quarantine => Context::Quarantine,
            Self::Blocks => Context::Blocks,
            Self::Credentials => Context::Credentials,
            Self::Activity => Context::Activity,
        }
    }

    /// The command that shows it.
    pub fn command(self) -> Command {
        match self {
            Self::Findings => Command::ViewFindings,
            Self::Quarantine => Command::ViewQuarantine,
            Self::Blocks => Command::ViewBlocks,
            Self::Credentials => Command::ViewCredentials,
            Self::Activity => Command::ViewActivity,
        }
    }
}

/// What does not change while the console runs.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who acts.
    pub actor: String,
    /// The machine.
    pub host: String,
    /// The standing orders.
    pub guard: Guard,
    /// Where findings are listed.
    pub hubs: Vec<Scope>,
    /// Every account and Region that is looked at.
    pub scopes: Vec<Scope>,
    /// What people call the accounts.
    pub names: BTreeMap<AccountId, String>,
    /// What says that this is not the real world.
    pub banner: Option<String>,
    /// The topic to tell in a scope, where the settings name none.
    pub topics: BTreeMap<Scope, String>,
    /// AWS's published ranges, where somebody keeps the file of them.
    pub aws_ranges: Option<Arc<AwsRanges>>,
    /// The folder that evidence is kept in where the settings name no bucket.
    pub evidence: Option<PathBuf>,
    /// Settings.
    pub settings: Settings,
    /// Keys.
    pub keymap: Keymap,
}

impl Session {
    /// The session that a set-up describes.
    pub fn new(setup: &Setup) -> Self {
        Self {
            actor: setup.engine.actor().to_string(),
            host: setup.engine.actor().host.clone(),
            guard: *setup.engine.guard(),
            hubs: setup.hubs.clone(),
            scopes: setup.scopes.clone(),
            names: setup.account_names.clone(),
            banner: setup.banner.clone(),
            topics: setup.topics.clone(),
            aws_ranges: setup.aws_ranges.clone(),
            evidence: setup.evidence.clone(),
            settings: setup.settings.clone(),
            keymap: setup.keymap.clone(),
        }
    }

    /// What people call an account, else its number.
    pub fn account<'a>(&'a self, id: &'a AccountId) -> &'a str {
        self.names.get(id).map_or(id.as_str(), String::as_str)
    }

    /// Where evidence of an instance in this scope is kept: the settings' bucket, else a folder of this machine.
    pub fn vault(&self, scope: &Scope) -> Option<Vault> {
        let folder = || Some(Vault::Folder { path: self.evidence.clone()? });
        self.settings.forensics.vault(scope).or_else(folder)
    }

    /// The topic to tell about what is done in a scope.
    pub fn topic(&self, scope: &Scope) -> Option<String> {
        self.settings.quarantine.topic_arn.clone().or_else(|| self.topics.get(scope).cloned())
    }

    /// The accounts, each once.
    pub fn accounts(&self) -> BTreeSet<&AccountId> {
        self.scopes.iter().chain(&self.hubs).map(|s| &s.account).collect()
    }

    /// The Regions, each once.
    pub fn regions(&self) -> BTreeSet<&Region> {
        self.scopes.iter().chain(&self.hubs).map(|s| &s.region).collect()
    }
}

/// A question with yes and no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Leave though runs are under way?
    QuitWhileRunning {
        /// Names this very question.
        id: u64,
    },
}

/// The command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Palette {
    /// What was typed.
    pub field: Field,
    /// The selected line of the matching commands.
    pub index: usize,
}

/// What lies over everything to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Page {
    /// The keys.
    #[default]
    Keys,
    /// What was said at the bottom, and what can't be read now.
    Messages,
}

/// Help, or the messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Help {
    /// Which of the two.
    pub page: Page,
    /// The first line that is shown.
    pub scroll: usize,
}

/// How far leaving has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// Since when runs are waited for.
    pub since: DateTime<Utc>,
}

/// How many lines there are where things can be scrolled; what drawing has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drawn {
    /// How far the detail can be scrolled.
    pub detail: usize,
    /// How far the plan or run can be scrolled.
    pub pane: usize,
    /// How far help can be scrolled.
    pub help: usize,
}

/// Everything.
#[derive(Debug)]
pub struct Model {
    /// What does not change.
    pub session: Session,
    /// The time, as of the last tick.
    pub now: DateTime<Utc>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What is shown.
    pub view: View,
    /// The findings.
    pub findings: findings::Findings,
    /// What is in quarantine.
    pub quarantine: contained::Quarantine,
    /// The network ACLs.
    pub blocks: blocks::Blocks,
    /// The credentials that are cut.
    pub credentials: credentials::Credentials,
    /// The runs.
    pub activity: activity::Activity,
    /// The instances that details show.
    pub subjects: subjects::Subjects,
    /// The instances that findings name.
    pub machines: machines::Machines,
    /// What security groups are called, as far as they were read. Raw.
    pub group_names: BTreeMap<(Scope, GroupId), String>,
    /// When each thing was read.
    pub readings: refresh::Readings,
    /// Whether a hub was listed to its end once: what comes after that is new.
    pub listed: BTreeSet<Scope>,
    /// Whether the detail has the keys.
    pub detail_open: bool,
    /// Whether the detail is wanted beside the list.
    pub detail_beside: bool,
    /// The first line of the detail.
    pub detail_scroll: usize,
    /// Whether the filter of the view is being typed.
    pub filtering: bool,
    /// The plan or run that is shown.
    pub pane: Option<pane::Pane>,
    /// Panes whose run goes on though they are not shown.
    pub parked: BTreeMap<Ticket, pane::Pane>,
    /// Help, when it is shown.
    pub help: Option<Help>,
    /// The menu of what can be done, when it is shown.
    pub menu: Option<menu::Menu>,
    /// A line that is being typed before a plan can be made.
    pub prompt: Option<prompt::Prompt>,
    /// The command line, when it is shown.
    pub palette: Option<Palette>,
    /// A question, when one is asked.
    pub question: Option<Question>,
    /// A sentence at the bottom.
    pub notice: Option<notice::Notice>,
    /// What was said at the bottom so far, the newest last.
    pub told: VecDeque<notice::Notice>,
    /// Keys that wait for more.
    pub pending: Vec<Key>,
    /// Set once the console is to be left.
    pub leaving: Option<Leaving>,
    /// The abandoned runs that were spoken of.
    pub told_abandoned: BTreeSet<RunId>,
    /// What drawing has found.
    pub drawn: Drawn,
    next_ticket: Ticket,
}

impl Model {
    /// A model that knows nothing yet.
    pub fn new(session: Session, now: DateTime<Utc>, size: (u16, u16)) -> Self {
        let mut findings = findings::Findings::default();
        findings.least = session.settings.console.min_severity;
        let blocks = blocks::Blocks::new(session.settings.block.quota);
        Self {
            session,
            now,
            size,
            view: View::default(),
            findings,
            quarantine: contained::Quarantine::default(),
            blocks,
            credentials: credentials::Credentials::default(),
            activity: activity::Activity::default(),
            subjects: subjects::Subjects::default(),
            machines: machines::Machines::default(),
            group_names: BTreeMap::new(),
            readings: refresh::Readings::default(),
            listed: BTreeSet::new(),
            detail_open: false,
            detail_beside: true,
            detail_scroll: 0,
            filtering: false,
            pane: None,
            parked: BTreeMap::new(),
            help: None,
            menu: None,
            prompt: None,
            palette: None,
            question: None,
            notice: None,
            told: VecDeque::new(),
            pending: Vec::new(),
            leaving: None,
            told_abandoned: BTreeSet::new(),
            drawn: Drawn::default(),
            next_ticket: 1,
        }
    }

    /// A ticket that was never used.
    pub fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// The parts of the screen.
    pub fn screen(&self) -> Screen {
        let said = u16::try_from(self.said_rows()).unwrap_or(1);
        let want = Want { detail_open: self.detail_open, detail_beside: self.detail_beside, said };
        layout::screen(Rect::new(0, 0, self.size.0, self.size.1), want)
    }

    /// How many lines of a list are shown, or would be where a detail has the whole page: a list keeps its place under it.
    pub fn list_height(&self) -> usize {
        usize::from(layout::rows(self.screen().body)).max(1)
    }

    /// Where keys are looked up now, the nearest first.
    pub fn contexts(&self) -> Vec<Context> {
        if self.question.is_some() {
            return vec![Context::Confirm];
        }
        if self.help.is_some() {
            return vec![Context::Help, Context::Global];
        }
        if self.palette.is_some() || self.pane.as_ref().is_some_and(|p| p.typing.is_some()) {
            return vec![Context::Filter];
        }
        if self.pane.is_some() {
            return vec![Context::Plan, Context::Global];
        }
        if self.prompt.is_some() {
            return vec![Context::Filter];
        }
        if self.menu.is_some() {
            return vec![Context::Menu, Context::Global];
        }
        if self.filtering {
            return vec![Context::Filter];
        }
        self.view_contexts()
    }

    /// Where the view's own keys are looked up, whatever lies over it.
    pub fn view_contexts(&self) -> Vec<Context> {
        let mut contexts = vec![self.view.context(), Context::Global];
        if self.detail_open {
            contexts.insert(0, Context::Detail);
        }
        contexts
    }

    /// The text field that has the keys, where one has.
    pub fn field(&mut self) -> Option<&mut Field> {
        if self.question.is_some() || self.help.is_some() {
            return None;
        }
        if self.palette.is_some() {
            return self.palette.as_mut().map(|p| &mut p.field);
        }
        if self.pane.is_some() {
            return self.pane.as_mut().and_then(|p| p.typing.as_mut()).map(|t| &mut t.field);
        }
        if self.prompt.is_some() {
            return self.prompt.as_mut().map(|p| &mut p.field);
        }
        if self.filtering { Some(self.filter_mut()) } else { None }
    }

    /// The filter of the view.
    pub fn filter(&self) -> &Field {
        match self.view {
            View::Findings => &self.findings.filter,
            View::Quarantine => &self.quarantine.filter,
            View::Blocks => &self.blocks.filter,
            View::Credentials => &self.credentials.filter,
            View::Activity => &self.activity.filter,
        }
    }

    /// The filter of the view, to be changed.
    pub fn filter_mut(&mut self) -> &mut Field {
        match self.view {
            View::Findings => &mut self.findings.filter,
            View::Quarantine => &mut self.quarantine.filter,
            View::Blocks => &mut self.blocks.filter,
            View::Credentials => &mut self.credentials.filter,
            View::Activity => &mut self.activity.filter,
        }
    }

    /// Selects the first line of the view's list.
    pub fn to_top(&mut self) {
        match self.view {
            View::Findings => self.findings.cursor.top(),
            View::Quarantine => self.quarantine.cursor.top(),
            View::Blocks => self.blocks.cursor.top(),
            View::Credentials => self.credentials.cursor.top(),
            View::Activity => self.activity.cursor.top(),
        }
    }

    /// The instance that the selected line is about.
    pub fn selected_instance(&self) -> Option<InstanceKey> {
        match self.view {
            View::Findings => self.findings.selected()?.instance.clone(),
            View::Quarantine => self.quarantine.cursor.key().cloned(),
            View::Blocks | View::Credentials => None,
            View::Activity => {
                let run = self.activity.selected()?;
                Some((run.plan.scope.clone(), run.plan.instance()?))
            }
        }
    }

    /// Runs of ours that are under way.
    pub fn in_flight(&self) -> usize {
        let running = |p: &pane::Pane| matches!(p.stage, pane::Stage::Running(_));
        usize::from(self.pane.as_ref().is_some_and(running)) + self.parked.values().filter(|p| running(p)).count()
    }

    /// How old the oldest feed of findings is; `None` when one was never read.
    pub fn feed_age(&self) -> Option<chrono::Duration> {
        let ages = self.session.hubs.iter().map(|hub| {
            let ok = self.readings.of(&Thing::Findings(hub.clone())).and_then(|r| r.ok_at);
            ok.map(|at| self.now - at)
        });
        ages.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Moves the selection of the view.
    pub fn move_list(&mut self, to: list::Move) {
        let height = self.list_height();
        match self.view {
            View::Findings => self.findings.go(to, height),
            View::Quarantine => self.quarantine.go(to, height),
            View::Blocks => self.blocks.go(to, height),
            View::Credentials => self.credentials.go(to, height),
            View::Activity => self.activity.go(to, height),
        }
    }

    /// What can be done about a finding, best first.
    pub fn offers(&self, row: &findings::Row) -> Vec<offers::Offer> {
        let scope = row.finding.scope();
        let live = scope.map(|scope| {
            let ids = row.finding.instances().filter_map(|i| i.id.clone());
            ids.filter_map(|id| Some((id.clone(), self.quarantine.status(&(scope.clone(), id))?))).collect()
        });
        // How a quarantine stands is read, and says more than that there was one.
        let runs = self.activity.standing_for(&row.finding.id).map(|run| run.plan.playbook);
        let done: Vec<_> = runs.filter(|playbook| *playbook != Playbook::QuarantineInstance).collect();
        offers::offers(&row.finding, &live.unwrap_or_default(), &done)
    }

    /// The instance of a finding, as the list knows it.
    pub fn machine(&self, row: &findings::Row) -> Option<&machines::Machine> {
        self.machines.of(row.instance.as_ref()?)
    }

    /// Makes the view of findings anew where something it rests on has changed. Says what became of the selection.
    pub fn settle_findings(&mut self) -> list::Kept {
        let height = self.list_height();
        if self.findings.is_stale() && !self.findings.filter.text().is_empty() {
            // What stands in the line can be filtered by, and changes without the finding.
            let words: Vec<String> = (0..self.findings.ids())
                .map(|id| {
                    let Some(row) = self.findings.row(id) else { return String::new() };
                    let machine = self.machine(row).map(machines::Machine::words).unwrap_or_default();
                    format!("{} {machine}", self.standing(row).0)
                })
                .collect();
            self.findings.set_words(words);
        }
        self.findings.settle(height)
    }
}
