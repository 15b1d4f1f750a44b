//! Network access lists (NACLs) and their entries.

use super::ids::{AclId, SubnetId, VpcId};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
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

    /// The number of the final deny of IPv6, which can't be changed either.
    pub const FINAL_V6: i32 = 32768;

    /// Whether the range is IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.cidr.contains(':')
    }

    /// Its range; none for one that can't be read.
    pub fn range(&self) -> Option<IpNet> {
        self.cidr.parse().ok()
    }

    /// Whether it lets through some packets of a range: an allow whose own range has an address in common with it. One
    /// that can't be read counts as one that does.
    pub fn lets_through(&self, range: &IpNet) -> bool {
        let touches = |own: IpNet| own.contains(range) || range.contains(&own);
        self.action == AclAction::Allow && self.range().map_or(self.is_ipv6() == is_v6(range), touches)
    }

    /// Whether it denies a range as a whole: every protocol, every port, exactly these addresses.
    pub fn denies_exactly(&self, range: &IpNet) -> bool {
        self.action == AclAction::Deny
            && self.protocol == "-1"
            && self.ports.is_none()
            && self.range().is_some_and(|own| own == range.trunc())
    }
}

/// Whether a range is of IPv6.
fn is_v6(range: &IpNet) -> bool {
    matches!(range, IpNet::V6(_))
}

impl fmt::Display for AclEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            AclAction::Allow => "allow",
            AclAction::Deny => "deny",
        };
        write!(f, "{} {action} {}", self.number, super::text::safe(&self.cidr))?;
        if self.protocol != "-1" {
            write!(f, " protocol {}", super::text::safe(&self.protocol))?;
        }
        match self.ports {
            Some((first, last)) if first == last => write!(f, " port {first}"),
            Some((first, last)) => write!(f, " ports {first}-{last}"),
            None => Ok(()),
        }
    }
}

/// What the parameter that counts an ACL's entries holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclCounter {
    /// Its value as stored. Written by anybody: escape before showing.
    pub value: String,
    /// How often it was written.
    pub version: i64,
    /// When it was last written.
    pub modified_at: Option<DateTime<Utc>>,
}

impl AclCounter {
    /// The name of the parameter that counts an ACL's entries.
    pub fn name_for(acl: &AclId) -> String {
        format!("/nacl/{acl}")
    }

    /// The number it holds; none where it holds something else.
    pub fn number(&self) -> Option<i32> {
        self.value.trim().parse().ok()
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

    /// The lowest allow of a direction that lets through some packets of a range: a deny has to stand below it to cut
    /// them all.
    pub fn lowest_allow(&self, direction: AclDirection, range: &IpNet) -> Option<&AclEntry> {
        self.entries_of(direction, is_v6(range)).into_iter().find(|e| e.lets_through(range))
    }

    /// The deny of exactly this range that takes effect in a direction: it stands below every overlapping allow.
    pub fn effective_deny(&self, direction: AclDirection, range: &IpNet) -> Option<&AclEntry> {
        let allow = self.lowest_allow(direction, range).map_or(AclEntry::FINAL, |e| e.number);
        self.entries_of(direction, is_v6(range)).into_iter().find(|e| e.number < allow && e.denies_exactly(range))
    }

    /// What stands under a number in a direction: numbers are one sequence for both address families.
    pub fn at(&self, direction: AclDirection, number: i32) -> Option<&AclEntry> {
        self.entries.iter().find(|e| e.direction == direction && e.number == number)
    }

    /// The denies below the final one, of either direction, lowest number first.
    pub fn denies(&self) -> Vec<&AclEntry> {
        let mut denies: Vec<&AclEntry> =
            self.entries.iter().filter(|e| e.action == AclAction::Deny && e.number < AclEntry::FINAL).collect();
        denies.sort();
        denies
    }
}
