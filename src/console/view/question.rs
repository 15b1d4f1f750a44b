//! A question with yes and no.

use super::doc::{Doc, frame_block, padded};
use super::words::key;
use crate::config::{Command, Role, Theme};
use crate::console::model::{Model, Question};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model, question: &Question, theme: &Theme) {
    let Question::QuitWhileRunning { .. } = question;
    let width = body.width.saturating_sub(4).min(64);
    let height = 9.min(body.height);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 3, width, height };
    frame.render_widget(Clear, area);
    let block = frame_block(theme, Line::styled(" Leave? ", theme.style(Role::Title)), true);
    let inner = padded(block.inner(area));
    frame.render_widget(block, area);
    let mut doc = Doc::new(theme, inner.width);
    let runs = model.in_flight();
    let text = match runs {
        0 => "No run is under way any more.".to_owned(),
        1 => "A run is under way. lazaret waits until its end is recorded, then leaves; nothing more is begun."
            .to_owned(),
        n => format!(
            "{n} runs are under way. lazaret waits until their ends are recorded, then leaves; nothing more is begun."
        ),
    };
    doc.text(Role::Base, &text);
    doc.gap();
    let mut line = Vec::new();
    for (command, what) in [(Command::Back, "stay"), (Command::Confirm, "wait and leave")] {
        if let Some(key) = key(model, command) {
            if !line.is_empty() {
                line.push(Span::raw("      "));
            }
            line.extend(super::words::hint(theme, &key, what));
        }
    }
    doc.spans(line);
    frame.render_widget(Paragraph::new(doc.lines()), inner);
}
