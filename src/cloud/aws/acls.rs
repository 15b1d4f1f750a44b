//! Network ACL entries and their counters behind the port.

use super::{AwsCloud, ec2, ssm};
use crate::cloud::port::{AclReads, AclWrites, CloudResult, Parameter, Target};
use crate::domain::{AclDirection, AclEntry, AclId, PrefixList, PrefixListId, Scope};
use async_trait::async_trait;
use ipnet::IpNet;

#[async_trait]
impl AclReads for AwsCloud {
    async fn named_parameters(&self, scope: &Scope, names: &[String]) -> CloudResult<Vec<Parameter>> {
        ssm::named_parameters(&*self.clients.of(scope).await?, scope, names).await
    }

    async fn aws_prefix_lists(&self, scope: &Scope) -> CloudResult<Vec<PrefixList>> {
        ec2::prefix_lists::of_aws(&*self.clients.of(scope).await?, scope).await
    }

    async fn prefix_list_entries(&self, scope: &Scope, list: &PrefixListId) -> CloudResult<Vec<IpNet>> {
        ec2::prefix_lists::entries(&*self.clients.of(scope).await?, scope, list).await
    }
}

#[async_trait]
impl AclWrites for AwsCloud {
    async fn create_acl_entry(&self, target: &Target, acl: &AclId, entry: &AclEntry) -> CloudResult<()> {
        ec2::acls::create_entry(&*self.clients.of(&target.scope).await?, target, acl, entry).await
    }

    async fn delete_acl_entry(
        &self,
        target: &Target,
        acl: &AclId,
        direction: AclDirection,
        number: i32,
    ) -> CloudResult<()> {
        ec2::acls::delete_entry(&*self.clients.of(&target.scope).await?, target, acl, direction, number).await
    }

    async fn put_parameter(&self, target: &Target, name: &str, value: &str) -> CloudResult<()> {
        ssm::put_parameter(&*self.clients.of(&target.scope).await?, target, name, value).await
    }
}
