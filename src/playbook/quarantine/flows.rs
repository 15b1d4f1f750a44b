//! Flows in flight, where a person asks for it (`--cut-flows`): each interface passes through a group that allows
//! everything both ways, so that its flows lose their tracking, and only then into quarantine; and the finding's address
//! is denied in the network ACLs for a while.
//!
//! Nothing waits for it longer than it takes: where passing fails, an interface goes into quarantine directly. One that
//! has passed goes on into quarantine, or back to its own groups; a recovered run does the same.

use super::{Denies, Request};
use crate::domain::{GroupId, Instance, Interface};
use crate::playbook::change::{Change, OPEN_GROUP_TO_BE_MADE, OpenGroup, SetInterfaceGroups};
use crate::playbook::plan::{Action, Step, StepId, Weight};
use std::collections::BTreeSet;

/// The step that makes the allow-all group.
const MAKE: &str = "open-group";

/// The group that is to be made.
pub(super) fn group() -> BTreeSet<GroupId> {
    BTreeSet::from([GroupId::new(OPEN_GROUP_TO_BE_MADE)])
}

/// The step by which an interface passes.
pub(super) fn pass_step(interface: &Interface) -> StepId {
    StepId(format!("pass-{}", interface.id))
}

/// Makes the group, passes each interface through it, and takes it away; `wave` is the wave of the passing, and the swap
/// the next.
pub(super) fn steps(instance: &Instance, interfaces: &[&Interface], wave: u8) -> Vec<Step> {
    let Some(vpc) = instance.vpc.clone().filter(|_| !interfaces.is_empty()) else { return vec![] };
    let open = |before, after| {
        Action::Change(Change::OpenGroup(OpenGroup { instance: instance.id.clone(), vpc: vpc.clone(), before, after }))
    };
    let step = |id: StepId, title: String, wave, weight, needs, action| Step { id, title, wave, weight, needs, action };
    let mut steps = vec![step(
        MAKE.into(),
        "Make a group that lets everything through, for a moment".into(),
        1,
        Weight::Wanted,
        vec![],
        open(false, true),
    )];
    for interface in interfaces {
        let pass = |before, after, passing| SetInterfaceGroups {
            instance: instance.id.clone(),
            interface: interface.id.clone(),
            before,
            after,
            passing,
        };
        steps.push(step(
            pass_step(interface),
            format!("Pass {} through a group that allows all, so that its flows lose their tracking", interface.id),
            wave,
            Weight::Wanted,
            vec![MAKE.into()],
            Action::Change(Change::InterfaceGroups(pass(interface.groups.clone(), group(), true))),
        ));
        steps.push(step(
            StepId(format!("back-out-{}", interface.id)),
            format!("Take {} back to its groups, should it not reach quarantine", interface.id),
            wave + 2,
            Weight::Courtesy,
            vec![],
            Action::BackOut {
                change: pass(group(), interface.groups.clone(), false),
                passed: pass_step(interface),
                unless: StepId(format!("swap-{}", interface.id)),
            },
        ));
    }
    steps.push(step(
        "remove-open-group".into(),
        "Remove the group that lets everything through".into(),
        wave + 4,
        Weight::Wanted,
        vec![],
        open(true, false),
    ));
    steps
}

/// The denies, which nothing waits for; the counters are written with the notification, at `last`.
pub(super) fn denies(denies: &Denies, last: u8) -> impl Iterator<Item = Step> {
    denies.steps.iter().enumerate().flat_map(move |(n, steps)| {
        // Two addresses in one network ACL are two steps of other names.
        let named = move |id: &StepId| StepId(format!("{id}-{n}"));
        steps.iter().cloned().map(move |mut step| {
            step.id = named(&step.id);
            step.needs = step.needs.iter().map(named).collect();
            match &mut step.action {
                Action::WriteCounter { step: of, .. } => {
                    *of = named(of);
                    (step.wave, step.weight) = (last, Weight::Courtesy);
                }
                _ => (step.wave, step.weight) = (1, Weight::Wanted),
            }
            step
        })
    })
}

/// What a person should know before asking for it.
pub(super) fn warnings(request: &Request<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if request.policy.cut_flows.by_groups() {
        warnings.push(
            "to cut flows, each interface stands open to everybody for a moment, in and out, before it is in quarantine"
                .into(),
        );
    }
    warnings.extend(request.denies.warnings.iter().cloned());
    warnings
}

/// What it will not stop.
pub(super) fn limits(request: &Request<'_>) -> Vec<String> {
    let mut limits = Vec::new();
    if request.policy.cut_flows.by_groups() {
        limits.push(
            "flows through NAT gateways, Network Load Balancers, PrivateLink, Global Accelerator, Network Firewall and \
             egress-only internet gateways, and ICMP, stay tracked and may live on; of the others no AWS page promises \
             that they end"
                .to_owned(),
        );
    }
    if !request.denies.steps.is_empty() {
        limits.push(
            "the network ACL denies the finding's address alone, for an hour, to the whole subnet; not DNS to the \
             resolver, the metadata service, nor traffic within the subnet. Nothing takes it away by itself: that is \
             `lazaret sweep` or the restore"
                .to_owned(),
        );
    }
    limits
}
