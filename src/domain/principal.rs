//! IAM users and roles, their keys and policies, as IAM reports them.

use super::ids::InstanceId;
use super::instance::Tags;
use super::scope::{AccountId, Partition};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// A user or role of an account, by name: what policies stand on. As text `user:ci` or `role:web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Principal {
    /// An IAM user.
    User(String),
    /// An IAM role.
    Role(String),
}

impl Principal {
    /// Its name. Written by others: escape before showing.
    pub fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Role(name) => name,
        }
    }

    /// `user` or `role`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Role(_) => "role",
        }
    }

    /// The user or role behind an ARN of IAM or STS, with its account. A role's session (`assumed-role`) stands for
    /// its role; the root user, a federated user and everything else are nobody here.
    pub fn of_arn(arn: &str) -> Option<(AccountId, Self)> {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "iam" | "sts", _, account, resource] = fields.as_slice() else { return None };
        let account = account.parse().ok()?;
        let parts: Vec<&str> = resource.split('/').collect();
        let principal = match parts.as_slice() {
            ["user", .., name] => Self::User((*name).to_owned()),
            ["role", .., name] | ["assumed-role", name, _] => Self::Role((*name).to_owned()),
            _ => return None,
        };
        (!principal.name().is_empty()).then_some((account, principal))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.name())
    }
}

impl FromStr for Principal {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("user", name)) if !name.is_empty() => Ok(Self::User(name.to_owned())),
            Some(("role", name)) if !name.is_empty() => Ok(Self::Role(name.to_owned())),
            _ => Err(format!("`{text}` is neither user:NAME nor role:NAME")),
        }
    }
}

impl TryFrom<String> for Principal {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.to_string()
    }
}

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its unique id, `AIDA…`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its path, `/` at least.
    pub path: String,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When its console password was last used.
    pub password_used_at: Option<DateTime<Utc>>,
    /// Its tags.
    pub tags: Tags,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its unique id, `AROA…`. A role of the same name that is made later has another.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its path, `/` at least.
    pub path: String,
    /// Who may assume it: the trust policy's JSON, as stored.
    pub trust: String,
    /// The longest that one of its sessions may last, in seconds.
    pub max_session: i32,
    /// Its description, where it has one.
    pub description: Option<String>,
    /// The ARN of the policy that bounds its permissions, where one does.
    pub boundary: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When a session of it last called anything, as far as IAM tells (it may be hours late).
    pub used_at: Option<DateTime<Utc>>,
    /// Its tags.
    pub tags: Tags,
}

impl Role {
    /// Whether only an AWS service may change it: IAM answers `UnmodifiableEntity`.
    pub fn is_service_linked(&self) -> bool {
        self.path.starts_with("/aws-service-role/")
    }

    /// Whether it is IAM Identity Center's: IAM answers `UnmodifiableEntity`.
    pub fn is_identity_centers(&self) -> bool {
        is_identity_centers(&self.name) || self.path.starts_with("/aws-reserved/sso.amazonaws.com/")
    }
}

/// Whether a role of this name is IAM Identity Center's own. The prefix is reserved: nobody else can make one.
pub fn is_identity_centers(role: &str) -> bool {
    role.starts_with("AWSReservedSSO_")
}

/// A long-term access key of a user. The secret is never known to anybody but its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id, `AKIA…`.
    pub id: String,
    /// Whether it is Active.
    pub active: bool,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// When and for what a key was last used, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// The user it belongs to.
    pub user: Option<String>,
    /// When; none where it never was.
    pub at: Option<DateTime<Utc>>,
    /// For which service.
    pub service: Option<String>,
}

/// A policy that stands by itself and is attached to users and roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// Its ARN; AWS's own have `aws` where others have the account.
    pub arn: String,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When its default version was last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Its default version: the one that applies.
    pub version: String,
}

/// An instance profile: the wrapping in which an instance gets its role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Its name.
    pub name: String,
    /// Its unique id, `AIPA…`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its path, `/` at least.
    pub path: String,
    /// The role in it: at most one.
    pub role: Option<String>,
}

/// An instance and the profile that is, was or will be on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileAssociation {
    /// Its id, `iip-assoc-…`.
    pub id: String,
    /// The instance.
    pub instance: InstanceId,
    /// The profile's ARN.
    pub profile_arn: String,
    /// `associating`, `associated`, `disassociating` or `disassociated`.
    pub state: String,
}

impl ProfileAssociation {
    /// Whether the instance gets, or is about to get, credentials through it.
    pub fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "associating" | "associated")
    }
}

