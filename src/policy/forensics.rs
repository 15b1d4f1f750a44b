//! How evidence is taken, and where it is kept.

use crate::domain::{AccountId, LockMode, Region, Retention, Scope, Vault};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[forensics]`: how evidence is taken, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForensicsPolicy {
    /// The bucket; without one evidence goes into a folder on this machine.
    pub bucket: Option<String>,
    /// What every key in the bucket begins with.
    pub prefix: String,
    /// The account that owns the bucket; the instance's own where there is none.
    pub bucket_account: Option<AccountId>,
    /// The bucket's Region; the instance's own where there is none.
    pub bucket_region: Option<Region>,
    /// The KMS key for the objects; S3's own keys (AES256) where there is none.
    pub kms_key: Option<String>,
    /// For how many days each object is locked, where the bucket has Object Lock; its own default where there is none.
    pub retain_days: Option<u32>,
    /// How hard objects and snapshots are locked.
    pub lock_mode: LockMode,
    /// Whether all volumes are snapshotted.
    pub snapshots: bool,
    /// For how many days the snapshots are locked; not at all where there is none.
    pub lock_snapshots_days: Option<u32>,
    /// The KMS key under which the snapshots are copied; no copies where there is none.
    pub copy_kms_key: Option<String>,
    /// How many minutes the run waits for snapshots to complete, which EC2 wants before it copies one.
    pub copy_wait_minutes: u32,
    /// The accounts that may make volumes from the snapshots: from the copies, where there are copies.
    pub share_with: Vec<AccountId>,
    /// Whether the scripts are run on the instance when SSM reports its agent online.
    pub commands: bool,
    /// How many seconds the scripts may take in all, from when they are sent.
    pub commands_seconds: u32,
    /// How many seconds an isolation waits at most for evidence that comes first.
    pub evidence_first_deadline: u32,
    /// The instance profile under which the scripts run: put on for them, and taken off after.
    pub instance_profile: Option<String>,
    /// Whether the instance uploads whole outputs to the bucket itself, with its own permissions, beside what we keep.
    pub instance_upload: bool,
}

impl Default for ForensicsPolicy {
    fn default() -> Self {
        Self {
            bucket: None,
            prefix: "lazaret".into(),
            bucket_account: None,
            bucket_region: None,
            kms_key: None,
            retain_days: None,
            lock_mode: LockMode::Governance,
            snapshots: true,
            lock_snapshots_days: None,
            copy_kms_key: None,
            copy_wait_minutes: 60,
            share_with: vec![],
            commands: true,
            commands_seconds: 120,
            evidence_first_deadline: 60,
            instance_profile: None,
            instance_upload: false,
        }
    }
}

/// The longest that a snapshot may be locked, in days (EC2, `LockSnapshot`).
const LONGEST_LOCK: u32 = 36_500;

impl ForensicsPolicy {
    /// The bucket as a vault, where one is named: in the account and Region that are named, else in those of `scope`.
    pub fn vault(&self, scope: &Scope) -> Option<Vault> {
        let retain = self.retain_days.map(|days| Retention { mode: self.lock_mode, days });
        Some(Vault::Bucket {
            owner: Scope {
                partition: scope.partition.clone(),
                account: self.bucket_account.clone().unwrap_or_else(|| scope.account.clone()),
                region: self.bucket_region.clone().unwrap_or_else(|| scope.region.clone()),
            },
            bucket: self.bucket.clone()?,
            prefix: self.prefix.trim_matches('/').to_owned(),
            kms_key: self.kms_key.clone(),
            retain,
        })
    }

    /// What is captured before an isolation; none where no scripts are wanted, or nobody knows where to keep it. `folder`
    /// is the one on this machine.
    pub fn volatile(&self, scope: &Scope, folder: Option<PathBuf>) -> Option<VolatileEvidence> {
        let folder = folder.map(|path| Vault::Folder { path });
        let (vault, otherwise) = match self.vault(scope) {
            Some(bucket) => (bucket, folder),
            None => (folder?, None),
        };
        self.commands.then_some(VolatileEvidence { vault, otherwise, seconds: self.evidence_first_deadline })
    }

    /// The lock of the snapshots, where they are locked.
    pub fn snapshot_lock(&self) -> Option<Retention> {
        self.lock_snapshots_days.map(|days| Retention { mode: self.lock_mode, days })
    }

    /// What the types alone don't say: the first setting that is wrong, and why.
    ///
    /// # Errors
    /// The setting's name and what is wrong with it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let seconds = |name, n: u32, most: u32| {
            let why = || format!("{name} is {n}; it has to be 5 to {most}");
            if (5..=most).contains(&n) { Ok(()) } else { Err((name, why())) }
        };
        if let Some(bucket) = &self.bucket {
            check_bucket(bucket).map_err(|why| ("bucket", why))?;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if !self.prefix.chars().all(plain) || self.prefix.len() > 200 || self.prefix.contains("..") {
            let why = "takes letters, digits and -_./ only, 200 at most";
            return Err(("prefix", format!("prefix {why}")));
        }
        seconds("commands_seconds", self.commands_seconds, 3_600)?;
        seconds("evidence_first_deadline", self.evidence_first_deadline, 600)?;
        for (name, days) in [("retain_days", self.retain_days), ("lock_snapshots_days", self.lock_snapshots_days)] {
            if days.is_some_and(|days| !(1..=LONGEST_LOCK).contains(&days)) {
                return Err((name, format!("{name} has to be 1 to {LONGEST_LOCK}")));
            }
        }
        if let Some(profile) = &self.instance_profile
            && (profile.is_empty() || profile.contains([':', '/', ' ']))
        {
            return Err((
                "instance_profile",
                format!("`{profile}` is not an instance profile's name (the name alone, without path and ARN)"),
            ));
        }
        if self.instance_upload && self.bucket.is_none() {
            return Err(("instance_upload", "instance_upload wants a bucket".into()));
        }
        Ok(())
    }
}

/// Whether a text can be the name of a general purpose bucket (S3 user guide, "General purpose bucket naming rules").
///
/// # Errors
/// What is wrong with it.
pub fn check_bucket(name: &str) -> Result<(), String> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let ends = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    let fits = (3..=63).contains(&bytes.len()) && bytes.iter().all(|b| legal(*b)) && !name.contains("..");
    if fits && ends(bytes.first()) && ends(bytes.last()) {
        Ok(())
    } else {
        Err(format!("`{name}` is not a bucket's name (3 to 63 small letters, digits, `-` and `.`)"))
    }
}

/// What is captured on an instance itself before it is isolated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolatileEvidence {
    /// Where it is kept.
    pub vault: Vault,
    /// Where it is kept instead, should that place turn out to be none: no reason to isolate without evidence.
    pub otherwise: Option<Vault>,
    /// How many seconds isolation waits for it at most.
    pub seconds: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_names_that_s3_takes() {
        for good in ["abc", "acme-evidence", "a.b.c", "0-9"] {
            check_bucket(good).unwrap();
        }
        for bad in ["", "ab", "Acme", "-abc", "abc-", "a..b", "a_b", "s3://abc", &"a".repeat(64), "é23"] {
            assert!(check_bucket(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bucket_is_looked_for_in_the_account_that_is_named() {
        let scope = Scope::parse("111122223333", "eu-central-1").unwrap();
        let policy = ForensicsPolicy {
            bucket: Some("acme-evidence".into()),
            bucket_account: Some("444455556666".parse().unwrap()),
            prefix: "/soc/".into(),
            ..ForensicsPolicy::default()
        };
        let Some(Vault::Bucket { owner, prefix, .. }) = policy.vault(&scope) else { panic!() };
        assert_eq!((owner.to_string().as_str(), prefix.as_str()), ("444455556666/eu-central-1", "soc"));
        assert_eq!(ForensicsPolicy::default().vault(&scope), None);
        policy.check().unwrap();
    }

    #[test]
    fn what_can_not_be_is_said() {
        let with = |change: fn(&mut ForensicsPolicy)| {
            let mut policy = ForensicsPolicy::default();
            change(&mut policy);
            policy.check().unwrap_err().0
        };
        assert_eq!(with(|p| p.bucket = Some("No".into())), "bucket");
        assert_eq!(with(|p| p.prefix = "a b".into()), "prefix");
        assert_eq!(with(|p| p.commands_seconds = 0), "commands_seconds");
        assert_eq!(with(|p| p.evidence_first_deadline = 601), "evidence_first_deadline");
        assert_eq!(with(|p| p.retain_days = Some(0)), "retain_days");
        assert_eq!(with(|p| p.instance_profile = Some("a/b".into())), "instance_profile");
        assert_eq!(with(|p| p.instance_upload = true), "instance_upload");
    }
}
