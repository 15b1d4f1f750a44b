//! The plan pane: what a commit would do, call by call; then the run it became.
//!
//! The way out stands on the left and the commit on the right, in every stage: what cancels is never where what
//! commits was.

use super::doc::{Doc, draw_scrolled, frame_block, padded};
use super::words::{ago, count, key, took};
use crate::config::{Command, Role, Theme};
use crate::console::model::pane::{Ask, Pane, Rehearsed, Stage, Wish, kind_words};
use crate::console::model::ways::ways;
use crate::console::model::{Model, notice};
use crate::console::msg::Failure;
use crate::domain::{Scope, text};
use crate::engine::report::isolated_ms;
use crate::engine::{Prepared, Refusal, RunReport};
use crate::ledger::{Outcome, RunState};
use crate::playbook::evidence::Evidence;
use crate::playbook::plan::{Drift, DriftKind};
use crate::playbook::{Action, ApiCall, Change, Plan, Step, Weight};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::collections::BTreeSet;

/// Draws it. Says how far it can be scrolled.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, pane: &Pane, theme: &Theme) -> usize {
    let (stage, role) = stage(pane);
    let more = if pane.queue.is_empty() { String::new() } else { format!("(1 of {}) ", pane.queue.len() + 1) };
    let title = Line::from(vec![
        Span::styled(format!(" {} {more}", pane.verb()), theme.style(Role::Title)),
        Span::styled(format!("{stage} "), theme.style(role)),
    ]);
    let block = frame_block(theme, title, true);
    let inner = padded(block.inner(area));
    frame.render_widget(block, area);
    // Low screens have room for what it is about and what became of it, and little else.
    let low = inner.height < 10;
    let bar = if low { u16::from(inner.height > 2) } else { 2 };
    let body = Rect { height: inner.height - bar, ..inner };
    let mut doc = Doc::new(theme, inner.width.saturating_sub(1));
    head(&mut doc, model, pane, low);
    if !low {
        doc.gap();
    }
    content(&mut doc, model, pane);
    let last = draw_scrolled(frame, body, area, theme, doc.lines(), pane.scroll);
    if bar > 0 {
        if !low {
            let line = Rect { y: body.bottom(), height: 1, x: area.x, width: area.width };
            let rule = format!("├{}┤", "─".repeat(usize::from(area.width.saturating_sub(2))));
            frame.render_widget(Line::styled(rule, theme.style(Role::BorderFocus)), line);
        }
        let line = Rect { y: inner.bottom() - 1, height: 1, ..inner };
        bottom(frame, line, model, pane, theme, last > pane.scroll);
    }
    last
}

/// What the title says of the stage.
fn stage(pane: &Pane) -> (&'static str, Role) {
    match &pane.stage {
        Stage::Choosing(_) => ("which one?", Role::Dim),
        Stage::Preparing => ("reading and planning; nothing has happened", Role::Dim),
        Stage::Ready { changed: true, .. } => ("THE WORLD CHANGED: a new plan; nothing has happened", Role::Warning),
        Stage::Ready { .. } => ("plan; nothing has happened yet", Role::Dim),
        Stage::Recovery => ("a run whose process has gone; nothing has happened yet", Role::Dim),
        Stage::Refused(_) => ("not possible; nothing has happened", Role::Warning),
        Stage::Running(_) => ("under way", Role::Running),
        Stage::Ended(run) => match &run.ended {
            Some((Outcome::Done, ..)) => ("done", Role::Ok),
            Some((Outcome::Partial, ..)) => ("PARTIAL", Role::Partial),
            Some((Outcome::Failed, ..)) => ("FAILED", Role::Failed),
            None => ("not ended", Role::Partial),
        },
        Stage::Broken(..) => ("INTERRUPTED", Role::Failed),
    }
}

