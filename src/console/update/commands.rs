//! What each command does.

use super::super::effect::{Effect, Thing};
use super::super::model::list::Move;
use super::super::model::offers::Act;
use super::super::model::pane::Stage;
use super::super::model::{Help, Model, Page, Palette, Question, View};
use super::{blocks, incident, leave, news, open, plan, read, said, suspend};
use crate::config::{Command, Role};
use crate::domain::Severity;
use crate::playbook::update_findings::FindingAction;

pub(super) fn run(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    use Command as C;
    match command {
        C::Quit => quit(model),
        C::Help => page(model, Page::Keys),
        C::Messages => page(model, Page::Messages),
        C::Back => back(model),
        C::Palette => model.palette = Some(Palette::default()),
        C::ViewFindings => show(model, View::Findings, effects),
        C::ViewQuarantine => show(model, View::Quarantine, effects),
        C::ViewBlocks => show(model, View::Blocks, effects),
        C::ViewCredentials => show(model, View::Credentials, effects),
        C::ViewActivity => show(model, View::Activity, effects),
        C::NextView => turn(model, 1, effects),
        C::PreviousView => turn(model, View::ALL.len() - 1, effects),
        C::Down => step(model, 1),
        C::Up => step(model, -1),
        C::PageDown => step(model, height(model)),
        C::PageUp => step(model, -height(model)),
        C::Top => step(model, isize::MIN / 2),
        C::Bottom => step(model, isize::MAX / 2),
        C::Open => enter(model, effects),
        C::ToggleDetail => {
            model.detail_beside = !(model.detail_beside || model.detail_open);
            model.detail_open = model.detail_open && model.detail_beside;
        }
        C::Refresh => refresh(model, effects),
        C::Redraw => effects.push(Effect::Redraw),
        C::Suspend => suspend(model, effects),
        C::Filter => {
            model.filtering = true;
            model.detail_open = false;
            model.filter_mut().clear();
            news::reorder(model);
        }
        C::Sort => {
            model.findings.sort = model.findings.sort.next();
            resort(model);
        }
        C::ReverseSort => {
            model.findings.reversed = !model.findings.reversed;
            resort(model);
        }
        C::ToggleClosed if model.view == View::Blocks => {
            model.blocks.all = !model.blocks.all;
            news::rebuild_blocks(model);
        }
        C::ToggleClosed => closed(model, effects),
        C::LowerSeverity => severity(model, -1),
        C::RaiseSeverity => severity(model, 1),
        C::Mark => mark(model),
        C::Actions => open::open_menu(model),
        C::Acknowledge => said::say(model, &FindingAction::Acknowledge, effects),
        C::Assign => said::assign(model),
        C::Suppress => said::say(model, &FindingAction::Suppress, effects),
        C::Resolve => said::say(model, &FindingAction::Resolve, effects),
        C::Reopen => said::say(model, &FindingAction::Reopen, effects),
        C::Exfiltration => open::act(model, Act::Exfiltration, effects),
        C::Revoke => open::act(model, Act::Revoke, effects),
        C::Block if model.view == View::Blocks => blocks::ask(model),
        C::Block => open::act(model, Act::Block, effects),
        C::Unblock => blocks::unblock(model, effects),
        C::Extend => blocks::ask_extend(model),
        C::Sweep => blocks::sweep(model, effects),
        C::Forensics => open::act(model, Act::Forensics, effects),
        C::Quarantine => open::open_quarantine(model, effects),
        C::Restore if open::stands_without_instance(model) => incident::undo(model, effects),
        C::Restore => open::open_restore(model, effects),
        C::DeleteRole => open::delete_role(model, effects),
        C::Variant | C::CutFlows | C::EvidenceFirst => plan::another_way(model, command, effects),
        C::Undo => incident::undo(model, effects),
        C::Report => incident::report(model, effects),
        C::Recover => open::open_recover(model),
        C::Commit => plan::commit(model, effects),
        C::ToggleForce => plan::toggle_force(model, effects),
        C::Confirm => match model.question.take() {
            Some(Question::QuitWhileRunning { .. }) => leave(model),
            None => {}
        },
        // Text fields deal with these themselves.
        C::Accept | C::Cancel | C::DeleteChar | C::DeleteWord | C::DeleteAll | C::NextLine | C::PreviousLine => {}
    }
}

/// Shows a page over everything; the same again takes it away.
fn page(model: &mut Model, page: Page) {
    let shown = model.help.as_ref().is_some_and(|help| help.page == page);
    model.help = (!shown).then_some(Help { page, scroll: 0 });
}

fn quit(model: &mut Model) {
    if model.in_flight() == 0 || model.leaving.is_some() {
        leave(model);
    } else {
        let id = model.ticket();
        model.question = Some(Question::QuitWhileRunning { id });
    }
}

/// One step back: whatever is on top goes first.
fn back(model: &mut Model) {
    if model.question.take().is_some() || model.help.take().is_some() {
        return;
    }
    if model.pane.is_none() && model.menu.take().is_some() {
        return;
    }
    if let Some(pane) = model.pane.take() {
        // A run goes on whether or not somebody looks.
        if matches!(pane.stage, Stage::Running(_)) {
            model.say(Role::Notice, "the run goes on: see Activity");
            model.parked.insert(pane.ticket, pane);
        }
        return;
    }
    if model.detail_open {
        model.detail_open = false;
        model.detail_scroll = 0;
    } else if !model.filter().text().is_empty() {
        model.filter_mut().clear();
        news::reorder(model);
    } else if model.view == View::Findings && model.findings.unmark_all() {
        model.say(Role::Dim, "no line is marked any more");
    } else {
        model.notice = None;
    }
}

