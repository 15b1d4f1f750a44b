//! Network ACLs and their denies: the list, and each table's entries in their order.

use super::doc::{Doc, draw_framed, frame_block};
use super::finding::keys_line;
use super::list::{Cell, Column, List, cell};
use super::words::{age, ago, clock, count};
use crate::config::{Command, Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::Model;
use crate::console::model::blocks::{AclRow, COUNTERS, Deny, shadowed_by};
use crate::domain::{AclAction, AclCounter, AclDirection, AclEntry, NetworkAcl, text};
use crate::engine::{Block, BlockState};
use chrono::Duration;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

const COLUMNS: [Column; 8] = [
    Column::flexible("NACL / DENY", 24, 34),
    Column::fixed("STATE", 11),
    Column::fixed("WAYS", 8),
    Column::fixed("SINCE", 5).right().goes(3),
    Column::fixed("UNTIL", 8).right().goes(1),
    Column::flexible("BY", 8, 22).goes(2),
    Column::flexible("ACCOUNT", 8, 16).goes(4),
    Column::fixed("REGION", 14).goes(5),
];

/// Draws the list.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    let blocks = &model.blocks;
    let mut facts = format!("{} in {}", count(blocks.denies(), "block"), count(blocks.acls(), "NACL"));
    let due = blocks.due(model.now).len();
    if due > 0 {
        facts.push_str(&format!(" · {due} expired"));
    }
    if blocks.without_denies() > 0 && !blocks.all {
        facts.push_str(&format!(" · {} more without", blocks.without_denies()));
    }
    if !blocks.filter.text().is_empty() {
        facts.push_str(&format!(" · /{}", text::fit(blocks.filter.text(), 24)));
    }
    let title = vec![
        Span::styled(" Blocks ", theme.style(Role::Title)),
        Span::styled(format!("{facts} "), theme.style(Role::Dim)),
    ];
    let reading = model.session.scopes.iter().any(|s| model.readings.first(&Thing::Acls(s.clone())));
    let words = match (reading, blocks.filter.text().is_empty()) {
        (true, _) => "Reading network ACLs…",
        (false, false) => "Nothing matches the filter.",
        (false, true) => "No network ACL has a deny of its own.",
    };
    let mut empty = super::words::failing(model, theme, "Network ACLs", |t| matches!(t, Thing::Acls(_)));
    if empty.is_empty() {
        empty = vec![Line::styled(words, theme.style(Role::Dim))];
    }
    let list = List {
        columns: &COLUMNS,
        len: blocks.order().len(),
        offset: blocks.cursor.offset(),
        selected: Some(blocks.cursor.index()),
        focused: !model.detail_open,
        marked: &super::list::unmarked,
        empty,
    };
    let block = frame_block(theme, Line::from(title), !model.detail_open);
    super::list::draw(frame, area, theme, block, &list, |n, widths| {
        match blocks.order().get(n).and_then(|key| blocks.line(key)) {
            Some((row, None)) => acl_cells(model, theme, row, widths),
            Some((_, Some(deny))) => deny_cells(model, theme, deny, widths),
            None => vec![],
        }
    });
}

fn acl_cells(model: &Model, theme: &Theme, row: &AclRow, widths: &[u16]) -> Vec<Cell> {
    let style = |role| theme.style(role);
    let width = |n: usize| widths.get(n).copied().unwrap_or(0);
    let (counter, differs) = counter_words(row);
    let quota = model.blocks.quota();
    let most = row.used.into_iter().max().unwrap_or(0);
    let full = if most + 3 > quota { Role::Warning } else { Role::Dim };
    let used = if row.acl.is_some() { format!("{most} of {quota}") } else { String::new() };
    vec![
        cell(row.key.1.as_str(), style(if row.acl.is_none() { Role::Dim } else { Role::Strong }), width(0)),
        cell(&counter, style(if differs { Role::Drift } else { Role::Dim }), width(1)),
        cell(&used, style(full), width(2)),
        vec![],
        vec![],
        vec![],
        cell(model.session.account(&row.key.0.account), style(Role::Base), width(6)),
        cell(row.key.0.region.as_str(), style(Role::Dim), width(7)),
    ]
}

/// The role of a deny's state.
fn role(deny: &Deny) -> Role {
    match deny.ours.as_ref().map(|b| &b.seen) {
        Some(BlockState::Stands) => Role::Quarantined,
        Some(BlockState::Dead { .. } | BlockState::Part { .. }) => Role::Drift,
        Some(BlockState::Gone) => Role::Partial,
        Some(BlockState::Unread) => Role::Dim,
        None if deny.behind.is_some() => Role::Warning,
        None => Role::Dim,
    }
}

