//! `lazaret revoke`.

use super::args::{Global, RevokeArgs, RevokeKind};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, unplanned};
use super::session::Session;
use crate::cloud::port::{FindingQuery, SeenFinding};
use crate::cloud::{CloudError, ErrorKind};
use crate::domain::subject::AccessKeySubject;
use crate::domain::{Finding, Principal, Scope, Subject, text};
use crate::engine::{Consent, CredentialsRequest, Prepared};
use crate::playbook::credentials::Credential;
use crate::playbook::{FindingRef, Playbook};
use futures::future::join_all;
use std::collections::BTreeSet;

/// How many findings are looked through for one about a key.
const FINDINGS_SEARCHED: usize = 500;

pub(super) async fn run(global: &Global, args: &RevokeArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let seen = match &args.finding {
        None => None,
        Some(id) => Some(session.finding(id).await?.ok_or_else(|| {
            Failure::new(Exit::Failed, format!("no finding has the id {}", text::safe(id.as_str())))
                .hint("`lazaret findings --json` shows the ids")
        })?),
    };
    let finding = seen.as_ref().map(|(_, seen)| &seen.finding);
    let (credential, account) = credential(args, finding)?;
    let scope = match account.and_then(|id| session.scope_in(&id)).or_else(|| finding.and_then(Finding::scope)) {
        Some(scope) => scope,
        None => match find(&session, &credential).await {
            Ok(scope) => scope,
            Err(failure) => return Err(with_findings(&session, args, &credential, failure).await),
        },
    };
    let regions = session.known_scopes.iter().filter(|s| s.account == scope.account).cloned().collect();
    let topic_arn = args.topic.clone().or_else(|| session.settings.quarantine.topic_arn.clone());
    let request = CredentialsRequest {
        topic_arn: topic_arn.or_else(|| session.topic(&scope)),
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
            return Err(if known { failure } else { with_findings(&session, args, &credential, failure).await });
        }
    };
    let consent = Consent {
        override_exemption: args.override_exemption,
        lock_out_self: typed(args.lock_myself_out.as_deref(), &prepared)?,
        ..Consent::default()
    };
    carry_out(&session, prepared, &consent, args.commit, out).await
}

/// A failure about a key that was typed alone, with the findings that say whose it is: IAM tells nothing of a session's.
async fn with_findings(session: &Session, args: &RevokeArgs, credential: &Credential, failure: Failure) -> Failure {
    let Credential::Key(key) = credential else { return failure };
    if args.finding.is_some() {
        return failure;
    }
    let all = FindingQuery { include_closed: true, ..FindingQuery::default() };
    let lists = join_all(session.hubs.iter().map(|hub| session.list_findings(hub, &all, FINDINGS_SEARCHED))).await;
    let found = lists.into_iter().flatten().flatten();
    let commands: BTreeSet<String> = found
        .filter(|seen| keys(&seen.finding).iter().any(|k| k.id == key.id))
        .map(|seen| {
            let (key, id) = (text::shell(&key.id), text::shell(seen.finding.id.as_str()));
            format!("`lazaret revoke key {key} --finding {id}`")
        })
        .collect();
    match commands.first() {
        Some(command) => failure.hint(format!("a finding says whose it is: {command}")),
        None => failure,
    }
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

/// What is meant, and the account where it is named by its ARN.
fn credential(
    args: &RevokeArgs,
    finding: Option<&Finding>,
) -> Result<(Credential, Option<crate::domain::AccountId>), Failure> {
    let (Some(kind), Some(name)) = (args.kind, &args.name) else {
        let Some(finding) = finding else {
            return Err(Failure::new(Exit::Usage, "name a key, user or role, or a finding with --finding"));
        };
        return Ok((of_finding(finding)?, None));
    };
    if let Some((account, principal)) = Principal::of_arn(name) {
        return match (kind, principal) {
            (RevokeKind::User, Principal::User(name)) => Ok((Credential::User(name), Some(account))),
            (RevokeKind::Role, Principal::Role(name)) => Ok((Credential::Role(name), Some(account))),
            (_, principal) => Err(Failure::new(Exit::Usage, format!("that ARN is of a {}: say so", principal.kind()))),
        };
    }
    let credential = match kind {
        RevokeKind::User => Credential::User(name.clone()),
        RevokeKind::Role => Credential::Role(name.clone()),
        // What the finding says about the key's principal comes along.
        RevokeKind::Key => {
            let told = finding.and_then(|f| keys(f).into_iter().find(|k| k.id == *name));
            if finding.is_some() && told.is_none() {
                return Err(Failure::new(Exit::Usage, format!("that finding is not about {}", text::fit(name, 60)))
                    .hint("`lazaret show` tells what a finding is about"));
            }
            let bare = AccessKeySubject { id: name.clone(), ..AccessKeySubject::default() };
            Credential::Key(told.unwrap_or(bare))
        }
    };
    Ok((credential, None))
}

fn keys(finding: &Finding) -> Vec<AccessKeySubject> {
    let key = |s: &Subject| match s {
        Subject::AccessKey(key) => Some(key.clone()),
        _ => None,
    };
    finding.subjects.iter().filter_map(key).collect()
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

/// The account that has it, looked for in every account in question at once.
async fn find(session: &Session, credential: &Credential) -> Result<Scope, Failure> {
    let accounts = session.accounts();
    if let [only] = accounts.as_slice() {
        return Ok(only.clone());
    }
    let reads = session.engine.cloud().reads();
    let look = |scope: &Scope| {
        let scope = scope.clone();
        async move {
            let answer: Result<bool, CloudError> = match credential {
                Credential::User(name) => reads.user(&scope, name).await.map(|_| true),
                Credential::Role(name) => reads.role(&scope, name).await.map(|_| true),
                Credential::Key(key) => reads.key_last_used(&scope, &key.id).await.map(|used| used.user.is_some()),
            };
            (scope, answer)
        }
    };
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for (scope, answer) in join_all(accounts.iter().map(look)).await {
        match answer {
            Ok(true) => found.push(scope),
            Ok(false) => {}
            // IAM denies the question about another account's key.
            Err(e) if e.kind == ErrorKind::NotFound => {}
            Err(e) if matches!(credential, Credential::Key(_)) && e.operation == "iam:GetAccessKeyLastUsed" => {}
            Err(e) => failures.push(e),
        }
    }
    let name = credential.named();
    match (found.as_slice(), failures.as_slice()) {
        ([only], _) => Ok(only.clone()),
        ([], failures) => {
            let looked = accounts.len() - failures.len();
            let mut message = format!("{name} was not found in the {looked} accounts that could be read");
            failures.iter().take(3).for_each(|e| message.push_str(&format!("; {e}")));
            let hint = match credential {
                Credential::Key(_) => {
                    "a session's key (ASIA…) names nobody: name its finding with --finding, or the role or user"
                }
                _ => "--account says where to look",
            };
            Err(Failure::new(Exit::Failed, message).hint(hint))
        }
        (several, _) => {
            let list: Vec<String> = several.iter().map(|s| session.account_name(&s.account)).collect();
            Err(Failure::new(Exit::Usage, format!("{name} is in several accounts: {}", list.join(", ")))
                .hint("--account says which"))
        }
    }
}
