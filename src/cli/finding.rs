//! `lazaret finding`: acknowledge, assign, suppress, resolve, reopen.

use super::args::{FindingArgs, FindingIds, FindingVerb, Global};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, nothing_to_do, unplanned};
use super::session::Session;
use crate::domain::{FindingId, text};
use crate::engine::{Consent, EngineError, FindingsRequest};
use crate::playbook::update_findings::{FindingAction, MOST};
use crate::playbook::{PlanRefusal, Playbook};
use std::collections::BTreeSet;
use std::io::Read;

pub(super) async fn run(global: &Global, args: &FindingArgs, out: &Out) -> Result<Exit, Failure> {
    let (action, args) = match &args.verb {
        FindingVerb::Acknowledge(ids) => (FindingAction::Acknowledge, ids),
        FindingVerb::Assign { to, ids } => (FindingAction::Assign(to.clone()), ids),
        FindingVerb::Suppress(ids) => (FindingAction::Suppress, ids),
        FindingVerb::Resolve(ids) => (FindingAction::Resolve, ids),
        FindingVerb::Reopen(ids) => (FindingAction::Reopen, ids),
    };
    let ids = ids(args)?;
    let session = Session::open(global).await?;
    let (by_hub, unknown) = session.findings(&ids).await?;
    let mut exits = Vec::new();
    for id in &unknown {
        out.note(format!("no finding has the id {}", text::safe(id.as_str())));
        exits.push(Exit::Failed);
    }
    if by_hub.is_empty() {
        return Err(Failure::new(Exit::Failed, "none of these findings was found")
            .hint("`lazaret findings --all --json` shows the ids"));
    }
    // One run for each Security Hub: each takes only its own.
    for (hub, findings) in by_hub {
        let request = FindingsRequest { hub: hub.clone(), findings, action: action.clone(), note: args.note.clone() };
        let subject = || format!("findings:{}", request.findings.len());
        exits.push(match session.engine.prepare_findings(&request).await {
            Ok(prepared) => match carry_out(&session, prepared, &Consent::default(), args.commit, out).await {
                Ok(exit) => exit,
                // What one Security Hub's run came to must not keep the others from theirs.
                Err(failure) if failure.exit != Exit::Usage => {
                    out.error(&failure);
                    failure.exit
                }
                Err(failure) => return Err(failure),
            },
            // That it is so already is what was asked for.
            Err(EngineError::Plan(PlanRefusal::Nothing(message))) => {
                nothing_to_do(Playbook::UpdateFindings, &subject(), &hub, message, out)
            }
            Err(error) => {
                let failure = unplanned(Playbook::UpdateFindings, &subject(), &hub, error, out);
                out.error(&failure);
                failure.exit
            }
        });
    }
    Ok(Exit::together(&exits))
}

/// The ids that were named, and those on standard input where `-` was: one a line, or the lines of
/// `lazaret findings --json`.
fn ids(args: &FindingIds) -> Result<BTreeSet<FindingId>, Failure> {
    let mut ids = BTreeSet::new();
    for named in &args.ids {
        if named != "-" {
            ids.insert(FindingId(named.clone()));
            continue;
        }
        let mut given = String::new();
        std::io::stdin()
            .lock()
            .read_to_string(&mut given)
            .map_err(|e| Failure::new(Exit::Usage, format!("standard input can't be read: {e}")))?;
        for (n, line) in given.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let id = id_in(line).ok_or_else(|| {
                Failure::new(Exit::Usage, format!("standard input, line {}: neither an id nor a finding", n + 1))
                    .hint("`lazaret findings --json` writes what is read here")
            })?;
            ids.insert(id);
        }
    }
    if ids.is_empty() {
        return Err(Failure::new(Exit::Usage, "no finding is named"));
    }
    if ids.len() > MOST {
        return Err(Failure::new(Exit::Usage, format!("{} findings at once: at most {MOST}", ids.len())));
    }
    Ok(ids)
}

/// The id in a line: the line itself, or the `id` of a JSON object.
fn id_in(line: &str) -> Option<FindingId> {
    let line = line.trim();
    if !line.starts_with('{') {
        return Some(FindingId(line.to_owned()));
    }
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let id = value.get("id")?.as_str()?;
    (!id.is_empty()).then(|| FindingId(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ids_or_findings() {
        assert_eq!(id_in(" f-1 ").unwrap().as_str(), "f-1");
        assert_eq!(id_in(r#"{"type":"x","id":"f-2"}"#).unwrap().as_str(), "f-2");
        for bad in ["{", "{}", r#"{"id":7}"#, r#"{"id":""}"#] {
            assert!(id_in(bad).is_none(), "{bad}");
        }
    }
}
