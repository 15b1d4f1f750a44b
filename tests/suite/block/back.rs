//! The way back of a way back: an unblock is denied again, an end that was moved goes back, each exactly as it was.

use super::time::until;
use super::*;
use chrono::Duration;
use lazaret::engine::has_a_way_back;
use lazaret::playbook::{PlanRefusal, Playbook};

fn in_public(address: &str, ttl: &str) -> BlockRequest {
    BlockRequest { stands: Stands::For(ttl.parse().unwrap()), ..in_acl(address, PUBLIC) }
}

async fn is_nothing(bench: &Bench, run: &RunState) -> bool {
    matches!(restore(bench, run).await, Err(EngineError::Plan(PlanRefusal::Nothing(_))))
}

#[tokio::test]
async fn an_extension_goes_back_to_the_very_end_before_it() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_public(STRANGER, "24h")).await.unwrap());
    let first = until(&bench).await;
    bench.clock.advance(Duration::seconds(4_711));
    let moved = extend(&bench, STRANGER, "7d").await.unwrap();
    assert!(has_a_way_back(&moved));
    bench.clock.advance(Duration::seconds(42));
    bench.sandbox.clear_calls();
    let back = restore(&bench, &moved).await.unwrap();
    done(&back);
    assert_eq!((back.plan.playbook, until(&bench).await), (Playbook::ExtendBlock, first));
    assert_eq!(writes(&bench), [""; 0]);
    // Twice is harmless; and the run that took it back is itself one to take back.
    assert!(is_nothing(&bench, &moved).await);
    done(&restore(&bench, &back).await.unwrap());
    assert_eq!(until(&bench).await, [Some(moved.begun_at + Duration::days(7))]);
}

/// Each block has an end of its own before an extension of all of them.
#[tokio::test]
async fn ends_that_differed_differ_again_by_one_plan() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_public(STRANGER, "24h")).await.unwrap());
    done(&block(&bench, &BlockRequest { stands: Stands::UntilTakenBack, ..in_acl(STRANGER, DATA) }).await.unwrap());
    let first = until(&bench).await;
    let moved = extend(&bench, STRANGER, "3d").await.unwrap();
    assert!(until(&bench).await.iter().all(|end| *end == Some(moved.begun_at + Duration::days(3))));
    let back = restore(&bench, &moved).await.unwrap();
    done(&back);
    assert_eq!((back.plan.steps.len(), until(&bench).await), (2, first));
}

/// I6: what somebody has moved since is not moved from under them.
#[tokio::test]
async fn i6_an_end_that_was_moved_again_is_left_to_the_later_run() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_public(STRANGER, "24h")).await.unwrap());
    let first = until(&bench).await;
    let moved = extend(&bench, STRANGER, "3d").await.unwrap();
    let later = extend(&bench.colleague("ben"), STRANGER, "9d").await.unwrap();
    match restore(&bench, &moved).await {
        Err(EngineError::Plan(PlanRefusal::Newer { newer, .. })) => assert_eq!(newer, later.run),
        other => panic!("{other:?}"),
    }
    assert_eq!(until(&bench).await, [Some(later.begun_at + Duration::days(9))]);
    done(&restore(&bench, &later).await.unwrap());
    done(&restore(&bench, &moved).await.unwrap());
    assert_eq!(until(&bench).await, first);
}

/// I6: two who want the same end want it each for themselves.
#[tokio::test]
async fn i6_the_same_end_by_two_people_is_kept_until_both_have_let_go() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_public(STRANGER, "24h")).await.unwrap());
    let first = until(&bench).await;
    let lasting = ExtendRequest {
        scope: payments(),
        range: parse(STRANGER).unwrap(),
        which: WhichBlocks::All,
        stands: Stands::UntilTakenBack,
    };
    let mut runs = Vec::new();
    for name in ["ana", "ben"] {
        let bench = bench.colleague(name);
        let prepared = bench.engine.prepare_extend(&lasting).await.unwrap();
        runs.push(commit(&bench, &prepared).await);
    }
    assert!(matches!(restore(&bench, &runs[0]).await, Err(EngineError::Plan(PlanRefusal::Newer { .. }))));
    done(&restore(&bench, &runs[1]).await.unwrap());
    assert_eq!(until(&bench).await, [None], "ana's holds");
    let back = restore(&bench, &runs[0]).await.unwrap();
    assert_eq!((back.plan.reverts.clone(), until(&bench).await), (vec![runs[0].run], first.clone()));
    // There and back again, as often as somebody likes.
    let forth = restore(&bench, &back).await.unwrap();
    assert_eq!(until(&bench).await, [None]);
    assert!(is_nothing(&bench, &back).await);
    done(&restore(&bench, &runs[0]).await.unwrap());
    assert_eq!(until(&bench).await, first);
    done(&forth);
}

