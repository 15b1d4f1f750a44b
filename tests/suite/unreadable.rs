//! A run that can't be read, a newer lazaret's or one that was changed: it is named wherever runs are told, and keeps
//! nobody from containing, or from taking back what is not of it.

use crate::console::desk::Desk;
use crate::support::bench::Bench;
use crate::support::program::{Home, Said};
use crate::support::sweep::commit_or_crash;
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::engine::Consent;
use lazaret::ledger::event::hash;
use lazaret::ledger::{Event, KnownRuns, RunFilter, SqliteStore, Store};
use std::path::{Path, PathBuf};

const SANDBOX: &str = "--sandbox";
const WEB_1: &str = "i-0ab12cd34ef56ab78";
const ACL: &str = "acl-0b11c000000000001";

/// Writes what only a newer lazaret knows into the third record of a run.
fn spoil(ledger: &Path, run: &str) {
    write(ledger, run, "teleported");
}

/// Writes an event of this name into the third record of a run.
fn write(ledger: &Path, run: &str, event: &str) {
    let raw = rusqlite::Connection::open(ledger).unwrap();
    raw.execute_batch("DROP TRIGGER IF EXISTS record_is_append_only_update").unwrap();
    let event = serde_json::json!({ "event": event }).to_string();
    let spoilt = raw.execute("UPDATE record SET event = ?2 WHERE run = ?1 AND seq = 2", [run, &event]);
    assert_eq!(spoilt.unwrap(), 1);
}

fn ledger(home: &Home) -> PathBuf {
    home.path().join("data/lazaret/sandbox/crypto-mining/ledger.db")
}

/// A home in which web-1 is isolated by a run that can be read, and an address denied by one that can't.
fn home() -> (Home, String) {
    let home = Home::new();
    assert_eq!(home.run(&[SANDBOX, "quarantine", WEB_1, "--yes"]).code, 0);
    let block = home.run(&[SANDBOX, "block", "203.0.113.99", "--nacl", ACL, "--yes", "--json"]);
    let run = block.json()["run"].as_str().unwrap().to_owned();
    spoil(&ledger(&home), &run);
    (home, run)
}

/// A bench whose ledger is a file, to be spoilt.
fn on_disk() -> (tempfile::TempDir, PathBuf, Bench) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let bench = Bench { ledger: SqliteStore::open(&file).unwrap(), ..Bench::new("crypto-mining") }.colleague("ana");
    (folder, file, bench)
}

#[test]
fn lists_name_it_and_tell_the_others() {
    let (home, run) = home();
    let named = |said: &Said| {
        assert_eq!(said.code, 1, "{said:?}");
        assert!(
            said.err.contains("can't be read")
                && said.err.contains("teleported")
                && said.err.contains("lazaret ledger verify"),
            "{said:?}"
        );
    };
    for verb in ["runs", "incidents"] {
        let said = home.run(&[SANDBOX, verb]);
        named(&said);
        assert!(said.err.contains(&run) && said.out.contains(WEB_1), "{said:?}");
    }
    named(&home.run(&[SANDBOX, "runs", "--run", &run]));
    let blocks = home.run(&[SANDBOX, "blocks", "--all"]);
    assert_eq!(blocks.code, 4, "{blocks:?}");
    assert!(format!("{blocks:?}").contains(&format!("run {run} can't be read")), "{blocks:?}");
    assert!(blocks.out.contains("203.0.113.99"), "its deny is there, whoever made it: {blocks:?}");
}

