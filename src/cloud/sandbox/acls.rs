//! Network ACL entries and their counters, both halves of the port.

use super::rules;
use super::simulated::Sandbox;
use super::world::World;
use crate::cloud::port::{AclReads, AclWrites, CloudResult, Parameter, Target};
use crate::domain::{AclDirection, AclEntry, AclId, PrefixList, PrefixListId, Scope};
use async_trait::async_trait;
use ipnet::IpNet;

#[async_trait]
impl AclReads for Sandbox {
    async fn named_parameters(&self, scope: &Scope, names: &[String]) -> CloudResult<Vec<Parameter>> {
        let mut found = Vec::new();
        for names in names.chunks(rules::parameters::MOST_NAMES) {
            let look = |world: &World| rules::parameters::named(world.place(scope)?, names);
            found.extend(self.ask("ssm:GetParameters", scope, Some(names.join(",")), look).await?);
        }
        Ok(found)
    }

    async fn aws_prefix_lists(&self, scope: &Scope) -> CloudResult<Vec<PrefixList>> {
        self.ask("ec2:DescribeManagedPrefixLists", scope, None, |world| {
            Ok(rules::prefix_lists::of_aws(world.place(scope)?))
        })
        .await
    }

    async fn prefix_list_entries(&self, scope: &Scope, list: &PrefixListId) -> CloudResult<Vec<IpNet>> {
        self.ask("ec2:GetManagedPrefixListEntries", scope, Some(list.to_string()), |world| {
            rules::prefix_lists::entries(world.place(scope)?, list)
        })
        .await
    }
}

#[async_trait]
impl AclWrites for Sandbox {
    async fn create_acl_entry(&self, target: &Target, acl: &AclId, entry: &AclEntry) -> CloudResult<()> {
        self.tell("ec2:CreateNetworkAclEntry", target, acl, |world| {
            rules::acl_entries::create(world.place_mut(&target.scope)?, acl, entry)
        })
        .await
    }

    async fn delete_acl_entry(
        &self,
        target: &Target,
        acl: &AclId,
        direction: AclDirection,
        number: i32,
    ) -> CloudResult<()> {
        self.tell("ec2:DeleteNetworkAclEntry", target, acl, |world| {
            rules::acl_entries::delete(world.place_mut(&target.scope)?, acl, direction, number)
        })
        .await
    }

    async fn put_parameter(&self, target: &Target, name: &str, value: &str) -> CloudResult<()> {
        if target.dry_run {
            return Ok(());
        }
        let now = self.now();
        self.tell("ssm:PutParameter", target, name, |world| {
            rules::parameters::put(world.place_mut(&target.scope)?, name, value, now)
        })
        .await
    }
}
