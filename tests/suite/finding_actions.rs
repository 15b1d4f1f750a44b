//! Acknowledge, assign, suppress, resolve, reopen: set in batches, read back, taken back.

use crate::support::bench::{Bench, message, outcome};
use crate::support::sweep::{self, Drill};
use lazaret::cloud::port::{FindingQuery, SeenFinding};
use lazaret::cloud::sandbox::{Behaviour, Fault, World};
use lazaret::domain::{FindingId, RecordState, Workflow};
use lazaret::engine::prepare::{Request, RestoreWhat};
use lazaret::engine::{Consent, EngineError, FindingsRequest, Refusal, RestoreRequest};
use lazaret::ledger::{Outcome, RunState, StepState};
use lazaret::playbook::change::NO_NOTE;
use lazaret::playbook::update_findings::FindingAction;
use lazaret::playbook::{FindingRef, PlanRefusal};
use lazaret::policy::BlockPolicy;
use serde_json::json;
use std::time::Duration;

/// Every finding of the hub, newest first.
async fn listed(bench: &Bench) -> Vec<SeenFinding> {
    let query = FindingQuery { include_closed: true, ..FindingQuery::default() };
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = bench.engine.cloud().reads().findings(&bench.hub, &query, next.as_deref()).await.unwrap();
        found.extend(page.findings);
        next = page.next;
        if next.is_none() {
            return found;
        }
    }
}

/// A request about the first findings that can be updated.
async fn request(bench: &Bench, n: usize, action: FindingAction) -> FindingsRequest {
    let refs = listed(bench).await.into_iter().filter(|s| s.finding.key().is_some());
    let findings: Vec<FindingRef> =
        refs.take(n).map(|s| FindingRef::new(&s.finding, Some(&s.json), Some(bench.hub.clone()))).collect();
    assert_eq!(findings.len(), n);
    FindingsRequest { hub: bench.hub.clone(), findings, action, note: None }
}

async fn commit(bench: &Bench, request: &FindingsRequest) -> Result<RunState, EngineError> {
    let prepared = bench.engine.prepare_findings(request).await?;
    bench.engine.commit(&prepared, &Consent::default(), None).await
}

async fn take_back(bench: &Bench, run: &RunState, force: &[&str]) -> Result<RunState, EngineError> {
    let request = RestoreRequest {
        scope: run.plan.scope.clone(),
        what: RestoreWhat::Run(run.run),
        force: force.iter().map(|f| (*f).to_owned()).collect(),
        finding_status: None,
        topic_arn: None,
        block: BlockPolicy::default(),
        aws: None,
    };
    let prepared = bench.engine.prepare_restore(&request).await?;
    bench.engine.commit(&prepared, &Consent::default(), None).await
}

/// Status and note of a finding in the world, whatever is shown of it.
fn truth(world: &World, id: &FindingId) -> (String, Option<String>) {
    let all = world.scopes.values().flat_map(|p| &p.findings);
    let json = &all.into_iter().find(|f| f.json["Id"] == id.as_str()).unwrap().json;
    let status = json.pointer("/Workflow/Status").and_then(|s| s.as_str()).unwrap_or("NEW");
    (status.to_owned(), json.pointer("/Note/Text").and_then(|s| s.as_str()).map(str::to_owned))
}

/// Puts a status and a note on a finding as a colleague in Security Hub's own console would.
fn set_elsewhere(bench: &Bench, id: &FindingId, status: &str, note: Option<&str>) {
    let change = |world: &mut World| {
        let mut all = world.scopes.values_mut().flat_map(|p| &mut p.findings);
        let finding = all.find(|f| f.json["Id"] == id.as_str()).unwrap();
        finding.json["Workflow"] = json!({"Status": status});
        if let Some(note) = note {
            finding.json["Note"] = json!({"Text": note, "UpdatedBy": "ben", "UpdatedAt": "2026-03-01T02:00:00Z"});
        }
    };
    bench.sandbox.edit(change).unwrap();
}

fn updates(bench: &Bench) -> usize {
    bench.sandbox.calls().iter().filter(|c| c.operation == "securityhub:BatchUpdateFindings").count()
}

