//! The original groups as tags, beside each interface, before access changes.

use super::Request;
use crate::domain::{GroupId, Instance, InstanceId, Interface, Tags, text};
use crate::playbook::change::{Change, SetTags, TagEdit};
use crate::playbook::plan::{Action, PlanRefusal, Step, StepId, Weight};
use crate::playbook::tags;
use chrono::SecondsFormat;
use std::collections::BTreeMap;

/// Edits that leave `wanted` in the tags; those already there, and those there is no room for, are left out. The
/// originals are written whole or not at all: half of them would be believed.
fn edits(have: &Tags, wanted: Vec<(&str, String)>, left_out: &mut Vec<String>) -> BTreeMap<String, TagEdit> {
    let mut room = tags::room(have);
    let mut edits = BTreeMap::new();
    let is_original = |key: &str| key == tags::ORIGINALS || key == tags::ORIGINALS_2;
    let originals = wanted.iter().filter(|(k, _)| is_original(k) && !have.contains_key(*k)).count();
    let whole = originals <= room;
    for (key, value) in wanted {
        let before = have.get(key).cloned();
        if is_original(key) && !whole {
            left_out.push(key.to_owned());
            continue;
        }
        if before.as_deref() == Some(value.as_str()) {
            continue;
        }
        if before.is_none() {
            if room == 0 {
                left_out.push(key.to_owned());
                continue;
            }
            room -= 1;
        }
        edits.insert(key.to_owned(), TagEdit { before, after: Some(value) });
    }
    edits
}

/// The steps that write the original groups beside each interface, and mark the instance.
pub(super) fn steps(
    request: &Request<'_>,
    instance: &Instance,
    group: &GroupId,
    warnings: &mut Vec<String>,
) -> Result<Vec<Step>, PlanRefusal> {
    let weight = if request.policy.without_tags { Weight::Wanted } else { Weight::Essential };
    let mut steps = Vec::new();
    let mut left_out = Vec::new();
    let swapped = |i: &Interface| i.holds_only(group);
    // I1: what an earlier quarantine wrote is never written over. It is stale only once the tag says Restored.
    let in_quarantine = instance.tags.get(tags::STATUS).map(String::as_str) == Some(tags::QUARANTINED);
    let already = |have: &Tags| in_quarantine && tags::read_originals(have).is_some();

    for interface in request.observed.interfaces_in_order() {
        if swapped(interface) || already(&interface.tags) {
            continue;
        }
        let wanted = tags::originals(&interface.groups);
        let mut edits = edits(&interface.tags, wanted.clone(), &mut left_out);
        // I1: the originals stand beside the resource before access changes, unless a person does without.
        if !left_out.is_empty() && !request.policy.without_tags {
            return Err(PlanRefusal::Unfit(format!(
                "{} has no room for the tags that hold its groups (AWS allows {} a resource), and nothing is isolated \
                 before they stand there. Remove a tag, or go on with the ledger alone: --without-tags",
                interface.id,
                tags::MAX_TAGS
            )));
        }
        if wanted.len() == 1
            && let Some(stale) = interface.tags.get(tags::ORIGINALS_2)
        {
            edits.insert(tags::ORIGINALS_2.into(), TagEdit { before: Some(stale.clone()), after: None });
        }
        push_tags(&mut steps, interface.id.as_str(), &instance.id, edits, weight, "Write down the groups on");
    }

    let mut wanted = vec![(tags::STATUS, tags::QUARANTINED.to_owned())];
    if !already(&instance.tags) {
        if let Some(primary) = request.observed.interfaces_in_order().into_iter().find(|i| !swapped(i)) {
            wanted.extend(tags::originals(&primary.groups));
        }
        wanted.push((tags::QUARANTINED_AT, request.observed.at.to_rfc3339_opts(SecondsFormat::Secs, true)));
        wanted.push((tags::QUARANTINED_BY, text::tag_value(request.actor)));
        if let Some(finding) = &request.finding {
            wanted.push((tags::FINDING_ID, text::tag_value(finding.id.as_str())));
            wanted.push((tags::FINDING_TYPE, text::tag_value(&finding.finding_type)));
        }
    }
    let edits = edits(&instance.tags, wanted, &mut left_out);
    push_tags(&mut steps, instance.id.as_str(), &instance.id, edits, weight, "Mark");
    if !left_out.is_empty() {
        left_out.dedup();
        warnings.push(format!(
            "no room for the tags {}: AWS allows 50 a resource. The ledger alone keeps what they would say",
            left_out.join(", ")
        ));
    }
    Ok(steps)
}

fn push_tags(
    steps: &mut Vec<Step>,
    resource: &str,
    instance: &InstanceId,
    edits: BTreeMap<String, TagEdit>,
    weight: Weight,
    verb: &str,
) {
    if !edits.is_empty() {
        steps.push(Step {
            id: StepId(format!("tag-{resource}")),
            title: format!("{verb} {resource} in its tags"),
            wave: 1,
            weight,
            needs: vec![],
            action: Action::Change(Change::Tags(SetTags {
                instance: instance.clone(),
                resource: resource.to_owned(),
                edits,
            })),
        });
    }
}
