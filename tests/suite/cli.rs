//! The command line, end to end: the program itself on a sandbox whose world lasts between commands.

use crate::support::program::Home;
use lazaret::ledger::{SqliteStore, Store};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

const WEB_1: &str = "i-0ab12cd34ef56ab78";

#[test]
fn from_finding_to_quarantine_and_back() {
    let home = Home::new();
    let findings = home.run(&["--sandbox", "findings", "--json"]);
    assert_eq!(findings.code, 0, "{findings:?}");
    let about: Vec<Value> = findings
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .filter(|f: &Value| f["subjects"].as_array().unwrap().iter().any(|s| s["id"] == WEB_1))
        .collect();
    assert!(about.iter().any(|f| f["severity"] == "CRITICAL"), "{findings:?}");

    let plan = home.run(&["--sandbox", "quarantine", WEB_1, "--plan", "--json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    let calls =
        plan.json()["steps"].as_array().unwrap().iter().flat_map(|s| s["calls"].as_array().unwrap().clone()).count();
    assert!(calls >= 10, "{calls}");
    assert_eq!(home.run(&["runs", "--sandbox"]).out.lines().count(), 1, "a plan leaves no run");

    let run = home.run(&["--sandbox", "quarantine", WEB_1, "--yes", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let report = run.json();
    assert_eq!(report["state"], "done");
    assert_eq!(report["subject"], format!("instance:{WEB_1}"));
    assert!(report["isolated_ms"].as_i64().unwrap() <= report["total_ms"].as_i64().unwrap());
    for step in report["steps"].as_array().unwrap() {
        assert!(step["id"].is_string() && step["title"].is_string() && step["ms"].is_i64(), "{step}");
        assert!(["applied", "verified"].contains(&step["state"].as_str().unwrap()), "{step}");
    }
    let shown = home.run(&["--sandbox", "show", WEB_1]);
    assert!(shown.out.contains("isolated") && shown.out.contains("written down"), "{shown:?}");

    let again = home.run(&["--sandbox", "quarantine", WEB_1, "--yes", "--json"]);
    assert_eq!((again.code, again.json()["state"].as_str()), (3, Some("refused")), "{again:?}");
    assert!(again.err.contains("already in quarantine, by "), "{again:?}");

    let restored = home.run(&["--sandbox", "restore", WEB_1, "--yes", "--json"]);
    assert_eq!((restored.code, restored.json()["state"].as_str()), (0, Some("done")), "{restored:?}");
    assert_eq!(restored.json()["reverts"][0], report["run"]);
    let twice = home.run(&["--sandbox", "restore", WEB_1, "--yes"]);
    assert_eq!(twice.code, 0, "{twice:?}");
    assert!(twice.out.contains("nothing to put back"), "{twice:?}");

    let messages = home.run(&["sandbox", "messages", "--json"]);
    assert_eq!(messages.out.lines().count(), 2, "{messages:?}");
    let verified = home.run(&["--sandbox", "ledger", "verify", "--json"]);
    assert_eq!((verified.code, &verified.json()["bad"]), (0, &Value::Null), "{verified:?}");
}

/// What a run says takes it back does so as it is printed; what takes back says nothing of the kind.
#[test]
fn a_run_says_how_it_is_taken_back() {
    let home = Home::new();
    let finding = home.run(&["--sandbox", "findings", "--json"]).out;
    let finding = finding.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()).find(|f| f["sample"] == false);
    let finding = finding.unwrap()["id"].as_str().unwrap().to_owned();
    let other =
        home.run(&["--sandbox", "block", "203.0.113.98", "--nacl", "acl-0b11c000000000001", "--ttl", "3h", "--yes"]);
    assert_eq!(other.code, 0, "{other:?}");
    let verbs: [&[&str]; 6] = [
        &["quarantine", WEB_1],
        &["revoke", "role", "ec2rolle"],
        &["block", "203.0.113.99", "--nacl", "acl-0b11c000000000001", "--ttl", "3h"],
        &["block", "203.0.113.98", "--extend", "9h"],
        &["unblock", "203.0.113.98"],
        &["finding", "acknowledge", &finding],
    ];
    for verb in verbs {
        let said = home.run(&[&["--sandbox"], verb, &["--yes"]].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let back = said.out.lines().find_map(|l| l.strip_prefix("  back   lazaret ")).expect("a way back").to_owned();
        let command: Vec<&str> = ["--sandbox"].into_iter().chain(back.split(' ')).chain(["--yes"]).collect();
        let restored = home.run(&command);
        assert!(restored.code == 0 && restored.out.contains("done: "), "{verb:?}: {restored:?}");
        // An extension goes back by another, and an unblock by a block: those have their own way back.
        let anew = verb.contains(&"--extend") || verb[0] == "unblock";
        assert_eq!(restored.out.contains("  back "), anew, "{restored:?}");
    }
    let evidence = home.run(&["--sandbox", "forensics", WEB_1, "--yes"]);
    assert!(evidence.code == 0 && !evidence.out.contains("  back "), "nothing of it is taken back: {evidence:?}");
}

#[test]
fn a_run_is_taken_back_by_its_id() {
    let home = Home::new();
    let run = home.run(&["quarantine", WEB_1, "--sandbox", "--yes", "--json", "--no-finding", "--no-snapshots"]).json();
    let id = run["run"].as_str().unwrap();
    let shown = home.run(&["runs", "--run", id, "--sandbox"]);
    assert!(shown.out.contains("Isolate eni-"), "{shown:?}");
    assert_eq!(home.run(&["restore", "--run", id, "--sandbox", "--yes"]).code, 0);
    assert_eq!(home.run(&["restore", "--run", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--sandbox", "--yes"]).code, 1);
}

#[test]
fn a_mutating_verb_without_a_terminal_needs_yes() {
    let home = Home::new();
    for verb in ["quarantine", "restore"] {
        home.run(&["--sandbox", "quarantine", WEB_1, "--yes"]);
        let other = "i-0db1c0ffee0000001";
        let target = if verb == "quarantine" { other } else { WEB_1 };
        let said = home.run(&["--sandbox", verb, target]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains("--yes"), "{said:?}");
    }
}

#[test]
fn read_only_refuses_and_a_dry_run_rehearses() {
    let home = Home::new();
    let said = home.run(&["--sandbox", "--read-only", "quarantine", WEB_1, "--yes"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("nothing was changed"), "{said:?}");
    let said = home.run(&["--sandbox", "--dry-run", "quarantine", WEB_1, "--yes"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("nothing was changed") && said.out.contains("would go through"), "{said:?}");
    assert!(!home.run(&["--sandbox", "show", WEB_1]).out.contains("Quarantined"));
}

#[test]
fn usage_mistakes_say_what_is_right() {
    let home = Home::new();
    for (args, wanted) in [
        (&["quarantine", "web-1", "--sandbox"][..], "is not an instance id"),
        (&["--sandbox=nowhere", "findings"][..], "crypto-mining, noisy-morning"),
        (&["restore", "--sandbox"][..], "required"),
        (&["--sandbox", "--account", "12", "findings"][..], "twelve digits"),
        (&["--sandbox", "--region", "Frankfurt", "findings"][..], "eu-central-1"),
    ] {
        let said = home.run(args);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(wanted), "{wanted}: {said:?}");
    }
    let unknown = home.run(&["--sandbox", "quarantine", "i-0123456789abcdef0", "--yes"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.err.contains("not found"), "{unknown:?}");
}

#[test]
fn decode_reads_files_and_standard_input_and_names_what_it_cannot_read() {
    let home = Home::new();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/findings");
    let good: Vec<_> = std::fs::read_dir(fixtures)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    assert!(good.len() > 5);
    let mut read = 0;
    for file in &good {
        let said = home.run(&["decode", "--json", file.to_str().unwrap()]);
        if said.code == 0 {
            read += 1;
            let finding = said.json();
            for field in ["id", "source", "type", "severity", "subjects", "oddities", "sample", "archived", "workflow"]
            {
                assert!(!finding[field].is_null(), "{field} of {finding}");
            }
        } else {
            assert_eq!((said.code, said.err.lines().count()), (1, 1), "{said:?}");
            assert!(said.err.contains(file.file_name().unwrap().to_str().unwrap()), "{said:?}");
        }
    }
    assert!(read > 5);
    let mut child = home
        .command(&["decode", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"{\"a\": [1, }").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("standard input: line 1"), "{err}");
}

#[test]
fn config_keymap_themes_completions_and_manual_are_there() {
    let home = Home::new();
    for args in [
        &["config", "show"][..],
        &["config", "check"],
        &["config", "template"],
        &["keymap"],
        &["keymap", "vim"],
        &["keymap", "emacs", "--json"],
        &["themes"],
        &["themes", "dark"],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
        &["man"],
        &["sandbox", "list"],
        &["--help"],
        &["quarantine", "--help"],
        &["--version"],
    ] {
        let said = home.run(args);
        assert_eq!(said.code, 0, "{args:?}: {said:?}");
        assert!(!said.out.is_empty(), "{args:?}");
    }
}

#[test]
fn a_broken_configuration_stops_the_start_and_names_the_place() {
    let home = Home::new();
    let folder = home.path().join("config/lazaret");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), "[quarantine]\nallow_smm = true\n").unwrap();
    let said = home.run(&["--sandbox", "findings"]);
    assert_eq!(said.code, 2, "{said:?}");
    for part in ["config.toml", "2", "allow_smm", "allow_ssm"] {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
}

/// The word for having no AWS, in one line, with the way out.
#[test]
fn without_credentials_one_line_says_so_and_offers_the_sandbox() {
    let home = Home::new();
    for args in [&[][..], &["findings"]] {
        let said = home.run(args);
        assert_ne!(said.code, 0);
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
        assert!(said.err.contains("lazaret --sandbox"), "{said:?}");
    }
}

/// Waits until the ledger has as many records, or the process has ended.
fn wait_for_records(ledger: &Path, records: u64, child: &mut Child) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let written = || {
        let store = ledger.exists().then(|| SqliteStore::open_to_read(ledger).ok()).flatten()?;
        runtime.block_on(store.changed_since(u64::MAX)).ok().map(|news| news.head)
    };
    while written().unwrap_or(0) < records && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// I3, with the real thing: the process is killed at many moments, and nothing is lost.
#[test]
fn i3_a_killed_process_loses_nothing() {
    let mut killed_open = 0;
    for records in (0..26).step_by(2) {
        let home = Home::new();
        let before = home.run(&["--sandbox", "show", WEB_1, "--json"]).json();
        let mut child = home
            .command(&["--sandbox", "quarantine", WEB_1, "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_records(&home.path().join("data/lazaret/sandbox/crypto-mining/ledger.db"), records, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        let runs = home.run(&["--sandbox", "runs", "--json"]);
        for line in runs.out.lines() {
            let run: Value = serde_json::from_str(line).unwrap();
            if run["state"] == "running" {
                killed_open += 1;
                let id = run["run"].as_str().unwrap();
                let alive = home.run(&["--sandbox", "recover", id, "--yes"]);
                assert_eq!(alive.code, 3, "its lease has not run out: {alive:?}");
                let recovered = home.run(&["--sandbox", "recover", id, "--force", "--yes", "--json"]);
                assert!([0, 1, 4].contains(&recovered.code), "{recovered:?}");
                assert_ne!(recovered.json()["state"], "running");
            }
        }
        let restored = home.run(&["--sandbox", "restore", WEB_1, "--yes"]);
        assert!(
            restored.code == 0 || restored.err.contains("neither the ledger nor the tags"),
            "{records}: {restored:?}"
        );
        let after = home.run(&["--sandbox", "show", WEB_1, "--json"]).json();
        let groups = |v: &Value| -> Vec<Value> {
            v["interfaces"].as_array().unwrap().iter().map(|i| i["groups"].clone()).collect()
        };
        assert_eq!(groups(&before), groups(&after), "killed after {records} records");
        assert_eq!(before["protections"], after["protections"], "killed after {records} records");
        assert_eq!(home.run(&["--sandbox", "ledger", "verify"]).code, 0);
    }
    assert!(killed_open > 3, "{killed_open} kills struck a run: the moments must be chosen anew");
}

/// A disk that is full or read-only where the log is keeps nobody from containing.
#[test]
fn a_log_that_can_not_be_written_is_said_and_stops_nothing() {
    let home = Home::new();
    std::fs::create_dir_all(home.path().join("data/lazaret/lazaret.log")).unwrap();
    let run = home.run(&["--sandbox", "quarantine", WEB_1, "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("no log is written") && run.err.contains("lazaret.log"), "{run:?}");
}

#[test]
fn the_environment_can_make_a_session_read_only() {
    let home = Home::new();
    for value in ["1", "true", "yes"] {
        let args = ["--sandbox", "quarantine", WEB_1, "--yes"];
        let output = home.command(&args).env("LAZARET_READ_ONLY", value).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{value}: {err}");
        assert!(err.contains("read-only"), "{value}: {err}");
    }
}

/// The world is made as the ledger is: whoever comes first makes it, and the others find it.
#[test]
fn several_hands_may_make_the_sandbox_at_once() {
    use lazaret::cloud::sandbox::{Sandbox, Scenario};
    for _ in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("world.db");
        let together = std::sync::Barrier::new(4);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    let scenario = Scenario::load("crypto-mining").unwrap();
                    together.wait();
                    Sandbox::open(&file, scenario, None, std::sync::Arc::new(lazaret::domain::SystemClock)).unwrap();
                });
            }
        });
    }
}

/// What can't go back as it was is said, and has an exit code of its own.
#[test]
fn a_restore_that_is_told_to_overwrite_is_done_and_drift_is_5() {
    let home = Home::new();
    assert_eq!(home.run(&["--sandbox", "quarantine", WEB_1, "--yes"]).code, 0);
    let show = || home.run(&["--sandbox", "show", WEB_1, "--json"]).json();
    let first = show()["interfaces"][0]["id"].as_str().unwrap().to_owned();
    // Somebody else gives the interface another group, straight in the simulated AWS's own store.
    let world = home.path().join("data/lazaret/sandbox/crypto-mining/world.db");
    let scenario = lazaret::cloud::sandbox::Scenario::load("crypto-mining").unwrap();
    let clock = std::sync::Arc::new(lazaret::domain::SystemClock);
    let sandbox = lazaret::cloud::sandbox::Sandbox::open(&world, scenario, None, clock).unwrap();
    sandbox
        .edit(|w| {
            let place = w.scopes.values_mut().find(|p| p.interfaces.keys().any(|i| i.as_str() == first)).unwrap();
            let id = lazaret::domain::InterfaceId::new(first.as_str());
            let vpc = place.interfaces[&id].vpc.clone();
            let held = place.interfaces[&id].groups.clone();
            let other = place.groups.values().find(|g| g.group.vpc == vpc && !held.contains(&g.group.id)).unwrap();
            let other = other.group.id.clone();
            place.interfaces.get_mut(&id).unwrap().groups = [other].into();
        })
        .unwrap();
    drop(sandbox);
    let restored = home.run(&["--sandbox", "restore", WEB_1, "--yes", "--json"]);
    assert_eq!(restored.code, 5, "{restored:?}");
    assert_eq!(restored.json()["drift"][0]["kind"], "left_alone", "{restored:?}");
    // A plan ends as its run would.
    let left = home.run(&["--sandbox", "restore", WEB_1, "--plan"]);
    assert_eq!(left.code, 5, "{left:?}");
    let planned = home.run(&["--sandbox", "restore", WEB_1, "--plan", "--force"]);
    assert_eq!(planned.code, 0, "{planned:?}");
    let forced = home.run(&["--sandbox", "restore", WEB_1, "--yes", "--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    assert_eq!(show()["interfaces"][0]["groups"].as_array().unwrap().len(), 2);
}

/// Whoever reads JSON reads of a mistake, too, and never an empty answer.
#[test]
fn usage_mistakes_are_json_where_json_is_asked_for() {
    let home = Home::new();
    for args in [
        &["--sandbox", "quarantine", "--json"][..],
        &["--json", "--sandbox", "quarantine", "web-1"],
        &["--sandbox", "quarantine", WEB_1, "--topic", "security-alerts", "--json"],
        &["--sandbox", "restore", WEB_1, "--topic", "arn:aws:sns:eu-central-1:1:x", "--json"],
        &["--sandbox", "quarantine", WEB_1, "--json"],
        &["--sandbox", "undo", "nowhere", "--yes", "--json"],
        &["--sandbox=nowhere", "findings", "--json"],
    ] {
        let said = home.run(args);
        assert_eq!(said.code, 2, "{args:?}: {said:?}");
        let json = said.json();
        assert_eq!((&json["run"], json["state"].as_str()), (&Value::Null, Some("usage")), "{args:?}: {said:?}");
        let message = json["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.starts_with("error"), "{args:?}: {message}");
        assert!(!message.ends_with(':'), "{args:?} says what is missing: {message}");
        assert!(!said.err.is_empty(), "{args:?}");
    }
    let people = home.run(&["--sandbox", "quarantine"]);
    assert_eq!((people.code, people.out.as_str()), (2, ""), "{people:?}");
    let help = home.run(&["--json", "--help"]);
    assert_eq!(help.code, 0, "{help:?}");
}

#[test]
fn a_topic_is_checked_before_anything_is_asked() {
    let home = Home::new();
    let verbs = [
        &["quarantine", WEB_1][..],
        &["restore", WEB_1],
        &["forensics", WEB_1],
        &["revoke", "user", "ana"],
        &["exfiltration", "f-1"],
        &["block", "198.51.100.7"],
        &["unblock", "198.51.100.7"],
        &["sweep"],
        &["undo", "f-1"],
    ];
    for verb in verbs {
        let topic = ["--plan", "--topic", "arn:aws:sns:eu-central-1:111122223333"];
        let said = home.run(&[&["--sandbox"][..], verb, &topic].concat());
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains("is not an SNS topic's ARN"), "{said:?}");
    }
    let good = "arn:aws:sns:eu-central-1:111122223333:security-alerts";
    assert_eq!(home.run(&["--sandbox", "quarantine", WEB_1, "--plan", "--topic", good]).code, 0);
}

#[test]
fn every_verb_that_changes_something_ends_its_json_with_a_record_though_nothing_began() {
    let home = Home::new();
    let (nobody, run) = ("i-0000000000000dead", "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    for (verb, state) in [
        (&["quarantine", nobody][..], "failed"),
        (&["restore", nobody], "failed"),
        (&["restore", "--run", run], "failed"),
        (&["forensics", nobody], "failed"),
        (&["block", "198.51.100.7", "--nacl", "acl-0000000000000dead"], "failed"),
        (&["unblock", "--run", run], "failed"),
        (&["exfiltration", "no-such-finding"], "failed"),
        (&["delete-role", "nobody", "--confirm", "nobody", "--account", "111122223333"], "failed"),
        (&["revoke", "user", "nobody"], "failed"),
        (&["revoke", "--finding", "no-such-finding"], "failed"),
        (&["finding", "resolve", "no-such-finding"], "failed"),
        (&["recover", run], "failed"),
        (&["undo", "no-such-incident"], "usage"),
    ] {
        let said = home.run(&[&["--sandbox", "--json"][..], verb, &["--yes"]].concat());
        let record = said.json();
        assert_eq!((&record["run"], record["state"].as_str()), (&Value::Null, Some(state)), "{verb:?}: {said:?}");
        assert!(record["message"].as_str().is_some_and(|m| !m.is_empty()), "{verb:?}: {said:?}");
        assert_eq!(said.out.lines().count(), 1, "{verb:?}: {said:?}");
        assert_eq!(said.code, if state == "usage" { 2 } else { 1 }, "{verb:?}: {said:?}");
    }
    // Whatever only looks says what is wrong on standard error alone: its lines are what was found.
    let said = home.run(&["--sandbox", "--json", "show", nobody]);
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
}

#[test]
fn a_run_that_contains_nothing_says_what_does_the_opposite() {
    let home = Home::new();
    home.run(&["--sandbox", "quarantine", WEB_1, "--yes"]);
    let restored = home.run(&["--sandbox", "restore", WEB_1, "--yes", "--json"]).json();
    let run = restored["run"].as_str().unwrap();
    let said = home.run(&["--sandbox", "restore", "--run", run, "--yes", "--json"]);
    assert_eq!((said.code, said.json()["state"].as_str()), (3, Some("refused")), "{said:?}");
    assert!(said.err.contains(&format!("`lazaret quarantine {WEB_1}` isolates it again")), "{said:?}");
}

#[test]
fn nobody_is_told_that_a_word_about_a_finding_went_back() {
    let home = Home::new();
    let id = home.run(&["--sandbox", "findings", "--json"]).json()["id"].as_str().unwrap().to_owned();
    let run = home.run(&["--sandbox", "finding", "suppress", &id, "--yes", "--json"]).json();
    let back = home.run(&["--sandbox", "restore", "--run", run["run"].as_str().unwrap(), "--yes", "--json"]);
    assert_eq!((back.code, back.json()["state"].as_str()), (0, Some("done")), "{back:?}");
    assert_eq!(home.run(&["sandbox", "messages", "--json"]).out, "");
}
