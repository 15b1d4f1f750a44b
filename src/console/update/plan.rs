//! From the key that asks for a plan to the end of its run.

use super::super::effect::{Effect, Thing};
use super::super::model::field::Field;
use super::super::model::pane::{Ask, Pane, Rehearsed, Stage, Typing};
use super::super::model::{Model, View};
use super::super::msg::{Failure, Ticket};
use super::{news, read};
use crate::config::Role;
use crate::domain::{InstanceId, RunId, Scope};
use crate::engine::prepare::RestoreWhat;
use crate::engine::rehearse::Rehearsal;
use crate::engine::{Prepared, QuarantineRequest, Refusal, RestoreRequest};
use crate::ledger::{Outcome, Record, RunState};
use crate::playbook::FindingRef;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Asks for the quarantine of what is selected.
pub(super) fn open_quarantine(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.pane.is_some() {
        return;
    }
    let (scope, instances, finding) = match model.view {
        View::Findings => {
            let Some(row) = model.findings.selected() else { return };
            if row.finding.sample {
                return model.say(Role::Warning, "a sample finding is never acted on: there is nothing to quarantine");
            }
            let Some(scope) = row.finding.scope() else {
                return model.say(Role::Warning, "the finding names no legal account and Region: nothing to act on");
            };
            let mut seen = BTreeSet::new();
            let instances: Vec<InstanceId> =
                row.finding.instances().filter_map(|i| i.id.clone()).filter(|id| seen.insert(id.clone())).collect();
            let finding = FindingRef::new(&row.finding, Some(&row.json), Some(row.hub.clone()));
            (scope, instances, Some(finding))
        }
        View::Quarantine => {
            let Some(entry) = model.quarantine.selected() else { return };
            (entry.key.0.clone(), vec![entry.key.1.clone()], entry.finding.clone())
        }
        View::Blocks | View::Activity => return,
    };
    let Some(first) = instances.first().cloned() else {
        return model.say(Role::Warning, "the finding names no instance: there is nothing to quarantine yet");
    };
    let mut policy = model.session.settings.quarantine.clone();
    policy.topic_arn = model.session.topic(&scope);
    let ask = Ask::Quarantine(Box::new(QuarantineRequest { scope, instance: first, finding, policy }));
    model.notice = None;
    let ticket = model.ticket();
    let mut pane = Pane::new(ticket, ask, model.now);
    if instances.len() > 1 {
        pane.stage = Stage::Choosing(instances);
        model.pane = Some(pane);
    } else {
        model.pane = Some(pane);
        prepare(model, effects);
    }
}

/// Takes the instance that the cursor is on.
pub(super) fn choose(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now;
    let Some(pane) = &mut model.pane else { return };
    if let (Stage::Choosing(instances), Ask::Quarantine(request)) = (&pane.stage, &mut pane.ask)
        && let Some(chosen) = instances.get(pane.line)
    {
        request.instance = chosen.clone();
        pane.line = 0;
        pane.enter(Stage::Preparing, now);
        prepare(model, effects);
    }
}

/// Asks for the restore of what is selected, or of what the pane's run has changed.
pub(super) fn open_restore(model: &mut Model, effects: &mut Vec<Effect>) {
    let target = match &model.pane {
        Some(pane) => match &pane.stage {
            Stage::Ended(_) | Stage::Refused(_) | Stage::Broken(..) => {
                pane.instance().map(|i| (pane.scope().clone(), RestoreWhat::Instance(i)))
            }
            _ => return,
        },
        None => match model.view {
            View::Activity => match model.activity.selected() {
                Some(run) if model.activity.can_be_taken_back(run) => {
                    Some((run.plan.scope.clone(), RestoreWhat::Run(run.run)))
                }
                Some(run) => {
                    let why = if run.is_open() {
                        "the run is not over"
                    } else if model.activity.was_taken_back(run) {
                        "the run was taken back already"
                    } else if run.plan.playbook == crate::playbook::Playbook::Restore {
                        "a restore is not taken back: quarantine the instance again instead"
                    } else {
                        "the run changed nothing: there is nothing to take back"
                    };
                    return model.say(Role::Warning, why);
                }
                None => None,
            },
            _ => model.selected_instance().map(|(scope, id)| (scope, RestoreWhat::Instance(id))),
        },
    };
    let Some((scope, what)) = target else {
        return model.say(Role::Warning, "no instance is selected: there is nothing to restore");
    };
    let topic_arn = model.session.topic(&scope);
    let ask = Ask::Restore(Box::new(RestoreRequest {
        scope,
        what,
        force: BTreeSet::new(),
        finding_status: model.session.settings.restore.finding_status.workflow(),
        topic_arn,
    }));
    model.notice = None;
    let ticket = model.ticket();
    model.pane = Some(Pane::new(ticket, ask, model.now));
    prepare(model, effects);
}

