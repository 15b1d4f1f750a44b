//! lazaret: the on-call console for AWS quarantine.
//!
//! One engine, three hands (console, command line, Lambda), one ledger, every change reversible, nothing claimed
//! that was not read back. `ARCHITECTURE.md` is the map of the rooms below.

#![forbid(unsafe_code)]

pub mod cli;
pub mod cloud;
pub mod config;
pub mod console;
pub mod domain;
pub mod engine;
pub mod intake;
pub mod ledger;
pub mod playbook;
pub mod policy;
mod sqlite;
