//! The one gate that every mutating run passes.

use super::prepare::Prepared;
use crate::cloud::Permit;
use crate::domain::{InstanceId, RunId, Tags, text};
use crate::ledger::Claim;
use crate::playbook::{Action, Playbook, Step};
use crate::policy;
use chrono::{DateTime, Utc};

/// The instance id that GuardDuty's sample findings carry.
const SAMPLE_INSTANCE: &str = "i-99999999";

/// The session's standing orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guard {
    /// Not one mutating call leaves the process.
    pub read_only: bool,
    /// Plans are made and shown, and nothing runs.
    pub dry_run: bool,
}

/// What a person has said about this one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consent {
    /// Acts on a subject whose owner has tagged it `AutoRemediation=disabled`.
    pub override_exemption: bool,
    /// Believes the original groups that tags name, where the ledger knows none.
    pub trust_tags: bool,
    /// The name that was typed for what can't be taken back.
    pub typed: Option<String>,
    /// Contains the very user or role that lazaret itself is acting as.
    pub lock_out_self: bool,
}

/// Why the guard said no. Nothing was called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The session is read-only.
    #[error("this session is read-only: nothing was changed")]
    ReadOnly,
    /// The session only rehearses.
    #[error("this session is a dry run: nothing was changed")]
    DryRun,
    /// The finding is a sample.
    #[error("a sample finding is never acted on: {0}")]
    Sample(String),
    /// The owner keeps automation away.
    #[error("{subject} is tagged {}={value}: its owner keeps automation away", policy::EXEMPT_TAG)]
    Exempt {
        /// The subject.
        subject: String,
        /// The tag's value, escaped.
        value: String,
    },
    /// The originals come from tags alone.
    #[error("the original groups of {0} come from tags alone, which anyone with ec2:CreateTags can have written")]
    UntrustedTags(String),
    /// It can't be taken back, and its name was not typed.
    #[error("{0} can't come back once it is deleted, and its name was not typed")]
    NotTyped(String),
    /// The run would cut the credentials that it is made with.
    #[error("{0} is what lazaret itself is acting as: the run would lock itself, and everybody else with it, out")]
    OwnPrincipal(String),
    /// Another run holds the subject.
    #[error("{subject} is held by run {}, begun by {} at {}", claim.run, claim.actor, claim.since.format("%Y-%m-%d %H:%M:%SZ"))]
    Held {
        /// The subject.
        subject: String,
        /// Who holds it.
        claim: Claim,
    },
    /// Another run came between the reading and the claim.
    #[error("{by} was faster: run {run}, begun at {}", at.format("%Y-%m-%d %H:%M:%SZ"))]
    Overtaken {
        /// Who.
        by: String,
        /// Which run.
        run: RunId,
        /// When it began.
        at: DateTime<Utc>,
    },
}

impl Refusal {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::ReadOnly => "start without --read-only to act".into(),
            Self::DryRun => "start without --dry-run to act".into(),
            Self::Sample(_) => "samples are for practice: `lazaret --sandbox` has a world to practise in".into(),
            Self::Exempt { .. } => "ask the owner; --override-exemption acts all the same".into(),
            Self::UntrustedTags(_) => "compare them with what the owner knows; --trust-tags goes ahead".into(),
            Self::NotTyped(subject) => {
                format!("--confirm {} says that it is meant", subject.trim_start_matches("role "))
            }
            Self::OwnPrincipal(_) => {
                "act as somebody else; `revoke` and `exfiltration` go ahead all the same with --lock-myself-out NAME, the \
                 name typed"
                    .into()
            }
            Self::Held { claim, .. } => {
                format!("see `lazaret runs`; if its process is gone, `lazaret recover {}`", claim.run)
            }
            Self::Overtaken { run, .. } => format!("see `lazaret runs --run {run}`"),
        }
    }
}

