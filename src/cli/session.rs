//! What a verb works with: the engine on a real or a simulated AWS, the ledger, and the settings.

mod findings;

use super::args::Global;
use super::exit::{Exit, Failure};
use crate::cloud::port::InstanceQuery;
use crate::cloud::sandbox::{DEFAULT_SCENARIO, Sandbox, Scenario};
use crate::cloud::{Cloud, CloudError, Reads};
use crate::config::{ColorDepth, Keymap, Settings, Theme};
use crate::console;
use crate::domain::{AccountId, AclId, Clock, InstanceId, NetworkAcl, Region, RunId, Scope, SystemClock, Vault, text};
use crate::engine::{Engine, EngineError, Guard};
use crate::ledger::{Actor, Hand, RunState, SqliteStore, Store};
use crate::policy::{ForensicsPolicy, VolatileEvidence};
use etcetera::BaseStrategy;
use futures::future::join_all;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// An engine with where it looks and what it was told.
pub(super) struct Session {
    pub(super) engine: Engine,
    /// Where findings are listed.
    pub(super) hubs: Vec<Scope>,
    /// Where instances are looked for.
    pub(super) scopes: Vec<Scope>,
    /// All accounts and Regions that are known, whatever was asked to be looked into.
    pub(super) known_scopes: Vec<Scope>,
    pub(super) settings: Settings,
    names: BTreeMap<AccountId, String>,
    topics: BTreeMap<Scope, String>,
    banner: Option<String>,
}

/// A cloud with what a session knows about it.
struct Connection {
    cloud: Cloud,
    arn: String,
    hubs: Vec<Scope>,
    scopes: Vec<Scope>,
    names: BTreeMap<AccountId, String>,
    topics: BTreeMap<Scope, String>,
    banner: Option<String>,
}

impl Session {
    /// Reads the settings, opens the ledger and finds out who is calling.
    pub(super) async fn open(global: &Global) -> Result<Self, Failure> {
        Self::open_as(global, Hand::Cli).await
    }

