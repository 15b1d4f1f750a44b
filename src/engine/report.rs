//! What a run amounts to: one sentence for people, one value for `--json`.

use super::findings_said::Said;
use super::resolve::stands_open;
use crate::domain::{Kept, Scope};
use crate::ledger::{Outcome, RunState, StepState};
use crate::playbook::change::SetInterfaceGroups;
use crate::playbook::{Action, Change, Playbook, Step, Weight};
use serde::Serialize;

/// One step in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// Its name in the plan.
    pub id: String,
    /// What it does.
    pub title: String,
    /// Where it stands, in one word.
    pub state: String,
    /// From intention to answer, in milliseconds.
    pub ms: Option<i64>,
    /// What came of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// Why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What `--json` ends with: stable, additions aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// The run; none when it was refused before it began.
    pub run: Option<String>,
    /// `done`, `partial`, `failed` or `refused`; `running` for one that has not ended.
    pub state: String,
    /// Which playbook.
    pub playbook: String,
    /// What it acts on.
    pub subject: String,
    /// Account and Region.
    pub scope: Scope,
    /// Every step.
    pub steps: Vec<StepReport>,
    /// From commit until every interface was read back holding the quarantine group alone, in milliseconds.
    pub isolated_ms: Option<i64>,
    /// From commit to the end, in milliseconds.
    pub total_ms: Option<i64>,
    /// What holds and what doesn't, in one sentence.
    pub message: String,
    /// What a person should know about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The runs that this one takes back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reverts: Vec<String>,
    /// The evidence that it has kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Kept>,
    /// What was left alone because somebody else changed it, or can't go back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<crate::playbook::plan::Drift>,
    /// What a person should look at next, most urgent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

/// When every interface had been read back as isolated, in milliseconds from the run's beginning.
pub fn isolated_ms(state: &RunState) -> Option<i64> {
    let step = state.plan.steps.iter().find(|s| matches!(s.action, Action::ReadBack { isolated: Some(_), .. }))?;
    let status = state.steps.get(&step.id)?;
    if !status.state.succeeded() {
        return None;
    }
    Some((status.answered_at? - state.begun_at).num_milliseconds())
}

impl RunReport {
    /// The report of a run as it stands.
    pub fn new(state: &RunState) -> Self {
        let steps = state.plan.steps.iter().filter_map(|step| {
            let status = state.steps.get(&step.id)?;
            let ms = status.answered_at.zip(status.intended_at).map(|(end, start)| (end - start).num_milliseconds());
            Some(StepReport {
                id: step.id.to_string(),
                title: step.title.clone(),
                state: status.state.word().to_owned(),
                ms,
                output: status.output.clone(),
                why: status.state.why(),
            })
        });
        let (outcome, message) = match &state.ended {
            Some((outcome, _, message)) => (outcome.as_str(), message.clone()),
            None => ("running", format!("{}: not ended", state.plan.title)),
        };
        Self {
            run: Some(state.run.to_string()),
            state: outcome.to_owned(),
            playbook: state.plan.playbook.name().to_owned(),
            subject: state.plan.subject.clone(),
            scope: state.plan.scope.clone(),
            steps: steps.collect(),
            isolated_ms: isolated_ms(state),
            total_ms: state.ended.as_ref().map(|(_, at, _)| (*at - state.begun_at).num_milliseconds()),
            message,
            warnings: state.plan.warnings.clone(),
            reverts: state.plan.reverts.iter().map(ToString::to_string).collect(),
            evidence: state.kept().into_iter().cloned().collect(),
            drift: state.plan.drift.clone(),
            next: next(state),
        }
    }

    /// The report of what never began.
    pub fn refused(playbook: Playbook, subject: String, scope: Scope, message: String) -> Self {
        Self {
            run: None,
            state: "refused".into(),
            playbook: playbook.name().into(),
            subject,
            scope,
            steps: vec![],
            isolated_ms: None,
            total_ms: None,
            message,
            warnings: vec![],
            reverts: vec![],
            evidence: vec![],
            drift: vec![],
            next: vec![],
        }
    }
}

/// What a person should look at next. A block of which nothing is ours has no way back, and needs none.
pub fn next(state: &RunState) -> Vec<String> {
    let left = super::block::left_to_others(state);
    if !left.is_empty() && !super::block::has_entries(state) {
        let name = crate::domain::text::safe(state.plan.subject_id()).into_owned();
        return vec![format!("Should it outlast them: once they have taken it back, lazaret block {name} again")];
    }
    state.next().into_iter().chain(super::block::denied_meanwhile(state)).collect()
}

