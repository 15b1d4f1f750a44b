//! Others at the same table: at the same moment, in between, and afterwards.

use super::*;
use crate::support::sweep::commit_or_crash;
use lazaret::cloud::ErrorKind;
use lazaret::cloud::sandbox::{Behaviour, Fault, FaultKind, Staleness};
use lazaret::engine::RunReport;
use lazaret::ledger::{Event, Store};
use std::time::Duration;

/// Mistake 6 of the published handlers: read the counter, add one, write it: two responders overwrite each other.
#[tokio::test(start_paused = true)]
async fn mistake_6_two_responders_on_one_network_acl_make_two_rules_and_lose_none() {
    let bench = Bench::new("crypto-mining");
    bench.sandbox.set_behaviour(Behaviour { latency: Duration::from_millis(60), ..Behaviour::default() });
    for (ana, ben) in [(bench.clone(), bench.colleague("ben")), (bench.clone(), elsewhere(&bench, "eve"))] {
        let (one, other) =
            (format!("198.51.100.{}", 61 + numbers_used(&bench)), format!("198.51.100.{}", 162 + numbers_used(&bench)));
        // Both have read the same counter and the same table, and both plan the same number.
        let first = ana.engine.prepare_block(&in_acl(&one, PUBLIC)).await.unwrap();
        let second = ben.engine.prepare_block(&in_acl(&other, PUBLIC)).await.unwrap();
        let (first, second) = tokio::join!(commit(&ana, &first), commit(&ben, &second));
        done(&first);
        done(&second);
        let acl = live(&bench, PUBLIC);
        let (n, m) = (denied_once(&acl, &one), denied_once(&acl, &other));
        assert_ne!(n, m);
        assert!(n < 100 && m < 100, "past 100 a deny is dead");
        // The ledger says which numbers were really used, and each takes back its own.
        assert_eq!((recorded(&first)[0].number, recorded(&second)[0].number), (n, m));
        done(&restore(&ana, &first).await.unwrap());
        assert_eq!(denied_once(&live(&bench, PUBLIC), &other), m);
        done(&restore(&ben, &second).await.unwrap());
    }
}

fn numbers_used(bench: &Bench) -> usize {
    live(bench, PUBLIC).entries.len()
}

/// Really at once, on several threads, until the table is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mistake_6_a_dozen_responders_at_once_get_a_dozen_numbers() {
    let bench = Bench::new("crypto-mining");
    let mut runs = Vec::new();
    for n in 0..12 {
        let who = elsewhere(&bench, &format!("responder-{n}"));
        let request = in_acl(&format!("198.51.100.{}", 60 + n), DATA);
        let prepared = who.engine.prepare_block(&request).await.unwrap();
        runs.push((who, prepared));
    }
    let all = runs.into_iter().map(|(who, prepared)| tokio::spawn(async move { commit(&who, &prepared).await }));
    let mut used = BTreeSet::new();
    for (n, run) in futures::future::join_all(all).await.into_iter().enumerate() {
        let run = run.unwrap();
        done(&run);
        let number = denied_once(&live(&bench, DATA), &format!("198.51.100.{}", 60 + n));
        assert_eq!(recorded(&run)[0].number, number);
        assert!(used.insert(number), "{number} twice");
    }
    assert_eq!(used.len(), 12);
    // The counter names a number that was used: who came last, nobody can say.
    let (value, _) = counter(&bench, DATA).unwrap();
    assert!(used.contains(&value.parse().unwrap()), "{value}");
}

