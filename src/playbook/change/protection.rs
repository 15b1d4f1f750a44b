//! Termination and stop protection of an instance.

use super::edit::{BackIn, Edit, Standing, chained, on_off};
use crate::domain::{InstanceId, Protection};
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use crate::playbook::weight::Weight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Sets a protection of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetProtection {
    /// The instance.
    pub instance: InstanceId,
    /// Which protection.
    pub protection: Protection,
    /// What stood there.
    pub before: bool,
    /// What will.
    pub after: bool,
}

impl Edit for SetProtection {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} {}", self.instance, self.protection.attribute())]
    }

    fn needs(&self) -> Needs {
        Needs {
            instance: Some(self.instance.clone()),
            protections: BTreeSet::from([self.protection]),
            ..Needs::default()
        }
    }

    fn standing(&self, world: &Observed) -> Standing {
        if world.instance.is_none() {
            return Standing::Gone;
        }
        match world.protections.get(&self.protection) {
            None => Standing::Unknown,
            Some(now) if *now == self.after => Standing::After,
            Some(now) if *now == self.before => Standing::Before,
            Some(now) => Standing::Drift(on_off(*now)),
        }
    }

    fn before_text(&self) -> String {
        on_off(self.before)
    }

    fn after_text(&self) -> String {
        on_off(self.after)
    }

    fn what(&self) -> String {
        format!("{} of {}", self.protection, self.instance)
    }

    fn calls(&self) -> Vec<ApiCall> {
        let target = format!("{} {}", self.instance, self.protection.attribute());
        let (before, after) = (Some(self.before_text()), Some(self.after_text()));
        vec![ApiCall::new("ec2:ModifyInstanceAttribute", &target, before, after)]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after, after: self.before, ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        let same = self.instance == later.instance && self.protection == later.protection;
        same.then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after,
            ..self.clone()
        })
    }

    fn back_in(&self) -> BackIn {
        BackIn::Afterwards
    }

    fn back_weight(&self) -> Weight {
        Weight::Wanted
    }

    fn looks_first(&self) -> bool {
        false
    }
}
