//! What was read from AWS about the subject of a plan, with where and when.

use super::dossier::Dossier;
use super::fleet::{Fleet, FleetNeeds};
use super::group_names::group_list;
use crate::domain::principal::{AccessKey, ProfileAssociation, RoleRecord};
use crate::domain::{
    AccountId, AclCounter, AclId, FindingKey, GroupId, Instance, InstanceId, Interface, InterfaceId, NetworkAcl,
    Principal, Protection, Region, Scope, SecurityGroup, VolumeId, VpcId, Workflow,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The quarantine group of a VPC, as far as looking has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupChoice {
    /// This one.
    Found(SecurityGroup),
    /// The VPC has none: one will be made.
    Missing,
    /// A person named this one, and it isn't there.
    NamedButAbsent(GroupId),
    /// Several groups in the VPC carry our tag: a person has to name one.
    Ambiguous(Vec<GroupId>),
}

/// Where people stand with a finding, as Security Hub shows it or as the ledger knows better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingNow {
    /// Its workflow status.
    pub workflow: Workflow,
    /// Its note; none also where a note was taken back.
    pub note: Option<String>,
    /// Whether its product no longer reports it.
    pub archived: bool,
    /// Whether Security Hub shows it so. If not, it has taken an update of ours and shows what stood there before: it
    /// may take minutes.
    pub shown: bool,
}

/// Which reads an observation is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The instance, its interfaces and volumes.
    pub instance: Option<InstanceId>,
    /// Its protections.
    pub protections: BTreeSet<Protection>,
    /// These groups, to see whether they exist and what they let through.
    pub groups: BTreeSet<GroupId>,
    /// The groups on the SSM endpoints of this VPC.
    pub ssm_endpoints_of: Option<VpcId>,
    /// These instances, without interfaces and protections.
    pub instances: BTreeSet<InstanceId>,
    /// The instance profiles on these instances.
    pub profiles_of: BTreeSet<InstanceId>,
    /// These instances of the account's other Regions, each with the profiles on it.
    pub elsewhere: BTreeMap<Region, BTreeSet<InstanceId>>,
    /// These roles, by name, with everything on them.
    pub roles: BTreeSet<String>,
    /// The group of this name in this VPC.
    pub named_group: Option<(VpcId, String)>,
    /// Auto Scaling, load balancers and Elastic IP addresses.
    pub fleet: FleetNeeds,
    /// These network ACLs with all their entries.
    pub acls: BTreeSet<AclId>,
    /// The counters of these network ACLs.
    pub counters: BTreeSet<AclId>,
    /// The long-term keys of these users.
    pub keys_of: BTreeSet<String>,
    /// These inline policies, each with whose it is.
    pub inline_policies: BTreeSet<(Principal, String)>,
    /// The managed policies on these.
    pub attached_to: BTreeSet<Principal>,
    /// These findings, as Security Hub shows them.
    pub findings: BTreeSet<FindingKey>,
}

impl Needs {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Both together; where they name different instances the first stays.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.instance = self.instance.or(other.instance);
        self.protections.extend(other.protections);
        self.groups.extend(other.groups);
        self.ssm_endpoints_of = self.ssm_endpoints_of.or(other.ssm_endpoints_of);
        self.instances.extend(other.instances);
        self.profiles_of.extend(other.profiles_of);
        for (region, instances) in other.elsewhere {
            self.elsewhere.entry(region).or_default().extend(instances);
        }
        self.roles.extend(other.roles);
        self.named_group = self.named_group.or(other.named_group);
        self.fleet = self.fleet.and(other.fleet);
        self.acls.extend(other.acls);
        self.counters.extend(other.counters);
        self.keys_of.extend(other.keys_of);
        self.inline_policies.extend(other.inline_policies);
        self.attached_to.extend(other.attached_to);
        self.findings.extend(other.findings);
        self
    }
}

