//! The same asked for another way: other words to the engine, another plan, the same key to commit it.

use super::Session;
use super::pane::{Ask, Pane, Stage};
use crate::config::Command;
use crate::domain::{InstanceId, Scope, text};
use crate::engine::prepare::{ExfiltrationRequest, Request};
use crate::engine::{CredentialsRequest, QuarantineRequest};
use crate::playbook::Observed;
use crate::playbook::exfiltration::{Swap, backup_name};
use crate::policy::{CutFlows, DenyPolicy, VolatileEvidence};

/// The same asked for another way.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// The command that asks for it.
    pub command: Command,
    /// How it is asked for now.
    pub now: String,
    /// What the next way is.
    pub next: String,
    /// The next way.
    pub request: Request,
}

/// The other ways of the plan that is shown: exfiltration with another profile or none; a role's sessions all, or those
/// of one instance; a quarantine that cuts flows, or takes evidence first.
pub fn ways(pane: &Pane, session: &Session) -> Vec<Way> {
    let (Stage::Ready { prepared, .. }, Ask::Do(wish)) = (&pane.stage, &pane.ask) else { return vec![] };
    match &wish.request {
        Request::Exfiltration(asked) => vec![other_profile(asked, &prepared.observed)],
        Request::Credentials(asked) => fewer_sessions(asked, &prepared.observed).into_iter().collect(),
        Request::Quarantine(asked) => evidence_first(asked, session).into_iter().chain([cut_flows(asked)]).collect(),
        _ => vec![],
    }
}

/// What is captured on an instance before it is isolated; none where the settings want no scripts, or nobody knows
/// where to keep it.
pub fn volatile(session: &Session, scope: &Scope) -> Option<VolatileEvidence> {
    session.settings.forensics.volatile(scope, session.evidence.clone())
}

/// How a finding's address is denied beside a quarantine: as the settings have it for blocks.
pub fn denies(session: &Session) -> DenyPolicy {
    DenyPolicy { policy: session.settings.block.clone(), aws: session.aws_ranges.clone() }
}

fn other_profile(asked: &ExfiltrationRequest, observed: &Observed) -> Way {
    let words = |swap| match swap {
        Swap::Backup => "instances get the backup role's profile, where there is one",
        Swap::MakeBackup => "a backup role is made from the original, and its profile put on the instances",
        Swap::None => "instances keep their profile",
    };
    // A backup that is there is used as it is, whatever is asked: none is made.
    let there = observed.roles.keys().any(|role| observed.roles.contains_key(&backup_name(role)));
    let next = match asked.swap {
        Swap::Backup if there => Swap::None,
        Swap::Backup => Swap::MakeBackup,
        Swap::MakeBackup => Swap::None,
        Swap::None => Swap::Backup,
    };
    let mut other = asked.clone();
    other.swap = next;
    Way {
        command: Command::Variant,
        now: words(asked.swap).to_owned(),
        next: words(next).to_owned(),
        request: Request::Exfiltration(Box::new(other)),
    }
}

fn fewer_sessions(asked: &CredentialsRequest, observed: &Observed) -> Option<Way> {
    let users = &observed.dossier.as_deref()?.instances;
    let words = |only: Option<&InstanceId>| match only {
        None => "every session of the role".to_owned(),
        Some(id) => format!("only the sessions that {} was given", text::fit(id.as_str(), 24)),
    };
    let after = match &asked.only_instance {
        None => users.first(),
        Some(id) => users.iter().skip_while(|u| u.instance != *id).nth(1),
    };
    let after = after.map(|u| u.instance.clone());
    if after == asked.only_instance {
        return None;
    }
    let mut other = asked.clone();
    other.only_instance.clone_from(&after);
    Some(Way {
        command: Command::Variant,
        now: words(asked.only_instance.as_ref()),
        next: words(after.as_ref()),
        request: Request::Credentials(Box::new(other)),
    })
}

fn cut_flows(asked: &QuarantineRequest) -> Way {
    let words = |how| match how {
        CutFlows::No => "flows that are open now are left to time out",
        CutFlows::Groups => "flows are cut by a moment in a group that allows all",
        CutFlows::Nacl => "flows are cut by denying the finding's address for 1h",
        CutFlows::Both => "flows are cut by both: an open group, and a deny for 1h",
    };
    let next = match asked.policy.cut_flows {
        CutFlows::No => CutFlows::Groups,
        CutFlows::Groups => CutFlows::Nacl,
        CutFlows::Nacl => CutFlows::Both,
        CutFlows::Both => CutFlows::No,
    };
    let mut other = asked.clone();
    other.policy.cut_flows = next;
    Way {
        command: Command::CutFlows,
        now: words(asked.policy.cut_flows).to_owned(),
        next: words(next).to_owned(),
        request: Request::Quarantine(Box::new(other)),
    }
}

/// None where no evidence would be taken either way.
fn evidence_first(asked: &QuarantineRequest, session: &Session) -> Option<Way> {
    let mut other = asked.clone();
    let first = asked.policy.evidence_first;
    other.policy.evidence_first = !first;
    other.policy.volatile = if first { None } else { volatile(session, &asked.scope) };
    let scripts = asked.policy.volatile.as_ref().or(other.policy.volatile.as_ref());
    let with = match (scripts, asked.policy.snapshots) {
        (Some(v), true) => format!("snapshots and scripts first, isolated after {} s at most", v.seconds),
        (Some(v), false) => format!("scripts on it first, isolated after {} s at most", v.seconds),
        (None, true) => "snapshots first, then isolated".to_owned(),
        (None, false) => return None,
    };
    let without = "isolated at once, evidence beside it".to_owned();
    let (now, next) = if first { (with, without) } else { (without, with) };
    Some(Way { command: Command::EvidenceFirst, now, next, request: Request::Quarantine(Box::new(other)) })
}
