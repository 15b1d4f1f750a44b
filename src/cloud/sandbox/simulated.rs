//! The sandbox itself: the world, the clock, and what happens to every call on its way.

use super::behaviour::{Behaviour, Staleness};
use super::calls::{CallLog, CallOutcome, CallRecord, Ticket};
use super::fault::{Fault, FaultKind, FaultPlan};
use super::limiter::Limiter;
use super::refusal::{Refusal, Ruling, denial_code, throttle_code};
use super::rules;
use super::scenario::{Scenario, ScenarioError};
use super::stale::{LateFindings, StaleViews};
use super::store::{Store, StoreError};
use super::world::World;
use crate::cloud::Cloud;
use crate::cloud::port::{CloudError, CloudResult, ErrorKind, Reads, Writes};
use crate::domain::{Clock, InstanceId, Scope};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::future::pending;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The seed of a world for which none is given.
const DEFAULT_SEED: u64 = 7;

/// Why a sandbox could not be opened or reset.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The scenario is wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The file is.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The world could not be changed: AWS's code, and why.
    #[error("{code}: {message}")]
    Refused {
        /// The code.
        code: &'static str,
        /// The message.
        message: String,
    },
}

impl From<Refusal> for SandboxError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.code, message: refusal.message }
    }
}

/// A simulated AWS. All its calls go through here: latency, faults, the log, then the rules.
pub struct Sandbox {
    store: Store,
    clock: Arc<dyn Clock>,
    origin: Origin,
    control: Mutex<Control>,
    hung: watch::Sender<u64>,
}

/// What a reset goes back to.
enum Origin {
    World(Box<World>),
    Scenario(Box<Scenario>, u64),
}

struct Control {
    behaviour: Behaviour,
    faults: FaultPlan,
    denied: BTreeSet<String>,
    log: CallLog,
    stale: StaleViews,
    late_findings: LateFindings,
    limiter: Limiter,
    dice: ChaCha8Rng,
}

/// A call on its way.
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) scope: &'a Scope,
    pub(super) resource: Option<String>,
    pub(super) mutating: bool,
    pub(super) dry_run: bool,
}

impl Sandbox {
    /// A sandbox in memory, for tests: no latency, no faults, nothing stored.
    pub fn new(world: World, clock: Arc<dyn Clock>, seed: u64) -> Arc<Self> {
        let origin = Origin::World(Box::new(world.clone()));
        Arc::new(Self::with(Store::in_memory(world), clock, origin, seed))
    }

    /// A sandbox whose state is in a file that other processes may share, at the pace of the real thing. The scenario's
    /// world is made if the file has none of it yet, or one of another seed than the one asked for.
    ///
    /// # Errors
    /// When the file can't be read or written, or the scenario is wrong.
    pub fn open(
        path: &Path,
        scenario: Scenario,
        seed: Option<u64>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, SandboxError> {
        let wanted = seed.unwrap_or(DEFAULT_SEED);
        let fits = |world: &World| seed.is_none_or(|seed| world.seed == seed);
        let now = clock.now();
        let store =
            Store::open(path, scenario.name(), fits, || scenario.build(now, wanted).map_err(SandboxError::Scenario))?;
        let sandbox = Self::with(store, clock, Origin::Scenario(Box::new(scenario), wanted), wanted);
        sandbox.set_behaviour(Behaviour::lifelike());
        Ok(Arc::new(sandbox))
    }

    fn with(store: Store, clock: Arc<dyn Clock>, origin: Origin, seed: u64) -> Self {
        let control = Control {
            behaviour: Behaviour::default(),
            faults: FaultPlan::default(),
            denied: BTreeSet::new(),
            log: CallLog::default(),
            stale: StaleViews::default(),
            late_findings: LateFindings::default(),
            limiter: Limiter::default(),
            dice: ChaCha8Rng::seed_from_u64(seed),
        };
        Self { store, clock, origin, control: Mutex::new(control), hung: watch::Sender::new(0) }
    }

    /// Both halves of the port.
    pub fn cloud(self: &Arc<Self>) -> Cloud {
        let reads: Arc<dyn Reads> = self.clone();
        let writes: Arc<dyn Writes> = self.clone();
        Cloud::new(reads, writes)
    }

    /// Puts the world back to its beginning: the one given, or the scenario's as of now.
    ///
    /// # Errors
    /// When the file can't be written, or the scenario is wrong.
    pub fn reset(&self) -> Result<(), SandboxError> {
        let world = match &self.origin {
            Origin::World(world) => (**world).clone(),
            Origin::Scenario(scenario, seed) => scenario.build(self.now(), *seed)?,
        };
        self.set_world(world)
    }

    /// A copy of the world as it is now.
    pub fn world(&self) -> World {
        self.store.snapshot()
    }

    /// Puts another world in the place of this one.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_world(&self, world: World) -> Result<(), SandboxError> {
        self.control().stale.clear();
        self.control().late_findings.clear();
        self.edit(|present| *present = world)
    }

