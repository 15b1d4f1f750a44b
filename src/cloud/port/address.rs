//! Elastic IP addresses, and whether an instance's volumes outlive it.

use super::{CloudResult, Target};
use crate::domain::{ElasticIp, InstanceId, InterfaceId, Scope, Volume};
use async_trait::async_trait;
use std::net::IpAddr;

/// Which Elastic IP addresses to describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressQuery {
    /// All that point to this instance, whichever interface.
    Of(InstanceId),
    /// Those of these allocations; unknown ones are left out of the answer.
    Allocations(Vec<String>),
}

/// What looks at Elastic IP addresses.
#[async_trait]
pub trait AddressReads: Send + Sync {
    /// `ec2:DescribeAddresses`.
    async fn addresses(&self, scope: &Scope, query: &AddressQuery) -> CloudResult<Vec<ElasticIp>>;
}

/// What moves Elastic IP addresses, and keeps volumes.
#[async_trait]
pub trait AddressWrites: Send + Sync {
    /// `ec2:DisassociateAddress`: by the association's id; the address stays allocated.
    async fn disassociate_address(&self, target: &Target, association: &str) -> CloudResult<()>;
    /// `ec2:AssociateAddress`: with a private address of an interface. Never takes it from where it points:
    /// `Resource.AlreadyAssociated`.
    async fn associate_address(
        &self,
        target: &Target,
        allocation: &str,
        interface: &InterfaceId,
        private_ip: IpAddr,
    ) -> CloudResult<()>;
    /// `ec2:ModifyInstanceAttribute`: whether a volume goes when the instance is terminated, as the volume given says.
    async fn set_delete_on_termination(
        &self,
        target: &Target,
        instance: &InstanceId,
        volume: &Volume,
    ) -> CloudResult<()>;
}
