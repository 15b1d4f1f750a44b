//! The sweep that every playbook passes: each call of a run, and of the run that takes it back, made to fail, be
//! throttled, be denied, time out, and crash the process before and after it; then recovery, then restore, and the
//! world must be the one we began with.

use super::bench::{Bench, message, outcome};
use crate::quarantine::comparable;
use async_trait::async_trait;
use lazaret::cloud::sandbox::{CallRecord, Fault, FaultKind, World};
use lazaret::engine::prepare::{Request, RestoreWhat};
use lazaret::engine::{Consent, EngineError, Prepared, RestoreRequest, outstanding};
use lazaret::ledger::{Outcome, RunFilter, RunState, Store};
use lazaret::playbook::PlanRefusal;
use lazaret::policy::BlockPolicy;

pub(crate) const FAULTS: [FaultKind; 7] = [
    FaultKind::Fail,
    FaultKind::Throttle,
    FaultKind::Deny,
    FaultKind::TimeoutBefore,
    FaultKind::TimeoutAfter,
    FaultKind::HangBefore,
    FaultKind::HangAfter,
];

/// One call among those of a run: operation, resource, and which of them.
pub(crate) type Place = (String, Option<String>, u64);

/// The calls of a run without faults, once each.
pub(crate) fn places(calls: &[CallRecord]) -> Vec<Place> {
    let mut places = Vec::new();
    for call in calls {
        let same = |p: &&Place| p.0 == call.operation && p.1 == call.resource;
        let nth = places.iter().filter(same).count() as u64 + 1;
        places.push((call.operation.clone(), call.resource.clone(), nth));
    }
    places
}

pub(crate) fn fault_at(place: &Place, kind: &FaultKind) -> Fault {
    let (operation, resource, nth) = place;
    let fault = Fault::on(operation).nth(*nth).kind(kind.clone());
    match resource {
        Some(resource) => fault.resource(resource),
        None => fault,
    }
}

/// Commits, and drops the run where a call hangs: what a kill at that instant leaves behind.
pub(crate) async fn commit_or_crash(bench: &Bench, prepared: &Prepared, consent: &Consent) -> Option<RunState> {
    tokio::select! {
        run = bench.engine.commit(prepared, consent, None) => Some(run.expect("a run")),
        () = bench.sandbox.hung() => None,
    }
}

/// A playbook on a world of its own.
#[async_trait(?Send)]
pub(crate) trait Drill {
    /// A fresh world, and what is asked for in it. The same each time.
    async fn stage(&self) -> (Bench, Request);

    /// What a person says to it.
    fn consent(&self) -> Consent {
        Consent::default()
    }

    /// Whether what the playbook promises is so, in truth.
    fn holds(&self, bench: &Bench) -> bool;

    /// Whether a run claims that it holds.
    fn claims(&self, run: &RunState) -> bool {
        outcome(run) == Outcome::Done
    }

    /// A copy of the world without what no restore of this playbook takes back.
    fn comparable(&self, world: &World) -> World {
        comparable(world)
    }

    /// What else must be so at each end, whatever happened: originals beside the resource, nothing made twice.
    fn check(&self, _bench: &Bench, _before: &World, _what: &str) {}
}

/// The runs that still stand, newest first.
pub(crate) async fn standing(bench: &Bench) -> Vec<RunState> {
    let mut runs = bench.ledger.runs(&RunFilter::default()).await.unwrap();
    runs.sort_by_key(|r| r.run);
    let mut standing: Vec<RunState> = outstanding(runs).into_iter().map(|o| o.run).collect();
    standing.reverse();
    standing
}

pub(crate) fn restore_of(run: &RunState) -> RestoreRequest {
    RestoreRequest {
        scope: run.plan.scope.clone(),
        what: RestoreWhat::Run(run.run),
        // What goes back only when it is asked for by name is asked for.
        force: run
            .changes()
            .iter()
            .filter(|c| c.only_when_asked())
            .flat_map(|c| c.asked_as())
            .chain(["all".to_owned()])
            .collect(),
        finding_status: None,
        topic_arn: None,
        block: BlockPolicy::default(),
        aws: None,
    }
}

