//! What is said of it: who else is hit, what it will not stop, and what to do next.

use super::{Backup, Request};
use crate::domain::principal::RoleRecord;
use crate::domain::{Instance, InstanceId, Region, text};
use crate::playbook::change::profile_name;
use crate::playbook::credentials::our_denies;
use crate::playbook::plan::Promise;
use crate::policy::documents::other_trustees;
use std::collections::BTreeMap;

fn list<T: ToString>(ids: &[T]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("{n} {one}") } else { format!("{n} {one}s") }
}

/// An instance with its name, and its Region where that isn't the plan's.
pub(super) fn placed(request: &Request<'_>, instance: &Instance) -> String {
    match request.regions.get(&instance.id) {
        Some(region) => format!("{} in {region}", instance.named()),
        None => instance.named(),
    }
}

/// The command that contains the same in another Region: the one account has one role, and each Region its instances.
fn there(request: &Request<'_>, region: &Region) -> String {
    let finding = request.finding.as_ref().map_or_else(String::new, |f| format!(" {}", text::shell(f.id.as_str())));
    format!(
        "lazaret exfiltration{finding} --role {} --account {} --region {region}",
        text::shell(request.role),
        request.observed.scope.account
    )
}

/// The instances that stay as they are, Region by Region, each with what to do about it.
fn left_elsewhere(request: &Request<'_>) -> Vec<(Region, Vec<InstanceId>, String)> {
    let mut regions: BTreeMap<Region, Vec<InstanceId>> = BTreeMap::new();
    for (scope, id) in &request.elsewhere {
        regions.entry(scope.region.clone()).or_default().push(id.clone());
    }
    let left = regions.into_iter().map(|(region, ids)| {
        let command = there(request, &region);
        (region, ids, command)
    });
    left.collect()
}

pub(super) fn warnings(
    request: &Request<'_>,
    original: &RoleRecord,
    users: &[&Instance],
    chosen: &Backup,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let role = text::fit(request.role, 80);
    if let Some(earlier) = &request.earlier {
        let at = earlier.since.format("%Y-%m-%d %H:%M:%SZ");
        warnings.push(format!(
            "role {role} was contained by {} at {at} (run {}): this adds to it",
            earlier.by, earlier.run
        ));
    }
    let cut_off = crate::playbook::deny::cut_off(request.observed.aws_at());
    warnings.extend(our_denies(&original.inline).iter().map(|earlier| earlier.beside(Some(cut_off), None)));
    let who: Vec<String> = users.iter().map(|i| placed(request, i)).collect();
    warnings.push(match who.as_slice() {
        [] => format!("no instance has role {role} now"),
        who => {
            format!("role {role} is on {}, and all of them are hit: {}", count(who.len(), "instance"), who.join(", "))
        }
    });
    for (region, ids, command) in left_elsewhere(request) {
        warnings.push(format!(
            "the role is also on {} in {region}, which can't be read from here: the revocation hits their sessions too, and \
             their profile and metadata options stay. Each gets new credentials of the role by itself, some time later or \
             when it is restarted. Contain them as somebody who may: `{command}`",
            list(&ids)
        ));
    }
    if !request.looked_in.is_empty() {
        warnings.push(format!(
            "looked for the role's instances in {}, and in no other Region",
            request.looked_in.join(" ")
        ));
    }
    let others = other_trustees(&original.role.trust, &request.observed.scope.partition);
    if !others.is_empty() {
        warnings.push(format!(
            "the role is not only for instances: {} can assume it too, and their sessions are cut as well",
            others.join(", ")
        ));
    }
    match chosen {
        Backup::There(_) if users.is_empty() => {}
        Backup::There(arn) => {
            warnings.push(format!(
                "{} takes over: it is there, EC2 may assume it, and it is no wider than {role}",
                text::fit(profile_name(arn), 80)
            ));
        }
        Backup::ToBeMade(make) => warnings.push(format!(
            "role {} is made from {role}{} and stays after a restore: other things may rely on it by then",
            text::fit(&make.role.name, 80),
            if request.stolen_for.is_empty() {
                ", with all that it may do, since no finding names a call that was made,".to_owned()
            } else {
                format!(", without {}", list(&request.stolen_for))
            }
        )),
        Backup::None(why) => warnings.push(format!("the instances keep role {role}: {why}")),
    }
    for instance in users {
        if let Some(operator) = &instance.operator {
            warnings.push(format!(
                "{} is operated by {}: its profile and metadata options can't be changed here, and it gets new credentials \
                 of the role",
                instance.id,
                text::fit(operator, 80)
            ));
        }
        match &instance.metadata {
            Some(m) if !m.tokens_required => warnings.push(format!(
                "{}: programs on it that speak only IMDSv1 lose its metadata and credentials{}",
                instance.id,
                if m.hop_limit == 1 { ", and with a hop limit of 1 so do containers on it" } else { "" }
            )),
            Some(_) => {}
            None => {
                warnings.push(format!("{}: its metadata options could not be read, and are left alone", instance.id))
            }
        }
        if instance.state == "stopped" && !matches!(chosen, Backup::None(_)) {
            warnings.push(format!(
                "{} is stopped: EC2 replaces no profile there, so one is taken off and the other put on",
                instance.id
            ));
        }
        if let Some(group) = instance.tags.get("aws:autoscaling:groupName") {
            warnings.push(format!(
                "{} is in Auto Scaling group {}: what it starts anew has the profile of its launch template",
                instance.id,
                text::fit(group, 80)
            ));
        }
    }
    warnings.extend(request.unread.iter().map(|what| format!("not read: {what}")));
    warnings
}

