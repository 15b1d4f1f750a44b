//! Network ACLs with denies, and the counters in Parameter Store that others number their rules by.

use super::field::Field;
use super::fuzzy::Fuzzy;
use super::list::{Cursor, Kept, Move};
use crate::console::msg::AclRead;
use crate::domain::{AccountId, AclAction, AclDirection, AclEntry, AclId, NetworkAcl, Scope, text};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Which ACL.
pub type AclKey = (Scope, AclId);

/// The path below which counters lie, one for each ACL.
pub const COUNTERS: &str = "/nacl/";

/// The counter of one ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// Its value, where it is a number; else its text, safe to show.
    pub value: Result<i64, String>,
    /// How often it was written.
    pub version: i64,
    /// When it was last written.
    pub at: Option<DateTime<Utc>>,
}

/// One ACL with what is telling about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclRow {
    /// Where and which.
    pub key: AclKey,
    /// The ACL; none where only a counter is left of it.
    pub acl: Option<NetworkAcl>,
    /// The highest number of a deny below the final one.
    pub highest: Option<i32>,
    /// How many denies it has, both directions together.
    pub denies: usize,
    /// Its counter.
    pub counter: Option<Counter>,
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
#[derive(Debug, Default)]
pub struct Blocks {
    reads: BTreeMap<Scope, AclRead>,
    rows: BTreeMap<AclKey, AclRow>,
    order: Vec<AclKey>,
    without_denies: usize,
    /// The selected ACL.
    pub cursor: Cursor<AclKey>,
    /// The filter that was typed.
    pub filter: Field,
}

impl Blocks {
    /// Moves the selection.
    pub fn go(&mut self, to: Move, height: usize) {
        self.cursor.go(&self.order, to, height);
    }

    /// The ACLs that are shown, in order.
    pub fn order(&self) -> &[AclKey] {
        &self.order
    }

    /// One ACL.
    pub fn row(&self, key: &AclKey) -> Option<&AclRow> {
        self.rows.get(key)
    }

    /// The selected ACL.
    pub fn selected(&self) -> Option<&AclRow> {
        self.row(self.cursor.key()?)
    }

    /// How many addresses are denied: pairs of directions count once.
    pub fn denies(&self) -> usize {
        self.rows.values().map(|r| r.denies).sum()
    }

    /// How many ACLs have something that does not fit.
    pub fn odd(&self) -> usize {
        self.rows.values().filter(|r| !r.oddities.is_empty()).count()
    }

    /// How many ACLs have neither denies nor a counter, and are not shown.
    pub fn without_denies(&self) -> usize {
        self.without_denies
    }

    /// Why counters could not be read, by scope.
    pub fn counter_errors(&self) -> impl Iterator<Item = (&Scope, &str)> {
        self.reads.iter().filter_map(|(scope, read)| Some((scope, read.counters_error.as_deref()?)))
    }

    /// Takes a reading in.
    pub fn take(&mut self, scope: Scope, read: AclRead, names: &BTreeMap<AccountId, String>, height: usize) -> Kept {
        self.reads.insert(scope, read);
        self.rows.clear();
        self.without_denies = 0;
        for (scope, read) in &self.reads {
            let mut counters = counters(read);
            for acl in &read.acls {
                let row = row(scope, acl, counters.remove(&acl.id));
                if row.denies > 0 || row.counter.is_some() {
                    self.rows.insert(row.key.clone(), row);
                } else {
                    self.without_denies += 1;
                }
            }
            for (id, counter) in counters {
                let key = (scope.clone(), id.clone());
                let oddities = vec![format!("{COUNTERS}{id} counts for an ACL that does not exist here")];
                let counter = Some(counter);
                self.rows.insert(
                    key.clone(),
                    AclRow { key, acl: None, highest: None, denies: 0, counter, used: [0; 4], oddities },
                );
            }
        }
        self.reorder(names, height)
    }

    /// Filters and sorts what is known.
    pub fn reorder(&mut self, names: &BTreeMap<AccountId, String>, height: usize) -> Kept {
        let mut fuzzy = Fuzzy::new(self.filter.text());
        let mut shown: Vec<&AclRow> = self
            .rows
            .values()
            .filter(|r| {
                let mut fields = vec![
                    r.key.1.to_string(),
                    r.key.0.to_string(),
                    names.get(&r.key.0.account).cloned().unwrap_or_default(),
                ];
                if let Some(acl) = &r.acl {
                    fields.push(acl.vpc.to_string());
                    fields.extend(acl.denies().into_iter().map(|e| e.cidr.clone()));
                }
                fuzzy.as_mut().is_none_or(|f| f.matches(&fields))
            })
            .collect();
        shown.sort_by(|a, b| (a.oddities.is_empty(), b.denies, &a.key).cmp(&(b.oddities.is_empty(), a.denies, &b.key)));
        self.order = shown.into_iter().map(|r| r.key.clone()).collect();
        self.cursor.settle(&self.order, height)
    }
}

fn counters(read: &AclRead) -> BTreeMap<AclId, Counter> {
    let mut counters = BTreeMap::new();
    for parameter in &read.counters {
        let rest = parameter.name.strip_prefix(COUNTERS).unwrap_or_default();
        let Some(id) = rest.split('/').next().and_then(|id| id.parse::<AclId>().ok()) else { continue };
        let value = parameter.value.trim().parse().map_err(|_| text::fit(&parameter.value, 20));
        counters.insert(id, Counter { value, version: parameter.version, at: parameter.modified_at });
    }
    counters
}

fn row(scope: &Scope, acl: &NetworkAcl, counter: Option<Counter>) -> AclRow {
    let denies = acl.denies();
    let highest = denies.iter().map(|e| e.number).max();
    let used = [
        acl.entries_of(AclDirection::Ingress, false).len(),
        acl.entries_of(AclDirection::Egress, false).len(),
        acl.entries_of(AclDirection::Ingress, true).len(),
        acl.entries_of(AclDirection::Egress, true).len(),
    ];
    let mut oddities = Vec::new();
    match counter.as_ref().map(|c| &c.value) {
        Some(Err(text)) => oddities.push(format!("the counter holds \"{text}\", which is no number")),
        Some(Ok(value)) if Some(*value) != highest.map(i64::from) => oddities.push(match highest {
            Some(highest) => format!("the counter says {value}, the highest deny is {highest}"),
            None => format!("the counter says {value}, and there is no deny"),
        }),
        _ => {}
    }
    for deny in &denies {
        if let Some(allow) = shadowed_by(acl, deny) {
            oddities.push(format!(
                "{} {} deny {} has no effect: allow {allow} stands before it",
                deny.direction,
                text::fit(&deny.cidr, 43),
                deny.number
            ));
        }
    }
    for (used, name) in used.iter().zip(["IPv4 ingress", "IPv4 egress", "IPv6 ingress", "IPv6 egress"]) {
        if *used >= NetworkAcl::DEFAULT_QUOTA {
            oddities.push(format!("{name} has {used} of {} entries: no room", NetworkAcl::DEFAULT_QUOTA));
        }
    }
    AclRow {
        key: (scope.clone(), acl.id.clone()),
        highest,
        denies: denies.len(),
        counter,
        used,
        oddities,
        acl: Some(acl.clone()),
    }
}
