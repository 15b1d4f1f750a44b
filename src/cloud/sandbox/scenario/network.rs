//! Builds VPCs with their subnets, groups, network ACLs and endpoints, and the instances in them.

use super::super::rules::buckets::default_key;
use super::super::world::{Endpoint, Group, InstanceState, PrefixListState, ScopeWorld, Subnet, Vpc, World, hex_of};
use super::document::{AclEntryTable, InstanceEntry, InterfaceEntry, PrefixListEntry, VpcEntry};
use super::lines::RuleLine;
use crate::cloud::port::VpcEndpoint;
use crate::domain::{
    AccountId, AclAction, AclDirection, AclEntry, AclId, GroupId, GroupRule, Instance, InstanceId, Interface,
    InterfaceId, MetadataOptions, NetworkAcl, PrefixListId, RulePeer, Scope, SecurityGroup, SubnetId, Tags, Volume,
    VolumeId, VpcId,
};
use ipnet::Ipv6Net;

/// The number of the final IPv6 deny, one above that of IPv4.
const FINAL_IPV6: i32 = AclEntry::FINAL + 1;

/// Ids of what a VPC has without being told: its default group and network ACL.
fn default_id(prefix: &str, vpc: &str) -> String {
    format!("{prefix}0{}", hex_of(&[prefix.as_bytes(), vpc.as_bytes()], 16))
}

fn named(name: &str) -> Tags {
    Tags::from([("Name".to_owned(), name.to_owned())])
}

/// An id as a person wrote it.
fn id<T: std::str::FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Adds a VPC to the scope.
pub(super) fn add_vpc(place: &mut ScopeWorld, scope: &Scope, entry: &VpcEntry) -> Result<(), String> {
    let vpc: VpcId = id(&entry.id)?;
    if let Some(cidr) = entry.ipv6_cidr.as_ref().filter(|cidr| cidr.parse::<Ipv6Net>().is_err()) {
        return Err(format!("`{cidr}` is not an IPv6 range"));
    }
    let new = Vpc { cidr: entry.cidr.clone(), ipv6_cidr: entry.ipv6_cidr.clone(), tags: named(&entry.name) };
    let new_egress = new.new_egress();
    if place.vpcs.insert(vpc.clone(), new).is_some() {
        return Err(format!("{vpc} is there twice"));
    }
    for s in &entry.subnet {
        let subnet = Subnet { vpc: vpc.clone(), cidr: s.cidr.clone(), tags: named(&s.name) };
        if place.subnets.insert(id(&s.id)?, subnet).is_some() {
            return Err(format!("{} is there twice", s.id));
        }
    }
    add_groups(place, &vpc, entry, &new_egress)?;
    add_acls(place, &vpc, entry)?;
    for e in &entry.endpoint {
        let groups = e.groups.iter().map(|g| find_group(place, &vpc, g)).collect::<Result<_, _>>()?;
        let service = format!("com.amazonaws.{}.{}", scope.region, e.service);
        let endpoint = VpcEndpoint { id: e.id.clone(), service, groups };
        place.endpoints.insert(e.id.clone(), Endpoint { vpc: vpc.clone(), endpoint });
    }
    Ok(())
}

fn add_groups(place: &mut ScopeWorld, vpc: &VpcId, entry: &VpcEntry, new_egress: &[GroupRule]) -> Result<(), String> {
    let default = GroupId::new(default_id("sg-", vpc.as_str()));
    let itself =
        GroupRule { protocol: "-1".into(), from_port: None, to_port: None, peer: RulePeer::Group(default.clone()) };
    let mut add = |group: SecurityGroup, description: &str| {
        let id = group.id.clone();
        let description = if description.is_empty() { group.name.clone() } else { description.to_owned() };
        match place.groups.insert(id.clone(), Group { group, description }) {
            Some(_) => Err(format!("{id} is there twice")),
            None => Ok(()),
        }
    };
    let group = SecurityGroup {
        id: default,
        name: "default".into(),
        vpc: vpc.clone(),
        ingress: vec![itself],
        egress: new_egress.to_vec(),
        tags: Tags::new(),
    };
    add(group, "default VPC security group")?;
    for g in &entry.group {
        let (ingress, egress) = (Vec::new(), Vec::new());
        let group = SecurityGroup {
            id: id(&g.id)?,
            name: g.name.clone(),
            vpc: vpc.clone(),
            ingress,
            egress,
            tags: g.tags.clone(),
        };
        add(group, &g.description)?;
    }
    // Rules may name groups that stand further down, so they come once all groups are there.
    for g in &entry.group {
        let rules = |lines: &[RuleLine]| -> Result<Vec<GroupRule>, String> {
            lines.iter().map(|line| rule(place, vpc, line)).collect()
        };
        let ingress = rules(&g.ingress)?;
        let egress = g.egress.as_deref().map_or_else(|| Ok(new_egress.to_vec()), rules)?;
        if let Some(found) = place.groups.get_mut(&GroupId::new(g.id.as_str())) {
            (found.group.ingress, found.group.egress) = (ingress, egress);
        }
    }
    Ok(())
}

