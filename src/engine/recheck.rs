//! The look before the first change: whether the world is still the one that was planned with.

use super::Engine;
use super::answer::{Answer, step_error};
use super::retry::rereading;
use crate::cloud::port::GroupQuery;
use crate::domain::GroupId;
use crate::ledger::RunState;
use crate::playbook::Change;
use crate::playbook::change::{SetInterfaceGroups, group_list, leaks};
use std::collections::{BTreeMap, BTreeSet};

/// Reads interfaces and quarantine group again and compares them with what the plan rests on.
pub(super) async fn recheck(
    engine: &Engine,
    state: &RunState,
    instance: &crate::domain::InstanceId,
    planned: &BTreeMap<crate::domain::InterfaceId, BTreeSet<GroupId>>,
    quarantine_group: Option<&(GroupId, BTreeSet<GroupId>)>,
) -> Answer {
    let reads = engine.cloud().reads().as_ref();
    let scope = &state.plan.scope;
    let query = crate::cloud::port::InterfaceQuery::AttachedTo(vec![instance.clone()]);
    let interfaces = rereading(engine, || reads.interfaces(scope, &query));
    let groups = async {
        match quarantine_group {
            None => Ok(vec![]),
            Some((group, _)) => {
                let query = GroupQuery::Ids(vec![group.clone()]);
                rereading(engine, || reads.groups(scope, &query)).await
            }
        }
    };
    let (interfaces, groups) = match futures::try_join!(interfaces, groups) {
        Ok(both) => both,
        Err(e) => return Answer::Failed(step_error(&e)),
    };
    let mut odd = Vec::new();
    let live: BTreeMap<_, _> = interfaces.iter().map(|i| (&i.id, &i.groups)).collect();
    for (id, groups) in planned {
        match live.get(id) {
            None => odd.push(format!("{id} is no longer attached")),
            Some(now) if *now == groups => {}
            Some(now) => {
                // A run that is being resumed finds its own work here.
                let ours = state.changes().iter().any(|c| {
                    matches!(c, Change::InterfaceGroups(SetInterfaceGroups { interface, after, .. }) if interface == id && &after == now)
                });
                if !ours {
                    odd.push(format!("{id} now holds {}", group_list(*now)));
                }
            }
        }
    }
    odd.extend(live.keys().filter(|id| !planned.contains_key(**id)).map(|id| format!("{id} was attached")));
    if let Some((group, reach)) = quarantine_group {
        match groups.iter().find(|g| &g.id == group) {
            None => odd.push(format!("quarantine group {group} no longer exists")),
            Some(group) => {
                let rules = leaks(group, reach);
                if !rules.is_empty() {
                    odd.push(format!("quarantine group {} now lets through {}", group.id, rules.join("; ")));
                }
            }
        }
    }
    if odd.is_empty() {
        Answer::applied(vec![])
    } else {
        Answer::failed("ChangedSincePlan", format!("changed since the plan was made: {}", odd.join("; ")))
    }
}
