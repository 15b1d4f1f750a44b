//! The report: one value, two forms.

use super::escape::{means_something, read};
use super::{all, restore_of, told_and_quarantined};
use crate::support::bench::{Bench, start};
use lazaret::engine::Consent;
use lazaret::engine::incident::report::{IncidentReport, Kind, LedgerLine, Why};
use lazaret::engine::incident::{State, markdown, members};
use lazaret::ledger::{Event, Store};
use pulldown_cmark::{Event as Md, Tag, TagEnd};

/// The report as the program makes it.
async fn report(bench: &Bench, incident: &str) -> IncidentReport {
    let mut runs = Vec::new();
    for run in members(incident, &all(bench).await) {
        let records = bench.ledger.records(run.run).await.unwrap();
        runs.push((run, records));
    }
    let ledger = LedgerLine { place: bench.ledger.place(), verdict: bench.ledger.verify().await.unwrap() };
    IncidentReport::new(incident, &runs, ledger, start() + chrono::Duration::hours(1)).unwrap()
}

/// An incident with everything in it: said, contained, changed by somebody else, put back in part.
async fn eventful() -> (Bench, String) {
    let bench = Bench::new("crypto-mining");
    let (_, quarantined) = told_and_quarantined(&bench).await;
    let (scope, instance) = bench.find("web-1");
    bench
        .sandbox
        .edit(|world| {
            world.scopes.get_mut(&scope).unwrap().instances.get_mut(&instance).unwrap().termination_protection = false;
        })
        .unwrap();
    let first = bench.sandbox.world().scopes[&scope].interfaces_of(&instance)[0].id.clone();
    let elsewhere = bench.sandbox.world().scopes[&scope].groups.keys().next().unwrap().clone();
    bench
        .sandbox
        .edit(|world| {
            let place = world.scopes.get_mut(&scope).unwrap();
            place.interfaces.get_mut(&first).unwrap().groups = [elsewhere].into_iter().collect();
        })
        .unwrap();
    let ben = bench.colleague("ben");
    let prepared = ben.engine.prepare_restore(&restore_of(&quarantined, &[])).await.unwrap();
    ben.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    (bench, quarantined.plan.incident)
}

/// Steps of one wave end in any order, and the hashes follow that order: neither is what is kept.
fn settled(mut report: IncidentReport) -> IncidentReport {
    report.timeline.sort_by_key(|m| (m.at, m.run, m.kind == Kind::Ended, m.what.clone(), m.kind.words()));
    report.ledger.verdict.head = "the hash of the last record".into();
    for (n, run) in report.runs.iter_mut().enumerate() {
        assert_eq!(run.last_hash.len(), 64);
        run.last_hash = format!("the hash of the last record of run {}", n + 1);
    }
    report
}

#[tokio::test(start_paused = true)]
async fn the_report_of_an_incident_in_markdown() {
    let (bench, incident) = eventful().await;
    let report = settled(report(&bench, &incident).await);
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("report", markdown::render(&report));
    });
}

#[tokio::test(start_paused = true)]
async fn the_report_of_an_incident_in_json() {
    let (bench, incident) = eventful().await;
    let json = serde_json::to_string_pretty(&settled(report(&bench, &incident).await)).unwrap();
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("report_json", json);
    });
}

#[tokio::test(start_paused = true)]
async fn every_claim_of_a_report_rests_on_a_record() {
    let (bench, incident) = eventful().await;
    let report = report(&bench, &incident).await;
    assert_eq!(report.state, State::Standing);
    for line in &report.runs {
        let records = bench.ledger.records(line.run).await.unwrap();
        assert_eq!((line.records, &line.last_hash), (records.len(), &records.last().unwrap().hash));
        for change in &line.changes {
            let last = records.iter().rev().find_map(|r| match &r.event {
                Event::Verified { step, seen } if *step == change.step => Some((r.at, true, seen.clone())),
                Event::NotVerified { step, seen } if *step == change.step => Some((r.at, false, seen.clone())),
                _ => None,
            });
            let proof = change.proof.as_ref().map(|p| (p.at, p.holds, p.seen.clone()));
            assert_eq!(proof, last, "{change:?}");
            assert_eq!(change.state == "verified", change.proof.as_ref().is_some_and(|p| p.holds), "{change:?}");
        }
        // Every record but intentions is a moment, in its place.
        let told = report.timeline.iter().filter(|m| m.run == line.run).count();
        assert_eq!(told, records.iter().filter(|r| !matches!(r.event, Event::Intended { .. })).count());
    }
    assert!(report.timeline.is_sorted_by_key(|m| m.at));
    assert!(report.timeline.iter().any(|m| m.kind == Kind::Began && m.by == "ben"));
    // Evidence: the snapshots that the world has, and no others.
    let (scope, _) = bench.find("web-1");
    let world = bench.sandbox.world();
    let shown: Vec<&String> = report.evidence.iter().flat_map(|e| &e.items).collect();
    assert_eq!(shown.len(), world.scopes[&scope].snapshots.len());
    for id in world.scopes[&scope].snapshots.keys() {
        assert!(shown.iter().any(|s| s.starts_with(id.as_str())), "{id}");
    }
    // What stands, the drift that holds it, what it never stopped: all open, with the way back.
    assert!(report.standing.iter().all(|s| s.back.ends_with(&s.run.to_string())));
    assert_eq!(report.standing.len(), 2);
    for why in [Why::Drift, Why::NotStopped] {
        assert!(report.open.iter().any(|o| o.why == why), "{why:?}: {:?}", report.open);
    }
    let stands: Vec<_> = report.runs.iter().flat_map(|r| &r.changes).filter(|c| c.stands).collect();
    assert!(stands.iter().any(|c| c.what.contains("eni-")), "{stands:?}");
}

