//! Roles with everything on them.

use super::principals;
use crate::cloud::{CloudError, Reads};
use crate::domain::Scope;
use crate::domain::principal::RoleRecord;
use futures::future::{join_all, try_join_all};
use std::collections::{BTreeMap, BTreeSet};

/// Those of these roles that exist, by name.
///
/// # Errors
/// The first read that failed.
pub(in crate::engine) async fn of(
    reads: &dyn Reads,
    scope: &Scope,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, RoleRecord>, CloudError> {
    let each = names.iter().map(|name| async move { Ok((name.clone(), principals::role(reads, scope, name).await?)) });
    let read: Vec<(String, Option<RoleRecord>)> = try_join_all(each).await?;
    Ok(read.into_iter().filter_map(|(name, record)| Some((name, record?))).collect())
}

/// The documents of managed policies, by ARN, as far as they can be read: what can't be is left out.
pub(in crate::engine) async fn documents(
    reads: &dyn Reads,
    scope: &Scope,
    arns: &BTreeSet<String>,
) -> BTreeMap<String, String> {
    let each = arns.iter().map(|arn| async move {
        let policy = reads.managed_policy(scope, arn).await?;
        Ok::<_, CloudError>((arn.clone(), reads.policy_document(scope, arn, &policy.version).await?))
    });
    let mut read = BTreeMap::new();
    for answer in join_all(each).await {
        match answer {
            Ok((arn, document)) => drop(read.insert(arn, document)),
            Err(error) => tracing::warn!(%error, "a managed policy could not be read"),
        }
    }
    read
}
