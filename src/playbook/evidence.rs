//! What a plan captures and keeps: no change of anything that restore would take back.

use super::call::ApiCall;
use crate::domain::{AccountId, InstanceId, Kept, Retention, RunId, Scope, Vault};
use serde::{Deserialize, Serialize};

/// A script that is run on the instance: read-only, POSIX sh, bounded in output and time. `assets/forensics` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Script {
    /// Every process with its parent, owner, start, executable and arguments.
    Processes,
    /// Sockets with the processes behind them, neighbours and routes.
    Sockets,
    /// Executables that run though their file is gone, with their hashes.
    DeletedExecutables,
    /// Who is and was logged in, and who may.
    Logins,
    /// What starts by itself: cron, timers, services.
    Persistence,
    /// Kernel, modules, mounts.
    Kernel,
}

impl Script {
    /// All of them, the most volatile first.
    pub const ALL: [Self; 6] =
        [Self::Processes, Self::Sockets, Self::DeletedExecutables, Self::Logins, Self::Persistence, Self::Kernel];

    /// Its name, as file, comment and object have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Processes => "processes",
            Self::Sockets => "sockets",
            Self::DeletedExecutables => "deleted-executables",
            Self::Logins => "logins",
            Self::Persistence => "persistence",
            Self::Kernel => "kernel",
        }
    }

    /// Its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Processes => include_str!("../../assets/forensics/processes.sh"),
            Self::Sockets => include_str!("../../assets/forensics/sockets.sh"),
            Self::DeletedExecutables => include_str!("../../assets/forensics/deleted-executables.sh"),
            Self::Logins => include_str!("../../assets/forensics/logins.sh"),
            Self::Persistence => include_str!("../../assets/forensics/persistence.sh"),
            Self::Kernel => include_str!("../../assets/forensics/kernel.sh"),
        }
    }

    /// The comment of its command, by which the command is found again: at most 100 characters (SSM, `SendCommand`).
    pub fn comment(self, run: RunId) -> String {
        format!("lazaret {run} {}", self.name())
    }
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Capture {
    /// The instance and all that EC2 knows around it, as JSON.
    Metadata,
    /// A picture of its console.
    Screenshot,
    /// The text of its console, the last 64 KB.
    ConsoleOutput,
    /// What a script says on the instance.
    Command {
        /// The script.
        script: Script,
        /// Whether an agent that isn't online yet is waited for, within the same bound.
        wait_for_agent: bool,
        /// Whether the instance itself uploads the whole output to the vault's bucket, too.
        upload: bool,
    },
}

impl Capture {
    /// The name of the object that it is kept as.
    pub fn object(&self) -> String {
        match self {
            Self::Metadata => "instance.json".into(),
            Self::Screenshot => "console/screenshot.jpg".into(),
            Self::ConsoleOutput => "console/output.txt".into(),
            Self::Command { script, .. } => format!("commands/{}.txt", script.name()),
        }
    }

    /// The API call whose answer it is.
    pub fn source(&self) -> &'static str {
        match self {
            Self::Metadata => "ec2:DescribeInstances",
            Self::Screenshot => "ec2:GetConsoleScreenshot",
            Self::ConsoleOutput => "ec2:GetConsoleOutput",
            Self::Command { .. } => "ssm:GetCommandInvocation",
        }
    }
}

/// The name of the list of a run's evidence.
pub const MANIFEST: &str = "manifest.json";

/// The part of a bucket that instances upload to themselves. It stands apart from what we keep and in no manifest: who
/// holds the instance can write there.
pub const UPLOADED: &str = "uploaded-by-instances";

/// A step that takes or keeps evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "evidence", rename_all = "snake_case")]
pub enum Evidence {
    /// Captures one piece and keeps it.
    Capture {
        /// The instance.
        instance: InstanceId,
        /// What.
        what: Capture,
        /// Where it is kept.
        vault: Vault,
        /// How many seconds the capture may take.
        seconds: u32,
    },
    /// Keeps the list of all pieces with their hashes; its own hash stands in the ledger.
    Manifest {
        /// The instance.
        instance: InstanceId,
        /// Where it is kept.
        vault: Vault,
    },
    /// Locks the run's snapshots.
    LockSnapshots {
        /// How hard and for how long.
        retention: Retention,
    },
    /// Copies the run's snapshots under another key, once they are completed.
    CopySnapshots {
        /// The instance.
        instance: InstanceId,
        /// The key.
        kms_key: String,
        /// How many minutes to wait for them.
        wait_minutes: u32,
        /// The tags of the copies.
        tags: std::collections::BTreeMap<String, String>,
    },
    /// Lets other accounts make volumes from the run's snapshots.
    ShareSnapshots {
        /// The accounts.
        accounts: Vec<AccountId>,
        /// Whether the copies are shared, and not the snapshots themselves.
        copies: bool,
    },
}

