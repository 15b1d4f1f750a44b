//! Every playbook through the program itself, over HTTP, and taken back: what stood there before stands there after.

use super::super::Fixture;
use super::super::finding::{finding, product_arn};
use super::super::stand::Stand;
use super::Program;
use lazaret::cloud::port::{AddressQuery, FindingQuery, InstanceQuery};
use lazaret::domain::principal::Principal;
use lazaret::domain::{AclEntry, FindingKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ATTACKER: &str = "198.51.100.23";

impl Program {
    /// Runs a verb that changes something to its end, and answers the record of the run, its last line.
    #[track_caller]
    fn done(&self, args: &[&str]) -> Value {
        let said = self.run(&[args, &["--yes", "--json"]].concat());
        let record = said.json();
        assert_eq!((said.code, record["state"].as_str()), (0, Some("done")), "{args:?}: {said:?}");
        for field in ["run", "subject", "message"] {
            assert!(record[field].as_str().is_some_and(|t| !t.is_empty()), "{args:?}: no {field} in {record}");
        }
        assert!(record["steps"].as_array().is_some_and(|s| !s.is_empty()), "{args:?}: {record}");
        record
    }

    /// What `--plan` shows; nothing is changed by it.
    #[track_caller]
    fn planned(&self, args: &[&str]) -> Value {
        let said = self.run(&[args, &["--plan", "--json"]].concat());
        assert_eq!(said.code, 0, "{args:?}: {said:?}");
        said.json()
    }

    /// Takes a run back by its id.
    #[track_caller]
    fn taken_back(&self, run: &Value) -> Value {
        self.done(&["restore", "--run", run["run"].as_str().unwrap()])
    }

    /// The entries of the fixture's network ACL.
    async fn entries(&self) -> Vec<AclEntry> {
        let world = self.moto.world();
        let found = self.moto.cloud().reads().network_acls(&world.scope, std::slice::from_ref(&world.acl)).await;
        let mut entries = found.unwrap().remove(0).entries;
        entries.sort();
        entries
    }

    /// What stands on the user `deploy-bot` and the role `web`, on the instance and in the network ACL.
    async fn everything(&self) -> BTreeMap<&'static str, String> {
        let (world, cloud) = (self.moto.world(), self.moto.cloud());
        let (scope, reads) = (&world.scope, cloud.reads());
        let ids = InstanceQuery::Ids(vec![world.instance.clone()]);
        let instance = reads.instances(scope, &ids).await.unwrap().remove(0);
        let mut keys = reads.access_keys(scope, "deploy-bot").await.unwrap();
        keys.sort_by(|a, b| a.id.cmp(&b.id));
        let mut release = Vec::new();
        for principal in [Principal::User("deploy-bot".into()), Principal::Role("web".into())] {
            release.push(reads.inline_policy(scope, &principal, "release").await.unwrap());
        }
        BTreeMap::from([
            ("groups", format!("{:?}", self.groups().await)),
            ("tags", format!("{:?}", self.tags().await)),
            ("metadata", format!("{:?}", instance.metadata)),
            ("profile", format!("{:?}", instance.profile_arn)),
            ("entries", format!("{:?}", self.entries().await)),
            ("keys", format!("{keys:?}")),
            ("user's policies", format!("{:?}", reads.user_policies(scope, "deploy-bot").await.unwrap())),
            ("user's managed", format!("{:?}", reads.attached_user_policies(scope, "deploy-bot").await.unwrap())),
            ("role's policies", format!("{:?}", reads.role_policies(scope, "web").await.unwrap())),
            ("role's managed", format!("{:?}", reads.attached_role_policies(scope, "web").await.unwrap())),
            ("documents", format!("{release:?}")),
        ])
    }

    /// Where people stand with a finding, and its note.
    async fn said_of(&self, id: &str) -> (String, Option<String>) {
        let query = FindingQuery { include_closed: true, ..FindingQuery::default() };
        let page = self.moto.cloud().reads().findings(&self.moto.world().scope, &query, None).await.unwrap();
        let finding = page.findings.into_iter().find(|f| f.finding.id.as_str() == id).unwrap().finding;
        (finding.workflow.as_str().to_owned(), finding.note)
    }
}

