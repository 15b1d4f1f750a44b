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

/// What stands at the left, as narrow as it has to be: the brand goes first, then words are cut; who acts, and where,
/// stay to the last.
fn left(model: &Model, theme: &Theme, room: usize) -> Vec<Span<'static>> {
    let session = &model.session;
    let accounts = session.accounts();
    let account = match accounts.iter().collect::<Vec<_>>().as_slice() {
        [] => "no account".to_owned(),
        [one] => text::fit(session.account(one), 28),
        many => count(many.len(), "account"),
    };
    let regions = session.regions();
    let region = match regions.iter().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        many => count(many.len(), "Region"),
    };
    let banner = session.banner.as_deref().map(|b| text::fit(b, 40)).unwrap_or_default();
    // What it is at least: `sandbox` of `sandbox: crypto-mining`.
    let short = text::width(banner.split(':').next().unwrap_or_default());
    let mut parts = [(banner, short), (account, 6), (region, 6), (text::fit(&session.actor, 32), 8)];
    let mut brand = true;
    let wide = |parts: &[(String, usize); 4], brand: bool| {
        let words = parts.iter().filter(|(t, _)| !t.is_empty()).map(|(t, _)| text::width(t) + 2).sum::<usize>();
        words + if brand { 9 } else { 0 }
    };
    if wide(&parts, brand) > room {
        let missing = wide(&parts, brand) - room;
        let spare = text::width(&parts[0].0).saturating_sub(parts[0].1);
        // The name of the practice world goes before the brand does.
        if spare > 0 {
            parts[0].0 = text::fit(parts[0].0.split(':').next().unwrap_or_default(), 40);
        }
        brand = missing <= spare;
    }
    for n in [2, 1, 3] {
        let missing = wide(&parts, brand).saturating_sub(room);
        let (words, least) = &mut parts[n];
        *words = text::fit(words, text::width(words).saturating_sub(missing).max(*least));
    }
    // On the smallest screens one of the two has to say where.
    for n in [2, 1] {
        if wide(&parts, brand) > room {
            parts[n].0.clear();
        }
    }
    let mut spans = vec![];
    if brand {
        spans.push(Span::styled(" lazaret ", theme.style(Role::Brand)));
    }
    let [(banner, _), rest @ ..] = parts;
    if !banner.is_empty() {
        spans.push(Span::styled(format!(" {banner} "), theme.style(Role::Banner)));
    }
    let plain = theme.style(Role::Header);
    for (part, _) in rest.into_iter().filter(|(p, _)| !p.is_empty()) {
        let gap = if spans.is_empty() { " " } else { "  " };
        spans.push(Span::styled(format!("{gap}{part}"), plain));
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
