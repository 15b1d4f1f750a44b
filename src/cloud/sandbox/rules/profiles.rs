//! The profiles on instances (`…IamInstanceProfile…`) and `ModifyInstanceMetadataOptions`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::{InstanceState, ScopeWorld, World, hex_of};
use super::instances::unknown;
use crate::domain::principal::ProfileAssociation;
use crate::domain::{InstanceId, MetadataOptions, Scope};

/// The id of an instance's association: the one that was given out last, or the one it was started with.
fn id_of(state: &InstanceState, profile_arn: &str) -> String {
    let (instance, arn) = (state.instance.id.as_str().as_bytes(), profile_arn.as_bytes());
    state.association.clone().unwrap_or_else(|| format!("iip-assoc-0{}", hex_of(&[b"association", instance, arn], 16)))
}

fn association(state: &InstanceState) -> Option<ProfileAssociation> {
    let profile_arn = state.instance.profile_arn.clone().filter(|_| state.instance.exists())?;
    Some(ProfileAssociation {
        id: id_of(state, &profile_arn),
        instance: state.instance.id.clone(),
        profile_arn,
        state: "associated".to_owned(),
    })
}

pub(in super::super) fn associations(place: &ScopeWorld, instances: &[InstanceId]) -> Vec<ProfileAssociation> {
    let wanted = |a: &ProfileAssociation| instances.is_empty() || instances.contains(&a.instance);
    place.instances.values().filter_map(association).filter(wanted).collect()
}

/// Refuses a profile that isn't there or holds no role.
fn check_profile(world: &World, scope: &Scope, arn: &str) -> Ruling<()> {
    let refuse = |message: String| Err(Refusal::new("InvalidParameterValue", message));
    let account = world.accounts.get(&scope.account);
    let known = account.into_iter().flat_map(|a| &a.profiles).find(|(name, profile)| {
        arn == format!("arn:{}:iam::{}:instance-profile{}{name}", scope.partition, scope.account, profile.path)
    });
    match known {
        None => refuse(format!(
            "Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
        )),
        Some((name, profile)) if profile.role.is_empty() => {
            refuse(format!("IAM Instance Profile \"{name}\" has no associated IAM Roles"))
        }
        Some(_) => Ok(()),
    }
}

fn refuse_managed(state: &InstanceState) -> Ruling<()> {
    let Some(operator) = &state.instance.operator else { return Ok(()) };
    let id = &state.instance.id;
    let message = format!("The instance '{id}' is managed by '{operator}' and cannot be modified directly.");
    Err(Refusal::new("OperationNotPermitted", message))
}

/// Puts a profile on an instance under a new association.
fn put(world: &mut World, scope: &Scope, instance: &InstanceId, profile: Option<&str>) -> Ruling<String> {
    let id = world.new_id("iip-assoc-");
    let state = world.place_mut(scope)?.instances.get_mut(instance).ok_or_else(|| unknown(instance))?;
    state.instance.profile_arn = profile.map(str::to_owned);
    state.association = profile.map(|_| id.clone());
    Ok(id)
}

pub(in super::super) fn associate(
    world: &mut World,
    scope: &Scope,
    instance: &InstanceId,
    arn: &str,
) -> Ruling<String> {
    let state = world.place(scope)?.instances.get(instance).ok_or_else(|| unknown(instance))?;
    if !["running", "stopped"].contains(&state.instance.state.as_str()) {
        let message = format!("The instance '{instance}' is not in the 'running' or 'stopped' states.");
        return Err(Refusal::new("IncorrectInstanceState", message));
    }
    refuse_managed(state)?;
    if state.instance.profile_arn.is_some() {
        let message = format!("There is an existing association for instance {instance}");
        return Err(Refusal::new("IncorrectState", message));
    }
    check_profile(world, scope, arn)?;
    put(world, scope, instance, Some(arn))
}

/// The instance that an association is of.
fn holder(world: &World, scope: &Scope, id: &str) -> Ruling<InstanceState> {
    let place = world.place(scope)?;
    let mut states = place.instances.values();
    let found = states.find(|state| association(state).is_some_and(|a| a.id == id));
    let missing =
        || Refusal::new("InvalidAssociationID.NotFound", format!("An invalid association-id of '{id}' was given"));
    found.cloned().ok_or_else(missing)
}

pub(in super::super) fn replace(world: &mut World, scope: &Scope, id: &str, arn: &str) -> Ruling<String> {
    let state = holder(world, scope, id)?;
    // Only a running instance's can be replaced: "Replaces an IAM instance profile for the specified running instance".
    if state.instance.state != "running" {
        return Err(Refusal::new("IncorrectState", format!("The association {id} is not the active association")));
    }
    refuse_managed(&state)?;
    check_profile(world, scope, arn)?;
    put(world, scope, &state.instance.id, Some(arn))
}

pub(in super::super) fn disassociate(world: &mut World, scope: &Scope, id: &str) -> Ruling<()> {
    let state = holder(world, scope, id)?;
    refuse_managed(&state)?;
    put(world, scope, &state.instance.id, None).map(drop)
}

pub(in super::super) fn set_metadata(place: &mut ScopeWorld, id: &InstanceId, options: &MetadataOptions) -> Ruling<()> {
    let state = place.instances.get_mut(id).ok_or_else(|| unknown(id))?;
    if !state.instance.exists() {
        let message = format!("The instance '{id}' is not in a state in which its metadata options can be modified.");
        return Err(Refusal::new("IncorrectInstanceState", message));
    }
    refuse_managed(state)?;
    if !(1..=64).contains(&options.hop_limit) {
        let message =
            format!("The value '{}' for HttpPutResponseHopLimit must be between 1 and 64.", options.hop_limit);
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    state.instance.metadata = Some(MetadataOptions { pending: false, ..*options });
    Ok(())
}
