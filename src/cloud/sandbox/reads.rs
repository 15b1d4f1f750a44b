//! The reading half of the port.

use super::refusal::Ruling;
use super::rules;
use super::simulated::{Call, Sandbox, error};
use super::world::World;
use crate::cloud::port::{
    CallerIdentity, CloudResult, FindingPage, FindingQuery, GroupQuery, InstanceQuery, InterfaceQuery, Parameter,
    Reads, SeenFinding, Snapshot, VpcEndpoint,
};
use crate::domain::{
    AclId, Finding, FindingId, Instance, InstanceId, Interface, NetworkAcl, Protection, Scope, SecurityGroup, Source,
    VpcId,
};
use crate::intake::asff;
use async_trait::async_trait;
use serde_json::Value;
use std::fmt::Display;
use std::sync::Arc;

fn read<'a>(operation: &'static str, scope: &'a Scope, resource: Option<String>) -> Call<'a> {
    Call { operation, scope, resource, mutating: false, dry_run: false }
}

fn joined<T: Display>(ids: &[T]) -> Option<String> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    (!ids.is_empty()).then(|| ids.join(","))
}

impl Sandbox {
    /// A read that looks at one scope.
    pub(super) async fn ask<T, F>(
        &self,
        operation: &'static str,
        scope: &Scope,
        resource: Option<String>,
        look: F,
    ) -> CloudResult<T>
    where
        F: FnOnce(&World) -> Ruling<T> + Send,
        T: Send,
    {
        self.call(read(operation, scope, resource), |sandbox| sandbox.look(operation, look)).await
    }
}

/// A finding that can't be understood is shown as such, never dropped.
fn seen(json: &Value) -> SeenFinding {
    let finding = asff::decode(json).unwrap_or_else(|error| Finding {
        id: FindingId(json.get("Id").and_then(Value::as_str).unwrap_or_default().to_owned()),
        source: Source::Unknown,
        oddities: vec![error.to_string()],
        ..Finding::default()
    });
    SeenFinding { finding, json: Arc::from(json.to_string()) }
}

#[async_trait]
impl Reads for Sandbox {
    async fn caller_identity(&self, scope: Option<&Scope>) -> CloudResult<CallerIdentity> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let scope = match scope {
            Some(scope) => scope.clone(),
            None => self.home().map_err(|refusal| error(OPERATION, refusal))?,
        };
        self.ask(OPERATION, &scope, None, |world| {
            world.place(&scope)?;
            Ok(CallerIdentity { arn: world.caller_arn(&scope), account: scope.account.to_string() })
        })
        .await
    }

    async fn findings(&self, scope: &Scope, query: &FindingQuery, page: Option<&str>) -> CloudResult<FindingPage> {
        const OPERATION: &str = "securityhub:GetFindings";
        self.call(read(OPERATION, scope, joined(&query.ids)), |sandbox| {
            sandbox.take_token(scope)?;
            let now = sandbox.now();
            let page = sandbox.look(OPERATION, |world| rules::findings::list(world, scope, query, page, now))?;
            Ok(FindingPage { findings: page.findings.iter().map(seen).collect(), next: page.next })
        })
        .await
    }

    async fn instances(&self, scope: &Scope, query: &InstanceQuery) -> CloudResult<Vec<Instance>> {
        let resource = match query {
            InstanceQuery::Ids(ids) => joined(ids),
            InstanceQuery::Tagged(..) | InstanceQuery::All => None,
        };
        self.ask("ec2:DescribeInstances", scope, resource, |world| {
            Ok(rules::instances::describe(world.place(scope)?, query))
        })
        .await
    }

    async fn interfaces(&self, scope: &Scope, query: &InterfaceQuery) -> CloudResult<Vec<Interface>> {
        let resource = match query {
            InterfaceQuery::AttachedTo(ids) => joined(ids),
            InterfaceQuery::InGroup(group) => Some(group.to_string()),
            InterfaceQuery::All => None,
        };
        self.ask("ec2:DescribeNetworkInterfaces", scope, resource, |world| {
            Ok(rules::interfaces::describe(world.place(scope)?, query))
        })
        .await
    }

    async fn groups(&self, scope: &Scope, query: &GroupQuery) -> CloudResult<Vec<SecurityGroup>> {
        let resource = match query {
            GroupQuery::Ids(ids) => joined(ids),
            GroupQuery::Tagged(vpc, ..) | GroupQuery::Named(vpc, _) => Some(vpc.to_string()),
        };
        self.ask("ec2:DescribeSecurityGroups", scope, resource, |world| {
            Ok(rules::groups::describe(world.place(scope)?, query))
        })
        .await
    }

    async fn protection(&self, scope: &Scope, instance: &InstanceId, protection: Protection) -> CloudResult<bool> {
        self.ask("ec2:DescribeInstanceAttribute", scope, Some(instance.to_string()), |world| {
            rules::instances::protection(world.place(scope)?, instance, protection)
        })
        .await
    }

    async fn vpc_endpoints(&self, scope: &Scope, vpc: &VpcId) -> CloudResult<Vec<VpcEndpoint>> {
        self.ask("ec2:DescribeVpcEndpoints", scope, Some(vpc.to_string()), |world| {
            Ok(rules::network_acls::endpoints(world.place(scope)?, vpc))
        })
        .await
    }

    async fn snapshots(&self, scope: &Scope, tag: &str, value: &str) -> CloudResult<Vec<Snapshot>> {
        let now = self.now();
        self.ask("ec2:DescribeSnapshots", scope, None, |world| {
            Ok(rules::snapshots::describe(world.place(scope)?, tag, value, now))
        })
        .await
    }

    async fn network_acls(&self, scope: &Scope, ids: &[AclId]) -> CloudResult<Vec<NetworkAcl>> {
        self.ask("ec2:DescribeNetworkAcls", scope, joined(ids), |world| {
            Ok(rules::network_acls::describe(world.place(scope)?, ids))
        })
        .await
    }

    async fn parameters(&self, scope: &Scope, path: &str) -> CloudResult<Vec<Parameter>> {
        self.ask("ssm:GetParametersByPath", scope, Some(path.to_owned()), |world| {
            rules::parameters::below(world.place(scope)?, path)
        })
        .await
    }
}
