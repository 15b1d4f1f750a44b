//! What is in quarantine: the list, and the detail with originals beside what stands there now.

use super::doc::{Doc, draw_framed, frame_block};
use super::finding::{interfaces, keys_line};
use super::list::{Cell, Column, List, cell};
use super::words::{ago, clock, status_role};
use crate::config::{Command, Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::Model;
use crate::console::model::contained::{Contained, InterfaceMark, InterfaceStanding, Status};
use crate::domain::{GroupId, Scope, text};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::collections::BTreeSet;

const COLUMNS: [Column; 7] = [
    Column::fixed("STATUS", 10),
    Column::fixed("SINCE", 5).right(),
    Column::flexible("INSTANCE", 22, 42),
    Column::fixed("IF", 5).right().goes(2),
    Column::flexible("ACCOUNT", 8, 20).goes(4),
    Column::fixed("REGION", 14).goes(5),
    Column::flexible("BY", 8, 24).goes(3),
];

/// Draws the list.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    let quarantine = &model.quarantine;
    let mut title = vec![Span::styled(" Quarantine ", theme.style(Role::Title))];
    let mut facts = format!("{} holding", quarantine.holding());
    if quarantine.troubled() > 0 {
        facts.push_str(&format!(" · {} to look at", quarantine.troubled()));
    }
    if !quarantine.filter.text().is_empty() {
        facts.push_str(&format!(" · /{}", text::fit(quarantine.filter.text(), 24)));
    }
    title.push(Span::styled(format!("{facts} "), theme.style(Role::Dim)));
    let reading = model.session.scopes.iter().any(|s| model.readings.first(&Thing::Quarantined(s.clone())));
    let words = if reading {
        "Reading what is in quarantine…"
    } else if !quarantine.filter.text().is_empty() {
        "Nothing matches the filter."
    } else {
        "Nothing is in quarantine."
    };
    let mut empty =
        super::words::failing(model, theme, "What is in quarantine", |t| matches!(t, Thing::Quarantined(_)));
    if empty.is_empty() {
        empty = vec![Line::styled(words, theme.style(Role::Dim))];
    }
    let list = List {
        columns: &COLUMNS,
        len: quarantine.order().len(),
        offset: quarantine.cursor.offset(),
        selected: Some(quarantine.cursor.index()),
        focused: !model.detail_open && model.pane.is_none(),
        marked: &super::list::unmarked,
        empty,
    };
    let block = frame_block(theme, Line::from(title), !model.detail_open);
    super::list::draw(frame, area, theme, block, &list, |n, widths| {
        match quarantine.order().get(n).and_then(|key| quarantine.entry(key)) {
            Some(entry) => cells(model, theme, entry, widths),
            None => vec![],
        }
    });
}

fn cells(model: &Model, theme: &Theme, entry: &Contained, widths: &[u16]) -> Vec<Cell> {
    let style = |role| theme.style(role);
    let width = |n: usize| widths.get(n).copied().unwrap_or(0);
    let over = matches!(entry.status, Status::Restored | Status::Gone);
    let main = if over { Role::Dim } else { Role::Base };
    let mark = if over { "  " } else { "◆ " };
    let (isolated, of) = entry.isolated();
    let fraction = if of == 0 { "—".to_owned() } else { format!("{isolated}/{of}") };
    let whole = isolated == of || over || matches!(entry.status, Status::Unread | Status::Restoring);
    let name = entry.name.as_deref().map(|n| text::fit(n, 40)).unwrap_or_default();
    let room = usize::from(width(2)).saturating_sub(text::width(&name) + 1);
    let id = if room < 19 && !name.is_empty() {
        text::fit_middle(entry.key.1.as_str(), 11)
    } else {
        text::fit(entry.key.1.as_str(), 24)
    };
    let mut instance = vec![(id, style(if name.is_empty() { main } else { Role::Dim }))];
    instance.push((format!(" {name}"), style(main)));
    let marks = entry.machine.marks();
    if !marks.is_empty() {
        instance.push((format!(" {marks}"), style(Role::Warning)));
    }
    let by = match (&entry.by, entry.in_ledger) {
        (Some(by), true) => text::fit(by, 40),
        (Some(by), false) => format!("{} (tags)", text::fit(by, 40)),
        (None, _) => "not in this ledger".to_owned(),
    };
    vec![
        vec![(format!("{mark}{}", entry.status.word()), style(status_role(entry.status)))],
        cell(&ago(entry.since, model.now), style(Role::Dim), width(1)),
        instance,
        cell(&fraction, style(if whole { Role::Dim } else { Role::Partial }), width(3)),
        cell(model.session.account(&entry.key.0.account), style(main), width(4)),
        cell(entry.key.0.region.as_str(), style(Role::Dim), width(5)),
        cell(&by, style(if entry.in_ledger { main } else { Role::Warning }), width(6)),
    ]
}

/// Draws the detail. Says how far it can be scrolled.
pub fn draw_detail(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) -> usize {
    let Some(entry) = model.quarantine.selected() else {
        frame.render_widget(frame_block(theme, Line::default(), model.detail_open), area);
        return 0;
    };
    let name = entry.name.as_deref().map(|n| format!(" {}", text::fit(n, 40))).unwrap_or_default();
    let title = format!(" {}{name} ", entry.key.1);
    let block = frame_block(theme, Line::styled(title, theme.style(Role::Title)), model.detail_open);
    let lines = lines(model, theme, entry, area.width.saturating_sub(4));
    draw_framed(frame, area, theme, block, lines, model.detail_scroll)
}

