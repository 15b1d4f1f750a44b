//! The poller: the first page at once, later only what changed, nothing twice, nothing kept that is gone.

use crate::support::bench::Bench;
use chrono::{DateTime, Duration, Utc};
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::domain::FindingId;
use lazaret::engine::poller::Poller;

fn poller(bench: &Bench) -> Poller {
    Poller::new(bench.engine.cloud().reads().clone(), bench.clock.clone(), bench.hub.clone(), false)
}

async fn listing(poller: &mut Poller) -> (usize, usize, bool) {
    let (mut pages, mut changed, mut complete) = (0, 0, false);
    loop {
        let batch = poller.next().await.unwrap();
        pages += 1;
        changed += batch.changed.len();
        complete |= batch.complete.is_some();
        if !batch.more {
            return (pages, changed, complete);
        }
    }
}

#[tokio::test]
async fn the_first_page_comes_at_once_and_the_rest_follows() {
    let bench = Bench::new("noisy-morning");
    let mut poller = poller(&bench);
    bench.sandbox.clear_calls();
    let first = poller.next().await.unwrap();
    assert_eq!(bench.sandbox.calls().len(), 1, "one call for the first page");
    assert_eq!(first.changed.len(), 100);
    assert!(first.more && first.complete.is_none());
    let (_, rest, complete) = listing(&mut poller).await;
    assert!(rest > 0 && complete);
}

#[tokio::test]
async fn later_listings_ask_by_update_and_tell_only_what_changed() {
    let bench = Bench::new("noisy-morning");
    let mut poller = poller(&bench);
    let (_, all, _) = listing(&mut poller).await;
    assert!(all > 100);
    assert_eq!(listing(&mut poller).await, (1, 0, false), "a short listing, nothing new");
    let page = bench.engine.cloud().reads().findings(&bench.hub, &Default::default(), None).await.unwrap();
    let id = page.findings[50].finding.id.clone();
    let now = bench.engine.now() + Duration::seconds(5);
    bench.clock.advance(Duration::seconds(10));
    bench
        .sandbox
        .edit(|w| {
            let all = w.scopes.values_mut().flat_map(|p| &mut p.findings);
            let wanted = all.into_iter().find(|f| f.json["Id"] == id.as_str()).unwrap();
            wanted.json["UpdatedAt"] = now.to_rfc3339().into();
        })
        .unwrap();
    assert_eq!(listing(&mut poller).await, (1, 1, false));
}

#[tokio::test]
async fn a_full_listing_every_ten_minutes_sees_workflow_changes_and_what_is_gone() {
    let bench = Bench::new("crypto-mining");
    let mut poller = poller(&bench);
    listing(&mut poller).await;
    bench.quarantine("web-1").await.unwrap();
    bench.clock.advance(Duration::minutes(11));
    let (_, changed, complete) = listing(&mut poller).await;
    assert!(complete);
    assert!(changed >= 1, "the finding is NOTIFIED now, and its UpdatedAt is not");
}

/// Changes a finding's JSON as its product would, now.
fn report(bench: &Bench, id: &FindingId, at: DateTime<Utc>, state: &str) {
    bench
        .sandbox
        .edit(|w| {
            let all = w.scopes.values_mut().flat_map(|p| &mut p.findings);
            let wanted = all.into_iter().find(|f| f.json["Id"] == id.as_str()).unwrap();
            wanted.json["UpdatedAt"] = at.to_rfc3339().into();
            wanted.json["RecordState"] = state.into();
        })
        .unwrap();
}

/// The ids of some open findings.
async fn some(bench: &Bench) -> Vec<FindingId> {
    let page = bench.engine.cloud().reads().findings(&bench.hub, &Default::default(), None).await.unwrap();
    page.findings[50..54].iter().map(|f| f.finding.id.clone()).collect()
}

#[tokio::test]
async fn a_finding_from_the_future_hides_no_other() {
    let bench = Bench::new("noisy-morning");
    let ids = some(&bench).await;
    let mut poller = poller(&bench);
    report(&bench, &ids[0], bench.engine.now() + Duration::days(30), "ACTIVE");
    listing(&mut poller).await;
    report(&bench, &ids[1], bench.engine.now() + Duration::seconds(5), "ACTIVE");
    bench.clock.advance(Duration::seconds(10));
    assert_eq!(listing(&mut poller).await, (1, 1, false));
    assert_eq!(listing(&mut poller).await, (1, 0, false));
}

