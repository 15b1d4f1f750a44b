//! `lazaret incidents`.

use super::args::{Global, IncidentsArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::runs::missing;
use crate::engine::incident::{State, Unnamed, list, named};
use crate::ledger::{Listing, RunFilter, Store, Unreadable};

pub(super) async fn run(global: &Global, args: &IncidentsArgs, out: &Out) -> Result<Exit, Failure> {
    let ledger = super::session::read_ledger(global)?;
    let Listing { runs, unreadable } = ledger.list(&RunFilter::default()).await?;
    let mut incidents = list(&runs);
    incidents.retain(|i| {
        let here = i.scopes.iter().any(|s| {
            global.account.as_ref().is_none_or(|a| *a == s.account)
                && global.region.as_ref().is_none_or(|r| *r == s.region)
        });
        here && (!args.open || matches!(i.state, State::UnderWay | State::Standing))
    });
    incidents.truncate(args.limit);
    if out.json {
        incidents.iter().for_each(|i| out.json(i));
        return Ok(missing(&unreadable, out));
    }
    let rows: Vec<[String; 7]> = incidents
        .iter()
        .map(|i| {
            let subjects = match i.subjects.split_first() {
                None => "-".to_owned(),
                Some((first, [])) => first.clone(),
                Some((first, rest)) => format!("{first} +{}", rest.len()),
            };
            let state = match i.state {
                State::UnderWay => "under way".to_owned(),
                State::Standing => format!("{} of {} stand", i.standing, i.runs),
                State::TakenBack => "taken back".to_owned(),
                State::WithoutEffect => "without effect".to_owned(),
            };
            [
                i.incident.clone(),
                i.severity.map_or("-", |s| s.short()).to_owned(),
                i.finding_type.clone().unwrap_or_else(|| "-".into()),
                subjects,
                i.began.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                i.last.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                state,
            ]
        })
        .collect();
    out.table(["INCIDENT", "SEVERITY", "TYPE", "SUBJECT", "BEGAN", "LAST", "STATE"], &rows);
    Ok(missing(&unreadable, out))
}

/// The incident that was typed. Where none begins so and a run can't be read, it may be that one's.
pub(super) fn meant(typed: &str, Listing { runs, unreadable }: &Listing) -> Result<String, Failure> {
    named(typed, runs).map_err(|error| match unreadable.first() {
        Some(first) if matches!(error, Unnamed::Unknown(_)) => {
            Failure::new(Exit::Failed, format!("{error}, and {first}")).hint(Unreadable::HINT)
        }
        _ => error.into(),
    })
}
