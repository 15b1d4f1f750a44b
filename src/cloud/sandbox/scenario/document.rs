//! What may stand in a scenario's TOML. Unknown keys are errors.

use super::super::brief::{FindingBrief, Span};
use super::ScenarioError;
use super::fleet::{AddressEntry, LoadBalancerEntry, ScalingGroupEntry, TargetGroupEntry};
use super::identities::{AccountEntry, IntruderEntry, PolicyEntry, RoleEntry, SessionEntry, UserEntry};
use super::lines::{AclLine, RuleLine};
use crate::domain::Tags;
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A scenario, or a part of one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    pub(super) title: Option<String>,
    pub(super) about: Option<String>,
    pub(super) include: Vec<String>,
    pub(super) home: Option<String>,
    pub(super) aggregator: Option<String>,
    pub(super) caller: Option<CallerEntry>,
    pub(super) account: Vec<AccountEntry>,
    pub(super) region: Vec<RegionEntry>,
    pub(super) vpc: Vec<VpcEntry>,
    pub(super) instance: Vec<InstanceEntry>,
    pub(super) finding: Vec<FindingBrief>,
    pub(super) noise: Vec<NoiseEntry>,
    pub(super) background: Option<BackgroundEntry>,
    pub(super) agent: Vec<AgentEntry>,
    pub(super) bucket: Vec<BucketEntry>,
    pub(super) user: Vec<UserEntry>,
    pub(super) role: Vec<RoleEntry>,
    pub(super) policy: Vec<PolicyEntry>,
    pub(super) session: Vec<SessionEntry>,
    pub(super) intruder: Vec<IntruderEntry>,
    pub(super) target_group: Vec<TargetGroupEntry>,
    pub(super) load_balancer: Vec<LoadBalancerEntry>,
    pub(super) scaling_group: Vec<ScalingGroupEntry>,
    pub(super) address: Vec<AddressEntry>,
    pub(super) prefix_list: Vec<PrefixListEntry>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallerEntry {
    pub(super) role: String,
    pub(super) remote_role: String,
    pub(super) session: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegionEntry {
    pub(super) scope: String,
    #[serde(default)]
    pub(super) groups_per_interface: Option<usize>,
    /// Names of SNS topics.
    #[serde(default)]
    pub(super) topics: Vec<String>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VpcEntry {
    pub(super) scope: String,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) cidr: String,
    #[serde(default)]
    pub(super) ipv6_cidr: Option<String>,
    #[serde(default)]
    pub(super) subnet: Vec<SubnetEntry>,
    #[serde(default)]
    pub(super) group: Vec<GroupEntry>,
    #[serde(default)]
    pub(super) acl: Vec<AclEntryTable>,
    #[serde(default)]
    pub(super) endpoint: Vec<EndpointEntry>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubnetEntry {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) cidr: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupEntry {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) ingress: Vec<RuleLine>,
    /// Everything to everywhere where it is not given.
    #[serde(default)]
    pub(super) egress: Option<Vec<RuleLine>>,
    #[serde(default)]
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AclEntryTable {
    pub(super) id: String,
    pub(super) name: String,
    /// The default one guards the subnets that no other does.
    #[serde(default)]
    pub(super) default: bool,
    #[serde(default)]
    pub(super) subnets: Vec<String>,
    /// Beside the default allows (100, 101) and the final denies, which are always there.
    #[serde(default)]
    pub(super) rules: Vec<AclLine>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointEntry {
    pub(super) id: String,
    /// The last word of the service's name, such as `ssm`.
    pub(super) service: String,
    pub(super) groups: Vec<String>,
}

/// A managed prefix list: one of AWS's, which every account sees in its Region, or an account's own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrefixListEntry {
    /// Whose it is; AWS's where it is not given.
    #[serde(default)]
    pub(super) account: Option<String>,
    pub(super) region: String,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) ranges: Vec<IpNet>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceEntry {
    pub(super) scope: String,
    pub(super) id: String,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) instance_type: String,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) launched: Span,
    #[serde(default)]
    pub(super) profile: Option<String>,
    #[serde(default)]
    pub(super) operator: Option<String>,
    #[serde(default)]
    pub(super) lifecycle: Option<String>,
    #[serde(default)]
    pub(super) termination_protection: bool,
    #[serde(default)]
    pub(super) stop_protection: bool,
    /// The user data, in Base64.
    #[serde(default)]
    pub(super) user_data: Option<String>,
    /// Whether IMDSv2 is required.
    #[serde(default)]
    pub(super) imdsv2: bool,
    /// How many hops away a session token of the metadata service arrives; one where it is not given.
    #[serde(default)]
    pub(super) hop_limit: Option<i32>,
    #[serde(default)]
    pub(super) tags: Tags,
    /// Adds numbered tags until there are this many.
    #[serde(default)]
    pub(super) fill_tags_to: usize,
    #[serde(default)]
    pub(super) volumes: Vec<VolumeEntry>,
    #[serde(default)]
    pub(super) interface: Vec<InterfaceEntry>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VolumeEntry {
    pub(super) id: String,
    pub(super) device: String,
    #[serde(default = "yes")]
    pub(super) delete_on_termination: bool,
    /// The ARN of the KMS key that encrypts it; `default` for the account's own.
    #[serde(default)]
    pub(super) kms_key: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InterfaceEntry {
    pub(super) id: String,
    /// The subnet's name or id.
    pub(super) subnet: String,
    /// The groups' names or ids.
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) private: Vec<IpAddr>,
    #[serde(default)]
    pub(super) public: Vec<IpAddr>,
    #[serde(default)]
    pub(super) requester_managed: bool,
    #[serde(default)]
    pub(super) operator: Option<String>,
    #[serde(default)]
    pub(super) tags: Tags,
}

/// An agent of Systems Manager, and what scripts and console say there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentEntry {
    pub(super) scope: String,
    /// The instance's name or id.
    pub(super) instance: String,
    /// Whether it has stopped answering.
    #[serde(default)]
    pub(super) lost: bool,
    /// The instance profile that it needs to be online.
    #[serde(default)]
    pub(super) profile: Option<String>,
    /// `Linux` where it is not given.
    #[serde(default)]
    pub(super) platform: String,
    /// What scripts say, by their names.
    #[serde(default)]
    pub(super) says: BTreeMap<String, String>,
    /// What stands on the console.
    #[serde(default)]
    pub(super) console: Option<String>,
}

