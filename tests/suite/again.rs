//! Quarantine and restore over and over, with others at work in between: what goes back is what stood there last.

use crate::quarantine::comparable;
use crate::support::bench::{Bench, message, outcome};
use crate::support::sweep::commit_or_crash;
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::domain::{GroupId, GroupRule, InterfaceId, Protection, Scope};
use lazaret::engine::prepare::RestoreWhat;
use lazaret::engine::{Consent, EngineError, RunReport};
use lazaret::ledger::{Outcome, RunState};
use lazaret::playbook::{PlanRefusal, tags};
use std::collections::BTreeSet;

type Groups = BTreeSet<GroupId>;

/// web-1's primary interface, where it is, and its groups.
fn primary(bench: &Bench) -> (Scope, InterfaceId, Groups) {
    let (scope, instance) = bench.find("web-1");
    let interface = bench.sandbox.world().scopes[&scope].interfaces_of(&instance)[0].clone();
    (scope, interface.id, interface.groups)
}

fn set_groups(bench: &Bench, groups: &Groups) {
    let (scope, id, _) = primary(bench);
    let set = |w: &mut lazaret::cloud::sandbox::World| {
        w.scopes.get_mut(&scope).unwrap().interfaces.get_mut(&id).unwrap().groups.clone_from(groups);
    };
    bench.sandbox.edit(set).unwrap();
}

/// The database's group: one that web-1's primary interface does not hold.
fn other_group(bench: &Bench) -> Groups {
    let (scope, instance) = bench.find("web-1");
    bench.sandbox.world().scopes[&scope].interfaces_of(&instance)[1].groups.clone()
}

async fn force_restore(bench: &Bench) -> RunState {
    let mut request = bench.restore_request("web-1");
    request.force = BTreeSet::from(["all".to_owned()]);
    let prepared = bench.engine.prepare_restore(&request).await.unwrap();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap()
}

#[tokio::test]
async fn i5_after_a_forced_restore_a_later_one_puts_back_the_later_originals() {
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    set_groups(&bench, &other_group(&bench));
    assert_eq!(outcome(&force_restore(&bench).await), Outcome::Done);
    let wanted = other_group(&bench);
    set_groups(&bench, &wanted);
    bench.quarantine("web-1").await.unwrap();
    let run = bench.restore("web-1").await.unwrap();
    assert_eq!((outcome(&run), primary(&bench).2), (Outcome::Done, wanted), "{}", message(&run));
}

#[tokio::test]
async fn i5_after_a_restore_without_a_deleted_group_a_later_one_puts_back_the_later_originals() {
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    let (scope, instance) = bench.find("web-1");
    let originals = {
        let world = bench.sandbox.world();
        let interface = world.scopes[&scope].interfaces_of(&instance)[0].clone();
        tags::read_originals(&interface.tags).unwrap()
    };
    let gone = originals.first().unwrap().clone();
    bench.sandbox.edit(|w| drop(w.scopes.get_mut(&scope).unwrap().groups.remove(&gone))).unwrap();
    bench.restore("web-1").await.unwrap();
    let wanted: Groups = primary(&bench).2.union(&other_group(&bench)).cloned().collect();
    set_groups(&bench, &wanted);
    bench.quarantine("web-1").await.unwrap();
    bench.restore("web-1").await.unwrap();
    assert_eq!(primary(&bench).2, wanted);
}

