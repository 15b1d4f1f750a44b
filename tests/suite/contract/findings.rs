//! Security Hub: findings listed, filtered, paged and updated.

use super::Fixture;
use super::finding::{finding, product_arn};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::{FindingPage, FindingQuery, FindingUpdate, SeenFinding, Target};
use lazaret::domain::{FindingId, FindingKey, Severity, Source, Workflow};
use serde_json::{Value, json};

async fn page(fixture: &dyn Fixture, query: &FindingQuery, token: Option<&str>) -> FindingPage {
    fixture.cloud().reads().findings(&fixture.world().scope, query, token).await.unwrap()
}

async fn ids(fixture: &dyn Fixture, query: &FindingQuery) -> Vec<String> {
    let page = page(fixture, query, None).await;
    assert_eq!(page.next, None);
    page.findings.into_iter().map(|f| f.finding.id.0).collect()
}

pub(super) async fn one(fixture: &dyn Fixture, id: &str) -> SeenFinding {
    let query = FindingQuery { ids: vec![FindingId(id.into())], include_closed: true, ..FindingQuery::default() };
    page(fixture, &query, None).await.findings.into_iter().next().unwrap()
}

pub(super) fn key(fixture: &dyn Fixture, id: &str) -> FindingKey {
    FindingKey { id: FindingId(id.into()), product_arn: product_arn(fixture.world()) }
}

pub(super) fn note(text: &str) -> FindingUpdate {
    FindingUpdate { workflow: Some(Workflow::Notified), note: Some(text.into()) }
}

fn with(mut finding: Value, field: &str, value: Value) -> Value {
    finding[field] = value;
    finding
}

/// Six findings: three open ones, and one each that is archived, suppressed and resolved.
pub(super) async fn import_six(fixture: &dyn Fixture) {
    let world = fixture.world();
    let open = |id, severity, minute| finding(world, id, severity, minute);
    let workflow = |finding, status| with(finding, "Workflow", json!({"Status": status}));
    fixture
        .import(vec![
            open("old", "LOW", 10),
            open("new", "CRITICAL", 30),
            workflow(open("told", "HIGH", 20), "NOTIFIED"),
            with(open("archived", "HIGH", 40), "RecordState", json!("ARCHIVED")),
            workflow(open("suppressed", "HIGH", 50), "SUPPRESSED"),
            workflow(open("resolved", "LOW", 60), "RESOLVED"),
        ])
        .await;
}

pub(super) async fn open_findings_come_newest_first(fixture: &dyn Fixture) {
    assert_eq!(ids(fixture, &FindingQuery::default()).await, [""; 0]);
    import_six(fixture).await;
    assert_eq!(ids(fixture, &FindingQuery::default()).await, ["new", "told", "old"]);
    let all = FindingQuery { include_closed: true, ..FindingQuery::default() };
    assert_eq!(ids(fixture, &all).await, ["resolved", "suppressed", "archived", "new", "told", "old"]);
}

pub(super) async fn findings_are_filtered(fixture: &dyn Fixture) {
    import_six(fixture).await;
    let since = |text: &str| Some(text.parse().unwrap());
    let query = FindingQuery { severities: vec![Severity::Low, Severity::High], ..FindingQuery::default() };
    assert_eq!(ids(fixture, &query).await, ["told", "old"]);
    let named = |ids: &[&str]| ids.iter().map(|id| FindingId((*id).into())).collect();
    let query = FindingQuery { ids: named(&["old", "archived", "nothing", "ne"]), ..FindingQuery::default() };
    assert_eq!(ids(fixture, &query).await, ["old"]);
    let query = FindingQuery { include_closed: true, ..query };
    assert_eq!(ids(fixture, &query).await, ["archived", "old"]);
    // "Since" includes the moment itself.
    let query = FindingQuery { updated_since: since("2026-03-01T00:20:00Z"), ..FindingQuery::default() };
    assert_eq!(ids(fixture, &query).await, ["new", "told"]);
    let query = FindingQuery { updated_since: since("2026-03-01T00:20:00.001Z"), ..FindingQuery::default() };
    assert_eq!(ids(fixture, &query).await, ["new"]);
    let query = FindingQuery { severities: vec![Severity::Low], include_closed: true, ..query };
    assert_eq!(ids(fixture, &query).await, ["resolved"]);
}

pub(super) async fn findings_of_one_resource_are_asked_for_by_its_exact_id(fixture: &dyn Fixture) {
    import_six(fixture).await;
    let world = fixture.world();
    let instance = world.scope.arn("ec2", &format!("instance/{}", world.instance));
    let role = format!("arn:aws:iam::{}:role/web", world.scope.account);
    let resource = |kind: &str, id: &str| json!({"Type": kind, "Id": id, "Partition": "aws"});
    let with_resources = |id, minute, resources| with(finding(world, id, "HIGH", minute), "Resources", resources);
    fixture
        .import(vec![
            with_resources("elsewhere", 100, json!([resource("AwsIamRole", &role)])),
            with_resources("both", 110, json!([resource("AwsIamRole", &role), resource("AwsEc2Instance", &instance)])),
            with_resources("longer", 120, json!([resource("AwsEc2Instance", &format!("{instance}0"))])),
        ])
        .await;
    let about = |resource: &str| FindingQuery { resource: Some(resource.into()), ..FindingQuery::default() };
    assert_eq!(ids(fixture, &about(&instance)).await, ["both", "new", "told", "old"]);
    assert_eq!(ids(fixture, &about(&role)).await, ["both", "elsewhere"]);
    assert_eq!(ids(fixture, &about(world.instance.as_str())).await, [""; 0], "the id alone is not the resource's id");
    let worst = FindingQuery { severities: vec![Severity::Critical], ..about(&instance) };
    assert_eq!(ids(fixture, &worst).await, ["new"]);
}

