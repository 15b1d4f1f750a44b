//! Network ACLs and their denies: ours as the ledger tells them, everybody else's, and the counters in Parameter Store
//! that others number their rules by.

use super::field::Field;
use super::fuzzy::Fuzzy;
use super::list::{Cursor, Kept, Move};
use crate::console::msg::AclRead;
use crate::domain::{AccountId, AclAction, AclCounter, AclDirection, AclEntry, AclId, NetworkAcl, RunId, Scope, text};
use crate::engine::blocks::{look, numbers_used, ours};
use crate::engine::{Block, BlockState};
use crate::ledger::RunState;
use crate::playbook::block::counter::compare;
use crate::playbook::{Action, Change};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// Which ACL.
pub type AclKey = (Scope, AclId);

/// Which line: an ACL, or one deny of it by number and range.
pub type LineKey = (AclKey, Option<(i32, String)>);

/// The path below which counters lie, one for each ACL.
pub const COUNTERS: &str = "/nacl/";

/// One deny: the same number and range in one direction or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deny {
    /// Its number.
    pub number: i32,
    /// What it denies. Raw.
    pub cidr: String,
    /// In which directions it stands.
    pub ways: BTreeSet<AclDirection>,
    /// The allow that stands before it, where one does.
    pub behind: Option<i32>,
    /// Our block, where it is one.
    pub ours: Option<Block>,
}

/// One ACL with what is telling about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclRow {
    /// Where and which.
    pub key: AclKey,
    /// The ACL; none where only a counter is left of it.
    pub acl: Option<NetworkAcl>,
    /// Its denies below the final ones, by number; those of ours that somebody else has removed too.
    pub denies: Vec<Deny>,
    /// Its counter.
    pub counter: Option<AclCounter>,
    /// How it differs from the table, where it does.
    pub counter_drift: Option<String>,
    /// Entries used, the final deny included: IPv4 in, IPv4 out, IPv6 in, IPv6 out.
    pub used: [usize; 4],
    /// What does not fit together, each a sentence.
    pub oddities: Vec<String>,
}

/// Why a deny has no effect: an allow of everything stands before it.
pub fn shadowed_by(acl: &NetworkAcl, deny: &AclEntry) -> Option<i32> {
    let all = |e: &AclEntry| matches!(e.cidr.as_str(), "0.0.0.0/0" | "::/0") && e.protocol == "-1" && e.ports.is_none();
    acl.entries_of(deny.direction, deny.is_ipv6())
        .into_iter()
        .find(|e| e.action == AclAction::Allow && e.number < deny.number && all(e))
        .map(|e| e.number)
}

/// The ACLs of all accounts and Regions.
#[derive(Debug)]
pub struct Blocks {
    reads: BTreeMap<Scope, AclRead>,
    ours: Vec<Block>,
    /// The numbers that our runs have used.
    used: BTreeMap<AclKey, BTreeSet<i32>>,
    rows: BTreeMap<AclKey, AclRow>,
    order: Vec<LineKey>,
    without_denies: usize,
    quota: usize,
    /// Whether ACLs without denies are shown too.
    pub all: bool,
    /// The selected line.
    pub cursor: Cursor<LineKey>,
    /// The filter that was typed.
    pub filter: Field,
}

impl Blocks {
    /// Nothing read yet; so many entries fit in each direction and family of an ACL.
    pub fn new(quota: usize) -> Self {
        Self {
            reads: BTreeMap::new(),
            ours: vec![],
            used: BTreeMap::new(),
            rows: BTreeMap::new(),
            order: vec![],
            without_denies: 0,
            quota,
            all: false,
            cursor: Cursor::default(),
            filter: Field::default(),
        }
    }

    /// How many entries fit in each direction and family.
    pub fn quota(&self) -> usize {
        self.quota
    }

    /// Moves the selection.
    pub fn go(&mut self, to: Move, height: usize) {
        self.cursor.go(&self.order, to, height);
    }

