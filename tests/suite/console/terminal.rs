//! The real program in a real terminal: it starts, it draws, and whatever ends it gives the terminal back.
#![cfg(unix)]

use crate::support::program::Home;
use crate::support::terminal::Term;
use lazaret::cloud::sandbox::{Sandbox, Scenario};
use lazaret::config::{Keymap, Settings, Theme};
use lazaret::console::msg::Msg;
use lazaret::console::{Setup, run_watched};
use lazaret::domain::{Clock, SystemClock};
use lazaret::engine::{Engine, Guard};
use lazaret::ledger::{Actor, Hand, RunFilter, SqliteStore, Store};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

#[test]
fn start_filter_quarantine_restore_resize_and_quit() {
    let home = Home::new();
    let mut term = Term::sandbox(&home);
    term.key("/");
    term.until("/▏");
    term.key("BitcoinTool web-1\r");
    term.until("/BitcoinTool web-1");
    term.key("Q");
    term.until("commit quarantine");
    term.key("C");
    term.until("is isolated: every interface was read back");
    term.resize(40, 10);
    term.until("Esc close");
    term.resize(140, 40);
    term.until("isolated and read back after");
    term.key("\x1b");
    term.until("◆ isolated");
    term.key("R");
    term.until("commit restore");
    term.key("C");
    term.until("is as it was");
    term.key("\x1b");
    // Esc and a key in one go are that key with Alt.
    term.gone("Restore done");
    term.key("q");
    assert!(term.end().success());
}

#[test]
fn i10_signals_give_the_terminal_back() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let home = Home::new();
        let mut term = Term::sandbox(&home);
        term.signal(signal);
        assert!(term.end().success(), "{signal}");
    }
}

/// The connection is lost: the terminal is gone, and nobody will ever type again. The console ends, and does not spin.
#[test]
fn i10_a_terminal_that_goes_away_ends_the_console() {
    let home = Home::new();
    let size = portable_pty::PtySize { rows: 40, cols: 140, pixel_width: 0, pixel_height: 0 };
    let pair = portable_pty::native_pty_system().openpty(size).unwrap();
    // Under a shell that ignores the hang-up nobody tells the console: it has to see for itself.
    let mut command = portable_pty::CommandBuilder::new("/bin/sh");
    command.args(["-c", "trap '' HUP; \"$0\" --sandbox; true", env!("CARGO_BIN_EXE_lazaret")]);
    command.env("HOME", home.path());
    command.env("XDG_DATA_HOME", home.path().join("data"));
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (mut seen, mut buffer) = (Vec::new(), [0; 8192]);
    while !String::from_utf8_lossy(&seen).contains("web-1") {
        let n = std::io::Read::read(&mut reader, &mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..n]);
    }
    drop(reader);
    drop(pair.master);
    let began = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > std::time::Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("it goes on without a terminal");
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn i10_ctrl_z_gives_the_shell_back_and_fg_returns() {
    let home = Home::new();
    let mut term = Term::sandbox(&home);
    for stop in ["key", "signal"] {
        if stop == "key" {
            term.key("\x1a")
        } else {
            term.signal("-TSTP")
        }
        term.wait("it stops", Term::stopped);
        term.wait("the terminal is given back", |t| !t.ours());
        term.signal("-CONT");
        term.wait("the terminal is taken again", Term::ours);
        term.until("web-1");
    }
    term.key("2");
    term.until("Nothing is in quarantine");
    term.key("q");
    assert!(term.end().success());
}

/// A panic in the console itself: its words can be read, and the run that was under way has its end in the ledger.
#[test]
fn i10_a_panic_gives_the_terminal_back_and_records_what_was_begun() {
    let home = Home::new();
    let this = std::env::current_exe().unwrap();
    let args = ["--exact", "console::terminal::a_console_that_panics", "--ignored", "--nocapture"];
    let mut term =
        Term::start(this.to_str().unwrap(), &args, &home, &[("LAZARET_TEST_HOME", home.path().to_str().unwrap())]);
    term.until("web-1");
    term.key("/BitcoinTool web-1\r");
    term.until("/BitcoinTool web-1");
    term.key("Q");
    term.until("commit quarantine");
    term.key("C");
    term.until("under way");
    term.key("X");
    assert!(!term.end().success());
    term.until("somebody pressed X");
    let ledger = SqliteStore::open(&home.path().join("ledger.db")).unwrap();
    let runs = tokio::runtime::Runtime::new().unwrap().block_on(ledger.runs(&RunFilter::default())).unwrap();
    assert_eq!(runs.len(), 1);
    assert!(runs[0].ended.is_some(), "the run has no end: {:?}", runs[0].steps);
}

