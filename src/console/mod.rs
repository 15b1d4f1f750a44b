//! The console.

use crate::config::{Keymap, Settings, Theme};
use crate::domain::{AccountId, Scope};
use crate::engine::Engine;
use std::collections::BTreeMap;

/// What the console runs on.
pub struct Setup {
    /// The engine.
    pub engine: Engine,
    /// Where findings are listed.
    pub hubs: Vec<Scope>,
    /// All account and Region pairs.
    pub scopes: Vec<Scope>,
    /// What people call the accounts.
    pub account_names: BTreeMap<AccountId, String>,
    /// The topic to tell in a scope, where the settings name none.
    pub topics: BTreeMap<Scope, String>,
    /// The settings.
    pub settings: Settings,
    /// The keys.
    pub keymap: Keymap,
    /// The colours.
    pub theme: Theme,
    /// What runs here, such as `sandbox: crypto-mining`.
    pub banner: Option<String>,
}

/// Why the console ended.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConsoleError(String);

/// Runs the console.
///
/// # Errors
/// Always, until it is built.
pub async fn run(_setup: Setup) -> Result<(), ConsoleError> {
    Err(ConsoleError("the console is not built yet".into()))
}
