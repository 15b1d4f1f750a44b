//! EC2's reading calls. Ids and tags are matched with filters, so that what isn't there is left out and not an error,
//! and every answer is held against what was asked.

use super::{convert, filter};
use crate::cloud::aws::clients::ScopeClients;
use crate::cloud::aws::error::{call, incomplete};
use crate::cloud::operations::{
    DESCRIBE_INSTANCE_ATTRIBUTE, DESCRIBE_INSTANCES, DESCRIBE_NETWORK_ACLS, DESCRIBE_NETWORK_INTERFACES,
    DESCRIBE_SECURITY_GROUPS, DESCRIBE_SNAPSHOTS, DESCRIBE_VPC_ENDPOINTS,
};
use crate::cloud::port::{CloudResult, GroupQuery, InstanceQuery, InterfaceQuery, Snapshot, VpcEndpoint};
use crate::domain::{AclId, Instance, InstanceId, Interface, NetworkAcl, Protection, Scope, SecurityGroup, VpcId};
use aws_sdk_ec2::operation::describe_instance_attribute::DescribeInstanceAttributeOutput;
use aws_sdk_ec2::types::{Filter, InstanceAttributeName};

/// How many values a filter takes (EC2 API reference, "List and filter using the API").
const FILTER_VALUES: usize = 200;
/// The largest page of the calls used here.
const PAGE: i32 = 1000;

/// The ids in portions that one filter takes.
fn portions<T: ToString>(ids: &[T]) -> Vec<Vec<String>> {
    ids.chunks(FILTER_VALUES).map(|ids| ids.iter().map(ToString::to_string).collect()).collect()
}

