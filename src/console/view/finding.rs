//! The detail of a finding: what it says, and its subject read live.

use super::doc::{Doc, draw_framed, frame_block};
use super::words::{ago, clock, count, hint, view_key};
use crate::config::{Command, Role, Theme};
use crate::console::model::Model;
use crate::console::model::findings::Row;
use crate::console::model::subjects::Sight;
use crate::domain::subject::RemoteAddress;
use crate::domain::{Direction, InstanceId, Interface, RecordState, Scope, Subject, text};
use crate::ledger::RunState;
use crate::playbook::{GroupChoice, Observed, tags};
use crate::policy::EXEMPT_TAG;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// The tags that say something about what may be done.
const TELLING_TAGS: [&str; 5] = [EXEMPT_TAG, tags::STATUS, tags::QUARANTINED_BY, "aws:autoscaling:groupName", "Owner"];

/// Draws it. Says how far it can be scrolled.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme) -> usize {
    let Some(row) = model.findings.selected() else {
        let block = frame_block(theme, Line::styled(" Detail ", theme.style(Role::Title)), model.detail_open);
        frame.render_widget(block, area);
        return 0;
    };
    let room = usize::from(area.width.saturating_sub(4));
    let title = format!(" {} ", text::fit(&row.finding.finding_type, room));
    let block = frame_block(theme, Line::styled(title, theme.style(Role::Title)), model.detail_open);
    let lines = lines(model, theme, row, area.width.saturating_sub(4));
    draw_framed(frame, area, theme, block, lines, model.detail_scroll)
}

fn lines(model: &Model, theme: &Theme, row: &Row, width: u16) -> Vec<Line<'static>> {
    let finding = &row.finding;
    let mut doc = Doc::new(theme, width);
    let mut head =
        vec![Span::styled(format!(" {} ", finding.severity.label()), theme.style(Role::severity(finding.severity)))];
    let says_more = |raw: &&String| !raw.eq_ignore_ascii_case(finding.severity.label());
    if let Some(raw) = finding.severity_raw.as_ref().filter(says_more) {
        head.push(doc.span(Role::Dim, &format!(" {}", text::fit(raw, 16))));
    }
    if let Some(n) = finding.count.filter(|n| *n > 1) {
        head.push(doc.span(Role::Base, &format!("  seen {n} times")));
    }
    let when = doc.span(Role::Dim, &format!("{} ago", ago(row.at(), model.now)));
    doc.split(head, vec![when]);
    if finding.sample {
        doc.text(Role::Warning, "A sample: it is never acted on.");
    }
    doc.text(Role::Strong, &finding.title);
    if !finding.description.is_empty() && finding.description != finding.title {
        doc.text(Role::Dim, &text::fit(&finding.description, 600));
    }
    done(&mut doc, model, row);
    actions(&mut doc, model, row);
    let first_instance = row.instance.as_ref().map(|(_, id)| id);
    for subject in finding.subjects.iter().take(24) {
        match subject {
            Subject::Instance(i) if i.id.as_ref() == first_instance && i.id.is_some() => instance(&mut doc, model, row),
            other => subject_lines(&mut doc, other),
        }
    }
    if finding.subjects.len() > 24 {
        doc.text(Role::Dim, &format!("… and {} more subjects", finding.subjects.len() - 24));
    }
    doc.heading("FINDING");
    let (account, number) = (&row.account, finding.account.as_deref().unwrap_or("?"));
    let account = if account == number { number.to_owned() } else { format!("{account}  {number}") };
    doc.field("account", Role::Base, &account);
    doc.field("Region", Role::Base, &row.region);
    let reported = if finding.record_state == RecordState::Archived { "archived" } else { "active" };
    doc.field(
        "state",
        Role::Base,
        &format!("{}, {reported}", text::fit(&finding.workflow.as_str().to_lowercase(), 40)),
    );
    for (name, at) in [("first", finding.first_seen), ("last", finding.last_seen), ("updated", finding.updated_at)] {
        if let Some(at) = at {
            doc.field(name, Role::Base, &format!("{}  {} ago", clock(at, model.now), ago(Some(at), model.now)));
        }
    }
    if let Some(product) = &finding.product {
        doc.field("product", Role::Base, &text::fit(product, 80));
    }
    if let Some(note) = &finding.note {
        doc.field("note", Role::Base, &text::fit(note, 600));
    }
    doc.field("id", Role::Dim, &text::fit(finding.id.as_str(), 400));
    if !finding.oddities.is_empty() {
        doc.heading("ODD ABOUT IT");
        for oddity in finding.oddities.iter().take(12) {
            doc.marked(Role::Warning, "! ", &text::fit(oddity, 300));
        }
    }
    doc.lines()
}

