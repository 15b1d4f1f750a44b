//! From the plan to the end of its run.

use super::super::effect::{Effect, Thing};
use super::super::model::Model;
use super::super::model::pane::{Ask, Grant, Pane, Rehearsed, Stage, Typing};
use super::super::model::ways::ways;
use super::super::msg::{Failure, Ticket};
use super::{news, read};
use crate::config::{Command, Context, Role};
use crate::domain::{GroupId, InstanceId, RunId, Scope};
use crate::engine::prepare::Request;
use crate::engine::rehearse::Rehearsal;
use crate::engine::{Prepared, Refusal};
use crate::ledger::{Outcome, Record, RunState};
use crate::playbook::change::SetInterfaceGroups;
use crate::playbook::plan::DriftKind;
use crate::playbook::{Action, Change, Playbook};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Has the pane's plan made.
pub(super) fn prepare(model: &Model, effects: &mut Vec<Effect>) {
    if let Some(Pane { ask: Ask::Do(wish), ticket, .. }) = &model.pane {
        effects.push(Effect::Prepare(*ticket, Box::new(wish.request.clone())));
    }
}

fn ready(model: &mut Model, prepared: Box<Prepared>, changed: bool) {
    let (now, guard) = (model.now, model.session.guard);
    let Some(pane) = &mut model.pane else { return };
    if changed {
        // What was said was said about another plan.
        pane.consent = crate::engine::Consent::default();
    }
    let refusal = guard.would_refuse(&prepared, &pane.consent);
    let scope = prepared.plan.scope.clone();
    let names = prepared.observed.groups.values().map(|g| ((scope.clone(), g.id.clone()), g.name.clone()));
    model.group_names.extend(names);
    let name = prepared.observed.instance.as_ref().map(|i| (i.id.clone(), i.name().map(str::to_owned)));
    pane.line = pane.line.min(prepared.plan.drift.len().saturating_sub(1));
    pane.scroll = 0;
    pane.enter(Stage::Ready { prepared: Arc::from(prepared), refusal, changed, rehearsal: Rehearsed::No }, now);
    pane.name = name.filter(|(id, _)| pane.is_about(id)).and_then(|(_, name)| name);
}

/// A plan was made, or not; for another pane than the one that is shown it is dropped.
pub(super) fn prepared(
    model: &mut Model,
    ticket: Ticket,
    result: Result<Box<Prepared>, Failure>,
    effects: &mut Vec<Effect>,
) {
    let now = model.now;
    let Some(pane) = model.pane.as_mut().filter(|p| p.ticket == ticket && p.stage == Stage::Preparing) else { return };
    match result {
        Ok(prepared) => {
            ready(model, prepared, false);
            name_groups(model, effects);
        }
        Err(failure) => pane.enter(Stage::Refused(failure), now),
    }
}

/// Has the groups named that the plan takes off and puts on, where nobody has read them yet.
fn name_groups(model: &Model, effects: &mut Vec<Effect>) {
    let Some(plan) = model.pane.as_ref().and_then(Pane::plan) else { return };
    let mut ids: BTreeSet<&GroupId> = BTreeSet::new();
    for step in &plan.steps {
        if let Action::Change(Change::InterfaceGroups(SetInterfaceGroups { before, after, .. })) = &step.action {
            ids.extend(before.iter().chain(after));
        }
    }
    let unknown = ids.into_iter().filter(|id| !model.group_names.contains_key(&(plan.scope.clone(), (*id).clone())));
    // A group that the run has yet to make has no id.
    let unknown: Vec<GroupId> = unknown.filter(|id| id.as_str().starts_with("sg-")).cloned().collect();
    if !unknown.is_empty() {
        effects.push(Effect::NameGroups(plan.scope.clone(), unknown));
    }
}

/// Puts the drift that the cursor is on back too, or not; the plan is made anew.
pub(super) fn toggle_force(model: &mut Model, effects: &mut Vec<Effect>) {
    model.hush();
    let ticket = model.ticket();
    let now = model.now;
    let Some(pane) = &mut model.pane else { return };
    if !matches!(pane.stage, Stage::Ready { .. } | Stage::Refused(_)) {
        return no_plan(model, Command::ToggleForce);
    }
    let Some((what, kind)) = pane.drifts().get(pane.line).map(|d| (d.what.clone(), d.kind)) else {
        return model.say(Role::Dim, "nothing was changed by somebody else: there is nothing to force");
    };
    if kind == DriftKind::Withheld {
        pane.typing = Typing::to_reactivate(&what);
        return;
    }
    let Some(request) = pane.restore_mut() else { return };
    if !request.force.remove(&what) {
        request.force.insert(what);
    }
    // A new name, so that the answer to the plan before is not taken for this one's.
    pane.ticket = ticket;
    pane.enter(Stage::Preparing, now);
    prepare(model, effects);
}

