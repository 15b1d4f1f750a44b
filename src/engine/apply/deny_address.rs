//! Adding the entries of a block and removing them: looked at before and after, EC2 the arbiter of each number.
//!
//! Entries are only ever created, never replaced: a number that is taken stays whose it is, and ours is another. Of what
//! stands, only an entry whose whole tuple is what we wrote is ever removed.

use super::super::Engine;
use super::super::answer::{Answer, HALF_DONE, step_error, unclear_or_failed};
use super::super::blocks::{NOTHING_STOOD, NUMBER_TAKEN};
use super::super::readback;
use super::super::retry::{ATTEMPTS, rereading, retrying};
use crate::cloud::port::Target;
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::{AclDirection, AclId, NetworkAcl, Scope};
use crate::ledger::StepError;
use crate::playbook::Change;
use crate::playbook::block::allocate::{Wanted, number};
use crate::playbook::change::{DenyAddress, Seen, ways};
use std::collections::BTreeSet;

/// What works on one ACL.
pub(super) struct Hand<'a> {
    pub(super) engine: &'a Engine,
    pub(super) writes: &'a dyn Writes,
    pub(super) scope: &'a Scope,
}

/// What became of one entry.
enum Entry {
    /// It stands, and is ours.
    Ours,
    /// Its number is somebody else's.
    Taken,
}

/// Adds or removes the entries. `resumed` when the same was intended before: what stands may be ours already.
pub(super) async fn make(hand: &Hand<'_>, deny: &DenyAddress, resumed: bool) -> Answer {
    if deny.directions.is_empty() {
        let nothing = "somebody else has denied it meanwhile: nothing of ours was added".to_owned();
        return Answer::Applied { output: vec![nothing.clone()], verified: Some(nothing) };
    }
    match (read(hand.engine, hand.scope, &deny.acl).await, deny.adds) {
        (Err(error), _) => Answer::Failed(step_error(&error)),
        (Ok(None), true) => Answer::failed("Gone", format!("{} is no longer there", deny.acl)),
        (Ok(None), false) => Answer::applied(vec![format!("{} is gone, and its entries with it", deny.acl)]),
        (Ok(Some(acl)), true) => add(hand, deny, &acl, resumed).await,
        (Ok(Some(acl)), false) => remove(hand, deny, &acl).await,
    }
}

async fn add(hand: &Hand<'_>, deny: &DenyAddress, acl: &NetworkAcl, resumed: bool) -> Answer {
    let seen = deny.seen_in(acl);
    if !resumed {
        // The plan found none: somebody with another ledger was faster, and what is theirs stays theirs.
        let theirs = |d: &AclDirection| acl.effective_deny(*d, &deny.range).is_some();
        let (theirs, left): (BTreeSet<_>, BTreeSet<_>) = deny.directions.iter().copied().partition(theirs);
        if !theirs.is_empty() {
            let why = format!("somebody else denies {} in {} now: that is left alone", deny.range, ways(&theirs));
            return again(deny.in_directions(left), why);
        }
    }
    let mut ours = if resumed { seen.ours.clone() } else { BTreeSet::new() };
    let missing: Vec<AclDirection> = deny.directions.difference(&ours).copied().collect();
    let dead = missing.iter().any(|d| deny.shadowed_by(acl, *d).is_some());
    if dead || !seen.others.is_empty() {
        return under_another_number(hand, deny, &ours).await;
    }
    for direction in missing {
        match create(hand, deny, direction, resumed).await {
            Ok(Entry::Ours) => drop(ours.insert(direction)),
            Ok(Entry::Taken) => return under_another_number(hand, deny, &ours).await,
            Err(error) => return stopped(deny, &ours, &error),
        }
    }
    Answer::applied(vec![format!("number {}", deny.number)])
}

/// Creates one entry. After an unclear answer it looks before it creates again.
async fn create(
    hand: &Hand<'_>,
    deny: &DenyAddress,
    direction: AclDirection,
    resumed: bool,
) -> Result<Entry, CloudError> {
    let (target, entry) = (Target::new(hand.scope), deny.entry(direction));
    let mut may_be_ours = resumed;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match retrying(hand.engine, || hand.writes.create_acl_entry(&target, &deny.acl, &entry)).await {
            Ok(()) => return Ok(Entry::Ours),
            Err(e) if e.kind == ErrorKind::AlreadyExists && !may_be_ours => return Ok(Entry::Taken),
            Err(e) if e.kind == ErrorKind::AlreadyExists => {
                // It is there, and the table doesn't show it yet: whose it is, only looking again can say.
                let unclear = CloudError { may_have_applied: true, ..e };
                return hand.whose(deny, direction).await.ok().flatten().ok_or(unclear);
            }
            Err(e) if !e.may_have_applied => return Err(e),
            Err(e) => {
                may_be_ours = true;
                if let Ok(Some(entry)) = hand.once(deny, direction).await {
                    return Ok(entry);
                }
                last = Some(e);
            }
        }
    }
    Err(last.unwrap_or_else(|| no_answer("ec2:CreateNetworkAclEntry")))
}

/// Takes what we made under this number away again, and intends the same under another: the same number in each direction
/// is what people look for.
async fn under_another_number(hand: &Hand<'_>, deny: &DenyAddress, ours: &BTreeSet<AclDirection>) -> Answer {
    let mut left = ours.clone();
    for direction in ours {
        match delete(hand, deny, *direction).await {
            Ok(()) => drop(left.remove(direction)),
            Err(error) => return stopped(deny, &left, &error),
        }
    }
    let acl = match hand.acl(deny).await {
        Ok(acl) => acl,
        Err(answer) => return answer,
    };
    let wanted = Wanted {
        range: &deny.range,
        directions: &deny.directions,
        band: deny.band,
        prefer: None,
        above: Some(deny.number),
    };
    match number(&acl, &wanted) {
        Ok(n) => {
            let why = format!("number {} of {} was taken or cut off meanwhile: {n} is next", deny.number, deny.acl);
            again(DenyAddress { number: n, ..deny.clone() }, why)
        }
        Err(why) => Answer::failed("NoNumber", format!("{}: {why}", deny.acl)),
    }
}

