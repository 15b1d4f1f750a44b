//! Making one change: the calls behind it, and looking before anything is done twice.

pub(super) mod deny_address;
pub(super) mod findings;
mod quarantine_group;

use super::Engine;
use super::answer::{Answer, step_error};
use super::readback;
use super::retry::{ATTEMPTS, retrying};
use crate::cloud::port::Target;
use crate::cloud::{CloudError, Writes};
use crate::domain::{GroupId, Scope, Tags};
use crate::playbook::change::{SetInterfaceGroups, SetProtection, SetTags};
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
        Change::DenyAddress(deny) => {
            return deny_address::make(&deny_address::Hand { engine, writes, scope }, deny, resumed).await;
        }
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
        // Made in several calls, each looked into, and many in one call: see `quarantine_group` and `findings`.
        Change::MakeQuarantineGroup(_) | Change::Finding(_) => Ok(()),
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
    }
}
