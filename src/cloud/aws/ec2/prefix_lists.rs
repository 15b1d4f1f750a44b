//! The prefix lists that AWS manages.

use super::filter;
use crate::cloud::aws::clients::ScopeClients;
use crate::cloud::aws::error::{call, incomplete};
use crate::cloud::operations::{DESCRIBE_MANAGED_PREFIX_LISTS, GET_MANAGED_PREFIX_LIST_ENTRIES};
use crate::cloud::port::CloudResult;
use crate::domain::{PrefixList, PrefixListId, Scope};
use aws_sdk_ec2::types as ec2;
use ipnet::IpNet;

/// The owner of those that AWS manages (EC2 API reference, `ManagedPrefixList`).
const AWS: &str = "AWS";
/// The largest page of both calls (EC2 API reference, `MaxResults`).
const PAGE: i32 = 100;

/// `ec2:DescribeManagedPrefixLists`.
pub(in crate::cloud::aws) async fn of_aws(clients: &ScopeClients, scope: &Scope) -> CloudResult<Vec<PrefixList>> {
    let ec2 = &clients.ec2;
    let pages = ec2
        .describe_managed_prefix_lists()
        .filters(filter("owner-id", [AWS]))
        .max_results(PAGE)
        .into_paginator()
        .items()
        .send();
    let found = call(DESCRIBE_MANAGED_PREFIX_LISTS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
    let list = |l: &ec2::ManagedPrefixList| {
        Some(PrefixList {
            id: PrefixListId::new(l.prefix_list_id()?),
            name: l.prefix_list_name().unwrap_or_default().to_owned(),
        })
    };
    Ok(found.iter().filter(|l| l.owner_id() == Some(AWS)).filter_map(list).collect())
}

/// `ec2:GetManagedPrefixListEntries`.
pub(in crate::cloud::aws) async fn entries(
    clients: &ScopeClients,
    scope: &Scope,
    list: &PrefixListId,
) -> CloudResult<Vec<IpNet>> {
    let ec2 = &clients.ec2;
    let pages = ec2
        .get_managed_prefix_list_entries()
        .prefix_list_id(list.as_str())
        .max_results(PAGE)
        .into_paginator()
        .items()
        .send();
    let found = call(GET_MANAGED_PREFIX_LIST_ENTRIES, Some(scope), pages.collect::<Result<Vec<_>, _>>())
        .await
        .map_err(|e| e.on(list))?;
    let range = |e: &ec2::PrefixListEntry| e.cidr().and_then(|c| c.parse::<IpNet>().ok());
    // One that can't be understood may be the one that is asked for.
    let whole: Option<Vec<IpNet>> = found.iter().map(range).collect();
    whole.ok_or_else(|| incomplete(GET_MANAGED_PREFIX_LIST_ENTRIES, scope, "a range in an entry").on(list))
}