/// Says why a key that is for a plan does nothing now.
fn no_plan(model: &mut Model, command: Command) {
    let Some(pane) = &model.pane else { return };
    let key = model.session.keymap.keys_for(&model.contexts(), command).into_iter().next();
    let key = key.unwrap_or_else(|| command.name().to_owned());
    let why = match &pane.stage {
        Stage::Choosing(_) => "choose one first",
        Stage::Preparing => "the plan is still being read",
        Stage::Ready { .. } | Stage::Recovery => "this plan has no such other way",
        Stage::Refused(_) => "there is no plan",
        Stage::Running(_) => "the run is under way",
        Stage::Ended(_) | Stage::Broken(..) => "the run is over",
    };
    let then = if pane.stage == Stage::Preparing { ": press it again when the plan is there" } else { "" };
    model.say(Role::Warning, format!("{key} does nothing now, {why}{then}"));
}

/// Has the same planned another way.
pub(super) fn another_way(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let ticket = model.ticket();
    let now = model.now;
    let Some(pane) = &model.pane else { return };
    if !matches!(pane.stage, Stage::Ready { .. }) {
        return no_plan(model, command);
    }
    let way = ways(pane, &model.session).into_iter().find(|way| way.command == command);
    let Some(way) = way else {
        return no_plan(model, command);
    };
    let Some(pane) = &mut model.pane else { return };
    let Ask::Do(wish) = &mut pane.ask else { return };
    wish.request = way.request;
    pane.consent = crate::engine::Consent::default();
    // A new name, so that the answer to the plan before is not taken for this one's.
    pane.ticket = ticket;
    pane.enter(Stage::Preparing, now);
    model.hush();
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
        Stage::Refused(Failure { again: Some(range), .. }) => {
            pane.typing = Some(Typing::again(*range));
            return;
        }
        Stage::Recovery => None,
        _ => return no_plan(model, Command::Commit),
    };
    let typing = refused.as_ref().zip(pane.plan()).and_then(|(refusal, plan)| Typing::against(refusal, plan));
    match refused {
        Some(_) if typing.is_some() => pane.typing = typing,
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
            // What was said of the plan is over with it.
            model.hush();
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
pub(super) fn accept_typing(model: &mut Model, effects: &mut Vec<Effect>) {
    let ticket = model.ticket();
    let (now, guard) = (model.now, model.session.guard);
    let Some(pane) = &mut model.pane else { return };
    let Some(typing) = &pane.typing else { return };
    if !typing.is_right() {
        return model.say(Role::Warning, "that is not what was asked for: nothing happens");
    }
    match typing.grant.clone() {
        Grant::Exemption => pane.consent.override_exemption = true,
        Grant::TrustTags => pane.consent.trust_tags = true,
        Grant::Irreversible => pane.consent.typed = Some(typing.field.text().trim().to_owned()),
        Grant::OwnPrincipal => pane.consent.lock_out_self = true,
        Grant::Reactivate => {
            let asked = typing.right.clone();
            let Some(request) = pane.restore_mut() else { return };
            request.force.extend(asked);
            pane.ticket = ticket;
            pane.enter(Stage::Preparing, now);
            return prepare(model, effects);
        }
        Grant::WideRange(range) => {
            let Ask::Do(wish) = &mut pane.ask else { return };
            let Request::Block(request) = &mut wish.request else { return };
            request.typed_again = Some(range);
            pane.ticket = ticket;
            pane.enter(Stage::Preparing, now);
            return prepare(model, effects);
        }
    }
    pane.typing = None;
    let mut still = None;
    if let Stage::Ready { prepared, refusal, .. } = &mut pane.stage {
        *refusal = guard.would_refuse(prepared, &pane.consent);
        still.clone_from(refusal);
        pane.since = now;
    }
    match still {
        Some(refusal) => model.say(Role::Error, refusal.to_string()),
        None => {
            let key = model.session.keymap.keys_for(&[Context::Plan, Context::Global], Command::Commit);
            let key = key.first().map_or("the commit key", String::as_str);
            model.say(Role::Notice, format!("noted: {key} commits now"));
        }
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
    let what = format!("{} {}", pane.verb(), pane.subject_words().unwrap_or_default());
    match result {
        Ok(run) => {
            if !shown {
                let (role, message) = match &run.ended {
                    Some((Outcome::Done, _, message)) => (Role::Ok, message.clone()),
                    Some((_, _, message)) => (Role::Error, message.clone()),
                    None => (Role::Warning, "not ended".to_owned()),
                };
                // It stands under whatever is open, which may be another plan.
                model.tell(role, format!("{what}, begun before: {}", crate::domain::text::fit(&message, 900)));
            }
            if run.plan.playbook == Playbook::UpdateFindings && run.outcome() == Outcome::Done {
                // What was said of the marked ones is said: the next key is about the selected one again.
                model.findings.unmark_all();
            }
            pane.enter(Stage::Ended(run), now);
        }
        Err(Failure { changed: Some(new), .. }) if shown => {
            model.pane = Some(pane);
            return ready(model, new, true);
        }
        Err(failure) => {
            if !shown {
                model.tell(Role::Error, format!("{what}: {}", failure.message));
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
    read(model, Thing::Quarantined(scope.clone()), effects);
    read(model, Thing::Acls(scope), effects);
    read(model, Thing::Credentials, effects);
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
