//! Access keys and who is behind them.
//!
//! What can be done about a key depends on its principal, not on its prefix: an `ASIA…` key may belong to the root
//! user or to a user's session.

use super::arn::{Arn, last_part};
use super::draft::Draft;
use super::error::quote;
use super::fields::text_at;
use crate::domain::subject::AccessKeySubject;
use crate::domain::{PrincipalType, Subject};
use serde_json::Value;

/// What ASFF puts before an access key's id.
const ASFF_KEY: &str = "AWS::IAM::AccessKey:";

/// Reads an access key's details (GuardDuty's `accessKeyDetails`, ASFF's `AwsIamAccessKey`, OCSF's `data`) and adds
/// the key, or the principal alone where there is no key (a console login).
pub(super) fn add_access_key(draft: &mut Draft, details: &Value, id_of_resource: Option<&str>, place: &str) {
    let own = text_at(details, "accessKeyId").map(|id| key_id(&id));
    let outer = id_of_resource.map(key_id);
    if let (Some(own), Some(outer)) = (&own, &outer)
        && own != outer
        && !outer.is_empty()
    {
        draft.odd(format!("{place}: the access key is {} inside and {} outside", quote(own), quote(outer)));
    }
    let first = |paths: [&str; 3]| paths.into_iter().find_map(|path| text_at(details, path));
    let written = first(["principalType", "userType", "sessionContext.sessionIssuer.type"]);
    let key = AccessKeySubject {
        id: own.or(outer).unwrap_or_default(),
        principal_type: None,
        principal_name: first(["principalName", "userName", "sessionContext.sessionIssuer.userName"]),
        principal_id: first(["principalId", "principalUid", "sessionContext.sessionIssuer.principalId"]),
    };
    add(draft, key, written.as_deref(), place);
}

/// Adds a key whose parts are known, with its principal's type as it was written.
pub(super) fn add(draft: &mut Draft, mut key: AccessKeySubject, written_type: Option<&str>, place: &str) {
    key.principal_type = written_type.and_then(principal_type);
    if let Some(PrincipalType::Other(other)) = &key.principal_type {
        draft.odd(format!("{place}: unknown principal type {}", quote(other)));
    }
    let is_root_name = key.principal_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("root"));
    if key.principal_type.is_none() && key.id.starts_with("AKIA") && !is_root_name {
        // Only users and root have long-term keys; a finding about root's says so in its name.
        key.principal_type = Some(PrincipalType::User);
        draft.odd(format!("{place}: no principal type; a long-term key, so taken for a user's"));
    }
    match (key.id.is_empty(), &key.principal_type, &key.principal_name) {
        (true, Some(PrincipalType::User), Some(name)) => draft.add(Subject::User { name: name.clone() }),
        (true, Some(PrincipalType::Role), Some(name)) => draft.add(Subject::Role { name: name.clone() }),
        (true, None, None) if key.principal_id.is_none() => draft.odd(format!("{place}: an access key without an id")),
        _ => draft.add(Subject::AccessKey(key)),
    }
}

/// A key's id out of `AWS::IAM::AccessKey:…`, an ARN, or as it stands. `null`, which Security Hub writes for a
/// console login, is none.
fn key_id(written: &str) -> String {
    let written = written.trim();
    let id = match written.get(..ASFF_KEY.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(ASFF_KEY) => written.get(ASFF_KEY.len()..).unwrap_or_default(),
        _ if written.starts_with("arn:") => last_part(written),
        _ => written,
    };
    if id == "null" { String::new() } else { id.to_owned() }
}

/// The type of principal, whichever of the services' spellings it is in; placeholders and `Unknown` are none.
pub(super) fn principal_type(written: &str) -> Option<PrincipalType> {
    let plain: String = written.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "iamuser" | "user" => Some(PrincipalType::User),
        "role" | "assumedrole" | "iamrole" => Some(PrincipalType::Role),
        "root" => Some(PrincipalType::Root),
        "federateduser" | "federated" => Some(PrincipalType::Federated),
        "" | "unknown" | "null" | "none" => None,
        _ if written.starts_with("GeneratedFinding") || written.starts_with("${") => None,
        _ => Some(PrincipalType::Other(written.to_owned())),
    }
}

