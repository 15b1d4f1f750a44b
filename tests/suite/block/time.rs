//! How long blocks stand: the end that is kept with them, sweeps, and extensions.

use super::*;
use chrono::{DateTime, Duration, Utc};
use lazaret::engine::BlockState;
use lazaret::playbook::PlanRefusal;

fn for_a_day(address: &str) -> BlockRequest {
    BlockRequest { stands: Stands::For("24h".parse().unwrap()), ..in_acl(address, PUBLIC) }
}

pub(super) async fn until(bench: &Bench) -> Vec<Option<DateTime<Utc>>> {
    bench.engine.recorded_blocks().await.unwrap().into_iter().map(|b| b.until).collect()
}

#[tokio::test]
async fn a_sweep_takes_away_what_has_expired_and_nothing_else() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    done(&block(&bench, &for_a_day(STRANGER)).await.unwrap());
    done(&block(&bench, &in_acl("203.0.113.98", PUBLIC)).await.unwrap());
    assert_eq!(bench.engine.due(&[payments()]).await.unwrap(), []);
    let early = unblock(&bench, STRANGER, WhichBlocks::Expired).await.unwrap_err().to_string();
    assert!(early.contains("has expired"), "{early}");
    bench.clock.advance(Duration::hours(24));
    assert_eq!(bench.engine.due(&[payments()]).await.unwrap(), [(payments(), parse(STRANGER).unwrap())]);
    let run = unblock(&bench, STRANGER, WhichBlocks::Expired).await.unwrap();
    done(&run);
    assert_eq!(message(&run), format!("no entry of ours denies {STRANGER} any more: read back"));
    assert_eq!(numbers(&live(&bench, PUBLIC), STRANGER).values().flatten().count(), 0);
    denied_once(&live(&bench, PUBLIC), "203.0.113.98");
    assert_eq!(bench.engine.due(&[payments()]).await.unwrap(), []);
    done(&unblock(&bench, "203.0.113.98", WhichBlocks::All).await.unwrap());
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
    // Twice is harmless.
    assert!(matches!(
        unblock(&bench, STRANGER, WhichBlocks::All).await,
        Err(EngineError::Plan(PlanRefusal::Nothing(_)))
    ));
}

#[tokio::test]
async fn i6_a_sweep_leaves_what_is_no_longer_ours() {
    let bench = Bench::new("crypto-mining");
    done(&block(&bench, &for_a_day(STRANGER)).await.unwrap());
    bench.clock.advance(Duration::days(2));
    edit(&bench, PUBLIC, |entries| {
        for e in entries.iter_mut().filter(|e| e.number == 6 && e.direction == AclDirection::Egress) {
            e.action = AclAction::Allow;
        }
    });
    bench.sandbox.clear_calls();
    let run = unblock(&bench, STRANGER, WhichBlocks::Expired).await.unwrap();
    done(&run);
    assert_eq!(writes(&bench), ["ec2:DeleteNetworkAclEntry"]);
    assert_eq!(live(&bench, PUBLIC).at(AclDirection::Egress, 6).unwrap().action, AclAction::Allow);
    assert!(message(&run).contains("egress now has 6 allow"), "{}", message(&run));
    assert_eq!(bench.engine.due(&[payments()]).await.unwrap(), []);
}

