//! Denying a range in one network ACL, under one number in each direction.

use super::edit::{Edit, Standing};
use crate::domain::{AclAction, AclDirection, AclEntry, AclId, NetworkAcl, text};
use crate::playbook::block::allocate::shadow;
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use crate::policy::Band;
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Adds entries that deny a range, or removes those that we added. An entry is ours as long as its whole tuple is what we
/// wrote: number, direction, action, protocol, ports and range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyAddress {
    /// The ACL.
    pub acl: AclId,
    /// What is denied.
    pub range: IpNet,
    /// The entries' number, the same in each direction.
    pub number: i32,
    /// The directions that get an entry of ours, or lose it. Empty where somebody else was faster everywhere: then
    /// nothing is ours.
    pub directions: BTreeSet<AclDirection>,
    /// Whether the entries are added, and not removed.
    pub adds: bool,
    /// The numbers to take another from, where this one turns out to be taken.
    pub band: Band,
    /// Until when the block is to stand; none until it is taken back.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

/// What of our entries stands in a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The directions in which our entry stands, whole.
    pub ours: BTreeSet<AclDirection>,
    /// The directions in which something else stands under its number: what.
    pub others: Vec<(AclDirection, String)>,
    /// The directions in which nothing stands under its number.
    pub free: BTreeSet<AclDirection>,
}

impl DenyAddress {
    /// The entry in one direction.
    pub fn entry(&self, direction: AclDirection) -> AclEntry {
        AclEntry {
            number: self.number,
            direction,
            action: AclAction::Deny,
            protocol: "-1".into(),
            cidr: self.range.to_string(),
            ports: None,
        }
    }

    /// Whether an entry of a table is the one that we wrote, compared whole.
    pub fn is_ours(&self, entry: &AclEntry) -> bool {
        self.directions.contains(&entry.direction) && entry.number == self.number && entry.denies_exactly(&self.range)
    }

    /// What of our entries stands in a table.
    pub fn seen_in(&self, acl: &NetworkAcl) -> Seen {
        let mut seen = Seen::default();
        for direction in &self.directions {
            match acl.at(*direction, self.number) {
                None => drop(seen.free.insert(*direction)),
                Some(entry) if self.is_ours(entry) => drop(seen.ours.insert(*direction)),
                Some(other) => seen.others.push((*direction, other.to_string())),
            }
        }
        seen
    }

    /// The allow that stands before our entry in a direction and lets the range through: the entry has no effect.
    pub fn shadowed_by<'a>(&self, acl: &'a NetworkAcl, direction: AclDirection) -> Option<&'a AclEntry> {
        shadow(acl, direction, &self.range, self.number)
    }

    /// The same in these directions alone.
    #[must_use]
    pub fn in_directions(&self, directions: BTreeSet<AclDirection>) -> Self {
        Self { directions, ..self.clone() }
    }

    fn entries_text(&self) -> String {
        format!("{} deny {} ({})", self.number, self.range, ways(&self.directions))
    }
}

/// Directions in words.
pub fn ways(directions: &BTreeSet<AclDirection>) -> String {
    let list: Vec<String> = directions.iter().map(ToString::to_string).collect();
    if list.is_empty() { "no direction".to_owned() } else { list.join(" and ") }
}

/// What stands in place of our entries, in words.
fn odd(seen: &Seen) -> String {
    let ours = (!seen.ours.is_empty()).then(|| format!("stands in {} alone", ways(&seen.ours)));
    let others = seen.others.iter().map(|(direction, what)| format!("{direction} now has {what}"));
    ours.into_iter().chain(others).collect::<Vec<_>>().join("; ")
}

impl Edit for DenyAddress {
    fn fields(&self) -> Vec<String> {
        let field = |d: &AclDirection| format!("{} {d} {} {}", self.acl, self.number, self.range);
        self.directions.iter().map(field).collect()
    }

    fn needs(&self) -> Needs {
        Needs { acls: BTreeSet::from([self.acl.clone()]), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let Some(acl) = world.acls.get(&self.acl) else { return Standing::Gone };
        let seen = self.seen_in(acl);
        let (present, absent) = (seen.ours.len() == self.directions.len(), seen.ours.is_empty());
        match (self.adds, present, absent) {
            (true, true, _) => Standing::After,
            // Nothing of ours is left to remove, whoever has taken the number.
            (false, _, true) => Standing::After,
            (false, true, false) => Standing::Before,
            (true, false, true) if seen.others.is_empty() => Standing::Before,
            _ => Standing::Drift(odd(&seen)),
        }
    }

    fn stands_in_part(&self, world: &Observed) -> Option<Vec<String>> {
        let seen = self.seen_in(world.acls.get(&self.acl)?);
        let part = self.adds && !seen.ours.is_empty() && seen.ours.len() < self.directions.len();
        part.then(|| seen.others.iter().map(|(direction, what)| format!("{direction} now has {what}")).collect())
    }

    fn without_effect(&self, world: &Observed) -> Option<String> {
        let acl = world.acls.get(&self.acl).filter(|_| self.adds)?;
        let dead = |d: &AclDirection| Some(format!("{d} {} stands before it", self.shadowed_by(acl, *d)?));
        let dead: Vec<String> = self.directions.iter().filter_map(dead).collect();
        (!dead.is_empty()).then(|| format!("{} stands and has no effect: {}", self.entries_text(), dead.join("; ")))
    }

    fn before_text(&self) -> String {
        if self.adds { "absent".into() } else { self.entries_text() }
    }

    fn after_text(&self) -> String {
        if self.adds { self.entries_text() } else { "absent".into() }
    }

    fn what(&self) -> String {
        text::safe(&format!("entries {} of {}", self.number, self.acl)).into_owned()
    }

    fn calls(&self) -> Vec<ApiCall> {
        let mut calls = vec![ApiCall::read("ec2:DescribeNetworkAcls", self.acl.as_str())];
        for direction in &self.directions {
            let entry = Some(format!("{direction} {}", self.entry(*direction)));
            let absent = Some("absent".to_owned());
            calls.push(if self.adds {
                ApiCall::new("ec2:CreateNetworkAclEntry", self.acl.as_str(), absent, entry)
            } else {
                ApiCall::new("ec2:DeleteNetworkAclEntry", self.acl.as_str(), entry, absent)
            });
        }
        calls
    }

    fn inverse(&self) -> Option<Self> {
        (!self.directions.is_empty()).then(|| Self { adds: !self.adds, ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        let same = self.acl == later.acl && self.range == later.range && self.number == later.number;
        (same && self.adds && later.adds)
            .then(|| Self { directions: self.directions.union(&later.directions).copied().collect(), ..later.clone() })
    }

    fn minus(&self, back: &Self) -> Option<Self> {
        if back.acl != self.acl || back.range != self.range || back.number != self.number {
            return Some(self.clone());
        }
        let left: BTreeSet<AclDirection> = self.directions.difference(&back.directions).copied().collect();
        (!left.is_empty()).then(|| self.in_directions(left))
    }

    fn renewed_by(&self, later: &Self) -> bool {
        self.acl == later.acl && self.range == later.range && self.adds == later.adds
    }
}
