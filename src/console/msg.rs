//! Everything that can happen, on one channel: what people do, what time does, and what effects answer.

use crate::cloud::CloudError;
use crate::cloud::port::Parameter;
use crate::config::Key;
use crate::domain::{GroupId, Instance, InstanceId, Interface, NetworkAcl, RunId, Scope};
use crate::engine::Prepared;
use crate::engine::poller::Batch;
use crate::engine::rehearse::Rehearsal;
use crate::ledger::{Record, RunState, Unreadable};
use crate::playbook::plan::Drift;
use crate::playbook::{Observed, Standing};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// Names one plan pane from its opening to the end of its run. An answer that carries another ticket is not for it.
pub type Ticket = u64;

/// What the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseAction {
    /// The left button went down.
    Click,
    /// The wheel turned towards the person.
    WheelDown,
    /// The wheel turned away from the person.
    WheelUp,
}

/// What the system asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To end (SIGTERM, SIGINT).
    Terminate,
    /// To end, since the terminal has gone (SIGHUP).
    HangUp,
    /// To stop for a while (SIGTSTP).
    Suspend,
}

/// An instance that is, or says it is, in quarantine, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveInstance {
    /// The instance.
    pub instance: Instance,
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
}

/// What stands in quarantine in one account and Region, as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineRead {
    /// The instances.
    pub instances: Vec<LiveInstance>,
    /// Of the groups on their interfaces, those that let nothing through but what a quarantine group may.
    pub isolating: BTreeSet<GroupId>,
    /// What the groups on their interfaces are called. Raw.
    pub names: BTreeMap<GroupId, String>,
}

/// Network ACLs and their counters in one account and Region, as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclRead {
    /// The ACLs.
    pub acls: Vec<NetworkAcl>,
    /// The parameters below `/nacl/`.
    pub counters: Vec<Parameter>,
    /// Why the counters could not be read, where they could not.
    pub counters_error: Option<String>,
}

/// How one edit of a run stands live.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The run.
    pub run: RunId,
    /// The edit's fields, which name it.
    pub fields: Vec<String>,
    /// How it stands.
    pub standing: Standing,
}

/// What stands of the credentials that are cut, as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CredentialsRead {
    /// Each edit that could be read.
    pub held: Vec<Held>,
    /// Why others could not be, safe.
    pub errors: Vec<String>,
}

/// The ledger's runs, newest first, and which of the open ones still have a process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunsRead {
    /// The runs.
    pub runs: Vec<RunState>,
    /// What can't be read.
    pub unreadable: Vec<Unreadable>,
    /// The open runs whose process keeps its promise to be alive.
    pub alive: BTreeSet<RunId>,
    /// When the process of an open run was last heard from: a process that was killed still has its promise for a while.
    pub heard: BTreeMap<RunId, DateTime<Utc>>,
}

/// Why a plan could not be made or committed, in words for people.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Failure {
    /// What is wrong.
    pub message: String,
    /// What can be done.
    pub hint: Option<String>,
    /// What somebody else changed, where that is what stands in the way.
    pub drift: Vec<Drift>,
    /// Whether what was asked for stands already: then a restore takes that back.
    pub stands: bool,
    /// The range that has to be typed again, where that is what it wants.
    pub again: Option<IpNet>,
    /// The new plan, where the world changed between preview and commit.
    pub changed: Option<Box<Prepared>>,
}

/// One thing that happened.
#[derive(Debug)]
pub enum Msg {
    /// The console begins.
    Start,
    /// Time passes.
    Tick(DateTime<Utc>),
    /// A key was pressed.
    Key(Key),
    /// Text was pasted. Only text fields take it: pasted keys never act.
    Paste(String),
    /// The mouse did something at a column and row.
    Mouse(MouseAction, u16, u16),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The system asks something.
    Signal(Signal),
    /// A page of findings was read, or not.
    Findings {
        /// Whose.
        hub: Scope,
        /// The page.
        result: Result<Batch, CloudError>,
    },
    /// The ledger was read, or not.
    Runs(Result<RunsRead, String>),
    /// Quarantined instances were read, or not.
    Quarantined {
        /// Where.
        scope: Scope,
        /// What.
        result: Result<QuarantineRead, CloudError>,
    },
    /// Instances that findings name were read, or not.
    Machines {
        /// Where.
        scope: Scope,
        /// What.
        result: Result<Vec<Instance>, CloudError>,
    },
    /// Network ACLs were read, or not.
    Acls {
        /// Where.
        scope: Scope,
        /// What.
        result: Result<AclRead, CloudError>,
    },
    /// What stands of the credentials that are cut was read, or the ledger was not.
    Credentials(Result<CredentialsRead, String>),
    /// An instance was read, or not.
    Observed {
        /// Where.
        scope: Scope,
        /// Which.
        instance: InstanceId,
        /// What.
        result: Result<Box<Observed>, String>,
    },
    /// What groups are called was read, as far as it could be. Raw.
    GroupNames {
        /// Where.
        scope: Scope,
        /// What each is called.
        names: Vec<(GroupId, String)>,
    },
    /// A plan was made, or not.
    Prepared {
        /// For which pane.
        ticket: Ticket,
        /// The plan.
        result: Result<Box<Prepared>, Failure>,
    },
    /// EC2 was asked whether a plan's calls would go through, or could not be.
    Rehearsed {
        /// For which pane.
        ticket: Ticket,
        /// What it said.
        result: Result<Vec<Rehearsal>, String>,
    },
    /// A run of ours got a record.
    Progress {
        /// For which pane.
        ticket: Ticket,
        /// The record.
        record: Box<Record>,
    },
    /// A run of ours is over, or never began.
    Committed {
        /// For which pane.
        ticket: Ticket,
        /// The run.
        result: Result<Box<RunState>, Failure>,
    },
    /// The report of an incident was written to this file, or not.
    Reported(Result<String, String>),
    /// Something of ours broke that should not have.
    Trouble(String),
}
