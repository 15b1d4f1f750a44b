//! The list of a run's evidence, made from its records alone: the same records make the same bytes.

use crate::domain::InstanceId;
use crate::ledger::{RunState, StepState};
use crate::playbook::evidence::Manifest;
use crate::playbook::{Action, Evidence, Step};
use chrono::{DateTime, Utc};

/// The list's bytes, and when the last of what it lists was answered for.
pub(super) fn of(state: &RunState, instance: &InstanceId) -> (Vec<u8>, DateTime<Utc>) {
    let is_evidence = |s: &&Step| match &s.action {
        Action::Snapshots { .. } => true,
        Action::Evidence(evidence) => !matches!(evidence, Evidence::Manifest { .. }),
        _ => false,
    };
    let steps: Vec<&Step> = state.plan.steps.iter().filter(is_evidence).collect();
    let listed = steps.iter().filter_map(|s| Some((*s, state.steps.get(&s.id)?)));
    let mut manifest = Manifest {
        version: Manifest::VERSION,
        run: state.run,
        instance: instance.clone(),
        scope: state.plan.scope.clone(),
        incident: state.plan.incident.clone(),
        actor: state.actor.to_string(),
        objects: vec![],
        snapshots: vec![],
        missing: vec![],
    };
    let mut at = state.begun_at;
    for (step, status) in listed {
        at = at.max(status.answered_at.unwrap_or(at));
        manifest.objects.extend(status.kept.iter().cloned());
        if status.state.succeeded() {
            if status.kept.is_empty() {
                manifest.snapshots.extend(status.output.iter().cloned());
            }
        } else if status.state != StepState::Pending {
            let why = status.state.why().unwrap_or_else(|| status.state.word().to_owned());
            manifest.missing.push(format!("{}: {why}", step.title));
        }
    }
    (manifest.bytes(), at)
}
