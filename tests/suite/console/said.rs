//! What the console says is whole, names its own keys, and stands only under what it is about.

use super::desk::Desk;
use crate::support::bench::Bench;
use chrono::Duration;
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::config::Keymap;
use lazaret::console::effect::Effect;
use lazaret::console::model::pane::Stage;
use lazaret::console::msg::Msg;
use lazaret::console::update::update;
use std::collections::BTreeSet;

/// The screen in one line, without frames: sentences are found wherever they were wrapped.
fn words(desk: &mut Desk) -> String {
    let screen = desk.screen();
    let words = screen.split(|c: char| c.is_whitespace() || "│┃╭╮╰╯─├┤".contains(c));
    words.filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(desk: &mut Desk, sentence: &str) {
    let words = words(desk);
    assert!(words.contains(sentence), "`{sentence}` is not said:\n{}", desk.screen());
}

async fn with_keys(own: &str) -> Desk {
    let keymap = Keymap::build("default", Some(("keymap.toml", own))).unwrap();
    let mut desk = Desk::with(Bench::new("crypto-mining"), |s| s.keymap = keymap);
    desk.begin().await;
    desk.resize(80, 40);
    desk
}

/// What to do next is a key where there is one, as the keymap has it now; else the command to type.
#[tokio::test]
async fn a_runs_end_says_keys_and_commands_only_where_no_key_does_it() {
    let cases = [
        ("", "may be compromised: Q quarantine in Findings →", "To take it back: R restore WHAT"),
        (
            "[plan]\n\"R\" = \"none\"\n",
            "may be compromised: Q quarantine in Findings →",
            "To take it back: U unblock in Blocks WHAT",
        ),
        (
            "[findings]\n\"Q\" = \"none\"\n\"X\" = \"quarantine\"\n[blocks]\n\"U\" = \"none\"\n[plan]\n\"R\" = \"none\"\n",
            "may be compromised: X quarantine in Findings →",
            "To take it back: lazaret unblock 198.51.100.139 WHAT",
        ),
    ];
    for (own, contain, back) in cases {
        let mut desk = with_keys(own).await;
        desk.select("SSHBruteForce").await;
        desk.do_keys("B").await;
        desk.do_keys("C").await;
        says(&mut desk, contain);
        says(&mut desk, back);
        // The same in the run's detail, from where another view is as far.
        desk.do_keys("esc 5 enter").await;
        says(&mut desk, contain.trim_end_matches(" →"));
    }
}

#[tokio::test]
async fn a_partial_quarantine_names_both_keys() {
    let mut desk = with_keys("").await;
    desk.select("BitcoinTool !sample web-1").await;
    desk.do_keys("Q").await;
    let fault = Fault::on("ec2:ModifyNetworkInterfaceAttribute").nth(2).always();
    desk.bench.sandbox.inject(fault.kind(FaultKind::Deny));
    desk.do_keys("C").await;
    says(&mut desk, "is NOT isolated");
    says(&mut desk, "Next: Q quarantine in Quarantine again, or R restore");
    desk.hides("lazaret quarantine");
    desk.hides("lazaret restore");
    // The key that was named does it.
    desk.bench.sandbox.clear_faults();
    desk.do_keys("esc 2 Q").await;
    desk.shows("commit quarantine");
    desk.do_keys("C").await;
    desk.shows("Quarantine done");
}

#[tokio::test]
async fn evidence_is_checked_by_a_command_since_no_key_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::with(Bench::new("crypto-mining"), |s| s.evidence = Some(folder.path().to_owned()));
    desk.begin().await;
    desk.resize(80, 40);
    desk.select("SSHBruteForce").await;
    desk.do_keys("F").await;
    desk.do_keys("C").await;
    says(&mut desk, "Check it before it is relied on: lazaret evidence verify 0");
}

