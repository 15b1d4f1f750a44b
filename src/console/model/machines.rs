//! What the instances that findings name are: whether their owner or a service keeps us away. Read now and then, for
//! the list; a detail and a plan read their own.

use super::findings::Row;
use crate::domain::{Instance, InstanceId, Scope};
use crate::policy;
use std::collections::{BTreeMap, BTreeSet};

/// Which instance.
pub type InstanceKey = (Scope, InstanceId);

/// How many instances of one account and Region are looked at: one call of `DescribeInstances`.
pub const AT_MOST: usize = 200;

/// The mark of an instance whose owner keeps automation away.
pub const EXEMPT: &str = "⊘";
/// The mark of an instance that an AWS service operates.
pub const OPERATED: &str = "§";

/// One instance, as far as the list tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Whether its owner keeps automation away.
    pub exempt: bool,
    /// The service that operates it, where one does. Raw.
    pub operator: Option<String>,
}

impl Machine {
    /// What an instance is, by its tags and its operator.
    pub fn of(instance: &Instance) -> Self {
        let tag = instance.tags.get(policy::EXEMPT_TAG);
        Self {
            exempt: tag.is_some_and(|v| v.trim().eq_ignore_ascii_case(policy::EXEMPT_VALUE)),
            operator: instance.operator.clone(),
        }
    }

    /// Its marks in a list.
    pub fn marks(&self) -> String {
        let marks = [(self.exempt, EXEMPT), (self.operator.is_some(), OPERATED)];
        marks.into_iter().filter(|(on, _)| *on).map(|(_, mark)| mark).collect()
    }

    /// The words that a filter finds it by.
    pub fn words(&self) -> String {
        let words = [(self.exempt, "exempt"), (self.operator.is_some(), "operated")];
        words.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect::<Vec<_>>().join(" ")
    }
}

/// The instances that were read.
#[derive(Debug, Default)]
pub struct Machines {
    reads: BTreeMap<Scope, BTreeMap<InstanceId, Machine>>,
    asked: BTreeMap<Scope, BTreeSet<InstanceId>>,
}

impl Machines {
    /// One instance.
    pub fn of(&self, key: &InstanceKey) -> Option<&Machine> {
        self.reads.get(&key.0)?.get(&key.1)
    }

    /// Takes a reading in.
    pub fn take(&mut self, scope: Scope, instances: &[Instance]) {
        self.reads.insert(scope, instances.iter().map(|i| (i.id.clone(), Machine::of(i))).collect());
    }

    /// Notes what is being read.
    pub fn ask(&mut self, scope: &Scope, ids: &[InstanceId]) {
        self.asked.insert(scope.clone(), ids.iter().cloned().collect());
    }

    /// Whether these were asked for before.
    pub fn knows(&self, scope: &Scope, ids: &[InstanceId]) -> bool {
        self.asked.get(scope).map_or(ids.is_empty(), |asked| ids.iter().all(|id| asked.contains(id)))
    }
}

/// The instances of one scope that open findings name, as many as are looked at.
pub fn to_read<'a>(rows: impl Iterator<Item = &'a Row>, scope: &Scope) -> Vec<InstanceId> {
    let mut ids: BTreeSet<&InstanceId> = BTreeSet::new();
    for row in rows.filter(|r| r.finding.is_open() && !r.finding.sample) {
        if let Some((at, id)) = &row.instance
            && at == scope
        {
            ids.insert(id);
            if ids.len() >= AT_MOST {
                break;
            }
        }
    }
    ids.into_iter().cloned().collect()
}
