//! What EC2 and Systems Manager can tell of a machine from the inside, and what keeps its snapshots.

use super::{CloudResult, Target};
use crate::domain::{AccountId, InstanceId, Retention, Scope, SnapshotId, Tags, VolumeId};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A volume as it is described by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeDetail {
    /// Its id.
    pub id: VolumeId,
    /// `in-use`, `available` and so on.
    pub state: String,
    /// Its size in GiB.
    pub size_gib: i32,
    /// Its type, such as `gp3`.
    pub volume_type: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The ARN of the KMS key that encrypts it.
    pub kms_key: Option<String>,
    /// The snapshot that it was made from.
    pub snapshot: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// Its tags.
    pub tags: Tags,
}

/// What Systems Manager knows of the agent on an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub ping: String,
    /// `Linux`, `Windows` or `MacOS`.
    pub platform: String,
    /// The agent's version.
    pub version: String,
    /// When it was last heard.
    pub last_ping: Option<DateTime<Utc>>,
}

impl Agent {
    /// Whether commands reach it.
    pub fn is_online(&self) -> bool {
        self.ping == "Online"
    }

    /// Whether it runs scripts for a shell.
    pub fn has_a_shell(&self) -> bool {
        self.platform != "Windows"
    }
}

/// The text on an instance's console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleOutput {
    /// Its bytes, 64 KB at most; empty where the instance has said nothing yet.
    pub bytes: Vec<u8>,
    /// When EC2 took it.
    pub at: Option<DateTime<Utc>>,
}

/// A script to run on an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCommand {
    /// The instance.
    pub instance: InstanceId,
    /// The script's text.
    pub script: String,
    /// What it is found again by: 100 characters at most.
    pub comment: String,
    /// How many seconds it may run.
    pub seconds: u32,
    /// The bucket, its Region and the key prefix that the instance uploads the whole output to.
    pub upload: Option<(String, String, String)>,
}

/// A command that was sent to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The command's id.
    pub command: String,
    /// Its comment.
    pub comment: String,
    /// When it was asked for.
    pub at: Option<DateTime<Utc>>,
}

/// How a command went on an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandResult {
    /// `Pending`, `InProgress`, `Success`, `Failed`, `TimedOut` and so on.
    pub status: String,
    /// The script's exit code; -1 where it has none.
    pub code: i32,
    /// The first 24,000 characters of its output.
    pub stdout: String,
    /// The first 8,000 characters of its errors.
    pub stderr: String,
}

impl CommandResult {
    /// Whether it has come to its end, whichever.
    pub fn has_ended(&self) -> bool {
        !matches!(self.status.as_str(), "Pending" | "InProgress" | "Delayed" | "Cancelling")
    }
}

/// What only looks.
#[async_trait]
pub trait ForensicsReads: Send + Sync {
    /// `ec2:GetConsoleScreenshot`: a JPEG of a running instance's console. It is not woken up.
    async fn console_screenshot(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Vec<u8>>;
    /// `ec2:GetConsoleOutput`: what stands there now with `latest`, which only Nitro instances know; else what EC2 took
    /// when the instance last changed its state.
    async fn console_output(&self, scope: &Scope, instance: &InstanceId, latest: bool) -> CloudResult<ConsoleOutput>;
    /// `ec2:DescribeInstanceAttribute`: the user data that it was started with, in Base64 as EC2 keeps it; none where it has
    /// none.
    async fn user_data(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<String>>;
    /// `ec2:DescribeVolumes`: these; an unknown one is left out of the answer.
    async fn volumes(&self, scope: &Scope, ids: &[VolumeId]) -> CloudResult<Vec<VolumeDetail>>;
    /// `ssm:DescribeInstanceInformation`: none where Systems Manager has never heard of an agent there.
    async fn agent(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<Agent>>;
    /// `ssm:ListCommandInvocations`: the commands sent to an instance since then.
    async fn commands_since(
        &self,
        scope: &Scope,
        instance: &InstanceId,
        since: DateTime<Utc>,
    ) -> CloudResult<Vec<Invocation>>;
    /// `ssm:GetCommandInvocation`: none where it isn't known yet, which may be so right after it was sent.
    async fn command_result(
        &self,
        scope: &Scope,
        command: &str,
        instance: &InstanceId,
    ) -> CloudResult<Option<CommandResult>>;
}

/// What changes AWS, or asks an instance to do something.
#[async_trait]
pub trait ForensicsWrites: Send + Sync {
    /// `ssm:SendCommand`: runs a script with `AWS-RunShellScript`; answers the command's id. Never repeated by itself.
    async fn send_command(&self, target: &Target, command: &ShellCommand) -> CloudResult<String>;
    /// `ec2:LockSnapshot`: from completion on, for so many days.
    async fn lock_snapshot(&self, target: &Target, snapshot: &SnapshotId, lock: Retention) -> CloudResult<()>;
    /// `ec2:CopySnapshot`: encrypted under a key, in the same Region, tagged at creation. Never repeated by itself.
    async fn copy_snapshot(
        &self,
        target: &Target,
        source: &SnapshotId,
        kms_key: &str,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<SnapshotId>;
    /// `ec2:ModifySnapshotAttribute`: lets accounts make volumes from a snapshot, beside those that may already. EC2
    /// refuses a snapshot that is encrypted under the account's default key.
    async fn share_snapshot(&self, target: &Target, snapshot: &SnapshotId, with: &[AccountId]) -> CloudResult<()>;
}
