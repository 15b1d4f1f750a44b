//! The loop: what happens becomes messages, messages become effects, effects run on tasks of their own.
//!
//! Nothing here waits for AWS: reading the keyboard, folding messages and drawing is all this task does. Messages
//! that wait are folded together before the next drawing.

use super::effect::{Effect, Thing};
use super::model::{Model, Session};
use super::msg::{AclRead, Failure, LiveInstance, MouseAction, Msg, QuarantineRead, RunsRead, Signal, Ticket};
use super::terminal::{self, Screen};
use super::update::update;
use super::{ConsoleError, Setup};
use crate::cloud::port::{GroupQuery, InstanceQuery, InterfaceQuery};
use crate::cloud::{CloudError, ErrorKind};
use crate::config::Key;
use crate::domain::{GroupId, InstanceId, Interface, Scope};
use crate::engine::observe::ssm_endpoint_groups;
use crate::engine::poller::Poller;
use crate::engine::{Engine, EngineError, Progress};
use crate::ledger::{LedgerError, RunFilter, RunState};
use crate::playbook::change::leaks;
use crate::playbook::{PlanRefusal, tags};
use crate::policy::QuarantinePolicy;
use crossterm::event::{Event, EventStream, KeyEventKind, MouseButton, MouseEventKind};
use futures::{FutureExt, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

/// How often time passes for the model. Ages are shown in seconds, and plans arm after a third of one.
const TICK: Duration = Duration::from_millis(250);

/// How many messages are folded before the next drawing at most, so that a flood still shows.
const FOLD: usize = 512;

/// How many readings of accounts and Regions are under way at a time: many accounts must not be asked all at once.
const READERS: usize = 8;

/// How long commits are waited for after the screen has gone in a panic.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// Runs the console. `watch` sees every message before it is folded: for recordings and tests.
pub(super) async fn run(setup: Setup, mut watch: impl FnMut(&Msg)) -> Result<(), ConsoleError> {
    if !terminal::available() {
        return Err(ConsoleError::NoTerminal);
    }
    let mut screen = Screen::enter(setup.settings.console.mouse)?;
    let (send, receive) = unbounded_channel();
    let mut hands = Hands::new(setup.engine.clone(), setup.settings.quarantine.clone(), &setup.hubs, send);
    let looped = AssertUnwindSafe(terminal::drawing(events(setup, &mut screen, &mut hands, receive, &mut watch)));
    let result = looped.catch_unwind().await;
    drop(screen);
    match result {
        Ok(result) => result,
        Err(panic) => {
            // The words are on the terminal; what was begun is still written down before the process goes.
            let _ = tokio::time::timeout(AFTER_PANIC, hands.committed()).await;
            std::panic::resume_unwind(panic)
        }
    }
}

fn session(setup: &Setup) -> Session {
    Session {
        actor: setup.engine.actor().to_string(),
        host: setup.engine.actor().host.clone(),
        guard: *setup.engine.guard(),
        hubs: setup.hubs.clone(),
        scopes: setup.scopes.clone(),
        names: setup.account_names.clone(),
        banner: setup.banner.clone(),
        topics: setup.topics.clone(),
        settings: setup.settings.clone(),
        keymap: setup.keymap.clone(),
    }
}

/// In a test's build: panics where the environment asks for it, to show that the terminal survives.
#[cfg(debug_assertions)]
fn panic_for_test() {
    if std::env::var_os("LAZARET_TEST_PANIC").is_some_and(|file| std::path::Path::new(&file).exists()) {
        std::panic::panic_any("a panic for a test");
    }
}

async fn events(
    setup: Setup,
    screen: &mut Screen,
    hands: &mut Hands,
    mut receive: UnboundedReceiver<Msg>,
    watch: &mut impl FnMut(&Msg),
) -> Result<(), ConsoleError> {
    let clock = Arc::clone(setup.engine.clock());
    let mut model = Model::new(session(&setup), clock.now(), screen.size());
    let theme = setup.theme;
    let mut input = Some(EventStream::new());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut signals = Signals::new()?;
    let mut gone: Option<io::Error> = None;
    let mut effects = update(&mut model, Msg::Start);
    loop {
        #[cfg(debug_assertions)]
        panic_for_test();
        for effect in effects.drain(..) {
            let done = match effect {
                Effect::Quit => return gone.map_or(Ok(()), |e| Err(e.into())),
                Effect::Redraw => screen.clear(),
                Effect::Ring(words) => screen.ring(&words),
                Effect::Suspend => {
                    // The reader of the keyboard must not eat what the shell is typed meanwhile.
                    drop(input.take());
                    let done = screen.suspend();
                    input = Some(EventStream::new());
                    let (width, height) = screen.size();
                    hands.say(Msg::Resize(width, height));
                    done
                }
                other => {
                    hands.run(other);
                    Ok(())
                }
            };
            lose(&mut gone, done, hands);
        }
        if gone.is_none() {
            match screen.draw(&model, &theme) {
                Ok(drawn) => model.drawn = drawn,
                Err(error) => lose(&mut gone, Err(error), hands),
            }
        }
        let mut next = loop {
            tokio::select! {
                event = read(&mut input) => match event {
                    Some(Ok(event)) => if let Some(msg) = from_event(&event) { break msg },
                    // Without a keyboard there is nobody here.
                    Some(Err(_)) | None => { input = None; break Msg::Signal(Signal::HangUp) }
                },
                Some(msg) = receive.recv() => break msg,
                signal = signals.next() => break Msg::Signal(signal),
                _ = ticks.tick() => break terminal::trouble().map_or_else(|| Msg::Tick(clock.now()), Msg::Trouble),
            }
        };
        for _ in 0..FOLD {
            watch(&next);
            // A terminal that was smaller for a moment has lost what stood outside, whatever its size is now.
            if matches!(next, Msg::Resize(..)) {
                effects.push(Effect::Redraw);
            }
            effects.extend(update(&mut model, next));
            let waiting = receive.try_recv().ok().or_else(|| match read(&mut input).now_or_never() {
                Some(Some(Ok(event))) => from_event(&event),
                _ => None,
            });
            match waiting {
                Some(msg) => next = msg,
                None => break,
            }
        }
    }
}

/// The next event; never, where there is no keyboard.
async fn read(input: &mut Option<EventStream>) -> Option<io::Result<Event>> {
    match input {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

/// Notes that the terminal has gone, and begins to leave.
fn lose(gone: &mut Option<io::Error>, done: io::Result<()>, hands: &Hands) {
    if let Err(error) = done
        && gone.is_none()
    {
        *gone = Some(error);
        hands.say(Msg::Signal(Signal::HangUp));
    }
}

fn from_event(event: &Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Key::from_event(key).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text.clone())),
        Event::Resize(width, height) => Some(Msg::Resize(*width, *height)),
        Event::Mouse(mouse) => {
            let action = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseAction::Click,
                MouseEventKind::ScrollDown => MouseAction::WheelDown,
                MouseEventKind::ScrollUp => MouseAction::WheelUp,
                _ => return None,
            };
            Some(Msg::Mouse(action, mouse.column, mouse.row))
        }
        _ => None,
    }
}

