//! The same plan another way: what may survive is said, and every way waits for its own commit.

use super::desk::Desk;
use lazaret::console::model::contained::Status;

fn mutations(desk: &Desk) -> usize {
    desk.bench.sandbox.calls().iter().filter(|c| c.mutating).count()
}

#[tokio::test]
async fn a_quarantine_can_cut_flows_and_says_what_may_survive() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.resize(160, 60);
    desk.select("SSHBruteForce").await;
    desk.do_keys("Q").await;
    desk.shows(
        "flows that are open now are left to time out (x: flows are cut by a moment in a group that allows all)",
    );
    desk.hides("stands open to everybody for a moment");
    desk.do_keys("x").await;
    desk.shows("stands open to everybody for a moment");
    desk.shows("egress-only internet gateways, and ICMP");
    desk.hides("denies the finding's address alone, for an hour");
    desk.do_keys("x").await;
    desk.hides("stands open to everybody for a moment");
    desk.shows("denies the finding's address alone, for an hour");
    desk.press("x");
    desk.settle().await;
    // A commit that was on its way was meant for the plan before.
    desk.press("C");
    assert_eq!(mutations(&desk), 0);
    desk.rest().await;
    desk.shows("egress-only internet gateways, and ICMP");
    desk.shows("denies the finding's address alone, for an hour");
    desk.do_keys("C").await;
    desk.shows("Quarantine done");
    desk.shows("WHAT THIS DOES NOT STOP");
    desk.shows("egress-only internet gateways, and ICMP");
    let build = desk.bench.find("build-7");
    assert_eq!(desk.model.quarantine.status(&build), Some(Status::Isolated));
    let calls: Vec<String> = desk.bench.sandbox.calls().into_iter().map(|c| c.operation).collect();
    assert!(calls.iter().any(|c| c.contains("CreateNetworkAclEntry")), "{calls:?}");
    // Back to none: the ring closes, on another instance.
    desk.do_keys("esc").await;
    desk.select("BitcoinTool !sample web-1").await;
    desk.do_keys("Q").await;
    desk.do_keys("x").await;
    desk.do_keys("x").await;
    desk.do_keys("x").await;
    desk.do_keys("x").await;
    desk.shows("flows that are open now are left to time out");
}

#[tokio::test]
async fn evidence_comes_first_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let bench = crate::support::bench::Bench::new("crypto-mining");
    let mut desk = Desk::with(bench, |s| s.evidence = Some(folder.path().to_owned()));
    desk.begin().await;
    desk.resize(160, 60);
    desk.select("SSHBruteForce").await;
    desk.do_keys("Q").await;
    desk.shows("isolated at once, evidence beside it (e: snapshots and scripts first, isolated after 60 s at most)");
    desk.hides("Run processes.sh");
    desk.do_keys("e").await;
    desk.shows("snapshots and scripts first, isolated after 60 s at most (e: isolated at once");
    let first = |desk: &Desk, what: &str| {
        let plan = desk.model.pane.as_ref().unwrap().plan().unwrap();
        plan.steps.iter().filter(|s| s.title.contains(what)).map(|s| s.wave).min()
    };
    let (scripts, isolation) = (first(&desk, "processes.sh"), first(&desk, "Isolate eni-"));
    assert!(scripts.is_some() && scripts < isolation, "{scripts:?} {isolation:?}");
    desk.do_keys("e").await;
    assert_eq!(first(&desk, "processes.sh"), None);
    assert_eq!(mutations(&desk), 0);
}

/// A bucket that is not there is no reason to isolate without evidence: the plan says where it goes instead.
#[tokio::test]
async fn evidence_goes_into_a_folder_where_the_bucket_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let bench = crate::support::bench::Bench::new("crypto-mining");
    let mut desk = Desk::with(bench, |s| {
        s.evidence = Some(folder.path().to_owned());
        s.settings.forensics.bucket = Some("no-such-bucket".into());
    });
    desk.begin().await;
    desk.resize(160, 60);
    desk.select("SSHBruteForce").await;
    desk.do_keys("Q").await;
    desk.do_keys("e").await;
    desk.shows("→ evidence is kept in ");
    let words = format!("{:?}", desk.model.pane.as_ref().unwrap().plan().unwrap().steps);
    assert!(words.contains(&*folder.path().to_string_lossy()) && !words.contains("no-such-bucket"), "{words}");
}

/// What is typed has its end on the screen at every width.
#[tokio::test]
async fn what_is_typed_is_seen_on_narrow_screens_too() {
    let mut desk = Desk::open("crypto-mining").await;
    for (width, height) in [(80, 24), (40, 10)] {
        desk.resize(width, height);
        desk.do_keys("3 B").await;
        desk.write("2001:db8:bad:cafe:1234:5678:9abc:def0 24h");
        desk.shows("def0 24h▏");
        desk.press("ctrl-u");
        desk.write("bogus");
        desk.do_keys("enter").await;
        desk.shows("bogus▏");
        desk.press("esc");
    }
}

/// What can't be taken back offers no way back: nothing stands after a refusal, but what stood before it.
#[tokio::test]
async fn a_refusal_offers_a_restore_only_of_what_stands() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.do_keys("3 B").await;
    desk.write("10.1.2.3");
    desk.do_keys("enter").await;
    desk.shows("not possible; nothing has happened");
    desk.hides("R restore");
    desk.press("R");
    desk.hides("Restore");
    desk.do_keys("esc 1").await;
    desk.select("SSHBruteForce").await;
    desk.do_keys("B").await;
    desk.do_keys("C").await;
    desk.do_keys("esc").await;
    desk.shows("◆ blocked");
    desk.do_keys("B").await;
    desk.shows("not possible; nothing has happened");
    desk.shows("R restore");
}

/// A block is not about the instance that it was read with.
#[tokio::test]
async fn a_block_wears_no_instances_name() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("SSHBruteForce").await;
    desk.do_keys("B").await;
    desk.shows("address   198.51.100.139 ");
    desk.hides("198.51.100.139  build-7");
}
