//! The console: what a SOC on-call engineer keeps open.
//!
//! May import `domain`, `policy`, `config`, `playbook`, `ledger`, `cloud` and `engine`. Built like this:
//! everything that happens is a [`msg::Msg`]; [`update::update`] folds it into the [`model::Model`] and answers with
//! [`effect::Effect`]s, as data; [`view`] draws the model; [`hands`] carry effects out on tasks of their own, whose
//! answers are messages again; [`runtime`] is the loop around it. Deliberately absent outside `hands`, `runtime` and
//! `terminal`: I/O, async, and the clock (time comes as [`msg::Msg::Tick`]). No view and no key reaches a mutating port: a commit is an effect, and the
//! engine's guard decides.

pub mod effect;
pub mod hands;
pub mod layout;
pub mod model;
pub mod msg;
pub mod runtime;
pub mod terminal;
pub mod update;
pub mod view;

use crate::config::{Keymap, Settings, Theme};
use crate::domain::{AccountId, Scope};
use crate::engine::Engine;
use crate::policy::address::AwsRanges;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that the console needs to begin.
pub struct Setup {
    /// What reads, plans and acts.
    pub engine: Engine,
    /// Where findings are listed.
    pub hubs: Vec<Scope>,
    /// Every account and Region whose quarantine and network ACLs are shown.
    pub scopes: Vec<Scope>,
    /// What people call the accounts.
    pub account_names: BTreeMap<AccountId, String>,
    /// The topic to tell in a scope, where the settings name none.
    pub topics: BTreeMap<Scope, String>,
    /// AWS's published ranges, where the settings name a file of them.
    pub aws_ranges: Option<Arc<AwsRanges>>,
    /// The folder that incidents' reports are written into; none where there is none.
    pub reports: Option<PathBuf>,
    /// The folder that evidence is kept in where the settings name no bucket; none where there is none.
    pub evidence: Option<PathBuf>,
    /// Settings.
    pub settings: Settings,
    /// Keys.
    pub keymap: Keymap,
    /// Looks.
    pub theme: Theme,
    /// What says that this is not the real world, such as `sandbox: crypto-mining`.
    pub banner: Option<String>,
}

/// Why the console could not run, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// There is no terminal to draw on.
    #[error("lazaret's console needs a terminal: standard input and output have to be one")]
    NoTerminal,
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Runs the console until it is left. The terminal is as it was afterwards, whatever happened.
///
/// # Errors
/// When there is no terminal, or it fails.
pub async fn run(setup: Setup) -> Result<(), ConsoleError> {
    run_watched(setup, |_| {}).await
}

/// As [`run`]; `watch` sees every message before it is folded, in the one order that there is: to record a session,
/// or to make something happen at a certain moment of it.
///
/// # Errors
/// As [`run`].
pub async fn run_watched(setup: Setup, watch: impl FnMut(&msg::Msg)) -> Result<(), ConsoleError> {
    Box::pin(runtime::run(setup, watch)).await
}