/// `ec2:DescribeInstances`.
pub(in crate::cloud::aws) async fn instances(
    clients: &ScopeClients,
    scope: &Scope,
    query: &InstanceQuery,
) -> CloudResult<Vec<Instance>> {
    let filters: Vec<Option<Filter>> = match query {
        InstanceQuery::Ids(ids) => portions(ids).into_iter().map(|ids| Some(filter("instance-id", ids))).collect(),
        InstanceQuery::Tagged(key, value) => vec![Some(filter(format!("tag:{key}"), [value]))],
        InstanceQuery::All => vec![None],
    };
    let ec2 = &clients.ec2;
    let mut found = Vec::new();
    for filter in filters {
        let pages = ec2
            .describe_instances()
            .set_filters(filter.map(|f| vec![f]))
            .max_results(PAGE)
            .into_paginator()
            .items()
            .send();
        let reservations = call(DESCRIBE_INSTANCES, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
        found.extend(reservations.iter().flat_map(|r| r.instances()).filter_map(convert::instance));
    }
    found.retain(|instance| match query {
        InstanceQuery::Ids(ids) => ids.contains(&instance.id),
        InstanceQuery::Tagged(key, value) => instance.tags.get(key) == Some(value),
        InstanceQuery::All => true,
    });
    Ok(found)
}

/// `ec2:DescribeNetworkInterfaces`.
pub(in crate::cloud::aws) async fn interfaces(
    clients: &ScopeClients,
    scope: &Scope,
    query: &InterfaceQuery,
) -> CloudResult<Vec<Interface>> {
    let filters: Vec<Option<Filter>> = match query {
        InterfaceQuery::AttachedTo(ids) => {
            portions(ids).into_iter().map(|ids| Some(filter("attachment.instance-id", ids))).collect()
        }
        InterfaceQuery::InGroup(group) => vec![Some(filter("group-id", [group.as_str()]))],
        InterfaceQuery::All => vec![None],
    };
    let ec2 = &clients.ec2;
    let mut found = Vec::new();
    for filter in filters {
        let pages = ec2
            .describe_network_interfaces()
            .set_filters(filter.map(|f| vec![f]))
            .max_results(PAGE)
            .into_paginator()
            .items()
            .send();
        let interfaces = call(DESCRIBE_NETWORK_INTERFACES, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
        found.extend(interfaces.iter().filter_map(convert::interface));
    }
    found.retain(|interface| match query {
        InterfaceQuery::AttachedTo(ids) => interface.instance.as_ref().is_some_and(|id| ids.contains(id)),
        InterfaceQuery::InGroup(group) => interface.groups.contains(group),
        InterfaceQuery::All => true,
    });
    found.sort_by(|a, b| (&a.instance, a.device_index, &a.id).cmp(&(&b.instance, b.device_index, &b.id)));
    Ok(found)
}

/// `ec2:DescribeSecurityGroups`.
pub(in crate::cloud::aws) async fn groups(
    clients: &ScopeClients,
    scope: &Scope,
    query: &GroupQuery,
) -> CloudResult<Vec<SecurityGroup>> {
    let filters: Vec<Vec<Filter>> = match query {
        GroupQuery::Ids(ids) => portions(ids).into_iter().map(|ids| vec![filter("group-id", ids)]).collect(),
        GroupQuery::Tagged(vpc, key, value) => {
            vec![vec![filter("vpc-id", [vpc.as_str()]), filter(format!("tag:{key}"), [value])]]
        }
        GroupQuery::Named(vpc, name) => vec![vec![filter("vpc-id", [vpc.as_str()]), filter("group-name", [name])]],
    };
    let ec2 = &clients.ec2;
    let mut found = Vec::new();
    for filters in filters {
        let pages =
            ec2.describe_security_groups().set_filters(Some(filters)).max_results(PAGE).into_paginator().items().send();
        let groups = call(DESCRIBE_SECURITY_GROUPS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
        found.extend(groups.iter().filter_map(convert::group));
    }
    found.retain(|group| match query {
        GroupQuery::Ids(ids) => ids.contains(&group.id),
        GroupQuery::Tagged(vpc, key, value) => group.vpc == *vpc && group.tags.get(key) == Some(value),
        GroupQuery::Named(vpc, name) => group.vpc == *vpc && group.name == *name,
    });
    Ok(found)
}

/// One attribute of an instance: it alone is filled in the answer.
pub(in crate::cloud::aws) async fn attribute(
    clients: &ScopeClients,
    scope: &Scope,
    instance: &InstanceId,
    attribute: InstanceAttributeName,
) -> CloudResult<DescribeInstanceAttributeOutput> {
    let ec2 = &clients.ec2;
    let request = ec2.describe_instance_attribute().instance_id(instance.as_str()).attribute(attribute);
    call(DESCRIBE_INSTANCE_ATTRIBUTE, Some(scope), request.send()).await.map_err(|e| e.on(instance))
}

/// `ec2:DescribeInstanceAttribute`.
pub(in crate::cloud::aws) async fn protection(
    clients: &ScopeClients,
    scope: &Scope,
    instance: &InstanceId,
    protection: Protection,
) -> CloudResult<bool> {
    let answer = attribute(clients, scope, instance, InstanceAttributeName::from(protection.attribute())).await?;
    let value = match protection {
        Protection::Termination => answer.disable_api_termination(),
        Protection::Stop => answer.disable_api_stop(),
    };
    value
        .and_then(|v| v.value())
        .ok_or_else(|| incomplete(DESCRIBE_INSTANCE_ATTRIBUTE, scope, protection.attribute()).on(instance))
}

/// `ec2:DescribeVpcEndpoints`.
pub(in crate::cloud::aws) async fn vpc_endpoints(
    clients: &ScopeClients,
    scope: &Scope,
    vpc: &VpcId,
) -> CloudResult<Vec<VpcEndpoint>> {
    let ec2 = &clients.ec2;
    let pages = ec2
        .describe_vpc_endpoints()
        .filters(filter("vpc-id", [vpc.as_str()]))
        .filters(filter("vpc-endpoint-type", ["Interface"]))
        .max_results(PAGE)
        .into_paginator()
        .items()
        .send();
    let endpoints =
        call(DESCRIBE_VPC_ENDPOINTS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await.map_err(|e| e.on(vpc))?;
    Ok(endpoints.iter().filter_map(convert::endpoint).collect())
}

/// `ec2:DescribeSnapshots`.
pub(in crate::cloud::aws) async fn snapshots(
    clients: &ScopeClients,
    scope: &Scope,
    tag: &str,
    value: &str,
) -> CloudResult<Vec<Snapshot>> {
    let ec2 = &clients.ec2;
    let pages = ec2
        .describe_snapshots()
        .owner_ids("self")
        .filters(filter(format!("tag:{tag}"), [value]))
        .max_results(PAGE)
        .into_paginator()
        .items()
        .send();
    let snapshots = call(DESCRIBE_SNAPSHOTS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
    let mut found: Vec<Snapshot> = snapshots.iter().filter_map(convert::snapshot).collect();
    found.retain(|snapshot| snapshot.tags.get(tag).is_some_and(|v| v == value));
    Ok(found)
}

/// `ec2:DescribeNetworkAcls`.
pub(in crate::cloud::aws) async fn network_acls(
    clients: &ScopeClients,
    scope: &Scope,
    ids: &[AclId],
) -> CloudResult<Vec<NetworkAcl>> {
    let filters = if ids.is_empty() {
        vec![None]
    } else {
        portions(ids).into_iter().map(|ids| Some(vec![filter("network-acl-id", ids)])).collect()
    };
    let ec2 = &clients.ec2;
    let mut found = Vec::new();
    for filters in filters {
        let pages = ec2.describe_network_acls().set_filters(filters).max_results(PAGE).into_paginator().items().send();
        let acls = call(DESCRIBE_NETWORK_ACLS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
        found.extend(acls.iter().filter_map(convert::acl));
    }
    found.retain(|acl| ids.is_empty() || ids.contains(&acl.id));
    Ok(found)
}
