//! SQLite as every room here opens it: one file, written by several processes at once.

use rusqlite::{Connection, ErrorCode, Result};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Makes the file one that others read while it is written (a write-ahead log), and lets this connection wait up to
/// `patience` for another's writing.
///
/// # Errors
/// When SQLite fails, or the file is kept locked for longer than that.
pub(crate) fn share(connection: &Connection, patience: Duration) -> Result<()> {
    connection.busy_timeout(patience)?;
    let until = Instant::now() + patience;
    // Of two that switch a new file at once SQLite refuses one without a wait, whatever its timeout: each holds what
    // the other needs (https://www.sqlite.org/c3ref/busy_handler.html).
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                sleep(Duration::from_millis(5));
            }
            answer => return answer,
        }
    }
}
