//! Whose credentials these are, and so what can be done about them. The principal's type decides, never the key's
//! prefix: an `ASIA…` key may belong to the root user, to a user's own session, or to a role of another account.

use crate::domain::principal::is_identity_centers;
use crate::domain::subject::AccessKeySubject;
use crate::domain::{Principal, PrincipalType, Scope, text};
use crate::playbook::plan::PlanRefusal;

/// What is to be contained, as a person or a finding names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A key, with what a finding says about who is behind it; a person who types a key says nothing.
    Key(AccessKeySubject),
    /// A user, with every key it has.
    User(String),
    /// The sessions of a role.
    Role(String),
}

impl Credential {
    /// What it is called, escaped.
    pub fn named(&self) -> String {
        match self {
            Self::Key(key) => format!("key {}", text::fit(&key.id, 60)),
            Self::User(name) => format!("user {}", text::fit(name, 80)),
            Self::Role(name) => format!("role {}", text::fit(name, 80)),
        }
    }
}

/// The principal behind a credential and the key that is meant, where one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The user or role.
    pub principal: Principal,
    /// The key's id.
    pub key: Option<String>,
    /// The principal's unique id (`AIDA…`, `AROA…`), where the finding has it: names are taken again, by others and in
    /// other accounts, and ids never are.
    pub id: Option<String>,
}

/// Finds out who is behind a credential: from the finding's principal type, and for a key from whose IAM says it is.
///
/// # Errors
/// When nobody whom this account can deny anything is behind it: the root user, a federated user, a service, another
/// account, IAM Identity Center; or when nobody knows. Each says what a person must do.
pub fn behind(credential: &Credential, owner: Option<&str>, scope: &Scope) -> Result<Behind, PlanRefusal> {
    let key = match credential {
        Credential::User(name) => {
            return Ok(Behind { principal: Principal::User(name.clone()), key: None, id: None });
        }
        Credential::Role(name) => return role(name, None, scope),
        Credential::Key(key) => key,
    };
    // IAM's own word on a long-term key of the account goes before a finding's.
    if let Some(owner) = owner {
        return Ok(Behind { principal: Principal::User(owner.to_owned()), key: Some(key.id.clone()), id: None });
    }
    let id = text::fit(&key.id, 60);
    let account = &scope.account;
    let name = key.principal_name.as_deref().filter(|n| !n.is_empty());
    let says_root =
        name.is_some_and(|n| n.eq_ignore_ascii_case("root")) || key.principal_id.as_deref() == Some(account.as_str());
    match (&key.principal_type, name) {
        (Some(PrincipalType::Root), _) => Err(root(&id, scope)),
        (None, _) if says_root => Err(root(&id, scope)),
        (Some(PrincipalType::Role), Some(name)) => {
            Ok(Behind { id: unique_id(key), ..role(name, Some(&key.id), scope)? })
        }
        (Some(PrincipalType::User), Some(name)) => {
            Ok(Behind { principal: Principal::User(name.to_owned()), key: Some(key.id.clone()), id: unique_id(key) })
        }
        (Some(PrincipalType::Federated), name) => Err(PlanRefusal::Unfit(format!(
            "{id} belongs to the federated user {}: what it may do comes from the IAM user that called \
             GetFederationToken. CloudTrail's GetFederationToken event with this key in its answer names that user; then \
             `lazaret revoke user NAME` denies it, and its federated sessions with it",
            text::fit(name.unwrap_or("(not named)"), 80)
        ))),
        (Some(PrincipalType::Other(other)), name) => Err(foreign(&id, other, name, scope)),
        _ => Err(PlanRefusal::Unfit(format!(
            "nobody here knows whose {id} is: IAM in {account} tells only about its own users' long-term keys. Name its \
             finding with --finding, or look the key up in CloudTrail: userIdentity.sessionContext.sessionIssuer names \
             the role or user for `lazaret revoke role|user NAME`, and recipientAccountId the account for --account"
        ))),
    }
}

/// The unique id in a finding's principal id: `AIDA…`, or `AROA…:session`.
fn unique_id(key: &AccessKeySubject) -> Option<String> {
    let id = key.principal_id.as_deref()?.split(':').next()?;
    (id.starts_with("AIDA") || id.starts_with("AROA")).then(|| id.to_owned())
}

fn role(name: &str, key: Option<&str>, scope: &Scope) -> Result<Behind, PlanRefusal> {
    if is_identity_centers(name) {
        return Err(identity_center(name, scope));
    }
    Ok(Behind { principal: Principal::Role(name.to_owned()), key: key.map(str::to_owned), id: None })
}

/// A role that only IAM Identity Center can change.
pub(super) fn identity_center(name: &str, scope: &Scope) -> PlanRefusal {
    let set = name.trim_start_matches("AWSReservedSSO_");
    let set = set.rsplit_once('_').map_or(set, |(set, _)| set);
    PlanRefusal::Unfit(format!(
        "{} is IAM Identity Center's own role, which nobody can edit in IAM (UnmodifiableEntity). In IAM Identity Center: \
         disable the person's access and delete their active sessions, remove the assignment of permission set {} to \
         account {}, and if its sessions must end now, give the permission set an inline Deny where aws:TokenIssueTime is \
         before now, and provision it",
        text::fit(name, 100),
        text::fit(set, 60),
        scope.account
    ))
}

