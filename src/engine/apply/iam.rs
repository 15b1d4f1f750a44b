//! IAM's edits as calls. What is to be removed and isn't there is as good as removed: an answer may have been lost.

use crate::cloud::port::{CloudResult, Target};
use crate::cloud::{ErrorKind, Writes};
use crate::domain::Principal;
use crate::playbook::change::{AttachManagedPolicy, PutInlinePolicy};

fn removed(answer: CloudResult<()>) -> CloudResult<()> {
    match answer {
        Err(e) if e.kind == ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

/// Sets or removes an inline policy.
pub(super) async fn put(writes: &dyn Writes, target: &Target, edit: &PutInlinePolicy) -> CloudResult<()> {
    let name = &edit.name;
    match (&edit.of, &edit.after) {
        (Principal::User(user), Some(document)) => writes.put_user_policy(target, user, name, document).await,
        (Principal::User(user), None) => removed(writes.delete_user_policy(target, user, name).await),
        (Principal::Role(role), Some(document)) => writes.put_role_policy(target, role, name, document).await,
        (Principal::Role(role), None) => removed(writes.delete_role_policy(target, role, name).await),
    }
}

/// Attaches a managed policy, or detaches it.
pub(super) async fn attach(writes: &dyn Writes, target: &Target, edit: &AttachManagedPolicy) -> CloudResult<()> {
    if edit.after {
        writes.attach_user_policy(target, &edit.user, &edit.arn).await
    } else {
        removed(writes.detach_user_policy(target, &edit.user, &edit.arn).await)
    }
}
