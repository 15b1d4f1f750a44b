//! A test that reads the adapters' sources: the SDK calls in them are the operations of the list, both ways.

use crate::cloud::operations::{ALL, ASSUME_ROLE, Effect};
use std::collections::BTreeMap;
use std::path::Path;

/// What is called on a client's configuration, not on AWS.
const NOT_CALLS: [&str; 2] = ["build", "clone"];

/// The clients' names in the adapters. Those with `_once` send a request once.
const CLIENTS: &[&str] = &[
    "ec2",
    "ec2_once",
    "securityhub",
    "ssm",
    "ssm_once",
    "sns",
    "sns_once",
    "sts",
    "iam",
    "iam_once",
    "s3",
    "s3_once",
];

/// The adapters' source, without tests and without the space between the links of a call chain.
fn sources() -> String {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cloud/aws")];
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("surface.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                all.push_str(source.split("#[cfg(test)]\nmod tests").next().unwrap());
            }
        }
    }
    let lines: Vec<&str> = all.lines().map(|line| line.split("//").next().unwrap().trim()).collect();
    lines.join(" ").replace(" .", ".")
}

/// `ec2.describe_instances()` as (`ec2:DescribeInstances`, sent once?), for every client's every call.
fn calls(source: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for client in CLIENTS {
        for (at, _) in source.match_indices(&format!("{client}.")) {
            let before = source[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') {
                continue;
            }
            let rest = &source[at + client.len() + 1..];
            let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())).unwrap();
            if rest[end..].starts_with("()") && !NOT_CALLS.contains(&&rest[..end]) {
                let camel: String = rest[..end].split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
                let service = client.trim_end_matches("_once");
                found.push((format!("{service}:{camel}"), client.ends_with("_once")));
            }
        }
    }
    found
}

#[test]
fn the_calls_in_the_sources_are_the_operations_of_the_list() {
    let source = sources();
    let calls = calls(&source);
    let mut expected: BTreeMap<String, bool> =
        ALL.iter().map(|o| (o.name.to_owned(), o.effect == Effect::Once)).collect();
    // A role is assumed by a provider of the SDK, not by a call of ours.
    assert_eq!(source.matches("AssumeRoleProvider::builder").count(), 1);
    expected.remove(ASSUME_ROLE.name);
    let found: BTreeMap<String, bool> = calls.iter().cloned().collect();
    assert_eq!(found, expected, "each call and whether it is sent once only");
    assert_eq!(calls.len(), found.len(), "each operation is called in one place");
}

#[test]
fn no_request_is_sent_that_the_test_above_does_not_see() {
    let source = sources();
    // Each `.send()` closes one call on a client with one of the known names.
    assert_eq!(source.matches(".send()").count(), calls(&source).len());
}
