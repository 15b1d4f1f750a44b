//! EC2's calls on the entries of network ACLs. Both are sent once.

use crate::cloud::aws::clients::ScopeClients;
use crate::cloud::aws::error::{call, rehearsed};
use crate::cloud::operations::{CREATE_NETWORK_ACL_ENTRY, DELETE_NETWORK_ACL_ENTRY};
use crate::cloud::port::{CloudResult, Target};
use crate::domain::{AclAction, AclDirection, AclEntry, AclId};
use aws_sdk_ec2::types::{PortRange, RuleAction};

/// `ec2:CreateNetworkAclEntry`.
pub(in crate::cloud::aws) async fn create_entry(
    clients: &ScopeClients,
    target: &Target,
    acl: &AclId,
    entry: &AclEntry,
) -> CloudResult<()> {
    let action = match entry.action {
        AclAction::Allow => RuleAction::Allow,
        AclAction::Deny => RuleAction::Deny,
    };
    let (v4, v6) = if entry.is_ipv6() { (None, Some(&entry.cidr)) } else { (Some(&entry.cidr), None) };
    let ec2_once = &clients.ec2_once;
    let request = ec2_once
        .create_network_acl_entry()
        .network_acl_id(acl.as_str())
        .rule_number(entry.number)
        .egress(entry.direction == AclDirection::Egress)
        .rule_action(action)
        .protocol(&entry.protocol)
        .set_cidr_block(v4.cloned())
        .set_ipv6_cidr_block(v6.cloned())
        .set_port_range(entry.ports.map(|(from, to)| PortRange::builder().from(from).to(to).build()))
        .dry_run(target.dry_run);
    let answer = call(CREATE_NETWORK_ACL_ENTRY, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(acl))
}

/// `ec2:DeleteNetworkAclEntry`.
pub(in crate::cloud::aws) async fn delete_entry(
    clients: &ScopeClients,
    target: &Target,
    acl: &AclId,
    direction: AclDirection,
    number: i32,
) -> CloudResult<()> {
    let ec2_once = &clients.ec2_once;
    let request = ec2_once
        .delete_network_acl_entry()
        .network_acl_id(acl.as_str())
        .rule_number(number)
        .egress(direction == AclDirection::Egress)
        .dry_run(target.dry_run);
    let answer = call(DELETE_NETWORK_ACL_ENTRY, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(acl))
}
