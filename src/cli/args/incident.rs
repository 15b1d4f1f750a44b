//! The grammar of the verbs about findings and incidents.

use super::{Commit, FindingStatus, topic_arn};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct FindingArgs {
    #[command(subcommand)]
    pub(in crate::cli) verb: FindingVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FindingVerb {
    /// Somebody knows of it: NOTIFIED
    Acknowledge(FindingIds),
    /// Note whose it is now; the note that stands there is kept behind it, as far as there is room
    Assign {
        /// Whose it is
        #[arg(long, value_name = "NAME")]
        to: String,
        #[command(flatten)]
        ids: FindingIds,
    },
    /// Looked at, and no action is needed: SUPPRESSED
    Suppress(FindingIds),
    /// Dealt with: RESOLVED
    Resolve(FindingIds),
    /// To be looked at again: NEW
    Reopen(FindingIds),
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct FindingIds {
    /// The findings' ids, or their endings; `-` for standard input: one a line, or what `lazaret findings --json` prints
    #[arg(required = true, value_name = "ID")]
    pub(in crate::cli) ids: Vec<String>,
    /// What else to note
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) note: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) commit: Commit,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct IncidentsArgs {
    /// Only those of which something still stands, or a run has not ended
    #[arg(long)]
    pub(in crate::cli) open: bool,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(in crate::cli) limit: usize,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct UndoArgs {
    /// The incident's id, or enough of its beginning
    #[arg(value_name = "INCIDENT")]
    pub(in crate::cli) incident: String,
    /// Put back what somebody else has changed since, too: all of it, or what `--plan` names
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = "all", require_equals = true)]
    pub(in crate::cli) force: Vec<String>,
    /// What becomes of the finding
    #[arg(long, value_enum, value_name = "STATUS")]
    pub(in crate::cli) finding: Option<FindingStatus>,
    /// The SNS topic to tell
    #[arg(long, value_name = "ARN", value_parser = topic_arn)]
    pub(in crate::cli) topic: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) commit: Commit,
}

/// In which form a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFormat {
    /// Markdown, for people.
    Md,
    /// JSON, for programs.
    Json,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ReportArgs {
    /// The incident's id, or enough of its beginning
    #[arg(value_name = "INCIDENT")]
    pub(in crate::cli) incident: String,
    /// The form; JSON with --json
    #[arg(long, value_enum, value_name = "FORM")]
    pub(in crate::cli) format: Option<ReportFormat>,
    /// The file to write, readable by you alone; else standard output
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
}
