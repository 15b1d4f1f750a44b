//! What was read arrives.

use super::super::effect::{Effect, Thing};
use super::super::model::list::Kept;
use super::super::model::{Model, View, machines};
use super::super::msg::{AclRead, CredentialsRead, QuarantineRead, RunsRead};
use super::read;
use crate::cloud::CloudError;
use crate::config::Role;
use crate::domain::{Instance, InstanceId, Scope};
use crate::engine::poller::Batch;
use crate::playbook::Observed;

pub(super) fn findings(model: &mut Model, hub: &Scope, result: Result<Batch, CloudError>, effects: &mut Vec<Effect>) {
    let thing = Thing::Findings(hub.clone());
    let mut more = false;
    let outcome = match result {
        Ok(batch) => {
            more = batch.more;
            let news = model.findings.take(batch, &model.session.names);
            // What the first listing brings was there before us: it is on the screen, and rings nobody.
            let known = model.listed.contains(hub);
            if !more {
                model.listed.insert(hub.clone());
            }
            if let (true, Some(first)) = (known, news.criticals.first()) {
                let text = match news.criticals.len() {
                    1 => format!("new CRITICAL: {first}"),
                    n => format!("{n} new CRITICAL findings: {first}, …"),
                };
                if model.session.settings.console.bell {
                    effects.push(Effect::Ring(format!("lazaret: {text}")));
                }
                model.tell(Role::Critical, text);
            }
            if model.settle_findings() == Kept::Lost && model.view == View::Findings {
                model.say(Role::Warning, "the selected finding is no longer listed: another line is selected");
            }
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    let waiting = model.readings.done(&thing, outcome, model.now);
    if more || waiting {
        read(model, thing, effects);
    }
    if !more {
        unseen(model, effects);
    }
}

/// Has the instances read that findings name and nobody has looked at.
fn unseen(model: &mut Model, effects: &mut Vec<Effect>) {
    for scope in model.session.scopes.clone() {
        let ids = machines::to_read(model.findings.rows(), &scope);
        if !model.machines.knows(&scope, &ids) {
            read(model, Thing::Machines(scope), effects);
        }
    }
}

pub(super) fn machines(
    model: &mut Model,
    scope: Scope,
    result: Result<Vec<Instance>, CloudError>,
    effects: &mut Vec<Effect>,
) {
    let thing = Thing::Machines(scope.clone());
    let outcome = match result {
        Ok(instances) => {
            model.machines.take(scope, &instances);
            words_changed(model);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    if model.readings.done(&thing, outcome, model.now) {
        read(model, thing, effects);
    }
}

/// What stands in the lines of findings has changed: where it is filtered by, the list is made anew.
fn words_changed(model: &mut Model) {
    if !model.findings.filter.text().is_empty() {
        model.findings.changed();
    }
}

/// One instance was read for a detail.
pub(super) fn observed(model: &mut Model, scope: Scope, instance: InstanceId, result: Result<Box<Observed>, String>) {
    if let Ok(seen) = &result {
        let names = seen.groups.values().map(|g| ((scope.clone(), g.id.clone()), g.name.clone()));
        model.group_names.extend(names);
    }
    model.subjects.take(&(scope, instance), result);
}

pub(super) fn runs(model: &mut Model, result: Result<RunsRead, String>, effects: &mut Vec<Effect>) {
    let outcome = match result {
        Ok(read_runs) => {
            let held = |model: &Model| -> Vec<_> {
                let scopes = model.session.scopes.iter();
                scopes
                    .map(|s| super::super::model::contained::Quarantine::to_read(model.activity.runs(), s, model.now))
                    .collect()
            };
            let before = held(model);
            let height = model.list_height();
            model.activity.take(read_runs, height);
            rebuild_quarantine(model);
            rebuild_credentials(model);
            model.blocks.note(model.activity.runs());
            rebuild_blocks(model);
            model.findings.note(model.activity.runs());
            let after = held(model);
            for (n, scope) in model.session.scopes.clone().into_iter().enumerate() {
                if before.get(n) != after.get(n) {
                    read(model, Thing::Quarantined(scope), effects);
                }
            }
            // A run may be abandoned long after the console was opened: its lease has to run out first.
            let abandoned: std::collections::BTreeSet<_> = model.activity.abandoned().map(|r| r.run).collect();
            if !abandoned.is_subset(&model.told_abandoned)
                && let Some(words) = model.abandoned_words()
            {
                model.tell(Role::Warning, words);
            }
            model.told_abandoned = abandoned;
            Ok(())
        }
        Err(error) => Err(error),
    };
    if model.readings.done(&Thing::Runs, outcome, model.now) {
        read(model, Thing::Runs, effects);
    }
}

pub(super) fn quarantined(
    model: &mut Model,
    scope: Scope,
    result: Result<QuarantineRead, CloudError>,
    effects: &mut Vec<Effect>,
) {
    let thing = Thing::Quarantined(scope.clone());
    let outcome = match result {
        Ok(seen) => {
            let names = seen.names.iter().map(|(id, name)| ((scope.clone(), id.clone()), name.clone()));
            model.group_names.extend(names);
            model.quarantine.take(scope, seen);
            rebuild_quarantine(model);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    if model.readings.done(&thing, outcome, model.now) {
        read(model, thing, effects);
    }
}

pub(super) fn acls(model: &mut Model, scope: Scope, result: Result<AclRead, CloudError>, effects: &mut Vec<Effect>) {
    let thing = Thing::Acls(scope.clone());
    let outcome = match result {
        Ok(seen) => {
            model.blocks.take(scope, seen);
            rebuild_blocks(model);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    if model.readings.done(&thing, outcome, model.now) {
        read(model, thing, effects);
    }
}

pub(super) fn rebuild_quarantine(model: &mut Model) {
    let height = model.list_height();
    model.quarantine.rebuild(&model.activity, model.now, &model.session.names, height);
    words_changed(model);
}

pub(super) fn credentials(model: &mut Model, result: Result<CredentialsRead, String>, effects: &mut Vec<Effect>) {
    let outcome = match result {
        Ok(seen) => {
            model.credentials.take(seen);
            rebuild_credentials(model);
            Ok(())
        }
        Err(error) => Err(error),
    };
    if model.readings.done(&Thing::Credentials, outcome, model.now) {
        read(model, Thing::Credentials, effects);
    }
}

pub(super) fn rebuild_credentials(model: &mut Model) {
    let height = model.list_height();
    model.credentials.rebuild(model.activity.runs(), model.now, &model.session.names, height);
    words_changed(model);
}

pub(super) fn rebuild_blocks(model: &mut Model) {
    let height = model.list_height();
    model.blocks.rebuild(&model.session.names, height);
    words_changed(model);
}

/// Filters and sorts every list anew: a filter or the screen's size changed.
pub(super) fn reorder(model: &mut Model) {
    let height = model.list_height();
    model.findings.changed();
    model.settle_findings();
    model.quarantine.reorder(&model.session.names, height);
    model.blocks.reorder(&model.session.names, height);
    model.credentials.reorder(&model.session.names, height);
    model.activity.reorder(height);
}
