//! Every call of a block, and of what takes it back, made to fail, time out and crash.

use super::*;
use crate::support::sweep::{
    Drill, FAULTS, again_after_every_crash, commit_or_crash, end_well, every_call, every_call_back, fault_at, places,
};
use async_trait::async_trait;
use lazaret::cloud::ErrorKind;
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::engine::prepare::Request;
use lazaret::ledger::{Event, Store};

/// The block of a stranger where web-1 is: two ACLs, both directions.
struct Stranger {
    /// Whether somebody else takes the number of one ACL between its first entry and its second.
    contested: bool,
}

const ALONE: Stranger = Stranger { contested: false };
const CONTESTED: Stranger = Stranger { contested: true };

#[async_trait(?Send)]
impl Drill for Stranger {
    async fn stage(&self) -> (Bench, Request) {
        let bench = Bench::new("crypto-mining");
        let request = BlockRequest { topic_arn: Some(bench.topic(&payments())), ..request(&bench, STRANGER) };
        if self.contested {
            let taken = FaultKind::Error(ErrorKind::AlreadyExists, "NetworkAclEntryAlreadyExists");
            bench.sandbox.inject(Fault::on("ec2:CreateNetworkAclEntry").resource(DATA).nth(2).kind(taken));
        }
        (bench, Request::Block(Box::new(request)))
    }

    fn holds(&self, bench: &Bench) -> bool {
        let range = parse(STRANGER).unwrap();
        [PUBLIC, DATA].iter().all(|acl| {
            let acl = live(bench, acl);
            BOTH.iter().all(|d| acl.effective_deny(*d, &range).is_some())
        })
    }

    fn comparable(&self, world: &World) -> World {
        comparable(world)
    }

    /// The counters are hints: each is as it was, or names a number that was used. No entry stands twice, and no number
    /// is dead or different in the two directions, unless a half is all there is.
    fn check(&self, bench: &Bench, before: &World, what: &str) {
        for (acl, was) in [(PUBLIC, "4"), (DATA, "13")] {
            let (value, version) = counter(bench, acl).unwrap();
            assert!(
                value == was || ["6", "14", "15"].contains(&value.as_str()) && version >= 2,
                "{what}: {acl}: {value}"
            );
            let found = numbers(&live(bench, acl), STRANGER);
            let used: BTreeSet<i32> = found.values().flatten().copied().collect();
            assert!(used.len() <= 1 && found.values().all(|n| n.len() <= 1), "{what}: {acl}: {found:?}");
            let (was, is) = (table(before, acl), live(bench, acl));
            assert!(was.entries.iter().all(|e| is.entries.contains(e)), "{what}: {acl} lost an entry of others");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_block_fails_times_out_and_crashes() {
    every_call(&ALONE).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_taking_a_block_back_fails_times_out_and_crashes() {
    every_call_back(&ALONE).await;
}

#[tokio::test(start_paused = true)]
async fn i3_after_every_crash_a_second_block_finishes_what_the_first_began() {
    again_after_every_crash(&ALONE).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_block_that_has_to_take_another_number_fails_times_out_and_crashes() {
    every_call(&CONTESTED).await;
}

/// The same for `lazaret unblock`, which takes blocks back by their address.
#[tokio::test(start_paused = true)]
async fn i3_every_call_of_an_unblock_fails_times_out_and_crashes() {
    let staged = || async {
        let (bench, request) = ALONE.stage().await;
        let before = bench.sandbox.world();
        let Request::Block(request) = request else { unreachable!() };
        done(&block(&bench, &request).await.unwrap());
        let request = UnblockRequest {
            scope: payments(),
            range: parse(STRANGER).unwrap(),
            which: WhichBlocks::All,
            topic_arn: None,
        };
        let back = bench.engine.prepare_unblock(&request).await.unwrap();
        (bench, before, back)
    };
    let (clean, _, back) = staged().await;
    clean.sandbox.clear_calls();
    done(&commit(&clean, &back).await);
    let places = places(&clean.sandbox.calls());
    assert!(places.iter().filter(|(operation, ..)| operation == "ec2:DeleteNetworkAclEntry").count() == 4);
    for place in &places {
        for kind in &FAULTS {
            let what = format!("unblock: {kind:?} at {place:?}");
            let (bench, before, back) = staged().await;
            bench.sandbox.inject(fault_at(place, kind));
            if let Some(run) = commit_or_crash(&bench, &back, &Consent::default()).await {
                let gone = numbers(&live(&bench, PUBLIC), STRANGER).values().all(Vec::is_empty)
                    && numbers(&live(&bench, DATA), STRANGER).values().all(Vec::is_empty);
                assert!(outcome(&run) != Outcome::Done || gone, "{what}: claims what is not so: {}", message(&run));
            }
            bench.sandbox.clear_faults();
            end_well(&ALONE, &bench, &before, &what).await;
        }
    }
}

/// How much of an intention without an answer was done.
#[derive(Debug, Clone, Copy)]
enum Reached {
    Nothing,
    Ingress,
    Both,
}

/// The ledger cut at every record, as a crash between two appends leaves it, with nothing, a half or all done of what was
/// intended and not answered.
#[tokio::test(start_paused = true)]
async fn i3_the_ledger_of_a_block_cut_at_every_record_recovers() {
    let clean = Bench::new("crypto-mining");
    let before = clean.sandbox.world();
    clean.sandbox.inject(
        Fault::on("ec2:CreateNetworkAclEntry")
            .resource(DATA)
            .kind(FaultKind::Error(ErrorKind::AlreadyExists, "NetworkAclEntryAlreadyExists")),
    );
    let run = block(&clean, &request(&clean, STRANGER)).await.unwrap();
    done(&run);
    clean.sandbox.clear_faults();
    let records = clean.ledger.records(run.run).await.unwrap();
    assert!(records.len() > 12, "a second intention is among them");
    for keep in 1..records.len() {
        for reached in [Reached::Nothing, Reached::Ingress, Reached::Both] {
            let what = format!("cut after {keep} records, reached: {reached:?}");
            let store = SqliteStore::in_memory().unwrap();
            let Event::Begun { actor, plan } = &records[0].event else { panic!() };
            store.begin(run.run, actor, plan, records[0].at, records[0].at).await.unwrap();
            let events: Vec<_> = records[1..keep].iter().map(|r| r.event.clone()).collect();
            store.append(run.run, 1, &events, records[0].at).await.unwrap();
            let cut = RunState::replay(&records[..keep]).unwrap().unwrap();
            clean.sandbox.set_world(before.clone()).unwrap();
            for status in cut.steps.values() {
                let Some(Change::DenyAddress(made)) = &status.change else { continue };
                for direction in BOTH {
                    let there = match reached {
                        _ if status.state.succeeded() => true,
                        Reached::Nothing => false,
                        Reached::Ingress => direction == AclDirection::Ingress,
                        Reached::Both => true,
                    };
                    if there && status.state.may_have_effect() {
                        edit(&clean, made.acl.as_str(), |entries| entries.push(made.entry(direction)));
                    }
                }
            }
            let bench = Bench { ledger: store, ..clean.clone() }.colleague("ana");
            end_well(&ALONE, &bench, &before, &what).await;
        }
    }
}
