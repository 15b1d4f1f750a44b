//! Making one change: the calls behind it, and looking before anything is done twice.

mod backup_role;
mod delete_role;
pub(super) mod deny_address;
pub(super) mod findings;
mod iam;
mod profile;
mod quarantine_group;

use super::Engine;
use super::answer::{Answer, step_error};
use super::readback;
use super::retry::{ATTEMPTS, retrying};
use crate::cloud::port::Target;
use crate::cloud::{CloudError, Writes};
use crate::domain::{GroupId, Scope, Tags};
use crate::playbook::StepId;
use crate::playbook::change::{SetInterfaceGroups, SetMetadataOptions, SetProtection, SetTags};
use crate::playbook::{Change, Standing};

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
    let target = Target::new(scope);
    let mut last = None;
    for _ in 1..ATTEMPTS {
        match retrying(engine, || call_change(writes, &target, change)).await {
            Ok(()) => return Answer::applied(vec![]),
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

/// The calls of one change. All of them set a value, so that making them twice is making them once.
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
        // Many in one call: see `findings`.
        Change::Finding(_) => Ok(()),
        Change::MetadataOptions(SetMetadataOptions { instance, after, .. }) => {
            writes.set_metadata_options(target, instance, after).await
        }
        // Made in calls of their own, each looked into: see the files beside this one.
        Change::MakeQuarantineGroup(_)
        | Change::InstanceProfile(_)
        | Change::MakeBackupRole(_)
        | Change::DeleteRole(_) => Ok(()),
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
