//! Which credentials are cut: the list, and each one's parts with what was read back and the way back.

use super::doc::{Doc, draw_framed, frame_block};
use super::finding::keys_line;
use super::list::{Cell, Column, List, cell};
use super::words::{ago, clock};
use crate::config::{Command, Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::Model;
use crate::console::model::credentials::{Cut, CutStatus, Part, means};
use crate::domain::{Principal, text};
use crate::playbook::{Change, Standing};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

const COLUMNS: [Column; 6] = [
    Column::fixed("STATUS", 10),
    Column::fixed("SINCE", 5).right(),
    Column::flexible("WHOSE", 20, 36),
    Column::flexible("HOW", 22, 52).goes(1),
    Column::flexible("ACCOUNT", 8, 20).goes(3),
    Column::flexible("BY", 8, 24).goes(2),
];

/// The look of a status.
fn role(status: CutStatus) -> Role {
    match status {
        CutStatus::Cut => Role::Quarantined,
        CutStatus::Drift => Role::Drift,
        CutStatus::Running => Role::Running,
        CutStatus::Restored => Role::Ok,
        CutStatus::Unread => Role::Dim,
    }
}

/// Draws the list.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    let credentials = &model.credentials;
    let mut facts = format!("{} cut", credentials.holding());
    if credentials.troubled() > 0 {
        facts.push_str(&format!(" · {} to look at", credentials.troubled()));
    }
    if !credentials.filter.text().is_empty() {
        facts.push_str(&format!(" · /{}", text::fit(credentials.filter.text(), 24)));
    }
    let title = vec![
        Span::styled(" Credentials ", theme.style(Role::Title)),
        Span::styled(format!("{facts} "), theme.style(Role::Dim)),
    ];
    let words = match (model.activity.known, credentials.filter.text().is_empty()) {
        (false, _) => "Reading the ledger…",
        (true, false) => "Nothing matches the filter.",
        (true, true) => "No credentials are cut.",
    };
    let mut empty = super::words::failing(model, theme, "The ledger", |t| matches!(t, Thing::Runs));
    if empty.is_empty() {
        empty = vec![Line::styled(words, theme.style(Role::Dim))];
    }
    let list = List {
        columns: &COLUMNS,
        len: credentials.order().len(),
        offset: credentials.cursor.offset(),
        selected: Some(credentials.cursor.index()),
        focused: !model.detail_open && model.pane.is_none(),
        marked: &super::list::unmarked,
        empty,
    };
    let block = frame_block(theme, Line::from(title), !model.detail_open);
    super::list::draw(frame, area, theme, block, &list, |n, widths| {
        match credentials.order().get(n).and_then(|key| credentials.cut(key)) {
            Some(cut) => cells(model, theme, cut, widths),
            None => vec![],
        }
    });
}

fn whose(principal: &Principal) -> String {
    format!("{} {}", principal.kind(), text::fit(principal.name(), 64))
}

fn cells(model: &Model, theme: &Theme, cut: &Cut, widths: &[u16]) -> Vec<Cell> {
    let style = |role| theme.style(role);
    let width = |n: usize| widths.get(n).copied().unwrap_or(0);
    let over = cut.status == CutStatus::Restored;
    let main = if over { Role::Dim } else { Role::Base };
    let mark = if over { "  " } else { "◆ " };
    vec![
        vec![(format!("{mark}{}", cut.status.word()), style(role(cut.status)))],
        cell(&ago(Some(cut.since), model.now), style(Role::Dim), width(1)),
        cell(&whose(&cut.key.1), style(if over { Role::Dim } else { Role::Strong }), width(2)),
        cell(&cut.brief(model.now), style(main), width(3)),
        cell(model.session.account(&cut.key.0), style(main), width(4)),
        cell(&text::fit(&cut.by, 40), style(main), width(5)),
    ]
}

/// Draws the detail. Says how far it can be scrolled.
pub fn draw_detail(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) -> usize {
    let Some(cut) = model.credentials.selected() else {
        frame.render_widget(frame_block(theme, Line::default(), model.detail_open), area);
        return 0;
    };
    let title = Line::styled(format!(" {} ", whose(&cut.key.1)), theme.style(Role::Title));
    let block = frame_block(theme, title, model.detail_open);
    let lines = lines(model, theme, cut, area.width.saturating_sub(4));
    draw_framed(frame, area, theme, block, lines, model.detail_scroll)
}

