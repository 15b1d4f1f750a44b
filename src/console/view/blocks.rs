//! Network ACLs with denies: the list, and the entries in their order.

use super::doc::{Doc, draw_framed, frame_block};
use super::list::{Cell, Column, List, cell};
use super::words::{ago, count};
use crate::config::{Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::Model;
use crate::console::model::blocks::{AclRow, shadowed_by};
use crate::domain::{AclAction, AclDirection, AclEntry, NetworkAcl, text};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

const COLUMNS: [Column; 8] = [
    Column::flexible("NACL", 21, 21),
    Column::fixed("DENIES", 6).right(),
    Column::fixed("HIGHEST", 7).right().goes(3),
    Column::flexible("COUNTER", 7, 12).right().goes(1),
    Column::fixed("V4 IN/OUT", 11).right().goes(2),
    Column::fixed("V6 IN/OUT", 11).right().goes(6),
    Column::flexible("ACCOUNT", 8, 16).goes(4),
    Column::fixed("REGION", 14).goes(5),
];

/// Draws the list.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) {
    let blocks = &model.blocks;
    let mut facts = format!(
        "{} in {}",
        count(blocks.denies(), "deny entry").replace("entrys", "entries"),
        count(blocks.order().len(), "NACL")
    );
    if blocks.without_denies() > 0 {
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
    let words = if reading { "Reading network ACLs…" } else { "No network ACL has a deny of its own." };
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
        match blocks.order().get(n).and_then(|key| blocks.row(key)) {
            Some(row) => cells(model, theme, row, widths),
            None => vec![],
        }
    });
}

fn cells(model: &Model, theme: &Theme, row: &AclRow, widths: &[u16]) -> Vec<Cell> {
    let style = |role| theme.style(role);
    let width = |n: usize| widths.get(n).copied().unwrap_or(0);
    let highest = row.highest.map_or_else(|| "—".to_owned(), |n| n.to_string());
    let (counter, differs) = counter_words(row);
    let [in4, out4, in6, out6] = row.used;
    let used = |a: usize, b: usize| format!("{a}/{b} of {}", NetworkAcl::DEFAULT_QUOTA);
    let full = |a: usize, b: usize| {
        if a.max(b) + 2 >= NetworkAcl::DEFAULT_QUOTA { Role::Warning } else { Role::Dim }
    };
    let missing = row.acl.is_none();
    vec![
        cell(row.key.1.as_str(), style(if missing { Role::Dim } else { Role::Base }), width(0)),
        cell(&row.denies.to_string(), style(Role::Base), width(1)),
        cell(&highest, style(Role::Base), width(2)),
        cell(&counter, style(if differs { Role::Drift } else { Role::Dim }), width(3)),
        cell(&used(in4, out4), style(full(in4, out4)), width(4)),
        cell(&used(in6, out6), style(full(in6, out6)), width(5)),
        cell(model.session.account(&row.key.0.account), style(Role::Base), width(6)),
        cell(row.key.0.region.as_str(), style(Role::Dim), width(7)),
    ]
}

/// The counter in words, and whether it differs from the highest deny.
fn counter_words(row: &AclRow) -> (String, bool) {
    match row.counter.as_ref().map(|c| &c.value) {
        None => ("none".to_owned(), false),
        Some(Err(_)) => ("≠ no number".to_owned(), true),
        Some(Ok(value)) if Some(*value) == row.highest.map(i64::from) => (value.to_string(), false),
        Some(Ok(value)) => (format!("≠ {value}"), true),
    }
}

/// Draws the detail. Says how far it can be scrolled.
pub fn draw_detail(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) -> usize {
    let Some(row) = model.blocks.selected() else {
        frame.render_widget(frame_block(theme, Line::default(), model.detail_open), area);
        return 0;
    };
    let title = Line::styled(format!(" {} ", row.key.1), theme.style(Role::Title));
    let block = frame_block(theme, title, model.detail_open);
    let lines = lines(model, theme, row, area.width.saturating_sub(4));
    draw_framed(frame, area, theme, block, lines, model.detail_scroll)
}

fn lines(model: &Model, theme: &Theme, row: &AclRow, width: u16) -> Vec<Line<'static>> {
    let mut doc = Doc::new(theme, width);
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
    match &row.counter {
        Some(counter) => {
            let value = counter.value.as_ref().map_or_else(|text| format!("\"{text}\""), ToString::to_string);
            let written = format!(
                "{value}, written {} ({} ago)",
                count(usize::try_from(counter.version).unwrap_or(0), "time"),
                ago(counter.at, model.now)
            );
            doc.field("counter", Role::Base, &written);
        }
        None => doc.field(
            "counter",
            Role::Dim,
            &format!("none at {}{}", crate::console::model::blocks::COUNTERS, row.key.1),
        ),
    }
    for (scope, error) in model.blocks.counter_errors() {
        if scope == &row.key.0 {
            doc.marked(Role::Error, "! ", error);
        }
    }
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
        let used = doc.span(Role::Dim, &format!("{} of {}", entries.len(), NetworkAcl::DEFAULT_QUOTA));
        doc.heading_with(title, used);
        for entry in entries {
            entry_line(&mut doc, acl, entry);
        }
    }
    doc.lines()
}

fn entry_line(doc: &mut Doc<'_>, acl: &NetworkAcl, entry: &AclEntry) {
    let number = if entry.number >= AclEntry::FINAL { "*".to_owned() } else { entry.number.to_string() };
    let own = entry.action == AclAction::Deny && entry.number < AclEntry::FINAL;
    let shadow = own.then(|| shadowed_by(acl, entry)).flatten();
    let (word, role) = match entry.action {
        AclAction::Allow => ("allow", Role::Dim),
        AclAction::Deny if own && shadow.is_none() => ("DENY ", Role::Base),
        AclAction::Deny if own => ("DENY ", Role::Warning),
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
    let content = format!("{number:>5}  {word}  {}  {protocol}{ports}", text::fit(&entry.cidr, 43));
    let mut spans = vec![doc.span(role, &content)];
    if let Some(allow) = shadow {
        spans.push(doc.span(Role::Warning, &format!("  dead behind {allow}")));
    }
    doc.spans(spans);
}