#[tokio::test]
async fn i5_after_a_partial_restore_what_went_back_stays_back() {
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    bench.sandbox.deny("ec2:DeleteTags");
    let run = bench.restore("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    bench.sandbox.clear_faults();
    // The owner decides anew, for groups and protection both.
    let wanted = other_group(&bench);
    set_groups(&bench, &wanted);
    let (scope, instance) = bench.find("web-1");
    let protect = |w: &mut lazaret::cloud::sandbox::World| {
        w.scopes.get_mut(&scope).unwrap().instances.get_mut(&instance).unwrap().termination_protection = true;
    };
    bench.sandbox.edit(protect).unwrap();
    bench.quarantine("web-1").await.unwrap();
    bench.restore("web-1").await.unwrap();
    assert_eq!(primary(&bench).2, wanted);
    let reads = bench.engine.cloud().reads();
    assert!(reads.protection(&scope, &instance, Protection::Termination).await.unwrap(), "the owner's own stays on");
}

#[tokio::test]
async fn a_restore_is_no_quarantine_to_take_back_and_an_old_run_does_not_undo_a_newer_one() {
    let bench = Bench::new("crypto-mining");
    let first = bench.quarantine("web-1").await.unwrap();
    let restored = bench.restore("web-1").await.unwrap();
    let world = bench.sandbox.world();
    let by_run =
        |run| lazaret::engine::RestoreRequest { what: RestoreWhat::Run(run), ..bench.restore_request("web-1") };
    let refused = bench.engine.prepare_restore(&by_run(restored.run)).await;
    assert!(matches!(refused, Err(EngineError::Plan(PlanRefusal::Unfit(_)))), "{refused:?}");
    let over = bench.engine.prepare_restore(&by_run(first.run)).await;
    assert!(matches!(over, Err(EngineError::Plan(PlanRefusal::Nothing(_)))), "{over:?}");
    assert_eq!(bench.sandbox.world(), world);
    set_groups(&bench, &other_group(&bench));
    bench.quarantine("web-1").await.unwrap();
    let settled = bench.engine.prepare_restore(&by_run(first.run)).await;
    assert!(matches!(settled, Err(EngineError::Plan(PlanRefusal::Nothing(_)))), "{settled:?}");
}

#[tokio::test]
async fn a_tag_that_says_restored_is_not_believed_over_the_interfaces() {
    for forget_originals in [false, true] {
        let bench = Bench::new("crypto-mining");
        bench.quarantine("web-1").await.unwrap();
        let (scope, instance) = bench.find("web-1");
        bench
            .sandbox
            .edit(|w| {
                let place = w.scopes.get_mut(&scope).unwrap();
                let tags = &mut place.instances.get_mut(&instance).unwrap().instance.tags;
                tags.insert(tags::STATUS.into(), tags::RESTORED.into());
                if forget_originals {
                    place.interfaces.values_mut().for_each(|i| drop(i.tags.remove(tags::ORIGINALS)));
                }
            })
            .unwrap();
        let ledger = lazaret::ledger::SqliteStore::in_memory().unwrap();
        let stranger = Bench { ledger, ..bench.clone() }.colleague("eve");
        let answer = stranger.engine.prepare_restore(&stranger.restore_request("web-1")).await;
        assert!(!matches!(answer, Err(EngineError::Plan(PlanRefusal::Nothing(_)))), "{answer:?}");
    }
}

/// A crash between making the quarantine group and closing it must not keep the VPC from being helped.
#[tokio::test(start_paused = true)]
async fn a_quarantine_group_half_made_is_closed_by_the_next_quarantine() {
    for kind in [FaultKind::HangBefore, FaultKind::Deny] {
        let bench = Bench::new("crypto-mining");
        let before = bench.sandbox.world();
        let prepared = bench.prepare("web-1").await.unwrap();
        bench.sandbox.inject(Fault::on("ec2:RevokeSecurityGroupEgress").always().kind(kind));
        let consent = Consent::default();
        tokio::select! {
            run = bench.engine.commit(&prepared, &consent, None) => assert_ne!(outcome(&run.unwrap()), Outcome::Done),
            () = bench.sandbox.hung() => {}
        }
        bench.sandbox.clear_faults();
        // Somebody else, for another instance of the VPC, before anybody has recovered anything.
        let run = bench.colleague("ben").quarantine("web-2").await.unwrap();
        assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
        let (scope, instance) = bench.find("web-2");
        let world = bench.sandbox.world();
        let group = world.scopes[&scope].interfaces_of(&instance)[0].groups.first().unwrap().clone();
        let group = &world.scopes[&scope].groups[&group].group;
        assert!(group.egress.is_empty() && group.ingress.is_empty(), "{group:?}");
        for run in bench.recover_all().await {
            assert!(!message(&run).contains("nothing had been changed") || run.changes().is_empty());
        }
        bench.restore("web-2").await.unwrap();
        match bench.restore("web-1").await {
            Ok(_) | Err(EngineError::Plan(PlanRefusal::Nothing(_) | PlanRefusal::Unfit(_))) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
    }
}

/// I2: a group that lets traffic through isolates nobody, whenever it was opened.
#[tokio::test(start_paused = true)]
async fn i2_a_group_opened_between_crash_and_recovery_is_not_called_isolation() {
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    let (scope, _, held) = primary(&bench);
    let group = held.first().unwrap().clone();
    bench.restore("web-1").await.unwrap();
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.inject(Fault::on("ec2:ModifyNetworkInterfaceAttribute").kind(FaultKind::HangBefore));
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    bench.sandbox.clear_faults();
    bench
        .sandbox
        .edit(|w| {
            let rules = &mut w.scopes.get_mut(&scope).unwrap().groups.get_mut(&group).unwrap().group.ingress;
            rules.push(GroupRule::all_egress());
        })
        .unwrap();
    for run in bench.recover_all().await {
        assert!(message(&run).contains("NOT isolated"), "{}", message(&run));
        assert!(message(&run).contains("lets through"), "{}", message(&run));
        assert_eq!(RunReport::new(&run).isolated_ms, None);
    }
}

/// What SNS is told is what is so.
#[tokio::test]
async fn the_notification_says_what_holds_not_what_was_hoped() {
    let bench = Bench::new("crypto-mining");
    let (scope, _) = bench.find("web-1");
    bench.sandbox.deny("ec2:CreateTags");
    bench.quarantine("web-1").await.unwrap();
    bench.sandbox.clear_faults();
    bench.quarantine("web-1").await.unwrap();
    bench.sandbox.deny("ec2:ModifyNetworkInterfaceAttribute");
    bench.restore("web-1").await.unwrap();
    let world = bench.sandbox.world();
    let messages = &world.scopes[&scope].topics.values().next().unwrap().messages;
    let told: Vec<(bool, bool)> = messages
        .iter()
        .map(|m| {
            let body: serde_json::Value = serde_json::from_str(&m.body).unwrap();
            (m.subject.contains("NOT "), body["message"].as_str().unwrap().contains("NOT "))
        })
        .collect();
    assert_eq!(told, [(true, true), (false, false), (true, true)], "{messages:?}");
}

/// I8: what somebody wrote into a tag is escaped where drift is shown.
#[tokio::test]
async fn i8_drift_is_shown_escaped() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let write = |value: &str| {
        let value = value.to_owned();
        let edit = |w: &mut lazaret::cloud::sandbox::World| {
            let place = w.scopes.get_mut(&scope).unwrap();
            place.instances.get_mut(&instance).unwrap().instance.tags.insert(tags::FINDING_TYPE.into(), value);
        };
        bench.sandbox.edit(edit).unwrap();
    };
    write("\x1b]52;c;eA==\x07\x1b[31m");
    bench.quarantine("web-1").await.unwrap();
    write("\u{202e}\x1b[2J");
    let prepared = bench.engine.prepare_restore(&bench.restore_request("web-1")).await.unwrap();
    assert!(!prepared.plan.drift.is_empty());
    for drift in &prepared.plan.drift {
        for field in [&drift.what, &drift.ours, &drift.now, &drift.before, &drift.decision] {
            assert!(!field.chars().any(|c| c.is_control() || c == '\u{202e}'), "{field:?}");
        }
    }
}

/// I1: either all the originals stand in an interface's tags, or none and a person was asked.
#[tokio::test]
async fn i1_originals_are_never_written_in_half() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    bench
        .sandbox
        .edit(|w| {
            let place = w.scopes.get_mut(&scope).unwrap();
            place.groups_per_interface = Some(16);
            let id = place.interfaces_of(&instance)[0].id.clone();
            let mut template = place.groups[place.interfaces[&id].groups.first().unwrap()].clone();
            let interface = place.interfaces.get_mut(&id).unwrap();
            interface.groups.clear();
            for n in 0..13 {
                template.group.id = GroupId::new(format!("sg-{n:017x}"));
                template.group.name = format!("many-{n}");
                interface.groups.insert(template.group.id.clone());
                place.groups.insert(template.group.id.clone(), template.clone());
            }
            let interface = place.interfaces.get_mut(&id).unwrap();
            interface.tags = (0..49).map(|n| (format!("k{n}"), String::new())).collect();
        })
        .unwrap();
    let refused = bench.prepare("web-1").await;
    assert!(
        matches!(&refused, Err(EngineError::Plan(PlanRefusal::Unfit(why))) if why.contains("--without-tags")),
        "{refused:?}"
    );
    let mut bench = bench;
    bench.policy.without_tags = true;
    bench.quarantine("web-1").await.unwrap();
    let (scope, id, _) = primary(&bench);
    let written = bench.sandbox.world().scopes[&scope].interfaces[&id].tags.clone();
    assert!(!written.contains_key(tags::ORIGINALS), "half of the truth is worse than none");
    bench.restore("web-1").await.unwrap();
    assert_eq!(primary(&bench).2.len(), 13);
}

