//! The real program in a real terminal: it starts, it draws, and whatever ends it gives the terminal back.
#![cfg(unix)]

use crate::support::program::Home;
use lazaret::cloud::sandbox::{Sandbox, Scenario};
use lazaret::config::{Keymap, Settings, Theme};
use lazaret::console::msg::Msg;
use lazaret::console::{Setup, run_watched};
use lazaret::domain::{Clock, SystemClock};
use lazaret::engine::{Engine, Guard};
use lazaret::ledger::{Actor, Hand, RunFilter, SqliteStore, Store};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine before it counts as never.
const NEVER: Duration = Duration::from_secs(60);

fn cells(n: u16) -> NonZero<u16> {
    NonZero::new(n).unwrap()
}

struct Term {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Term {
    fn start(program: &str, args: &[&str], home: &Path) -> Self {
        let size = PtySize { rows: 30, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("RUST_BACKTRACE", "0")] {
            command.env(name, value);
        }
        command.env("HOME", home);
        command.env("XDG_DATA_HOME", home.join("data"));
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("LAZARET_TEST_HOME", home);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(30), cells(120), 0)));
        let (mut reader, parser) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 {
                    break;
                }
                parser.lock().unwrap().process(&buffer[..n]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, keys, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn ours(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    #[track_caller]
    fn wait(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is(self) {
            assert!(began.elapsed() < NEVER, "never: {what}\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn until(&self, text: &str) {
        self.wait(text, |t| t.text().contains(text));
    }

    fn key(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn resize(&self, cols: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    fn stopped(&self) -> bool {
        let pid = self.child.process_id().unwrap().to_string();
        let said = std::process::Command::new("ps").args(["-o", "state=", "-p", &pid]).output().unwrap();
        String::from_utf8_lossy(&said.stdout).trim_start().starts_with('T')
    }

    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What was written last may still be on its way through the terminal.
                self.wait("the terminal is given back", |t| !t.ours());
                return status;
            }
            assert!(began.elapsed() < NEVER, "it never ends\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn sandbox(home: &Home) -> Term {
    let term = Term::start(env!("CARGO_BIN_EXE_lazaret"), &["--sandbox"], home.path());
    term.until("web-1");
    assert!(term.ours());
    term
}

#[test]
fn start_filter_quarantine_restore_resize_and_quit() {
    let home = Home::new();
    let mut term = sandbox(&home);
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
    term.resize(120, 30);
    term.until("isolated and read back after");
    term.key("\x1b");
    term.until("◆ isolated");
    term.key("R");
    term.until("commit restore");
    term.key("C");
    term.until("is as it was");
    term.key("\x1b");
    // Esc and a key in one go are that key with Alt.
    term.wait("the pane is closed", |t| !t.text().contains("Restore done"));
    term.key("q");
    assert!(term.end().success());
}

#[test]
fn i10_signals_give_the_terminal_back() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let home = Home::new();
        let mut term = sandbox(&home);
        term.signal(signal);
        assert!(term.end().success(), "{signal}");
    }
}

#[test]
fn i10_ctrl_z_gives_the_shell_back_and_fg_returns() {
    let home = Home::new();
    let mut term = sandbox(&home);
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
    let mut term = Term::start(this.to_str().unwrap(), &args, home.path());
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
fn without_a_terminal_it_says_so() {
    let home = Home::new();
    let said = home.run(&["--sandbox"]);
    assert_ne!(said.code, 0);
    assert!(said.err.contains("needs a terminal"), "{said:?}");
}
