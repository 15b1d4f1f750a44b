//! What a night brings: an instance stopped in its quarantine, load balancers that never answer, and steps that failed
//! and are asked for again.

use super::{
    as_before, bench, edit, fleet, lifecycle, prepare, quarantine, request, restore, restore_request, run_the_clock,
    web_3,
};
use crate::support::bench::{Bench, message, outcome};
use lazaret::cloud::sandbox::{Behaviour, Fault, FaultKind};
use lazaret::engine::{Consent, EngineError, QuarantineRequest};
use lazaret::ledger::Outcome;
use lazaret::playbook::{Action, FindingRef, PlanRefusal};
use std::time::Duration;

fn set_state(bench: &Bench, state: &str) {
    let (scope, instance) = web_3(bench);
    let place = |w: &mut lazaret::cloud::sandbox::World| {
        let place = w.scopes.get_mut(&scope).unwrap();
        place.instances.get_mut(&instance).unwrap().instance.state = state.to_owned();
    };
    bench.sandbox.edit(place).unwrap();
}

/// Auto Scaling ends what it finds stopped in its service, whatever the load balancers say: with its disks.
#[tokio::test(start_paused = true)]
async fn a_stopped_instance_is_restored_but_not_put_in_service_where_it_would_be_ended() {
    for asks in [true, false] {
        let bench = bench();
        edit(&bench, |fleet| fleet.scaling_groups.get_mut(super::GROUP).unwrap().group.asks_load_balancers = asks);
        let before = bench.sandbox.world();
        let (scope, _) = web_3(&bench);
        quarantine(&bench).await;
        set_state(&bench, "stopped");
        let began = tokio::time::Instant::now();
        let back = restore(&bench).await;
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "nothing is waited for in vain");
        assert!(
            !super::isolated(&bench) && message(&back).contains("Start it, then restore again"),
            "{}",
            message(&back)
        );
        assert!(message(&back).contains("NOT fully restored") || outcome(&back) != Outcome::Done, "{}", message(&back));
        assert_eq!(lifecycle(&bench).as_deref(), Some("Standby"));
        assert_eq!(bench.sandbox.scale(&scope).unwrap(), [], "asks {asks}: nobody ends it");
        // Running again, the rest goes back.
        set_state(&bench, "running");
        let again = restore(&bench).await;
        assert_eq!(outcome(&again), Outcome::Done, "{}", message(&again));
        as_before(&bench, &before);
    }
}

/// What the sandbox is asked to refuse above: a group of EC2 checks alone ends a stopped instance in its service.
#[tokio::test]
async fn a_stopped_instance_in_service_is_ended() {
    let bench = bench();
    edit(&bench, |fleet| fleet.scaling_groups.get_mut(super::GROUP).unwrap().group.asks_load_balancers = false);
    let (scope, instance) = web_3(&bench);
    set_state(&bench, "stopped");
    assert_eq!(bench.sandbox.scale(&scope).unwrap(), [instance]);
}

/// One target group that does not answer costs what it knows, and not what the others have said.
#[tokio::test(start_paused = true)]
async fn a_target_group_that_never_answers_hides_no_other() {
    let bench = bench();
    let slow = fleet(&bench).target_groups.keys().find(|b| b.name() == "payments-direct").unwrap().clone();
    let hang = Fault::on("elasticloadbalancing:DescribeTargetHealth").resource(slow.as_str());
    bench.sandbox.inject(hang.kind(FaultKind::HangBefore).always());
    let plan = prepare(&bench).await.plan;
    let warned = plan.warnings.iter().any(|w| w.contains("payments-direct") && w.contains("within 8 s"));
    assert!(warned, "{:?}", plan.warnings);
    assert!(plan.steps.iter().any(|s| s.id.0.starts_with("deregister-payments-web")), "{:?}", plan.steps);
}

/// The plan of a restore names what stays out for the same reason, before anything is called.
#[tokio::test(start_paused = true)]
async fn the_preview_says_what_stays_out_of_service() {
    let bench = bench();
    quarantine(&bench).await;
    set_state(&bench, "stopped");
    let plan = bench.engine.prepare_restore(&restore_request(&bench, &[])).await.unwrap().plan;
    let stuck = plan.drift.iter().filter(|d| d.decision.contains("would end it")).count();
    assert_eq!(stuck, 4, "{:?}", plan.drift);
    assert!(!plan.steps.iter().any(|s| matches!(s.action, Action::AwaitService(_))));
}

/// What failed beside an isolation is asked for again with the same command; and the first originals come back.
#[tokio::test(start_paused = true)]
async fn what_failed_beside_an_isolation_is_done_by_asking_again() {
    for operation in [
        "autoscaling:EnterStandby",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
        "ec2:DisassociateAddress",
    ] {
        let bench = bench();
        let before = bench.sandbox.world();
        bench.sandbox.inject(Fault::on(operation).kind(FaultKind::Deny).always());
        let run = quarantine(&bench).await;
        let said = message(&run);
        assert!(said.contains("is isolated") && said.contains("again, for that"), "{operation}: {said}");
        assert!(!super::out_of_service(&bench), "{operation}");
        bench.sandbox.clear_faults();
        let prepared = prepare(&bench).await;
        assert!(prepared.plan.warnings[0].contains("already in quarantine, by ana"), "{:?}", prepared.plan.warnings);
        let calls = prepared.plan.steps.iter().any(|s| s.id.0.starts_with("swap-") || s.id.0.starts_with("originals"));
        assert!(!calls, "what was written down stays: {:?}", prepared.plan.steps);
        let again = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert_eq!(outcome(&again), Outcome::Done, "{operation}: {}", message(&again));
        assert!(super::isolated(&bench) && super::out_of_service(&bench), "{operation}");
        // Then nothing is left, and that is said.
        match bench.engine.prepare_quarantine(&super::request(&bench)).await.unwrap_err() {
            EngineError::Plan(PlanRefusal::AlreadyQuarantined { run: by, .. }) => assert_eq!(by, Some(run.run)),
            other => panic!("{other}"),
        }
        let back = restore(&bench).await;
        assert_eq!(outcome(&back), Outcome::Done, "{operation}: {}", message(&back));
        as_before(&bench, &before);
    }
}

/// A finding is closed when all is back, and not while targets are still called unhealthy.
#[tokio::test(start_paused = true)]
async fn a_finding_stays_open_while_targets_are_not_healthy() {
    for checks in [3_600, 0] {
        let bench = bench();
        edit(&bench, |fleet| fleet.scaling_groups.clear());
        let (_, reported) = bench.find("web-1");
        let seen = bench.finding(&reported).await;
        let finding = Some(FindingRef::new(&seen.finding, Some(&seen.json), Some(bench.hub.clone())));
        let asked = QuarantineRequest { finding, ..request(&bench) };
        let prepared = bench.engine.prepare_quarantine(&asked).await.unwrap();
        bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        bench.sandbox.set_behaviour(Behaviour { checks: Duration::from_secs(checks), ..Behaviour::default() });
        let clock = run_the_clock(&bench);
        let back = bench.restore("web-3").await.unwrap();
        clock.abort();
        let whole = checks == 0;
        assert_eq!(outcome(&back), if whole { Outcome::Done } else { Outcome::Partial }, "{}", message(&back));
        let closed = back.steps[&"update-finding".into()].state.succeeded();
        assert_eq!(closed, whole, "{}", message(&back));
    }
}
