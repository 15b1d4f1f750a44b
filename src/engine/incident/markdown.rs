//! An incident's report in Markdown. Whatever others wrote stands in it as text, and as nothing else.
//!
//! Names, ids and what was read stand in code spans; sentences are escaped. A link, an image, HTML, a mention or a
//! table's edge can't come from them: what would make one is written out as `\u{…}`, as control characters are.

use super::report::{IncidentReport, OpenItem, RunLine};
use crate::domain::{RunId, text};
use chrono::{DateTime, Utc};
use std::fmt::Write;

/// Text as a code span. A backtick or a pipe in it is written out: no parser agrees with another on how to escape them
/// there within a table.
pub fn code(value: &str) -> String {
    let safe = text::safe(value);
    if safe.is_empty() {
        return "`\"\"`".to_owned();
    }
    let mut out = String::with_capacity(safe.len() + 2);
    out.push('`');
    for c in safe.chars() {
        match c {
            '`' | '|' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.push('`');
    out
}

/// A sentence with what others wrote in it, for the middle of a line: nothing in it is Markdown.
pub fn prose(value: &str) -> String {
    let plain = spelled_out(&text::safe(value));
    let mut out = String::with_capacity(plain.len() + 8);
    for c in plain.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '<' | '>' | '#' | '!' | '~' | '&' | '$' | '^'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Writes out what no backslash keeps from meaning something: a table's edge, addresses that become links by
/// themselves, and mentions.
fn spelled_out(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let link = c == ':' && after.starts_with("//")
            || c == '.' && out.get(out.len().saturating_sub(3)..).is_some_and(|w| w.eq_ignore_ascii_case("www"));
        if link || matches!(c, '|' | '@') {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
        rest = after;
    }
    out
}

fn at(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Writes the report as Markdown.
pub fn render(report: &IncidentReport) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = write(report, &mut out);
    out
}

fn write(report: &IncidentReport, out: &mut String) -> std::fmt::Result {
    let number = |run: RunId| {
        report
            .runs
            .iter()
            .position(|r| r.run == run)
            .map_or_else(|| code(&run.to_string()), |n| format!("run {}", n + 1))
    };
    writeln!(out, "# Incident {}\n", code(&report.incident))?;
    writeln!(out, "Made {} from the ledger. All times are UTC.\n", at(report.made_at))?;
    writeln!(out, "- State: {}", report.state.words())?;
    writeln!(out, "- Severity: {}", report.severity.map_or("no finding", |s| s.label()))?;
    writeln!(out, "- From {} to {}", at(report.began), at(report.last))?;
    let scopes: Vec<String> = report.scopes.iter().map(|s| code(&s.to_string())).collect();
    writeln!(out, "- Accounts and Regions: {}", scopes.join(", "))?;

    writeln!(out, "\n## Findings\n")?;
    if report.findings.is_empty() {
        writeln!(out, "None was answered.")?;
    }
    for finding in &report.findings {
        let sample = if finding.sample { ", a sample" } else { "" };
        writeln!(
            out,
            "- {}{sample}: {}: {}",
            finding.severity.label(),
            code(&finding.finding_type),
            prose(&finding.title)
        )?;
        writeln!(out, "  - id {}", code(&finding.id))?;
        if let Some(hub) = &finding.hub {
            writeln!(out, "  - read from the Security Hub of {}", code(&hub.to_string()))?;
        }
    }

    writeln!(out, "\n## Runs\n")?;
    writeln!(out, "| | Run | Began | Ended | By | From | Playbook | Subject | Where | Outcome |")?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    for (n, run) in report.runs.iter().enumerate() {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} on {} | {} | {} | {} | {}{} |",
            n + 1,
            code(&run.run.to_string()),
            at(run.begun_at),
            run.ended_at.map_or("not ended".into(), at),
            code(run.by.arn.as_deref().unwrap_or(&run.by.name)),
            serde_json::to_value(run.by.hand).ok().and_then(|h| h.as_str().map(str::to_owned)).unwrap_or_default(),
            code(&run.by.host),
            run.playbook,
            code(&run.subject),
            code(&run.scope.to_string()),
            prose(&run.outcome),
            if run.stands { ", stands" } else { "" },
        )?;
    }

    writeln!(out, "\n## Timeline\n")?;
    writeln!(out, "| Time | Run | By | What | |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    for moment in &report.timeline {
        let detail = moment.detail.as_deref().map(prose).unwrap_or_default();
        writeln!(
            out,
            "| {} | {} | {} | {}: {} | {detail} |",
            at(moment.at),
            number(moment.run),
            code(&moment.by),
            moment.kind.words(),
            prose(&moment.what),
        )?;
    }

    writeln!(out, "\n## What was done")?;
    for (n, run) in report.runs.iter().enumerate() {
        done(n + 1, run, &number, out)?;
    }

    section(out, "Evidence", report.evidence.is_empty(), "None was taken.")?;
    for line in &report.evidence {
        let when = line.at.map(|t| format!(", {}", at(t))).unwrap_or_default();
        writeln!(out, "- In {}{when}: {}", number(line.run), prose(&line.what))?;
        for item in &line.items {
            writeln!(out, "  - {}", code(item))?;
        }
    }

    section(out, "What has not been taken back", report.standing.is_empty(), "Nothing.")?;
    for line in &report.standing {
        writeln!(out, "- Of {}: {}. Taken back by {}", number(line.run), prose(&line.title), code(&line.back))?;
        for what in &line.what {
            writeln!(out, "  - as we left it: {}", prose(what))?;
        }
    }
    if !report.standing.is_empty() {
        writeln!(out, "\nAll of it: {}", code(&format!("lazaret undo {}", report.incident)))?;
    }

    section(out, "What no restore takes back", report.lasting.is_empty(), "Nothing.")?;
    for line in &report.lasting {
        let items: Vec<String> = line.output.iter().map(|o| code(o)).collect();
        let items = if items.is_empty() { String::new() } else { format!(": {}", items.join(", ")) };
        writeln!(out, "- In {}: {}{items}", number(line.run), prose(&line.what))?;
    }

    section(out, "Open items", report.open.is_empty(), "None.")?;
    for OpenItem { run, why, what } in &report.open {
        writeln!(out, "- {} ({}): {}", why.words(), number(*run), prose(what))?;
    }

    writeln!(out, "\n## Ledger\n")?;
    let verdict = &report.ledger.verdict;
    match &verdict.bad {
        None => writeln!(
            out,
            "- Good: {} records of {} run{} in {}; head {}",
            verdict.records,
            verdict.runs,
            if verdict.runs == 1 { "" } else { "s" },
            code(&report.ledger.place),
            code(&verdict.head)
        )
        .and_then(|()| verdict.unreadable.iter().try_for_each(|(_, why)| writeln!(out, "- {}", prose(why))))?,
        Some((position, why)) => writeln!(
            out,
            "- **BAD** at record {position} of {}: {}. The records before it are good; the last of them has the hash {}",
            code(&report.ledger.place),
            prose(why),
            code(&verdict.head)
        )?,
    }
    for run in &report.runs {
        writeln!(out, "- The last of {} records of {}: {}", run.records, number(run.run), code(&run.last_hash))?;
    }
    Ok(())
}

fn section(out: &mut String, title: &str, empty: bool, words: &str) -> std::fmt::Result {
    writeln!(out, "\n## {title}\n")?;
    if empty { writeln!(out, "{words}") } else { Ok(()) }
}

/// One run: how it ended, what it changed, what it found changed.
fn done(n: usize, run: &RunLine, number: &impl Fn(RunId) -> String, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n### Run {n}: {}\n", prose(&run.title))?;
    writeln!(out, "Ended so: {}", prose(&run.message))?;
    if !run.reverts.is_empty() {
        let runs: Vec<String> = run.reverts.iter().map(|r| number(*r)).collect();
        writeln!(out, "\nIt takes back {}.", runs.join(", "))?;
    }
    if !run.changes.is_empty() {
        writeln!(out, "\n| What | Before | After | State | Read back |")?;
        writeln!(out, "|---|---|---|---|---|")?;
    }
    for change in &run.changes {
        let proof = change.proof.as_ref().map_or_else(
            || "not read back".to_owned(),
            |p| format!("{}{}: {}", if p.holds { "" } else { "NOT SO: " }, at(p.at), code(&p.seen)),
        );
        let stands = if change.stands { ", stands" } else { "" };
        writeln!(
            out,
            "| {} | {} | {} | {}{stands} | {proof} |",
            code(&change.what),
            code(&change.before),
            code(&change.after),
            prose(&change.state),
        )?;
    }
    if !run.drift.is_empty() {
        writeln!(out)?;
    }
    for drift in &run.drift {
        writeln!(
            out,
            "- Drift: {}: ours {}, now {}, before us {}: {}",
            code(&drift.what),
            code(&drift.ours),
            code(&drift.now),
            code(&drift.before),
            prose(&drift.decision)
        )?;
    }
    Ok(())
}
