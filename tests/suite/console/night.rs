//! What annoyed somebody at three in the morning, each as a test.

use super::desk::Desk;
use crate::support::bench::Bench;
use crate::support::sweep::commit_or_crash;
use chrono::Duration;
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::console::msg::Msg;
use lazaret::engine::Consent;
use lazaret::ledger::RunFilter;
use lazaret::ledger::Store;

/// Who acts, and that this is practice, are said at every width at which anything is.
#[tokio::test]
async fn who_acts_is_said_at_every_width() {
    let mut desk = Desk::open("crypto-mining").await;
    for width in (40..=200).step_by(4) {
        desk.resize(width, 30);
        let screen = desk.screen();
        let header = screen.lines().next().unwrap();
        for wanted in ["ana", "sandbox", "ARMED"] {
            assert!(header.contains(wanted), "{wanted} at {width}: {header}");
        }
        if width >= 80 {
            assert!(header.contains("accounts") || header.contains("payments"), "where, at {width}: {header}");
        }
    }
}

/// A sentence about a plan goes with the plan; one about the world stands over whatever is open.
#[tokio::test]
async fn a_notice_goes_with_the_pane_it_is_about() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("batch-9").await;
    desk.do_keys("Q").await;
    desk.do_keys("C").await;
    desk.write("nonsense");
    desk.press("enter");
    desk.shows("that is not what was asked for");
    desk.press("esc esc");
    assert!(desk.model.pane.is_none());
    desk.hides("that is not what was asked for");
    desk.press("s");
    desk.shows("sorted by age");
    desk.do_keys("Q").await;
    desk.hides("sorted by age");
    desk.tell(Msg::Trouble("the disk is full".into()));
    desk.shows("the disk is full");
}

/// What stands in the line can be filtered by.
#[tokio::test]
async fn the_state_that_a_line_shows_can_be_filtered_by() {
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    let mut desk = Desk::with(bench, |_| {});
    desk.begin().await;
    let shown = |desk: &mut Desk, word: &str| {
        desk.press("/");
        desk.write(word);
        desk.press("enter");
        let findings = &desk.model.findings;
        let rows: Vec<String> = findings
            .order()
            .iter()
            .filter_map(|id| findings.row(*id))
            .map(|r| format!("{} {}", r.subject.1, desk.model.standing(r).0))
            .collect();
        desk.press("esc");
        rows
    };
    let isolated = shown(&mut desk, "isolated");
    assert!(!isolated.is_empty() && isolated.iter().all(|r| r.contains("◆ isolated")), "{isolated:?}");
    let exempt = shown(&mut desk, "exempt");
    assert!(!exempt.is_empty() && exempt.iter().all(|r| r.contains("batch-9")), "{exempt:?}");
}

/// Who may not be touched is seen in the list, before any plan.
#[tokio::test]
async fn an_exempt_machine_is_marked_in_the_list() {
    let mut desk = Desk::open("crypto-mining").await;
    let screen = desk.screen();
    let line = screen.lines().find(|l| l.contains("batch-9")).unwrap();
    assert!(line.contains('⊘'), "{line}");
    assert!(!screen.lines().find(|l| l.contains("web-1")).unwrap().contains('⊘'));
}

#[tokio::test]
async fn groups_have_their_names_beside_their_ids() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    desk.resize(160, 45);
    desk.shows("sg-0aeb0000000000001  web");
    desk.bench.quarantine("web-1").await.unwrap();
    desk.pass(Duration::seconds(70));
    desk.settle().await;
    desk.do_keys("2").await;
    desk.shows("− sg-0aeb0000000000001  web");
}

/// A bench whose one run hangs in the middle, as if its process had just been killed.
async fn killed() -> Bench {
    let bench = Bench::new("crypto-mining");
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.inject(Fault::on("ec2:ModifyNetworkInterfaceAttribute").kind(FaultKind::HangAfter));
    {
        let consent = lazaret::engine::Consent::default();
        let commit = bench.engine.commit(&prepared, &consent, None);
        tokio::select! {
            _ = commit => panic!("it hangs"),
            () = bench.sandbox.hung() => {}
        }
    }
    bench.sandbox.clear_faults();
    bench
}