/// Does what a line of the menu says: the one that the cursor is on, or this one.
pub(super) fn pick(model: &mut Model, index: Option<usize>, effects: &mut Vec<Effect>) {
    if let Some(command) = open::pick(model, index) {
        run(model, command, effects);
    }
}

/// Marks the selected line and goes on to the next.
fn mark(model: &mut Model) {
    model.findings.mark();
    model.move_list(Move::Step(1));
    model.detail_scroll = 0;
}

fn show(model: &mut Model, view: View, effects: &mut Vec<Effect>) {
    if model.pane.is_some() || model.help.is_some() {
        return;
    }
    model.menu = None;
    if model.view != view {
        model.hush();
        model.view = view;
        model.detail_open = false;
        model.detail_scroll = 0;
        model.filtering = false;
    }
    match view {
        View::Activity => read(model, Thing::Runs, effects),
        View::Credentials => read(model, Thing::Credentials, effects),
        _ => {}
    }
}

fn turn(model: &mut Model, by: usize, effects: &mut Vec<Effect>) {
    let at = View::ALL.iter().position(|v| *v == model.view).unwrap_or(0);
    if let Some(view) = View::ALL.get((at + by) % View::ALL.len()) {
        show(model, *view, effects);
    }
}

/// As much as is scrolled at once.
fn height(model: &Model) -> isize {
    isize::try_from(model.list_height().saturating_sub(1)).unwrap_or(1).max(1)
}

fn scrolled(scroll: usize, by: isize, last: usize) -> usize {
    scroll.saturating_add_signed(by).min(last)
}

/// Moves what has the keys: help, the plan, the detail, or the list.
pub(super) fn step(model: &mut Model, by: isize) {
    if let Some(help) = &mut model.help {
        help.scroll = scrolled(help.scroll, by, model.drawn.help);
        return;
    }
    if let Some(pane) = &mut model.pane {
        let lines = match &pane.stage {
            Stage::Choosing(instances) => instances.len(),
            _ => pane.drifts().len(),
        };
        // Lines to choose from go first; pages always scroll.
        if lines > 0 && by.abs() == 1 {
            pane.line = scrolled(pane.line, by, lines - 1);
        } else {
            pane.scroll = scrolled(pane.scroll, by, model.drawn.pane);
        }
        return;
    }
    if let Some(menu) = &model.menu {
        let lines = model.menu_items(menu).len();
        if let Some(menu) = &mut model.menu {
            menu.index = scrolled(menu.index, by, lines.saturating_sub(1));
        }
        return;
    }
    if model.detail_open {
        model.detail_scroll = scrolled(model.detail_scroll, by, model.drawn.detail);
        return;
    }
    model.hush();
    model.move_list(Move::Step(by));
    model.detail_scroll = 0;
}

fn enter(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.help.is_some() {
        return;
    }
    if model.pane.is_some() {
        open::choose(model, effects);
    } else if model.menu.is_some() {
        pick(model, None, effects);
    } else if !model.detail_open {
        model.detail_open = true;
        model.detail_scroll = 0;
    }
}

fn refresh(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some((scope, instance)) = model.selected_instance() {
        model.subjects.forget(&(scope, instance));
    }
    let things: Vec<Thing> = super::things(model)
        .into_iter()
        .filter(|thing| {
            matches!(
                (model.view, thing),
                (View::Findings, Thing::Findings(_))
                    | (View::Quarantine, Thing::Quarantined(_) | Thing::Runs)
                    | (View::Findings, Thing::Machines(_))
                    | (View::Blocks, Thing::Acls(_))
                    | (View::Credentials, Thing::Credentials | Thing::Runs)
                    | (View::Activity, Thing::Runs)
            )
        })
        .collect();
    for thing in things {
        read(model, thing, effects);
    }
    model.say(Role::Dim, "reading again");
}

/// Shows closed findings too, or hides them. They are listed only once somebody asks: there can be very many.
fn closed(model: &mut Model, effects: &mut Vec<Effect>) {
    let closed = !model.findings.closed;
    model.findings.closed = closed;
    model.findings.changed();
    effects.push(Effect::ListClosed(closed));
    for hub in model.session.hubs.clone() {
        read(model, Thing::Findings(hub), effects);
    }
    let text = if closed {
        "archived, suppressed and resolved findings are being listed too"
    } else {
        "archived, suppressed and resolved findings are hidden"
    };
    model.say(Role::Notice, text);
}

fn resort(model: &mut Model) {
    model.findings.changed();
    let turned = if model.findings.reversed { ", turned around" } else { "" };
    model.say(Role::Notice, format!("sorted by {}{turned}", model.findings.sort.word()));
}

fn severity(model: &mut Model, by: isize) {
    let at = Severity::ALL.iter().position(|s| *s == model.findings.least).unwrap_or(0);
    let next = at.saturating_add_signed(by).min(Severity::ALL.len() - 1);
    if let Some(least) = Severity::ALL.get(next) {
        model.findings.least = *least;
        model.findings.changed();
        model.say(Role::Notice, format!("showing {} and up", least.label()));
    }
}
