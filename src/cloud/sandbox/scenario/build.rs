//! Puts a world together from the documents of a scenario.

use super::super::asff::{self, Times};
use super::super::background::{dice, draw_addresses};
use super::super::brief::FindingBrief;
use super::super::world::{Account, Background, Caller, ScopeWorld, StoredFinding, Topic, World};
use super::document::{Document, NoiseEntry, RegionEntry};
use super::{ScenarioError, fleet, identities, inside, network};
use crate::cloud::port::Parameter;
use crate::domain::{AccountId, Scope};
use chrono::{DateTime, Duration, Utc};
use rand::RngExt;
use std::collections::BTreeMap;

/// Where something in a document is wrong.
struct Place<'a> {
    file: &'a str,
    entry: String,
}

impl Place<'_> {
    fn wrong(&self, message: impl Into<String>) -> ScenarioError {
        ScenarioError { file: self.file.to_owned(), place: self.entry.clone(), message: message.into() }
    }
}

/// Every entry of one kind in all documents, with its place. `name` says what it is called there.
fn entries<'a, T: 'a>(
    documents: &'a [(String, Document)],
    of: impl Fn(&'a Document) -> &'a [T] + 'a,
    name: impl Fn(&T) -> String + 'a,
    kind: &'static str,
) -> impl Iterator<Item = (Place<'a>, &'a T)> + 'a {
    documents
        .iter()
        .flat_map(move |(file, document)| of(document).iter().enumerate().map(move |(n, entry)| (file, n, entry)))
        .map(move |(file, n, entry)| (Place { file, entry: format!("{kind} {} (`{}`)", n + 1, name(entry)) }, entry))
}

/// The latest of the documents that gives something.
fn only<'a, T>(
    documents: &'a [(String, Document)],
    of: impl Fn(&'a Document) -> Option<&'a T>,
    what: &str,
) -> Result<(Place<'a>, &'a T), ScenarioError> {
    let found = documents.iter().rev().find_map(|(file, document)| Some((file, of(document)?)));
    let file = documents.last().map_or("scenario", |(file, _)| file.as_str());
    match found {
        Some((file, entry)) => Ok((Place { file, entry: what.to_owned() }, entry)),
        None => Err(Place { file, entry: "top".into() }.wrong(format!("`{what}` is missing"))),
    }
}

/// Builds the world that begins at `now`.
pub(super) fn world(
    name: &str,
    documents: &[(String, Document)],
    now: DateTime<Utc>,
    seed: u64,
) -> Result<World, ScenarioError> {
    let mut accounts = BTreeMap::new();
    for (place, entry) in entries(documents, |d| &d.account, |a| a.name.clone(), "account") {
        let id: AccountId = entry.id.parse().map_err(|error| place.wrong(format!("{error}")))?;
        if accounts.insert(id, identities::account(entry)).is_some() {
            return Err(place.wrong("this account is there twice"));
        }
    }
    let (_, caller) = only(documents, |d| d.caller.as_ref(), "caller")?;
    let caller =
        Caller { role: caller.role.clone(), remote_role: caller.remote_role.clone(), session: caller.session.clone() };
    let find = |text: &str, place: &Place<'_>| scope_named(&accounts, text).map_err(|message| place.wrong(message));
    let (place, home) = only(documents, |d| d.home.as_ref(), "home")?;
    let home = find(home, &place)?;
    let (place, aggregator) = only(documents, |d| d.aggregator.as_ref(), "aggregator")?;
    let aggregator = find(aggregator, &place)?;
    let mut scopes = BTreeMap::new();
    for (place, entry) in entries(documents, |d| &d.region, |r| r.scope.clone(), "region") {
        let scope = find(&entry.scope, &place)?;
        let region = region(&scope, entry, now);
        if scopes.insert(scope, region).is_some() {
            return Err(place.wrong("this account and Region are there twice"));
        }
    }
    for scope in [&home, &aggregator] {
        if !scopes.contains_key(scope) {
            let file = documents.last().map_or("scenario", |(file, _)| file.as_str());
            return Err(Place { file, entry: "region".into() }.wrong(format!("there is none for {scope}")));
        }
    }
    let mut world = World {
        scenario: name.to_owned(),
        seed,
        started_at: now,
        home,
        aggregator,
        caller,
        accounts,
        scopes,
        background: None,
        touched: BTreeMap::new(),
        made: 0,
        intruders: Vec::new(),
    };
    add_resources(&mut world, documents)?;
    add_findings(&mut world, documents)?;
    Ok(world)
}