fn rule(place: &ScopeWorld, vpc: &VpcId, line: &RuleLine) -> Result<GroupRule, String> {
    let peer = if line.peer.contains('/') {
        RulePeer::Cidr(line.peer.clone())
    } else if line.peer.starts_with("pl-") {
        RulePeer::PrefixList(line.peer.clone())
    } else {
        RulePeer::Group(find_group(place, vpc, &line.peer)?)
    };
    let (from_port, to_port) = (line.ports.map(|p| p.0), line.ports.map(|p| p.1));
    Ok(GroupRule { protocol: line.protocol.clone(), from_port, to_port, peer })
}

fn find_group(place: &ScopeWorld, vpc: &VpcId, id_or_name: &str) -> Result<GroupId, String> {
    let mut of_vpc = place.groups.values().map(|g| &g.group).filter(|g| g.vpc == *vpc);
    of_vpc
        .find(|g| g.id.as_str() == id_or_name || g.name == id_or_name)
        .map(|g| g.id.clone())
        .ok_or_else(|| format!("there is no group `{id_or_name}` in {vpc}"))
}

fn find_subnet(place: &ScopeWorld, id_or_name: &str) -> Result<(SubnetId, VpcId), String> {
    place
        .subnets
        .iter()
        .find(|(id, s)| id.as_str() == id_or_name || s.tags.get("Name").is_some_and(|n| n == id_or_name))
        .map(|(id, s)| (id.clone(), s.vpc.clone()))
        .ok_or_else(|| format!("there is no subnet `{id_or_name}`"))
}

/// The allows that a network ACL begins with, and the final denies, for both directions and families.
fn standing_entries() -> Vec<AclEntry> {
    let families = [("0.0.0.0/0", 100, AclEntry::FINAL), ("::/0", 101, FINAL_IPV6)];
    let mut entries = Vec::new();
    for direction in [AclDirection::Ingress, AclDirection::Egress] {
        for (cidr, first, last) in families {
            for (number, action) in [(first, AclAction::Allow), (last, AclAction::Deny)] {
                let (protocol, cidr) = ("-1".to_owned(), cidr.to_owned());
                entries.push(AclEntry { number, direction, action, protocol, cidr, ports: None });
            }
        }
    }
    entries
}

fn add_acls(place: &mut ScopeWorld, vpc: &VpcId, entry: &VpcEntry) -> Result<(), String> {
    let plain = AclEntryTable {
        id: default_id("acl-", vpc.as_str()),
        name: "default".into(),
        default: true,
        subnets: Vec::new(),
        rules: Vec::new(),
    };
    let default = entry.acl.iter().find(|a| a.default).unwrap_or(&plain);
    let mut rest: Vec<SubnetId> = entry.subnet.iter().map(|s| SubnetId::new(s.id.as_str())).collect();
    for a in entry.acl.iter().filter(|a| !a.default).chain([default]) {
        let mut subnets = Vec::new();
        for name in &a.subnets {
            let (subnet, _) = find_subnet(place, name)?;
            rest.retain(|s| *s != subnet);
            subnets.push(subnet);
        }
        if a.default {
            subnets = std::mem::take(&mut rest);
        }
        let mut entries = standing_entries();
        for line in &a.rules {
            if entries.iter().any(|e| e.number == line.0.number && e.direction == line.0.direction) {
                return Err(format!("{} has two entries {} {}", a.id, line.0.number, line.0.direction));
            }
            entries.push(line.0.clone());
        }
        entries.sort();
        let (acl, tags) = (id::<AclId>(&a.id)?, named(&a.name));
        let acl = NetworkAcl { id: acl, vpc: vpc.clone(), is_default: a.default, subnets, entries, tags };
        place.network_acls.insert(acl.id.clone(), acl);
    }
    Ok(())
}

