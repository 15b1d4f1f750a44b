//! The built-in store: one SQLite file, WAL, synchronous FULL, so that what was appended survives a power cut.

use super::event::{Actor, Event, GENESIS, Record, hash};
use super::state::RunState;
use super::store::{BeginError, Claim, LedgerError, Listing, News, RunFilter, Store, Unreadable, Verdict};
use crate::domain::{RunId, text};
use crate::playbook::Plan;
use crate::sqlite::share;
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The schema this code writes. Migrations lead from each earlier one to the next, in order.
const SCHEMA: i64 = 1;

/// How long a hand waits for another's writing.
const PATIENCE: Duration = Duration::from_secs(5);

const MIGRATIONS: [&str; SCHEMA as usize] = ["
    CREATE TABLE record (
        position INTEGER PRIMARY KEY,
        run TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at TEXT NOT NULL,
        event TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL,
        UNIQUE (run, seq)
    ) STRICT;
    CREATE TRIGGER record_is_append_only_update BEFORE UPDATE ON record
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
    CREATE TRIGGER record_is_append_only_delete BEFORE DELETE ON record
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
    CREATE TABLE run (
        run TEXT PRIMARY KEY,
        subject TEXT NOT NULL,
        incident TEXT NOT NULL,
        open INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX run_subject ON run (subject);
    CREATE TABLE claim (
        subject TEXT PRIMARY KEY,
        run TEXT NOT NULL,
        actor TEXT NOT NULL,
        since TEXT NOT NULL,
        lease_until TEXT NOT NULL
    ) STRICT;
"];

/// A ledger in one SQLite file. `record` is the truth; `run` and `claim` are derived from it.
#[derive(Clone)]
pub struct SqliteStore {
    place: String,
    connection: Arc<Mutex<Connection>>,
}

impl SqliteStore {
    /// Opens the file, making it and its folder where they aren't there, readable by the owner alone.
    ///
    /// # Errors
    /// When the file can't be opened, is no ledger, or was written by a newer lazaret.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let place = path.display().to_string();
        let fail = |why: String| LedgerError::Store { place: place.clone(), why };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| fail(e.to_string()))?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path)
                .map_err(|e| fail(e.to_string()))?;
        }
        let connection = Connection::open(path).map_err(|e| fail(e.to_string()))?;
        Self::prepare(connection, place)
    }

    /// Opens the file for one who only reads it: as [`SqliteStore::open`], or, where nothing can be written (a full disk, a
    /// copy on read-only media), as it stands in its file.
    ///
    /// # Errors
    /// As there; and where its last records stand in a write-ahead log that can't be read without writing.
    pub fn open_to_read(path: &Path) -> Result<Self, LedgerError> {
        let error = match Self::open(path) {
            Err(error @ LedgerError::Store { .. }) if holds_all(path) => error,
            answer => return answer,
        };
        Self::open_as_it_stands(path).map_err(|_| error)
    }

    fn open_as_it_stands(path: &Path) -> rusqlite::Result<Self> {
        let place = path.display().to_string();
        // Nobody writes it: SQLite may take it as it is, without locks and without files of its own beside it.
        let escaped: String = path
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .map(|b| match char::from(*b) {
                plain if plain.is_ascii_alphanumeric() || "/._-".contains(plain) => plain.to_string(),
                _ => format!("%{b:02X}"),
            })
            .collect();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
        if found != SCHEMA {
            return Err(rusqlite::Error::InvalidQuery);
        }
        Ok(Self { place, connection: Arc::new(Mutex::new(connection)) })
    }

    /// A ledger that is gone with the process: for tests.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn in_memory() -> Result<Self, LedgerError> {
        let fail = |e: rusqlite::Error| LedgerError::Store { place: "memory".into(), why: e.to_string() };
        Self::prepare(Connection::open_in_memory().map_err(fail)?, "memory".into())
    }

    fn prepare(mut connection: Connection, place: String) -> Result<Self, LedgerError> {
        let fail = |e: rusqlite::Error| LedgerError::Store { place: place.clone(), why: e.to_string() };
        share(&connection, PATIENCE).map_err(fail)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(fail)?;
        let version = |c: &Connection| c.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(fail);
        // Opening it writes nothing where there is nothing to migrate: on a full disk it can still be read.
        if version(&connection)? == SCHEMA {
            return Ok(Self { place, connection: Arc::new(Mutex::new(connection)) });
        }
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let found: i64 = version(&tx)?;
        if found > SCHEMA {
            return Err(LedgerError::TooNew { place, found, known: SCHEMA });
        }
        for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            tx.execute_batch(migration).map_err(fail)?;
        }
        tx.pragma_update(None, "user_version", SCHEMA).map_err(fail)?;
        tx.commit().map_err(fail)?;
        Ok(Self { place, connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs blocking work off the async threads: a commit waits for the disk.
    async fn with<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<LedgerError> + Send + 'static,
        F: FnOnce(&mut Connection, &str) -> Result<T, E> + Send + 'static,
    {
        let (connection, place) = (self.connection.clone(), self.place.clone());
        let joined = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection, &place)
        })
        .await;
        joined.unwrap_or_else(|e| Err(LedgerError::Store { place: self.place.clone(), why: e.to_string() }.into()))
    }
}