#[test]
#[ignore = "run in a terminal by i10_a_panic_gives_the_terminal_back_and_records_what_was_begun"]
fn a_console_that_panics() {
    let home = std::env::var("LAZARET_TEST_HOME").expect("it is run by another test");
    let home = Path::new(&home);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let scenario = Scenario::load("crypto-mining").unwrap();
    let hub = scenario.home_scope().clone();
    let sandbox = Sandbox::open(&home.join("world.db"), scenario, None, clock.clone()).unwrap();
    let ledger = Arc::new(SqliteStore::open(&home.join("ledger.db")).unwrap());
    let actor = Actor { name: "ana".into(), arn: None, host: "desk".into(), hand: Hand::Console };
    let random = ChaCha12Rng::seed_from_u64(1);
    let engine = Engine::new(sandbox.cloud(), ledger, clock, Guard::default(), actor, random);
    let setup = Setup {
        engine,
        hubs: vec![hub],
        scopes: sandbox.world().scopes.keys().cloned().collect(),
        account_names: BTreeMap::new(),
        topics: BTreeMap::new(),
        aws_ranges: None,
        evidence: None,
        reports: None,
        settings: Settings::default(),
        keymap: Keymap::built_in("default").unwrap(),
        theme: Theme::load("dark", None).unwrap(),
        banner: None,
    };
    let press = |msg: &Msg| {
        if let Msg::Key(key) = msg
            && key.to_string() == "X"
        {
            panic!("somebody pressed X");
        }
    };
    tokio::runtime::Runtime::new().unwrap().block_on(run_watched(setup, press)).unwrap();
}

#[test]
fn away_from_a_plan_nothing_happens() {
    let home = Home::new();
    let mut term = Term::sandbox(&home);
    term.key("Q");
    term.until("commit quarantine");
    term.key("\x1b");
    term.gone("commit quarantine");
    term.key("q");
    assert!(term.end().success());
    assert!(home.run(&["--sandbox", "runs", "--json"]).out.is_empty());
}

#[test]
fn at_any_size_it_draws_and_never_panics() {
    let home = Home::new();
    let mut term = Term::sandbox(&home);
    for (columns, rows) in [(40, 10), (20, 5), (2, 2), (80, 24), (300, 3), (40, 10), (140, 40)] {
        let drawn = term.bytes().len();
        term.resize(columns, rows);
        term.wait("it draws", |t| t.bytes().len() > drawn);
        term.key("jk");
    }
    term.until("BitcoinTool.B!DNS");
    term.until("live, read");
    term.key("q");
    assert!(term.end().success());
}

/// I8: a scenario's hostile titles, names and tags leave no byte of theirs on the terminal.
#[test]
fn i8_no_attackers_byte_reaches_the_terminal() {
    let home = Home::new();
    let mut term = Term::sandbox(&home);
    term.key("/kiosk\r");
    term.until("DNSDataExfiltration");
    term.until("u{1b}");
    term.key("Q");
    term.until("commit quarantine");
    term.key("\x1b");
    term.gone("commit quarantine");
    term.key("q");
    term.end();
    let bytes = term.bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("\x1b]52"), "OSC 52 came through");
    for hostile in ['\u{202e}', '\u{200b}', '\u{9b}', '\u{2066}'] {
        assert!(!text.contains(hostile), "{hostile:?} came through");
    }
}

#[test]
fn no_color_draws_without_colours() {
    let home = Home::new();
    let mut term = Term::start(env!("CARGO_BIN_EXE_lazaret"), &["--sandbox"], &home, &[("NO_COLOR", "1")]);
    term.until("BitcoinTool.B!DNS");
    term.key("q");
    term.end();
    let text = String::from_utf8_lossy(&term.bytes()).into_owned();
    for colour in ["38;5;", "38;2;", "48;5;", "48;2;"] {
        assert!(!text.contains(colour), "colours were sent");
    }
}

#[test]
fn without_a_terminal_it_says_so() {
    let home = Home::new();
    let said = home.run(&["--sandbox"]);
    assert_ne!(said.code, 0);
    assert!(said.err.contains("needs a terminal"), "{said:?}");
}

/// An address blocked from its finding and taken back from the table, in the real program.
#[test]
fn block_and_unblock() {
    let home = Home::new();
    let mut term = Term::sandbox(&home);
    term.key("/");
    term.until("/▏");
    term.key("SSHBruteForce\r");
    term.until("B block");
    term.key("B");
    term.until("commit block");
    term.key("C");
    term.until("Block done");
    term.key("\x1b");
    term.gone("Block done");
    term.key("3");
    term.until("stands");
    term.key("/");
    term.until("/▏");
    term.key("ana\r");
    term.until("/ana");
    // The first line is the table, the second the block of ours in it.
    term.key("j");
    term.until("U unblock");
    term.key("U");
    term.until("commit unblock");
    term.key("C");
    term.until("Unblock done");
    term.key("\x1b");
    term.gone("Unblock done");
    term.key("q");
    assert!(term.end().success());
    let blocks = home.run(&["--sandbox", "blocks"]);
    assert!(!blocks.out.contains("ana"), "{}", blocks.out);
}

/// Sessions of a role revoked from their finding and restored from the view of credentials, in the real program.
#[test]
fn revoke_and_restore() {
    let home = Home::new();
    let args = ["--sandbox", "ssrf-exfiltration"];
    let mut term = Term::start(env!("CARGO_BIN_EXE_lazaret"), &args, &home, &[]);
    term.until("TorIPCaller");
    term.key("/");
    term.until("/▏");
    term.key("TorIPCaller ec2rolle\r");
    term.until("K revoke");
    term.key("K");
    term.until("commit revoke");
    term.key("C");
    term.until("Revoke done");
    term.key("\x1b");
    term.gone("Revoke done");
    term.key("4");
    term.until("◆ cut");
    term.key("R");
    term.until("commit restore");
    term.key("C");
    term.until("Restore done");
    term.key("\x1b");
    term.until("restored");
    term.key("q");
    assert!(term.end().success());
}
