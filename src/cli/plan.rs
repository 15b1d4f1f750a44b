//! From a prepared plan to a run: preview, consent, commit, report.

use super::args::Commit;
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::Session;
use crate::domain::text;
use crate::engine::blocks::NUMBER_TAKEN;
use crate::engine::{Consent, EngineError, Prepared, RunReport, has_a_way_back};
use crate::ledger::{Event, Record, RunState};
use crate::playbook::plan::{Drift, DriftKind};
use crate::playbook::{Plan, Playbook};
use serde_json::json;
use tokio::sync::mpsc;

/// Shows, asks, commits and reports.
pub(super) async fn carry_out(
    session: &Session,
    prepared: Prepared,
    consent: &Consent,
    commit: Commit,
    out: &Out,
) -> Result<Exit, Failure> {
    if commit.plan {
        preview(session, &prepared, out);
        return Ok(Exit::of_drift(&prepared.plan.drift));
    }
    if session.engine.guard().dry_run && !session.engine.guard().read_only {
        return rehearse(session, &prepared, out).await;
    }
    let mut consent = consent.clone();
    if prepared.from_tags() && !consent.trust_tags && out.can_ask() && !out.json {
        preview(session, &prepared, out);
        let id = prepared.plan.instance().map(|i| i.to_string()).unwrap_or_default();
        let question =
            "These groups come from tags, which others can have written. Type the instance's id to believe them:";
        consent.trust_tags = out.ask(question).as_deref() == Some(id.as_str());
    }
    let consent = &consent;
    // What the guard would refuse anyway is said before anybody is asked.
    session
        .engine
        .guard()
        .admit(&prepared, consent)
        .map_err(EngineError::from)
        .map_err(|e| refused(&prepared, e, out))?;
    if !commit.yes {
        if !out.can_ask() {
            return Err(Failure::new(Exit::Usage, "there is no terminal to ask on, so nothing was done")
                .hint("--yes goes ahead without asking; --plan shows what would be done"));
        }
        if !out.json {
            preview(session, &prepared, out);
        }
        let plan = &prepared.plan;
        let question = format!("{}? Type `yes` to go ahead:", titled(session, plan));
        if !matches!(out.ask(&question).as_deref(), Some("yes" | "y")) {
            return Err(Failure::new(Exit::Refused, "not confirmed: nothing was changed"));
        }
    }
    if commit.yes {
        // Who didn't look at the preview is told all the same.
        prepared.plan.warnings.iter().for_each(|w| out.note(format!("warning: {}", text::safe(w))));
    }
    let (progress, mut records) = mpsc::unbounded_channel();
    let run = session.engine.commit(&prepared, consent, Some(progress));
    let mut run = std::pin::pin!(run);
    let mut leaving = false;
    let result = loop {
        tokio::select! {
            biased;
            Some(record) = records.recv() => tell(&prepared, &record, out),
            result = &mut run => break result,
            Ok(()) = tokio::signal::ctrl_c() => {
                if leaving {
                    return Err(Failure::new(Exit::Partial, "left in the middle: what was done is in the ledger")
                        .hint("`lazaret recover` looks at what holds and brings the run to its end"));
                }
                leaving = true;
                out.note("the calls under way are finished and written down first; press again to leave at once");
            }
        }
    };
    while let Ok(record) = records.try_recv() {
        tell(&prepared, &record, out);
    }
    let state = result.map_err(|e| refused(&prepared, e, out))?;
    Ok(report(&state, out))
}

/// Shows the plan, and what EC2 says to each of its calls.
async fn rehearse(session: &Session, prepared: &Prepared, out: &Out) -> Result<Exit, Failure> {
    let answers = session.engine.rehearse(prepared).await?;
    let denied = answers.iter().filter(|a| a.allowed == Some(false)).count();
    if out.json {
        let state = if denied == 0 { "rehearsed" } else { "failed" };
        out.json(&json!({"state": state, "plan": plan_json(session, prepared), "rehearsal": answers}));
    } else {
        preview(session, prepared, out);
        out.line("rehearsal: nothing was changed");
        for answer in &answers {
            let title = prepared.plan.step(&answer.step).map(|s| text::safe(&s.title)).unwrap_or_default();
            out.line(match (answer.allowed, &answer.why) {
                (Some(true), _) => format!("  would go through  {title}"),
                (Some(false), why) => format!("  WOULD FAIL        {title}: {}", why.as_deref().unwrap_or_default()),
                (None, _) => format!("  can't be asked    {title}"),
            });
        }
    }
    Ok(if denied == 0 { Exit::Done } else { Exit::Failed })
}

/// The failure of what never began; with `--json`, the report of it goes to standard output first.
fn refused(prepared: &Prepared, error: EngineError, out: &Out) -> Failure {
    let (plan, failure) = (&prepared.plan, Failure::from(error));
    if out.json && failure.exit == Exit::Refused {
        out.json(&RunReport::refused(plan.playbook, plan.subject.clone(), plan.scope.clone(), failure.message.clone()));
    }
    failure
}

/// The failure of a plan that could not be made, reported as [`carry_out`] reports refusals.
pub(super) fn unplanned(
    playbook: Playbook,
    subject: &str,
    scope: &crate::domain::Scope,
    error: EngineError,
    out: &Out,
) -> Failure {
    let failure = Failure::from(error);
    if out.json {
        let mut report = RunReport::refused(playbook, subject.to_owned(), scope.clone(), failure.message.clone());
        if failure.exit == Exit::Failed {
            report.state = "failed".into();
        }
        out.json(&report);
    }
    failure
}

