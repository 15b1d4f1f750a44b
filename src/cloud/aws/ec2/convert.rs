//! Between EC2's shapes and ours. What has no id is left out: there is nothing that could be done with it.

use crate::cloud::port::{Snapshot, VolumeDetail, VpcEndpoint};
use crate::domain::{
    AclAction, AclDirection, AclEntry, AclId, GroupId, GroupRule, Instance, InstanceId, Interface, InterfaceId,
    NetworkAcl, RulePeer, SecurityGroup, SnapshotId, SubnetId, Tags, Volume, VolumeId, VpcId,
};
use aws_sdk_ec2::types as ec2;
use chrono::{DateTime, Utc};
use std::net::IpAddr;

/// A time as the SDK has it.
pub(in crate::cloud::aws) fn time(at: &aws_smithy_types::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}

fn tags(tags: &[ec2::Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

fn operator(operator: Option<&ec2::OperatorResponse>) -> Option<String> {
    operator.filter(|o| o.managed() == Some(true)).map(|o| o.principal().unwrap_or("an AWS service").to_owned())
}

pub(super) fn instance(i: &ec2::Instance) -> Option<Instance> {
    Some(Instance {
        id: InstanceId::new(i.instance_id()?),
        state: i.state().and_then(|s| s.name()).map_or_else(String::new, |s| s.as_str().to_owned()),
        vpc: i.vpc_id().filter(|v| !v.is_empty()).map(VpcId::new),
        subnet: i.subnet_id().filter(|s| !s.is_empty()).map(SubnetId::new),
        instance_type: i.instance_type().map_or_else(String::new, |t| t.as_str().to_owned()),
        image: i.image_id().map(str::to_owned),
        launched_at: i.launch_time().and_then(time),
        profile_arn: i.iam_instance_profile().and_then(|p| p.arn()).map(str::to_owned),
        operator: operator(i.operator()),
        lifecycle: i.instance_lifecycle().map(|l| l.as_str().to_owned()),
        metadata: super::profiles::metadata(i.metadata_options()),
        volumes: i.block_device_mappings().iter().filter_map(volume).collect(),
        tags: tags(i.tags()),
    })
}

fn volume(mapping: &ec2::InstanceBlockDeviceMapping) -> Option<Volume> {
    let ebs = mapping.ebs()?;
    Some(Volume {
        id: VolumeId::new(ebs.volume_id()?),
        device: mapping.device_name().unwrap_or_default().to_owned(),
        delete_on_termination: ebs.delete_on_termination().unwrap_or(false),
    })
}

pub(super) fn interface(i: &ec2::NetworkInterface) -> Option<Interface> {
    let attachment = i.attachment();
    let (private_ips, public_ips) = addresses(i);
    Some(Interface {
        id: InterfaceId::new(i.network_interface_id()?),
        device_index: attachment.and_then(|a| a.device_index()).unwrap_or(0),
        subnet: SubnetId::new(i.subnet_id().unwrap_or_default()),
        vpc: VpcId::new(i.vpc_id().unwrap_or_default()),
        groups: i.groups().iter().filter_map(|g| g.group_id()).map(GroupId::new).collect(),
        private_ips,
        public_ips,
        requester_managed: i.requester_managed().unwrap_or(false),
        operator: operator(i.operator()),
        instance: attachment.and_then(|a| a.instance_id()).filter(|id| !id.is_empty()).map(InstanceId::new),
        tags: tags(i.tag_set()),
    })
}

/// The private addresses, primary first, and the public ones. An IPv6 address is public unless it is of the local
/// range (fc00::/7).
fn addresses(i: &ec2::NetworkInterface) -> (Vec<IpAddr>, Vec<IpAddr>) {
    let mut listed: Vec<&ec2::NetworkInterfacePrivateIpAddress> = i.private_ip_addresses().iter().collect();
    listed.sort_by_key(|a| a.primary() != Some(true));
    let v4 = listed.iter().filter_map(|a| a.private_ip_address()).chain(i.private_ip_address());
    let v6 = i.ipv6_addresses().iter().filter_map(|a| a.ipv6_address());
    let associated = i.association().into_iter().chain(listed.iter().filter_map(|a| a.association()));
    let (mut private, mut public) = (Vec::new(), Vec::new());
    for address in v4.chain(v6).filter_map(|a| a.parse::<IpAddr>().ok()) {
        let local = match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
        };
        push_new(if local { &mut private } else { &mut public }, address);
    }
    for address in associated.filter_map(|a| a.public_ip()).filter_map(|a| a.parse().ok()) {
        push_new(&mut public, address);
    }
    (private, public)
}

fn push_new(list: &mut Vec<IpAddr>, address: IpAddr) {
    if !list.contains(&address) {
        list.push(address);
    }
}

pub(super) fn group(g: &ec2::SecurityGroup) -> Option<SecurityGroup> {
    Some(SecurityGroup {
        id: GroupId::new(g.group_id()?),
        name: g.group_name().unwrap_or_default().to_owned(),
        vpc: VpcId::new(g.vpc_id().unwrap_or_default()),
        ingress: g.ip_permissions().iter().flat_map(rules).collect(),
        egress: g.ip_permissions_egress().iter().flat_map(rules).collect(),
        tags: tags(g.tags()),
    })
}

/// One rule for each peer of a permission. What isn't understood is a rule as well: a permission that becomes no rule
/// would make an open group look closed.
fn rules(permission: &ec2::IpPermission) -> Vec<GroupRule> {
    let protocol = permission.ip_protocol().unwrap_or("-1");
    let ports = (protocol != "-1").then(|| (permission.from_port(), permission.to_port()));
    let (from_port, to_port) = ports.unwrap_or_default();
    let v4 = permission.ip_ranges().iter().map(|r| known(r.cidr_ip(), RulePeer::Cidr, "an unnamed IPv4 range"));
    let v6 = permission.ipv6_ranges().iter().map(|r| known(r.cidr_ipv6(), RulePeer::Cidr, "an unnamed IPv6 range"));
    let groups = permission.user_id_group_pairs().iter().map(group_peer);
    let lists = permission.prefix_list_ids().iter();
    let lists = lists.map(|l| known(l.prefix_list_id(), RulePeer::PrefixList, "an unnamed prefix list"));
    let mut peers: Vec<RulePeer> = v4.chain(v6).chain(groups).chain(lists).collect();
    if peers.is_empty() {
        peers.push(RulePeer::Other("an unknown peer".to_owned()));
    }
    let rule = |peer| GroupRule { protocol: protocol.to_owned(), from_port, to_port, peer };
    peers.into_iter().map(rule).collect()
}

fn known(name: Option<&str>, peer: fn(String) -> RulePeer, otherwise: &str) -> RulePeer {
    let name = name.filter(|name| !name.is_empty());
    name.map_or_else(|| RulePeer::Other(otherwise.to_owned()), |name| peer(name.to_owned()))
}

/// A group is known by its id alone: names are not unique.
fn group_peer(pair: &ec2::UserIdGroupPair) -> RulePeer {
    let name = pair.group_name().filter(|name| !name.is_empty());
    let otherwise = name.map_or_else(|| "an unnamed group".to_owned(), |name| format!("the group named {name}"));
    known(pair.group_id(), |id| RulePeer::Group(GroupId::new(id)), &otherwise)
}

/// A rule as EC2 wants it.
pub(super) fn permission(rule: &GroupRule) -> ec2::IpPermission {
    let base = ec2::IpPermission::builder()
        .ip_protocol(&rule.protocol)
        .set_from_port(rule.from_port)
        .set_to_port(rule.to_port);
    match &rule.peer {
        RulePeer::Cidr(cidr) if cidr.contains(':') => {
            base.ipv6_ranges(ec2::Ipv6Range::builder().cidr_ipv6(cidr).build())
        }
        RulePeer::Cidr(cidr) => base.ip_ranges(ec2::IpRange::builder().cidr_ip(cidr).build()),
        RulePeer::Group(group) => {
            base.user_id_group_pairs(ec2::UserIdGroupPair::builder().group_id(group.as_str()).build())
        }
        RulePeer::PrefixList(list) => base.prefix_list_ids(ec2::PrefixListId::builder().prefix_list_id(list).build()),
        // There is no way to name it; EC2 refuses a permission without a peer.
        RulePeer::Other(_) => base,
    }
    .build()
}

pub(super) fn endpoint(e: &ec2::VpcEndpoint) -> Option<VpcEndpoint> {
    let interface = e.vpc_endpoint_type() == Some(&ec2::VpcEndpointType::Interface);
    interface.then_some(())?;
    Some(VpcEndpoint {
        id: e.vpc_endpoint_id()?.to_owned(),
        service: e.service_name().unwrap_or_default().to_owned(),
        groups: e.groups().iter().filter_map(|g| g.group_id()).map(GroupId::new).collect(),
    })
}

pub(super) fn snapshot(s: &ec2::Snapshot) -> Option<Snapshot> {
    Some(Snapshot {
        id: SnapshotId::new(s.snapshot_id()?),
        volume: VolumeId::new(s.volume_id().unwrap_or_default()),
        state: s.state().map_or_else(String::new, |s| s.as_str().to_owned()),
        started_at: s.start_time().and_then(time),
        tags: tags(s.tags()),
        kms_key: s.kms_key_id().map(str::to_owned),
    })
}

/// A snapshot as `CreateSnapshots` answers it.
pub(super) fn new_snapshot(s: &ec2::SnapshotInfo) -> Option<Snapshot> {
    Some(Snapshot {
        id: SnapshotId::new(s.snapshot_id()?),
        volume: VolumeId::new(s.volume_id().unwrap_or_default()),
        state: s.state().map_or_else(String::new, |s| s.as_str().to_owned()),
        started_at: s.start_time().and_then(time),
        tags: tags(s.tags()),
        kms_key: None, // only DescribeSnapshots tells
    })
}

/// A volume as it is described by itself.
pub(in crate::cloud::aws) fn volume_detail(v: &ec2::Volume) -> Option<VolumeDetail> {
    Some(VolumeDetail {
        id: VolumeId::new(v.volume_id()?),
        state: v.state().map_or_else(String::new, |s| s.as_str().to_owned()),
        size_gib: v.size().unwrap_or_default(),
        volume_type: v.volume_type().map_or_else(String::new, |t| t.as_str().to_owned()),
        encrypted: v.encrypted().unwrap_or(false),
        kms_key: v.kms_key_id().filter(|k| !k.is_empty()).map(str::to_owned),
        snapshot: v.snapshot_id().filter(|s| !s.is_empty()).map(str::to_owned),
        created_at: v.create_time().and_then(time),
        tags: tags(v.tags()),
    })
}

pub(super) fn acl(a: &ec2::NetworkAcl) -> Option<NetworkAcl> {
    Some(NetworkAcl {
        id: AclId::new(a.network_acl_id()?),
        vpc: VpcId::new(a.vpc_id().unwrap_or_default()),
        is_default: a.is_default().unwrap_or(false),
        subnets: a.associations().iter().filter_map(|a| a.subnet_id()).map(SubnetId::new).collect(),
        entries: a.entries().iter().filter_map(entry).collect(),
        tags: tags(a.tags()),
    })
}

fn entry(e: &ec2::NetworkAclEntry) -> Option<AclEntry> {
    Some(AclEntry {
        number: e.rule_number()?,
        direction: if e.egress()? { AclDirection::Egress } else { AclDirection::Ingress },
        action: if e.rule_action()? == &ec2::RuleAction::Allow { AclAction::Allow } else { AclAction::Deny },
        protocol: e.protocol().unwrap_or("-1").to_owned(),
        cidr: e.cidr_block().or(e.ipv6_cidr_block())?.to_owned(),
        ports: e.port_range().and_then(|r| Some((r.from()?, r.to()?))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_survives_the_way_there_and_back() {
        for rule in [
            GroupRule::all_egress(),
            GroupRule::all_egress_v6(),
            GroupRule::https_to(GroupId::new("sg-0ab12cd34ef56ab78")),
            GroupRule {
                protocol: "udp".into(),
                from_port: Some(1),
                to_port: Some(65535),
                peer: RulePeer::Cidr("::/0".into()),
            },
            GroupRule {
                protocol: "icmp".into(),
                from_port: Some(-1),
                to_port: Some(-1),
                peer: RulePeer::PrefixList("pl-0ab12cd3".into()),
            },
        ] {
            assert_eq!(rules(&permission(&rule)), [rule]);
        }
    }

    #[test]
    fn one_permission_with_several_peers_is_several_rules() {
        let permission = ec2::IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(443)
            .to_port(443)
            .ip_ranges(ec2::IpRange::builder().cidr_ip("10.0.0.0/8").build())
            .ip_ranges(ec2::IpRange::builder().cidr_ip("192.168.0.0/16").build())
            .ipv6_ranges(ec2::Ipv6Range::builder().cidr_ipv6("fd00::/8").build())
            .build();
        assert_eq!(rules(&permission).len(), 3);
    }

    #[test]
    fn a_permission_that_is_not_understood_is_still_a_rule() {
        let open = || ec2::IpPermission::builder().ip_protocol("-1");
        let pair = ec2::UserIdGroupPair::builder();
        for (permission, peer) in [
            (open(), "an unknown peer"),
            (open().ip_ranges(ec2::IpRange::builder().build()), "an unnamed IPv4 range"),
            (open().ipv6_ranges(ec2::Ipv6Range::builder().cidr_ipv6("").build()), "an unnamed IPv6 range"),
            (open().prefix_list_ids(ec2::PrefixListId::builder().build()), "an unnamed prefix list"),
            (open().user_id_group_pairs(pair.clone().user_id("111122223333").build()), "an unnamed group"),
            (open().user_id_group_pairs(pair.group_name("web").build()), "the group named web"),
        ] {
            let made = rules(&permission.build());
            assert_eq!(made, [GroupRule { peer: RulePeer::Other(peer.into()), ..GroupRule::all_egress() }]);
        }
    }

    #[test]
    fn addresses_are_sorted_into_private_and_public() {
        let address = |ip: &str, primary| {
            ec2::NetworkInterfacePrivateIpAddress::builder().private_ip_address(ip).primary(primary).build()
        };
        let i = ec2::NetworkInterface::builder()
            .private_ip_addresses(address("10.0.0.9", false))
            .private_ip_addresses(address("10.0.0.4", true))
            .ipv6_addresses(ec2::NetworkInterfaceIpv6Address::builder().ipv6_address("2001:db8::1").build())
            .ipv6_addresses(ec2::NetworkInterfaceIpv6Address::builder().ipv6_address("fd00::1").build())
            .association(ec2::NetworkInterfaceAssociation::builder().public_ip("198.51.100.7").build())
            .build();
        let text = |ips: Vec<IpAddr>| ips.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (private, public) = addresses(&i);
        assert_eq!(text(private), ["10.0.0.4", "10.0.0.9", "fd00::1"]);
        assert_eq!(text(public), ["2001:db8::1", "198.51.100.7"]);
    }
}
