//! The runs: the list, and each one's steps.

use super::doc::{Doc, draw_framed, frame_block};
use super::finding::keys_line;
use super::list::{Cell, Column, List, cell};
use super::words::{ago, clock, outcome, took};
use crate::config::{Command, Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::Model;
use crate::console::model::pane::{id_words, kind_words};
use crate::console::update::newest;
use crate::domain::text;
use crate::ledger::{Hand, RunState};
use chrono::Duration;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// How long a process may be silent before that is odd: it is to be heard from every third of its promise, and what
/// was read is some seconds old.
const QUIET: Duration = Duration::seconds(25);

const COLUMNS: [Column; 7] = [
    Column::fixed("STATE", 11),
    Column::fixed("BEGAN", 5).right(),
    Column::flexible("WHAT", 34, 60),
    Column::flexible("ACCOUNT", 8, 16).goes(3),
    Column::fixed("REGION", 14).goes(4),
    Column::flexible("BY", 8, 26).goes(2),
    Column::fixed("TOOK", 7).right().goes(1),
];

/// Draws the list.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    let activity = &model.activity;
    let mut facts = super::words::count(activity.order().len(), "run");
    let abandoned = activity.abandoned().count();
    if abandoned > 0 {
        facts.push_str(&format!(" · {abandoned} abandoned"));
    }
    if !activity.filter.text().is_empty() {
        facts.push_str(&format!(" · /{}", text::fit(activity.filter.text(), 24)));
    }
    let title = vec![
        Span::styled(" Activity ", theme.style(Role::Title)),
        Span::styled(format!("{facts} "), theme.style(Role::Dim)),
    ];
    let words = match activity.known {
        false => "Reading the ledger…",
        true if !activity.filter.text().is_empty() => "Nothing matches the filter.",
        true => "Nothing has been done yet.",
    };
    let mut empty = super::words::failing(model, theme, "The ledger", |t| matches!(t, Thing::Runs));
    if empty.is_empty() {
        empty = vec![Line::styled(words, theme.style(Role::Dim))];
    }
    let list = List {
        columns: &COLUMNS,
        len: activity.order().len(),
        offset: activity.cursor.offset(),
        selected: Some(activity.cursor.index()),
        focused: !model.detail_open && model.pane.is_none(),
        marked: &super::list::unmarked,
        empty,
    };
    let block = frame_block(theme, Line::from(title), !model.detail_open);
    super::list::draw(frame, area, theme, block, &list, |n, widths| {
        match activity.order().get(n).and_then(|id| newest(model, *id)) {
            Some(run) => cells(model, theme, run, widths),
            None => vec![],
        }
    });
}

fn cells(model: &Model, theme: &Theme, run: &RunState, widths: &[u16]) -> Vec<Cell> {
    let style = |role| theme.style(role);
    let width = |n: usize| widths.get(n).copied().unwrap_or(0);
    let ours = is_ours(model, run);
    let (mark, word, role) = match outcome(run, model.activity.alive(run.run) || ours) {
        (_, "running", _) if !ours && heard(model, run).1 => ("?", "silent", Role::Partial),
        other => other,
    };
    let taken_back = model.activity.was_taken_back(run);
    let what = cell(&title(run), style(if taken_back { Role::Dim } else { Role::Base }), width(2));
    // Beside the title it would be the first thing to be cut.
    let (mark, word, role) = if taken_back { ("↩", "undone", Role::Dim) } else { (mark, word, role) };
    let took = run
        .ended
        .as_ref()
        .map_or_else(|| ago(Some(run.begun_at), model.now), |(_, at, _)| took((*at - run.begun_at).num_milliseconds()));
    vec![
        vec![(format!("{mark} {word}"), style(role))],
        cell(&ago(Some(run.begun_at), model.now), style(Role::Dim), width(1)),
        what,
        cell(model.session.account(&run.plan.scope.account), style(Role::Base), width(3)),
        cell(run.plan.scope.region.as_str(), style(Role::Dim), width(4)),
        cell(&by(run), style(Role::Base), width(5)),
        cell(&took, style(Role::Dim), width(6)),
    ]
}

/// The plan's title without the place, which has columns of its own.
fn title(run: &RunState) -> String {
    let place = format!(" in {}", run.plan.scope);
    run.plan.title.strip_suffix(&place).unwrap_or(&run.plan.title).to_owned()
}

fn is_ours(model: &Model, run: &RunState) -> bool {
    model.pane.iter().chain(model.parked.values()).any(|p| p.run_id() == Some(run.run))
}

