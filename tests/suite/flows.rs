//! `--cut-flows`: interfaces that pass through a group that allows everything, and the finding's address denied for a while.

use crate::quarantine::comparable;
use crate::support::bench::{Bench, message, outcome};
use crate::support::sweep::{Drill, again_after_every_crash, commit_or_crash, every_call, every_call_back};
use async_trait::async_trait;
use lazaret::cloud::sandbox::{Behaviour, Fault, FaultKind, World};
use lazaret::domain::{AclAction, GroupId, GroupRule, Interface};
use lazaret::engine::prepare::Request;
use lazaret::engine::{Consent, RunReport};
use lazaret::ledger::{Event, Outcome, RunState, Store};
use lazaret::playbook::tags;
use lazaret::policy::CutFlows;
use std::collections::BTreeSet;
use std::time::Duration;

const SWAP: &str = "ec2:ModifyNetworkInterfaceAttribute";

fn bench(how: CutFlows) -> Bench {
    let mut bench = Bench::new("crypto-mining");
    bench.policy.cut_flows = how;
    bench
}

fn interfaces(world: &World, bench: &Bench) -> Vec<Interface> {
    let (scope, instance) = bench.find("web-1");
    world.scopes[&scope].interfaces_of(&instance).into_iter().cloned().collect()
}

/// The groups of ours that let everything through.
fn open_groups(world: &World) -> BTreeSet<GroupId> {
    let groups = world.scopes.values().flat_map(|p| p.groups.values());
    groups.filter(|g| tags::is_open_group(&g.group.tags)).map(|g| g.group.id.clone()).collect()
}

fn isolated(bench: &Bench) -> bool {
    let world = bench.sandbox.world();
    let (scope, _) = bench.find("web-1");
    let closed = |id: &GroupId| {
        let group = world.scopes[&scope].groups.get(id);
        group.is_some_and(|g| g.group.ingress.is_empty() && g.group.egress.is_empty())
    };
    interfaces(&world, bench).iter().all(|i| i.groups.len() == 1 && i.groups.iter().all(closed))
}

/// The interfaces that stand in the allow-all group.
fn left_open(bench: &Bench) -> Vec<Interface> {
    let world = bench.sandbox.world();
    let open = open_groups(&world);
    interfaces(&world, bench).into_iter().filter(|i| i.groups.iter().any(|g| open.contains(g))).collect()
}

