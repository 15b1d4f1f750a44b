//! quarantine-instance: every interface of an instance to the quarantine group alone, and the way back written down first.
//!
//! Waves: (1) recheck, protections, originals as tags, and beside them what would replace or expose the instance, which
//! nothing waits for; (2) the swaps, and snapshots beside them; (3) read back; (4) notification and the finding's status.
//! With `evidence_first` the snapshots get a wave of their own before the swaps. When the VPC has no quarantine group,
//! it is made in wave 1.

mod fleet;
mod flows;
mod group;
mod originals;

use super::change::{Change, MakeQuarantineGroup, SetInterfaceGroups, SetProtection, group_list};
use super::forensics::before_isolation;
use super::observed::Observed;
use super::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use super::tags;
use crate::domain::{GroupId, Instance, InstanceId, Interface, Protection, RunId, Workflow, text};
use crate::policy::QuarantinePolicy;
use chrono::{DateTime, Utc};
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

/// What denies the finding's addresses beside a quarantine, as a block of each would plan it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Denies {
    /// The steps, for each address: the entries, and the counters that tell of them.
    pub steps: Vec<Vec<Step>>,
    /// What a person should know of them, or why there are none.
    pub warnings: Vec<String>,
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
    /// What denies the finding's addresses, where flows are to be cut.
    pub denies: &'a Denies,
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
    let (group, make_group) = group::choose(instance, observed, policy)?;
    let reach = if policy.allow_ssm { observed.ssm_endpoint_groups.clone() } else { BTreeSet::new() };
    let to_mend = group::to_mend(instance, observed, &reach);
    if observed.is_isolated_by(&group) {
        return finish(request, instance, group, reach);
    }

    let mut plan = Plan {
        playbook: Playbook::QuarantineInstance,
        subject: format!("instance:{}", instance.id),
        title: format!("Quarantine {} in {scope}", instance.named()),
        observed_at: observed.at,
        incident: finding.as_ref().map_or_else(|| manual_incident(instance, observed.at), FindingRef::incident),
        finding: finding.clone(),
        steps: Vec::new(),
        warnings: warnings(request, instance, &group),
        limits: limits(request),
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
                name: group::name_in(vpc),
                existing: to_mend.then(|| group.clone()),
                ssm_endpoint_groups: reach.clone(),
            })),
        });
    }
    plan.steps.extend(protections(instance, observed));
    plan.steps.extend(originals::steps(request, instance, &group, &mut plan.warnings)?);
    plan.steps.extend(fleet::steps(request, instance));

    // Wave 2: the swaps. Snapshots and volatile evidence go beside them, or in a wave before them when evidence comes
    // first; where flows are to be cut, interfaces pass through the allow-all group in the wave before.
    let volatile = policy.volatile.as_ref().filter(|_| policy.evidence_first);
    let first_wave = if policy.evidence_first && (policy.snapshots || volatile.is_some()) { 3 } else { 2 };
    let open: Vec<&Interface> = observed.interfaces_in_order().into_iter().filter(|i| !i.holds_only(&group)).collect();
    let passes = policy.cut_flows.by_groups() && instance.vpc.is_some();
    let (swap_wave, back_wave) = if passes { (first_wave + 1, first_wave + 3) } else { (first_wave, first_wave + 1) };
    if let Some(volatile) = volatile {
        let steps = before_isolation(volatile, instance, observed, back_wave + 1, &mut plan.warnings);
        plan.steps.extend(steps);
    }
    if passes {
        plan.steps.extend(flows::steps(instance, &open, first_wave));
    }
    for interface in open {
        plan.steps.push(Step {
            id: StepId(format!("swap-{}", interface.id)),
            title: format!("Isolate {} (was {})", interface.id, group_list(&interface.groups)),
            wave: swap_wave,
            weight: Weight::Essential,
            needs: vec![],
            action: Action::Change(Change::InterfaceGroups(SetInterfaceGroups {
                instance: instance.id.clone(),
                interface: interface.id.clone(),
                before: if passes { flows::group() } else { interface.groups.clone() },
                after: BTreeSet::from([group.clone()]),
                passing: false,
            })),
        });
    }
    if policy.snapshots && !instance.volumes.is_empty() {
        plan.steps.push(snapshots(request, instance, &plan.incident, 2));
    }
    plan.steps.push(isolated_read_back(instance, group, reach, back_wave));

    plan.steps.extend(flows::denies(request.denies, back_wave + 1));

    // Wave 4: telling others. Never in the way of isolation.
    if let Some(topic) = &policy.topic_arn {
        let kind = finding.as_ref().map_or("no finding", |f| f.finding_type.as_str());
        plan.steps.push(Step {
            id: "notify".into(),
            title: "Tell the SNS topic".into(),
            wave: back_wave + 1,
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
        plan.steps.extend(update_finding(finding.as_ref(), Workflow::Notified, &note, back_wave + 1));
    }
    plan.steps.sort_by_key(|s| s.wave);
    Ok(plan)
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

/// Plans what is left to do about an instance that is isolated already: what would still replace or expose it, because a
/// step failed or was left out when it was isolated. What was written down then stays as it is.
///
/// # Errors
/// When nothing is left.
fn finish(
    request: &Request<'_>,
    instance: &Instance,
    group: GroupId,
    reach: BTreeSet<GroupId>,
) -> Result<Plan, PlanRefusal> {
    let Request { observed, policy, finding, .. } = request;
    let scope = observed.scope.clone();
    let left = fleet::steps(request, instance);
    if left.is_empty() {
        return Err(already(request, instance));
    }
    let mut warnings = vec![format!("{}: only what still leads to it or would replace it", already(request, instance))];
    warnings.extend(fleet::warnings(request, instance));
    let mut plan = Plan {
        playbook: Playbook::QuarantineInstance,
        subject: format!("instance:{}", instance.id),
        title: format!("Finish the quarantine of {} in {scope}", instance.named()),
        observed_at: observed.at,
        incident: finding.as_ref().map_or_else(|| manual_incident(instance, observed.at), FindingRef::incident),
        finding: finding.clone(),
        steps: vec![Step {
            id: "recheck".into(),
            title: "Read interfaces and quarantine group again".into(),
            wave: 1,
            weight: Weight::Essential,
            needs: vec![],
            action: Action::Recheck {
                instance: instance.id.clone(),
                interfaces: observed.interfaces.iter().map(|(id, i)| (id.clone(), i.groups.clone())).collect(),
                quarantine_group: Some((group.clone(), reach.clone())),
            },
        }],
        warnings,
        limits: limits(request),
        drift: Vec::new(),
        reverts: Vec::new(),
        promise: Promise::default(),
        scope,
    };
    plan.steps.extend(left);
    plan.steps.push(isolated_read_back(instance, group, reach, 2));
    plan.steps.extend(policy.topic_arn.as_ref().map(|topic| Step {
        id: "notify".into(),
        title: "Tell the SNS topic".into(),
        wave: 3,
        weight: Weight::Courtesy,
        needs: vec![],
        action: Action::Notify {
            topic_arn: topic.clone(),
            subject: text::sns_subject(&format!("lazaret: quarantine of {} finished in {}", instance.id, plan.scope)),
        },
    }));
    Ok(plan)
}

fn isolated_read_back(instance: &Instance, group: GroupId, reach: BTreeSet<GroupId>, wave: u8) -> Step {
    Step {
        id: "read-back".into(),
        title: "Read back: every interface holds the quarantine group alone".into(),
        wave,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::ReadBack { instance: Some(instance.id.clone()), isolated: Some((group, reach)) },
    }
}

/// Says that it is isolated already: by whom, since when.
fn already(request: &Request<'_>, instance: &Instance) -> PlanRefusal {
    let tag = |key: &str| instance.tags.get(key);
    let since = request.history.since.or_else(|| {
        tag(tags::QUARANTINED_AT).and_then(|t| DateTime::parse_from_rfc3339(t).ok()).map(|t| t.with_timezone(&Utc))
    });
    let by = request.history.actor.clone().or_else(|| tag(tags::QUARANTINED_BY).cloned());
    PlanRefusal::AlreadyQuarantined {
        subject: instance.id.to_string(),
        by: by.map(|b| text::fit(&b, 80)),
        since,
        run: request.history.run,
    }
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
        warnings.push(group::ssm_warning(request.observed, group));
    }
    if instance.lifecycle.is_none() && !request.observed.protections.contains_key(&Protection::Termination) {
        warnings.push("termination protection could not be read, so it is left as it is".into());
    }
    warnings.extend(flows::warnings(request));
    warnings.extend(fleet::warnings(request, instance));
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
    warnings
}

fn limits(request: &Request<'_>) -> Vec<String> {
    let mut limits = vec![
        "connections that are open now may live on: new flows are blocked, tracked ones time out".to_owned(),
        "credentials taken from the instance stay valid until the role's sessions are revoked".to_owned(),
    ];
    // The type is in GuardDuty's spelling; DNS findings end in `!DNS` or are about DNS by name.
    if request.finding.as_ref().is_some_and(|f| f.finding_type.to_ascii_uppercase().contains("DNS")) {
        limits.push(
            "DNS through the VPC resolver is not filtered by security groups: tunnelling over DNS goes on".to_owned(),
        );
    }
    limits.extend(flows::limits(request));
    limits
}