/// What it is about: never left out, whatever the stage.
fn head(doc: &mut Doc<'_>, model: &Model, pane: &Pane, low: bool) {
    let scope = pane.scope();
    let observed = match &pane.stage {
        Stage::Ready { prepared, .. } => prepared.observed.instance.as_ref(),
        _ => None,
    };
    // Only what it is about has a name here: a block is not about the instance that it was read with.
    let observed = observed.filter(|i| pane.is_about(&i.id));
    let name = pane.name.clone().or_else(|| {
        let key = (scope.clone(), pane.instance()?);
        let seen = model.subjects.of(&key).and_then(|s| s.observed.clone());
        let live = seen.and_then(|o| o.instance.as_ref().and_then(|i| i.name().map(str::to_owned)));
        live.or_else(|| model.quarantine.entry(&key).and_then(|e| e.name.clone()))
    });
    let choosing = matches!(pane.stage, Stage::Choosing(_));
    let mut spans = vec![match pane.subject_words().filter(|_| !choosing) {
        Some(subject) => doc.span(Role::Strong, &subject),
        None => doc.span(Role::Dim, "…"),
    }];
    let name = name.filter(|_| !choosing);
    if let Some(name) = name {
        spans.push(doc.span(Role::Strong, &format!("  {}", text::fit(&name, 48))));
    }
    if let Some(instance) = observed {
        let facts = format!("  {} {}", text::fit(&instance.state, 20), text::fit(&instance.instance_type, 24));
        spans.push(doc.span(Role::Dim, &facts));
    }
    if low {
        doc.spans(spans);
        let place = format!("{}  {}", text::fit(model.session.account(&scope.account), 40), scope);
        doc.text(Role::Base, &place);
        return;
    }
    let what = pane.subject().map_or("subject", |subject| kind_words(subject).0);
    doc.field_spans(what, spans);
    let account = text::fit(model.session.account(&scope.account), 40);
    let number = if account == scope.account.as_str() { String::new() } else { format!("  {}", scope.account) };
    let mut spans = vec![doc.span(Role::Strong, &account), doc.span(Role::Base, &number)];
    if pane.is_global() {
        spans.push(doc.span(Role::Dim, "   every Region: IAM has none"));
    } else {
        spans.push(doc.span(Role::Dim, "   Region "));
        spans.push(doc.span(Role::Strong, scope.region.as_str()));
    }
    doc.field_spans("account", spans);
    if let Some(finding) = pane.finding() {
        let mut spans = vec![super::words::badge(doc.theme(), finding.severity)];
        spans.push(doc.span(Role::Base, &format!(" {}", text::fit(&finding.finding_type, 100))));
        doc.field_spans("finding", spans);
    }
}

fn content(doc: &mut Doc<'_>, model: &Model, pane: &Pane) {
    match &pane.stage {
        Stage::Choosing(wishes) => choose(doc, wishes, pane.line),
        Stage::Preparing => doc.text(Role::Dim, "Reading what the plan rests on…"),
        Stage::Ready { prepared, refusal, rehearsal, .. } => {
            rehearsed(doc, model, prepared, rehearsal);
            ready(doc, model, pane, prepared, refusal.as_ref());
        }
        Stage::Recovery => recovery(doc, model, pane),
        Stage::Refused(failure) => {
            refused(doc, model, failure);
            drift(doc, model, &failure.drift, pane);
        }
        Stage::Running(run) => match run {
            Some(run) => super::run::steps(doc, model, run, true, true),
            None => doc.text(Role::Dim, "Asking the guard, and claiming the subject in the ledger…"),
        },
        Stage::Ended(run) => ended(doc, model, run),
        Stage::Broken(run, failure) => {
            refused(doc, model, failure);
            doc.gap();
            if let Some(run) = run {
                super::run::steps(doc, model, run, true, true);
            }
        }
    }
}

