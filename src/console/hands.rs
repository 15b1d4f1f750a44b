//! Carrying effects out, each on a task of its own whose answer comes back as a message.
//!
//! The only file of the console that calls the engine. A commit goes through the engine, whose guard decides.

use super::effect::{Effect, Thing};
use super::model::credentials::about_principals;
use super::msg::{AclRead, CredentialsRead, Failure, Held, LiveInstance, Msg, QuarantineRead, RunsRead, Ticket};
use crate::cloud::port::{GroupQuery, InstanceQuery, InterfaceQuery};
use crate::cloud::{CloudError, ErrorKind};
use crate::domain::{GroupId, InstanceId, Interface, Scope, Vault};
use crate::engine::incident::markdown;
use crate::engine::incident::report::IncidentReport;
use crate::engine::observe::{observe, ssm_endpoint_groups};
use crate::engine::outstanding;
use crate::engine::poller::Poller;
use crate::engine::prepare::Request;
use crate::engine::{Engine, EngineError, LEASE, Progress};
use crate::ledger::{KnownRuns, LedgerError, Listing, RunFilter, RunState, Unreadable};
use crate::playbook::change::leaks;
use crate::playbook::{Needs, Observed, PlanRefusal, tags};
use crate::policy::QuarantinePolicy;
use crate::policy::address::AddressRefusal;
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

/// How many readings of accounts and Regions are under way at a time: many accounts must not be asked all at once.
const READERS: usize = 8;

/// How long finding out whether a bucket can be used may take: isolation waits for its plan.
const VAULT_WITHIN: Duration = Duration::from_secs(5);

/// What carries effects out.
pub struct Hands {
    engine: Engine,
    reports: Option<PathBuf>,
    evidence: Option<PathBuf>,
    policy: QuarantinePolicy,
    send: UnboundedSender<Msg>,
    pollers: BTreeMap<Scope, Arc<Mutex<Poller>>>,
    readers: Arc<Semaphore>,
    known: Arc<Mutex<KnownRuns>>,
    reads: JoinSet<()>,
    commits: JoinSet<()>,
}

impl Hands {
    /// Hands that act through this engine, and send their answers there.
    pub fn new(engine: Engine, policy: QuarantinePolicy, hubs: &[Scope], send: UnboundedSender<Msg>) -> Self {
        let pollers = pollers(&engine, hubs.iter().cloned(), false);
        Self {
            pollers,
            engine,
            reports: None,
            evidence: None,
            policy,
            send,
            readers: Arc::new(Semaphore::new(READERS)),
            known: Arc::default(),
            reads: JoinSet::new(),
            commits: JoinSet::new(),
        }
    }

    /// The same hands, with this folder for evidence where a bucket can't be used.
    #[must_use]
    pub fn keeping_evidence_in(mut self, folder: Option<PathBuf>) -> Self {
        self.evidence = folder;
        self
    }

    /// The same hands, writing reports into this folder.
    #[must_use]
    pub fn reporting_to(mut self, folder: Option<PathBuf>) -> Self {
        self.reports = folder;
        self
    }

    pub(super) fn say(&self, msg: Msg) {
        // Nobody listens only once the console has ended.
        let _ = self.send.send(msg);
    }

    /// Returns once no commit is under way.
    pub async fn committed(&mut self) {
        while self.commits.join_next().await.is_some() {}
    }

    /// Returns once nothing is under way, and every answer was sent.
    pub async fn idle(&mut self) {
        while self.reads.join_next().await.is_some() {}
        self.committed().await;
    }