fn scope_named(accounts: &BTreeMap<AccountId, Account>, text: &str) -> Result<Scope, String> {
    let wrong = || format!("`{text}` is not `account/Region` with an account of this scenario");
    let (account, region) = text.split_once('/').ok_or_else(wrong)?;
    let found = accounts.iter().find(|(id, a)| a.name == account || id.as_str() == account);
    let (id, _) = found.ok_or_else(wrong)?;
    Scope::parse(id.as_str(), region).map_err(|error| error.to_string())
}

fn region(scope: &Scope, entry: &RegionEntry, now: DateTime<Utc>) -> ScopeWorld {
    let topics = entry.topics.iter().map(|name| (scope.arn("sns", name), Topic::default()));
    let parameters = entry.parameters.iter().map(|(name, value)| {
        let (name, value) = (name.clone(), value.clone());
        (name.clone(), Parameter { name, value, version: 1, modified_at: Some(now - Duration::days(3)) })
    });
    ScopeWorld {
        groups_per_interface: entry.groups_per_interface,
        topics: topics.collect(),
        parameters: parameters.collect(),
        ..ScopeWorld::default()
    }
}

fn add_resources(world: &mut World, documents: &[(String, Document)]) -> Result<(), ScenarioError> {
    for (place, entry) in entries(documents, |d| &d.policy, |p| p.name.clone(), "policy") {
        identities::add_policy(world, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.user, |u| u.name.clone(), "user") {
        identities::add_user(world, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.role, |r| r.name.clone(), "role") {
        identities::add_role(world, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.vpc, |v| v.name.clone(), "vpc") {
        let scope = scope_named(&world.accounts, &entry.scope).map_err(|m| place.wrong(m))?;
        let standing = world.scopes.get_mut(&scope).ok_or_else(|| place.wrong("there is no region for its scope"))?;
        network::add_vpc(standing, &scope, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.prefix_list, |l| l.name.clone(), "prefix_list") {
        network::add_prefix_list(world, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.instance, |i| i.name.clone(), "instance") {
        let scope = scope_named(&world.accounts, &entry.scope).map_err(|m| place.wrong(m))?;
        network::add_instance(world, &scope, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.agent, |a| a.instance.clone(), "agent") {
        let scope = scope_named(&world.accounts, &entry.scope).map_err(|m| place.wrong(m))?;
        inside::add_agent(world, &scope, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.bucket, |b| b.name.clone(), "bucket") {
        let scope = scope_named(&world.accounts, &entry.scope).map_err(|m| place.wrong(m))?;
        inside::add_bucket(world, &scope, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.session, |s| s.id.clone(), "session") {
        identities::add_session(world, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.intruder, |i| i.credential.clone(), "intruder") {
        identities::add_intruder(world, entry).map_err(|m| place.wrong(m))?;
    }
    add_fleet(world, documents)
}

/// What stands around instances: each kind after what it names.
fn add_fleet(world: &mut World, documents: &[(String, Document)]) -> Result<(), ScenarioError> {
    let since = world.started_at - Duration::days(1);
    let standing = |world: &World, place: &Place<'_>, scope: &str| {
        let scope = scope_named(&world.accounts, scope).map_err(|m| place.wrong(m))?;
        let known = world.scopes.contains_key(&scope);
        if known { Ok(scope) } else { Err(place.wrong("there is no region for its scope")) }
    };
    for (place, entry) in entries(documents, |d| &d.target_group, |e| e.name.clone(), "target_group") {
        let scope = standing(world, &place, &entry.scope)?;
        let Some(here) = world.scopes.get_mut(&scope) else { continue };
        fleet::add_target_group(here, &scope, entry, since).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.load_balancer, |e| e.name.clone(), "load_balancer") {
        let scope = standing(world, &place, &entry.scope)?;
        let Some(here) = world.scopes.get_mut(&scope) else { continue };
        fleet::add_load_balancer(here, entry, since).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.scaling_group, |e| e.name.clone(), "scaling_group") {
        let scope = standing(world, &place, &entry.scope)?;
        let Some(here) = world.scopes.get_mut(&scope) else { continue };
        fleet::add_scaling_group(here, &scope, entry).map_err(|m| place.wrong(m))?;
    }
    for (place, entry) in entries(documents, |d| &d.address, |e| e.allocation.clone(), "address") {
        let scope = standing(world, &place, &entry.scope)?;
        let Some(here) = world.scopes.get_mut(&scope) else { continue };
        fleet::add_address(here, entry).map_err(|m| place.wrong(m))?;
    }
    Ok(())
}

fn add_findings(world: &mut World, documents: &[(String, Document)]) -> Result<(), ScenarioError> {
    let title = |f: &FindingBrief| f.title.clone();
    for (n, (place, brief)) in entries(documents, |d| &d.finding, title, "finding").enumerate() {
        add_finding(world, brief, &format!("finding/{n}")).map_err(|m| place.wrong(m))?;
    }
    let title = |n: &NoiseEntry| n.finding.title.clone();
    for (n, (place, noise)) in entries(documents, |d| &d.noise, title, "noise").enumerate() {
        add_noise(world, noise, n).map_err(|m| place.wrong(m))?;
    }
    for (file, document) in documents {
        let Some(entry) = &document.background else { continue };
        for (n, brief) in entry.finding.iter().enumerate() {
            let place = Place { file, entry: format!("background, finding {} (`{}`)", n + 1, brief.title) };
            let times = Times { first: world.started_at, updated: world.started_at };
            asff::render(world, brief, "trial", times).map_err(|m| place.wrong(m))?;
        }
        world.background = Some(Background { period: entry.period, templates: entry.finding.clone() });
    }
    Ok(())
}

fn add_finding(world: &mut World, brief: &FindingBrief, identity: &str) -> Result<(), String> {
    let arrives_at = world.started_at + brief.arrives.duration();
    let times = Times { first: arrives_at - brief.age.duration(), updated: arrives_at };
    let json = asff::render(world, brief, identity, times)?;
    let scope = world.scope_named(&brief.scope).ok_or("its scope is unknown")?;
    let standing = world.scopes.get_mut(&scope).ok_or("there is no region for its scope")?;
    let recurs_every = match brief.recurs {
        None => None,
        Some(span) => {
            let seconds = u32::try_from(span.seconds()).ok().filter(|s| *s > 0);
            Some(seconds.ok_or_else(|| format!("`recurs` can't be {span}"))?)
        }
    };
    standing.findings.push(StoredFinding { arrives_at, recurs_every, json });
    Ok(())
}

/// Adds the findings of a noise entry, spread over its time: evenly, each a little early or late.
fn add_noise(world: &mut World, noise: &NoiseEntry, number: usize) -> Result<(), String> {
    let (from, until) = (noise.from.seconds(), noise.until.seconds());
    if until <= from {
        return Err(format!("`until` ({}) must be later than `from` ({})", noise.until, noise.from));
    }
    // A stream of its own for each entry, far from those of the background findings.
    let mut dice = dice(world.seed, u64::MAX - number as u64);
    let slot = (until - from) / i64::from(noise.times.max(1));
    for n in 0..noise.times {
        let mut brief = noise.finding.clone();
        draw_addresses(&mut brief, &mut dice);
        if !noise.on.is_empty() {
            brief.instance = noise.on.get(n as usize % noise.on.len()).cloned();
        }
        for resource in &mut brief.resources {
            resource.id = resource.id.replace("{n}", &format!("{n:08x}"));
        }
        brief.count = brief.count.or_else(|| Some(dice.random_range(1..40)));
        let shift = if slot > 1 { dice.random_range(0..slot) } else { 0 };
        let arrives_at = world.started_at + Duration::seconds(from + i64::from(n) * slot + shift);
        let times = Times { first: arrives_at - Duration::seconds(dice.random_range(30..3_600)), updated: arrives_at };
        let json = asff::render(world, &brief, &format!("noise/{number}/{n}"), times)?;
        let scope = world.scope_named(&brief.scope).ok_or("its scope is unknown")?;
        let standing = world.scopes.get_mut(&scope).ok_or("there is no region for its scope")?;
        standing.findings.push(StoredFinding { arrives_at, recurs_every: None, json });
    }
    Ok(())
}
