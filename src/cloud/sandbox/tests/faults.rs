//! Everything that goes wrong on purpose: faults, denials, dry runs, late reads.

use super::*;
use crate::cloud::sandbox::{Behaviour, CallOutcome, Fault, FaultKind, Staleness};
use std::time::Duration;

const SWAP: &str = "ec2:ModifyNetworkInterfaceAttribute";

fn db(sandbox: &Sandbox) -> GroupId {
    group(&sandbox.world(), &payments(), "db")
}

fn swapped(sandbox: &Sandbox) -> bool {
    let world = sandbox.world();
    world.scopes[&payments()].interfaces[&primary()].groups.len() == 1
}

#[tokio::test]
async fn each_kind_of_fault_says_what_is_known_of_its_effect() {
    for (fault, kind, code, retryable, unclear, applied) in [
        (FaultKind::Fail, ErrorKind::Other, "SandboxFault", false, false, false),
        (FaultKind::Throttle, ErrorKind::Throttled, "RequestLimitExceeded", true, false, false),
        (FaultKind::Deny, ErrorKind::Denied, "UnauthorizedOperation", false, false, false),
        (FaultKind::TimeoutBefore, ErrorKind::Timeout, "Timeout", true, true, false),
        (FaultKind::TimeoutAfter, ErrorKind::Timeout, "Timeout", true, true, true),
        (FaultKind::Unavailable, ErrorKind::Unavailable, "Unavailable", true, true, false),
        (
            FaultKind::Error(ErrorKind::Conflict, "IncorrectState"),
            ErrorKind::Conflict,
            "IncorrectState",
            false,
            false,
            false,
        ),
    ] {
        let (sandbox, _) = sandbox();
        let db = [db(&sandbox)];
        sandbox.inject(Fault::on(SWAP).kind(fault));
        let error = sandbox.set_interface_groups(&target(), &primary(), &db).await.unwrap_err();
        assert_eq!((told(&error), error.retryable, error.may_have_applied), ((kind, code), retryable, unclear));
        assert_eq!(swapped(&sandbox), applied, "{code}");
        assert_eq!((error.scope, error.resource.as_deref()), (Some(payments()), Some(WEB_1_PRIMARY)));
        sandbox.set_interface_groups(&target(), &primary(), &db).await.unwrap();
        assert!(swapped(&sandbox), "once means once");
    }
}

#[tokio::test]
async fn a_hanging_call_can_be_dropped_before_and_after_its_effect() {
    for (fault, applied) in [(FaultKind::HangBefore, false), (FaultKind::HangAfter, true)] {
        let (sandbox, _) = sandbox();
        sandbox.inject(Fault::on(SWAP).resource(WEB_1_PRIMARY).kind(fault));
        let (groups, to, id) = ([db(&sandbox)], target(), primary());
        tokio::select! {
            answer = sandbox.set_interface_groups(&to, &id, &groups) => panic!("answered: {answer:?}"),
            () = sandbox.hung() => {}
        }
        assert_eq!(swapped(&sandbox), applied);
        let calls = sandbox.calls();
        assert_eq!((&calls[0].outcome, calls[0].ended), (&CallOutcome::Unanswered, None));
        sandbox.clear_faults();
        sandbox.set_interface_groups(&to, &id, &groups).await.unwrap();
    }
}

#[tokio::test]
async fn a_read_that_times_out_has_no_effect_to_look_for() {
    let (sandbox, _) = sandbox();
    sandbox.inject(Fault::on("ec2:DescribeNetworkInterfaces").kind(FaultKind::TimeoutAfter));
    let error = sandbox.interfaces(&payments(), &InterfaceQuery::AttachedTo(vec![])).await.unwrap_err();
    assert!(error.retryable && !error.may_have_applied);
}