/// A bucket for evidence.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BucketEntry {
    pub(super) scope: String,
    pub(super) name: String,
    /// Whether it has Object Lock, and with it versions.
    #[serde(default)]
    pub(super) object_lock: bool,
    /// For how many days objects are locked that don't say it themselves.
    #[serde(default)]
    pub(super) retain_days: Option<u32>,
}

/// Many findings from one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoiseEntry {
    /// How many.
    pub(super) times: u32,
    /// When the first may arrive.
    pub(super) from: Span,
    /// When the last may.
    pub(super) until: Span,
    /// The instances they are about, taken in turn.
    #[serde(default)]
    pub(super) on: Vec<String>,
    /// What each of them is like. A remote address of `0.0.0.0` is drawn; `{n}` in a resource's id is its number in
    /// eight hexadecimal digits.
    pub(super) finding: FindingBrief,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackgroundEntry {
    /// About how many seconds lie between two.
    pub(super) period: u32,
    pub(super) finding: Vec<FindingBrief>,
}

impl Document {
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(
                || "somewhere".to_owned(),
                |span| {
                    let before = text.get(..span.start).unwrap_or_default();
                    let line = before.matches('\n').count() + 1;
                    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
                    format!("line {line}, column {column}")
                },
            );
            ScenarioError { file: file.to_owned(), place, message: error.message().to_owned() }
        })
    }
}
