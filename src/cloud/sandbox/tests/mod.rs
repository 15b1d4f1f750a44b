//! The sandbox against AWS's rules, through its ports.

mod acls;
mod background;
mod calls;
mod faults;
mod findings;
mod groups;
mod iam;
mod instances;
mod interfaces;
mod persistence;
mod scenarios;
mod snapshots;
mod tags;
mod topics;

use super::{Sandbox, Scenario, World};
use crate::cloud::port::{CloudError, ErrorKind, InterfaceQuery, Reads, Target, Writes};
use crate::domain::{GroupId, InstanceId, Interface, InterfaceId, ManualClock, Scope, Tags};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// web-1, with two interfaces and two volumes.
const WEB_1: &str = "i-0ab12cd34ef56ab78";
const WEB_1_PRIMARY: &str = "eni-0aeb100000000000a";
const WEB_1_SECOND: &str = "eni-0aeb100000000000b";
const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:security-alerts";

fn start() -> DateTime<Utc> {
    "2026-02-03T04:05:06Z".parse().unwrap()
}

fn payments() -> Scope {
    Scope::parse("111122223333", "eu-central-1").unwrap()
}

fn build() -> Scope {
    Scope::parse("222233334444", "eu-central-1").unwrap()
}

fn security() -> Scope {
    Scope::parse("555566667777", "eu-central-1").unwrap()
}

fn world() -> World {
    Scenario::load("crypto-mining").unwrap().build(start(), 1).unwrap()
}

/// The default scenario in memory, with a clock to move.
fn sandbox() -> (Arc<Sandbox>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(start()));
    (Sandbox::new(world(), clock.clone(), 1), clock)
}

/// Where calls go in most tests.
fn target() -> Target {
    Target::new(&payments())
}

fn rehearsal() -> Target {
    Target { dry_run: true, ..target() }
}

fn tags<const N: usize>(pairs: [(&str, &str); N]) -> Tags {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The id of a group by its name in a VPC's scope.
fn group(world: &World, scope: &Scope, name: &str) -> GroupId {
    let mut groups = world.scopes[scope].groups.values().map(|g| &g.group);
    groups.find(|g| g.name == name).unwrap_or_else(|| panic!("no group {name}")).id.clone()
}

fn instance(world: &World, name: &str) -> (Scope, InstanceId) {
    let (scope, state) = world.find_instance(name).unwrap_or_else(|| panic!("no instance {name}"));
    (scope.clone(), state.instance.id.clone())
}

async fn interfaces(sandbox: &Sandbox, scope: &Scope, instance: &InstanceId) -> Vec<Interface> {
    sandbox.interfaces(scope, &InterfaceQuery::AttachedTo(vec![instance.clone()])).await.unwrap()
}

/// What an error says it is.
fn told(error: &CloudError) -> (ErrorKind, &str) {
    (error.kind, &error.code)
}

fn primary() -> InterfaceId {
    InterfaceId::new(WEB_1_PRIMARY)
}