/// What EC2 said to each call in a dry run.
fn rehearsed(doc: &mut Doc<'_>, model: &Model, prepared: &Prepared, rehearsal: &Rehearsed) {
    match rehearsal {
        Rehearsed::No => return,
        Rehearsed::Asking => doc.text(Role::Dim, "Asking EC2 whether each call would go through…"),
        Rehearsed::Failed(why) => doc.marked(Role::Error, "✗ ", why),
        Rehearsed::Said(answers) => {
            doc.heading("REHEARSAL; NOTHING WAS CHANGED");
            for answer in answers {
                let title = prepared.plan.step(&answer.step).map_or(answer.step.0.as_str(), |s| s.title.as_str());
                let (mark, word, role) = match answer.allowed {
                    Some(true) => ("✓ ", "would go through", Role::Ok),
                    Some(false) => ("✗ ", "WOULD FAIL", Role::Failed),
                    None => ("· ", "can't be asked", Role::Dim),
                };
                let (mark, right) = (doc.span(role, mark), vec![doc.span(role, word)]);
                let title = model.named(&prepared.plan.scope, &text::fit(title, 200));
                doc.split_text(mark, Role::Base, &title, right);
                if let Some(why) = &answer.why {
                    doc.marked(Role::Error, "    ", &text::fit(why, 400));
                }
            }
        }
    }
    doc.gap();
}

fn choose(doc: &mut Doc<'_>, wishes: &[Wish], line: usize) {
    doc.text(Role::Base, &format!("The finding names {}. Which one?", wishes.len()));
    doc.gap();
    for (n, wish) in wishes.iter().enumerate() {
        let (mark, role) = if n == line { ("▌ ", Role::Selection) } else { ("  ", Role::Base) };
        doc.marked(role, mark, &wish.words);
    }
}

fn refused(doc: &mut Doc<'_>, model: &Model, failure: &Failure) {
    doc.text(Role::Error, &text::fit(&model.keyed(&failure.message), 1_500));
    if let Some(hint) = &failure.hint {
        doc.gap();
        doc.marked(Role::Notice, "→ ", &model.keyed(hint));
    }
}

fn recovery(doc: &mut Doc<'_>, model: &Model, pane: &Pane) {
    let Ask::Recover(run) = &pane.ask else { return };
    doc.text(
        Role::Base,
        "Recovery looks at every step that has no answer: the world says whether it was done. Where something was \
         changed the run goes on to its end; where nothing was, it ends.",
    );
    doc.gap();
    doc.field(
        "began",
        Role::Base,
        &format!("{} by {}", run.begun_at.format("%Y-%m-%d %H:%M:%SZ"), text::fit(&run.actor.name, 60)),
    );
    doc.field("run", Role::Dim, &run.run.to_string());
    doc.heading("SO FAR");
    super::run::steps(doc, model, run, false, false);
}

