//! The contract with AWS: one method for each API operation we use, in domain types.
//!
//! Each method's first line names its operation (`service:Operation`); the IAM policies in `assets/iam` are held
//! against those names by a test. Pages are followed to the end unless a method says otherwise.

mod forensics;
mod s3;

pub use forensics::{
    Agent, CommandResult, ConsoleOutput, ForensicsReads, ForensicsWrites, Invocation, ShellCommand, VolumeDetail,
};
pub use s3::{NewObject, ObjectHead, ObjectLock, S3Reads, S3Writes};

mod iam;
mod profile_writes;
mod profiles;
mod roles;

pub use iam::{IamReads, IamWrites, Simulation};
pub use profile_writes::ProfileWrites;
pub use profiles::ProfileReads;
pub use roles::{RoleReads, RoleWrites};
mod acls;
mod address;
mod autoscaling;
mod elb;
mod flows;

pub use acls::{AclReads, AclWrites};
pub use address::{AddressQuery, AddressReads, AddressWrites};
pub use autoscaling::{AutoScalingReads, AutoScalingWrites};
pub use elb::{ElbReads, ElbWrites};
pub use flows::FlowWrites;

use crate::domain::{
    AclId, Finding, FindingId, FindingKey, GroupId, GroupRule, Instance, InstanceId, Interface, InterfaceId,
    NetworkAcl, Protection, Region, Scope, SecurityGroup, Severity, SnapshotId, Tags, VolumeId, VpcId, Workflow, text,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What kind of failure an error is, as far as the engine's decisions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// AWS asked us to slow down, and went on asking through all retries.
    Throttled,
    /// The caller may not do this (IAM, SCP or resource policy). Final.
    Denied,
    /// The credentials are missing, expired or not accepted.
    Credentials,
    /// The resource does not exist.
    NotFound,
    /// What was to be made exists already.
    AlreadyExists,
    /// The resource's state or a quota does not allow this now.
    Conflict,
    /// AWS refused the request's form.
    Invalid,
    /// No answer in time. The call may have been applied.
    Timeout,
    /// AWS failed (5xx), or the connection did.
    Unavailable,
    /// The answer could not be understood, or a code that we don't know.
    Other,
}

/// A failed call: what, where, why, and what is known about its effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudError {
    /// Account and Region the call was sent to; none where the caller isn't known yet.
    pub scope: Option<Scope>,
    /// The operation, as IAM spells it: `ec2:ModifyNetworkInterfaceAttribute`.
    pub operation: String,
    /// What it was called on.
    pub resource: Option<String>,
    /// The kind of failure.
    pub kind: ErrorKind,
    /// AWS's own error code, or ours in the same style where none came.
    pub code: String,
    /// AWS's message. Contains what others wrote: [`fmt::Display`] escapes it.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Whether the call may have been applied in spite of the error: look before doing it again.
    pub may_have_applied: bool,
}

impl CloudError {
    /// An error that says the call had no effect and won't succeed by repeating.
    pub fn new(operation: &str, kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        let unclear = matches!(kind, ErrorKind::Timeout | ErrorKind::Unavailable);
        Self {
            scope: None,
            operation: operation.to_owned(),
            resource: None,
            kind,
            code: code.into(),
            message: message.into(),
            retryable: unclear || kind == ErrorKind::Throttled,
            may_have_applied: unclear,
        }
    }

    /// Adds where the call was sent.
    #[must_use]
    pub fn at(mut self, scope: &Scope) -> Self {
        self.scope = Some(scope.clone());
        self
    }

    /// Adds what the call was about.
    #[must_use]
    pub fn on(mut self, resource: impl fmt::Display) -> Self {
        self.resource = Some(resource.to_string());
        self
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(resource) = &self.resource {
            write!(f, " on {}", text::safe(resource))?;
        }
        if let Some(scope) = &self.scope {
            write!(f, " in {scope}")?;
        }
        write!(f, ": {}", text::safe(&self.code))?;
        if !self.message.is_empty() {
            write!(f, ": {}", text::safe(text::cut(&self.message, 600).as_str()))?;
        }
        Ok(())
    }
}

impl std::error::Error for CloudError {}

/// What a port call answers.
pub type CloudResult<T> = Result<T, CloudError>;

/// Proof that the guard admitted a run. Only `engine/guard.rs` makes one (a test reads the source for it).
#[derive(Debug)]
pub struct Permit {
    _private: (),
}

