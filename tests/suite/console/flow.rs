//! From the key to the plan to the commit to the result, and every way out.

use super::desk::Desk;
use crate::support::bench::Bench;
use chrono::Duration;
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::console::effect::Effect;
use lazaret::console::model::contained::Status;
use lazaret::console::model::pane::Stage;
use lazaret::console::msg::{Failure, Msg, Signal};
use lazaret::domain::{Clock, GroupId};
use lazaret::engine::Guard;

fn mutations(desk: &Desk) -> usize {
    desk.bench.sandbox.calls().iter().filter(|c| c.mutating).count()
}

#[tokio::test]
async fn one_key_to_the_plan_one_to_commit_one_to_restore() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool !sample web-1").await;
    desk.do_keys("Q").await;
    for wanted in [
        "nothing has happened yet",
        "web-1",
        "payments-prod  111122223333",
        "eu-central-1",
        "WHAT THIS WILL NOT STOP",
        "Esc away, nothing happens",
        "C  commit quarantine",
    ] {
        desk.shows(wanted);
    }
    assert_eq!(mutations(&desk), 0);
    desk.do_keys("C").await;
    desk.shows("is isolated: every interface was read back");
    desk.shows("R restore");
    let key = desk.bench.find("web-1");
    assert_eq!(desk.model.quarantine.status(&key), Some(Status::Isolated));
    desk.do_keys("esc").await;
    desk.shows("◆ isolated");
    desk.do_keys("2 R").await;
    desk.shows("C  commit restore");
    desk.do_keys("C").await;
    desk.shows("is as it was");
    desk.do_keys("esc").await;
    assert_eq!(desk.model.quarantine.status(&key), Some(Status::Restored));
    // What the run has set on the finding shows before Security Hub says so.
    desk.do_keys("1").await;
    assert!(desk.model.findings.selected().is_none_or(|r| r.state() != "new"));
}

#[tokio::test]
async fn a_commit_that_was_typed_ahead_is_not_taken() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    desk.press("Q C");
    desk.settle().await;
    desk.press("C");
    assert!(matches!(desk.model.pane.as_ref().unwrap().stage, Stage::Ready { .. }));
    desk.shows("look at it");
    assert_eq!(mutations(&desk), 0);
    desk.rest().await;
    desk.do_keys("C").await;
    assert!(mutations(&desk) > 0);
}

#[tokio::test]
async fn esc_is_always_away_and_nothing_happens() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    for keys in ["Q", "Q esc R", "?", ": "] {
        desk.do_keys(keys).await;
        desk.do_keys("esc").await;
        assert!(desk.model.pane.is_none() && desk.model.help.is_none() && desk.model.palette.is_none(), "{keys}");
    }
    // An answer that comes after the pane was left opens nothing.
    desk.press("Q esc");
    desk.settle().await;
    assert!(desk.model.pane.is_none());
    assert_eq!(mutations(&desk), 0);
}

#[tokio::test]
async fn an_answer_for_another_pane_is_dropped() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    let first = desk.model.pane.clone().unwrap();
    desk.do_keys("esc").await;
    desk.select("SSHBruteForce").await;
    desk.press("Q");
    let second = desk.model.pane.as_ref().unwrap().ticket;
    assert_ne!(first.ticket, second);
    let late = Failure { message: "a belated answer".into(), ..Failure::default() };
    desk.tell(Msg::Prepared { ticket: first.ticket, result: Err(late.clone()) });
    desk.tell(Msg::Committed { ticket: first.ticket, result: Err(late) });
    assert_eq!(desk.model.pane.as_ref().unwrap().stage, Stage::Preparing);
    desk.settle().await;
    desk.shows("build-7");
    desk.hides("a belated answer");
}

