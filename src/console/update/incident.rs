//! Incidents: the runs that share a finding, taken back as one, newest first; and their report.

use super::super::effect::Effect;
use super::super::model::pane::Wish;
use super::super::model::{Model, View};
use super::open::open_all;
use super::wish;
use crate::config::Role;
use crate::domain::text;
use crate::engine::incident::{is_note, lasting, members, to_undo};
use crate::engine::prepare::{Request, RestoreWhat};
use crate::playbook::FindingRef;

/// What is said where nothing of ours is selected.
const NO_INCIDENT: &str = "nothing is selected that was done by this ledger: it belongs to no incident";

/// The incident that what is selected, or the run that is shown, belongs to.
fn incident(model: &Model) -> Option<String> {
    if let Some(pane) = &model.pane {
        return pane.run().map(|run| run.plan.incident.clone());
    }
    let of_run = |id: Option<&crate::domain::RunId>| Some(model.activity.run(*id?)?.plan.incident.clone());
    match model.view {
        View::Findings => {
            let row = model.findings.selected()?;
            Some(FindingRef::new(&row.finding, None, None).incident())
        }
        View::Quarantine => of_run(model.quarantine.selected()?.runs.last()),
        View::Credentials => of_run(model.credentials.selected()?.runs.last()),
        View::Activity => Some(model.activity.selected()?.plan.incident.clone()),
        View::Blocks => None,
    }
}

/// Plans to take back every run of the incident that still stands, newest first, each with a plan of its own.
pub(super) fn undo(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.pane.as_ref().is_some_and(|p| !p.is_over()) {
        return;
    }
    let Some(incident) = incident(model) else { return model.say(Role::Warning, NO_INCIDENT) };
    let members = members(&incident, model.activity.runs());
    let standing = to_undo(&members);
    if standing.is_empty() {
        return model.say(Role::Notice, "nothing of this incident stands: there is nothing to take back");
    }
    // Where nothing was contained, what was said about the findings goes back to what it was, and not on to RESOLVED.
    let only_notes = standing.iter().all(is_note);
    let oldest = standing.len() - 1;
    let mut wishes: Vec<Wish> = Vec::with_capacity(standing.len());
    for (n, run) in standing.iter().enumerate() {
        let subject = Some(run.plan.subject.clone());
        let mut wish = wish::restore(model, &run.plan.scope, RestoreWhat::Run(run.run), subject);
        // The finding is closed once the last of it has gone back.
        if let (true, Request::Restore(request)) = (n != oldest || only_notes, &mut wish.request) {
            request.finding_status = None;
        }
        wish.words = text::fit(&run.plan.title, 120);
        wish.finding.clone_from(&run.plan.finding);
        wishes.push(wish);
    }
    let lasting = lasting(&members);
    model.pane = None;
    open_all(model, wishes, effects);
    if let Some(pane) = &mut model.pane {
        pane.lasting = lasting.into_iter().map(|l| text::fit(&l.what, 160)).collect();
    }
}

/// Has the incident's report written to a file.
pub(super) fn report(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(incident) = incident(model) else { return model.say(Role::Warning, NO_INCIDENT) };
    if members(&incident, model.activity.runs()).is_empty() {
        return model.say(Role::Warning, "nothing was done about it: there is nothing to report");
    }
    model.say(Role::Dim, "writing the incident's report…");
    effects.push(Effect::Report(incident));
}
