//! restore: each field that a run changed goes back, if it still holds what we left there; the rest is drift.

use super::back_to_work::wait_for_service;
use super::change::{
    BackIn, Change, SetInterfaceGroups, SetProtection, SetTags, Standing, TagEdit, group_list, tags_of,
};
use super::observed::{GroupChoice, Needs, Observed};
use super::plan::{Action, Drift, DriftKind, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use super::quarantine::update_finding;
use super::tags;
use crate::domain::{GroupId, InstanceId, RunId, Workflow, text};
use chrono::SecondsFormat;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that restore looks at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is restored, as the runs' plans name their subject.
    pub subject: &'a str,
    /// The runs that are taken back, oldest first.
    pub reverts: Vec<RunId>,
    /// Every change those runs applied, or may have, in the order they were made.
    pub changes: Vec<Change>,
    /// What was read, now.
    pub observed: &'a Observed,
    /// The finding those runs answered.
    pub finding: Option<FindingRef>,
    /// The incident they belong to.
    pub incident: String,
    /// Fields, as [`Drift::what`] names them, that go back though somebody else changed them; `all` for every one.
    pub force: BTreeSet<String>,
    /// The status the finding gets: RESOLVED or SUPPRESSED; none to leave it.
    pub finding_status: Option<Workflow>,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// Who asks.
    pub actor: &'a str,
    /// Whether the changes were read from tags, which anyone with `CreateTags` can write, and not from the ledger.
    pub from_tags: bool,
}

/// What has to be read before these changes can be taken back.
pub fn needs(subject: &str, changes: &[Change]) -> Needs {
    let start = Needs { instance: instance_of(subject), ..Needs::default() };
    changes.iter().map(Change::needs).fold(start, Needs::and)
}

/// The instance, where the subject is one.
fn instance_of(subject: &str) -> Option<InstanceId> {
    subject.strip_prefix("instance:").map(InstanceId::new)
}

/// Changes of the same fields as one, so that what goes back is what stood there first.
pub fn combine(changes: &[Change]) -> Vec<Change> {
    let mut combined: Vec<Change> = Vec::new();
    for change in changes {
        if let Some((place, both)) = combined.iter().enumerate().find_map(|(n, c)| c.then(change).map(|both| (n, both)))
        {
            if let Some(slot) = combined.get_mut(place) {
                *slot = both;
            }
        } else {
            combined.push(change.clone());
        }
    }
    combined
}

/// The changes that the tags beside an instance speak of, for when the ledger doesn't know it.
///
/// # Errors
/// When the tags name no original groups for any interface.
pub fn changes_from_tags(observed: &Observed) -> Result<Vec<Change>, PlanRefusal> {
    let Some(instance) = &observed.instance else {
        return Err(PlanRefusal::Nothing("the instance does not exist".into()));
    };
    let mut changes = Vec::new();
    for interface in observed.interfaces_in_order() {
        let Some(before) = tags::read_originals(&interface.tags) else { continue };
        if before != interface.groups {
            changes.push(Change::InterfaceGroups(SetInterfaceGroups {
                instance: instance.id.clone(),
                interface: interface.id.clone(),
                before,
                after: interface.groups.clone(),
                passing: false,
            }));
        }
        changes.push(tags_that_stand(&instance.id, interface.id.as_str(), &interface.tags));
    }
    if changes.is_empty() {
        // The tag alone proves nothing: anyone can write it. The interfaces have to agree.
        let held = match &observed.quarantine_group {
            GroupChoice::Found(group) => observed.interfaces.values().any(|i| i.groups.contains(&group.id)),
            _ => false,
        };
        if !held && instance.tags.get(tags::STATUS).map(String::as_str) == Some(tags::RESTORED) {
            let at = instance.tags.get(tags::RESTORED_AT).map(|t| format!(" at {}", text::fit(t, 40)));
            let at = at.unwrap_or_default();
            return Err(PlanRefusal::Nothing(format!("{} was restored{at}: nothing to put back", instance.id)));
        }
        return Err(PlanRefusal::Unfit(format!(
            "neither the ledger nor the tags know what stood on {} before: no interface carries a readable {}",
            instance.id,
            tags::ORIGINALS
        )));
    }
    changes.push(tags_that_stand(&instance.id, instance.id.as_str(), &instance.tags));
    Ok(changes)
}

