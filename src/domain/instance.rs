//! Instances, their network interfaces and volumes, as EC2 reports them.

use super::ids::{GroupId, InstanceId, InterfaceId, SubnetId, VolumeId, VpcId};
use super::metadata::MetadataOptions;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// Tags of a resource. Keys and values are written by anybody with `CreateTags`: escape before showing.
pub type Tags = BTreeMap<String, String>;

/// An instance attribute that keeps people and services from ending an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// `DisableApiTermination`.
    Termination,
    /// `DisableApiStop`.
    Stop,
}

impl Protection {
    /// The attribute's name in EC2's API.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Termination => "disableApiTermination",
            Self::Stop => "disableApiStop",
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Termination => "termination protection",
            Self::Stop => "stop protection",
        })
    }
}

/// A network interface with the groups that really stand on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its id.
    pub id: InterfaceId,
    /// Its position on the instance; 0 is the primary.
    pub device_index: i32,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its security groups.
    pub groups: BTreeSet<GroupId>,
    /// Its private addresses, primary first.
    pub private_ips: Vec<IpAddr>,
    /// Its public addresses.
    pub public_ips: Vec<IpAddr>,
    /// Whether an AWS service made it and manages it: its groups can't be changed by us.
    pub requester_managed: bool,
    /// The service that operates it (`operator.principal`), where one does.
    pub operator: Option<String>,
    /// The instance it is attached to.
    pub instance: Option<InstanceId>,
    /// Its tags.
    pub tags: Tags,
}

impl Interface {
    /// Whether this group stands on it and no other: what "isolated" means for one interface.
    pub fn holds_only(&self, group: &GroupId) -> bool {
        self.groups.len() == 1 && self.groups.contains(group)
    }
}

/// A volume on an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// The name the instance knows it by, such as `/dev/xvda`.
    pub device: String,
    /// Whether it goes when the instance is terminated.
    pub delete_on_termination: bool,
}

/// An EC2 instance as `DescribeInstances` reports it. Its interfaces are read separately, since only
/// `DescribeNetworkInterfaces` is authoritative on what groups stand on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`.
    pub state: String,
    /// Its VPC; none for what is terminated.
    pub vpc: Option<VpcId>,
    /// The subnet of its primary interface.
    pub subnet: Option<SubnetId>,
    /// Its type, such as `m7g.large`.
    pub instance_type: String,
    /// The image it was started from.
    pub image: Option<String>,
    /// When it was started.
    pub launched_at: Option<DateTime<Utc>>,
    /// The ARN of its instance profile.
    pub profile_arn: Option<String>,
    /// The service that operates it, where one does.
    pub operator: Option<String>,
    /// `spot` or `scheduled`, where it is one of those.
    pub lifecycle: Option<String>,
    /// How it serves its metadata; none for what is terminated.
    #[serde(default)]
    pub metadata: Option<MetadataOptions>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// Its tags.
    pub tags: Tags,
}

impl Instance {
    /// Its `Name` tag, unescaped.
    pub fn name(&self) -> Option<&str> {
        self.tags.get("Name").map(String::as_str).filter(|n| !n.is_empty())
    }

    /// Its id, with its name where it has one. Safe.
    pub fn named(&self) -> String {
        self.name().map_or_else(|| self.id.to_string(), |n| format!("{} ({})", self.id, super::text::fit(n, 60)))
    }

    /// Whether it can still be contained: everything but ended or ending.
    pub fn exists(&self) -> bool {
        !matches!(self.state.as_str(), "terminated" | "shutting-down")
    }
}