/// What was read, where and when. A map lacks what was not asked for, or was asked for and isn't there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Account and Region.
    pub scope: Scope,
    /// When reading began: what is older than ten seconds is read again before it is acted on.
    pub at: DateTime<Utc>,
    /// How far AWS's clock is ahead of this machine's, at most; none where no answer has told.
    #[serde(skip)]
    pub clock_ahead: Option<TimeDelta>,
    /// The instance; none when it doesn't exist.
    pub instance: Option<Instance>,
    /// Every interface attached to it, by id.
    pub interfaces: BTreeMap<InterfaceId, Interface>,
    /// Its protections, as far as they could be read.
    pub protections: BTreeMap<Protection, bool>,
    /// The groups that were asked for and exist.
    pub groups: BTreeMap<GroupId, SecurityGroup>,
    /// The VPC's quarantine group.
    pub quarantine_group: GroupChoice,
    /// The groups on the VPC's SSM endpoints, where they were asked for.
    pub ssm_endpoint_groups: BTreeSet<GroupId>,
    /// The instances of [`Needs::instances`] and [`Needs::elsewhere`] that exist.
    #[serde(default)]
    pub instances: BTreeMap<InstanceId, Instance>,
    /// The profiles on the instances of [`Needs::profiles_of`] and [`Needs::elsewhere`]; an empty list for one that has
    /// none.
    #[serde(default)]
    pub profiles: BTreeMap<InstanceId, Vec<ProfileAssociation>>,
    /// The Regions of [`Needs::elsewhere`] that we may not read: nothing is concluded about what is there.
    #[serde(default)]
    pub unread_regions: BTreeSet<Region>,
    /// The roles of [`Needs::roles`] that exist, by name.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleRecord>,
    /// The group that was asked for by name, where it exists.
    #[serde(default)]
    pub named_group: Option<SecurityGroup>,
    /// Auto Scaling, load balancers and Elastic IP addresses.
    #[serde(default)]
    pub fleet: Fleet,
    /// The network ACLs that were asked for and exist.
    #[serde(default)]
    pub acls: BTreeMap<AclId, NetworkAcl>,
    /// The counters that were asked for and exist.
    #[serde(default)]
    pub counters: BTreeMap<AclId, AclCounter>,
    /// Why the counters could not be read, escaped. They are hints: nothing waits for them.
    #[serde(default)]
    pub counters_error: Option<String>,
    /// The long-term keys of the users that were asked for and exist.
    pub access_keys: BTreeMap<String, Vec<AccessKey>>,
    /// The inline policies that were asked for, by name; none for one that isn't there.
    pub inline_policies: BTreeMap<Principal, BTreeMap<String, Option<String>>>,
    /// The managed policies on those that were asked for and exist.
    pub attached_policies: BTreeMap<Principal, BTreeSet<String>>,
    /// The user or role that is to be contained, where the plan is about one.
    pub dossier: Option<Box<Dossier>>,
    /// Who we are in this account, where the plan could lock us out.
    pub caller: Option<(AccountId, Principal)>,
    /// The findings that were asked for and that Security Hub still has.
    #[serde(default, with = "pairs")]
    pub findings: BTreeMap<FindingKey, FindingNow>,
    /// What Systems Manager says of its agent; none where it was not asked, could not be, or knows none.
    #[serde(default)]
    pub agent: Option<AgentSeen>,
    /// Whether a volume of it is encrypted, and under which key; absent where it was not asked for or is not encrypted.
    #[serde(default)]
    pub volume_keys: BTreeMap<VolumeId, String>,
}

/// The agent of Systems Manager on an instance, as far as plans care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSeen {
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub ping: String,
    /// Whether it runs scripts for a shell: everything but Windows.
    pub shell: bool,
}

impl Observed {
    /// An observation of nothing yet.
    pub fn empty(scope: Scope, at: DateTime<Utc>) -> Self {
        Self {
            scope,
            at,
            clock_ahead: None,
            instance: None,
            interfaces: BTreeMap::new(),
            protections: BTreeMap::new(),
            groups: BTreeMap::new(),
            quarantine_group: GroupChoice::Missing,
            ssm_endpoint_groups: BTreeSet::new(),
            agent: None,
            volume_keys: BTreeMap::new(),
            instances: BTreeMap::new(),
            profiles: BTreeMap::new(),
            unread_regions: BTreeSet::new(),
            roles: BTreeMap::new(),
            named_group: None,
            fleet: Fleet::default(),
            acls: BTreeMap::new(),
            counters: BTreeMap::new(),
            counters_error: None,
            access_keys: BTreeMap::new(),
            inline_policies: BTreeMap::new(),
            attached_policies: BTreeMap::new(),
            dossier: None,
            caller: None,
            findings: BTreeMap::new(),
        }
    }

    /// When reading began, by AWS's clock where its answers have told; else by this machine's.
    pub fn aws_at(&self) -> DateTime<Utc> {
        self.at + self.clock_ahead.unwrap_or_default()
    }

    /// The interfaces in device order.
    pub fn interfaces_in_order(&self) -> Vec<&Interface> {
        let mut list: Vec<&Interface> = self.interfaces.values().collect();
        list.sort_by(|a, b| (a.device_index, &a.id).cmp(&(b.device_index, &b.id)));
        list
    }

    /// Whether there is at least one interface and each holds `group` alone: what "isolated" means.
    pub fn is_isolated_by(&self, group: &GroupId) -> bool {
        !self.interfaces.is_empty() && self.interfaces.values().all(|i| i.holds_only(group))
    }

    /// The interfaces that hold anything but `group` alone, each with what it holds, in words and device order.
    pub fn not_isolated_by(&self, group: &GroupId) -> Vec<String> {
        let open = self.interfaces_in_order().into_iter().filter(|i| !i.holds_only(group));
        open.map(|i| format!("{} holds {}", i.id, group_list(&i.groups))).collect()
    }
}

/// A map as a list of pairs: its keys are no strings, which is all that JSON takes for a key.
mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}
