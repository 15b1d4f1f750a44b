//! The ledger: conditional, durable, tamper-evident.

use crate::support::plans::{actor, plan};
use chrono::{DateTime, Duration, Utc};
use lazaret::domain::{Kept, RunId};
use lazaret::ledger::{
    BeginError, Event, KnownRuns, LedgerError, Listing, News, Outcome, RunFilter, RunState, SqliteStore, StepError,
    Store,
};
use lazaret::playbook::StepId;
use proptest::prelude::*;

fn t0() -> DateTime<Utc> {
    "2026-03-01T03:00:00Z".parse().unwrap()
}

fn run_id(n: u64) -> RunId {
    RunId::from_parts(1_000 + n, 7)
}

fn intended(step: &str) -> Event {
    Event::Intended { step: step.into(), change: None }
}

fn applied(step: &str) -> Event {
    Event::Applied { step: step.into(), output: vec![] }
}

fn ended() -> Event {
    Event::Ended { outcome: Outcome::Done, message: "done".into() }
}

async fn begun(store: &SqliteStore, n: u64) -> RunState {
    store
        .begin(run_id(n), &actor("ana"), &plan(&format!("instance:i-{n:08}")), t0(), t0() + Duration::seconds(30))
        .await
        .unwrap()
}

#[tokio::test]
async fn appending_is_conditional_on_the_place_in_the_run() {
    let store = SqliteStore::in_memory().unwrap();
    begun(&store, 1).await;
    store.append(run_id(1), 1, &[intended("tag"), applied("tag")], t0()).await.unwrap();
    let taken = store.append(run_id(1), 1, &[intended("swap")], t0()).await;
    assert!(matches!(taken, Err(LedgerError::Conflict { seq: 1, .. })), "{taken:?}");
    let gap = store.append(run_id(1), 9, &[intended("swap")], t0()).await;
    assert!(matches!(gap, Err(LedgerError::Conflict { .. })), "{gap:?}");
    assert_eq!(store.records(run_id(1)).await.unwrap().len(), 3);
}

