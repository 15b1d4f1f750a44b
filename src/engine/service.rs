//! Waiting until a restored instance is in service again: bounded, and honest about what is not.

use super::Engine;
use super::answer::Answer;
use super::observe;
use crate::cloud::CloudError;
use crate::domain::{Balancer, Scope, Target, text};
use crate::playbook::change::Place;
use crate::playbook::{ServiceCheck, TargetRef};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How long it may take: a target group's default is five checks, 30 seconds apart, before it calls a target healthy.
pub(super) const WITHIN: Duration = Duration::from_secs(300);

/// The pause between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// Looks until all is well or the time is up.
pub(super) async fn wait(engine: &Engine, scope: &Scope, check: &ServiceCheck) -> Answer {
    let until = Instant::now() + WITHIN;
    loop {
        let (open, unchecked) = look(engine, scope, check).await;
        if open.is_empty() {
            return Answer::applied(vec![in_service(check, &unchecked)]);
        }
        let in_vain = open.iter().all(|o| o.in_vain);
        if in_vain || Instant::now() + EVERY > until {
            let words: Vec<&str> = open.iter().map(|o| o.words.as_str()).collect();
            let when = if in_vain { String::new() } else { format!("after {} s: ", WITHIN.as_secs()) };
            return Answer::failed("NotInService", format!("{when}{}", words.join("; ")));
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What was seen: healthy is only what somebody checks.
fn in_service(check: &ServiceCheck, unchecked: &BTreeSet<Balancer>) -> String {
    let targets: BTreeSet<&Balancer> = check.targets.iter().map(|t| &t.with).collect();
    let targets = targets.into_iter().map(|b| {
        let name = b.to_string();
        let name = text::safe(&name);
        if unchecked.contains(b) {
            format!("registered in {name}, where nobody checks it")
        } else {
            format!("healthy in {name}")
        }
    });
    let group = check.scaling_group.iter().map(|g| format!("in service in {}", text::fit(g, 80)));
    group.chain(targets).collect::<Vec<_>>().join(", ")
}

/// Something that isn't as it should be.
struct Open {
    words: String,
    /// Whether waiting longer is no use: nobody lets us look, or nothing will change by itself.
    in_vain: bool,
}

impl Open {
    fn new(words: String) -> Self {
        Self { words, in_vain: false }
    }

    fn unread(error: &CloudError) -> Self {
        Self { words: format!("could not be read: {error}"), in_vain: !error.retryable }
    }
}

/// What isn't as it should be, and the load balancers that check no target of these.
async fn look(engine: &Engine, scope: &Scope, check: &ServiceCheck) -> (Vec<Open>, BTreeSet<Balancer>) {
    let reads = engine.cloud().reads().as_ref();
    let member = async {
        match &check.scaling_group {
            None => None,
            Some(group) => Some((group, reads.scaling_member(scope, &check.instance).await)),
        }
    };
    let balancers: BTreeSet<&Balancer> = check.targets.iter().map(|t| &t.with).collect();
    let each = balancers.into_iter().map(|b| async move { (b, observe::targets(reads, scope, b).await) });
    let (member, targets) = futures::future::join(member, join_all(each)).await;
    let (mut open, mut unchecked) = (Vec::new(), BTreeSet::new());
    match member {
        None => {}
        Some((_, Err(error))) => open.push(Open::unread(&error)),
        Some((group, Ok(member))) => {
            let lifecycle = member.as_ref().filter(|m| &m.group == group).map(|m| m.lifecycle.as_str());
            // Pending counts as on its way elsewhere; here it has to have arrived.
            if lifecycle != Some("InService") {
                let now = lifecycle.map_or_else(|| "not there".into(), |l| text::fit(l, 40));
                open.push(Open::new(format!(
                    "{} in Auto Scaling group {}: {now}",
                    check.instance,
                    text::fit(group, 80)
                )));
            }
        }
    }
    let mut known: BTreeMap<&Balancer, Option<Vec<Target>>> = BTreeMap::new();
    for (balancer, answer) in targets {
        match answer {
            Ok(targets) => drop(known.insert(balancer, targets)),
            Err(error) => open.push(Open::unread(&error)),
        }
    }
    for wanted in &check.targets {
        if let Some(targets) = known.get(&wanted.with) {
            match unwell(wanted, targets.as_deref()) {
                Some(why) => open.push(why),
                None if its(wanted, targets.as_deref()).any(|t| !t.is_healthy()) => {
                    unchecked.insert(wanted.with.clone());
                }
                None => {}
            }
        }
    }
    (open, unchecked)
}

/// The targets that are meant, of those that are there.
fn its<'a>(wanted: &'a TargetRef, targets: Option<&'a [Target]>) -> impl Iterator<Item = &'a Target> {
    let meant = |t: &&Target| t.id == wanted.id && (wanted.port.is_none() || t.port == wanted.port);
    targets.unwrap_or_default().iter().filter(meant)
}

/// What is wrong with a target; none when it is well.
fn unwell(wanted: &TargetRef, targets: Option<&[Target]>) -> Option<Open> {
    let port = wanted.port.map(|p| format!(":{p}")).unwrap_or_default();
    let what = format!("{}{port} in {}", text::safe(&wanted.id), text::safe(&wanted.with.to_string()));
    if targets.is_none() {
        return Some(Open::new(format!("{what}: it no longer exists")));
    }
    let mut found = false;
    for target in its(wanted, targets) {
        found = true;
        if !target.is_well() {
            let why = target.reason.as_ref().map(|r| format!(" ({})", text::fit(r, 60))).unwrap_or_default();
            let words = format!("{what}: {}{why}", text::fit(&target.state, 40));
            return Some(Open { words, in_vain: target.is_hopeless() });
        }
    }
    (!found).then(|| Open::new(format!("{what}: not registered")))
}

/// Waits until an instance has arrived where it was sent: what drains its connections first can't be turned round.
pub(super) async fn settle(engine: &Engine, scope: &Scope, instance: &crate::domain::InstanceId, place: Place) {
    let until = Instant::now() + WITHIN;
    let reads = engine.cloud().reads().as_ref();
    loop {
        // Whatever else is read or fails: the call that follows is answered by AWS itself.
        let under_way = match (reads.scaling_member(scope, instance).await, place) {
            (Ok(Some(member)), Place::Standby) => member.lifecycle == "EnteringStandby",
            (Ok(Some(member)), Place::Outside) => member.lifecycle == "Detaching",
            _ => false,
        };
        if !under_way || Instant::now() + EVERY > until {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}