/// A process that was killed keeps its promise to be alive for half a minute: nothing is claimed for it meanwhile.
#[tokio::test]
async fn a_silent_process_is_not_called_alive() {
    let mut desk = Desk::with(killed().await, |_| {});
    desk.begin().await;
    desk.do_keys("5").await;
    desk.shows("last heard");
    desk.shows("▶ running");
    desk.pass(Duration::seconds(27));
    desk.settle().await;
    desk.shows("? silent");
    desk.shows("It should have been");
    desk.pass(Duration::seconds(10));
    desk.settle().await;
    desk.shows("ABANDONED");
}

/// What a recovery has finished is one key from being taken back, as any run is.
#[tokio::test]
async fn a_recovered_run_can_be_taken_back_from_its_own_pane() {
    let bench = killed().await;
    bench.let_leases_run_out();
    let mut desk = Desk::with(bench, |_| {});
    desk.begin().await;
    desk.do_keys("5 T").await;
    desk.do_keys("C").await;
    desk.shows("is isolated");
    desk.shows("R restore");
    desk.do_keys("R").await;
    desk.shows("commit restore");
    desk.do_keys("C").await;
    desk.shows("is as it was");
}

/// From the first moment a restore by run says what it is about.
#[tokio::test]
async fn a_restore_by_run_names_its_subject_all_the_way() {
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    let mut desk = Desk::with(bench, |_| {});
    desk.begin().await;
    desk.do_keys("5").await;
    desk.press("R");
    desk.shows("i-0ab12cd34ef56ab78");
    desk.settle().await;
    desk.rest().await;
    desk.press("C");
    desk.shows("i-0ab12cd34ef56ab78");
    desk.settle().await;
    desk.shows("is as it was");
    let runs = desk.bench.ledger.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs.len(), 2);
    // A run that changed nothing was not "taken back".
    desk.do_keys("esc R").await;
    desk.shows("a restore is not taken back");
    desk.do_keys("j R").await;
    desk.shows("the run was taken back already");
}

/// A colleague's restore that is half way is no alarm: what is back already is what was asked for.
#[tokio::test]
async fn an_instance_that_is_being_restored_is_no_alarm() {
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    // The first interface is back, the second is under way.
    bench.sandbox.inject(Fault::on("ec2:ModifyNetworkInterfaceAttribute").nth(2).kind(FaultKind::HangBefore));
    let prepared = bench.engine.prepare_restore(&bench.restore_request("web-1")).await.unwrap();
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    let mut desk = Desk::with(bench.clone(), |_| {});
    desk.begin().await;
    desk.shows("restoring");
    desk.hides("Quarantine 1 !1");
    desk.do_keys("2").await;
    desk.shows("a restore is at work on it");
    desk.hides("PARTIAL");
    // Once its process has gone nothing is at work, and half of it stands open.
    bench.let_leases_run_out();
    desk.pass(Duration::minutes(1));
    desk.settle().await;
    desk.shows("PARTIAL");
    desk.shows("Quarantine 1 !1");
    desk.hides("a restore is at work on it");
}

/// The same of a quarantine: while its process is alive it is at work, and afterwards it stands as it is read.
#[tokio::test]
async fn a_quarantine_whose_process_has_gone_is_not_at_work() {
    let bench = Bench::new("crypto-mining");
    bench.sandbox.inject(Fault::on("ec2:ModifyNetworkInterfaceAttribute").nth(2).kind(FaultKind::HangBefore));
    let prepared = bench.prepare("web-1").await.unwrap();
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    let mut desk = Desk::with(bench.clone(), |_| {});
    desk.begin().await;
    desk.do_keys("2").await;
    desk.shows("a run is at work on it");
    bench.let_leases_run_out();
    desk.pass(Duration::minutes(1));
    desk.settle().await;
    desk.shows("NOT isolated: 1 of 2 interfaces hold the");
    desk.hides("a run is at work on it");
}