#[tokio::test]
async fn what_was_closed_meanwhile_is_told_once() {
    let bench = Bench::new("noisy-morning");
    let ids = some(&bench).await;
    let mut poller = poller(&bench);
    report(&bench, &ids[0], bench.engine.now(), "ARCHIVED");
    listing(&mut poller).await;
    let now = bench.engine.now() + Duration::seconds(5);
    report(&bench, &ids[1], now, "ARCHIVED");
    bench.clock.advance(Duration::seconds(10));
    let batch = poller.next().await.unwrap();
    let told: Vec<_> = batch.changed.iter().map(|s| (&s.finding.id, s.finding.is_open())).collect();
    assert_eq!(told, [(&ids[1], false)], "and not what was closed before anybody saw it");
    assert_eq!(listing(&mut poller).await, (1, 0, false));
    // Opened again, it is told again; and so is the one that nobody had seen.
    let now = bench.engine.now() + Duration::seconds(5);
    report(&bench, &ids[0], now, "ACTIVE");
    report(&bench, &ids[1], now, "ACTIVE");
    report(&bench, &ids[2], now, "ARCHIVED");
    bench.clock.advance(Duration::seconds(10));
    assert_eq!(listing(&mut poller).await, (1, 3, false));
    // A full listing has what is open, and nothing else to tell.
    bench.clock.advance(Duration::minutes(11));
    let (mut open, mut closed_told) = (None, 0);
    loop {
        let batch = poller.next().await.unwrap();
        closed_told += batch.changed.iter().filter(|s| !s.finding.is_open()).count();
        open = batch.complete.or(open);
        if !batch.more {
            break;
        }
    }
    let open = open.unwrap();
    assert_eq!((open.contains(&ids[0]), open.contains(&ids[1]), open.contains(&ids[2])), (true, true, false));
    assert_eq!(closed_told, 0);
    assert_eq!(listing(&mut poller).await, (1, 0, false));
}

/// How many pages were asked for until a full listing was through, with these calls failing.
async fn calls_of_a_listing(failing: &[u64]) -> usize {
    let bench = Bench::new("noisy-morning");
    bench
        .sandbox
        .edit(|w| {
            let place = w.scopes.values_mut().max_by_key(|p| p.findings.len()).unwrap();
            for n in 0..150 {
                let mut copy = place.findings[0].clone();
                copy.json["Id"] = format!("copy-{n}").into();
                place.findings.push(copy);
            }
        })
        .unwrap();
    bench.sandbox.clear_calls();
    let mut poller = poller(&bench);
    for nth in failing {
        bench.sandbox.inject(Fault::on("securityhub:GetFindings").nth(*nth).kind(FaultKind::Throttle));
    }
    let (mut told, mut failed) = (std::collections::HashSet::new(), 0);
    let listed = loop {
        match poller.next().await {
            Err(_) => failed += 1,
            Ok(batch) => {
                for seen in batch.changed {
                    assert!(told.insert(seen.finding.id.clone()), "{:?} is told twice", seen.finding.id);
                }
                if let Some(listed) = batch.complete {
                    break listed;
                }
            }
        }
    };
    assert_eq!(failed, failing.len(), "every fault struck");
    assert_eq!(told, listed.into_iter().collect());
    bench.sandbox.calls().len()
}

#[tokio::test]
async fn a_failed_page_is_asked_for_again_and_the_listing_begins_anew_when_that_fails_too() {
    let pages = calls_of_a_listing(&[]).await;
    assert!(pages >= 3);
    assert_eq!(calls_of_a_listing(&[1]).await, pages + 1);
    assert_eq!(calls_of_a_listing(&[2]).await, pages + 1, "the same page again");
    assert_eq!(calls_of_a_listing(&[2, 4]).await, pages + 2, "two pages, each of which failed once");
    assert_eq!(calls_of_a_listing(&[2, 3]).await, pages + 3, "its token is dead: from the beginning");
}

#[tokio::test]
async fn a_failed_page_is_an_error_and_the_next_call_goes_on() {
    let bench = Bench::new("noisy-morning");
    let mut poller = poller(&bench);
    bench.sandbox.inject(Fault::on("securityhub:GetFindings").kind(FaultKind::Throttle));
    assert!(poller.next().await.is_err());
    let (_, all, complete) = listing(&mut poller).await;
    assert!(all > 100 && complete);
    // In the middle of a listing: nothing is lost, whichever way it goes on.
    bench.clock.advance(Duration::minutes(11));
    bench.sandbox.inject(Fault::on("securityhub:GetFindings").nth(2).kind(FaultKind::Throttle));
    assert!(poller.next().await.unwrap().more);
    assert!(poller.next().await.is_err());
    let (_, _, complete) = listing(&mut poller).await;
    assert!(complete);
}