    /// The lines that are shown, in order.
    pub fn order(&self) -> &[LineKey] {
        &self.order
    }

    /// One line: its ACL, and its deny where it is one.
    pub fn line(&self, key: &LineKey) -> Option<(&AclRow, Option<&Deny>)> {
        let row = self.rows.get(&key.0)?;
        let deny = match &key.1 {
            Some((number, cidr)) => Some(row.denies.iter().find(|d| d.number == *number && d.cidr == *cidr)?),
            None => None,
        };
        Some((row, deny))
    }

    /// Whether a deny of ours stands for this range somewhere, shown or not.
    pub fn holds(&self, range: &IpNet) -> bool {
        let ours = self.rows.values().flat_map(|row| &row.denies).filter_map(|deny| deny.ours.as_ref());
        ours.into_iter().any(|block| block.deny.range == *range)
    }

    /// The selected line.
    pub fn selected(&self) -> Option<(&AclRow, Option<&Deny>)> {
        self.line(self.cursor.key()?)
    }

    /// How many addresses are denied, once for each ACL.
    pub fn denies(&self) -> usize {
        self.rows.values().map(|r| r.denies.iter().filter(|d| !d.ways.is_empty()).count()).sum()
    }

    /// How many ACLs are shown.
    pub fn acls(&self) -> usize {
        self.order.iter().filter(|(_, deny)| deny.is_none()).count()
    }

    /// How many ACLs have something that does not fit.
    pub fn odd(&self) -> usize {
        self.rows.values().filter(|r| !r.oddities.is_empty()).count()
    }

    /// How many ACLs have neither denies nor a counter.
    pub fn without_denies(&self) -> usize {
        self.without_denies
    }

    /// How each block of a run was read; nothing where none of it is listed.
    pub fn of_run(&self, run: RunId) -> impl Iterator<Item = &BlockState> {
        let ours = self.rows.values().flat_map(|row| &row.denies).filter_map(|deny| deny.ours.as_ref());
        ours.filter(move |block| block.run == run).map(|block| &block.seen)
    }

    /// What has blocks of ours whose time is over, each once.
    pub fn due(&self, now: DateTime<Utc>) -> BTreeSet<(Scope, IpNet)> {
        self.ours.iter().filter(|b| b.is_due(now)).map(|b| (b.scope.clone(), b.deny.range)).collect()
    }

    /// Why counters could not be read, by scope.
    pub fn counter_errors(&self) -> impl Iterator<Item = (&Scope, &str)> {
        self.reads.iter().filter_map(|(scope, read)| Some((scope, read.counters_error.as_deref()?)))
    }

    /// Takes a reading in.
    pub fn take(&mut self, scope: Scope, read: AclRead) {
        self.reads.insert(scope, read);
    }

    /// Takes over what the ledger says of our blocks.
    pub fn note(&mut self, runs: &[RunState]) {
        let about = |r: &&RunState| {
            let blocks = |a: &Action| matches!(a, Action::Change(Change::DenyAddress(_)) | Action::MoveExpiry { .. });
            r.plan.steps.iter().any(|s| blocks(&s.action))
        };
        let runs: Vec<RunState> = runs.iter().filter(about).cloned().collect();
        self.used = numbers_used(&runs);
        self.ours = ours(runs);
    }