/// Runs a test where the SDK can decode the details of a finding's resources.
fn on_a_large_stack(test: impl Future<Output = ()> + Send + 'static) {
    let work = move || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    let thread = std::thread::Builder::new().stack_size(lazaret::cloud::STACK).spawn(work).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The finding's id in full, as GuardDuty writes them.
fn arn(program: &Program, what: &str) -> String {
    program.moto.world().scope.arn("guardduty", &format!("detector/d/finding/{what}"))
}

/// Credentials of the role `web` are used from an address outside; they were handed to the instance.
async fn stolen(program: &Program, id: &str) -> Value {
    let world = program.moto.world();
    let cloud = program.moto.cloud();
    let role = cloud.reads().role(&world.scope, "web").await.unwrap();
    let mut value = finding(world, id, "HIGH", 9);
    value["Types"] = json!(["TTPs/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration.OutsideAWS"]);
    value["Resources"] = json!([
        {
            "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLE0WEB00001", "Partition": "aws",
            "Region": world.scope.region.as_str(),
            "Details": {"AwsIamAccessKey": {
                "PrincipalId": format!("{}:{}", role.id, world.instance), "PrincipalName": "web",
                "PrincipalType": "AssumedRole",
            }},
        },
        {
            "Type": "AwsEc2Instance", "Id": world.scope.arn("ec2", &format!("instance/{}", world.instance)),
            "Partition": "aws", "Region": world.scope.region.as_str(),
        },
    ]);
    value["Action"] = json!({
        "ActionType": "AWS_API_CALL",
        "AwsApiCallAction": {
            "Api": "ListBuckets", "ServiceName": "s3.amazonaws.com", "CallerType": "Remote IP",
            "RemoteIpDetails": {"IpAddressV4": ATTACKER},
        },
    });
    value
}

#[tokio::test]
async fn a_users_keys_are_cut_and_given_back_over_http() {
    let program = Program::fresh().await;
    let before = program.everything().await;
    let key = program.moto.world().keys[1].clone();

    let plan = program.planned(&["revoke", "key", &key]);
    assert_eq!(plan["subject"], "user:deploy-bot", "{plan}");
    assert_eq!(program.everything().await, before);

    let run = program.done(&["revoke", "key", &key]);
    let during = program.everything().await;
    assert!(during["user's policies"].contains("lazaret-"), "{during:?}");
    assert!(during["keys"].contains("active: false"), "{during:?}");
    assert_eq!(during["documents"], before["documents"]);
    assert_eq!(program.run(&["revoke", "key", &key, "--yes"]).code, 3, "it is cut already");

    // The Deny goes; the key stays Inactive until it is asked for by its id.
    let back = program.taken_back(&run);
    let mut after = program.everything().await;
    assert!(after["keys"].contains("active: false"), "{back}");
    after.insert("keys", before["keys"].clone());
    assert_eq!(after, before);
    let named = ["restore", "--run", run["run"].as_str().unwrap(), "--reactivate", &key];
    program.done(&named);
    assert_eq!(program.everything().await, before);
}

#[tokio::test]
async fn a_roles_sessions_are_cut_and_given_back_over_http() {
    let program = Program::fresh().await;
    let before = program.everything().await;
    let run = program.done(&["revoke", "role", "web"]);
    let during = program.everything().await;
    assert!(during["role's policies"].contains("lazaret-"), "{during:?}");
    assert_eq!(during["profile"], before["profile"]);
    program.taken_back(&run);
    assert_eq!(program.everything().await, before);
    let again = program.done_with_nothing(&run);
    assert_eq!(again["run"], Value::Null, "restoring twice is harmless: {again}");
}

impl Program {
    /// Takes a run back that was taken back before: done, and no run of its own.
    #[track_caller]
    fn done_with_nothing(&self, run: &Value) -> Value {
        let said = self.run(&["restore", "--run", run["run"].as_str().unwrap(), "--yes", "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        said.json()
    }
}

#[tokio::test]
async fn an_address_is_blocked_and_unblocked_over_http() {
    let program = Program::fresh().await;
    let before = program.everything().await;
    let acl = program.moto.world().acl.to_string();

    let run = program.done(&["block", ATTACKER, "--nacl", &acl, "--ttl", "24h", "--no-finding"]);
    let entries = program.entries().await;
    let ours: Vec<_> = entries.iter().filter(|e| e.cidr == format!("{ATTACKER}/32")).collect();
    assert_eq!(ours.len(), 2, "{entries:?}");
    assert!(ours.iter().all(|e| e.number == ours[0].number && e.number < 50 + 40), "{ours:?}");
    let counters = program.moto.cloud();
    let name = format!("/nacl/{acl}");
    let counter = counters.reads().named_parameters(&program.moto.world().scope, &[name]).await.unwrap();
    assert_eq!(counter[0].value, ours[0].number.to_string());
    let listed = program.run(&["blocks", "--json"]);
    assert_eq!(listed.json()["block"]["range"].as_str(), Some(&*format!("{ATTACKER}/32")), "{listed:?}");

    program.done(&["block", ATTACKER, "--extend", "48h"]);
    let swept = program.run(&["sweep", "--yes", "--json"]);
    assert_eq!((swept.code, swept.json()["run"].clone()), (0, Value::Null), "nothing has expired: {swept:?}");
    program.done(&["unblock", ATTACKER]);
    assert_eq!(program.everything().await, before);
    program.done_with_nothing(&run);

    // Once more, and taken back by its run's id.
    let run = program.done(&["block", ATTACKER, "--nacl", &acl, "--no-finding"]);
    assert_ne!(program.everything().await, before);
    program.taken_back(&run);
    assert_eq!(program.everything().await, before);
}

#[test]
fn stolen_instance_credentials_are_contained_and_given_back_over_http() {
    on_a_large_stack(async {
        let program = Program::fresh().await;
        let id = arn(&program, "57013");
        program.moto.import(vec![stolen(&program, &id).await]).await;
        let before = program.everything().await;

        let run = program.done(&["exfiltration", &id, "--make-backup"]);
        assert_eq!(run["subject"], "role:web");
        let during = program.everything().await;
        assert!(during["profile"].contains("instance-profile/web-backup"), "{during:?}");
        assert!(during["metadata"].contains("tokens_required: true"), "{during:?}");
        assert!(during["role's policies"].contains("lazaret-"), "{during:?}");
        assert_eq!(program.said_of(&id).await.0, "NOTIFIED");

        program.taken_back(&run);
        assert_eq!(program.everything().await, before);
    });
}

#[tokio::test]
async fn evidence_is_taken_and_verified_over_http() {
    let program = Program::fresh().await;
    let world = program.moto.world();
    let (instance, bucket) = (world.instance.as_str(), format!("evidence-{}-program", world.scope.account));
    program.moto.make_bucket(&bucket, true).await;
    program.moto.start_agent().await;
    let before = program.everything().await;

    let run = program.done(&["forensics", instance, "--bucket", &bucket]);
    assert_eq!(program.everything().await, before, "evidence changes nothing that stands there");
    let id = run["run"].as_str().unwrap();
    let cloud = program.moto.cloud();
    let kept = cloud.reads().list_objects(&world.scope, &bucket, "lazaret/").await.unwrap();
    assert!(kept.len() > 5 && kept.iter().all(|k| k.contains(id)), "{kept:?}");
    assert!(kept.iter().any(|k| k.ends_with("manifest.json")), "{kept:?}");
    let snapshots = cloud.reads().snapshots(&world.scope, "LazaretRun", id).await.unwrap();
    assert_eq!(snapshots.len(), world.volumes.len());
    let verified = program.run(&["evidence", "verify", id, "--json"]);
    assert_eq!(verified.code, 0, "{verified:?}");

    // Evidence stays: there is nothing to take back, and that is said.
    let back = program.done_with_nothing(&run);
    assert_eq!(back["state"], "done", "{back}");
    assert_eq!(cloud.reads().list_objects(&world.scope, &bucket, "lazaret/").await.unwrap(), kept);
}

#[tokio::test]
async fn findings_are_worked_on_and_put_back_over_http() {
    let program = Program::fresh().await;
    let (world, id) = (program.moto.world(), arn(&program, "f1d0"));
    let other = arn(&program, "f1d1");
    program.moto.import(vec![finding(world, &id, "HIGH", 9), finding(world, &other, "LOW", 8)]).await;
    let key = FindingKey { id: lazaret::domain::FindingId(id.clone()), product_arn: product_arn(world) };
    let writes = program.moto.cloud().writes(&lazaret::cloud::Permit::granted_by_guard()).unwrap().clone();
    let note = lazaret::cloud::port::FindingUpdate { workflow: None, note: Some("theirs".into()) };
    let target = lazaret::cloud::port::Target::new(&world.scope);
    assert_eq!(writes.update_findings(&target, &[key], &note).await, Ok(vec![]));
    let before = (program.said_of(&id).await, program.said_of(&other).await);

    let run = program.done(&["finding", "suppress", &id, &other]);
    assert_eq!(program.said_of(&id).await.0, "SUPPRESSED");
    assert_eq!(program.said_of(&other).await.0, "SUPPRESSED");
    program.taken_back(&run);
    assert_eq!((program.said_of(&id).await, program.said_of(&other).await), before);

    let run = program.done(&["finding", "assign", &id, "--to", "ana"]);
    let (_, assigned) = program.said_of(&id).await;
    assert!(assigned.as_deref().is_some_and(|n| n.contains("ana") && n.contains("theirs")), "{assigned:?}");
    program.taken_back(&run);
    assert_eq!(program.said_of(&id).await, before.0);
    for verb in ["acknowledge", "resolve", "reopen"] {
        program.done(&["finding", verb, &other]);
    }
    assert_eq!(program.said_of(&other).await.0, "NEW");
    let unknown = program.run(&["finding", "resolve", "nothing-of-the-kind", "--yes", "--json"]);
    assert_eq!((unknown.code, unknown.json()["state"].as_str()), (1, Some("failed")), "{unknown:?}");
}

#[test]
fn an_incident_is_taken_back_and_reported_over_http() {
    on_a_large_stack(async {
        let program = Program::fresh().await;
        let (world, id) = (program.moto.world(), arn(&program, "57014"));
        let mut seen = stolen(&program, &id).await;
        seen["Action"] = json!({
            "ActionType": "NETWORK_CONNECTION",
            "NetworkConnectionAction": {
                "ConnectionDirection": "INBOUND", "RemoteIpDetails": {"IpAddressV4": ATTACKER},
            },
        });
        program.moto.import(vec![seen]).await;
        let before = program.everything().await;

        let runs = [
            program.done(&["block", ATTACKER, "--finding", &id]),
            program.done(&["revoke", "--finding", &id]),
            program.done(&["quarantine", world.instance.as_str(), "--finding", &id]),
            program.done(&["finding", "assign", &id, "--to", "ana"]),
        ];
        let listed = program.run(&["incidents", "--json"]);
        let incident = listed.json();
        assert_eq!((&incident["standing"], listed.out.lines().count()), (&json!(4), 1), "{listed:?}");
        let name = incident["incident"].as_str().unwrap();

        let undone = program.run(&["undo", name, "--yes", "--json"]);
        assert_eq!(undone.code, 0, "{undone:?}");
        let summary = undone.json();
        assert_eq!((summary["state"].as_str(), summary["incident"].as_str()), (Some("done"), Some(name)), "{summary}");
        let order: Vec<_> = summary["runs"].as_array().unwrap().iter().map(|r| r["run"].clone()).collect();
        assert_eq!(order, runs.iter().rev().map(|r| r["run"].clone()).collect::<Vec<_>>(), "newest first");
        let mut after = program.everything().await;
        // That it was restored, and when, is said on the instance.
        assert!(after["tags"].contains("Restored"), "{after:?}");
        after.insert("tags", before["tags"].clone());
        assert_eq!(after, before);
        assert_eq!(program.said_of(&id).await.0, "RESOLVED");
        assert_eq!(program.run(&["undo", name, "--yes"]).code, 0, "a second one is harmless");

        let report = program.run(&["report", name]);
        assert_eq!(report.code, 0, "{report:?}");
        for run in &runs {
            assert!(report.out.contains(run["run"].as_str().unwrap()), "{}", report.out);
        }
        let report = program.run(&["report", name, "--json"]);
        assert_eq!((report.code, report.json()["incident"].as_str()), (0, Some(name)), "{report:?}");
        assert_eq!(program.run(&["ledger", "verify"]).code, 0);
    });
}

#[tokio::test]
async fn a_contained_role_is_deleted_over_http_and_nothing_brings_it_back() {
    let program = Program::fresh().await;
    program.done(&["exfiltration", "--role", "web", "--make-backup"]);
    let untyped = program.run(&["delete-role", "web", "--yes", "--json"]);
    assert_eq!((untyped.code, untyped.json()["state"].as_str()), (3, Some("refused")), "{untyped:?}");
    let run = program.done(&["delete-role", "web", "--confirm", "web"]);
    let id = run["run"].as_str().unwrap();
    let world = program.moto.world();
    let gone = program.moto.cloud().reads().role(&world.scope, "web").await.unwrap_err();
    assert_eq!(gone.code, "NoSuchEntity", "{gone}");
    let export = program.run(&["delete-role", "--export", id]);
    assert_eq!(export.code, 0, "{export:?}");
    assert!(export.out.contains("arn:aws:s3:::a+b/100%25/*"), "the inline policy is in it: {export:?}");
    let back = program.run(&["restore", "--run", id, "--yes", "--json"]);
    assert_eq!((back.code, back.json()["state"].as_str()), (3, Some("refused")), "{back:?}");
    assert!(back.err.contains("--export"), "{back:?}");
}

#[tokio::test]
async fn an_instance_in_service_is_taken_out_and_put_back_over_http() {
    let program = Program::fresh().await;
    let standing = program.moto.stand().await;
    let world = program.moto.world();
    let in_service = async || {
        let cloud = program.moto.cloud();
        let reads = cloud.reads();
        let member = reads.scaling_member(&world.scope, &world.instance).await.unwrap().map(|m| m.lifecycle);
        let mut places = Vec::new();
        for targets in [
            reads.targets(&world.scope, &standing.target_group).await.unwrap(),
            reads.classic_targets(&world.scope, &standing.classic).await.unwrap(),
        ] {
            places.push(targets.iter().any(|t| t.id == world.instance.as_str() && t.is_registered()));
        }
        let addresses = reads.addresses(&world.scope, &AddressQuery::Of(world.instance.clone())).await.unwrap();
        (member, places, addresses.len())
    };
    let before = (in_service().await, program.everything().await);
    let run = program.done(&["quarantine", world.instance.as_str(), "--cut-flows", "--no-finding"]);
    assert_eq!(in_service().await, (Some("Standby".into()), vec![false, false], 0), "{run}");
    assert_ne!(format!("{:?}", program.groups().await), before.1["groups"]);
    program.taken_back(&run);
    assert_eq!(in_service().await, before.0);
    let mut after = program.everything().await;
    after.insert("tags", before.1["tags"].clone());
    assert_eq!(after, before.1);
}
