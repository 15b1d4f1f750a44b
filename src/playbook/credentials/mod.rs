//! contain-credentials: cuts what a thief holds, by who is behind it.
//!
//! A user's key: the key Inactive, and everything denied to the user, since sessions that were made with the key follow
//! the user's policies and not the key. A user's session: everything denied to the user. A role's sessions: everything
//! denied to those that were issued before now, for all of the role or for one instance.
//!
//! Waves: (1) the cuts, side by side; (2) read back; (3) the simulator's word, notification, the finding's status.

mod after;
mod dispatch;
mod standing;

pub use after::what_else;
pub use dispatch::{Behind, Credential, behind};
pub use standing::{OurDeny, our_denies, to_spare};

use super::change::{AttachManagedPolicy, Change, PutInlinePolicy, SetAccessKeyStatus};
use super::deny;
use super::dossier::{Dossier, RoleUse};
use super::observed::Observed;
use super::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use super::quarantine::update_finding;
use crate::domain::principal::{
    ATTACHED_LIMIT, ROLE_POLICY_LIMIT, RoleRecord, USER_POLICY_LIMIT, UserRecord, deny_all_arn, policies_size,
    policy_size,
};
use crate::domain::{InstanceId, Principal, RunId, Workflow, text};
use chrono::{DateTime, Utc};

/// What the ledger knows of earlier runs on the principal that were not taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The latest of them.
    pub run: Option<RunId>,
    /// Who began it.
    pub actor: Option<String>,
    /// When.
    pub since: Option<DateTime<Utc>>,
}

/// Everything that the playbook looks at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Who is behind the credentials.
    pub behind: &'a Behind,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// When that was first seen.
    pub since: Option<DateTime<Utc>>,
    /// What was read, with the principal's dossier.
    pub observed: &'a Observed,
    /// The only instance whose sessions are cut; none for all of a role's.
    pub only_instance: Option<&'a InstanceId>,
    /// What the ledger knows.
    pub history: &'a History,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// Whether the finding is set to NOTIFIED with a note.
    pub update_finding: bool,
    /// Who asks.
    pub actor: &'a str,
}

/// Plans the containment of one principal.
///
/// # Errors
/// When the principal doesn't exist or can't be edited, is contained already, or there is no room for a policy.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let Request { behind, observed, .. } = request;
    let scope = observed.scope.clone();
    let principal = &behind.principal;
    let missing = || PlanRefusal::NotFound { what: missing_text(principal, behind), scope: scope.clone() };
    let dossier = observed.dossier.as_ref().filter(|d| d.principal == *principal).ok_or_else(missing)?;
    let named = format!("{} {}", principal.kind(), text::fit(principal.name(), 80));
    let live = dossier.id();
    if let (Some(told), Some(live)) = (&behind.id, live)
        && told != live
    {
        return Err(PlanRefusal::Unfit(format!(
            "the finding is about {}, and {named} of {} is {}: another account's of the same name, which has to cut it \
             there (CloudTrail's userIdentity.accountId names it), or one that was deleted and made again since. If this one \
             is meant all the same, name it: `lazaret revoke {named}`",
            text::fit(told, 40),
            scope.account,
            text::fit(live, 40)
        )));
    }
    let mut plan = Plan {
        playbook: Playbook::ContainCredentials,
        subject: principal.to_string(),
        title: String::new(),
        observed_at: observed.at,
        incident: request
            .finding
            .as_ref()
            .map_or_else(|| format!("{}-{}", principal.name(), observed.at.format("%Y%m%d")), FindingRef::incident),
        finding: request.finding.clone(),
        steps: Vec::new(),
        warnings: Vec::new(),
        limits: Vec::new(),
        drift: Vec::new(),
        reverts: Vec::new(),
        promise: Promise::default(),
        scope: scope.clone(),
    };
    let source_instance = match (&dossier.user, &dossier.role) {
        (Some(user), _) => {
            cut_user(request, user, dossier, &mut plan)?;
            None
        }
        (None, Some(role)) => cut_role(request, role, dossier, &mut plan)?,
        (None, None) => return Err(missing()),
    };
    plan.warnings.extend(dossier.unread.iter().map(|what| format!("not read: {what}")));
    plan.title = format!("{} in {scope}", plan.title);

    plan.steps.push(Step {
        id: "read-back".into(),
        title: match principal {
            Principal::User(_) => "Read back: the Deny as stored, and the state of keys".into(),
            Principal::Role(_) => "Read back: the Deny as stored".into(),
        },
        wave: 2,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::ReadBack { instance: None, isolated: None },
    });
    if let Some(arn) = dossier.arn() {
        plan.steps.push(Step {
            id: "simulate".into(),
            title: "Ask IAM's simulator whether the Deny applies".into(),
            wave: 3,
            weight: Weight::Courtesy,
            needs: vec!["read-back".into()],
            action: Action::Simulate { principal: principal.clone(), arn: arn.to_owned(), source_instance },
        });
    }
    if let Some(topic) = &request.topic_arn {
        plan.steps.push(Step {
            id: "notify".into(),
            title: "Tell the SNS topic".into(),
            wave: 4,
            weight: Weight::Courtesy,
            needs: vec![],
            action: Action::Notify {
                topic_arn: topic.clone(),
                subject: text::sns_subject(&format!("lazaret: {} in {scope}", plan.promise.kept)),
            },
        });
    }
    if request.update_finding {
        let note = format!("Contained {named} by {} with lazaret: {}", request.actor, plan.promise.kept);
        plan.steps.extend(update_finding(request.finding.as_ref(), Workflow::Notified, &note, 4));
    }
    Ok(plan)
}

