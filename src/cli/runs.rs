//! `lazaret runs`.

use super::args::{Global, RunsArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::{read_ledger, run_in};
use crate::domain::text;
use crate::engine::RunReport;
use crate::ledger::{Listing, RunFilter, RunState, Store, Unreadable};

pub(super) async fn run(global: &Global, args: &RunsArgs, out: &Out) -> Result<Exit, Failure> {
    let ledger = read_ledger(global)?;
    if let Some(run) = args.run {
        show(&run_in(&ledger, run).await?, out);
        return Ok(Exit::Done);
    }
    let filter = RunFilter {
        subject: args.instance.as_ref().map(|i| format!("instance:{i}")),
        limit: Some(args.limit),
        ..RunFilter::default()
    };
    let Listing { mut runs, unreadable } = ledger.list(&filter).await?;
    runs.retain(|r| {
        global.account.as_ref().is_none_or(|a| *a == r.plan.scope.account)
            && global.region.as_ref().is_none_or(|x| *x == r.plan.scope.region)
    });
    if out.json {
        runs.iter().for_each(|r| out.json(&RunReport::new(r)));
        return Ok(missing(&unreadable, out));
    }
    let rows: Vec<[String; 6]> = runs
        .iter()
        .map(|r| {
            [
                r.run.to_string(),
                r.begun_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                r.plan.playbook.to_string(),
                format!("{} {}", r.plan.subject, r.plan.scope),
                r.ended.as_ref().map_or("running", |(o, _, _)| o.as_str()).to_owned(),
                r.actor.to_string(),
            ]
        })
        .collect();
    out.table(["RUN", "BEGUN", "PLAYBOOK", "SUBJECT", "STATE", "BY"], &rows);
    Ok(missing(&unreadable, out))
}

/// Says what a list lacks, and how it ends then.
pub(super) fn missing(unreadable: &[Unreadable], out: &Out) -> Exit {
    let Some(failure) = left_out("not in the list", unreadable) else { return Exit::Done };
    out.error(&failure);
    failure.exit
}

/// What a verb had to leave out; none where it was nothing.
pub(super) fn left_out(how: &str, unreadable: &[Unreadable]) -> Option<Failure> {
    let message = || format!("{how}: {}", Unreadable::sentence(unreadable));
    (!unreadable.is_empty()).then(|| Failure::new(Exit::Failed, message()).hint(Unreadable::HINT))
}

fn show(state: &RunState, out: &Out) {
    let report = RunReport::new(state);
    if out.json {
        out.json(&report);
        return;
    }
    out.line(format!("run {}  {}", state.run, text::safe(&state.plan.title)));
    out.line(format!(
        "  begun {} by {} on {}",
        state.begun_at.format("%Y-%m-%d %H:%M:%SZ"),
        state.actor,
        text::safe(&state.actor.host)
    ));
    for step in &report.steps {
        let ms = step.ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
        out.line(format!("  {:<13} {:>8}  {}", step.state, ms, text::safe(&step.title)));
        if let Some(why) = &step.why {
            out.line(format!("  {:<13} {:>8}  {}", "", "", text::safe(why)));
        }
        for line in &step.output {
            out.line(format!("  {:<13} {:>8}  {}", "", "", text::safe(line)));
        }
    }
    out.line(format!("  {}: {}", report.state, text::safe(&report.message)));
}
