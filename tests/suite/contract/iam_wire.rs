//! `SimulatePrincipalPolicy` on the wire. moto has no simulator, and one written here would only be held against
//! itself: the adapter is held against answers in the form of the IAM API reference's example, and against the request
//! that it sends.

use chrono::TimeDelta;
use lazaret::cloud::aws::{AwsCloud, AwsOptions};
use lazaret::cloud::port::{CloudError, IamReads, Simulation};
use lazaret::domain::principal::{Decision, Simulated};
use lazaret::domain::{Clock, SystemClock};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ana</Arn><Account>111122223333</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

const ROLE: &str = "arn:aws:iam::111122223333:role/web";

/// An answer as the IAM API reference shows one (`API_SimulatePrincipalPolicy`, "Examples").
fn answer(decision: &str, statements: &str) -> String {
    format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults><member>\
         <MatchedStatements>{statements}</MatchedStatements><MissingContextValues/>\
         <EvalResourceName>*</EvalResourceName><EvalDecision>{decision}</EvalDecision>\
         <EvalActionName>s3:ListAllMyBuckets</EvalActionName></member></EvaluationResults>\
         </SimulatePrincipalPolicyResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </SimulatePrincipalPolicyResponse>"
    )
}

fn matched(policy: &str) -> String {
    format!(
        "<member><SourcePolicyId>{policy}</SourcePolicyId><SourcePolicyType>IAM Policy</SourcePolicyType>\
         <EndPosition><Column>4</Column><Line>7</Line></EndPosition>\
         <StartPosition><Column>16</Column><Line>3</Line></StartPosition></member>"
    )
}

/// Asks a server that answers so, and says what it was sent.
async fn asked(simulation: &Simulation, status: u16, body: String) -> (Result<Simulated, CloudError>, String) {
    let (cloud, sent) = connected(status, body).await;
    let result = cloud.simulate(cloud.home(), simulation).await;
    let sent = sent.lock().unwrap().clone();
    (result, sent)
}

/// A connection to a server that answers so, an hour ahead of this machine; and what it is sent.
async fn connected(status: u16, body: String) -> (AwsCloud, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(Mutex::new(String::new()));
    let seen = sent.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = BufReader::new(&connection);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut request = vec![0; length];
            if reader.read_exact(&mut request).is_err() {
                continue;
            }
            let request = String::from_utf8(request).unwrap();
            let (status, body) = if request.contains("Action=GetCallerIdentity") {
                (200, CALLER)
            } else {
                *seen.lock().unwrap() = request;
                (status, body.as_str())
            };
            let date = (SystemClock.now() + TimeDelta::hours(1)).format("%a, %d %b %Y %H:%M:%S GMT");
            let head = format!(
                "HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            drop(connection.write_all(format!("{head}{body}").as_bytes()));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x";
    std::fs::write(&config, format!("[profile contract]\nregion = eu-central-1\n{keys}\n")).unwrap();
    let options = AwsOptions {
        profile: Some("contract".into()),
        endpoint: Some(endpoint),
        config_file: Some(config),
        ..AwsOptions::default()
    };
    (AwsCloud::connect(&options).await.unwrap(), sent)
}

fn simulation() -> Simulation {
    Simulation {
        principal_arn: ROLE.into(),
        action: "s3:ListAllMyBuckets".into(),
        issued_at: Some("2026-03-01T02:59:00.5Z".parse().unwrap()),
        source_instance: Some("arn:aws:ec2:eu-central-1:111122223333:instance/i-0ab12cd34ef56ab78".into()),
    }
}

#[tokio::test]
async fn a_simulation_carries_what_the_session_brings_along() {
    let (result, sent) = asked(&simulation(), 200, answer("explicitDeny", &matched("role_web_lazaret-deny-01"))).await;
    let simulated = result.unwrap();
    assert_eq!(simulated.decision, Decision::ExplicitDeny);
    assert_eq!(simulated.by.into_iter().collect::<Vec<_>>(), ["role_web_lazaret-deny-01"]);
    for part in [
        "Action=SimulatePrincipalPolicy",
        "PolicySourceArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fweb",
        "ActionNames.member.1=s3%3AListAllMyBuckets",
        "ContextEntries.member.1.ContextKeyName=aws%3ATokenIssueTime",
        "ContextEntries.member.1.ContextKeyValues.member.1=2026-03-01T02%3A59%3A00Z",
        "ContextEntries.member.1.ContextKeyType=date",
        "ContextEntries.member.2.ContextKeyName=ec2%3ASourceInstanceARN",
        "ContextEntries.member.2.ContextKeyType=string",
    ] {
        assert!(sent.contains(part), "{part} in {sent}");
    }
}

#[tokio::test]
async fn a_users_own_key_brings_no_context() {
    let asked_for = Simulation { issued_at: None, source_instance: None, ..simulation() };
    let (result, sent) = asked(&asked_for, 200, answer("allowed", &matched("user_ci_release"))).await;
    assert_eq!(result.unwrap().decision, Decision::Allowed);
    assert!(!sent.contains("ContextEntries.member"), "{sent}");
    let (result, _) = asked(&asked_for, 200, answer("implicitDeny", "")).await;
    let simulated = result.unwrap();
    assert_eq!((simulated.decision, simulated.by.len()), (Decision::ImplicitDeny, 0));
}

#[tokio::test]
async fn an_answer_that_decides_nothing_is_no_proof() {
    let (result, _) = asked(&simulation(), 200, answer("perhaps", "")).await;
    assert_eq!(result.unwrap_err().code, "IncompleteAnswer");
    let error = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>\
                 <RequestId>1</RequestId></ErrorResponse>";
    let (result, _) = asked(&simulation(), 403, error.to_owned()).await;
    assert_eq!(result.unwrap_err().kind, lazaret::cloud::ErrorKind::Denied);
}

#[tokio::test]
async fn every_answer_tells_the_time_refusals_too() {
    for (status, body) in [(200, answer("allowed", "")), (403, String::new())] {
        let (cloud, _) = connected(status, body).await;
        assert_eq!(cloud.clock_ahead(), None, "nothing has been asked of IAM yet");
        drop(cloud.simulate(cloud.home(), &simulation()).await);
        let ahead = cloud.clock_ahead().unwrap();
        assert!(ahead > TimeDelta::minutes(59) && ahead < TimeDelta::minutes(61), "{ahead}");
    }
}
