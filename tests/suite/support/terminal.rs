//! The program in a terminal of its own: keys in, screen out. Waits on text, never on time.

use super::program::Home;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long text may take to appear before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Terminal {
    parser: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    writer: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Terminal {
    /// Starts the program in a terminal of this size.
    pub(crate) fn start(home: &Home, args: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_with(home, args, columns, rows, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn start_with(home: &Home, args: &[&str], columns: u16, rows: u16, env: &[(&str, &str)]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lazaret"));
        command.args(args);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("HOME", home.path());
        command.env("XDG_DATA_HOME", home.path().join("data"));
        command.env("XDG_CONFIG_HOME", home.path().join("config"));
        for (key, value) in env {
            command.env(key, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let parser = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let (screen, bytes) = (parser.clone(), raw.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                screen.lock().unwrap().process(&buffer[..n]);
                bytes.lock().unwrap().extend_from_slice(&buffer[..n]);
            }
        });
        Self { parser, raw, writer: pty.master.take_writer().unwrap(), master: pty.master, child }
    }

    /// What the screen shows.
    pub(crate) fn screen(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// Every byte that was written to the terminal so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.raw.lock().unwrap().clone()
    }

    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !holds(&self.screen()) {
            assert!(begin.elapsed() < PATIENCE, "waited for {what}; the screen shows:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// Waits until the text stands on the screen.
    pub(crate) fn see(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Waits until the text is gone from the screen.
    pub(crate) fn gone(&self, text: &str) {
        self.until(&format!("{text} to go"), |screen| !screen.contains(text));
    }

    /// Sends keys as a terminal does.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.parser.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size).unwrap();
    }

    /// Waits for the program's end and answers its exit code.
    pub(crate) fn end(&mut self) -> u32 {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                std::thread::sleep(Duration::from_millis(50)); // what it wrote last is still on its way to us
                return status.exit_code();
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end; the screen shows:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// Waits until more than this many bytes were written in all.
    pub(crate) fn until_written(&self, bytes: usize) {
        self.until("a drawing", |_| self.raw.lock().unwrap().len() > bytes);
    }

    /// I10: the terminal is as it was: main screen, cursor shown, no mouse, no bracketed paste, cooked mode.
    pub(crate) fn assert_given_back(&self) {
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was left on");
        assert!(!screen.hide_cursor(), "the cursor was left hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste was left on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse was left captured");
        #[cfg(unix)]
        if let Some(tty) = self.master.tty_name() {
            let shown = std::process::Command::new("stty").arg("-F").arg(&tty).arg("-a").output();
            if let Ok(shown) = shown
                && shown.status.success()
            {
                let modes = String::from_utf8_lossy(&shown.stdout).into_owned();
                assert!(!modes.contains("-icanon") && !modes.contains("-echo "), "raw mode was left on: {modes}");
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed must not leave the program behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
