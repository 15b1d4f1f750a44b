//! moto's server, corrected by `tests/moto/corrections.py`: one for the whole test run, on a free port.
//!
//! Its Python environment is made under `target/` when the requirements change. Whatever goes wrong here fails the
//! tests; nothing is skipped.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A running server. It ends when its standard input does, which is when this process does.
pub(crate) struct Server {
    address: String,
    _process: Child,
}

/// The server of this test run, started when first asked for.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moto")
}

/// Runs a command to its end, and fails with what it said.
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The Python of an environment with the required packages.
fn python() -> PathBuf {
    let requirements = folder().join("requirements.txt");
    let hash = Sha256::digest(std::fs::read(&requirements).unwrap());
    let name: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let (environment, ready) = (target.join(format!("moto-{name}")), target.join(format!("moto-{name}/ready")));
    let lock = File::create(target.join("moto.lock")).unwrap();
    lock.lock().unwrap(); // another run may be making it; freed when the file is closed
    if !ready.exists() {
        drop(std::fs::remove_dir_all(&environment));
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        run(Command::new(environment.join("bin/python")).args(pip).arg(&requirements));
        File::create(&ready).unwrap();
    }
    environment.join("bin/python")
}

impl Server {
    fn start() -> Self {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto.log");
        let mut process = Command::new(python())
            .arg(folder().join("server.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            panic!("moto did not start: {line:?}\n{}", std::fs::read_to_string(&log).unwrap_or_default());
        };
        Self { address: address.to_owned(), _process: process }
    }

    /// Where it listens, `http://127.0.0.1:…`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a request past the SDK, signed by name only: moto reads account, Region and service out of the
    /// signature and doesn't check it. Answers the body of a 200.
    pub(crate) fn send(&self, method: &str, path: &str, credential: &str, body: &str) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let signature = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        write!(
            connection,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {signature}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        body.to_owned()
    }
}
