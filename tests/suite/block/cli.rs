//! `lazaret block`, `unblock`, `sweep` and `blocks`, end to end.

use crate::support::program::{Home, Said};
use serde_json::Value;

const ATTACKER: &str = "198.51.100.139";
const ACL: &str = "acl-0c1c1000000000001";
const SANDBOX: &str = "--sandbox=ssh-brute-force";

#[test]
fn from_a_findings_address_to_its_block_and_back() {
    let home = Home::new();
    // Nothing but the address: the finding that names it says where.
    let plan = home.run(&[SANDBOX, "block", ATTACKER, "--plan", "--json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    let shown = plan.json();
    assert_eq!(shown["playbook"], "block-address");
    let calls: Vec<Value> =
        shown["steps"].as_array().unwrap().iter().flat_map(|s| s["calls"].as_array().unwrap().clone()).collect();
    let creates = calls.iter().filter(|c| c["operation"] == "ec2:CreateNetworkAclEntry" && c["target"] == ACL).count();
    assert_eq!(creates, 2, "{calls:?}");
    assert!(shown["finding"].is_string(), "{shown}");

    assert_eq!(home.run(&[SANDBOX, "block", ATTACKER]).code, 2, "a mutating verb without a terminal needs --yes");
    let run = home.run(&[SANDBOX, "block", ATTACKER, "--ttl", "24h", "--yes", "--json"]);
    assert_eq!((run.code, run.json()["state"].as_str()), (0, Some("done")), "{run:?}");
    assert_eq!(run.json()["subject"], format!("address:{ATTACKER}"));
    let again = home.run(&[SANDBOX, "block", ATTACKER, "--yes", "--json"]);
    assert_eq!((again.code, again.json()["state"].as_str()), (3, Some("refused")), "{again:?}");
    assert!(again.err.contains("denied already, by ana"), "{again:?}");

    let blocks = home.run(&[SANDBOX, "blocks", "--json"]);
    assert_eq!(blocks.out.lines().count(), 1, "{blocks:?}");
    let block = &blocks.json()["block"];
    assert_eq!((&block["acl"], &block["run"]), (&Value::from(ACL), &run.json()["run"]), "{block}");
    assert!(block["until"].is_string() && block["seen"]["state"] == "stands", "{block}");
    let all = home.run(&[SANDBOX, "blocks", "--all"]);
    assert!(all.out.contains("not ours") && all.out.contains("203.0.113.200"), "{all:?}");

    let swept = home.run(&[SANDBOX, "sweep", "--yes", "--json"]);
    assert_eq!((swept.code, swept.json()["state"].as_str()), (0, Some("done")), "{swept:?}");
    let moved = home.run(&[SANDBOX, "block", ATTACKER, "--extend", "7d", "--yes", "--json"]);
    assert_eq!((moved.code, moved.json()["playbook"].as_str()), (0, Some("extend-block")), "{moved:?}");

    let back = home.run(&[SANDBOX, "unblock", ATTACKER, "--yes", "--json"]);
    assert_eq!((back.code, back.json()["playbook"].as_str()), (0, Some("unblock")), "{back:?}");
    assert_eq!(back.json()["reverts"][0], run.json()["run"]);
    let twice = home.run(&[SANDBOX, "unblock", ATTACKER, "--yes", "--json"]);
    assert_eq!((twice.code, twice.json()["state"].as_str()), (0, Some("done")), "{twice:?}");
    let nothing = home.run(&[SANDBOX, "block", ATTACKER, "--extend", "7d", "--yes"]);
    assert_eq!(nothing.code, 3, "{nothing:?}");
    assert_eq!(home.run(&[SANDBOX, "blocks"]).out.lines().count(), 1, "the heading alone");
}

#[test]
fn the_counters_stand_beside_the_tables_with_their_drift() {
    let home = Home::new();
    let run = home.run(&[SANDBOX, "block", "203.0.113.99", "--nacl", ACL, "--yes", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let list = home.run(&[SANDBOX, "blocks"]);
    assert!(list.out.contains(&format!("/nacl/{ACL}")) && list.out.contains("agrees"), "{list:?}");
    let block = home.run(&[SANDBOX, "blocks", "--json"]).json();
    assert_eq!((&block["counter"]["says"], &block["counter"]["drift"]), (&Value::from("3"), &Value::Null), "{block}");
    home.run(&[SANDBOX, "unblock", "203.0.113.99", "--yes"]);
    let list = home.run(&[SANDBOX, "blocks", "--all"]);
    assert!(list.out.contains("DRIFT: it says 4, the highest deny is 5"), "{list:?}");
    // What we used and took away ourselves is the last number used: no alarm.
    let ours = list.out.lines().find(|l| l.contains(&format!("/nacl/{ACL}"))).unwrap();
    assert!(ours.contains("3     agrees"), "{list:?}");
}

#[test]
fn what_stands_where_nobody_looks_is_not_called_gone() {
    let home = Home::new();
    let run = home.run(&[SANDBOX, "block", "203.0.113.99", "--nacl", ACL, "--yes", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let here = ["--account", "111122223333", "--region", "eu-central-1"];
    let elsewhere = home.run(&[&[SANDBOX, "unblock", "203.0.113.99", "--yes"][..], &here].concat());
    assert_eq!(elsewhere.code, 1, "{elsewhere:?}");
    assert!(elsewhere.err.contains("stays denied in 222233334444/eu-central-1"), "{elsewhere:?}");
}

#[test]
fn a_block_is_taken_back_by_its_run_from_either_verb() {
    let home = Home::new();
    for verb in ["unblock", "restore"] {
        let run = home.run(&[SANDBOX, "block", "203.0.113.99", "--nacl", ACL, "--yes", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
        let id = run.json()["run"].as_str().unwrap().to_owned();
        let back = home.run(&[SANDBOX, verb, "--run", &id, "--yes", "--json"]);
        assert_eq!((back.code, back.json()["state"].as_str()), (0, Some("done")), "{verb}: {back:?}");
        assert_eq!(back.json()["reverts"][0], id.as_str());
    }
}

/// `restore --run` takes any run back, those that took something back among them.
#[test]
fn an_unblock_and_an_extension_are_taken_back_by_their_runs() {
    let home = Home::new();
    let id = |said: &Said| said.json()["run"].as_str().unwrap().to_owned();
    let run = home.run(&[SANDBOX, "block", "203.0.113.99", "--nacl", ACL, "--ttl", "3h", "--yes", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let block = |home: &Home| home.run(&[SANDBOX, "blocks", "--json"]).json()["block"].clone();
    let until = block(&home)["until"].as_str().unwrap().to_owned();
    let moved = home.run(&[SANDBOX, "block", "203.0.113.99", "--extend", "9h", "--yes", "--json"]);
    assert_eq!(moved.code, 0, "{moved:?}");
    assert!(block(&home)["until"].as_str().unwrap() > until.as_str());
    let back = home.run(&[SANDBOX, "restore", "--run", &id(&moved), "--yes", "--json"]);
    assert_eq!((back.code, back.json()["state"].as_str()), (0, Some("done")), "{back:?}");
    let minutes = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp() / 60;
    let now = minutes(block(&home)["until"].as_str().unwrap());
    assert_eq!(now, minutes(&until), "the end is the one before");

    let gone = home.run(&[SANDBOX, "unblock", "203.0.113.99", "--yes", "--json"]);
    assert_eq!(gone.code, 0, "{gone:?}");
    let plan = home.run(&[SANDBOX, "restore", "--run", &id(&gone), "--plan"]);
    assert!(plan.code == 0 && plan.out.contains("Block 203.0.113.99"), "{plan:?}");
    let forced = home.run(&[SANDBOX, "restore", "--run", &id(&gone), "--force", "--yes"]);
    assert!(forced.code == 2 && forced.err.contains("--force means nothing"), "{forced:?}");
    let again = home.run(&[SANDBOX, "restore", "--run", &id(&gone), "--yes", "--json"]);
    assert_eq!((again.code, again.json()["state"].as_str()), (0, Some("done")), "{again:?}");
    let stands = block(&home);
    assert_eq!((stands["range"].as_str(), stands["acl"].as_str()), (Some("203.0.113.99/32"), Some(ACL)), "{stands}");
    let now = minutes(stands["until"].as_str().unwrap());
    assert_eq!(now, minutes(&until), "it ends when it would have: {stands}");
}

#[test]
fn a_wrong_address_a_wide_one_and_one_of_ours_are_refused_with_a_hint() {
    let home = Home::new();
    for (args, code, said) in [
        (vec!["block", "evil.example"], 2, "is not an address or range"),
        (vec!["block", "10.0.0.1", "--yes"], 3, "10.0.0.0/8 is private"),
        (vec!["block", "192.0.2.77", "--nacl", ACL, "--yes"], 3, "is ours (eni-"),
        (vec!["block", "203.0.112.0/22", "--nacl", ACL, "--yes"], 3, "--wide 203.0.112.0/22"),
        (vec!["block", "203.0.113.1", "--yes"], 2, "no open finding names 203.0.113.1"),
        (vec!["block", "203.0.113.1", "--nacl", ACL, "--ttl", "soon"], 2, "is not a time to stand"),
        (vec!["block", "203.0.113.1", "--nacl", "acl-0123456789abcdef0", "--yes"], 1, "acl-0123456789abcdef0"),
        (vec!["unblock"], 2, "ADDRESS"),
    ] {
        let answer = home.run(&[&[SANDBOX], &args[..]].concat());
        assert_eq!(answer.code, code, "{answer:?}");
        assert!(answer.err.contains(said), "{said}: {answer:?}");
    }
    let wide = home.run(&[SANDBOX, "block", "203.0.112.0/22", "--wide", "203.0.112.0/22", "--nacl", ACL, "--yes"]);
    assert_eq!(wide.code, 0, "{wide:?}");
}

#[test]
fn awss_ranges_are_read_from_its_api_and_from_the_file_that_the_configuration_names() {
    let home = Home::new();
    let (config, ranges) = (home.path().join("config.toml"), home.path().join("ip-ranges.json"));
    std::fs::write(&config, format!("[block]\naws_ranges = {ranges:?}\n")).unwrap();
    let block = |address: &str| {
        home.run(&["--config", config.to_str().unwrap(), SANDBOX, "block", address, "--nacl", ACL, "--plan"])
    };
    let missing = block("203.0.113.99");
    assert!(missing.code == 2 && missing.err.contains("ip-ranges.json"), "{missing:?}");
    std::fs::write(&ranges, "<html>moved</html>").unwrap();
    assert!(block("203.0.113.99").err.contains("not AWS's ip-ranges.json"));
    let text = r#"{"createDate": "2026-02-01", "prefixes": [
        {"ip_prefix": "203.0.113.0/25", "region": "eu-central-1", "service": "CLOUDFRONT"}], "ipv6_prefixes": []}"#;
    std::fs::write(&ranges, text).unwrap();
    let refused = block("203.0.113.99");
    assert!(refused.code == 3 && refused.err.contains("AWS's own (CLOUDFRONT in eu-central-1)"), "{refused:?}");
    let other = block("203.0.113.199");
    assert!(other.code == 0 && !other.out.contains("AWS's own"), "{other:?}");
    // What AWS's API tells needs no file, and is refused with it and without.
    for answer in [block("3.5.136.9"), home.run(&[SANDBOX, "block", "3.5.136.9", "--nacl", ACL, "--yes"])] {
        assert!(answer.code == 3 && answer.err.contains("--wide 3.5.136.9"), "{answer:?}");
        assert!(answer.err.contains("AWS's own (pl-6ea54007 com.amazonaws.eu-central-1.s3)"), "{answer:?}");
    }
    let alone = home.run(&[SANDBOX, "block", "203.0.113.99", "--nacl", ACL, "--plan"]);
    assert!(alone.code == 0 && alone.out.contains("checked against 4 prefix lists of AWS's alone"), "{alone:?}");
}
