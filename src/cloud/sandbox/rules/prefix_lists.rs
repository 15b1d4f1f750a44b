//! `DescribeManagedPrefixLists` and `GetManagedPrefixListEntries`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::ScopeWorld;
use crate::domain::{PrefixList, PrefixListId};
use ipnet::IpNet;

/// Those that AWS manages, among those of the account.
pub(in super::super) fn of_aws(place: &ScopeWorld) -> Vec<PrefixList> {
    let of_aws = place.prefix_lists.iter().filter(|(_, state)| state.of_aws);
    of_aws.map(|(id, state)| PrefixList { id: id.clone(), name: state.name.clone() }).collect()
}

pub(in super::super) fn entries(place: &ScopeWorld, id: &PrefixListId) -> Ruling<Vec<IpNet>> {
    let unknown = || Refusal::new("InvalidPrefixListID.NotFound", format!("The prefix list ({id}) does not exist."));
    Ok(place.prefix_lists.get(id).ok_or_else(unknown)?.ranges.clone())
}