impl Evidence {
    /// The API calls it makes; texts are ours or escaped by who shows them.
    pub fn calls(&self) -> Vec<ApiCall> {
        let to = |vault: &Vault, scope: &str, name: &str| match vault {
            Vault::Bucket { .. } => {
                vec![ApiCall::new("s3:PutObject", &format!("{vault}/…/{scope}/RUN/{name}"), None, None)]
            }
            Vault::Folder { .. } => vec![],
        };
        match self {
            Self::Capture { instance, what, vault, seconds } => {
                let mut calls = match what {
                    Capture::Metadata => [
                        "ec2:DescribeInstances",
                        "ec2:DescribeInstanceAttribute",
                        "ec2:DescribeVolumes",
                        "ec2:DescribeNetworkAcls",
                    ]
                    .map(|operation| ApiCall::read(operation, instance.as_str()))
                    .to_vec(),
                    Capture::Screenshot | Capture::ConsoleOutput => {
                        vec![ApiCall::read(what.source(), instance.as_str())]
                    }
                    Capture::Command { script, .. } => {
                        let run = format!("AWS-RunShellScript: {}.sh, {seconds} s at most", script.name());
                        vec![
                            ApiCall::read("ssm:DescribeInstanceInformation", instance.as_str()),
                            ApiCall::new("ssm:SendCommand", instance.as_str(), None, Some(run)),
                            ApiCall::read("ssm:GetCommandInvocation", instance.as_str()),
                        ]
                    }
                };
                calls.extend(to(vault, instance.as_str(), &what.object()));
                calls
            }
            Self::Manifest { instance, vault } => to(vault, instance.as_str(), MANIFEST),
            Self::LockSnapshots { retention } => vec![ApiCall::new(
                "ec2:LockSnapshot",
                "the snapshots of this run",
                None,
                Some(format!("{}, {}", retention.mode.as_str(), retention.length())),
            )],
            Self::CopySnapshots { kms_key, .. } => vec![
                ApiCall::read("ec2:DescribeSnapshots", "the snapshots of this run"),
                ApiCall::new("ec2:CopySnapshot", "the snapshots of this run", None, Some(format!("under {kms_key}"))),
            ],
            Self::ShareSnapshots { accounts, copies } => vec![ApiCall::new(
                "ec2:ModifySnapshotAttribute",
                if *copies { "the copies of this run" } else { "the snapshots of this run" },
                None,
                Some(format!(
                    "volumes may be made from them in {}",
                    accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                )),
            )],
        }
    }
}

/// The list of a run's evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of this list.
    pub version: u32,
    /// The run.
    pub run: RunId,
    /// The instance.
    pub instance: InstanceId,
    /// Where the instance is.
    pub scope: Scope,
    /// The incident that the run belongs to.
    pub incident: String,
    /// Who took the evidence.
    pub actor: String,
    /// Each piece that was kept.
    pub objects: Vec<Kept>,
    /// Snapshots, copies and locks, in words.
    pub snapshots: Vec<String>,
    /// What was to be taken and was not, with why.
    pub missing: Vec<String>,
}

impl Manifest {
    /// The form that this code writes.
    pub const VERSION: u32 = 1;

    /// The bytes that are kept: the same for the same list, so that they can be made again from the ledger.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_bounded_read_only_and_has_its_own_comment() {
        let run = RunId::from_parts(1, 2);
        for script in Script::ALL {
            let text = script.text();
            assert!(text.starts_with("#!/bin/sh\n"), "{}", script.name());
            assert!(text.contains(&format!("# lazaret: {}\n", script.name())), "{}", script.name());
            assert!(text.contains("| head -c 23000"), "{}: SSM keeps 24,000 characters", script.name());
            assert!(text.contains("timeout -k 2 15 "), "{}: what hangs ends all the same", script.name());
            assert!(!text.contains('\r') && text.is_ascii() && text.len() < 16_000, "{}", script.name());
            let comment = script.comment(run);
            assert!(comment.len() <= 100 && comment.contains(&run.to_string()), "{comment}");
            // Nothing that writes, deletes, fetches or ends anything.
            let changing =
                ["rm", "mv", "cp", "dd", "kill", "curl", "wget", "chmod", "chown", "mkdir", "tee", "touch", "ln"];
            for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
                let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '-');
                assert!(!words.any(|word| changing.contains(&word)), "{}: {line}", script.name());
            }
            for rest in text.split('>').skip(1) {
                let to = rest.trim_start();
                if rest.starts_with('=') {
                    continue; // a comparison of awk's
                }
                assert!(
                    to.starts_with("/dev/null") || to.starts_with("&1") || to.starts_with("&2"),
                    "{}: >{rest:.20}",
                    script.name()
                );
            }
        }
    }
}
