//! Plans: steps in waves, as data.

use super::call::ApiCall;
use super::change::{Change, DenyAddress, Edit, SetInterfaceGroups, SetTags};
pub use super::drift::{Drift, DriftKind};
use super::evidence::Evidence;
pub use super::refusal::PlanRefusal;
use super::service::ServiceCheck;
pub use super::weight::Weight;
use crate::domain::{
    AclCounter, AclId, Finding, FindingId, FindingKey, GroupId, InstanceId, InterfaceId, Principal, RunId, Scope,
    Severity, VolumeId, Workflow, text,
};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Which playbook made a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Playbook {
    /// Isolate an instance.
    QuarantineInstance,
    /// Put a run's changes back.
    Restore,
    /// Cut a principal's credentials.
    ContainCredentials,
    /// Answer stolen instance credentials: instances, sessions and the thief's address.
    ContainExfiltration,
    /// Deny an address in network ACLs.
    BlockAddress,
    /// Take evidence of an instance.
    CollectForensics,
    /// Set the workflow and note of findings.
    UpdateFindings,
    /// Delete a role that is contained, after a whole export of it.
    DeleteRole,
    /// Take blocks away: those of an address, or those of it that have expired.
    Unblock,
    /// Move the time until which blocks stand.
    ExtendBlock,
}

impl Playbook {
    /// The name as it is shown and stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuarantineInstance => "quarantine-instance",
            Self::Restore => "restore",
            Self::ContainCredentials => "contain-credentials",
            Self::ContainExfiltration => "contain-exfiltration",
            Self::BlockAddress => "block-address",
            Self::CollectForensics => "collect-forensics",
            Self::UpdateFindings => "update-findings",
            Self::DeleteRole => "delete-role",
            Self::Unblock => "unblock",
            Self::ExtendBlock => "extend-block",
        }
    }
}

impl Playbook {
    /// Whether it contains something, so that its changes stand until a restore takes them back.
    pub fn contains(self) -> bool {
        !matches!(self, Self::Restore | Self::Unblock | Self::ExtendBlock)
    }

    /// Whether it takes back what another run did.
    pub fn takes_back(self) -> bool {
        matches!(self, Self::Restore | Self::Unblock)
    }
}