#[tokio::test]
async fn a_plan_that_became_stale_is_shown_again_before_it_can_run() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    let (scope, instance) = desk.bench.find("web-1");
    desk.bench
        .sandbox
        .edit(|w| {
            let place = w.scopes.get_mut(&scope).unwrap();
            let interface = place.interfaces.values_mut().find(|i| i.instance.as_ref() == Some(&instance)).unwrap();
            let extra = place.groups.keys().find(|g| !interface.groups.contains(*g)).cloned().unwrap();
            interface.groups.insert(extra);
        })
        .unwrap();
    desk.pass(Duration::seconds(15));
    desk.settle().await;
    desk.rest().await;
    desk.press("C");
    desk.settle().await;
    desk.shows("THE WORLD CHANGED");
    assert_eq!(mutations(&desk), 0);
    // The key that was on its way is not for this plan.
    desk.press("C");
    desk.settle().await;
    assert_eq!(mutations(&desk), 0);
    desk.rest().await;
    desk.do_keys("C").await;
    desk.shows("is isolated");
}

#[tokio::test]
async fn read_only_sends_not_one_mutating_call() {
    let bench = Bench::new("crypto-mining").guarded(Guard { read_only: true, dry_run: false });
    let mut desk = Desk::with(bench, |_| {});
    desk.begin().await;
    desk.shows("READ-ONLY");
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    desk.shows("This can't be committed: this session is read-only");
    desk.do_keys("C").await;
    desk.do_keys("C").await;
    assert_eq!(mutations(&desk), 0);
}

#[tokio::test]
async fn a_dry_run_rehearses_and_changes_nothing() {
    let bench = Bench::new("crypto-mining").guarded(Guard { read_only: false, dry_run: true });
    let mut desk = Desk::with(bench, |_| {});
    desk.begin().await;
    desk.shows("DRY-RUN");
    desk.select("BitcoinTool web-1").await;
    let before = desk.bench.sandbox.world();
    desk.do_keys("Q").await;
    desk.shows("rehearse; nothing is changed");
    desk.do_keys("C").await;
    desk.shows("REHEARSAL; NOTHING WAS CHANGED");
    desk.shows("would go through");
    assert_eq!(desk.bench.sandbox.world(), before);
}

#[tokio::test]
async fn a_sample_is_never_acted_on() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("sample 99999999").await;
    desk.do_keys("Q").await;
    desk.do_keys("C").await;
    assert_eq!(mutations(&desk), 0);
    assert!(desk.model.in_flight() == 0);
}

#[tokio::test]
async fn an_exempted_instance_wants_its_id_typed_and_the_commit_pressed() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("batch-9").await;
    desk.do_keys("Q").await;
    desk.shows("AutoRemediation=");
    desk.do_keys("C").await;
    desk.shows("type the instance's id:");
    desk.write("yes");
    desk.do_keys("enter").await;
    desk.shows("that is not what was asked for");
    assert_eq!(mutations(&desk), 0);
    let (_, id) = desk.bench.find("batch-9");
    desk.press("ctrl-u");
    desk.write(id.as_str());
    desk.do_keys("enter").await;
    assert_eq!(mutations(&desk), 0, "typing is not committing");
    desk.do_keys("C").await;
    desk.shows("is isolated");
}

#[tokio::test]
async fn pasted_text_never_acts() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    desk.tell(Msg::Paste("CCCC\nC".into()));
    desk.settle().await;
    assert_eq!(mutations(&desk), 0);
}

#[tokio::test]
async fn drift_is_shown_and_forced_field_by_field() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.bench.quarantine("web-1").await.unwrap();
    let (scope, instance) = desk.bench.find("web-1");
    desk.bench
        .sandbox
        .edit(|w| {
            let place = w.scopes.get_mut(&scope).unwrap();
            let group: GroupId = place.groups.keys().next().cloned().unwrap();
            let interface = place.interfaces.values_mut().find(|i| i.instance.as_ref() == Some(&instance)).unwrap();
            interface.groups = [group].into();
        })
        .unwrap();
    desk.pass(Duration::seconds(70));
    desk.settle().await;
    assert_eq!(desk.model.quarantine.status(&(scope, instance)), Some(Status::Drift));
    desk.do_keys("2 R").await;
    desk.shows("CHANGED BY SOMEBODY ELSE SINCE");
    desk.shows("left alone");
    desk.do_keys("f").await;
    desk.shows("[x]");
    desk.shows("overwritten as asked");
    desk.do_keys("C").await;
    desk.shows("done");
}