#[tokio::test]
async fn a_number_taken_between_preview_and_commit_is_left_and_another_is_written_down_before_it_is_used() {
    let bench = Bench::new("crypto-mining");
    let prepared = bench.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
    edit(&bench, PUBLIC, |entries| entries.push(deny(6, AclDirection::Egress, "192.0.2.9")));
    let run = commit(&bench, &prepared).await;
    done(&run);
    assert_eq!(denied_once(&live(&bench, PUBLIC), STRANGER), 7);
    assert_eq!(numbers(&live(&bench, PUBLIC), "192.0.2.9")[&AclDirection::Egress], [6]);
    let records = bench.ledger.records(run.run).await.unwrap();
    let intended: Vec<i32> = records
        .iter()
        .filter_map(|r| match &r.event {
            Event::Intended { change: Some(change), .. } => match change.as_ref() {
                Change::DenyAddress(deny) => Some(deny.number),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(intended, [6, 7]);
    assert_eq!(counter(&bench, PUBLIC), Some(("7".into(), 2)));
}

/// EC2 says no to the second direction alone: the first, which is ours, makes way, and both get the next number.
#[tokio::test(start_paused = true)]
async fn the_number_is_the_same_in_both_directions_though_one_of_them_is_taken_at_the_last_moment() {
    for staleness in [Staleness::None, Staleness::Reads(2), Staleness::For(Duration::from_secs(2))] {
        let bench = Bench::new("crypto-mining");
        bench.sandbox.set_behaviour(Behaviour { staleness, ..Behaviour::default() });
        let before = bench.sandbox.world();
        let prepared = bench.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
        let taken = FaultKind::Error(ErrorKind::AlreadyExists, "NetworkAclEntryAlreadyExists");
        bench.sandbox.inject(Fault::on("ec2:CreateNetworkAclEntry").nth(2).kind(taken));
        let run = commit(&bench, &prepared).await;
        done(&run);
        assert_eq!(denied_once(&live(&bench, PUBLIC), STRANGER), 7, "{staleness:?}");
        done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
        assert_eq!(comparable(&bench.sandbox.world()), comparable(&before), "{staleness:?}");
    }
}

/// Two colleagues with ledgers of their own block the same address at the same moment: one entry, and it is the one's.
#[tokio::test(start_paused = true)]
async fn i4_the_same_address_from_two_ledgers_at_once_is_one_block_and_the_other_says_whose() {
    let bench = Bench::new("crypto-mining");
    bench.sandbox.set_behaviour(Behaviour { latency: Duration::from_millis(60), ..Behaviour::default() });
    let ben = elsewhere(&bench, "ben");
    let first = bench.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
    let second = ben.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
    let (first, second) = tokio::join!(commit(&bench, &first), commit(&ben, &second));
    done(&first);
    done(&second);
    let owned = recorded(&first).iter().chain(&recorded(&second)).map(|d| d.directions.len()).sum::<usize>();
    let found = numbers(&live(&bench, PUBLIC), STRANGER);
    denied_once(&live(&bench, PUBLIC), STRANGER);
    assert_eq!(owned, found.values().flatten().count(), "each entry is somebody's, once: {found:?}");
    let late = if recorded(&first).iter().all(|d| d.directions.is_empty()) { &first } else { &second };
    let said = RunReport::new(late).steps.into_iter().flat_map(|s| s.output).collect::<String>();
    assert!(said.contains("somebody else has denied it meanwhile: nothing of ours was added"), "{said}");
    // Nothing is promised that the other may end at any time, and no way back is offered where there is none.
    let report = RunReport::new(late);
    assert!(message(late).contains("not by this run") && message(late).contains("is theirs"), "{}", message(late));
    assert!(!report.next.iter().any(|n| n.contains("unblock")), "{:?}", report.next);
    for (who, run) in [(&bench, &first), (&ben, &second)] {
        match restore(who, run).await {
            Ok(back) => done(&back),
            Err(EngineError::Plan(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(numbers(&live(&bench, PUBLIC), STRANGER).values().flatten().count(), 0);
}

/// What was left to somebody else is claimed to be denied: so it is read back too.
#[tokio::test(start_paused = true)]
async fn i2_a_deny_that_was_left_to_somebody_else_is_read_back() {
    let bench = Bench::new("crypto-mining");
    let ben = elsewhere(&bench, "ben");
    let late = ben.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
    let first = block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap();
    done(&first);
    // The other takes it back after the late one has seen it, and before that one reads back.
    bench.sandbox.inject(Fault::on("ec2:DescribeNetworkAcls").nth(2).kind(FaultKind::HangBefore));
    assert_eq!(commit_or_crash(&ben, &late, &Consent::default()).await, None, "it hangs");
    bench.sandbox.clear_faults();
    done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
    let [run] = &ben.recover_all().await[..] else { panic!() };
    assert_eq!(outcome(run), Outcome::Partial, "{}", message(run));
    assert!(message(run).contains("is NOT denied everywhere"), "{}", message(run));
    assert!(message(run).contains("somebody else denied 203.0.113.99, and no longer does"), "{}", message(run));
}

/// With one ledger the second is told, I4.
#[tokio::test]
async fn i4_the_same_address_with_one_ledger_is_held_by_the_first() {
    let bench = Bench::new("crypto-mining");
    let ben = bench.colleague("ben");
    let first = bench.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
    let second = ben.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
    bench.clock.advance(chrono::Duration::seconds(1));
    done(&commit(&bench, &first).await);
    let told = ben.engine.commit(&second, &Consent::default(), None).await.unwrap_err().to_string();
    assert!(told.contains("ana was faster"), "{told}");
    denied_once(&live(&bench, PUBLIC), STRANGER);
}

#[tokio::test(start_paused = true)]
async fn i2_an_allow_that_comes_before_the_deny_is_seen_on_reading_back() {
    let bench = Bench::new("crypto-mining");
    let prepared = bench.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
    // The process goes away after both entries, and somebody opens the table before it is recovered.
    bench.sandbox.inject(Fault::on("ec2:CreateNetworkAclEntry").nth(2).kind(FaultKind::HangAfter));
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    bench.sandbox.clear_faults();
    edit(&bench, PUBLIC, |entries| {
        entries.push(AclEntry { action: AclAction::Allow, ..deny(1, AclDirection::Ingress, "203.0.113.0/24") });
    });
    let [run] = &bench.recover_all().await[..] else { panic!() };
    assert_eq!(outcome(run), Outcome::Partial);
    assert!(
        message(run).contains("is NOT denied everywhere")
            && message(run).contains("has no effect: ingress 1 allow 203.0.113.0/24 stands before it"),
        "{}",
        message(run)
    );
    let list = bench.engine.blocks(&[payments()]).await.unwrap();
    let [seen] = &list.blocks[..] else { panic!("{list:?}") };
    assert!(matches!(&seen.seen, lazaret::engine::BlockState::Dead { behind } if behind == "1 allow 203.0.113.0/24"));
    // No number is below 1: said, and ours still comes back.
    let again = block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap_err().to_string();
    assert!(again.contains("no number of the band 1-89 is below that"), "{again}");
    done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
    assert_eq!(numbers(&live(&bench, PUBLIC), STRANGER).values().flatten().count(), 0);
}

#[tokio::test]
async fn i6_an_entry_that_somebody_has_changed_is_left_alone_and_said() {
    let bench = Bench::new("crypto-mining");
    let run = block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap();
    // Somebody has made the ingress half a deny of one port, under the same number.
    edit(&bench, PUBLIC, |entries| {
        for e in entries.iter_mut().filter(|e| e.number == 6 && e.direction == AclDirection::Ingress) {
            (e.protocol, e.ports) = ("6".into(), Some((22, 22)));
        }
    });
    let changed = live(&bench, PUBLIC).at(AclDirection::Ingress, 6).cloned().unwrap();
    bench.sandbox.clear_calls();
    let back = restore(&bench, &run).await.unwrap();
    done(&back);
    assert_eq!(live(&bench, PUBLIC).at(AclDirection::Ingress, 6), Some(&changed));
    assert_eq!(live(&bench, PUBLIC).at(AclDirection::Egress, 6), None);
    let [drift] = &back.plan.drift[..] else { panic!("{:?}", back.plan.drift) };
    assert!(drift.now.contains("protocol 6 port 22"), "{drift:?}");
    assert_eq!(writes(&bench), ["ec2:DeleteNetworkAclEntry"]);
}

#[tokio::test]
async fn i6_an_entry_that_somebody_has_replaced_altogether_is_left_alone_even_by_force() {
    let bench = Bench::new("crypto-mining");
    let run = block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap();
    edit(&bench, PUBLIC, |entries| {
        for e in entries.iter_mut().filter(|e| e.number == 6) {
            e.cidr = "198.51.100.77/32".into();
        }
    });
    let (before, mut request) = (
        bench.sandbox.world(),
        RestoreRequest {
            scope: payments(),
            what: RestoreWhat::Run(run.run),
            force: BTreeSet::from(["all".to_owned()]),
            finding_status: None,
            topic_arn: None,
            block: BlockPolicy::default(),
            aws: None,
        },
    );
    for _ in 0..2 {
        let refused = bench.engine.prepare_restore(&request).await.unwrap_err().to_string();
        assert!(refused.contains("198.51.100.77/32"), "{refused}");
        request.force.clear();
    }
    // Unblocking says the same, touches nothing, and the ledger knows from then on that nothing of ours stands.
    let gone = unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap();
    done(&gone);
    assert!(message(&gone).contains("not ours any more: left alone"), "{}", message(&gone));
    assert_eq!(bench.sandbox.world(), before);
    assert_eq!(bench.engine.recorded_blocks().await.unwrap(), []);
}

/// A block may be one part of a larger run: taken away alone, it leaves the rest to that run's own restore.
#[tokio::test]
async fn a_block_that_is_part_of_another_run_is_taken_away_alone() {
    use lazaret::domain::RunId;
    use lazaret::playbook::change::SetProtection;
    use lazaret::playbook::{Action, Playbook, Step, Weight};
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let denied = DenyAddress {
        acl: AclId::new(PUBLIC),
        range: parse(STRANGER).unwrap(),
        number: 20,
        directions: BOTH.into(),
        adds: true,
        band: lazaret::policy::Band::default(),
        until: None,
    };
    let protection = lazaret::domain::Protection::Termination;
    let protected = SetProtection { instance: instance.clone(), protection, before: false, after: true };
    let changes = [Change::DenyAddress(denied), Change::Protection(protected)];
    let step = |(n, change): (usize, &Change)| Step {
        id: format!("step-{n}").into(),
        title: "A step".into(),
        wave: 1,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::Change(change.clone()),
    };
    let plan = lazaret::playbook::Plan {
        playbook: Playbook::ContainExfiltration,
        scope: scope.clone(),
        steps: changes.iter().enumerate().map(step).collect(),
        ..crate::support::plans::plan(&format!("instance:{instance}"))
    };
    let (run, at) = (RunId::from_parts(1, 1), bench.engine.now());
    bench.ledger.begin(run, bench.engine.actor(), &plan, at, at).await.unwrap();
    let mut events = Vec::new();
    for (s, change) in plan.steps.iter().zip(&changes) {
        events.push(Event::Intended { step: s.id.clone(), change: Some(Box::new(change.clone())) });
        events.push(Event::Applied { step: s.id.clone(), output: vec![] });
    }
    events.push(Event::Ended { outcome: Outcome::Done, message: "done".into() });
    bench.ledger.append(run, 1, &events, at).await.unwrap();
    edit(&bench, PUBLIC, |entries| entries.extend(BOTH.map(|d| deny(20, d, STRANGER))));
    bench
        .sandbox
        .edit(|w| w.scopes.get_mut(&scope).unwrap().instances.get_mut(&instance).unwrap().termination_protection = true)
        .unwrap();

    let gone = unblock(&bench, STRANGER, WhichBlocks::Run(run)).await.unwrap();
    done(&gone);
    assert_eq!(gone.plan.reverts, [run]);
    assert_eq!(bench.engine.recorded_blocks().await.unwrap(), []);
    let state = bench.engine.run_state(run).await.unwrap();
    let back = restore(&bench, &state).await.unwrap();
    done(&back);
    let made: Vec<&str> =
        back.plan.steps.iter().filter(|s| matches!(s.action, Action::Change(_))).map(|s| s.title.as_str()).collect();
    assert_eq!(made, ["Put termination protection back to off"], "the entries are gone already");
}
