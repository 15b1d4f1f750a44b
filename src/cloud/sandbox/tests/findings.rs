//! `GetFindings` and `BatchUpdateFindings`.

use super::*;
use crate::cloud::port::{FindingPage, FindingQuery, FindingUpdate, SeenFinding};
use crate::cloud::sandbox::{Behaviour, Rate};
use crate::domain::{FindingId, FindingKey, Severity, Workflow};
use chrono::Duration;

fn all() -> FindingQuery {
    FindingQuery { include_closed: true, ..FindingQuery::default() }
}

async fn page(sandbox: &Sandbox, scope: &Scope, query: &FindingQuery, token: Option<&str>) -> FindingPage {
    sandbox.findings(scope, query, token).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn every(sandbox: &Sandbox, scope: &Scope, query: &FindingQuery) -> Vec<SeenFinding> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let page = page(sandbox, scope, query, token.as_deref()).await;
        found.extend(page.findings);
        token = page.next;
        if token.is_none() {
            return found;
        }
    }
}

fn noisy() -> (Arc<Sandbox>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(start()));
    let world = Scenario::load("noisy-morning").unwrap().build(start(), 1).unwrap();
    (Sandbox::new(world, clock.clone(), 1), clock)
}

#[tokio::test]
async fn findings_come_newest_first_and_a_hundred_a_page() {
    let (sandbox, _) = noisy();
    let first = page(&sandbox, &security(), &all(), None).await;
    assert_eq!(first.findings.len(), 100);
    let found = every(&sandbox, &security(), &all()).await;
    assert_eq!(found.len(), 200);
    assert!(found.is_sorted_by(|a, b| a.finding.updated_at >= b.finding.updated_at));
    assert_eq!(found[..100], first.findings);
    assert!(found.iter().all(|seen| seen.finding.oddities.is_empty() || seen.finding.sample));
}

#[tokio::test]
async fn pages_neither_repeat_nor_lose_a_row_while_findings_arrive_and_change() {
    let (sandbox, clock) = noisy();
    let first = page(&sandbox, &security(), &all(), None).await;
    clock.advance(Duration::minutes(20));
    let keys: Vec<FindingKey> = first.findings.iter().take(5).map(|s| s.finding.key().unwrap()).collect();
    let update = FindingUpdate { workflow: Some(Workflow::Notified), note: None };
    assert!(sandbox.update_findings(&Target::new(&security()), &keys, &update).await.unwrap().is_empty());
    let second = page(&sandbox, &security(), &all(), first.next.as_deref()).await;
    assert_eq!((second.findings.len(), second.next.as_ref()), (100, None));
    assert!(second.findings.iter().all(|s| first.findings.iter().all(|f| f.finding.id != s.finding.id)));
}

#[tokio::test]
async fn a_token_belongs_to_its_query() {
    let (sandbox, _) = noisy();
    let first = page(&sandbox, &security(), &all(), None).await;
    for (query, token) in
        [(FindingQuery::default(), first.next.as_deref()), (all(), Some("rubbish")), (all(), Some("é.1.2.3"))]
    {
        let error = sandbox.findings(&security(), &query, token).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::Invalid, "InvalidInputException"));
    }
}

#[tokio::test]
async fn filters_select() {
    let (sandbox, _) = noisy();
    let open = every(&sandbox, &security(), &FindingQuery::default()).await;
    assert_eq!(open.len(), 180, "20 are resolved");
    assert!(open.iter().all(|s| s.finding.is_open()));
    let high = FindingQuery { severities: vec![Severity::High, Severity::Critical], ..all() };
    let high = every(&sandbox, &security(), &high).await;
    assert!(!high.is_empty() && high.iter().all(|s| s.finding.severity == Severity::High));
    let since = start() - Duration::hours(1);
    let late = every(&sandbox, &security(), &FindingQuery { updated_since: Some(since), ..all() }).await;
    assert!(!late.is_empty() && late.iter().all(|s| s.finding.updated_at.unwrap() >= since));
    let wanted: Vec<FindingId> = open.iter().step_by(40).map(|s| s.finding.id.clone()).collect();
    let named = every(&sandbox, &security(), &FindingQuery { ids: wanted.clone(), ..all() }).await;
    assert_eq!(named.iter().map(|s| s.finding.id.clone()).collect::<Vec<_>>(), wanted);
    let many = vec![FindingId("x".into()); 21];
    let error = sandbox.findings(&security(), &FindingQuery { ids: many, ..all() }, None).await.unwrap_err();
    assert_eq!(error.code, "InvalidInputException");
}

#[tokio::test]
async fn the_aggregator_sees_all_and_others_their_own() {
    let (sandbox, _) = noisy();
    let scopes = |found: &[SeenFinding]| {
        let mut scopes: Vec<Scope> = found.iter().map(|s| s.finding.scope().unwrap()).collect();
        scopes.sort();
        scopes.dedup();
        scopes
    };
    assert_eq!(scopes(&every(&sandbox, &security(), &all()).await).len(), 5);
    assert_eq!(scopes(&every(&sandbox, &payments(), &all()).await), [payments()]);
    let elsewhere = Scope::parse("555566667777", "us-east-1").unwrap();
    let there = scopes(&every(&sandbox, &elsewhere, &all()).await);
    assert!(there.len() == 3 && there.iter().all(|s| s.region.as_str() == "us-east-1"));
}