impl fmt::Display for Playbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name of a step within its plan, such as `swap-eni-0ab…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<String> for StepId {
    fn from(s: String) -> Self {
        Self(s)
    }
}

impl From<&str> for StepId {
    fn from(s: &str) -> Self {
        Self(s.to_owned())
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Makes one reversible edit.
    Change(Change),
    /// Reads again what the plan rests on, beside the first writes; the run stops here when it no longer holds.
    Recheck {
        /// The instance.
        instance: InstanceId,
        /// Every interface and the groups the plan found on it.
        interfaces: BTreeMap<InterfaceId, BTreeSet<GroupId>>,
        /// The quarantine group that has to be free of rules, and the groups it may reach on TCP 443.
        quarantine_group: Option<(GroupId, BTreeSet<GroupId>)>,
    },
    /// Reads back every change made so far.
    ReadBack {
        /// The instance, where the plan is about one: read even if none of its changes names it.
        instance: Option<InstanceId>,
        /// The group that every interface must hold alone, and the groups that it may reach on TCP 443, for the step to
        /// succeed.
        isolated: Option<(GroupId, BTreeSet<GroupId>)>,
    },
    /// Takes snapshots of all volumes at one moment.
    Snapshots {
        /// The instance.
        instance: InstanceId,
        /// The volumes that were seen on it.
        volumes: Vec<VolumeId>,
        /// The snapshots' description.
        description: String,
        /// The snapshots' tags.
        tags: BTreeMap<String, String>,
    },
    /// Tells an SNS topic what was done. Subject and body are made from the run's record when the step runs.
    Notify {
        /// The topic.
        topic_arn: String,
        /// The subject if all goes well: ASCII, at most 99 characters.
        subject: String,
    },
    /// Sets the finding's workflow status and note.
    UpdateFinding {
        /// The finding.
        key: FindingKey,
        /// The status to set.
        workflow: Workflow,
        /// The note to set.
        note: String,
        /// The note that stood there.
        old_note: Option<String>,
        /// The status that stood there.
        old_workflow: Workflow,
        /// Where the finding lives in Security Hub: the scope it was read from.
        hub: Scope,
    },
    /// Takes or keeps evidence.
    Evidence(Evidence),
    /// Takes an interface back out of the allow-all group, to its own groups: begun only where it has passed into it and
    /// did not get on into quarantine.
    BackOut {
        /// From the allow-all group to its own.
        change: SetInterfaceGroups,
        /// The step by which it passed.
        passed: StepId,
        /// The step by which it gets on into quarantine.
        unless: StepId,
    },
    /// Waits, for a while, until an instance is in service again: changes nothing.
    AwaitService(ServiceCheck),
    /// Writes the number that a step has used to its ACL's counter. A hint for others: never trusted, and not taken back,
    /// since it says which number was used last.
    WriteCounter {
        /// The ACL.
        acl: AclId,
        /// The step whose number it is.
        step: StepId,
        /// The number as planned; the step may end with another.
        number: i32,
        /// What stood there.
        before: Option<String>,
    },
    /// Moves the time until which blocks stand: the ledger remembers it, and AWS isn't changed. Their entries are read
    /// first: what no longer stands can't be extended.
    MoveExpiry {
        /// What is denied.
        range: IpNet,
        /// The blocks, as they were recorded.
        blocks: Vec<DenyAddress>,
        /// The runs that made them.
        runs: Vec<RunId>,
        /// Until when they stand now; none until they are taken back.
        until: Option<DateTime<Utc>>,
    },
    /// Asks IAM's simulator whether what the run put on a principal denies it a harmless action.
    Simulate {
        /// The user or role.
        principal: Principal,
        /// Its ARN.
        arn: String,
        /// The ARN of the one instance whose sessions are cut, where it is one.
        source_instance: Option<String>,
    },
}

/// The action that [`Action::Simulate`] asks about. It is only asked about and never called; it is harmless even so, has
/// no resource whose own policy could decide it, and is what thieves try first. (`sts:GetCallerIdentity` would prove
/// nothing: it works under every Deny.)
pub const SIMULATED_ACTION: &str = "s3:ListAllMyBuckets";

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name, unique in the plan.
    pub id: StepId,
    /// What it does, in a few words.
    pub title: String,
    /// Its place in the order: a wave begins when every essential step of the waves before it has succeeded.
    pub wave: u8,
    /// What its failure means.
    pub weight: Weight,
    /// Steps that must have succeeded for this one to run; else it is skipped and says so.
    pub needs: Vec<StepId>,
    /// What it does.
    pub action: Action,
}

/// The finding that a plan answers, as far as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRef {
    /// Its id.
    pub id: FindingId,
    /// Its type.
    #[serde(rename = "type")]
    pub finding_type: String,
    /// Its title, raw.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// Whether it is a sample.
    pub sample: bool,
    /// What names it to Security Hub.
    pub key: Option<FindingKey>,
    /// The account and Region whose Security Hub it was read from.
    pub hub: Option<Scope>,
    /// Its workflow status when it was read.
    pub workflow: Workflow,
    /// Its note when it was read.
    pub note: Option<String>,
    /// Its JSON as it was received.
    pub json: Option<String>,
}

impl FindingRef {
    /// What the ledger keeps of a finding that was read from `hub`.
    pub fn new(finding: &Finding, json: Option<&str>, hub: Option<Scope>) -> Self {
        Self {
            id: finding.id.clone(),
            finding_type: finding.finding_type.clone(),
            title: finding.title.clone(),
            severity: finding.severity,
            sample: finding.sample,
            key: finding.key(),
            hub,
            workflow: finding.workflow.clone(),
            note: finding.note.clone(),
            json: json.map(str::to_owned),
        }
    }

    /// The incident that runs for this finding belong to: the last part of the id where that tells findings
    /// apart, else a hash of the whole. (The first characters of an ASFF id are the same for all of a product's.)
    pub fn incident(&self) -> String {
        let last = self.id.as_str().rsplit('/').next().unwrap_or_default();
        let telling = (8..=64).contains(&last.len())
            && last.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && self.id.as_str() != last;
        if telling {
            return last.to_owned();
        }
        let digest = Sha256::digest(self.id.as_str().as_bytes());
        digest.iter().take(12).map(|b| format!("{b:02x}")).collect()
    }
}

/// Steps in waves: the value that is previewed is the value that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which playbook made it.
    pub playbook: Playbook,
    /// Where it acts.
    pub scope: Scope,
    /// What it acts on, as `instance:i-…`: one run at a time holds a subject.
    pub subject: String,
    /// What it does, in one line.
    pub title: String,
    /// When the world it rests on was read.
    pub observed_at: DateTime<Utc>,
    /// The finding that it answers.
    pub finding: Option<FindingRef>,
    /// What runs for the same finding have in common.
    pub incident: String,
    /// The steps, by wave.
    pub steps: Vec<Step>,
    /// What a person should know before committing: who else is hit, what is odd.
    pub warnings: Vec<String>,
    /// What it will not stop.
    pub limits: Vec<String>,
    /// What restore leaves alone, or was told to overwrite.
    pub drift: Vec<Drift>,
    /// The runs that this one takes back.
    pub reverts: Vec<RunId>,
    /// What may be said of it afterwards.
    #[serde(default)]
    pub promise: Promise,
}

/// What may be said of a run once it was read back, and once it could not be: sentences of which the report chooses.
/// Texts are escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// What holds when every essential step succeeded: "AKIA… is inactive, and user ci is denied everything".
    pub kept: String,
    /// What doesn't hold otherwise: "user ci is NOT contained".
    pub broken: String,
    /// What a person should do or look at next, most urgent first.
    pub next: Vec<String>,
    /// Where a run is about several instances: what it does nothing about on one of them, action by action, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<InstanceId, BTreeMap<String, String>>,
}

/// Whether a subject belongs to its whole account: IAM knows no Region.
fn is_global(subject: &str) -> bool {
    ["role:", "user:", "key:", "principal:"].iter().any(|kind| subject.starts_with(kind))
}

/// What the ledger knows a subject by: `account/Region/subject`, without the Region where it has none.
pub fn claim_key(scope: &Scope, subject: &str) -> String {
    if is_global(subject) { format!("{}/{subject}", scope.account) } else { format!("{scope}/{subject}") }
}

impl Plan {
    /// The instance that is acted on, or whose evidence is taken, where the subject is one.
    pub fn instance(&self) -> Option<InstanceId> {
        let subject = &self.subject;
        subject.strip_prefix("instance:").or_else(|| subject.strip_prefix("evidence:")).map(InstanceId::new)
    }

    /// The subject's id, without its kind.
    pub fn subject_id(&self) -> &str {
        self.subject.split_once(':').map_or(self.subject.as_str(), |(_, id)| id)
    }

    /// What the ledger knows the subject by, see [`claim_key`]. One open run at a time holds it.
    pub fn claim_key(&self) -> String {
        claim_key(&self.scope, &self.subject)
    }

    /// The step of this name.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|s| &s.id == id)
    }

    /// The API calls of one of its steps. A read-back reads what the steps before it have changed.
    pub fn calls(&self, step: &Step) -> Vec<ApiCall> {
        let mut calls = step.calls();
        if matches!(step.action, Action::ReadBack { .. }) {
            for before in self.steps.iter().filter(|s| s.wave < step.wave) {
                if let Action::Change(change) = &before.action {
                    calls.extend(change.reads());
                }
            }
        }
        calls
    }

    /// The waves in order.
    pub fn waves(&self) -> Vec<u8> {
        let mut waves: Vec<u8> = self.steps.iter().map(|s| s.wave).collect();
        waves.sort_unstable();
        waves.dedup();
        waves
    }

    /// Whether it leaves a field that a person still has to decide on.
    pub fn leaves_open(&self) -> bool {
        self.drift.iter().any(|d| d.kind.is_open())
    }

    /// Whether somebody has to decide about a field before the rest can go back: everything that is open but what goes
    /// back only when it is asked for.
    pub fn leaves_to_decide(&self) -> bool {
        self.drift.iter().any(|d| d.kind.is_open() && d.kind != DriftKind::Withheld)
    }

    /// Whether the other plan would do the same, however much later it was observed.
    pub fn same_effect(&self, other: &Self) -> bool {
        let timeless = |plan: &Self| {
            let mut plan = plan.clone();
            plan.observed_at = DateTime::UNIX_EPOCH;
            // Advice for afterwards tells when things were last used, which goes on; and what nothing is done about hits
            // nobody.
            plan.promise.next.clear();
            plan.promise.left.clear();
            for step in &mut plan.steps {
                match &mut step.action {
                    Action::Change(Change::Tags(SetTags { edits, .. })) => {
                        edits.retain(|key, _| !super::tags::IS_TIME.contains(&key.as_str()));
                    }
                    Action::Change(Change::DenyAddress(DenyAddress { until, .. }))
                    | Action::MoveExpiry { until, .. } => {
                        *until = until.map(|_| DateTime::UNIX_EPOCH);
                    }
                    _ => {}
                }
            }
            plan
        };
        timeless(self) == timeless(other)
    }
}

impl Step {
    /// The API calls it makes, with what stands there and what will.
    pub fn calls(&self) -> Vec<ApiCall> {
        let read = |operation, target: String| ApiCall { operation, target, before: None, after: None };
        match &self.action {
            Action::Change(change) => change.calls(),
            Action::Evidence(evidence) => evidence.calls(),
            Action::Recheck { instance, quarantine_group, .. } => {
                let mut calls = vec![read("ec2:DescribeNetworkInterfaces", instance.to_string())];
                if let Some((group, _)) = quarantine_group {
                    calls.push(read("ec2:DescribeSecurityGroups", group.to_string()));
                }
                calls
            }
            Action::AwaitService(check) => check.calls(),
            Action::BackOut { change, .. } => change.calls(),
            Action::ReadBack { instance: None, .. } => vec![],
            Action::ReadBack { instance: Some(instance), .. } => vec![
                read("ec2:DescribeNetworkInterfaces", instance.to_string()),
                read("ec2:DescribeInstances", instance.to_string()),
                read("ec2:DescribeInstanceAttribute", instance.to_string()),
                read("ec2:DescribeSecurityGroups", instance.to_string()),
            ],
            Action::Snapshots { instance, volumes, .. } => vec![ApiCall {
                operation: "ec2:CreateSnapshots",
                target: instance.to_string(),
                before: None,
                after: Some(format!(
                    "{} snapshot{} of {}",
                    volumes.len(),
                    if volumes.len() == 1 { "" } else { "s" },
                    volumes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
                )),
            }],
            Action::Notify { topic_arn, subject } => vec![ApiCall {
                operation: "sns:Publish",
                target: text::safe(topic_arn).into_owned(),
                before: None,
                after: Some(subject.clone()),
            }],
            Action::Simulate { arn, .. } => vec![ApiCall {
                operation: "iam:SimulatePrincipalPolicy",
                target: text::safe(arn).into_owned(),
                before: None,
                after: Some(format!("what would {SIMULATED_ACTION} be answered?")),
            }],
            Action::UpdateFinding { key, workflow, note, old_workflow, old_note, .. } => vec![ApiCall {
                operation: "securityhub:BatchUpdateFindings",
                target: text::safe(key.id.as_str()).into_owned(),
                before: Some(format!(
                    "{}, {}",
                    text::safe(old_workflow.as_str()),
                    old_note.as_ref().map_or("no note".to_owned(), |n| format!("note \"{}\"", text::fit(n, 60)))
                )),
                after: Some(format!("{}, note \"{}\"", workflow.as_str(), text::fit(note, 60))),
            }],
            Action::WriteCounter { acl, number, before, .. } => vec![ApiCall {
                operation: "ssm:PutParameter",
                target: AclCounter::name_for(acl),
                before: Some(before.as_ref().map_or("absent".to_owned(), |b| format!("\"{}\"", text::fit(b, 20)))),
                after: Some(format!("\"{number}\"")),
            }],
            Action::MoveExpiry { blocks, .. } => {
                let acls: BTreeSet<&AclId> = blocks.iter().map(|b| &b.acl).collect();
                acls.into_iter().map(|acl| read("ec2:DescribeNetworkAcls", acl.to_string())).collect()
            }
        }
    }
}
