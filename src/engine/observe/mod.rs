//! Reading what a plan needs to know, side by side where nothing depends on the other.

mod fleet;

pub(crate) use fleet::{Finder, targets};
pub(super) mod acls;
pub(super) mod prefix_lists;
pub mod principals;
mod profiles;
pub(super) mod roles;

pub mod findings;

use crate::cloud::port::{GroupQuery, InstanceQuery, InterfaceQuery};
use crate::cloud::{CloudError, ErrorKind, Reads};
use crate::domain::{GroupId, Protection, Scope, SecurityGroup, VpcId};
use crate::playbook::{GroupChoice, Needs, Observed, tags};
use chrono::{DateTime, Utc};
use futures::future::{join, join_all, try_join4};
use std::collections::BTreeSet;

/// The VPC endpoint services that the SSM agent talks to (older agents need `ec2messages` too).
const SSM_SERVICES: [&str; 3] = ["ssm", "ssmmessages", "ec2messages"];

/// Reads what is asked for. A protection that can't be read for want of permission or support is left out, and so is
/// whatever of Auto Scaling, load balancers and addresses can't be read.
///
/// # Errors
/// The first other read that failed.
pub async fn observe(
    reads: &dyn Reads,
    scope: &Scope,
    needs: &Needs,
    now: DateTime<Utc>,
) -> Result<Observed, CloudError> {
    read_all(reads, scope, needs, now).await.map(|(world, _)| world)
}

/// As [`observe`], but for one who asks again: what of Auto Scaling, load balancers and addresses failed in passing is an
/// error too.
///
/// # Errors
/// The first read that failed.
pub(super) async fn observe_strictly(
    reads: &dyn Reads,
    scope: &Scope,
    needs: &Needs,
    now: DateTime<Utc>,
) -> Result<Observed, CloudError> {
    let (world, failed) = read_all(reads, scope, needs, now).await?;
    failed.into_iter().find(|e| e.kind != ErrorKind::Denied).map_or(Ok(world), Err)
}

async fn read_all(
    reads: &dyn Reads,
    scope: &Scope,
    needs: &Needs,
    now: DateTime<Utc>,
) -> Result<(Observed, Vec<CloudError>), CloudError> {
    let mut world = Observed::empty(scope.clone(), now);
    let ids: Vec<_> = needs.instance.iter().cloned().collect();
    let instances = async {
        if ids.is_empty() { Ok(vec![]) } else { reads.instances(scope, &InstanceQuery::Ids(ids.clone())).await }
    };
    let interfaces = async {
        if ids.is_empty() {
            Ok(vec![])
        } else {
            reads.interfaces(scope, &InterfaceQuery::AttachedTo(ids.clone())).await
        }
    };
    let groups = read_groups(reads, scope, needs.groups.iter().cloned().collect());
    let protections = async {
        let Some(instance) = &needs.instance else { return Ok(vec![]) };
        let each = needs.protections.iter().map(|p| async move { (*p, reads.protection(scope, instance, *p).await) });
        let mut read: Vec<(Protection, bool)> = Vec::new();
        for (protection, answer) in join_all(each).await {
            match answer {
                Ok(on) => read.push((protection, on)),
                Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Other) => {}
                Err(e) if e.kind == ErrorKind::Denied => {}
                Err(e) if protection == Protection::Stop && !e.retryable => {}
                Err(e) => return Err(e),
            }
        }
        Ok(read)
    };
    let rest = try_join4(instances, interfaces, groups, protections);
    let (rest, (fleet, failed)) = join(rest, fleet::read(reads, scope, &needs.fleet)).await;
    let (instances, interfaces, groups, protections) = rest?;
    world.fleet = fleet;
    world.fleet.unread = failed.iter().map(ToString::to_string).collect();
    world.instance = instances.into_iter().find(|i| Some(&i.id) == needs.instance.as_ref());
    world.interfaces = interfaces.into_iter().map(|i| (i.id.clone(), i)).collect();
    world.groups = groups.into_iter().map(|g| (g.id.clone(), g)).collect();
    world.protections = protections.into_iter().collect();
    (world.instances, world.profiles) = profiles::of(reads, scope, needs).await?;
    profiles::elsewhere(reads, scope, needs, &mut world).await?;
    world.roles = roles::of(reads, scope, &needs.roles).await?;
    acls::read(reads, scope, needs, &mut world).await?;
    if !needs.findings.is_empty() {
        world.findings = findings::findings(reads, scope, &needs.findings).await?;
    }
    if let Some((vpc, name)) = &needs.named_group {
        let found = reads.groups(scope, &GroupQuery::Named(vpc.clone(), name.clone())).await?;
        world.named_group = found.into_iter().next();
    }
    if let Some(vpc) = &needs.ssm_endpoints_of {
        world.ssm_endpoint_groups = ssm_endpoint_groups(reads, scope, vpc).await?;
    }
    principals::read(reads, scope, needs, &mut world).await?;
    world.clock_ahead = reads.clock_ahead();
    Ok((world, failed))
}

async fn read_groups(reads: &dyn Reads, scope: &Scope, ids: Vec<GroupId>) -> Result<Vec<SecurityGroup>, CloudError> {
    if ids.is_empty() { Ok(vec![]) } else { reads.groups(scope, &GroupQuery::Ids(ids)).await }
}

/// Finds the quarantine group of a VPC: the one named, else the one that carries our tag.
///
/// # Errors
/// When the groups can't be read.
pub async fn quarantine_group(
    reads: &dyn Reads,
    scope: &Scope,
    vpc: &VpcId,
    named: Option<&GroupId>,
) -> Result<GroupChoice, CloudError> {
    if let Some(id) = named {
        let found = reads.groups(scope, &GroupQuery::Ids(vec![id.clone()])).await?;
        return Ok(found
            .into_iter()
            .find(|g| &g.id == id)
            .map_or_else(|| GroupChoice::NamedButAbsent(id.clone()), GroupChoice::Found));
    }
    let (key, value) = tags::GROUP_TAG;
    let mut found = reads.groups(scope, &GroupQuery::Tagged(vpc.clone(), key.into(), value.into())).await?;
    Ok(match (found.pop(), found.as_slice()) {
        (None, _) => GroupChoice::Missing,
        (Some(only), []) => GroupChoice::Found(only),
        (Some(last), others) => {
            GroupChoice::Ambiguous(others.iter().map(|g| g.id.clone()).chain([last.id.clone()]).collect())
        }
    })
}

/// The groups on the interface endpoints that the SSM agent needs.
///
/// # Errors
/// When the endpoints can't be read.
pub async fn ssm_endpoint_groups(
    reads: &dyn Reads,
    scope: &Scope,
    vpc: &VpcId,
) -> Result<BTreeSet<GroupId>, CloudError> {
    let endpoints = reads.vpc_endpoints(scope, vpc).await?;
    Ok(endpoints
        .into_iter()
        .filter(|e| e.service.rsplit('.').next().is_some_and(|s| SSM_SERVICES.contains(&s)))
        .flat_map(|e| e.groups)
        .collect())
}
