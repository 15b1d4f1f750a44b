//! Real AWS behind the port: the only room that names the SDK.
//!
//! One file a service; [`crate::cloud::operations`] lists every operation that they call. Deliberately absent:
//! decisions. A call is sent, its answer becomes domain types, its error becomes a [`CloudError`].

mod acls;
mod autoscaling;
mod clients;
mod clock;
mod config;
mod ec2;
mod elb;
mod error;
mod forensics;
mod iam;
mod limiter;
mod profile_writes;
mod profiles;
mod roles;
mod s3;
mod securityhub;
mod sns;
mod ssm;
mod sts;
#[cfg(test)]
mod surface;

pub use config::AwsOptions;

use super::Cloud;
use super::port::{
    CallerIdentity, CloudError, CloudResult, ErrorKind, FindingPage, FindingQuery, FindingUpdate, GroupQuery,
    InstanceQuery, InterfaceQuery, Parameter, Reads, Snapshot, Target, Unprocessed, VpcEndpoint, Writes,
};
use crate::domain::{
    AclId, FindingKey, GroupId, GroupRule, Instance, InstanceId, Interface, InterfaceId, NetworkAcl, Protection,
    Region, Scope, SecurityGroup, Tags, VpcId,
};
use async_trait::async_trait;
use clients::Clients;
use std::sync::Arc;

/// A connection to AWS with the credentials of one caller; other accounts are reached through a role there.
#[derive(Clone)]
pub struct AwsCloud {
    clients: Arc<Clients>,
    home: Scope,
}

impl AwsCloud {
    /// Finds credentials and asks AWS who they are.
    ///
    /// # Errors
    /// [`ErrorKind::Credentials`] when there are none or they are not accepted, saying where they were looked for;
    /// [`ErrorKind::Invalid`] when no Region is set.
    pub async fn connect(options: &AwsOptions) -> CloudResult<Self> {
        let (base, region) = Box::pin(config::load(options)).await?;
        let region: Region = region.as_ref().parse().map_err(|e: crate::domain::scope::ScopeError| {
            CloudError::new("sts:GetCallerIdentity", ErrorKind::Invalid, "InvalidRegion", e.to_string())
        })?;
        let caller = sts::caller_identity(&aws_sdk_sts::Client::new(&base), None).await?;
        let (account, partition) = sts::home(&caller)?;
        let clients = Clients::new(base, options, caller, account, partition);
        let home = clients.scope_in(region);
        Ok(Self { clients: Arc::new(clients), home })
    }

    /// The caller's own account, and the Region that the options, environment or profile name.
    pub fn home(&self) -> &Scope {
        &self.home
    }

    /// Who the credentials belong to.
    pub fn identity(&self) -> &CallerIdentity {
        self.clients.caller()
    }

    /// This connection as a cloud that can be read and changed.
    pub fn cloud(&self) -> Cloud {
        let both = Arc::new(self.clone());
        Cloud::new(both.clone(), both)
    }
}

#[async_trait]
impl Reads for AwsCloud {
    async fn caller_identity(&self, scope: Option<&Scope>) -> CloudResult<CallerIdentity> {
        let clients = self.clients.of(scope.unwrap_or(&self.home)).await?;
        sts::caller_identity(&clients.sts, scope).await
    }

    async fn findings(&self, scope: &Scope, query: &FindingQuery, page: Option<&str>) -> CloudResult<FindingPage> {
        securityhub::findings(&*self.clients.of(scope).await?, scope, query, page).await
    }

    async fn instances(&self, scope: &Scope, query: &InstanceQuery) -> CloudResult<Vec<Instance>> {
        ec2::read::instances(&*self.clients.of(scope).await?, scope, query).await
    }

    async fn interfaces(&self, scope: &Scope, query: &InterfaceQuery) -> CloudResult<Vec<Interface>> {
        ec2::read::interfaces(&*self.clients.of(scope).await?, scope, query).await
    }