    async fn open_as(global: &Global, hand: Hand) -> Result<Self, Failure> {
        let settings = settings(global)?;
        super::log::start(&settings, &data_folder(global)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let connection = match &global.sandbox {
            Some(scenario) => sandbox_connection(global, scenario, clock.clone()).await?,
            None => aws_connection(global, &settings).await?,
        };
        let ledger = open_ledger(global)?;
        let guard = Guard {
            read_only: global.read_only || settings.guard.read_only,
            dry_run: global.dry_run || settings.guard.dry_run,
        };
        let actor = Actor { name: name_in(&connection.arn), arn: Some(connection.arn), host: host(), hand };
        let random = ChaCha12Rng::from_rng(&mut rand::rng());
        let engine = Engine::new(connection.cloud, Arc::new(ledger), clock, guard, actor, random);
        let wanted = |scope: &Scope| {
            global.account.as_ref().is_none_or(|a| *a == scope.account)
                && global.region.as_ref().is_none_or(|r| *r == scope.region)
        };
        let known_scopes = connection.scopes.clone();
        let mut scopes: Vec<Scope> = connection.scopes.into_iter().filter(wanted).collect();
        // An account or Region that the configuration doesn't list can still be named.
        if let (true, Some(home)) = (scopes.is_empty(), connection.hubs.first()) {
            scopes.push(Scope {
                partition: home.partition.clone(),
                account: global.account.clone().unwrap_or_else(|| home.account.clone()),
                region: global.region.clone().unwrap_or_else(|| home.region.clone()),
            });
        }
        Ok(Self {
            engine,
            hubs: connection.hubs,
            scopes,
            known_scopes,
            settings,
            names: connection.names,
            topics: connection.topics,
            banner: connection.banner,
        })
    }

    /// What people call an account; its number where they call it nothing.
    pub(super) fn account_name(&self, account: &AccountId) -> String {
        self.names.get(account).map_or_else(|| account.to_string(), |name| text::fit(name, 40))
    }

    /// The topic to tell: the one that is named, else as the settings say, else the sandbox's.
    pub(super) fn topic_for(&self, named: Option<&String>, scope: &Scope) -> Option<String> {
        named.or(self.settings.quarantine.topic_arn.as_ref()).cloned().or_else(|| self.topic(scope))
    }

    /// The topic that the sandbox has in a scope; real ones are named in the settings.
    pub(super) fn topic(&self, scope: &Scope) -> Option<String> {
        self.topics.get(scope).cloned()
    }

    /// Where evidence of an instance in this scope is kept: the policy's bucket, else a folder of this machine.
    pub(super) fn vault(&self, global: &Global, policy: &ForensicsPolicy, scope: &Scope) -> Result<Vault, Failure> {
        match policy.vault(scope) {
            Some(vault) => Ok(vault),
            None => Ok(Vault::Folder { path: evidence_folder(global)? }),
        }
    }

    /// What is captured on an instance before it is isolated; none where the configuration wants no scripts.
    pub(super) fn volatile(&self, global: &Global, scope: &Scope) -> Result<Option<VolatileEvidence>, Failure> {
        Ok(self.settings.forensics.volatile(scope, Some(evidence_folder(global)?)))
    }

    fn reads(&self) -> &dyn Reads {
        self.engine.cloud().reads().as_ref()
    }

    /// One account and Region pair for each account in question.
    pub(super) fn accounts(&self) -> Vec<Scope> {
        let mut seen = BTreeSet::new();
        self.scopes.iter().filter(|s| seen.insert(s.account.clone())).cloned().collect()
    }

    /// A Region of this account: one that is in question, else the first there is.
    pub(super) fn scope_in(&self, account: &AccountId) -> Option<Scope> {
        let own = self.scopes.iter().find(|s| s.account == *account).cloned();
        let elsewhere = || self.scopes.first().or(self.hubs.first());
        own.or_else(|| Some(Scope { account: account.clone(), ..elsewhere()?.clone() }))
    }

    /// Where an instance is, looked for in every account and Region in question at once.
    pub(super) async fn scope_of(&self, instance: &InstanceId) -> Result<Scope, Failure> {
        if let [only] = self.scopes.as_slice() {
            return Ok(only.clone());
        }
        let query = InstanceQuery::Ids(vec![instance.clone()]);
        let answers = join_all(self.scopes.iter().map(|scope| self.reads().instances(scope, &query))).await;
        let mut failures: Vec<CloudError> = Vec::new();
        for (scope, answer) in self.scopes.iter().zip(answers) {
            match answer {
                Ok(found) if found.iter().any(|i| &i.id == instance) => return Ok(scope.clone()),
                Ok(_) => {}
                Err(error) => failures.push(error),
            }
        }
        let looked = self.scopes.len() - failures.len();
        let mut message = format!("{instance} was not found in the {looked} account/Region pairs that could be read");
        for error in failures.iter().take(3) {
            message.push_str(&format!("; {error}"));
        }
        Err(Failure::new(Exit::Failed, message).hint("--account and --region say where to look"))
    }

    /// Where these network ACLs are: all of them in one account and Region.
    pub(super) async fn scope_of_acls(&self, acls: &[AclId]) -> Result<Scope, Failure> {
        if let [only] = self.scopes.as_slice() {
            return Ok(only.clone());
        }
        let answers = join_all(self.scopes.iter().map(|scope| self.reads().network_acls(scope, &[]))).await;
        let has = |found: &Vec<NetworkAcl>| acls.iter().all(|id| found.iter().any(|a| &a.id == id));
        let mut failures = Vec::new();
        for (scope, answer) in self.scopes.iter().zip(answers) {
            match answer {
                Ok(found) if has(&found) => return Ok(scope.clone()),
                Ok(_) => {}
                Err(error) => failures.push(error.to_string()),
            }
        }
        let list: Vec<&str> = acls.iter().map(AclId::as_str).collect();
        let mut message = format!("no account and Region has {}", list.join(" and "));
        for error in failures.iter().take(3) {
            message.push_str(&format!("; {error}"));
        }
        Err(Failure::new(Exit::Failed, message).hint("--account and --region say where to look"))
    }
}

/// Opens the console.
pub(super) async fn console(global: &Global) -> Result<Exit, Failure> {
    let session = Session::open_as(global, Hand::Console).await?;
    let (keymap, theme) = looks(&session.settings)?;
    let mut settings = session.settings;
    if settings.quarantine.topic_arn.is_none() && session.topics.len() == 1 {
        settings.quarantine.topic_arn = session.topics.values().next().cloned();
    }
    if settings.quarantine.cut_flows.by_acls() {
        settings.quarantine.denies = settings.denies().map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    }
    let aws_ranges = settings.aws_ranges().map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    let setup = console::Setup {
        aws_ranges: aws_ranges.map(Arc::new),
        evidence: Some(evidence_folder(global)?),
        reports: ledger_path(global)?.parent().map(|folder| folder.join("reports")),
        engine: session.engine,
        hubs: session.hubs,
        scopes: session.scopes,
        account_names: session.names,
        topics: session.topics,
        settings,
        keymap,
        theme,
        banner: session.banner,
    };
    console::run(setup).await.map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
    Ok(Exit::Done)
}

/// The keymap and theme that the settings name, with the user's own files over them.
pub(super) fn looks(settings: &Settings) -> Result<(Keymap, Theme), Failure> {
    let folder = config_folder()?;
    let own_keys = folder.join("keymap.toml");
    let wrong = |e: crate::config::ConfigError| Failure::new(Exit::Usage, e.to_string());
    let keymap =
        Keymap::load(&settings.console.keymap, own_keys.is_file().then_some(own_keys.as_path())).map_err(wrong)?;
    let theme = Theme::load(&settings.console.theme, Some(&folder.join("themes"))).map_err(wrong)?;
    let env = |name: &str| std::env::var(name).ok();
    Ok((keymap, theme.at_depth(ColorDepth::from_env(env))))
}

/// The settings in force: defaults, then the file, then the environment.
pub(super) fn settings(global: &Global) -> Result<Settings, Failure> {
    let path = config_file(global)?;
    Settings::load(path.as_deref(), |name| std::env::var(name).ok())
        .map_err(|e| Failure::new(Exit::Usage, e.to_string()).hint("`lazaret config template` prints a sample"))
}

/// The configuration file: the one that is named, or the one in the configuration folder if it is there.
pub(super) fn config_file(global: &Global) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = &global.config {
        return Ok(Some(path.clone()));
    }
    let path = config_folder()?.join("config.toml");
    Ok(path.is_file().then_some(path))
}

