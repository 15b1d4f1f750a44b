//! collect-forensics: what an instance can still tell, taken volatile first and kept where nobody overwrites it.
//!
//! Waves: (1) scripts, console and metadata side by side, with the snapshots; where a profile is put on for the scripts,
//! they wait for it in wave 2; (3) the profile comes back, snapshots are locked and copied; (4) and shared; (5) the
//! manifest; (6) notification. Nothing here is essential: what fails is said, and never stops the rest.
//!
//! The subject is `evidence:i-…` and not the instance: taking evidence, which may wait an hour for snapshots, never holds
//! up a quarantine.

use super::change::Change;
use super::evidence::{Capture, Evidence, Script};
use super::observed::Observed;
use super::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use crate::domain::{Instance, InstanceId, Vault, text};
use crate::policy::{ForensicsPolicy, VolatileEvidence};
use std::collections::BTreeMap;

/// How many seconds EC2 may take to answer for the snapshots, or for one picture of the console.
const ANSWER_SECONDS: u32 = 60;

/// How many seconds later waves wait for a profile that is put on or taken off.
const PROFILE_SECONDS: u32 = 60;

/// Everything that the playbook looks at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The instance that is meant.
    pub instance: &'a InstanceId,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// What was read.
    pub observed: &'a Observed,
    /// What is taken.
    pub policy: &'a ForensicsPolicy,
    /// Where it is kept.
    pub vault: &'a Vault,
    /// The profile for the scripts: how it is put on, where one is named.
    pub profile: Option<Change>,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// Who asks.
    pub actor: &'a str,
}

/// Plans the taking of an instance's evidence.
///
/// # Errors
/// When the instance is absent, or has ended and nothing of it can be taken any more.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let Request { observed, vault, .. } = request;
    let scope = observed.scope.clone();
    let instance = observed.instance.as_ref().filter(|i| &i.id == request.instance).ok_or_else(|| {
        PlanRefusal::NotFound { what: format!("instance {}", request.instance), scope: scope.clone() }
    })?;
    if !instance.exists() {
        return Err(PlanRefusal::Unfit(format!(
            "{} is {}: nothing can be taken any more",
            instance.id,
            text::safe(&instance.state)
        )));
    }
    let id = &instance.id;
    let incident =
        request.finding.as_ref().map_or_else(|| format!("{id}-{}", observed.at.format("%Y%m%d")), FindingRef::incident);
    let mut plan = Plan {
        playbook: Playbook::CollectForensics,
        subject: format!("evidence:{id}"),
        title: format!("Take evidence of {} in {scope}", instance.named()),
        observed_at: observed.at,
        finding: request.finding.clone(),
        steps: Vec::new(),
        warnings: Vec::new(),
        limits: vec![
            "memory is not taken: what only lives there is lost when the instance stops".into(),
            "evidence stays where it is kept: restore takes back the profile, and nothing else".into(),
        ],
        drift: Vec::new(),
        reverts: Vec::new(),
        promise: Promise {
            kept: format!("evidence of {id} is kept in {}", text::safe(&vault.to_string())),
            broken: format!("evidence of {id} is incomplete"),
            next: vec!["Check it before it is relied on: lazaret evidence verify RUN".into()],
            ..Promise::default()
        },
        incident: incident.clone(),
        scope,
    };
    let profile = profile_steps(request, instance, &mut plan.warnings);
    let scripts = script_steps(request, instance, profile.is_some(), &mut plan.warnings);
    let (on, back) = profile.filter(|_| !scripts.is_empty()).unzip();
    plan.steps.extend(on);
    plan.steps.extend(scripts);
    plan.steps.extend(back);
    plan.steps.extend(console_steps(request, instance));
    plan.steps.extend(snapshot_steps(request, instance, &incident, &mut plan.warnings));
    plan.steps.push(manifest(id, vault, 5));
    if let Some(topic) = &request.topic_arn {
        plan.steps.push(Step {
            id: "notify".into(),
            title: "Tell the SNS topic".into(),
            wave: 6,
            weight: Weight::Courtesy,
            needs: vec![],
            action: Action::Notify {
                topic_arn: topic.clone(),
                subject: text::sns_subject(&format!("lazaret: evidence of {id} taken in {}", plan.scope)),
            },
        });
    }
    plan.steps.sort_by_key(|s| s.wave);
    Ok(plan)
}

