//! Every call of a block, and of what takes it back, made to fail, time out and crash.

use super::*;
use crate::support::sweep::{Drill, again_after_every_crash, every_call, every_call_back};
use async_trait::async_trait;
use lazaret::engine::prepare::Request;

/// The block of a stranger where web-1 is: two ACLs, both directions.
struct Stranger;

#[async_trait(?Send)]
impl Drill for Stranger {
    async fn stage(&self) -> (Bench, Request) {
        let bench = Bench::new("crypto-mining");
        let request = BlockRequest { topic_arn: Some(bench.topic(&payments())), ..request(&bench, STRANGER) };
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
            assert!(value == was || ["6", "14"].contains(&value.as_str()) && version >= 2, "{what}: {acl}: {value}");
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
    every_call(&Stranger).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_taking_a_block_back_fails_times_out_and_crashes() {
    every_call_back(&Stranger).await;
}

#[tokio::test(start_paused = true)]
async fn i3_after_every_crash_a_second_block_finishes_what_the_first_began() {
    again_after_every_crash(&Stranger).await;
}

/// The same for `lazaret unblock`, which takes blocks back by their address.
#[tokio::test(start_paused = true)]
async fn i3_every_call_of_an_unblock_fails_times_out_and_crashes() {
    use crate::support::sweep::{FAULTS, commit_or_crash, end_well, fault_at, places};
    let staged = || async {
        let (bench, request) = Stranger.stage().await;
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
            end_well(&Stranger, &bench, &before, &what).await;
        }
    }
}
