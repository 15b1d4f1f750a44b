//! `lazaret ledger`.

use super::args::{Global, LedgerArgs, LedgerVerb};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::{ledger_path, read_ledger};
use crate::domain::text;
use crate::ledger::Store;
use serde_json::{Value, json};

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
            let record = |(position, why): &(u64, String)| json!({"position": position, "why": why});
            let unreadable: Vec<Value> = verdict.unreadable.iter().map(record).collect();
            if out.json {
                out.json(&json!({
                    "ledger": ledger.place(), "records": verdict.records, "runs": verdict.runs, "head": verdict.head,
                    "bad": verdict.bad.as_ref().map(record), "unreadable": unreadable,
                }));
            } else if verdict.bad.is_none() && verdict.unreadable.is_empty() {
                let s = if verdict.runs == 1 { "" } else { "s" };
                out.line(format!(
                    "good: {} records of {} run{s}; head {}",
                    verdict.records, verdict.runs, verdict.head
                ));
            }
            match (verdict.bad, verdict.unreadable.first()) {
                (None, None) => Ok(Exit::Done),
                (None, Some((_, why))) => Err(Failure::new(
                    Exit::Failed,
                    format!(
                        "{}: its {} records stand as they were written, but {why}",
                        ledger.place(),
                        verdict.records
                    ),
                )
                .hint("a newer lazaret wrote it: update this one")),
                (Some((position, why)), _) => Err(Failure::new(
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
