//! The log, latency, and depth.

use super::*;
use crate::cloud::port::GroupQuery;
use crate::cloud::sandbox::{Behaviour, CallOutcome, depth};
use std::time::Duration;

async fn ask(sandbox: &Sandbox) {
    sandbox.groups(&payments(), &GroupQuery::Ids(vec![])).await.unwrap();
}

#[tokio::test]
async fn every_call_is_in_the_log() {
    let (sandbox, _) = sandbox();
    ask(&sandbox).await;
    let _ = sandbox.create_tags(&target(), "i-0123456789abcdef0", &tags([("k", "v")])).await;
    let calls = sandbox.calls();
    assert_eq!(calls.iter().map(|c| c.mutating).collect::<Vec<_>>(), [false, true]);
    assert_eq!(calls[0].outcome, CallOutcome::Done);
    assert_eq!(calls[1].outcome, CallOutcome::Failed("InvalidInstanceID.NotFound".into()));
    assert_eq!((calls[1].operation.as_str(), &calls[1].scope), ("ec2:CreateTags", &payments()));
    assert_eq!(calls[1].resource.as_deref(), Some("i-0123456789abcdef0"));
    sandbox.clear_calls();
    assert!(sandbox.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn latency_passes_on_tokio_s_clock_and_depth_is_counted() {
    let (sandbox, _) = sandbox();
    for latency in [Duration::from_millis(100), Duration::ZERO] {
        sandbox.clear_calls();
        sandbox.set_behaviour(Behaviour { latency, ..Behaviour::default() });
        let begin = tokio::time::Instant::now();
        ask(&sandbox).await;
        tokio::join!(ask(&sandbox), ask(&sandbox), async {
            ask(&sandbox).await;
            ask(&sandbox).await;
        });
        assert_eq!(begin.elapsed(), latency * 3);
        let calls = sandbox.calls();
        assert_eq!((calls.len(), depth(&calls)), (5, 3), "at {latency:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_is_drawn_by_the_seed() {
    let took = |seed| async move {
        let sandbox = Sandbox::new(world(), Arc::new(ManualClock::new(start())), seed);
        let latency = Duration::from_millis(40);
        sandbox.set_behaviour(Behaviour { latency, jitter: latency * 2, ..Behaviour::default() });
        let begin = tokio::time::Instant::now();
        for _ in 0..5 {
            ask(&sandbox).await;
        }
        begin.elapsed()
    };
    let (one, same, other) = (took(1).await, took(1).await, took(2).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert!((Duration::from_millis(200)..Duration::from_millis(650)).contains(&one), "{one:?}");
}
