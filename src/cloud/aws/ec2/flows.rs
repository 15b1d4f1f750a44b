//! Opening a group and removing it.

use super::convert;
use crate::cloud::aws::AwsCloud;
use crate::cloud::aws::error::{call, rehearsed};
use crate::cloud::operations::{AUTHORIZE_SECURITY_GROUP_INGRESS, DELETE_SECURITY_GROUP};
use crate::cloud::port::{CloudResult, FlowWrites, Target};
use crate::domain::{GroupId, GroupRule};
use async_trait::async_trait;

#[async_trait]
impl FlowWrites for AwsCloud {
    async fn authorize_ingress(&self, target: &Target, group: &GroupId, rules: &[GroupRule]) -> CloudResult<()> {
        let clients = self.clients.of(&target.scope).await?;
        let ec2_once = &clients.ec2_once;
        let request = ec2_once
            .authorize_security_group_ingress()
            .group_id(group.as_str())
            .set_ip_permissions(Some(rules.iter().map(convert::permission).collect()))
            .dry_run(target.dry_run);
        let answer = call(AUTHORIZE_SECURITY_GROUP_INGRESS, Some(&target.scope), request.send()).await;
        rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(group))
    }

    async fn delete_group(&self, target: &Target, group: &GroupId) -> CloudResult<()> {
        let clients = self.clients.of(&target.scope).await?;
        let ec2_once = &clients.ec2_once;
        let request = ec2_once.delete_security_group().group_id(group.as_str()).dry_run(target.dry_run);
        let answer = call(DELETE_SECURITY_GROUP, Some(&target.scope), request.send()).await;
        rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(group))
    }
}
