//! The lines above the keys: what is being typed, what has to be said, or what the selected line is about.

use super::doc::fit_line;
use crate::config::{Role, Theme};
use crate::console::model::notice::Piece;
use crate::console::model::{Model, View};
use crate::domain::text;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws them.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    if area.height == 0 {
        return;
    }
    let (room, most) = (usize::from(area.width.saturating_sub(2)), usize::from(area.height));
    let said = model.urgent(room, most).or_else(|| model.lasting(room, most));
    let rows = said.unwrap_or_else(|| vec![vec![(Role::Dim, quiet(model))]]);
    for (row, y) in rows.iter().zip(area.y..area.bottom()) {
        let at = Rect { x: area.x + 1, y, width: area.width.saturating_sub(2), height: 1 };
        frame.render_widget(fit_line(spans(theme, row), room), at);
    }
}

/// The pieces of a row in the theme's looks.
pub fn spans(theme: &Theme, row: &[Piece]) -> Vec<Span<'static>> {
    row.iter().map(|(role, words)| Span::styled(words.clone(), theme.style(*role))).collect()
}

/// What the selected line is about; its detail says it whole.
fn quiet(model: &Model) -> String {
    if model.pane.is_some() || model.help.is_some() {
        return String::new();
    }
    let line = match model.view {
        // Where it is comes first: a narrow list has no room for it.
        View::Findings => {
            let row = model.findings.selected();
            row.map(|r| format!("{} {}: {}", r.account, r.region, text::fit(&r.finding.title, 400)))
        }
        View::Quarantine => model.quarantine.selected().and_then(|e| e.reasons.first().cloned()),
        View::Blocks => model.blocks.selected().and_then(|(r, _)| r.oddities.first().cloned()),
        View::Credentials => model.credentials.selected().map(crate::console::model::credentials::Cut::means),
        View::Activity => {
            let ended = model.activity.selected().and_then(|r| r.ended.as_ref());
            ended.map(|(_, _, message)| text::fit(&model.keyed(message), 400))
        }
    };
    line.unwrap_or_default()
}
