//! lazaret's tests from the outside, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // this whole crate is tests

mod again;
mod block;
mod cli;
mod clocks;
mod console;
mod contract;
mod corpus;
mod credentials;
mod credentials_sweep;
mod delete_role;
mod exfiltration;
mod exfiltration_cli;
mod exfiltration_edges;
mod finding_actions;
mod fleet;
mod flows;
mod forensics;
mod incident;
mod ledger;
mod mistakes;
mod permissions;
mod poller;
mod principal;
mod quarantine;
mod revoke;
mod rooms;
mod support;
mod sweep;
mod unreadable;
