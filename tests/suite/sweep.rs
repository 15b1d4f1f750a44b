//! Every call of a quarantine and of a restore, made to fail, time out, and crash the process before and after it;
//! then recovery, then restore, and the world must be the one we began with.

use crate::quarantine::comparable;
use crate::support::bench::{Bench, message, outcome};
use lazaret::cloud::sandbox::{CallRecord, Fault, FaultKind, World};
use lazaret::domain::Protection;
use lazaret::engine::{Consent, EngineError, Prepared, RunReport};
use lazaret::ledger::{Event, Outcome, RunState, Store};
use lazaret::playbook::change::{SetInterfaceGroups, SetProtection, SetTags};
use lazaret::playbook::{Change, PlanRefusal};

const FAULTS: [FaultKind; 7] = [
    FaultKind::Fail,
    FaultKind::Throttle,
    FaultKind::Deny,
    FaultKind::TimeoutBefore,
    FaultKind::TimeoutAfter,
    FaultKind::HangBefore,
    FaultKind::HangAfter,
];

/// The calls of a run without faults, once each: operation, resource, and which of them.
fn places(calls: &[CallRecord]) -> Vec<(String, Option<String>, u64)> {
    let mut places = Vec::new();
    for call in calls {
        let same = |p: &&(String, Option<String>, u64)| p.0 == call.operation && p.1 == call.resource;
        let nth = places.iter().filter(same).count() as u64 + 1;
        places.push((call.operation.clone(), call.resource.clone(), nth));
    }
    places
}

fn fault_at(place: &(String, Option<String>, u64), kind: &FaultKind) -> Fault {
    let (operation, resource, nth) = place;
    let fault = Fault::on(operation).nth(*nth).kind(kind.clone());
    match resource {
        Some(resource) => fault.resource(resource),
        None => fault,
    }
}

/// Commits, and drops the run where a call hangs: what a kill at that instant leaves behind.
async fn commit_or_crash(bench: &Bench, prepared: &Prepared) -> Option<RunState> {
    let consent = Consent::default();
    tokio::select! {
        run = bench.engine.commit(prepared, &consent, None) => Some(run.expect("a run")),
        () = bench.sandbox.hung() => None,
    }
}

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

/// Nothing may be lost and nothing claimed that isn't so; then everything goes back.
async fn end_well(bench: &Bench, before: &World, what: &str) {
    for run in bench.recover_all().await {
        let claims = message(&run).contains("is isolated") && RunReport::new(&run).isolated_ms.is_some();
        assert!(!claims || isolated(&bench.sandbox.world(), bench), "{what}: {}", message(&run));
    }
    check_originals(bench, before, what);
    match bench.restore("web-1").await {
        Ok(run) => assert_eq!(outcome(&run), Outcome::Done, "{what}: {}", message(&run)),
        Err(EngineError::Plan(PlanRefusal::Nothing(_))) => {}
        Err(error) => panic!("{what}: {error}"),
    }
    let (after, before) = (comparable(&bench.sandbox.world()), comparable(before));
    if after != before {
        for (scope, place) in &before.scopes {
            assert_eq!(&after.scopes[scope].instances, &place.instances, "{what}: instances of {scope}");
            assert_eq!(&after.scopes[scope].interfaces, &place.interfaces, "{what}: interfaces of {scope}");
        }
    }
    assert_eq!(after, before, "{what}");
    assert!(bench.engine.unfinished().await.unwrap().is_empty(), "{what}: a run is left open");
    assert_eq!(bench.ledger.verify().await.unwrap().bad, None, "{what}");
    // I6: no snapshot twice, whatever happened.
    let (scope, _) = bench.find("web-1");
    let world = bench.sandbox.world();
    assert!(world.scopes[&scope].snapshots.len() <= 4, "{what}: {} snapshots", world.scopes[&scope].snapshots.len());
}