/// A file beside the ledger that SQLite has to write can't be made: as on a full disk, or on a copy of the evidence.
#[cfg(unix)]
#[tokio::test]
async fn where_nothing_can_be_written_the_ledger_is_read_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a copy #1?.db");
    begun(&SqliteStore::open(&file).unwrap(), 1).await;
    std::os::unix::fs::symlink("nowhere", folder.path().join("a copy #1?.db-shm")).unwrap();
    assert!(SqliteStore::open(&file).is_err(), "who would write is told");
    let before = std::fs::read(&file).unwrap();
    let store = SqliteStore::open_to_read(&file).unwrap();
    assert_eq!(store.runs(&RunFilter::default()).await.unwrap().len(), 1);
    assert_eq!(store.verify().await.unwrap().bad, None);
    let refused = store.append(run_id(1), 1, &[intended("tag")], t0()).await;
    assert!(matches!(refused, Err(LedgerError::Store { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    // Records that stand in the log beside it would be missed: then it is not read at all.
    std::fs::write(folder.path().join("a copy #1?.db-wal"), "later records").unwrap();
    assert!(SqliteStore::open_to_read(&file).is_err());
    // What isn't there is no ledger, and is not taken for an empty one.
    assert!(SqliteStore::open_to_read(&folder.path().join("no/such\0name.db")).is_err());
}

/// A record after a run's end would be one that no reader understands, and the whole ledger with it.
#[tokio::test]
async fn nothing_is_appended_to_a_run_that_has_ended() {
    let store = SqliteStore::in_memory().unwrap();
    begun(&store, 1).await;
    store.append(run_id(1), 1, &[intended("tag"), applied("tag"), ended()], t0()).await.unwrap();
    let after = store.append(run_id(1), 4, &[Event::Recovered { actor: actor("ben") }], t0()).await;
    assert!(matches!(after, Err(LedgerError::Conflict { seq: 4, .. })), "{after:?}");
    assert_eq!(store.runs(&RunFilter::default()).await.unwrap().len(), 1, "and the ledger can be read");
    assert_eq!(store.verify().await.unwrap().bad, None);
}

#[tokio::test]
async fn one_open_run_holds_a_subject_and_the_end_frees_it() {
    let store = SqliteStore::in_memory().unwrap();
    let same = plan("instance:i-00000001");
    let lease = t0() + Duration::seconds(30);
    store.begin(run_id(1), &actor("ana"), &same, t0(), lease).await.unwrap();
    match store.begin(run_id(2), &actor("ben"), &same, t0(), lease).await {
        Err(BeginError::Held { claim, .. }) => {
            assert_eq!((claim.run, claim.actor.as_str(), claim.since), (run_id(1), "ana", t0()));
        }
        other => panic!("{other:?}"),
    }
    assert!(store.records(run_id(2)).await.unwrap().is_empty(), "a refused run leaves no record");
    store.append(run_id(1), 1, &[ended()], t0()).await.unwrap();
    store.begin(run_id(2), &actor("ben"), &same, t0(), lease).await.unwrap();
    assert_eq!(store.runs(&RunFilter { open_only: true, ..RunFilter::default() }).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_appended_survives_the_process_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/ledger.db");
    let head = {
        let store = SqliteStore::open(&file).unwrap();
        begun(&store, 1).await;
        store.append(run_id(1), 1, &[intended("tag"), applied("tag"), ended()], t0()).await.unwrap();
        store.verify().await.unwrap().head
    };
    let store = SqliteStore::open(&file).unwrap();
    let verdict = store.verify().await.unwrap();
    assert_eq!((verdict.records, verdict.runs, verdict.bad, verdict.head), (4, 1, None, head));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0, "only the owner reads it");
    }
}

#[tokio::test]
async fn every_tampering_is_found_and_its_first_record_named() {
    for (tamper, bad) in [
        ("UPDATE record SET event = replace(event, 'ana', 'eve') WHERE position = 1", 1),
        ("UPDATE record SET at = '2020-01-01T00:00:00.000000Z' WHERE position = 3", 3),
        ("DELETE FROM record WHERE position = 2", 2),
        ("DELETE FROM record WHERE position = 1", 1),
        ("UPDATE record SET hash = previous WHERE position = 4", 4),
        ("UPDATE record SET run = '01ARZ3NDEKTSV4RRFFQ69G5FAV' WHERE position = 5", 5),
        ("UPDATE record SET position = 99 WHERE position = 5", 5),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.db");
        let store = SqliteStore::open(&file).unwrap();
        begun(&store, 1).await;
        begun(&store, 2).await;
        store.append(run_id(1), 1, &[intended("tag"), applied("tag"), ended()], t0()).await.unwrap();
        assert_eq!(store.verify().await.unwrap().bad, None);
        let raw = rusqlite::Connection::open(&file).unwrap();
        raw.execute(tamper, []).expect_err("the triggers keep the honest from it");
        raw.execute_batch("DROP TRIGGER record_is_append_only_update; DROP TRIGGER record_is_append_only_delete")
            .unwrap();
        raw.execute(tamper, []).unwrap();
        let verdict = store.verify().await.unwrap();
        assert_eq!(verdict.bad.as_ref().map(|(p, _)| *p), Some(bad), "{tamper}: {verdict:?}");
    }
}

#[tokio::test]
async fn runs_taken_off_the_list_are_missed() {
    for tamper in ["DELETE FROM run", "UPDATE run SET open = 0", "UPDATE run SET subject = 'instance:i-other'"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.db");
        let store = SqliteStore::open(&file).unwrap();
        begun(&store, 1).await;
        assert_eq!(store.verify().await.unwrap().bad, None);
        rusqlite::Connection::open(&file).unwrap().execute(tamper, []).unwrap();
        assert!(store.verify().await.unwrap().bad.is_some(), "{tamper}");
    }
}

#[tokio::test]
async fn a_ledger_cut_short_has_another_head() {
    let store = SqliteStore::in_memory().unwrap();
    begun(&store, 1).await;
    let short = store.verify().await.unwrap().head;
    store.append(run_id(1), 1, &[ended()], t0()).await.unwrap();
    assert_ne!(store.verify().await.unwrap().head, short);
}

#[tokio::test]
async fn a_newer_schema_is_refused_not_guessed_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    drop(SqliteStore::open(&file).unwrap());
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteStore::open(&file).err().unwrap();
    assert!(matches!(refused, LedgerError::TooNew { found: 99, .. }), "{refused}");
    std::fs::write(folder.path().join("text.db"), "not a database, but long enough to look like a file of one")
        .unwrap();
    assert!(SqliteStore::open(&folder.path().join("text.db")).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_append_to_one_place_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    begun(&SqliteStore::open(&file).unwrap(), 1).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = SqliteStore::open(&file).unwrap();
            tokio::spawn(async move { store.append(run_id(1), 1, &[intended("tag")], t0()).await.is_ok() })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += u32::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(SqliteStore::open(&file).unwrap().verify().await.unwrap().bad, None);
}

#[test]
fn several_hands_may_make_the_ledger_at_once() {
    for _ in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.db");
        let together = std::sync::Barrier::new(4);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    together.wait();
                    SqliteStore::open(&file).unwrap();
                });
            }
        });
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let step = prop_oneof![Just("tag"), Just("swap"), Just("notify"), Just("unknown")].prop_map(StepId::from);
    let error = || StepError { code: "X".into(), message: "x".into() };
    let kept = || Kept { name: "a".into(), sha256: "0".repeat(64), bytes: 1, captured_at: t0(), source: "x".into() };
    (step, 0..11u8).prop_map(move |(step, kind)| match kind {
        0 | 1 => Event::Intended { step, change: None },
        2 => Event::Applied { step, output: vec![] },
        3 => Event::Failed { step, error: error() },
        4 => Event::Indeterminate { step, error: error() },
        5 => Event::Verified { step, seen: String::new() },
        6 => Event::NotVerified { step, seen: String::new() },
        7 => Event::Skipped { step, why: String::new() },
        8 => Event::Kept { step, kept: kept() },
        9 => Event::Recovered { actor: actor("ben") },
        _ => Event::Ended { outcome: Outcome::Partial, message: String::new() },
    })
}