#[tokio::test(start_paused = true)]
async fn a_report_of_what_was_taken_back_asks_for_nothing_more() {
    let bench = Bench::new("crypto-mining");
    let (told, quarantined) = told_and_quarantined(&bench).await;
    for run in [&quarantined, &told] {
        let prepared = bench.engine.prepare_restore(&restore_of(run, &[])).await.unwrap();
        bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    }
    let report = report(&bench, &told.plan.incident).await;
    assert_eq!(report.state, State::TakenBack);
    assert!(report.standing.is_empty() && report.open.is_empty(), "{:?}", report.open);
    assert!(!report.lasting.is_empty());
}

/// A ledger that was tampered with is no ground for a report, and the report says so.
#[tokio::test(start_paused = true)]
async fn a_bad_ledger_is_said_in_both_forms() {
    let (bench, incident) = eventful().await;
    let mut report = report(&bench, &incident).await;
    report.ledger.verdict.bad = Some((7, "its text does not match its hash".into()));
    assert!(markdown::render(&report).contains("**BAD** at record 7"));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["ledger"]["bad"][0], 7);
}

/// I8: whatever attackers write into titles, types, tags and notes, the report's shape is the report's own.
#[tokio::test(start_paused = true)]
async fn i8_hostile_text_changes_nothing_about_the_shape_of_a_report() {
    let evil =
        "x](http://evil.example)|`|<script>alert(1)</script>\n\n# OWNED\n| a | b |\n|---|---|\n![p](//e) @all \u{202e}";
    let (bench, incident) = eventful().await;
    let clean = report(&bench, &incident).await;
    // Everything that is a text becomes the attacker's, but for what the report's own code makes of enums and times.
    let mut json = serde_json::to_value(&clean).unwrap();
    let mut bad = clean.clone();
    spoil(&mut bad, evil);
    assert_ne!(serde_json::to_value(&bad).unwrap(), json.take());
    let (clean, bad) = (markdown::render(&clean), markdown::render(&bad));
    let odd: Vec<_> = read(&bad).into_iter().filter(|e| means_something(e) && !strong(e)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert_eq!(frame(&bad), frame(&clean));
    assert!(!bad.contains('\u{202e}'));
}

fn strong(event: &Md<'_>) -> bool {
    matches!(event, Md::Start(Tag::Strong) | Md::End(TagEnd::Strong))
}

/// The blocks of a page, without the text in them.
fn frame(page: &str) -> Vec<String> {
    let blocks = read(page).into_iter().filter(|e| matches!(e, Md::Start(_) | Md::End(_)));
    blocks.map(|e| format!("{e:?}").chars().take_while(|c| *c != ',').collect()).collect()
}

/// Puts a text into every place that others write.
fn spoil(report: &mut IncidentReport, evil: &str) {
    let s = || evil.to_owned();
    report.incident = s();
    for f in &mut report.findings {
        (f.id, f.finding_type, f.title) = (s(), s(), s());
    }
    for r in &mut report.runs {
        (r.title, r.subject, r.message, r.by.name, r.by.host) = (s(), s(), s(), s(), s());
        r.by.arn = Some(s());
        for c in &mut r.changes {
            (c.what, c.before, c.after) = (s(), s(), s());
            if let Some(proof) = &mut c.proof {
                proof.seen = s();
            }
        }
        for d in &mut r.drift {
            (d.what, d.ours, d.now, d.before, d.decision) = (s(), s(), s(), s(), s());
        }
    }
    for m in &mut report.timeline {
        (m.by, m.what) = (s(), s());
        m.detail = m.detail.as_ref().map(|_| s());
    }
    for e in &mut report.evidence {
        e.what = s();
        e.items.iter_mut().for_each(|i| *i = s());
    }
    for l in &mut report.standing {
        (l.title, l.back) = (s(), s());
        l.what.iter_mut().for_each(|w| *w = s());
    }
    for l in &mut report.lasting {
        l.what = s();
        l.output.iter_mut().for_each(|o| *o = s());
    }
    for o in &mut report.open {
        o.what = s();
    }
    report.ledger.place = s();
}
