//! Elastic IP addresses and kept volumes: their half of the port.

use super::rules::addresses as rules;
use super::simulated::Sandbox;
use crate::cloud::port::{AddressQuery, AddressReads, AddressWrites, CloudResult, Target};
use crate::domain::{ElasticIp, InstanceId, InterfaceId, Scope, Volume};
use async_trait::async_trait;
use std::net::IpAddr;

#[async_trait]
impl AddressReads for Sandbox {
    async fn addresses(&self, scope: &Scope, query: &AddressQuery) -> CloudResult<Vec<ElasticIp>> {
        let resource = match query {
            AddressQuery::Of(instance) => instance.to_string(),
            AddressQuery::Allocations(ids) => ids.join(","),
        };
        self.ask("ec2:DescribeAddresses", scope, Some(resource), |world| {
            Ok(rules::describe(world.place(scope)?, query))
        })
        .await
    }
}

#[async_trait]
impl AddressWrites for Sandbox {
    async fn disassociate_address(&self, target: &Target, association: &str) -> CloudResult<()> {
        self.tell("ec2:DisassociateAddress", target, association, |world| {
            rules::disassociate(world.place_mut(&target.scope)?, association)
        })
        .await
    }

    async fn associate_address(
        &self,
        target: &Target,
        allocation: &str,
        interface: &InterfaceId,
        private_ip: IpAddr,
    ) -> CloudResult<()> {
        self.tell("ec2:AssociateAddress", target, allocation, |world| {
            rules::associate(world, &target.scope, allocation, interface, private_ip)
        })
        .await
    }

    async fn set_delete_on_termination(
        &self,
        target: &Target,
        instance: &InstanceId,
        volume: &Volume,
    ) -> CloudResult<()> {
        self.tell("ec2:ModifyInstanceAttribute", target, instance, |world| {
            rules::set_delete_on_termination(world.place_mut(&target.scope)?, instance, volume)
        })
        .await
    }
}
