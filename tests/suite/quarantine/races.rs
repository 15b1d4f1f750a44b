//! What changes between a look and the next: late reads, interfaces that appear, old previews, two responders.

use super::*;
use crate::support::sweep::commit_or_crash;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::domain::RunId;
use lazaret::engine::Engine;
use lazaret::ledger::{
    Actor, BeginError, Claim, Event, Hand, LedgerError, Listing, News, Record, RunFilter, RunState, SqliteStore,
    Verdict,
};
use lazaret::playbook::Plan;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// I2: "isolated" is only said after every interface was read back.
#[tokio::test(start_paused = true)]
async fn i2_reads_that_lag_are_waited_for_and_ones_that_never_agree_are_not_believed() {
    let bench = Bench::new("crypto-mining");
    bench
        .sandbox
        .set_behaviour(Behaviour { staleness: Staleness::For(Duration::from_secs(2)), ..Behaviour::default() });
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));

    let bench = Bench::new("crypto-mining");
    bench
        .sandbox
        .set_behaviour(Behaviour { staleness: Staleness::For(Duration::from_secs(600)), ..Behaviour::default() });
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial);
    assert!(message(&run).contains("NOT isolated"), "{}", message(&run));
    assert_eq!(RunReport::new(&run).isolated_ms, None);
}

/// I2: an interface that appears in the middle is seen.
#[tokio::test]
async fn i2_an_interface_attached_after_the_plan_stops_the_run_or_is_reported() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let prepared = bench.prepare("web-1").await.unwrap();
    add_interface(&bench, &scope, &instance, 3);
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert!(message(&run).contains("NOT isolated") && message(&run).contains("was attached"), "{}", message(&run));
    let again = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&again), Outcome::Done, "{}", message(&again));
}

#[tokio::test]
async fn a_group_changed_after_the_preview_stops_the_run_before_any_swap() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let prepared = bench.prepare("web-1").await.unwrap();
    let other = bench.sandbox.world().scopes[&scope].interfaces_of(&instance)[1].groups.clone();
    bench
        .sandbox
        .edit(|w| {
            let place = w.scopes.get_mut(&scope).unwrap();
            let id = place.interfaces_of(&instance)[0].id.clone();
            place.interfaces.get_mut(&id).unwrap().groups = other;
        })
        .unwrap();
    let changed = bench.sandbox.world();
    bench.sandbox.clear_calls();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert!(message(&run).contains("changed since the plan"), "{}", message(&run));
    assert!(bench.sandbox.calls().iter().all(|c| c.operation != "ec2:ModifyNetworkInterfaceAttribute"));
    bench.restore("web-1").await.unwrap();
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&changed));
}

