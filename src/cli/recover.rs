//! `lazaret recover`.

use super::args::{Global, RecoverArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::report;
use super::runs::left_out;
use super::session::Session;
use crate::domain::{RunId, text};
use crate::ledger::RunFilter;
use serde_json::json;

pub(super) async fn run(global: &Global, args: &RecoverArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let mut runs = session.engine.unfinished().await?;
    runs.retain(|(r, _)| args.run.is_none_or(|wanted| wanted == r.run));
    if let Some(wanted) = args.run
        && runs.is_empty()
    {
        let state = session.engine.run_state(wanted).await?;
        return Err(Failure::new(Exit::Refused, format!("run {} has ended: nothing to recover", state.run)));
    }
    let mut exits = Vec::new();
    let mut looked = 0;
    for (state, alive) in runs {
        let what = format!(
            "run {} ({}, begun {} by {})",
            state.run,
            text::safe(&state.plan.title),
            state.begun_at.format("%Y-%m-%d %H:%M:%SZ"),
            text::safe(&state.actor.to_string())
        );
        if alive && !args.force {
            if args.run.is_some() {
                return Err(Failure::new(
                    Exit::Refused,
                    format!("run {} is under way: its process still seems alive", state.run),
                )
                .hint("--force takes it over all the same: only where you know that its process is gone"));
            }
            out.note(format!("{what}: its process still seems alive; left alone"));
            continue;
        }
        looked += 1;
        if args.plan || !args.yes {
            out.note(format!("{what} stands so:"));
            for step in &state.plan.steps {
                let word = state.steps.get(&step.id).map_or("pending", |s| s.state.word());
                out.note(format!("  {word:<13} {}", text::safe(&step.title)));
            }
            out.note(if args.end {
                "steps without an answer would be looked into, and the run ended"
            } else {
                "steps without an answer would be looked into, and the pending ones carried out"
            });
        }
        if args.plan {
            continue;
        }
        if !args.yes {
            if !out.can_ask() {
                return Err(Failure::new(Exit::Usage, "there is no terminal to ask on, so nothing was done")
                    .hint("--yes goes ahead without asking; --plan shows what would be looked into"));
            }
            if !matches!(out.ask(&format!("Recover {what}? Type `yes`:")).as_deref(), Some("yes" | "y")) {
                continue;
            }
        }
        // What one run's recovery comes to keeps no other from its own.
        exits.push(match session.engine.recover(state.run, args.force, !args.end, None).await {
            Ok(state) => report(&state, out),
            Err(error) => failed(Some(state.run), &error.into(), out),
        });
    }
    // Nobody can tell whether one that can't be read has left something half done.
    let open = RunFilter { open_only: true, ..RunFilter::default() };
    let unreadable = match args.run {
        Some(_) => vec![],
        None => session.engine.ledger().list(&open).await?.unreadable,
    };
    if let Some(failure) = left_out("not recovered", &unreadable) {
        exits.push(failed(None, &failure, out));
    } else if looked == 0 {
        out.note("nothing to recover");
    }
    Ok(Exit::together(&exits))
}

fn failed(run: Option<RunId>, failure: &Failure, out: &Out) -> Exit {
    if out.json {
        let (word, message) = (failure.exit.word(), &failure.message);
        out.json(&json!({"run": run, "state": word, "message": message, "hint": failure.hint}));
    }
    out.error(failure);
    failure.exit
}
