//! quarantine-instance: every interface of an instance to the quarantine group alone, and the way back written down first.
//!
//! Waves: (1) recheck, protections, originals as tags; (2) the swaps, and snapshots beside them; (3) read back;
//! (4) notification and the finding's status. With `evidence_first` the snapshots get a wave of their own before the
//! swaps. When the VPC has no quarantine group, it is made in wave 1.

use super::change::{
    Change, GROUP_TO_BE_MADE, MakeQuarantineGroup, SetInterfaceGroups, SetProtection, SetTags, TagEdit, group_list,
    leaks,
};
use super::forensics::before_isolation;
use super::observed::{GroupChoice, Observed};
use super::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use super::tags;
use crate::domain::{
    GroupId, GroupRule, Instance, InstanceId, Interface, Protection, RunId, SecurityGroup, Tags, VpcId, Workflow, text,
};
use crate::policy::QuarantinePolicy;
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What the ledger knows of earlier quarantines of the instance that were not restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The latest run that isolated it.
    pub run: Option<RunId>,
    /// Who began it.
    pub actor: Option<String>,
    /// When.
    pub since: Option<DateTime<Utc>>,
}

/// Everything that the playbook looks at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The instance that is meant.
    pub instance: &'a InstanceId,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// What was read.
    pub observed: &'a Observed,
    /// How to isolate.
    pub policy: &'a QuarantinePolicy,
    /// What the ledger knows.
    pub history: &'a History,
    /// Who asks; stands in the tags.
    pub actor: &'a str,
}

/// Plans the quarantine of one instance.
///
/// # Errors
/// When the instance is absent or ended, in quarantine already, has an interface whose groups can't be changed by
/// us, or the quarantine group doesn't isolate.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let Request { observed, policy, finding, .. } = request;
    let scope = observed.scope.clone();
    let instance = observed.instance.as_ref().filter(|i| &i.id == request.instance).ok_or_else(|| {
        PlanRefusal::NotFound { what: format!("instance {}", request.instance), scope: scope.clone() }
    })?;
    if !instance.exists() {
        return Err(PlanRefusal::Unfit(format!("{} is {}: nothing is left to isolate", instance.id, instance.state)));
    }
    if observed.interfaces.is_empty() {
        return Err(PlanRefusal::Unfit(format!(
            "{} has no network interface in {scope}: nothing to isolate",
            instance.id
        )));
    }
    refuse_foreign_interfaces(instance, observed)?;
    let (group, make_group) = quarantine_group(instance, observed, policy)?;
    let reach = if policy.allow_ssm { observed.ssm_endpoint_groups.clone() } else { BTreeSet::new() };
    let to_mend = to_mend(instance, observed, &reach);
    refuse_if_isolated(request, instance, &group)?;

    let mut plan = Plan {
        playbook: Playbook::QuarantineInstance,
        subject: format!("instance:{}", instance.id),
        title: format!("Quarantine {} in {scope}", named(instance)),
        observed_at: observed.at,
        incident: finding.as_ref().map_or_else(|| manual_incident(instance, observed.at), FindingRef::incident),
        finding: finding.clone(),
        steps: Vec::new(),
        warnings: warnings(request, instance, &group),
        limits: limits(finding.as_ref()),
        drift: Vec::new(),
        reverts: Vec::new(),
        promise: Promise::default(),
        scope,
    };

    // Wave 1: what must stand before access changes.
    plan.steps.push(Step {
        id: "recheck".into(),
        title: "Read interfaces and quarantine group again".into(),
        wave: 1,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::Recheck {
            instance: instance.id.clone(),
            interfaces: observed.interfaces.iter().map(|(id, i)| (id.clone(), i.groups.clone())).collect(),
            quarantine_group: (!make_group && !to_mend).then(|| (group.clone(), reach.clone())),
        },
    });
    if (make_group || to_mend)
        && let Some(vpc) = &instance.vpc
    {
        plan.steps.push(Step {
            id: "make-group".into(),
            title: if make_group {
                format!("Make the quarantine group of {vpc}")
            } else {
                format!("Close {group} but for what it may reach")
            },
            wave: 1,
            weight: Weight::Essential,
            needs: vec![],
            action: Action::Change(Change::MakeQuarantineGroup(MakeQuarantineGroup {
                vpc: vpc.clone(),
                name: group_name(vpc),
                existing: to_mend.then(|| group.clone()),
                ssm_endpoint_groups: reach.clone(),
            })),
        });
    }
    plan.steps.extend(protections(instance, observed));
    plan.steps.extend(tag_steps(request, instance, &group, &mut plan.warnings)?);

    // Wave 2: the swaps. Snapshots go beside them, or in a wave before them when evidence comes first.
    let volatile = policy.volatile.as_ref().filter(|_| policy.evidence_first);
    let swap_wave = if policy.evidence_first && (policy.snapshots || volatile.is_some()) { 3 } else { 2 };
    if let Some(volatile) = volatile {
        let steps = before_isolation(volatile, instance, observed, swap_wave + 2, &mut plan.warnings);
        plan.steps.extend(steps);
    }
    for interface in observed.interfaces_in_order() {
        if interface.holds_only(&group) {
            continue;
        }
        plan.steps.push(Step {
            id: StepId(format!("swap-{}", interface.id)),
            title: format!("Isolate {} (was {})", interface.id, group_list(&interface.groups)),
            wave: swap_wave,
            weight: Weight::Essential,
            needs: vec![],
            action: Action::Change(Change::InterfaceGroups(SetInterfaceGroups {
                instance: instance.id.clone(),
                interface: interface.id.clone(),
                before: interface.groups.clone(),
                after: BTreeSet::from([group.clone()]),
            })),
        });
    }
    if policy.snapshots && !instance.volumes.is_empty() {
        plan.steps.push(snapshots(request, instance, &plan.incident, 2));
    }
    plan.steps.push(Step {
        id: "read-back".into(),
        title: "Read back: every interface holds the quarantine group alone".into(),
        wave: swap_wave + 1,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::ReadBack { instance: Some(instance.id.clone()), isolated: Some((group.clone(), reach)) },
    });

    // Wave 4: telling others. Never in the way of isolation.
    if let Some(topic) = &policy.topic_arn {
        let kind = finding.as_ref().map_or("no finding", |f| f.finding_type.as_str());
        plan.steps.push(Step {
            id: "notify".into(),
            title: "Tell the SNS topic".into(),
            wave: swap_wave + 2,
            weight: Weight::Courtesy,
            needs: vec![],
            action: Action::Notify {
                topic_arn: topic.clone(),
                subject: text::sns_subject(&format!("lazaret: {} quarantined in {} ({kind})", instance.id, plan.scope)),
            },
        });
    }
    if policy.update_finding {
        let note =
            format!("Quarantined {} by {} with lazaret. Restore: lazaret restore {0}", instance.id, request.actor);
        plan.steps.extend(update_finding(finding.as_ref(), Workflow::Notified, &note, swap_wave + 2));
    }
    Ok(plan)
}

