//! Opening a group and removing it: their half of the port.

use super::rules::groups as rules;
use super::simulated::Sandbox;
use crate::cloud::port::{CloudResult, FlowWrites, Target};
use crate::domain::{GroupId, GroupRule};
use async_trait::async_trait;

#[async_trait]
impl FlowWrites for Sandbox {
    async fn authorize_ingress(&self, target: &Target, group: &GroupId, ingress: &[GroupRule]) -> CloudResult<()> {
        self.tell("ec2:AuthorizeSecurityGroupIngress", target, group, |world| {
            rules::authorize_ingress(world.place_mut(&target.scope)?, group, ingress)
        })
        .await
    }

    async fn delete_group(&self, target: &Target, group: &GroupId) -> CloudResult<()> {
        self.tell("ec2:DeleteSecurityGroup", target, group, |world| {
            rules::delete(world.place_mut(&target.scope)?, group)
        })
        .await
    }
}
