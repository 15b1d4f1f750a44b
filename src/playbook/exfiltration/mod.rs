//! contain-exfiltration: the credentials of an instance's role are in somebody else's hands.
//!
//! Nobody can call temporary credentials back, and another profile on the instance leaves those alive that were handed
//! out. So: first IMDSv2 on every instance that has the role, so that a forged request gets no new ones, and the thief's
//! address denied where its packets cross our network ACLs; then the backup's profile on every instance, read back; and
//! only then, with a cut-off that is later than all of that, everything denied to the role's sessions.
//!
//! Waves: (1) backup role, IMDSv2, network ACLs; (2) awaited; (3) the profiles; (4) read back; (5) the revocation;
//! (6) read back; (7) notification and the finding. One instance's failure stops nothing: what doesn't hold is said.

mod backup;
mod left;
mod words;

pub use backup::{Backup, WITHOUT, backup_name};
pub use left::{IMDSV2, PROFILE};

use super::block::say_once;
use super::change::{Change, DenyAddress, PutInlinePolicy, SetInstanceProfile, SetMetadataOptions, profile_name};
use super::credentials::{Credential, behind, our_denies, to_spare};
use super::deny;
use super::observed::Observed;
use super::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use super::quarantine::update_finding;
use crate::domain::principal::{ROLE_POLICY_LIMIT, RoleRecord, policies_size};
use crate::domain::{Instance, InstanceId, MetadataOptions, Principal, Region, RunId, Scope, Workflow, text};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the instances get another profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Swap {
    /// The one of the role's backup, where there is one that may take over.
    #[default]
    Backup,
    /// The same, and where there is no backup, one is made.
    MakeBackup,
    /// No.
    None,
}

/// One entry pair that denies the thief's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deny {
    /// The edit.
    pub edit: DenyAddress,
    /// What stands in the ACL's counter, where it is to be written.
    pub counter: Option<Option<String>>,
}

/// The thief's address in one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// It is denied by these edits; and what a person should know of that.
    Denied(Vec<Deny>, Vec<String>),
    /// It can't be, or needn't: why, a sentence.
    Left(String),
}

/// What the ledger knows of an earlier run on the role that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The run.
    pub run: RunId,
    /// Who began it, escaped.
    pub by: String,
    /// When.
    pub since: DateTime<Utc>,
}

/// An instance that has the backup's profile already, so that none of it is this plan's to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The instance.
    pub instance: InstanceId,
    /// Whether it was read beyond its profile.
    pub read: bool,
    /// Its metadata options, where they are known.
    pub metadata: Option<MetadataOptions>,
}

/// Everything that the playbook looks at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The role behind the stolen credentials.
    pub role: &'a str,
    /// The role's unique id as the finding has it: names are taken again, and in other accounts too.
    pub role_id: Option<String>,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// What was read: the role and its backup, the instances that have the role, and their profiles.
    pub observed: &'a Observed,
    /// The documents of managed policies, by ARN, as far as they were read.
    pub managed: &'a BTreeMap<String, String>,
    /// Whether the instances get another profile.
    pub swap: Swap,
    /// The IAM actions that the finding's calls took.
    pub stolen_for: Vec<String>,
    /// The thief's addresses.
    pub addresses: Vec<Address>,
    /// The Region of each instance in what was read that is not in the scope's own.
    pub regions: BTreeMap<InstanceId, Region>,
    /// The instances of other Regions that have the role and could not be read: they are hit, and not moved.
    pub elsewhere: Vec<(Scope, InstanceId)>,
    /// The instances that have the backup's profile already, in every Region that was looked into.
    pub moved: Vec<Moved>,
    /// The Regions that were looked into.
    pub looked_in: Vec<String>,
    /// What could not be read, escaped: nothing is concluded from its absence.
    pub unread: Vec<String>,
    /// What the ledger knows.
    pub earlier: Option<Earlier>,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// Whether the finding is set to NOTIFIED with a note.
    pub update_finding: bool,
    /// Who asks.
    pub actor: &'a str,
}

