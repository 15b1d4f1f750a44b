//! What would replace an instance in quarantine or lead to it, on the sandbox: web-3 stands in an Auto Scaling group, two
//! target groups and a classic load balancer, and has an Elastic IP address.

mod asleep;
mod sweep;

use crate::quarantine::comparable;
use crate::support::bench::{Bench, message, outcome};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::sandbox::{Behaviour, CallOutcome, Fault, FaultKind, FleetWorld, World, depth};
use lazaret::domain::{InstanceId, Scope};
use lazaret::engine::prepare::RestoreWhat;
use lazaret::engine::{Consent, EngineError, Prepared, QuarantineRequest, RestoreRequest, RunReport};
use lazaret::ledger::{Outcome, RunState};
use lazaret::policy::BlockPolicy;
use std::collections::BTreeSet;
use std::time::Duration;

const GROUP: &str = "payments-web";

fn bench() -> Bench {
    Bench::new("crypto-mining")
}

/// Nobody reported web-3 yet: no finding.
fn request(bench: &Bench) -> QuarantineRequest {
    let (scope, instance) = bench.find("web-3");
    QuarantineRequest { scope, instance, finding: None, policy: bench.policy.clone() }
}

async fn prepare(bench: &Bench) -> Prepared {
    bench.engine.prepare_quarantine(&request(bench)).await.unwrap()
}

async fn quarantine(bench: &Bench) -> RunState {
    let prepared = prepare(bench).await;
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap()
}

fn restore_request(bench: &Bench, force: &[&str]) -> RestoreRequest {
    let (scope, instance) = bench.find("web-3");
    RestoreRequest {
        what: RestoreWhat::Instance(instance),
        force: force.iter().map(|f| (*f).to_owned()).collect(),
        finding_status: None,
        topic_arn: None,
        scope,
        block: BlockPolicy::default(),
        aws: None,
    }
}

async fn restore(bench: &Bench) -> RunState {
    let prepared = bench.engine.prepare_restore(&restore_request(bench, &[])).await.unwrap();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap()
}

fn web_3(bench: &Bench) -> (Scope, InstanceId) {
    bench.find("web-3")
}

fn fleet(bench: &Bench) -> FleetWorld {
    bench.sandbox.world().scopes[&web_3(bench).0].fleet.clone()
}

fn edit(bench: &Bench, change: impl FnOnce(&mut FleetWorld)) {
    let (scope, _) = web_3(bench);
    bench.sandbox.edit(|world| change(&mut world.scopes.get_mut(&scope).unwrap().fleet)).unwrap();
}

fn lifecycle(bench: &Bench) -> Option<String> {
    fleet(bench).scaling_groups[GROUP].members.get(&web_3(bench).1).cloned()
}

/// Compares the world with a copy of it, what differs most likely first.
#[track_caller]
fn as_before(bench: &Bench, before: &World) {
    let (now, before) = (comparable(&bench.sandbox.world()), comparable(before));
    let (scope, instance) = web_3(bench);
    let (here, there) = (&now.scopes[&scope], &before.scopes[&scope]);
    assert_eq!(here.fleet, there.fleet);
    assert_eq!(here.instances[&instance], there.instances[&instance]);
    assert_eq!(here.interfaces_of(&instance), there.interfaces_of(&instance));
    assert!(now == before, "something else differs");
}

fn isolated(bench: &Bench) -> bool {
    let (scope, instance) = web_3(bench);
    let world = bench.sandbox.world();
    let place = &world.scopes[&scope];
    let closed = |id| place.groups.get(id).is_some_and(|g| g.group.ingress.is_empty() && g.group.egress.is_empty());
    place.interfaces_of(&instance).iter().all(|i| i.groups.len() == 1 && i.groups.iter().all(closed))
}

