//! The security groups on one network interface.

use super::edit::{Edit, Standing, chained};
use crate::domain::{GroupId, InstanceId, InterfaceId};
use crate::playbook::call::ApiCall;
use crate::playbook::group_names::group_list;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Replaces the groups of a network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetInterfaceGroups {
    /// The instance it is attached to.
    pub instance: InstanceId,
    /// The interface.
    pub interface: InterfaceId,
    /// The groups that stood on it.
    pub before: BTreeSet<GroupId>,
    /// The groups that will.
    pub after: BTreeSet<GroupId>,
    /// Whether it only passes through: open for a moment, on its way into quarantine or back.
    #[serde(default)]
    pub passing: bool,
}

impl Edit for SetInterfaceGroups {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} groups", self.interface)]
    }

    fn needs(&self) -> Needs {
        Needs {
            instance: Some(self.instance.clone()),
            groups: self.before.iter().chain(&self.after).cloned().collect(),
            ..Needs::default()
        }
    }

    fn standing(&self, world: &Observed) -> Standing {
        match world.interfaces.get(&self.interface) {
            None => Standing::Gone,
            Some(now) if now.groups == self.after => Standing::After,
            Some(now) if now.groups == self.before => Standing::Before,
            Some(now) => Standing::Drift(group_list(&now.groups)),
        }
    }

    fn before_text(&self) -> String {
        group_list(&self.before)
    }

    fn after_text(&self) -> String {
        group_list(&self.after)
    }

    fn what(&self) -> String {
        format!("groups of {}", self.interface)
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (before, after) = (Some(self.before_text()), Some(self.after_text()));
        vec![ApiCall::new("ec2:ModifyNetworkInterfaceAttribute", self.interface.as_str(), before, after)]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after.clone(), after: self.before.clone(), passing: false, ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.interface == later.interface).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after.clone(),
            passing: later.passing,
            ..self.clone()
        })
    }

    fn looks_first(&self) -> bool {
        false
    }
}