/// The system's signals.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    stop: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(signal_hook::consts::SIGTSTP))?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Terminate,
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.stop.recv() => Signal::Suspend,
        }
    }
}

/// Elsewhere only Ctrl-C is a signal, and raw mode makes that a key.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        std::future::pending().await
    }
}

/// What carries effects out.
struct Hands {
    engine: Engine,
    policy: QuarantinePolicy,
    send: UnboundedSender<Msg>,
    pollers: BTreeMap<Scope, Arc<Mutex<Poller>>>,
    readers: Arc<Semaphore>,
    commits: JoinSet<()>,
}

impl Hands {
    fn new(engine: Engine, policy: QuarantinePolicy, hubs: &[Scope], send: UnboundedSender<Msg>) -> Self {
        let poller = |hub: &Scope| {
            Poller::new(Arc::clone(engine.cloud().reads()), Arc::clone(engine.clock()), hub.clone(), false)
        };
        let pollers = hubs.iter().map(|hub| (hub.clone(), Arc::new(Mutex::new(poller(hub))))).collect();
        Self { pollers, engine, policy, send, readers: Arc::new(Semaphore::new(READERS)), commits: JoinSet::new() }
    }

    fn say(&self, msg: Msg) {
        // Nobody listens only once the console has ended.
        let _ = self.send.send(msg);
    }