fn lines(model: &Model, theme: &Theme, cut: &Cut, width: u16) -> Vec<Line<'static>> {
    let mut doc = Doc::new(theme, width);
    let claim = match cut.status {
        CutStatus::Cut if cut.is_narrow() => {
            "cut in part: sessions that others were given live on; what is ours was read, and stands as we left it"
        }
        CutStatus::Cut => "cut: every part was read, and stands as we left it",
        CutStatus::Drift => "NOT as it was left: look at each part",
        CutStatus::Running => "a run is at work on it: see Activity",
        CutStatus::Unread => "not read live yet: nothing is claimed beyond what the run read back",
        CutStatus::Restored => "restored: nothing of ours is left",
    };
    doc.text(role(cut.status), claim);
    for error in &model.credentials.errors {
        doc.marked(Role::Error, "! ", error);
    }
    let mut keys = vec![];
    if !matches!(cut.status, CutStatus::Restored | CutStatus::Running) {
        keys.push((Command::Restore, "restore"));
        if matches!(cut.key.1, Principal::Role(_)) {
            keys.push((Command::DeleteRole, "delete the role"));
        }
    }
    let keys = keys_line(model, theme, &keys);
    if !keys.is_empty() {
        doc.gap();
        doc.spans(keys);
    }
    doc.gap();
    let account = text::fit(model.session.account(&cut.key.0), 40);
    doc.field("account", Role::Base, &format!("{account}  {}", cut.key.0));
    doc.field(
        "since",
        Role::Base,
        &format!("{}  {} ago", clock(cut.since, model.now), ago(Some(cut.since), model.now)),
    );
    doc.field("by", Role::Base, &text::fit(&cut.by, 80));
    for run in &cut.runs {
        doc.field("run", Role::Dim, &run.to_string());
    }
    if let Some(finding) = &cut.finding {
        doc.field("finding", Role::Base, &text::fit(&finding.finding_type, 120));
    }
    if !cut.parts.is_empty() {
        doc.heading("WHAT IS CUT, AND HOW IT STANDS NOW");
    }
    for part in &cut.parts {
        part_lines(&mut doc, part);
    }
    if !cut.parts.is_empty() {
        doc.heading("THE WAY BACK");
        doc.text(Role::Dim, "Restore takes away what is still byte for byte ours.");
        for part in &cut.parts {
            if let Change::AccessKeyStatus(edit) = &part.change {
                let words = format!("{} stays inactive until its id is typed", text::fit(&edit.key, 40));
                doc.marked(Role::Dim, "· ", &words);
            }
        }
    }
    if !cut.proofs.is_empty() {
        doc.heading("WHAT WAS READ BACK");
        for (holds, proof) in &cut.proofs {
            let (mark, role) = if *holds { ("✓ ", Role::Base) } else { ("– ", Role::Warning) };
            doc.marked(role, mark, proof);
        }
    }
    if !cut.next.is_empty() {
        doc.heading("NEXT");
        for next in cut.next.iter().take(12) {
            doc.marked(Role::Notice, "→ ", &text::fit(&model.keyed(next), 400));
        }
    }
    doc.lines()
}

fn part_lines(doc: &mut Doc<'_>, part: &Part) {
    let (mark, word, role) = match &part.live {
        Some(Standing::After) => ("◆", "stands", Role::Quarantined),
        Some(Standing::Before | Standing::Gone) => ("○", "NO LONGER THERE", Role::Partial),
        Some(Standing::Drift(_)) => ("≠", "DRIFT", Role::Drift),
        None | Some(Standing::Unknown) => ("?", "not read", Role::Dim),
    };
    let left = vec![doc.span(role, &format!("{mark} ")), doc.span(Role::Strong, &means(&part.change))];
    let right = vec![doc.span(role, word)];
    doc.split(left, right);
    doc.marked(Role::Dim, "    ", &text::fit(&part.change.what(), 200));
    if let Some(Standing::Drift(now)) = &part.live {
        doc.marked(Role::After, "    now ", &text::fit(now, 400));
    }
}
