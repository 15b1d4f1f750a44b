//! The rooms: an import points downwards only, and the guard is the only door to a mutating call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which rooms each room may import, besides itself. ARCHITECTURE.md draws it.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("sqlite", &[]),
    ("intake", &["domain"]),
    ("policy", &["domain"]),
    ("config", &["domain", "policy"]),
    ("playbook", &["domain", "policy"]),
    ("ledger", &["domain", "sqlite", "playbook"]),
    ("cloud", &["domain", "sqlite", "intake"]),
    ("engine", &["domain", "intake", "policy", "playbook", "ledger", "cloud"]),
    ("console", &["domain", "policy", "config", "playbook", "ledger", "cloud", "engine"]),
    ("cli", &["domain", "intake", "policy", "config", "playbook", "ledger", "cloud", "engine", "console"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// A file's code without comments, so that a doc link is no import.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|l| l.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The rooms that a text names after `crate::`, whether alone or in braces.
fn imported(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => top_level_names(list),
            None => vec![rest],
        };
        for name in names {
            let word: String = name.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            rooms.push(word);
        }
    }
    rooms
}

/// The first word of each item of a brace list, nested lists left out.
fn top_level_names(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(&list[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

#[test]
fn an_import_points_downwards_only() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut upward = Vec::new();
    for file in sources(&src()) {
        let inside = file.strip_prefix(src()).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if ["lib", "bin"].contains(&room) {
            continue;
        }
        let may = allowed.get(room).unwrap_or_else(|| panic!("{room} is not in the list of rooms"));
        for other in imported(&code(&file)) {
            if allowed.contains_key(other.as_str()) && other != room && !may.contains(&other.as_str()) {
                upward.push(format!("{}: crate::{other}", inside.display()));
            }
        }
    }
    assert!(upward.is_empty(), "upward imports:\n{}", upward.join("\n"));
}

#[test]
fn the_import_reader_sees_what_it_should() {
    assert_eq!(imported("use crate::{cli::Args, engine::{a, b}, domain};"), ["cli", "engine", "domain"]);
    assert_eq!(imported("let x = crate::console::run();"), ["console"]);
}

/// I7: only the guard makes a permit, and only the engine asks for the mutating half.
#[test]
fn i7_nothing_reaches_a_mutating_port_but_through_the_guard() {
    let mut makers = Vec::new();
    let mut writers = Vec::new();
    for file in sources(&src()) {
        let inside = file.strip_prefix(src()).unwrap().display().to_string();
        let code = code(&file);
        let production = code.split("#[cfg(test)]").next().unwrap_or_default();
        let tests = inside.contains("/tests");
        if production.contains("Permit::granted_by_guard") && !tests {
            makers.push(inside.clone());
        }
        if production.contains(".writes(") && !tests {
            writers.push(inside);
        }
    }
    assert_eq!(makers, ["engine/guard.rs"]);
    assert!(writers.iter().all(|w| w.starts_with("engine/")), "{writers:?}");
    assert!(!writers.is_empty());
}

/// Only the adapters name the SDK.
#[test]
fn only_cloud_aws_names_the_sdk() {
    for file in sources(&src()) {
        let inside = file.strip_prefix(src()).unwrap().display().to_string();
        if !inside.starts_with("cloud/aws") {
            let code = code(&file);
            assert!(!code.contains("aws_sdk_") && !code.contains("aws_config::"), "{inside} names the SDK");
        }
    }
}
