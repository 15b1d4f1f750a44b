//! The command line: every command that works here, by name.

use super::doc::{fit_line, frame_block};
use crate::config::{Context, Role, Theme};
use crate::console::model::{Model, Palette};
use crate::console::update::choices;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

/// How many commands are shown at a time.
const LINES: u16 = 10;

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model, palette: &Palette, theme: &Theme) {
    let width = body.width.saturating_sub(4).min(76);
    let height = (LINES + 3).min(body.height);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 3, width, height };
    frame.render_widget(Clear, area);
    let block = frame_block(theme, Line::styled(" Command ", theme.style(Role::Title)), true);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if inner.height == 0 {
        return;
    }
    let input = Line::from(vec![
        Span::styled(" : ", theme.style(Role::Key)),
        Span::styled(palette.field.text().to_owned(), theme.style(Role::Input)),
        Span::styled("▏", theme.style(Role::Key)),
    ]);
    frame.render_widget(input, Rect { height: 1, ..inner });
    let choices = choices(model, palette);
    if choices.is_empty() {
        let line = Line::styled("  No such command works here.", theme.style(Role::Dim));
        frame.render_widget(line, Rect { y: inner.y + 1, height: inner.height.min(2) - 1, ..inner });
    }
    let rows = usize::from(inner.height.saturating_sub(1));
    let first = (palette.index + 1).saturating_sub(rows);
    let contexts = if model.pane.is_some() {
        vec![Context::Plan, Context::Global]
    } else {
        vec![model.view.context(), Context::Global]
    };
    for ((n, command), y) in choices.iter().enumerate().skip(first).zip(inner.y + 1..inner.bottom()) {
        let selected = n == palette.index;
        let style = theme.style(if selected { Role::Selection } else { Role::Base });
        let key = model.session.keymap.keys_for(&contexts, *command).into_iter().next().unwrap_or_default();
        let spans = vec![
            Span::styled(if selected { "▌ " } else { "  " }, theme.style(Role::BorderFocus)),
            Span::styled(format!("{:<18}", command.name()), style),
            Span::styled(format!("{key:<10}"), theme.style(Role::Key)),
            Span::styled(command.doc(), theme.style(Role::Dim)),
        ];
        frame.render_widget(fit_line(spans, usize::from(inner.width)), Rect { y, height: 1, ..inner });
    }
}
