//! The scripts themselves, on this machine.

use lazaret::playbook::Script;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The shells that a host may have as `sh`, of those that this one has.
fn shells() -> Vec<&'static str> {
    let there = |shell: &&str| Command::new(shell).args(["-c", ":"]).status().is_ok_and(|s| s.success());
    ["sh", "dash", "bash"].into_iter().filter(there).collect()
}

/// Runs a text with a shell; what it said, and its errors.
fn run(shell: &str, text: &str) -> (String, String) {
    let mut child = Command::new(shell)
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success(), "{shell}: {said:?}");
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (lossy(&said.stdout), lossy(&said.stderr))
}

#[test]
fn every_script_runs_in_every_shell_and_says_when_it_was_taken() {
    assert!(!shells().is_empty());
    for script in Script::ALL {
        for shell in shells() {
            let (out, err) = run(shell, script.text());
            assert!(out.starts_with("taken 2"), "{shell} {}: {out:.80}", script.name());
            assert!(out.len() <= 23_000 && err.is_empty(), "{shell} {}: {err}", script.name());
        }
    }
}

/// A file that an attacker has made endless is read at its beginning, and costs the host neither time nor memory.
#[test]
fn an_endless_file_is_read_at_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endless");
    std::fs::File::create(&path).unwrap().set_len(64 << 30).unwrap();
    let text = Script::Persistence.text();
    let (functions, _) = text.split_once("collect() {").unwrap();
    let began = Instant::now();
    let (out, _) = run("sh", &format!("{functions}\nlines {}\n", path.display()));
    assert!(out.contains("endless") && out.len() < 1_000, "{} bytes", out.len());
    assert!(began.elapsed() < Duration::from_secs(10));
}
