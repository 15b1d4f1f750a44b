//! `DescribeNetworkAcls` and `DescribeVpcEndpoints`.

use super::super::world::ScopeWorld;
use crate::cloud::port::VpcEndpoint;
use crate::domain::{AclId, NetworkAcl, VpcId};

/// By the filter `network-acl-id`: an unknown id is left out.
pub(in super::super) fn describe(place: &ScopeWorld, ids: &[AclId]) -> Vec<NetworkAcl> {
    place.network_acls.values().filter(|a| ids.is_empty() || ids.contains(&a.id)).cloned().collect()
}

pub(in super::super) fn endpoints(place: &ScopeWorld, vpc: &VpcId) -> Vec<VpcEndpoint> {
    place.endpoints.values().filter(|e| e.vpc == *vpc).map(|e| e.endpoint.clone()).collect()
}