    /// Returns once no commit is under way.
    async fn committed(&mut self) {
        while self.commits.join_next().await.is_some() {}
    }

    /// Begins an effect; its answer comes as a message.
    fn run(&mut self, effect: Effect) {
        let engine = self.engine.clone();
        match effect {
            Effect::Read(thing, ids) => self.read(thing, ids),
            Effect::Observe(scope, instance) => {
                let policy = self.policy.clone();
                let (s, i) = (scope.clone(), instance.clone());
                self.answer(
                    async move {
                        let seen = engine.observe_instance(&scope, &instance, &policy).await;
                        let result = seen.map(Box::new).map_err(|e| e.to_string());
                        Msg::Observed { scope, instance, result }
                    },
                    move |words| Msg::Observed { scope: s, instance: i, result: Err(words) },
                );
            }
            Effect::PrepareQuarantine(ticket, request) => self.answer(
                async move {
                    let result = engine.prepare_quarantine(&request).await.map(Box::new).map_err(failure);
                    Msg::Prepared { ticket, result }
                },
                move |words| Msg::Prepared { ticket, result: Err(broken(words)) },
            ),
            Effect::PrepareRestore(ticket, request) => self.answer(
                async move {
                    let result = engine.prepare_restore(&request).await.map(Box::new).map_err(failure);
                    Msg::Prepared { ticket, result }
                },
                move |words| Msg::Prepared { ticket, result: Err(broken(words)) },
            ),
            Effect::Commit(ticket, prepared, consent) => {
                self.commit(ticket, move |progress| {
                    Box::pin(async move { engine.commit(&prepared, &consent, Some(progress)).await })
                });
            }
            Effect::Recover(ticket, run) => {
                self.commit(ticket, move |progress| {
                    Box::pin(async move { engine.recover(run, false, true, Some(progress)).await })
                });
            }
            // These are the loop's own.
            Effect::Ring(_) | Effect::Redraw | Effect::Suspend | Effect::Quit => {}
        }
    }

    /// Runs a future on a task of its own and sends its message; where it panics, the other one.
    fn answer(
        &self,
        work: impl Future<Output = Msg> + Send + 'static,
        broken: impl FnOnce(String) -> Msg + Send + 'static,
    ) {
        let send = self.send.clone();
        let work = AssertUnwindSafe(Box::pin(work)).catch_unwind();
        tokio::spawn(async move {
            let msg = work.await.unwrap_or_else(|_| broken("internal error while reading".to_owned()));
            let _ = send.send(msg);
        });
    }

    /// Runs a commit or a recovery, and passes its records on as they are written.
    fn commit(
        &mut self,
        ticket: Ticket,
        work: impl FnOnce(Progress) -> futures::future::BoxFuture<'static, Result<RunState, EngineError>>,
    ) {
        while self.commits.try_join_next().is_some() {}
        let (progress, mut records) = unbounded_channel();
        let work = AssertUnwindSafe(work(progress)).catch_unwind();
        let (send, passing) = (self.send.clone(), self.send.clone());
        let pass = async move {
            while let Some(record) = records.recv().await {
                let _ = passing.send(Msg::Progress { ticket, record: Box::new(record) });
            }
        };
        self.commits.spawn(async move {
            let (result, ()) = futures::join!(work, pass);
            let result = match result {
                Ok(result) => result.map(Box::new).map_err(failure),
                Err(_) => Err(broken("internal error while the run was under way".to_owned())),
            };
            let _ = send.send(Msg::Committed { ticket, result });
        });
    }

