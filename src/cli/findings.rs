//! `lazaret findings`.

use super::args::{FindingsArgs, Global};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::Session;
use crate::cloud::port::FindingQuery;
use crate::domain::{Finding, Severity};
use chrono::{DateTime, Utc};
use futures::future::join_all;

pub(super) async fn run(global: &Global, args: &FindingsArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let severities =
        args.severity.map_or_else(Vec::new, |least| Severity::ALL.into_iter().filter(|s| *s >= least).collect());
    let query = FindingQuery { severities, include_closed: args.all, ..FindingQuery::default() };
    let listings = session.hubs.iter().map(|hub| session.list_findings(hub, &query, args.limit));
    let mut findings: Vec<Finding> = Vec::new();
    let mut failed = None;
    for listing in join_all(listings).await {
        match listing {
            Ok(seen) => findings.extend(seen.into_iter().map(|s| s.finding)),
            // One Security Hub that can't be read must not hide the others'.
            Err(error) => {
                let failure = Failure::from(error);
                out.error(&failure);
                failed = Some(failure.exit);
            }
        }
    }
    findings.sort_by(|a, b| (b.touched_at(), &b.id).cmp(&(a.touched_at(), &a.id)));
    findings.dedup_by(|a, b| a.id == b.id);
    // The account and Region that were asked for are the findings' own, not those of the hub that listed them.
    findings.retain(|f| {
        global.account.as_ref().is_none_or(|a| f.account.as_deref() == Some(a.as_str()))
            && global.region.as_ref().is_none_or(|r| f.region.as_deref() == Some(r.as_str()))
    });
    findings.truncate(args.limit);
    if out.json {
        findings.iter().for_each(|f| out.json(&super::decode::line(f)));
        return Ok(failed.unwrap_or(Exit::Done));
    }
    if findings.is_empty() {
        let hubs: Vec<String> = session.hubs.iter().map(ToString::to_string).collect();
        out.note(format!("no findings match; looked in the Security Hub of {}", hubs.join(", ")));
        return Ok(failed.unwrap_or(Exit::Done));
    }
    let now = session.engine.now();
    let rows: Vec<[String; 7]> = findings
        .iter()
        .map(|f| {
            [
                f.severity.short().to_owned(),
                f.touched_at().map_or("?".into(), |t| age(now, t)),
                f.finding_type.clone(),
                subjects(f),
                f.account.clone().unwrap_or_else(|| "?".into()),
                f.region.clone().unwrap_or_else(|| "?".into()),
                state(f),
            ]
        })
        .collect();
    out.table(["SEVERITY", "AGE", "TYPE", "SUBJECT", "ACCOUNT", "REGION", "STATE"], &rows);
    Ok(failed.unwrap_or(Exit::Done))
}

/// How long ago, in its largest unit.
pub(super) fn age(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn subjects(finding: &Finding) -> String {
    match finding.subjects.split_first() {
        None => "-".into(),
        Some((first, [])) => first.id(),
        Some((first, rest)) => format!("{} +{}", first.id(), rest.len()),
    }
}

fn state(finding: &Finding) -> String {
    let mut state = finding.workflow.as_str().to_lowercase();
    if finding.record_state == crate::domain::RecordState::Archived {
        state.push_str(" archived");
    }
    if finding.sample {
        state.push_str(" sample");
    }
    state
}
