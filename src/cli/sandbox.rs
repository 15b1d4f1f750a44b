//! `lazaret sandbox`: the simulated AWS.

use super::args::{Global, SandboxArgs, SandboxVerb};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::{open_sandbox, sandbox_folder, scenario};
use crate::cloud::sandbox::{Access, Scenario};
use crate::domain::{SystemClock, text};
use serde_json::json;
use std::sync::Arc;

pub(super) fn run(global: &Global, args: &SandboxArgs, out: &Out) -> Result<Exit, Failure> {
    match &args.verb {
        SandboxVerb::List => list(out)?,
        SandboxVerb::Reset { scenario } => reset(global, named(global, scenario.as_deref()), out)?,
        SandboxVerb::Intruders { scenario } => intruders(global, named(global, scenario.as_deref()), out)?,
        SandboxVerb::Messages { scenario } => messages(global, named(global, scenario.as_deref()), out)?,
    }
    Ok(Exit::Done)
}

fn named<'a>(global: &'a Global, scenario: Option<&'a str>) -> &'a str {
    scenario.or(global.sandbox.as_deref()).unwrap_or_default()
}

fn list(out: &Out) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for name in Scenario::names() {
        let scenario = scenario(name)?;
        if out.json {
            out.json(&json!({"name": name, "title": scenario.title(), "about": scenario.about()}));
        }
        rows.push([name.to_owned(), scenario.title().to_owned()]);
    }
    if !out.json {
        out.table(["SCENARIO", "WHAT HAPPENS"], &rows);
    }
    Ok(())
}

fn reset(global: &Global, name: &str, out: &Out) -> Result<(), Failure> {
    let scenario = scenario(name)?;
    let folder = sandbox_folder(global, scenario.name())?;
    for file in ["world.db", "ledger.db"] {
        for suffix in ["", "-wal", "-shm"] {
            let path = folder.join(format!("{file}{suffix}"));
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::new(Exit::Failed, format!("{}: {e}", path.display())));
                }
                _ => {}
            }
        }
    }
    open_sandbox(global, scenario.name(), Arc::new(SystemClock))?;
    if out.json {
        out.json(&json!({"scenario": scenario.name(), "title": scenario.title()}));
    }
    out.note(format!("{} begins anew: {}", scenario.name(), scenario.title()));
    Ok(())
}

fn intruders(global: &Global, name: &str, out: &Out) -> Result<(), Failure> {
    let (_, sandbox) = open_sandbox(global, name, Arc::new(SystemClock))?;
    let mut rows = Vec::new();
    for (intruder, access) in sandbox.world().intruders_at(sandbox.now()) {
        let answer = match &access {
            Access::Allowed => "goes through".to_owned(),
            Access::NotAccepted(code) => format!("not accepted: {code}"),
            Access::NotAllowed => "allowed by nobody".to_owned(),
            Access::Denied(by) => format!("denied by {}", by.iter().cloned().collect::<Vec<_>>().join(", ")),
        };
        if out.json {
            out.json(&json!({
                "credential": intruder.credential, "account": intruder.account, "action": intruder.action,
                "alive": access == Access::Allowed, "answer": answer, "allowed": intruder.allowed,
                "denied": intruder.denied, "last_success": intruder.allowed_at,
            }));
        }
        let last = intruder.allowed_at.map(|at| at.format("%H:%M:%SZ").to_string()).unwrap_or_default();
        let counts = format!("{} / {}", intruder.allowed, intruder.denied);
        rows.push([intruder.credential, intruder.action, counts, last, answer]);
    }
    if !out.json {
        out.table(["CREDENTIAL", "CALLS", "THROUGH / NOT", "LAST SUCCESS", "NOW"], &rows);
    }
    Ok(())
}

fn messages(global: &Global, name: &str, out: &Out) -> Result<(), Failure> {
    let (_, sandbox) = open_sandbox(global, name, Arc::new(SystemClock))?;
    for place in sandbox.world().scopes.values() {
        for (arn, topic) in &place.topics {
            for message in &topic.messages {
                if out.json {
                    out.json(&json!({"topic": arn, "subject": message.subject, "body": message.body}));
                } else {
                    out.line(format!("{arn}\n  {}\n  {}", text::safe(&message.subject), text::safe(&message.body)));
                }
            }
        }
    }
    Ok(())
}