/// What is said where nothing was to be done: that is what was asked for.
pub(super) fn nothing_to_do(
    playbook: Playbook,
    subject: &str,
    scope: &crate::domain::Scope,
    message: String,
    out: &Out,
) -> Exit {
    let mut report = RunReport::refused(playbook, subject.to_owned(), scope.clone(), message);
    report.state = "done".into();
    if out.json {
        out.json(&report);
    } else {
        out.line(format!("done: {}", text::safe(&report.message)));
    }
    Exit::Done
}

/// The end of a run, for people or machines.
pub(super) fn report(state: &RunState, out: &Out) -> Exit {
    let report = RunReport::new(state);
    if out.json {
        out.json(&report);
    } else {
        let isolated = report.isolated_ms.map(|ms| format!(", isolated after {ms} ms")).unwrap_or_default();
        out.line(format!("{}: {}{isolated}", report.state, text::safe(&report.message)));
        for drift in &report.drift {
            let word = if drift.kind == DriftKind::Withheld { "stays" } else { "drift" };
            out.line(format!("  {word}  {}", drift_text(drift)));
        }
        report.next.iter().for_each(|next| out.line(format!("  next   {next}")));
        if has_a_way_back(state) {
            out.line(format!("  back   lazaret restore --run {}", state.run));
        }
        out.line(format!("run {}", state.run));
    }
    Exit::of_run(state)
}

/// One record of a run under way, on standard error.
fn tell(prepared: &Prepared, record: &Record, out: &Out) {
    let title = |id| prepared.plan.step(id).map(|s| text::safe(&s.title).into_owned()).unwrap_or_default();
    let line = match &record.event {
        Event::Applied { step, output } if output.is_empty() => format!("  done      {}", title(step)),
        Event::Applied { step, output } => format!("  done      {}: {}", title(step), text::safe(&output.join(", "))),
        Event::Verified { step, .. } => format!("  verified  {}", title(step)),
        // Not the end of the step: it is intended anew, under another number or in fewer directions.
        Event::Failed { step, error } if error.code == NUMBER_TAKEN => {
            format!("  again     {}: {}", title(step), error.message)
        }
        Event::Failed { step, error } => format!("  FAILED    {}: {}", title(step), error.message),
        Event::Indeterminate { step, error } => format!("  no answer {}: {}", title(step), error.message),
        Event::NotVerified { step, seen } => format!("  NOT SO    {}: {}", title(step), text::safe(seen)),
        Event::Skipped { step, why } => format!("  skipped   {}: {why}", title(step)),
        Event::Begun { .. }
        | Event::Intended { .. }
        | Event::Kept { .. }
        | Event::Recovered { .. }
        | Event::Ended { .. } => return,
    };
    out.note(line);
}

fn drift_text(drift: &Drift) -> String {
    let text = format!("{}: now {}, before us {} -> {}", drift.what, drift.now, drift.before, drift.decision);
    text::safe(&text).into_owned()
}

fn plan_json(session: &Session, prepared: &Prepared) -> serde_json::Value {
    let plan = &prepared.plan;
    let steps: Vec<_> = plan
        .steps
        .iter()
        .map(|s| json!({"id": s.id, "title": s.title, "wave": s.wave, "weight": s.weight, "calls": plan.calls(s)}))
        .collect();
    json!({
        "playbook": plan.playbook, "title": plan.title, "scope": plan.scope, "subject": plan.subject,
        "account_name": session.account_name(&plan.scope.account), "finding": plan.finding.as_ref().map(|f| &f.id),
        "steps": steps, "warnings": plan.warnings, "not_stopped": plan.limits, "drift": plan.drift,
        "reverts": plan.reverts, "next": plan.promise.next,
    })
}

/// The plan's title with the account's name, where it has one: its number is in the title.
fn titled(session: &Session, plan: &Plan) -> String {
    let name = session.account_name(&plan.scope.account);
    if name == plan.scope.account.as_str() { plan.title.clone() } else { format!("{} ({name})", plan.title) }
}

/// What the plan will do, call by call.
pub(super) fn preview(session: &Session, prepared: &Prepared, out: &Out) {
    let plan = &prepared.plan;
    if out.json {
        out.json(&plan_json(session, prepared));
        return;
    }
    out.line(titled(session, plan));
    if let Some(finding) = &plan.finding {
        out.line(format!(
            "answers  {} {}: {}",
            finding.severity,
            text::safe(&finding.finding_type),
            text::fit(&finding.title, 100)
        ));
    }
    for warning in &plan.warnings {
        out.line(format!("warning  {}", text::safe(warning)));
    }
    for limit in &plan.limits {
        out.line(format!("not stopped  {limit}"));
    }
    for drift in &plan.drift {
        out.line(format!("drift    {}", drift_text(drift)));
    }
    for next in &plan.promise.next {
        out.line(format!("afterwards  {next}"));
    }
    for wave in plan.waves() {
        out.line(format!("wave {wave}"));
        for step in plan.steps.iter().filter(|s| s.wave == wave) {
            out.line(format!("  {}", text::safe(&step.title)));
            for call in plan.calls(step) {
                let arrow = match (&call.before, &call.after) {
                    (Some(before), Some(after)) => format!(": {before} -> {after}"),
                    (None, Some(after)) => format!(": {after}"),
                    _ => String::new(),
                };
                out.line(format!("    {} {}{}", call.operation, call.target, text::safe(&arrow)));
            }
        }
    }
}
