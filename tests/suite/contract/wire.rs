//! How often a call is sent when the answer is bad or none comes, held against a server that only misbehaves.

use lazaret::cloud::aws::{AwsCloud, AwsOptions};
use lazaret::cloud::port::{CloudError, FindingUpdate, InstanceQuery, Permit, Reads, Target};
use lazaret::cloud::{Cloud, ErrorKind};
use lazaret::domain::{FindingId, FindingKey, GroupRule, InstanceId, Scope, Tags};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the server does with every call but `GetCallerIdentity`.
#[derive(Clone, Copy)]
enum Misbehaviour {
    /// Closes the connection without an answer.
    HangUp,
    /// Takes the request and stays silent.
    Silence,
    /// Answers with this status and body.
    Say(u16, &'static str),
}

const INTERNAL_ERROR: Misbehaviour =
    Misbehaviour::Say(500, "<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>");
const THROTTLED: Misbehaviour =
    Misbehaviour::Say(503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>");
const DENIED: Misbehaviour =
    Misbehaviour::Say(403, "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>");
const PAGE: Misbehaviour = Misbehaviour::Say(404, "<html><body>Not here</body></html>");
const GATEWAY: Misbehaviour = Misbehaviour::Say(502, "<html><body>Bad gateway</body></html>");
const NONSENSE: Misbehaviour = Misbehaviour::Say(200, "this is neither XML nor JSON");

const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ana</Arn><Account>111122223333</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

struct Wire {
    cloud: AwsCloud,
    calls: Arc<Mutex<usize>>,
    _profile: TempDir,
}

/// Reads a request and answers its body.
fn request(connection: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(connection);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(String::from_utf8_lossy(&body).into_owned())
}

fn serve(listener: &TcpListener, misbehaviour: Misbehaviour, calls: &Mutex<usize>) {
    for connection in listener.incoming() {
        let mut connection = connection.unwrap();
        let Some(body) = request(&connection) else { continue };
        let (status, answer) = match misbehaviour {
            _ if body.contains("Action=GetCallerIdentity") => (200, CALLER),
            Misbehaviour::HangUp => {
                *calls.lock().unwrap() += 1;
                continue;
            }
            Misbehaviour::Silence => {
                *calls.lock().unwrap() += 1;
                std::mem::forget(connection); // stays open
                continue;
            }
            Misbehaviour::Say(status, answer) => {
                *calls.lock().unwrap() += 1;
                (status, answer)
            }
        };
        // SNS and STS wrap their errors in another way than EC2.
        let answer = match body.contains("Action=Publish") || body.contains("Action=AssumeRole") {
            true => answer
                .replace("<Response><Errors>", "<ErrorResponse>")
                .replace("</Errors></Response>", "</ErrorResponse>"),
            false => answer.to_owned(),
        };
        let length = answer.len();
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        drop(connection.write_all(format!("{head}{answer}").as_bytes()));
    }
}

impl Wire {
    async fn with(misbehaviour: Misbehaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(0));
        let counted = calls.clone();
        std::thread::spawn(move || serve(&listener, misbehaviour, &counted)); // ends with the process
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        let keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x";
        std::fs::write(&config, format!("[profile contract]\nregion = eu-central-1\n{keys}\n")).unwrap();
        let options = AwsOptions {
            profile: Some("contract".into()),
            endpoint: Some(endpoint),
            assume_role_name: Some("lazaret-responder".into()),
            config_file: Some(config),
            ..AwsOptions::default()
        };
        Self { cloud: AwsCloud::connect(&options).await.unwrap(), calls, _profile: folder }
    }

    fn target(&self) -> Target {
        Target::new(self.cloud.home())
    }

    /// How many requests came since it was last asked.
    fn sent(&self) -> usize {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Each of the calls that are sent once, with how often it was.
    async fn once(&self) -> Vec<(CloudError, usize)> {
        let cloud: Cloud = self.cloud.cloud();
        let w = cloud.writes(&Permit::granted_by_guard()).unwrap();
        let (t, instance, tags) = (self.target(), InstanceId::new("i-1"), Tags::new());
        let (vpc, group, rules) = ("vpc-1".into(), "sg-1".into(), [GroupRule::all_egress()]);
        let topic = self.cloud.home().arn("sns", "topic");
        let mut all = vec![(w.create_snapshots(&t, &instance, "d", &tags).await.unwrap_err(), self.sent())];
        all.push((w.create_group(&t, &vpc, "n", "d", &tags).await.unwrap_err(), self.sent()));
        all.push((w.revoke_egress(&t, &group, &rules).await.unwrap_err(), self.sent()));
        all.push((w.authorize_egress(&t, &group, &rules).await.unwrap_err(), self.sent()));
        all.push((w.associate_profile(&t, &instance, "arn").await.unwrap_err(), self.sent()));
        all.push((w.replace_profile(&t, "iip-assoc-1", "arn").await.unwrap_err(), self.sent()));
        all.push((w.disassociate_profile(&t, "iip-assoc-1").await.unwrap_err(), self.sent()));
        all.push((w.publish(&t, &topic, "s", "b").await.unwrap_err(), self.sent()));
        all
    }

    /// A call that sets a state, with how often it was sent.
    async fn repeatable(&self) -> (CloudError, usize) {
        let cloud = self.cloud.cloud();
        let w = cloud.writes(&Permit::granted_by_guard()).unwrap();
        let error = w.set_interface_groups(&self.target(), &"eni-1".into(), &["sg-1".into()]).await.unwrap_err();
        (error, self.sent())
    }

    /// A call that only looks, with how often it was sent.
    async fn read(&self) -> (CloudError, usize) {
        let reads = self.cloud.cloud().reads().clone();
        let error = reads.instances(self.cloud.home(), &InstanceQuery::All).await.unwrap_err();
        (error, self.sent())
    }
}

#[tokio::test]
async fn what_may_not_be_repeated_is_sent_once() {
    for (misbehaviour, may_have_applied) in [(INTERNAL_ERROR, true), (THROTTLED, false), (Misbehaviour::HangUp, true)] {
        let wire = Wire::with(misbehaviour).await;
        for (error, sent) in wire.once().await {
            assert_eq!(sent, 1, "{error}");
            assert_eq!(error.may_have_applied, may_have_applied, "{error:?}");
            assert!(error.retryable, "{error:?}");
        }
    }
}

#[tokio::test]
async fn what_may_be_repeated_is_sent_again() {
    let wire = Wire::with(INTERNAL_ERROR).await;
    let ((write, writes), (read, reads)) = (wire.repeatable().await, wire.read().await);
    assert_eq!((writes, reads), (4, 4));
    assert_eq!((write.kind, read.kind), (ErrorKind::Unavailable, ErrorKind::Unavailable));
    assert!(write.may_have_applied && !read.may_have_applied, "a read applies nothing");
}

#[tokio::test]
async fn a_throttled_call_says_so_after_its_last_try() {
    let wire = Wire::with(THROTTLED).await;
    let (error, sent) = wire.repeatable().await;
    assert_eq!((error.kind, error.code.as_str(), sent), (ErrorKind::Throttled, "RequestLimitExceeded", 4));
    assert!(error.retryable && !error.may_have_applied);
}

#[tokio::test]
async fn no_answer_leaves_it_open_what_happened() {
    let wire = Wire::with(Misbehaviour::HangUp).await;
    let (error, sent) = wire.repeatable().await;
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Unavailable, "ConnectionFailed"));
    assert!(sent > 1 && error.may_have_applied && error.retryable);
}

