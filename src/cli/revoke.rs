//! `lazaret revoke`.

use super::args::{Global, RevokeArgs};
use super::credential::{self, find, named, with_findings};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, unplanned};
use super::session::Session;
use crate::cloud::port::SeenFinding;
use crate::domain::{Finding, Scope, Subject, text};
use crate::engine::{Consent, CredentialsRequest, Prepared};
use crate::playbook::credentials::Credential;
use crate::playbook::{FindingRef, Playbook};

/// This verb, as hints name it.
const VERB: &str = "revoke";

pub(super) async fn run(global: &Global, args: &RevokeArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let seen = credential::finding(&session, args.finding.as_ref()).await?;
    let finding = seen.as_ref().map(|(_, seen)| &seen.finding);
    let (credential, account) = match (args.kind, &args.name, finding) {
        (Some(kind), Some(name), finding) => named(kind, name, finding)?,
        (_, _, Some(finding)) => (of_finding(finding)?, None),
        (_, _, None) => return Err(Failure::new(Exit::Usage, "name a key, user or role, or a finding with --finding")),
    };
    let alone = args.finding.is_none();
    let scope = match account.and_then(|id| session.scope_in(&id)).or_else(|| finding.and_then(Finding::scope)) {
        Some(scope) => scope,
        None => match find(&session, &credential).await {
            Ok(scope) => scope,
            Err(failure) => return Err(with_findings(&session, VERB, alone, &credential, failure).await),
        },
    };
    let regions = session.known_scopes.iter().filter(|s| s.account == scope.account).cloned().collect();
    let request = CredentialsRequest {
        topic_arn: session.topic_for(args.topic.as_ref(), &scope),
        regions,
        only_instance: args.only_instance.clone(),
        since: finding.and_then(|f| f.first_seen.or(f.created_at)),
        finding: seen.as_ref().map(reference),
        update_finding: session.settings.quarantine.update_finding,
        credential: credential.clone(),
        scope: scope.clone(),
    };
    let prepared = match session.engine.prepare_credentials(&request).await {
        Ok(prepared) => prepared,
        Err(e) => {
            let failure = unplanned(Playbook::ContainCredentials, &credential.named(), &scope, e, out);
            // What is known of it has its own next step.
            let known = failure.hint.is_some();
            return Err(if known { failure } else { with_findings(&session, VERB, alone, &credential, failure).await });
        }
    };
    let consent = Consent {
        override_exemption: args.override_exemption,
        lock_out_self: typed(args.lock_myself_out.as_deref(), &prepared)?,
        ..Consent::default()
    };
    carry_out(&session, prepared, &consent, args.commit, out).await
}

fn reference((hub, seen): &(Scope, SeenFinding)) -> FindingRef {
    FindingRef::new(&seen.finding, Some(&seen.json), Some(hub.clone()))
}

/// Whether the name of the principal was typed to lock ourselves out.
pub(super) fn typed(typed: Option<&str>, prepared: &Prepared) -> Result<bool, Failure> {
    let name = prepared.plan.subject_id();
    match typed {
        None => Ok(false),
        Some(typed) if typed == name => Ok(true),
        Some(_) => {
            Err(Failure::new(Exit::Usage, format!("--lock-myself-out wants the name typed: {}", text::safe(name))))
        }
    }
}

/// The one credential that a finding is about.
fn of_finding(finding: &Finding) -> Result<Credential, Failure> {
    let mut found: Vec<Credential> = Vec::new();
    for subject in &finding.subjects {
        let credential = match subject {
            Subject::AccessKey(key) => Credential::Key(key.clone()),
            Subject::User { name } => Credential::User(name.clone()),
            Subject::Role { name } => Credential::Role(name.clone()),
            _ => continue,
        };
        if !found.contains(&credential) {
            found.push(credential);
        }
    }
    // A key says more than the principal beside it.
    if found.iter().any(|c| matches!(c, Credential::Key(_))) {
        found.retain(|c| matches!(c, Credential::Key(_)));
    }
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::new(Exit::Usage, "that finding is about no key, user or role")
            .hint("`lazaret show` tells what a finding is about")),
        several => {
            let list: Vec<String> = several.iter().map(Credential::named).collect();
            Err(Failure::new(Exit::Usage, format!("that finding is about several: {}", list.join(", ")))
                .hint("name one: `lazaret revoke key|user|role NAME --finding ID`"))
        }
    }
}
