//! The log: a file in the data folder, never the terminal that the console draws on.

use super::exit::{Exit, Failure};
use crate::config::Settings;
use std::path::Path;
use std::sync::Mutex;
use tracing_subscriber::EnvFilter;

/// Starts writing the log, at the level that the settings name. A second start changes nothing.
pub(super) fn start(settings: &Settings, folder: &Path) -> Result<(), Failure> {
    let level = settings.log.level.as_str();
    if level == "off" {
        return Ok(());
    }
    let path = folder.join("lazaret.log");
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, format!("the log {}: {e}", path.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(failed)?;
    // The SDK's own events may carry request headers: only ours go below warnings.
    let filter = EnvFilter::new(format!("warn,lazaret={level}"));
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(Mutex::new(file));
    let _ = subscriber.try_init();
    Ok(())
}
