//! A target of a load balancer.

use super::edit::{BackIn, Edit, Standing, chained};
use crate::domain::{Balancer, InstanceId, Target, text};
use crate::playbook::call::ApiCall;
use crate::playbook::fleet::FleetNeeds;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Registers a target with a target group or classic load balancer, or deregisters it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRegistration {
    /// The instance that the target leads to.
    pub instance: InstanceId,
    /// Where it is registered.
    pub with: Balancer,
    /// The instance's id, or one of its addresses.
    pub target: String,
    /// The port; classic load balancers know none.
    pub port: Option<i32>,
    /// The Availability Zone that it was registered with, where one was given.
    pub zone: Option<String>,
    /// Whether it was registered.
    pub before: bool,
    /// Whether it will be.
    pub after: bool,
}

impl SetRegistration {
    /// Whether this is the target that is meant.
    pub fn is(&self, target: &Target) -> bool {
        target.id == self.target && target.port == self.port
    }

    /// The target as people write it: `i-…:443`.
    pub fn target_text(&self) -> String {
        let target = text::safe(&self.target);
        self.port.map_or_else(|| target.to_string(), |port| format!("{target}:{port}"))
    }
}

fn words(registered: bool) -> String {
    if registered { "registered".into() } else { "not registered".into() }
}

impl Edit for SetRegistration {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} target {}", text::safe(self.with.as_str()), self.target_text())]
    }

    fn needs(&self) -> Needs {
        let fleet = FleetNeeds { targets: BTreeSet::from([self.with.clone()]), ..FleetNeeds::default() };
        Needs { fleet, ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let targets = match world.fleet.targets.get(&self.with) {
            None => return Standing::Unknown,
            Some(None) => return Standing::Gone,
            Some(Some(targets)) => targets,
        };
        let registered = targets.iter().any(|t| self.is(t) && t.is_registered());
        if registered == self.after { Standing::After } else { Standing::Before }
    }

    fn before_text(&self) -> String {
        words(self.before)
    }

    fn after_text(&self) -> String {
        words(self.after)
    }

    fn what(&self) -> String {
        format!("{} in {}", self.target_text(), text::safe(&self.with.to_string()))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (look, call) = match (self.with.is_target_group(), self.after) {
            (true, true) => ("elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:RegisterTargets"),
            (true, false) => ("elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DeregisterTargets"),
            (false, true) => (
                "elasticloadbalancing:DescribeInstanceHealth",
                "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
            ),
            (false, false) => (
                "elasticloadbalancing:DescribeInstanceHealth",
                "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
            ),
        };
        let target = format!("{} {}", self.with.name(), self.target_text());
        vec![
            ApiCall::read(look, self.with.name()),
            ApiCall::new(call, &target, Some(self.before_text()), Some(self.after_text())),
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
        BackIn::Targets
    }
}
