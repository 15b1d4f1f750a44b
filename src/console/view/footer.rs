//! The line of keys that work here, now, from the keymap that is loaded.

use super::words::key;
use crate::config::{Command, Role, Theme};
use crate::console::model::pane::Stage;
use crate::console::model::ways::ways;
use crate::console::model::{Model, View};
use crate::domain::Principal;
use crate::playbook::plan::DriftKind;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    frame.render_widget(Block::new().style(theme.style(Role::Footer)), area);
    let at = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    // Low screens have no line of their own for what is typed and said.
    if model.screen().status.height == 0
        && let Some(rows) = model.urgent(usize::from(at.width), 1)
    {
        let spans = rows.first().map(|row| super::status::spans(theme, row)).unwrap_or_default();
        frame.render_widget(super::doc::fit_line(spans, usize::from(at.width)), at);
        return;
    }
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut used = 0;
    for (command, label) in commands(model) {
        let Some(key) = key(model, command) else { continue };
        let gap = if spans.is_empty() { 0 } else { 3 };
        let width = gap + crate::domain::text::width(&key) + 1 + crate::domain::text::width(label);
        if used + width > usize::from(at.width) {
            break;
        }
        used += width;
        let back = theme.style(Role::Footer);
        if gap > 0 {
            spans.push(Span::styled("   ", back));
        }
        spans.push(Span::styled(key, back.patch(theme.style(Role::Key))));
        spans.push(Span::styled(format!(" {label}"), back));
    }
    frame.render_widget(Line::from(spans), at);
}

/// Whether the list has no line to open.
fn nothing_selected(model: &Model) -> bool {
    match model.view {
        View::Findings => model.findings.selected().is_none(),
        View::Quarantine => model.quarantine.selected().is_none(),
        View::Blocks => model.blocks.selected().is_none(),
        View::Credentials => model.credentials.selected().is_none(),
        View::Activity => model.activity.selected().is_none(),
    }
}

/// The keys of an incident, where what is selected belongs to one, and something of it stands.
fn of_incident(known: bool, stands: bool) -> impl Iterator<Item = (Command, &'static str)> {
    let undo = (known && stands).then_some((Command::Undo, "undo incident"));
    undo.into_iter().chain(known.then_some((Command::Report, "report")))
}

