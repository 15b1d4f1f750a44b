//! The views' tabs, with what is in them, and the open findings by severity.

use super::doc::fit_line;
use crate::config::{Role, Theme};
use crate::console::model::{Model, View};
use crate::domain::Severity;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// From this width on tabs have their full names.
const FULL: u16 = 64;

/// One tab: its view, its text, and what in it calls for a person.
fn tab(model: &Model, view: View, narrow: bool) -> (String, Option<String>) {
    let number = View::ALL.iter().position(|v| *v == view).map_or(0, |n| n + 1);
    let (count, alarm) = match view {
        View::Findings => {
            let least = model.findings.least;
            (Severity::ALL.into_iter().filter(|s| *s >= least).map(|s| model.findings.open(s)).sum(), None)
        }
        View::Quarantine => (model.quarantine.holding(), Some(model.quarantine.troubled()).filter(|n| *n > 0)),
        View::Blocks => {
            let alarm = model.blocks.odd() + model.blocks.due(model.now).len();
            (model.blocks.denies(), Some(alarm).filter(|n| *n > 0))
        }
        View::Credentials => (model.credentials.holding(), Some(model.credentials.troubled()).filter(|n| *n > 0)),
        View::Activity => (0, Some(model.activity.abandoned().count()).filter(|n| *n > 0)),
    };
    let title = if narrow { view.title().chars().take(3).collect() } else { view.title().to_owned() };
    let mut text = format!("{number} {title}");
    if count > 0 {
        text.push_str(&format!(" {count}"));
    }
    if view == View::Activity && model.in_flight() > 0 {
        text.push_str(&format!(" ▶{}", model.in_flight()));
    }
    (text, alarm.map(|n| format!(" !{n}")))
}

/// The tabs with the columns they take.
fn spans(model: &Model, width: u16) -> Vec<(View, u16, u16)> {
    let mut x = 1;
    let mut list = Vec::new();
    for view in View::ALL {
        let (text, alarm) = tab(model, view, width < FULL);
        let cells = text.chars().count() + alarm.map_or(0, |a| a.chars().count());
        let cells = u16::try_from(cells).unwrap_or(0);
        list.push((view, x, x + cells));
        x += cells + if width < FULL { 2 } else { 3 };
    }
    list
}

/// The view whose tab is at this column.
pub fn at(model: &Model, x: u16) -> Option<View> {
    spans(model, model.size.0).into_iter().find(|(_, from, to)| (*from..*to).contains(&x)).map(|(view, ..)| view)
}

/// Draws them.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    let mut end = area.x;
    for (view, from, to) in spans(model, area.width) {
        let (text, alarm) = tab(model, view, area.width < FULL);
        let role = if view == model.view { Role::TabActive } else { Role::Tab };
        let mut line = vec![Span::styled(text, theme.style(role))];
        line.extend(alarm.map(|a| Span::styled(a, theme.style(Role::Warning))));
        if area.x + from < area.right() {
            let width = (to - from).min(area.right() - area.x - from);
            frame.render_widget(fit_line(line, usize::from(width)), Rect { x: area.x + from, width, ..area });
        }
        end = area.x + to;
    }
    let room = usize::from(area.right().saturating_sub(end.saturating_add(3)));
    let counts = counts(model, theme, room);
    let width = u16::try_from(counts.iter().map(Span::width).sum::<usize>()).unwrap_or(u16::MAX);
    if width > 0 {
        let at = Rect { x: area.right().saturating_sub(width + 1), width, ..area };
        frame.render_widget(Line::from(counts), at);
    }
}

/// The open findings by severity, worst first, as many as there is room for.
fn counts(model: &Model, theme: &Theme, room: usize) -> Vec<Span<'static>> {
    let whole = counts_in(model, theme, usize::MAX, usize::MAX);
    if whole.iter().map(Span::width).sum::<usize>() <= room {
        return whole;
    }
    // A letter each, before any is left out.
    counts_in(model, theme, room, 1)
}

/// The counts that fit, each severity's word cut to so many letters.
fn counts_in(model: &Model, theme: &Theme, room: usize, letters: usize) -> Vec<Span<'static>> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    for severity in Severity::ALL.into_iter().rev() {
        let n = model.findings.open(severity);
        if n > 0 {
            if !spans.is_empty() {
                spans.push(Span::raw(if letters == 1 { " " } else { "  " }));
            }
            let role = if severity == Severity::Critical { Role::Critical } else { Role::severity(severity) };
            let pad = if severity == Severity::Critical { " " } else { "" };
            let word: String = severity.short().chars().take(letters).collect();
            let gap = if letters == 1 { "" } else { " " };
            let text = format!("{pad}{word}{gap}{n}{pad}");
            if spans.iter().map(Span::width).sum::<usize>() + text.len() > room {
                spans.truncate(spans.len().saturating_sub(1));
                break;
            }
            spans.push(Span::styled(text, theme.style(role)));
        }
    }
    spans
}
