//! A restored instance goes back to work: its targets are waited for before its Auto Scaling group may judge it.

use super::change::{BackIn, Change, Place, SetPlace, SetRegistration};
use super::observed::Observed;
use super::plan::{Action, Step, StepId, Weight};
use super::service::{ServiceCheck, TargetRef};
use crate::domain::InstanceId;
use std::collections::BTreeSet;

/// The step that waits for the targets, before [`BackIn::Service`].
const TARGETS: &str = "await-targets";

/// The step that waits for the group, after it.
const SERVICE: &str = "await-service";

/// Adds the steps that wait for what these put back in service; answers the first wave that is free after them all.
///
/// A group that asks load balancers replaces what they call unhealthy: the instance goes back into its service only
/// once its targets are well, and stays out of it otherwise.
pub(super) fn wait_for_service(steps: &mut Vec<Step>, observed: &Observed) -> u8 {
    let last = steps.iter().map(|s| s.wave).max().unwrap_or_default();
    let mut targets = BTreeSet::new();
    let mut instance: Option<InstanceId> = None;
    for step in steps.iter() {
        if let Action::Change(Change::Registration(SetRegistration {
            instance: of,
            with,
            target,
            port,
            after: true,
            ..
        })) = &step.action
        {
            targets.insert(TargetRef { with: with.clone(), id: target.clone(), port: *port });
            instance = Some(of.clone());
        }
    }
    if let Some(instance) = instance {
        steps.push(wait(
            TARGETS,
            "Wait until its targets are healthy",
            BackIn::Targets.wave() + 1,
            ServiceCheck { instance, scaling_group: None, targets: targets.clone() },
        ));
    }
    let mut after = Vec::new();
    for step in steps.iter_mut() {
        let Action::Change(Change::Place(SetPlace { instance, group, after: Place::InService, .. })) = &step.action
        else {
            continue;
        };
        let known = observed.fleet.groups.get(group).and_then(Option::as_ref);
        if known.is_none_or(|g| g.asks_load_balancers) && !targets.is_empty() {
            step.needs.push(StepId::from(TARGETS));
        }
        // AWS registers it with the group's own target groups by itself.
        let its_own = known.iter().flat_map(|g| &g.target_groups);
        let its_own = its_own.map(|b| TargetRef { with: b.clone(), id: instance.to_string(), port: None });
        let mut all: BTreeSet<TargetRef> = targets.clone();
        all.extend(its_own.filter(|own| !targets.iter().any(|t| t.with == own.with && t.id == own.id)));
        let check = ServiceCheck { instance: instance.clone(), scaling_group: Some(group.clone()), targets: all };
        let mut wait = wait(SERVICE, "Wait until it is in service", BackIn::Service.wave() + 1, check);
        wait.needs.push(step.id.clone());
        after.push(wait);
    }
    steps.extend(after);
    let waits = steps.iter().map(|s| s.wave).max().unwrap_or_default();
    last.max(waits).max(BackIn::Afterwards.wave()) + 1
}

fn wait(id: &str, title: &str, wave: u8, check: ServiceCheck) -> Step {
    Step {
        id: id.into(),
        title: title.into(),
        wave,
        weight: Weight::Wanted,
        needs: vec![],
        action: Action::AwaitService(check),
    }
}