#[tokio::test]
async fn findings_arrive_and_recur_as_the_clock_goes() {
    let (sandbox, clock) = sandbox();
    let mining = FindingQuery { severities: vec![Severity::Critical], ..all() };
    let before = every(&sandbox, &security(), &mining).await;
    assert_eq!((before.len(), before[0].finding.count), (1, Some(15)), "reported again once by now");
    clock.advance(Duration::seconds(60));
    let again = every(&sandbox, &security(), &mining).await;
    assert_eq!((again.len(), again[0].finding.count), (1, Some(16)));
    assert!(again[0].finding.updated_at > before[0].finding.updated_at);
    assert_eq!(again[0].finding.created_at, before[0].finding.created_at);
    clock.advance(Duration::seconds(20));
    assert_eq!(every(&sandbox, &security(), &mining).await.len(), 2, "web-3 began to mine");
}

#[tokio::test]
async fn an_update_sets_workflow_and_note_and_never_the_time() {
    let (sandbox, _) = sandbox();
    let mining = FindingQuery { severities: vec![Severity::Critical], ..all() };
    let before = every(&sandbox, &security(), &mining).await.remove(0).finding;
    let key = before.key().unwrap();
    let note = "é".repeat(512);
    let update = FindingUpdate { workflow: Some(Workflow::Notified), note: Some(note.clone()) };
    // From the finding's own account, as well as from the administrator's.
    assert!(sandbox.update_findings(&target(), std::slice::from_ref(&key), &update).await.unwrap().is_empty());
    let after = every(&sandbox, &security(), &mining).await.remove(0).finding;
    assert_eq!((after.workflow, after.note, after.updated_at), (Workflow::Notified, Some(note), before.updated_at));
    let update = FindingUpdate { workflow: Some(Workflow::Resolved), note: None };
    sandbox.update_findings(&Target::new(&security()), std::slice::from_ref(&key), &update).await.unwrap();
    let after = every(&sandbox, &security(), &mining).await.remove(0).finding;
    assert!(after.workflow == Workflow::Resolved && after.note.is_some(), "what isn't given stays");
    assert!(!every(&sandbox, &security(), &FindingQuery::default()).await.iter().any(|s| s.finding.id == key.id));
}

#[tokio::test]
async fn what_security_hub_does_not_take_is_told() {
    let (sandbox, _) = sandbox();
    let world = sandbox.world();
    let found = every(&sandbox, &security(), &all()).await.remove(0).finding;
    let key = found.key().unwrap();
    let update = |note: &str| FindingUpdate { workflow: None, note: Some(note.to_owned()) };
    let tell = |keys: Vec<FindingKey>, scope: Scope, update: FindingUpdate| {
        let sandbox = sandbox.clone();
        async move { sandbox.update_findings(&Target::new(&scope), &keys, &update).await }
    };
    let unknown = FindingKey { id: FindingId("x".into()), ..key.clone() };
    let long = "x".repeat(513);
    for (keys, scope, given, code) in [
        (vec![unknown.clone()], security(), update("n"), "FindingNotFound"),
        (vec![FindingKey { product_arn: "x".into(), ..key.clone() }], security(), update("n"), "FindingNotFound"),
        (vec![key.clone()], build(), update("n"), "FindingNotFound"),
        (vec![key.clone()], security(), update(&long), "InvalidInput"),
        (vec![key.clone()], security(), update(""), "InvalidInput"),
    ] {
        let failed = tell(keys, scope, given).await.unwrap();
        assert_eq!(failed.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), [code]);
    }
    for (keys, given) in [
        (vec![unknown; 101], update("n")),
        (vec![], update("n")),
        (vec![key.clone()], FindingUpdate { workflow: None, note: None }),
    ] {
        let error = tell(keys, security(), given).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::Invalid, "InvalidInputException"));
    }
    assert_eq!(sandbox.world(), world);
    let twice = tell(vec![key.clone(), key], security(), update("n")).await.unwrap();
    assert_eq!(twice[0].code, "DuplicatedFindingIdentifier");
}

#[tokio::test]
async fn the_rate_is_kept_where_it_is_asked_for() {
    let (sandbox, clock) = sandbox();
    sandbox.set_behaviour(Behaviour { findings_rate: Some(Rate::GET_FINDINGS), ..Behaviour::default() });
    for _ in 0..6 {
        page(&sandbox, &security(), &all(), None).await;
    }
    let error = sandbox.findings(&security(), &all(), None).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Throttled, "TooManyRequestsException"));
    assert!(error.retryable && !error.may_have_applied);
    page(&sandbox, &payments(), &all(), None).await;
    clock.advance(Duration::seconds(1));
    page(&sandbox, &security(), &all(), None).await;
}

#[tokio::test]
async fn an_update_may_show_minutes_late() {
    let (sandbox, clock) = sandbox();
    let late = std::time::Duration::from_secs(180);
    sandbox.set_behaviour(Behaviour { findings_late: late, ..Behaviour::default() });
    let mining = FindingQuery { severities: vec![Severity::Critical], ..all() };
    let before = every(&sandbox, &security(), &mining).await.remove(0).finding;
    let key = before.key().unwrap();
    let set = |workflow| FindingUpdate { workflow: Some(workflow), note: None };
    let target = Target::new(&security());
    sandbox.update_findings(&target, std::slice::from_ref(&key), &set(Workflow::Notified)).await.unwrap();
    clock.advance(Duration::seconds(120));
    sandbox.update_findings(&target, std::slice::from_ref(&key), &set(Workflow::Resolved)).await.unwrap();
    let shown = async |sandbox: &Sandbox| every(sandbox, &security(), &mining).await.remove(0).finding.workflow;
    assert_eq!(shown(&sandbox).await, before.workflow);
    clock.advance(Duration::seconds(61));
    assert_eq!(shown(&sandbox).await, Workflow::Notified, "the first is shown, the second not yet");
    clock.advance(Duration::seconds(120));
    assert_eq!(shown(&sandbox).await, Workflow::Resolved);
}