fn again(change: DenyAddress, why: String) -> Answer {
    let error = StepError { code: NUMBER_TAKEN.into(), message: why };
    Answer::Again { error, change: Box::new(Change::DenyAddress(change)) }
}

/// The answer of a block that stopped at an error: with entries of ours that stand, it has its effect in part.
fn stopped(deny: &DenyAddress, ours: &BTreeSet<AclDirection>, error: &CloudError) -> Answer {
    if ours.is_empty() {
        return unclear_or_failed(error);
    }
    let message = format!("entry {} of {} stands in {} alone: {error}", deny.number, deny.acl, ways(ours));
    Answer::Unclear(StepError { code: HALF_DONE.into(), message })
}

async fn remove(hand: &Hand<'_>, deny: &DenyAddress, acl: &NetworkAcl) -> Answer {
    let Seen { ours, others, .. } = deny.seen_in(acl);
    let mut left = ours.clone();
    for direction in &ours {
        match delete(hand, deny, *direction).await {
            Ok(()) => drop(left.remove(direction)),
            Err(error) if left.len() == deny.directions.len() => return unclear_or_failed(&error),
            Err(error) => return stopped(deny, &left, &error),
        }
    }
    let mut output: Vec<String> =
        others.iter().map(|(direction, what)| format!("{direction} has {what}: not ours, left alone")).collect();
    if ours.is_empty() {
        output.push(NOTHING_STOOD.into());
    }
    Answer::applied(output)
}

/// Removes one entry that looking has just shown to be ours. After an unclear answer it looks before it removes again.
async fn delete(hand: &Hand<'_>, deny: &DenyAddress, direction: AclDirection) -> Result<(), CloudError> {
    let target = Target::new(hand.scope);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let call = || hand.writes.delete_acl_entry(&target, &deny.acl, direction, deny.number);
        match retrying(hand.engine, call).await {
            Ok(()) => return Ok(()),
            // Somebody else has removed it, or our first try did.
            Err(e) if e.kind == ErrorKind::NotFound => return Ok(()),
            Err(e) if !e.may_have_applied => return Err(e),
            Err(e) => {
                match hand.once(deny, direction).await {
                    Ok(Some(Entry::Ours)) => last = Some(e),
                    // Whatever stands there now and isn't ours stays.
                    Ok(_) => return Ok(()),
                    Err(_) => return Err(e),
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| no_answer("ec2:DeleteNetworkAclEntry")))
}

fn no_answer(operation: &str) -> CloudError {
    CloudError::new(operation, ErrorKind::Timeout, "NoAnswer", "no answer came")
}

impl Hand<'_> {
    /// The table as it is now.
    async fn acl(&self, deny: &DenyAddress) -> Result<NetworkAcl, Answer> {
        match read(self.engine, self.scope, &deny.acl).await {
            Ok(Some(acl)) => Ok(acl),
            Ok(None) => Err(Answer::failed("Gone", format!("{} is no longer there", deny.acl))),
            Err(e) => Err(Answer::Failed(step_error(&e))),
        }
    }

    /// Whose the entry under our number is; none where there is none.
    async fn once(&self, deny: &DenyAddress, direction: AclDirection) -> Result<Option<Entry>, CloudError> {
        let acl = read(self.engine, self.scope, &deny.acl).await?;
        let entry = acl.as_ref().and_then(|acl| acl.at(direction, deny.number));
        Ok(entry.map(|e| if deny.is_ours(e) { Entry::Ours } else { Entry::Taken }))
    }

    /// The same of an entry that EC2 says is there, for as long as it may need to show it.
    async fn whose(&self, deny: &DenyAddress, direction: AclDirection) -> Result<Option<Entry>, CloudError> {
        for wait in readback::WAITS {
            tokio::time::sleep(wait).await;
            if let Some(entry) = self.once(deny, direction).await? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

/// What looking says of an intention without an answer.
pub(in crate::engine) enum Found {
    /// All of it was done.
    Done,
    /// Nothing of it was done.
    Nothing,
    /// A part of it was done: what, in words.
    Part(String),
    /// The ACL isn't there any more.
    Gone,
}

/// Looks at what stands of a block that was to be made or taken back.
///
/// # Errors
/// When the table can't be read.
pub(in crate::engine) async fn found(engine: &Engine, scope: &Scope, deny: &DenyAddress) -> Result<Found, CloudError> {
    let Some(acl) = read(engine, scope, &deny.acl).await? else { return Ok(Found::Gone) };
    let ours = deny.seen_in(&acl).ours;
    Ok(match (deny.adds, ours.len() == deny.directions.len(), ours.is_empty()) {
        (true, true, _) | (false, _, true) => Found::Done,
        (true, false, true) | (false, true, false) => Found::Nothing,
        _ => Found::Part(format!("entry {} of {} stands in {} alone", deny.number, deny.acl, ways(&ours))),
    })
}

/// One ACL as it is now; none where there is none of that id.
async fn read(engine: &Engine, scope: &Scope, acl: &AclId) -> Result<Option<NetworkAcl>, CloudError> {
    let (reads, ids) = (engine.cloud().reads().as_ref(), [acl.clone()]);
    let found = rereading(engine, || reads.network_acls(scope, &ids)).await?;
    Ok(found.into_iter().find(|a| &a.id == acl))
}
