//! `lazaret show key|user|role NAME`: who is behind a credential, and what hangs on it.

use super::args::{Global, RevokeKind, ShowArgs};
use super::credential;
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::Session;
use crate::domain::{Finding, text};
use crate::engine::principal::PrincipalSight;
use crate::playbook::change::profile_name;
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use serde_json::json;

pub(super) async fn run(global: &Global, args: &ShowArgs, name: &str, out: &Out) -> Result<Exit, Failure> {
    let Ok(kind) = RevokeKind::from_str(&args.what, true) else {
        let message = format!("`show {}` takes no second name", text::fit(&args.what, 60));
        return Err(Failure::new(Exit::Usage, message).hint("lazaret show key|user|role NAME"));
    };
    let session = Session::open(global).await?;
    let seen = credential::finding(&session, args.finding.as_ref()).await?;
    let finding = seen.as_ref().map(|(_, seen)| &seen.finding);
    let (wanted, account) = credential::named(kind, name, finding)?;
    let alone = finding.is_none();
    let scope = match account.and_then(|id| session.scope_in(&id)).or_else(|| finding.and_then(Finding::scope)) {
        Some(scope) => scope,
        None => match credential::find(&session, &wanted).await {
            Ok(scope) => scope,
            Err(failure) => return Err(credential::with_findings(&session, "show", alone, &wanted, failure).await),
        },
    };
    let regions: Vec<_> = session.known_scopes.iter().filter(|s| s.account == scope.account).cloned().collect();
    let since = finding.and_then(|f| f.first_seen.or(f.created_at));
    let sight = match session.engine.look_at_principal(&scope, &regions, &wanted, since).await {
        Ok(sight) => sight,
        Err(error) => {
            let failure = Failure::from(error);
            return Err(credential::with_findings(&session, "show", alone, &wanted, failure).await);
        }
    };
    if out.json {
        let mut value = serde_json::to_value(&sight).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("status".into(), json!(sight.status()));
        }
        out.json(&value);
    } else {
        lines(&sight, &session.account_name(&scope.account)).iter().for_each(|line| out.line(line));
    }
    Ok(Exit::Done)
}