fn missing_text(principal: &Principal, behind: &Behind) -> String {
    let name = format!("{} {}", principal.kind(), text::fit(principal.name(), 80));
    match &behind.key {
        Some(key) => format!(
            "{name}, which the finding says {} belongs to (another account's, which has to cut it there, or deleted since),",
            text::fit(key, 60)
        ),
        None => name,
    }
}

/// The cuts of a user.
fn cut_user(request: &Request<'_>, record: &UserRecord, dossier: &Dossier, plan: &mut Plan) -> Result<(), PlanRefusal> {
    let name = record.user.name.as_str();
    let shown = text::fit(name, 80);
    let own = |id: &&String| record.keys.iter().any(|k| k.id == **id);
    let long_term = request.behind.key.as_ref().filter(own);
    if let (Some(key), None) = (&request.behind.key, long_term)
        && key.starts_with("AKIA")
    {
        return Err(PlanRefusal::Unfit(format!(
            "user {shown} has no key {}: it was deleted, or is another's. Its sessions may live on: `lazaret revoke user \
             {shown}` denies the user everything",
            text::fit(key, 60)
        )));
    }
    // A key that is named is cut alone; a user that is named, with all its keys; a session's user keeps its keys, which
    // the Deny makes useless.
    let meant: Vec<_> = match (&request.behind.key, long_term) {
        (Some(_), Some(key)) => record.keys.iter().filter(|k| k.id == *key).collect(),
        (Some(_), None) => vec![],
        (None, _) => record.keys.iter().collect(),
    };
    let to_cut: Vec<_> = meant.iter().filter(|k| k.active).collect();
    let steps: Vec<Step> = to_cut.iter().map(|key| key_step(name, &key.id)).collect();
    let deny_all = deny_all_arn(&plan.scope.partition);
    let denied = record.inline.values().any(|d| *d == deny::deny_all()) || record.attached.contains(&deny_all);
    if denied && steps.is_empty() {
        return Err(PlanRefusal::AlreadyContained {
            subject: format!("user {shown}"),
            by: request.history.actor.as_deref().map(|a| text::fit(a, 80)),
            since: request.history.since,
            run: request.history.run,
        });
    }
    plan.steps.extend(steps);
    let used = policies_size(record.inline.values());
    let room = USER_POLICY_LIMIT.saturating_sub(used);
    if policy_size(&deny::deny_all()) <= room {
        let title = format!("Deny everything to user {}", text::fit(name, 80));
        plan.steps.push(policy_step(&Principal::User(name.to_owned()), title, deny::deny_all_name(), deny::deny_all()));
        plan.warnings.extend(our_denies(&record.inline).iter().map(|earlier| earlier.beside(None, None)));
    } else if denied {
        plan.warnings.push(format!(
            "no room for a Deny of our own ({used} of {USER_POLICY_LIMIT} characters used): the one that stands there is \
             relied upon"
        ));
    } else {
        plan.warnings.push(format!(
            "no room for an inline Deny ({used} of {USER_POLICY_LIMIT} characters used): AWS's own AWSDenyAll is attached"
        ));
        if record.attached.len() >= ATTACHED_LIMIT {
            plan.warnings.push(format!(
                "{} managed policies are attached already, and the default quota is {ATTACHED_LIMIT}: attaching may fail. \
                 The key goes Inactive all the same",
                record.attached.len()
            ));
        }
        plan.steps.push(attach_step(name, deny_all));
    }
    let ids: Vec<String> = to_cut.iter().map(|k| k.id.clone()).collect();
    let keys: Vec<String> = meant.iter().map(|k| text::fit(&k.id, 60)).collect();
    let are = |n: usize| if n == 1 { "is" } else { "are" };
    let denied = format!("user {shown} is denied everything");
    plan.promise.kept =
        if keys.is_empty() { denied } else { format!("{} {} Inactive, and {denied}", keys.join(" "), are(keys.len())) };
    plan.promise.broken = format!("user {shown} is NOT contained");
    plan.promise.next = what_else(dossier, request.since, &ids);
    plan.title = match (&request.behind.key, long_term) {
        (Some(_), Some(key)) => format!("Cut key {} of user {shown}", text::fit(key, 60)),
        (Some(session), None) => format!("Cut session {} of user {shown}", text::fit(session, 60)),
        (None, _) => format!("Cut user {shown}"),
    };
    plan.warnings.push(format!(
        "everything that works as user {shown} stops, its owner's programs included: a user's policies can't tell a thief \
         from them"
    ));
    plan.limits.push(
        "until IAM has spread the change (seconds), calls still go through, and one of them could take the Deny off: it \
         is read back, and a second look later does no harm"
            .into(),
    );
    plan.limits.push("sessions of roles that this user has assumed live on: revoke those roles too".into());
    plan.limits.push(
        "what resource policies grant to the public takes no user; links that were signed with its keys die with them"
            .into(),
    );
    Ok(())
}

