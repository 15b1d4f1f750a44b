//! From the key that asks for a plan to the pane in which it is made.

use super::super::effect::Effect;
use super::super::model::findings::Row;
use super::super::model::menu::{About, Menu};
use super::super::model::offers::{self, Act};
use super::super::model::pane::{Ask, Pane, Stage, Wish};
use super::super::model::{Model, View};
use super::plan::prepare;
use super::wish;
use crate::config::{Command, Role};
use crate::domain::Principal;
use crate::engine::prepare::RestoreWhat;
use crate::ledger::RunState;
use crate::playbook::Playbook;

/// What is said where evidence can't be taken for want of a place.
const NO_VAULT: &str = "nobody knows where to keep evidence: name a bucket in [forensics]";

/// Shows what fits the selected finding; where some are marked, what can be said about those.
pub(super) fn open_menu(model: &mut Model) {
    if model.pane.is_some() || model.view != View::Findings {
        return;
    }
    let Some(id) = model.findings.cursor.key().copied() else { return };
    let about = if model.findings.marks().0 > 0 { About::Marked } else { About::Finding(id) };
    let menu = Menu { about, index: 0 };
    if model.menu_items(&menu).is_empty() {
        return model.say(Role::Warning, "it names nothing that can be contained");
    }
    model.hush();
    model.menu = Some(menu);
}

/// The command of the menu's line that the cursor is on, or of this one.
pub(super) fn pick(model: &Model, index: Option<usize>) -> Option<Command> {
    let menu = model.menu.as_ref()?;
    let items = model.menu_items(menu);
    items.get(index.unwrap_or(menu.index)).map(|item| item.command)
}

/// Does what a key says about the finding of the menu, or about what is selected.
pub(super) fn act(model: &mut Model, act: Act, effects: &mut Vec<Effect>) {
    if model.pane.is_some() {
        return;
    }
    let from_menu = model.menu.as_ref().and_then(|m| match m.about {
        About::Finding(id) => Some(id),
        About::Marked => None,
    });
    if let (Act::Forensics, None, View::Quarantine) = (act, from_menu, model.view) {
        return of_quarantined(model, effects);
    }
    let row = match (from_menu, model.view) {
        (Some(id), _) => model.findings.row(id),
        (None, View::Findings) => model.findings.selected(),
        _ => None,
    };
    let Some(row) = row else { return };
    let wishes: Result<Vec<Wish>, String> = match model.offers(row).into_iter().find(|o| o.act == act) {
        Some(offers::Offer { why_not: Some(why), .. }) => Err(why),
        Some(offer) => {
            let scope = row.finding.scope();
            let finding = wish::finding_ref(row);
            let targets = offer.targets.iter();
            let wishes = targets.filter_map(|t| wish::wish(model, act, t, scope.as_ref()?, Some(finding.clone())));
            Ok(wishes.collect())
        }
        None => Err(offers::missing(act, &row.finding)),
    };
    match wishes {
        Ok(wishes) if wishes.is_empty() => model.say(Role::Warning, NO_VAULT),
        Ok(wishes) => open(model, wishes, effects),
        Err(why) => model.say(Role::Warning, why),
    }
}

/// Asks for the evidence of the selected quarantined instance.
fn of_quarantined(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(entry) = model.quarantine.selected() else { return };
    match wish::forensics(model, &entry.key.0, &entry.key.1, entry.finding.clone()) {
        Some(wish) => open(model, vec![wish], effects),
        None => model.say(Role::Warning, NO_VAULT),
    }
}

/// Opens the pane on what is wished for; of several things a person chooses one.
pub(super) fn open(model: &mut Model, mut wishes: Vec<Wish>, effects: &mut Vec<Effect>) {
    let Some(first) = wishes.first().cloned() else { return };
    model.hush();
    model.menu = None;
    let ticket = model.ticket();
    let mut pane = Pane::new(ticket, Ask::Do(Box::new(first)), model.now);
    if wishes.len() > 1 {
        pane.stage = Stage::Choosing(std::mem::take(&mut wishes));
        model.pane = Some(pane);
    } else {
        model.pane = Some(pane);
        prepare(model, effects);
    }
}

/// Opens the pane on several things that are all to be done, one after the other: each has a plan and a commit of its
/// own.
pub(super) fn open_all(model: &mut Model, mut wishes: Vec<Wish>, effects: &mut Vec<Effect>) {
    if wishes.is_empty() {
        return;
    }
    let first = wishes.remove(0);
    open(model, vec![first], effects);
    if let Some(pane) = &mut model.pane {
        pane.queue = wishes;
    }
}