impl Permit {
    /// Makes a permit. Called by the guard alone.
    pub fn granted_by_guard() -> Self {
        Self { _private: () }
    }
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerIdentity {
    /// The caller's ARN; the partition comes from it.
    pub arn: String,
    /// The caller's account.
    pub account: String,
}

/// Which findings to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingQuery {
    /// Only those whose `UpdatedAt` is at or after this.
    pub updated_since: Option<DateTime<Utc>>,
    /// Only these ids (at most 20, Security Hub's limit for a string filter).
    pub ids: Vec<FindingId>,
    /// Only those that name this resource, by its exact id: an instance's is its ARN.
    pub resource: Option<String>,
    /// Only these severities; empty for all.
    pub severities: Vec<Severity>,
    /// Whether archived, suppressed and resolved ones are wanted too.
    pub include_closed: bool,
}

/// A finding with the JSON it was decoded from, which is kept when acting on it: Security Hub forgets after 90 days.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenFinding {
    /// The finding as we understood it.
    pub finding: Finding,
    /// What Security Hub sent.
    pub json: Arc<str>,
}

/// One page of findings, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FindingPage {
    /// At most 100 findings.
    pub findings: Vec<SeenFinding>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

/// What to set on findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingUpdate {
    /// The workflow status to set.
    pub workflow: Option<Workflow>,
    /// The note to set, at most 512 characters; it replaces the one that stood there.
    pub note: Option<String>,
}

/// A finding that `BatchUpdateFindings` did not take, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unprocessed {
    /// The finding.
    pub key: FindingKey,
    /// AWS's error code.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// Which instances to describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceQuery {
    /// These; an unknown one is left out of the answer.
    Ids(Vec<InstanceId>),
    /// All that carry this tag with this value.
    Tagged(String, String),
    /// All in the account and Region.
    All,
}

/// Which network interfaces to describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceQuery {
    /// All that are attached to one of these instances.
    AttachedTo(Vec<InstanceId>),
    /// All that hold this group.
    InGroup(GroupId),
    /// All in the account and Region, attached or not.
    All,
}

/// Which security groups to describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupQuery {
    /// These; an unknown one is left out of the answer.
    Ids(Vec<GroupId>),
    /// All in this VPC that carry this tag with this value.
    Tagged(VpcId, String, String),
    /// The one of this name in this VPC.
    Named(VpcId, String),
}

/// An interface VPC endpoint of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcEndpoint {
    /// Its id, `vpce-…`.
    pub id: String,
    /// The service's name, such as `com.amazonaws.eu-central-1.ssm`.
    pub service: String,
    /// The groups on its network interfaces.
    pub groups: Vec<GroupId>,
}

/// An EBS snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The volume it was taken from.
    pub volume: VolumeId,
    /// `pending`, `completed` or `error`.
    pub state: String,
    /// When it was started.
    pub started_at: Option<DateTime<Utc>>,
    /// Its tags.
    pub tags: Tags,
    /// The ARN of the KMS key that encrypts it; none where it is not encrypted.
    #[serde(default)]
    pub kms_key: Option<String>,
}

/// A parameter of Systems Manager's Parameter Store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, a path.
    pub name: String,
    /// Its value as stored.
    pub value: String,
    /// Its version, counted from 1.
    pub version: i64,
    /// When it was last written.
    pub modified_at: Option<DateTime<Utc>>,
}

/// What only looks. Every method fails with the scope, operation and code of what went wrong.
#[async_trait]
pub trait Reads:
    RoleReads
    + IamReads
    + ProfileReads
    + AclReads
    + ForensicsReads
    + S3Reads
    + AddressReads
    + AutoScalingReads
    + ElbReads
    + Send
    + Sync
{
    /// `sts:GetCallerIdentity`: who we are, in this scope where one is given.
    async fn caller_identity(&self, scope: Option<&Scope>) -> CloudResult<CallerIdentity>;
    /// `securityhub:GetFindings`: one page of at most 100, newest update first.
    async fn findings(&self, scope: &Scope, query: &FindingQuery, page: Option<&str>) -> CloudResult<FindingPage>;
    /// `ec2:DescribeInstances`.
    async fn instances(&self, scope: &Scope, query: &InstanceQuery) -> CloudResult<Vec<Instance>>;
    /// `ec2:DescribeNetworkInterfaces`.
    async fn interfaces(&self, scope: &Scope, query: &InterfaceQuery) -> CloudResult<Vec<Interface>>;
    /// `ec2:DescribeSecurityGroups`.
    async fn groups(&self, scope: &Scope, query: &GroupQuery) -> CloudResult<Vec<SecurityGroup>>;
    /// `ec2:DescribeInstanceAttribute`: whether a protection is on.
    async fn protection(&self, scope: &Scope, instance: &InstanceId, protection: Protection) -> CloudResult<bool>;
    /// `ec2:DescribeVpcEndpoints`: the interface endpoints of a VPC.
    async fn vpc_endpoints(&self, scope: &Scope, vpc: &VpcId) -> CloudResult<Vec<VpcEndpoint>>;
    /// `ec2:DescribeSnapshots`: our own that carry this tag with this value.
    async fn snapshots(&self, scope: &Scope, tag: &str, value: &str) -> CloudResult<Vec<Snapshot>>;
    /// `ec2:DescribeNetworkAcls`: all of the account and Region, or those named; an unknown one is left out.
    async fn network_acls(&self, scope: &Scope, ids: &[AclId]) -> CloudResult<Vec<NetworkAcl>>;
    /// `ssm:GetParametersByPath`: all below a path, decrypted values left out.
    async fn parameters(&self, scope: &Scope, path: &str) -> CloudResult<Vec<Parameter>>;
}

