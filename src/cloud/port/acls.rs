//! The contract for network ACL entries, and the parameters that count them.

use super::{CloudResult, Parameter, Target};
use crate::domain::{AclDirection, AclEntry, AclId, PrefixList, PrefixListId, Scope};
use async_trait::async_trait;
use ipnet::IpNet;

/// What blocking looks at, besides the ACLs themselves.
#[async_trait]
pub trait AclReads: Send + Sync {
    /// `ssm:GetParameters`: these parameters by their names; unknown ones are left out of the answer.
    async fn named_parameters(&self, scope: &Scope, names: &[String]) -> CloudResult<Vec<Parameter>>;
    /// `ec2:DescribeManagedPrefixLists`: those that AWS manages.
    async fn aws_prefix_lists(&self, scope: &Scope) -> CloudResult<Vec<PrefixList>>;
    /// `ec2:GetManagedPrefixListEntries`: the ranges of a prefix list, whole or not at all.
    async fn prefix_list_entries(&self, scope: &Scope, list: &PrefixListId) -> CloudResult<Vec<IpNet>>;
}

/// What blocks, and unblocks. None of the calls on entries is ever repeated by itself.
#[async_trait]
pub trait AclWrites: Send + Sync {
    /// `ec2:CreateNetworkAclEntry`: adds an entry, and fails with `NetworkAclEntryAlreadyExists` where its number is
    /// taken in its direction, in either address family.
    async fn create_acl_entry(&self, target: &Target, acl: &AclId, entry: &AclEntry) -> CloudResult<()>;
    /// `ec2:DeleteNetworkAclEntry`: removes whatever stands under a number in a direction. The caller has compared it.
    async fn delete_acl_entry(
        &self,
        target: &Target,
        acl: &AclId,
        direction: AclDirection,
        number: i32,
    ) -> CloudResult<()>;
    /// `ssm:PutParameter`: writes a parameter of type String over what stands there. AWS has no compare-and-swap for it.
    async fn put_parameter(&self, target: &Target, name: &str, value: &str) -> CloudResult<()>;
}
