//! The menu of what fits a finding: numbered, best first, each with its own key; what can't be done stands below, with
//! the reason.

use super::doc::{Doc, draw_scrolled, frame_block, padded};
use super::words::key;
use crate::config::{Command, Role, Theme};
use crate::console::model::Model;
use crate::console::model::menu::Menu;
use crate::domain::text;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model, menu: &Menu, theme: &Theme) {
    let width = body.width.saturating_sub(4).min(92);
    let mut doc = Doc::new(theme, width.saturating_sub(4));
    doc.text(Role::Dim, &text::fit(&model.menu_title(menu), doc.width()));
    doc.gap();
    let items = model.menu_items(menu);
    let mut cursor = 0;
    for (n, item) in items.iter().enumerate() {
        let fits = item.why_not.is_none();
        if !fits && items.get(n.wrapping_sub(1)).is_some_and(|i| i.why_not.is_none()) {
            doc.gap();
        }
        let selected = n == menu.index;
        let (mark, role) = match (selected, fits) {
            (true, _) => ("▌", Role::Selection),
            (false, true) => (" ", Role::Strong),
            (false, false) => (" ", Role::Dim),
        };
        if selected {
            cursor = doc.len();
        }
        let shown = key(model, item.command).unwrap_or_default();
        let number = if n < 9 { (n + 1).to_string() } else { " ".to_owned() };
        let spans = vec![
            doc.span(Role::BorderFocus, mark),
            doc.span(Role::Dim, &format!("{number} ")),
            doc.span(Role::Key, &format!("{shown:<5}")),
            doc.span(role, &item.title),
            doc.span(if fits { Role::Base } else { Role::Dim }, &format!("  {}", item.about)),
        ];
        doc.spans(spans);
        if let Some(why) = &item.why_not {
            doc.marked(Role::Dim, "        ", why);
        }
    }
    doc.gap();
    let mut spans = vec![];
    for (command, what) in [(Command::Back, "away"), (Command::Open, "shows the plan first")] {
        if let Some(key) = key(model, command) {
            spans.extend(super::words::hint(theme, &key, what));
            spans.push(Span::raw("   "));
        }
    }
    doc.spans(spans);
    let height = u16::try_from(doc.len() + 2).unwrap_or(u16::MAX).min(body.height);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 3, width, height };
    frame.render_widget(Clear, area);
    let block = frame_block(theme, Line::styled(" What can be done, best first ", theme.style(Role::Title)), true);
    let inner = padded(block.inner(area));
    frame.render_widget(block, area);
    let scroll = (cursor + 2).saturating_sub(usize::from(inner.height));
    draw_scrolled(frame, inner, area, theme, doc.lines(), scroll);
}