/// Our tags as a change that put them there.
fn tags_that_stand(instance: &InstanceId, resource: &str, have: &crate::domain::Tags) -> Change {
    let edits = tags::OURS
        .iter()
        .filter_map(|key| have.get(*key).map(|v| ((*key).to_owned(), TagEdit { before: None, after: Some(v.clone()) })))
        .collect();
    Change::Tags(SetTags { instance: instance.clone(), resource: resource.to_owned(), edits })
}

/// Plans the restore.
///
/// # Errors
/// When the instance is gone, or nothing is left to put back.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let observed = request.observed;
    let scope = observed.scope.clone();
    let instance = match instance_of(request.subject) {
        None => None,
        Some(id) => Some(
            observed
                .instance
                .as_ref()
                .filter(|i| i.id == id && i.exists())
                .ok_or_else(|| PlanRefusal::NotFound { what: format!("instance {id}"), scope: scope.clone() })?,
        ),
    };
    let id = request.subject.split_once(':').map_or(request.subject, |(_, id)| id);
    let id = text::safe(id).into_owned();
    let mut plan = Plan {
        playbook: Playbook::Restore,
        subject: request.subject.to_owned(),
        title: format!("Restore {} in {scope}", instance.map_or_else(|| id.clone(), |i| i.named())),
        observed_at: observed.at,
        finding: request.finding.clone(),
        incident: request.incident.clone(),
        steps: Vec::new(),
        warnings: Vec::new(),
        limits: Vec::new(),
        drift: Vec::new(),
        reverts: request.reverts.clone(),
        promise: Promise::default(),
        scope,
    };
    if request.from_tags {
        plan.warnings.push(
            "the ledger does not know this quarantine: the original groups come from tags, which anyone with \
             ec2:CreateTags can have written. Check them"
                .into(),
        );
        plan.limits.push(
            "protections, Auto Scaling, load balancers, addresses and volumes stand in no tag: they stay as they are"
                .into(),
        );
    }

    let combined: Vec<Change> = combine(&request.changes).into_iter().flat_map(Change::apart).collect();
    let mut swaps: BTreeMap<String, StepId> = BTreeMap::new();
    let mut left: BTreeSet<String> = BTreeSet::new();
    for change in &combined {
        if let Change::InterfaceGroups(SetInterfaceGroups { interface, .. }) = change {
            let drifts = plan.drift.len();
            match swap_back(change, request, &mut plan.drift) {
                Some(step) => {
                    swaps.insert(interface.to_string(), step.id.clone());
                    plan.steps.push(step);
                }
                None if plan.drift.iter().skip(drifts).any(|d| d.kind.is_open()) => {
                    left.insert(interface.to_string());
                }
                None => {}
            }
        }
    }
    if !swaps.is_empty()
        && let Some(instance) = instance
    {
        plan.steps.push(Step {
            id: "recheck".into(),
            title: "Read the interfaces again".into(),
            wave: 1,
            weight: Weight::Essential,
            needs: vec![],
            action: Action::Recheck {
                instance: instance.id.clone(),
                interfaces: observed.interfaces.iter().map(|(id, i)| (id.clone(), i.groups.clone())).collect(),
                quarantine_group: None,
            },
        });
        plan.steps.push(read_back("read-back", Some(instance.id.clone()), 3));
    }
    // Tags and protections go only once the groups were read back: until then they are the second witness.
    // Where an interface is left as it is, its tags stay too; the instance stays protected and isn't called restored.
    let whole = left.is_empty();
    for change in &combined {
        let back = match change {
            Change::InterfaceGroups(_) => None,
            Change::Tags(SetTags { resource, .. }) if left.contains(resource) => None,
            Change::Tags(SetTags { resource, .. }) if !whole && instance.is_some_and(|i| i.id.as_str() == resource) => {
                None
            }
            Change::Tags(_) => tags_back(change, request, &swaps, &mut plan.drift),
            _ if !whole && change.back_in() != BackIn::Access => None,
            Change::Protection(_) => protection_back(change, request, &mut plan.drift),
            _ => back(change, request, &mut plan.drift),
        };
        if back.is_some() {
            plan.warnings.extend(change.undoing());
        }
        plan.steps.extend(back);
    }
    if plan.steps.is_empty() {
        return Err(if !plan.leaves_open() {
            PlanRefusal::Nothing(format!("{id} is already as it was: nothing to put back"))
        } else if !plan.leaves_to_decide() {
            let held: Vec<String> =
                plan.drift.iter().map(|d| format!("{} is {}: {}", d.what, d.now, d.decision)).collect();
            PlanRefusal::Nothing(format!("nothing else of {id} is left to put back; {}", held.join("; ")))
        } else {
            PlanRefusal::Drifted { subject: id, drift: plan.drift }
        });
    }
    let end = wait_for_service(&mut plan.steps, observed);
    plan.steps.push(read_back("read-back-all", instance.map(|i| i.id.clone()), end));
    if let Some(topic) = &request.topic_arn {
        plan.steps.push(Step {
            id: "notify".into(),
            title: "Tell the SNS topic".into(),
            wave: end + 1,
            weight: Weight::Courtesy,
            needs: vec![],
            action: Action::Notify {
                topic_arn: topic.clone(),
                subject: text::sns_subject(&format!("lazaret: {id} restored in {}", plan.scope)),
            },
        });
    }
    if let (Some(status), true) = (&request.finding_status, left.is_empty()) {
        let note = format!("Restored {id} by {} with lazaret", request.actor);
        if let Some(mut step) = update_finding(request.finding.as_ref(), status.clone(), &note, end + 1) {
            // What isn't back yet is no reason to close a finding.
            let wanted = plan.steps.iter().filter(|s| s.weight != Weight::Courtesy);
            step.needs = wanted.map(|s| s.id.clone()).collect();
            plan.steps.push(step);
        }
    }
    plan.steps.sort_by_key(|s| s.wave);
    Ok(plan)
}

