//! Forensics and S3 in the port, and what others do to what is kept.

use super::rules;
use super::simulated::{Call, Sandbox, SandboxError};
use crate::cloud::port::{
    Agent, CloudResult, CommandResult, ConsoleOutput, ForensicsReads, ForensicsWrites, Invocation, NewObject,
    ObjectHead, ObjectLock, S3Reads, S3Writes, ShellCommand, Target, VolumeDetail,
};
use crate::domain::{AccountId, InstanceId, Retention, Scope, SnapshotId, Tags, VolumeId};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

impl Sandbox {
    /// Writes over an object, or marks it as deleted, as somebody else would who may.
    ///
    /// # Errors
    /// As S3's: `NoSuchBucket`.
    pub fn overwrite(&self, owner: &Scope, bucket: &str, key: &str, body: Option<Vec<u8>>) -> Result<(), SandboxError> {
        let now = self.now();
        Ok(self.change(false, |world| rules::buckets::overwrite(world, owner, bucket, key, body, now))?)
    }

    /// Deletes all versions of an object for good, as somebody else would.
    ///
    /// # Errors
    /// As S3's: `AccessDenied` while one is retained, `NoSuchBucket`.
    pub fn erase(&self, owner: &Scope, bucket: &str, key: &str) -> Result<(), SandboxError> {
        let now = self.now();
        Ok(self.change(false, |world| rules::buckets::erase(world, owner, bucket, key, now))?)
    }

    /// The ARN of the key that volumes of an account have by default: what is encrypted under it can't be shared.
    pub fn default_key(scope: &Scope) -> String {
        rules::buckets::default_key(scope)
    }
}

#[async_trait]
impl ForensicsReads for Sandbox {
    async fn console_screenshot(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Vec<u8>> {
        self.ask("ec2:GetConsoleScreenshot", scope, Some(instance.to_string()), |world| {
            rules::agents::screenshot(world.place(scope)?, instance)
        })
        .await
    }

    async fn console_output(&self, scope: &Scope, instance: &InstanceId, latest: bool) -> CloudResult<ConsoleOutput> {
        let now = self.now();
        self.ask("ec2:GetConsoleOutput", scope, Some(instance.to_string()), |world| {
            rules::agents::console(world.place(scope)?, instance, latest, now)
        })
        .await
    }

    async fn user_data(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<String>> {
        self.ask("ec2:DescribeInstanceAttribute", scope, Some(instance.to_string()), |world| {
            rules::instances::user_data(world.place(scope)?, instance)
        })
        .await
    }

    async fn volumes(&self, scope: &Scope, ids: &[VolumeId]) -> CloudResult<Vec<VolumeDetail>> {
        self.ask("ec2:DescribeVolumes", scope, None, |world| Ok(rules::snapshots::volumes(world.place(scope)?, ids)))
            .await
    }

    async fn agent(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<Agent>> {
        let now = self.now();
        self.ask("ssm:DescribeInstanceInformation", scope, Some(instance.to_string()), |world| {
            Ok(rules::agents::agent(world.place(scope)?, instance, now))
        })
        .await
    }

    async fn commands_since(
        &self,
        scope: &Scope,
        instance: &InstanceId,
        since: DateTime<Utc>,
    ) -> CloudResult<Vec<Invocation>> {
        self.ask("ssm:ListCommandInvocations", scope, Some(instance.to_string()), |world| {
            Ok(rules::agents::commands(world.place(scope)?, instance, since))
        })
        .await
    }

    async fn command_result(
        &self,
        scope: &Scope,
        command: &str,
        instance: &InstanceId,
    ) -> CloudResult<Option<CommandResult>> {
        let now = self.now();
        self.ask("ssm:GetCommandInvocation", scope, Some(instance.to_string()), |world| {
            Ok(rules::agents::result(world.place(scope)?, command, instance, now))
        })
        .await
    }
}

#[async_trait]
impl ForensicsWrites for Sandbox {
    async fn send_command(&self, target: &Target, command: &ShellCommand) -> CloudResult<String> {
        if target.dry_run {
            return Ok(String::new());
        }
        let (now, takes) = (self.now(), self.behaviour().command_time);
        self.tell("ssm:SendCommand", target, &command.instance, |world| {
            rules::agents::send(world, &target.scope, command, now, takes)
        })
        .await
    }

    async fn lock_snapshot(&self, target: &Target, snapshot: &SnapshotId, lock: Retention) -> CloudResult<()> {
        self.tell("ec2:LockSnapshot", target, snapshot, |world| {
            rules::snapshots::lock(world.place_mut(&target.scope)?, snapshot, lock)
        })
        .await
    }

    async fn copy_snapshot(
        &self,
        target: &Target,
        source: &SnapshotId,
        kms_key: &str,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<SnapshotId> {
        let now = self.now();
        self.tell("ec2:CopySnapshot", target, source, |world| {
            rules::snapshots::copy(world, &target.scope, source, kms_key, description, tags, now)
        })
        .await
    }

    async fn share_snapshot(&self, target: &Target, snapshot: &SnapshotId, with: &[AccountId]) -> CloudResult<()> {
        self.tell("ec2:ModifySnapshotAttribute", target, snapshot, |world| {
            rules::snapshots::share(world, &target.scope, snapshot, with)
        })
        .await
    }
}

/// What a call on an object is about.
fn object(bucket: &str, key: &str) -> Option<String> {
    // Keys carry run ids: the part after them is what two runs have in common.
    let name = key.rsplit('/').next().unwrap_or(key);
    Some(format!("{bucket}/{name}"))
}

#[async_trait]
impl S3Reads for Sandbox {
    async fn object_lock(&self, owner: &Scope, bucket: &str) -> CloudResult<Option<ObjectLock>> {
        self.ask("s3:GetObjectLockConfiguration", owner, Some(bucket.to_owned()), |world| {
            rules::buckets::lock(world, owner, bucket)
        })
        .await
    }

    async fn head_object(&self, owner: &Scope, bucket: &str, key: &str) -> CloudResult<Option<ObjectHead>> {
        self.ask("s3:HeadObject", owner, object(bucket, key), |world| rules::buckets::head(world, owner, bucket, key))
            .await
    }

    async fn get_object(&self, owner: &Scope, bucket: &str, key: &str) -> CloudResult<Option<Vec<u8>>> {
        self.ask("s3:GetObject", owner, object(bucket, key), |world| rules::buckets::get(world, owner, bucket, key))
            .await
    }

    async fn list_objects(&self, owner: &Scope, bucket: &str, prefix: &str) -> CloudResult<Vec<String>> {
        self.ask("s3:ListObjectsV2", owner, Some(bucket.to_owned()), |world| {
            rules::buckets::list(world, owner, bucket, prefix)
        })
        .await
    }
}

#[async_trait]
impl S3Writes for Sandbox {
    async fn put_object(&self, target: &Target, new: &NewObject) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let now = self.now();
        let resource = object(&new.bucket, &new.key);
        let call = Call { operation: "s3:PutObject", scope: &target.scope, resource, mutating: true, dry_run: false };
        self.call(call, |sandbox| sandbox.change(false, |world| rules::buckets::put(world, &target.scope, new, now)))
            .await
    }
}
