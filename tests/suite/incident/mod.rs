//! Incidents: which runs belong together, what is taken back in which order, and the report.

mod escape;
mod report;
mod undo;

use crate::support::bench::Bench;
use lazaret::engine::incident::{State, Unnamed, lasting, list, members, named, to_undo};
use lazaret::engine::prepare::RestoreWhat;
use lazaret::engine::{Consent, FindingsRequest, RestoreRequest};
use lazaret::ledger::{RunFilter, RunState, Store};
use lazaret::playbook::Playbook;
use lazaret::playbook::update_findings::FindingAction;
use lazaret::policy::BlockPolicy;
use std::collections::BTreeSet;

/// Every run in the ledger.
async fn all(bench: &Bench) -> Vec<RunState> {
    bench.ledger.runs(&RunFilter::default()).await.unwrap()
}

/// Somebody acknowledges the finding about web-1 with a note, and then quarantines it.
async fn told_and_quarantined(bench: &Bench) -> (RunState, RunState) {
    let request = bench.request("web-1").await;
    let finding = request.finding.clone().unwrap();
    let told = FindingsRequest {
        hub: bench.hub.clone(),
        findings: vec![finding],
        action: FindingAction::Acknowledge,
        note: Some("on it".into()),
    };
    let prepared = bench.engine.prepare_findings(&told).await.unwrap();
    let told = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    bench.clock.advance(chrono::Duration::minutes(1));
    let quarantined = bench.quarantine("web-1").await.unwrap();
    bench.clock.advance(chrono::Duration::minutes(1));
    (told, quarantined)
}

fn restore_of(run: &RunState, force: &[&str]) -> RestoreRequest {
    RestoreRequest {
        scope: run.plan.scope.clone(),
        what: RestoreWhat::Run(run.run),
        force: force.iter().map(|f| (*f).to_owned()).collect::<BTreeSet<_>>(),
        finding_status: None,
        topic_arn: None,
        block: BlockPolicy::default(),
        aws: None,
    }
}

#[tokio::test(start_paused = true)]
async fn runs_that_share_a_finding_are_one_incident_whatever_they_do_about_it() {
    let bench = Bench::new("crypto-mining");
    let (told, quarantined) = told_and_quarantined(&bench).await;
    assert_eq!(told.plan.incident, quarantined.plan.incident);
    let other = bench.request("web-2").await;
    let other =
        bench.engine.prepare_quarantine(&lazaret::engine::QuarantineRequest { finding: None, ..other }).await.unwrap();
    let other = bench.engine.commit(&other, &Consent::default(), None).await.unwrap();
    let runs = all(&bench).await;
    let ours = members(&told.plan.incident, &runs);
    assert_eq!(ours.iter().map(|r| r.run).collect::<Vec<_>>(), [told.run, quarantined.run], "oldest first");
    assert_eq!(
        to_undo(&ours).iter().map(|r| r.run).collect::<Vec<_>>(),
        [quarantined.run, told.run],
        "taken back newest first"
    );
    let list = list(&runs);
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].incident, other.plan.incident, "the last one worked on comes first");
    assert_eq!((list[1].runs, list[1].standing, list[1].state), (2, 2, State::Standing));
    assert_eq!(list[1].finding_type.as_deref(), Some("CryptoCurrency:EC2/BitcoinTool.B!DNS"));
    assert_eq!(list[1].subjects.len(), 2);
    // Messages, snapshots and what was said in passing stay, and are named.
    let lasting = lasting(&ours);
    assert!(lasting.iter().any(|l| l.output.iter().any(|o| o.starts_with("snap-"))), "{lasting:?}");
    assert!(lasting.iter().any(|l| l.what.contains("SNS")), "{lasting:?}");
    assert!(!lasting.iter().any(|l| l.what.contains("eni-")), "what has a way back is not among them: {lasting:?}");
}

/// A restore that also takes back a run of another incident is filed under one of them, and counts for both.
#[tokio::test(start_paused = true)]
async fn a_restore_belongs_to_every_incident_whose_run_it_takes_back() {
    let bench = Bench::new("crypto-mining");
    let (_, quarantined) = told_and_quarantined(&bench).await;
    let prepared = bench.engine.prepare_restore(&restore_of(&quarantined, &[])).await.unwrap();
    let mut plan = prepared.plan.clone();
    plan.incident = "filed-elsewhere".into();
    let mut runs = all(&bench).await;
    let back = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    runs.push(RunState { plan, ..back });
    let ours = members(&quarantined.plan.incident, &runs);
    assert_eq!(ours.last().unwrap().plan.playbook, Playbook::Restore);
    assert_eq!(to_undo(&ours).len(), 1, "the quarantine was taken back");
}

#[tokio::test(start_paused = true)]
async fn an_incident_is_meant_by_enough_of_its_id_and_by_no_less() {
    let bench = Bench::new("crypto-mining");
    let (told, _) = told_and_quarantined(&bench).await;
    let id = told.plan.incident.clone();
    let runs = all(&bench).await;
    assert_eq!(named(&id, &runs), Ok(id.clone()));
    assert_eq!(named(&id[..6], &runs), Ok(id.clone()));
    assert_eq!(named("", &runs), Err(Unnamed::TooShort(String::new())), "not even where there is only one");
    assert!(matches!(named("zzzz\u{1b}", &runs), Err(Unnamed::Unknown(shown)) if shown == "zzzz\\u{1b}"));
    let mut two = runs.clone();
    two[0].plan.incident = format!("{}x", &id[..6]);
    let Err(Unnamed::Ambiguous { ids, .. }) = named(&id[..6], &two) else { panic!() };
    assert_eq!(ids.len(), 2);
    // Where one id begins another, the whole of it means itself.
    two[0].plan.incident = format!("{id}x");
    assert_eq!(named(&id, &two), Ok(id));
}

#[tokio::test(start_paused = true)]
async fn an_incident_says_where_it_stands() {
    let bench = Bench::new("crypto-mining");
    let (told, quarantined) = told_and_quarantined(&bench).await;
    for run in [&quarantined, &told] {
        assert_eq!(list(&all(&bench).await)[0].state, State::Standing);
        let prepared = bench.engine.prepare_restore(&restore_of(run, &[])).await.unwrap();
        let back = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert!(back.plan.drift.is_empty(), "what we said in passing is no drift: {:?}", back.plan.drift);
    }
    let summary = list(&all(&bench).await).remove(0);
    assert_eq!((summary.state, summary.standing, summary.runs), (State::TakenBack, 0, 4));
    bench.sandbox.deny("ec2:ModifyInstanceAttribute");
    bench.sandbox.deny("ec2:CreateTags");
    let failed = bench.quarantine("web-1").await.unwrap();
    let alone = [failed];
    assert_eq!(list(&alone)[0].state, State::WithoutEffect);
    let mut open = alone.to_vec();
    open[0].ended = None;
    assert_eq!(list(&open)[0].state, State::UnderWay);
}