/// What is known of the process of another's run, and whether it has missed its turn. One that was killed keeps its
/// promise to be alive for a while: nothing more is claimed than when it was last heard from.
fn heard(model: &Model, run: &RunState) -> (String, bool) {
    let Some(at) = model.activity.heard(run.run) else { return ("Under way, by another process.".to_owned(), false) };
    let quiet = model.now - at > QUIET;
    let then = if quiet { ". It should have been heard from since: it may have gone" } else { "" };
    (format!("Under way, by another process; last heard from {} ago{then}.", ago(Some(at), model.now)), quiet)
}

fn by(run: &RunState) -> String {
    let hand = match run.actor.hand {
        Hand::Console => "",
        Hand::Cli => " (cli)",
        Hand::Lambda => " (lambda)",
    };
    format!("{}{hand}", text::fit(&run.actor.name, 40))
}

/// Draws the detail. Says how far it can be scrolled.
pub fn draw_detail(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) -> usize {
    let Some(run) = model.activity.cursor.key().and_then(|id| newest(model, *id)) else {
        frame.render_widget(frame_block(theme, Line::default(), model.detail_open), area);
        return 0;
    };
    let room = usize::from(area.width.saturating_sub(4));
    let title = Line::styled(format!(" {} ", text::fit(&title(run), room)), theme.style(Role::Title));
    let block = frame_block(theme, title, model.detail_open);
    let lines = lines(model, theme, run, area.width.saturating_sub(4));
    draw_framed(frame, area, theme, block, lines, model.detail_scroll)
}

fn lines(model: &Model, theme: &Theme, run: &RunState, width: u16) -> Vec<Line<'static>> {
    let mut doc = Doc::new(theme, width);
    let alive = model.activity.alive(run.run) || is_ours(model, run);
    let (mark, word, role) = match outcome(run, alive) {
        (_, "running", _) if !is_ours(model, run) && heard(model, run).1 => ("?", "silent", Role::Partial),
        other => other,
    };
    let left = vec![doc.span(role, &format!("{mark} {word}"))];
    let right = vec![doc.span(Role::Dim, &clock(run.begun_at, model.now))];
    doc.split(left, right);
    match &run.ended {
        Some((_, _, message)) => doc.text(Role::Base, &text::fit(&model.keyed(message), 900)),
        None if is_ours(model, run) => doc.text(Role::Dim, "Under way."),
        None if alive => {
            let (words, quiet) = heard(model, run);
            let role = if quiet { Role::Warning } else { Role::Dim };
            doc.text(role, &words);
        }
        None => doc.text(
            Role::Warning,
            "Its process has gone. Recovery looks at every step without an answer, then goes on or ends it.",
        ),
    }
    let next = crate::engine::report::next(run);
    if run.ended.is_some() && !next.is_empty() {
        doc.heading("NEXT");
        for next in next.iter().take(8) {
            doc.marked(Role::Notice, "→ ", &text::fit(&model.keyed(next), 400));
        }
    }
    let mut keys = vec![];
    if !alive && run.is_open() {
        keys.push((Command::Recover, "recover"));
    }
    if model.activity.can_be_taken_back(run) {
        keys.push((Command::Restore, "take it back"));
    }
    let keys = keys_line(model, theme, &keys);
    if !keys.is_empty() {
        doc.gap();
        doc.spans(keys);
    }
    doc.heading("STEPS");
    super::run::steps(&mut doc, model, run, false, model.activity.alive(run.run));
    doc.heading("RUN");
    doc.field("by", Role::Base, &format!("{} on {}", by(run), text::fit(&run.actor.host, 60)));
    doc.field(
        "account",
        Role::Base,
        &format!("{}  {}", text::fit(model.session.account(&run.plan.scope.account), 40), run.plan.scope.account),
    );
    doc.field("Region", Role::Base, run.plan.scope.region.as_str());
    doc.field(kind_words(&run.plan.subject).0, Role::Base, &id_words(&run.plan.subject));
    if let Some(finding) = &run.plan.finding {
        doc.field("finding", Role::Base, &text::fit(&finding.finding_type, 120));
    }
    if run.recoveries > 0 {
        doc.field("recovered", Role::Base, &super::words::count(usize::try_from(run.recoveries).unwrap_or(0), "time"));
    }
    for reverted in &run.plan.reverts {
        doc.field("reverts", Role::Dim, &reverted.to_string());
    }
    doc.field("run", Role::Dim, &run.run.to_string());
    for drift in &run.plan.drift {
        let words = format!("{}: {} ({})", drift.what, drift.now, model.keyed(&drift.decision));
        doc.marked(Role::Drift, "≠ ", &model.named(&run.plan.scope, &words));
    }
    doc.lines()
}