#[test]
fn nobody_is_kept_from_containing_or_from_taking_back_something_else() {
    let (home, run) = home();
    let restored = home.run(&[SANDBOX, "restore", WEB_1, "--yes"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    let again = home.run(&[SANDBOX, "quarantine", WEB_1, "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    let plan = home.run(&[SANDBOX, "block", "203.0.113.98", "--nacl", ACL, "--plan"]);
    assert!(plan.out.contains(&format!("run {run} can't be read")), "{plan:?}");
    let block = home.run(&[SANDBOX, "block", "203.0.113.98", "--nacl", ACL, "--yes", "--json"]);
    assert_eq!(block.code, 0, "{block:?}");
    // Whose a deny is that stands already can't be told, and isn't said without that.
    let stands = home.run(&[SANDBOX, "block", "203.0.113.99", "--nacl", ACL, "--yes"]);
    assert_eq!(stands.code, 3, "{stands:?}");
    assert!(stands.err.contains("denied already") && stands.err.contains(&run), "{stands:?}");
    let back = home.run(&[SANDBOX, "restore", "--run", block.json()["run"].as_str().unwrap(), "--yes"]);
    assert_eq!(back.code, 0, "{back:?}");
    let incidents = home.run(&[SANDBOX, "incidents", "--open", "--json"]);
    let undone = home.run(&[SANDBOX, "undo", incidents.json()["incident"].as_str().unwrap(), "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    // What is of it, or may be, says why it can't.
    for args in [&["restore", "--run", &run, "--yes"][..], &["unblock", "203.0.113.99", "--yes"], &["sweep", "--yes"]] {
        let said = home.run(&[&[SANDBOX], args].concat());
        assert_eq!(said.code, 1, "{args:?}: {said:?}");
        assert!(said.err.contains("can't be read") && said.err.contains("lazaret ledger verify"), "{said:?}");
    }
}

/// I8: what stands in a ledger that somebody has changed is text and nothing else, wherever it is named.
#[test]
fn i8_why_it_cannot_be_read_is_escaped() {
    let (home, run) = home();
    let plan = [SANDBOX, "block", "203.0.113.98", "--nacl", ACL, "--plan"];
    let verbs: [&[&str]; 8] = [
        &[SANDBOX, "runs"],
        &[SANDBOX, "runs", "--run", &run],
        &[SANDBOX, "blocks"],
        &[SANDBOX, "incidents"],
        &[SANDBOX, "restore", "--run", &run, "--plan"],
        &[SANDBOX, "sweep", "--plan"],
        &[SANDBOX, "ledger", "verify"],
        &plan,
    ];
    write(&ledger(&home), &run, "x\u{1b}]0;owned\u{7}\u{202e}\nError: gone");
    for args in verbs {
        let said = home.run(args);
        let told = format!("{}{}", said.out, said.err);
        assert!(
            !told.contains(['\u{1b}', '\u{7}', '\u{202e}']) && !told.contains("\nError: gone"),
            "{args:?}: {told:?}"
        );
    }
    // A record that can be read and does not fit, of a step that nobody planned.
    let raw = rusqlite::Connection::open(ledger(&home)).unwrap();
    let odd = r#"{"event":"skipped","step":"x\u001b[31m","why":"y"}"#;
    assert_eq!(raw.execute("UPDATE record SET event = ?2 WHERE run = ?1 AND seq = 2", [&run, odd]).unwrap(), 1);
    let said = home.run(&[SANDBOX, "runs"]);
    assert!(said.err.contains("which the plan does not have") && !said.err.contains('\u{1b}'), "{said:?}");
}

/// Nobody can tell whether what it left half done still has to be looked into: that is said, and never "nothing".
#[test]
fn an_open_one_is_not_nothing_to_recover() {
    let (home, run) = home();
    assert_eq!(home.run(&[SANDBOX, "recover"]).code, 0, "it has ended");
    let raw = rusqlite::Connection::open(ledger(&home)).unwrap();
    assert_eq!(raw.execute("UPDATE run SET open = 1 WHERE run = ?1", [&run]).unwrap(), 1);
    for args in [&[SANDBOX, "recover"][..], &[SANDBOX, "recover", "--yes", "--json"]] {
        let said = home.run(args);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains(&format!("not recovered: run {run} can't be read")), "{said:?}");
        assert!(!said.err.contains("nothing to recover"), "{said:?}");
    }
    let said = home.run(&[SANDBOX, "recover", "--yes", "--json"]);
    assert_eq!(said.json()["state"].as_str(), Some("failed"), "{said:?}");
}

/// An incident of which only that run tells is not one that does not exist.
#[test]
fn an_incident_that_is_not_found_may_be_of_it() {
    let (home, run) = home();
    for verb in ["report", "undo"] {
        let said = home.run(&[SANDBOX, verb, "block-203.0.113.99"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("no incident begins with") && said.err.contains(&run), "{said:?}");
    }
}

#[tokio::test]
async fn the_console_goes_on_and_says_so() {
    let (_folder, file, bench) = on_disk();
    let spoilt = bench.quarantine("web-2").await.unwrap();
    spoil(&file, &spoilt.run.to_string());
    let mut desk = Desk::with(bench.clone(), |_| {});
    desk.begin().await;
    // What comes after it is told all the same.
    bench.quarantine("web-1").await.unwrap();
    desk.pass(chrono::Duration::seconds(30));
    desk.settle().await;
    desk.rest().await;
    desk.do_keys("5").await;
    desk.shows("web-1");
    desk.shows("can't be read");
    desk.shows("lazaret ledger verify");
    // It stays so for long, and hides nothing else that is wrong.
    desk.bench.sandbox.inject(Fault::on("ec2:DescribeNetworkAcls").always().kind(FaultKind::Throttle));
    desk.pass(chrono::Duration::minutes(5));
    desk.settle().await;
    desk.do_keys("1").await;
    desk.pass(chrono::Duration::seconds(30));
    desk.shows("can't be read, and what it did is not shown");
    desk.shows("! ec2:DescribeNetworkAcls");
    desk.press("!");
    desk.shows("WRONG NOW");
    desk.shows(&spoilt.run.to_string());
}

/// What was known of a run before is not told as if it still were so.
#[tokio::test]
async fn a_run_that_was_readable_once_is_unreadable_now() {
    let (_folder, file, bench) = on_disk();
    let spoilt = bench.quarantine("web-2").await.unwrap();
    let mut known = KnownRuns::default();
    assert_eq!(known.look(&bench.ledger).await.unwrap().runs.len(), 1);
    spoil(&file, &spoilt.run.to_string());
    bench.restore("web-2").await.unwrap_err();
    bench.quarantine("web-1").await.unwrap();
    let told = known.look(&bench.ledger).await.unwrap();
    assert_eq!((told.runs.len(), told.unreadable.len()), (2, 0), "nothing was appended to it");
    let told = KnownRuns::default().look(&bench.ledger).await.unwrap();
    assert_eq!((told.runs.len(), told.unreadable[0].run.clone()), (1, spoilt.run.to_string()));
}

/// As a reader that looks again and again meets it: a newer lazaret goes on with a run that it has seen before.
#[tokio::test]
async fn a_run_that_goes_on_unreadably_is_told_as_it_was_no_more() {
    let (_folder, file, bench) = on_disk();
    bench.sandbox.inject(Fault::on("ec2:ModifyNetworkInterfaceAttribute").nth(2).kind(FaultKind::HangBefore));
    let prepared = bench.prepare("web-1").await.unwrap();
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    let mut known = KnownRuns::default();
    let seen = known.look(&bench.ledger).await.unwrap().runs.remove(0);
    assert!(seen.is_open());
    spoil(&file, &seen.run.to_string());
    let recovered = Event::Recovered { actor: seen.actor.clone() };
    bench.ledger.append(seen.run, seen.next_seq, &[recovered], bench.engine.now()).await.unwrap();
    let told = known.look(&bench.ledger).await.unwrap();
    assert_eq!((told.runs.len(), told.unreadable.len()), (0, 1));
    assert_eq!(told, bench.ledger.list(&RunFilter::default()).await.unwrap(), "as a whole reading shows it");
}

/// Ids rise after it as after any other, whatever the clock says.
#[tokio::test]
async fn what_begins_after_it_has_a_later_id_though_the_clock_was_set_back() {
    let (_folder, file, bench) = on_disk();
    let spoilt = bench.quarantine("web-2").await.unwrap().run;
    spoil(&file, &spoilt.to_string());
    bench.clock.advance(chrono::Duration::hours(-1));
    assert!(bench.quarantine("web-1").await.unwrap().run > spoilt);
}

/// What begins meanwhile and can't be read stops what is about the same, and nothing else.
#[tokio::test]
async fn what_was_planned_before_it_came_about_the_same_is_planned_anew() {
    for (theirs, goes_on) in [("web-1", false), ("web-2", true)] {
        let (_folder, file, bench) = on_disk();
        let prepared = bench.prepare("web-1").await.unwrap();
        let ben = bench.colleague("ben");
        let spoilt = ben.quarantine(theirs).await.unwrap().run;
        spoil(&file, &spoilt.to_string());
        bench.sandbox.clear_calls();
        let answer = bench.engine.commit(&prepared, &Consent::default(), None).await;
        assert_eq!(answer.is_ok(), goes_on, "{answer:?}");
        if let Err(refused) = answer {
            assert!(refused.to_string().contains(&format!("run {spoilt} can't be read")), "{refused}");
            assert!(!bench.sandbox.calls().iter().any(|c| c.mutating), "nothing was called");
        }
        assert!(bench.engine.unfinished().await.unwrap().is_empty());
    }
}

/// A newer lazaret's record stands as it was written: that is told from one that was changed, and what comes after it is
/// checked all the same.
#[tokio::test]
async fn what_a_newer_lazaret_wrote_is_no_tampering() {
    let (_folder, file, bench) = on_disk();
    let run = bench.quarantine("web-2").await.unwrap();
    let before = bench.ledger.verify().await.unwrap();
    let (id, position, event) = (run.run.to_string(), before.records + 1, r#"{"event":"teleported"}"#);
    let at = "2026-03-01T03:00:00.000000Z";
    let hash = hash(position, &id, run.next_seq, at, event, &before.head);
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute(
        "INSERT INTO record (position, run, seq, at, event, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        rusqlite::params![position as i64, id, run.next_seq as i64, at, event, before.head, hash],
    )
    .unwrap();
    let after = bench.quarantine("web-1").await.unwrap();
    let verdict = bench.ledger.verify().await.unwrap();
    assert_eq!((verdict.bad.clone(), verdict.records), (None, position + after.next_seq), "{verdict:?}");
    assert_eq!(verdict.unreadable.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [position]);
    assert!(verdict.unreadable[0].1.contains("teleported"), "{verdict:?}");
    // What is changed after it is found as ever.
    spoil(&file, &after.run.to_string());
    assert!(bench.ledger.verify().await.unwrap().bad.is_some());
}
