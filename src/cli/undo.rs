//! `lazaret undo`: every run of an incident that still stands, taken back, newest first.
//!
//! One restore for each run. What one of them comes to never keeps the others from theirs.

use super::args::{Commit, Global, UndoArgs};
use super::exit::{Exit, Failure};
use super::incidents::meant;
use super::out::Out;
use super::plan::{carry_out, nothing_to_do, preview, unplanned};
use super::restore::finding_status;
use super::session::Session;
use crate::domain::{RunId, text};
use crate::engine::incident::{Lasting, all_members, is_note, lasting, members, to_undo};
use crate::engine::prepare::RestoreWhat;
use crate::engine::{Consent, EngineError, Prepared, RestoreRequest};
use crate::ledger::{LedgerError, RunFilter, RunState};
use crate::playbook::{PlanRefusal, Playbook};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One run that is to be taken back, and what its preview came to.
struct Item {
    run: RunState,
    request: RestoreRequest,
    planned: Result<Prepared, EngineError>,
}

pub(super) async fn run(global: &Global, args: &UndoArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let ledger = session.engine.ledger().as_ref();
    let all = ledger.list(&RunFilter::default()).await?;
    let incident = meant(&args.incident, &all)?;
    let members = all_members(&incident, &all).map_err(LedgerError::from)?;
    let (standing, lasting) = (to_undo(&members), lasting(&members));
    if standing.is_empty() {
        if !out.json {
            out.line(format!("done: nothing of incident {} stands", text::safe(&incident)));
        }
        summary(&incident, Exit::Done, "done", &[], &lasting, out);
        return Ok(Exit::Done);
    }
    let mut items = Vec::new();
    let oldest = standing.len() - 1;
    // Where nothing was contained, what was said about the findings goes back to what it was, and not on to RESOLVED.
    let says = args.finding.is_none() && standing.iter().all(is_note);
    let status = finding_status(&session, args.finding).filter(|_| !says);
    for (n, run) in standing.into_iter().enumerate() {
        // Nobody was told of what was said about findings: nobody is told that it goes back, unless a topic is named.
        let told = args.topic.is_some() || !is_note(&run);
        let request = RestoreRequest {
            topic_arn: session.topic_for(args.topic.as_ref(), &run.plan.scope).filter(|_| told),
            scope: run.plan.scope.clone(),
            what: RestoreWhat::Run(run.run),
            force: args.force.iter().cloned().collect(),
            // The finding is closed once the last of it has gone back.
            finding_status: status.clone().filter(|_| n == oldest),
            block: session.settings.block.clone(),
            aws: None,
        };
        let planned = session.engine.prepare_restore(&request).await;
        items.push(Item { run, request, planned });
    }
    if args.commit.plan || (!args.commit.yes && out.can_ask() && !out.json) {
        show(&session, &incident, &items, &lasting, out);
    }
    if args.commit.plan {
        let ends: Vec<(RunId, Exit)> = items.iter().map(|i| (i.run.run, planned_exit(i))).collect();
        let exit = Exit::together(&ends.iter().map(|(_, exit)| *exit).collect::<Vec<_>>());
        summary(&incident, exit, "planned", &ends, &lasting, out);
        return Ok(exit);
    }
    if !args.commit.yes {
        if !out.can_ask() {
            return Err(Failure::new(Exit::Usage, "there is no terminal to ask on, so nothing was done")
                .hint("--yes goes ahead without asking; --plan shows what would be done"));
        }
        let question =
            format!("Take back {} of incident {}? Type `yes` to go ahead:", count(items.len()), text::safe(&incident));
        if !matches!(out.ask(&question).as_deref(), Some("yes" | "y")) {
            return Err(Failure::new(Exit::Refused, "not confirmed: nothing was changed"));
        }
    }
    let leaving = Arc::new(AtomicBool::new(false));
    let told = leaving.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            told.store(true, Ordering::SeqCst);
        }
    });
    let mut ends = Vec::new();
    for item in items {
        let run = item.run.run;
        if leaving.load(Ordering::SeqCst) {
            out.note(format!("not begun: run {run} stands as it was"));
            ends.push((run, Exit::Refused));
            continue;
        }
        ends.push((run, take_back(&session, item, args.commit.yes, out).await));
    }
    let exit = Exit::together(&ends.iter().map(|(_, exit)| *exit).collect::<Vec<_>>());
    summary(&incident, exit, exit.word(), &ends, &what_lasts(&session, &incident).await?, out);
    Ok(exit)
}

/// What stays of an incident as the ledger tells it now: its restores have given findings their last status.
async fn what_lasts(session: &Session, incident: &str) -> Result<Vec<Lasting>, Failure> {
    let runs = session.engine.ledger().list(&RunFilter::default()).await?.runs;
    Ok(lasting(&members(incident, &runs)))
}

