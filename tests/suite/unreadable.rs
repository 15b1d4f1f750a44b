//! A run that can't be read, a newer lazaret's or one that was changed: it is named wherever runs are told, and keeps
//! nobody from containing, or from taking back what is not of it.

use crate::console::desk::Desk;
use crate::support::bench::{Bench, start};
use crate::support::program::{Home, Said};
use lazaret::domain::RunId;
use lazaret::ledger::{KnownRuns, SqliteStore};
use std::path::Path;

const SANDBOX: &str = "--sandbox";
const WEB_1: &str = "i-0ab12cd34ef56ab78";
const ACL: &str = "acl-0b11c000000000001";

/// Writes what only a newer lazaret knows into the third record of a run; with bytes that an attacker would like to see on
/// a terminal.
fn spoil(ledger: &Path, run: &str) {
    let raw = rusqlite::Connection::open(ledger).unwrap();
    raw.execute_batch("DROP TRIGGER record_is_append_only_update").unwrap();
    let spoilt = raw
        .execute("UPDATE record SET event = '{\"event\":\"tele\\u001b[31mported\"}' WHERE run = ?1 AND seq = 2", [run]);
    assert_eq!(spoilt.unwrap(), 1);
}

/// A home in which web-1 is isolated by a run that can be read, and an address denied by one that can't.
fn home() -> (Home, String) {
    let home = Home::new();
    assert_eq!(home.run(&[SANDBOX, "quarantine", WEB_1, "--yes"]).code, 0);
    let block = home.run(&[SANDBOX, "block", "203.0.113.99", "--nacl", ACL, "--yes", "--json"]);
    let run = block.json()["run"].as_str().unwrap().to_owned();
    spoil(&home.path().join("data/lazaret/sandbox/crypto-mining/ledger.db"), &run);
    (home, run)
}

#[test]
fn lists_name_it_and_tell_the_others() {
    let (home, run) = home();
    let named = |said: &Said| {
        assert_eq!(said.code, 1, "{said:?}");
        assert!(
            said.err.contains("can't be read")
                && said.err.contains("ported")
                && !said.err.contains('\u{1b}')
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

#[tokio::test]
async fn the_console_goes_on_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let bench = Bench { ledger: SqliteStore::open(&file).unwrap(), ..Bench::new("crypto-mining") }.colleague("ana");
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
}

/// What was known of a run before is not told as if it still were so.
#[tokio::test]
async fn a_run_that_was_readable_once_is_unreadable_now() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let bench = Bench { ledger: SqliteStore::open(&file).unwrap(), ..Bench::new("crypto-mining") }.colleague("ana");
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
    // Ids rise after it as after any other, whatever the clock says.
    assert!(
        bench.quarantine("build-7").await.unwrap().run
            > RunId::from_parts(start().timestamp_millis().unsigned_abs(), 0)
    );
}
