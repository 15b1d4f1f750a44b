//! Instances by themselves, and the profiles on them.

use crate::cloud::port::InstanceQuery;
use crate::cloud::{CloudError, ErrorKind, Reads};
use crate::domain::principal::ProfileAssociation;
use crate::domain::{Instance, InstanceId, Scope};
use crate::playbook::{Needs, Observed};
use futures::future::{join_all, try_join};
use std::collections::BTreeMap;

/// The instances that are asked for, and the profiles on those whose profiles are.
///
/// # Errors
/// The first read that failed.
#[allow(clippy::type_complexity)] // two maps, named where they go
pub(super) async fn of(
    reads: &dyn Reads,
    scope: &Scope,
    needs: &Needs,
) -> Result<(BTreeMap<InstanceId, Instance>, BTreeMap<InstanceId, Vec<ProfileAssociation>>), CloudError> {
    let instances = async {
        let ids: Vec<InstanceId> = needs.instances.iter().cloned().collect();
        if ids.is_empty() { Ok(vec![]) } else { reads.instances(scope, &InstanceQuery::Ids(ids)).await }
    };
    let associations = async {
        let ids: Vec<InstanceId> = needs.profiles_of.iter().cloned().collect();
        if ids.is_empty() { Ok(vec![]) } else { reads.profile_associations(scope, &ids).await }
    };
    let (instances, associations) = try_join(instances, associations).await?;
    let mut profiles: BTreeMap<_, Vec<_>> = needs.profiles_of.iter().map(|id| (id.clone(), Vec::new())).collect();
    for association in associations {
        if let Some(list) = profiles.get_mut(&association.instance) {
            list.push(association);
        }
    }
    Ok((instances.into_iter().map(|i| (i.id.clone(), i)).collect(), profiles))
}

/// Adds the instances of other Regions that are asked for, and the profiles on them. A Region that we may not read is
/// noted as such.
///
/// # Errors
/// The first other read that failed.
pub(super) async fn elsewhere(
    reads: &dyn Reads,
    home: &Scope,
    needs: &Needs,
    world: &mut Observed,
) -> Result<(), CloudError> {
    let each = needs.elsewhere.iter().map(|(region, ids)| async move {
        let place = Scope { region: region.clone(), ..home.clone() };
        let needs = Needs { instances: ids.clone(), profiles_of: ids.clone(), ..Needs::default() };
        (region, of(reads, &place, &needs).await)
    });
    for (region, answer) in join_all(each).await {
        match answer {
            Ok((instances, profiles)) => {
                world.instances.extend(instances);
                world.profiles.extend(profiles);
            }
            Err(e) if e.kind == ErrorKind::Denied => drop(world.unread_regions.insert(region.clone())),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
