//! An engine on a sandbox world, with everything a test turns.

use chrono::{DateTime, Duration, Utc};
use lazaret::cloud::port::SeenFinding;
use lazaret::cloud::sandbox::{Sandbox, Scenario};
use lazaret::domain::{InstanceId, ManualClock, Scope, Workflow};
use lazaret::engine::prepare::RestoreWhat;
use lazaret::engine::{Consent, Engine, EngineError, Guard, Prepared, QuarantineRequest, RestoreRequest};
use lazaret::ledger::{Actor, Hand, Outcome, RunState, SqliteStore};
use lazaret::playbook::FindingRef;
use lazaret::policy::{BlockPolicy, QuarantinePolicy};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One sandbox, one ledger, and somebody who acts.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) ledger: SqliteStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Engine,
    pub(crate) hub: Scope,
    pub(crate) policy: QuarantinePolicy,
}

pub(crate) fn start() -> DateTime<Utc> {
    "2026-03-01T03:00:00Z".parse().unwrap()
}

impl Bench {
    /// The scenario's world in memory, and an empty ledger.
    pub(crate) fn new(scenario: &str) -> Self {
        let scenario = Scenario::load(scenario).unwrap();
        let clock = Arc::new(ManualClock::new(start()));
        let mut world = scenario.build(start(), 7).unwrap();
        world.background = None;
        let sandbox = Sandbox::new(world, clock.clone(), 7);
        let ledger = SqliteStore::in_memory().unwrap();
        let engine = engine(&sandbox, &ledger, &clock, "ana", Guard::default());
        let hub = scenario.home_scope().clone();
        let policy = QuarantinePolicy::default();
        Self { sandbox, ledger, clock, engine, hub, policy }
    }

    /// Somebody else with the same ledger and the same world.
    pub(crate) fn colleague(&self, name: &str) -> Self {
        let engine = engine(&self.sandbox, &self.ledger, &self.clock, name, Guard::default());
        Self { engine, ..self.clone() }
    }

    /// The same with a guard that has other standing orders.
    pub(crate) fn guarded(&self, guard: Guard) -> Self {
        Self { engine: engine(&self.sandbox, &self.ledger, &self.clock, "ana", guard), ..self.clone() }
    }

    /// Where an instance of this name is, and its id.
    pub(crate) fn find(&self, name: &str) -> (Scope, InstanceId) {
        let world = self.sandbox.world();
        let (scope, state) = world.find_instance(name).unwrap_or_else(|| panic!("no instance {name}"));
        (scope.clone(), state.instance.id.clone())
    }

    /// The topic of the account and Region.
    pub(crate) fn topic(&self, scope: &Scope) -> String {
        self.sandbox.world().scopes[scope].topics.keys().next().unwrap().clone()
    }

    /// The worst finding about an instance, as the hub lists it.
    pub(crate) async fn finding(&self, instance: &InstanceId) -> SeenFinding {
        let reads = self.engine.cloud().reads();
        let page = reads.findings(&self.hub, &Default::default(), None).await.unwrap();
        let mut about: Vec<SeenFinding> = page
            .findings
            .into_iter()
            .filter(|s| s.finding.instances().any(|i| i.id.as_ref() == Some(instance)) && !s.finding.sample)
            .collect();
        about.sort_by_key(|s| s.finding.severity);
        about.pop().expect("a finding about the instance")
    }

    /// The request that the console would make for an instance of this name: with finding, topic and snapshots.
    pub(crate) async fn request(&self, name: &str) -> QuarantineRequest {
        let (scope, instance) = self.find(name);
        let seen = self.finding(&instance).await;
        let finding = Some(FindingRef::new(&seen.finding, Some(&seen.json), Some(self.hub.clone())));
        let policy = QuarantinePolicy { topic_arn: Some(self.topic(&scope)), ..self.policy.clone() };
        QuarantineRequest { scope, instance, finding, policy }
    }

    pub(crate) async fn prepare(&self, name: &str) -> Result<Prepared, EngineError> {
        self.engine.prepare_quarantine(&self.request(name).await).await
    }

    pub(crate) async fn quarantine(&self, name: &str) -> Result<RunState, EngineError> {
        let prepared = self.prepare(name).await?;
        self.engine.commit(&prepared, &Consent::default(), None).await
    }

    pub(crate) fn restore_request(&self, name: &str) -> RestoreRequest {
        let (scope, instance) = self.find(name);
        RestoreRequest {
            what: RestoreWhat::Instance(instance),
            force: BTreeSet::new(),
            finding_status: Some(Workflow::Resolved),
            topic_arn: Some(self.topic(&scope)),
            block: BlockPolicy::default(),
            aws: None,
            scope,
        }
    }

    pub(crate) async fn restore(&self, name: &str) -> Result<RunState, EngineError> {
        let prepared = self.engine.prepare_restore(&self.restore_request(name)).await?;
        self.engine.commit(&prepared, &Consent::default(), None).await
    }

    /// Lets every lease run out, as when a process has been gone for a while.
    pub(crate) fn let_leases_run_out(&self) {
        self.clock.advance(Duration::minutes(5));
    }

    /// Recovers every run that has not ended.
    pub(crate) async fn recover_all(&self) -> Vec<RunState> {
        self.let_leases_run_out();
        let mut ended = Vec::new();
        for (run, _) in self.engine.unfinished().await.unwrap() {
            ended.push(self.engine.recover(run.run, false, true, None).await.unwrap());
        }
        ended
    }
}

fn engine(sandbox: &Arc<Sandbox>, ledger: &SqliteStore, clock: &Arc<ManualClock>, name: &str, guard: Guard) -> Engine {
    let actor = Actor { name: name.into(), arn: None, host: "test".into(), hand: Hand::Cli };
    let seed = name.bytes().map(u64::from).sum();
    Engine::new(
        sandbox.cloud(),
        Arc::new(ledger.clone()),
        clock.clone(),
        guard,
        actor,
        ChaCha12Rng::seed_from_u64(seed),
    )
}

pub(crate) fn outcome(state: &RunState) -> Outcome {
    state.ended.as_ref().expect("ended").0
}

pub(crate) fn message(state: &RunState) -> &str {
    &state.ended.as_ref().expect("ended").2
}