#[tokio::test]
async fn an_extension_moves_the_end_and_touches_nothing_in_aws() {
    let bench = Bench::new("crypto-mining");
    let first = block(&bench, &for_a_day(STRANGER)).await.unwrap();
    bench.clock.advance(Duration::hours(20));
    bench.sandbox.clear_calls();
    let moved = extend(&bench, STRANGER, "2d").await.unwrap();
    done(&moved);
    assert_eq!(writes(&bench), [""; 0]);
    assert_eq!(until(&bench).await, [Some(first.begun_at + Duration::hours(68))]);
    bench.clock.advance(Duration::hours(5));
    assert_eq!(bench.engine.due(&[payments()]).await.unwrap(), [], "it was extended");
    // The end before it is over: nobody gets a block that is due at once for a restore. It stands, and can't be made anew.
    let refused = restore(&bench, &moved).await.unwrap_err().to_string();
    assert!(refused.contains("was over at") && refused.contains("`lazaret unblock 203.0.113.99`"), "{refused}");
    assert!(refused.contains("stands still") && !refused.contains("anew"), "{refused}");
    // Sooner than before is said, and done.
    let request = ExtendRequest {
        scope: payments(),
        range: parse(STRANGER).unwrap(),
        which: WhichBlocks::Run(first.run),
        stands: Stands::For("30m".parse().unwrap()),
    };
    let prepared = bench.engine.prepare_extend(&request).await.unwrap();
    assert!(prepared.plan.warnings.iter().any(|w| w.contains("sooner than its end so far")));
    done(&commit(&bench, &prepared).await);
    bench.clock.advance(Duration::minutes(31));
    done(&unblock(&bench, STRANGER, WhichBlocks::Expired).await.unwrap());
    assert_eq!(until(&bench).await, []);
}

#[tokio::test]
async fn what_no_longer_stands_is_not_extended() {
    let bench = Bench::new("crypto-mining");
    let first = block(&bench, &for_a_day(STRANGER)).await.unwrap();
    edit(&bench, PUBLIC, |entries| entries.retain(|e| e.number != 6));
    let run = extend(&bench, STRANGER, "7d").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Failed);
    assert!(message(&run).contains("was NOT moved") && message(&run).contains("are gone"), "{}", message(&run));
    assert_eq!(until(&bench).await, [Some(first.begun_at + Duration::hours(24))]);
    let nobody = extend(&bench, "203.0.113.1", "7d").await.unwrap_err().to_string();
    assert!(nobody.contains("nothing to extend"), "{nobody}");
}

#[tokio::test]
async fn the_end_does_not_make_an_old_preview_another_plan() {
    let bench = Bench::new("crypto-mining");
    let prepared = bench.engine.prepare_block(&for_a_day(STRANGER)).await.unwrap();
    bench.clock.advance(Duration::minutes(3));
    let run = commit(&bench, &prepared).await;
    done(&run);
    assert_eq!(until(&bench).await, [Some(run.begun_at + Duration::hours(24))]);
}

#[tokio::test]
async fn blocks_are_listed_with_whose_they_are_since_when_and_until() {
    let bench = Bench::new("crypto-mining");
    let run = block(&bench, &for_a_day(STRANGER)).await.unwrap();
    let list = bench.engine.blocks(&[payments()]).await.unwrap();
    let [ours] = &list.blocks[..] else { panic!("{list:?}") };
    assert_eq!((ours.run, ours.by.as_str(), ours.since), (run.run, "ana", run.begun_at));
    assert_eq!((ours.deny.number, &ours.seen), (6, &BlockState::Stands));
    // Everybody else's: five entries in the public table, six in the other.
    assert_eq!(list.foreign.len(), 11, "{:?}", list.foreign);
    assert!(list.foreign.iter().all(|f| !ours.deny.is_ours(&f.entry) || f.acl != ours.deny.acl));
    edit(&bench, PUBLIC, |entries| entries.retain(|e| !(e.number == 6 && e.direction == AclDirection::Egress)));
    let list = bench.engine.blocks(&[payments()]).await.unwrap();
    assert_eq!(list.blocks[0].seen, BlockState::Part { seen: "stands in ingress alone".into() });
    edit(&bench, PUBLIC, |entries| entries.retain(|e| e.number != 6));
    let list = bench.engine.blocks(&[payments()]).await.unwrap();
    assert_eq!(list.blocks[0].seen, BlockState::Gone);
    bench.sandbox.deny("ec2:DescribeNetworkAcls");
    let list = bench.engine.blocks(&[payments()]).await.unwrap();
    assert_eq!((&list.blocks[0].seen, list.errors.len()), (&BlockState::Unread, 1));
}
