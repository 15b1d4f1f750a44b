//! Whole findings against a key read by hand: ours in `tests/fixtures/findings`, and any folder of the same form that
//! `LAZARET_CORPUS` names (`expected.tsv` beside the samples or folders of samples).

use lazaret::domain::{Finding, PrincipalType, Severity, Source, Subject};
use lazaret::intake::{DecodeError, decode_bytes, normal_type};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The share of the key's fields, in percent, that must be right in a folder that isn't ours.
const WANTED_PERCENT: usize = 97;

fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/findings")
}

fn corpus_folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("LAZARET_CORPUS").filter(|value| !value.is_empty())?);
    assert!(folder.join("expected.tsv").is_file(), "LAZARET_CORPUS={} holds no expected.tsv", folder.display());
    Some(folder)
}

/// Every sample in a folder and the folders in it.
fn samples(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "json" || e == "jsonl") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{} holds no samples", folder.display());
    found
}

/// Decodes every sample; what can't be decoded must say where.
fn decode_all(folder: &Path) {
    for path in samples(folder) {
        match decode_bytes(&std::fs::read(&path).unwrap()) {
            Ok(findings) => {
                assert!(!findings.is_empty(), "{}: no findings", path.display());
                for finding in findings {
                    assert!(!finding.id.as_str().is_empty() && !finding.title.is_empty(), "{}", path.display());
                    assert!(finding.oddities.len() <= 50, "{}", path.display());
                    if finding.source == Source::Unknown {
                        println!("{}: {}", path.display(), finding.title);
                    }
                }
            }
            Err(DecodeError::NotAFinding { place, what }) => {
                assert!(place.starts_with('$') && !what.is_empty(), "{}: {place}: {what}", path.display());
                println!("{}: {place}: {what}", path.display());
            }
            Err(DecodeError::Syntax { line, column, message }) => {
                assert!(line > 0 && !message.is_empty(), "{}", path.display());
                println!("{}: line {line}, column {column}: {message}", path.display());
            }
        }
    }
}

/// Compares the first finding of each sample in the key; gives the fields that are right, all fields, and what is
/// wrong with the rest.
fn score(folder: &Path) -> (usize, usize, Vec<String>) {
    let key = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut lines = key.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').skip(1).collect();
    assert_eq!(columns.len(), 11, "{columns:?}");
    let (mut right, mut all, mut misses) = (0, 0, Vec::new());
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let mut cells = line.split('\t');
        let file = cells.next().unwrap();
        let decoded = decode_bytes(&std::fs::read(folder.join(file)).unwrap());
        let finding = decoded.as_ref().map(|findings| findings.first());
        for (column, expected) in columns.iter().zip(cells.chain(std::iter::repeat(""))) {
            all += 1;
            match finding {
                Ok(Some(finding)) => {
                    let (expected, found) = compared(column, expected, finding);
                    if expected == found {
                        right += 1;
                    } else {
                        misses.push(format!("{file}: {column} is {found:?}, not {expected:?}"));
                    }
                }
                other => misses.push(format!("{file}: {column}: {other:?}")),
            }
        }
    }
    assert!(all > 0, "{} has an empty key", folder.display());
    (right, all, misses)
}

/// What the key says and what was decoded, in the same form.
fn compared(column: &str, expected: &str, finding: &Finding) -> (String, String) {
    let key = finding.subjects.iter().find_map(|subject| match subject {
        Subject::AccessKey(key) => Some(key),
        _ => None,
    });
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let found = match column {
        "finding_type" => return (normal_type(expected), finding.finding_type.clone()),
        "severity" => {
            // Both as written and as the label that it means.
            let label = match (expected.strip_prefix("Normalized:"), expected.parse::<f64>()) {
                (Some(n), _) => Severity::from_normalized(n.parse().unwrap()),
                (None, Ok(n)) => Severity::from_guardduty(n),
                (None, Err(_)) => expected.parse().unwrap(),
            };
            let expected = format!("{expected} {label}");
            return (expected, format!("{} {}", text(&finding.severity_raw), finding.severity));
        }
        "account" => text(&finding.account),
        "region" => text(&finding.region),
        "instance_id" => joined(finding.instances().filter_map(|i| i.id.as_ref()).map(ToString::to_string)),
        "eni_ids" => joined(finding.instances().flat_map(|i| &i.interfaces).map(ToString::to_string)),
        "remote_ips" => {
            let expected =
                expected.split(',').filter(|ip| !ip.is_empty()).map(|ip| ip.parse::<IpAddr>().unwrap().to_string());
            let found = finding.subjects.iter().filter_map(|subject| match subject {
                Subject::RemoteAddress(address) => Some(address.ip.to_string()),
                _ => None,
            });
            return (joined(expected), joined(found));
        }
        "access_key_id" => key.map(|key| key.id.clone()).unwrap_or_default(),
        "principal_type" => principal(finding).0,
        "principal_name" => principal(finding).1,
        "sample" => finding.sample.to_string(),
        other => panic!("unknown column {other}"),
    };
    let expected =
        if column.ends_with("_ids") { joined(expected.split(',').map(str::to_owned)) } else { expected.to_owned() };
    (expected, found)
}

/// The type and name of the principal: that of the access key, else the first user or role.
fn principal(finding: &Finding) -> (String, String) {
    let found = finding.subjects.iter().find_map(|subject| match subject {
        Subject::AccessKey(key) => {
            let kind = match &key.principal_type {
                Some(PrincipalType::User) => "user",
                Some(PrincipalType::Role) => "role",
                Some(PrincipalType::Root) => "root",
                Some(PrincipalType::Federated) => "federated",
                Some(PrincipalType::Other(other)) => other,
                None => "",
            };
            Some((kind.to_owned(), key.principal_name.clone().unwrap_or_default()))
        }
        Subject::User { name } => Some(("user".to_owned(), name.clone())),
        Subject::Role { name } => Some(("role".to_owned(), name.clone())),
        _ => None,
    });
    found.unwrap_or_default()
}

/// A list without its order; each element is there at most once.
fn joined(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    let set: BTreeSet<&String> = items.iter().collect();
    assert_eq!(set.len(), items.len(), "repeats in {items:?}");
    set.into_iter().cloned().collect::<Vec<_>>().join(",")
}

#[test]
fn our_own_findings_decode_as_their_key_says() {
    decode_all(&own_folder());
    let (right, all, misses) = score(&own_folder());
    assert_eq!((right, misses), (all, Vec::new()));
}

#[test]
fn what_cannot_be_decoded_names_the_place() {
    let error = |file: &str| decode_bytes(&std::fs::read(own_folder().join(file)).unwrap()).unwrap_err().to_string();
    assert_eq!(error("broken-empty-detail.json"), "$.detail: an empty object, not a finding");
    assert_eq!(error("broken-truncated.json"), "line 4, column 0: EOF while parsing a value");
}

#[test]
fn the_corpus_decodes_as_its_key_says() {
    // Without the variable there is no corpus to test; the same code has just run on our own folder.
    let Some(folder) = corpus_folder() else { return our_own_findings_decode_as_their_key_says() };
    decode_all(&folder);
    let (right, all, misses) = score(&folder);
    println!("{right} of {all} fields of the key are right");
    misses.iter().for_each(|miss| println!("  {miss}"));
    assert!(right * 100 >= all * WANTED_PERCENT, "{right} of {all} fields are right:\n{}", misses.join("\n"));
}
