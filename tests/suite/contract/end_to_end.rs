//! The program itself over HTTP, through the SDKs: from a finding to an isolated instance and back.

use super::Fixture;
use super::finding::finding;
use super::findings::one;
use super::moto::Moto;
use super::server::server;
use lazaret::cloud::port::InstanceQuery;
use lazaret::domain::{Tags, Workflow};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Runs the program as somebody with this profile and home; answers its exit code and its last line as JSON.
fn lazaret(moto: &Moto, home: &Path, args: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(args)
        .env_clear()
        .env("HOME", home)
        .env("AWS_ENDPOINT_URL", server().url())
        .env("AWS_CONFIG_FILE", moto.config_file())
        .env("AWS_PROFILE", "contract")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = format!("{args:?}: {out}{}", String::from_utf8_lossy(&output.stderr));
    let last = out.lines().last().unwrap_or_else(|| panic!("{said}"));
    (output.status.code(), serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {said}")))
}

async fn tags(fixture: &dyn Fixture) -> Tags {
    let query = InstanceQuery::Ids(vec![fixture.world().instance.clone()]);
    fixture.cloud().reads().instances(&fixture.world().scope, &query).await.unwrap()[0].tags.clone()
}

#[tokio::test]
async fn an_instance_is_isolated_and_put_back_as_it_was() {
    let moto = Moto::fresh().await;
    let fixture: &dyn Fixture = &moto;
    fixture.import(vec![finding(fixture.world(), "f-1", "HIGH", 1)]).await;
    let (home, instance) = (tempfile::tempdir().unwrap(), fixture.world().instance.as_str());
    let before = fixture.groups_on().await;

    let (code, found) = lazaret(&moto, home.path(), &["findings", "--json"]);
    assert_eq!((code, found["id"].as_str()), (Some(0), Some("f-1")), "{found}");

    let (code, run) = lazaret(&moto, home.path(), &["quarantine", instance, "--yes", "--json"]);
    assert_eq!((code, run["state"].as_str()), (Some(0), Some("done")), "{run}");
    let isolated = fixture.groups_on().await;
    assert!(isolated.iter().all(|groups| groups.len() == 1 && *groups == isolated[0]), "{isolated:?}");
    assert!(!fixture.world().groups.contains(isolated[0].first().unwrap()));
    assert_eq!(tags(fixture).await.get("SecurityStatus").map(String::as_str), Some("Quarantined"));

    // A second time, from a machine that knows nothing of the first: refused, and nothing is overwritten.
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, again) = lazaret(&moto, elsewhere.path(), &["quarantine", instance, "--yes", "--json"]);
    assert_eq!((code, again["state"].as_str()), (Some(3), Some("refused")), "{again}");

    let (code, run) = lazaret(&moto, home.path(), &["restore", instance, "--yes", "--json"]);
    assert_eq!((code, run["state"].as_str()), (Some(0), Some("done")), "{run}");
    assert_eq!(fixture.groups_on().await, before);
    assert_eq!(tags(fixture).await.get("SecurityStatus").map(String::as_str), Some("Restored"));
    assert!(fixture.interfaces().await.iter().all(|i| i.tags.is_empty()));
    let closed = one(fixture, "f-1").await.finding;
    assert_eq!(closed.workflow, Workflow::Resolved, "{closed:?}");
}
