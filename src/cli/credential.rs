//! Which credential is meant on a command line, and whose it is: the same for who looks and for who cuts.

use super::args::RevokeKind;
use super::exit::{Exit, Failure};
use super::session::Session;
use crate::cloud::port::{FindingQuery, SeenFinding};
use crate::cloud::{CloudError, ErrorKind};
use crate::domain::subject::AccessKeySubject;
use crate::domain::{AccountId, Finding, FindingId, Principal, Scope, Subject, text};
use crate::playbook::credentials::Credential;
use futures::future::join_all;
use std::collections::BTreeSet;

/// How many findings are looked through for one about a key.
const FINDINGS_SEARCHED: usize = 500;

/// The finding that is named, with the hub it was read from; none where none is.
pub(super) async fn finding(
    session: &Session,
    id: Option<&FindingId>,
) -> Result<Option<(Scope, SeenFinding)>, Failure> {
    let Some(id) = id else { return Ok(None) };
    let missing = || {
        Failure::new(Exit::Failed, format!("no finding has the id {}", text::safe(id.as_str())))
            .hint("`lazaret findings --json` shows the ids")
    };
    Ok(Some(session.finding(id).await?.ok_or_else(missing)?))
}

/// What is named, and the account where that is by its ARN. What a finding says about a key's principal comes along.
pub(super) fn named(
    kind: RevokeKind,
    name: &str,
    finding: Option<&Finding>,
) -> Result<(Credential, Option<AccountId>), Failure> {
    if let Some((account, principal)) = Principal::of_arn(name) {
        return match (kind, principal) {
            (RevokeKind::User, Principal::User(name)) => Ok((Credential::User(name), Some(account))),
            (RevokeKind::Role, Principal::Role(name)) => Ok((Credential::Role(name), Some(account))),
            (_, principal) => Err(Failure::new(Exit::Usage, format!("that ARN is of a {}: say so", principal.kind()))),
        };
    }
    let credential = match kind {
        RevokeKind::User => Credential::User(name.to_owned()),
        RevokeKind::Role => Credential::Role(name.to_owned()),
        RevokeKind::Key => {
            let told = finding.and_then(|f| keys(f).into_iter().find(|k| k.id == name));
            if finding.is_some() && told.is_none() {
                return Err(Failure::new(Exit::Usage, format!("that finding is not about {}", text::fit(name, 60)))
                    .hint("`lazaret show` tells what a finding is about"));
            }
            let bare = AccessKeySubject { id: name.to_owned(), ..AccessKeySubject::default() };
            Credential::Key(told.unwrap_or(bare))
        }
    };
    Ok((credential, None))
}

/// The keys that a finding is about, with what it says of each.
pub(super) fn keys(finding: &Finding) -> Vec<AccessKeySubject> {
    let key = |s: &Subject| match s {
        Subject::AccessKey(key) => Some(key.clone()),
        _ => None,
    };
    finding.subjects.iter().filter_map(key).collect()
}

/// A failure about a key that was typed alone, with the findings that say whose it is: IAM tells nothing of a session's.
/// `verb` is what was asked for, and `alone` whether no finding was named.
pub(super) async fn with_findings(
    session: &Session,
    verb: &str,
    alone: bool,
    credential: &Credential,
    failure: Failure,
) -> Failure {
    let Credential::Key(key) = credential else { return failure };
    if !alone {
        return failure;
    }
    let all = FindingQuery { include_closed: true, ..FindingQuery::default() };
    let lists = join_all(session.hubs.iter().map(|hub| session.list_findings(hub, &all, FINDINGS_SEARCHED))).await;
    let found = lists.into_iter().flatten().flatten();
    let commands: BTreeSet<String> = found
        .filter(|seen| keys(&seen.finding).iter().any(|k| k.id == key.id))
        .map(|seen| {
            let (key, id) = (text::shell(&key.id), text::shell(seen.finding.id.as_str()));
            format!("`lazaret {verb} key {key} --finding {id}`")
        })
        .collect();
    match commands.first() {
        Some(command) => failure.hint(format!("a finding says whose it is: {command}")),
        None => failure,
    }
}

/// The account that has it, looked for in every account in question at once.
pub(super) async fn find(session: &Session, credential: &Credential) -> Result<Scope, Failure> {
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