fn count(n: usize) -> String {
    if n == 1 { "1 run".to_owned() } else { format!("{n} runs") }
}

/// Takes one run back, by a plan made now: the restores before it may have changed what it rests on. Where that plan is
/// another than the one that was shown, it is shown, and asked about.
async fn take_back(session: &Session, item: Item, yes: bool, out: &Out) -> Exit {
    let Item { run, request, planned } = item;
    let (subject, scope) = (run.plan.subject.clone(), run.plan.scope.clone());
    let now = match session.engine.prepare_restore(&request).await {
        Ok(now) => now,
        Err(EngineError::Plan(PlanRefusal::Nothing(message))) => {
            return nothing_to_do(Playbook::Restore, &subject, &scope, message, out);
        }
        Err(error) => {
            let failure = unplanned(Playbook::Restore, &subject, &scope, error, out);
            out.error(&failure);
            return failure.exit;
        }
    };
    let as_shown = planned.is_ok_and(|shown| shown.plan.same_effect(&now.plan));
    if !yes && !as_shown {
        preview(session, &now, out);
        let question = format!("This is the plan for run {} now. Type `yes` to go ahead:", run.run);
        if !matches!(out.ask(&question).as_deref(), Some("yes" | "y")) {
            out.note(format!("not confirmed: run {} stands as it was", run.run));
            return Exit::Refused;
        }
    }
    // Asked for once, above.
    let commit = Commit { plan: false, yes: true };
    match carry_out(session, now, &Consent::default(), commit, out).await {
        Ok(exit) => exit,
        Err(failure) => {
            out.error(&failure);
            failure.exit
        }
    }
}

/// What a preview's plan would come to.
fn planned_exit(item: &Item) -> Exit {
    match &item.planned {
        Ok(prepared) => Exit::of_drift(&prepared.plan.drift),
        Err(EngineError::Plan(PlanRefusal::Newer { .. } | PlanRefusal::Nothing(_))) => Exit::Done,
        Err(EngineError::Plan(PlanRefusal::Drifted { .. })) => Exit::Drift,
        Err(EngineError::Plan(PlanRefusal::NotFound { .. }) | EngineError::Cloud(_) | EngineError::Ledger(_)) => {
            Exit::Failed
        }
        Err(_) => Exit::Refused,
    }
}

/// Every plan, in the order in which they will run, and what none of them takes back.
fn show(session: &Session, incident: &str, items: &[Item], lasting: &[Lasting], out: &Out) {
    if !out.json {
        out.line(format!("incident {}: {} to take back, newest first", text::safe(incident), count(items.len())));
    }
    for item in items {
        match &item.planned {
            Ok(prepared) => {
                if !out.json {
                    out.line(format!("run {}: {}", item.run.run, text::safe(&item.run.plan.title)));
                }
                preview(session, prepared, out);
            }
            Err(error) => {
                let words = match error {
                    EngineError::Plan(PlanRefusal::Newer { newer, .. }) => {
                        format!("planned once run {newer} has gone back, which holds the same now")
                    }
                    error => error.to_string(),
                };
                if out.json {
                    out.json(&json!({"reverts": [item.run.run], "plan": null, "message": words}));
                } else {
                    out.line(format!("run {}: {}", item.run.run, text::safe(&item.run.plan.title)));
                    out.line(format!("  {}", text::safe(&words)));
                }
            }
        }
    }
    if !out.json && !lasting.is_empty() {
        out.line("not taken back by any of it");
        for line in lasting {
            let output = if line.output.is_empty() { String::new() } else { format!(": {}", line.output.join(", ")) };
            out.line(format!("  run {}: {}", line.run, text::safe(&format!("{}{output}", line.what))));
        }
    }
}

/// The last line: what the whole came to.
fn summary(incident: &str, exit: Exit, state: &str, ends: &[(RunId, Exit)], lasting: &[Lasting], out: &Out) {
    if out.json {
        let runs: Vec<Value> = ends.iter().map(|(run, end)| json!({"run": run, "state": end.word()})).collect();
        out.json(&json!({
            "incident": incident, "state": state, "exit": exit as u8, "runs": runs, "not_taken_back": lasting,
        }));
        return;
    }
    if state == "planned" {
        return;
    }
    for (run, end) in ends {
        out.line(format!("  {:<8} run {run}", end.word()));
    }
    for line in lasting {
        let output = if line.output.is_empty() { String::new() } else { format!(": {}", line.output.join(", ")) };
        out.line(format!("  stays    {}", text::safe(&format!("{}{output}", line.what))));
    }
    out.line(format!("incident {}: {}", text::safe(incident), exit.word()));
}