/// Asks whether the selected run should be taken over.
pub(super) fn open_recover(model: &mut Model) {
    let Some(run) = model.activity.selected() else { return };
    if !run.is_open() {
        return model.say(Role::Warning, "the run is over: there is nothing to recover");
    }
    if model.activity.alive(run.run) {
        return model.say(Role::Warning, "its process is alive, and holds the run");
    }
    let ask = Ask::Recover(Box::new(run.clone()));
    model.notice = None;
    let ticket = model.ticket();
    model.pane = Some(Pane::new(ticket, ask, model.now));
}

/// Has the pane's plan made.
fn prepare(model: &Model, effects: &mut Vec<Effect>) {
    let Some(pane) = &model.pane else { return };
    match &pane.ask {
        Ask::Quarantine(request) => effects.push(Effect::PrepareQuarantine(pane.ticket, request.clone())),
        Ask::Restore(request) => effects.push(Effect::PrepareRestore(pane.ticket, request.clone())),
        Ask::Recover(_) => {}
    }
}

fn ready(model: &mut Model, prepared: Box<Prepared>, changed: bool) {
    let (now, guard) = (model.now, model.session.guard);
    let Some(pane) = &mut model.pane else { return };
    if changed {
        // What was said was said about another plan.
        pane.consent = crate::engine::Consent::default();
    }
    pane.name = prepared.observed.instance.as_ref().and_then(|i| i.name().map(str::to_owned));
    let refusal = guard.would_refuse(&prepared, &pane.consent);
    pane.line = pane.line.min(prepared.plan.drift.len().saturating_sub(1));
    pane.scroll = 0;
    pane.enter(Stage::Ready { prepared: Arc::from(prepared), refusal, changed, rehearsal: Rehearsed::No }, now);
}

/// A plan was made, or not; for another pane than the one that is shown it is dropped.
pub(super) fn prepared(model: &mut Model, ticket: Ticket, result: Result<Box<Prepared>, Failure>) {
    let now = model.now;
    let Some(pane) = model.pane.as_mut().filter(|p| p.ticket == ticket && p.stage == Stage::Preparing) else { return };
    match result {
        Ok(prepared) => ready(model, prepared, false),
        Err(failure) => pane.enter(Stage::Refused(failure), now),
    }
}

/// Puts the drift that the cursor is on back too, or not; the plan is made anew.
pub(super) fn toggle_force(model: &mut Model, effects: &mut Vec<Effect>) {
    model.notice = None;
    let ticket = model.ticket();
    let now = model.now;
    let Some(pane) = &mut model.pane else { return };
    if !matches!(pane.stage, Stage::Ready { .. } | Stage::Refused(_)) {
        return;
    }
    let Some(what) = pane.drifts().get(pane.line).map(|d| d.what.clone()) else {
        return model.say(Role::Dim, "nothing was changed by somebody else: there is nothing to force");
    };
    let Ask::Restore(request) = &mut pane.ask else { return };
    if !request.force.remove(&what) {
        request.force.insert(what);
    }
    // A new name, so that the answer to the plan before is not taken for this one's.
    pane.ticket = ticket;
    pane.enter(Stage::Preparing, now);
    prepare(model, effects);
}

/// The commit key.
pub(super) fn commit(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, leaving) = (model.now, model.leaving.is_some());
    let Some(pane) = &mut model.pane else { return };
    if leaving {
        return model.say(Role::Warning, "lazaret is being left: nothing more is begun");
    }
    let refused = match &pane.stage {
        Stage::Ready { refusal, .. } => refusal.clone(),
        Stage::Recovery => None,
        _ => return,
    };
    match refused {
        Some(Refusal::Exempt { .. }) => pane.typing = Some(Typing::Exemption(Field::default())),
        Some(Refusal::UntrustedTags(_)) => pane.typing = Some(Typing::TrustTags(Field::default())),
        Some(Refusal::DryRun) => {
            if let Stage::Ready { prepared, rehearsal, .. } = &mut pane.stage
                && *rehearsal != Rehearsed::Asking
            {
                *rehearsal = Rehearsed::Asking;
                effects.push(Effect::Rehearse(pane.ticket, Arc::clone(prepared)));
            }
        }
        Some(refusal) => model.say(Role::Error, refusal.to_string()),
        None if !pane.armed(now) => {
            model.say(Role::Warning, "the plan has only just appeared: look at it, then commit");
        }
        None => {
            let effect = match (&pane.stage, &pane.ask) {
                (Stage::Ready { prepared, .. }, _) => {
                    Effect::Commit(pane.ticket, Arc::clone(prepared), pane.consent.clone())
                }
                (_, Ask::Recover(run)) => Effect::Recover(pane.ticket, run.run),
                _ => return,
            };
            let so_far = match &pane.ask {
                Ask::Recover(run) => Some(run.clone()),
                _ => None,
            };
            pane.scroll = 0;
            pane.enter(Stage::Running(so_far), now);
            effects.push(effect);
        }
    }
}