/// Whether the file by itself is the whole ledger: it is there, and no write-ahead log beside it holds later records.
fn holds_all(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = Path::new(&log);
    path.metadata().is_ok_and(|m| m.len() > 0) && log.metadata().map_or(0, |m| m.len()) == 0
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn unstamp(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc))
}

fn sql(place: &str) -> impl Fn(rusqlite::Error) -> LedgerError + '_ {
    move |e| LedgerError::Store { place: place.to_owned(), why: e.to_string() }
}

/// Appends within a transaction; the chain goes over the whole ledger, so that a run can't be taken out of it.
fn append_in(
    tx: &Transaction<'_>,
    place: &str,
    run: RunId,
    seq: u64,
    events: &[Event],
    now: DateTime<Utc>,
) -> Result<Vec<Record>, LedgerError> {
    let fail = sql(place);
    let (mut position, mut previous): (u64, String) = tx
        .query_row("SELECT position, hash FROM record ORDER BY position DESC LIMIT 1", [], |r| {
            Ok((r.get::<_, i64>(0)?, r.get(1)?))
        })
        .optional()
        .map_err(&fail)?
        .map_or((0, GENESIS.to_owned()), |(p, h): (i64, String)| (p.unsigned_abs(), h));
    let next: i64 = tx
        .query_row("SELECT COALESCE(MAX(seq) + 1, 0) FROM record WHERE run = ?1", [run.to_string()], |r| r.get(0))
        .map_err(&fail)?;
    let open: Option<bool> = tx
        .query_row("SELECT open FROM run WHERE run = ?1", [run.to_string()], |r| r.get(0))
        .optional()
        .map_err(&fail)?;
    // Nothing follows a run's end: a record that did could be read by nobody.
    if next.unsigned_abs() != seq || open == Some(false) {
        return Err(LedgerError::Conflict { run, seq });
    }
    let mut records = Vec::with_capacity(events.len());
    for (seq, event) in (seq..).zip(events) {
        position += 1;
        let json = serde_json::to_string(event)
            .map_err(|e| LedgerError::Store { place: place.to_owned(), why: e.to_string() })?;
        let at = stamp(now);
        let hash = hash(position, &run.to_string(), seq, &at, &json, &previous);
        tx.execute(
            "INSERT INTO record (position, run, seq, at, event, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![position.cast_signed(), run.to_string(), seq.cast_signed(), at, json, previous, hash],
        )
        .map_err(&fail)?;
        records.push(Record {
            position,
            run,
            seq,
            at: now,
            event: event.clone(),
            previous: std::mem::replace(&mut previous, hash.clone()),
            hash,
        });
        if matches!(event, Event::Ended { .. }) {
            tx.execute("DELETE FROM claim WHERE run = ?1", [run.to_string()]).map_err(&fail)?;
            tx.execute("UPDATE run SET open = 0 WHERE run = ?1", [run.to_string()]).map_err(&fail)?;
        }
    }
    Ok(records)
}