fn lines(model: &Model, theme: &Theme, entry: &Contained, width: u16) -> Vec<Line<'static>> {
    let mut doc = Doc::new(theme, width);
    let (isolated, of) = entry.isolated();
    let claim = match entry.status {
        Status::Isolated => format!("isolated: {} read, each in the quarantine group alone", interfaces(of)),
        Status::Partial => format!("NOT isolated: {isolated} of {} hold the quarantine group", interfaces(of)),
        Status::Drift => "not as it was left".to_owned(),
        Status::Running => "a run is at work on it: see Activity".to_owned(),
        Status::Restoring => "a restore is at work on it: see Activity".to_owned(),
        Status::Unread => "not read yet: nothing is claimed".to_owned(),
        Status::Gone => "the instance is no longer there".to_owned(),
        Status::Restored => "restored: it is out of quarantine".to_owned(),
    };
    doc.text(status_role(entry.status), &claim);
    for reason in &entry.reasons {
        doc.marked(Role::Warning, "! ", reason);
    }
    let error = model.readings.of(&Thing::Quarantined(entry.key.0.clone())).and_then(|r| r.error.clone());
    if let Some(error) = error {
        doc.marked(Role::Error, "! ", &error);
    }
    let mut keys = vec![];
    if !matches!(entry.status, Status::Gone | Status::Restored | Status::Running | Status::Restoring) {
        keys.push((Command::Restore, "restore"));
    }
    if matches!(entry.status, Status::Partial | Status::Drift | Status::Restored) {
        keys.push((Command::Quarantine, "quarantine again"));
    }
    if !matches!(entry.status, Status::Gone) {
        keys.push((Command::Forensics, "forensics"));
    }
    let keys = keys_line(model, theme, &keys);
    if !keys.is_empty() {
        doc.gap();
        doc.spans(keys);
    }
    doc.gap();
    doc.field(
        "account",
        Role::Base,
        &format!("{}  {}", text::fit(model.session.account(&entry.key.0.account), 40), entry.key.0.account),
    );
    doc.field("Region", Role::Base, entry.key.0.region.as_str());
    if let Some(since) = entry.since {
        doc.field("since", Role::Base, &format!("{}  {} ago", clock(since, model.now), ago(Some(since), model.now)));
    }
    if let Some(by) = &entry.by {
        doc.field("by", Role::Base, &text::fit(by, 80));
    }
    if entry.machine.exempt {
        doc.marked(Role::Warning, "⊘ ", "its owner keeps automation away (AutoRemediation=disabled)");
    }
    if let Some(operator) = &entry.machine.operator {
        doc.marked(Role::Warning, "§ ", &format!("operated by {}: it may be replaced", text::fit(operator, 60)));
    }
    if !entry.in_ledger {
        doc.marked(
            Role::Warning,
            "! ",
            "Not in this ledger: originals come from tags, which anybody with ec2:CreateTags can have written.",
        );
    }
    for run in &entry.runs {
        doc.field("run", Role::Dim, &run.to_string());
    }
    if let Some(finding) = &entry.finding {
        doc.field("finding", Role::Base, &text::fit(&finding.finding_type, 120));
        doc.text(Role::Dim, &text::fit(&finding.title, 300));
    }
    if !entry.interfaces.is_empty() {
        doc.heading("INTERFACES   before → now");
    }
    for interface in &entry.interfaces {
        interface_lines(&mut doc, model, &entry.key.0, interface);
    }
    doc.lines()
}

fn interface_lines(doc: &mut Doc<'_>, model: &Model, scope: &Scope, interface: &InterfaceStanding) {
    let (mark, word, role) = match interface.mark {
        InterfaceMark::Isolated => ("◆", "isolated", Role::Quarantined),
        InterfaceMark::Open => ("○", "NOT isolated", Role::Partial),
        InterfaceMark::Drift => ("≠", "DRIFT", Role::Drift),
        InterfaceMark::Gone => ("–", "no longer attached", Role::Dim),
        InterfaceMark::Unread => ("?", "not read", Role::Dim),
    };
    let left = vec![doc.span(role, &format!("{mark} ")), doc.span(Role::Strong, interface.id.as_str())];
    let right = vec![doc.span(role, word)];
    doc.split(left, right);
    let none = BTreeSet::new();
    let before = interface.originals.as_ref();
    let live = interface.live.as_ref();
    let all: BTreeSet<&GroupId> = before.unwrap_or(&none).iter().chain(live.unwrap_or(&none)).collect();
    let stood = |group: &GroupId| (before.is_some_and(|b| b.contains(group)), live.is_some_and(|l| l.contains(group)));
    let mut all: Vec<&GroupId> = all.into_iter().collect();
    all.sort_by_key(|g| std::cmp::Reverse(stood(g)));
    for group in all {
        let (sign, role) = match stood(group) {
            (true, true) => ("  =", Role::Base),
            (true, false) => ("  −", Role::Before),
            (false, _) => ("  +", Role::After),
        };
        doc.marked(role, &format!("{sign} "), &model.group(scope, group));
    }
    match (before, interface.from_ledger) {
        (None, _) => doc.marked(Role::Warning, "    ", "nobody wrote down what stood there before"),
        (Some(_), false) => doc.marked(Role::Dim, "    ", "before: by its tags"),
        (Some(_), true) => {}
    }
}