fn deny_cells(model: &Model, theme: &Theme, deny: &Deny, widths: &[u16]) -> Vec<Cell> {
    let style = |role| theme.style(role);
    let width = |n: usize| widths.get(n).copied().unwrap_or(0);
    let mark = if deny.ours.is_some() { "◆" } else { " " };
    let what = vec![
        (format!(" {mark} "), style(role(deny))),
        (format!("{:>5} ", deny.number), style(Role::Dim)),
        (text::fit(&short(&deny.cidr), 43), style(if deny.ours.is_some() { Role::Strong } else { Role::Base })),
    ];
    let ways: Vec<&str> = deny.ways.iter().map(|d| if *d == AclDirection::Ingress { "in" } else { "out" }).collect();
    let ours = deny.ours.as_ref();
    let (until, late) = until_words(model, ours);
    vec![
        what,
        cell(deny.word(), style(role(deny)), width(1)),
        cell(&ways.join(" "), style(Role::Dim), width(2)),
        cell(&ours.map(|b| ago(Some(b.since), model.now)).unwrap_or_default(), style(Role::Dim), width(3)),
        cell(&until, style(if late { Role::Warning } else { Role::Base }), width(4)),
        cell(&ours.map(|b| text::fit(&b.by, 40)).unwrap_or_default(), style(Role::Base), width(5)),
        vec![],
        vec![],
    ]
}

/// A range as people write it: a single address without its length.
fn short(cidr: &str) -> String {
    cidr.parse().map_or_else(|_| cidr.to_owned(), |range| crate::playbook::block::shown(&range))
}

/// Until when a block of ours stands, and whether that is over.
fn until_words(model: &Model, block: Option<&Block>) -> (String, bool) {
    match block.map(|b| (b.until, b.is_due(model.now))) {
        None => (String::new(), false),
        Some((None, _)) => ("—".to_owned(), false),
        Some((Some(_), true)) => ("EXPIRED".to_owned(), true),
        Some((Some(until), false)) => (format!("in {}", left(until - model.now)), false),
    }
}

/// How long is left, in at most four cells; hours are told in minutes while that matters.
fn left(left: Duration) -> String {
    if left < Duration::hours(3) { format!("{}m", left.num_minutes().max(0)) } else { age(left) }
}

/// The counter in words, and whether it differs from the table.
fn counter_words(row: &AclRow) -> (String, bool) {
    match row.counter.as_ref().map(AclCounter::number) {
        None => ("no counter".to_owned(), false),
        Some(None) => ("≠ no number".to_owned(), true),
        Some(Some(number)) if row.counter_drift.is_some() => (format!("≠ count {number}"), true),
        Some(Some(number)) => (format!("counter {number}"), false),
    }
}

/// Draws the detail. Says how far it can be scrolled.
pub fn draw_detail(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) -> usize {
    let Some((row, deny)) = model.blocks.selected() else {
        frame.render_widget(frame_block(theme, Line::default(), model.detail_open), area);
        return 0;
    };
    let title = match deny {
        Some(deny) => format!(" {} in {} ", text::fit(&short(&deny.cidr), 43), row.key.1),
        None => format!(" {} ", row.key.1),
    };
    let block = frame_block(theme, Line::styled(title, theme.style(Role::Title)), model.detail_open);
    let lines = lines(model, theme, row, deny, area.width.saturating_sub(4));
    draw_framed(frame, area, theme, block, lines, model.detail_scroll)
}

fn lines(model: &Model, theme: &Theme, row: &AclRow, deny: Option<&Deny>, width: u16) -> Vec<Line<'static>> {
    let mut doc = Doc::new(theme, width);
    let mut keys = vec![];
    if let Some(deny) = deny {
        of_deny(&mut doc, model, deny);
        if let Some(block) = &deny.ours {
            keys.push((Command::Unblock, "unblock"));
            if block.seen != BlockState::Gone {
                keys.push((Command::Extend, "extend"));
            }
        }
    }
    if row.acl.is_some() {
        keys.push((Command::Block, "block here"));
    }
    if !model.blocks.due(model.now).is_empty() {
        keys.push((Command::Sweep, "sweep"));
    }
    let keys = keys_line(model, theme, &keys);
    if !keys.is_empty() {
        doc.gap();
        doc.spans(keys);
    }
    if deny.is_some() {
        doc.heading("THE TABLE");
    }
    for oddity in &row.oddities {
        doc.marked(Role::Warning, "! ", oddity);
    }
    doc.gap();
    doc.field(
        "account",
        Role::Base,
        &format!("{}  {}", text::fit(model.session.account(&row.key.0.account), 40), row.key.0.account),
    );
    doc.field("Region", Role::Base, row.key.0.region.as_str());
    counter(&mut doc, model, row);
    let Some(acl) = &row.acl else { return doc.lines() };
    doc.field("VPC", Role::Base, acl.vpc.as_str());
    let subnets: Vec<&str> = acl.subnets.iter().map(crate::domain::SubnetId::as_str).collect();
    let default = if acl.is_default { ", the VPC's default" } else { "" };
    doc.field("guards", Role::Base, &format!("{}{default}  {}", count(subnets.len(), "subnet"), subnets.join(" ")));
    for (direction, ipv6, title) in [
        (AclDirection::Ingress, false, "IPv4 IN"),
        (AclDirection::Egress, false, "IPv4 OUT"),
        (AclDirection::Ingress, true, "IPv6 IN"),
        (AclDirection::Egress, true, "IPv6 OUT"),
    ] {
        let entries = acl.entries_of(direction, ipv6);
        if entries.is_empty() {
            continue;
        }
        let used = doc.span(Role::Dim, &format!("{} of {}", entries.len(), model.blocks.quota()));
        doc.heading_with(title, used);
        for entry in entries {
            entry_line(&mut doc, model, row, acl, entry);
        }
    }
    doc.lines()
}

