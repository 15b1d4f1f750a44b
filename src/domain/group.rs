//! Security groups and their rules.

use super::ids::{GroupId, VpcId};
use super::instance::Tags;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The other side of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulePeer {
    /// An IPv4 or IPv6 range in CIDR notation.
    Cidr(String),
    /// The members of a security group.
    Group(GroupId),
    /// A prefix list, `pl-…`.
    PrefixList(String),
}

/// One rule of a security group: protocol, ports and one peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupRule {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    pub protocol: String,
    /// First port (or ICMP type); `None` for all.
    pub from_port: Option<i32>,
    /// Last port (or ICMP code); `None` for all.
    pub to_port: Option<i32>,
    /// The other side.
    pub peer: RulePeer,
}

impl GroupRule {
    /// What a new security group allows until it is revoked: everything out, to any IPv4 address.
    pub fn all_egress() -> Self {
        Self { protocol: "-1".into(), from_port: None, to_port: None, peer: RulePeer::Cidr("0.0.0.0/0".into()) }
    }

    /// The same to any IPv6 address: where the VPC has an IPv6 range, a new group allows that too.
    pub fn all_egress_v6() -> Self {
        Self { peer: RulePeer::Cidr("::/0".into()), ..Self::all_egress() }
    }

    /// Everything that EC2 may put on a new group by itself.
    pub fn defaults() -> [Self; 2] {
        [Self::all_egress(), Self::all_egress_v6()]
    }

    /// TCP 443 to one group: what an SSM endpoint needs.
    pub fn https_to(group: GroupId) -> Self {
        Self { protocol: "tcp".into(), from_port: Some(443), to_port: Some(443), peer: RulePeer::Group(group) }
    }
}

impl fmt::Display for GroupRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = if self.protocol == "-1" { "all protocols" } else { &self.protocol };
        write!(f, "{protocol}")?;
        match (self.from_port, self.to_port) {
            (Some(a), Some(b)) if a == b => write!(f, " {a}")?,
            (Some(a), Some(b)) if a >= 0 => write!(f, " {a}-{b}")?,
            _ => {}
        }
        match &self.peer {
            RulePeer::Cidr(cidr) => write!(f, " {cidr}"),
            RulePeer::Group(group) => write!(f, " {group}"),
            RulePeer::PrefixList(list) => write!(f, " {list}"),
        }
    }
}

/// A security group with its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name, unique in its VPC.
    pub name: String,
    /// The VPC it belongs to.
    pub vpc: VpcId,
    /// What it lets in.
    pub ingress: Vec<GroupRule>,
    /// What it lets out.
    pub egress: Vec<GroupRule>,
    /// Its tags.
    pub tags: Tags,
}
