//! What every message does to the model, and what it wants done. Pure: no I/O, no async, no clock.

mod blocks;
mod commands;
mod incident;
mod keys;
mod mouse;
mod news;
mod open;
mod plan;
mod said;
mod wish;

pub(super) use keys::choices;
pub(super) use plan::newest;

use super::effect::{Effect, Thing};
use super::model::list::Move;
use super::model::{Leaving, Model, View, machines};
use super::msg::{Msg, Signal};
use crate::config::Role;
use chrono::{DateTime, Duration, Utc};

/// How long leaving waits for runs to be recorded. Steps answer within the cloud's own time-outs, well before this.
const LEAVE_WITHIN: Duration = Duration::seconds(90);

/// Takes one message in.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    let height = model.list_height();
    match msg {
        Msg::Start => refresh_all(model, &mut effects),
        Msg::Tick(now) => tick(model, now, &mut effects),
        Msg::Key(key) => keys::key(model, key, &mut effects),
        Msg::Paste(text) => keys::paste(model, &text),
        Msg::Mouse(action, column, row) => mouse::mouse(model, action, column, row, &mut effects),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            model.findings.changed();
            news::reorder(model);
            // A terminal that was made small and large again in one go has forgotten what stood there.
            effects.push(Effect::Redraw);
        }
        Msg::Signal(signal) => on_signal(model, signal, &mut effects),
        Msg::Findings { hub, result } => news::findings(model, &hub, result, &mut effects),
        Msg::Runs(result) => news::runs(model, result, &mut effects),
        Msg::Quarantined { scope, result } => news::quarantined(model, scope, result, &mut effects),
        Msg::Machines { scope, result } => news::machines(model, scope, result, &mut effects),
        Msg::Credentials(result) => news::credentials(model, result, &mut effects),
        Msg::Acls { scope, result } => news::acls(model, scope, result, &mut effects),
        Msg::Observed { scope, instance, result } => news::observed(model, scope, instance, result),
        Msg::GroupNames { scope, names } => {
            model.group_names.extend(names.into_iter().map(|(id, name)| ((scope.clone(), id), name)));
        }
        Msg::Prepared { ticket, result } => plan::prepared(model, ticket, result, &mut effects),
        Msg::Rehearsed { ticket, result } => plan::rehearsed(model, ticket, result),
        Msg::Progress { ticket, record } => plan::progress(model, ticket, &record),
        Msg::Committed { ticket, result } => plan::committed(model, ticket, result, &mut effects),
        // It goes with the pane that it was asked for in; the path is among the messages.
        Msg::Reported(Ok(path)) => model.say(Role::Ok, format!("the incident's report is in {path}")),
        Msg::Reported(Err(why)) => model.tell(Role::Error, format!("the report was not written: {why}")),
        Msg::Trouble(text) => model.tell(Role::Error, text),
    }
    model.settle_findings();
    if model.menu.as_ref().is_some_and(|menu| model.menu_items(menu).is_empty()) {
        model.menu = None;
        model.say(Role::Warning, "what the menu was about is no longer listed");
    }
    if model.leaving.is_some() && model.in_flight() == 0 {
        effects.push(Effect::Quit);
    }
    // What is said takes lines from the list: the selected one stays to be seen.
    if model.list_height() < height {
        model.move_list(Move::Stay);
    }
    effects
}

/// Asks for a reading, unless one is under way: then another follows it.
fn read(model: &mut Model, thing: Thing, effects: &mut Vec<Effect>) {
    let ids = match &thing {
        Thing::Quarantined(scope) => {
            super::model::contained::Quarantine::to_read(model.activity.runs(), scope, model.now)
        }
        Thing::Machines(scope) => machines::to_read(model.findings.rows(), scope),
        _ => vec![],
    };
    if !model.readings.want(&thing, model.now) {
        return;
    }
    if let Thing::Machines(scope) = &thing {
        model.machines.ask(scope, &ids);
        if ids.is_empty() {
            model.readings.done(&thing, Ok(()), model.now);
            return;
        }
    }
    effects.push(Effect::Read(thing, ids));
}

fn things(model: &Model) -> Vec<Thing> {
    let scopes = &model.session.scopes;
    [Thing::Runs, Thing::Credentials]
        .into_iter()
        .chain(model.session.hubs.iter().cloned().map(Thing::Findings))
        .chain(scopes.iter().cloned().map(Thing::Quarantined))
        .chain(scopes.iter().cloned().map(Thing::Machines))
        .chain(scopes.iter().cloned().map(Thing::Acls))
        .collect()
}

fn refresh_all(model: &mut Model, effects: &mut Vec<Effect>) {
    for thing in things(model) {
        read(model, thing, effects);
    }
}

/// How often a thing is read, by whether somebody is looking.
fn interval(model: &Model, thing: &Thing) -> Duration {
    let seconds = match thing {
        Thing::Findings(_) => i64::try_from(model.session.settings.console.poll_seconds).unwrap_or(10),
        Thing::Runs if model.view == View::Activity || model.in_flight() > 0 => 3,
        Thing::Runs => 10,
        Thing::Quarantined(_) if model.view == View::Quarantine => 15,
        Thing::Quarantined(_) => 60,
        Thing::Credentials if model.view == View::Credentials => 20,
        Thing::Credentials => 120,
        Thing::Machines(_) => 120,
        Thing::Acls(_) if model.view == View::Blocks => 20,
        Thing::Acls(_) => 120,
    };
    Duration::seconds(seconds)
}

fn tick(model: &mut Model, now: DateTime<Utc>, effects: &mut Vec<Effect>) {
    model.now = now;
    if model.notice.as_ref().is_some_and(|n| now - n.at > n.stands_for()) {
        model.notice = None;
    }
    for thing in things(model) {
        if model.readings.due(&thing, interval(model, &thing), now) {
            read(model, thing, effects);
        }
    }
    let sample = model.findings.selected().is_some_and(|r| r.finding.sample);
    let shown = (model.view == View::Findings && model.screen().detail.is_some() && model.pane.is_none() && !sample)
        .then(|| model.selected_instance())
        .flatten();
    if let Some((scope, instance)) = model.subjects.show(shown, now) {
        effects.push(Effect::Observe(scope, instance));
    }
    if let Some(leaving) = model.leaving
        && now - leaving.since > LEAVE_WITHIN
    {
        effects.push(Effect::Quit);
    }
}

fn on_signal(model: &mut Model, signal: Signal, effects: &mut Vec<Effect>) {
    match signal {
        Signal::Terminate | Signal::HangUp => leave(model),
        Signal::Suspend => suspend(model, effects),
    }
}

/// Begins to leave: at once when nothing of ours is under way, else when the ledger has its end.
fn leave(model: &mut Model) {
    model.question = None;
    if model.leaving.is_none() {
        model.leaving = Some(Leaving { since: model.now });
    }
}

/// Stops for a while. Not while a run is under way: a stopped process can't record, and looks dead to others.
fn suspend(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.in_flight() > 0 {
        model.say(Role::Warning, "a run is under way: suspend when it is over");
    } else {
        effects.push(Effect::Suspend);
    }
}
