//! Connecting: credentials, Region and endpoint from where every AWS tool takes them.

use super::moto::Account;
use super::server::server;
use lazaret::cloud::ErrorKind;
use lazaret::cloud::aws::{AwsCloud, AwsOptions};
use lazaret::cloud::port::{InstanceQuery, Reads};
use lazaret::domain::Scope;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Connects with nothing but the environment and prints what came of it: the child of the tests below, which set the
/// environment for a process of its own.
#[tokio::test]
#[ignore = "run by other tests, in an environment of their making"]
async fn child() {
    let profile = std::env::var("CHILD_PROFILE").ok();
    match AwsCloud::connect(&AwsOptions { profile, ..AwsOptions::default() }).await {
        Ok(cloud) => {
            let found = cloud.instances(cloud.home(), &InstanceQuery::All).await.map(|i| i.len());
            println!("connected: {} {found:?}", cloud.home());
        }
        Err(error) => println!("refused: {:?} {} {error}", error.kind, error.code),
    }
}

/// Runs [`child`] with this environment and no other, and a home that is empty.
fn connect_with(environment: &[(&str, &str)]) -> (String, Duration) {
    let home = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let Output { stdout, stderr, .. } = Command::new(std::env::current_exe().unwrap())
        .args(["contract::connect::child", "--exact", "--ignored", "--nocapture"])
        .env_clear()
        .env("HOME", home.path())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&stdout).into_owned();
    let line = out.lines().find(|l| l.contains("connected: ") || l.contains("refused: "));
    let line = line.unwrap_or_else(|| panic!("{out}{}", String::from_utf8_lossy(&stderr)));
    (line.to_owned(), begin.elapsed())
}

#[test]
fn the_environment_names_credentials_region_and_endpoint() {
    let (said, _) = connect_with(&[
        ("AWS_ENDPOINT_URL", &server().url()),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_REGION", "eu-west-1"),
    ]);
    assert!(said.contains("connected: 123456789012/eu-west-1 Ok("), "{said}");
}

#[test]
fn without_credentials_one_line_says_where_they_were_looked_for() {
    for environment in [&[][..], &[("AWS_REGION", "eu-central-1")]] {
        let (said, took) = connect_with(environment);
        for part in ["refused: Credentials NoCredentials", "AWS_ACCESS_KEY_ID", "~/.aws", "web identity", "instance"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

#[test]
fn without_a_region_one_line_says_where_to_put_it() {
    let (said, took) = connect_with(&[("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing")]);
    assert!(said.contains("refused: Invalid NoRegion") && said.contains("AWS_REGION"), "{said}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_named_profile_goes_before_the_environments_keys() {
    let account = Account::fresh().await;
    let config = account.folder.path().join("config");
    let (said, _) = connect_with(&[
        ("AWS_ENDPOINT_URL", &server().url()),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("CHILD_PROFILE", "contract"),
    ]);
    assert!(said.contains(&format!("connected: {}/eu-central-1", account.id)), "{said}");
}

/// Options with one profile, `contract`, of this content.
fn profile(folder: &tempfile::TempDir, content: &str) -> AwsOptions {
    let file = folder.path().join("config");
    std::fs::write(&file, format!("[profile contract]\nregion = eu-central-1\n{content}\n")).unwrap();
    AwsOptions {
        profile: Some("contract".into()),
        endpoint: Some(server().url()),
        config_file: Some(file),
        ..AwsOptions::default()
    }
}

#[tokio::test]
async fn a_credential_process_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, r#"{"Version": 1, "AccessKeyId": "testing", "SecretAccessKey": "testing"}"#).unwrap();
    let cloud = AwsCloud::connect(&profile(&folder, &format!("credential_process = cat {}", keys.display()))).await;
    assert_eq!(cloud.unwrap().identity().account, "123456789012");
    let failing = AwsCloud::connect(&profile(&folder, "credential_process = false")).await.map(|_| ()).unwrap_err();
    assert_eq!((failing.kind, failing.code.as_str()), (ErrorKind::Credentials, "CredentialsFailed"), "{failing}");
}

#[tokio::test]
async fn an_sso_profile_that_is_not_signed_in_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let session = "sso_account_id = 111122223333\nsso_role_name = Responder\nsso_session = corp\n\
                   [sso-session corp]\nsso_region = eu-central-1\nsso_start_url = https://example.com/start";
    let error = AwsCloud::connect(&profile(&folder, session)).await.map(|_| ()).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Credentials, "CredentialsFailed"));
    assert!(error.message.contains("aws sso login") && !error.message.contains("feature"), "{error}");
}

#[test]
fn a_web_identity_is_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "a token").unwrap();
    let (said, _) = connect_with(&[
        ("AWS_ENDPOINT_URL", &server().url()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::220000000001:role/lazaret"),
    ]);
    assert!(said.contains("connected: 220000000001/eu-central-1"), "{said}");
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_said() {
    let account = Account::fresh().await;
    let options = AwsOptions {
        profile: Some("nobody".into()),
        region: Some("eu-central-1".parse().unwrap()),
        ..account.options()
    };
    let error = AwsCloud::connect(&options).await.map(|c| c.home().clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.message.contains("`nobody`"), "{error}");
}

#[tokio::test]
async fn other_accounts_want_a_role() {
    let account = Account::fresh().await;
    let options = AwsOptions { assume_role_name: None, ..account.options() };
    let cloud = AwsCloud::connect(&options).await.unwrap();
    let other = Scope::parse("310000000000", "eu-central-1").unwrap();
    let error = cloud.instances(&other, &InstanceQuery::All).await.unwrap_err();
    assert_eq!((error.operation.as_str(), error.code.as_str()), ("sts:AssumeRole", "NoRole"));
    let china = Scope::parse(&account.id, "cn-north-1").unwrap();
    assert_eq!(cloud.instances(&china, &InstanceQuery::All).await.unwrap_err().code, "OtherPartition");
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_said_soon() {
    let account = Account::fresh().await;
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = AwsOptions { endpoint: Some(format!("http://127.0.0.1:{port}")), ..account.options() };
    let begin = Instant::now();
    let error = AwsCloud::connect(&options).await.map(|c| c.home().clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.retryable && !error.may_have_applied);
    assert!(begin.elapsed() < Duration::from_secs(30));
}
