//! What update wants done, as data. Nothing here has happened yet.

use super::msg::Ticket;
use crate::domain::{GroupId, InstanceId, RunId, Scope};
use crate::engine::prepare::Request;
use crate::engine::{Consent, Prepared};
use std::sync::Arc;

/// Something that is read again and again. At most one reading of it is under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// The findings of one hub, a page at a time.
    Findings(Scope),
    /// The ledger's runs.
    Runs,
    /// What is in quarantine in one account and Region.
    Quarantined(Scope),
    /// The instances that findings of one account and Region name.
    Machines(Scope),
    /// The network ACLs of one account and Region.
    Acls(Scope),
    /// What stands of the credentials that are cut, in every account.
    Credentials,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read a thing. What is in quarantine, with these instances too, whatever their tags say; of machines, these.
    Read(Thing, Vec<InstanceId>),
    /// List closed findings too from now on, or no more: the next reading of each hub begins anew.
    ListClosed(bool),
    /// Read one instance.
    Observe(Scope, InstanceId),
    /// Read what these groups are called. A help: where it can't be read, ids do.
    NameGroups(Scope, Vec<GroupId>),
    /// Make a plan.
    Prepare(Ticket, Box<Request>),
    /// Carry out a plan, through the engine's guard.
    Commit(Ticket, Arc<Prepared>, Consent),
    /// Ask EC2 whether each call of a plan would go through, and change nothing.
    Rehearse(Ticket, Arc<Prepared>),
    /// Take over a run whose process has gone.
    Recover(Ticket, RunId),
    /// Write the report of an incident to a file.
    Report(String),
    /// Ring the bell, and tell the desktop this.
    Ring(String),
    /// Draw everything again.
    Redraw,
    /// Give the terminal back for a while.
    Suspend,
    /// Leave.
    Quit,
}