    /// Begins an effect; its answer comes as a message.
    pub fn run(&mut self, effect: Effect) {
        // What is over is let go of.
        while self.reads.try_join_next().is_some() {}
        while self.commits.try_join_next().is_some() {}
        let (engine, evidence) = (self.engine.clone(), self.evidence.clone());
        match effect {
            Effect::Read(thing, ids) => self.read(thing, ids),
            Effect::ListClosed(closed) => {
                self.pollers = pollers(&self.engine, self.pollers.keys().cloned(), closed);
            }
            Effect::Observe(scope, instance) => {
                let policy = self.policy.clone();
                let (s, i) = (scope.clone(), instance.clone());
                self.answer(
                    async move {
                        let seen = observed(&engine, &scope, &instance, &policy).await;
                        let result = seen.map(Box::new).map_err(|e| e.to_string());
                        Msg::Observed { scope, instance, result }
                    },
                    move |words| Msg::Observed { scope: s, instance: i, result: Err(words) },
                );
            }
            Effect::NameGroups(scope, ids) => {
                let place = scope.clone();
                self.answer(
                    async move {
                        let read = engine.cloud().reads().groups(&scope, &GroupQuery::Ids(ids)).await;
                        let names = read.unwrap_or_default().into_iter().map(|g| (g.id, g.name)).collect();
                        Msg::GroupNames { scope, names }
                    },
                    |_| Msg::GroupNames { scope: place, names: vec![] },
                );
            }
            Effect::Prepare(ticket, mut request) => self.answer(
                async move {
                    if let Request::Quarantine(asked) = request.as_mut() {
                        with_vault(&engine, &mut asked.policy, evidence).await;
                    }
                    let result = engine.prepare(&request).await.map(Box::new).map_err(failure);
                    Msg::Prepared { ticket, result }
                },
                move |words| Msg::Prepared { ticket, result: Err(broken(words)) },
            ),
            Effect::Commit(ticket, prepared, consent) => {
                self.commit(ticket, move |progress| {
                    Box::pin(async move { engine.commit(&prepared, &consent, Some(progress)).await })
                });
            }
            Effect::Rehearse(ticket, prepared) => self.answer(
                async move {
                    let result = engine.rehearse(&prepared).await.map_err(|e| e.to_string());
                    Msg::Rehearsed { ticket, result }
                },
                move |words| Msg::Rehearsed { ticket, result: Err(words) },
            ),
            Effect::Recover(ticket, run) => {
                self.commit(ticket, move |progress| {
                    Box::pin(async move { engine.recover(run, false, true, Some(progress)).await })
                });
            }
            Effect::Report(incident) => {
                let folder = self.reports.clone();
                self.answer(
                    async move {
                        let path = report(&engine, &incident, folder.as_deref()).await;
                        Msg::Reported(path)
                    },
                    |words| Msg::Reported(Err(words)),
                );
            }
            // These are the loop's own.
            Effect::Ring(_) | Effect::Redraw | Effect::Suspend | Effect::Quit => {}
        }
    }

