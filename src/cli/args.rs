//! The command line's grammar.

mod incident;
mod look;

pub(super) use incident::{FindingArgs, FindingIds, FindingVerb, IncidentsArgs, ReportArgs, ReportFormat, UndoArgs};
pub(super) use look::{
    CompletionsArgs, ConfigArgs, ConfigVerb, EvidenceArgs, EvidenceVerb, KeymapArgs, LedgerArgs, LedgerVerb,
    RecoverArgs, RunsArgs, SandboxArgs, SandboxVerb, ThemesArgs,
};

use crate::cloud::sandbox::Scenario;
use crate::config::settings::check_topic;
use crate::domain::{AccountId, AclId, FindingId, GroupId, InstanceId, Region, RunId, Severity};
use crate::policy::Ttl;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use std::ffi::OsString;
use std::path::PathBuf;

/// See Security Hub findings, contain what they are about, and put it back exactly as it was.
///
/// Without a verb the console opens. `lazaret --sandbox` opens it on a simulated AWS, with nothing to configure.
#[derive(Debug, Parser)]
#[command(name = "lazaret", version, propagate_version = true, max_term_width = 110, subcommand_negates_reqs = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a guard, 4 partial, 5 drift.")]
pub struct Args {
    /// What to do; nothing opens the console.
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
    /// Options of every verb.
    #[command(flatten)]
    pub(super) global: Global,
}

/// Options of every verb.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct Global {
    /// Use a simulated AWS instead of a real one; its world lasts between commands
    #[arg(long, global = true, value_name = "SCENARIO", num_args = 0..=1, require_equals = true,
          default_missing_value = "", env = "LAZARET_SANDBOX")]
    pub(super) sandbox: Option<String>,
    /// The AWS profile to use
    #[arg(long, global = true, value_name = "NAME", help_heading = "AWS")]
    pub(super) profile: Option<String>,
    /// The account to act in; else the caller's and those in the configuration
    #[arg(long, global = true, value_name = "ID", help_heading = "AWS")]
    pub(super) account: Option<AccountId>,
    /// The Region to act in
    #[arg(long, global = true, value_name = "NAME", help_heading = "AWS")]
    pub(super) region: Option<Region>,
    /// Answer in JSON, one value a line
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Let no mutating call leave the process
    #[arg(long, global = true)]
    pub(super) read_only: bool,
    /// Plan, ask EC2 whether each call would go through (DryRun), and change nothing
    #[arg(long, global = true)]
    pub(super) dry_run: bool,
    /// The configuration file, in place of the one in the configuration folder
    #[arg(long, global = true, value_name = "FILE", env = "LAZARET_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The folder of the ledger and the sandbox's worlds, in place of the XDG data folder
    #[arg(long, global = true, value_name = "FOLDER", env = "LAZARET_DATA")]
    pub(super) data: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List findings, newest first
    Findings(FindingsArgs),
    /// Show an instance as it is now, a finding, or a key, user or role with what hangs on it
    Show(ShowArgs),
    /// Decode findings from files and print what was understood
    Decode(DecodeArgs),
    /// Isolate an instance: every network interface to the quarantine group alone, read back
    Quarantine(QuarantineArgs),
    /// Put back what a run changed, where it still holds what we left there
    Restore(RestoreArgs),
    /// Take an instance's evidence: scripts, console, metadata, snapshots, listed with hashes
    Forensics(ForensicsArgs),
    /// List the evidence of a run, or hold it against the ledger
    Evidence(EvidenceArgs),
    /// Deny an address in the network ACLs that its packets cross, read back; or move the end of its block
    Block(BlockArgs),
    /// Take blocks of an address away: our own entries, compared whole
    Unblock(UnblockArgs),
    /// Take away the blocks whose time is over
    Sweep(SweepArgs),
    /// List the blocks, with whose they are, since when and until
    Blocks(BlocksArgs),
    /// Answer stolen instance credentials: IMDSv2, another profile on every instance, then every session cut
    Exfiltration(ExfiltrationArgs),
    /// Delete a role for good, after a whole export of it into the ledger
    DeleteRole(DeleteRoleArgs),
    /// Cut credentials: a user's key, a user, or the sessions of a role, by who is behind them
    Revoke(RevokeArgs),
    /// Say where people stand with findings, in Security Hub
    Finding(FindingArgs),
    /// List incidents: the runs that answer the same finding
    Incidents(IncidentsArgs),
    /// Take back everything that still stands of an incident, newest first
    Undo(UndoArgs),
    /// Write an incident's report: what happened, who did it, how it was proved, what is left to do
    Report(ReportArgs),
    /// List runs, or show one
    Runs(RunsArgs),
    /// Look into runs whose process went away, and bring them to an end
    Recover(RecoverArgs),
    /// Check the ledger
    Ledger(LedgerArgs),
    /// Show, check or make the configuration
    Config(ConfigArgs),
    /// Show the keys
    Keymap(KeymapArgs),
    /// List the themes
    Themes(ThemesArgs),
    /// Look after the simulated AWS
    Sandbox(SandboxArgs),
    /// Print a shell's completions
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

