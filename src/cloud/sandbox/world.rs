//! The whole simulated AWS as plain data: what a test copies, changes and compares, and what is stored.
//!
//! Holds no behaviour but looking things up. Times are absolute: a scenario's offsets were turned into dates when
//! the world was built.

use super::brief::FindingBrief;
use super::fleet::FleetWorld;
use super::identities::{InstanceProfile, Intruder, PolicyState, Role, Session, UserState};
use super::inside::Inside;
use super::refusal::{Refusal, Ruling};
use crate::cloud::port::{Parameter, Snapshot, VpcEndpoint};
use crate::domain::{
    AccountId, AclId, GroupId, GroupRule, Instance, InstanceId, Interface, InterfaceId, NetworkAcl, PrefixListId,
    Retention, Scope, SecurityGroup, SnapshotId, SubnetId, Tags, VolumeId, VpcId,
};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// How many security groups an interface may hold unless the quota was raised (VPC user guide, "Amazon VPC quotas").
pub const DEFAULT_GROUPS_PER_INTERFACE: usize = 5;

/// More entries than this are never allowed in one direction and family of a network ACL, whatever the quota (VPC user
/// guide, "Amazon VPC quotas").
const MOST_ENTRIES: usize = 40;

/// A simulated AWS: several accounts and Regions at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// The scenario it was built from.
    pub scenario: String,
    /// What everything random in it derives from.
    pub seed: u64,
    /// When it began; findings arrive relative to this.
    pub started_at: DateTime<Utc>,
    /// Account and Region of the caller's own credentials.
    pub home: Scope,
    /// Security Hub's administrator account and aggregation Region: all linked findings are listed there.
    pub aggregator: Scope,
    /// Who is calling.
    pub caller: Caller,
    /// The accounts, with what is global in each.
    pub accounts: BTreeMap<AccountId, Account>,
    /// What stands in each account and Region.
    #[serde(with = "pairs")]
    pub scopes: BTreeMap<Scope, ScopeWorld>,
    /// The findings that go on arriving for ever, if they do.
    pub background: Option<Background>,
    /// What was changed on background findings, by their index. These are kept when others fade.
    pub touched: BTreeMap<u64, FindingPatch>,
    /// How many ids were given out so far.
    pub made: u64,
    /// Who goes on using stolen credentials.
    #[serde(default)]
    pub intruders: Vec<Intruder>,
}

/// The person behind the calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The role of the home account that the caller's session is of.
    pub role: String,
    /// The role assumed in every other account.
    pub remote_role: String,
    /// The session's name.
    pub session: String,
}

/// An account, with what it has in no Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name for people.
    pub name: String,
    /// Its IAM roles, by name.
    pub roles: BTreeMap<String, Role>,
    /// Its instance profiles, by name.
    pub profiles: BTreeMap<String, InstanceProfile>,
    /// Its IAM users, by name.
    #[serde(default)]
    pub users: BTreeMap<String, UserState>,
    /// Temporary credentials that were handed out, by key id.
    #[serde(default)]
    pub sessions: BTreeMap<String, Session>,
    /// Its own managed policies, by ARN.
    #[serde(default)]
    pub policies: BTreeMap<String, PolicyState>,
}

/// What stands in one account and Region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScopeWorld {
    /// The quota of security groups on one interface, where it isn't the default.
    pub groups_per_interface: Option<usize>,
    /// The quota of entries of a network ACL in each direction and family, where it was raised.
    #[serde(default)]
    pub acl_entries: Option<usize>,
    /// VPCs.
    pub vpcs: BTreeMap<VpcId, Vpc>,
    /// Subnets.
    pub subnets: BTreeMap<SubnetId, Subnet>,
    /// Network ACLs with all their entries.
    pub network_acls: BTreeMap<AclId, NetworkAcl>,
    /// Managed prefix lists, AWS's and the account's own.
    #[serde(default)]
    pub prefix_lists: BTreeMap<PrefixListId, PrefixListState>,
    /// Security groups with their rules.
    pub groups: BTreeMap<GroupId, Group>,
    /// Instances.
    pub instances: BTreeMap<InstanceId, InstanceState>,
    /// Network interfaces, attached or not.
    pub interfaces: BTreeMap<InterfaceId, Interface>,
    /// The tags of volumes.
    pub volumes: BTreeMap<VolumeId, Tags>,
    /// Snapshots that we own.
    pub snapshots: BTreeMap<SnapshotId, SnapshotState>,
    /// Parameters of the Parameter Store, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Interface endpoints, by id.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// SNS topics, by ARN.
    pub topics: BTreeMap<String, Topic>,
    /// Security Hub findings, those to come included.
    pub findings: Vec<StoredFinding>,
    /// Agents, commands, consoles and buckets.
    #[serde(default)]
    pub inside: Inside,
    /// Auto Scaling groups, load balancers and Elastic IP addresses.
    #[serde(default)]
    pub fleet: FleetWorld,
}

