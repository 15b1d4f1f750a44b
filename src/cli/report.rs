//! `lazaret report`: an incident in Markdown or JSON, from the ledger alone.

use super::args::{Global, ReportArgs, ReportFormat};
use super::exit::{Exit, Failure};
use super::incidents::meant;
use super::out::{Out, ascii_json};
use crate::domain::{Clock, SystemClock};
use crate::engine::incident::markdown;
use crate::engine::incident::report::IncidentReport;
use crate::ledger::{RunFilter, Store};
use std::io::Write;
use std::path::Path;

pub(super) async fn run(global: &Global, args: &ReportArgs, out: &Out) -> Result<Exit, Failure> {
    let ledger = super::session::read_ledger(global)?;
    let all = ledger.list(&RunFilter::default()).await?;
    let incident = meant(&args.incident, &all)?;
    let Some(report) = IncidentReport::read(&ledger, &incident, &all, SystemClock.now()).await? else {
        return Err(Failure::new(Exit::Failed, "the incident has no runs"));
    };
    let format = args.format.unwrap_or(if out.json { ReportFormat::Json } else { ReportFormat::Md });
    let written = match format {
        ReportFormat::Md => markdown::render(&report),
        ReportFormat::Json => {
            let json = serde_json::to_string(&report)
                .map_err(|e| Failure::new(Exit::Failed, format!("the report can't be written out: {e}")))?;
            ascii_json(&json)
        }
    };
    match &args.out {
        None => out.line(written.trim_end()),
        Some(path) => {
            write(path, &written)
                .map_err(|e| Failure::new(Exit::Failed, format!("{} can't be written: {e}", path.display())))?;
            out.note(format!("written to {}", path.display()));
        }
    }
    // A report from a ledger that was tampered with says so, and so does its exit.
    Ok(if report.ledger.verdict.bad.is_some() { Exit::Failed } else { Exit::Done })
}

/// Writes the report, readable by its owner alone: it names what an attacker would like to know.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.trim_end().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
