//! Network access lists (NACLs) and their entries.

use super::ids::{AclId, SubnetId, VpcId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an entry does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AclAction {
    /// Lets it through.
    Allow,
    /// Drops it.
    Deny,
}

/// Which packets an entry looks at, seen from the subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AclDirection {
    /// Packets that come in.
    Ingress,
    /// Packets that go out.
    Egress,
}

impl fmt::Display for AclDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

/// One numbered entry. Entries are compared whole before one is touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AclEntry {
    /// 1 to 32766; 32767 is the final deny, which can't be changed. The lowest that matches wins.
    pub number: i32,
    /// The direction.
    pub direction: AclDirection,
    /// What it does.
    pub action: AclAction,
    /// The protocol's number, or `-1` for all.
    pub protocol: String,
    /// The range, IPv4 or IPv6, in CIDR notation.
    pub cidr: String,
    /// First and last port; `None` for all.
    pub ports: Option<(i32, i32)>,
}

impl AclEntry {
    /// The number of the final deny.
    pub const FINAL: i32 = 32767;

    /// Whether the range is IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.cidr.contains(':')
    }
}

/// A network ACL with its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAcl {
    /// Its id.
    pub id: AclId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Whether it is the VPC's default.
    pub is_default: bool,
    /// The subnets it guards.
    pub subnets: Vec<SubnetId>,
    /// Its entries, the final denies included.
    pub entries: Vec<AclEntry>,
    /// Its tags.
    pub tags: super::Tags,
}

impl NetworkAcl {
    /// How many entries a NACL may hold per direction and address family by default, the final deny included
    /// (VPC user guide, "Amazon VPC quotas").
    pub const DEFAULT_QUOTA: usize = 20;

    /// The entries of one direction and family, lowest number first.
    pub fn entries_of(&self, direction: AclDirection, ipv6: bool) -> Vec<&AclEntry> {
        let mut entries: Vec<&AclEntry> =
            self.entries.iter().filter(|e| e.direction == direction && e.is_ipv6() == ipv6).collect();
        entries.sort_by_key(|e| e.number);
        entries
    }

    /// The denies below the final one, of either direction, lowest number first.
    pub fn denies(&self) -> Vec<&AclEntry> {
        let mut denies: Vec<&AclEntry> =
            self.entries.iter().filter(|e| e.action == AclAction::Deny && e.number < AclEntry::FINAL).collect();
        denies.sort();
        denies
    }
}
