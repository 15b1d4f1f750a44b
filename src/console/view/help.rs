//! Help: every key that works where help was asked for, from the keymap that is loaded. It can't lie.

use super::doc::{Doc, draw_framed, frame_block};
use crate::config::{Command, Context, Key, Role, Theme};
use crate::console::model::{Help, Model};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::collections::BTreeMap;

/// The width of the column of keys.
const KEYS: usize = 22;

/// Draws it. Says how far it can be scrolled.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, help: &Help, theme: &Theme) -> usize {
    let title = Line::from(vec![
        Span::styled(" Help ", theme.style(Role::Title)),
        Span::styled(format!("keymap {} ", model.session.keymap.name()), theme.style(Role::Dim)),
    ]);
    let block = frame_block(theme, title, true);
    let mut doc = Doc::new(theme, area.width.saturating_sub(5));
    for context in contexts(model) {
        section(&mut doc, model, context);
    }
    doc.heading("MARKS");
    for (mark, what) in [
        ("◆ isolated", "every interface was read and holds the quarantine group alone"),
        ("◆ PARTIAL", "some interfaces are isolated, some are not"),
        ("◆ DRIFT", "somebody else changed what we left there"),
        ("⊘", "its owner keeps automation away (AutoRemediation=disabled)"),
        ("§", "an AWS service operates the machine, and may replace it or undo what we do"),
        ("*", "marked: bulk actions are about the marked lines"),
        ("!2", "so many things are odd about the finding; its detail lists them"),
        ("✓ ● ✗ ?", "a step: read back, answered, failed, without an answer"),
    ] {
        entry(&mut doc, mark, what);
    }
    draw_framed(frame, area, theme, block, doc.lines(), help.scroll)
}

/// What help is about: the place it was asked from first, then the rest.
fn contexts(model: &Model) -> Vec<Context> {
    let here = match (&model.pane, &model.menu) {
        (Some(_), _) => Context::Plan,
        (None, Some(_)) => Context::Menu,
        (None, None) => model.view.context(),
    };
    let mut list = vec![here, Context::Global];
    list.extend(Context::ALL.into_iter().filter(|c| *c != here && *c != Context::Global));
    list
}

fn section(doc: &mut Doc<'_>, model: &Model, context: Context) {
    let mut keys: BTreeMap<Command, Vec<String>> = BTreeMap::new();
    for (sequence, command) in model.session.keymap.bindings(context) {
        keys.entry(command).or_default().push(Key::show(&sequence));
    }
    if keys.is_empty() {
        return;
    }
    doc.heading(&context.title().to_uppercase());
    for (command, keys) in keys {
        entry(doc, &keys.join("  "), command.doc());
    }
}

fn entry(doc: &mut Doc<'_>, keys: &str, what: &str) {
    let room = doc.width().saturating_sub(KEYS).max(10);
    let wide = crate::domain::text::width(keys) > KEYS - 2;
    let mut lines = super::doc::wrap(what, room).into_iter();
    let lead = doc.span(Role::Key, &format!("{:<1$}", keys, KEYS));
    if wide {
        doc.spans(vec![lead]);
    } else {
        let first = doc.span(Role::Base, &lines.next().unwrap_or_default());
        doc.spans(vec![lead, first]);
    }
    for line in lines {
        let line = doc.span(Role::Base, &format!("{}{line}", " ".repeat(KEYS)));
        doc.spans(vec![line]);
    }
}