fn read_back(id: &str, instance: Option<InstanceId>, wave: u8) -> Step {
    Step {
        id: id.into(),
        title: "Read back what was put back".into(),
        wave,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::ReadBack { instance, isolated: None },
    }
}

/// A tag's value for people.
fn shown(value: Option<&String>) -> String {
    value.map_or_else(|| "absent".to_owned(), |v| text::fit(v, 120))
}

fn forced(request: &Request<'_>, what: &str) -> bool {
    request.force.contains("all") || request.force.contains(what)
}

/// Whether a person has asked for this one by name. `all` is no name.
fn asked(request: &Request<'_>, change: &Change) -> bool {
    change.asked_as().iter().any(|name| request.force.contains(name))
}

/// How to ask for what goes back only then.
fn how_to_ask(request: &Request<'_>, change: &Change) -> String {
    let name = change.asked_as().pop().unwrap_or_default();
    let run = request.reverts.last().map(|run| format!(" --run {run}")).unwrap_or_default();
    format!(
        "stays so; it goes back when asked for by name: `lazaret restore{run} --reactivate {}`",
        text::fit(&name, 60)
    )
}

fn swap_back(change: &Change, request: &Request<'_>, drift: &mut Vec<Drift>) -> Option<Step> {
    let Change::InterfaceGroups(SetInterfaceGroups { instance, interface, before, after, .. }) = change else {
        return None;
    };
    let what = change.what();
    let note = |now: String, decision: &str, kind: DriftKind| Drift {
        what: what.clone(),
        ours: change.after_text(),
        now,
        before: change.before_text(),
        decision: decision.to_owned(),
        kind,
    };
    let Some(live) = request.observed.interfaces.get(interface) else {
        drift.push(note("detached or deleted".into(), "nothing to put back", DriftKind::Lost));
        return None;
    };
    if &live.groups == before {
        return None;
    }
    if &live.groups != after {
        if !forced(request, &what) {
            drift.push(note(group_list(&live.groups), "left alone", DriftKind::LeftAlone));
            return None;
        }
        drift.push(note(group_list(&live.groups), "overwritten as asked", DriftKind::Overwritten));
    }
    let known = |g: &&GroupId| request.observed.groups.get(g).is_some_and(|group| group.vpc == live.vpc);
    let (there, missing): (BTreeSet<&GroupId>, BTreeSet<&GroupId>) = before.iter().partition(known);
    if !missing.is_empty() {
        let gone = format!("{} no longer exists in {}", group_list(missing), live.vpc);
        if there.is_empty() {
            drift.push(note(gone, "left in quarantine: no original group is left", DriftKind::Stuck));
            return None;
        }
        drift.push(note(gone, "the rest is put back", DriftKind::Lost));
    }
    let back: BTreeSet<GroupId> = there.into_iter().cloned().collect();
    if back == live.groups {
        return None;
    }
    Some(Step {
        id: StepId(format!("swap-{interface}")),
        title: format!("Put back {} on {interface}", group_list(&back)),
        wave: 2,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::Change(Change::InterfaceGroups(SetInterfaceGroups {
            instance: instance.clone(),
            interface: interface.clone(),
            before: live.groups.clone(),
            after: back,
            passing: false,
        })),
    })
}

