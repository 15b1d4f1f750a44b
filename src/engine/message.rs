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
    let body = fitting(value(state));
    let kind = state.plan.finding.as_ref().map_or("no finding", |f| f.finding_type.as_str());
    let subject = format!("lazaret: {} in {} ({kind})", headline(state), state.plan.scope);
    (text::sns_subject(&subject), body)
}

/// What goes first where there is more to tell than SNS takes: the ledger has it all. What became of each instance goes
/// last.
const LEFT_OUT: [&str; 6] = ["steps", "warnings", "not_stopped", "next_steps", "original_security_groups", "instances"];

/// How much of a message's first sentence is told where everything else was left out.
const LONGEST_MESSAGE: usize = 10_000;

/// The body as text, with as much left out as has to be; and named.
fn fitting(mut body: Value) -> String {
    let mut left_out: Vec<&str> = Vec::new();
    for field in LEFT_OUT {
        if body.to_string().len() <= MAX_BYTES {
            break;
        }
        let Some(told) = body.get_mut(field).filter(|told| told.is_array() || told.is_object()) else { continue };
        *told = if told.is_array() { json!([]) } else { json!({}) };
        left_out.push(field);
        body["left_out"] = json!(left_out);
    }
    if body.to_string().len() > MAX_BYTES {
        body["message"] = json!(text::cut(body["message"].as_str().unwrap_or_default(), LONGEST_MESSAGE));
    }
    body.to_string()
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

fn value(state: &RunState) -> Value {
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
        .filter(|s| !matches!(s.action, Action::Notify { .. } | Action::UpdateFinding { .. }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn body(instances: usize) -> Value {
        let id = |n: usize| format!("i-{n:017x}");
        let each = |words: &str| (0..instances).map(|n| format!("{} {words}", id(n))).collect::<Vec<_>>();
        let states: serde_json::Map<String, Value> =
            (0..instances).map(|n| (id(n), json!({"imdsv2": "verified", "profile": "verified"}))).collect();
        json!({
            "message": each("moved").join(" "), "run": "01", "steps": each("Require IMDSv2"),
            "warnings": each(&"w".repeat(200)), "not_stopped": ["what was done is done"], "next_steps": [],
            "instances": states,
        })
    }

    #[test]
    fn a_message_is_told_whole_where_there_is_room_and_in_what_matters_most_where_there_is_not() {
        let small = body(3);
        assert_eq!(fitting(small.clone()), small.to_string());
        for (instances, left_out) in [
            (1_000, json!(["steps", "warnings"])),
            (20_000, json!(["steps", "warnings", "not_stopped", "next_steps", "instances"])),
        ] {
            let text = fitting(body(instances));
            assert!(text.len() <= MAX_BYTES, "{instances}: {}", text.len());
            let told: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&told["left_out"], &told["run"]), (&left_out, &json!("01")), "{instances}");
            assert!(told["message"].as_str().unwrap().starts_with("i-00000000000000000 moved"), "{instances}");
        }
        let told: Value = serde_json::from_str(&fitting(body(1_000))).unwrap();
        assert_eq!(told["instances"].as_object().unwrap().len(), 1_000, "what became of each is told longest");
    }
}
