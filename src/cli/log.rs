//! The log: a file in the data folder, never the terminal that the console draws on.

use super::out::note;
use crate::config::Settings;
use std::path::Path;
use std::sync::Mutex;
use tracing_subscriber::EnvFilter;

/// Starts writing the log, at the level that the settings name. A second start changes nothing. Where it can't be written
/// that is said, and no more: what was done is in the ledger.
pub(super) fn start(settings: &Settings, folder: &Path) {
    let level = settings.log.level.as_str();
    if level == "off" {
        return;
    }
    let path = folder.join("lazaret.log");
    if let Err(error) = write_to(&path, level) {
        note(format!("no log is written: {}: {error}", path.display()));
    }
}

fn write_to(path: &Path, level: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // The SDK's own events may carry request headers: only ours go below warnings.
    let filter = EnvFilter::new(format!("warn,lazaret={level}"));
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(Mutex::new(file));
    let _ = subscriber.try_init();
    Ok(())
}