/// The selected deny: whose it is, since when, until when.
fn of_deny(doc: &mut Doc<'_>, model: &Model, deny: &Deny) {
    let claim = match deny.ours.as_ref().map(|b| &b.seen) {
        None => "not ours, as far as this ledger knows: it is left alone".to_owned(),
        Some(BlockState::Stands) => "stands whole, and takes effect".to_owned(),
        Some(BlockState::Dead { behind }) => format!("stands, and has NO effect: {behind} lets it through first"),
        Some(BlockState::Part { seen }) => format!("only a part of it stands as we left it: {seen}"),
        Some(BlockState::Gone) => "somebody else has removed or replaced it: nothing is blocked by it".to_owned(),
        Some(BlockState::Unread) => "its table was not read: nothing is claimed".to_owned(),
    };
    doc.text(role(deny), &text::fit(&claim, 400));
    let Some(block) = &deny.ours else { return };
    doc.gap();
    doc.field("by", Role::Base, &text::fit(&block.by, 80));
    doc.field(
        "since",
        Role::Base,
        &format!("{}  {} ago", clock(block.since, model.now), ago(Some(block.since), model.now)),
    );
    let until = match block.until {
        None => "it is taken back".to_owned(),
        Some(until) if block.is_due(model.now) => {
            format!("{}, which is over: it stands until a sweep", clock(until, model.now))
        }
        Some(until) => format!("{}  in {}", clock(until, model.now), left(until - model.now)),
    };
    doc.field("until", if block.is_due(model.now) { Role::Warning } else { Role::Base }, &until);
    doc.field("run", Role::Dim, &block.run.to_string());
    if let Some(finding) = &block.finding {
        doc.field("finding", Role::Dim, &text::fit(finding.as_str(), 300));
    }
}

fn counter(doc: &mut Doc<'_>, model: &Model, row: &AclRow) {
    match &row.counter {
        Some(counter) => {
            let value =
                counter.number().map_or_else(|| format!("\"{}\"", text::fit(&counter.value, 20)), |n| n.to_string());
            let written = format!(
                "{value}, written {} ({} ago)",
                count(usize::try_from(counter.version).unwrap_or(0), "time"),
                ago(counter.modified_at, model.now)
            );
            doc.field("counter", if counter_words(row).1 { Role::Drift } else { Role::Base }, &written);
        }
        None => doc.field("counter", Role::Dim, &format!("none at {COUNTERS}{}", row.key.1)),
    }
    for (scope, error) in model.blocks.counter_errors() {
        if scope == &row.key.0 {
            doc.marked(Role::Error, "! ", error);
        }
    }
}

fn entry_line(doc: &mut Doc<'_>, model: &Model, row: &AclRow, acl: &NetworkAcl, entry: &AclEntry) {
    let number = if entry.number >= AclEntry::FINAL { "*".to_owned() } else { entry.number.to_string() };
    let own = entry.action == AclAction::Deny && entry.number < AclEntry::FINAL;
    let ours = row.denies.iter().filter_map(|d| d.ours.as_ref()).find(|b| b.deny.is_ours(entry));
    let shadow = own.then(|| shadowed_by(acl, entry)).flatten();
    let (word, role) = match entry.action {
        AclAction::Allow => ("allow", Role::Dim),
        AclAction::Deny if own && shadow.is_some() => ("DENY ", Role::Warning),
        AclAction::Deny if ours.is_some() => ("DENY ", Role::Quarantined),
        AclAction::Deny if own => ("DENY ", Role::Base),
        AclAction::Deny => ("deny ", Role::Dim),
    };
    let protocol = match entry.protocol.as_str() {
        "-1" => "all".to_owned(),
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        other => text::fit(other, 8),
    };
    let ports =
        entry.ports.map(|(a, b)| if a == b { format!(" {a}") } else { format!(" {a}-{b}") }).unwrap_or_default();
    let mark = if ours.is_some() { "◆" } else { " " };
    let content = format!("{mark}{number:>5}  {word}  {}  {protocol}{ports}", text::fit(&entry.cidr, 43));
    let mut spans = vec![doc.span(role, &content)];
    if let Some(allow) = shadow {
        spans.push(doc.span(Role::Warning, &format!("  dead behind {allow}")));
    }
    if let Some(block) = ours {
        let (until, _) = until_words(model, Some(block));
        let until = if until == "—" { String::new() } else { format!(", {}", until.replace("in ", "for ")) };
        spans.push(doc.span(Role::Dim, &format!("  {}{until}", text::fit(&block.by, 20))));
    }
    doc.spans(spans);
}
