//! S3, as far as evidence is kept there. Every call names the account that has to own the bucket: another's is refused.

use super::{CloudResult, Target};
use crate::domain::{LockMode, Retention, Scope};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// What a bucket's Object Lock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLock {
    /// The retention that an object gets when it brings none.
    pub default: Option<Retention>,
}

/// An object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// How many bytes it has.
    pub bytes: u64,
    /// The SHA-256 that S3 checked when it was put, in hexadecimal; none where it was put without.
    pub sha256: Option<String>,
}

/// An object to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// The bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// Their SHA-256 in hexadecimal, which S3 checks.
    pub sha256: String,
    /// The KMS key that encrypts it; S3's own keys (AES256) where there is none.
    pub kms_key: Option<String>,
    /// Until when it can't be deleted, and how hard that binds; only where the bucket has Object Lock.
    pub retain_until: Option<(LockMode, DateTime<Utc>)>,
}

/// What only looks into buckets.
#[async_trait]
pub trait S3Reads: Send + Sync {
    /// `s3:GetObjectLockConfiguration`: none where the bucket has no Object Lock. Fails with `NoSuchBucket` where there
    /// is no bucket, and with `AccessDenied` where it belongs to another account.
    async fn object_lock(&self, owner: &Scope, bucket: &str) -> CloudResult<Option<ObjectLock>>;
    /// `s3:HeadObject`: none where there is no such object.
    async fn head_object(&self, owner: &Scope, bucket: &str, key: &str) -> CloudResult<Option<ObjectHead>>;
    /// `s3:GetObject`: its bytes; none where there is no such object.
    async fn get_object(&self, owner: &Scope, bucket: &str, key: &str) -> CloudResult<Option<Vec<u8>>>;
    /// `s3:ListObjectsV2`: the keys that begin so, in order.
    async fn list_objects(&self, owner: &Scope, bucket: &str, prefix: &str) -> CloudResult<Vec<String>>;
}

/// What changes buckets.
#[async_trait]
pub trait S3Writes: Send + Sync {
    /// `s3:PutObject`: makes an object where there is none of that key; one that is there stays, and the call fails
    /// with `PreconditionFailed`.
    async fn put_object(&self, target: &Target, object: &NewObject) -> CloudResult<()>;
}
