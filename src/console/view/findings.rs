//! The list of findings.

use super::doc::frame_block;
use super::list::{Cell, Column, List, cell};
use super::words::{ago, view_key};
use crate::config::{Command, Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::Model;
use crate::console::model::findings::Row;
use crate::console::model::machines::Machine;
use crate::domain::{Severity, text};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// The columns; account and Region are as wide as what stands in them.
fn columns(model: &Model) -> [Column; 7] {
    let session = &model.session;
    let widest = |words: &mut dyn Iterator<Item = usize>, least: u16, most: u16| {
        words.filter_map(|w| u16::try_from(w).ok()).max().unwrap_or(most).clamp(least, most)
    };
    let account = widest(&mut session.accounts().into_iter().map(|a| text::width(session.account(a))), 7, 18);
    let region = widest(&mut session.regions().into_iter().map(|r| r.as_str().len()), 6, 14);
    // A type says little in less; at forty columns little has to do.
    let least_type = if model.size.0 < 60 { 14 } else { 20 };
    [
        Column::fixed("SEV", 6),
        Column::fixed("AGE", 4).right(),
        Column::flexible("TYPE", least_type, 48),
        Column::flexible("SUBJECT", 19, 32).goes(1),
        Column::fixed("ACCOUNT", account).goes(4),
        Column::fixed("REGION", region).goes(5),
        Column::flexible("STATE", 11, 13).goes(2),
    ]
}

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    let findings = &model.findings;
    let block = frame_block(theme, title(model, theme, area.width), !model.detail_open);
    let list = List {
        columns: &columns(model),
        len: findings.order().len(),
        offset: findings.cursor.offset(),
        selected: Some(findings.cursor.index()),
        focused: !model.detail_open && model.pane.is_none(),
        marked: &|n| findings.order().get(n).is_some_and(|id| findings.is_marked(*id)),
        empty: empty(model, theme),
    };
    super::list::draw(frame, area, theme, block, &list, |n, widths| {
        match findings.order().get(n).and_then(|id| findings.row(*id)) {
            Some(row) => cells(model, theme, row, widths),
            None => vec![],
        }
    });
}

fn title(model: &Model, theme: &Theme, width: u16) -> Line<'static> {
    let findings = &model.findings;
    let quiet = theme.style(Role::Dim);
    let mut spans = vec![Span::styled(" Findings ", theme.style(Role::Title))];
    let shown = findings.order().len();
    let mut facts =
        vec![if shown == findings.total() { format!("{shown}") } else { format!("{shown} of {}", findings.total()) }];
    if !findings.filter.text().is_empty() {
        facts.push(format!("/{}", text::fit(findings.filter.text(), 24)));
    }
    if findings.least > Severity::Informational {
        facts.push(format!("{} and up", findings.least.label().to_lowercase()));
    }
    if width >= 60 {
        let arrow = if findings.reversed { " ↑" } else { "" };
        facts.push(format!("by {}{arrow}", findings.sort.word()));
        facts.push(if findings.closed { "open and closed".to_owned() } else { "open".to_owned() });
    }
    spans.push(Span::styled(format!("{} ", facts.join(" · ")), quiet));
    match findings.marks() {
        (0, _) => {}
        (marked, 0) => spans.push(Span::styled(format!("· {marked} marked "), theme.style(Role::Notice))),
        (marked, hidden) => {
            spans.push(Span::styled(format!("· {marked} marked, {hidden} not shown "), theme.style(Role::Warning)));
        }
    }
    let above = findings.cursor.offset();
    if above > 0 && width >= 80 {
        spans.push(Span::styled(format!("· {above} above "), quiet));
    }
    Line::from(spans)
}

fn empty(model: &Model, theme: &Theme) -> Vec<Line<'static>> {
    let says = |role, text: String| Line::styled(text, theme.style(role));
    let failing = super::words::failing(model, theme, "Findings", |t| matches!(t, Thing::Findings(_)));
    if !failing.is_empty() {
        return failing;
    }
    if model.feed_age().is_none() {
        return vec![says(Role::Dim, "Reading the first page of findings…".to_owned())];
    }
    if model.findings.total() == 0 {
        return vec![says(Role::Ok, "Nothing is reported.".to_owned())];
    }
    let mut lines = vec![says(Role::Dim, "No finding is shown.".to_owned())];
    let hints = [
        (Command::LowerSeverity, "shows less severe ones", model.findings.least > Severity::Informational),
        (Command::ToggleClosed, "shows closed ones", !model.findings.closed),
        (Command::Back, "clears the filter", !model.findings.filter.text().is_empty()),
    ];
    for (command, what, applies) in hints {
        if let (true, Some(key)) = (applies, view_key(model, command)) {
            lines.push(Line::from(super::words::hint(theme, &key, what)));
        }
    }
    lines
}

fn cells(model: &Model, theme: &Theme, row: &Row, widths: &[u16]) -> Vec<Cell> {
    let style = |role| theme.style(role);
    let width = |n: usize| widths.get(n).copied().unwrap_or(0);
    let severity = row.finding.severity;
    let quiet = !row.finding.is_open() || row.finding.sample;
    let badge = format!(" {:<4} ", severity.short());
    let badge_role = if quiet { Role::Dim } else { Role::severity(severity) };
    let (state_text, state_role) = model.standing(row);
    let mut state_cell = cell(&state_text, style(state_role), width(6));
    if let Some(marks) = model.machine(row).map(Machine::marks).filter(|m| !m.is_empty()) {
        state_cell.push((format!(" {marks}"), style(Role::Warning)));
    }
    if !row.finding.oddities.is_empty() {
        state_cell.push((format!(" !{}", row.finding.oddities.len()), style(Role::Warning)));
    }
    vec![
        vec![(badge, style(badge_role))],
        cell(&ago(row.at(), model.now), style(Role::Dim), width(1)),
        kind(theme, row, usize::from(width(2)), quiet),
        subject(theme, row, usize::from(width(3)), quiet),
        cell(&row.account, style(if quiet { Role::Dim } else { Role::Base }), width(4)),
        cell(&row.region, style(Role::Dim), width(5)),
        state_cell,
    ]
}

/// The type: what tells it apart first, then its family where there is room.
fn kind(theme: &Theme, row: &Row, width: usize, quiet: bool) -> Cell {
    let main = theme.style(if quiet { Role::Dim } else { Role::Base });
    let room = width.saturating_sub(text::width(&row.name) + 1);
    let mut pieces = vec![(text::fit(&row.name, width), main)];
    if !row.family.is_empty() && room >= text::width(&row.family) {
        pieces.push((format!(" {}", row.family), theme.style(Role::Dim)));
    }
    pieces
}

/// The subject: its id, which nobody can fake, then its name.
fn subject(theme: &Theme, row: &Row, width: usize, quiet: bool) -> Cell {
    let (id, name) = &row.subject;
    let main = theme.style(if quiet { Role::Dim } else { Role::Base });
    let id = text::fit(id, width);
    let room = width.saturating_sub(text::width(&id) + 1);
    if name.is_empty() || room < 3 {
        return vec![(id, main)];
    }
    let name = text::fit(name, room);
    vec![(id, theme.style(Role::Dim)), (format!(" {name}"), main)]
}