/// The tags of what is contained, as far as they were read: the instance's, the user's, the role's.
fn tags_of_subject(prepared: &Prepared) -> impl Iterator<Item = &Tags> {
    let observed = &prepared.observed;
    let dossier = observed.dossier.as_deref();
    let instance = observed.instance.as_ref().map(|i| &i.tags);
    // Whoever types a role's name to delete it has read more than a tag.
    let contained = prepared.plan.playbook != Playbook::DeleteRole;
    let role = observed.roles.get(prepared.plan.subject_id()).filter(|_| contained).map(|r| &r.role.tags);
    let of_dossier = [
        dossier.and_then(|d| d.role.as_ref()).map(|r| &r.role.tags),
        dossier.and_then(|d| d.user.as_ref()).map(|u| &u.user.tags),
    ];
    instance.into_iter().chain(role).chain(of_dossier.into_iter().flatten())
}

/// The user or role that the caller is and that a containment denies something, in words.
fn locked_out(prepared: &Prepared) -> Option<String> {
    let plan = &prepared.plan;
    let (account, own) = prepared.observed.caller.as_ref()?;
    let denies = |step: &Step| matches!(&step.action, Action::Change(c) if c.principal().as_ref() == Some(own));
    (plan.playbook.contains() && *account == plan.scope.account && plan.steps.iter().any(denies))
        .then(|| format!("{} {}", own.kind(), text::fit(own.name(), 80)))
}

impl Guard {
    /// Lets a prepared plan pass, or says why not. The only place where a permit is made.
    ///
    /// # Errors
    /// With the first reason that stands against it.
    pub fn admit(&self, prepared: &Prepared, consent: &Consent) -> Result<Permit, Refusal> {
        let plan = &prepared.plan;
        self.admit_session()?;
        let sample = plan.finding.as_ref().is_some_and(|f| f.sample)
            || plan.instance() == Some(InstanceId::new(SAMPLE_INSTANCE));
        // A sample is never contained. To say where people stand with one hurts nobody, and clears the list.
        if sample && plan.playbook.contains() && plan.playbook != Playbook::UpdateFindings {
            let what = plan.finding.as_ref().map_or(plan.subject.clone(), |f| text::fit(f.id.as_str(), 120));
            return Err(Refusal::Sample(what));
        }
        if plan.playbook == Playbook::DeleteRole && consent.typed.as_deref() != Some(plan.subject_id()) {
            return Err(Refusal::NotTyped(format!("role {}", text::fit(plan.subject_id(), 80))));
        }
        if !consent.lock_out_self
            && let Some(own) = locked_out(prepared)
        {
            return Err(Refusal::OwnPrincipal(own));
        }
        let exempt = tags_of_subject(prepared)
            .filter_map(|tags| tags.get(policy::EXEMPT_TAG))
            .find(|v| v.trim().eq_ignore_ascii_case(policy::EXEMPT_VALUE));
        if let Some(value) = exempt
            && plan.playbook.contains()
            && !consent.override_exemption
        {
            return Err(Refusal::Exempt { subject: plan.subject.clone(), value: text::fit(value, 40) });
        }
        if prepared.from_tags() && !consent.trust_tags {
            return Err(Refusal::UntrustedTags(plan.subject.clone()));
        }
        Ok(Permit::granted_by_guard())
    }

    /// Why a prepared plan would not pass now; for previews, which have no use for a permit.
    pub fn would_refuse(&self, prepared: &Prepared, consent: &Consent) -> Option<Refusal> {
        self.admit(prepared, consent).err()
    }

    /// Lets a recovery pass: the run was admitted when it began, so only the session's standing orders count.
    ///
    /// # Errors
    /// In a read-only session or a dry run.
    pub fn admit_recovery(&self) -> Result<Permit, Refusal> {
        self.admit_session()?;
        Ok(Permit::granted_by_guard())
    }

    /// Lets a rehearsal pass: it changes nothing, so a dry run may, and a read-only session may not.
    ///
    /// # Errors
    /// In a read-only session.
    pub fn admit_rehearsal(&self) -> Result<Permit, Refusal> {
        if self.read_only { Err(Refusal::ReadOnly) } else { Ok(Permit::granted_by_guard()) }
    }

    fn admit_session(&self) -> Result<(), Refusal> {
        if self.read_only {
            return Err(Refusal::ReadOnly);
        }
        if self.dry_run {
            return Err(Refusal::DryRun);
        }
        Ok(())
    }
}
