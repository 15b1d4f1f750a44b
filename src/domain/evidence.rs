//! Evidence: where it is kept, and what is known of each piece of it.

use super::ids::{InstanceId, RunId};
use super::scope::Scope;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// How S3 Object Lock or an EBS snapshot lock binds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Who has a permission of its own may end it early.
    #[default]
    Governance,
    /// Nobody may, the root user included.
    Compliance,
}

impl LockMode {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }
}

/// How long something is locked, and how hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// How hard.
    pub mode: LockMode,
    /// For how many days from when it is locked.
    pub days: u32,
}

impl Retention {
    /// Its length in words.
    pub fn length(self) -> String {
        if self.days == 1 { "1 day".to_owned() } else { format!("{} days", self.days) }
    }
}

/// Where evidence is kept. Each run has a folder of its own in it, and nothing in there is ever overwritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "vault", rename_all = "snake_case")]
pub enum Vault {
    /// A bucket.
    Bucket {
        /// The account that must own it, and its Region: it is called there, with the credentials of that account.
        owner: Scope,
        /// Its name.
        bucket: String,
        /// What all keys begin with, without a slash at its end; empty for nothing.
        prefix: String,
        /// The KMS key that encrypts the objects; S3's own keys (AES256) where there is none.
        kms_key: Option<String>,
        /// The retention of each object, where the bucket has Object Lock; the bucket's own default where there is none.
        retain: Option<Retention>,
    },
    /// A folder on this machine.
    Folder {
        /// Its path.
        path: PathBuf,
    },
}

impl Vault {
    /// The folder of a run's evidence within the vault, without slashes at its ends:
    /// `prefix/account/region/instance/run`.
    pub fn folder_of(&self, scope: &Scope, instance: &InstanceId, run: RunId) -> String {
        let own = format!("{}/{}/{instance}/{run}", scope.account, scope.region);
        match self {
            Self::Bucket { prefix, .. } if !prefix.is_empty() => format!("{prefix}/{own}"),
            _ => own,
        }
    }
}

impl fmt::Display for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Folder { path } => write!(f, "{}", path.display()),
        }
    }
}

/// One piece of evidence as it was put into a vault. Its bytes are never looked at by us: they are the attacker's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name in the run's folder, such as `console/screenshot.jpg`: ours, of letters, digits and `-_./` only.
    pub name: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many bytes.
    pub bytes: u64,
    /// When it was captured.
    pub captured_at: DateTime<Utc>,
    /// The API call whose answer it is, or ours where it is a list that we made.
    pub source: String,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bytes, sha256 {}", self.name, self.bytes, self.sha256)
    }
}