    /// Makes the lines anew from ledger and readings.
    pub fn rebuild(&mut self, names: &BTreeMap<AccountId, String>, height: usize) -> Kept {
        self.rows.clear();
        self.without_denies = 0;
        for (scope, read) in &self.reads {
            let mut counters = counters(read);
            for acl in &read.acls {
                let mine = self.ours.iter().filter(|b| b.scope == *scope && b.deny.acl == acl.id);
                let none = BTreeSet::new();
                let used = self.used.get(&(scope.clone(), acl.id.clone())).unwrap_or(&none);
                let row = row(scope, acl, counters.remove(&acl.id), used, mine, self.quota);
                let plain = row.denies.is_empty() && row.counter.is_none();
                self.without_denies += usize::from(plain);
                if self.all || !plain {
                    self.rows.insert(row.key.clone(), row);
                }
            }
            for (id, counter) in counters {
                let mut row = absent((scope.clone(), id.clone()));
                row.oddities.push(format!("{COUNTERS}{id} counts for an ACL that does not exist here"));
                row.counter = Some(counter);
                self.rows.insert(row.key.clone(), row);
            }
        }
        // What the ledger says stands in a table that was not read, or is gone, is not kept quiet.
        for block in &self.ours {
            let key = (block.scope.clone(), block.deny.acl.clone());
            let read = self.reads.contains_key(&block.scope);
            let row = self.rows.entry(key.clone()).or_insert_with(|| absent(key));
            if row.acl.is_none() {
                let seen = if read { BlockState::Gone } else { BlockState::Unread };
                row.denies.push(of_ours(&Block { seen, ..block.clone() }));
            }
        }
        self.reorder(names, height)
    }

    /// Filters and sorts what is known.
    pub fn reorder(&mut self, names: &BTreeMap<AccountId, String>, height: usize) -> Kept {
        let mut fuzzy = Fuzzy::new(self.filter.text());
        let mut rows: Vec<&AclRow> = self.rows.values().collect();
        rows.sort_by(|a, b| {
            let rank = |r: &AclRow| {
                let mine = r.denies.iter().filter(|d| d.ours.is_some()).count();
                (r.oddities.is_empty(), std::cmp::Reverse(mine), std::cmp::Reverse(r.denies.len()))
            };
            (rank(a), &a.key).cmp(&(rank(b), &b.key))
        });
        let mut order: Vec<LineKey> = Vec::new();
        for row in rows {
            let of_acl = [
                row.key.1.to_string(),
                row.key.0.to_string(),
                names.get(&row.key.0.account).cloned().unwrap_or_default(),
                row.acl.as_ref().map(|a| a.vpc.to_string()).unwrap_or_default(),
            ];
            let mut of_deny = |deny: &Deny| {
                let mut fields = of_acl.to_vec();
                fields.extend([text::fit(&deny.cidr, 64), deny.number.to_string(), deny.word().to_owned()]);
                fields.extend(deny.ours.as_ref().map(|b| text::fit(&b.by, 64)));
                fuzzy.as_mut().is_none_or(|f| f.matches(&fields))
            };
            let shown: Vec<&Deny> = row.denies.iter().filter(|d| of_deny(d)).collect();
            if !shown.is_empty() || fuzzy.as_mut().is_none_or(|f| f.matches(&of_acl)) {
                order.push((row.key.clone(), None));
                order.extend(shown.into_iter().map(|d| (row.key.clone(), Some((d.number, d.cidr.clone())))));
            }
        }
        self.order = order;
        self.cursor.settle(&self.order, height)
    }
}

impl Deny {
    /// How it stands, in a word or two.
    pub fn word(&self) -> &'static str {
        match self.ours.as_ref().map(|b| &b.seen) {
            None if self.behind.is_some() => "dead",
            None => "not ours",
            Some(BlockState::Stands) => "stands",
            Some(BlockState::Dead { .. }) => "DEAD",
            Some(BlockState::Part { .. }) => "IN PART",
            Some(BlockState::Gone) => "GONE",
            Some(BlockState::Unread) => "unread",
        }
    }
}

/// An ACL that is not there, or was not read.
fn absent(key: AclKey) -> AclRow {
    AclRow { key, acl: None, denies: vec![], counter: None, counter_drift: None, used: [0; 4], oddities: vec![] }
}