proptest! {
    /// Any events in any order: each either moves the state or is refused and leaves it as it was.
    #[test]
    fn the_state_machine_is_total(events in proptest::collection::vec(any_event(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut state = runtime.block_on(async { begun(&SqliteStore::in_memory().unwrap(), 1).await });
        for event in events {
            let record = lazaret::ledger::Record {
                position: 1, run: state.run, seq: state.next_seq, at: t0(), event: event.clone(),
                previous: String::new(), hash: String::new(),
            };
            let before = state.clone();
            match state.apply(&record) {
                Ok(()) => prop_assert_eq!(state.next_seq, before.next_seq + 1),
                Err(_) => prop_assert_eq!(&state, &before),
            }
            prop_assert!(before.ended.is_none() || state == before, "nothing follows the end");
        }
    }
}

proptest! {
    /// What is judged before it is recorded is judged as every reader will judge it.
    #[test]
    fn what_is_admitted_is_what_can_be_read_again(
        done in proptest::collection::vec(any_event(), 0..12),
        events in proptest::collection::vec(any_event(), 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut state = runtime.block_on(async { begun(&SqliteStore::in_memory().unwrap(), 1).await });
        let apply = |state: &mut RunState, event: &Event| {
            state.apply(&lazaret::ledger::Record {
                position: 1, run: state.run, seq: state.next_seq, at: t0(), event: event.clone(),
                previous: String::new(), hash: String::new(),
            })
        };
        for event in &done {
            drop(apply(&mut state, event));
        }
        let admitted = state.admit(&events).is_ok();
        prop_assert_eq!(admitted, events.iter().all(|event| apply(&mut state, event).is_ok()));
    }
}

#[tokio::test]
async fn only_what_was_appended_since_is_read_again() {
    let store = SqliteStore::in_memory().unwrap();
    assert_eq!(store.changed_since(0).await.unwrap(), News { head: 0, listing: Listing::default() });
    begun(&store, 1).await;
    begun(&store, 2).await;
    let news = store.changed_since(0).await.unwrap();
    assert_eq!((news.head, news.listing.runs.len()), (2, 2));
    assert_eq!(store.changed_since(2).await.unwrap(), News { head: 2, listing: Listing::default() });
    store.append(run_id(1), 1, &[intended("tag"), applied("tag")], t0()).await.unwrap();
    let news = store.changed_since(2).await.unwrap();
    assert_eq!(news.head, 4);
    assert_eq!(
        news.listing.runs.iter().map(|r| (r.run, r.next_seq)).collect::<Vec<_>>(),
        [(run_id(1), 3)],
        "the run whole"
    );
    // A reader that knows more than there is asks about another ledger.
    assert_eq!(store.changed_since(99).await.unwrap(), News { head: 4, listing: Listing::default() });
}

#[tokio::test]
async fn who_knows_the_runs_knows_what_a_whole_reading_shows() {
    let store = SqliteStore::in_memory().unwrap();
    let mut known = KnownRuns::default();
    let whole = async |store: &SqliteStore| store.list(&RunFilter::default()).await.unwrap();
    assert_eq!(known.look(&store).await.unwrap(), Listing::default());
    for n in 1..=3 {
        begun(&store, n).await;
        assert_eq!(known.look(&store).await.unwrap(), whole(&store).await);
    }
    store.append(run_id(2), 1, &[intended("tag"), applied("tag"), ended()], t0()).await.unwrap();
    assert_eq!(known.look(&store).await.unwrap(), whole(&store).await);
    assert_eq!(known.look(&store).await.unwrap(), whole(&store).await, "and again, with nothing new");
    let other = SqliteStore::in_memory().unwrap();
    begun(&other, 9).await;
    assert_eq!(known.look(&other).await.unwrap(), whole(&other).await, "another ledger in its place");
}

#[tokio::test]
async fn runs_are_found_by_when_they_began() {
    let store = SqliteStore::in_memory().unwrap();
    for n in 1..=3 {
        begun(&store, n).await;
    }
    let since = |ms: i64| RunFilter { since: DateTime::from_timestamp_millis(ms), ..RunFilter::default() };
    let found = async |filter: RunFilter| store.runs(&filter).await.unwrap().iter().map(|r| r.run).collect::<Vec<_>>();
    assert_eq!(found(since(1_002)).await, [run_id(3), run_id(2)]);
    assert_eq!(found(since(1_004)).await, []);
}