    /// Changes the world as somebody else would, past all rules, faults and the log.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn edit(&self, change: impl FnOnce(&mut World)) -> Result<(), SandboxError> {
        let change = |world: &mut World| {
            change(world);
            Ok(())
        };
        Ok(self.store.write(change)?)
    }

    /// Ends an instance as somebody else's `TerminateInstances` would.
    ///
    /// # Errors
    /// As EC2's: `OperationNotPermitted` under protection, `InvalidInstanceID.NotFound`.
    pub fn terminate(&self, scope: &Scope, instance: &InstanceId) -> Result<(), SandboxError> {
        Ok(self.store.write(|world| rules::instances::terminate(world.place_mut(scope)?, instance))?)
    }

    /// Changes the world as AWS itself would, past faults and the log.
    pub(super) fn change_unseen<T>(&self, change: impl FnOnce(&mut World) -> Ruling<T>) -> Result<T, SandboxError> {
        Ok(self.store.write(change)?)
    }

    /// All calls so far, or since the log was cleared, in the order they began.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.control().log.records().to_vec()
    }

    /// Empties the log.
    pub fn clear_calls(&self) {
        self.control().log.clear();
    }

    /// Makes something go wrong.
    pub fn inject(&self, fault: Fault) {
        self.control().faults.add(fault);
    }

    /// Lets nothing go wrong any more: faults, denials, and calls that hung are forgotten.
    pub fn clear_faults(&self) {
        let mut control = self.control();
        control.faults.clear();
        control.denied.clear();
        self.hung.send_replace(0);
    }

    /// How many injected faults have not struck yet.
    pub fn pending_faults(&self) -> usize {
        self.control().faults.pending()
    }

    /// Denies an operation, `service:Operation`, as IAM would, dry runs included.
    pub fn deny(&self, operation: &str) {
        self.control().denied.insert(operation.to_owned());
    }

    /// Allows a denied operation again.
    pub fn allow(&self, operation: &str) {
        self.control().denied.remove(operation);
    }

    /// Returns once a call hangs by [`FaultKind::HangBefore`] or [`FaultKind::HangAfter`]: the moment to drop it.
    pub async fn hung(&self) {
        // The sender lives in self, so waiting can't fail.
        let _ = self.hung.subscribe().wait_for(|calls| *calls > 0).await;
    }

    /// How it behaves beyond its rules.
    pub fn behaviour(&self) -> Behaviour {
        self.control().behaviour
    }

    /// Sets how it behaves beyond its rules.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.control().behaviour = behaviour;
    }

    /// The account and Region of the caller's own credentials.
    pub(super) fn home(&self) -> Ruling<Scope> {
        Ok(self.store.read(|world| world.home.clone())?)
    }

    /// The time in the simulated world.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now() + self.ahead()
    }

    /// How far its clock is ahead of the machine's.
    pub(super) fn ahead(&self) -> TimeDelta {
        TimeDelta::seconds(self.control().behaviour.clock_ahead)
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a call through its life: logged, slowed down, perhaps struck by a fault, ruled on, answered.
    pub(super) async fn call<T, F>(&self, call: Call<'_>, act: F) -> CloudResult<T>
    where
        F: FnOnce(&Self) -> Ruling<T> + Send,
        T: Send,
    {
        let (ticket, fault, latency) = self.begin(&call);
        // Calls that are made side by side all begin before the first of them is answered, at any latency.
        tokio::task::yield_now().await;
        pause(latency / 2).await;
        let result = match fault {
            None => act(self).map_err(|refusal| error(call.operation, refusal)),
            Some(FaultKind::HangBefore) => self.hang().await,
            Some(FaultKind::HangAfter) => {
                drop(act(self));
                self.hang().await
            }
            Some(FaultKind::TimeoutAfter) => {
                drop(act(self));
                Err(struck(&call, &FaultKind::TimeoutAfter))
            }
            Some(fault) => Err(struck(&call, &fault)),
        };
        pause(latency - latency / 2).await;
        let result = result.map_err(|error| {
            let error = error.at(call.scope);
            match &call.resource {
                Some(resource) => error.on(resource),
                None => error,
            }
        });
        self.end(ticket, result.as_ref().err());
        result
    }

    fn begin(&self, call: &Call<'_>) -> (Ticket, Option<FaultKind>, Duration) {
        let mut control = self.control();
        let control = &mut *control;
        let resource = call.resource.as_deref();
        let ticket = control.log.begin(call.operation, resource, call.scope, call.mutating, call.dry_run);
        let fault = if control.denied.contains(call.operation) {
            Some(FaultKind::Deny)
        } else if call.dry_run {
            None
        } else {
            control.faults.strike(call.operation, resource)
        };
        let jitter = control.behaviour.jitter.mul_f64(control.dice.random());
        (ticket, fault, control.behaviour.latency + jitter)
    }

    fn end(&self, ticket: Ticket, error: Option<&CloudError>) {
        let outcome = error.map_or(CallOutcome::Done, |error| CallOutcome::Failed(error.code.clone()));
        self.control().log.end(ticket, outcome);
    }

    /// Never returns.
    async fn hang<T>(&self) -> T {
        self.hung.send_modify(|calls| *calls += 1);
        pending().await
    }

    /// Looks at the world as a read of this operation sees it, which may be late.
    pub(super) fn look<T>(&self, operation: &'static str, look: impl FnOnce(&World) -> Ruling<T>) -> Ruling<T> {
        let now = self.now();
        let late = {
            let mut control = self.control();
            let findings = (operation == "securityhub:GetFindings").then(|| control.late_findings.view(now)).flatten();
            findings.or_else(|| control.stale.view(operation))
        };
        match late {
            Some(world) => look(&world),
            None => self.store.read(look)?,
        }
    }

    /// Changes the world, or only rehearses it.
    pub(super) fn change<T>(&self, dry_run: bool, change: impl FnOnce(&mut World) -> Ruling<T>) -> Ruling<T> {
        if dry_run {
            return self.store.read(|world| change(&mut world.clone()))?;
        }
        let staleness = self.control().behaviour.staleness;
        let mut before = None;
        let answer = self.store.write(|world| {
            before = (staleness != Staleness::None).then(|| world.clone());
            change(world)
        })?;
        if let Some(before) = before {
            self.control().stale.remember(before, staleness);
        }
        Ok(answer)
    }

    /// Keeps the findings as they are for the listings to come, where updates show late.
    pub(super) fn before_update(&self, world: &World) -> Option<World> {
        (!self.control().behaviour.findings_late.is_zero()).then(|| world.clone())
    }

    /// Lets listings go on showing the findings of that world.
    pub(super) fn show_late(&self, before: World) {
        let now = self.now();
        let mut control = self.control();
        let late = chrono::Duration::from_std(control.behaviour.findings_late).unwrap_or_default();
        let shown_at = now + late;
        control.late_findings.remember(before, shown_at);
    }

    /// Takes one of the calls that Security Hub's rate still allows.
    pub(super) fn take_token(&self, scope: &Scope) -> Ruling<()> {
        let now = self.now();
        let mut control = self.control();
        let control = &mut *control;
        match control.behaviour.findings_rate {
            Some(rate) if !control.limiter.take(scope, rate, now) => {
                Err(Refusal::new("TooManyRequestsException", "Too Many Requests"))
            }
            _ => Ok(()),
        }
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

pub(super) fn error(operation: &str, refusal: Refusal) -> CloudError {
    CloudError::new(refusal.operation.unwrap_or(operation), refusal.kind(), refusal.code, refusal.message)
}

/// What the caller sees of a fault.
fn struck(call: &Call<'_>, fault: &FaultKind) -> CloudError {
    let make = |kind, code: &str, message: &str| CloudError::new(call.operation, kind, code, message);
    let mut error = match fault {
        FaultKind::Fail => make(ErrorKind::Other, "SandboxFault", "This call was made to fail."),
        FaultKind::Throttle => make(ErrorKind::Throttled, throttle_code(call.operation), "Request limit exceeded."),
        FaultKind::Deny => {
            let message = format!("You are not authorized to perform this operation: {}", call.operation);
            make(ErrorKind::Denied, denial_code(call.operation), &message)
        }
        FaultKind::Unavailable => make(ErrorKind::Unavailable, "Unavailable", "The connection was closed."),
        FaultKind::Error(kind, code) => make(*kind, code, "This call was made to fail."),
        FaultKind::TimeoutBefore | FaultKind::TimeoutAfter | FaultKind::HangBefore | FaultKind::HangAfter => {
            make(ErrorKind::Timeout, "Timeout", "No answer came in time.")
        }
    };
    error.may_have_applied &= call.mutating;
    error
}
