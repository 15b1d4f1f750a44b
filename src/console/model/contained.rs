//! What is in quarantine: the ledger beside the live world.

use super::activity::Activity;
use super::field::Field;
use super::fuzzy::Fuzzy;
use super::list::{Cursor, Kept, Move};
use super::machines::{InstanceKey, Machine};
use crate::console::msg::{LiveInstance, QuarantineRead};
use crate::domain::{AccountId, GroupId, InstanceId, InterfaceId, RunId, Scope, text};
use crate::engine::settled;
use crate::ledger::{Outcome, RunState};
use crate::playbook::change::SetInterfaceGroups;
use crate::playbook::{Change, FindingRef, Playbook, restore, tags};
use chrono::{DateTime, Duration, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// How long a restored instance stays on the list: until the next shift has seen it.
const RESTORED_FOR: Duration = Duration::hours(24);

/// How an instance stands, what needs a person first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Somebody else changed what we left there, or the quarantine group lets something through.
    Drift,
    /// Some interfaces are isolated and some are not.
    Partial,
    /// A quarantine is at work on it.
    Running,
    /// A restore is at work on it.
    Restoring,
    /// It could not be read yet: nothing is claimed.
    Unread,
    /// Every interface was read and holds the quarantine group alone.
    Isolated,
    /// The instance is no longer there.
    Gone,
    /// A restore has taken everything back.
    Restored,
}

impl Status {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Drift => "DRIFT",
            Self::Partial => "PARTIAL",
            Self::Running => "running",
            Self::Restoring => "restoring",
            Self::Unread => "unread",
            Self::Isolated => "isolated",
            Self::Gone => "gone",
            Self::Restored => "restored",
        }
    }
}

/// How one interface stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterfaceMark {
    /// It holds the quarantine group alone.
    Isolated,
    /// It holds what it held before.
    Open,
    /// It holds something else.
    Drift,
    /// It is no longer attached.
    Gone,
    /// It was not read.
    Unread,
}

/// One interface: what stood there, what we left, what stands there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceStanding {
    /// The interface.
    pub id: InterfaceId,
    /// Its place on the instance, where it was read.
    pub index: Option<i32>,
    /// What stood there before: from the ledger, else from its tags.
    pub originals: Option<BTreeSet<GroupId>>,
    /// Whether the ledger says so, and not tags that anybody can write.
    pub from_ledger: bool,
    /// What stands there now.
    pub live: Option<BTreeSet<GroupId>>,
    /// How it stands.
    pub mark: InterfaceMark,
}

/// One instance that is, was, or says it is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contained {
    /// Where and which.
    pub key: InstanceKey,
    /// Its `Name` tag, raw.
    pub name: Option<String>,
    /// Whether its owner or a service keeps us away, where it was read.
    pub machine: Machine,
    /// How it stands.
    pub status: Status,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// By whom, raw.
    pub by: Option<String>,
    /// Whether our ledger knows of it.
    pub in_ledger: bool,
    /// The runs that hold it, oldest first.
    pub runs: Vec<RunId>,
    /// The finding that was answered.
    pub finding: Option<FindingRef>,
    /// Its interfaces.
    pub interfaces: Vec<InterfaceStanding>,
    /// What is not as it should be, each a sentence.
    pub reasons: Vec<String>,
}

impl Contained {
    /// How many of its interfaces are isolated, of how many.
    pub fn isolated(&self) -> (usize, usize) {
        let isolated = self.interfaces.iter().filter(|i| i.mark == InterfaceMark::Isolated).count();
        (isolated, self.interfaces.len())
    }
}

/// What was read of each account and Region, and what that makes together with the ledger.
#[derive(Debug, Default)]
pub struct Quarantine {
    reads: BTreeMap<Scope, QuarantineRead>,
    entries: BTreeMap<InstanceKey, Contained>,
    order: Vec<InstanceKey>,
    /// The selected instance.
    pub cursor: Cursor<InstanceKey>,
    /// The filter that was typed.
    pub filter: Field,
}