/// A role that an AWS service made for itself.
pub(super) fn service_linked(name: &str, path: &str) -> PlanRefusal {
    let service = path.trim_start_matches("/aws-service-role/").trim_end_matches('/');
    PlanRefusal::Unfit(format!(
        "{} is the service-linked role of {}, which nobody can edit in IAM (UnmodifiableEntity): stop what the service \
         does for you in the service itself. Only the service can assume it: if its credentials were seen elsewhere, open \
         a case with AWS Support",
        text::fit(name, 80),
        text::fit(service, 80)
    ))
}

fn root(id: &str, scope: &Scope) -> PlanRefusal {
    PlanRefusal::Unfit(format!(
        "{id} belongs to the root user of {}, which no policy in the account can deny. A person must, now: sign in as root \
         and change the password, delete every access key of root, check its MFA devices and the account's e-mail and phone; \
         where the account is in an organisation, attach a service control policy that denies root (aws:PrincipalArn \
         arn:*:iam::*:root) from the management account, or remove root's credentials centrally; then open a case with AWS \
         Support",
        scope.account
    ))
}

fn foreign(id: &str, other: &str, name: Option<&str>, scope: &Scope) -> PlanRefusal {
    let plain = other.to_ascii_lowercase();
    let name = text::fit(name.unwrap_or("(not named)"), 80);
    if plain.contains("service") {
        return PlanRefusal::Unfit(format!(
            "{id} was used by the AWS service {name}, not by a principal of {}: there is no policy to write. Look at what \
             asked the service to act, and contain that",
            scope.account
        ));
    }
    if plain.contains("account") {
        return PlanRefusal::Unfit(format!(
            "{id} belongs to another account ({name}): it can be cut only there. Where that account is ours, `lazaret \
             revoke role|user NAME --account ID`; where it isn't, take its account out of the resource policies and trust \
             policies that let it in, and report it to AWS Trust & Safety"
        ));
    }
    PlanRefusal::Unfit(format!(
        "{id} belongs to a principal of a kind that is not known here ({}, {name}): look it up in CloudTrail, and name the \
         role or user with `lazaret revoke role|user NAME`",
        text::fit(other, 40)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::parse("111122223333", "eu-central-1").unwrap()
    }

    fn key(id: &str, kind: Option<PrincipalType>, name: &str) -> Credential {
        Credential::Key(AccessKeySubject {
            id: id.into(),
            principal_type: kind,
            principal_name: Some(name.to_owned()).filter(|n| !n.is_empty()),
            principal_id: None,
        })
    }

    fn refused(credential: &Credential) -> String {
        behind(credential, None, &scope()).unwrap_err().to_string()
    }

    #[test]
    fn the_principal_decides_and_not_the_prefix() {
        for id in ["AKIAEXAMPLE", "ASIAEXAMPLE"] {
            let of = |kind, name| behind(&key(id, Some(kind), name), None, &scope()).unwrap();
            assert_eq!(of(PrincipalType::User, "ci").principal, Principal::User("ci".into()));
            assert_eq!(of(PrincipalType::Role, "web").principal, Principal::Role("web".into()));
            assert!(refused(&key(id, Some(PrincipalType::Root), "ana")).contains("root user of 111122223333"));
            assert!(refused(&key(id, None, "root")).contains("root user"));
            assert!(refused(&key(id, Some(PrincipalType::Federated), "eve")).contains("GetFederationToken"));
        }
    }

    #[test]
    fn iams_word_on_a_key_goes_before_a_findings() {
        let told = key("AKIAEXAMPLE", Some(PrincipalType::Role), "web");
        assert_eq!(behind(&told, Some("ci"), &scope()).unwrap().principal, Principal::User("ci".into()));
    }

    #[test]
    fn whoever_can_not_be_denied_here_is_refused_with_the_next_step() {
        for (credential, words) in [
            (key("ASIAEXAMPLE", None, ""), "--finding"),
            (key("ASIAEXAMPLE", None, "somebody"), "CloudTrail"),
            (key("ASIAEXAMPLE", Some(PrincipalType::Role), ""), "CloudTrail"),
            (key("ASIAEXAMPLE", Some(PrincipalType::Other("AWSAccount".into())), "999999999999"), "only there"),
            (key("ASIAEXAMPLE", Some(PrincipalType::Other("AWSService".into())), "config"), "AWS service config"),
            (key("ASIAEXAMPLE", Some(PrincipalType::Other("Directory".into())), "x"), "not known here"),
            (Credential::Role("AWSReservedSSO_Admin_Team_0a1b2c3d4e5f6071".into()), "permission set Admin_Team"),
            (key("ASIAEXAMPLE", Some(PrincipalType::Role), "AWSReservedSSO_Admin_0a1b"), "IAM Identity Center"),
        ] {
            assert!(refused(&credential).contains(words), "{credential:?}: {}", refused(&credential));
        }
    }

    #[test]
    fn what_others_wrote_is_escaped() {
        let evil = "\u{1b}[2J";
        for kind in [PrincipalType::Federated, PrincipalType::Other(evil.into())] {
            let said = refused(&key(evil, Some(kind), evil));
            assert!(!said.contains('\u{1b}'), "{said}");
        }
    }
}