/// A managed prefix list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixListState {
    /// Its name.
    pub name: String,
    /// Whether AWS manages it; else it is the account's own.
    pub of_aws: bool,
    /// Its entries.
    pub ranges: Vec<IpNet>,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its IPv4 range.
    pub cidr: String,
    /// Its IPv6 range, if it has one.
    pub ipv6_cidr: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

impl Vpc {
    /// What EC2 puts on each new security group of the VPC (VPC user guide, "Default security groups"): everything
    /// out, in each family that the VPC has.
    pub(super) fn new_egress(&self) -> Vec<GroupRule> {
        let v6 = self.ipv6_cidr.as_ref().map(|_| GroupRule::all_egress_v6());
        std::iter::once(GroupRule::all_egress()).chain(v6).collect()
    }
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its VPC.
    pub vpc: VpcId,
    /// Its IPv4 range.
    pub cidr: String,
    /// Its tags.
    pub tags: Tags,
}

/// A security group with the description that only its creator gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group as it is described.
    pub group: SecurityGroup,
    /// Its description.
    pub description: String,
}

/// An instance with the attributes that `DescribeInstances` doesn't tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceState {
    /// The instance as it is described.
    pub instance: Instance,
    /// `DisableApiTermination`.
    pub termination_protection: bool,
    /// `DisableApiStop`.
    pub stop_protection: bool,
    /// The user data, in Base64.
    #[serde(default)]
    pub user_data: Option<String>,
    /// The id of its profile's association, where it isn't the one that the instance was started with.
    #[serde(default)]
    pub association: Option<String>,
}

/// A snapshot with what its creator gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotState {
    /// The snapshot as it was answered when it was started.
    pub snapshot: Snapshot,
    /// Its description.
    pub description: String,
    /// Its lock, if it has one.
    #[serde(default)]
    pub lock: Option<Retention>,
    /// The accounts that may make volumes from it.
    #[serde(default)]
    pub shared_with: BTreeSet<AccountId>,
}

/// An interface endpoint and its VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The VPC it stands in.
    pub vpc: VpcId,
    /// The endpoint as it is described.
    pub endpoint: VpcEndpoint,
}

/// An SNS topic with all that was published to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
}

/// A published message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// Its body.
    pub body: String,
    /// When it was published.
    pub at: DateTime<Utc>,
}

/// A finding in Security Hub, or on its way there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredFinding {
    /// When Security Hub has it.
    pub arrives_at: DateTime<Utc>,
    /// After how many seconds its product reports it again, with a higher count, if it does.
    pub recurs_every: Option<u32>,
    /// The finding in ASFF.
    pub json: Value,
}

/// What people changed on a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingPatch {
    /// The workflow status, if it was set.
    pub workflow: Option<String>,
    /// The note's ASFF object, if one was set.
    pub note: Option<Value>,
}

/// Findings without end: a pure function of the seed and their index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Background {
    /// How many seconds lie between two of them, about.
    pub period: u32,
    /// What they are made from.
    pub templates: Vec<FindingBrief>,
}

impl World {
    /// The account of this name for people.
    pub fn account_named(&self, name: &str) -> Option<&AccountId> {
        self.accounts.iter().find(|(_, account)| account.name == name).map(|(id, _)| id)
    }

    /// The scope that `account/Region` names, the account by its name for people or its number.
    pub fn scope_named(&self, text: &str) -> Option<Scope> {
        let (account, region) = text.split_once('/')?;
        let account = self.account_named(account).map_or(account, AccountId::as_str);
        Scope::parse(account, region).ok().filter(|scope| self.accounts.contains_key(&scope.account))
    }

    /// What stands in a scope, for a call that was sent there.
    pub(super) fn place(&self, scope: &Scope) -> Ruling<&ScopeWorld> {
        self.scopes.get(scope).ok_or_else(|| self.out_of_reach(scope))
    }

    /// As [`World::place`], to change it.
    pub(super) fn place_mut(&mut self, scope: &Scope) -> Ruling<&mut ScopeWorld> {
        if !self.scopes.contains_key(scope) {
            return Err(self.out_of_reach(scope));
        }
        self.scopes.get_mut(scope).ok_or_else(|| Refusal::new("OptInRequired", "no such Region"))
    }

    /// What an account has in no Region, for a call that was sent there.
    pub(super) fn account(&self, scope: &Scope) -> Ruling<&Account> {
        self.accounts.get(&scope.account).ok_or_else(|| self.out_of_reach(scope))
    }