fn tags_back(
    change: &Change,
    request: &Request<'_>,
    swaps: &BTreeMap<String, StepId>,
    drift: &mut Vec<Drift>,
) -> Option<Step> {
    let Change::Tags(SetTags { instance, resource, edits }) = change else { return None };
    let have = tags_of(request.observed, resource)?;
    let is_instance = instance.as_str() == resource;
    let mut back = BTreeMap::new();
    for (key, edit) in edits {
        let now = have.get(key).cloned();
        let mut target = edit.before.clone();
        if is_instance && key == tags::STATUS {
            target = Some(tags::RESTORED.to_owned());
        }
        if now == target {
            continue;
        }
        let what = format!("tag {} of {}", text::safe(key), text::safe(resource));
        if now != edit.after && !forced(request, &what) {
            // A tag of ours that is gone already needs no work and is no news.
            if now.is_some() {
                drift.push(Drift {
                    what,
                    ours: shown(edit.after.as_ref()),
                    now: shown(now.as_ref()),
                    before: shown(edit.before.as_ref()),
                    decision: "left alone".into(),
                    kind: DriftKind::LeftAlone,
                });
            }
            continue;
        }
        back.insert(key.clone(), TagEdit { before: now, after: target });
    }
    if back.is_empty() {
        return None;
    }
    if is_instance && tags::room(have) + back.values().filter(|e| e.after.is_none()).count() > 0 {
        let at = request.observed.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let before = have.get(tags::RESTORED_AT).cloned();
        back.insert(tags::RESTORED_AT.to_owned(), TagEdit { before, after: Some(at) });
    }
    // An interface's tags go when its own groups are back; the instance's when all are.
    let needs = if is_instance {
        swaps.values().cloned().collect()
    } else {
        swaps.get(resource).cloned().into_iter().collect()
    };
    Some(Step {
        id: StepId(format!("tag-{resource}")),
        title: format!("Take the quarantine tags off {resource}"),
        wave: 4,
        weight: Weight::Wanted,
        needs,
        action: Action::Change(Change::Tags(SetTags {
            instance: instance.clone(),
            resource: resource.clone(),
            edits: back,
        })),
    })
}