#[tokio::test]
async fn tags_alone_are_believed_only_when_that_is_typed() {
    let first = Bench::new("crypto-mining");
    first.quarantine("web-1").await.unwrap();
    // Another ledger, which knows nothing of it.
    let other = Bench::new("crypto-mining");
    let mut world = first.sandbox.world();
    world.background = None;
    other.sandbox.set_world(world).unwrap();
    other.clock.advance(first.clock.now() - other.clock.now());
    let mut desk = Desk::with(other, |_| {});
    desk.begin().await;
    desk.do_keys("2").await;
    desk.shows("(tags)");
    desk.do_keys("R").await;
    desk.do_keys("C").await;
    desk.shows("type yes to believe the tags:");
    let before = mutations(&desk);
    desk.write("yes");
    desk.do_keys("enter").await;
    assert_eq!(mutations(&desk), before);
    desk.do_keys("C").await;
    assert!(mutations(&desk) > before);
}

#[tokio::test]
async fn a_failed_step_is_said_and_what_holds_too() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    desk.bench.sandbox.deny("ec2:ModifyNetworkInterfaceAttribute");
    desk.do_keys("C").await;
    desk.shows("NOT isolated");
    desk.do_keys("esc").await;
    desk.do_keys("5").await;
    desk.shows("PARTIAL");
}

#[tokio::test]
async fn leaving_waits_until_the_run_is_recorded_and_begins_nothing_more() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    desk.press("C esc q");
    desk.shows("A run is under way");
    desk.press("esc");
    assert!(desk.model.question.is_none() && desk.model.leaving.is_none());
    desk.press("q y");
    assert!(desk.model.leaving.is_some() && !desk.seen.contains(&Effect::Quit));
    desk.shows("leaving: waiting until 1 run is recorded");
    desk.settle().await;
    assert!(desk.seen.contains(&Effect::Quit));
    let runs = desk.bench.engine.unfinished().await.unwrap();
    assert!(runs.is_empty(), "the run has its end in the ledger");
}

#[tokio::test]
async fn signals_leave_and_suspending_waits_for_runs() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.tell(Msg::Signal(Signal::Suspend));
    assert_eq!(desk.seen, [Effect::Suspend]);
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    desk.press("C");
    desk.tell(Msg::Signal(Signal::Suspend));
    assert_eq!(desk.seen, [Effect::Suspend], "a stopped process can't record");
    desk.tell(Msg::Signal(Signal::Terminate));
    assert_eq!(desk.seen, [Effect::Suspend], "the run comes first");
    desk.settle().await;
    assert!(desk.seen.contains(&Effect::Quit));
}

#[tokio::test]
async fn an_abandoned_run_is_told_at_the_start_and_recovered_by_key() {
    let bench = Bench::new("crypto-mining");
    let prepared = bench.prepare("web-1").await.unwrap();
    // The process goes away while a call is under way.
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
    bench.let_leases_run_out();
    let mut desk = Desk::with(bench, |_| {});
    desk.begin().await;
    desk.shows("1 run was not finished and its process has gone: see Activity, T recovers");
    desk.do_keys("5").await;
    desk.shows("ABANDONED");
    desk.do_keys("T").await;
    desk.shows("commit recovery");
    desk.do_keys("C").await;
    desk.shows("is isolated");
    assert!(desk.bench.engine.unfinished().await.unwrap().is_empty());
}
