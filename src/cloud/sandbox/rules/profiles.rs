//! `DescribeIamInstanceProfileAssociations`.

use super::super::world::{ScopeWorld, hex_of};
use crate::domain::InstanceId;
use crate::domain::principal::ProfileAssociation;

/// The associations of these instances, or of all: one for each instance with a profile.
pub(in super::super) fn associations(place: &ScopeWorld, instances: &[InstanceId]) -> Vec<ProfileAssociation> {
    let wanted = |id: &InstanceId| instances.is_empty() || instances.contains(id);
    let live = place.instances.values().map(|i| &i.instance).filter(|i| i.exists() && wanted(&i.id));
    live.filter_map(|i| {
        let profile_arn = i.profile_arn.clone()?;
        let digits = hex_of(&[b"association", i.id.as_str().as_bytes(), profile_arn.as_bytes()], 16);
        let id = format!("iip-assoc-0{digits}");
        Some(ProfileAssociation { id, instance: i.id.clone(), profile_arn, state: "associated".to_owned() })
    })
    .collect()
}
