//! EC2's mutating calls. Those on `ec2` set a state and may be repeated by the SDK; those on `ec2_once` are sent once.

use super::{convert, tags as ec2_tags};
use crate::cloud::aws::clients::ScopeClients;
use crate::cloud::aws::error::{call, incomplete, rehearsed};
use crate::cloud::operations::{
    AUTHORIZE_SECURITY_GROUP_EGRESS, CREATE_SECURITY_GROUP, CREATE_SNAPSHOTS, CREATE_TAGS, DELETE_TAGS,
    MODIFY_INSTANCE_ATTRIBUTE, MODIFY_NETWORK_INTERFACE_ATTRIBUTE, REVOKE_SECURITY_GROUP_EGRESS,
};
use crate::cloud::port::{CloudResult, Snapshot, Target};
use crate::domain::{GroupId, GroupRule, InstanceId, InterfaceId, Protection, Tags, VpcId};
use aws_sdk_ec2::types::{AttributeBooleanValue, InstanceSpecification, ResourceType, TagSpecification};

/// `ec2:ModifyInstanceAttribute`.
pub(in crate::cloud::aws) async fn set_protection(
    clients: &ScopeClients,
    target: &Target,
    instance: &InstanceId,
    protection: Protection,
    on: bool,
) -> CloudResult<()> {
    let ec2 = &clients.ec2;
    let request = ec2.modify_instance_attribute().instance_id(instance.as_str()).dry_run(target.dry_run);
    let value = AttributeBooleanValue::builder().value(on).build();
    let request = match protection {
        Protection::Termination => request.disable_api_termination(value),
        Protection::Stop => request.disable_api_stop(value),
    };
    let answer = call(MODIFY_INSTANCE_ATTRIBUTE, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(instance))
}

/// `ec2:ModifyNetworkInterfaceAttribute`.
pub(in crate::cloud::aws) async fn set_interface_groups(
    clients: &ScopeClients,
    target: &Target,
    interface: &InterfaceId,
    groups: &[GroupId],
) -> CloudResult<()> {
    let ec2 = &clients.ec2;
    let request = ec2
        .modify_network_interface_attribute()
        .network_interface_id(interface.as_str())
        .set_groups(Some(groups.iter().map(ToString::to_string).collect()))
        .dry_run(target.dry_run);
    let answer = call(MODIFY_NETWORK_INTERFACE_ATTRIBUTE, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(interface))
}

/// `ec2:CreateTags`.
pub(in crate::cloud::aws) async fn create_tags(
    clients: &ScopeClients,
    target: &Target,
    resource: &str,
    tags: &Tags,
) -> CloudResult<()> {
    let ec2 = &clients.ec2;
    let request = ec2.create_tags().resources(resource).set_tags(Some(ec2_tags(tags))).dry_run(target.dry_run);
    let answer = call(CREATE_TAGS, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(resource))
}

/// `ec2:DeleteTags`.
pub(in crate::cloud::aws) async fn delete_tags(
    clients: &ScopeClients,
    target: &Target,
    resource: &str,
    tags: &Tags,
) -> CloudResult<()> {
    if tags.is_empty() {
        return Ok(()); // EC2 reads "no tags named" as "all tags"
    }
    let ec2 = &clients.ec2;
    let request = ec2.delete_tags().resources(resource).set_tags(Some(ec2_tags(tags))).dry_run(target.dry_run);
    let answer = call(DELETE_TAGS, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(resource))
}

/// `ec2:CreateSecurityGroup`.
pub(in crate::cloud::aws) async fn create_group(
    clients: &ScopeClients,
    target: &Target,
    vpc: &VpcId,
    name: &str,
    description: &str,
    tags: &Tags,
) -> CloudResult<GroupId> {
    let ec2_once = &clients.ec2_once;
    let request = ec2_once
        .create_security_group()
        .vpc_id(vpc.as_str())
        .group_name(name)
        .description(description)
        .set_tag_specifications(tagged(ResourceType::SecurityGroup, tags))
        .dry_run(target.dry_run);
    let answer = call(CREATE_SECURITY_GROUP, Some(&target.scope), request.send()).await;
    let id = rehearsed(target.dry_run, answer.map(|a| a.group_id), || Some("sg-00000000".to_owned()));
    id.and_then(|id| id.ok_or_else(|| incomplete(CREATE_SECURITY_GROUP, &target.scope, "the group's id")))
        .map(GroupId::new)
        .map_err(|e| e.on(name))
}

/// `ec2:RevokeSecurityGroupEgress`.
pub(in crate::cloud::aws) async fn revoke_egress(
    clients: &ScopeClients,
    target: &Target,
    group: &GroupId,
    rules: &[GroupRule],
) -> CloudResult<()> {
    let ec2_once = &clients.ec2_once;
    let request = ec2_once
        .revoke_security_group_egress()
        .group_id(group.as_str())
        .set_ip_permissions(Some(rules.iter().map(convert::permission).collect()))
        .dry_run(target.dry_run);
    let answer = call(REVOKE_SECURITY_GROUP_EGRESS, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(group))
}

/// `ec2:AuthorizeSecurityGroupEgress`.
pub(in crate::cloud::aws) async fn authorize_egress(
    clients: &ScopeClients,
    target: &Target,
    group: &GroupId,
    rules: &[GroupRule],
) -> CloudResult<()> {
    let ec2_once = &clients.ec2_once;
    let request = ec2_once
        .authorize_security_group_egress()
        .group_id(group.as_str())
        .set_ip_permissions(Some(rules.iter().map(convert::permission).collect()))
        .dry_run(target.dry_run);
    let answer = call(AUTHORIZE_SECURITY_GROUP_EGRESS, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(group))
}

/// `ec2:CreateSnapshots`: all volumes, the root's included.
pub(in crate::cloud::aws) async fn create_snapshots(
    clients: &ScopeClients,
    target: &Target,
    instance: &InstanceId,
    description: &str,
    tags: &Tags,
) -> CloudResult<Vec<Snapshot>> {
    let all_volumes =
        InstanceSpecification::builder().instance_id(instance.as_str()).exclude_boot_volume(false).build();
    let ec2_once = &clients.ec2_once;
    let request = ec2_once
        .create_snapshots()
        .instance_specification(all_volumes)
        .description(description)
        .set_tag_specifications(tagged(ResourceType::Snapshot, tags))
        .dry_run(target.dry_run);
    let answer = call(CREATE_SNAPSHOTS, Some(&target.scope), request.send()).await;
    let snapshots = answer.map(|a| a.snapshots().iter().filter_map(convert::new_snapshot).collect());
    rehearsed(target.dry_run, snapshots, Vec::new).map_err(|e| e.on(instance))
}

/// The tags to make something with; EC2 refuses a specification without tags.
pub(in crate::cloud::aws) fn tagged(resource: ResourceType, tags: &Tags) -> Option<Vec<TagSpecification>> {
    let specification = || TagSpecification::builder().resource_type(resource).set_tags(Some(ec2_tags(tags))).build();
    (!tags.is_empty()).then(|| vec![specification()])
}