#[tokio::test]
async fn a_denied_operation_is_denied_with_its_service_s_code() {
    let (sandbox, _) = sandbox();
    sandbox.deny(SWAP);
    sandbox.deny("sns:Publish");
    for target in [target(), rehearsal()] {
        let error = sandbox.set_interface_groups(&target, &primary(), &[db(&sandbox)]).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::Denied, "UnauthorizedOperation"));
    }
    assert_eq!(sandbox.publish(&target(), TOPIC, "s", "b").await.unwrap_err().code, "AuthorizationError");
    sandbox.allow(SWAP);
    sandbox.set_interface_groups(&target(), &primary(), &[db(&sandbox)]).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_is_checked_and_changes_nothing() {
    let (sandbox, _) = sandbox();
    let (before, web_1) = (sandbox.world(), InstanceId::new(WEB_1));
    let some = tags([("k", "v")]);
    sandbox.inject(Fault::on("*").kind(FaultKind::Fail));
    let dry = rehearsal();
    sandbox.set_interface_groups(&dry, &primary(), &[db(&sandbox)]).await.unwrap();
    sandbox.create_tags(&dry, WEB_1, &some).await.unwrap();
    sandbox.set_protection(&dry, &web_1, crate::domain::Protection::Stop, true).await.unwrap();
    assert!(sandbox.create_snapshots(&dry, &web_1, "", &some).await.unwrap().is_empty());
    let vpc = crate::domain::VpcId::new("vpc-0b7c1e2d3f4a50001");
    assert_eq!(sandbox.create_group(&dry, &vpc, "new", "new", &some).await.unwrap().as_str(), "sg-00000000000000000");
    let unknown = InterfaceId::new("eni-0123456789abcdef0");
    let error = sandbox.set_interface_groups(&dry, &unknown, &[db(&sandbox)]).await.unwrap_err();
    assert_eq!(error.code, "InvalidNetworkInterfaceID.NotFound");
    assert_eq!(sandbox.world(), before);
    assert!(sandbox.calls().iter().all(|c| c.dry_run && c.mutating));
    assert_eq!(sandbox.pending_faults(), 1, "a rehearsal is no call for a fault to strike");
    let seen = sandbox.calls().len();
    sandbox.publish(&dry, TOPIC, "s", "b").await.unwrap();
    let update = crate::cloud::port::FindingUpdate { workflow: None, note: Some("n".into()) };
    assert!(sandbox.update_findings(&dry, &[], &update).await.unwrap().is_empty());
    assert_eq!((sandbox.world(), sandbox.calls().len()), (before, seen), "only EC2 knows dry runs: no call is made");
}

async fn groups_seen(sandbox: &Sandbox) -> usize {
    interfaces(sandbox, &payments(), &InstanceId::new(WEB_1)).await[0].groups.len()
}

#[tokio::test]
async fn reads_can_be_late_by_a_number_of_calls() {
    let (sandbox, _) = sandbox();
    sandbox.set_behaviour(Behaviour { staleness: Staleness::Reads(2), ..Behaviour::default() });
    sandbox.set_interface_groups(&target(), &primary(), &[db(&sandbox)]).await.unwrap();
    sandbox.create_tags(&target(), WEB_1, &tags([("k", "v")])).await.unwrap();
    let seen = [groups_seen(&sandbox).await, groups_seen(&sandbox).await, groups_seen(&sandbox).await];
    assert_eq!(seen, [2, 2, 1], "two writes are no later than one");
    let all = crate::cloud::port::InstanceQuery::Ids(vec![InstanceId::new(WEB_1)]);
    let tagged = sandbox.instances(&payments(), &all).await.unwrap()[0].tags.contains_key("k");
    assert!(!tagged, "each operation is late by itself");
}

#[tokio::test(start_paused = true)]
async fn reads_can_be_late_by_a_time() {
    let (sandbox, _) = sandbox();
    let staleness = Staleness::For(Duration::from_secs(3));
    sandbox.set_behaviour(Behaviour { staleness, ..Behaviour::default() });
    sandbox.set_interface_groups(&target(), &primary(), &[db(&sandbox)]).await.unwrap();
    assert_eq!(groups_seen(&sandbox).await, 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(groups_seen(&sandbox).await, 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(groups_seen(&sandbox).await, 1);
}