/// Takes an edit back where it still holds what we left there; everything but interfaces, tags and protections, which
/// have ways of their own.
fn back(change: &Change, request: &Request<'_>, drift: &mut Vec<Drift>) -> Option<Step> {
    let what = change.what();
    let mut note = |now: String, decision: &str, kind: DriftKind| {
        drift.push(Drift {
            what: what.clone(),
            ours: change.after_text(),
            now,
            before: change.before_text(),
            decision: decision.to_owned(),
            kind,
        });
    };
    let inverse = change.inverse()?;
    if let Some(others) = change.stands_in_part(request.observed) {
        if !others.is_empty() {
            note(others.join("; "), "what is left of ours is taken back, the rest left alone", DriftKind::Lost);
        }
        return Some(step_back(change, inverse.resting_on(request.observed)));
    }
    let inverse = match change.standing(request.observed) {
        Standing::Before => return None,
        Standing::After if serves(change) && !runs(request) => {
            let why = "stays so: what does not run is not put in service, and its Auto Scaling group would end it. Start \
                       it, then restore again";
            note(change.after_text(), why, DriftKind::Stuck);
            return None;
        }
        Standing::After if change.only_when_asked() && !asked(request, change) => {
            note(change.after_text(), &how_to_ask(request, change), DriftKind::Withheld);
            return None;
        }
        Standing::After => inverse,
        Standing::Drift(now) => {
            let over = forced(request, &what).then(|| change.overwriting(request.observed)).flatten();
            let Some(over) = over else {
                note(now, "left alone", DriftKind::LeftAlone);
                return None;
            };
            note(now, "overwritten as asked", DriftKind::Overwritten);
            over
        }
        Standing::Gone => {
            note("gone".into(), "nothing to put back", DriftKind::Lost);
            return None;
        }
        Standing::Unknown => {
            note("could not be read".into(), "left alone", DriftKind::LeftAlone);
            return None;
        }
    };
    Some(step_back(change, inverse.resting_on(request.observed)))
}

/// Whether a change has to do with the instance's being in service.
fn serves(change: &Change) -> bool {
    matches!(change, Change::Place(_) | Change::Registration(_))
}

/// Whether the instance runs, where the subject is one.
fn runs(request: &Request<'_>) -> bool {
    request.observed.instance.as_ref().is_none_or(|i| i.state == "running")
}

/// The step that takes an edit back.
fn step_back(change: &Change, inverse: Change) -> Step {
    Step {
        id: StepId(format!("back-{}", inverse.fields().join("-").replace(' ', "-"))),
        title: format!("Put back {}: {}", change.what(), inverse.after_text()),
        wave: change.back_in().wave(),
        weight: change.back_weight(),
        needs: vec![],
        action: Action::Change(inverse),
    }
}

fn protection_back(change: &Change, request: &Request<'_>, drift: &mut Vec<Drift>) -> Option<Step> {
    let Change::Protection(SetProtection { instance, protection, before, after }) = change else { return None };
    let now = *request.observed.protections.get(protection)?;
    if now == *before {
        return None;
    }
    if now != *after && !forced(request, &change.what()) {
        drift.push(Drift {
            what: change.what(),
            ours: change.after_text(),
            now: if now { "on".into() } else { "off".into() },
            before: change.before_text(),
            decision: "left alone".into(),
            kind: DriftKind::LeftAlone,
        });
        return None;
    }
    Some(Step {
        id: StepId(format!("protection-{}", protection.attribute())),
        title: format!("Put {protection} back to {}", change.before_text()),
        wave: 4,
        weight: Weight::Wanted,
        needs: vec![],
        action: Action::Change(Change::Protection(SetProtection {
            instance: instance.clone(),
            protection: *protection,
            before: now,
            after: *before,
        })),
    })
}
