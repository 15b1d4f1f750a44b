//! `DescribeNetworkAcls` and `DescribeVpcEndpoints`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::ScopeWorld;
use crate::cloud::port::VpcEndpoint;
use crate::domain::{AclId, NetworkAcl, VpcId};

pub(in super::super) fn describe(place: &ScopeWorld, ids: &[AclId]) -> Ruling<Vec<NetworkAcl>> {
    if ids.is_empty() {
        return Ok(place.network_acls.values().cloned().collect());
    }
    ids.iter()
        .map(|id| {
            place.network_acls.get(id).cloned().ok_or_else(|| {
                Refusal::new("InvalidNetworkAclID.NotFound", format!("The networkAcl ID '{id}' does not exist"))
            })
        })
        .collect()
}

pub(in super::super) fn endpoints(place: &ScopeWorld, vpc: &VpcId) -> Vec<VpcEndpoint> {
    place.endpoints.values().filter(|e| e.vpc == *vpc).map(|e| e.endpoint.clone()).collect()
}
