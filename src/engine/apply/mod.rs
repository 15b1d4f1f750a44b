//! Making one change: the calls behind it, and looking before anything is done twice.

mod backup_role;
mod delete_role;
pub(super) mod deny_address;
pub(super) mod findings;
mod fleet;
mod iam;
pub(super) mod open_group;
mod profile;
mod quarantine_group;

use super::Engine;
use super::answer::{Answer, step_error};
use super::retry::{ATTEMPTS, retrying};
use super::{readback, service};
use crate::cloud::port::Target;
use crate::cloud::{CloudError, Writes};
use crate::domain::{GroupId, Scope, Tags};
use crate::playbook::change::{Place, SetInterfaceGroups, SetMetadataOptions, SetPlace, SetProtection, SetTags};
use crate::playbook::{Change, Standing, StepId};

/// Makes one change. After an unclear answer it looks before it does anything again.
/// `resumed` says that the same was intended before, and may have been done in part.
pub(super) async fn apply_change(
    engine: &Engine,
    writes: &dyn Writes,
    scope: &Scope,
    change: &Change,
    resumed: bool,
) -> Answer {
    match change {
        Change::MakeQuarantineGroup(group) => return quarantine_group::make(engine, writes, scope, group).await,
        Change::OpenGroup(group) => return open_group::make(engine, writes, scope, group).await,
        Change::DenyAddress(deny) => {
            return deny_address::make(&deny_address::Hand { engine, writes, scope }, deny, resumed).await;
        }
        Change::InstanceProfile(profile) => return profile::set(engine, writes, scope, profile).await,
        Change::MakeBackupRole(role) => return backup_role::make(engine, writes, scope, role).await,
        Change::DeleteRole(role) => return delete_role::delete(engine, writes, scope, role).await,
        _ => {}
    }
    if let Change::Finding(edit) = change {
        let one = vec![(StepId::from("finding"), edit.clone())];
        let answer = findings::set(engine, writes, scope, one).await.pop();
        return answer.map_or_else(|| Answer::failed("NoAnswer", "no answer came"), |(_, answer)| answer);
    }
    if change.looks_first() {
        match readback::look(engine, scope, change).await {
            Ok(Standing::Before) => {}
            Ok(Standing::After) => return Answer::applied(vec!["found done before it was called".into()]),
            Ok(Standing::Drift(now)) => {
                return Answer::failed(
                    "ChangedSincePlan",
                    format!("{} changed since the plan was made: now {now}", change.what()),
                );
            }
            Ok(Standing::Gone) => return Answer::failed("Gone", format!("{} is no longer there", change.what())),
            Ok(Standing::Unknown) => {
                return Answer::failed("NotReadable", format!("{} could not be read", change.what()));
            }
            Err(e) => return Answer::Failed(step_error(&e)),
        }
    }
    if let Change::Place(SetPlace { instance, before, after: Place::InService, .. }) = change {
        service::settle(engine, scope, instance, *before).await;
    }
    let target = Target::new(scope);
    let mut last = None;
    for _ in 1..ATTEMPTS {
        match retrying(engine, || call_change(writes, &target, change)).await {
            Ok(()) => return Answer::applied(vec![]),
            // After an unclear answer a refusal may mean that the first call was carried out after all.
            Err(e) if !e.may_have_applied && last.is_some() => {
                return match look_until_done(engine, scope, change).await {
                    Ok(Standing::After) => Answer::applied(vec!["no answer came; found done on looking".into()]),
                    Ok(Standing::Before) => Answer::Failed(step_error(&e)),
                    Ok(_) | Err(_) => Answer::Unclear(step_error(&e)),
                };
            }
            Err(e) if !e.may_have_applied => return Answer::Failed(step_error(&e)),
            Err(e) => {
                let error = step_error(&e);
                match readback::look(engine, scope, change).await {
                    Ok(Standing::After) => {
                        return Answer::Applied {
                            output: vec!["no answer came; found done on looking".into()],
                            verified: None,
                        };
                    }
                    // Setting the same value again does no harm, and looking has shown that it isn't there yet.
                    Ok(Standing::Before) => last = Some(error),
                    Ok(_) | Err(_) => return Answer::Unclear(error),
                }
            }
        }
    }
    last.map_or_else(|| Answer::failed("NoAnswer", "no answer came"), Answer::Unclear)
}

/// Looks for as long as AWS may need to agree with itself, and no longer than until the change is seen.
async fn look_until_done(engine: &Engine, scope: &Scope, change: &Change) -> Result<Standing, CloudError> {
    let mut seen = Ok(Standing::Unknown);
    for wait in readback::WAITS {
        tokio::time::sleep(wait).await;
        seen = readback::look(engine, scope, change).await;
        if matches!(seen, Ok(Standing::After)) {
            break;
        }
    }
    seen
}

/// The calls of one change. What they set is set once: made again, they change nothing more or are refused.
pub(super) async fn call_change(writes: &dyn Writes, target: &Target, change: &Change) -> Result<(), CloudError> {
    match change {
        Change::Protection(SetProtection { instance, protection, after, .. }) => {
            writes.set_protection(target, instance, *protection, *after).await
        }
        Change::InterfaceGroups(SetInterfaceGroups { interface, after, .. }) => {
            let groups: Vec<GroupId> = after.iter().cloned().collect();
            writes.set_interface_groups(target, interface, &groups).await
        }
        Change::Tags(SetTags { resource, edits, .. }) => {
            let mut set = Tags::new();
            let mut remove = Tags::new();
            for (key, edit) in edits {
                match (&edit.before, &edit.after) {
                    (_, Some(value)) => {
                        set.insert(key.clone(), value.clone());
                    }
                    // With its value, so that a tag that somebody else has changed since stays.
                    (Some(value), None) => {
                        remove.insert(key.clone(), value.clone());
                    }
                    (None, None) => {}
                }
            }
            // Removing first makes room: a resource holds fifty tags.
            if !remove.is_empty() {
                writes.delete_tags(target, resource, &remove).await?;
            }
            if set.is_empty() { Ok(()) } else { writes.create_tags(target, resource, &set).await }
        }
        Change::MetadataOptions(SetMetadataOptions { instance, after, region, .. }) => {
            writes.set_metadata_options(&target.clone().moved(region.as_ref()), instance, after).await
        }
        // Made in calls of their own, each looked into: see the files beside this one.
        Change::MakeQuarantineGroup(_)
        | Change::OpenGroup(_)
        | Change::InstanceProfile(_)
        | Change::MakeBackupRole(_)
        | Change::DeleteRole(_)
        | Change::Finding(_) => Ok(()),
        Change::Place(change) => fleet::place(writes, target, change).await,
        Change::Registration(change) => fleet::registration(writes, target, change).await,
        Change::Address(change) => fleet::address(writes, target, change).await,
        Change::DeleteOnTermination(change) => fleet::volume(writes, target, change).await,
        // Both directions, for a rehearsal. Made for good in several calls, each looked into: see `deny_address`.
        Change::DenyAddress(deny) => {
            for direction in &deny.directions {
                if deny.adds {
                    writes.create_acl_entry(target, &deny.acl, &deny.entry(*direction)).await?;
                } else {
                    writes.delete_acl_entry(target, &deny.acl, *direction, deny.number).await?;
                }
            }
            Ok(())
        }
        Change::AccessKeyStatus(edit) => writes.set_key_active(target, &edit.user, &edit.key, edit.after).await,
        Change::InlinePolicy(edit) => iam::put(writes, target, edit).await,
        Change::ManagedPolicy(edit) => iam::attach(writes, target, edit).await,
    }
}