/// Adds a managed prefix list to the account whose it is, or, as one of AWS's, to every account with its Region.
pub(super) fn add_prefix_list(world: &mut World, entry: &PrefixListEntry) -> Result<(), String> {
    // EC2 API reference, `CreateManagedPrefixList`: "The name cannot start with com.amazonaws."
    if entry.account.is_none() != entry.name.starts_with("com.amazonaws.") {
        return Err("the names of AWS's own begin with `com.amazonaws.`, and no others".into());
    }
    let list: PrefixListId = id(&entry.id)?;
    let accounts = &world.accounts;
    let theirs = |account: &AccountId| {
        entry.account.as_ref().is_none_or(|name| accounts.get(account).is_some_and(|a| a.name == *name))
    };
    let state =
        PrefixListState { name: entry.name.clone(), of_aws: entry.account.is_none(), ranges: entry.ranges.clone() };
    let mut placed = false;
    for (scope, place) in &mut world.scopes {
        if scope.region.as_str() != entry.region || !theirs(&scope.account) {
            continue;
        }
        placed = true;
        if place.prefix_lists.insert(list.clone(), state.clone()).is_some() {
            return Err(format!("{list} is there twice"));
        }
    }
    if placed { Ok(()) } else { Err("there is no account with this Region".into()) }
}

/// Adds an instance with its interfaces and volumes.
pub(super) fn add_instance(world: &mut World, scope: &Scope, entry: &InstanceEntry) -> Result<(), String> {
    let account = world.accounts.get(&scope.account).ok_or("its account is unknown")?;
    let profile_arn = match &entry.profile {
        Some(name) => {
            let profile = account.profiles.get(name).ok_or_else(|| format!("there is no instance profile `{name}`"))?;
            let resource = format!("instance-profile{}{name}", profile.path);
            Some(format!("arn:{}:iam::{}:{resource}", scope.partition, scope.account))
        }
        None => None,
    };
    let launched_at = world.started_at + entry.launched.duration();
    let place = world.scopes.get_mut(scope).ok_or("its scope is unknown")?;
    let instance: InstanceId = id(&entry.id)?;
    let mut primary = None;
    for (n, i) in entry.interface.iter().enumerate() {
        let interface = interface(place, &instance, n, i)?;
        if n == 0 {
            primary = Some((interface.subnet.clone(), interface.vpc.clone()));
        }
        if place.interfaces.insert(interface.id.clone(), interface).is_some() {
            return Err(format!("{} is there twice", i.id));
        }
    }
    let mut volumes = Vec::new();
    for v in &entry.volumes {
        let volume: VolumeId = id(&v.id)?;
        if place.volumes.insert(volume.clone(), named(&format!("{} {}", entry.name, v.device))).is_some() {
            return Err(format!("{volume} is there twice"));
        }
        if let Some(key) = &v.kms_key {
            let key = if key == "default" { default_key(scope) } else { key.clone() };
            place.inside.volume_keys.insert(volume.clone(), key);
        }
        let (device, delete_on_termination) = (v.device.clone(), v.delete_on_termination);
        volumes.push(Volume { id: volume, device, delete_on_termination });
    }
    let mut tags = entry.tags.clone();
    tags.insert("Name".to_owned(), entry.name.clone());
    for n in tags.len()..entry.fill_tags_to {
        tags.insert(format!("inventory:{n:02}"), format!("value {n}"));
    }
    let (subnet, vpc) = primary.unzip();
    let image = hex_of(&[b"image", entry.instance_type.as_bytes()], 16);
    let described = Instance {
        id: instance.clone(),
        state: entry.state.clone().unwrap_or_else(|| "running".to_owned()),
        vpc,
        subnet,
        instance_type: entry.instance_type.clone(),
        image: Some(format!("ami-0{image}")),
        launched_at: Some(launched_at),
        profile_arn,
        operator: entry.operator.clone(),
        lifecycle: entry.lifecycle.clone(),
        metadata: Some(MetadataOptions {
            tokens_required: entry.imdsv2,
            hop_limit: entry.hop_limit.unwrap_or(1),
            endpoint: true,
            ipv6: false,
            tags: false,
            pending: false,
        }),
        volumes,
        tags,
    };
    let state = InstanceState {
        instance: described,
        termination_protection: entry.termination_protection,
        stop_protection: entry.stop_protection,
        user_data: entry.user_data.clone(),
        association: None,
    };
    match place.instances.insert(instance, state) {
        Some(_) => Err(format!("{} is there twice", entry.id)),
        None => Ok(()),
    }
}

fn interface(
    place: &ScopeWorld,
    instance: &InstanceId,
    position: usize,
    entry: &InterfaceEntry,
) -> Result<Interface, String> {
    let (subnet, vpc) = find_subnet(place, &entry.subnet)?;
    let groups = entry.groups.iter().map(|g| find_group(place, &vpc, g)).collect::<Result<_, _>>()?;
    Ok(Interface {
        id: id::<InterfaceId>(&entry.id)?,
        device_index: i32::try_from(position).map_err(|error| error.to_string())?,
        subnet,
        vpc,
        groups,
        private_ips: entry.private.clone(),
        public_ips: entry.public.clone(),
        requester_managed: entry.requester_managed,
        operator: entry.operator.clone(),
        instance: Some(instance.clone()),
        tags: entry.tags.clone(),
    })
}
