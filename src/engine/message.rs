//! The notification's body: JSON for machines and people, within SNS's 262,144 bytes.

use super::report;
use crate::domain::text;
use crate::ledger::{Outcome, RunState};
use crate::playbook::change::SetInterfaceGroups;
use crate::playbook::{Action, Change, Playbook};
use serde_json::{Value, json};

/// SNS's limit for a message, in bytes (SNS API reference, `Publish`).
const MAX_BYTES: usize = 262_144;

/// Subject and body for a run as it stands: what was found, done, and left to do.
pub(super) fn of(state: &RunState) -> (String, String) {
    let body = value(state, true).to_string();
    let body = if body.len() <= MAX_BYTES { body } else { value(state, false).to_string() };
    let kind = state.plan.finding.as_ref().map_or("no finding", |f| f.finding_type.as_str());
    let subject = format!("lazaret: {} in {} ({kind})", headline(state), state.plan.scope);
    (text::sns_subject(&subject), body)
}

/// What holds, in a few words.
fn headline(state: &RunState) -> String {
    let id = text::safe(state.plan.subject_id()).into_owned();
    let whole = state.outcome_so_far() == Outcome::Done && !state.plan.leaves_to_decide();
    match state.plan.playbook {
        Playbook::QuarantineInstance if report::isolated_ms(state).is_some() => format!("{id} quarantined"),
        Playbook::QuarantineInstance => format!("{id} is NOT isolated"),
        Playbook::Restore if whole => format!("{id} restored"),
        Playbook::Restore => format!("{id} is NOT fully restored"),
        Playbook::BlockAddress if whole => super::block::kept(state),
        _ if whole => state.plan.promise.kept.clone(),
        Playbook::ContainExfiltration => super::per_instance::exfiltration_in_part(state),
        _ => state.plan.promise.broken.clone(),
    }
}

fn value(state: &RunState, with_steps: bool) -> Value {
    let plan = &state.plan;
    let id = text::safe(plan.subject_id()).into_owned();
    let finding = plan.finding.as_ref().map(|f| {
        json!({
            "id": text::cut(&text::safe(f.id.as_str()), 1_000),
            "type": text::cut(&text::safe(&f.finding_type), 300),
            "title": text::cut(&text::safe(&f.title), 1_000),
            "severity": f.severity,
        })
    });
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .filter(|s| with_steps && !matches!(s.action, Action::Notify { .. } | Action::UpdateFinding { .. }))
        .filter_map(|s| {
            let status = state.steps.get(&s.id)?;
            Some(json!({
                "id": s.id, "title": text::safe(&s.title), "state": status.state.word(), "why": status.state.why(),
            }))
        })
        .collect();
    // What stood there first, where an interface went through another group on its way.
    let mut originals: serde_json::Map<String, Value> = serde_json::Map::new();
    for change in state.changes() {
        if let Change::InterfaceGroups(SetInterfaceGroups { interface, before, .. }) = change {
            originals.entry(interface.to_string()).or_insert_with(|| json!(before));
        }
    }
    let snapshots: Vec<&String> = plan
        .steps
        .iter()
        .filter(|s| matches!(s.action, Action::Snapshots { .. }))
        .filter_map(|s| state.steps.get(&s.id))
        .flat_map(|s| &s.output)
        .collect();
    let isolated = report::isolated_ms(state).is_some();
    let (title, next) = match plan.playbook {
        Playbook::QuarantineInstance if isolated => (
            format!("{id} is isolated: every interface was read back"),
            vec![
                "Look at the snapshots before anything is terminated".to_owned(),
                "Revoke the sessions of the instance's role: credentials taken from it are still valid".to_owned(),
                format!(
                    "False positive? lazaret restore {id} --account {} --region {}",
                    plan.scope.account, plan.scope.region
                ),
            ],
        ),
        Playbook::QuarantineInstance => (
            format!("{id} is NOT isolated"),
            vec![format!("See lazaret runs --run {}, then lazaret quarantine {id} again", state.run)],
        ),
        Playbook::Restore => (headline(state), vec![format!("See lazaret runs --run {}", state.run)]),
        Playbook::Unblock | Playbook::ExtendBlock => {
            (headline(state), vec![format!("See lazaret runs --run {}", state.run)])
        }
        // There is no way back from having looked.
        Playbook::CollectForensics => (headline(state), state.next()),
        _ => {
            let back = format!("False positive? lazaret restore --run {}", state.run);
            let back = (plan.playbook != Playbook::BlockAddress || super::block::has_entries(state)).then_some(back);
            (headline(state), report::next(state).into_iter().chain(back).collect())
        }
    };
    json!({
        "source": "lazaret",
        "message": title,
        "run": state.run,
        "playbook": plan.playbook,
        "incident": plan.incident,
        "actor": state.actor.to_string(),
        "account": plan.scope.account,
        "region": plan.scope.region,
        "partition": plan.scope.partition,
        "subject": plan.subject,
        "instance": plan.instance(),
        "isolated": (plan.playbook == Playbook::QuarantineInstance).then_some(isolated),
        "finding": finding,
        "steps": steps,
        "instances": (plan.playbook == Playbook::ContainExfiltration).then(|| super::per_instance::states(state)),
        "original_security_groups": originals,
        "snapshots": snapshots,
        "warnings": plan.warnings,
        "not_stopped": plan.limits,
        "next_steps": next,
        "restore": plan.playbook.contains()
            .then(|| format!("lazaret restore --run {}", state.run)),
    })
}