/// Where a mutating call goes, and whether it is only a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Account and Region.
    pub scope: Scope,
    /// With EC2's `DryRun`: AWS checks permission and form, and changes nothing. Only EC2's calls know it; others
    /// answer `Ok` without calling.
    pub dry_run: bool,
}

impl Target {
    /// A target for real calls.
    pub fn new(scope: &Scope) -> Self {
        Self { scope: scope.clone(), dry_run: false }
    }

    /// The same in another Region of the account, where one is named.
    #[must_use]
    pub fn moved(mut self, region: Option<&Region>) -> Self {
        if let Some(region) = region {
            self.scope.region = region.clone();
        }
        self
    }
}

/// What changes AWS. Only the engine calls these, with the guard's [`Permit`] in hand. No method repeats a call
/// that is not idempotent.
#[async_trait]
pub trait Writes:
    RoleWrites
    + IamWrites
    + ProfileWrites
    + AclWrites
    + ForensicsWrites
    + S3Writes
    + AddressWrites
    + AutoScalingWrites
    + ElbWrites
    + FlowWrites
    + Send
    + Sync
{
    /// `ec2:ModifyInstanceAttribute`: sets one protection.
    async fn set_protection(
        &self,
        target: &Target,
        instance: &InstanceId,
        protection: Protection,
        on: bool,
    ) -> CloudResult<()>;
    /// `ec2:ModifyNetworkInterfaceAttribute`: replaces the whole set of groups on one interface.
    async fn set_interface_groups(
        &self,
        target: &Target,
        interface: &InterfaceId,
        groups: &[GroupId],
    ) -> CloudResult<()>;
    /// `ec2:CreateTags`: sets tags on a resource, overwriting values of the same keys.
    async fn create_tags(&self, target: &Target, resource: &str, tags: &Tags) -> CloudResult<()>;
    /// `ec2:DeleteTags`: removes tags, each only if it still has this value.
    async fn delete_tags(&self, target: &Target, resource: &str, tags: &Tags) -> CloudResult<()>;
    /// `ec2:CreateSecurityGroup`: makes a tagged group. EC2 gives it an allow-all egress rule.
    async fn create_group(
        &self,
        target: &Target,
        vpc: &VpcId,
        name: &str,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<GroupId>;
    /// `ec2:RevokeSecurityGroupEgress`.
    async fn revoke_egress(&self, target: &Target, group: &GroupId, rules: &[GroupRule]) -> CloudResult<()>;
    /// `ec2:AuthorizeSecurityGroupEgress`.
    async fn authorize_egress(&self, target: &Target, group: &GroupId, rules: &[GroupRule]) -> CloudResult<()>;
    /// `ec2:CreateSnapshots`: all volumes of an instance at one moment, tagged at creation. Never repeated by itself.
    async fn create_snapshots(
        &self,
        target: &Target,
        instance: &InstanceId,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<Vec<Snapshot>>;
    /// `sns:Publish`: answers the message's id.
    async fn publish(&self, target: &Target, topic_arn: &str, subject: &str, body: &str) -> CloudResult<String>;
    /// `securityhub:BatchUpdateFindings`: at most 100 findings; answers those not taken.
    async fn update_findings(
        &self,
        target: &Target,
        keys: &[FindingKey],
        update: &FindingUpdate,
    ) -> CloudResult<Vec<Unprocessed>>;
}