/// A block of ours of which nothing stands, or nobody knows what does.
fn of_ours(block: &Block) -> Deny {
    Deny {
        number: block.deny.number,
        cidr: block.deny.range.to_string(),
        ways: BTreeSet::new(),
        behind: None,
        ours: Some(block.clone()),
    }
}

/// The denies of a table, each number and range once, and those of ours that are gone from it.
fn denies<'a>(acl: &NetworkAcl, mine: impl Iterator<Item = &'a Block>) -> Vec<Deny> {
    let mut list: BTreeMap<(i32, String), Deny> = BTreeMap::new();
    for entry in acl.denies() {
        let deny = list.entry((entry.number, entry.cidr.clone())).or_insert_with(|| Deny {
            number: entry.number,
            cidr: entry.cidr.clone(),
            ways: BTreeSet::new(),
            behind: None,
            ours: None,
        });
        deny.ways.insert(entry.direction);
        deny.behind = deny.behind.or(shadowed_by(acl, entry));
    }
    for block in mine {
        let block = Block { seen: look(&block.deny, Some(acl)), ..block.clone() };
        let key = (block.deny.number, block.deny.range.to_string());
        let standing = list.get_mut(&key).filter(|_| block.seen != BlockState::Gone);
        match standing {
            Some(deny) => deny.ours = Some(block),
            None => drop(list.entry(key).or_insert_with(|| of_ours(&block))),
        }
    }
    list.into_values().collect()
}

fn counters(read: &AclRead) -> BTreeMap<AclId, AclCounter> {
    let mut counters = BTreeMap::new();
    for parameter in &read.counters {
        let rest = parameter.name.strip_prefix(COUNTERS).unwrap_or_default();
        // What lies below a counter is somebody's own.
        let Ok(id) = rest.parse::<AclId>() else { continue };
        let (value, version, modified_at) = (parameter.value.clone(), parameter.version, parameter.modified_at);
        counters.insert(id, AclCounter { value, version, modified_at });
    }
    counters
}

fn row<'a>(
    scope: &Scope,
    acl: &NetworkAcl,
    counter: Option<AclCounter>,
    used: &BTreeSet<i32>,
    mine: impl Iterator<Item = &'a Block>,
    quota: usize,
) -> AclRow {
    let denies = denies(acl, mine);
    let entries = [
        acl.entries_of(AclDirection::Ingress, false).len(),
        acl.entries_of(AclDirection::Egress, false).len(),
        acl.entries_of(AclDirection::Ingress, true).len(),
        acl.entries_of(AclDirection::Egress, true).len(),
    ];
    let mut oddities = Vec::new();
    let counter_drift = compare(acl, counter.as_ref(), used).drift();
    oddities.extend(counter_drift.as_ref().map(|how| format!("the counter {how}")));
    for deny in &denies {
        let name = format!("deny {} {}", deny.number, text::fit(&deny.cidr, 43));
        match (deny.ours.as_ref().map(|b| &b.seen), deny.behind) {
            (Some(BlockState::Dead { behind }), _) => {
                oddities.push(format!("our {name} has no effect: {} stands before it", text::fit(behind, 80)));
            }
            (Some(BlockState::Part { seen }), _) => oddities.push(format!("our {name}: {}", text::fit(seen, 160))),
            (Some(BlockState::Gone), _) => oddities.push(format!("our {name} was removed by somebody else")),
            (None, Some(allow)) => oddities.push(format!("{name} has no effect: allow {allow} stands before it")),
            _ => {}
        }
    }
    for (used, name) in entries.iter().zip(["IPv4 ingress", "IPv4 egress", "IPv6 ingress", "IPv6 egress"]) {
        if *used >= quota {
            oddities.push(format!("{name} has {used} of {quota} entries: no room"));
        }
    }
    AclRow {
        key: (scope.clone(), acl.id.clone()),
        acl: Some(acl.clone()),
        denies,
        counter,
        counter_drift,
        used: entries,
        oddities,
    }
}