    /// As [`World::account`], to change it.
    pub(super) fn account_mut(&mut self, scope: &Scope) -> Ruling<&mut Account> {
        self.account(scope)?;
        self.accounts.get_mut(&scope.account).ok_or_else(|| Refusal::new("AccessDenied", "no such account"))
    }

    /// Why nothing can be done in a scope that isn't part of the world.
    fn out_of_reach(&self, scope: &Scope) -> Refusal {
        if self.accounts.contains_key(&scope.account) {
            Refusal::new("OptInRequired", format!("You are not subscribed to this service in {}.", scope.region))
        } else {
            let role = &self.caller.remote_role;
            let message = format!(
                "User is not authorized to perform: sts:AssumeRole on resource: arn:{}:iam::{}:role/{role}",
                scope.partition, scope.account
            );
            Refusal::new("AccessDenied", message).of("sts:AssumeRole")
        }
    }

    /// The caller's ARN in an account.
    pub(super) fn caller_arn(&self, scope: &Scope) -> String {
        let role = if scope.account == self.home.account { &self.caller.role } else { &self.caller.remote_role };
        format!("arn:{}:sts::{}:assumed-role/{role}/{}", scope.partition, scope.account, self.caller.session)
    }

    /// An id that was not given out before: the prefix and 17 hexadecimal digits, the first of them 0, as EC2's are.
    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        self.made += 1;
        let digits = hex_of(&[b"id", &self.seed.to_be_bytes(), &self.made.to_be_bytes()], 16);
        format!("{prefix}0{digits}")
    }

    /// The instance of this id or `Name` tag in a scope.
    pub fn instance(&self, scope: &Scope, id_or_name: &str) -> Option<&InstanceState> {
        let place = self.scopes.get(scope)?;
        let by_name = || place.instances.values().find(|i| i.instance.name() == Some(id_or_name));
        place.instances.get(&InstanceId::new(id_or_name)).or_else(by_name)
    }

    /// The instances of this `Name` tag or id with their scopes, everywhere.
    pub fn find_instance(&self, id_or_name: &str) -> Option<(&Scope, &InstanceState)> {
        self.scopes.keys().find_map(|scope| Some((scope, self.instance(scope, id_or_name)?)))
    }

    /// A copy without what no restore takes back or needs to: snapshots, evidence, commands, messages, workflow and notes
    /// of findings, ids of associations of profiles and addresses, since when targets are registered, how many ids were
    /// given out, and what intruders got.
    #[must_use]
    pub fn restorable(&self) -> Self {
        let mut copy = self.clone();
        copy.made = 0;
        copy.touched.clear();
        copy.intruders.clear();
        for place in copy.scopes.values_mut() {
            place.snapshots.clear();
            place.inside.commands.clear();
            place.inside.buckets.values_mut().for_each(|bucket| bucket.objects.clear());
            place.instances.values_mut().for_each(|state| state.association = None);
            place.fleet.forget_times();
            place.topics.values_mut().for_each(|topic| topic.messages.clear());
            for finding in &mut place.findings {
                if let Some(json) = finding.json.as_object_mut() {
                    for key in ["Workflow", "WorkflowState", "Note"] {
                        json.remove(key);
                    }
                }
            }
        }
        copy
    }
}

impl ScopeWorld {
    /// The interfaces of an instance, by device index.
    pub fn interfaces_of(&self, instance: &InstanceId) -> Vec<&Interface> {
        let mut found: Vec<&Interface> =
            self.interfaces.values().filter(|i| i.instance.as_ref() == Some(instance)).collect();
        found.sort_by_key(|i| i.device_index);
        found
    }

    /// The quota of entries of a network ACL in each direction and family, the final deny included.
    pub fn acl_quota(&self) -> usize {
        self.acl_entries.unwrap_or(NetworkAcl::DEFAULT_QUOTA).min(MOST_ENTRIES)
    }

    /// The quota of groups on one interface.
    pub fn group_quota(&self) -> usize {
        self.groups_per_interface.unwrap_or(DEFAULT_GROUPS_PER_INTERFACE)
    }
}

/// The first `digits` hexadecimal digits of the SHA-256 of some parts, each preceded by its length.
pub(super) fn hex_of(parts: &[&[u8]], digits: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    text
}

/// A map whose keys are no strings, as a list of pairs: JSON has no other keys than strings.
mod pairs {
    use super::{BTreeMap, Scope, ScopeWorld};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<Scope, ScopeWorld>, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Scope, ScopeWorld>, D::Error> {
        Ok(Vec::<(Scope, ScopeWorld)>::deserialize(from)?.into_iter().collect())
    }
}
