//! Reading Auto Scaling, load balancers and Elastic IP addresses. What can't be read is left out and said: nobody's
//! isolation waits for them.

use crate::cloud::port::AddressQuery;
use crate::cloud::{CloudError, ErrorKind, Reads};
use crate::domain::{Balancer, Instance, InstanceId, Interface, Scope, Target, TargetKind, text};
use crate::playbook::{Fleet, FleetNeeds};
use crate::policy::QuarantinePolicy;
use futures::StreamExt;
use futures::future::{join, join_all, join4};
use futures::stream;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How many target groups are asked for their targets at once: Elastic Load Balancing throttles early.
const AT_ONCE: usize = 8;

/// How long finding out may take in all. A plan without it is better than no plan.
const PATIENCE: Duration = Duration::from_secs(8);

/// Reads what is asked for, and what of it failed.
pub(super) async fn read(reads: &dyn Reads, scope: &Scope, needs: &FleetNeeds) -> (Fleet, Vec<CloudError>) {
    let members = join_all(needs.members.iter().map(|id| async move { (id, reads.scaling_member(scope, id).await) }));
    let groups = async {
        let names: Vec<String> = needs.groups.iter().cloned().collect();
        if names.is_empty() { Ok(vec![]) } else { reads.scaling_groups(scope, &names).await }
    };
    let targets = targets_of(reads, scope, needs.targets.iter().cloned().collect());
    let addresses = async {
        let query = AddressQuery::Allocations(needs.addresses.iter().cloned().collect());
        if needs.addresses.is_empty() { Ok(vec![]) } else { reads.addresses(scope, &query).await }
    };
    let (members, groups, targets, addresses) = join4(members, groups, targets, addresses).await;
    let (mut fleet, mut failed) = (Fleet::default(), Vec::new());
    for (id, answer) in members {
        match answer {
            Ok(member) => drop(fleet.members.insert(id.clone(), member)),
            Err(error) => failed.push(error),
        }
    }
    match groups {
        Ok(found) => {
            let named = |name: &String| (name.clone(), found.iter().find(|g| &g.name == name).cloned());
            fleet.groups = needs.groups.iter().map(named).collect();
        }
        Err(error) => failed.push(error),
    }
    for (balancer, answer) in targets {
        match answer {
            Ok(targets) => drop(fleet.targets.insert(balancer, targets)),
            Err(error) => failed.push(error),
        }
    }
    match addresses {
        Ok(found) => {
            let of = |id: &String| (id.clone(), found.iter().find(|a| &a.allocation == id).cloned());
            fleet.addresses = needs.addresses.iter().map(of).collect();
        }
        Err(error) => failed.push(error),
    }
    (fleet, failed)
}

