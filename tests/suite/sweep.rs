//! Every call of a quarantine and of a restore, made to fail, time out, and crash the process before and after it;
//! then recovery, then restore, and the world must be the one we began with.

use crate::support::bench::{Bench, message};
use crate::support::sweep::{self, Drill};
use lazaret::cloud::sandbox::World;
use lazaret::domain::Protection;
use lazaret::engine::RunReport;
use lazaret::engine::prepare::Request;
use lazaret::ledger::{Event, RunState, Store};
use lazaret::playbook::Change;
use lazaret::playbook::change::{SetInterfaceGroups, SetProtection, SetTags};

/// Whether the instance is isolated in truth.
fn isolated(world: &World, bench: &Bench) -> bool {
    let (scope, instance) = bench.find("web-1");
    let place = &world.scopes[&scope];
    let ours = |id: &lazaret::domain::GroupId| {
        place.groups.get(id).is_some_and(|g| g.group.tags.get("lazaret").map(String::as_str) == Some("quarantine"))
    };
    place.interfaces_of(&instance).iter().all(|i| i.groups.len() == 1 && i.groups.iter().all(ours))
}

/// The originals in the tags of every interface that was swapped must be the true ones (I1).
fn check_originals(bench: &Bench, before: &World, what: &str) {
    let (scope, instance) = bench.find("web-1");
    let now = bench.sandbox.world();
    for was in before.scopes[&scope].interfaces_of(&instance) {
        let is = &now.scopes[&scope].interfaces[&was.id];
        if is.groups != was.groups {
            let written = lazaret::playbook::tags::read_originals(&is.tags);
            assert_eq!(written.as_ref(), Some(&was.groups), "{what}: originals of {}", was.id);
        }
    }
}

/// A world with a quarantine group, or without.
async fn fresh(with_group: bool) -> Bench {
    let bench = Bench::new("crypto-mining");
    if with_group {
        bench.quarantine("web-1").await.unwrap();
        bench.restore("web-1").await.unwrap();
        let ledger = lazaret::ledger::SqliteStore::in_memory().unwrap();
        return Bench { ledger, ..bench }.colleague("ana");
    }
    bench
}

/// The quarantine of web-1, in a VPC that has its group or not.
struct Quarantine {
    with_group: bool,
}

#[async_trait::async_trait(?Send)]
impl Drill for Quarantine {
    async fn stage(&self) -> (Bench, Request) {
        let bench = fresh(self.with_group).await;
        let request = bench.request("web-1").await;
        (bench, Request::Quarantine(Box::new(request)))
    }

    fn holds(&self, bench: &Bench) -> bool {
        isolated(&bench.sandbox.world(), bench)
    }

    fn claims(&self, run: &RunState) -> bool {
        let claims = RunReport::new(run).isolated_ms.is_some();
        assert_eq!(claims, message(run).contains("is isolated"), "{}", message(run));
        claims
    }

    fn check(&self, bench: &Bench, before: &World, what: &str) {
        check_originals(bench, before, what);
        // I6: no snapshot twice, whatever happened.
        let (scope, _) = bench.find("web-1");
        let snapshots = bench.sandbox.world().scopes[&scope].snapshots.len();
        assert!(snapshots <= 4, "{what}: {snapshots} snapshots");
    }
}

const WITH_GROUP: Quarantine = Quarantine { with_group: true };
const WITHOUT: Quarantine = Quarantine { with_group: false };

/// I3: a kill or a failure at any call of a quarantine loses nothing.
#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_quarantine_fails_times_out_and_crashes() {
    sweep::every_call(&WITH_GROUP).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_quarantine_that_makes_its_group_fails_times_out_and_crashes() {
    sweep::every_call(&WITHOUT).await;
}

/// I3: the same for the way back.
#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_restore_fails_times_out_and_crashes() {
    sweep::every_call_back(&WITH_GROUP).await;
}

/// A run that is begun again after each crash ends in one quarantine, not two.
#[tokio::test(start_paused = true)]
async fn i3_after_every_crash_a_second_quarantine_finishes_what_the_first_began() {
    sweep::again_after_every_crash(&WITH_GROUP).await;
}

/// Puts a change into the world as AWS would have, past the engine.
fn put(world: &mut World, scope: &lazaret::domain::Scope, change: &Change) {
    let place = world.scopes.get_mut(scope).unwrap();
    match change {
        Change::InterfaceGroups(SetInterfaceGroups { interface, after, .. }) => {
            place.interfaces.get_mut(interface).unwrap().groups.clone_from(after);
        }
        Change::Protection(SetProtection { instance, protection, after, .. }) => {
            let state = place.instances.get_mut(instance).unwrap();
            match protection {
                Protection::Termination => state.termination_protection = *after,
                Protection::Stop => state.stop_protection = *after,
            }
        }
        Change::Tags(SetTags { instance, resource, edits }) => {
            let tags = if instance.as_str() == resource {
                &mut place.instances.get_mut(instance).unwrap().instance.tags
            } else {
                &mut place.interfaces.get_mut(&lazaret::domain::InterfaceId::new(resource.as_str())).unwrap().tags
            };
            for (key, edit) in edits {
                match &edit.after {
                    Some(value) => tags.insert(key.clone(), value.clone()),
                    None => tags.remove(key),
                };
            }
        }
        other => unreachable!("not part of a quarantine: {other:?}"),
    }
}

/// The ledger cut at every record, as a crash between two appends leaves it; what was intended and not answered was
/// done in one world and not in the other.
#[tokio::test(start_paused = true)]
async fn i3_the_ledger_cut_at_every_record_recovers() {
    let clean = fresh(true).await;
    let before = clean.sandbox.world();
    let run = clean.quarantine("web-1").await.unwrap();
    let records = clean.ledger.records(run.run).await.unwrap();
    let scope = &run.plan.scope;
    for keep in 1..records.len() {
        for done in [true, false] {
            let store = lazaret::ledger::SqliteStore::in_memory().unwrap();
            let Event::Begun { actor, plan } = &records[0].event else { panic!() };
            store.begin(run.run, actor, plan, records[0].at, records[0].at).await.unwrap();
            let events: Vec<_> = records[1..keep].iter().map(|r| r.event.clone()).collect();
            store.append(run.run, 1, &events, records[0].at).await.unwrap();
            let cut = RunState::replay(&records[..keep]).unwrap().unwrap();
            let mut world = before.clone();
            for status in cut.steps.values() {
                if let Some(change) = &status.change
                    && (status.state.succeeded() || done)
                {
                    put(&mut world, scope, change);
                }
            }
            let bench = Bench { ledger: store, ..clean.clone() }.colleague("ana");
            bench.sandbox.set_world(world).unwrap();
            sweep::end_well(&WITH_GROUP, &bench, &before, &format!("cut after {keep} records, done: {done}")).await;
        }
    }
}
