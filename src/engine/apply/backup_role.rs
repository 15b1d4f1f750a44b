//! Making the backup role: it is looked for first, and only what is missing is made. Begun again, it goes on.

use super::super::Engine;
use super::super::answer::{Answer, unclear_or_failed};
use super::super::observe::roles;
use super::super::readback::WAITS;
use super::super::retry::{rereading, retrying};
use crate::cloud::port::Target;
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::principal::RoleRecord;
use crate::domain::{Scope, text};
use crate::playbook::change::MakeBackupRole;
use std::collections::BTreeSet;

struct Hand<'a> {
    engine: &'a Engine,
    writes: &'a dyn Writes,
    target: Target,
    change: &'a MakeBackupRole,
}

/// Makes the role, puts its policies on it, makes its instance profile, and reads all of it back.
pub(super) async fn make(engine: &Engine, writes: &dyn Writes, scope: &Scope, change: &MakeBackupRole) -> Answer {
    let hand = Hand { engine, writes, target: Target::new(scope), change };
    match hand.make().await {
        Ok(answer) => answer,
        Err(e) => unclear_or_failed(&e),
    }
}

impl Hand<'_> {
    fn name(&self) -> &str {
        &self.change.role.name
    }

    async fn look(&self) -> Result<Option<RoleRecord>, CloudError> {
        let (reads, names) = (self.engine.cloud().reads().as_ref(), BTreeSet::from([self.name().to_owned()]));
        let found = rereading(self.engine, || roles::of(reads, &self.target.scope, &names)).await?;
        Ok(found.into_values().next())
    }

    async fn make(&self) -> Result<Answer, CloudError> {
        let mut record = self.look().await?;
        if record.is_none() {
            match retrying(self.engine, || self.writes.create_role(&self.target, &self.change.role)).await {
                Ok(()) => {}
                // By an earlier attempt of ours, or by somebody else: looking tells.
                Err(e) if e.kind == ErrorKind::AlreadyExists || e.may_have_applied => {}
                Err(e) => return Err(e),
            }
            for wait in WAITS {
                tokio::time::sleep(wait).await;
                record = self.look().await?;
                if record.is_some() {
                    break;
                }
            }
        }
        let Some(record) = record else {
            return Ok(Answer::failed("NotVisible", format!("role {} was made and can't be read yet", self.name())));
        };
        if !MakeBackupRole::is_ours(&record.role) {
            let why = format!("role {} exists and is not one that we made", text::safe(self.name()));
            return Ok(Answer::failed("ForeignRole", why));
        }
        let other = self.change.differs_from(&record.role);
        if !other.is_empty() {
            let why = format!("role {} has another {}", text::safe(self.name()), other.join(" and "));
            return Ok(Answer::failed("ForeignRole", why));
        }
        self.policies(&record).await?;
        if let Some(answer) = self.profile().await? {
            return Ok(answer);
        }
        self.read_back().await
    }

    async fn policies(&self, record: &RoleRecord) -> Result<(), CloudError> {
        for (policy, document) in &self.change.inline {
            if record.inline.get(policy) != Some(document) {
                let put = || self.writes.put_role_policy(&self.target, self.name(), policy, document);
                once_visible(|| rereading(self.engine, put)).await?;
            }
        }
        for arn in self.change.attached.difference(&record.attached) {
            let attach = || self.writes.attach_role_policy(&self.target, self.name(), arn);
            once_visible(|| rereading(self.engine, attach)).await?;
        }
        Ok(())
    }

    /// The profile with the role in it; an answer where that can't be.
    async fn profile(&self) -> Result<Option<Answer>, CloudError> {
        let (name, role) = (self.name(), &self.change.role);
        let reads = self.engine.cloud().reads().as_ref();
        let look = || reads.instance_profile(&self.target.scope, name);
        let mut found = rereading(self.engine, look).await;
        if matches!(&found, Err(e) if e.kind == ErrorKind::NotFound) {
            let make = || self.writes.create_profile(&self.target, name, &role.path, &role.tags);
            match retrying(self.engine, make).await {
                Ok(()) => {}
                Err(e) if e.kind == ErrorKind::AlreadyExists || e.may_have_applied => {}
                Err(e) => return Err(e),
            }
            found = once_visible(|| rereading(self.engine, look)).await;
        }
        match found?.role {
            Some(held) if held == role.name => return Ok(None),
            Some(held) => {
                let why = format!("instance profile {name} holds the role {}", text::fit(&held, 80));
                return Ok(Some(Answer::failed("ForeignProfile", why)));
            }
            None => {}
        }
        match once_visible(|| retrying(self.engine, || self.writes.add_role_to_profile(&self.target, name, name))).await
        {
            Ok(()) => Ok(None),
            // Reading back tells whether it is in.
            Err(e) if e.may_have_applied => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn read_back(&self) -> Result<Answer, CloudError> {
        for wait in WAITS {
            tokio::time::sleep(wait).await;
            let Some(record) = self.look().await? else { continue };
            let in_profile = record.profiles.iter().any(|p| p.arn == self.change.profile_arn);
            if record.inline == self.change.inline && record.attached == self.change.attached && in_profile {
                return Ok(Answer::Applied {
                    output: vec![text::fit(&self.change.profile_arn, 200)],
                    verified: Some("the role, its policies and its instance profile were read back".into()),
                });
            }
        }
        Ok(Answer::failed("NotAsLeft", format!("role {} does not read as it was made", text::safe(self.name()))))
    }
}

/// Calls again while IAM does not know yet what it has just made.
async fn once_visible<T, F, C>(call: C) -> Result<T, CloudError>
where
    C: Fn() -> F,
    F: Future<Output = Result<T, CloudError>>,
{
    let mut last = call().await;
    for wait in WAITS {
        match &last {
            Err(e) if e.kind == ErrorKind::NotFound => {}
            _ => return last,
        }
        tokio::time::sleep(wait).await;
        last = call().await;
    }
    last
}
