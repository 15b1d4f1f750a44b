//! What instances can tell from the inside, and where that is kept: agents, commands, consoles and buckets.

use crate::domain::{InstanceId, LockMode, Retention, VolumeId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Agents, commands, consoles and buckets of one account and Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inside {
    /// The agents that Systems Manager knows.
    pub agents: BTreeMap<InstanceId, AgentState>,
    /// The commands that were sent, by id.
    pub commands: BTreeMap<String, CommandState>,
    /// What stands on instances' consoles, where it isn't a plain start.
    pub consoles: BTreeMap<InstanceId, String>,
    /// The keys of encrypted volumes.
    pub volume_keys: BTreeMap<VolumeId, String>,
    /// Buckets, by name.
    pub buckets: BTreeMap<String, Bucket>,
}

/// An agent on an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentState {
    /// Whether it has stopped answering for good.
    pub lost: bool,
    /// The name of the instance profile that it needs to be online; any, or none, where there is none.
    pub profile: Option<String>,
    /// `Linux` where it is empty.
    pub platform: String,
    /// What scripts say there, by the scripts' names, where it isn't what they say everywhere.
    pub outputs: BTreeMap<String, String>,
}

/// A command that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandState {
    /// To which instance.
    pub instance: InstanceId,
    /// Its comment.
    pub comment: String,
    /// Its text.
    pub script: String,
    /// When.
    pub sent_at: DateTime<Utc>,
    /// When it has come to its end.
    pub ends_at: DateTime<Utc>,
    /// Whether its agent had told what it said before it was cut off.
    #[serde(default)]
    pub told: bool,
}

/// A bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Its Object Lock with the default retention, where it has one: every object then has versions.
    pub lock: Option<BucketLock>,
    /// The versions of each object, oldest first.
    pub objects: BTreeMap<String, Vec<StoredObject>>,
}

/// Object Lock on a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketLock {
    /// The retention of objects that bring none.
    pub default: Option<Retention>,
}

/// One version of an object, or the mark that it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredObject {
    /// Its bytes; none for the mark of a deletion.
    pub body: Option<Vec<u8>>,
    /// The KMS key that encrypts it; none for S3's own.
    pub kms_key: Option<String>,
    /// Until when it can't be deleted, and how hard that binds.
    pub retain_until: Option<(LockMode, DateTime<Utc>)>,
    /// When it was put.
    pub at: DateTime<Utc>,
}
