//! What else a contained principal has, as a list to act on, most urgent first.

use crate::domain::text;
use crate::playbook::dossier::Dossier;
use chrono::{DateTime, SecondsFormat, Utc};

fn name(text: &str) -> String {
    text::fit(text, 80)
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The words for when something was made: with a mark where that was after the finding began.
fn made(at: Option<DateTime<Utc>>, since: Option<DateTime<Utc>>) -> String {
    match (at, since) {
        (Some(at), Some(since)) if at >= since => format!("made {}, SINCE the finding began", time(at)),
        (Some(at), _) => format!("made {}", time(at)),
        (None, _) => "made nobody knows when".to_owned(),
    }
}

/// What a person should look at next. `since` is when the finding was first seen; `cut` are the keys that are not listed,
/// such as those that the plan makes Inactive.
pub fn what_else(dossier: &Dossier, since: Option<DateTime<Utc>>, cut: &[String]) -> Vec<String> {
    let mut next = Vec::new();
    let recent = |at: Option<DateTime<Utc>>| at.zip(since).is_some_and(|(at, since)| at >= since);
    if let Some(record) = &dossier.user {
        let user = name(&record.user.name);
        let mut keys: Vec<_> = record.keys.iter().filter(|k| k.active && !cut.contains(&k.id)).collect();
        keys.sort_by_key(|k| !recent(k.created_at));
        for key in keys {
            let used = dossier.key_uses.get(&key.id).and_then(|u| u.at);
            let used = used.map_or_else(|| "no use known".to_owned(), |at| format!("last used {}", time(at)));
            let (id, made) = (name(&key.id), made(key.created_at, since));
            next.push(format!("{user} has another active key: {id}, {made}, {used}. `lazaret revoke key {id}`"));
        }
        if let Some(at) = record.password_since {
            let made = made(Some(at), since);
            next.push(format!(
                "{user} has a console password, {made}: a Deny on the user holds for it too and does not end it; delete its \
                 login profile or reset it, and check its MFA devices"
            ));
        }
    }
    for policy in &dossier.policies {
        let arn = text::fit(&policy.arn, 120);
        if recent(policy.created_at) {
            next.push(format!(
                "policy {arn} was {}: who made it, and who else has it?",
                made(policy.created_at, since)
            ));
        } else if recent(policy.updated_at) {
            let at = policy.updated_at.map(time).unwrap_or_default();
            next.push(format!("policy {arn} was changed {at}, SINCE the finding began: compare its versions"));
        }
    }
    if let Some(record) = &dossier.role {
        let role = name(&record.role.name);
        if recent(record.role.created_at) {
            next.push(format!("{role} was {}", made(record.role.created_at, since)));
        }
    }
    let foreign: Vec<String> = dossier
        .inline()
        .into_iter()
        .flat_map(|i| i.keys())
        .filter(|n| !n.starts_with("lazaret-"))
        .map(|n| name(n))
        .collect();
    if !foreign.is_empty() {
        next.push(format!("IAM keeps no dates of inline policies: check {}", foreign.join(", ")));
    }
    if dossier.user.as_ref().is_some_and(|u| recent(u.user.created_at)) {
        next.push(format!("the user itself was made SINCE the finding began: {}", name(dossier.principal.name())));
    }
    next.push(
        "what it made elsewhere (users, keys, roles, trust policies, instances) stands in CloudTrail alone: look for \
         Create*, Put*, Attach* and UpdateAssumeRolePolicy by this principal"
            .to_owned(),
    );
    next
}
