//! The program itself against moto over HTTP: from finding to quarantined instance and back, as on the sandbox; and the
//! other playbooks, each with its way back.

mod playbooks;

use super::Fixture;
use super::finding::finding;
use super::moto::Moto;
use super::server::server;
use crate::support::program::{Home, Said};
use lazaret::cloud::port::{FindingQuery, InstanceQuery, InterfaceQuery};
use lazaret::domain::{GroupId, InterfaceId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

struct Program {
    home: Home,
    moto: Moto,
}

impl Program {
    async fn fresh() -> Self {
        Self { home: Home::new(), moto: Moto::fresh().await }
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.home.command(args);
        command
            .env("AWS_ENDPOINT_URL", server().url())
            .env("AWS_CONFIG_FILE", self.moto.config_file())
            .env("AWS_PROFILE", "contract");
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    async fn groups(&self) -> BTreeMap<InterfaceId, BTreeSet<GroupId>> {
        let world = self.moto.world();
        let query = InterfaceQuery::AttachedTo(vec![world.instance.clone()]);
        let found = self.moto.cloud().reads().interfaces(&world.scope, &query).await.unwrap();
        found.into_iter().map(|i| (i.id, i.groups)).collect()
    }

    async fn tags(&self) -> BTreeMap<String, String> {
        let world = self.moto.world();
        let query = InstanceQuery::Ids(vec![world.instance.clone()]);
        self.moto.cloud().reads().instances(&world.scope, &query).await.unwrap().remove(0).tags
    }
}

#[tokio::test]
async fn from_finding_to_quarantine_and_back_over_http() {
    let program = Program::fresh().await;
    let world = program.moto.world();
    let (instance, topic) = (world.instance.as_str(), world.topic.as_str());
    let id = "arn:aws:guardduty:eu-central-1:210000000000:detector/d/finding/f00d";
    program.moto.import(vec![finding(world, id, "CRITICAL", 9)]).await;
    let (groups, tags) = (program.groups().await, program.tags().await);

    let listed = program.run(&["findings", "--json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert_eq!(listed.json()["id"], id);

    let rehearsed = program.run(&["--dry-run", "quarantine", instance]);
    assert_eq!(rehearsed.code, 0, "{rehearsed:?}");
    assert_eq!(program.groups().await, groups);

    let run = program.run(&["quarantine", instance, "--yes", "--json", "--topic", topic]);
    assert_eq!((run.code, run.json()["state"].as_str()), (0, Some("done")), "{run:?}");
    let contained = program.groups().await;
    let quarantine: BTreeSet<GroupId> = contained.values().flatten().cloned().collect();
    assert_eq!((contained.len(), quarantine.len()), (3, 1), "{contained:?}");
    assert!(contained.values().all(|g| g.len() == 1));
    let marked = program.tags().await;
    assert_eq!(marked["SecurityStatus"], "Quarantined");
    assert_eq!(marked["GuardDutyFindingId"], id);
    let run_id = run.json()["run"].as_str().unwrap().to_owned();
    let snapshots = program.moto.cloud().reads().snapshots(&world.scope, "LazaretRun", &run_id).await.unwrap();
    assert_eq!(snapshots.len(), world.volumes.len());
    assert_eq!(program.moto.published().await.len(), 1);
    let query = FindingQuery { include_closed: true, ..FindingQuery::default() };
    let page = program.moto.cloud().reads().findings(&world.scope, &query, None).await.unwrap();
    assert_eq!(page.findings[0].finding.workflow.as_str(), "NOTIFIED");
    assert!(page.findings[0].finding.note.as_deref().unwrap().contains("Restore: lazaret restore"));

    let again = program.run(&["quarantine", instance, "--yes"]);
    assert_eq!(again.code, 3, "{again:?}");

    let restored = program.run(&["restore", instance, "--yes", "--json"]);
    assert_eq!((restored.code, restored.json()["state"].as_str()), (0, Some("done")), "{restored:?}");
    assert_eq!(program.groups().await, groups);
    let mut after = program.tags().await;
    assert_eq!(after.remove("SecurityStatus").as_deref(), Some("Restored"));
    after.remove("RestoredAt");
    assert_eq!(after, tags);
    for protection in [lazaret::domain::Protection::Termination, lazaret::domain::Protection::Stop] {
        let reads = program.moto.cloud();
        assert!(!reads.reads().protection(&world.scope, &world.instance, protection).await.unwrap());
    }
}

/// How long after a run was recorded its process is killed, in milliseconds.
const KILLS: [u64; 5] = [0, 30, 80, 160, 320];

/// The runs of the ledger, newest first.
fn runs(program: &Program) -> Vec<Value> {
    let said = program.run(&["runs", "--json"]);
    said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// I3 over HTTP: the process is killed in the middle of a run, and nothing is lost.
#[tokio::test]
async fn i3_a_process_killed_over_http_loses_nothing() {
    let mut struck = 0;
    for millis in KILLS {
        let program = Program::fresh().await;
        let instance = program.moto.world().instance.to_string();
        let groups = program.groups().await;
        let mut child = program
            .command(&["quarantine", &instance, "--yes", "--no-finding"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while runs(&program).is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(60), "no run was recorded");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(millis)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let found = runs(&program);
        assert_eq!(found.len(), 1, "{found:?}");
        if found[0]["state"] == "running" {
            struck += 1;
            let recovered = program.run(&["recover", found[0]["run"].as_str().unwrap(), "--force", "--yes"]);
            assert!([0, 1, 4].contains(&recovered.code), "{recovered:?}");
            assert_ne!(runs(&program)[0]["state"], "running", "{recovered:?}");
        }
        let restored = program.run(&["restore", &instance, "--yes"]);
        assert!(restored.code == 0 || restored.err.contains("neither the ledger nor the tags"), "{restored:?}");
        assert_eq!(program.groups().await, groups, "killed after {millis} ms");
    }
    assert!(struck > 0, "no kill struck a run");
    println!("{struck} of {} kills struck a run", KILLS.len());
}
