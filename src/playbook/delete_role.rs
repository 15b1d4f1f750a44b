//! delete-role: the end of a role that is contained, after a whole export of it into the ledger.
//!
//! Never part of a containment: a deleted role can't come back as the same principal. The export stands in the plan and in
//! the record of the intention, both durable before the first call.

use super::change::{Change, DeleteRole};
use super::observed::Observed;
use super::plan::{Action, Plan, PlanRefusal, Playbook, Promise, Step, Weight};
use crate::domain::{InstanceId, Principal, Scope, text};
use crate::policy::documents::other_trustees;
use std::collections::BTreeMap;

/// Everything that the playbook looks at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The role.
    pub role: &'a str,
    /// What was read: the role.
    pub observed: &'a Observed,
    /// The documents of the managed policies on it, by ARN, as far as they were read.
    pub managed: BTreeMap<String, String>,
    /// The instances that have it, wherever they are.
    pub users: Vec<(Scope, InstanceId)>,
    /// The Regions that were looked into for them.
    pub looked_in: Vec<String>,
    /// What could not be read, escaped.
    pub unread: Vec<String>,
    /// The incident of the containment that stands on it.
    pub incident: Option<String>,
}

/// Plans the deletion.
///
/// # Errors
/// When the role doesn't exist, is AWS's own, is still used by an instance, or where that can't be told.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let scope = request.observed.scope.clone();
    let shown = text::fit(request.role, 80);
    let missing = || PlanRefusal::NotFound { what: format!("role {shown}"), scope: scope.clone() };
    let record = request.observed.roles.get(request.role).ok_or_else(missing)?;
    super::exfiltration::refuse_reserved(record, &scope)?;
    if !request.users.is_empty() {
        let users: Vec<String> = request.users.iter().map(|(s, id)| format!("{id} in {}", s.region)).collect();
        return Err(PlanRefusal::Unfit(format!(
            "role {shown} is still on {}: deleting it takes its permissions from them at once. Put another profile on them \
             first: lazaret exfiltration does",
            users.join(", ")
        )));
    }
    if !request.unread.is_empty() {
        return Err(PlanRefusal::Unfit(format!(
            "whether an instance still uses role {shown} can't be told: {}",
            request.unread.join("; ")
        )));
    }
    let mut warnings = vec![
        format!(
            "a role of the same name that is made later is another principal: {} is gone for good",
            text::fit(&record.role.id, 40)
        ),
        format!(
            "no instance in {} has it; launch templates, Auto Scaling groups and other Regions were not looked into",
            request.looked_in.join(" ")
        ),
    ];
    let others = other_trustees(&record.role.trust, &scope.partition);
    if !others.is_empty() {
        warnings.push(format!("{} can assume it, and lose it", others.join(", ")));
    }
    if let Some(at) = record.role.used_at {
        warnings.push(format!("last used at {} (IAM may be hours late)", at.format("%Y-%m-%d %H:%M:%SZ")));
    }
    let unread: Vec<&String> = record.attached.iter().filter(|arn| !request.managed.contains_key(*arn)).collect();
    if !unread.is_empty() {
        let list: Vec<String> = unread.iter().map(|arn| text::fit(arn, 120)).collect();
        warnings
            .push(format!("the export has these by ARN alone, their documents could not be read: {}", list.join(" ")));
    }
    let delete = DeleteRole { export: Box::new(record.clone()), managed: request.managed.clone() };
    let step = Step {
        id: "delete-role".into(),
        title: format!("Take role {shown} out of its profiles, its policies off it, and delete it"),
        wave: 1,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::Change(Change::DeleteRole(delete)),
    };
    let read_back = Step {
        id: "read-back".into(),
        title: "Read back: IAM knows no such role".into(),
        wave: 2,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::ReadBack { instance: None, isolated: None },
    };
    Ok(Plan {
        playbook: Playbook::DeleteRole,
        subject: Principal::Role(request.role.to_owned()).to_string(),
        title: format!("Delete role {shown} of {} for good", scope.account),
        observed_at: request.observed.at,
        finding: None,
        incident: request
            .incident
            .clone()
            .unwrap_or_else(|| format!("{shown}-{}", request.observed.at.format("%Y%m%d"))),
        steps: vec![step, read_back],
        warnings,
        limits: vec![
            "instance profiles stay, without a role in them".to_owned(),
            "resource policies and trust policies that name the role keep its id, which means nobody any more"
                .to_owned(),
        ],
        drift: vec![],
        reverts: vec![],
        promise: Promise {
            kept: format!("role {shown} is deleted; its whole export is in the ledger"),
            broken: format!("role {shown} is NOT deleted"),
            next: vec!["Its export: lazaret delete-role --export RUN".to_owned()],
            ..Promise::default()
        },
        scope,
    })
}