#[tokio::test]
async fn silence_ends_in_time_and_leaves_it_open_what_happened() {
    let wire = Wire::with(Misbehaviour::Silence).await;
    let cloud = wire.cloud.cloud();
    let w = cloud.writes(&Permit::granted_by_guard()).unwrap();
    let begin = Instant::now();
    let error = w.create_snapshots(&wire.target(), &InstanceId::new("i-1"), "d", &Tags::new()).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str(), wire.sent()), (ErrorKind::Timeout, "Timeout", 1), "{error:?}");
    assert!(error.may_have_applied && error.retryable);
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_said_as_such() {
    let wire = Wire::with(DENIED).await;
    let other = Scope::parse("444455556666", "eu-central-1").unwrap();
    let error = wire.cloud.instances(&other, &InstanceQuery::All).await.unwrap_err();
    assert_eq!((error.operation.as_str(), error.kind), ("sts:AssumeRole", ErrorKind::Denied), "{error:?}");
    assert_eq!((error.scope, error.retryable), (Some(other.clone()), false));
    // Nor is that taken for an unclear effect of the call that needed the role.
    let cloud = wire.cloud.cloud();
    let w = cloud.writes(&Permit::granted_by_guard()).unwrap();
    let error = w.create_tags(&Target::new(&other), "i-1", &Tags::new()).await.unwrap_err();
    assert!(!error.may_have_applied, "{error:?}");
}

#[tokio::test]
async fn a_denial_is_final() {
    let wire = Wire::with(DENIED).await;
    let (error, sent) = wire.repeatable().await;
    assert_eq!((error.kind, error.code.as_str(), sent), (ErrorKind::Denied, "UnauthorizedOperation", 1));
    assert!(!error.retryable && !error.may_have_applied);
}

#[tokio::test]
async fn pages_of_others_are_told_from_answers() {
    let wire = Wire::with(PAGE).await;
    for (error, _) in [wire.read().await, wire.repeatable().await] {
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Other, "Http404"), "{error:?}");
        assert!(error.message.contains("HTTP 404") && !error.may_have_applied, "{error:?}");
    }
    let wire = Wire::with(GATEWAY).await;
    for (error, sent) in wire.once().await {
        assert_eq!((error.kind, error.may_have_applied, sent), (ErrorKind::Unavailable, true, 1), "{error:?}");
        assert!(error.message.contains("502"), "{error:?}");
    }
}

#[tokio::test]
async fn nonsense_is_no_answer() {
    let wire = Wire::with(NONSENSE).await;
    let (error, _) = wire.read().await;
    assert_eq!(error.kind, ErrorKind::Other, "{error:?}");
    let reads = wire.cloud.cloud().reads().clone();
    let error = reads.findings(wire.cloud.home(), &Default::default(), None).await.unwrap_err();
    assert_eq!((error.operation.as_str(), error.kind), ("securityhub:GetFindings", ErrorKind::Other), "{error:?}");
    let cloud = wire.cloud.cloud();
    let w = cloud.writes(&Permit::granted_by_guard()).unwrap();
    let update = FindingUpdate { workflow: None, note: Some("n".into()) };
    let key = FindingKey { id: FindingId("f".into()), product_arn: "p".into() };
    let error = w.update_findings(&wire.target(), &[key], &update).await.unwrap_err();
    assert!(error.may_have_applied, "{error:?}");
    let error = w.create_snapshots(&wire.target(), &InstanceId::new("i-1"), "d", &Tags::new()).await.unwrap_err();
    assert!(error.may_have_applied, "{error:?}");
}
