//! `lazaret exfiltration` and `delete-role`, end to end, on a sandbox whose world lasts between commands.

use crate::support::program::Home;
use serde_json::Value;

const TYPE: &str = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS";
const SANDBOX: &str = "--sandbox=ssrf-exfiltration";

fn finding(home: &Home) -> String {
    let findings = home.run(&[SANDBOX, "findings", "--json"]);
    assert_eq!(findings.code, 0, "{findings:?}");
    let all = findings.out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    let found = all.into_iter().find(|f| f["type"] == TYPE || f["finding_type"] == TYPE);
    found.unwrap_or_else(|| panic!("{findings:?}"))["id"].as_str().unwrap().to_owned()
}

#[test]
fn stolen_credentials_are_contained_and_everything_comes_back() {
    let home = Home::new();
    let id = finding(&home);
    let plan = home.run(&[SANDBOX, "exfiltration", &id, "--plan"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    for words in ["ec2:ReplaceIamInstanceProfileAssociation", "iam:PutRolePolicy", "ec2:ModifyInstanceMetadataOptions"]
    {
        assert!(plan.out.contains(words), "{words}: {}", plan.out);
    }
    assert!(plan.out.contains("not stopped"), "{}", plan.out);
    let still =
        home.run(&[SANDBOX, "delete-role", "ec2rolle", "--account", "111122223333", "--confirm", "ec2rolle", "--yes"]);
    assert_eq!(still.code, 3, "instances have it: {still:?}");
    assert!(still.err.contains("us-east-1"), "{still:?}");
    let run = home.run(&[SANDBOX, "exfiltration", &id, "--yes", "--json"]);
    let report = run.json();
    assert_eq!((run.code, report["state"].as_str()), (0, Some("done")), "{run:?}");
    assert_eq!(report["playbook"], "contain-exfiltration");
    let run_id = report["run"].as_str().unwrap().to_owned();
    let back = home.run(&[SANDBOX, "restore", "--run", &run_id, "--yes", "--json"]);
    assert_eq!((back.code, back.json()["state"].as_str()), (0, Some("done")), "{back:?}");
    let verified = home.run(&[SANDBOX, "ledger", "verify", "--json"]);
    assert_eq!((verified.code, &verified.json()["bad"]), (0, &Value::Null), "{verified:?}");
}

#[test]
fn a_role_is_deleted_by_its_typed_name_and_its_export_is_kept() {
    let home = Home::new();
    let delete = |more: &[&str]| {
        let base = [SANDBOX, "delete-role", "ec2rolle-backup", "--account", "111122223333"];
        home.run(&[&base, more].concat())
    };
    let unconfirmed = delete(&["--yes", "--json"]);
    assert_eq!((unconfirmed.code, unconfirmed.json()["state"].as_str()), (3, Some("refused")), "{unconfirmed:?}");
    assert_eq!(delete(&["--confirm", "ec2rolle", "--yes"]).code, 3);
    let done = delete(&["--confirm", "ec2rolle-backup", "--json"]);
    let report = done.json();
    assert_eq!((done.code, report["state"].as_str()), (0, Some("done")), "{done:?}");
    let run = report["run"].as_str().unwrap();
    let export = home.run(&[SANDBOX, "delete-role", "--export", run, "--json"]);
    let export = export.json();
    assert_eq!(export["export"]["role"]["name"], "ec2rolle-backup", "{export}");
    assert!(export["export"]["inline"]["buckets"].as_str().unwrap().contains("s3:ListAllMyBuckets"), "{export}");
    let back = home.run(&[SANDBOX, "restore", "--run", run, "--yes"]);
    assert_eq!(back.code, 3, "{back:?}");
    assert!(back.err.contains("can't come back") && back.err.contains("delete-role --export"), "{back:?}");
}
