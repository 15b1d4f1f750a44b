//! The calls that take an instance out of service and put it back.

use crate::cloud::port::Target as Aim;
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::{Target, Volume};
use crate::playbook::change::{Place, SetAddress, SetDeleteOnTermination, SetPlace, SetRegistration};

/// Into standby, out of the group, or back.
pub(super) async fn place(writes: &dyn Writes, target: &Aim, change: &SetPlace) -> Result<(), CloudError> {
    let SetPlace { instance, group, before, after } = change;
    match (before, after) {
        (_, Place::Standby) => writes.enter_standby(target, group, instance).await,
        (_, Place::Outside) => writes.detach_instance(target, group, instance).await,
        (Place::Outside, Place::InService) => writes.attach_instance(target, group, instance).await,
        (_, Place::InService) => writes.exit_standby(target, group, instance).await,
    }
}

/// Registers or deregisters one target.
pub(super) async fn registration(writes: &dyn Writes, aim: &Aim, change: &SetRegistration) -> Result<(), CloudError> {
    let SetRegistration { instance, with, target, port, zone, after, .. } = change;
    let target = Target { id: target.clone(), port: *port, zone: zone.clone(), state: String::new(), reason: None };
    match (with.is_target_group(), after) {
        (true, true) => writes.register_target(aim, with, &target).await,
        (true, false) => writes.deregister_target(aim, with, &target).await,
        (false, true) => writes.register_with_classic(aim, with, instance).await,
        (false, false) => writes.deregister_from_classic(aim, with, instance).await,
    }
}

/// Takes an address off, or puts it back.
pub(super) async fn address(writes: &dyn Writes, target: &Aim, change: &SetAddress) -> Result<(), CloudError> {
    match (&change.after, &change.before) {
        (Some(to), _) => writes.associate_address(target, &change.allocation, &to.interface, to.private_ip).await,
        (None, Some(from)) => match writes.disassociate_address(target, &from.id).await {
            // Somebody else, or an earlier call of ours, has done it.
            Err(e) if e.kind == ErrorKind::NotFound && e.code == "InvalidAssociationID.NotFound" => Ok(()),
            answer => answer,
        },
        (None, None) => Ok(()),
    }
}

/// Keeps a volume, or lets it go with the instance.
pub(super) async fn volume(
    writes: &dyn Writes,
    target: &Aim,
    change: &SetDeleteOnTermination,
) -> Result<(), CloudError> {
    let SetDeleteOnTermination { instance, volume, device, after, .. } = change;
    let volume = Volume { id: volume.clone(), device: device.clone(), delete_on_termination: *after };
    writes.set_delete_on_termination(target, instance, &volume).await
}