/// Plans the containment.
///
/// # Errors
/// When the role doesn't exist, can't be edited, or has no room for the revocation.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let Request { observed, finding, .. } = request;
    let scope = observed.scope.clone();
    let shown = text::fit(request.role, 80);
    let original = observed
        .roles
        .get(request.role)
        .ok_or_else(|| PlanRefusal::NotFound { what: format!("role {shown}"), scope: scope.clone() })?;
    refuse_reserved(original, &scope)?;
    if let Some(told) = request.role_id.as_ref().filter(|told| **told != original.role.id) {
        return Err(PlanRefusal::Unfit(format!(
            "the finding is about {}, and role {shown} of {} is {}: another account's of the same name, which has to contain \
             it there, or one that was deleted and made again since. If this one is meant all the same: --role {shown}",
            text::fit(told, 40),
            scope.account,
            text::fit(&original.role.id, 40)
        )));
    }
    room(original)?;
    let users = users(request, original);
    let chosen = backup::choose(request, original);
    let mut plan = Plan {
        playbook: Playbook::ContainExfiltration,
        subject: Principal::Role(request.role.to_owned()).to_string(),
        title: format!("Contain the stolen credentials of role {shown} in {scope}"),
        observed_at: observed.at,
        incident: finding
            .as_ref()
            .map_or_else(|| format!("{shown}-{}", observed.at.format("%Y%m%d")), FindingRef::incident),
        finding: finding.clone(),
        steps: Vec::new(),
        warnings: words::warnings(request, original, &users, &chosen),
        limits: words::limits(request, &chosen),
        drift: Vec::new(),
        reverts: Vec::new(),
        promise: Promise::default(),
        scope,
    };
    deny::by_whose_clock(observed.clock_ahead, &mut plan.warnings, &mut plan.limits);
    if let Backup::ToBeMade(make) = &chosen {
        plan.steps.push(backup::step(make));
    }
    plan.steps.extend(users.iter().filter_map(|u| metadata_step(request, u)));
    deny_steps(request, &mut plan);
    let swaps: Vec<Step> = users.iter().filter_map(|u| swap_step(request, u, &chosen)).collect();
    if !plan.steps.is_empty() && !swaps.is_empty() {
        plan.steps.push(read_back("prepared", "Read back what was done so far", 2, Weight::Wanted));
    }
    let moved: Vec<InstanceId> = swaps.iter().filter_map(|s| moved(s).cloned()).collect();
    plan.steps.extend(swaps);
    if plan.steps.iter().any(|s| matches!(s.action, Action::Change(_))) {
        plan.steps.push(read_back(
            "read-back-instances",
            "Read back every instance before sessions are cut",
            4,
            Weight::Wanted,
        ));
    }
    plan.steps.push(revocation(request.role));
    plan.steps.push(read_back(
        "read-back",
        "Read back: the policy as stored, and every instance",
        6,
        Weight::Essential,
    ));
    plan.promise =
        Promise { left: left::left(request, &users, &chosen), ..words::promise(request, &users, &moved, &chosen) };
    plan.steps.extend(courtesies(request, &plan));
    plan.steps.sort_by_key(|s| s.wave);
    Ok(plan)
}

/// Refuses a role that only AWS can change.
pub(super) fn refuse_reserved(record: &RoleRecord, scope: &Scope) -> Result<(), PlanRefusal> {
    let role = &record.role;
    // IAM Identity Center's roles are told by their names.
    behind(&Credential::Role(role.name.clone()), None, scope)?;
    if role.is_service_linked() || role.is_identity_centers() {
        return Err(PlanRefusal::Unfit(format!(
            "{} is AWS's own role (path {}), which nobody can edit in IAM (UnmodifiableEntity): stop what the service does \
             for you in the service itself, and open a case with AWS Support",
            text::fit(&role.name, 80),
            text::fit(&role.path, 80)
        )));
    }
    Ok(())
}

/// Refuses where the revocation would not fit.
fn room(original: &RoleRecord) -> Result<(), PlanRefusal> {
    let (held, needed) = (policies_size(original.inline.values()), deny::revoke_sessions_size(None));
    if held + needed > ROLE_POLICY_LIMIT {
        return Err(PlanRefusal::Unfit(format!(
            "role {} has no room for the revocation: its inline policies have {held} of {ROLE_POLICY_LIMIT} characters, and \
             it takes {needed}. {}",
            text::fit(&original.role.name, 80),
            to_spare(&our_denies(&original.inline))
                .unwrap_or_else(|| "Remove one, or make it a managed policy".to_owned())
        )));
    }
    Ok(())
}

/// The instances that get the role's credentials through one of its profiles, in the order of their ids.
fn users<'a>(request: &Request<'a>, original: &RoleRecord) -> Vec<&'a Instance> {
    let profiles: BTreeSet<&str> = original.profiles.iter().map(|p| p.arn.as_str()).collect();
    let has_it = |i: &&Instance| {
        let associations = request.observed.profiles.get(&i.id).into_iter().flatten();
        let mut live = associations.filter(|a| a.is_live());
        i.exists() && live.any(|a| profiles.contains(a.profile_arn.as_str()))
    };
    request.observed.instances.values().filter(has_it).collect()
}

fn step(id: String, title: String, wave: u8, action: Action) -> Step {
    Step { id: StepId(id), title, wave, weight: Weight::Wanted, needs: vec![], action }
}

fn read_back(id: &str, title: &str, wave: u8, weight: Weight) -> Step {
    let action = Action::ReadBack { instance: None, isolated: None };
    Step { weight, ..step(id.to_owned(), title.to_owned(), wave, action) }
}

/// The step that requires IMDSv2; none where it is required, or nothing is known of it.
fn metadata_step(request: &Request<'_>, instance: &Instance) -> Option<Step> {
    let before = instance.metadata.filter(|m| m.endpoint && !m.tokens_required)?;
    instance.operator.is_none().then(|| {
        step(
            format!("imdsv2-{}", instance.id),
            format!("Require IMDSv2 on {}", words::placed(request, instance)),
            1,
            Action::Change(Change::MetadataOptions(SetMetadataOptions {
                instance: instance.id.clone(),
                before,
                after: before.with_tokens(),
                region: request.regions.get(&instance.id).cloned(),
            })),
        )
    })
}