#[tokio::test(start_paused = true)]
async fn interfaces_pass_through_the_open_group_each_step_in_the_ledger_and_nothing_of_it_stays() {
    let bench = bench(CutFlows::Groups);
    let before = bench.sandbox.world();
    let prepared = bench.prepare("web-1").await.unwrap();
    let said = prepared.plan.warnings.join("\n") + &prepared.plan.limits.join("\n");
    for word in ["for a moment", "NAT gateways", "PrivateLink", "ICMP", "no AWS page promises", "new flows are blocked"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("sever"), "{said}");
    bench.sandbox.clear_calls();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(isolated(&bench) && open_groups(&bench.sandbox.world()).is_empty());
    let swaps = bench.sandbox.calls().iter().filter(|c| c.operation == SWAP).count();
    assert_eq!(swaps, 4, "two interfaces, in and on");

    // I1: each edit is intended with what stood there before it was called.
    let records = bench.ledger.records(run.run).await.unwrap();
    let intended = |step: &str| {
        records.iter().position(|r| matches!(&r.event, Event::Intended { step: s, .. } if s.0.starts_with(step)))
    };
    let applied = |step: &str| {
        records.iter().rposition(|r| matches!(&r.event, Event::Applied { step: s, .. } if s.0.starts_with(step)))
    };
    assert!(applied("open-group") < intended("pass-") && applied("pass-") < intended("swap-"));
    let messages = &bench.sandbox.world().scopes[&run.plan.scope].topics.values().next().unwrap().messages.clone();
    let told: serde_json::Value = serde_json::from_str(&messages[0].body).unwrap();
    for interface in interfaces(&before, &bench) {
        let ids: BTreeSet<GroupId> =
            serde_json::from_value(told["original_security_groups"][interface.id.as_str()].clone()).unwrap();
        assert_eq!(ids, interface.groups, "the originals, not the group in between");
    }

    let back = bench.restore("web-1").await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// A process that goes away while it makes the open group: recovery finds the group by its name, opens it whole, and
/// interfaces pass through it as planned.
#[tokio::test(start_paused = true)]
async fn i3_a_crash_while_the_open_group_is_made_costs_no_flow_its_cut() {
    for (call, kind) in [
        ("ec2:AuthorizeSecurityGroupIngress", FaultKind::HangAfter),
        ("ec2:AuthorizeSecurityGroupIngress", FaultKind::HangBefore),
    ] {
        let bench = bench(CutFlows::Groups);
        let before = bench.sandbox.world();
        let prepared = bench.prepare("web-1").await.unwrap();
        bench.sandbox.inject(Fault::on(call).kind(kind.clone()));
        assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
        bench.sandbox.clear_faults();
        bench.sandbox.clear_calls();
        bench.let_leases_run_out();
        let (run, _) = bench.engine.unfinished().await.unwrap().remove(0);
        let run = bench.engine.recover(run.run, false, true, None).await.unwrap();
        let swaps = bench.sandbox.calls().iter().filter(|c| c.operation == SWAP).count();
        assert_eq!(swaps, 4, "{call} {kind:?}: two interfaces, in and on: {}", message(&run));
        for (id, status) in run.steps.iter().filter(|(id, _)| id.0.starts_with("pass-")) {
            assert!(status.state.succeeded(), "{call} {kind:?} {id}: {:?}", status.state);
        }
        assert!(isolated(&bench) && open_groups(&bench.sandbox.world()).is_empty(), "{call} {kind:?}");
        bench.restore("web-1").await.unwrap();
        assert_eq!(comparable(&bench.sandbox.world()), comparable(&before), "{call} {kind:?}");
    }
}

/// The open group lets everything through, both ways and in both families: otherwise flows stay tracked.
#[tokio::test(start_paused = true)]
async fn the_open_group_allows_everything() {
    let bench = bench(CutFlows::Groups);
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.inject(Fault::on(SWAP).nth(3).kind(FaultKind::HangBefore));
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    let world = bench.sandbox.world();
    let (scope, _) = bench.find("web-1");
    let open = open_groups(&world);
    assert_eq!(open.len(), 1);
    let group = &world.scopes[&scope].groups[open.first().unwrap()].group;
    let sorted = |rules: &[GroupRule]| rules.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(sorted(&group.ingress), GroupRule::defaults().into());
    assert_eq!(sorted(&group.egress), GroupRule::defaults().into());
    assert!(!left_open(&bench).is_empty(), "the moment of which the plan speaks");

    // A person who ends the run there ends it in isolation all the same.
    bench.sandbox.clear_faults();
    bench.let_leases_run_out();
    let (run, _) = bench.engine.unfinished().await.unwrap().remove(0);
    let ended = bench.engine.recover(run.run, false, false, None).await.unwrap();
    assert!(isolated(&bench) && left_open(&bench).is_empty(), "{}", message(&ended));
}

/// An interface that can't get on goes back to its own groups.
#[tokio::test(start_paused = true)]
async fn an_interface_that_does_not_reach_quarantine_goes_back() {
    let bench = bench(CutFlows::Groups);
    let before = bench.sandbox.world();
    let prepared = bench.prepare("web-1").await.unwrap();
    for nth in [3, 4] {
        bench.sandbox.inject(Fault::on(SWAP).nth(nth).kind(FaultKind::Fail));
    }
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    assert!(message(&run).contains("NOT isolated") && !message(&run).contains("OPEN"), "{}", message(&run));
    let groups = |world: &World| interfaces(world, &bench).into_iter().map(|i| i.groups).collect::<Vec<_>>();
    assert_eq!(groups(&bench.sandbox.world()), groups(&before));
    assert!(open_groups(&bench.sandbox.world()).is_empty(), "and the open group is gone");
    bench.restore("web-1").await.unwrap();
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// The worst case is said in so many words.
#[tokio::test(start_paused = true)]
async fn an_interface_that_is_stuck_in_the_open_is_said() {
    let bench = bench(CutFlows::Groups);
    let prepared = bench.prepare("web-1").await.unwrap();
    let before = bench.sandbox.world();
    for nth in 3..=20 {
        bench.sandbox.inject(Fault::on(SWAP).nth(nth).kind(FaultKind::Deny));
    }
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial);
    for interface in interfaces(&bench.sandbox.world(), &bench) {
        assert!(message(&run).contains(&format!("{}", interface.id)), "{}", message(&run));
    }
    assert!(message(&run).contains("may be OPEN to everybody"), "{}", message(&run));
    bench.sandbox.clear_faults();
    let back = bench.restore("web-1").await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert!(left_open(&bench).is_empty());
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// Cutting flows is an attempt: where it fails, isolation goes ahead.
#[tokio::test(start_paused = true)]
async fn what_fails_of_cutting_flows_does_not_hold_up_isolation() {
    for operation in
        ["ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:DeleteSecurityGroup"]
    {
        let bench = bench(CutFlows::Groups);
        let before = bench.sandbox.world();
        let prepared = bench.prepare("web-1").await.unwrap();
        bench.sandbox.deny(operation);
        let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert_eq!(outcome(&run), Outcome::Partial, "{operation}: {}", message(&run));
        assert!(isolated(&bench) && RunReport::new(&run).isolated_ms.is_some(), "{operation}: {}", message(&run));
        bench.sandbox.clear_faults();
        let back = bench.restore("web-1").await.unwrap();
        assert_eq!(outcome(&back), Outcome::Done, "{operation}: {}", message(&back));
        assert!(open_groups(&bench.sandbox.world()).is_empty(), "{operation}: the open group goes with the restore");
        assert_eq!(comparable(&bench.sandbox.world()), comparable(&before), "{operation}");
    }
    // One that never answers costs its patience.
    let bench = bench(CutFlows::Groups);
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.inject(Fault::on("ec2:AuthorizeSecurityGroupIngress").kind(FaultKind::HangBefore));
    let began = tokio::time::Instant::now();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert!(isolated(&bench), "{}", message(&run));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

/// Without the flag nothing of it is called, and isolation is as quick as ever.
#[tokio::test(start_paused = true)]
async fn nothing_is_cut_unless_asked_for() {
    let bench = bench(CutFlows::No);
    let prepared = bench.prepare("web-1").await.unwrap();
    let named = |s: &str| prepared.plan.steps.iter().any(|p| p.id.0.starts_with(s));
    assert!(!named("pass-") && !named("open-group") && !named("deny-") && !named("back-out"));
    bench.sandbox.clear_calls();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    let calls = bench.sandbox.calls();
    assert_eq!(calls.iter().filter(|c| c.operation == SWAP).count(), 2);
    assert!(calls.iter().all(|c| !c.operation.contains("Ingress") && !c.operation.contains("NetworkAcl")));
}

/// The second finding about web-1 names its command and control server.
async fn prepare_with_address(bench: &Bench) -> lazaret::engine::Prepared {
    prepare_with(bench, "203.0.113.66", str::to_owned).await
}

/// With the finding that names this address, as somebody else would have sent it.
async fn prepare_with(bench: &Bench, address: &str, sent: impl Fn(&str) -> String) -> lazaret::engine::Prepared {
    let (scope, instance) = bench.find("web-1");
    let page = bench.engine.cloud().reads().findings(&bench.hub, &Default::default(), None).await.unwrap();
    let seen = page.findings.into_iter().find(|s| s.json.contains(address)).unwrap();
    let json: std::sync::Arc<str> = sent(&seen.json).into();
    let finding = lazaret::playbook::FindingRef::new(&seen.finding, Some(&json), Some(bench.hub.clone()));
    let policy = bench.policy.clone();
    let request = lazaret::engine::QuarantineRequest { scope, instance, finding: Some(finding), policy };
    bench.engine.prepare_quarantine(&request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_findings_address_is_denied_for_an_hour_and_a_restore_takes_it_back() {
    let bench = bench(CutFlows::Nacl);
    let before = bench.sandbox.world();
    let prepared = prepare_with_address(&bench).await;
    let said = prepared.plan.warnings.join("\n");
    assert!(said.contains("all of them lose contact with"), "{said}");
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let (scope, _) = bench.find("web-1");
    let denied = |world: &World| {
        let acls = world.scopes[&scope].network_acls.values();
        let entries = acls.flat_map(|a| &a.entries);
        entries.filter(|e| e.cidr == "203.0.113.66/32" && e.action == AclAction::Deny).count()
    };
    // Two interfaces in subnets of two network ACLs, both directions.
    assert_eq!(denied(&bench.sandbox.world()), 4);
    let blocks = bench.engine.recorded_blocks().await.unwrap();
    assert_eq!(blocks.len(), 2);
    let hour = run.begun_at + chrono::Duration::hours(1);
    assert!(blocks.iter().all(|b| b.until == Some(hour)), "{blocks:?}");
    // The hour ends nothing by itself, and whoever is on call hears what does.
    let next = RunReport::new(&run).next.join("; ");
    assert!(next.contains("deny 203.0.113.66 until a `lazaret sweep` after"), "{next}");
    let back = bench.restore("web-1").await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(denied(&bench.sandbox.world()), 0);
    assert_eq!(interfaces(&bench.sandbox.world(), &bench).len(), interfaces(&before, &bench).len());
}

#[tokio::test(start_paused = true)]
async fn a_deny_that_can_not_be_does_not_hold_up_isolation() {
    // Its DNS finding names no address.
    let bench = bench(CutFlows::Both);
    let prepared = bench.prepare("web-1").await.unwrap();
    let said = prepared.plan.warnings.join("\n");
    assert!(said.contains("names no address to deny"), "{said}");

    // The address is one that is never blocked.
    let mut bench = self::bench(CutFlows::Nacl);
    bench.policy.denies.policy.trusted = vec!["203.0.113.0/24".parse().unwrap()];
    let prepared = prepare_with_address(&bench).await;
    let said = prepared.plan.warnings.join("\n");
    assert!(said.contains("no network ACL denies 203.0.113.66"), "{said}");
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));

    // EC2 refuses it.
    let bench = self::bench(CutFlows::Nacl);
    let prepared = prepare_with_address(&bench).await;
    bench.sandbox.deny("ec2:CreateNetworkAclEntry");
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial);
    assert!(isolated(&bench) && message(&run).contains("is isolated"), "{}", message(&run));
    assert!(RunReport::new(&run).next.is_empty(), "nothing is denied, and nothing is said to be");
}

/// An address in a prefix list of AWS's is left alone, and lists that don't come hold up neither the deny nor isolation.
#[tokio::test(start_paused = true)]
async fn awss_lists_are_asked_where_an_address_is_denied_and_nowhere_else() {
    let reads = |bench: &Bench| bench.sandbox.calls().iter().filter(|c| c.operation.contains("PrefixList")).count();
    // One Region's lists, once for both addresses of the probe. One of them is CloudFront's.
    let mut bench = Bench::new("ssrf-exfiltration");
    bench.policy.cut_flows = CutFlows::Nacl;
    let awss = |json: &str| json.replace("203.0.113.202", "130.176.1.1");
    let prepared = prepare_with(&bench, "203.0.113.202", awss).await;
    let said = prepared.plan.warnings.join("\n");
    let left =
        "no network ACL denies 130.176.1.1: 130.176.1.1/32 is not blocked: 130.176.0.0/18 is AWS's own (pl-a3a144ca ";
    assert!(said.contains(left), "{said}");
    assert_eq!(said.matches("whether this is AWS's own").count(), 1, "{said}");
    assert_eq!(reads(&bench), 5, "the list of lists, and four lists");
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let denied = |cidr: &str| {
        let acls = world.scopes[&run.plan.scope].network_acls.values();
        acls.flat_map(|a| &a.entries).any(|e| e.cidr == cidr && e.action == AclAction::Deny)
    };
    assert!(isolated(&bench) && denied("203.0.113.201/32") && !denied("130.176.1.1/32"));

    // They never come: the address is denied all the same, and the plan says what was not looked at.
    let bench = self::bench(CutFlows::Nacl);
    bench.sandbox.inject(Fault::on("ec2:DescribeManagedPrefixLists").kind(FaultKind::HangBefore).always());
    let started = tokio::time::Instant::now();
    let prepared = prepare_with_address(&bench).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let said = prepared.plan.warnings.join("\n");
    assert!(said.contains("AWS's prefix lists could not be read") && said.contains("against nothing"), "{said}");
    assert!(prepared.plan.steps.iter().any(|s| s.id.0.starts_with("deny-")), "{said}");

    // Without a deny nobody asks.
    for how in [CutFlows::No, CutFlows::Groups] {
        let bench = self::bench(how);
        let prepared = prepare_with_address(&bench).await;
        bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert_eq!(reads(&bench), 0, "{how:?}");
    }
}

/// An old preview of a quarantine with denies runs: only its clock has moved.
#[tokio::test(start_paused = true)]
async fn an_old_preview_with_denies_runs() {
    let bench = bench(CutFlows::Both);
    let prepared = prepare_with_address(&bench).await;
    bench.clock.advance(chrono::Duration::minutes(3));
    bench.sandbox.set_behaviour(Behaviour::default());
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
}

struct Passing;

#[async_trait(?Send)]
impl Drill for Passing {
    async fn stage(&self) -> (Bench, Request) {
        let bench = bench(CutFlows::Groups);
        let request = bench.request("web-1").await;
        (bench, Request::Quarantine(Box::new(request)))
    }

    fn holds(&self, bench: &Bench) -> bool {
        isolated(bench)
    }

    fn claims(&self, run: &RunState) -> bool {
        message(run).contains("is isolated")
    }

    /// Whatever happened, no interface is left in the open group.
    fn check(&self, bench: &Bench, _before: &World, what: &str) {
        assert!(left_open(bench).is_empty(), "{what}: {:?}", left_open(bench));
    }
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_pass_fails_times_out_and_crashes_and_nothing_is_left_open() {
    every_call(&Passing).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_back_from_a_pass_fails_times_out_and_crashes() {
    every_call_back(&Passing).await;
}

#[tokio::test(start_paused = true)]
async fn i3_a_pass_after_every_crash_again() {
    again_after_every_crash(&Passing).await;
}
