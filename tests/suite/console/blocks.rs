//! Blocks: from a finding, from the table, extended, swept, taken away; ours told from everybody else's.

use super::desk::Desk;
use chrono::Duration;

fn mutations(desk: &Desk) -> usize {
    desk.bench.sandbox.calls().iter().filter(|c| c.mutating).count()
}

/// Puts the cursor on the block of ours of this address.
#[track_caller]
fn choose(desk: &mut Desk, address: &str) {
    desk.press("g");
    for _ in 0..200 {
        let ours = desk.model.blocks.selected().and_then(|(_, deny)| deny?.ours.as_ref().map(|b| b.deny.range));
        if ours.is_some_and(|range| range.to_string().starts_with(address)) {
            return;
        }
        desk.press("j");
    }
    panic!("no block of {address}:\n{}", desk.screen());
}

#[tokio::test]
async fn one_key_blocks_the_findings_address_and_one_takes_it_back() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("SSHBruteForce").await;
    desk.shows("B block");
    desk.do_keys("B").await;
    desk.shows("commit block");
    desk.shows("ec2:CreateNetworkAclEntry");
    assert_eq!(mutations(&desk), 0);
    let address = desk.model.pane.as_ref().unwrap().subject_words().unwrap();
    desk.do_keys("C").await;
    desk.shows("Block done");
    desk.shows("R restore");
    desk.do_keys("esc 3").await;
    choose(&mut desk, &address);
    desk.shows("stands");
    desk.shows("ana");
    desk.shows("U unblock");
    desk.do_keys("U").await;
    desk.shows("commit unblock");
    desk.do_keys("C").await;
    desk.shows("Unblock done");
    desk.do_keys("esc").await;
    assert!(
        desk.model
            .blocks
            .order()
            .iter()
            .all(|key| { desk.model.blocks.line(key).and_then(|(_, deny)| deny?.ours.as_ref()).is_none() })
    );
}

#[tokio::test]
async fn an_address_is_typed_for_the_selected_table_and_refusals_are_shown_as_they_are() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.do_keys("3").await;
    desk.press("B");
    desk.shows("block in acl-");
    desk.write("not-an-address");
    desk.do_keys("enter").await;
    desk.shows("is not an address or range");
    // What was typed stays, to be put right.
    desk.shows("not-an-address▏");
    desk.press("backspace");
    desk.shows("block in acl-");
    desk.shows("not-an-addres▏");
    desk.press("esc");
    for (typed, said) in [("10.1.2.3", "private"), ("169.254.169.254", "link-local"), ("0.0.0.0/0", "every address")] {
        desk.press("B");
        desk.write(typed);
        desk.do_keys("enter").await;
        desk.shows("not possible; nothing has happened");
        desk.shows(said);
        desk.do_keys("C").await;
        desk.do_keys("esc").await;
    }
    assert_eq!(mutations(&desk), 0);
    desk.press("B");
    desk.write("203.0.113.99 2h");
    desk.do_keys("enter").await;
    desk.shows("commit block");
    desk.do_keys("C").await;
    desk.shows("Block done");
    desk.do_keys("esc").await;
    choose(&mut desk, "203.0.113.99");
    desk.shows("in 119m");
}

/// A wide range is blocked only when it was typed twice, and then the commit is still to be pressed.
#[tokio::test]
async fn a_wide_range_has_to_be_typed_again() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.do_keys("3 B").await;
    desk.write("203.0.112.0/22");
    desk.do_keys("enter").await;
    desk.shows("is wider than /24");
    desk.do_keys("C").await;
    desk.shows("type 203.0.112.0/22 again");
    desk.write("203.0.112.0/23");
    desk.do_keys("enter").await;
    desk.shows("that is not what was asked for");
    desk.press("ctrl-u");
    desk.write("203.0.112.0/22");
    desk.do_keys("enter").await;
    desk.shows("commit block");
    assert_eq!(mutations(&desk), 0);
}

#[tokio::test]
async fn a_block_is_extended_and_what_expired_is_swept() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.do_keys("3").await;
    for typed in ["203.0.113.99 30m", "203.0.113.98 30m"] {
        desk.press("B");
        desk.write(typed);
        desk.do_keys("enter").await;
        desk.do_keys("C").await;
        desk.do_keys("esc").await;
    }
    choose(&mut desk, "203.0.113.99");
    desk.press("X");
    desk.shows("stays blocked from now for");
    desk.press("ctrl-u");
    desk.write("3h");
    desk.do_keys("enter").await;
    desk.shows("commit extend");
    desk.do_keys("C").await;
    desk.shows("Extend done");
    desk.do_keys("esc S").await;
    desk.shows("nothing to sweep");
    desk.pass(Duration::minutes(31));
    desk.settle().await;
    desk.rest().await;
    desk.shows("EXPIRED");
    desk.shows("1 expired");
    desk.do_keys("S").await;
    desk.shows("203.0.113.98");
    desk.do_keys("C").await;
    desk.shows("Unblock done");
    desk.do_keys("esc").await;
    choose(&mut desk, "203.0.113.99");
    desk.hides("203.0.113.98");
}

