//! Which role the instances are moved to: the backup, checked, or one to be made.

use super::super::change::{Change, MakeBackupRole};
use super::super::plan::{Action, Step, Weight};
use super::super::tags;
use super::{Request, Swap};
use crate::domain::principal::{InstanceProfile, ROLE_POLICY_LIMIT, Role, RoleRecord, policies_size};
use crate::domain::{Tags, text};
use crate::policy::documents::{Grants, trust_fits, wider};
use serde_json::json;
use std::collections::BTreeMap;

/// The name of the policy by which a backup that we make lacks what the finding used.
pub const WITHOUT: &str = "lazaret-without-what-was-stolen-for";

/// The longest name of a role (IAM user guide, "IAM and AWS STS quotas").
const LONGEST_NAME: usize = 64;

/// What becomes of the instances' profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backup {
    /// This profile, which is there, is put on them.
    There(String),
    /// The role and its profile are made first.
    ToBeMade(Box<MakeBackupRole>),
    /// None is put on them: why, a sentence.
    None(String),
}

/// The name of a role's backup.
pub fn backup_name(role: &str) -> String {
    format!("{role}-backup")
}

/// What a role may do, with the documents of managed policies as far as they were read.
fn grants(record: &RoleRecord, managed: &BTreeMap<String, String>) -> Grants {
    Grants {
        inline: record.inline.clone(),
        attached: record.attached.clone(),
        boundary: record.role.boundary.clone(),
        managed: managed.clone(),
    }
}

/// Finds the backup, or why there is none to use.
pub(super) fn choose(request: &Request<'_>, original: &RoleRecord) -> Backup {
    if request.swap == Swap::None {
        return Backup::None("asked not to".to_owned());
    }
    let name = backup_name(&original.role.name);
    let shown = text::fit(&name, 80);
    match request.observed.roles.get(&name) {
        Some(backup) => match check(backup, original, request) {
            Ok(profile) => Backup::There(profile.arn.clone()),
            Err(why) => Backup::None(format!("role {shown} can't take over: {}", why.join("; "))),
        },
        None if request.swap == Swap::MakeBackup => to_be_made(original, request, name),
        None => Backup::None(format!(
            "there is no role {shown}: --make-backup makes one from the original, without what the finding used"
        )),
    }
}

/// The profile of a backup that exists, can be assumed by EC2, and is no wider than the original.
fn check<'a>(
    backup: &'a RoleRecord,
    original: &RoleRecord,
    request: &Request<'_>,
) -> Result<&'a InstanceProfile, Vec<String>> {
    let partition = &request.observed.scope.partition;
    let mut against = Vec::new();
    against.extend(trust_fits(&backup.role.trust, &original.role.trust, partition).err());
    against.extend(wider(&grants(backup, request.managed), &grants(original, request.managed)));
    let named = backup.profiles.iter().find(|p| p.name == backup.role.name);
    match (named.or(backup.profiles.first()), against.is_empty()) {
        (Some(profile), true) => Ok(profile),
        (None, _) => {
            against.push("it is in no instance profile".to_owned());
            Err(against)
        }
        (Some(_), false) => Err(against),
    }
}

/// A backup made from the original: the same policies, boundary and path, trusted by EC2 alone, and denied what the
/// finding used.
fn to_be_made(original: &RoleRecord, request: &Request<'_>, name: String) -> Backup {
    let scope = &request.observed.scope;
    if name.len() > LONGEST_NAME {
        return Backup::None(format!("{} would be too long a name for a role", text::fit(&name, 100)));
    }
    let service = match scope.partition {
        crate::domain::Partition::AwsCn => "ec2.amazonaws.com.cn",
        _ => "ec2.amazonaws.com",
    };
    let principal = json!({"Service": service});
    let trust = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    let trust = json!({"Version": "2012-10-17", "Statement": [trust]}).to_string();
    let mut inline = original.inline.clone();
    // What another run denies to past sessions of the original says nothing about this role's.
    inline.retain(|policy, _| !policy.starts_with("lazaret-") && policy != "AWSRevokeOlderSessions");
    if !request.stolen_for.is_empty() {
        let deny = json!({"Effect": "Deny", "Action": request.stolen_for, "Resource": "*"});
        inline.insert(WITHOUT.to_owned(), json!({"Version": "2012-10-17", "Statement": [deny]}).to_string());
    }
    if policies_size(inline.values()) > ROLE_POLICY_LIMIT {
        return Backup::None(format!(
            "{} would have more inline policies than the {ROLE_POLICY_LIMIT} characters that IAM allows",
            text::fit(&name, 80)
        ));
    }
    let (key, value) = tags::BACKUP_TAG;
    let mut labels: Tags = original
        .role
        .tags
        .iter()
        .filter(|(k, _)| !k.starts_with("aws:"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    labels.insert(key.to_owned(), value.to_owned());
    let path = original.role.path.clone();
    Backup::ToBeMade(Box::new(MakeBackupRole {
        profile_arn: format!("arn:{}:iam::{}:instance-profile{path}{name}", scope.partition, scope.account),
        role: Box::new(Role {
            arn: format!("arn:{}:iam::{}:role{path}{name}", scope.partition, scope.account),
            name,
            id: String::new(),
            path,
            trust,
            max_session: original.role.max_session,
            description: Some("Takes over from a role whose sessions were revoked".to_owned()),
            boundary: original.role.boundary.clone(),
            created_at: None,
            used_at: None,
            tags: labels,
        }),
        inline,
        attached: original.attached.clone(),
    }))
}

/// The step that makes it.
pub(super) fn step(make: &MakeBackupRole) -> Step {
    Step {
        id: "make-backup".into(),
        title: format!("Make role and instance profile {}", text::fit(&make.role.name, 80)),
        wave: 1,
        weight: Weight::Wanted,
        needs: vec![],
        action: Action::Change(Change::MakeBackupRole(make.clone())),
    }
}