/// How a run ended, and the sentence that says what holds, what doesn't, and what to do next.
pub(super) fn conclusion(state: &RunState) -> (Outcome, String) {
    let outcome = state.outcome();
    let id = crate::domain::text::safe(state.plan.subject_id());
    let promise = &state.plan.promise;
    let bad = |weight: fn(&Weight) -> bool| -> Vec<String> {
        state
            .plan
            .steps
            .iter()
            .filter(|s| weight(&s.weight))
            .filter_map(|s| {
                let status = &state.steps.get(&s.id)?.state;
                if status.succeeded() || matches!(status, StepState::Skipped { .. }) {
                    return None;
                }
                Some(format!("{}: {}", s.title, status.why().unwrap_or_else(|| status.word().to_owned())))
            })
            .collect()
    };
    let missing = bad(|w| *w != Weight::Courtesy);
    let courtesies = bad(|w| *w == Weight::Courtesy);
    let said = Said::of(state);
    let proof = said.as_ref().map(Said::proof).unwrap_or_default();
    let mut message = match (state.plan.playbook, outcome) {
        (Playbook::QuarantineInstance, Outcome::Done) => format!("{id} is isolated: every interface was read back"),
        (Playbook::QuarantineInstance, Outcome::Partial) if isolated_ms(state).is_some() => {
            let again = if leads_on(state) {
                format!(". Next: `lazaret quarantine {id}` again, for that")
            } else {
                String::new()
            };
            format!("{id} is isolated: every interface was read back. Not done: {}{again}", missing.join("; "))
        }
        (Playbook::QuarantineInstance, Outcome::Partial) => {
            let swapped = swapped(state);
            let holds = if swapped.is_empty() {
                format!("no interface was changed; what was changed so far: {}", changed_so_far(state))
            } else {
                format!("isolated so far: {}", swapped.join(" "))
            };
            let open: Vec<String> = stands_open(state).iter().map(ToString::to_string).collect();
            let open = if open.is_empty() {
                String::new()
            } else {
                format!("{} may be OPEN to everybody, in the allow-all group; ", open.join(" "))
            };
            format!(
                "{id} is NOT isolated: {open}{}; {holds}. Next: `lazaret quarantine {id}` again, or `lazaret restore {id}`",
                missing.join("; ")
            )
        }
        (Playbook::QuarantineInstance, Outcome::Failed) => {
            format!("{id} is NOT isolated, and nothing was changed: {}", missing.join("; "))
        }
        (Playbook::Restore, Outcome::Done)
            if state.plan.drift.is_empty() && said.as_ref().is_some_and(|s| s.late > 0) =>
        {
            format!("{id} was put back{proof}")
        }
        (Playbook::Restore, Outcome::Done) => restored(state, &id),
        (Playbook::Restore, Outcome::Partial) if only_waited_for(state) => {
            let kept_out = kept_out(state);
            let next = if kept_out.is_empty() {
                String::new()
            } else {
                format!(". Next, once it is: {} again, for {}", restore_verb(state), kept_out.join(", "))
            };
            format!("{}, but not in service yet: {}{next}", restored(state, &id), missing.join("; "))
        }
        (Playbook::Restore, Outcome::Partial) => {
            format!("{id} is restored in part. Not done: {}. Next: {} again", missing.join("; "), restore_verb(state))
        }
        (Playbook::Restore, Outcome::Failed) => {
            format!("{id} was not restored, and nothing was changed: {}", missing.join("; "))
        }
        (Playbook::CollectForensics, Outcome::Done | Outcome::Partial) if !state.kept().is_empty() => {
            let pieces = state.kept().len();
            let what = if missing.is_empty() {
                promise.kept.clone()
            } else {
                format!("{}. Not done: {}", promise.broken, missing.join("; "))
            };
            format!("{what}. {pieces} pieces are kept; `lazaret evidence verify {}` checks them", state.run)
        }
        (Playbook::Unblock, Outcome::Done) if !state.plan.drift.is_empty() => {
            let left: Vec<String> =
                state.plan.drift.iter().map(|d| format!("{}: {} ({})", d.what, d.now, d.decision)).collect();
            format!("{}. Left alone: {}", promise.kept, left.join("; "))
        }
        (Playbook::UpdateFindings, Outcome::Done) => format!("{}{proof}", promise.kept),
        (Playbook::UpdateFindings, Outcome::Partial) if said.as_ref().is_some_and(|s| !s.missing.is_empty()) => {
            let (taken, why) = said.map_or((0, String::new()), |s| (s.shown + s.late, s.missing()));
            format!(
                "{}: {why}. {taken} set{proof}. Next: the same again, or `lazaret restore --run {}` takes back what was set",
                promise.broken, state.run
            )
        }
        (Playbook::BlockAddress, Outcome::Done) => super::block::kept(state),
        (_, Outcome::Done) => promise.kept.clone(),
        (Playbook::Unblock, Outcome::Partial) => {
            format!("{}: {}. Next: `lazaret unblock {id}` again", promise.broken, missing.join("; "))
        }
        (Playbook::ContainExfiltration, Outcome::Partial) => format!(
            "{}: {}; what was changed so far: {}. Next: `lazaret restore --run {}` takes it back",
            super::per_instance::exfiltration_in_part(state),
            missing.join("; "),
            changed_so_far(state),
            state.run
        ),
        (_, Outcome::Partial) => format!(
            "{}: {}; what was changed so far: {}. Next: `lazaret restore --run {}` takes it back",
            promise.broken,
            missing.join("; "),
            changed_so_far(state),
            state.run
        ),
        (_, Outcome::Failed) => format!("{}, and nothing was changed: {}", promise.broken, missing.join("; ")),
    };
    let pieces = state.kept().len();
    if state.plan.playbook == Playbook::QuarantineInstance && pieces > 0 {
        message.push_str(&format!(
            ". {pieces} pieces of evidence are kept; `lazaret evidence verify {}` checks them",
            state.run
        ));
    }
    if !courtesies.is_empty() {
        message.push_str(&format!(". Also failed, with no effect on the rest: {}", courtesies.join("; ")));
    }
    (outcome, message)
}

