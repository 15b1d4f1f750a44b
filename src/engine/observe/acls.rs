//! Reading network ACLs and their counters.

use crate::cloud::{CloudError, Reads};
use crate::domain::{AclCounter, AclId, Scope};
use crate::playbook::{Needs, Observed};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the ACLs and counters that are asked for into `world`.
///
/// # Errors
/// When the ACLs can't be read. Counters that can't be read are said and stop nothing.
pub(super) async fn read(
    reads: &dyn Reads,
    scope: &Scope,
    needs: &Needs,
    world: &mut Observed,
) -> Result<(), CloudError> {
    if !needs.acls.is_empty() {
        let ids: Vec<AclId> = needs.acls.iter().cloned().collect();
        world.acls = reads.network_acls(scope, &ids).await?.into_iter().map(|a| (a.id.clone(), a)).collect();
    }
    if !needs.counters.is_empty() {
        match counters(reads, scope, &needs.counters).await {
            Ok(counters) => world.counters = counters,
            Err(error) => world.counters_error = Some(error.to_string()),
        }
    }
    Ok(())
}

/// The counters of these ACLs; one that isn't there is left out.
///
/// # Errors
/// When Parameter Store can't be read.
pub(in crate::engine) async fn counters(
    reads: &dyn Reads,
    scope: &Scope,
    acls: &BTreeSet<AclId>,
) -> Result<BTreeMap<AclId, AclCounter>, CloudError> {
    let names: BTreeMap<String, &AclId> = acls.iter().map(|acl| (AclCounter::name_for(acl), acl)).collect();
    let list: Vec<String> = names.keys().cloned().collect();
    let found = reads.named_parameters(scope, &list).await?;
    let counter = |p: crate::cloud::port::Parameter| {
        let acl = (*names.get(&p.name)?).clone();
        Some((acl, AclCounter { value: p.value, version: p.version, modified_at: p.modified_at }))
    };
    Ok(found.into_iter().filter_map(counter).collect())
}