    fn read(&self, thing: Thing, ids: Vec<InstanceId>) {
        let engine = self.engine.clone();
        match thing {
            Thing::Findings(hub) => {
                let Some(poller) = self.pollers.get(&hub).map(Arc::clone) else { return };
                let place = hub.clone();
                self.answer(
                    async move {
                        let result = poller.lock().await.next().await;
                        Msg::Findings { hub, result }
                    },
                    move |words| Msg::Findings {
                        result: Err(internal("securityhub:GetFindings", &place, words)),
                        hub: place,
                    },
                );
            }
            Thing::Runs => self
                .answer(async move { Msg::Runs(runs(&engine).await.map_err(|e| e.to_string())) }, |words| {
                    Msg::Runs(Err(words))
                }),
            Thing::Quarantined(scope) => {
                let (readers, policy, place) = (Arc::clone(&self.readers), self.policy.clone(), scope.clone());
                self.answer(
                    async move {
                        let _turn = readers.acquire().await;
                        let result = quarantined(&engine, &scope, ids, &policy).await;
                        Msg::Quarantined { scope, result }
                    },
                    move |words| Msg::Quarantined {
                        result: Err(internal("ec2:DescribeInstances", &place, words)),
                        scope: place,
                    },
                );
            }
            Thing::Acls(scope) => {
                let (readers, place) = (Arc::clone(&self.readers), scope.clone());
                self.answer(
                    async move {
                        let _turn = readers.acquire().await;
                        let result = acls(&engine, &scope).await;
                        Msg::Acls { scope, result }
                    },
                    move |words| Msg::Acls {
                        result: Err(internal("ec2:DescribeNetworkAcls", &place, words)),
                        scope: place,
                    },
                );
            }
        }
    }
}

fn internal(operation: &str, scope: &Scope, words: String) -> CloudError {
    CloudError::new(operation, ErrorKind::Other, "InternalError", words).at(scope)
}

fn broken(words: String) -> Failure {
    Failure {
        message: words,
        hint: Some("what was begun is in the ledger: see Activity".to_owned()),
        ..Failure::default()
    }
}

async fn runs(engine: &Engine) -> Result<RunsRead, EngineError> {
    let runs = engine.ledger().runs(&RunFilter::default()).await?;
    let unfinished = engine.unfinished().await?;
    let alive = unfinished.into_iter().filter(|(_, alive)| *alive).map(|(run, _)| run.run).collect();
    Ok(RunsRead { runs, alive })
}

/// Reads what says it is in quarantine, and what the ledger says is.
async fn quarantined(
    engine: &Engine,
    scope: &Scope,
    ids: Vec<InstanceId>,
    policy: &QuarantinePolicy,
) -> Result<QuarantineRead, CloudError> {
    let reads = engine.cloud().reads().as_ref();
    let tagged = InstanceQuery::Tagged(tags::STATUS.to_owned(), tags::QUARANTINED.to_owned());
    let named = async {
        if ids.is_empty() { Ok(vec![]) } else { reads.instances(scope, &InstanceQuery::Ids(ids.clone())).await }
    };
    let (tagged, named) = futures::try_join!(reads.instances(scope, &tagged), named)?;
    let instances: BTreeMap<InstanceId, _> = tagged.into_iter().chain(named).map(|i| (i.id.clone(), i)).collect();
    if instances.is_empty() {
        return Ok(QuarantineRead::default());
    }
    let mut attached: BTreeMap<InstanceId, Vec<Interface>> = BTreeMap::new();
    let query = InterfaceQuery::AttachedTo(instances.keys().cloned().collect());
    for interface in reads.interfaces(scope, &query).await? {
        if let Some(instance) = interface.instance.clone() {
            attached.entry(instance).or_default().push(interface);
        }
    }
    // Whether a group isolates is asked of those that stand alone on an interface.
    let alone: BTreeSet<GroupId> =
        attached.values().flatten().filter(|i| i.groups.len() == 1).flat_map(|i| i.groups.iter().cloned()).collect();
    let mut isolating = BTreeSet::new();
    if !alone.is_empty() {
        let mut reach = BTreeSet::new();
        let vpcs: BTreeSet<_> = instances.values().filter_map(|i| i.vpc.clone()).collect();
        for vpc in vpcs.iter().filter(|_| policy.allow_ssm) {
            reach.extend(ssm_endpoint_groups(reads, scope, vpc).await?);
        }
        let groups = reads.groups(scope, &GroupQuery::Ids(alone.into_iter().collect())).await?;
        isolating.extend(groups.into_iter().filter(|g| leaks(g, &reach).is_empty()).map(|g| g.id));
    }
    let instances = instances
        .into_values()
        .map(|instance| LiveInstance { interfaces: attached.remove(&instance.id).unwrap_or_default(), instance })
        .collect();
    Ok(QuarantineRead { instances, isolating })
}