fn xdg() -> Result<etcetera::base_strategy::Xdg, Failure> {
    etcetera::base_strategy::Xdg::new().map_err(|e| {
        Failure::new(Exit::Failed, format!("the home folder is unknown: {e}")).hint("--data and --config name folders")
    })
}

/// Where the configuration, keymap and themes are looked for.
pub(super) fn config_folder() -> Result<PathBuf, Failure> {
    Ok(xdg()?.config_dir().join("lazaret"))
}

/// Where the ledger and the sandbox's worlds are.
pub(super) fn data_folder(global: &Global) -> Result<PathBuf, Failure> {
    match &global.data {
        Some(folder) => Ok(folder.clone()),
        None => Ok(xdg()?.data_dir().join("lazaret")),
    }
}

/// The folder of a scenario's world and ledger.
pub(super) fn sandbox_folder(global: &Global, scenario: &str) -> Result<PathBuf, Failure> {
    Ok(data_folder(global)?.join("sandbox").join(scenario))
}

/// The scenario of this name; the default one where none is named.
pub(super) fn scenario(name: &str) -> Result<Scenario, Failure> {
    let name = if name.is_empty() { DEFAULT_SCENARIO } else { name };
    Scenario::load(name).map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

/// Where the ledger is: a real AWS's, or the scenario's own.
pub(super) fn ledger_path(global: &Global) -> Result<PathBuf, Failure> {
    let folder = match &global.sandbox {
        Some(name) => sandbox_folder(global, scenario(name)?.name())?,
        None => data_folder(global)?,
    };
    Ok(folder.join("ledger.db"))
}

/// Where evidence is kept that no bucket is named for: beside the ledger.
pub(super) fn evidence_folder(global: &Global) -> Result<PathBuf, Failure> {
    let ledger = ledger_path(global)?;
    Ok(ledger.parent().map_or_else(|| PathBuf::from("evidence"), |folder| folder.join("evidence")))
}

/// Opens the ledger for one who only reads it: a full disk, or a copy on read-only media, is no obstacle.
pub(super) fn read_ledger(global: &Global) -> Result<SqliteStore, Failure> {
    Ok(SqliteStore::open_to_read(&ledger_path(global)?)?)
}

/// One run of a ledger, as its records tell it.
pub(super) async fn run_in(ledger: &SqliteStore, run: RunId) -> Result<RunState, Failure> {
    ledger.run(run).await?.ok_or_else(|| EngineError::NoSuchRun(run).into())
}

/// Opens the ledger, or makes it.
fn open_ledger(global: &Global) -> Result<SqliteStore, Failure> {
    Ok(SqliteStore::open(&ledger_path(global)?)?)
}

/// The simulated AWS of a scenario.
pub(super) fn open_sandbox(
    global: &Global,
    name: &str,
    clock: Arc<dyn Clock>,
) -> Result<(Scenario, Arc<Sandbox>), Failure> {
    let scenario = scenario(name)?;
    let folder = sandbox_folder(global, scenario.name())?;
    let failed = |why: String| Failure::new(Exit::Failed, format!("the sandbox's world: {why}"));
    std::fs::create_dir_all(&folder).map_err(|e| failed(format!("{}: {e}", folder.display())))?;
    let sandbox = Sandbox::open(&folder.join("world.db"), scenario.clone(), None, clock)
        .map_err(|e| failed(e.to_string()).hint(format!("`lazaret sandbox reset {}` begins anew", scenario.name())))?;
    Ok((scenario, sandbox))
}

async fn sandbox_connection(global: &Global, name: &str, clock: Arc<dyn Clock>) -> Result<Connection, Failure> {
    let (scenario, sandbox) = open_sandbox(global, name, clock)?;
    let world = sandbox.world();
    let names = scenario.accounts().iter().filter_map(|(id, name)| Some((id.parse().ok()?, name.clone()))).collect();
    let topics = world.scopes.iter().filter_map(|(s, place)| Some((s.clone(), place.topics.keys().next()?.clone())));
    Ok(Connection {
        arn: sandbox.caller_identity(None).await?.arn,
        cloud: sandbox.cloud(),
        hubs: vec![scenario.home_scope().clone()],
        scopes: world.scopes.keys().cloned().collect(),
        names,
        topics: topics.collect(),
        banner: Some(format!("sandbox: {}", scenario.name())),
    })
}

#[cfg(feature = "aws")]
async fn aws_connection(global: &Global, settings: &Settings) -> Result<Connection, Failure> {
    use crate::cloud::aws::{AwsCloud, AwsOptions};
    let options = AwsOptions {
        profile: global.profile.clone().or_else(|| settings.aws.profile.clone()),
        region: global.region.clone().or_else(|| settings.aws.regions.first().cloned()),
        assume_role_name: settings.aws.role_name.clone(),
        ..AwsOptions::default()
    };
    let aws = Box::pin(AwsCloud::connect(&options)).await?;
    let home = aws.home().clone();
    let (scopes, names) = configured(&home, settings);
    let hub = settings.aws.hub.as_ref().map(|hub| Scope {
        partition: home.partition.clone(),
        account: hub.account.clone().unwrap_or_else(|| home.account.clone()),
        region: hub.region.clone(),
    });
    Ok(Connection {
        arn: aws.identity().arn.clone(),
        cloud: aws.cloud(),
        hubs: hub.map_or_else(|| scopes.clone(), |hub| vec![hub]),
        scopes,
        names,
        topics: BTreeMap::new(),
        banner: None,
    })
}

#[cfg(not(feature = "aws"))]
async fn aws_connection(_: &Global, settings: &Settings) -> Result<Connection, Failure> {
    let _ = configured;
    let _ = settings;
    Err(Failure::new(
        Exit::Usage,
        "this lazaret was built without the AWS SDK, so there is only the simulated AWS: try `lazaret --sandbox`",
    ))
}

/// Every account and Region in the settings, the caller's own first, and what people call the accounts.
fn configured(home: &Scope, settings: &Settings) -> (Vec<Scope>, BTreeMap<AccountId, String>) {
    let own: Vec<Region> =
        if settings.aws.regions.is_empty() { vec![home.region.clone()] } else { settings.aws.regions.clone() };
    let mut scopes: Vec<Scope> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut names = BTreeMap::new();
    let mut add = |account: &AccountId, regions: &[Region]| {
        for region in regions {
            let scope = Scope { partition: home.partition.clone(), account: account.clone(), region: region.clone() };
            if seen.insert(scope.clone()) {
                scopes.push(scope);
            }
        }
    };
    add(&home.account, &own);
    for account in &settings.aws.accounts {
        add(&account.id, if account.regions.is_empty() { &own } else { &account.regions });
        if let Some(name) = &account.name {
            names.insert(account.id.clone(), name.clone());
        }
    }
    (scopes, names)
}

/// What to call a caller: `ana/Responder` for a role's session, else the last part of the ARN. IAM Identity Center's
/// roles are called by their permission set (`AWSReservedSSO_Responder_4f1c…`).
fn name_in(arn: &str) -> String {
    let resource = arn.splitn(6, ':').last().unwrap_or(arn);
    let parts: Vec<&str> = resource.split('/').collect();
    match parts.as_slice() {
        ["assumed-role", role, session] => {
            let set =
                role.strip_prefix("AWSReservedSSO_").and_then(|r| r.rsplit_once('_')).map_or(*role, |(set, _)| set);
            format!("{session}/{set}")
        }
        [.., last] => (*last).to_owned(),
        [] => arn.to_owned(),
    }
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|h| text::cut(h.trim(), 64))
        .filter(|h| !h.is_empty())
        .unwrap_or_else(|| "unknown host".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_called_by_what_people_know() {
        assert_eq!(name_in("arn:aws:sts::111122223333:assumed-role/Responder/ana"), "ana/Responder");
        let sso = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_On_Call_4f1c2a9b0d3e5f67/ana@example.com";
        assert_eq!(name_in(sso), "ana@example.com/On_Call");
        assert_eq!(name_in("arn:aws:iam::111122223333:user/ops/ben"), "ben");
        assert_eq!(name_in("arn:aws:iam::111122223333:root"), "root");
        assert_eq!(name_in(""), "");
    }

    #[test]
    fn every_configured_account_and_region_is_looked_at_once_the_callers_own_first() {
        let home = Scope::parse("111122223333", "eu-central-1").unwrap();
        let text = "[aws]\nregions = [\"us-east-1\"]\n[[aws.accounts]]\nid = \"222233334444\"\nname = \"build\"\n\
                    [[aws.accounts]]\nid = \"111122223333\"\nregions = [\"us-east-1\", \"eu-west-1\"]\n";
        let settings = Settings::parse("config.toml", text).unwrap();
        let (scopes, names) = configured(&home, &settings);
        let shown: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["111122223333/us-east-1", "222233334444/us-east-1", "111122223333/eu-west-1"]);
        assert_eq!(names.values().collect::<Vec<_>>(), ["build"]);
    }
}