/// The cut of a role's sessions; answers the instance's ARN where it is for one.
fn cut_role(
    request: &Request<'_>,
    record: &RoleRecord,
    dossier: &Dossier,
    plan: &mut Plan,
) -> Result<Option<String>, PlanRefusal> {
    let role = &record.role;
    let shown = text::fit(&role.name, 80);
    if role.is_service_linked() {
        return Err(dispatch::service_linked(&role.name, &role.path));
    }
    if role.is_identity_centers() {
        return Err(dispatch::identity_center(&role.name, &plan.scope));
    }
    let only = match request.only_instance {
        None => None,
        Some(instance) => {
            let found = dossier.instances.iter().find(|u| u.instance == *instance);
            // One that has another profile by now may have handed out credentials of this role before.
            let here = RoleUse { scope: plan.scope.clone(), instance: instance.clone(), profile_arn: String::new() };
            if found.is_none() {
                plan.warnings.push(format!(
                    "{instance} has no profile of {shown} now: only credentials that it was given earlier, in {}, are cut",
                    plan.scope.region
                ));
            }
            Some(found.unwrap_or(&here).instance_arn())
        }
    };
    let document = deny::revoke_sessions(only.as_deref());
    let size = deny::revoke_sessions_size(only.as_deref());
    let earlier = our_denies(&record.inline);
    let used = policies_size(record.inline.values());
    if size > ROLE_POLICY_LIMIT.saturating_sub(used) {
        return Err(PlanRefusal::Unfit(format!(
            "no room on role {shown}: its inline policies have {used} of {ROLE_POLICY_LIMIT} characters, and the Deny needs \
             {size}. {}",
            to_spare(&earlier).unwrap_or_else(|| "Move one of them to a managed policy and try again".to_owned())
        )));
    }
    let cut_off = deny::cut_off(request.observed.aws_at());
    plan.warnings.extend(earlier.iter().map(|earlier| earlier.beside(Some(cut_off), only.as_deref())));
    let place = request.only_instance.map(|instance| format!(" on {instance} alone")).unwrap_or_default();
    let title = format!("Deny everything to the sessions of role {shown} until now{place}");
    plan.steps.push(policy_step(&Principal::Role(role.name.clone()), title, deny::revoke_sessions_name(), document));
    let issued = "issued before the run began its cut";
    let (what, title) = match request.only_instance {
        Some(instance) => (
            format!("sessions of role {shown} on {instance} {issued} are denied everything"),
            format!(" on {instance}"),
        ),
        None => (format!("every session of role {shown} {issued} is denied everything"), String::new()),
    };
    plan.title = format!("Revoke the sessions of role {shown}{title}");
    plan.promise.kept = what;
    plan.promise.broken = format!("the sessions of role {shown} are NOT revoked");
    plan.promise.next = what_else(dossier, request.since, &[]);
    role_warnings(request, record, dossier, plan);
    Ok(only)
}