/// One capture as a step.
fn capture(
    id: &InstanceId,
    vault: &Vault,
    what: Capture,
    title: String,
    seconds: u32,
    wave: u8,
    weight: Weight,
) -> Step {
    let name = what.object();
    let name = name.rsplit_once('.').map_or(name.as_str(), |(name, _)| name).replace('/', "-");
    Step {
        id: StepId(format!("capture-{name}")),
        title,
        wave,
        weight,
        needs: vec![],
        action: Action::Evidence(Evidence::Capture { instance: id.clone(), what, vault: vault.clone(), seconds }),
    }
}

/// The list of what was kept, as the last step of a run.
fn manifest(id: &InstanceId, vault: &Vault, wave: u8) -> Step {
    Step {
        id: "manifest".into(),
        title: "Write the manifest, and its hash into the ledger".into(),
        wave,
        weight: Weight::Wanted,
        needs: vec![],
        action: Action::Evidence(Evidence::Manifest { instance: id.clone(), vault: vault.clone() }),
    }
}

/// The profile on, and back; none where none is named or the instance can't run scripts anyway.
fn profile_steps(request: &Request<'_>, instance: &Instance, warnings: &mut Vec<String>) -> Option<(Step, Step)> {
    if !request.policy.commands || instance.state != "running" {
        return None;
    }
    let on = request.profile.clone()?;
    let back = on.inverse()?;
    warnings.push(format!(
        "for the scripts {}: {} -> {}, and back after them. The agent may take minutes to notice another profile",
        on.what(),
        on.before_text(),
        on.after_text()
    ));
    let step = |id: &str, title: String, wave, change| Step {
        id: id.into(),
        title,
        wave,
        weight: Weight::Awaited { seconds: PROFILE_SECONDS },
        needs: vec![],
        action: Action::Change(change),
    };
    Some((
        step("profile-on", format!("Put the profile for evidence on: {}", on.after_text()), 1, on.clone()),
        step("profile-back", format!("Put the profile back: {}", on.before_text()), 3, back),
    ))
}

/// The scripts, where an agent is there to run them, or may be once the profile is on.
fn script_steps(request: &Request<'_>, instance: &Instance, profile: bool, warnings: &mut Vec<String>) -> Vec<Step> {
    let Request { policy, observed, vault, .. } = request;
    if !policy.commands {
        return vec![];
    }
    let agent = observed.agent.as_ref();
    let online = agent.is_some_and(|a| a.ping == "Online");
    let why = match agent {
        _ if instance.state != "running" => Some(format!("the instance is {}", text::safe(&instance.state))),
        Some(agent) if !agent.shell => Some("its agent runs no shell scripts (Windows)".to_owned()),
        Some(agent) if !online && !profile => Some(format!("its agent is {}", text::safe(&agent.ping))),
        None if !profile => Some("Systems Manager knows no agent on it".to_owned()),
        _ => None,
    };
    if let Some(why) = why {
        warnings.push(format!("no scripts are run: {why}"));
        return vec![];
    }
    scripts(&instance.id, vault, policy.commands_seconds, if profile { 2 } else { 1 }, !online, policy.instance_upload)
}

fn scripts(id: &InstanceId, vault: &Vault, seconds: u32, wave: u8, wait_for_agent: bool, upload: bool) -> Vec<Step> {
    let step = |script: Script| {
        let title = format!("Run {}.sh on {id}", script.name());
        let what = Capture::Command { script, wait_for_agent, upload };
        capture(id, vault, what, title, seconds, wave, Weight::Awaited { seconds })
    };
    Script::ALL.into_iter().map(step).collect()
}

/// What EC2 itself can tell.
fn console_steps(request: &Request<'_>, instance: &Instance) -> Vec<Step> {
    let (id, vault) = (&instance.id, request.vault);
    let mut steps = vec![
        (Capture::ConsoleOutput, "Keep the text of its console"),
        (Capture::Metadata, "Keep what EC2 says of it, its interfaces, groups, network ACLs and volumes"),
    ];
    if instance.state == "running" {
        steps.insert(0, (Capture::Screenshot, "Keep a picture of its console"));
    }
    let step =
        |(what, title): (Capture, &str)| capture(id, vault, what, title.to_owned(), ANSWER_SECONDS, 1, Weight::Wanted);
    steps.into_iter().map(step).collect()
}