/// What stays contained stays protected, and its finding stays open.
#[tokio::test]
async fn an_instance_whose_groups_are_all_gone_stays_contained_and_says_so() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let before = bench.sandbox.world();
    let run = bench.quarantine("web-1").await.unwrap();
    bench
        .sandbox
        .edit(|w| {
            let place = w.scopes.get_mut(&scope).unwrap();
            for interface in before.scopes[&scope].interfaces_of(&instance) {
                place.groups.retain(|id, _| !interface.groups.contains(id));
            }
        })
        .unwrap();
    let refused = bench.restore("web-1").await;
    assert!(matches!(refused, Err(EngineError::Plan(PlanRefusal::Drifted { .. }))), "{refused:?}");
    let place = &bench.sandbox.world().scopes[&scope];
    assert!(place.instances[&instance].termination_protection);
    assert_eq!(place.instances[&instance].instance.tags[tags::STATUS], "Quarantined");
    assert_eq!(outcome(&run), Outcome::Done);
}

/// A person may end a crashed run instead of going on with it; what was done can still be taken back.
#[tokio::test(start_paused = true)]
async fn i3_a_crashed_run_can_be_ended_where_it_stands() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.inject(Fault::on("ec2:ModifyNetworkInterfaceAttribute").kind(FaultKind::HangAfter));
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    bench.sandbox.clear_faults();
    bench.let_leases_run_out();
    bench.sandbox.clear_calls();
    let (run, alive) = bench.engine.unfinished().await.unwrap().remove(0);
    assert!(!alive);
    let ended = bench.engine.recover(run.run, false, false, None).await.unwrap();
    assert_eq!(outcome(&ended), Outcome::Partial, "{}", message(&ended));
    assert!(bench.sandbox.calls().iter().all(|c| !c.mutating), "it only looked");
    bench.restore("web-1").await.unwrap();
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// Where the VPC has an IPv6 range, EC2 lets a new group out over that too.
#[tokio::test]
async fn a_group_made_in_an_ipv6_vpc_is_closed_for_both_families() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("stage-1");
    let policy = bench.policy.clone();
    let request =
        lazaret::engine::QuarantineRequest { scope: scope.clone(), instance: instance.clone(), finding: None, policy };
    let prepared = bench.engine.prepare_quarantine(&request).await.unwrap();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let revoked = bench.sandbox.calls().iter().filter(|c| c.operation == "ec2:RevokeSecurityGroupEgress").count();
    assert_eq!(revoked, 2, "the test needs a VPC whose new groups have two default rules");
    let group = world.scopes[&scope].interfaces_of(&instance)[0].groups.first().unwrap().clone();
    assert!(world.scopes[&scope].groups[&group].group.egress.is_empty());
}

/// EC2 may not know a group for a moment after making it: that is no reason to leave it open.
#[tokio::test(start_paused = true)]
async fn a_group_that_is_not_visible_yet_is_closed_once_it_is() {
    let bench = Bench::new("crypto-mining");
    let unknown = FaultKind::Error(lazaret::cloud::ErrorKind::NotFound, "InvalidGroup.NotFound");
    bench.sandbox.inject(Fault::on("ec2:RevokeSecurityGroupEgress").nth(1).kind(unknown.clone()));
    bench.sandbox.inject(Fault::on("ec2:RevokeSecurityGroupEgress").nth(2).kind(unknown));
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let (scope, _, held) = primary(&bench);
    let group = held.first().unwrap();
    assert!(bench.sandbox.world().scopes[&scope].groups[group].group.egress.is_empty());
}
