//! `lazaret undo`, `lazaret report` and `lazaret finding`, end to end.

use crate::support::program::{Home, Said};
use serde_json::Value;

const WEB_1: &str = "i-0ab12cd34ef56ab78";

fn lines(said: &Said) -> Vec<Value> {
    said.out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

/// The id of the worst finding about web-1.
fn finding(home: &Home) -> String {
    let said = home.run(&["--sandbox", "findings", "--json"]);
    let about = |f: &Value| f["subjects"].as_array().unwrap().iter().any(|s| s["id"] == WEB_1);
    let worst = lines(&said).into_iter().find(|f| f["severity"] == "CRITICAL" && about(f)).unwrap();
    worst["id"].as_str().unwrap().to_owned()
}

fn assigned_and_quarantined(home: &Home) -> String {
    let id = finding(home);
    let told = home.run(&["--sandbox", "finding", "assign", "--to", "cleo", &id, "--yes", "--json"]);
    assert_eq!((told.code, told.json()["state"].as_str()), (0, Some("done")), "{told:?}");
    let run = home.run(&["--sandbox", "quarantine", WEB_1, "--yes", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let incidents = home.run(&["--sandbox", "incidents", "--json"]);
    let list = lines(&incidents);
    assert_eq!(list.len(), 1, "{incidents:?}");
    assert_eq!(list[0]["runs"], list[0]["standing"]);
    list[0]["incident"].as_str().unwrap().to_owned()
}

#[test]
fn an_incident_is_previewed_undone_and_reported() {
    let home = Home::new();
    let incident = assigned_and_quarantined(&home);
    let short = &incident[..6];

    let plan = home.run(&["--sandbox", "undo", short, "--plan", "--json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    let plans = lines(&plan);
    assert_eq!(plans.len(), 3, "two plans and a summary");
    assert!(plans[0]["subject"].as_str().unwrap().starts_with("instance:"), "newest first: {plan:?}");
    assert_eq!((plans[2]["state"].as_str(), plans[2]["runs"].as_array().unwrap().len()), (Some("planned"), 2));
    let people = home.run(&["--sandbox", "undo", short, "--plan"]);
    assert!(people.out.contains("not taken back by any of it") && people.out.contains("snap-"), "{people:?}");
    let asked = home.run(&["--sandbox", "undo", short]);
    assert_eq!(asked.code, 2, "{asked:?}");

    let undone = home.run(&["--sandbox", "undo", short, "--yes", "--json"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    let reports = lines(&undone);
    assert_eq!(reports.len(), 3, "two runs and a summary: {undone:?}");
    assert!(reports[..2].iter().all(|r| r["state"] == "done" && r["playbook"] == "restore"));
    let summary = &reports[2];
    assert_eq!((summary["incident"].as_str(), summary["state"].as_str()), (Some(incident.as_str()), Some("done")));
    let stays: Vec<&str> =
        summary["not_taken_back"].as_array().unwrap().iter().map(|l| l["what"].as_str().unwrap()).collect();
    assert!(stays.iter().any(|what| what.contains("Snapshot")), "{stays:?}");
    let statuses: Vec<_> = stays.iter().filter(|what| what.contains("finding")).collect();
    assert_eq!(statuses, [&"Set the finding to RESOLVED"], "the last status alone, and it is the one that stands");
    let again = home.run(&["--sandbox", "undo", short, "--yes", "--json"]);
    assert_eq!((again.code, again.json()["state"].as_str()), (0, Some("done")), "{again:?}");

    let md = home.run(&["--sandbox", "report", short]);
    assert_eq!(md.code, 0, "{md:?}");
    assert!(md.out.starts_with(&format!("# Incident `{incident}`")), "{}", md.out);
    let file = home.path().join("report.json");
    let written = home.run(&["--sandbox", "report", short, "--format", "json", "--out", file.to_str().unwrap()]);
    assert_eq!((written.code, written.out.as_str()), (0, ""), "{written:?}");
    let json: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((json["incident"].as_str(), json["state"].as_str()), (Some(incident.as_str()), Some("taken-back")));
    assert_eq!(json["runs"].as_array().unwrap().len(), 4);
    assert_eq!(json["ledger"]["bad"], Value::Null);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_one_run_of_an_undo_comes_to_keeps_no_other_from_its_own() {
    use lazaret::cloud::sandbox::{Sandbox, Scenario};
    let home = Home::new();
    let id = finding(&home);
    // Between the two is a third run, which nothing holds back.
    let told = home.run(&["--sandbox", "finding", "acknowledge", &id, "--yes", "--json"]);
    assert_eq!(told.code, 0, "{told:?}");
    let incident = assigned_and_quarantined(&home);
    let world = home.path().join("data/lazaret/sandbox/crypto-mining/world.db");
    let scenario = Scenario::load("crypto-mining").unwrap();
    let sandbox = Sandbox::open(&world, scenario, None, std::sync::Arc::new(lazaret::domain::SystemClock)).unwrap();
    // Every interface was moved elsewhere: nothing of the quarantine goes back by itself.
    let (scope, place) =
        sandbox.world().scopes.into_iter().find(|(_, p)| p.instances.keys().any(|i| i.as_str() == WEB_1)).unwrap();
    let elsewhere = place.groups.keys().next().unwrap().clone();
    sandbox
        .edit(|world| {
            let place = world.scopes.get_mut(&scope).unwrap();
            let ours = |i: &&mut lazaret::domain::Interface| i.instance.as_ref().is_some_and(|i| i.as_str() == WEB_1);
            for interface in place.interfaces.values_mut().filter(ours) {
                interface.groups = [elsewhere.clone()].into_iter().collect();
            }
        })
        .unwrap();
    let plan = home.run(&["--sandbox", "undo", &incident, "--plan", "--json"]);
    assert_eq!(plan.code, 5, "{plan:?}");
    let undone = home.run(&["--sandbox", "undo", &incident, "--yes", "--json"]);
    assert_eq!((undone.code, undone.json()["state"].as_str()), (5, Some("drift")), "{undone:?}");
    let summary = undone.json();
    let states: Vec<&str> = summary["runs"].as_array().unwrap().iter().map(|r| r["state"].as_str().unwrap()).collect();
    // What the quarantine has noted stands as long as it does.
    assert_eq!(states, ["drift", "refused", "done"], "{undone:?}");
    assert!(undone.err.contains("restore that one first"), "{undone:?}");
    let forced = home.run(&["--sandbox", "undo", &incident, "--force", "--yes", "--json"]);
    assert_eq!((forced.code, forced.json()["state"].as_str()), (0, Some("done")), "{forced:?}");
}

#[test]
fn findings_go_from_one_verb_to_the_next() {
    use std::io::Write;
    let home = Home::new();
    let listed = home.run(&["--sandbox=noisy-morning", "findings", "--json", "--severity", "high"]);
    let n = listed.out.lines().count();
    assert!(n > 2, "{listed:?}");
    let mut command = home.command(&["--sandbox=noisy-morning", "finding", "suppress", "-", "--yes", "--json"]);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(listed.out.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(report["state"], "done", "{out}");
    let left = home.run(&["--sandbox=noisy-morning", "findings", "--json", "--severity", "high"]);
    assert!(left.out.lines().count() < n, "{left:?}");
    let run = report["run"].as_str().unwrap();
    let back = home.run(&["--sandbox=noisy-morning", "restore", "--run", run, "--yes", "--json"]);
    assert_eq!((back.code, back.json()["state"].as_str()), (0, Some("done")), "{back:?}");

    let unknown = home.run(&["--sandbox", "finding", "resolve", "nowhere-at-all", "--yes", "--json"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    let twice = home.run(&["--sandbox", "finding", "reopen", &finding(&home), "--yes", "--json"]);
    assert_eq!((twice.code, twice.json()["state"].as_str()), (0, Some("done")), "so already: {twice:?}");
}