/// The IAM user or role that an ARN or a bare name means, given the resource type it came with (`iamuser`,
/// `iamrole`); `None` when it can't be the name of one.
pub(super) fn identity(kind: &str, id: &str) -> Option<Subject> {
    let (kind, name) = match Arn::parse(id) {
        Some(arn) => match arn.kind() {
            "user" => ("iamuser", arn.name()),
            "role" => ("iamrole", arn.name()),
            // assumed-role/NAME/SESSION
            "assumed-role" => ("iamrole", arn.resource.split('/').nth(1)?),
            _ => return None,
        },
        None => (kind, id.trim()),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-${}<>".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(legal) {
        return None;
    }
    let name = name.to_owned();
    match kind {
        "iamuser" => Some(Subject::User { name }),
        "iamrole" => Some(Subject::Role { name }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(details: Value, id: Option<&str>) -> (Vec<Subject>, Vec<String>) {
        let mut draft = Draft::default();
        add_access_key(&mut draft, &details, id, "here");
        (draft.finding.subjects, draft.finding.oddities)
    }

    fn only_key(details: Value, id: Option<&str>) -> AccessKeySubject {
        match key(details, id).0.as_slice() {
            [Subject::AccessKey(key)] => key.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_principal_type_decides_and_not_the_prefix() {
        for (written, expected) in [
            ("IAMUser", PrincipalType::User),
            ("Role", PrincipalType::Role),
            ("AssumedRole", PrincipalType::Role),
            ("ASSUMED_ROLE", PrincipalType::Role),
            ("Root", PrincipalType::Root),
            ("FederatedUser", PrincipalType::Federated),
            ("AWSService", PrincipalType::Other("AWSService".into())),
        ] {
            let details = json!({"PrincipalType": written, "PrincipalName": "n", "PrincipalId": "p"});
            let key = only_key(details, Some("AWS::IAM::AccessKey:ASIAEXAMPLE"));
            assert_eq!((key.id.as_str(), key.principal_type), ("ASIAEXAMPLE", Some(expected)));
        }
    }

    #[test]
    fn a_key_without_a_type() {
        assert_eq!(only_key(json!({"UserName": "n"}), Some("AKIAEXAMPLE")).principal_type, Some(PrincipalType::User));
        assert_eq!(only_key(json!({"UserName": "n"}), Some("ASIAEXAMPLE")).principal_type, None);
        assert_eq!(only_key(json!({"UserName": "root"}), Some("AKIAEXAMPLE")).principal_type, None);
        assert_eq!(only_key(json!({"userType": "Unknown"}), Some("ASIAEXAMPLE")).principal_type, None);
    }

    #[test]
    fn the_session_issuer_names_the_role() {
        let details = json!({
            "AccessKeyId": "ASIAEXAMPLE",
            "SessionContext": {"SessionIssuer": {"Type": "Role", "UserName": "ci", "PrincipalId": "AROAEXAMPLE"}},
        });
        let key = only_key(details, None);
        assert_eq!(key.principal_type, Some(PrincipalType::Role));
        assert_eq!((key.principal_name.as_deref(), key.principal_id.as_deref()), (Some("ci"), Some("AROAEXAMPLE")));
    }

    #[test]
    fn a_console_login_has_no_key() {
        let login = json!({"UserType": "IAMUser", "UserName": "ana", "AccessKeyId": ""});
        assert_eq!(key(login, Some("AWS::IAM::AccessKey:null")).0, [Subject::User { name: "ana".into() }]);
        assert_eq!(only_key(json!({"UserType": "Root"}), None).principal_type, Some(PrincipalType::Root));
        assert_eq!(key(json!({}), None).1, ["here: an access key without an id"]);
    }

    #[test]
    fn two_ids_for_one_key_are_odd() {
        let (subjects, oddities) = key(json!({"access_key_id": "ASIAONE"}), Some("ASIATWO"));
        assert_eq!((subjects.first().map(Subject::id).as_deref(), oddities.len()), (Some("ASIAONE"), 1));
    }

    #[test]
    fn users_and_roles_by_arn_and_by_name() {
        let user = |name: &str| Some(Subject::User { name: name.into() });
        let role = |name: &str| Some(Subject::Role { name: name.into() });
        assert_eq!(identity("iamrole", "arn:aws:iam::111122223333:role/a/b/ci"), role("ci"));
        assert_eq!(identity("iamrole", "arn:aws:sts::111122223333:assumed-role/ci/session"), role("ci"));
        assert_eq!(identity("iamrole", "arn:aws:iam::111122223333:user/ana"), user("ana"));
        assert_eq!(identity("iamuser", "ana"), user("ana"));
        assert_eq!(identity("iamrole", "V-71859 Validation Code"), None);
        assert_eq!(identity("iamrole", "arn:aws:s3:::bucket"), None);
        assert_eq!(identity("iamrole", ""), None);
    }
}