impl Quarantine {
    /// Moves the selection.
    pub fn go(&mut self, to: Move, height: usize) {
        self.cursor.go(&self.order, to, height);
    }

    /// Takes a reading in.
    pub fn take(&mut self, scope: Scope, read: QuarantineRead) {
        self.reads.insert(scope, read);
    }

    /// The instances that are shown, in order.
    pub fn order(&self) -> &[InstanceKey] {
        &self.order
    }

    /// One instance.
    pub fn entry(&self, key: &InstanceKey) -> Option<&Contained> {
        self.entries.get(key)
    }

    /// The instance of this id, in whatever account and Region, shown or not.
    pub fn named(&self, id: &str) -> Option<&Contained> {
        self.entries.values().find(|e| e.key.1.as_str() == id)
    }

    /// The selected instance.
    pub fn selected(&self) -> Option<&Contained> {
        self.entry(self.cursor.key()?)
    }

    /// How many hold now, whatever their state; the restored and the gone don't count.
    pub fn holding(&self) -> usize {
        self.entries.values().filter(|e| !matches!(e.status, Status::Gone | Status::Restored)).count()
    }

    /// How many need a person.
    pub fn troubled(&self) -> usize {
        self.entries.values().filter(|e| matches!(e.status, Status::Drift | Status::Partial)).count()
    }

    /// How an instance stands, where it is on the list.
    pub fn status(&self, key: &InstanceKey) -> Option<Status> {
        self.entries.get(key).map(|e| e.status)
    }

    /// The instances of one scope that the ledger says are, or just were, in quarantine: to be read whatever their
    /// tags say.
    pub fn to_read(runs: &[RunState], scope: &Scope, now: DateTime<Utc>) -> Vec<InstanceId> {
        let keys: BTreeSet<InstanceKey> =
            open_quarantines(runs).into_keys().chain(restored(runs, now).into_keys()).collect();
        keys.into_iter().filter(|(s, _)| s == scope).map(|(_, id)| id).collect()
    }

    /// Makes the list anew from ledger and readings.
    pub fn rebuild(
        &mut self,
        activity: &Activity,
        now: DateTime<Utc>,
        names: &BTreeMap<AccountId, String>,
        height: usize,
    ) -> Kept {
        let runs = activity.runs();
        let open = open_quarantines(runs);
        let mut entries = BTreeMap::new();
        for (key, runs) in &open {
            let read = self.reads.get(&key.0);
            let at_work = runs.iter().any(|r| r.is_open() && activity.alive(r.run));
            entries.insert(key.clone(), entry(key, runs, at_work, read));
        }
        for (scope, read) in &self.reads {
            for live in &read.instances {
                let key = (scope.clone(), live.instance.id.clone());
                let tagged = live.instance.tags.get(tags::STATUS).is_some_and(|v| v == tags::QUARANTINED);
                if tagged && live.instance.exists() {
                    entries.entry(key.clone()).or_insert_with(|| entry(&key, &[], false, Some(read)));
                }
            }
        }
        for (key, run) in restored(runs, now) {
            entries.entry(key.clone()).or_insert_with(|| Contained {
                name: self.reads.get(&key.0).and_then(|r| {
                    let live = r.instances.iter().find(|l| l.instance.id == key.1)?;
                    live.instance.name().map(str::to_owned)
                }),
                machine: Machine::default(),
                status: Status::Restored,
                since: run.ended.as_ref().map(|(_, at, _)| *at),
                by: Some(run.actor.name.clone()),
                in_ledger: true,
                runs: vec![run.run],
                finding: run.plan.finding.clone(),
                interfaces: vec![],
                reasons: vec![],
                key,
            });
        }
        // What is back already while a restore goes on is no alarm; once its process has gone, nothing goes on.
        let goes_on = |r: &&RunState| r.plan.playbook == Playbook::Restore && r.is_open() && activity.alive(r.run);
        for run in runs.iter().filter(goes_on) {
            if let Some(entry) = key_of(run).and_then(|key| entries.get_mut(&key)) {
                entry.status = Status::Restoring;
                entry.reasons.clear();
            }
        }
        self.entries = entries;
        self.reorder(names, height)
    }