/// What is worth showing here, the most useful first: what there is no room for goes from the end.
fn commands(model: &Model) -> Vec<(Command, &'static str)> {
    use Command as C;
    if model.question.is_some() {
        return vec![(C::Confirm, "yes"), (C::Back, "no, stay")];
    }
    if model.help.is_some() {
        return vec![(C::Back, "close"), (C::Down, "down"), (C::Up, "up"), (C::PageDown, "page")];
    }
    if model.palette.is_some() {
        return vec![(C::Accept, "run"), (C::Cancel, "away"), (C::NextLine, "next"), (C::PreviousLine, "previous")];
    }
    if model.pane.is_none() && model.prompt.is_none() && model.menu.is_some() {
        return vec![(C::Back, "away"), (C::Open, "plan"), (C::Down, "next"), (C::Up, "previous"), (C::Help, "help")];
    }
    if let Some(pane) = &model.pane {
        if pane.typing.is_some() {
            return vec![(C::Cancel, "away"), (C::Accept, "accept what is typed")];
        }
        let mut list = vec![];
        match &pane.stage {
            Stage::Choosing(_) => {
                list.extend([(C::Back, "away"), (C::Down, "next"), (C::Open, "plan this one")]);
            }
            Stage::Preparing => list.push((C::Back, "away")),
            Stage::Ready { .. } | Stage::Recovery => {
                // That nothing happens stands in the plan's own line.
                list.extend([(C::Back, "away"), (C::PageDown, "scroll")]);
            }
            Stage::Refused(_) => list.push((C::Back, "close")),
            Stage::Running(_) => list.extend([(C::Back, "close"), (C::PageDown, "scroll")]),
            Stage::Ended(_) | Stage::Broken(..) => list.extend([(C::Back, "close"), (C::PageDown, "scroll")]),
        }
        list.extend(ways(pane, &model.session).iter().map(|way| (way.command, way.command.label())));
        if pane.restore().is_some() && !pane.drifts().is_empty() {
            if pane.drifts().len() > 1 {
                list.push((C::Down, "next drift"));
            }
            let withheld = pane.drifts().get(pane.line).is_some_and(|d| d.kind == DriftKind::Withheld);
            list.push((C::ToggleForce, if withheld { "bring it back" } else { "overwrite it" }));
        }
        if pane.is_over() && !pane.queue.is_empty() {
            list.push((C::Open, "next plan"));
        }
        if pane.taken_back_by().is_some() {
            list.push((C::Restore, "restore"));
        }
        if matches!(pane.stage, Stage::Ended(_) | Stage::Broken(Some(_), _)) {
            list.extend(of_incident(true, pane.taken_back_by().is_some() && pane.queue.is_empty()));
        }
        list.insert(list.len().min(2), (C::Help, "help"));
        return list;
    }
    if model.prompt.is_some() {
        return vec![(C::Cancel, "away"), (C::Accept, "show the plan")];
    }
    if model.filtering {
        return vec![(C::Accept, "keep"), (C::Cancel, "clear"), (C::NextLine, "down"), (C::PreviousLine, "up")];
    }
    let mut list = match model.view {
        View::Findings => {
            let mut list = vec![];
            let offers = model.findings.selected().map(|row| model.offers(row)).unwrap_or_default();
            // The best answers by their own keys; the rest is in the menu.
            list.extend(offers.iter().filter(|o| o.fits()).take(2).map(|o| (o.act.command(), o.act.word())));
            if model.findings.marks().0 > 0 {
                list = vec![(C::Actions, "what to say of the marked"), (C::Back, "unmark")];
            } else if let Some(row) = model.findings.selected() {
                list.push((C::Actions, "actions"));
                if model.activity.standing_for(&row.finding.id).next().is_some() {
                    list.extend([(C::Undo, "undo"), (C::Report, "report")]);
                }
            }
            list.extend([(C::Filter, "filter"), (C::Open, "detail")]);
            list.extend([
                (C::Mark, "mark"),
                (C::Sort, "sort"),
                (C::LowerSeverity, "less severe"),
                (C::RaiseSeverity, "more"),
                (C::ToggleClosed, "closed"),
            ]);
            list
        }
        View::Quarantine => {
            use crate::console::model::contained::Status as S;
            let mut list = match model.quarantine.selected().map(|e| e.status) {
                Some(S::Isolated | S::Unread) => vec![(C::Restore, "restore")],
                Some(S::Partial | S::Drift) => vec![(C::Restore, "restore"), (C::Quarantine, "quarantine again")],
                Some(S::Restored) => vec![(C::Quarantine, "quarantine again")],
                Some(S::Running | S::Restoring | S::Gone) | None => vec![],
            };
            if let Some(entry) = model.quarantine.selected() {
                if entry.status != S::Gone {
                    list.push((C::Forensics, "forensics"));
                }
                list.extend(of_incident(!entry.runs.is_empty(), !list.is_empty() && entry.status != S::Restored));
            }
            list.extend([(C::Filter, "filter"), (C::Open, "detail"), (C::Refresh, "refresh")]);
            list
        }
        View::Blocks => {
            let mut list = vec![];
            if let Some((row, deny)) = model.blocks.selected() {
                if deny.is_some_and(|d| d.ours.is_some()) {
                    list.extend([(C::Unblock, "unblock"), (C::Extend, "extend")]);
                }
                if row.acl.is_some() {
                    list.push((C::Block, "block an address"));
                }
            }
            if !model.blocks.due(model.now).is_empty() {
                list.push((C::Sweep, "sweep"));
            }
            list.extend([(C::Filter, "filter"), (C::Open, "detail"), (C::ToggleClosed, "all NACLs")]);
            list
        }
        View::Credentials => {
            use crate::console::model::credentials::CutStatus;
            let selected = model.credentials.selected();
            let held = selected.filter(|c| !matches!(c.status, CutStatus::Restored | CutStatus::Running));
            let mut list = vec![];
            if let Some(cut) = held {
                list.push((C::Restore, "restore"));
                if matches!(cut.key.1, Principal::Role(_)) {
                    list.push((C::DeleteRole, "delete role"));
                }
            }
            list.extend(of_incident(selected.is_some(), held.is_some()));
            list.extend([(C::Filter, "filter"), (C::Open, "detail"), (C::Refresh, "refresh")]);
            list
        }
        View::Activity => {
            let mut list = vec![];
            if let Some(run) = model.activity.selected() {
                if run.is_open() && !model.activity.alive(run.run) {
                    list.push((C::Recover, "recover"));
                }
                if model.activity.can_be_taken_back(run) {
                    list.push((C::Restore, "take back"));
                }
                list.extend(of_incident(true, model.activity.can_be_taken_back(run)));
            }
            list.extend([(C::Filter, "filter"), (C::Open, "detail")]);
            list
        }
    };
    if nothing_selected(model) {
        list.retain(|(c, _)| !matches!(c, C::Open | C::Mark));
    }
    if model.detail_open {
        list.retain(|(c, _)| C::PLANS.contains(c));
        list.insert(list.len().min(1), (C::Back, "list"));
        list.insert(list.len().min(2), (C::Down, "scroll"));
    }
    // Help and the way out have their place at any width.
    list.insert(list.len().min(3), (C::Help, "help"));
    list.push((C::Palette, "command"));
    list.push((C::NextView, "next view"));
    list.push((C::Quit, "quit"));
    list
}
