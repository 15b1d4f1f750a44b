//! What a person has decided beforehand: how to isolate, what to leave alone. Pure data; may import `domain` only.

mod forensics;

pub use forensics::{ForensicsPolicy, VolatileEvidence, check_bucket};

pub mod actions;
pub mod address;
mod block;
pub mod documents;

pub use block::{Band, BlockPolicy, Stands, Ttl};

use crate::domain::GroupId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The tag by which an owner keeps automation away from a resource.
pub const EXEMPT_TAG: &str = "AutoRemediation";

/// The value of [`EXEMPT_TAG`] that keeps us away, compared without regard to case.
pub const EXEMPT_VALUE: &str = "disabled";

/// How an instance is quarantined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuarantinePolicy {
    /// The quarantine group to use; else the VPC's group tagged `lazaret=quarantine`; else one is made.
    pub group: Option<GroupId>,
    /// Whether the quarantine group may reach the VPC's SSM endpoints on TCP 443.
    pub allow_ssm: bool,
    /// Whether all volumes are snapshotted.
    pub snapshots: bool,
    /// Whether snapshots are started, and answered for, before isolation.
    pub evidence_first: bool,
    /// The SNS topic to tell; none for no message.
    pub topic_arn: Option<String>,
    /// Whether the finding is set to NOTIFIED with a note.
    pub update_finding: bool,
    /// Whether isolation may go on when the original groups can't be written as tags (the ledger always has them).
    pub without_tags: bool,
    /// What is captured on the instance itself before it is isolated, when evidence comes first; made from `[forensics]`.
    #[serde(skip)]
    pub volatile: Option<VolatileEvidence>,
    /// Whether it is put in standby in its Auto Scaling group, or detached from it, so that it isn't replaced.
    pub leave_scaling_group: bool,
    /// Whether it is taken out of target groups and classic load balancers.
    pub leave_load_balancers: bool,
    /// Whether Elastic IP addresses are taken off it; they stay allocated.
    pub take_addresses: bool,
    /// Whether its volumes are kept should it be terminated.
    pub keep_volumes: bool,
    /// What is tried against flows in flight.
    pub cut_flows: CutFlows,
    /// How the finding's address is denied, where that is tried: what `[block]` says.
    #[serde(skip)]
    pub denies: DenyPolicy,
}

/// How the finding's address is denied beside a quarantine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DenyPolicy {
    /// How addresses are blocked, and which never.
    pub policy: BlockPolicy,
    /// AWS's published ranges, where somebody keeps the file of them.
    pub aws: Option<Arc<address::AwsRanges>>,
}

/// What is tried against flows that are in flight when an instance is isolated: the groups block new ones alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CutFlows {
    /// Nothing: they time out.
    #[default]
    No,
    /// Each interface passes through a group that allows everything, so that its flows lose their tracking.
    Groups,
    /// The finding's address is denied in the network ACLs, for an hour.
    Nacl,
    /// Both.
    Both,
}

impl CutFlows {
    /// Whether interfaces pass through an allow-all group.
    pub fn by_groups(self) -> bool {
        matches!(self, Self::Groups | Self::Both)
    }

    /// Whether the finding's address is denied.
    pub fn by_acls(self) -> bool {
        matches!(self, Self::Nacl | Self::Both)
    }
}

impl Default for QuarantinePolicy {
    fn default() -> Self {
        Self {
            group: None,
            allow_ssm: false,
            snapshots: true,
            evidence_first: false,
            topic_arn: None,
            update_finding: true,
            without_tags: false,
            volatile: None,
            leave_scaling_group: true,
            leave_load_balancers: true,
            take_addresses: true,
            keep_volumes: true,
            cut_flows: CutFlows::No,
            denies: DenyPolicy::default(),
        }
    }
}