    async fn groups(&self, scope: &Scope, query: &GroupQuery) -> CloudResult<Vec<SecurityGroup>> {
        ec2::read::groups(&*self.clients.of(scope).await?, scope, query).await
    }

    async fn protection(&self, scope: &Scope, instance: &InstanceId, protection: Protection) -> CloudResult<bool> {
        ec2::read::protection(&*self.clients.of(scope).await?, scope, instance, protection).await
    }

    async fn vpc_endpoints(&self, scope: &Scope, vpc: &VpcId) -> CloudResult<Vec<VpcEndpoint>> {
        ec2::read::vpc_endpoints(&*self.clients.of(scope).await?, scope, vpc).await
    }

    async fn snapshots(&self, scope: &Scope, tag: &str, value: &str) -> CloudResult<Vec<Snapshot>> {
        ec2::read::snapshots(&*self.clients.of(scope).await?, scope, tag, value).await
    }

    async fn network_acls(&self, scope: &Scope, ids: &[AclId]) -> CloudResult<Vec<NetworkAcl>> {
        ec2::read::network_acls(&*self.clients.of(scope).await?, scope, ids).await
    }

    async fn parameters(&self, scope: &Scope, path: &str) -> CloudResult<Vec<Parameter>> {
        ssm::parameters(&*self.clients.of(scope).await?, scope, path).await
    }
}

#[async_trait]
impl Writes for AwsCloud {
    async fn set_protection(
        &self,
        target: &Target,
        instance: &InstanceId,
        protection: Protection,
        on: bool,
    ) -> CloudResult<()> {
        ec2::write::set_protection(&*self.clients.of(&target.scope).await?, target, instance, protection, on).await
    }

    async fn set_interface_groups(
        &self,
        target: &Target,
        interface: &InterfaceId,
        groups: &[GroupId],
    ) -> CloudResult<()> {
        ec2::write::set_interface_groups(&*self.clients.of(&target.scope).await?, target, interface, groups).await
    }

    async fn create_tags(&self, target: &Target, resource: &str, tags: &Tags) -> CloudResult<()> {
        ec2::write::create_tags(&*self.clients.of(&target.scope).await?, target, resource, tags).await
    }

    async fn delete_tags(&self, target: &Target, resource: &str, tags: &Tags) -> CloudResult<()> {
        ec2::write::delete_tags(&*self.clients.of(&target.scope).await?, target, resource, tags).await
    }

    async fn create_group(
        &self,
        target: &Target,
        vpc: &VpcId,
        name: &str,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<GroupId> {
        let clients = self.clients.of(&target.scope).await?;
        ec2::write::create_group(&clients, target, vpc, name, description, tags).await
    }

    async fn revoke_egress(&self, target: &Target, group: &GroupId, rules: &[GroupRule]) -> CloudResult<()> {
        ec2::write::revoke_egress(&*self.clients.of(&target.scope).await?, target, group, rules).await
    }

    async fn authorize_egress(&self, target: &Target, group: &GroupId, rules: &[GroupRule]) -> CloudResult<()> {
        ec2::write::authorize_egress(&*self.clients.of(&target.scope).await?, target, group, rules).await
    }

    async fn create_snapshots(
        &self,
        target: &Target,
        instance: &InstanceId,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<Vec<Snapshot>> {
        let clients = self.clients.of(&target.scope).await?;
        ec2::write::create_snapshots(&clients, target, instance, description, tags).await
    }

    async fn publish(&self, target: &Target, topic_arn: &str, subject: &str, body: &str) -> CloudResult<String> {
        sns::publish(&*self.clients.of(&target.scope).await?, target, topic_arn, subject, body).await
    }

    async fn update_findings(
        &self,
        target: &Target,
        keys: &[FindingKey],
        update: &FindingUpdate,
    ) -> CloudResult<Vec<Unprocessed>> {
        securityhub::update_findings(&*self.clients.of(&target.scope).await?, target, keys, update).await
    }
}
