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

/// The parts at the left, in their order.
const BANNER: usize = 0;
const ACCOUNT: usize = 1;
const REGION: usize = 2;
const ACTOR: usize = 3;

/// From this width on, the feed's state has a word beside its mark.
const WORDS: u16 = 60;

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

/// What stands at the left, as narrow as it has to be: the brand goes first, then words are cut, then the Region goes, and
/// then who acts; where it is done stays to the last, and an account's name keeps its end, which often tells it apart.
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
    let mut parts = [banner, account, region, text::fit(&session.actor, 32)];
    let mut brand = true;
    let wide = |parts: &[String; 4], brand: bool| {
        let words = parts.iter().filter(|t| !t.is_empty()).map(|t| text::width(t) + 2).sum::<usize>();
        words + if brand { 9 } else { 0 }
    };
    if wide(&parts, brand) > room {
        // The name of the practice world goes before the brand does: it is at least `sandbox` of `sandbox: crypto-mining`.
        parts[BANNER] = text::fit(parts[BANNER].split(':').next().unwrap_or_default(), 40);
        brand = wide(&parts, brand) <= room;
    }
    for (part, least) in [(REGION, 6), (ACTOR, 8), (ACCOUNT, 14), (REGION, 0), (ACTOR, 4), (ACCOUNT, 8), (ACTOR, 0)] {
        let missing = wide(&parts, brand).saturating_sub(room);
        let words = &mut parts[part];
        let cells = text::width(words).saturating_sub(missing).max(least);
        match (missing, least) {
            (0, _) => break,
            (_, 0) => words.clear(),
            _ if part == ACCOUNT => *words = text::fit_middle(words, cells),
            _ => *words = text::fit(words, cells),
        }
    }
    let mut spans = vec![];
    if brand {
        spans.push(Span::styled(" lazaret ", theme.style(Role::Brand)));
    }
    let [banner, rest @ ..] = parts;
    if !banner.is_empty() {
        spans.push(Span::styled(format!(" {banner} "), theme.style(Role::Banner)));
    }
    let plain = theme.style(Role::Header);
    for part in rest.into_iter().filter(|p| !p.is_empty()) {
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
    spans.push(feed(model, theme, width));
    spans.push(Span::styled(if width < WORDS { " " } else { "  " }, theme.style(Role::Header)));
    let guard = model.session.guard;
    let (word, role) = match (guard.read_only, guard.dry_run) {
        (true, _) => (" READ-ONLY ", Role::ReadOnly),
        (_, true) => (" DRY-RUN ", Role::DryRun),
        _ => (" ARMED ", Role::Armed),
    };
    spans.push(Span::styled(word, theme.style(role)));
    spans
}

fn feed(model: &Model, theme: &Theme, width: u16) -> Span<'static> {
    let poll = i64::try_from(model.session.settings.console.poll_seconds).unwrap_or(10);
    let broken = model.readings.failing().any(|(thing, _)| matches!(thing, Thing::Findings(_)));
    let (mark, text, role) = match model.feed_age() {
        None if broken => ("▲", "no feed".to_owned(), Role::Stale),
        None => ("○", "connecting".to_owned(), Role::Stale),
        Some(old) if broken || old.num_seconds() > 3 * poll => ("▲", format!("stale {}", age(old)), Role::Stale),
        Some(old) if width < WORDS => ("●", age(old), Role::Live),
        Some(old) => ("●", format!("live {}", age(old)), Role::Live),
    };
    Span::styled(format!("{mark} {text}"), theme.style(role))
}
