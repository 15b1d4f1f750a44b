//! What a person has decided beforehand: how to isolate, what to leave alone. Pure data; may import `domain` only.

mod forensics;

pub use forensics::{ForensicsPolicy, VolatileEvidence, check_bucket};

pub mod actions;
pub mod address;
mod block;
pub mod documents;

pub use block::{Band, BlockPolicy, Ttl};

use crate::domain::GroupId;
use serde::{Deserialize, Serialize};

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
        }
    }
}
