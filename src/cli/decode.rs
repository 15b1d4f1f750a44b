//! `lazaret decode`: what was understood of findings in files.

use super::args::DecodeArgs;
use super::exit::{Exit, Failure};
use super::out::Out;
use crate::domain::{Finding, RecordState, text};
use crate::intake::decode_bytes;
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;

pub(super) fn run(args: &DecodeArgs, out: &Out) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for file in &args.files {
        match read(file).map_err(|e| e.to_string()).and_then(|bytes| decode_bytes(&bytes).map_err(|e| e.to_string())) {
            Ok(findings) => findings.iter().for_each(|f| print(f, out)),
            Err(why) => {
                let name = if is_stdin(file) { "standard input".into() } else { file.display().to_string() };
                out.note(format!("{}: {}", text::safe(&name), text::safe(&why)));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if is_stdin(file) {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file)
}

/// The stable form of a finding, one line of `--json`.
pub(super) fn line(f: &Finding) -> Value {
    json!({
        "id": f.id, "source": f.source, "type": f.finding_type, "title": f.title, "description": f.description,
        "severity": f.severity, "severity_raw": f.severity_raw,
        "account": f.account, "region": f.region, "partition": f.partition,
        "sample": f.sample, "archived": f.record_state == RecordState::Archived, "workflow": f.workflow,
        "note": f.note, "compliance": f.compliance, "product": f.product, "product_arn": f.product_arn,
        "created_at": f.created_at, "updated_at": f.updated_at, "first_seen": f.first_seen, "last_seen": f.last_seen,
        "count": f.count, "subjects": f.subjects, "oddities": f.oddities,
    })
}

pub(super) fn print(f: &Finding, out: &Out) {
    if out.json {
        out.json(&line(f));
        return;
    }
    out.line(format!("{} {}", f.severity, text::safe(&f.finding_type)));
    let field = |name: &str, value: &str| {
        if !value.is_empty() {
            out.line(format!("  {name:<10} {}", text::fit(value, 300)));
        }
    };
    field("title", &f.title);
    field("id", f.id.as_str());
    field("where", &format!("{} {}", f.account.as_deref().unwrap_or("?"), f.region.as_deref().unwrap_or("?")));
    field("workflow", f.workflow.as_str());
    field("updated", &f.updated_at.map(|t| t.to_rfc3339()).unwrap_or_default());
    if f.sample {
        field("sample", "yes: never acted on");
    }
    for subject in &f.subjects {
        field(subject.kind(), &subject.id());
    }
    for oddity in &f.oddities {
        field("odd", oddity);
    }
}