/// The targets of one target group or classic load balancer; none where it isn't there.
///
/// # Errors
/// When they can't be read.
pub(crate) async fn targets(
    reads: &dyn Reads,
    scope: &Scope,
    balancer: &Balancer,
) -> Result<Option<Vec<Target>>, CloudError> {
    let answer = if balancer.is_target_group() {
        reads.targets(scope, balancer).await
    } else {
        reads.classic_targets(scope, balancer).await
    };
    match answer {
        Ok(targets) => Ok(Some(targets)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names of load balancers, as many as fit a line.
fn names_of<'a>(balancers: impl Iterator<Item = &'a Balancer>) -> String {
    text::fit(&balancers.map(Balancer::name).collect::<Vec<_>>().join(" "), 200)
}

type Registered = (Balancer, Result<Option<Vec<Target>>, CloudError>);

async fn targets_of(reads: &dyn Reads, scope: &Scope, of: Vec<Balancer>) -> Vec<Registered> {
    targets_until(reads, scope, of, None).await.0
}

/// The same until then; and those that no answer came from in time.
async fn targets_until(
    reads: &dyn Reads,
    scope: &Scope,
    of: Vec<Balancer>,
    until: Option<Instant>,
) -> (Vec<Registered>, BTreeSet<Balancer>) {
    let mut owed: BTreeSet<Balancer> = of.iter().cloned().collect();
    let each = of.into_iter().map(|balancer| async move {
        let answer = targets(reads, scope, &balancer).await;
        (balancer, answer)
    });
    let mut answers = stream::iter(each).buffer_unordered(AT_ONCE);
    let mut found = Vec::new();
    loop {
        let next = match until {
            Some(until) => tokio::time::timeout_at(until, answers.next()).await.ok().flatten(),
            None => answers.next().await,
        };
        let Some(answer) = next else { return (found, owed) };
        owed.remove(&answer.0);
        found.push(answer);
    }
}

/// What leads to an instance or would replace it, found in two rounds of calls that wait for nothing but each other.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    fleet: Fleet,
    target_groups: Vec<crate::domain::TargetGroup>,
    started: Option<Instant>,
}

impl Finder {
    /// The first round: what can be asked knowing the instance's id alone.
    pub(crate) async fn first(
        reads: &dyn Reads,
        scope: &Scope,
        instance: &InstanceId,
        policy: &QuarantinePolicy,
    ) -> Self {
        let mut finder = Self { started: Some(Instant::now()), ..Self::default() };
        let (scaling, balancers, addresses) =
            (policy.leave_scaling_group, policy.leave_load_balancers, policy.take_addresses);
        let of = AddressQuery::Of(instance.clone());
        let (member, groups, classic, addresses) = join4(
            wanted(scaling, "its Auto Scaling group", reads.scaling_member(scope, instance)),
            wanted(balancers, "target groups", reads.target_groups(scope)),
            wanted(balancers, "classic load balancers", reads.classic_balancers(scope)),
            wanted(addresses, "its Elastic IP addresses", reads.addresses(scope, &of)),
        )
        .await;
        if let Some(member) = finder.keep(member) {
            finder.fleet.members.insert(instance.clone(), member);
        }
        finder.target_groups = finder.keep(groups).unwrap_or_default();
        for balancer in finder.keep(classic).unwrap_or_default() {
            if balancer.instances.contains(instance) {
                let target = |id: &InstanceId| Target {
                    id: id.to_string(),
                    port: None,
                    zone: None,
                    state: "InService".into(),
                    reason: None,
                };
                let targets = balancer.instances.iter().map(target).collect();
                finder.fleet.targets.insert(balancer.id, Some(targets));
            }
        }
        let found = finder.keep(addresses).unwrap_or_default();
        finder.fleet.addresses = found.into_iter().map(|a| (a.allocation.clone(), Some(a))).collect();
        finder
    }

    /// The second round: the sizes of the group, and who is registered in the target groups of the VPC.
    pub(crate) async fn second(
        mut self,
        reads: &dyn Reads,
        scope: &Scope,
        instance: Option<&Instance>,
        interfaces: &BTreeMap<crate::domain::InterfaceId, Interface>,
    ) -> Fleet {
        let vpc = instance.and_then(|i| i.vpc.as_ref());
        let likely = |group: &&crate::domain::TargetGroup| {
            group.kind != TargetKind::Other && vpc.is_some() && group.vpc.as_ref() == vpc
        };
        let of: Vec<Balancer> = self.target_groups.iter().filter(likely).map(|g| g.id.clone()).collect();
        let names: BTreeSet<String> = self.fleet.members.values().flatten().map(|m| m.group.clone()).collect();
        let names: Vec<String> = names.into_iter().collect();
        let groups = async { if names.is_empty() { Ok(vec![]) } else { reads.scaling_groups(scope, &names).await } };
        let left = self.started.map_or(PATIENCE, |at| PATIENCE.saturating_sub(at.elapsed()));
        let (groups, (registered, owed)) = join(
            patiently(left, "its Auto Scaling group's sizes", groups),
            targets_until(reads, scope, of, Some(Instant::now() + left)),
        )
        .await;
        if let Some(found) = self.keep(Some(groups)) {
            let named = |name: &String| (name.clone(), found.iter().find(|g| &g.name == name).cloned());
            self.fleet.groups = names.iter().map(named).collect();
        }
        let addresses: Vec<String> = interfaces
            .values()
            .flat_map(|i| i.private_ips.iter().chain(&i.public_ips))
            .map(ToString::to_string)
            .collect();
        let its = |t: &Target| instance.is_some_and(|i| t.id == i.id.as_str()) || addresses.contains(&t.id);
        let mut unread = Vec::new();
        for (balancer, answer) in registered {
            match answer {
                Ok(Some(targets)) if targets.iter().any(its) => {
                    self.fleet.targets.insert(balancer, Some(targets.into_iter().filter(its).collect()));
                }
                Ok(_) => {}
                Err(error) => unread.push((balancer, error)),
            }
        }
        // One line for all of them: a denied call is denied for every group. In order, so that a plan made again is the
        // same.
        unread.sort_by(|(a, _), (b, _)| a.name().cmp(b.name()));
        if let Some((_, error)) = unread.first() {
            let names = names_of(unread.iter().map(|(b, _)| b));
            self.fleet.unread.push(format!("the targets of {names} could not be read ({error})"));
        }
        if !owed.is_empty() {
            let names = names_of(owed.iter());
            self.fleet.unread.push(format!("the targets of {names} could not be read within {} s", PATIENCE.as_secs()));
        }
        self.fleet.unread.sort();
        self.fleet
    }

    /// The answer; where there is none, why.
    fn keep<T>(&mut self, answer: Option<Result<T, String>>) -> Option<T> {
        match answer? {
            Ok(found) => Some(found),
            Err(why) => {
                self.fleet.unread.push(why);
                None
            }
        }
    }
}

/// A read that is made only where it is wanted.
async fn wanted<T>(
    wanted: bool,
    what: &str,
    read: impl Future<Output = Result<T, CloudError>>,
) -> Option<Result<T, String>> {
    if wanted { Some(patiently(PATIENCE, what, read).await) } else { None }
}

/// A read with its answer, or why there is none, in words.
async fn patiently<T>(
    patience: Duration,
    what: &str,
    read: impl Future<Output = Result<T, CloudError>>,
) -> Result<T, String> {
    match tokio::time::timeout(patience, read).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(format!("{what} could not be read ({error})")),
        Err(_) => Err(format!("{what} could not be read within {} s", PATIENCE.as_secs())),
    }
}