/// The step that puts the backup's profile on an instance.
fn swap_step(request: &Request<'_>, instance: &Instance, chosen: &Backup) -> Option<Step> {
    let (after, needs) = match chosen {
        Backup::There(arn) => (arn.clone(), vec![]),
        Backup::ToBeMade(make) => (make.profile_arn.clone(), vec!["make-backup".into()]),
        Backup::None(_) => return None,
    };
    let association = request.observed.profiles.get(&instance.id)?.iter().find(|a| a.is_live())?;
    if instance.operator.is_some() {
        return None;
    }
    let title = format!("Put {} on {}", text::fit(profile_name(&after), 80), words::placed(request, instance));
    let change = SetInstanceProfile {
        instance: instance.id.clone(),
        before: Some(association.profile_arn.clone()),
        after: Some(after),
        region: request.regions.get(&instance.id).cloned(),
    };
    let swap = step(format!("profile-{}", instance.id), title, 3, Action::Change(Change::InstanceProfile(change)));
    Some(Step { needs, ..swap })
}

/// The instance that a step moves to another profile.
fn moved(step: &Step) -> Option<&InstanceId> {
    match &step.action {
        Action::Change(Change::InstanceProfile(SetInstanceProfile { instance, .. })) => Some(instance),
        _ => None,
    }
}

fn deny_steps(request: &Request<'_>, plan: &mut Plan) {
    for address in &request.addresses {
        match address {
            Address::Left(why) => plan.limits.push(why.clone()),
            Address::Denied(denies, warnings) => {
                say_once(&mut plan.warnings, warnings.iter().cloned());
                let elsewhere: BTreeSet<&Region> = request.regions.values().collect();
                if !elsewhere.is_empty() && !denies.is_empty() {
                    let regions: Vec<&str> = elsewhere.into_iter().map(Region::as_str).collect();
                    plan.limits.push(format!(
                        "the thief's address is denied in {} alone, where the finding saw it, and not in {}: `lazaret block` \
                         does that",
                        plan.scope.region,
                        regions.join(" ")
                    ));
                }
                plan.steps.extend(denies.iter().flat_map(deny));
            }
        }
    }
}

/// The step that denies an address in an ACL, and the one that writes its number to the ACL's counter.
fn deny(deny: &Deny) -> Vec<Step> {
    let Deny { edit, counter } = deny;
    let range = super::block::shown(&edit.range);
    let id = format!("deny-{}-{}", edit.acl, range.replace([':', '/'], "-"));
    let title = format!("Deny {range} in {} under {}", edit.acl, edit.number);
    let write = counter.as_ref().map(|before| Step {
        weight: Weight::Courtesy,
        needs: vec![id.as_str().into()],
        ..step(
            format!("count-{id}"),
            format!("Write {} to the counter of {}", edit.number, edit.acl),
            7,
            Action::WriteCounter {
                acl: edit.acl.clone(),
                step: id.as_str().into(),
                number: edit.number,
                before: before.clone(),
            },
        )
    });
    let made = step(id.clone(), title, 1, Action::Change(Change::DenyAddress(edit.clone())));
    std::iter::once(made).chain(write).collect()
}

/// The step that denies everything to every session of the role that was issued before the step begins. It comes after
/// the profiles were read back, and waits for none of them to have succeeded: a session that lives on is worse than one
/// that an instance gets anew.
fn revocation(role: &str) -> Step {
    Step {
        id: "revoke-sessions".into(),
        title: format!("Deny everything to the sessions of role {} issued until then", text::fit(role, 80)),
        wave: 5,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::Change(Change::InlinePolicy(PutInlinePolicy {
            of: Principal::Role(role.to_owned()),
            name: deny::revoke_sessions_name(),
            before: None,
            after: Some(deny::revoke_sessions(None)),
        })),
    }
}

fn courtesies(request: &Request<'_>, plan: &Plan) -> Vec<Step> {
    let mut steps = Vec::new();
    let role = text::fit(request.role, 60);
    if let Some(topic) = &request.topic_arn {
        let kind = request.finding.as_ref().map_or("no finding", |f| f.finding_type.as_str());
        let subject = text::sns_subject(&format!("lazaret: sessions of role {role} cut in {} ({kind})", plan.scope));
        let action = Action::Notify { topic_arn: topic.clone(), subject };
        steps.push(Step { weight: Weight::Courtesy, ..step("notify".into(), "Tell the SNS topic".into(), 7, action) });
    }
    if request.update_finding {
        let note = format!("Stolen credentials of role {role} contained by {} with lazaret", request.actor);
        steps.extend(update_finding(request.finding.as_ref(), Workflow::Notified, &note, 7));
    }
    steps
}
