//! Elastic IP addresses, and `DeleteOnTermination` of `ModifyInstanceAttribute`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::{ScopeWorld, World};
use super::instances;
use crate::cloud::port::AddressQuery;
use crate::domain::{Association, ElasticIp, InstanceId, InterfaceId, Scope, Volume};
use std::net::IpAddr;

pub(in super::super) fn describe(place: &ScopeWorld, query: &AddressQuery) -> Vec<ElasticIp> {
    let points_to = |address: &ElasticIp, id: &InstanceId| {
        let interface = address.association.as_ref().and_then(|a| place.interfaces.get(&a.interface));
        interface.is_some_and(|i| i.instance.as_ref() == Some(id))
    };
    let wanted = |address: &&ElasticIp| match query {
        AddressQuery::Of(id) => points_to(address, id),
        AddressQuery::Allocations(ids) => ids.contains(&address.allocation),
    };
    place.fleet.addresses.values().filter(wanted).cloned().collect()
}

pub(in super::super) fn disassociate(place: &mut ScopeWorld, association: &str) -> Ruling<()> {
    let found = place
        .fleet
        .addresses
        .values_mut()
        .find(|a| a.association.as_ref().is_some_and(|a| a.id == association))
        .ok_or_else(|| {
            let message = format!("The association ID '{association}' does not exist");
            Refusal::new("InvalidAssociationID.NotFound", message)
        })?;
    let public = found.public_ip;
    if let Some(pointed) = found.association.take()
        && let Some(interface) = place.interfaces.get_mut(&pointed.interface)
    {
        interface.public_ips.retain(|ip| *ip != public);
    }
    Ok(())
}

pub(in super::super) fn associate(
    world: &mut World,
    scope: &Scope,
    allocation: &str,
    interface: &InterfaceId,
    private_ip: IpAddr,
) -> Ruling<()> {
    let place = world.place(scope)?;
    let address = place.fleet.addresses.get(allocation).ok_or_else(|| {
        Refusal::new("InvalidAllocationID.NotFound", format!("The allocation ID '{allocation}' does not exist"))
    })?;
    let (public, association) = (address.public_ip, address.association.clone());
    let missing = || {
        let message = format!("The networkInterface ID '{interface}' does not exist");
        Refusal::new("InvalidNetworkInterfaceID.NotFound", message)
    };
    let found = place.interfaces.get(interface).ok_or_else(missing)?;
    if found.requester_managed {
        return Err(Refusal::new("AuthFailure", "You do not have permission to access the specified resource."));
    }
    if !found.private_ips.contains(&private_ip) {
        let message = format!("Invalid value '{private_ip}' for PrivateIpAddress. Address is not on {interface}");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    match association {
        // The operation is idempotent where it points there already.
        Some(a) if a.interface == *interface && a.private_ip == private_ip => return Ok(()),
        Some(_) => {
            let message = format!("resource {allocation} is already associated with another interface");
            return Err(Refusal::new("Resource.AlreadyAssociated", message));
        }
        None => {}
    }
    let taken = place.fleet.addresses.values().filter_map(|a| a.association.as_ref());
    if taken.into_iter().any(|a| a.interface == *interface && a.private_ip == private_ip) {
        let message = format!("resource {interface} is already associated with another address");
        return Err(Refusal::new("Resource.AlreadyAssociated", message));
    }
    let id = world.new_id("eipassoc-");
    let place = world.place_mut(scope)?;
    if let Some(address) = place.fleet.addresses.get_mut(allocation) {
        address.association = Some(Association { id, interface: interface.clone(), private_ip });
    }
    if let Some(interface) = place.interfaces.get_mut(interface)
        && !interface.public_ips.contains(&public)
    {
        interface.public_ips.push(public);
    }
    Ok(())
}

pub(in super::super) fn set_delete_on_termination(
    place: &mut ScopeWorld,
    id: &InstanceId,
    volume: &Volume,
) -> Ruling<()> {
    let state = place.instances.get_mut(id).ok_or_else(|| instances::unknown(id))?;
    instances::may_be_modified(state)?;
    let attached = state.instance.volumes.iter_mut().find(|v| v.device == volume.device && v.id == volume.id);
    let attached = attached.ok_or_else(|| {
        let message = format!("No device is currently mapped at {}", volume.device);
        Refusal::new("InvalidInstanceAttributeValue", message)
    })?;
    attached.delete_on_termination = volume.delete_on_termination;
    Ok(())
}
