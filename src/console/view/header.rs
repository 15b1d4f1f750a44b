//! The line at the top: what world this is, who acts, whether it is live, and whether it can act.

use super::doc::fit_line;
use super::words::{age, count};
use crate::config::{Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::Model;
use crate::domain::text;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    frame.render_widget(Block::new().style(theme.style(Role::Header)), area);
    let right = right(model, theme, area.width);
    let right_width: usize = right.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(right_width + 1);
    let left = left(model, theme, room);
    frame.render_widget(fit_line(left, room), area);
    let start = area.right().saturating_sub(u16::try_from(right_width).unwrap_or(area.width));
    let at = Rect { x: start, width: area.right() - start, ..area };
    frame.render_widget(Line::from(right), at);
}

fn left(model: &Model, theme: &Theme, room: usize) -> Vec<Span<'static>> {
    let session = &model.session;
    let plain = theme.style(Role::Header);
    let mut spans = vec![Span::styled(" lazaret ", theme.style(Role::Brand))];
    if let Some(banner) = &session.banner {
        spans.push(Span::styled(format!(" {} ", text::fit(banner, 40)), theme.style(Role::Banner)));
    }
    let accounts = session.accounts();
    let shown = match accounts.iter().collect::<Vec<_>>().as_slice() {
        [] => "no account".to_owned(),
        [one] => text::fit(session.account(one), 28),
        many => count(many.len(), "account"),
    };
    let regions = session.regions();
    let place = match regions.iter().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        many => count(many.len(), "Region"),
    };
    let who = text::fit(&session.actor, 32);
    // What there is no room for goes from the end.
    for part in [shown, place, who].into_iter().filter(|p| !p.is_empty()) {
        let used: usize = spans.iter().map(Span::width).sum();
        if used + 2 + text::width(&part) <= room {
            spans.push(Span::styled(format!("  {part}"), plain));
        }
    }
    spans
}

fn right(model: &Model, theme: &Theme, width: u16) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let failing: Vec<_> = model.readings.failing().filter(|(thing, _)| !matches!(thing, Thing::Findings(_))).collect();
    if !failing.is_empty() && width >= 80 {
        let text = format!("! {} failing  ", count(failing.len(), "read"));
        spans.push(Span::styled(text, theme.style(Role::Stale)));
    }
    spans.push(feed(model, theme));
    spans.push(Span::styled("  ", theme.style(Role::Header)));
    let guard = model.session.guard;
    let (word, role) = match (guard.read_only, guard.dry_run) {
        (true, _) => (" READ-ONLY ", Role::ReadOnly),
        (_, true) => (" DRY-RUN ", Role::DryRun),
        _ => (" ARMED ", Role::Armed),
    };
    spans.push(Span::styled(word, theme.style(role)));
    spans
}

fn feed(model: &Model, theme: &Theme) -> Span<'static> {
    let poll = i64::try_from(model.session.settings.console.poll_seconds).unwrap_or(10);
    let broken = model.readings.failing().any(|(thing, _)| matches!(thing, Thing::Findings(_)));
    let (mark, text, role) = match model.feed_age() {
        None if broken => ("▲", "no feed".to_owned(), Role::Stale),
        None => ("○", "connecting".to_owned(), Role::Stale),
        Some(old) if broken || old.num_seconds() > 3 * poll => ("▲", format!("stale {}", age(old)), Role::Stale),
        Some(old) => ("●", format!("live {}", age(old)), Role::Live),
    };
    Span::styled(format!("{mark} {text}"), theme.style(role))
}