fn claim_in(connection: &Connection, place: &str, subject: &str) -> Result<Option<Claim>, LedgerError> {
    let row = connection
        .query_row("SELECT run, actor, since, lease_until FROM claim WHERE subject = ?1", [subject], |r| {
            Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?, r.get::<_, String>(3)?))
        })
        .optional()
        .map_err(sql(place))?;
    let Some((run, actor, since, lease)) = row else { return Ok(None) };
    let odd = || LedgerError::Store { place: place.to_owned(), why: format!("the claim on {subject} can't be read") };
    Ok(Some(Claim {
        run: run.parse().map_err(|_| odd())?,
        actor,
        since: unstamp(&since).ok_or_else(odd)?,
        lease_until: unstamp(&lease).ok_or_else(odd)?,
    }))
}

/// One row of `record` as it is stored: the hash goes over these texts.
struct Row {
    position: u64,
    run: String,
    seq: u64,
    at: String,
    event: String,
    previous: String,
    hash: String,
}

impl Row {
    const COLUMNS: &str = "position, run, seq, at, event, previous, hash";

    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            position: row.get::<_, i64>(0)?.unsigned_abs(),
            run: row.get(1)?,
            seq: row.get::<_, i64>(2)?.unsigned_abs(),
            at: row.get(3)?,
            event: row.get(4)?,
            previous: row.get(5)?,
            hash: row.get(6)?,
        })
    }

    fn decode(self) -> Result<Record, LedgerError> {
        // It may quote the record, which anybody who writes the file can have written.
        let bad = |why: String| LedgerError::Unreadable { position: self.position, why: text::safe(&why).into_owned() };
        Ok(Record {
            position: self.position,
            run: self.run.parse().map_err(&bad)?,
            seq: self.seq,
            at: unstamp(&self.at).ok_or_else(|| bad(format!("`{}` is not a time", self.at)))?,
            event: serde_json::from_str(&self.event).map_err(|e| bad(e.to_string()))?,
            previous: self.previous,
            hash: self.hash,
        })
    }
}

fn records_in(connection: &Connection, place: &str, run: &str) -> Result<Vec<Record>, LedgerError> {
    let fail = sql(place);
    let mut statement = connection
        .prepare_cached(&format!("SELECT {} FROM record WHERE run = ?1 ORDER BY seq", Row::COLUMNS))
        .map_err(&fail)?;
    let rows: Result<Vec<Row>, _> = statement.query_map([run], Row::read).map_err(&fail)?.collect();
    rows.map_err(&fail)?.into_iter().map(Row::decode).collect()
}