pub(super) fn limits(request: &Request<'_>, chosen: &Backup) -> Vec<String> {
    let mut limits = Vec::new();
    if matches!(chosen, Backup::None(_)) {
        limits.push(format!(
            "the sessions that are out now are cut, and every instance is handed fresh credentials of role {}: a thief who \
             still reaches one of them gets those too. Quarantine that instance, or move it to another role",
            text::fit(request.role, 80)
        ));
    } else {
        limits.push(
            "a thief who still reaches an instance gets the backup role's credentials from it: quarantine that instance".to_owned(),
        );
    }
    limits.push("what was done and read with the credentials until now is done and read".to_owned());
    limits.push("users, keys and roles that the thief has made stay: look for them in CloudTrail".to_owned());
    limits.push(
        "presigned URLs die with the sessions that signed them; credentials that the thief got by assuming other roles do \
         not"
        .to_owned(),
    );
    limits
}

pub(super) fn promise(request: &Request<'_>, users: &[&Instance], moved: &[InstanceId], chosen: &Backup) -> Promise {
    let role = text::fit(request.role, 80);
    let mut left: Vec<InstanceId> = users.iter().map(|i| i.id.clone()).filter(|id| !moved.contains(id)).collect();
    left.extend(request.elsewhere.iter().map(|(_, id)| id.clone()));
    let mut kept = format!("every session of role {role} issued before the cut-off is denied everything");
    if !moved.is_empty() {
        kept.push_str(&format!(
            "; {} moved to the backup role before it: {}",
            count(moved.len(), "instance"),
            list(moved)
        ));
    }
    if !left.is_empty() {
        kept.push_str(&format!("; {} may hold fresh credentials of it", list(&left)));
    }
    let mut next = vec![
        "Read CloudTrail for what the credentials were used for, from when they were stolen: userIdentity.accessKeyId"
            .to_owned(),
        "Find how they were read (a forged request, a shell), and quarantine the instance: lazaret quarantine"
            .to_owned(),
    ];
    for (region, ids, command) in left_elsewhere(request) {
        next.push(format!("{} in {region} keep role {role}: `{command}`", list(&ids)));
    }
    if matches!(chosen, Backup::None(_)) {
        next.push(format!("Make {}-backup and run this again, or move the instances to another role", role));
    }
    next.push(format!("When nothing needs it any more: lazaret delete-role {role} --confirm {role}"));
    let broken = format!("the stolen credentials of role {role} are NOT all contained");
    Promise { kept, broken, next, ..Promise::default() }
}
