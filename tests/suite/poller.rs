//! The poller: the first page at once, later only what changed, nothing twice, nothing kept that is gone.

use crate::support::bench::Bench;
use chrono::Duration;
use lazaret::cloud::sandbox::{Fault, FaultKind};
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
