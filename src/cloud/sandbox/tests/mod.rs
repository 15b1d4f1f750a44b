//! The sandbox against AWS's rules, through its ports.

mod scenarios;

use super::{Sandbox, Scenario};
use crate::cloud::port::{CloudError, InterfaceQuery, Permit, Reads, Target, Writes};
use crate::domain::{GroupId, InstanceId, Interface, InterfaceId, ManualClock, Scope};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// web-1, with two interfaces.
const WEB_1: &str = "i-0ab12cd34ef56ab78";
const WEB_1_PRIMARY: &str = "eni-0aeb100000000000a";
const WEB_GROUP: &str = "sg-0aeb0000000000001";
const APP_GROUP: &str = "sg-0a4400000000000a1";

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

/// The default scenario in memory, with a clock to move.
fn sandbox() -> (Arc<Sandbox>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(start()));
    let world = Scenario::load("crypto-mining").unwrap().build(start(), 1).unwrap();
    (Sandbox::new(world, clock.clone(), 1), clock)
}