/// The instance's id, with its name where it has one.
pub fn named(instance: &Instance) -> String {
    instance.name().map_or_else(|| instance.id.to_string(), |n| format!("{} ({})", instance.id, text::fit(n, 60)))
}

/// The step that sets a finding's workflow status; none where the finding can't be updated.
pub fn update_finding(finding: Option<&FindingRef>, to: Workflow, note: &str, wave: u8) -> Option<Step> {
    let finding = finding?;
    let (key, hub) = (finding.key.clone()?, finding.hub.clone()?);
    Some(Step {
        id: "update-finding".into(),
        title: format!("Set the finding to {}", to.as_str()),
        wave,
        weight: Weight::Courtesy,
        needs: vec![],
        action: Action::UpdateFinding {
            key,
            workflow: to,
            note: text::cut(&text::safe(note), 512),
            old_note: finding.note.clone(),
            old_workflow: finding.workflow.clone(),
            hub,
        },
    })
}

fn manual_incident(instance: &Instance, at: DateTime<Utc>) -> String {
    format!("{}-{}", instance.id, at.format("%Y%m%d"))
}

fn refuse_foreign_interfaces(instance: &Instance, observed: &Observed) -> Result<(), PlanRefusal> {
    let foreign = |i: &&&Interface| i.requester_managed || i.operator.is_some();
    let list = observed.interfaces_in_order();
    if let Some(interface) = list.iter().find(foreign) {
        let whose = interface.operator.as_deref().map_or("an AWS service".to_owned(), |o| text::safe(o).into_owned());
        return Err(PlanRefusal::Unfit(format!(
            "{} of {} is managed by {whose}: its groups can't be changed here, so {} would stay reachable. Contain it \
             where it is managed (drain the node, stop the task), or block the address",
            interface.id, instance.id, instance.id
        )));
    }
    Ok(())
}

