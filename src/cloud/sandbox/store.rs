//! Where the world is kept: in memory, or in a SQLite file that several processes share.

use super::refusal::{Refusal, Ruling};
use super::world::World;
use crate::sqlite::share;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a stored world's JSON looks like. One of another format is built anew: it is only a simulation.
const FORMAT: i64 = 2;

/// How long a process waits for another's change.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the stored world could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox's state in {path}: {problem}", path = .path.display())]
pub struct StoreError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("not the world it should be: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the world of scenario `{0}` is gone")]
    Gone(String),
}

pub(super) enum Store {
    Memory(Box<Mutex<World>>),
    File(Box<Mutex<FileStore>>),
}

pub(super) struct FileStore {
    path: PathBuf,
    connection: Connection,
    scenario: String,
    version: i64,
    world: World,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new("SandboxStore", error.to_string())
    }
}

impl Store {
    pub(super) fn in_memory(world: World) -> Self {
        Self::Memory(Box::new(Mutex::new(world)))
    }

    /// Opens or makes the file. `build` makes the world where the file has none of this scenario; `fits` says
    /// whether one that it has will do.
    pub(super) fn open<E>(
        path: &Path,
        scenario: &str,
        fits: impl FnOnce(&World) -> bool,
        build: impl FnOnce() -> Result<World, E>,
    ) -> Result<Self, E>
    where
        E: From<StoreError>,
    {
        let named = |problem: Problem| StoreError { path: path.to_owned(), problem };
        let sqlite = |error: rusqlite::Error| named(error.into());
        let mut connection = Connection::open(path).map_err(sqlite)?;
        prepare(&connection).map_err(sqlite)?;
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
        let stored = match load(&change, scenario, None) {
            // Written by a program whose worlds looked otherwise: built anew, as one of another format is.
            Err(Problem::Json(_)) => None,
            other => other.map_err(named)?,
        };
        let (version, world) = match stored {
            Some((version, world)) if fits(&world) => (version, world),
            _ => {
                let world = build()?;
                (save(&change, scenario, &world).map_err(named)?, world)
            }
        };
        change.commit().map_err(sqlite)?;
        let store = FileStore { path: path.to_owned(), connection, scenario: scenario.to_owned(), version, world };
        Ok(Self::File(Box::new(Mutex::new(store))))
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> Result<T, StoreError> {
        match self {
            Self::Memory(world) => Ok(look(&lock(world))),
            Self::File(file) => {
                let mut file = lock(file);
                file.refresh()?;
                Ok(look(&file.world))
            }
        }
    }

    /// The world as it was read last, if it can't be read now.
    pub(super) fn snapshot(&self) -> World {
        match self {
            Self::Memory(world) => lock(world).clone(),
            Self::File(file) => {
                let mut file = lock(file);
                if let Err(error) = file.refresh() {
                    tracing::warn!(%error, "the sandbox's state could not be read again");
                }
                file.world.clone()
            }
        }
    }

    /// Changes the world, alone among all processes. What is refused changes nothing.
    pub(super) fn write<T>(&self, change: impl FnOnce(&mut World) -> Ruling<T>) -> Ruling<T> {
        match self {
            Self::Memory(world) => change(&mut lock(world)),
            Self::File(file) => lock(file).write(change),
        }
    }
}

impl FileStore {
    fn named(&self, problem: impl Into<Problem>) -> StoreError {
        StoreError { path: self.path.clone(), problem: problem.into() }
    }

    fn refresh(&mut self) -> Result<(), StoreError> {
        match load(&self.connection, &self.scenario, Some(self.version)) {
            Ok(Some((version, world))) => (self.version, self.world) = (version, world),
            Ok(None) => {}
            Err(problem) => return Err(self.named(problem)),
        }
        Ok(())
    }

    fn write<T>(&mut self, change: impl FnOnce(&mut World) -> Ruling<T>) -> Ruling<T> {
        let path = self.path.clone();
        let named = |problem: Problem| StoreError { path: path.clone(), problem };
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| named(error.into()))?;
        if let Some((version, world)) = load(&transaction, &self.scenario, Some(self.version)).map_err(named)? {
            (self.version, self.world) = (version, world);
        }
        let mut world = self.world.clone();
        let answer = change(&mut world)?;
        let version = save(&transaction, &self.scenario, &world).map_err(named)?;
        transaction.commit().map_err(|error| named(error.into()))?;
        (self.version, self.world) = (version, world);
        Ok(answer)
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    share(connection, PATIENCE)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS worlds (
            scenario TEXT PRIMARY KEY,
            format INTEGER NOT NULL,
            version INTEGER NOT NULL,
            json TEXT NOT NULL
        ) STRICT",
    )
}

/// The stored world and its version; nothing when it is the version known already, or there is none yet.
fn load(connection: &Connection, scenario: &str, known: Option<i64>) -> Result<Option<(i64, World)>, Problem> {
    let version: Option<(i64, i64)> = connection
        .prepare_cached("SELECT version, format FROM worlds WHERE scenario = ?1")?
        .query_row([scenario], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let version = match (version, known) {
        (None, Some(_)) => return Err(Problem::Gone(scenario.to_owned())),
        (Some((version, _)), Some(known)) if version == known => return Ok(None),
        (None, None) => return Ok(None),
        (Some((_, format)), None) if format != FORMAT => return Ok(None),
        (Some((version, _)), _) => version,
    };
    let json: String = connection
        .prepare_cached("SELECT json FROM worlds WHERE scenario = ?1")?
        .query_row([scenario], |row| row.get(0))?;
    Ok(Some((version, serde_json::from_str(&json)?)))
}

/// Stores the world under the next version.
fn save(connection: &Connection, scenario: &str, world: &World) -> Result<i64, Problem> {
    let json = serde_json::to_string(world)?;
    let version = connection
        .prepare_cached(
            "INSERT INTO worlds (scenario, format, version, json) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (scenario) DO UPDATE SET format = ?2, version = version + 1, json = ?3 RETURNING version",
        )?
        .query_row(params![scenario, FORMAT, json], |row| row.get(0))?;
    Ok(version)
}
