//! The eight mistakes of the published handlers: each has a test that bears its number.

use std::collections::BTreeMap;
use std::path::Path;

/// What the published handlers get wrong.
const MISTAKES: [(u8, &str); 8] = [
    (1, "swap first, tag after: a crash between the two loses the originals"),
    (2, "a second delivery records the quarantine group as the original"),
    (3, "one call for every instance misses interfaces where there are several"),
    (4, "a Deny conditioned on aws:TokenIssueTime for a long-term key never applies"),
    (5, "swapping the role is believed to invalidate its credentials"),
    (6, "a rule counter that is read, incremented and written: two responders overwrite each other"),
    (7, "the first characters of a finding's id in a name: always the same, so that rollbacks collide"),
    (8, "a subject that SNS refuses makes a containment look failed"),
];

/// The names of the tests below a folder that bear a mistake's number.
fn named(folder: &Path, found: &mut BTreeMap<u8, Vec<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named(&path, found);
            continue;
        }
        if path.extension().is_none_or(|e| e != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (n, line) in lines.iter().enumerate() {
            let is_test = n > 0 && (lines[n - 1].starts_with("#[tokio::test") || lines[n - 1] == "#[test]");
            let name = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")).filter(|_| is_test);
            let Some((name, number)) = name.and_then(|name| {
                let number = name.split("mistake_").nth(1)?.split('_').next()?.parse().ok()?;
                Some((name.split('(').next()?, number))
            }) else {
                continue;
            };
            found.entry(number).or_default().push(name.to_owned());
        }
    }
}

#[test]
fn each_of_the_eight_mistakes_has_a_test_of_its_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    named(&root.join("tests/suite"), &mut found);
    named(&root.join("src"), &mut found);
    let missing: Vec<_> = MISTAKES.iter().filter(|(n, _)| !found.contains_key(n)).collect();
    assert!(missing.is_empty(), "no test mistake_N_… for {missing:?}; there are {found:?}");
    let known: Vec<u8> = MISTAKES.iter().map(|(n, _)| *n).collect();
    assert!(found.keys().all(|n| known.contains(n)), "a ninth? {found:?}");
}