/// Who else is hit, and what goes on.
fn role_warnings(request: &Request<'_>, record: &RoleRecord, dossier: &Dossier, plan: &mut Plan) {
    let shown = text::fit(&record.role.name, 80);
    let regions: Vec<&str> = dossier.looked_in.iter().map(|r| r.as_str()).collect();
    let looked = format!("looked for in {}", regions.join(", "));
    let users: Vec<String> =
        dossier.instances.iter().map(|u| format!("{} in {}", u.instance, u.scope.region)).collect();
    let trusted = trusted(&record.role.trust);
    let others: Vec<&String> = trusted.iter().filter(|t| *t != "ec2.amazonaws.com").collect();
    let list = |all: &[&String]| all.iter().map(|t| text::fit(t, 100)).collect::<Vec<_>>().join(", ");
    match request.only_instance {
        None => {
            if !users.is_empty() {
                plan.warnings.push(format!(
                    "role {shown} is used by {} instance{}, and the sessions of all are cut: {} ({looked})",
                    users.len(),
                    if users.len() == 1 { "" } else { "s" },
                    users.join(", ")
                ));
            } else {
                plan.warnings.push(format!("no instance uses role {shown} ({looked})"));
            }
            if !others.is_empty() {
                plan.warnings
                    .push(format!("its trust policy lets others assume it, who are cut too: {}", list(&others)));
            }
            if users.len() > 1 || (!users.is_empty() && !others.is_empty()) {
                plan.warnings
                    .push("shared: --only-instance i-… cuts the sessions of one instance and leaves the rest".into());
            }
        }
        Some(instance) => {
            let rest =
                users.len().saturating_sub(usize::from(dossier.instances.iter().any(|u| u.instance == *instance)));
            plan.limits.push(format!(
                "sessions that other users of the role were given live on: {rest} other instance{} ({looked}){}",
                if rest == 1 { "" } else { "s" },
                if others.is_empty() { String::new() } else { format!(", {}", list(&others)) }
            ));
        }
    }
    plan.warnings.push(
        "programs with a cut session are denied until they get new credentials: an instance renews its own only hours \
         later, unless its profile is replaced or its programs ask again"
            .into(),
    );
    plan.limits.push(
        "sessions that are issued from now on are allowed: where the way in is still open (a request forgery, a stolen \
         key that may assume the role), the thief gets new ones. Close it: `lazaret quarantine`, `lazaret exfiltration`"
            .into(),
    );
    plan.limits.push("roles that were assumed from this one keep their own sessions: revoke those too".into());
    plan.limits.push(
        "until IAM has spread the change (seconds), calls still go through, and one of them could take the Deny off: it \
         is read back, and a second look later does no harm"
            .into(),
    );
    deny::by_whose_clock(request.observed.clock_ahead, &mut plan.warnings, &mut plan.limits);
}

/// Whom a trust policy lets in: services, ARNs, account numbers and identity providers, without repeats. Unescaped.
pub fn trusted(trust: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<serde_json::Value>(trust) else {
        return vec!["a trust policy that can't be read".to_owned()];
    };
    let many = |value: &serde_json::Value| match value {
        serde_json::Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let mut list = Vec::new();
    for statement in document.get("Statement").map(many).unwrap_or_default() {
        if statement.get("Effect").and_then(|e| e.as_str()) != Some("Allow") {
            continue;
        }
        match statement.get("Principal") {
            Some(serde_json::Value::Object(kinds)) => {
                list.extend(kinds.values().flat_map(many).filter_map(|v| v.as_str().map(str::to_owned)));
            }
            Some(other) => list.extend(other.as_str().map(|s| format!("everybody ({s})"))),
            None => list.extend(statement.get("NotPrincipal").map(|_| "everybody but a few (NotPrincipal)".to_owned())),
        }
    }
    list.sort();
    list.dedup();
    list
}

fn cut(id: String, title: String, change: Change) -> Step {
    Step { id: StepId(id), title, wave: 1, weight: Weight::Essential, needs: vec![], action: Action::Change(change) }
}

fn key_step(user: &str, key: &str) -> Step {
    let change = SetAccessKeyStatus { user: user.to_owned(), key: key.to_owned(), before: true, after: false };
    cut(format!("key-{key}"), format!("Make key {} Inactive", text::fit(key, 60)), Change::AccessKeyStatus(change))
}

fn policy_step(of: &Principal, title: String, name: String, document: String) -> Step {
    let change = PutInlinePolicy { of: of.clone(), name, before: None, after: Some(document) };
    cut("deny".to_owned(), title, Change::InlinePolicy(change))
}

fn attach_step(user: &str, arn: String) -> Step {
    let title = format!("Deny everything to user {} with AWSDenyAll", text::fit(user, 80));
    let change = AttachManagedPolicy { user: user.to_owned(), arn, before: false, after: true };
    cut("deny".to_owned(), title, Change::ManagedPolicy(change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_names_everybody_it_lets_in() {
        let trust = r#"{"Statement": [
            {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"]}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222233334444:root", "Service": "ec2.amazonaws.com"}},
            {"Effect": "Deny", "Principal": {"AWS": "999999999999"}},
            {"Effect": "Allow", "Principal": "*"}]}"#;
        assert_eq!(
            trusted(trust),
            ["arn:aws:iam::222233334444:root", "ec2.amazonaws.com", "everybody (*)", "ssm.amazonaws.com"]
        );
        assert_eq!(trusted("{"), ["a trust policy that can't be read"]);
    }
}