/// Each ACL denies again what it denied, as long as it would have, and no more.
#[tokio::test]
async fn blocks_that_differed_differ_again() {
    let bench = Bench::new("crypto-mining");
    let one_way = BTreeSet::from([AclDirection::Ingress]);
    done(&block(&bench, &BlockRequest { directions: Some(one_way), ..in_public(STRANGER, "1h") }).await.unwrap());
    done(
        &block(&bench, &BlockRequest { stands: Stands::For("7d".parse().unwrap()), ..in_acl(STRANGER, DATA) })
            .await
            .unwrap(),
    );
    let (first, before) = (until(&bench).await, bench.sandbox.world());
    let gone = unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap();
    let again = restore(&bench, &gone).await.unwrap();
    done(&again);
    assert_eq!(until(&bench).await, first);
    let entries = |world: &World| world.scopes[&payments()].network_acls.clone();
    assert_eq!(entries(&bench.sandbox.world()), entries(&before));
    assert!(again.plan.limits.iter().any(|l| l.contains("one direction alone")), "{:?}", again.plan.limits);
    assert!(message(&again).contains("; in "), "{}", message(&again));
    // One whose time is over meanwhile stays away, and the other comes back.
    let gone = unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap();
    bench.clock.advance(Duration::hours(2));
    let again = restore(&bench, &gone).await.unwrap();
    done(&again);
    assert_eq!(until(&bench).await, first[1..]);
    assert!(
        again.plan.warnings.iter().any(|w| w.contains(PUBLIC) && w.contains("stays away")),
        "{:?}",
        again.plan.warnings
    );
}

/// An ACL that is gone keeps no other from denying again.
#[tokio::test]
async fn an_acl_that_is_gone_is_said_and_left_out() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap());
    done(&block(&bench, &in_acl(STRANGER, DATA)).await.unwrap());
    let gone = unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap();
    let delete = |acl: &str| {
        let mut world = bench.sandbox.world();
        world.scopes.get_mut(&payments()).unwrap().network_acls.remove(&AclId::new(acl));
        bench.sandbox.set_world(world).unwrap();
    };
    delete(DATA);
    // Old by the time it is committed: what is planned anew is the same plan.
    let prepared = bench.engine.prepare_restore(&restore_of(&gone)).await.unwrap();
    bench.clock.advance(Duration::seconds(30));
    let again = commit(&bench, &prepared).await;
    done(&again);
    denied_once(&live(&bench, PUBLIC), STRANGER);
    assert!(again.plan.warnings.iter().any(|w| w.contains(DATA) && w.contains("no more")), "{:?}", again.plan.warnings);
    done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
    delete(PUBLIC);
    assert!(is_nothing(&bench, &gone).await);
}

#[tokio::test]
async fn an_unblock_is_denied_again_until_the_very_end_it_had() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_public(STRANGER, "24h")).await.unwrap());
    done(&extend(&bench, STRANGER, "3d").await.unwrap());
    let first = until(&bench).await;
    bench.clock.advance(Duration::seconds(4_711));
    let gone = unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap();
    assert!(has_a_way_back(&gone) && until(&bench).await.is_empty());
    let again = restore(&bench, &gone).await.unwrap();
    done(&again);
    assert_eq!((again.plan.playbook, until(&bench).await), (Playbook::BlockAddress, first));
    denied_once(&live(&bench, PUBLIC), STRANGER);
    assert!(is_nothing(&bench, &gone).await, "twice is harmless");
    // It is a block as any other: what it did is taken back by its own run.
    done(&restore(&bench, &again).await.unwrap());
    assert_eq!(numbers(&live(&bench, PUBLIC), STRANGER).values().flatten().count(), 0);
}

#[tokio::test]
async fn a_time_that_is_over_does_not_come_back() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_public(STRANGER, "24h")).await.unwrap());
    bench.clock.advance(Duration::hours(25));
    let swept = unblock(&bench, STRANGER, WhichBlocks::Expired).await.unwrap();
    bench.sandbox.clear_calls();
    let refused = restore(&bench, &swept).await.unwrap_err().to_string();
    assert!(refused.contains("block was over at") && refused.contains("denies it anew"), "{refused}");
    assert_eq!(writes(&bench), [""; 0]);
}

/// A number that was free again is another address's: whose end it was is told by the address.
#[tokio::test]
async fn the_end_of_another_address_under_the_same_number_is_not_taken_for_its_own() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_public(STRANGER, "24h")).await.unwrap());
    let range = parse(STRANGER).unwrap();
    edit(&bench, PUBLIC, |entries| entries.retain(|e| !e.denies_exactly(&range)));
    done(&block(&bench, &in_public("198.51.100.61", "7d")).await.unwrap());
    let first = until(&bench).await;
    let gone = unblock(&bench, "198.51.100.61", WhichBlocks::All).await.unwrap();
    done(&restore(&bench, &gone).await.unwrap());
    assert_eq!(until(&bench).await, first);
}

/// I6: what somebody else has taken away is not denied again for an unblock that found nothing.
#[tokio::test]
async fn i6_an_unblock_that_took_nothing_away_denies_nothing_again() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &in_public(STRANGER, "24h")).await.unwrap());
    let range = parse(STRANGER).unwrap();
    edit(&bench, PUBLIC, |entries| entries.retain(|e| !e.denies_exactly(&range)));
    let gone = unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap();
    assert!(!has_a_way_back(&gone));
    bench.sandbox.clear_calls();
    let refused = restore(&bench, &gone).await.unwrap_err().to_string();
    assert!(refused.contains("took no block away"), "{refused}");
    assert_eq!(writes(&bench), [""; 0]);
}