async fn acls(engine: &Engine, scope: &Scope) -> Result<AclRead, CloudError> {
    let reads = engine.cloud().reads().as_ref();
    let (acls, counters) =
        futures::join!(reads.network_acls(scope, &[]), reads.parameters(scope, super::model::blocks::COUNTERS));
    let (counters, counters_error) = match counters {
        Ok(counters) => (counters, None),
        Err(error) => (vec![], Some(error.to_string())),
    };
    Ok(AclRead { acls: acls?, counters, counters_error })
}

/// An error of the engine in words for people.
fn failure(error: EngineError) -> Failure {
    let message = error.to_string();
    let hint = match &error {
        EngineError::Refused(refusal) => Some(refusal.hint()),
        EngineError::Plan(refusal) => plan_hint(refusal),
        EngineError::Cloud(error) => cloud_hint(error),
        EngineError::Ledger(LedgerError::Conflict { .. }) => Some("see Activity for who took it over".to_owned()),
        EngineError::Ledger(_) => Some("`lazaret ledger verify` says where it is damaged".to_owned()),
        EngineError::Changed(_) | EngineError::NoSuchRun(_) => None,
    };
    match error {
        EngineError::Changed(prepared) => Failure { message, hint, changed: Some(prepared), ..Failure::default() },
        EngineError::Plan(PlanRefusal::Drifted { drift, .. }) => Failure { message, hint, drift, changed: None },
        _ => Failure { message, hint, ..Failure::default() },
    }
}

fn plan_hint(refusal: &PlanRefusal) -> Option<String> {
    Some(match refusal {
        PlanRefusal::NotFound { .. } => "it was ended, or the finding names another account or Region".to_owned(),
        PlanRefusal::AlreadyQuarantined { run: Some(_), .. } => {
            "see Quarantine for how it stands; restore takes it back".to_owned()
        }
        PlanRefusal::AlreadyQuarantined { .. } => {
            "not by this ledger: see Quarantine; restore can go by its tags".to_owned()
        }
        PlanRefusal::LeakyGroup { .. } => "take those rules away, or name another group in [quarantine]".to_owned(),
        PlanRefusal::Drifted { .. } => "mark what is to be overwritten, one by one".to_owned(),
        PlanRefusal::Nothing(_) | PlanRefusal::Unfit(_) => return None,
    })
}

fn cloud_hint(error: &CloudError) -> Option<String> {
    match error.kind {
        ErrorKind::Denied => Some(format!("the role that lazaret acts with needs {}", error.operation)),
        ErrorKind::Credentials => Some("the credentials are missing or expired: renew them".to_owned()),
        ErrorKind::Throttled => Some("AWS asks to slow down: try again in a moment".to_owned()),
        ErrorKind::Timeout | ErrorKind::Unavailable => Some("no answer from AWS: try again".to_owned()),
        _ => None,
    }
}