fn ready(doc: &mut Doc<'_>, model: &Model, pane: &Pane, prepared: &Prepared, refusal: Option<&Refusal>) {
    let plan = &prepared.plan;
    match refusal {
        Some(
            Refusal::Exempt { .. }
            | Refusal::UntrustedTags(_)
            | Refusal::NotTyped(_)
            | Refusal::OwnPrincipal(_)
            | Refusal::DryRun,
        )
        | None => {}
        Some(other) => {
            doc.marked(Role::Error, "✗ ", &format!("This can't be committed: {other}."));
            doc.marked(Role::Notice, "→ ", &model.keyed(&other.hint()));
            doc.gap();
        }
    }
    if let Some(Refusal::Exempt { value, .. }) = refusal {
        let text = format!(
            "Tagged {}={value}: its owner keeps automation away. To act all the same, type the {}.",
            crate::policy::EXEMPT_TAG,
            kind_words(&plan.subject).1
        );
        doc.marked(Role::Warning, "! ", &text);
    }
    if let Some(refusal @ (Refusal::NotTyped(_) | Refusal::OwnPrincipal(_))) = refusal {
        doc.marked(
            Role::Warning,
            "! ",
            &format!("{refusal}. To do it all the same, type the {}.", kind_words(&plan.subject).1),
        );
    }
    if let Some(Refusal::UntrustedTags(_)) = refusal {
        doc.marked(
            Role::Warning,
            "! ",
            "The ledger does not know this quarantine. What goes back is what tags say, and anybody with \
             ec2:CreateTags can have written them. To believe them, type yes.",
        );
    }
    essence(doc, model, plan);
    let ways = ways(pane, &model.session);
    for way in &ways {
        let other = key(model, way.command).map(|key| format!(" ({key}: {})", way.next)).unwrap_or_default();
        doc.marked(Role::Base, "· ", &format!("{}{other}", way.now));
    }
    if !ways.is_empty() {
        doc.gap();
    }
    for warning in &plan.warnings {
        doc.marked(Role::Warning, "! ", &model.spelled(&plan.scope, warning));
    }
    if !pane.queue.is_empty() {
        doc.heading("THEN, EACH WITH A PLAN AND A COMMIT OF ITS OWN");
        for wish in pane.queue.iter().take(8) {
            doc.marked(Role::Base, "· ", &wish.words);
        }
        if pane.queue.len() > 8 {
            doc.text(Role::Dim, &format!("… and {} more", pane.queue.len() - 8));
        }
    }
    if !pane.lasting.is_empty() {
        doc.heading("WHAT NO RESTORE TAKES BACK");
        for what in pane.lasting.iter().take(12) {
            doc.marked(Role::Dim, "· ", what);
        }
    }
    drift(doc, model, &plan.drift, pane);
    if !plan.limits.is_empty() {
        doc.heading("WHAT THIS WILL NOT STOP");
        for limit in &plan.limits {
            doc.marked(Role::Base, "· ", &model.keyed(limit));
        }
    }
    let calls: usize = plan.steps.iter().map(|s| plan.calls(s).len()).sum();
    let age = doc.span(Role::Dim, &format!("read {} ago", ago(Some(plan.observed_at), model.now)));
    let steps = format!("{}, {}", count(plan.steps.len(), "step"), count(calls, "API call")).to_uppercase();
    doc.heading_with(&steps, age);
    let waves = plan.waves();
    for wave in &waves {
        let steps = plan.steps.iter().filter(|s| s.wave == *wave);
        let number = waves.iter().position(|w| w == wave).map_or(0, |n| n + 1);
        for (n, step) in steps.enumerate() {
            let lead = if n == 0 { format!("{number:>2} ") } else { "   ".to_owned() };
            doc.marked(Role::Strong, &lead, &model.named(&plan.scope, &text::fit(&step.title, 300)));
            let quiet = matches!(step.action, Action::Recheck { .. } | Action::ReadBack { .. });
            for api in plan.calls(step) {
                call(doc, model, &plan.scope, &api, quiet);
            }
        }
    }
}

/// What it comes down to, before anything else: the first screen has to show what will be done.
fn essence(doc: &mut Doc<'_>, model: &Model, plan: &Plan) {
    const SHOWN: usize = 4;
    let swap = |s: &&Step| matches!(s.action, Action::Change(Change::InterfaceGroups(_)));
    let weighty = |s: &&Step| s.weight == Weight::Essential && matches!(s.action, Action::Change(_));
    let mut telling: Vec<&Step> = plan.steps.iter().filter(swap).collect();
    if telling.is_empty() {
        telling = plan.steps.iter().filter(weighty).collect();
    }
    if telling.is_empty() {
        telling = plan.steps.iter().filter(|s| matches!(s.action, Action::Change(_))).collect();
    }
    for step in telling.iter().take(SHOWN) {
        doc.marked(Role::Strong, "→ ", &model.named(&plan.scope, &text::fit(&step.title, 200)));
    }
    if telling.len() > SHOWN {
        doc.marked(Role::Strong, "→ ", &format!("and {} more", count(telling.len() - SHOWN, "change")));
    }
    // A folder of this machine has no API call that would name it.
    let vault = plan.steps.iter().find_map(|s| match &s.action {
        Action::Evidence(Evidence::Capture { vault, .. } | Evidence::Manifest { vault, .. }) => Some(vault),
        _ => None,
    });
    if let Some(vault) = vault {
        doc.marked(Role::Strong, "→ ", &format!("evidence is kept in {}", text::fit(&vault.to_string(), 300)));
    }
    doc.gap();
}