/// A moment with how long ago it was, in days.
fn age(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let Some(at) = at else { return "nobody knows when".to_owned() };
    let days = (now - at).num_days();
    let ago = match days {
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        days => format!("{days} days ago"),
    };
    format!("{} ({ago})", at.format("%Y-%m-%d %H:%M:%SZ"))
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|n| text::fit(n, 100)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What was found, line by line, escaped.
fn lines(sight: &PrincipalSight, account: &str) -> Vec<String> {
    let (dossier, now) = (&sight.dossier, sight.observed_at);
    let (principal, mut lines) = (sight.principal(), Vec::new());
    let named = format!("{} {}", principal.kind(), text::fit(principal.name(), 80));
    let arn = dossier.arn().map_or_else(String::new, |arn| text::fit(arn, 160));
    lines.push(format!("{named}  {account}  {arn}"));
    let mut say = |what: &str, text: String| lines.push(format!("  {what:<11} {text}"));
    if let Some(told) = &sight.told_id {
        let told = text::fit(told, 60);
        say(
            "NOT IT?",
            format!("the finding is about {told}: another account's of this name, or one that was made again since"),
        );
    }
    say("status", sight.status());
    if let Some(record) = &dossier.user {
        say("id", format!("{}, made {}", text::fit(&record.user.id, 60), age(record.user.created_at, now)));
        for key in &record.keys {
            let used = match dossier.key_uses.get(&key.id) {
                None => "last use not read".to_owned(),
                Some(used) => match (used.at, &used.service) {
                    (None, _) => "never used".to_owned(),
                    (Some(at), service) => {
                        let service =
                            service.as_ref().map(|s| format!(" for {}", text::fit(s, 40))).unwrap_or_default();
                        format!("last used {}{service}", age(Some(at), now))
                    }
                },
            };
            let state = if key.active { "Active" } else { "Inactive" };
            let meant = if sight.key.as_ref() == Some(&key.id) { "  <- named" } else { "" };
            let id = text::fit(&key.id, 60);
            say("key", format!("{id}  {state}, made {}, {used}{meant}", age(key.created_at, now)));
        }
        match record.password_since {
            Some(at) => {
                let used = record
                    .user
                    .password_used_at
                    .map_or("never used".to_owned(), |at| format!("last used {}", age(Some(at), now)));
                say("password", format!("for the console, made {}, {used}", age(Some(at), now)));
            }
            None if dossier.unread.iter().any(|what| what.contains("console password")) => {
                say("password", "not read".to_owned());
            }
            None => say("password", "none for the console".to_owned()),
        }
    }
    if let Some(key) = sight.key.as_ref().filter(|k| !dossier.user.iter().flat_map(|u| &u.keys).any(|o| o.id == **k)) {
        say("session", format!("{} is one of its sessions: IAM keeps no list of them", text::fit(key, 60)));
    }
    if let Some(record) = &dossier.role {
        let role = &record.role;
        say("id", format!("{}, made {}", text::fit(&role.id, 60), age(role.created_at, now)));
        say("used", role.used_at.map_or("never, as far as IAM tells".to_owned(), |at| age(Some(at), now)));
        say("trusts", names(sight.trusted.iter()));
        say("session", format!("{} s at the longest", role.max_session));
        for profile in &record.profiles {
            say("profile", text::fit(&profile.name, 128));
        }
        for user in &dossier.instances {
            let profile = text::fit(profile_name(&user.profile_arn), 128);
            say("instance", format!("{} in {} through profile {profile}", user.instance, user.scope.region));
        }
        let regions: Vec<String> = dossier.looked_in.iter().map(ToString::to_string).collect();
        if dossier.instances.is_empty() {
            say("instance", "none".to_owned());
        }
        say("looked in", regions.join(" "));
        if let Some(boundary) = &role.boundary {
            say("boundary", text::fit(boundary, 160));
        }
        if role.is_service_linked() || role.is_identity_centers() {
            say("AWS's own", format!("path {}: nobody can edit it in IAM", text::fit(&role.path, 100)));
        }
    }
    for deny in &sight.denies {
        say("our Deny", format!("{} (run {})", deny.words(), deny.run));
    }
    for other in &sight.denied_by_others {
        say("denied by", text::fit(other, 160));
    }
    let ours = |name: &String| sight.denies.iter().any(|d| d.policy == *name);
    say("inline", names(sight.dossier.inline().into_iter().flat_map(|i| i.keys()).filter(|n| !ours(n))));
    for arn in dossier.attached().into_iter().flatten() {
        let dates = dossier.policies.iter().find(|p| p.arn == *arn).map(|policy| {
            let version = text::fit(&policy.version, 20);
            format!(", made {}, changed {} ({version})", age(policy.created_at, now), age(policy.updated_at, now))
        });
        say("attached", format!("{}{}", text::fit(arn, 160), dates.unwrap_or_default()));
    }
    for run in &sight.runs {
        let at = run.since.format("%Y-%m-%d %H:%M:%SZ");
        say("run", format!("{} at {at} by {}: {}", run.run, run.by, text::fit(&run.title, 160)));
    }
    for what in &dossier.unread {
        say("not read", text::safe(what).into_owned());
    }
    for next in &sight.next {
        say("look at", next.clone());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::{AccessKey, Role, RoleRecord, User, UserRecord};
    use crate::domain::{Principal, Scope};
    use crate::playbook::dossier::Dossier;
    use std::collections::{BTreeMap, BTreeSet};

    const EVIL: &str = "\u{1b}[2J\u{202e}evil\n  status      not contained";

    fn sight(dossier: Dossier) -> PrincipalSight {
        PrincipalSight {
            scope: Scope::parse("111122223333", "eu-central-1").unwrap(),
            observed_at: "2026-03-01T03:00:00Z".parse().unwrap(),
            key: Some(EVIL.into()),
            told_id: Some(EVIL.into()),
            dossier,
            denies: vec![],
            denied_by_others: vec![EVIL.into()],
            trusted: vec![EVIL.into()],
            runs: vec![],
            next: vec![],
        }
    }

    fn clean(sight: &PrincipalSight) {
        let said = lines(sight, "payments");
        let status = said.iter().filter(|l| l.starts_with("  status ")).count();
        assert_eq!(status, 1, "{said:#?}");
        assert!(said.len() > 8 && said.iter().all(|l| !l.contains(['\u{1b}', '\n', '\u{202e}'])), "{said:#?}");
        assert!(said.iter().any(|l| l.contains("evil")), "{said:#?}");
    }

    #[test]
    fn i8_what_others_wrote_of_a_user_or_role_is_escaped() {
        let evil = || EVIL.to_owned();
        let mut user = Dossier::empty(Principal::User(evil()));
        user.user = Some(UserRecord {
            user: User {
                name: evil(),
                id: evil(),
                arn: evil(),
                path: evil(),
                created_at: None,
                password_used_at: None,
                tags: BTreeMap::new(),
            },
            keys: vec![AccessKey { id: evil(), active: true, created_at: None }],
            password_since: None,
            inline: BTreeMap::from([(evil(), evil())]),
            attached: BTreeSet::from([evil()]),
        });
        user.unread.push(evil());
        clean(&sight(user));
        let mut role = Dossier::empty(Principal::Role(evil()));
        role.role = Some(RoleRecord {
            role: Role {
                name: evil(),
                id: evil(),
                arn: evil(),
                path: "/aws-service-role/\u{1b}".into(),
                trust: evil(),
                max_session: 3600,
                description: None,
                boundary: Some(evil()),
                created_at: None,
                used_at: None,
                tags: BTreeMap::new(),
            },
            inline: BTreeMap::from([(evil(), evil())]),
            attached: BTreeSet::from([evil()]),
            profiles: vec![],
        });
        clean(&sight(role));
    }
}