    /// Filters and sorts what is known.
    pub fn reorder(&mut self, names: &BTreeMap<AccountId, String>, height: usize) -> Kept {
        let mut fuzzy = Fuzzy::new(self.filter.text());
        let mut shown: Vec<&Contained> = self
            .entries
            .values()
            .filter(|e| {
                let fields = [
                    e.key.1.to_string(),
                    text::fit(e.name.as_deref().unwrap_or_default(), 64),
                    e.key.0.to_string(),
                    names.get(&e.key.0.account).cloned().unwrap_or_default(),
                    e.status.word().to_owned(),
                    e.machine.words(),
                    text::fit(e.by.as_deref().unwrap_or_default(), 64),
                ];
                fuzzy.as_mut().is_none_or(|f| f.matches(&fields))
            })
            .collect();
        shown.sort_by(|a, b| (a.status, b.since, &a.key).cmp(&(b.status, a.since, &b.key)));
        self.order = shown.into_iter().map(|e| e.key.clone()).collect();
        self.cursor.settle(&self.order, height)
    }
}

fn key_of(run: &RunState) -> Option<InstanceKey> {
    Some((run.plan.scope.clone(), run.plan.instance()?))
}

/// The quarantines that no restore has taken back in full, by instance, oldest first.
fn open_quarantines(runs: &[RunState]) -> BTreeMap<InstanceKey, Vec<&RunState>> {
    let settled = settled(runs);
    let mut open: BTreeMap<InstanceKey, Vec<&RunState>> = BTreeMap::new();
    for run in runs {
        let holds = run.plan.playbook == Playbook::QuarantineInstance
            && !settled.contains(&run.run)
            && (!run.changes().is_empty() || run.is_open());
        if let (true, Some(key)) = (holds, key_of(run)) {
            open.entry(key).or_default().push(run);
        }
    }
    open.values_mut().for_each(|list| list.sort_by_key(|r| r.run));
    open
}

/// The latest restore of each instance, where it went through not long ago.
fn restored(runs: &[RunState], now: DateTime<Utc>) -> BTreeMap<InstanceKey, &RunState> {
    let mut latest: BTreeMap<InstanceKey, &RunState> = BTreeMap::new();
    for run in runs.iter().filter(|r| r.plan.playbook == Playbook::Restore) {
        let done = matches!(&run.ended, Some((Outcome::Done, at, _)) if now - *at < RESTORED_FOR);
        if let (true, Some(key)) = (done, key_of(run)) {
            let slot = latest.entry(key).or_insert(run);
            if slot.run < run.run {
                *slot = run;
            }
        }
    }
    latest
}

/// How one instance stands by what the ledger and the reading say.
fn entry(key: &InstanceKey, runs: &[&RunState], at_work: bool, read: Option<&QuarantineRead>) -> Contained {
    let live = read.and_then(|r| r.instances.iter().find(|l| l.instance.id == key.1));
    let changes: Vec<Change> = runs.iter().flat_map(|r| r.changes()).collect();
    let mut ours: BTreeMap<InterfaceId, (BTreeSet<GroupId>, BTreeSet<GroupId>)> = BTreeMap::new();
    for change in restore::combine(&changes) {
        if let Change::InterfaceGroups(SetInterfaceGroups { interface, before, after, .. }) = change {
            ours.insert(interface, (before, after));
        }
    }
    let mut entry = Contained {
        key: key.clone(),
        name: live.and_then(|l| l.instance.name().map(str::to_owned)),
        machine: live.map(|l| Machine::of(&l.instance)).unwrap_or_default(),
        status: Status::Unread,
        since: runs.first().map(|r| r.begun_at),
        by: runs.first().map(|r| r.actor.name.clone()),
        in_ledger: !runs.is_empty(),
        runs: runs.iter().map(|r| r.run).collect(),
        finding: runs.iter().rev().find_map(|r| r.plan.finding.clone()),
        interfaces: vec![],
        reasons: vec![],
    };
    let isolating = read.map(|r| &r.isolating);
    if let (Some(live), Some(isolating)) = (live, isolating) {
        from_live(&mut entry, live, &mut ours, isolating);
    }
    for (id, (before, _)) in ours {
        entry.interfaces.push(InterfaceStanding {
            id,
            index: None,
            originals: Some(before),
            from_ledger: true,
            live: None,
            mark: if live.is_some() { InterfaceMark::Gone } else { InterfaceMark::Unread },
        });
    }
    entry.status = if at_work { Status::Running } else { status(&mut entry, runs, live, read.is_some()) };
    entry
}