#[tokio::test(start_paused = true)]
async fn findings_are_acknowledged_read_back_and_taken_back() {
    let bench = Bench::new("crypto-mining");
    let request = request(&bench, 3, FindingAction::Acknowledge).await;
    let before: Vec<_> = request.findings.iter().map(|f| truth(&bench.sandbox.world(), &f.id)).collect();
    let run = commit(&bench, &request).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(message(&run).contains("3 findings: acknowledged; read back"), "{}", message(&run));
    assert_eq!(updates(&bench), 1, "one call sets all that get the same");
    for (finding, before) in request.findings.iter().zip(&before) {
        assert_eq!(truth(&bench.sandbox.world(), &finding.id), ("NOTIFIED".into(), before.1.clone()));
    }
    assert!(run.steps.values().all(|s| matches!(s.state, StepState::Verified | StepState::Applied)));
    let again = commit(&bench, &request).await.unwrap_err();
    assert!(matches!(again, EngineError::Plan(PlanRefusal::Nothing(_))), "{again}");

    let back = take_back(&bench, &run, &[]).await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    for (finding, before) in request.findings.iter().zip(&before) {
        assert_eq!(&truth(&bench.sandbox.world(), &finding.id), before);
    }
    let twice = take_back(&bench, &run, &[]).await.unwrap_err();
    assert!(matches!(twice, EngineError::Plan(PlanRefusal::Nothing(_))), "{twice}");
}

#[tokio::test(start_paused = true)]
async fn each_action_sets_its_status_and_a_note_keeps_the_old_one() {
    for (action, status) in [
        (FindingAction::Acknowledge, Some("NOTIFIED")),
        (FindingAction::Suppress, Some("SUPPRESSED")),
        (FindingAction::Resolve, Some("RESOLVED")),
        (FindingAction::Reopen, Some("NEW")),
        (FindingAction::Assign("cleo".into()), None),
    ] {
        let bench = Bench::new("crypto-mining");
        let mut request = request(&bench, 1, action.clone()).await;
        let id = request.findings[0].id.clone();
        set_elsewhere(&bench, &id, if status == Some("NEW") { "RESOLVED" } else { "NEW" }, Some("seen by ben"));
        request.note = Some("looking\u{1b}[31m into it".into());
        let run = commit(&bench, &request).await.unwrap();
        assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
        let (now, note) = truth(&bench.sandbox.world(), &id);
        assert_eq!(now, status.unwrap_or("NEW"), "{action:?}");
        let note = note.unwrap();
        assert!(note.ends_with(" | before: seen by ben"), "{note}");
        assert!(note.contains("looking\\u{1b}[31m into it") && note.contains("ana"), "{note}");
        assert_eq!(matches!(action, FindingAction::Assign(_)), note.starts_with("assigned to cleo"), "{note}");
        assert_eq!(run.plan.incident, request.findings[0].incident());
        take_back(&bench, &run, &[]).await.unwrap();
        let (_, note) = truth(&bench.sandbox.world(), &id);
        assert_eq!(note.as_deref(), Some("seen by ben"), "the old note goes back whole");
    }
}

#[tokio::test(start_paused = true)]
async fn a_note_fits_and_its_old_one_is_kept_whole_in_the_ledger() {
    let bench = Bench::new("crypto-mining");
    let request = request(&bench, 1, FindingAction::Assign("ben".into())).await;
    let id = request.findings[0].id.clone();
    let long = "é".repeat(512);
    set_elsewhere(&bench, &id, "NEW", Some(&long));
    let run = commit(&bench, &request).await.unwrap();
    let (_, note) = truth(&bench.sandbox.world(), &id);
    let note = note.unwrap();
    assert_eq!(note.chars().count(), 512);
    assert!(note.starts_with("assigned to ben (ana with lazaret) | before: ééé") && note.ends_with('…'), "{note}");
    take_back(&bench, &run, &[]).await.unwrap();
    assert_eq!(truth(&bench.sandbox.world(), &id).1, Some(long));
}