fn quarantine_group(
    instance: &Instance,
    observed: &Observed,
    policy: &QuarantinePolicy,
) -> Result<(GroupId, bool), PlanRefusal> {
    let group = match &observed.quarantine_group {
        GroupChoice::Found(group) => group,
        GroupChoice::Missing => return Ok((GroupId::new(GROUP_TO_BE_MADE), true)),
        GroupChoice::NamedButAbsent(id) => {
            return Err(PlanRefusal::NotFound {
                what: format!("quarantine group {id}"),
                scope: observed.scope.clone(),
            });
        }
        GroupChoice::Ambiguous(ids) => {
            return Err(PlanRefusal::Unfit(format!(
                "several groups are tagged {}={}: {}. Name one with --quarantine-group",
                tags::GROUP_TAG.0,
                tags::GROUP_TAG.1,
                group_list(ids)
            )));
        }
    };
    if Some(&group.vpc) != instance.vpc.as_ref() {
        return Err(PlanRefusal::Unfit(format!(
            "quarantine group {} belongs to {}, and {} is in {}",
            group.id,
            group.vpc,
            instance.id,
            instance.vpc.as_ref().map_or("no VPC", |v| v.as_str())
        )));
    }
    let reach = if policy.allow_ssm { observed.ssm_endpoint_groups.clone() } else { BTreeSet::new() };
    let rules = leaks(group, &reach);
    if !rules.is_empty() && !half_made(group, instance, &reach) {
        return Err(PlanRefusal::LeakyGroup { group: group.id.clone(), rules });
    }
    Ok((group.id.clone(), false))
}

/// The name of the group that we make in a VPC.
fn group_name(vpc: &VpcId) -> String {
    format!("lazaret-quarantine-{vpc}")
}

/// Whether the group is one that we made: by its name and tag both.
fn is_ours(group: &SecurityGroup, instance: &Instance) -> bool {
    instance.vpc.as_ref().is_some_and(|vpc| group.name == group_name(vpc)) && tags::is_quarantine_group(&group.tags)
}

/// Whether we made the group and went away before it was closed: it lets out what EC2 lets every new group let out, and
/// nothing else is wrong with it.
fn half_made(group: &SecurityGroup, instance: &Instance, reach: &BTreeSet<GroupId>) -> bool {
    let mut closed = group.clone();
    closed.egress.retain(|rule| !GroupRule::defaults().contains(rule));
    is_ours(group, instance) && leaks(&closed, reach).is_empty()
}

/// Whether the quarantine group is one that we made, and is still to be closed, or to be let to the endpoints that it
/// may reach.
fn to_mend(instance: &Instance, observed: &Observed, reach: &BTreeSet<GroupId>) -> bool {
    let GroupChoice::Found(group) = &observed.quarantine_group else { return false };
    let lacks = reach.iter().any(|g| !group.egress.contains(&GroupRule::https_to(g.clone())));
    let open = group.egress.iter().any(|rule| GroupRule::defaults().contains(rule));
    is_ours(group, instance) && (lacks || open)
}

/// What keeps SSM from working under quarantine, where it is wanted.
fn ssm_warning(observed: &Observed, group: &GroupId) -> String {
    let reach = &observed.ssm_endpoint_groups;
    let GroupChoice::Found(found) = &observed.quarantine_group else {
        return if reach.is_empty() {
            "the VPC has no SSM endpoints: SSM will not reach the instance".into()
        } else {
            format!("SSM works only if {} admit the new quarantine group on TCP 443", group_list(reach))
        };
    };
    let missing: Vec<&GroupId> =
        reach.iter().filter(|g| !found.egress.contains(&GroupRule::https_to((*g).clone()))).collect();
    if reach.is_empty() {
        "the VPC has no SSM endpoints: SSM will not reach the instance".into()
    } else if !missing.is_empty() && found.name != group_name(&found.vpc) {
        format!("{group} has no egress on TCP 443 to {}: SSM will not reach the instance", group_list(missing))
    } else {
        format!("SSM works only if {} admit {group} on TCP 443", group_list(reach))
    }
}

fn refuse_if_isolated(request: &Request<'_>, instance: &Instance, group: &GroupId) -> Result<(), PlanRefusal> {
    if !request.observed.is_isolated_by(group) {
        return Ok(());
    }
    let tag = |key: &str| instance.tags.get(key);
    let since = request.history.since.or_else(|| {
        tag(tags::QUARANTINED_AT).and_then(|t| DateTime::parse_from_rfc3339(t).ok()).map(|t| t.with_timezone(&Utc))
    });
    let by = request.history.actor.clone().or_else(|| tag(tags::QUARANTINED_BY).cloned());
    Err(PlanRefusal::AlreadyQuarantined {
        subject: instance.id.to_string(),
        by: by.map(|b| text::fit(&b, 80)),
        since,
        run: request.history.run,
    })
}