/// Whether nothing leads to the instance any more and nobody would replace it.
fn out_of_service(bench: &Bench) -> bool {
    let (scope, instance) = web_3(bench);
    let fleet = fleet(bench);
    let kept = bench.sandbox.world().scopes[&scope].instances[&instance]
        .instance
        .volumes
        .iter()
        .all(|v| !v.delete_on_termination);
    fleet.target_groups.values().flat_map(|p| &p.targets).all(|t| t.draining)
        && fleet.load_balancers.values().all(|b| !b.instances.contains_key(&instance))
        && fleet.addresses.values().all(|a| a.association.is_none())
        && lifecycle(bench).as_deref() != Some("InService")
        && kept
}

fn order_of(bench: &Bench, operations: &[&str]) -> Vec<String> {
    let calls = bench.sandbox.calls();
    let wanted = calls.into_iter().filter(|c| operations.contains(&c.operation.as_str()));
    wanted.map(|c| c.operation.split(':').nth(1).unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn i5_an_instance_leaves_service_and_comes_back_exactly_as_it_was() {
    let bench = bench();
    let before = bench.sandbox.world();
    let run = quarantine(&bench).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(isolated(&bench) && out_of_service(&bench));
    assert_eq!(lifecycle(&bench).as_deref(), Some("Standby"));
    assert_eq!(fleet(&bench).scaling_groups[GROUP].group.desired, 0);
    assert_eq!(fleet(&bench).addresses.len(), 1, "the allocation is kept");
    // Nothing happens to it now, whatever the load balancers say.
    assert_eq!(bench.sandbox.scale(&web_3(&bench).0).unwrap(), []);

    let back = restore(&bench).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert!(message(&back).ends_with("is as it was"), "{}", message(&back));
    as_before(&bench, &before);
    assert_eq!(bench.sandbox.scale(&web_3(&bench).0).unwrap(), [], "and it is not replaced afterwards");
}

/// Why it leaves its group: termination protection does not keep Auto Scaling from ending what looks unhealthy.
#[tokio::test(start_paused = true)]
async fn an_instance_that_stays_in_its_group_is_terminated_with_its_evidence() {
    let mut bench = bench();
    bench.policy.leave_scaling_group = false;
    bench.policy.leave_load_balancers = false;
    let (scope, instance) = web_3(&bench);
    let prepared = prepare(&bench).await;
    let warned = prepared.plan.warnings.iter().any(|w| w.contains(GROUP) && w.contains("be replaced"));
    assert!(warned, "{:?}", prepared.plan.warnings);
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let protected = |world: &World| world.scopes[&scope].instances[&instance].termination_protection;
    assert!(protected(&bench.sandbox.world()));
    assert_eq!(bench.sandbox.scale(&scope).unwrap(), std::slice::from_ref(&instance));
    let world = bench.sandbox.world();
    assert_eq!(world.scopes[&scope].instances[&instance].instance.state, "terminated");
    // Its volumes were kept all the same.
    assert!(world.scopes[&scope].volumes.contains_key(&"vol-0aeb300000000000a".into()));
}

/// Standby, deregistration and addresses go out before the swap, and isolation waits for none of them.
#[tokio::test(start_paused = true)]
async fn isolation_is_at_depth_two_whatever_leads_to_the_instance() {
    let bench = bench();
    quarantine(&bench).await;
    restore(&bench).await;
    let prepared = prepare(&bench).await;
    bench.sandbox.set_behaviour(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    bench.sandbox.clear_calls();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let calls = bench.sandbox.calls();
    let swap = calls.iter().find(|c| c.operation == "ec2:ModifyNetworkInterfaceAttribute").unwrap();
    let upto: Vec<_> = calls.iter().filter(|c| c.ended.unwrap() <= swap.ended.unwrap()).cloned().collect();
    assert_eq!(depth(&upto), 2, "isolated");
    for operation in [
        "autoscaling:EnterStandby",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
        "ec2:DisassociateAddress",
    ] {
        let call = calls.iter().find(|c| c.operation == operation).unwrap();
        assert!(call.started.elapsed <= swap.started.elapsed, "{operation} goes out no later than the swap");
    }
    assert!(depth(&calls) <= 5, "everything: {}", depth(&calls));
}

/// Finding out what leads to an instance is two rounds of calls beside what is read anyway.
#[tokio::test(start_paused = true)]
async fn finding_what_leads_to_an_instance_takes_two_rounds() {
    let bench = bench();
    bench.sandbox.set_behaviour(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    bench.sandbox.clear_calls();
    prepare(&bench).await;
    let calls = bench.sandbox.calls();
    assert!(depth(&calls) <= 3, "{}", depth(&calls));
    let asked = calls.iter().filter(|c| c.operation == "elasticloadbalancing:DescribeTargetHealth").count();
    assert_eq!(asked, 2, "only the groups of its VPC");
}

/// Groups, read back; then addresses, targets, and the Auto Scaling group last.
#[tokio::test(start_paused = true)]
async fn what_leads_to_it_comes_back_in_order() {
    let bench = bench();
    quarantine(&bench).await;
    bench.sandbox.set_behaviour(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    bench.sandbox.clear_calls();
    let back = restore(&bench).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    let order = order_of(
        &bench,
        &[
            "ec2:ModifyNetworkInterfaceAttribute",
            "ec2:AssociateAddress",
            "elasticloadbalancing:RegisterTargets",
            "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
            "autoscaling:ExitStandby",
        ],
    );
    let place = |name: &str| order.iter().position(|o| o == name).unwrap_or_else(|| panic!("{name}: {order:?}"));
    assert!(place("ModifyNetworkInterfaceAttribute") < place("AssociateAddress"), "{order:?}");
    assert!(place("AssociateAddress") < place("RegisterTargets"), "{order:?}");
    assert!(place("AssociateAddress") < place("RegisterInstancesWithLoadBalancer"), "{order:?}");
    assert_eq!(order.last().unwrap(), "ExitStandby");
    // Each begins when the one before has been answered.
    let calls = bench.sandbox.calls();
    let one = |name: &str| calls.iter().find(|c| c.operation.ends_with(name)).unwrap();
    for (earlier, later) in [
        (":ModifyNetworkInterfaceAttribute", ":AssociateAddress"),
        (":AssociateAddress", ":RegisterTargets"),
        (":RegisterTargets", ":ExitStandby"),
    ] {
        assert!(one(earlier).ended.unwrap() < one(later).started, "{earlier} before {later}");
    }
}

/// The world's clock goes on with the test's.
fn run_the_clock(bench: &Bench) -> tokio::task::JoinHandle<()> {
    let clock = bench.clock.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            clock.advance(chrono::Duration::seconds(1));
        }
    })
}

/// A restore says that it is done once the targets are healthy again, and not before.
#[tokio::test(start_paused = true)]
async fn targets_are_healthy_before_a_restore_says_so() {
    let bench = bench();
    quarantine(&bench).await;
    bench.sandbox.set_behaviour(Behaviour { checks: Duration::from_secs(60), ..Behaviour::default() });
    let clock = run_the_clock(&bench);
    let began = tokio::time::Instant::now();
    let back = restore(&bench).await;
    clock.abort();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    let waited = began.elapsed();
    assert!((Duration::from_secs(60)..Duration::from_secs(90)).contains(&waited), "{waited:?}");
    // The group gets it back only once they are.
    let calls = bench.sandbox.calls();
    let exit = calls.iter().find(|c| c.operation == "autoscaling:ExitStandby").unwrap();
    let checked = calls
        .iter()
        .filter(|c| c.operation == "elasticloadbalancing:DescribeTargetHealth" && c.ended.unwrap() < exit.started);
    assert!(checked.count() > 10);
}

/// Not healthy in time: everything is back but the group, which would end it; said as it is, and taken up later.
#[tokio::test(start_paused = true)]
async fn an_unhealthy_target_is_said_and_kept_out_of_the_group_that_would_end_it() {
    let bench = bench();
    let before = bench.sandbox.world();
    quarantine(&bench).await;
    bench.sandbox.set_behaviour(Behaviour { checks: Duration::from_secs(3_600), ..Behaviour::default() });
    let clock = run_the_clock(&bench);
    let back = restore(&bench).await;
    clock.abort();
    assert_eq!(outcome(&back), Outcome::Partial, "{}", message(&back));
    for said in ["but not in service yet", "initial (Elb.InitialHealthChecking)", "lazaret restore", GROUP] {
        assert!(message(&back).contains(said), "{said}: {}", message(&back));
    }
    assert!(!message(&back).contains("in part"), "{}", message(&back));
    assert_eq!(lifecycle(&bench).as_deref(), Some("Standby"));
    assert!(!isolated(&bench));
    bench.sandbox.set_behaviour(Behaviour::default());
    let again = restore(&bench).await;
    assert_eq!(outcome(&again), Outcome::Done, "{}", message(&again));
    as_before(&bench, &before);
}

/// A group at its minimum refuses a standby: the instance is detached, and another takes its place.
#[tokio::test(start_paused = true)]
async fn a_group_at_its_minimum_gets_another_instance_in_its_place() {
    let bench = bench();
    edit(&bench, |fleet| fleet.scaling_groups.get_mut(GROUP).unwrap().group.min = 1);
    let (scope, instance) = web_3(&bench);
    let prepared = prepare(&bench).await;
    assert!(prepared.plan.steps.iter().any(|s| s.id.0 == "detach"));
    let warned = prepared.plan.warnings.iter().any(|w| w.contains("at its minimum of 1"));
    assert!(warned, "{:?}", prepared.plan.warnings);
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let group = fleet(&bench).scaling_groups[GROUP].clone();
    assert_eq!((group.group.desired, group.members.len()), (1, 1));
    assert!(!group.members.contains_key(&instance) && isolated(&bench));
    assert_eq!(bench.sandbox.scale(&scope).unwrap(), [], "nobody ends it");

    let back = restore(&bench).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    let group = fleet(&bench).scaling_groups[GROUP].clone();
    assert_eq!(group.group.desired, 2, "AttachInstances adds one; the minimum is left alone");
    assert_eq!((group.group.min, lifecycle(&bench).as_deref()), (1, Some("InService")));
}

/// A full group can't take it back: all else is as it was, and it is said.
#[tokio::test(start_paused = true)]
async fn a_full_group_is_said() {
    let bench = bench();
    quarantine(&bench).await;
    edit(&bench, |fleet| fleet.scaling_groups.get_mut(GROUP).unwrap().group.max = 0);
    let back = restore(&bench).await;
    assert_eq!(outcome(&back), Outcome::Partial);
    assert!(message(&back).contains("sizes appropriately"), "{}", message(&back));
    assert!(!isolated(&bench));
    edit(&bench, |fleet| fleet.scaling_groups.get_mut(GROUP).unwrap().group.max = 2);
    let again = restore(&bench).await;
    assert_eq!(outcome(&again), Outcome::Done, "{}", message(&again));
}

/// No answer of Auto Scaling, load balancers or addresses keeps an instance from being isolated.
#[tokio::test(start_paused = true)]
async fn what_fails_beside_it_never_holds_up_isolation() {
    for operation in [
        "autoscaling:EnterStandby",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
        "ec2:DisassociateAddress",
    ] {
        let bench = bench();
        let before = bench.sandbox.world();
        let prepared = prepare(&bench).await;
        bench.sandbox.deny(operation);
        let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert_eq!(outcome(&run), Outcome::Partial, "{operation}: {}", message(&run));
        assert!(message(&run).contains("is isolated") && message(&run).contains("Not done"), "{}", message(&run));
        assert!(RunReport::new(&run).isolated_ms.is_some() && isolated(&bench), "{operation}");
        bench.sandbox.clear_faults();
        let back = restore(&bench).await;
        assert_eq!(outcome(&back), Outcome::Done, "{operation}: {}", message(&back));
        as_before(&bench, &before);
    }
}

/// A call that hangs beside it doesn't either: isolation is read back while it is still out.
#[tokio::test(start_paused = true)]
async fn a_hanging_load_balancer_does_not_hold_up_isolation() {
    let bench = bench();
    let prepared = prepare(&bench).await;
    bench.sandbox.inject(Fault::on("elasticloadbalancing:DescribeTargetHealth").kind(FaultKind::HangBefore));
    let (records, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let engine = bench.engine.clone();
    let run = tokio::spawn(async move { engine.commit(&prepared, &Consent::default(), Some(records)).await });
    let mut held = false;
    while let Ok(Some(record)) = tokio::time::timeout(Duration::from_secs(60), seen.recv()).await {
        held |= matches!(&record.event, lazaret::ledger::Event::Applied { step, .. } if step.0 == "read-back");
    }
    run.abort();
    assert!(held && isolated(&bench));
}

/// What can't be read is said in the plan and left as it is.
#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_a_warning() {
    let operations = [
        ("autoscaling:DescribeAutoScalingInstances", "Auto Scaling group"),
        ("autoscaling:DescribeAutoScalingGroups", "sizes"),
        ("elasticloadbalancing:DescribeTargetGroups", "target groups"),
        ("elasticloadbalancing:DescribeTargetHealth", "payments-direct payments-web"),
        ("elasticloadbalancing:DescribeLoadBalancers", "classic"),
        ("ec2:DescribeAddresses", "Elastic IP"),
    ];
    for (operation, named) in operations {
        let bench = bench();
        let before = bench.sandbox.world();
        bench.sandbox.deny(operation);
        let prepared = prepare(&bench).await;
        let warned = prepared.plan.warnings.iter().any(|w| w.contains(named) && w.contains("could not be read"));
        assert!(warned, "{operation}: {:?}", prepared.plan.warnings);
        let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert!(RunReport::new(&run).isolated_ms.is_some(), "{operation}: {}", message(&run));
        bench.sandbox.clear_faults();
        let back = restore(&bench).await;
        assert_eq!(outcome(&back), Outcome::Done, "{operation}: {}", message(&back));
        as_before(&bench, &before);
    }
    // Where Auto Scaling can't be asked, AWS's own tag still tells that there is a group.
    let bench = bench();
    bench.sandbox.deny("autoscaling:DescribeAutoScalingInstances");
    let warnings = prepare(&bench).await.plan.warnings;
    assert!(warnings.iter().any(|w| w.contains(GROUP) && w.contains("be replaced")), "{warnings:?}");
}

/// A load balancer that never answers costs the plan its patience, and nothing more.
#[tokio::test(start_paused = true)]
async fn finding_out_has_an_end() {
    let bench = bench();
    bench.sandbox.inject(Fault::on("elasticloadbalancing:DescribeTargetGroups").kind(FaultKind::HangBefore));
    let began = tokio::time::Instant::now();
    let prepared = prepare(&bench).await;
    assert!(began.elapsed() < Duration::from_secs(10));
    let warned = prepared.plan.warnings.iter().any(|w| w.contains("target groups could not be read within"));
    assert!(warned, "{:?}", prepared.plan.warnings);
}

/// Each part can be switched off, and then not even its reads are made.
#[tokio::test(start_paused = true)]
async fn what_is_switched_off_is_neither_read_nor_changed() {
    let mut bench = bench();
    bench.policy.leave_scaling_group = false;
    bench.policy.leave_load_balancers = false;
    bench.policy.take_addresses = false;
    bench.policy.keep_volumes = false;
    let before = fleet(&bench);
    bench.sandbox.clear_calls();
    let prepared = prepare(&bench).await;
    let touches = |operation: &str| {
        ["autoscaling:", "elasticloadbalancing:"].iter().any(|s| operation.starts_with(s))
            || operation.ends_with("Address")
            || operation.ends_with("Addresses")
    };
    assert!(bench.sandbox.calls().iter().all(|c| !touches(&c.operation)));
    assert!(prepared.plan.steps.iter().flat_map(|s| s.calls()).all(|c| !touches(c.operation)));
    let said = &prepared.plan.warnings;
    assert!(said.iter().any(|w| w.contains("deleted with the instance")), "{said:?}");
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(fleet(&bench), before);
}

/// Drift: what somebody else put back or moved meanwhile is left as they left it.
#[tokio::test(start_paused = true)]
async fn what_others_changed_meanwhile_is_left_to_them() {
    let bench = bench();
    let (scope, instance) = web_3(&bench);
    quarantine(&bench).await;
    // Somebody registers it again, and gives its address to another interface.
    let other = bench.sandbox.world().scopes[&scope].interfaces_of(&bench.find("web-2").1)[0].clone();
    edit(&bench, |fleet| {
        fleet.target_groups.values_mut().flat_map(|p| &mut p.targets).for_each(|t| t.draining = false);
        fleet.addresses.values_mut().next().unwrap().association = Some(lazaret::domain::Association {
            id: "eipassoc-0theirs".into(),
            interface: other.id.clone(),
            private_ip: other.private_ips[0],
        });
    });
    let prepared = bench.engine.prepare_restore(&restore_request(&bench, &[])).await.unwrap();
    let drift: Vec<&str> = prepared.plan.drift.iter().map(|d| d.what.as_str()).collect();
    assert_eq!(drift, ["Elastic IP 192.0.2.131 (eipalloc-0aeb300000000000a)"]);
    bench.sandbox.clear_calls();
    let back = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert!(message(&back).contains("NOT fully restored"), "{}", message(&back));
    assert!(order_of(&bench, &["ec2:AssociateAddress", "elasticloadbalancing:RegisterTargets"]).is_empty());
    let taken = fleet(&bench).addresses.values().next().unwrap().association.clone().unwrap();
    assert_eq!(taken.interface, other.id);
    assert_eq!(lifecycle(&bench).as_deref(), Some("InService"));
    assert!(fleet(&bench).load_balancers.values().all(|b| b.instances.contains_key(&instance)));
    // Not even --force takes an address from where somebody else has put it.
    let forced = bench.engine.prepare_restore(&restore_request(&bench, &["all"])).await;
    assert!(matches!(forced, Err(EngineError::Plan(_))), "{forced:?}");
}

/// What is gone is said, and the rest goes back.
#[tokio::test(start_paused = true)]
async fn what_is_gone_can_not_come_back_and_is_said() {
    let bench = bench();
    quarantine(&bench).await;
    edit(&bench, |fleet| {
        fleet.addresses.clear();
        fleet.target_groups.retain(|id, _| id.name() == GROUP);
        fleet.load_balancers.clear();
    });
    let back = restore(&bench).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    let gone: BTreeSet<&str> = back.plan.drift.iter().map(|d| d.now.as_str()).collect();
    assert_eq!((back.plan.drift.len(), gone), (3, BTreeSet::from(["gone"])));
    assert_eq!(lifecycle(&bench).as_deref(), Some("InService"));
}

/// Out of reach for a moment: the restore of the groups doesn't depend on load balancers.
#[tokio::test(start_paused = true)]
async fn groups_are_restored_though_load_balancers_can_not_be_read() {
    let bench = bench();
    quarantine(&bench).await;
    bench.sandbox.deny("elasticloadbalancing:DescribeTargetHealth");
    let back = restore(&bench).await;
    assert_eq!(outcome(&back), Outcome::Partial, "{}", message(&back));
    for said in ["NOT fully restored", "could not be read (left alone)", "not in service yet"] {
        assert!(message(&back).contains(said), "{said}: {}", message(&back));
    }
    assert!(!isolated(&bench));
    bench.sandbox.clear_faults();
    let again = restore(&bench).await;
    assert_eq!(outcome(&again), Outcome::Done, "{}", message(&again));
    assert!(fleet(&bench).target_groups.values().flat_map(|p| &p.targets).all(|t| !t.draining));
}

/// An instance that drains its connections on the way into standby can't be turned round: a restore waits.
#[tokio::test(start_paused = true)]
async fn a_restore_waits_for_an_instance_that_is_still_entering_standby() {
    let bench = bench();
    let (_, instance) = web_3(&bench);
    quarantine(&bench).await;
    let set = |bench: &Bench, lifecycle: &str| {
        let (instance, lifecycle) = (instance.clone(), lifecycle.to_owned());
        edit(bench, |fleet| drop(fleet.scaling_groups.get_mut(GROUP).unwrap().members.insert(instance, lifecycle)));
    };
    set(&bench, "EnteringStandby");
    let late = {
        let bench = bench.clone();
        let instance = instance.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(120)).await;
            edit(&bench, |fleet| {
                drop(fleet.scaling_groups.get_mut(GROUP).unwrap().members.insert(instance, "Standby".to_owned()));
            });
        })
    };
    let back = restore(&bench).await;
    late.await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(lifecycle(&bench).as_deref(), Some("InService"));
}

