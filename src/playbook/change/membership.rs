//! An instance's place in its Auto Scaling group.

use super::edit::{BackIn, Edit, Standing, chained};
use crate::domain::{InstanceId, text};
use crate::playbook::call::ApiCall;
use crate::playbook::fleet::FleetNeeds;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where an instance is, seen from its Auto Scaling group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It serves, and is replaced when it looks unhealthy.
    InService,
    /// It is in the group, takes no traffic, and nobody checks it.
    Standby,
    /// It is not in the group.
    Outside,
}

impl Place {
    /// What an instance's lifecycle state comes to; `None` for one that is ending or waits in a warm pool. A state on
    /// its way somewhere counts as there: draining its connections alone may take minutes.
    pub fn of(lifecycle: &str) -> Option<Self> {
        match lifecycle.split(':').next().unwrap_or_default() {
            "InService" | "Pending" => Some(Self::InService),
            "Standby" | "EnteringStandby" => Some(Self::Standby),
            "Detaching" | "Detached" => Some(Self::Outside),
            _ => None,
        }
    }

    fn words(self, group: &str) -> String {
        let group = text::fit(group, 80);
        match self {
            Self::InService => format!("in service in {group}"),
            Self::Standby => format!("in standby in {group}"),
            Self::Outside => format!("not in {group}"),
        }
    }
}

/// Moves an instance out of its Auto Scaling group's service, or back: between [`Place::InService`] and one of the
/// others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPlace {
    /// The instance.
    pub instance: InstanceId,
    /// The group's name.
    pub group: String,
    /// Where it was.
    pub before: Place,
    /// Where it will be.
    pub after: Place,
}

impl Edit for SetPlace {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} place in {}", self.instance, text::safe(&self.group))]
    }

    fn needs(&self) -> Needs {
        let fleet = FleetNeeds {
            members: BTreeSet::from([self.instance.clone()]),
            groups: BTreeSet::from([self.group.clone()]),
            ..FleetNeeds::default()
        };
        Needs { fleet, ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let Some(member) = world.fleet.members.get(&self.instance) else { return Standing::Unknown };
        let place = match member {
            None if world.fleet.groups.get(&self.group) == Some(&None) => return Standing::Gone,
            None => Place::Outside,
            Some(member) if member.group != self.group => {
                return Standing::Drift(format!("in {}", text::fit(&member.group, 80)));
            }
            Some(member) => match Place::of(&member.lifecycle) {
                Some(place) => place,
                None => return Standing::Drift(text::fit(&member.lifecycle, 40)),
            },
        };
        match place {
            place if place == self.after => Standing::After,
            place if place == self.before => Standing::Before,
            place => Standing::Drift(place.words(&self.group)),
        }
    }

    fn before_text(&self) -> String {
        self.before.words(&self.group)
    }

    fn after_text(&self) -> String {
        self.after.words(&self.group)
    }

    fn what(&self) -> String {
        format!("place of {} in Auto Scaling group {}", self.instance, text::fit(&self.group, 80))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let operation = match (self.before, self.after) {
            (_, Place::Standby) => "autoscaling:EnterStandby",
            (_, Place::Outside) => "autoscaling:DetachInstances",
            (Place::Outside, Place::InService) => "autoscaling:AttachInstances",
            (_, Place::InService) => "autoscaling:ExitStandby",
        };
        let target = format!("{} {}", self.group, self.instance);
        vec![
            ApiCall::read("autoscaling:DescribeAutoScalingInstances", self.instance.as_str()),
            ApiCall::read("autoscaling:DescribeAutoScalingGroups", &self.group),
            ApiCall::new(operation, &target, Some(self.before_text()), Some(self.after_text())),
        ]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after, after: self.before, ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.fields() == later.fields()).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after,
            ..self.clone()
        })
    }

    fn back_in(&self) -> BackIn {
        BackIn::Service
    }
}