fn protections(instance: &Instance, observed: &Observed) -> Vec<Step> {
    // Spot instances take no protection from the API: EC2 answers UnsupportedOperation.
    if instance.lifecycle.is_some() {
        return Vec::new();
    }
    [(Protection::Termination, Weight::Wanted), (Protection::Stop, Weight::Courtesy)]
        .into_iter()
        .filter(|(protection, _)| observed.protections.get(protection) == Some(&false))
        .map(|(protection, weight)| Step {
            id: StepId(format!(
                "protect-{}",
                if protection == Protection::Termination { "termination" } else { "stop" }
            )),
            title: format!("Switch on {protection}"),
            wave: 1,
            weight,
            needs: vec![],
            action: Action::Change(Change::Protection(SetProtection {
                instance: instance.id.clone(),
                protection,
                before: false,
                after: true,
            })),
        })
        .collect()
}

/// Edits that leave `wanted` in the tags; those already there, and those there is no room for, are left out. The
/// originals are written whole or not at all: half of them would be believed.
fn edits(have: &Tags, wanted: Vec<(&str, String)>, left_out: &mut Vec<String>) -> BTreeMap<String, TagEdit> {
    let mut room = tags::room(have);
    let mut edits = BTreeMap::new();
    let is_original = |key: &str| key == tags::ORIGINALS || key == tags::ORIGINALS_2;
    let originals = wanted.iter().filter(|(k, _)| is_original(k) && !have.contains_key(*k)).count();
    let whole = originals <= room;
    for (key, value) in wanted {
        let before = have.get(key).cloned();
        if is_original(key) && !whole {
            left_out.push(key.to_owned());
            continue;
        }
        if before.as_deref() == Some(value.as_str()) {
            continue;
        }
        if before.is_none() {
            if room == 0 {
                left_out.push(key.to_owned());
                continue;
            }
            room -= 1;
        }
        edits.insert(key.to_owned(), TagEdit { before, after: Some(value) });
    }
    edits
}

fn tag_steps(
    request: &Request<'_>,
    instance: &Instance,
    group: &GroupId,
    warnings: &mut Vec<String>,
) -> Result<Vec<Step>, PlanRefusal> {
    let weight = if request.policy.without_tags { Weight::Wanted } else { Weight::Essential };
    let mut steps = Vec::new();
    let mut left_out = Vec::new();
    let swapped = |i: &Interface| i.holds_only(group);
    // I1: what an earlier quarantine wrote is never written over. It is stale only once the tag says Restored.
    let in_quarantine = instance.tags.get(tags::STATUS).map(String::as_str) == Some(tags::QUARANTINED);
    let already = |have: &Tags| in_quarantine && tags::read_originals(have).is_some();

    for interface in request.observed.interfaces_in_order() {
        if swapped(interface) || already(&interface.tags) {
            continue;
        }
        let wanted = tags::originals(&interface.groups);
        let mut edits = edits(&interface.tags, wanted.clone(), &mut left_out);
        // I1: the originals stand beside the resource before access changes, unless a person does without.
        if !left_out.is_empty() && !request.policy.without_tags {
            return Err(PlanRefusal::Unfit(format!(
                "{} has no room for the tags that hold its groups (AWS allows {} a resource), and nothing is isolated \
                 before they stand there. Remove a tag, or go on with the ledger alone: --without-tags",
                interface.id,
                tags::MAX_TAGS
            )));
        }
        if wanted.len() == 1
            && let Some(stale) = interface.tags.get(tags::ORIGINALS_2)
        {
            edits.insert(tags::ORIGINALS_2.into(), TagEdit { before: Some(stale.clone()), after: None });
        }
        push_tags(&mut steps, interface.id.as_str(), &instance.id, edits, weight, "Write down the groups on");
    }

    let mut wanted = vec![(tags::STATUS, tags::QUARANTINED.to_owned())];
    if !already(&instance.tags) {
        if let Some(primary) = request.observed.interfaces_in_order().into_iter().find(|i| !swapped(i)) {
            wanted.extend(tags::originals(&primary.groups));
        }
        wanted.push((tags::QUARANTINED_AT, request.observed.at.to_rfc3339_opts(SecondsFormat::Secs, true)));
        wanted.push((tags::QUARANTINED_BY, text::tag_value(request.actor)));
        if let Some(finding) = &request.finding {
            wanted.push((tags::FINDING_ID, text::tag_value(finding.id.as_str())));
            wanted.push((tags::FINDING_TYPE, text::tag_value(&finding.finding_type)));
        }
    }
    let edits = edits(&instance.tags, wanted, &mut left_out);
    push_tags(&mut steps, instance.id.as_str(), &instance.id, edits, weight, "Mark");
    if !left_out.is_empty() {
        left_out.dedup();
        warnings.push(format!(
            "no room for the tags {}: AWS allows 50 a resource. The ledger alone keeps what they would say",
            left_out.join(", ")
        ));
    }
    Ok(steps)
}

