//! `DescribeInstances`, the two protections of `ModifyInstanceAttribute`, and the `TerminateInstances` of others.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::{InstanceState, ScopeWorld};
use crate::cloud::port::InstanceQuery;
use crate::domain::{Instance, InstanceId, Protection};

pub(in super::super) fn describe(place: &ScopeWorld, query: &InstanceQuery) -> Vec<Instance> {
    let wanted = |i: &&InstanceState| match query {
        InstanceQuery::Ids(ids) => ids.contains(&i.instance.id),
        InstanceQuery::Tagged(key, value) => i.instance.tags.get(key) == Some(value),
        InstanceQuery::All => true,
    };
    place.instances.values().filter(wanted).map(|i| i.instance.clone()).collect()
}

pub(in super::super) fn unknown(id: &InstanceId) -> Refusal {
    Refusal::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
}

pub(in super::super) fn protection(place: &ScopeWorld, id: &InstanceId, protection: Protection) -> Ruling<bool> {
    let state = place.instances.get(id).ok_or_else(|| unknown(id))?;
    Ok(match protection {
        Protection::Termination => state.termination_protection,
        Protection::Stop => state.stop_protection,
    })
}

pub(in super::super) fn user_data(place: &ScopeWorld, id: &InstanceId) -> Ruling<Option<String>> {
    place.instances.get(id).map(|state| state.user_data.clone()).ok_or_else(|| unknown(id))
}

/// What `ModifyInstanceAttribute` checks whatever the attribute.
pub(super) fn may_be_modified(state: &InstanceState) -> Ruling<()> {
    let id = &state.instance.id;
    if !state.instance.exists() {
        return Err(Refusal::new(
            "IncorrectInstanceState",
            format!("The instance '{id}' is not in a state in which the attribute can be modified."),
        ));
    }
    if let Some(operator) = &state.instance.operator {
        return Err(Refusal::new(
            "OperationNotPermitted",
            format!("The instance '{id}' is managed by '{operator}' and cannot be modified directly."),
        ));
    }
    Ok(())
}

pub(in super::super) fn set_protection(
    place: &mut ScopeWorld,
    id: &InstanceId,
    protection: Protection,
    on: bool,
) -> Ruling<()> {
    let state = place.instances.get_mut(id).ok_or_else(|| unknown(id))?;
    may_be_modified(state)?;
    if on && state.instance.lifecycle.as_deref() == Some("spot") {
        // EC2 user guide: neither protection can be enabled for Spot Instances.
        return Err(Refusal::new(
            "UnsupportedOperation",
            format!("The attribute '{}' cannot be enabled for the Spot Instance '{id}'.", protection.attribute()),
        ));
    }
    match protection {
        Protection::Termination => state.termination_protection = on,
        Protection::Stop => state.stop_protection = on,
    }
    Ok(())
}

/// Ends an instance as somebody else's `TerminateInstances` would: its interfaces go, and the volumes marked so.
pub(in super::super) fn terminate(place: &mut ScopeWorld, id: &InstanceId) -> Ruling<()> {
    let state = place.instances.get_mut(id).ok_or_else(|| unknown(id))?;
    // Stop protection guards against termination too (EC2 user guide, "Enable stop protection").
    for (on, attribute) in
        [(state.termination_protection, "disableApiTermination"), (state.stop_protection, "disableApiStop")]
    {
        if on {
            return Err(Refusal::new(
                "OperationNotPermitted",
                format!(
                    "The instance '{id}' may not be terminated. Modify its '{attribute}' instance attribute and try \
                     again."
                ),
            ));
        }
    }
    end(place, id);
    Ok(())
}

/// Ends an instance, protected or not: its interfaces go, and the volumes marked so.
pub(super) fn end(place: &mut ScopeWorld, id: &InstanceId) {
    let Some(state) = place.instances.get_mut(id) else { return };
    state.instance.state = "terminated".to_owned();
    state.instance.vpc = None;
    state.instance.subnet = None;
    let volumes = std::mem::take(&mut state.instance.volumes);
    for volume in volumes.iter().filter(|v| v.delete_on_termination) {
        place.volumes.remove(&volume.id);
    }
    for address in place.fleet.addresses.values_mut() {
        let of = address.association.as_ref().and_then(|a| place.interfaces.get(&a.interface));
        if of.is_some_and(|i| i.instance.as_ref() == Some(id)) {
            address.association = None;
        }
    }
    place.interfaces.retain(|_, i| i.instance.as_ref() != Some(id));
}
