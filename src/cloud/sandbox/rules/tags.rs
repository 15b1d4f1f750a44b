//! `CreateTags` and `DeleteTags`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::ScopeWorld;
use crate::domain::{AclId, GroupId, InstanceId, InterfaceId, SnapshotId, SubnetId, Tags, VolumeId, VpcId};

/// How many tags a resource may have, those that begin with `aws:` aside (EC2 user guide, "Tag restrictions").
const MOST_TAGS: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// Whether AWS keeps this key to itself, in any case of its letters.
fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("aws:"))
}

/// Checks tags by themselves, as every call that takes some does.
pub(in super::super) fn check(tags: &Tags) -> Ruling<()> {
    for (key, value) in tags {
        if is_reserved(key) {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!(
                    "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for \
                         internal use"
                ),
            ));
        }
        if key.is_empty() || key.chars().count() > LONGEST_KEY {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!(
                    "Value ( {key} ) for parameter key is invalid. Tag key must be between 1 and {LONGEST_KEY} \
                         characters"
                ),
            ));
        }
        if value.chars().count() > LONGEST_VALUE {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!(
                    "Value ( {value} ) for parameter value is invalid. Tag value exceeds the maximum length of \
                         {LONGEST_VALUE} characters"
                ),
            ));
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(too_many(""));
    }
    Ok(())
}

fn too_many(resource: &str) -> Refusal {
    Refusal::new("TagLimitExceeded", format!("You have reached the maximum number of tags ({MOST_TAGS}) {resource}"))
}

/// The tags of a resource by its id, whatever its kind.
fn tags_of<'a>(place: &'a mut ScopeWorld, resource: &str) -> Ruling<&'a mut Tags> {
    let missing = |code| Refusal::new(code, format!("The ID '{resource}' does not exist"));
    let kind = resource.split_once('-').map_or("", |(kind, _)| kind);
    match kind {
        "i" => place
            .instances
            .get_mut(&InstanceId::new(resource))
            .map(|i| &mut i.instance.tags)
            .ok_or_else(|| missing("InvalidInstanceID.NotFound")),
        "eni" => place
            .interfaces
            .get_mut(&InterfaceId::new(resource))
            .map(|i| &mut i.tags)
            .ok_or_else(|| missing("InvalidNetworkInterfaceID.NotFound")),
        "sg" => place
            .groups
            .get_mut(&GroupId::new(resource))
            .map(|g| &mut g.group.tags)
            .ok_or_else(|| missing("InvalidGroup.NotFound")),
        "snap" => place
            .snapshots
            .get_mut(&SnapshotId::new(resource))
            .map(|s| &mut s.snapshot.tags)
            .ok_or_else(|| missing("InvalidSnapshot.NotFound")),
        "vol" => place.volumes.get_mut(&VolumeId::new(resource)).ok_or_else(|| missing("InvalidVolume.NotFound")),
        "vpc" => place
            .vpcs
            .get_mut(&VpcId::new(resource))
            .map(|v| &mut v.tags)
            .ok_or_else(|| missing("InvalidVpcID.NotFound")),
        "subnet" => place
            .subnets
            .get_mut(&SubnetId::new(resource))
            .map(|s| &mut s.tags)
            .ok_or_else(|| missing("InvalidSubnetID.NotFound")),
        "acl" => place
            .network_acls
            .get_mut(&AclId::new(resource))
            .map(|a| &mut a.tags)
            .ok_or_else(|| missing("InvalidNetworkAclID.NotFound")),
        _ => Err(Refusal::new("InvalidID", format!("The ID '{resource}' is not valid"))),
    }
}

pub(in super::super) fn create(place: &mut ScopeWorld, resource: &str, tags: &Tags) -> Ruling<()> {
    if tags.is_empty() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter Tag"));
    }
    check(tags)?;
    let present = tags_of(place, resource)?;
    let counted = present.keys().filter(|key| !is_reserved(key)).count();
    let added = tags.keys().filter(|key| !present.contains_key(*key)).count();
    if counted + added > MOST_TAGS {
        return Err(too_many(&format!("for the resource '{resource}'")));
    }
    present.extend(tags.clone());
    Ok(())
}

/// Removes each tag that still has the value given; another value stays, without an error.
pub(in super::super) fn delete(place: &mut ScopeWorld, resource: &str, tags: &Tags) -> Ruling<()> {
    check(tags)?;
    let present = tags_of(place, resource)?;
    present.retain(|key, value| tags.get(key) != Some(value));
    Ok(())
}