/// What takes something back is taken back by the same key as everything else.
#[tokio::test]
async fn an_unblock_and_an_extension_are_taken_back_with_r() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.do_keys("3 B").await;
    desk.write("203.0.113.99 24h");
    desk.do_keys("enter").await;
    desk.do_keys("C esc").await;
    let first = ends(&desk).await;
    choose(&mut desk, "203.0.113.99");
    desk.press("X");
    desk.press("ctrl-u");
    desk.write("3d");
    desk.do_keys("enter").await;
    desk.do_keys("C").await;
    desk.shows("Extend done");
    assert_ne!(ends(&desk).await, first);
    desk.do_keys("R").await;
    desk.shows("Extend plan; nothing has happened yet");
    desk.do_keys("C").await;
    desk.shows("Extend done");
    assert_eq!(ends(&desk).await, first);
    desk.do_keys("esc").await;
    choose(&mut desk, "203.0.113.99");
    desk.do_keys("U").await;
    desk.do_keys("C").await;
    desk.do_keys("R").await;
    desk.shows("Block plan; nothing has happened yet");
    desk.do_keys("C").await;
    desk.shows("Block done");
    assert_eq!(ends(&desk).await, first);
    // From the list of runs, too; what is denied again already has nothing to put back, and says so.
    desk.do_keys("esc").await;
    desk.do_keys("5 j").await;
    desk.shows("by        ana (cli) on test");
    desk.do_keys("R").await;
    desk.shows("nothing to put back");
}

async fn ends(desk: &Desk) -> Vec<Option<chrono::DateTime<chrono::Utc>>> {
    desk.bench.engine.recorded_blocks().await.unwrap().into_iter().map(|b| b.until).collect()
}

/// Several that have expired are taken away one plan after the other, each with a commit of its own.
#[tokio::test]
async fn a_sweep_of_several_is_a_plan_after_the_other() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.do_keys("3").await;
    for typed in ["203.0.113.99 30m", "203.0.113.98 30m", "203.0.113.97 30m"] {
        desk.press("B");
        desk.write(typed);
        desk.do_keys("enter").await;
        desk.do_keys("C").await;
        desk.do_keys("esc").await;
    }
    desk.pass(Duration::minutes(31));
    desk.settle().await;
    desk.do_keys("S").await;
    desk.shows("Unblock (1 of 3)");
    for left in [2, 1] {
        desk.do_keys("C").await;
        desk.shows(&format!("next: {left} more to do"));
        let before = mutations(&desk);
        desk.do_keys("enter").await;
        assert_eq!(mutations(&desk), before, "the next plan is only shown");
    }
    desk.do_keys("C").await;
    desk.shows("Unblock done");
    desk.do_keys("esc").await;
    assert!(desk.model.blocks.due(desk.model.now).is_empty());
}

/// Somebody else's deny is never ours to take away, and ours that somebody took away is said.
#[tokio::test]
async fn what_is_not_ours_is_left_alone_and_what_is_gone_is_said() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.do_keys("3").await;
    desk.press("B");
    desk.write("203.0.113.99");
    desk.do_keys("enter").await;
    desk.do_keys("C").await;
    desk.do_keys("esc g").await;
    let key = desk.model.blocks.cursor.key().unwrap().0.clone();
    while desk.model.blocks.selected().unwrap().1.is_none_or(|d| d.ours.is_some()) {
        desk.press("j");
    }
    desk.do_keys("U").await;
    desk.shows("not ours");
    assert!(desk.model.pane.is_none());
    desk.bench
        .sandbox
        .edit(|w| {
            let acl = w.scopes.get_mut(&key.0).unwrap().network_acls.get_mut(&key.1).unwrap();
            acl.entries.retain(|e| e.cidr != "203.0.113.99/32");
        })
        .unwrap();
    desk.pass(Duration::seconds(25));
    desk.settle().await;
    desk.shows("GONE");
    choose(&mut desk, "203.0.113.99");
    desk.shows("somebody else has removed or replaced it");
}