/// Whether something that would replace or expose an isolated instance was to be changed and was not: a quarantine can be
/// asked for again then.
fn leads_on(state: &RunState) -> bool {
    let fleet = |s: &&Step| {
        matches!(
            &s.action,
            Action::Change(
                Change::Place(_) | Change::Registration(_) | Change::Address(_) | Change::DeleteOnTermination(_)
            )
        )
    };
    let undone = |s: &Step| state.steps.get(&s.id).is_some_and(|s| !s.state.succeeded());
    state.plan.steps.iter().filter(fleet).any(undone)
}

/// How far a restore has brought its subject back, where all that it began succeeded.
fn restored(state: &RunState, id: &str) -> String {
    if state.plan.drift.is_empty() {
        return format!("{id} is as it was");
    }
    let left: Vec<String> =
        state.plan.drift.iter().map(|d| format!("{}: {} ({})", d.what, d.now, d.decision)).collect();
    let how = if state.plan.leaves_to_decide() { "is NOT fully restored" } else { "is restored, but for" };
    format!("{id} {how}: {}", left.join("; "))
}

/// Whether everything was put back but what waits for the subject to be in service, and only that waiting was in vain.
fn only_waited_for(state: &RunState) -> bool {
    let waiting = |s: &Step| matches!(s.action, Action::AwaitService(_));
    let waits: Vec<_> = state.plan.steps.iter().filter(|s| waiting(s)).map(|s| &s.id).collect();
    state.plan.steps.iter().filter(|s| s.weight != Weight::Courtesy).all(|s| {
        let succeeded = state.steps.get(&s.id).is_some_and(|s| s.state.succeeded());
        succeeded || waiting(s) || s.needs.iter().any(|need| waits.contains(&need))
    })
}

/// What was not put back, since its subject is not well.
fn kept_out(state: &RunState) -> Vec<String> {
    let skipped = |s: &&Step| matches!(state.steps.get(&s.id).map(|s| &s.state), Some(StepState::Skipped { .. }));
    let change = |s: &Step| match &s.action {
        Action::Change(change) => Some(change.what()),
        _ => None,
    };
    state.plan.steps.iter().filter(skipped).filter_map(change).collect()
}

/// The command that restores the same again.
fn restore_verb(state: &RunState) -> String {
    match (state.plan.instance(), state.plan.reverts.last()) {
        (Some(instance), _) => format!("`lazaret restore {instance}`"),
        (None, Some(run)) => format!("`lazaret restore --run {run}`"),
        (None, None) => "`lazaret restore`".to_owned(),
    }
}

/// What stands changed, in words.
fn changed_so_far(state: &RunState) -> String {
    let changes = state.steps.values().filter(|s| s.state.succeeded()).filter_map(|s| s.change.as_ref());
    let what: Vec<String> = changes.map(Change::what).collect();
    if what.is_empty() { "nothing".to_owned() } else { what.join(", ") }
}

/// The interfaces whose swap AWS has confirmed.
fn swapped(state: &RunState) -> Vec<String> {
    state
        .steps
        .values()
        .filter(|s| s.state.succeeded())
        .filter_map(|s| match &s.change {
            Some(Change::InterfaceGroups(SetInterfaceGroups { interface, passing: false, .. })) => {
                Some(interface.to_string())
            }
            _ => None,
        })
        .collect()
}