/// A long sentence takes lines from the list, and the selected line and the commit key stay to be seen.
#[tokio::test]
async fn a_long_notice_is_read_whole() {
    let long = "the first word of a long sentence that says what holds now and what has to be done next about it, in the \
                account payments-prod, and that ends with the last word";
    let mut desk = Desk::open("crypto-mining").await;
    for (width, height) in [(80, 24), (120, 30), (80, 16)] {
        desk.resize(width, height);
        desk.press("G");
        desk.tell(Msg::Trouble(long.into()));
        says(&mut desk, long);
        let screen = desk.screen();
        assert_eq!(screen.lines().filter(|l| l.contains('▌')).count(), 1, "{screen}");
        desk.shows("a actions");
        desk.press("g");
        desk.do_keys("Q").await;
        desk.tell(Msg::Trouble(long.into()));
        says(&mut desk, long);
        desk.shows("C  commit quarantine");
        desk.press("esc");
        desk.pass(Duration::seconds(31));
        desk.settle().await;
        desk.hides("the last word");
    }
}

/// What there is no room for, and what is gone again, is one key away.
#[tokio::test]
async fn messages_are_read_again_with_a_key() {
    let long = format!("the beginning {}the end of it", "and so on ".repeat(60));
    let mut desk = Desk::open("crypto-mining").await;
    desk.resize(80, 24);
    desk.tell(Msg::Trouble(long.clone()));
    desk.shows("! all of it");
    desk.hides("the end of it");
    desk.press("!");
    says(&mut desk, &long);
    desk.press("!");
    desk.pass(Duration::seconds(60));
    desk.settle().await;
    desk.hides("the beginning");
    desk.press("!");
    desk.shows("Messages");
    says(&mut desk, &long);
    desk.press("esc");
    assert!(desk.model.help.is_none());
    // What can't be read is there whole too.
    desk.bench.sandbox.inject(Fault::on("ec2:DescribeNetworkAcls").always().kind(FaultKind::Deny));
    desk.do_keys("3 r").await;
    desk.press("!");
    says(&mut desk, "WRONG NOW ! the network ACLs of");
    // At forty columns and ten rows as well, in pages.
    desk.resize(40, 10);
    desk.draw();
    desk.press("G");
    says(&mut desk, "the end of it");
}

/// What is wrong with what was typed is read whole, and what was typed stays beside it.
#[tokio::test]
async fn what_is_wrong_with_what_was_typed_is_read_whole() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.resize(80, 24);
    desk.do_keys("3 B").await;
    desk.write("2001:db8:bad:cafe:1234:5678:9abc:def0 24h and more words than there may be");
    desk.do_keys("enter").await;
    says(&mut desk, "an address and a time to stand, and nothing more");
    desk.shows("more words than there may be▏");
}

/// A sentence about one line does not stand under another, nor in another view.
#[tokio::test]
async fn a_notice_about_a_line_goes_when_another_is_looked_at() {
    let mut desk = Desk::open("crypto-mining").await;
    for keys in ["j", "4"] {
        desk.do_keys("3 g U").await;
        desk.shows("no block is selected");
        desk.do_keys(keys).await;
        desk.hides("no block is selected");
    }
}

/// Where a report is does not stand under the next plan, as if it were about that; it is found again.
#[tokio::test]
async fn where_a_report_is_goes_with_its_pane_and_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::with(Bench::new("crypto-mining"), |s| s.reports = Some(folder.path().to_owned()));
    desk.begin().await;
    desk.resize(80, 24);
    desk.select("SSHBruteForce").await;
    desk.do_keys("B").await;
    desk.do_keys("C").await;
    desk.do_keys("W").await;
    desk.shows("the incident's report is in");
    desk.do_keys("esc Q").await;
    desk.shows("commit quarantine");
    desk.hides("the incident's report is in");
    desk.press("!");
    desk.shows("the incident's report is in");
    desk.press("esc");
    desk.shows("commit quarantine");
}

/// A run that was left ends under another plan: it is said which run that was.
#[tokio::test]
async fn a_run_that_was_left_says_which_it_was() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.resize(80, 24);
    desk.select("BitcoinTool !sample web-1").await;
    desk.do_keys("Q").await;
    desk.press("C esc");
    desk.select("SSHBruteForce").await;
    desk.do_keys("Q").await;
    desk.shows("build-7");
    says(&mut desk, "Quarantine i-0ab12cd34ef56ab78, begun before: i-0ab12cd34ef56ab78 is isolated");
}

