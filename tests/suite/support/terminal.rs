//! A program in a terminal of its own: keys in, screen out. Waits on what is shown, never on time.
#![cfg(unix)]

use super::program::Home;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine before it counts as never.
const NEVER: Duration = Duration::from_secs(60);

fn cells(n: u16) -> NonZero<u16> {
    NonZero::new(n).unwrap()
}

/// What was written to the terminal: as a screen, and as it came.
struct Written {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

/// A program in a terminal.
pub(crate) struct Term {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    written: Arc<Mutex<Written>>,
}

impl Term {
    /// The sandbox's console at 140x40, once it has drawn.
    pub(crate) fn sandbox(home: &Home) -> Self {
        let term = Self::start(env!("CARGO_BIN_EXE_lazaret"), &["--sandbox"], home, &[]);
        term.until("web-1");
        assert!(term.ours());
        term
    }

    /// A program in a terminal of 140x40, with nothing in its environment but a home and these.
    pub(crate) fn start(program: &str, args: &[&str], home: &Home, env: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 40, cols: 140, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home.path());
        command.env("XDG_DATA_HOME", home.path().join("data"));
        command.env("XDG_CONFIG_HOME", home.path().join("config"));
        let fixed = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("RUST_BACKTRACE", "0")];
        for (name, value) in fixed.iter().chain(env) {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = vt100::Parser::new(cells(40), cells(140), 0);
        let written = Arc::new(Mutex::new(Written { screen, bytes: vec![] }));
        let (mut reader, seen) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&written));
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                let mut seen = seen.lock().unwrap();
                seen.screen.process(&buffer[..n]);
                seen.bytes.extend_from_slice(&buffer[..n]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, keys, written }
    }

    /// What the screen shows.
    pub(crate) fn text(&self) -> String {
        self.written.lock().unwrap().screen.screen().contents()
    }

    /// Every byte that was written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.written.lock().unwrap().bytes.clone()
    }

    /// Whether the console has the terminal.
    pub(crate) fn ours(&self) -> bool {
        self.written.lock().unwrap().screen.screen().alternate_screen()
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is(self) {
            assert!(began.elapsed() < NEVER, "never: {what}\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the text stands on the screen.
    #[track_caller]
    pub(crate) fn until(&self, text: &str) {
        self.wait(text, |t| t.text().contains(text));
    }

    /// Waits until the text is off the screen.
    #[track_caller]
    pub(crate) fn gone(&self, text: &str) {
        self.wait(&format!("{text} goes"), |t| !t.text().contains(text));
    }

    /// Sends keys as a terminal does. (Esc and a key in one go are that key with Alt: wait in between.)
    pub(crate) fn key(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Sends a signal by its name, such as `-TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Changes the terminal's size.
    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        self.written.lock().unwrap().screen.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Whether the program was stopped, as by Ctrl-Z.
    pub(crate) fn stopped(&self) -> bool {
        let pid = self.child.process_id().unwrap().to_string();
        let said = std::process::Command::new("ps").args(["-o", "state=", "-p", &pid]).output().unwrap();
        String::from_utf8_lossy(&said.stdout).trim_start().starts_with('T')
    }

    /// Waits for the end, and for the terminal to be as it was (I10): main screen, cursor, no mouse, no bracketed paste.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What was written last may still be on its way through the terminal.
                self.wait("the terminal is given back", |t| {
                    let written = t.written.lock().unwrap();
                    let screen = written.screen.screen();
                    !screen.alternate_screen()
                        && !screen.hide_cursor()
                        && !screen.bracketed_paste()
                        && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
                });
                return status;
            }
            assert!(began.elapsed() < NEVER, "it never ends\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        // A test that failed must not leave the program behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