/// EC2 has said what it would say to a commit.
pub(super) fn rehearsed(model: &mut Model, ticket: Ticket, result: Result<Vec<Rehearsal>, String>) {
    let Some(pane) = model.pane.as_mut().filter(|p| p.ticket == ticket) else { return };
    if let Stage::Ready { rehearsal, .. } = &mut pane.stage {
        *rehearsal = result.map_or_else(Rehearsed::Failed, Rehearsed::Said);
        pane.scroll = 0;
    }
}

/// What was typed is looked at; the commit key has still to be pressed.
pub(super) fn accept_typing(model: &mut Model) {
    let (now, guard) = (model.now, model.session.guard);
    let Some(pane) = &mut model.pane else { return };
    let instance = pane.instance().map(|i| i.to_string());
    let right = match &pane.typing {
        Some(Typing::Exemption(field)) => instance.as_deref() == Some(field.text().trim()),
        Some(Typing::TrustTags(field)) => {
            let typed = field.text().trim();
            typed == "yes" || instance.as_deref() == Some(typed)
        }
        None => return,
    };
    if !right {
        return model.say(Role::Warning, "that is not what was asked for: nothing happens");
    }
    match pane.typing.take() {
        Some(Typing::Exemption(_)) => pane.consent.override_exemption = true,
        Some(Typing::TrustTags(_)) => pane.consent.trust_tags = true,
        None => {}
    }
    let mut still = None;
    if let Stage::Ready { prepared, refusal, .. } = &mut pane.stage {
        *refusal = guard.would_refuse(prepared, &pane.consent);
        still.clone_from(refusal);
        pane.since = now;
    }
    match still {
        Some(refusal) => model.say(Role::Error, refusal.to_string()),
        None => model.say(Role::Notice, "noted: the commit key commits now"),
    }
}

/// Folds a record into the run that it belongs to.
pub(super) fn progress(model: &mut Model, ticket: Ticket, record: &Record) {
    let pane = match &mut model.pane {
        Some(pane) if pane.ticket == ticket => Some(pane),
        _ => model.parked.get_mut(&ticket),
    };
    let Some(pane) = pane else { return };
    if let Stage::Running(state) = &mut pane.stage {
        match state {
            Some(run) => {
                // A record that does not fit is no loss: the run's end brings its whole state.
                let _ = run.apply(record);
            }
            None => *state = RunState::replay([record]).ok().flatten().map(Box::new),
        }
    }
}

/// A run of ours is over, or never began.
pub(super) fn committed(
    model: &mut Model,
    ticket: Ticket,
    result: Result<Box<RunState>, Failure>,
    effects: &mut Vec<Effect>,
) {
    let now = model.now;
    let shown = model.pane.as_ref().is_some_and(|p| p.ticket == ticket);
    let Some(mut pane) = (if shown { model.pane.take() } else { model.parked.remove(&ticket) }) else { return };
    let (scope, instance) = (pane.scope().clone(), pane.instance());
    let what = format!("{} {}", pane.verb(), instance.as_ref().map(ToString::to_string).unwrap_or_default());
    match result {
        Ok(run) => {
            if !shown {
                let (role, message) = match &run.ended {
                    Some((Outcome::Done, _, message)) => (Role::Ok, message.clone()),
                    Some((_, _, message)) => (Role::Error, message.clone()),
                    None => (Role::Warning, format!("{what}: not ended")),
                };
                model.say(role, crate::domain::text::fit(&message, 300));
            }
            pane.enter(Stage::Ended(run), now);
        }
        Err(Failure { changed: Some(new), .. }) if shown => {
            model.pane = Some(pane);
            return ready(model, new, true);
        }
        Err(failure) => {
            if !shown {
                model.say(Role::Error, format!("{what}: {}", failure.message));
            }
            let run = match &mut pane.stage {
                Stage::Running(run) => run.take(),
                _ => None,
            };
            let stage = if run.is_some() { Stage::Broken(run, failure) } else { Stage::Refused(failure) };
            pane.enter(stage, now);
        }
    }
    pane.scroll = 0;
    if shown {
        model.pane = Some(pane);
    }
    after(model, scope, instance, effects);
}

/// Has read again what the run has changed.
fn after(model: &mut Model, scope: Scope, instance: Option<InstanceId>, effects: &mut Vec<Effect>) {
    if let Some(instance) = instance {
        model.subjects.forget(&(scope.clone(), instance));
    }
    news::rebuild_quarantine(model);
    read(model, Thing::Runs, effects);
    read(model, Thing::Quarantined(scope), effects);
    for hub in model.session.hubs.clone() {
        read(model, Thing::Findings(hub), effects);
    }
}

/// The newest state of a run: ours while it is under way, else the ledger's.
pub(crate) fn newest(model: &Model, id: RunId) -> Option<&RunState> {
    let ours = model.parked.values().chain(&model.pane).filter_map(Pane::run).find(|r| r.run == id);
    let read = model.activity.run(id);
    match (ours, read) {
        (Some(ours), Some(read)) if read.next_seq > ours.next_seq => Some(read),
        (Some(ours), _) => Some(ours),
        (None, read) => read,
    }
}
