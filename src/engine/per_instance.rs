//! What a run has done to each of several instances.

use crate::domain::InstanceId;
use crate::ledger::RunState;
use crate::playbook::change::{SetInstanceProfile, SetMetadataOptions};
use crate::playbook::exfiltration::{IMDSV2, PROFILE};
use crate::playbook::{Action, Change};
use serde_json::{Map, Value, json};

/// The instance of a step and which of its actions it is.
fn action(change: &Change) -> Option<(&InstanceId, &'static str)> {
    match change {
        Change::MetadataOptions(SetMetadataOptions { instance, .. }) => Some((instance, IMDSV2)),
        Change::InstanceProfile(SetInstanceProfile { instance, .. }) => Some((instance, PROFILE)),
        _ => None,
    }
}

/// Each instance's actions with where they stand, in one word each, `{"i-…": {"imdsv2": "verified", …}}`; and where the
/// plan does nothing about one, why.
pub(super) fn states(state: &RunState) -> Value {
    let mut all: Map<String, Value> =
        state.plan.promise.left.iter().map(|(instance, why)| (instance.to_string(), json!(why))).collect();
    for step in &state.plan.steps {
        let Action::Change(change) = &step.action else { continue };
        let (Some((instance, action)), Some(status)) = (action(change), state.steps.get(&step.id)) else { continue };
        let entry = all.entry(instance.to_string()).or_insert_with(|| json!({}));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert(action.to_owned(), json!(status.state.word()));
        }
    }
    Value::Object(all)
}

/// The instances that were to get another profile and, as far as is known, did not.
pub(super) fn not_moved(state: &RunState) -> Vec<String> {
    let unmoved = |step: &crate::playbook::Step| match &step.action {
        Action::Change(Change::InstanceProfile(SetInstanceProfile { instance, .. })) => {
            let moved = state.steps.get(&step.id).is_some_and(|s| s.state.succeeded());
            (!moved).then(|| instance.to_string())
        }
        _ => None,
    };
    state.plan.steps.iter().filter_map(unmoved).collect()
}

/// Whether everything is denied to the role's sessions by this run, and what that leaves open, in a sentence.
pub(super) fn exfiltration_in_part(state: &RunState) -> String {
    let cut = state.plan.steps.iter().any(|step| {
        matches!(step.action, Action::Change(Change::InlinePolicy(_)))
            && state.steps.get(&step.id).is_some_and(|s| s.state.succeeded())
    });
    let role = crate::domain::text::fit(state.plan.subject_id(), 80);
    let mut text = if cut {
        format!("every session of role {role} issued before the cut-off is denied everything, but not all was done")
    } else {
        format!("the stolen credentials of role {role} are NOT cut: they go on working")
    };
    let left = not_moved(state);
    if cut && !left.is_empty() {
        text.push_str(&format!("; {} may hold fresh credentials of it", left.join(" ")));
    }
    text
}