/// These runs as their records tell them; what the store itself fails at is the listing's failure.
fn listing(connection: &Connection, place: &str, ids: Vec<String>) -> Result<Listing, LedgerError> {
    let mut listing = Listing::default();
    for id in ids {
        let read = records_in(connection, place, &id).and_then(|records| Ok(RunState::replay(&records)?));
        match read {
            Ok(run) => listing.runs.extend(run),
            Err(error) if error.is_unreadable() => {
                let listed = "SELECT subject, incident FROM run WHERE run = ?1";
                let listed = connection.query_row(listed, [&id], |r| Ok((r.get(0)?, r.get(1)?))).optional();
                let (subject, incident) = listed.map_err(sql(place))?.unzip();
                let run = text::fit(&id, 64);
                listing.unreadable.push(Unreadable { run, subject, incident, why: error.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(listing)
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(
        &self,
        run: RunId,
        actor: &Actor,
        plan: &Plan,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<RunState, BeginError> {
        let event = Event::Begun { actor: actor.clone(), plan: Box::new(plan.clone()) };
        let (subject, incident, actor) = (plan.subject.clone(), plan.incident.clone(), actor.to_string());
        let key = plan.claim_key();
        self.with(move |connection, place| {
            let fail = sql(place);
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&fail)?;
            if let Some(claim) = claim_in(&tx, place, &key)? {
                return Err(BeginError::Held { subject, claim });
            }
            tx.execute(
                "INSERT INTO claim (subject, run, actor, since, lease_until) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![key, run.to_string(), actor, stamp(now), stamp(lease_until)],
            )
            .map_err(&fail)?;
            tx.execute(
                "INSERT INTO run (run, subject, incident, open) VALUES (?1, ?2, ?3, 1)",
                params![run.to_string(), subject, incident],
            )
            .map_err(&fail)?;
            let records = append_in(&tx, place, run, 0, &[event], now)?;
            let state = RunState::replay(&records).map_err(LedgerError::from)?;
            tx.commit().map_err(&fail)?;
            state.ok_or_else(|| {
                LedgerError::Store { place: place.to_owned(), why: "nothing was recorded".into() }.into()
            })
        })
        .await
    }

    async fn append(
        &self,
        run: RunId,
        seq: u64,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Result<Vec<Record>, LedgerError> {
        let events = events.to_vec();
        self.with(move |connection, place| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql(place))?;
            let records = append_in(&tx, place, run, seq, &events, now)?;
            tx.commit().map_err(sql(place))?;
            Ok(records)
        })
        .await
    }

    async fn renew(&self, run: RunId, lease_until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.with(move |connection, place| {
            connection
                .execute(
                    "UPDATE claim SET lease_until = ?1 WHERE run = ?2",
                    params![stamp(lease_until), run.to_string()],
                )
                .map_err(sql(place))?;
            Ok(())
        })
        .await
    }

    async fn records(&self, run: RunId) -> Result<Vec<Record>, LedgerError> {
        self.with(move |connection, place| records_in(connection, place, &run.to_string())).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<Listing, LedgerError> {
        let filter = filter.clone();
        self.with(move |connection, place| {
            let fail = sql(place);
            // A run's id begins with when it began.
            let since = filter.since.map(|at| RunId::from_parts(u64::try_from(at.timestamp_millis()).unwrap_or(0), 0));
            let since = since.map(|run| run.to_string());
            let limit = filter.limit.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1);
            let ids: Vec<String> = {
                let mut statement = connection
                    .prepare_cached(
                        "SELECT run FROM run WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR incident = ?2)
                         AND (?3 = 0 OR open = 1) AND (?5 IS NULL OR run >= ?5) ORDER BY run DESC LIMIT ?4",
                    )
                    .map_err(&fail)?;
                let rows = statement
                    .query_map(params![filter.subject, filter.incident, filter.open_only, limit, since], |r| r.get(0))
                    .map_err(&fail)?;
                rows.collect::<Result<_, _>>().map_err(&fail)?
            };
            listing(connection, place, ids)
        })
        .await
    }

    async fn changed_since(&self, position: u64) -> Result<News, LedgerError> {
        self.with(move |connection, place| {
            let fail = sql(place);
            // One view of the file for all that follows: nothing is appended between the head and the runs.
            let tx = connection.transaction().map_err(&fail)?;
            let head: i64 =
                tx.query_row("SELECT COALESCE(MAX(position), 0) FROM record", [], |r| r.get(0)).map_err(&fail)?;
            let head = head.unsigned_abs();
            if head <= position {
                return Ok(News { head, listing: Listing::default() });
            }
            let ids: Vec<String> = {
                let mut statement = tx
                    .prepare_cached("SELECT DISTINCT run FROM record WHERE position > ?1 ORDER BY run DESC")
                    .map_err(&fail)?;
                let rows = statement.query_map([position.cast_signed()], |r| r.get(0)).map_err(&fail)?;
                rows.collect::<Result<_, _>>().map_err(&fail)?
            };
            Ok(News { head, listing: listing(&tx, place, ids)? })
        })
        .await
    }

    async fn claim(&self, subject: &str) -> Result<Option<Claim>, LedgerError> {
        let subject = subject.to_owned();
        self.with(move |connection, place| claim_in(connection, place, &subject)).await
    }

    async fn verify(&self) -> Result<Verdict, LedgerError> {
        self.with(|connection, place| {
            let fail = sql(place);
            let mut verdict = Verdict { records: 0, runs: 0, head: GENESIS.to_owned(), bad: None, unreadable: vec![] };
            // None for a run of which a record can't be read: what follows in it can't be judged.
            let mut states: BTreeMap<String, Option<RunState>> = BTreeMap::new();
            let mut statement =
                connection.prepare(&format!("SELECT {} FROM record ORDER BY position", Row::COLUMNS)).map_err(&fail)?;
            let mut rows = statement.query([]).map_err(&fail)?;
            while let Some(row) = rows.next().map_err(&fail)? {
                let expected = verdict.records + 1;
                let wrong = match Row::read(row) {
                    Ok(row) => check(row, expected, &verdict.head, &mut states),
                    Err(e) => Err(e.to_string()),
                };
                match wrong {
                    Ok((head, unread)) => {
                        verdict.head = head;
                        verdict.unreadable.extend(unread.map(|why| (expected, why)));
                    }
                    Err(why) => {
                        verdict.bad = Some((expected, why));
                        break;
                    }
                }
                verdict.records += 1;
            }
            verdict.runs = states.len() as u64;
            if verdict.bad.is_none() {
                verdict.bad = derived(connection, place, &states)?.map(|why| (verdict.records, why));
            }
            Ok(verdict)
        })
        .await
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

/// What is wrong with the tables that are derived from the records: a run that is not listed can't be recovered.
fn derived(
    connection: &Connection,
    place: &str,
    states: &BTreeMap<String, Option<RunState>>,
) -> Result<Option<String>, LedgerError> {
    let fail = sql(place);
    let mut statement = connection.prepare("SELECT run, subject, open FROM run").map_err(&fail)?;
    let rows = statement
        .query_map([], |r| Ok((r.get::<_, String>(0)?, (r.get::<_, String>(1)?, r.get::<_, bool>(2)?))))
        .map_err(&fail)?;
    let listed: BTreeMap<String, (String, bool)> = rows.collect::<Result<_, _>>().map_err(&fail)?;
    for (run, state) in states.iter().filter_map(|(run, state)| Some((run, state.as_ref()?))) {
        if listed.get(run) != Some(&(state.plan.subject.clone(), state.is_open())) {
            return Ok(Some(format!("the list of runs does not show run {run} as its records do")));
        }
    }
    let extra = listed.keys().find(|run| !states.contains_key(*run));
    Ok(extra.map(|run| format!("the list of runs shows run {run}, which has no records")))
}

/// Checks one record against the one before it and its run; answers its hash, and why it can't be read where it stands as it
/// was written, or what is wrong with it.
fn check(
    row: Row,
    expected: u64,
    head: &str,
    states: &mut BTreeMap<String, Option<RunState>>,
) -> Result<(String, Option<String>), String> {
    if row.position != expected {
        return Err(format!("record {expected} is missing (the next is {})", row.position));
    }
    if row.previous != head {
        return Err("it does not follow the record before it".into());
    }
    if hash(row.position, &row.run, row.seq, &row.at, &row.event, &row.previous) != row.hash {
        return Err("its text does not match its hash".into());
    }
    let (run, hash) = (row.run.clone(), row.hash.clone());
    let record = match (states.get(&run), row.decode()) {
        (Some(None), _) => return Ok((hash, None)),
        (_, Err(error)) => {
            states.insert(run, None);
            return Ok((hash, Some(error.to_string())));
        }
        (_, Ok(record)) => record,
    };
    match states.get_mut(&run).and_then(Option::as_mut) {
        Some(state) => state.apply(&record).map_err(|e| e.to_string())?,
        None => {
            let state = RunState::replay([&record]).map_err(|e| e.to_string())?;
            states.insert(run, state);
        }
    }
    Ok((hash, None))
}