fn call(doc: &mut Doc<'_>, model: &Model, scope: &Scope, api: &ApiCall, quiet: bool) {
    // Groups by their names; but what is written into a tag is shown as it is written.
    let groups = |value: &str| value.split(' ').all(|word| word.starts_with("sg-"));
    let value = |value: &Option<String>| {
        let value = value.as_ref()?;
        Some(if groups(value) { model.named(scope, value) } else { value.clone() })
    };
    let (before, after) = (value(&api.before), value(&api.after));
    let spans = vec![
        doc.span(if quiet { Role::Dim } else { Role::Notice }, &format!("     {}", api.operation)),
        doc.span(Role::Dim, &format!("  {}", text::fit_middle(&api.target, 90))),
    ];
    doc.spans(spans);
    match (&before, &after) {
        (Some(before), Some(after)) if text::width(before) + text::width(after) + 10 <= doc.width() => {
            let spans = vec![
                doc.span(Role::Before, &format!("       {before}")),
                doc.span(Role::Dim, "  →  "),
                doc.span(Role::After, after),
            ];
            doc.spans(spans);
        }
        (Some(before), Some(after)) => {
            doc.marked(Role::Before, "       − ", &text::fit(before, 700));
            doc.marked(Role::After, "       + ", &text::fit(after, 700));
        }
        (None, Some(after)) => doc.marked(Role::After, "       + ", &text::fit(after, 700)),
        (Some(before), None) => doc.marked(Role::Before, "       − ", &text::fit(before, 700)),
        (None, None) => {}
    }
}

/// What somebody else changed, each with what is done about it.
fn drift(doc: &mut Doc<'_>, model: &Model, drifts: &[Drift], pane: &Pane) {
    if drifts.is_empty() {
        return;
    }
    let none = BTreeSet::new();
    let forced = pane.forced().unwrap_or(&none);
    let withheld = |d: &Drift| d.kind == DriftKind::Withheld;
    doc.heading(if drifts.iter().all(withheld) {
        "STAYS AS WE LEFT IT UNLESS ITS ID IS TYPED"
    } else {
        "CHANGED BY SOMEBODY ELSE SINCE"
    });
    for (n, drift) in drifts.iter().enumerate() {
        let mark = if n == pane.line { "▌" } else { " " };
        let tick = if forced.contains(&drift.what) { "[x]" } else { "[ ]" };
        let left = vec![
            doc.span(Role::BorderFocus, mark),
            doc.span(Role::Drift, &format!("{tick} {}", text::fit(&drift.what, 90))),
        ];
        let decision = if withheld(drift) { "stays; its id brings it back" } else { drift.decision.as_str() };
        let right = vec![doc.span(Role::Drift, &text::fit(decision, 40))];
        doc.split(left, right);
        for (name, value, role) in [
            ("before us", &drift.before, Role::Before),
            ("we left", &drift.ours, Role::Base),
            ("now", &drift.now, Role::After),
        ] {
            doc.marked(role, &format!("     {name:<10}"), &model.spelled(pane.scope(), &text::fit(value, 400)));
        }
    }
}

fn ended(doc: &mut Doc<'_>, model: &Model, run: &RunState) {
    if let Some((outcome, at, _)) = &run.ended {
        let role = match outcome {
            Outcome::Done => Role::Ok,
            Outcome::Partial => Role::Partial,
            Outcome::Failed => Role::Failed,
        };
        doc.text(role, &text::fit(&model.spelled(&run.plan.scope, &RunReport::new(run).message), 1_500));
        let total = took((*at - run.begun_at).num_milliseconds());
        let times = match isolated_ms(run) {
            Some(ms) => format!("isolated and read back after {}; everything after {total}", took(ms)),
            None => format!("after {total}"),
        };
        doc.text(Role::Dim, &times);
        doc.gap();
    }
    let next = crate::engine::report::next(run);
    if !next.is_empty() {
        doc.heading("NEXT");
        for next in next.iter().take(8) {
            doc.marked(Role::Notice, "→ ", &text::fit(&model.keyed(next), 400));
        }
        doc.gap();
    }
    if run.plan.playbook.contains() && !run.plan.limits.is_empty() {
        doc.heading("WHAT THIS DOES NOT STOP");
        for limit in &run.plan.limits {
            doc.marked(Role::Base, "· ", &model.keyed(limit));
        }
        doc.gap();
    }
    super::run::steps(doc, model, run, true, true);
    doc.gap();
    doc.field("run", Role::Dim, &run.run.to_string());
}