#[tokio::test]
async fn an_old_preview_is_read_again_and_shown_again_when_the_world_differs() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.clock.advance(chrono::Duration::seconds(11));
    add_interface(&bench, &scope, &instance, 3);
    match bench.engine.commit(&prepared, &Consent::default(), None).await {
        Err(EngineError::Changed(again)) => {
            let run = bench.engine.commit(&again, &Consent::default(), None).await.unwrap();
            assert_eq!(outcome(&run), Outcome::Done);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_old_preview_of_an_unchanged_world_runs() {
    let bench = Bench::new("crypto-mining");
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.clock.advance(chrono::Duration::hours(1));
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
}

/// I4: of two who press the key at the same moment one acts, and the other is told.
#[tokio::test(start_paused = true)]
async fn i4_of_two_responders_one_acts_and_the_other_is_told() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let other = bench.colleague("ben");
    let (mine, theirs) = (bench.prepare("web-1").await.unwrap(), other.prepare("web-1").await.unwrap());
    bench.sandbox.set_behaviour(Behaviour { latency: Duration::from_millis(50), ..Behaviour::default() });
    bench.sandbox.clear_calls();
    let consent = Consent::default();
    let (a, b) = tokio::join!(bench.engine.commit(&mine, &consent, None), other.engine.commit(&theirs, &consent, None));
    let (winner, loser) = if a.is_ok() { (a, b) } else { (b, a) };
    assert_eq!(outcome(&winner.unwrap()), Outcome::Done);
    let refusal = loser.unwrap_err();
    assert!(matches!(refusal, EngineError::Refused(Refusal::Held { .. })), "{refusal:?}");
    assert!(refusal.to_string().contains("begun by"), "{refusal}");
    let swaps = bench.sandbox.calls().iter().filter(|c| c.operation == "ec2:ModifyNetworkInterfaceAttribute").count();
    let snapshots = bench.sandbox.calls().iter().filter(|c| c.operation == "ec2:CreateSnapshots").count();
    assert_eq!((swaps, snapshots), (2, 1), "no double effects");
    bench.restore("web-1").await.unwrap();
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// I4: a run that began and ended between our reading and our claim is seen.
#[tokio::test]
async fn i4_who_was_overtaken_does_nothing_and_learns_by_whom() {
    let bench = Bench::new("crypto-mining");
    let other = bench.colleague("ben");
    let mine = bench.prepare("web-1").await.unwrap();
    bench.clock.advance(chrono::Duration::seconds(1));
    other.quarantine("web-1").await.unwrap();
    let contained = bench.sandbox.world();
    match bench.engine.commit(&mine, &Consent::default(), None).await {
        Err(EngineError::Refused(Refusal::Overtaken { by, .. })) => assert_eq!(by, "ben"),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.sandbox.world(), contained);
}

/// A machine's clock is set back, as when it had run ahead until somebody corrected it: what was done meanwhile can be taken
/// back at once, and is seen to have been.
#[tokio::test(start_paused = true)]
async fn i5_a_clock_that_is_set_back_keeps_no_restore_from_its_run() {
    for back in [chrono::Duration::milliseconds(400), chrono::Duration::hours(2)] {
        let bench = Bench::new("crypto-mining");
        let before = bench.sandbox.world();
        let (scope, _) = bench.find("web-1");
        let run = bench.quarantine("web-1").await.unwrap();
        assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
        bench.clock.advance(-back);
        let prepared = match bench.engine.prepare_restore(&bench.restore_request("web-1")).await {
            Ok(prepared) => prepared,
            Err(e) => panic!("{back}: {e}"),
        };
        let restored = match bench.engine.commit(&prepared, &Consent::default(), None).await {
            Ok(restored) => restored,
            Err(e) => panic!("{back}: {e}"),
        };
        assert_eq!(outcome(&restored), Outcome::Done, "{back}: {}", message(&restored));
        assert!(restored.run > run.run, "{back}: runs are told in the order in which the ledger has them");
        assert_eq!(comparable(&bench.sandbox.world()), comparable(&before), "{back}");
        assert!(bench.engine.open_quarantines(&scope, &run.plan.subject).await.unwrap().is_empty(), "{back}");
        let again = bench.quarantine("web-1").await.unwrap();
        assert_eq!(outcome(&again), Outcome::Done, "{back}: {}", message(&again));
    }
}

/// A ledger on which somebody else recovers the run in the moment before our first record of it.
struct Overtaking {
    store: SqliteStore,
    other: Bench,
    done: AtomicBool,
}

#[async_trait]
impl Store for Overtaking {
    async fn begin(
        &self,
        run: RunId,
        actor: &Actor,
        plan: &Plan,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<RunState, BeginError> {
        self.store.begin(run, actor, plan, now, lease_until).await
    }

    async fn append(
        &self,
        run: RunId,
        seq: u64,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Result<Vec<Record>, LedgerError> {
        if !self.done.swap(true, Ordering::SeqCst) {
            let ended = self.other.engine.recover(run, true, true, None).await.unwrap();
            assert_eq!(outcome(&ended), Outcome::Done, "{}", message(&ended));
        }
        self.store.append(run, seq, events, now).await
    }

    async fn renew(&self, run: RunId, lease_until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.store.renew(run, lease_until).await
    }

    async fn records(&self, run: RunId) -> Result<Vec<Record>, LedgerError> {
        self.store.records(run).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<Listing, LedgerError> {
        self.store.list(filter).await
    }

    async fn changed_since(&self, position: u64) -> Result<News, LedgerError> {
        self.store.changed_since(position).await
    }

    async fn claim(&self, key: &str) -> Result<Option<Claim>, LedgerError> {
        self.store.claim(key).await
    }

    async fn verify(&self) -> Result<Verdict, LedgerError> {
        self.store.verify().await
    }

    fn place(&self) -> String {
        self.store.place()
    }
}

/// Two people recover the same run, and one is at its end before the other has begun: that one is told so, and the ledger
/// stays one that can be read.
#[tokio::test(start_paused = true)]
async fn i4_a_run_that_somebody_else_has_recovered_meanwhile_is_left_at_its_end() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.inject(Fault::on("ec2:ModifyNetworkInterfaceAttribute").kind(FaultKind::HangAfter));
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    bench.sandbox.clear_faults();
    bench.let_leases_run_out();
    let (run, _) = bench.engine.unfinished().await.unwrap().remove(0);
    let ledger =
        Overtaking { store: bench.ledger.clone(), other: bench.colleague("ben"), done: AtomicBool::new(false) };
    let late = Engine::new(
        bench.sandbox.cloud(),
        Arc::new(ledger),
        bench.clock.clone(),
        Guard::default(),
        Actor { name: "eve".into(), arn: None, host: "test".into(), hand: Hand::Cli },
        ChaCha12Rng::seed_from_u64(3),
    );
    match late.recover(run.run, true, true, None).await {
        Err(EngineError::Plan(PlanRefusal::Nothing(why))) => assert!(why.contains("has ended"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.ledger.verify().await.unwrap().bad, None);
    assert_eq!(outcome(&bench.restore("web-1").await.unwrap()), Outcome::Done);
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// Nobody knows whether protection was switched on, and looking fails: the instance is isolated all the same.
#[tokio::test(start_paused = true)]
async fn a_look_after_an_unclear_answer_that_fails_stops_no_other_step() {
    let bench = Bench::new("crypto-mining");
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.inject(Fault::on("ec2:ModifyInstanceAttribute").kind(FaultKind::TimeoutAfter));
    bench.sandbox.inject(Fault::on("ec2:DescribeInstanceAttribute").kind(FaultKind::Deny));
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert!(message(&run).contains("is isolated"), "{}", message(&run));
    let isolated = bench.sandbox.world();
    let back = bench.restore("web-1").await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_ne!(comparable(&bench.sandbox.world()), comparable(&isolated));
}
