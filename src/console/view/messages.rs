//! What was said at the bottom so far, whole and newest first; before it, what is wrong now.

use super::doc::{Doc, draw_framed, frame_block};
use super::words::clock;
use crate::config::{Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::{Help, Model};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws it. Says how far it can be scrolled.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, page: &Help, theme: &Theme) -> usize {
    let title = Line::from(vec![
        Span::styled(" Messages ", theme.style(Role::Title)),
        Span::styled("newest first ", theme.style(Role::Dim)),
    ]);
    let block = frame_block(theme, title, true);
    let mut doc = Doc::new(theme, area.width.saturating_sub(5));
    let failing: Vec<(&Thing, &str)> = model.readings.failing().collect();
    let of_runs: Vec<String> = model.abandoned_words().into_iter().chain(model.unreadable_words()).collect();
    if !failing.is_empty() || !of_runs.is_empty() {
        doc.heading("WRONG NOW");
        for words in of_runs {
            doc.marked(Role::Warning, "! ", &words);
        }
        for (thing, error) in failing {
            doc.marked(Role::Warning, "! ", &format!("{}: {error}", what(thing)));
        }
    }
    doc.heading("SAID");
    for notice in model.told.iter().rev() {
        doc.marked(notice.role, &format!("{}  ", clock(notice.at, model.now)), &model.keyed(&notice.text));
    }
    if model.told.is_empty() {
        doc.text(Role::Dim, "Nothing yet.");
    }
    draw_framed(frame, area, theme, block, doc.lines(), page.scroll)
}

/// What is read, in words.
fn what(thing: &Thing) -> String {
    match thing {
        Thing::Findings(scope) => format!("findings of {scope}"),
        Thing::Runs => "the ledger's runs".to_owned(),
        Thing::Quarantined(scope) => format!("what is in quarantine in {scope}"),
        Thing::Machines(scope) => format!("the instances that findings name in {scope}"),
        Thing::Acls(scope) => format!("the network ACLs of {scope}"),
        Thing::Credentials => "the credentials that are cut".to_owned(),
    }
}
