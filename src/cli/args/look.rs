//! The grammar of the verbs that look: evidence, runs, the ledger, the configuration, the sandbox.

use crate::domain::{InstanceId, RunId};
use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct EvidenceArgs {
    #[command(subcommand)]
    pub(in crate::cli) verb: EvidenceVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EvidenceVerb {
    /// Read a run's evidence again; name every piece that is not as it was kept
    Verify {
        /// The run
        run: RunId,
    },
    /// List a run's evidence with hashes and sources
    List {
        /// The run
        run: RunId,
    },
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RunsArgs {
    /// Show this one, step by step
    #[arg(long, value_name = "RUN")]
    pub(in crate::cli) run: Option<RunId>,
    /// Only those about this instance
    #[arg(long, value_name = "ID", value_parser = str::parse::<InstanceId>)]
    pub(in crate::cli) instance: Option<InstanceId>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(in crate::cli) limit: usize,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RecoverArgs {
    /// Only this run; else every one whose process went away
    pub(in crate::cli) run: Option<RunId>,
    /// Take over a run whose process still seems alive
    #[arg(long, requires = "run")]
    pub(in crate::cli) force: bool,
    /// Look, say what holds, and end the run there instead of going on with it
    #[arg(long)]
    pub(in crate::cli) end: bool,
    /// List what would be looked into and stop
    #[arg(long, conflicts_with = "yes")]
    pub(in crate::cli) plan: bool,
    /// Don't ask
    #[arg(long, short = 'y')]
    pub(in crate::cli) yes: bool,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct LedgerArgs {
    #[command(subcommand)]
    pub(in crate::cli) verb: LedgerVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LedgerVerb {
    /// Check every hash, place and transition; name the first bad record
    Verify,
    /// Print where the ledger is
    Path,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ConfigArgs {
    #[command(subcommand)]
    pub(in crate::cli) verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigVerb {
    /// Print the configuration in force
    Show,
    /// Check the configuration, keymap and theme, and say where they are
    Check,
    /// Print a commented sample with the defaults
    Template,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct KeymapArgs {
    /// A shipped keymap or a file; else the one in force
    pub(in crate::cli) name: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ThemesArgs {
    /// Print this theme's file
    pub(in crate::cli) name: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SandboxArgs {
    #[command(subcommand)]
    pub(in crate::cli) verb: SandboxVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SandboxVerb {
    /// List the scenarios
    List,
    /// Begin a scenario anew: its world and its ledger are thrown away
    Reset {
        /// The scenario; else the default one
        scenario: Option<String>,
    },
    /// Print who goes on using stolen credentials, and what AWS answers now
    Intruders {
        /// The scenario; else the default one
        scenario: Option<String>,
    },
    /// Print what the scenario's SNS topics received
    Messages {
        /// The scenario; else the default one
        scenario: Option<String>,
    },
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell
    pub(in crate::cli) shell: clap_complete::Shell,
}
