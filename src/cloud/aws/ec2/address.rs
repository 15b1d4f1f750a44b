//! Elastic IP addresses, and volumes that are kept.

use super::{filter, write};
use crate::cloud::aws::AwsCloud;
use crate::cloud::aws::error::{call, rehearsed};
use crate::cloud::operations::{ASSOCIATE_ADDRESS, DESCRIBE_ADDRESSES, DISASSOCIATE_ADDRESS};
use crate::cloud::port::{AddressQuery, AddressReads, AddressWrites, CloudResult, Target};
use crate::domain::{Association, ElasticIp, InstanceId, InterfaceId, Scope, Volume};
use async_trait::async_trait;
use aws_sdk_ec2::types as ec2;
use std::net::IpAddr;

fn address(a: &ec2::Address) -> Option<ElasticIp> {
    let association = || {
        Some(Association {
            id: a.association_id()?.to_owned(),
            interface: InterfaceId::new(a.network_interface_id()?),
            private_ip: a.private_ip_address()?.parse().ok()?,
        })
    };
    Some(ElasticIp {
        // What was never in a VPC has none, and can't be put back by it.
        allocation: a.allocation_id().filter(|id| !id.is_empty())?.to_owned(),
        public_ip: a.public_ip()?.parse().ok()?,
        association: association(),
    })
}

#[async_trait]
impl AddressReads for AwsCloud {
    async fn addresses(&self, scope: &Scope, query: &AddressQuery) -> CloudResult<Vec<ElasticIp>> {
        let filter = match query {
            AddressQuery::Of(instance) => filter("instance-id", [instance.as_str()]),
            AddressQuery::Allocations(ids) => filter("allocation-id", ids),
        };
        let clients = self.clients.of(scope).await?;
        let ec2 = &clients.ec2;
        let request = ec2.describe_addresses().filters(filter);
        let answer = call(DESCRIBE_ADDRESSES, Some(scope), request.send()).await?;
        let is_meant = |a: &&ec2::Address| match query {
            AddressQuery::Of(instance) => a.instance_id() == Some(instance.as_str()),
            AddressQuery::Allocations(ids) => a.allocation_id().is_some_and(|id| ids.iter().any(|i| i == id)),
        };
        Ok(answer.addresses().iter().filter(is_meant).filter_map(address).collect())
    }
}

#[async_trait]
impl AddressWrites for AwsCloud {
    async fn disassociate_address(&self, target: &Target, association: &str) -> CloudResult<()> {
        let clients = self.clients.of(&target.scope).await?;
        let ec2_once = &clients.ec2_once;
        let request = ec2_once.disassociate_address().association_id(association).dry_run(target.dry_run);
        let answer = call(DISASSOCIATE_ADDRESS, Some(&target.scope), request.send()).await;
        rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(association))
    }

    async fn associate_address(
        &self,
        target: &Target,
        allocation: &str,
        interface: &InterfaceId,
        private_ip: IpAddr,
    ) -> CloudResult<()> {
        let clients = self.clients.of(&target.scope).await?;
        let ec2_once = &clients.ec2_once;
        let request = ec2_once
            .associate_address()
            .allocation_id(allocation)
            .network_interface_id(interface.as_str())
            .private_ip_address(private_ip.to_string())
            .allow_reassociation(false)
            .dry_run(target.dry_run);
        let answer = call(ASSOCIATE_ADDRESS, Some(&target.scope), request.send()).await;
        rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(allocation))
    }

    async fn set_delete_on_termination(
        &self,
        target: &Target,
        instance: &InstanceId,
        volume: &Volume,
    ) -> CloudResult<()> {
        let clients = self.clients.of(&target.scope).await?;
        write::modify_instance(&clients, target, instance, write::Attribute::DeleteOnTermination(volume)).await
    }
}
