//! One line above the keys: what is being typed, what has to be said, or what the selected line is about.

use super::doc::fit_line;
use super::words::count;
use crate::config::{Lookup, Role, Theme};
use crate::console::model::{Model, View};
use crate::domain::text;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_segmentation::UnicodeSegmentation;

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    if area.height > 0 {
        let room = usize::from(area.width.saturating_sub(2));
        let at = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        if let Some(spans) = urgent(model, theme, room) {
            frame.render_widget(fit_line(spans, room), at);
        } else if let (Some(words), false) = (model.abandoned_words(), model.view == View::Activity) {
            frame.render_widget(fit_line(vec![Span::styled(words, theme.style(Role::Warning))], room), at);
        } else {
            frame.render_widget(fit_line(quiet(model, theme), room), at);
        }
    }
}

/// What goes before everything else; on low screens it takes the place of the keys.
pub fn urgent(model: &Model, theme: &Theme, room: usize) -> Option<Vec<Span<'static>>> {
    let span = |role, text: String| Span::styled(text, theme.style(role));
    if model.leaving.is_some() {
        let text = format!("leaving: waiting until {} recorded…", runs_are(model.in_flight()));
        return Some(vec![span(Role::Warning, text)]);
    }
    if model.filtering && model.pane.is_none() {
        return Some(vec![
            span(Role::Key, "/".to_owned()),
            span(Role::Input, model.filter().text().to_owned()),
            span(Role::Key, "▏".to_owned()),
            span(Role::Dim, format!("  {}", shown(model))),
        ]);
    }
    if let (Some(prompt), None) = (&model.prompt, &model.pane) {
        return Some(typing(theme, &prompt.words(), prompt.field.text(), room));
    }
    if !model.pending.is_empty() {
        let mut spans = vec![span(Role::Key, format!("{} …", crate::config::Key::show(&model.pending)))];
        if let Lookup::Prefix(next) = model.session.keymap.lookup(&model.contexts(), &model.pending) {
            for (key, command) in next {
                spans.push(span(Role::Key, format!("   {key}")));
                spans.push(span(Role::Dim, format!(" {}", command.map_or("…", |c| c.label()))));
            }
        }
        return Some(spans);
    }
    model.notice().map(|n| vec![span(n.role, text::safe(&n.text).into_owned())])
}

/// What is asked for, what was typed, and the cursor, in so many cells: the end of what was typed is always to be seen.
pub fn typing(theme: &Theme, ask: &str, typed: &str, room: usize) -> Vec<Span<'static>> {
    let least = room.saturating_sub(text::width(ask) + 1).max(room / 2);
    let typed = end_of(typed, least);
    let left = room.saturating_sub(text::width(&typed) + 1);
    let ask = if text::width(ask) > left {
        format!("{}: ", text::fit(ask.trim_end_matches(": "), left.saturating_sub(2)))
    } else {
        ask.to_owned()
    };
    vec![
        Span::styled(ask, theme.style(Role::Warning)),
        Span::styled(typed, theme.style(Role::Input)),
        Span::styled("▏", theme.style(Role::Key)),
    ]
}

/// The last so many cells of a text, with `…` before them where something was cut.
fn end_of(typed: &str, room: usize) -> String {
    if text::width(typed) <= room {
        return typed.to_owned();
    }
    let mut used = 1;
    let kept = typed.grapheme_indices(true).rev().take_while(|(_, grapheme)| {
        used += text::width(grapheme);
        used <= room
    });
    let from = kept.last().map_or(typed.len(), |(at, _)| at);
    format!("…{}", typed.get(from..).unwrap_or_default())
}

fn runs_are(n: usize) -> String {
    if n == 1 { "1 run is".to_owned() } else { format!("{n} runs are") }
}

fn shown(model: &Model) -> String {
    match model.view {
        View::Findings => format!("{} of {}", model.findings.order().len(), model.findings.total()),
        View::Quarantine => count(model.quarantine.order().len(), "instance"),
        View::Blocks => count(model.blocks.order().len(), "ACL"),
        View::Credentials => count(model.credentials.order().len(), "principal"),
        View::Activity => count(model.activity.order().len(), "run"),
    }
}

/// What the selected line is about, in full; or the first thing that fails.
fn quiet(model: &Model, theme: &Theme) -> Vec<Span<'static>> {
    if model.pane.is_some() || model.help.is_some() {
        return vec![];
    }
    if let Some((_, error)) = model.readings.failing().next() {
        return vec![
            Span::styled("! ", theme.style(Role::Warning)),
            Span::styled(text::safe(error).into_owned(), theme.style(Role::Warning)),
        ];
    }
    let line = match model.view {
        View::Findings => model.findings.selected().map(|r| text::fit(&r.finding.title, 400)),
        View::Quarantine => model.quarantine.selected().and_then(|e| e.reasons.first().cloned()),
        View::Blocks => model.blocks.selected().and_then(|(r, _)| r.oddities.first().cloned()),
        View::Credentials => model.credentials.selected().map(crate::console::model::credentials::Cut::means),
        View::Activity => {
            model.activity.selected().and_then(|r| r.ended.as_ref().map(|(_, _, message)| text::fit(message, 400)))
        }
    };
    vec![Span::styled(line.unwrap_or_default(), theme.style(Role::Dim))]
}
