//! `lazaret ledger`.

use super::args::{Global, LedgerArgs, LedgerVerb};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::{ledger_path, read_ledger};
use crate::domain::text;
use crate::ledger::Store;
use serde_json::json;

pub(super) async fn run(global: &Global, args: &LedgerArgs, out: &Out) -> Result<Exit, Failure> {
    // Looking must not make a ledger where there is none: an empty one would be called good.
    let path = ledger_path(global)?;
    if matches!(args.verb, LedgerVerb::Verify) && !path.is_file() {
        return Err(Failure::new(Exit::Failed, format!("there is no ledger at {}", path.display()))
            .hint("it is made by the first run; --data names another folder"));
    }
    let ledger = read_ledger(global)?;
    match args.verb {
        LedgerVerb::Path => {
            if out.json {
                out.json(&json!({"ledger": ledger.place()}));
            } else {
                out.line(ledger.place());
            }
            Ok(Exit::Done)
        }
        LedgerVerb::Verify => {
            let verdict = ledger.verify().await?;
            if out.json {
                out.json(&json!({
                    "ledger": ledger.place(), "records": verdict.records, "runs": verdict.runs, "head": verdict.head,
                    "bad": verdict.bad.as_ref().map(|(position, why)| json!({"position": position, "why": why})),
                }));
            } else if verdict.bad.is_none() {
                let s = if verdict.runs == 1 { "" } else { "s" };
                out.line(format!(
                    "good: {} records of {} run{s}; head {}",
                    verdict.records, verdict.runs, verdict.head
                ));
            }
            match verdict.bad {
                None => Ok(Exit::Done),
                Some((position, why)) => Err(Failure::new(
                    Exit::Failed,
                    format!("{}: record {position} is bad: {}", ledger.place(), text::safe(&why)),
                )
                .hint(format!(
                    "records 1 to {} are good; the last of them has the hash {}",
                    verdict.records, verdict.head
                ))),
            }
        }
    }
}