/// What was done about it and stands, and the way back.
fn done(doc: &mut Doc<'_>, model: &Model, row: &Row) {
    const SHOWN: usize = 4;
    let runs: Vec<&RunState> = model.activity.standing_for(&row.finding.id).collect();
    if runs.is_empty() {
        return;
    }
    doc.gap();
    for run in runs.iter().take(SHOWN) {
        let place = format!(" in {}", run.plan.scope);
        let title = run.plan.title.strip_suffix(&place).unwrap_or(&run.plan.title);
        let (_, word, role) = super::words::outcome(run, true);
        let words = format!("{}: {word} {} ago", text::fit(title, 160), ago(Some(run.begun_at), model.now));
        doc.marked(if word == "done" { Role::Quarantined } else { role }, "◆ ", &words);
    }
    if runs.len() > SHOWN {
        doc.text(Role::Dim, &format!("… and {} more", runs.len() - SHOWN));
    }
    let keys = keys_line(model, doc.theme(), &[(Command::Undo, "take all of it back"), (Command::Report, "report")]);
    if !keys.is_empty() {
        doc.spans(keys);
    }
}

/// What one key does here, best first; then what can't be done, with why.
fn actions(doc: &mut Doc<'_>, model: &Model, row: &Row) {
    let offers = model.offers(row);
    if offers.is_empty() {
        return;
    }
    doc.gap();
    let mut line: Vec<Span<'static>> = Vec::new();
    for offer in offers.iter().filter(|o| o.fits()) {
        let Some(key) = view_key(model, offer.act.command()) else { continue };
        let piece = [
            Span::styled(key, doc.style(Role::Key)),
            Span::styled(format!(" {}", offer.act.word()), doc.style(Role::Base)),
        ];
        let wide = |spans: &[Span<'static>]| spans.iter().map(Span::width).sum::<usize>();
        if !line.is_empty() && wide(&line) + 3 + wide(&piece) > doc.width() {
            doc.spans(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(Span::raw("   "));
        }
        line.extend(piece);
    }
    if !line.is_empty() {
        doc.spans(line);
        let menu = view_key(model, Command::Actions).map(|key| format!("{key} lists them; ")).unwrap_or_default();
        doc.text(Role::Dim, &format!("{menu}each shows its plan first"));
    }
    for offer in &offers {
        if let Some(why) = &offer.why_not {
            doc.marked(Role::Dim, "– ", &format!("no {}: {why}", offer.act.word()));
        }
    }
}

/// The instance, as the finding has it and as it is now.
fn instance(doc: &mut Doc<'_>, model: &Model, row: &Row) {
    let Some(key) = &row.instance else { return };
    let sight = model.subjects.of(key);
    let remark = match sight {
        _ if row.finding.sample => doc.span(Role::Dim, "a sample: not read"),
        None => doc.span(Role::Dim, "…"),
        Some(Sight { running: true, observed: None, .. }) => doc.span(Role::Dim, "reading…"),
        Some(Sight { error: Some(_), observed: None, .. }) => doc.span(Role::Error, "could not be read"),
        Some(Sight { error: Some(_), observed: Some(o), .. }) => {
            doc.span(Role::Warning, &format!("read {} ago, then failed", ago(Some(o.at), model.now)))
        }
        Some(Sight { observed: Some(o), .. }) => {
            doc.span(Role::Ok, &format!("live, read {} ago", ago(Some(o.at), model.now)))
        }
        Some(_) => doc.span(Role::Dim, "…"),
    };
    doc.heading_with("INSTANCE", remark);
    match sight.and_then(|s| s.observed.as_deref()) {
        Some(observed) => live(doc, model, &key.1, observed),
        None => {
            let subject = row.finding.instances().find(|i| i.id.as_ref() == Some(&key.1));
            let name = subject.and_then(|s| s.name.clone()).unwrap_or_default();
            let spans = vec![
                doc.span(Role::Strong, key.1.as_str()),
                doc.span(Role::Base, &format!("  {}", text::fit(&name, 40))),
            ];
            doc.spans(spans);
        }
    }
    if let Some(error) = sight.and_then(|s| s.error.as_deref()) {
        doc.marked(Role::Error, "! ", error);
    }
    if let Some(entry) = model.quarantine.entry(key) {
        let role = super::words::status_role(entry.status);
        let by = entry.by.as_deref().map(|b| format!(" by {}", text::fit(b, 40))).unwrap_or_default();
        let since = entry.since.map(|t| format!(" since {}", clock(t, model.now))).unwrap_or_default();
        doc.field("◆", role, &format!("{}{since}{by}", entry.status.word()));
    }
}

fn live(doc: &mut Doc<'_>, model: &Model, id: &InstanceId, observed: &Observed) {
    let Some(instance) = &observed.instance else {
        doc.text(Role::Warning, &format!("{id} does not exist in {} any more.", observed.scope));
        return;
    };
    let running = if instance.state == "running" { Role::Base } else { Role::Warning };
    let mut spans = vec![doc.span(Role::Strong, id.as_str())];
    if let Some(name) = instance.name() {
        spans.push(doc.span(Role::Base, &format!("  {}", text::fit(name, 40))));
    }
    doc.spans(spans);
    let mut spans = vec![doc.span(running, &text::fit(&instance.state, 20))];
    spans.push(doc.span(Role::Dim, &format!("  {}", text::fit(&instance.instance_type, 24))));
    doc.spans(spans);
    let account = text::fit(model.session.account(&observed.scope.account), 32);
    doc.field("in", Role::Base, &format!("{account}  {}", observed.scope.region));
    if let Some(vpc) = &instance.vpc {
        doc.field("VPC", Role::Base, &text::fit(vpc.as_str(), 64));
    }
    if let Some(profile) = &instance.profile_arn {
        let name = profile.rsplit('/').next().unwrap_or(profile);
        doc.field("profile", Role::Base, &text::fit(name, 128));
    }
    let quarantine_group = match &observed.quarantine_group {
        GroupChoice::Found(group) => Some(&group.id),
        _ => None,
    };
    for interface in observed.interfaces_in_order() {
        interface_lines(doc, model, &observed.scope, interface, quarantine_group);
    }
    let protections: Vec<String> = observed
        .protections
        .iter()
        .map(|(p, on)| {
            let name = p.to_string();
            format!("{} {}", name.trim_end_matches(" protection"), if *on { "on" } else { "off" })
        })
        .collect();
    if !protections.is_empty() {
        doc.field("protects", Role::Base, &protections.join(", "));
    }
    let volumes: Vec<&str> = instance.volumes.iter().map(|v| v.device.as_str()).collect();
    doc.field("volumes", Role::Base, &format!("{}  {}", volumes.len(), text::fit(&volumes.join(" "), 120)));
    for (name, owner) in [("operator", &instance.operator), ("lifecycle", &instance.lifecycle)] {
        if let Some(owner) = owner {
            doc.field(name, Role::Warning, &text::fit(owner, 80));
        }
    }
    for tag in TELLING_TAGS {
        if let Some(value) = instance.tags.get(tag) {
            let role = if tag == EXEMPT_TAG { Role::Warning } else { Role::Base };
            doc.field("tag", role, &format!("{tag}={}", text::fit(value, 120)));
        }
    }
}

fn interface_lines(
    doc: &mut Doc<'_>,
    model: &Model,
    scope: &Scope,
    interface: &Interface,
    quarantine_group: Option<&crate::domain::GroupId>,
) {
    let ips: Vec<String> = interface.private_ips.iter().chain(&interface.public_ips).map(ToString::to_string).collect();
    let name = format!("if {}", interface.device_index);
    let spans = vec![
        doc.span(Role::Base, interface.id.as_str()),
        doc.span(Role::Dim, &format!("  {}", text::fit(&ips.join(" "), 80))),
    ];
    doc.field_spans(&name, spans);
    for group in &interface.groups {
        let sealed = Some(group) == quarantine_group;
        let role = if sealed { Role::Quarantined } else { Role::Base };
        let mark = if sealed { "  ◆ isolates" } else { "" };
        doc.field("", role, &format!("{}{mark}", model.group(scope, group)));
    }
    if interface.requester_managed {
        doc.field("", Role::Warning, "managed by an AWS service");
    }
}

/// Any other subject.
fn subject_lines(doc: &mut Doc<'_>, subject: &Subject) {
    let title = match subject {
        Subject::Instance(_) => "ANOTHER INSTANCE",
        Subject::AccessKey(_) => "ACCESS KEY",
        Subject::Role { .. } => "ROLE",
        Subject::User { .. } => "USER",
        Subject::RemoteAddress(_) => "REMOTE ADDRESS",
        Subject::Domain { .. } => "DOMAIN",
        Subject::Bucket { .. } => "BUCKET",
        Subject::Container { .. } => "CONTAINER",
        Subject::Cluster { .. } => "CLUSTER",
        Subject::Function { .. } => "FUNCTION",
        Subject::Database { .. } => "DATABASE",
        Subject::Other { .. } => "RESOURCE",
    };
    doc.heading(title);
    match subject {
        Subject::RemoteAddress(remote) => remote_lines(doc, remote),
        Subject::AccessKey(key) => {
            doc.text(Role::Strong, &text::fit(&key.id, 128));
            if let Some(name) = &key.principal_name {
                let kind = key.principal_type.as_ref().map(|t| format!("{t:?}").to_lowercase()).unwrap_or_default();
                doc.field("of", Role::Base, &format!("{} {}", text::fit(&kind, 32), text::fit(name, 128)));
            }
        }
        Subject::Other { resource_type, id } => {
            doc.text(Role::Strong, &text::fit(id, 300));
            doc.field("type", Role::Base, &text::fit(resource_type, 80));
        }
        other => doc.text(Role::Strong, &text::fit(&other.id(), 300)),
    }
}

fn remote_lines(doc: &mut Doc<'_>, remote: &RemoteAddress) {
    let way = match remote.direction {
        Direction::Inbound => "came in",
        Direction::Outbound => "was called",
        Direction::Unknown => "direction unknown",
    };
    let way = if remote.api_caller { "called an API" } else { way };
    let spans = vec![doc.span(Role::Strong, &remote.ip.to_string()), doc.span(Role::Base, &format!("  {way}"))];
    doc.spans(spans);
    let from: Vec<String> =
        [&remote.country, &remote.asn_org].into_iter().flatten().map(|t| text::fit(t, 60)).collect();
    if !from.is_empty() {
        doc.field("in", Role::Base, &from.join(", "));
    }
    if remote.api_caller {
        doc.text(Role::Dim, "Its traffic never crosses a network ACL of yours.");
    }
}

/// The keys of a list's detail, as a line.
pub fn keys_line(model: &Model, theme: &Theme, commands: &[(Command, &str)]) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (command, what) in commands {
        if let Some(key) = view_key(model, *command) {
            if !spans.is_empty() {
                spans.push(Span::raw("   "));
            }
            spans.extend(hint(theme, &key, what));
        }
    }
    spans
}

/// `2 interfaces`, for others.
pub fn interfaces(n: usize) -> String {
    count(n, "interface")
}