pub(super) async fn the_sent_json_is_kept(fixture: &dyn Fixture) {
    let sent = with(finding(fixture.world(), "f-1", "HIGH", 1), "NewField", json!({"since": "2027", "n": [1, 2.5]}));
    fixture.import(vec![sent.clone()]).await;
    let seen = one(fixture, "f-1").await;
    let kept: Value = serde_json::from_str(&seen.json).unwrap();
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(&kept[field], value, "{field}");
    }
    assert_eq!(seen.finding.source, Source::SecurityHub);
    assert_eq!(seen.finding.severity, Severity::High);
    assert_eq!(seen.finding.finding_type, "CryptoCurrency:EC2/BitcoinTool.B!DNS");
    let instances: Vec<_> = seen.finding.instances().filter_map(|i| i.id.clone()).collect();
    assert_eq!(instances, [fixture.world().instance.clone()]);
    assert_eq!(seen.finding.scope().as_ref(), Some(&fixture.world().scope));
}

pub(super) async fn pages_are_followed(fixture: &dyn Fixture) {
    let findings = (0..250).map(|n| finding(fixture.world(), &format!("f-{n:03}"), "LOW", n)).collect();
    fixture.import(findings).await;
    let (mut sizes, mut seen, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let page = page(fixture, &FindingQuery::default(), token.as_deref()).await;
        sizes.push(page.findings.len());
        seen.extend(page.findings.into_iter().map(|f| f.finding.id.0));
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [100, 100, 50]);
    let newest_first: Vec<String> = (0..250).rev().map(|n| format!("f-{n:03}")).collect();
    assert_eq!(seen, newest_first);
}

pub(super) async fn findings_are_updated(fixture: &dyn Fixture) {
    import_six(fixture).await;
    let (writes, target) = (fixture.writes(), fixture.target());
    let before = one(fixture, "new").await.finding;
    let keys = [key(fixture, "new"), key(fixture, "old")];
    let longest = "é".repeat(512);
    assert_eq!(writes.update_findings(&target, &keys, &note(&longest)).await, Ok(vec![]));
    assert_eq!(one(fixture, "old").await.finding.note, Some(longest));
    assert_eq!(writes.update_findings(&target, &keys, &note("isolated")).await, Ok(vec![]));
    let after = one(fixture, "new").await.finding;
    assert_eq!((after.workflow, after.note.as_deref()), (Workflow::Notified, Some("isolated")));
    assert_eq!(after.updated_at, before.updated_at, "UpdatedAt is the product's, not ours");
    // One field alone leaves the other as it is.
    let only = FindingUpdate { workflow: Some(Workflow::Resolved), note: None };
    assert_eq!(writes.update_findings(&target, &keys[..1], &only).await, Ok(vec![]));
    let after = one(fixture, "new").await.finding;
    assert_eq!((after.workflow, after.note.as_deref()), (Workflow::Resolved, Some("isolated")));
    let only = FindingUpdate { workflow: None, note: Some("restored".into()) };
    assert_eq!(writes.update_findings(&target, &keys[..1], &only).await, Ok(vec![]));
    let after = one(fixture, "new").await.finding;
    assert_eq!((after.workflow, after.note.as_deref()), (Workflow::Resolved, Some("restored")));
    assert_eq!(one(fixture, "told").await.finding.note, None);
    assert_eq!(ids(fixture, &FindingQuery::default()).await, ["told", "old"]);
}

pub(super) async fn a_call_takes_a_hundred_findings(fixture: &dyn Fixture) {
    let findings = (0..101).map(|n| finding(fixture.world(), &format!("f-{n:03}"), "LOW", n)).collect();
    fixture.import(findings).await;
    let keys: Vec<FindingKey> = (0..101).map(|n| key(fixture, &format!("f-{n:03}"))).collect();
    let (writes, target) = (fixture.writes(), fixture.target());
    let refused = writes.update_findings(&target, &keys, &note("too many")).await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (ErrorKind::Invalid, "InvalidInputException"), "{refused}");
    assert!(!refused.may_have_applied && !refused.retryable, "{refused}");
    assert_eq!(one(fixture, "f-000").await.finding.note, None, "all of them, or none");
    assert_eq!(writes.update_findings(&target, &keys[..100], &note("a hundred")).await, Ok(vec![]));
    for id in ["f-000", "f-099"] {
        assert_eq!(one(fixture, id).await.finding.note.as_deref(), Some("a hundred"));
    }
    assert_eq!(one(fixture, "f-100").await.finding.note, None);
}

pub(super) async fn what_was_not_updated_is_said(fixture: &dyn Fixture) {
    import_six(fixture).await;
    let keys = [key(fixture, "new"), key(fixture, "nothing")];
    let left = fixture.writes().update_findings(&fixture.target(), &keys, &note("isolated")).await.unwrap();
    assert_eq!(left.iter().map(|u| (&u.key, u.code.as_str())).collect::<Vec<_>>(), [(&keys[1], "FindingNotFound")]);
    assert!(!left[0].message.is_empty());
    assert_eq!(one(fixture, "new").await.finding.note.as_deref(), Some("isolated"));
}

pub(super) async fn a_rehearsed_update_changes_nothing(fixture: &dyn Fixture) {
    import_six(fixture).await;
    let target = Target { scope: fixture.world().scope.clone(), dry_run: true };
    let keys = [key(fixture, "new")];
    assert_eq!(fixture.writes().update_findings(&target, &keys, &note("isolated")).await, Ok(vec![]));
    assert_eq!(one(fixture, "new").await.finding.note, None);
}