/// Recovers, takes back all that stands, and compares.
pub(crate) async fn end_well(drill: &dyn Drill, bench: &Bench, before: &World, what: &str) {
    for run in bench.recover_all().await {
        let claims = run.plan.playbook.contains() && drill.claims(&run);
        assert!(!claims || drill.holds(bench), "{what}: claims what is not so: {}", message(&run));
    }
    drill.check(bench, before, what);
    for run in standing(bench).await {
        match bench.engine.prepare_restore(&restore_of(&run)).await {
            Ok(prepared) => {
                let back = bench.engine.commit(&prepared, &drill.consent(), None).await.unwrap();
                assert_eq!(outcome(&back), Outcome::Done, "{what}: {}", message(&back));
            }
            Err(EngineError::Plan(PlanRefusal::Nothing(_))) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
    let (after, before) = (drill.comparable(&bench.sandbox.world()), drill.comparable(before));
    assert_eq!(after.accounts, before.accounts, "{what}: what is global");
    for (scope, place) in &before.scopes {
        assert_eq!(&after.scopes[scope], place, "{what}: {scope}");
    }
    assert_eq!(after, before, "{what}");
    assert!(bench.engine.unfinished().await.unwrap().is_empty(), "{what}: a run is left open");
    assert_eq!(bench.ledger.verify().await.unwrap().bad, None, "{what}");
}

async fn places_of(drill: &dyn Drill, bench: &Bench, prepared: &Prepared) -> Vec<Place> {
    bench.sandbox.clear_calls();
    let run = commit_or_crash(bench, prepared, &drill.consent()).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "without a fault: {}", message(&run));
    places(&bench.sandbox.calls())
}

/// I3: a kill or a failure at any call of the run loses nothing, and the run claims nothing that isn't so.
pub(crate) async fn every_call(drill: &dyn Drill) {
    let (clean, request) = drill.stage().await;
    let prepared = clean.engine.prepare(&request).await.unwrap();
    let places = places_of(drill, &clean, &prepared).await;
    assert!(drill.holds(&clean), "without a fault it must hold");
    assert!(places.iter().len() >= 2, "{places:?}");
    for place in &places {
        for kind in &FAULTS {
            let what = format!("{kind:?} at {place:?}");
            let (bench, request) = drill.stage().await;
            let before = bench.sandbox.world();
            let prepared = bench.engine.prepare(&request).await.unwrap();
            bench.sandbox.inject(fault_at(place, kind));
            let run = commit_or_crash(&bench, &prepared, &drill.consent()).await;
            bench.sandbox.clear_faults();
            match &run {
                Some(run) => {
                    let done = outcome(run) == Outcome::Done;
                    assert!(
                        !drill.claims(run) || drill.holds(&bench),
                        "{what}: claims what is not so: {}",
                        message(run)
                    );
                    assert!(!message(run).is_empty(), "{what}");
                    // AWS asked to slow down once: no reason to fail.
                    assert!(done || *kind != FaultKind::Throttle, "{what}: {}", message(run));
                }
                None => assert!(matches!(kind, FaultKind::HangBefore | FaultKind::HangAfter), "{what}"),
            }
            end_well(drill, &bench, &before, &what).await;
        }
    }
}

/// I3: the same for the way back.
pub(crate) async fn every_call_back(drill: &dyn Drill) {
    let contained = || async {
        let (bench, request) = drill.stage().await;
        let before = bench.sandbox.world();
        let prepared = bench.engine.prepare(&request).await.unwrap();
        let run = bench.engine.commit(&prepared, &drill.consent(), None).await.unwrap();
        assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
        let back = bench.engine.prepare_restore(&restore_of(&run)).await.unwrap();
        (bench, before, back)
    };
    let (clean, _, back) = contained().await;
    for place in &places_of(drill, &clean, &back).await {
        for kind in &FAULTS {
            let what = format!("restore: {kind:?} at {place:?}");
            let (bench, before, back) = contained().await;
            bench.sandbox.inject(fault_at(place, kind));
            commit_or_crash(&bench, &back, &drill.consent()).await;
            bench.sandbox.clear_faults();
            end_well(drill, &bench, &before, &what).await;
        }
    }
}

/// I3, I4: asked for again after each crash, it finishes what the first began, and everything goes back all the same.
pub(crate) async fn again_after_every_crash(drill: &dyn Drill) {
    let (clean, request) = drill.stage().await;
    let prepared = clean.engine.prepare(&request).await.unwrap();
    for place in places_of(drill, &clean, &prepared).await {
        for kind in [FaultKind::HangBefore, FaultKind::HangAfter] {
            let what = format!("{kind:?} at {place:?}, then again");
            let (bench, request) = drill.stage().await;
            let before = bench.sandbox.world();
            let prepared = bench.engine.prepare(&request).await.unwrap();
            bench.sandbox.inject(fault_at(&place, &kind));
            assert!(commit_or_crash(&bench, &prepared, &drill.consent()).await.is_none(), "{what}");
            bench.sandbox.clear_faults();
            bench.recover_all().await;
            match bench.engine.prepare(&request).await {
                Ok(prepared) => {
                    let run = bench.engine.commit(&prepared, &drill.consent(), None).await.unwrap();
                    assert_eq!(outcome(&run), Outcome::Done, "{what}: {}", message(&run));
                }
                // It is done already, or as good as: the playbook says by whom.
                Err(EngineError::Plan(_)) => {}
                Err(error) => panic!("{what}: {error}"),
            }
            assert!(drill.holds(&bench), "{what}");
            end_well(drill, &bench, &before, &what).await;
        }
    }
}
