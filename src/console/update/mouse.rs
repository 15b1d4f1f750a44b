//! The mouse selects and scrolls. It never commits, and never answers a question.

use super::super::effect::Effect;
use super::super::model::Model;
use super::super::model::list::Move;
use super::super::msg::MouseAction;
use super::super::view::tabs;
use super::commands;
use crate::config::Command;
use ratatui::layout::{Position, Rect};

/// How many lines the wheel moves.
const WHEEL: isize = 3;

pub(super) fn mouse(model: &mut Model, action: MouseAction, column: u16, row: u16, effects: &mut Vec<Effect>) {
    let at = Position { x: column, y: row };
    if model.question.is_some() || model.palette.is_some() {
        return;
    }
    let by = match action {
        MouseAction::WheelDown => WHEEL,
        MouseAction::WheelUp => -WHEEL,
        MouseAction::Click => return click(model, at, effects),
    };
    if model.help.is_some() || model.pane.is_some() || model.menu.is_some() {
        // Two lines at once scroll, and don't choose.
        commands::step(model, by);
        return;
    }
    let screen = model.screen();
    if screen.detail.is_some_and(|d| d.contains(at)) {
        let last = model.drawn.detail;
        model.detail_scroll = model.detail_scroll.saturating_add_signed(by).min(last);
    } else if screen.list.contains(at) {
        model.move_list(Move::Wheel(by));
    }
}

fn click(model: &mut Model, at: Position, effects: &mut Vec<Effect>) {
    if model.help.is_some() || model.pane.is_some() || model.menu.is_some() {
        return;
    }
    let screen = model.screen();
    if screen.tabs.contains(at) {
        if let Some(view) = tabs::at(model, at.x) {
            commands::run(model, view.command(), effects);
        }
    } else if screen.detail.is_some_and(|d| d.contains(at)) {
        commands::run(model, Command::Open, effects);
    } else if let Some(line) = line_at(screen.rows, at) {
        model.detail_open = false;
        model.move_list(Move::Line(line));
        model.detail_scroll = 0;
    }
}

fn line_at(rows: Rect, at: Position) -> Option<usize> {
    rows.contains(at).then(|| usize::from(at.y - rows.y))
}