/// An answer that never came, and a refusal of the second try: looking tells that the first was carried out.
#[tokio::test(start_paused = true)]
async fn a_refusal_after_an_unclear_answer_is_looked_into() {
    let bench = bench();
    let before = bench.sandbox.world();
    let prepared = prepare(&bench).await;
    // The first call is carried out without an answer, and the read after it is still of the world before.
    bench.sandbox.inject(Fault::on("autoscaling:EnterStandby").kind(FaultKind::TimeoutAfter));
    bench.sandbox.set_behaviour(Behaviour {
        staleness: lazaret::cloud::sandbox::Staleness::For(Duration::from_millis(100)),
        latency: Duration::from_millis(20),
        ..Behaviour::default()
    });
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    bench.sandbox.set_behaviour(Behaviour::default());
    assert_eq!(lifecycle(&bench).as_deref(), Some("Standby"));
    let tries = bench.sandbox.calls().iter().filter(|c| c.operation == "autoscaling:EnterStandby").count();
    let refused = bench.sandbox.calls().iter().any(|c| c.outcome == CallOutcome::Failed("ValidationError".into()));
    assert!(tries == 2 && refused, "{tries}");
    // Whatever the run says of the step, the way back is not lost.
    let changed = run.changes().iter().any(|c| c.what().contains("Auto Scaling group"));
    assert!(changed, "{}", message(&run));
    let back = restore(&bench).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    as_before(&bench, &before);
}

