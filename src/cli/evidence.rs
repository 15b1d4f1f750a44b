//! `lazaret evidence`.

use super::args::{EvidenceArgs, EvidenceVerb, Global};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::{Session, read_ledger, run_in};
use crate::domain::{RunId, text};
use crate::engine::evidence::verify_folder;

pub(super) async fn run(global: &Global, args: &EvidenceArgs, out: &Out) -> Result<Exit, Failure> {
    match args.verb {
        EvidenceVerb::Verify { run } => verify(global, run, out).await,
        EvidenceVerb::List { run } => list(global, run, out).await,
    }
}

async fn verify(global: &Global, run: RunId, out: &Out) -> Result<Exit, Failure> {
    // What is in a folder of this machine takes no credentials to look at.
    let verdict = match verify_folder(&read_ledger(global)?, run).await? {
        Some(verdict) => verdict,
        None => Session::open(global).await?.engine.verify_evidence(run).await?,
    };
    let exit = if verdict.is_good() { Exit::Done } else { Exit::Failed };
    if out.json {
        out.json(&verdict);
        return Ok(exit);
    }
    if verdict.is_good() {
        let manifest = verdict.manifest.as_deref().unwrap_or("none");
        out.line(format!("good: {} pieces in {} are as they were kept", verdict.pieces, verdict.place));
        out.line(format!("manifest sha256 {manifest}, as the ledger has it"));
        return Ok(exit);
    }
    out.line(format!("BAD: {} of run {run} in {}", count(verdict.bad.len(), "thing"), verdict.place));
    for check in &verdict.bad {
        out.line(format!("  {}: {}", text::safe(&check.name), text::safe(&check.wrong)));
    }
    Ok(exit)
}

async fn list(global: &Global, run: RunId, out: &Out) -> Result<Exit, Failure> {
    let state = run_in(&read_ledger(global)?, run).await?;
    let kept = state.kept();
    if out.json {
        kept.iter().for_each(|k| out.json(k));
        return Ok(Exit::Done);
    }
    if kept.is_empty() {
        out.note("the run has kept no evidence");
        return Ok(Exit::Done);
    }
    let rows: Vec<[String; 5]> = kept
        .iter()
        .map(|k| {
            [
                k.name.clone(),
                k.bytes.to_string(),
                k.captured_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                k.source.clone(),
                k.sha256.clone(),
            ]
        })
        .collect();
    out.table(["NAME", "BYTES", "CAPTURED", "SOURCE", "SHA256"], &rows);
    Ok(Exit::Done)
}

fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("{n} {one}") } else { format!("{n} {one}s") }
}
