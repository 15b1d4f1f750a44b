//! `lazaret revoke`, end to end: the program itself on a sandbox whose world and intruder last between commands.

use crate::support::program::{Home, Said};
use serde_json::Value;

const KEY: &str = "AKIAEXAMPLE0DEPLOY01";
const STOLEN: &str = "ASIAEXAMPLE0WEBROLE1";
const SANDBOX: &str = "--sandbox=ssrf-exfiltration";

fn run(home: &Home, args: &[&str]) -> Said {
    home.run(&[&[SANDBOX], args].concat())
}

/// Whether AWS still takes the intruder's calls with this credential.
fn alive(home: &Home, credential: &str) -> bool {
    let said = run(home, &["sandbox", "intruders", "--json"]);
    let rows = said.out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    rows.into_iter().find(|r| r["credential"] == credential).unwrap()["alive"].as_bool().unwrap()
}

/// The id of a finding about a key.
pub(crate) fn finding(home: &Home, key: &str) -> String {
    let said = run(home, &["findings", "--json"]);
    let mut rows = said.out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    let about = |f: &Value| f["subjects"].as_array().unwrap().iter().any(|s| s["id"] == key);
    rows.find(about).unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_is_cut_and_made_active_again_only_by_its_id() {
    let home = Home::new();
    assert!(alive(&home, KEY));
    let plan = run(&home, &["revoke", "key", KEY, "--plan", "--json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    let operations: Vec<String> = plan.json()["steps"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|s| s["calls"].as_array().unwrap().clone())
        .map(|c| c["operation"].as_str().unwrap().to_owned())
        .collect();
    for wanted in ["iam:UpdateAccessKey", "iam:PutUserPolicy", "iam:SimulatePrincipalPolicy"] {
        assert!(operations.iter().any(|o| o == wanted), "{wanted}: {operations:?}");
    }
    assert!(alive(&home, KEY), "a plan changes nothing");

    let done = run(&home, &["revoke", "key", KEY, "--yes", "--json"]);
    let report = done.json();
    assert_eq!((done.code, &report["state"], &report["playbook"]), (0, &"done".into(), &"contain-credentials".into()));
    assert_eq!(report["subject"], "user:deploy-bot");
    assert!(!alive(&home, KEY));
    assert!(report["next"][0].as_str().unwrap().contains("AKIAEXAMPLE0DEPLOY02"), "{report}");
    let again = run(&home, &["revoke", "key", KEY, "--yes"]);
    assert!(again.code == 3 && again.err.contains("contained already, by "), "{again:?}");

    let id = report["run"].as_str().unwrap();
    let restored = run(&home, &["restore", "--run", id, "--force", "--yes"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(restored.out.contains(&format!("--run {id} --reactivate {KEY}")), "{restored:?}");
    assert!(!alive(&home, KEY), "no other option makes a key Active");
    let reactivated = run(&home, &["restore", "--run", id, "--reactivate", KEY, "--yes", "--json"]);
    assert_eq!((reactivated.code, reactivated.json()["state"].as_str()), (0, Some("done")), "{reactivated:?}");
    assert!(alive(&home, KEY));
}

#[test]
fn a_finding_says_whose_session_it_is() {
    let home = Home::new();
    let nobody = run(&home, &["revoke", "key", STOLEN, "--yes"]);
    assert!(nobody.code == 1 && nobody.err.contains("--finding"), "{nobody:?}");
    let id = finding(&home, STOLEN);
    let done = run(&home, &["revoke", "--finding", &id, "--yes", "--json"]);
    assert_eq!((done.code, done.json()["subject"].as_str()), (0, Some("role:ec2rolle")), "{done:?}");
    assert!(!alive(&home, STOLEN));
    let other = run(&home, &["revoke", "key", KEY, "--finding", &id, "--yes"]);
    assert!(other.code == 2 && other.err.contains("not about"), "{other:?}");
    let back = run(&home, &["restore", "--run", done.json()["run"].as_str().unwrap(), "--yes"]);
    assert!(back.code == 0 && alive(&home, STOLEN), "{back:?}");
}

#[test]
fn an_arn_names_its_account_and_what_can_not_be_cut_is_refused() {
    let home = Home::new();
    let arn = "arn:aws:sts::111122223333:assumed-role/ec2rolle/i-0ab12cd34ef56ab78";
    let plan = run(&home, &["revoke", "role", arn, "--plan"]);
    assert!(plan.code == 0 && plan.out.contains("role ec2rolle in 111122223333"), "{plan:?}");
    assert_eq!(run(&home, &["revoke", "user", arn, "--plan"]).code, 2);
    let linked = run(&home, &["revoke", "role", "AWSServiceRoleForAutoScaling", "--yes"]);
    assert!(linked.code == 3 && linked.err.contains("service-linked"), "{linked:?}");
    let unknown = run(&home, &["revoke", "user", "nobody", "--yes"]);
    assert!(unknown.code == 1 && unknown.err.contains("3 accounts"), "{unknown:?}");
    let own = ["revoke", "role", "lazaret-responder", "--yes"];
    assert_eq!(run(&home, &own).code, 3);
    assert_eq!(run(&home, &[&own[..], &["--lock-myself-out", "yes"]].concat()).code, 2);
    assert_eq!(run(&home, &[&own[..], &["--lock-myself-out", "lazaret-responder"]].concat()).code, 0);
    assert_eq!(run(&home, &["revoke"]).code, 2);
    assert_eq!(run(&home, &["revoke", "key"]).code, 2);
}

/// Nobody but a finding knows whose a session's key is, and nobody looks for the finding's id by hand.
#[test]
fn a_sessions_key_that_is_typed_alone_is_answered_with_the_command_that_names_its_finding() {
    let home = Home::new();
    for account in [&[][..], &["--account", "111122223333"]] {
        let said = run(&home, &[&["revoke", "key", STOLEN, "--yes"], account].concat());
        assert_ne!(said.code, 0, "{said:?}");
        let command = said.err.split("`lazaret ").last().unwrap().split('`').next().unwrap().to_owned();
        assert!(command.starts_with(&format!("revoke key {STOLEN} --finding arn:aws:guardduty:")), "{said:?}");
        let words: Vec<&str> = command.split(' ').chain(["--plan"]).collect();
        let plan = run(&home, &words);
        assert!(plan.code == 0 && plan.out.contains("role ec2rolle"), "{plan:?}");
    }
    assert!(alive(&home, STOLEN), "nothing was done");
}