/// The snapshots, and what keeps them.
fn snapshot_steps(request: &Request<'_>, instance: &Instance, incident: &str, warnings: &mut Vec<String>) -> Vec<Step> {
    let Request { policy, observed, .. } = request;
    if !policy.snapshots || instance.volumes.is_empty() {
        return vec![];
    }
    let tags = snapshot_tags(&instance.id, incident, request.actor);
    let step = |id: &str, title: String, wave, weight, needs: &[&str], action| Step {
        id: id.into(),
        title,
        wave,
        weight,
        needs: needs.iter().map(|n| StepId::from(*n)).collect(),
        action,
    };
    let evidence = Action::Evidence;
    let mut steps = vec![step(
        "snapshots",
        format!("Snapshot {} volume{}", instance.volumes.len(), if instance.volumes.len() == 1 { "" } else { "s" }),
        1,
        Weight::Awaited { seconds: ANSWER_SECONDS },
        &[],
        Action::Snapshots {
            instance: instance.id.clone(),
            volumes: instance.volumes.iter().map(|v| v.id.clone()).collect(),
            description: format!("lazaret: evidence of {}", instance.id),
            tags: tags.clone(),
        },
    )];
    if let Some(retention) = policy.snapshot_lock() {
        let title = format!("Lock the snapshots for {} ({})", retention.length(), retention.mode.as_str());
        let lock = evidence(Evidence::LockSnapshots { retention });
        steps.push(step("lock-snapshots", title, 3, Weight::Wanted, &["snapshots"], lock));
    }
    let copied = policy.copy_kms_key.as_ref();
    if let Some(kms_key) = copied {
        let weight = Weight::Awaited { seconds: policy.copy_wait_minutes * 60 + ANSWER_SECONDS };
        let copy = evidence(Evidence::CopySnapshots {
            instance: instance.id.clone(),
            kms_key: kms_key.clone(),
            wait_minutes: policy.copy_wait_minutes,
            tags,
        });
        let title = format!("Copy the snapshots under {}", text::fit(kms_key, 100));
        steps.push(step("copy-snapshots", title, 3, weight, &["snapshots"], copy));
    }
    if !policy.share_with.is_empty() {
        let copies = copied.is_some();
        let of = if copies { "copy-snapshots" } else { "snapshots" };
        let share = evidence(Evidence::ShareSnapshots { accounts: policy.share_with.clone(), copies });
        let with: Vec<String> = policy.share_with.iter().map(ToString::to_string).collect();
        let title = format!("Share the {} with {}", if copies { "copies" } else { "snapshots" }, with.join(", "));
        steps.push(step("share-snapshots", title, 4, Weight::Wanted, &[of], share));
        for (volume, key) in observed.volume_keys.iter().filter(|_| !copies) {
            warnings.push(format!(
                "{volume} is encrypted under {}: a snapshot under the account's default key can't be shared; \
                 --copy-key makes a copy that can",
                text::fit(key, 100)
            ));
        }
    }
    steps
}

fn snapshot_tags(instance: &InstanceId, incident: &str, actor: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("Purpose".to_owned(), "Forensic".to_owned()),
        ("IncidentId".to_owned(), text::tag_value(incident)),
        ("SourceInstance".to_owned(), instance.to_string()),
        ("CreatedBy".to_owned(), text::tag_value(&format!("lazaret {actor}"))),
    ])
}

/// The scripts that run before an instance is isolated, in wave 2 of its quarantine, and the manifest in its `last`
/// wave. Isolation waits for them so long as the policy says, and no longer. What keeps them from running is a warning.
pub fn before_isolation(
    volatile: &VolatileEvidence,
    instance: &Instance,
    observed: &Observed,
    last: u8,
    warnings: &mut Vec<String>,
) -> Vec<Step> {
    let VolatileEvidence { vault, seconds, .. } = volatile;
    let why = match &observed.agent {
        _ if instance.state != "running" => Some(format!("the instance is {}", text::safe(&instance.state))),
        None => Some("Systems Manager knows no agent on it, or could not be asked".to_owned()),
        Some(agent) if !agent.shell => Some("its agent runs no shell scripts (Windows)".to_owned()),
        Some(agent) if agent.ping != "Online" => Some(format!("its agent is {}", text::safe(&agent.ping))),
        Some(_) => None,
    };
    if let Some(why) = why {
        warnings.push(format!("no scripts are run before the isolation: {why}"));
        return vec![];
    }
    warnings.push(format!("isolation waits up to {seconds} s for scripts on the instance, and no longer"));
    let mut steps = scripts(&instance.id, vault, *seconds, 2, false, false);
    steps.push(manifest(&instance.id, vault, last));
    steps
}