/// Takes the line that the cursor is on; where a run is over and more is to be done, goes on to that.
pub(super) fn choose(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now;
    if model.pane.as_ref().is_some_and(|p| p.is_over() && !p.queue.is_empty()) {
        let queue = model.pane.take().map(|p| p.queue).unwrap_or_default();
        return open_all(model, queue, effects);
    }
    let Some(pane) = &mut model.pane else { return };
    if let Stage::Choosing(wishes) = &pane.stage
        && let Some(chosen) = wishes.get(pane.line).cloned()
    {
        pane.ask = Ask::Do(Box::new(chosen));
        pane.line = 0;
        pane.enter(Stage::Preparing, now);
        prepare(model, effects);
    }
}

/// Asks for the quarantine of what is selected.
pub(super) fn open_quarantine(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.pane.is_some() || model.menu.is_some() || model.view != View::Quarantine {
        return act(model, Act::Quarantine, effects);
    }
    let Some(entry) = model.quarantine.selected() else { return };
    let wish = wish::quarantine(model, &entry.key.0, &entry.key.1, entry.finding.clone());
    open(model, vec![wish], effects);
}

/// Asks for the restore of what is selected, or of what the pane's run has changed.
pub(super) fn open_restore(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.menu.is_some() {
        return act(model, Act::Restore, effects);
    }
    let target = match &model.pane {
        Some(pane) => match pane.taken_back_by() {
            Some(what) => Some((pane.scope().clone(), what, pane.subject().map(str::to_owned))),
            None => {
                if let Some(why) = pane.run().filter(|_| pane.is_over()).map(|run| why_not(model, run)) {
                    model.say(Role::Warning, why);
                }
                return;
            }
        },
        None => match model.view {
            View::Activity => match model.activity.selected() {
                Some(run) if model.activity.can_be_taken_back(run) => {
                    Some((run.plan.scope.clone(), RestoreWhat::Run(run.run), Some(run.plan.subject.clone())))
                }
                Some(run) => {
                    let why = why_not(model, run);
                    return model.say(Role::Warning, why);
                }
                None => None,
            },
            View::Credentials => model.credentials.selected().map(|cut| {
                let subject = cut.key.1.to_string();
                (cut.scope.clone(), RestoreWhat::Subject(subject.clone()), Some(subject))
            }),
            // Where a finding names several, a person chooses among those that are held.
            View::Findings if model.findings.selected().is_some_and(|r| held(model, r) > 1) => {
                return act(model, Act::Restore, effects);
            }
            _ => model.selected_instance().map(|(scope, id)| {
                let subject = format!("instance:{id}");
                (scope, RestoreWhat::Instance(id), Some(subject))
            }),
        },
    };
    let Some((scope, what, subject)) = target else {
        return model.say(Role::Warning, "nothing that is contained is selected: there is nothing to restore");
    };
    let wish = wish::restore(model, &scope, what, subject);
    open(model, vec![wish], effects);
}

/// Why a run is not taken back.
fn why_not(model: &Model, run: &RunState) -> &'static str {
    if run.is_open() {
        "the run is not over"
    } else if model.activity.was_taken_back(run) {
        "the run was taken back already"
    } else if run.plan.playbook == Playbook::Restore {
        "a restore is not taken back: contain the subject again instead"
    } else {
        "the run changed nothing that can go back: there is nothing to take back"
    }
}

/// Asks for the end of the selected role.
pub(super) fn delete_role(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.pane.is_some() || model.view != View::Credentials {
        return;
    }
    let Some(cut) = model.credentials.selected() else { return };
    let Principal::Role(role) = &cut.key.1 else {
        return model.say(Role::Warning, "only a role can be deleted, and a user is contained as it is");
    };
    let wish = wish::delete_role(model, &cut.scope, role);
    open(model, vec![wish], effects);
}

/// How many of a finding's instances are held.
fn held(model: &Model, row: &Row) -> usize {
    model.offers(row).iter().find(|o| o.act == Act::Restore).map_or(0, |o| o.targets.len())
}

/// Whether what stands of the selected finding was not done to an instance: a block, a cut.
pub(super) fn stands_without_instance(model: &Model) -> bool {
    if model.pane.is_some() || model.menu.is_some() || model.view != View::Findings {
        return false;
    }
    let Some(row) = model.findings.selected() else { return false };
    let mut standing = model.activity.standing_for(&row.finding.id);
    held(model, row) == 0 && standing.any(|run| run.plan.playbook != Playbook::UpdateFindings)
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
    model.hush();
    let ticket = model.ticket();
    model.pane = Some(Pane::new(ticket, ask, model.now));
}