impl Verb {
    /// Whether it changes something in AWS: its `--json` output ends with the record of a run.
    pub(super) fn changes(&self) -> bool {
        match self {
            Self::Quarantine(_)
            | Self::Restore(_)
            | Self::Forensics(_)
            | Self::Block(_)
            | Self::Unblock(_)
            | Self::Sweep(_)
            | Self::Exfiltration(_)
            | Self::Revoke(_)
            | Self::Finding(_)
            | Self::Undo(_)
            | Self::Recover(_) => true,
            Self::DeleteRole(args) => args.export.is_none(),
            Self::Findings(_)
            | Self::Show(_)
            | Self::Decode(_)
            | Self::Evidence(_)
            | Self::Blocks(_)
            | Self::Incidents(_)
            | Self::Report(_)
            | Self::Runs(_)
            | Self::Ledger(_)
            | Self::Config(_)
            | Self::Keymap(_)
            | Self::Themes(_)
            | Self::Sandbox(_)
            | Self::Completions(_)
            | Self::Man => false,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct FindingsArgs {
    /// Only this severity and worse
    #[arg(long, value_name = "LABEL")]
    pub(super) severity: Option<Severity>,
    /// Archived, suppressed and resolved ones too
    #[arg(long)]
    pub(super) all: bool,
    /// At most so many
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(super) limit: usize,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ShowArgs {
    /// An instance id (i-…), a finding's id, or `key`, `user` or `role` before a name
    #[arg(value_name = "INSTANCE|FINDING|key|user|role")]
    pub(super) what: String,
    /// The key's id, or the name or ARN of the user or role
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The finding that says whose a session's key is
    #[arg(long, value_name = "ID", value_parser = finding_id)]
    pub(super) finding: Option<FindingId>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct DecodeArgs {
    /// Files of JSON; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ClapArgs)]
pub(super) struct Commit {
    /// Show the plan and stop: every call, its target, what stands there and what will
    #[arg(long, conflicts_with = "yes")]
    pub(super) plan: bool,
    /// Don't ask
    #[arg(long, short = 'y')]
    pub(super) yes: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct QuarantineArgs {
    /// The instance
    #[arg(value_parser = str::parse::<InstanceId>)]
    pub(super) instance: InstanceId,
    /// The finding that is answered; else the worst open one about the instance
    #[arg(long, value_name = "ID", value_parser = finding_id)]
    pub(super) finding: Option<FindingId>,
    /// Answer no finding
    #[arg(long, conflicts_with = "finding")]
    pub(super) no_finding: bool,
    /// The quarantine group; else the one tagged lazaret=quarantine in the VPC, else a new one
    #[arg(long, value_name = "SG", value_parser = str::parse::<GroupId>)]
    pub(super) quarantine_group: Option<GroupId>,
    /// Let the quarantine group reach the VPC's SSM endpoints on TCP 443
    #[arg(long)]
    pub(super) allow_ssm: bool,
    /// Take evidence before isolating: start the snapshots, and run the scripts while SSM still reaches the instance
    #[arg(long)]
    pub(super) evidence_first: bool,
    /// Take no snapshots
    #[arg(long, conflicts_with = "evidence_first")]
    pub(super) no_snapshots: bool,
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(super) topic: Option<String>,
    /// Isolate even where the original groups can't be written as tags
    #[arg(long)]
    pub(super) without_tags: bool,
    /// Leave it in service in its Auto Scaling group, which may terminate it
    #[arg(long)]
    pub(super) keep_in_asg: bool,
    /// Leave it registered with its load balancers
    #[arg(long)]
    pub(super) keep_in_load_balancers: bool,
    /// Leave its Elastic IP addresses on it
    #[arg(long)]
    pub(super) keep_addresses: bool,
    /// Let its volumes go with it as they are set to, should it be terminated
    #[arg(long)]
    pub(super) keep_volume_settings: bool,
    /// Try to cut flows in flight: through an allow-all group, by a network ACL's deny for an hour, or both
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "groups")]
    pub(super) cut_flows: Option<CutFlowsBy>,
    /// Act on an instance tagged AutoRemediation=disabled
    #[arg(long)]
    pub(super) override_exemption: bool,
    #[command(flatten)]
    pub(super) commit: Commit,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ExfiltrationArgs {
    /// The finding that is answered: it names the credentials, the instance and the thief's address
    #[arg(value_name = "FINDING-ID", value_parser = finding_id, required_unless_present_any = ["role", "instance"])]
    pub(super) finding: Option<FindingId>,
    /// The role behind the credentials, where the finding doesn't name it
    #[arg(long, value_name = "NAME")]
    pub(super) role: Option<String>,
    /// The role that this instance has
    #[arg(long, value_name = "ID", value_parser = str::parse::<InstanceId>, conflicts_with = "role")]
    pub(super) instance: Option<InstanceId>,
    /// Make the role NAME-backup from the original, without what the finding used, where there is none
    #[arg(long)]
    pub(super) make_backup: bool,
    /// Cut the sessions alone: the instances keep the role, and get fresh credentials of it
    #[arg(long, conflicts_with = "make_backup")]
    pub(super) no_swap: bool,
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(super) topic: Option<String>,
    /// Act though the role, or an instance with it, is tagged AutoRemediation=disabled
    #[arg(long)]
    pub(super) override_exemption: bool,
    /// Cut the role that lazaret itself is acting as: its name, typed again
    #[arg(long, value_name = "NAME")]
    pub(super) lock_myself_out: Option<String>,
    #[command(flatten)]
    pub(super) commit: Commit,
}

#[derive(Debug, ClapArgs)]
pub(super) struct DeleteRoleArgs {
    /// The role
    #[arg(value_name = "NAME", required_unless_present = "export")]
    pub(super) role: Option<String>,
    /// The role's name once more: a deleted role can't come back
    #[arg(long, value_name = "NAME")]
    pub(super) confirm: Option<String>,
    /// Print what this run exported before it deleted a role
    #[arg(long, value_name = "RUN", conflicts_with_all = ["role", "confirm", "plan", "yes"])]
    pub(super) export: Option<RunId>,
    #[command(flatten)]
    pub(super) commit: Commit,
}

/// How flows in flight are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CutFlowsBy {
    /// Each interface passes through a group that allows everything
    Groups,
    /// The finding's address is denied in the network ACLs
    Nacl,
    /// Both
    Both,
    /// Not at all
    No,
}

/// What becomes of the finding when its subject is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FindingStatus {
    /// It was dealt with.
    Resolved,
    /// It needs no action: a false positive.
    Suppressed,
    /// It stays as it is.
    Leave,
}

#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["instance", "run"])))]
pub(super) struct RestoreArgs {
    /// The instance
    #[arg(value_parser = str::parse::<InstanceId>)]
    pub(super) instance: Option<InstanceId>,
    /// Only what this run changed
    #[arg(long, value_name = "RUN")]
    pub(super) run: Option<RunId>,
    /// Put back what somebody else has changed since, too: all of it, or what `--plan` names
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = "all", require_equals = true)]
    pub(super) force: Vec<String>,
    /// Make this access key Active again; no other option does
    #[arg(long, value_name = "KEY")]
    pub(super) reactivate: Vec<String>,
    /// Believe the original groups that tags name, where the ledger knows none
    #[arg(long)]
    pub(super) trust_tags: bool,
    /// What becomes of the finding
    #[arg(long, value_enum, value_name = "STATUS")]
    pub(super) finding: Option<FindingStatus>,
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(super) topic: Option<String>,
    #[command(flatten)]
    pub(super) commit: Commit,
}

/// Which packets are denied, seen from the subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Ways {
    /// Those that come in.
    Ingress,
    /// Those that go out.
    Egress,
    /// All: a network ACL is stateless.
    Both,
}

#[derive(Debug, ClapArgs)]
pub(super) struct BlockArgs {
    /// The address, or a range of up to 256 (/24; IPv6: /64)
    #[arg(value_name = "ADDRESS", value_parser = address)]
    pub(super) address: IpNet,
    /// A network ACL to deny it in; else those that guard the instance's subnets
    #[arg(long, value_name = "ACL", value_parser = str::parse::<AclId>)]
    pub(super) nacl: Vec<AclId>,
    /// An instance to guard; else the finding's
    #[arg(long, value_name = "ID", value_parser = str::parse::<InstanceId>)]
    pub(super) instance: Vec<InstanceId>,
    /// The finding that is answered; else the worst open one that names the address
    #[arg(long, value_name = "ID", value_parser = finding_id)]
    pub(super) finding: Option<FindingId>,
    /// Answer no finding
    #[arg(long, conflicts_with = "finding")]
    pub(super) no_finding: bool,
    /// Which packets are denied
    #[arg(long, value_enum, value_name = "WAY", default_value = "both")]
    pub(super) direction: Ways,
    /// For how long: 30m, 24h, 7d; else what the configuration says, else until it is taken back
    #[arg(long, value_name = "TIME")]
    pub(super) ttl: Option<Ttl>,
    /// The same range again, where it is wider than /24 (IPv6: /64) or AWS's own
    #[arg(long, value_name = "RANGE", value_parser = address)]
    pub(super) wide: Option<IpNet>,
    /// Block nothing new: move the end of the address's blocks to this time from now
    #[arg(long, value_name = "TIME", conflicts_with_all = ["nacl", "instance", "finding", "ttl", "wide", "direction"])]
    pub(super) extend: Option<Ttl>,
    /// With --extend: only the blocks that this run made
    #[arg(long, value_name = "RUN", requires = "extend")]
    pub(super) run: Option<RunId>,
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(super) topic: Option<String>,
    /// Act around an instance tagged AutoRemediation=disabled
    #[arg(long)]
    pub(super) override_exemption: bool,
    #[command(flatten)]
    pub(super) commit: Commit,
}

#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["address", "run"])))]
pub(super) struct UnblockArgs {
    /// The address or range
    #[arg(value_name = "ADDRESS", value_parser = address)]
    pub(super) address: Option<IpNet>,
    /// Only the blocks that this run made
    #[arg(long, value_name = "RUN")]
    pub(super) run: Option<RunId>,
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(super) topic: Option<String>,
    #[command(flatten)]
    pub(super) commit: Commit,
}

#[derive(Debug, ClapArgs)]
pub(super) struct SweepArgs {
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(super) topic: Option<String>,
    #[command(flatten)]
    pub(super) commit: Commit,
}

#[derive(Debug, ClapArgs)]
pub(super) struct BlocksArgs {
    /// Denies that are not ours too, and blocks of ours that somebody else has removed
    #[arg(long)]
    pub(super) all: bool,
}

/// What `revoke` cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RevokeKind {
    /// An access key or a session, by its id (AKIA… or ASIA…).
    Key,
    /// An IAM user, with every key it has.
    User,
    /// The sessions of a role until now.
    Role,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RevokeArgs {
    /// What is named
    #[arg(value_enum, requires = "name", required_unless_present = "finding")]
    pub(super) kind: Option<RevokeKind>,
    /// The key's id, or the name or ARN of the user or role
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The finding that is answered; alone, the credential that it is about
    #[arg(long, value_name = "ID", value_parser = finding_id)]
    pub(super) finding: Option<FindingId>,
    /// Cut only the sessions of a role that this instance was given
    #[arg(long, value_name = "ID", value_parser = str::parse::<InstanceId>)]
    pub(super) only_instance: Option<InstanceId>,
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(super) topic: Option<String>,
    /// Act on a user or role tagged AutoRemediation=disabled
    #[arg(long)]
    pub(super) override_exemption: bool,
    /// Cut the user or role that lazaret itself is acting as: its name, typed again
    #[arg(long, value_name = "NAME")]
    pub(super) lock_myself_out: Option<String>,
    #[command(flatten)]
    pub(super) commit: Commit,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ForensicsArgs {
    /// The instance
    #[arg(value_parser = str::parse::<InstanceId>)]
    pub(super) instance: InstanceId,
    /// The bucket; else the one of the configuration, else a folder of the data folder
    #[arg(long, value_name = "NAME")]
    pub(super) bucket: Option<String>,
    /// The finding that is answered
    #[arg(long, value_name = "ID", value_parser = finding_id)]
    pub(super) finding: Option<FindingId>,
    /// Run no scripts on the instance
    #[arg(long)]
    pub(super) no_commands: bool,
    /// Take no snapshots
    #[arg(long, conflicts_with_all = ["lock_days", "copy_key", "share_with"])]
    pub(super) no_snapshots: bool,
    /// Lock the snapshots for so many days
    #[arg(long, value_name = "DAYS")]
    pub(super) lock_days: Option<u32>,
    /// Copy the snapshots under this KMS key
    #[arg(long, value_name = "KEY")]
    pub(super) copy_key: Option<String>,
    /// Let this account make volumes from the snapshots, or from their copies
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) share_with: Vec<AccountId>,
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(super) topic: Option<String>,
    /// Act on an instance tagged AutoRemediation=disabled
    #[arg(long)]
    pub(super) override_exemption: bool,
    #[command(flatten)]
    pub(super) commit: Commit,
}

fn address(text: &str) -> Result<IpNet, String> {
    crate::policy::address::parse(text)
}

fn finding_id(text: &str) -> Result<FindingId, std::convert::Infallible> {
    Ok(FindingId(text.to_owned()))
}

fn topic_arn(text: &str) -> Result<String, String> {
    check_topic(text).map(|()| text.to_owned())
}

/// Joins `--sandbox NAME` to `--sandbox=NAME` where NAME is a scenario, so that the name may be left out before a verb.
pub(super) fn joined_sandbox(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let names = Scenario::names();
    let mut joined: Vec<OsString> = Vec::new();
    for arg in args {
        let scenario = arg.to_str().filter(|a| names.contains(a));
        match (joined.last_mut(), scenario) {
            (Some(last), Some(name)) if last == "--sandbox" => *last = format!("--sandbox={name}").into(),
            _ => joined.push(arg),
        }
    }
    joined
}