/// Keys of a plan that come too early, or too late, say why nothing happens.
#[tokio::test]
async fn a_plans_keys_say_why_they_do_nothing() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("SSHBruteForce").await;
    desk.press("Q");
    for key in ["x", "e", "v", "C", "f"] {
        desk.press(key);
        desk.shows(&format!("{key} does nothing now, the plan is still being read"));
    }
    desk.settle().await;
    desk.rest().await;
    // None of them was remembered.
    desk.shows("flows that are open now are left to time out");
    desk.press("v");
    desk.shows("v does nothing now, this plan has no such other way");
    desk.press("C");
    for key in ["x", "C"] {
        desk.press(key);
        desk.shows(&format!("{key} does nothing now, the run is under way"));
    }
    desk.settle().await;
    desk.press("x");
    desk.shows("x does nothing now, the run is over");
    assert!(matches!(desk.model.pane.as_ref().unwrap().stage, Stage::Ended(_)));
}

/// The key that takes back says why it does nothing, in a pane as in a list.
#[tokio::test]
async fn a_restore_that_is_over_says_that_it_is_not_taken_back() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    desk.do_keys("C").await;
    desk.do_keys("R").await;
    desk.do_keys("C").await;
    desk.shows("Restore done");
    desk.do_keys("R").await;
    desk.shows("a restore is not taken back: contain the subject again instead");
}

/// What was said of a plan does not stand under its run.
#[tokio::test]
async fn a_commit_takes_what_was_said_of_the_plan_away() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("SSHBruteForce").await;
    desk.press("Q");
    desk.settle().await;
    desk.press("C");
    desk.shows("look at it, then commit");
    desk.rest().await;
    desk.press("C");
    desk.hides("look at it, then commit");
}

/// Acting in the wrong account is the worst mistake: at every width the header says which it is.
#[tokio::test]
async fn the_account_is_said_at_every_width() {
    let mut desk = Desk::with(Bench::new("crypto-mining"), |s| {
        let hub = s.hubs[0].clone();
        s.scopes = vec![hub.clone()];
        s.account_names.insert(hub.account.clone(), "payments-backend-prod".into());
        s.banner = None;
    });
    desk.begin().await;
    for width in 30..=200 {
        desk.resize(width, 30);
        let screen = desk.screen();
        let header = screen.lines().next().unwrap();
        assert!(header.contains("pay") && header.contains("rod"), "at {width}: {header}");
        assert!(header.contains("ARMED"), "at {width}: {header}");
        if width >= 40 {
            assert!(header.contains("ana"), "at {width}: {header}");
        }
        if width >= 60 {
            assert!(header.contains("payments-backend-prod") && header.contains("eu-cen"), "at {width}: {header}");
        }
    }
}

/// A detail that has the whole page is paged through by pages, and the list keeps its place under it.
#[tokio::test]
async fn a_detail_page_is_paged_and_the_list_keeps_its_place() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.resize(80, 24);
    desk.press("j j j j");
    let before = desk.screen();
    desk.do_keys("enter").await;
    let scroll = |desk: &Desk| desk.model.detail_scroll;
    assert!(desk.model.drawn.detail >= 10, "the detail is long enough to tell");
    desk.press("pgdn");
    assert!(scroll(&desk) >= 10, "{}", scroll(&desk));
    desk.pass(Duration::seconds(15));
    desk.settle().await;
    desk.press("esc");
    let offset = desk.model.findings.cursor.offset();
    assert_eq!(offset, 0, "{before}\n{}", desk.screen());
}

/// The way back of a block or a cut is one key on its finding too.
#[tokio::test]
async fn restore_on_a_finding_takes_back_what_was_not_done_to_an_instance() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("SSHBruteForce").await;
    desk.do_keys("B").await;
    desk.do_keys("C").await;
    desk.do_keys("esc").await;
    desk.shows("◆ blocked");
    desk.do_keys("R").await;
    desk.shows("address   198.51.100.139");
    desk.shows("C  commit restore");
    desk.do_keys("C").await;
    desk.shows("198.51.100.139 is as it was");
    desk.do_keys("esc").await;
    desk.hides("◆ blocked");
}