/// The line of what can be said to the plan: away on the left, commit on the right.
fn bottom(frame: &mut Frame<'_>, area: Rect, model: &Model, pane: &Pane, theme: &Theme, more: bool) {
    if let Some(typing) = &pane.typing {
        let row = notice::typing(&typing.ask, typing.field.text(), usize::from(area.width));
        frame.render_widget(Line::from(super::status::spans(theme, &row)), area);
        return;
    }
    let away = match &pane.stage {
        Stage::Running(_) => "close; the run goes on",
        Stage::Ended(_) | Stage::Broken(..) | Stage::Refused(_) => "close",
        _ => "away, nothing happens",
    };
    let mut left = vec![];
    if let Some(key) = key(model, Command::Back) {
        left.push(Span::styled(key, theme.style(Role::Key)));
        left.push(Span::styled(format!(" {away}"), theme.style(Role::Dim)));
    }
    if more {
        left.push(Span::styled("   ↓ more", theme.style(Role::Dim)));
    }
    let right = right(model, pane, theme);
    let width = u16::try_from(right.iter().map(Span::width).sum::<usize>()).unwrap_or(u16::MAX).min(area.width);
    let room = usize::from(area.width.saturating_sub(width + 1));
    frame.render_widget(super::doc::fit_line(left, room), area);
    let at = Rect { x: area.right() - width, width, ..area };
    frame.render_widget(Line::from(right), at);
}

/// What can be done about it, at the right end.
fn right(model: &Model, pane: &Pane, theme: &Theme) -> Vec<Span<'static>> {
    let commit = key(model, Command::Commit).unwrap_or_default();
    let what = match &pane.stage {
        Stage::Ready { refusal, .. } => match refusal {
            None if pane.armed(model.now) => format!("commit {}", pane.verb().to_lowercase()),
            None => return vec![Span::styled("look at it first…", theme.style(Role::Dim))],
            Some(Refusal::Exempt { .. }) => "override the owner's tag".to_owned(),
            Some(Refusal::UntrustedTags(_)) => "believe the tags".to_owned(),
            Some(Refusal::NotTyped(_) | Refusal::OwnPrincipal(_)) => "type its name first".to_owned(),
            Some(Refusal::DryRun) => "rehearse; nothing is changed".to_owned(),
            Some(_) => return vec![Span::styled("can't be committed", theme.style(Role::Warning))],
        },
        Stage::Refused(Failure { again: Some(_), .. }) => "type it again".to_owned(),
        _ if pane.is_over() && !pane.queue.is_empty() => {
            let mut spans = match key(model, Command::Open) {
                Some(key) => super::words::hint(theme, &key, &format!("next: {} more to do", pane.queue.len())),
                None => vec![],
            };
            if let (Some(_), Some(key)) = (pane.taken_back_by(), key(model, Command::Restore)) {
                spans.push(Span::raw("   "));
                spans.extend(super::words::hint(theme, &key, "restore"));
            }
            return spans;
        }
        Stage::Recovery if pane.armed(model.now) => "commit recovery".to_owned(),
        _ if pane.taken_back_by().is_some() => {
            return match key(model, Command::Restore) {
                Some(key) => super::words::hint(theme, &key, "restore"),
                None => vec![],
            };
        }
        _ => return vec![],
    };
    vec![
        Span::styled(format!(" {commit} "), theme.style(Role::Commit)),
        Span::styled(format!(" {what} "), theme.style(Role::Strong)),
    ]
}