/// I3: a kill or a failure at any call of a quarantine loses nothing.
async fn sweep_quarantine(with_group: bool) {
    let clean = fresh(with_group).await;
    clean.sandbox.clear_calls();
    let prepared = clean.prepare("web-1").await.unwrap();
    clean.sandbox.clear_calls();
    commit_or_crash(&clean, &prepared).await.unwrap();
    let places = places(&clean.sandbox.calls());
    assert!(places.len() >= 12, "{}", places.len());
    for place in &places {
        for kind in &FAULTS {
            let what = format!("{kind:?} at {place:?}");
            let bench = fresh(with_group).await;
            let before = bench.sandbox.world();
            let prepared = bench.prepare("web-1").await.unwrap();
            bench.sandbox.inject(fault_at(place, kind));
            let run = commit_or_crash(&bench, &prepared).await;
            bench.sandbox.clear_faults();
            if let Some(run) = &run {
                let claims = RunReport::new(run).isolated_ms.is_some();
                assert_eq!(claims, message(run).contains("is isolated"), "{what}: {}", message(run));
                assert!(!claims || isolated(&bench.sandbox.world(), &bench), "{what}: claims what is not so");
                assert!(claims || !message(run).is_empty());
                // AWS asked to slow down once: no reason to fail.
                if *kind == FaultKind::Throttle {
                    assert_eq!(outcome(run), Outcome::Done, "{what}: {}", message(run));
                }
            } else {
                assert!(matches!(kind, FaultKind::HangBefore | FaultKind::HangAfter), "{what}");
            }
            end_well(&bench, &before, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_quarantine_fails_times_out_and_crashes() {
    sweep_quarantine(true).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_quarantine_that_makes_its_group_fails_times_out_and_crashes() {
    sweep_quarantine(false).await;
}

/// I3: the same for the way back.
#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_restore_fails_times_out_and_crashes() {
    let clean = fresh(true).await;
    clean.quarantine("web-1").await.unwrap();
    let prepared = clean.engine.prepare_restore(&clean.restore_request("web-1")).await.unwrap();
    clean.sandbox.clear_calls();
    commit_or_crash(&clean, &prepared).await.unwrap();
    let places = places(&clean.sandbox.calls());
    assert!(places.len() >= 10, "{}", places.len());
    for place in &places {
        for kind in &FAULTS {
            let what = format!("restore: {kind:?} at {place:?}");
            let bench = fresh(true).await;
            let before = bench.sandbox.world();
            bench.quarantine("web-1").await.unwrap();
            let prepared = bench.engine.prepare_restore(&bench.restore_request("web-1")).await.unwrap();
            bench.sandbox.inject(fault_at(place, kind));
            commit_or_crash(&bench, &prepared).await;
            bench.sandbox.clear_faults();
            end_well(&bench, &before, &what).await;
        }
    }
}

/// Every call repeated: a run that is begun again after each crash ends in one quarantine, not two.
#[tokio::test(start_paused = true)]
async fn i3_after_every_crash_a_second_quarantine_finishes_what_the_first_began() {
    let clean = fresh(true).await;
    let prepared = clean.prepare("web-1").await.unwrap();
    clean.sandbox.clear_calls();
    commit_or_crash(&clean, &prepared).await.unwrap();
    for place in places(&clean.sandbox.calls()) {
        for kind in [FaultKind::HangBefore, FaultKind::HangAfter] {
            let what = format!("{kind:?} at {place:?}, then again");
            let bench = fresh(true).await;
            let before = bench.sandbox.world();
            let prepared = bench.prepare("web-1").await.unwrap();
            bench.sandbox.inject(fault_at(&place, &kind));
            assert!(commit_or_crash(&bench, &prepared).await.is_none(), "{what}");
            bench.sandbox.clear_faults();
            bench.recover_all().await;
            match bench.quarantine("web-1").await {
                Ok(run) => assert_eq!(outcome(&run), Outcome::Done, "{what}: {}", message(&run)),
                Err(EngineError::Plan(PlanRefusal::AlreadyQuarantined { .. })) => {}
                Err(error) => panic!("{what}: {error}"),
            }
            assert!(isolated(&bench.sandbox.world(), &bench), "{what}");
            end_well(&bench, &before, &what).await;
        }
    }
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
        Change::MakeQuarantineGroup(_) => unreachable!("the group is there"),
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
            end_well(&bench, &before, &format!("cut after {keep} records, done: {done}")).await;
        }
    }
}
