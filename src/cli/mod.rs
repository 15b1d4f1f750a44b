//! The command line: one file a verb, human and `--json` output from the same values.
//!
//! May import everything. Deliberately absent: decisions. What may be done, and how, is the engine's.

mod args;
mod block;
mod blocks;
mod completions;
mod config;
mod credential;
mod decode;
mod delete_role;
mod evidence;
mod exfiltration;
mod exit;
mod finding;
mod findings;
mod forensics;
mod incidents;
mod keymap;
mod ledger;
mod log;
mod out;
mod plan;
mod principal;
mod quarantine;
mod recover;
mod report;
mod restore;
mod revoke;
mod runs;
mod sandbox;
mod session;
mod show;
mod themes;
mod unblock;
mod undo;

pub use args::Args;
pub use exit::Exit;

use crate::cloud::STACK;
use args::Verb;
use clap::{CommandFactory, FromArgMatches};
use exit::Failure;
use out::Out;
use std::ffi::OsString;

/// Runs the program on these arguments (the program's name first) to its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args = args::joined_sandbox(args);
    let json = args.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    let args = match Args::command().try_get_matches_from(args).and_then(|m| Args::from_arg_matches(&m)) {
        Ok(args) => args,
        Err(error) => {
            // clap writes help to standard output and mistakes to standard error; a closed pipe is nobody's failure.
            let _ = error.print();
            if error.use_stderr() && json {
                let message = error.to_string();
                Out::new(true).json(&without_run(Exit::Usage, &first_line(&message), None));
            }
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    // The main thread's stack is the system's to give; this one is large enough for what the SDK decodes.
    match std::thread::Builder::new().name("lazaret".into()).stack_size(STACK).spawn(move || to_the_end(args)) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(error) => {
            Out::new(json).error(&Failure::new(Exit::Failed, format!("no thread could be started: {error}")));
            Exit::Failed
        }
    }
}

/// Runs a verb to its end and says what went wrong.
fn to_the_end(args: Args) -> Exit {
    let out = Out::new(args.global.json);
    let changes = args.verb.as_ref().is_some_and(Verb::changes);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out.error(&Failure::new(Exit::Failed, format!("the async runtime could not start: {error}")));
            return Exit::Failed;
        }
    };
    let result = runtime.block_on(Box::pin(run(args, &out)));
    // Blocking work that is still waiting (a sleeping call) must not hold up the exit.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit,
        Err(failure) => {
            // Whatever changes something ends with a record, be it that nothing began.
            if out.json && (failure.exit == Exit::Usage || (changes && !out.has_answered())) {
                out.json(&without_run(failure.exit, &failure.message, failure.hint.as_deref()));
            }
            out.error(&failure);
            failure.exit
        }
    }
}

async fn run(args: Args, out: &Out) -> Result<Exit, Failure> {
    let Args { verb, global } = args;
    match verb {
        None => session::console(&global).await,
        Some(Verb::Findings(args)) => findings::run(&global, &args, out).await,
        Some(Verb::Show(args)) => show::run(&global, &args, out).await,
        Some(Verb::Decode(args)) => decode::run(&args, out),
        Some(Verb::Quarantine(args)) => quarantine::run(&global, &args, out).await,
        Some(Verb::Restore(args)) => restore::run(&global, &args, out).await,
        Some(Verb::Forensics(args)) => forensics::run(&global, &args, out).await,
        Some(Verb::Evidence(args)) => evidence::run(&global, &args, out).await,
        Some(Verb::Block(args)) => block::run(&global, &args, out).await,
        Some(Verb::Unblock(args)) => unblock::run(&global, &args, out).await,
        Some(Verb::Sweep(args)) => unblock::sweep(&global, &args, out).await,
        Some(Verb::Blocks(args)) => blocks::run(&global, &args, out).await,
        Some(Verb::Exfiltration(args)) => exfiltration::run(&global, &args, out).await,
        Some(Verb::DeleteRole(args)) => delete_role::run(&global, &args, out).await,
        Some(Verb::Revoke(args)) => revoke::run(&global, &args, out).await,
        Some(Verb::Finding(args)) => finding::run(&global, &args, out).await,
        Some(Verb::Incidents(args)) => incidents::run(&global, &args, out).await,
        Some(Verb::Undo(args)) => undo::run(&global, &args, out).await,
        Some(Verb::Report(args)) => report::run(&global, &args, out).await,
        Some(Verb::Runs(args)) => runs::run(&global, &args, out).await,
        Some(Verb::Recover(args)) => recover::run(&global, &args, out).await,
        Some(Verb::Ledger(args)) => ledger::run(&global, &args, out).await,
        Some(Verb::Config(args)) => config::run(&global, &args, out),
        Some(Verb::Keymap(args)) => keymap::run(&global, &args, out),
        Some(Verb::Themes(args)) => themes::run(&global, &args, out),
        Some(Verb::Sandbox(args)) => sandbox::run(&global, &args, out),
        Some(Verb::Completions(args)) => completions::completions(&args, out),
        Some(Verb::Man) => completions::man(out),
    }
}

/// What `--json` prints where there is no run to report: the command line was wrong, or what it names was not found.
fn without_run(exit: Exit, message: &str, hint: Option<&str>) -> serde_json::Value {
    serde_json::json!({"run": null, "state": exit.word(), "message": message, "hint": hint})
}

/// clap's message without its usage and tips, which stand on standard error: its first line, and where that ends in a
/// colon, what is named in the indented lines below it.
fn first_line(message: &str) -> String {
    let mut lines = message.lines().skip_while(|l| l.trim().is_empty());
    let first = lines.next().unwrap_or(message).trim().trim_start_matches("error: ");
    if !first.ends_with(':') {
        return first.to_owned();
    }
    let named: Vec<&str> = lines.take_while(|l| l.starts_with(' ')).map(str::trim).collect();
    format!("{first} {}", named.join(", "))
}