fn from_live(
    entry: &mut Contained,
    live: &LiveInstance,
    ours: &mut BTreeMap<InterfaceId, (BTreeSet<GroupId>, BTreeSet<GroupId>)>,
    isolating: &BTreeSet<GroupId>,
) {
    let tags = &live.instance.tags;
    if entry.since.is_none() {
        let at = tags.get(tags::QUARANTINED_AT).and_then(|t| DateTime::parse_from_rfc3339(t).ok());
        entry.since = at.map(|t| t.with_timezone(&Utc));
        entry.by = tags.get(tags::QUARANTINED_BY).cloned();
    }
    let mut interfaces: Vec<_> = live.interfaces.iter().collect();
    interfaces.sort_by(|a, b| (a.device_index, &a.id).cmp(&(b.device_index, &b.id)));
    for interface in interfaces {
        let known = ours.remove(&interface.id);
        let groups = &interface.groups;
        let sealed = groups.len() == 1 && groups.iter().all(|g| isolating.contains(g));
        let leaky = groups.len() == 1 && !sealed;
        let mark = match &known {
            Some((_, after)) if groups == after && leaky => {
                entry
                    .reasons
                    .push(format!("{} holds its quarantine group, and that group lets traffic through", interface.id));
                InterfaceMark::Drift
            }
            Some((_, after)) if groups == after => InterfaceMark::Isolated,
            Some((before, _)) if groups == before => {
                entry.reasons.push(format!("{} holds its original groups: it is not isolated", interface.id));
                InterfaceMark::Open
            }
            Some(_) => {
                entry.reasons.push(format!("somebody else changed the groups of {}", interface.id));
                InterfaceMark::Drift
            }
            None if sealed => InterfaceMark::Isolated,
            None => {
                let what = if entry.in_ledger { "was attached since, and" } else { "is tagged as quarantined, and" };
                entry.reasons.push(format!("{} {what} is not isolated", interface.id));
                InterfaceMark::Open
            }
        };
        let from_ledger = known.is_some();
        entry.interfaces.push(InterfaceStanding {
            id: interface.id.clone(),
            index: Some(interface.device_index),
            originals: known.map(|(before, _)| before).or_else(|| tags::read_originals(&interface.tags)),
            from_ledger,
            live: Some(groups.clone()),
            mark,
        });
    }
}

fn status(entry: &mut Contained, runs: &[&RunState], live: Option<&LiveInstance>, was_read: bool) -> Status {
    match live {
        None if was_read => return Status::Gone,
        None => return Status::Unread,
        Some(live) if !live.instance.exists() => return Status::Gone,
        Some(_) => {}
    }
    let count = |mark| entry.interfaces.iter().filter(|i| i.mark == mark).count();
    let (isolated, open, drift) =
        (count(InterfaceMark::Isolated), count(InterfaceMark::Open), count(InterfaceMark::Drift));
    match (isolated, open, drift) {
        (0, 0, 0) => {
            entry.reasons.push("no interface could be read".to_owned());
            Status::Partial
        }
        (_, 0, 0) => Status::Isolated,
        (0, _, 0) if !entry.in_ledger || runs.iter().all(|r| matches!(r.ended, Some((Outcome::Done, _, _)))) => {
            Status::Drift
        }
        (_, _, 0) => Status::Partial,
        _ => Status::Drift,
    }
}