/// Everything about a user that a containment looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The user.
    pub user: User,
    /// Its long-term keys, oldest first.
    pub keys: Vec<AccessKey>,
    /// When its console password was made; none where it has no password.
    pub password_since: Option<DateTime<Utc>>,
    /// Its inline policies by name: each one's JSON, as stored.
    pub inline: BTreeMap<String, String>,
    /// The managed policies attached to it.
    pub attached: BTreeSet<String>,
}

/// Everything about a role that a containment looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRecord {
    /// The role.
    pub role: Role,
    /// Its inline policies by name: each one's JSON, as stored.
    pub inline: BTreeMap<String, String>,
    /// The managed policies attached to it.
    pub attached: BTreeSet<String>,
    /// The instance profiles that it is in.
    pub profiles: Vec<InstanceProfile>,
}

/// The most characters that a user's inline policies may have in all (IAM user guide, "IAM and AWS STS quotas").
pub const USER_POLICY_LIMIT: usize = 2_048;

/// The most characters that a role's inline policies may have in all (same place).
pub const ROLE_POLICY_LIMIT: usize = 10_240;

/// How many managed policies may be attached to a user or role by default (same place; up to 20 on request).
pub const ATTACHED_LIMIT: usize = 10;

/// The size of a policy's JSON against IAM's quotas: its characters without white space. What stands in quotes counts
/// whole, since IAM's page doesn't say that white space in there is free.
pub fn policy_size(document: &str) -> usize {
    let (mut size, mut quoted, mut escaped) = (0, false, false);
    for c in document.chars() {
        if quoted {
            size += 1;
            quoted = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
        } else if !c.is_whitespace() {
            size += 1;
            quoted = c == '"';
        }
    }
    size
}

/// The size of several policies together.
pub fn policies_size<'a>(documents: impl IntoIterator<Item = &'a String>) -> usize {
    documents.into_iter().map(|d| policy_size(d)).sum()
}

/// The ARN of AWS's own policy that denies everything, in this partition.
pub fn deny_all_arn(partition: &Partition) -> String {
    format!("arn:{partition}:iam::aws:policy/AWSDenyAll")
}

/// What IAM would answer to one action of a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulated {
    /// The action, `s3:ListAllMyBuckets`.
    pub action: String,
    /// The decision.
    pub decision: Decision,
    /// The policies whose statements decided it, as IAM names them: `user_ci_deny`.
    pub by: BTreeSet<String>,
}

/// IAM's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// A statement denies it.
    ExplicitDeny,
    /// No statement allows it.
    ImplicitDeny,
}

impl Decision {
    /// The decision as IAM spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny => "explicitDeny",
            Self::ImplicitDeny => "implicitDeny",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_principal_and_account() {
        let of = |resource: &str| Principal::of_arn(&format!("arn:aws-cn:{resource}")).map(|(a, p)| format!("{a} {p}"));
        assert_eq!(of("iam::111122223333:user/soc/ana").as_deref(), Some("111122223333 user:ana"));
        assert_eq!(of("iam::111122223333:role/a/b/web").as_deref(), Some("111122223333 role:web"));
        assert_eq!(of("sts::111122223333:assumed-role/web/i-0ab").as_deref(), Some("111122223333 role:web"));
        for nobody in ["iam::111122223333:root", "sts::111122223333:federated-user/eve", "iam::aws:policy/AWSDenyAll"] {
            assert_eq!(of(nobody), None, "{nobody}");
        }
        assert_eq!(Principal::of_arn("role/web"), None);
    }

    #[test]
    fn a_principal_is_one_word_in_json() {
        let role = Principal::Role("a:b".into());
        assert_eq!(serde_json::to_string(&role).unwrap(), "\"role:a:b\"");
        assert_eq!(serde_json::from_str::<Principal>("\"role:a:b\"").unwrap(), role);
        assert!(serde_json::from_str::<Principal>("\"root\"").is_err());
    }

    #[test]
    fn white_space_outside_quotes_is_free() {
        assert_eq!(policy_size("{ \"a\" :\n\t\"b c\" }"), "{\"a\":\"b c\"}".len());
        assert_eq!(policy_size(r#"{"a": "\" x\\" , "b":1}"#), r#"{"a":"\" x\\","b":1}"#.len());
        assert_eq!(policy_size("{\"a\": \"żółć\"}"), 12);
    }

    #[test]
    fn the_policy_that_denies_everything_is_of_the_partition() {
        assert_eq!(deny_all_arn(&Partition::AwsCn), "arn:aws-cn:iam::aws:policy/AWSDenyAll");
    }
}