/// A group that goes on being busy with another update refuses: said, and isolation holds.
#[tokio::test(start_paused = true)]
async fn a_busy_group_is_said() {
    let bench = bench();
    let prepared = prepare(&bench).await;
    let busy = FaultKind::Error(ErrorKind::Conflict, "ResourceContention");
    bench.sandbox.inject(Fault::on("autoscaling:EnterStandby").kind(busy));
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert!(isolated(&bench) && message(&run).contains("is isolated"), "{}", message(&run));
    assert!(message(&run).contains("ResourceContention"), "{}", message(&run));
}

#[tokio::test(start_paused = true)]
async fn an_instance_in_standby_already_stays_there() {
    let bench = bench();
    let (_, instance) = web_3(&bench);
    edit(&bench, |fleet| {
        let group = fleet.scaling_groups.get_mut(GROUP).unwrap();
        group.members.insert(instance.clone(), "Standby".into());
        group.group.desired = 0;
    });
    let before = bench.sandbox.world();
    let run = quarantine(&bench).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let back = restore(&bench).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    as_before(&bench, &before);
    assert_eq!(lifecycle(&bench).as_deref(), Some("Standby"));
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_asks_ec2_alone() {
    let bench = bench();
    let prepared = prepare(&bench).await;
    let before = bench.sandbox.world();
    let answers = bench.engine.rehearse(&prepared).await.unwrap();
    assert_eq!(bench.sandbox.world(), before);
    let said = |id: &str| answers.iter().find(|a| a.step.0.starts_with(id)).unwrap().allowed;
    assert_eq!(
        (said("standby"), said("deregister"), said("address"), said("keep")),
        (None, None, Some(true), Some(true))
    );
}