/// Closed findings are not read until somebody asks; then all of them are, and they go again.
#[tokio::test]
async fn closed_findings_are_listed_when_they_are_asked_for() {
    let mut desk = Desk::open("crypto-mining").await;
    let states = |desk: &Desk| -> BTreeSet<String> { desk.model.findings.rows().map(|r| r.state()).collect() };
    assert!(!states(&desk).contains("resolved"), "{:?}", states(&desk));
    let open = desk.model.findings.total();
    desk.do_keys("c").await;
    assert!(states(&desk).contains("resolved") && states(&desk).contains("suppressed"), "{:?}", states(&desk));
    assert_eq!(desk.model.findings.order().len(), desk.model.findings.total());
    assert!(!desk.seen.iter().any(|e| matches!(e, Effect::Ring(_))), "what is old rings nobody");
    desk.do_keys("c").await;
    assert_eq!(desk.model.findings.total(), open);
    assert!(!states(&desk).contains("resolved"), "{:?}", states(&desk));
}

/// Plans and runs name the groups that they take off and put on.
#[tokio::test]
async fn plans_and_runs_have_the_names_of_groups() {
    let mut desk = Desk::open("crypto-mining").await;
    // Where no detail has read them, the plan has.
    desk.resize(80, 24);
    desk.select("SSHBruteForce").await;
    desk.do_keys("Q").await;
    says(&mut desk, "(was sg-0c1c1000000000001 'runners')");
    desk.press("esc");
    desk.resize(160, 45);
    desk.select("BitcoinTool !sample web-1").await;
    desk.do_keys("Q").await;
    desk.shows("(was sg-0a4400000000000a1 'app' sg-0aeb0000000000001 'web')");
    desk.do_keys("C").await;
    desk.shows("(was sg-0a4400000000000a1 'app' sg-0aeb0000000000001 'web')");
    desk.do_keys("R").await;
    desk.shows("→ Put back sg-0a4400000000000a1 'app' sg-0aeb0000000000001 'web' on");
}

/// A key stands for a command only where it does the same: not for what it can't ask for, nor where it leads back here.
#[tokio::test]
async fn a_command_stays_where_a_key_would_do_something_else() {
    let desk = Desk::open("crypto-mining").await;
    let stays = |desk: &Desk, sentence: &str| assert_eq!(desk.model.keyed(sentence), sentence);
    for sentence in [
        "there: `lazaret exfiltration --role ec2rolle --account 111122223333 --region us-east-1`",
        "lazaret exfiltration arn:aws:guardduty:x --role ec2rolle --region us-east-1",
        "Where that account is ours, `lazaret revoke role|user NAME --account ID`; else not",
        "`lazaret quarantine i-0000000000000dead` again, or `lazaret restore i-0000000000000dead`",
        "`lazaret delete-role --export 01M7ZJFJYNTMPYX5KD6TVEQTBA`",
        "`lazaret unblock 203.0.113.99`, an address that we do not block",
        "`lazaret restore",
        "xlazaret sweep",
    ] {
        stays(&desk, sentence);
    }
    assert_eq!(
        desk.model.keyed("see `lazaret sweep`, then lazaret block 1.2.3.4."),
        "see S sweep in Blocks, then B block in Blocks."
    );
    let mut desk = Desk::open("noisy-morning").await;
    let cut = "name it: `lazaret revoke key AKIAEXAMPLE00BUILD01`";
    desk.select("AKIAEXAMPLE00BUILD01").await;
    assert_eq!(desk.model.keyed(cut), "name it: K revoke");
    desk.do_keys("K").await;
    assert!(desk.model.pane.is_some());
    stays(&desk, cut);
}

/// The palette says that nothing is called so.
#[tokio::test]
async fn a_command_that_is_not_there_is_said_to_be_missing() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.press(":");
    desk.write("zzz");
    desk.shows("No such command works here");
    update(&mut desk.model, Msg::Resize(40, 10));
    desk.shows("No such command works here");
}