fn push_tags(
    steps: &mut Vec<Step>,
    resource: &str,
    instance: &InstanceId,
    edits: BTreeMap<String, TagEdit>,
    weight: Weight,
    verb: &str,
) {
    if !edits.is_empty() {
        steps.push(Step {
            id: StepId(format!("tag-{resource}")),
            title: format!("{verb} {resource} in its tags"),
            wave: 1,
            weight,
            needs: vec![],
            action: Action::Change(Change::Tags(SetTags {
                instance: instance.clone(),
                resource: resource.to_owned(),
                edits,
            })),
        });
    }
}

fn snapshots(request: &Request<'_>, instance: &Instance, incident: &str, wave: u8) -> Step {
    Step {
        id: "snapshots".into(),
        title: format!(
            "Snapshot {} volume{}",
            instance.volumes.len(),
            if instance.volumes.len() == 1 { "" } else { "s" }
        ),
        wave,
        weight: if request.policy.evidence_first { Weight::Awaited { seconds: 60 } } else { Weight::Wanted },
        needs: vec![],
        action: Action::Snapshots {
            instance: instance.id.clone(),
            volumes: instance.volumes.iter().map(|v| v.id.clone()).collect(),
            description: format!("lazaret: evidence of {}", instance.id),
            tags: BTreeMap::from([
                ("Purpose".to_owned(), "Forensic".to_owned()),
                ("IncidentId".to_owned(), text::tag_value(incident)),
                ("SourceInstance".to_owned(), instance.id.to_string()),
                ("CreatedBy".to_owned(), text::tag_value(&format!("lazaret {}", request.actor))),
            ]),
        },
    }
}

fn warnings(request: &Request<'_>, instance: &Instance, group: &GroupId) -> Vec<String> {
    let mut warnings = Vec::new();
    if request.policy.allow_ssm {
        warnings.push(ssm_warning(request.observed, group));
    }
    if instance.lifecycle.is_none() && !request.observed.protections.contains_key(&Protection::Termination) {
        warnings.push("termination protection could not be read, so it is left as it is".into());
    }
    if let Some(asg) = instance.tags.get("aws:autoscaling:groupName") {
        warnings.push(format!(
            "in Auto Scaling group {}: isolated, it will look unhealthy and be replaced; termination protection does not \
             stop that",
            text::fit(asg, 80)
        ));
    }
    if let Some(lifecycle) = &instance.lifecycle {
        warnings.push(format!("a {} instance: EC2 can end it at any time, protected or not", text::safe(lifecycle)));
    }
    if let Some(operator) = &instance.operator {
        warnings.push(format!("operated by {}: it may undo this", text::safe(operator)));
    }
    if instance.state != "running" {
        warnings.push(format!("the instance is {}: the groups will hold when it starts", text::safe(&instance.state)));
    }
    if instance.tags.get(tags::STATUS).map(String::as_str) == Some(tags::QUARANTINED) {
        let open = request.observed.not_isolated_by(group);
        warnings.push(format!(
            "tagged Quarantined but not isolated: {}. The originals written down first are kept",
            open.join("; ")
        ));
    }
    let doomed: Vec<&str> =
        instance.volumes.iter().filter(|v| v.delete_on_termination).map(|v| v.id.as_str()).collect();
    if !doomed.is_empty() {
        warnings.push(format!("deleted with the instance if it is terminated: {}", doomed.join(" ")));
    }
    warnings
}

fn limits(finding: Option<&FindingRef>) -> Vec<String> {
    let mut limits = vec![
        "connections that are open now may live on: new flows are blocked, tracked ones time out".to_owned(),
        "credentials taken from the instance stay valid until the role's sessions are revoked".to_owned(),
    ];
    // The type is in GuardDuty's spelling; DNS findings end in `!DNS` or are about DNS by name.
    if finding.is_some_and(|f| f.finding_type.to_ascii_uppercase().contains("DNS")) {
        limits.push(
            "DNS through the VPC resolver is not filtered by security groups: tunnelling over DNS goes on".to_owned(),
        );
    }
    limits
}
