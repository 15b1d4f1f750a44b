//! Reading users, roles and their policies.

use crate::cloud::port::CloudResult;
use crate::cloud::{CloudError, ErrorKind, Reads};
use crate::domain::principal::{RoleRecord, UserRecord};
use crate::domain::{Principal, Scope};
use crate::playbook::dossier::{Dossier, RoleUse};
use crate::playbook::{Needs, Observed};
use futures::future::{join_all, try_join_all};
use std::collections::{BTreeMap, BTreeSet};

/// What is there, or nothing where IAM says that it isn't.
fn existing<T>(answer: CloudResult<T>) -> CloudResult<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.kind == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Reads keys and policies that are asked for.
pub(super) async fn read(reads: &dyn Reads, scope: &Scope, needs: &Needs, world: &mut Observed) -> CloudResult<()> {
    let keys = needs.keys_of.iter().map(|user| async move {
        Ok::<_, CloudError>((user.clone(), existing(reads.access_keys(scope, user).await)?))
    });
    let policies = needs.inline_policies.iter().map(|(of, name)| async move {
        Ok::<_, CloudError>((of.clone(), name.clone(), reads.inline_policy(scope, of, name).await?))
    });
    let attached = needs.attached_to.iter().map(|of| async move {
        let arns = match of {
            Principal::User(user) => reads.attached_user_policies(scope, user).await,
            Principal::Role(role) => reads.attached_role_policies(scope, role).await,
        };
        Ok::<_, CloudError>((of.clone(), existing(arns)?))
    });
    let (keys, policies, attached) =
        futures::try_join!(try_join_all(keys), try_join_all(policies), try_join_all(attached))?;
    world.access_keys = keys.into_iter().filter_map(|(user, keys)| Some((user, keys?))).collect();
    for (of, name, document) in policies {
        world.inline_policies.entry(of).or_default().insert(name, document);
    }
    world.attached_policies = attached.into_iter().filter_map(|(of, arns)| Some((of, arns?))).collect();
    Ok(())
}

/// A principal's inline policies, whole.
async fn inline(
    reads: &dyn Reads,
    scope: &Scope,
    of: &Principal,
    names: BTreeSet<String>,
) -> CloudResult<BTreeMap<String, String>> {
    let each = names.into_iter().map(|name| async move {
        let document = reads.inline_policy(scope, of, &name).await?;
        Ok::<_, CloudError>((name, document))
    });
    // One that was deleted between the list and the look isn't there.
    Ok(try_join_all(each).await?.into_iter().filter_map(|(name, document)| Some((name, document?))).collect())
}

/// Everything about a user; none where there is no such user. `unread` gets what could not be read and isn't needed.
async fn user(
    reads: &dyn Reads,
    scope: &Scope,
    name: &str,
    unread: &mut Vec<String>,
) -> CloudResult<Option<UserRecord>> {
    let Some(user) = existing(reads.user(scope, name).await)? else { return Ok(None) };
    let of = Principal::User(name.to_owned());
    let (keys, names, attached) = futures::try_join!(
        reads.access_keys(scope, name),
        reads.user_policies(scope, name),
        reads.attached_user_policies(scope, name),
    )?;
    let inline = inline(reads, scope, &of, names).await?;
    let password_since = existing(reads.login_profile(scope, name).await).unwrap_or_else(|e| {
        unread.push(format!("whether there is a console password ({e})"));
        None
    });
    Ok(Some(UserRecord { user, keys, password_since, inline, attached }))
}

/// Everything about a role; none where there is no such role.
///
/// # Errors
/// When something can't be read.
pub async fn role(reads: &dyn Reads, scope: &Scope, name: &str) -> CloudResult<Option<RoleRecord>> {
    let Some(role) = existing(reads.role(scope, name).await)? else { return Ok(None) };
    let of = Principal::Role(name.to_owned());
    let (names, attached, profiles) = futures::try_join!(
        reads.role_policies(scope, name),
        reads.attached_role_policies(scope, name),
        reads.profiles_of_role(scope, name),
    )?;
    let inline = inline(reads, scope, &of, names).await?;
    Ok(Some(RoleRecord { role, inline, attached, profiles }))
}

/// The instances that get a role's credentials through one of its profiles, in these account and Region pairs; and the
/// failures, one for each that could not be read.
pub async fn instances_with(
    reads: &dyn Reads,
    regions: &[Scope],
    record: &RoleRecord,
) -> (Vec<RoleUse>, Vec<(Scope, CloudError)>) {
    let arns: BTreeSet<&str> = record.profiles.iter().map(|p| p.arn.as_str()).collect();
    if arns.is_empty() {
        return (vec![], vec![]);
    }
    let answers = join_all(regions.iter().map(|scope| reads.profile_associations(scope, &[]))).await;
    let (mut uses, mut failures) = (Vec::new(), Vec::new());
    for (scope, answer) in regions.iter().zip(answers) {
        match answer {
            Ok(found) => uses.extend(
                found.into_iter().filter(|a| a.is_live() && arns.contains(a.profile_arn.as_str())).map(|a| RoleUse {
                    scope: scope.clone(),
                    instance: a.instance,
                    profile_arn: a.profile_arn,
                }),
            ),
            Err(error) => failures.push((scope.clone(), error)),
        }
    }
    uses.sort();
    uses.dedup();
    (uses, failures)
}

/// Reads all about a user or role. `regions` are where instances are looked for.
///
/// # Errors
/// When what the containment rests on can't be read; the rest is only noted as unread.
pub async fn dossier(reads: &dyn Reads, scope: &Scope, regions: &[Scope], of: &Principal) -> CloudResult<Dossier> {
    let mut dossier = Dossier::empty(of.clone());
    match of {
        Principal::User(name) => dossier.user = user(reads, scope, name, &mut dossier.unread).await?,
        Principal::Role(name) => dossier.role = role(reads, scope, name).await?,
    }
    if let Some(record) = &dossier.user {
        let uses = record.keys.iter().map(|k| async move { (k.id.clone(), reads.key_last_used(scope, &k.id).await) });
        for (key, answer) in join_all(uses).await {
            match answer {
                Ok(used) => drop(dossier.key_uses.insert(key, used)),
                Err(e) => dossier.unread.push(format!("when {key} was last used ({e})")),
            }
        }
    }
    if let Some(record) = &dossier.role {
        let (uses, failures) = instances_with(reads, regions, record).await;
        let failed = |scope: &Scope| failures.iter().any(|(s, _)| s == scope);
        dossier.looked_in = regions.iter().filter(|s| !failed(s)).map(|s| s.region.clone()).collect();
        dossier.instances = uses;
        dossier
            .unread
            .extend(failures.iter().map(|(s, e)| format!("which instances use the role in {} ({e})", s.region)));
    }
    let attached = dossier.attached();
    let own: Vec<String> = attached.into_iter().flatten().filter(|arn| !arn.contains(":iam::aws:")).cloned().collect();
    let answers = join_all(own.iter().map(|arn| reads.managed_policy(scope, arn))).await;
    for (arn, answer) in own.iter().zip(answers) {
        match answer {
            Ok(policy) => dossier.policies.push(policy),
            Err(e) => dossier.unread.push(format!("when {arn} was made ({e})")),
        }
    }
    Ok(dossier)
}