/// Security Hub removes no note: where none stood, one that says so is as near as it gets, and it counts as none.
#[tokio::test(start_paused = true)]
async fn a_note_where_none_stood_is_taken_back_as_far_as_security_hub_lets_us() {
    let bench = Bench::new("crypto-mining");
    let request = request(&bench, 1, FindingAction::Assign("ben".into())).await;
    let id = request.findings[0].id.clone();
    assert_eq!(truth(&bench.sandbox.world(), &id).1, None);
    let run = commit(&bench, &request).await.unwrap();
    let back = take_back(&bench, &run, &[]).await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(truth(&bench.sandbox.world(), &id).1.as_deref(), Some(NO_NOTE));
    let twice = take_back(&bench, &run, &[]).await.unwrap_err();
    assert!(matches!(twice, EngineError::Plan(PlanRefusal::Nothing(_))), "{twice}");
    let again = commit(&bench, &request).await.unwrap();
    assert_eq!(outcome(&again), Outcome::Done);
    let (_, note) = truth(&bench.sandbox.world(), &id);
    assert_eq!(note.as_deref(), Some("assigned to ben (ana with lazaret)"), "what stands for no note is no note");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_go_in_one_call_and_what_is_not_taken_is_named_one_by_one() {
    let bench = Bench::new("noisy-morning");
    let request = request(&bench, 150, FindingAction::Suppress).await;
    let gone = [request.findings[7].id.clone(), request.findings[120].id.clone()];
    let prepared = bench.engine.prepare_findings(&request).await.unwrap();
    let open = prepared.plan.steps.iter().filter(|s| s.wave == 1).count();
    assert!(open > 100, "{open}");
    bench
        .sandbox
        .edit(|world| {
            for place in world.scopes.values_mut() {
                place.findings.retain(|f| gone.iter().all(|g| f.json["Id"] != g.as_str()));
            }
        })
        .unwrap();
    bench.sandbox.clear_calls();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(updates(&bench), 2);
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    let failed: Vec<String> = run
        .steps
        .values()
        .filter_map(|s| match &s.state {
            StepState::Failed { error } => Some(error.code.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(failed, ["FindingNotFound", "FindingNotFound"], "{}", message(&run));
    let tail = |id: &FindingId| id.as_str()[id.as_str().len() - 12..].to_owned();
    assert!(gone.iter().all(|g| message(&run).contains(&tail(g))), "{}", message(&run));
    assert!(message(&run).contains("FindingNotFound") && message(&run).contains("148 set"), "{}", message(&run));
    let back = take_back(&bench, &run, &[]).await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    for finding in request.findings.iter().filter(|f| !gone.contains(&f.id)) {
        assert_eq!(truth(&bench.sandbox.world(), &finding.id).0, finding.workflow.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn what_security_hub_does_not_show_yet_is_not_claimed_and_is_no_drift() {
    let bench = Bench::new("crypto-mining");
    bench.sandbox.set_behaviour(Behaviour { findings_late: Duration::from_secs(240), ..Behaviour::default() });
    let told = request(&bench, 1, FindingAction::Acknowledge).await;
    let id = told.findings[0].id.clone();
    let run = commit(&bench, &told).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done);
    assert!(message(&run).ends_with("1 accepted, not yet shown: Security Hub may take minutes"), "{}", message(&run));
    assert!(!run.steps.values().any(|s| s.state == StepState::Verified), "nothing was seen");
    // The next update rests on what was set, not on what is shown.
    bench.clock.advance(chrono::Duration::seconds(30));
    let resolve = FindingsRequest { action: FindingAction::Resolve, ..told.clone() };
    let prepared = bench.engine.prepare_findings(&resolve).await.unwrap();
    assert!(prepared.plan.warnings.iter().any(|w| w.contains("does not show yet")), "{:?}", prepared.plan.warnings);
    let resolved = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    // Nor does a late reading make the way back a drift, or nothing to do.
    bench.clock.advance(chrono::Duration::seconds(30));
    let newer = take_back(&bench, &run, &[]).await.unwrap_err();
    assert!(matches!(newer, EngineError::Plan(PlanRefusal::Newer { .. })), "{newer}");
    let back = take_back(&bench, &resolved, &[]).await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert!(back.plan.drift.is_empty(), "{:?}", back.plan.drift);
    assert_eq!(truth(&bench.sandbox.world(), &id).0, "NOTIFIED");
    bench.clock.advance(chrono::Duration::seconds(30));
    let back = take_back(&bench, &run, &[]).await.unwrap();
    assert_eq!(truth(&bench.sandbox.world(), &id).0, "NEW");
    // The listing shows NEW, but it did so before as well: that proves nothing.
    assert!(message(&back).contains("not yet shown"), "{}", message(&back));
    assert!(!back.steps.values().any(|s| s.state == StepState::Verified));
}

#[tokio::test(start_paused = true)]
async fn what_a_colleague_changed_since_is_left_alone_field_by_field() {
    let bench = Bench::new("crypto-mining");
    let mut request = request(&bench, 1, FindingAction::Acknowledge).await;
    request.note = Some("on it".into());
    let id = request.findings[0].id.clone();
    let run = commit(&bench, &request).await.unwrap();
    bench.clock.advance(chrono::Duration::hours(1));
    set_elsewhere(&bench, &id, "NOTIFIED", Some("ben: mine"));
    let back = take_back(&bench, &run, &[]).await.unwrap();
    assert_eq!(truth(&bench.sandbox.world(), &id), ("NEW".into(), Some("ben: mine".into())));
    let drift: Vec<&str> = back.plan.drift.iter().map(|d| d.what.as_str()).collect();
    assert_eq!(drift, [format!("note of finding {}", id.as_str())]);
    let refused = take_back(&bench, &run, &[]).await.unwrap_err();
    assert!(matches!(refused, EngineError::Plan(PlanRefusal::Drifted { .. })), "{refused}");
    take_back(&bench, &run, &["all"]).await.unwrap();
    assert_eq!(truth(&bench.sandbox.world(), &id).1.as_deref(), Some(NO_NOTE));
}

#[tokio::test(start_paused = true)]
async fn an_archived_finding_is_updated_and_what_becomes_of_it_is_said() {
    let bench = Bench::new("crypto-mining");
    let id = listed(&bench).await.into_iter().find(|s| s.finding.key().is_some()).unwrap().finding.id;
    bench
        .sandbox
        .edit(|world| {
            let mut all = world.scopes.values_mut().flat_map(|p| &mut p.findings);
            all.find(|f| f.json["Id"] == id.as_str()).unwrap().json["RecordState"] = json!("ARCHIVED");
        })
        .unwrap();
    let mut request = request(&bench, 1, FindingAction::Suppress).await;
    let seen = listed(&bench).await.into_iter().find(|s| s.finding.id == id).unwrap();
    assert_eq!(seen.finding.record_state, RecordState::Archived);
    request.findings = vec![FindingRef::new(&seen.finding, None, Some(bench.hub.clone())); 2];
    let prepared = bench.engine.prepare_findings(&request).await.unwrap();
    assert!(prepared.plan.limits.iter().any(|l| l.contains("back to NEW")), "{:?}", prepared.plan.limits);
    assert_eq!(prepared.plan.steps.iter().filter(|s| s.wave == 1).count(), 1, "a double is taken once");
    let updated_at = seen.finding.updated_at;
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    let seen = listed(&bench).await.into_iter().find(|s| s.finding.id == id).unwrap();
    assert_eq!((seen.finding.workflow, seen.finding.updated_at), (Workflow::Suppressed, updated_at));
}

/// A sample is never contained; where people stand with it hurts nobody.
#[tokio::test(start_paused = true)]
async fn i9_a_sample_may_be_suppressed_and_nothing_else_is_done_about_it() {
    let bench = Bench::new("crypto-mining");
    let mut update = request(&bench, 1, FindingAction::Suppress).await;
    update.findings[0].sample = true;
    let run = commit(&bench, &update).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let mut quarantine = bench.request("web-1").await;
    quarantine.finding.as_mut().unwrap().sample = true;
    let prepared = bench.engine.prepare_quarantine(&quarantine).await.unwrap();
    let refused = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused(Refusal::Sample(_))), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_updated_is_said_before_anything_is_called() {
    let bench = Bench::new("crypto-mining");
    let mut two = request(&bench, 2, FindingAction::Acknowledge).await;
    two.findings[1].key = None;
    let prepared = bench.engine.prepare_findings(&two).await.unwrap();
    assert!(prepared.plan.warnings.iter().any(|w| w.contains("can't be set there")), "{:?}", prepared.plan.warnings);
    two.findings.remove(0);
    let refused = bench.engine.prepare_findings(&two).await.unwrap_err();
    assert!(matches!(refused, EngineError::Plan(PlanRefusal::Unfit(_))), "{refused}");
    let mut gone = request(&bench, 1, FindingAction::Acknowledge).await;
    gone.findings[0].key.as_mut().unwrap().product_arn.push('x');
    let refused = bench.engine.prepare_findings(&gone).await.unwrap_err();
    assert!(matches!(refused, EngineError::Plan(PlanRefusal::NotFound { .. })), "{refused}");
    let nobody = request(&bench, 1, FindingAction::Assign(" ".into())).await;
    let refused = bench.engine.prepare_findings(&nobody).await.unwrap_err();
    assert!(matches!(refused, EngineError::Plan(PlanRefusal::Unfit(_))), "{refused}");
    assert_eq!(updates(&bench), 0);
}

#[tokio::test(start_paused = true)]
async fn a_finding_is_set_again_after_an_unclear_answer_and_not_where_it_was_denied() {
    let bench = Bench::new("crypto-mining");
    let request = request(&bench, 2, FindingAction::Acknowledge).await;
    bench.sandbox.deny("securityhub:BatchUpdateFindings");
    let run = commit(&bench, &request).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Failed, "{}", message(&run));
    assert_eq!(updates(&bench), 1);
    bench.sandbox.clear_faults();
    bench.sandbox.clear_calls();
    let fault = Fault::on("securityhub:BatchUpdateFindings").kind(lazaret::cloud::sandbox::FaultKind::TimeoutBefore);
    bench.sandbox.inject(fault);
    let run = commit(&bench, &request).await.unwrap();
    assert_eq!((outcome(&run), updates(&bench)), (Outcome::Done, 2), "{}", message(&run));
}

/// Three findings, one of them with a note, all assigned and acknowledged in one go.
struct Three {
    action: FindingAction,
}

#[async_trait::async_trait(?Send)]
impl Drill for Three {
    async fn stage(&self) -> (Bench, Request) {
        let bench = Bench::new("crypto-mining");
        let mut request = request(&bench, 3, self.action.clone()).await;
        set_elsewhere(&bench, &request.findings[1].id, "NEW", Some("seen by ben"));
        request.note = Some("drill".into());
        (bench, Request::Findings(Box::new(request)))
    }

    fn holds(&self, bench: &Bench) -> bool {
        let world = bench.sandbox.world();
        let all = world.scopes.values().flat_map(|p| &p.findings);
        let set = |f: &&lazaret::cloud::sandbox::StoredFinding| {
            let note = f.json.pointer("/Note/Text").and_then(|n| n.as_str()).unwrap_or_default();
            let status = f.json.pointer("/Workflow/Status").and_then(|s| s.as_str());
            note.contains("drill") && self.action.status().is_none_or(|s| status == Some(s.as_str()))
        };
        all.filter(set).count() == 3
    }

    /// With status and note of every finding, and what stands for no note as none.
    fn comparable(&self, world: &World) -> World {
        let mut copy = world.restorable();
        for (place, was) in copy.scopes.values_mut().zip(world.scopes.values()) {
            for (finding, was) in place.findings.iter_mut().zip(&was.findings) {
                let note = was.json.pointer("/Note/Text").filter(|n| **n != json!(NO_NOTE));
                let status = was.json.pointer("/Workflow/Status");
                finding.json["Workflow"] = json!([status, note]);
            }
        }
        copy
    }
}

const THREE: Three = Three { action: FindingAction::Acknowledge };

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_an_update_of_findings_fails_times_out_and_crashes() {
    sweep::every_call(&THREE).await;
    sweep::every_call(&Three { action: FindingAction::Assign("cleo".into()) }).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_its_way_back_fails_times_out_and_crashes() {
    sweep::every_call_back(&THREE).await;
}

#[tokio::test(start_paused = true)]
async fn i3_after_every_crash_an_update_that_is_asked_for_again_ends_as_one() {
    sweep::again_after_every_crash(&THREE).await;
}

/// A crash while nothing of the update shows yet: it is set again, and nobody's later word is overwritten.
#[tokio::test(start_paused = true)]
async fn i3_recovery_sets_again_what_is_not_shown_and_leaves_what_a_colleague_has_changed() {
    use lazaret::cloud::sandbox::FaultKind;
    let bench = Bench::new("crypto-mining");
    let request = request(&bench, 2, FindingAction::Acknowledge).await;
    let prepared = bench.engine.prepare_findings(&request).await.unwrap();
    bench.sandbox.inject(Fault::on("securityhub:BatchUpdateFindings").kind(FaultKind::HangBefore));
    assert!(sweep::commit_or_crash(&bench, &prepared, &Consent::default()).await.is_none());
    bench.sandbox.clear_faults();
    set_elsewhere(&bench, &request.findings[1].id, "SUPPRESSED", None);
    let ended = bench.recover_all().await;
    let world = bench.sandbox.world();
    assert_eq!(truth(&world, &request.findings[0].id).0, "NOTIFIED");
    assert_eq!(truth(&world, &request.findings[1].id).0, "SUPPRESSED");
    assert_eq!(outcome(&ended[0]), Outcome::Partial, "{}", message(&ended[0]));
}