    /// Runs a future on a task of its own and sends its message; where it panics, the other one.
    fn answer(
        &mut self,
        work: impl Future<Output = Msg> + Send + 'static,
        broken: impl FnOnce(String) -> Msg + Send + 'static,
    ) {
        let send = self.send.clone();
        let work = AssertUnwindSafe(Box::pin(work)).catch_unwind();
        self.reads.spawn(async move {
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

    fn read(&mut self, thing: Thing, ids: Vec<InstanceId>) {
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
            Thing::Runs => {
                let known = Arc::clone(&self.known);
                self.answer(
                    async move { Msg::Runs(runs(&engine, &known).await.map_err(|e| e.to_string())) },
                    |words| Msg::Runs(Err(words)),
                );
            }
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
            Thing::Credentials => self.answer(
                async move { Msg::Credentials(credentials(&engine).await.map_err(|e| e.to_string())) },
                |words| Msg::Credentials(Err(words)),
            ),
            Thing::Machines(scope) => {
                let (readers, place) = (Arc::clone(&self.readers), scope.clone());
                self.answer(
                    async move {
                        let _turn = readers.acquire().await;
                        let reads = engine.cloud().reads();
                        let result = reads.instances(&scope, &InstanceQuery::Ids(ids)).await;
                        Msg::Machines { scope, result }
                    },
                    move |words| Msg::Machines {
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

async fn runs(engine: &Engine, known: &Mutex<KnownRuns>) -> Result<RunsRead, EngineError> {
    let Listing { runs, unreadable } = known.lock().await.look(engine.ledger().as_ref()).await?;
    let mut read = RunsRead { runs, unreadable, ..RunsRead::default() };
    for (run, alive) in engine.unfinished().await? {
        if alive {
            read.alive.insert(run.run);
        }
        let claim = engine.ledger().claim(&run.plan.claim_key()).await?;
        if let Some(claim) = claim.filter(|c| c.run == run.run) {
            read.heard.insert(run.run, claim.lease_until - LEASE);
        }
    }
    Ok(read)
}

/// Reads an instance, and what the groups on it are called.
async fn observed(
    engine: &Engine,
    scope: &Scope,
    instance: &InstanceId,
    policy: &QuarantinePolicy,
) -> Result<Observed, EngineError> {
    let mut seen = engine.observe_instance(scope, instance, policy).await?;
    let groups: BTreeSet<GroupId> = seen.interfaces.values().flat_map(|i| i.groups.iter().cloned()).collect();
    if !groups.is_empty() {
        let query = GroupQuery::Ids(groups.into_iter().collect());
        // The names are a help: what was read of the instance counts without them.
        if let Ok(groups) = engine.cloud().reads().groups(scope, &query).await {
            seen.groups.extend(groups.into_iter().map(|g| (g.id.clone(), g)));
        }
    }
    Ok(seen)
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
    let (mut isolating, mut names) = (BTreeSet::new(), BTreeMap::new());
    let standing = attached.values().flatten().flat_map(|i| i.groups.iter().cloned());
    let before = attached.values().flatten().flat_map(|i| tags::read_originals(&i.tags).unwrap_or_default());
    let groups: BTreeSet<GroupId> = standing.chain(before).collect();
    if !groups.is_empty() {
        let mut reach = BTreeSet::new();
        let vpcs: BTreeSet<_> = instances.values().filter_map(|i| i.vpc.clone()).collect();
        for vpc in vpcs.iter().filter(|_| policy.allow_ssm) {
            reach.extend(ssm_endpoint_groups(reads, scope, vpc).await?);
        }
        for group in reads.groups(scope, &GroupQuery::Ids(groups.into_iter().collect())).await? {
            if leaks(&group, &reach).is_empty() {
                isolating.insert(group.id.clone());
            }
            names.insert(group.id, group.name);
        }
    }
    let instances = instances
        .into_values()
        .map(|instance| LiveInstance { interfaces: attached.remove(&instance.id).unwrap_or_default(), instance })
        .collect();
    Ok(QuarantineRead { instances, isolating, names })
}

/// Writes the report of an incident, readable by its owner alone: it names what an attacker would like to know. Says
/// where it is.
async fn report(engine: &Engine, incident: &str, folder: Option<&Path>) -> Result<String, String> {
    let folder = folder.ok_or_else(|| "no folder is known for reports: use `lazaret report`".to_owned())?;
    let ledger = engine.ledger();
    let words = |e: LedgerError| e.to_string();
    let all = ledger.list(&RunFilter::default()).await.map_err(words)?;
    let made = IncidentReport::read(ledger.as_ref(), incident, &all, engine.now()).await.map_err(words)?;
    let made = made.ok_or_else(|| "the incident has no runs".to_owned())?;
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = incident.chars().take(80).map(legal).collect();
    let path = folder.join(format!("incident-{name}.md"));
    let io = |e: std::io::Error| format!("{}: {e}", path.display());
    std::fs::create_dir_all(folder).map_err(io)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(io)?;
    file.write_all(markdown::render(&made).as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    Ok(path.display().to_string())
}

/// Reads how each edit that cuts somebody's credentials stands. What can't be read is said, and nothing is claimed of it.
async fn credentials(engine: &Engine) -> Result<CredentialsRead, EngineError> {
    let runs = engine.ledger().list(&RunFilter::default()).await?.runs;
    let mut read = CredentialsRead::default();
    for standing in outstanding(about_principals(&runs)) {
        let scope = &standing.run.plan.scope;
        let changes = standing.changes.iter().filter(|c| c.principal().is_some() && c.needs() != Needs::default());
        for change in changes {
            match observe(engine.cloud().reads().as_ref(), scope, &change.needs(), engine.now()).await {
                Ok(world) => read.held.push(Held {
                    run: standing.run.run,
                    fields: change.fields(),
                    standing: change.standing(&world),
                }),
                Err(error) => {
                    let error = error.to_string();
                    if !read.errors.contains(&error) {
                        read.errors.push(error);
                    }
                }
            }
        }
    }
    Ok(read)
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

/// A bucket that can't be used is no reason to isolate without evidence: it goes into a folder of this machine then, as
/// the plan says.
async fn with_vault(engine: &Engine, policy: &mut QuarantinePolicy, folder: Option<PathBuf>) {
    let Some(volatile) = &mut policy.volatile else { return };
    match tokio::time::timeout(VAULT_WITHIN, engine.checked_vault(&volatile.vault)).await {
        Ok(Ok(vault)) => volatile.vault = vault,
        Ok(Err(_)) | Err(_) => {
            if let Some(path) = folder {
                volatile.vault = Vault::Folder { path };
            }
        }
    }
}

/// A poller for each hub that has seen nothing yet.
fn pollers(engine: &Engine, hubs: impl Iterator<Item = Scope>, closed: bool) -> BTreeMap<Scope, Arc<Mutex<Poller>>> {
    let poller =
        |hub: &Scope| Poller::new(Arc::clone(engine.cloud().reads()), Arc::clone(engine.clock()), hub.clone(), closed);
    hubs.map(|hub| (hub.clone(), Arc::new(Mutex::new(poller(&hub))))).collect()
}

/// An error of the engine in words for people.
fn failure(error: EngineError) -> Failure {
    let message = error.to_string();
    let hint = match &error {
        EngineError::Refused(refusal) => Some(refusal.hint()),
        EngineError::Plan(refusal) => plan_hint(refusal),
        EngineError::Cloud(error) => cloud_hint(error),
        EngineError::Ledger(LedgerError::Conflict { .. }) => Some("see Activity for who took it over".to_owned()),
        EngineError::Ledger(error) if error.is_unreadable() => Some(Unreadable::HINT.to_owned()),
        EngineError::Ledger(_) => Some("`lazaret ledger verify` says where it is damaged".to_owned()),
        EngineError::Changed(_) | EngineError::NoSuchRun(_) => None,
    };
    match error {
        EngineError::Changed(prepared) => Failure { message, hint, changed: Some(prepared), ..Failure::default() },
        EngineError::Plan(PlanRefusal::Drifted { drift, .. }) => Failure { message, hint, drift, ..Failure::default() },
        EngineError::Plan(PlanRefusal::Address(
            AddressRefusal::Wide { target, .. } | AddressRefusal::Aws { target, .. },
        )) => Failure { message, hint, again: Some(target), ..Failure::default() },
        EngineError::Plan(
            PlanRefusal::AlreadyQuarantined { .. }
            | PlanRefusal::AlreadyContained { .. }
            | PlanRefusal::AlreadyBlocked { run: Some(_), .. },
        ) => Failure { message, hint, stands: true, ..Failure::default() },
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
        PlanRefusal::AlreadyContained { .. } => {
            "see Activity for the run that did it; restore takes it back".to_owned()
        }
        PlanRefusal::LeakyGroup { .. } => "take those rules away, or name another group in [quarantine]".to_owned(),
        PlanRefusal::Drifted { .. } => "mark what is to be overwritten, one by one".to_owned(),
        PlanRefusal::AlreadyBlocked { run: Some(_), .. } => {
            "see Blocks: unblock takes it back, extend moves its end".to_owned()
        }
        PlanRefusal::Address(AddressRefusal::Wide { .. } | AddressRefusal::Aws { .. }) => {
            "if that is meant, it has to be typed again".to_owned()
        }
        PlanRefusal::Address(refusal) => refusal.hint(),
        PlanRefusal::Newer { .. }
        | PlanRefusal::Nothing(_)
        | PlanRefusal::Unfit(_)
        | PlanRefusal::AlreadyBlocked { .. } => return None,
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
