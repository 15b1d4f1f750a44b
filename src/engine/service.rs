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
        let open = look(engine, scope, check).await;
        if open.is_empty() {
            return Answer::applied(vec![in_service(check)]);
        }
        let denied = open.iter().all(|o| o.denied);
        if denied || Instant::now() + EVERY > until {
            let words: Vec<&str> = open.iter().map(|o| o.words.as_str()).collect();
            let when = if denied { String::new() } else { format!("after {} s: ", WITHIN.as_secs()) };
            return Answer::failed("NotInService", format!("{when}{}", words.join("; ")));
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn in_service(check: &ServiceCheck) -> String {
    let targets: BTreeSet<&Balancer> = check.targets.iter().map(|t| &t.with).collect();
    let targets = targets.into_iter().map(|b| format!("healthy in {}", text::safe(&b.to_string())));
    let group = check.scaling_group.iter().map(|g| format!("in service in {}", text::fit(g, 80)));
    group.chain(targets).collect::<Vec<_>>().join(", ")
}

/// Something that isn't as it should be.
struct Open {
    words: String,
    /// Whether waiting longer is no use: nobody lets us look.
    denied: bool,
}

impl Open {
    fn new(words: String) -> Self {
        Self { words, denied: false }
    }

    fn unread(error: &CloudError) -> Self {
        Self { words: format!("could not be read: {error}"), denied: !error.retryable }
    }
}

async fn look(engine: &Engine, scope: &Scope, check: &ServiceCheck) -> Vec<Open> {
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
    let mut open = Vec::new();
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
        if let Some(targets) = known.get(&wanted.with)
            && let Some(words) = unwell(wanted, targets.as_deref())
        {
            open.push(Open::new(words));
        }
    }
    open
}

/// What is wrong with a target; none when it is well.
fn unwell(wanted: &TargetRef, targets: Option<&[Target]>) -> Option<String> {
    let port = wanted.port.map(|p| format!(":{p}")).unwrap_or_default();
    let what = format!("{}{port} in {}", text::safe(&wanted.id), text::safe(&wanted.with.to_string()));
    let Some(targets) = targets else { return Some(format!("{what}: it no longer exists")) };
    let its = targets.iter().filter(|t| t.id == wanted.id && (wanted.port.is_none() || t.port == wanted.port));
    let mut found = false;
    for target in its {
        found = true;
        if !target.is_well() {
            let why = target.reason.as_ref().map(|r| format!(" ({})", text::fit(r, 60))).unwrap_or_default();
            return Some(format!("{what}: {}{why}", text::fit(&target.state, 40)));
        }
    }
    (!found).then(|| format!("{what}: not registered"))
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
