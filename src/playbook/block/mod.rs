//! block-address: an address denied in the network ACLs that its packets cross, under one number in each direction.
//!
//! Waves: (1) the entries, each ACL by itself; (2) read back, and whether they take effect; (3) counters, notification and
//! the finding's status. A network ACL is stateless, so that denying one direction lets the other's packets out into the
//! void or in from it: both get an entry unless a person names one.

pub mod allocate;
pub mod counter;
pub mod extend;
pub mod unblock;

mod words;

pub use words::{RemoteFacts, facts, say_once, shown, subject};

use super::change::{Change, DenyAddress, ways};
use super::observed::Observed;
use super::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use super::quarantine::update_finding;
use crate::domain::{AclDirection, AclId, Direction, Interface, NetworkAcl, RunId, Workflow, text};
use crate::policy::address::{AwsLists, AwsRanges, Known, OwnRange, check};
use crate::policy::{BlockPolicy, Stands};
use allocate::{Wanted, number, room};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// How few entries may be left in a table before it is said.
const FEW_LEFT: usize = 3;

/// One of our blocks that stands, as the ledger tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What was recorded.
    pub deny: DenyAddress,
    /// The run that made it.
    pub run: RunId,
    /// Who began that run, escaped.
    pub by: String,
    /// When.
    pub since: DateTime<Utc>,
    /// Until when it stands, after every extension; none until it is taken back.
    pub until: Option<DateTime<Utc>>,
}

/// How one ACL denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct How {
    /// In which directions.
    pub directions: BTreeSet<AclDirection>,
    /// For how long.
    pub stands: Stands,
}

/// Everything that the playbook looks at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is to be denied.
    pub range: IpNet,
    /// In which directions; none for both.
    pub directions: Option<BTreeSet<AclDirection>>,
    /// For how long.
    pub stands: Stands,
    /// The ACLs that deny otherwise than the rest.
    pub otherwise: &'a BTreeMap<AclId, How>,
    /// What was read: the ACLs in question and their counters, and the instance where one is meant.
    pub observed: &'a Observed,
    /// Every network interface of the account and Region: whose addresses are our own, and who else is behind the ACLs.
    pub interfaces: &'a [Interface],
    /// Our blocks of this range in this account and Region.
    pub recorded: &'a [Recorded],
    /// The numbers that our ledger knows to have been used in each ACL.
    pub used: &'a BTreeMap<AclId, BTreeSet<i32>>,
    /// How to block, and what never to.
    pub policy: &'a BlockPolicy,
    /// AWS's published ranges, where somebody keeps the file of them.
    pub aws: Option<&'a AwsRanges>,
    /// What was read of AWS's managed prefix lists.
    pub lists: &'a AwsLists,
    /// The range that was typed a second time.
    pub typed_again: Option<IpNet>,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// What that finding says of the address.
    pub remote: Option<RemoteFacts>,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// Whether the finding is set to NOTIFIED with a note.
    pub update_finding: bool,
    /// Who asks.
    pub actor: &'a str,
}

/// Plans the block of one address or range.
///
/// # Errors
/// When the address may not be blocked, the finding says that it is an API caller's, no ACL is known, the address is
/// denied already everywhere, or an ACL has no room or number for it.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let Request { observed, policy, finding, .. } = request;
    let range = request.range.trunc();
    let name = shown(&range);
    let own = own_ranges(request.interfaces, policy);
    let known = Known {
        trusted: &policy.trusted,
        own: &own,
        aws: request.aws,
        lists: &request.lists.read,
        typed_again: request.typed_again.as_ref(),
    };
    check(&range, &known)?;
    refuse_api_caller(request, &name)?;
    if observed.acls.is_empty() {
        return Err(PlanRefusal::Nothing(format!(
            "no network ACL to block {name} in: name an instance or a network ACL that exists in {}",
            observed.scope
        )));
    }
    let hows: BTreeMap<&AclId, How> = observed.acls.keys().map(|acl| (acl, request.how(acl))).collect();
    let directions: BTreeSet<AclDirection> = hows.values().flat_map(|how| how.directions.iter().copied()).collect();
    let mut warnings = warnings(request, &range, &directions);
    warnings.extend(words::awss(request.lists, request.aws.is_some()));
    // Typed again for being wide, it may be AWS's all the same.
    if let Some((theirs, source_of)) = known.awss(&range) {
        warnings
            .push(format!("it touches AWS's own {theirs} ({source_of}): services that you depend on may live there"));
    }
    let mut denied = Denied::default();
    let mut steps = Vec::new();
    for (acl, how) in observed.acls.values().zip(hows.values()) {
        let Some(found) = deny_in(acl, request, &range, &how.directions, &mut denied, &mut warnings)? else { continue };
        let (prefer, missing, used) = found;
        let wanted = Wanted { range: &range, directions: &missing, band: policy.band, prefer, above: None };
        let number = number(acl, &wanted).map_err(|why| PlanRefusal::Unfit(format!("{}: {why}", acl.id)))?;
        steps.push(Step {
            id: deny_step(&acl.id),
            title: format!("Deny {name} in {} under {number}, {} ({used})", acl.id, ways(&missing)),
            wave: 1,
            weight: Weight::Essential,
            needs: vec![],
            action: Action::Change(Change::DenyAddress(DenyAddress {
                acl: acl.id.clone(),
                range,
                number,
                directions: missing,
                adds: true,
                band: policy.band,
                until: how.stands.end(observed.at),
            })),
        });
        steps.extend(count_step(acl, number, observed));
    }
    if steps.is_empty() {
        return Err(denied.refusal(name));
    }
    let mut already = String::new();
    if !denied.entries.is_empty() {
        let entries = denied.entries.join("; ");
        already = format!(". Denied before, and no part of this run: {entries}");
        warnings.push(format!("denied there already, and left as it is: {entries}"));
    }
    let (where_and_how_long, in_full) = words::hows(&hows);
    steps.push(Step {
        id: "read-back".into(),
        title: "Read back: every entry stands as written, below every allow that would let the address through".into(),
        wave: 2,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::ReadBack { instance: None, isolated: None },
    });
    steps.extend(courtesies(request, &name));
    steps.sort_by_key(|s| s.wave);
    Ok(Plan {
        playbook: Playbook::BlockAddress,
        subject: subject(&range),
        title: format!("Block {name} in {where_and_how_long} in {}", observed.scope),
        observed_at: observed.at,
        incident: finding.as_ref().map_or_else(|| manual_incident(&range, observed.at), FindingRef::incident),
        finding: finding.clone(),
        steps,
        warnings,
        limits: words::limits(&hows),
        drift: vec![],
        reverts: vec![],
        promise: Promise {
            kept: format!("{name} is denied in {in_full}: every entry was read back{already}"),
            broken: format!("{name} is NOT denied everywhere"),
            next: words::next(request, &hows, &name),
            ..Promise::default()
        },
        scope: observed.scope.clone(),
    })
}

impl Request<'_> {
    /// How an ACL denies.
    fn how(&self, acl: &AclId) -> How {
        let as_the_rest = || How { directions: self.directions.clone().unwrap_or_else(both), stands: self.stands };
        self.otherwise.get(acl).cloned().unwrap_or_else(as_the_rest)
    }
}

/// The step that denies in an ACL.
fn deny_step(acl: &AclId) -> StepId {
    StepId(format!("deny-{acl}"))
}

fn both() -> BTreeSet<AclDirection> {
    BTreeSet::from([AclDirection::Ingress, AclDirection::Egress])
}

fn manual_incident(range: &IpNet, at: DateTime<Utc>) -> String {
    let id = shown(range).replace(['/', ':'], "-");
    format!("block-{id}-{}", at.format("%Y%m%d"))
}

/// What our own traffic comes from: the public addresses on every interface here, and what is configured. An IPv6 address
/// of an interface is public by nature.
fn own_ranges(interfaces: &[Interface], policy: &BlockPolicy) -> Vec<OwnRange> {
    let on = |i: &Interface| {
        let whose = i.instance.as_ref().map_or_else(|| i.id.to_string(), |instance| format!("{} of {instance}", i.id));
        let v6 = i.private_ips.iter().filter(|ip| ip.is_ipv6());
        let list: Vec<OwnRange> = i
            .public_ips
            .iter()
            .chain(v6)
            .map(|ip| OwnRange { range: IpNet::from(*ip), whose: text::safe(&whose).into_owned() })
            .collect();
        list
    };
    let configured =
        policy.own_egress.iter().map(|r| OwnRange { range: r.trunc(), whose: "[block] own_egress".into() });
    interfaces.iter().flat_map(on).chain(configured).collect()
}

fn refuse_api_caller(request: &Request<'_>, name: &str) -> Result<(), PlanRefusal> {
    if request.remote.as_ref().is_some_and(|r| r.api_caller) {
        return Err(PlanRefusal::Unfit(format!(
            "{name} called AWS's API: such traffic never crosses a network ACL of ours, so blocking it there stops \
             nothing. Cut the credentials that it used: `lazaret revoke`"
        )));
    }
    Ok(())
}

/// The entries that deny the range already, wherever they were found.
#[derive(Default)]
struct Denied {
    entries: Vec<String>,
    ours: Option<Recorded>,
}

impl Denied {
    fn refusal(self, name: String) -> PlanRefusal {
        PlanRefusal::AlreadyBlocked {
            subject: name,
            by: self.ours.as_ref().map(|r| r.by.clone()),
            since: self.ours.as_ref().map(|r| r.since),
            until: self.ours.as_ref().and_then(|r| r.until),
            run: self.ours.map(|r| r.run),
            entries: self.entries,
        }
    }
}

/// What is to be added to one ACL: the number that half of our block has already, the directions that lack an entry, and
/// how full they are. Nothing where the range is denied in every direction wanted.
#[allow(clippy::type_complexity)] // named in the line above, and taken apart at once
fn deny_in(
    acl: &NetworkAcl,
    request: &Request<'_>,
    range: &IpNet,
    directions: &BTreeSet<AclDirection>,
    denied: &mut Denied,
    warnings: &mut Vec<String>,
) -> Result<Option<(Option<i32>, BTreeSet<AclDirection>, String)>, PlanRefusal> {
    let mut missing = BTreeSet::new();
    let mut prefer = None;
    for direction in directions {
        let Some(entry) = acl.effective_deny(*direction, range) else {
            missing.insert(*direction);
            continue;
        };
        let ours = request.recorded.iter().find(|r| r.deny.acl == acl.id && r.deny.is_ours(entry));
        let whose = ours.map_or("not ours: it stays as it is whatever becomes of this block".to_owned(), |r| {
            format!("ours, run {}", r.run)
        });
        denied.entries.push(format!("{} {direction} {entry} ({whose})", acl.id));
        if let Some(ours) = ours {
            prefer = Some(entry.number);
            denied.ours = Some(ours.clone());
        }
    }
    let dead = acl.entries.iter().filter(|e| directions.contains(&e.direction) && e.denies_exactly(range));
    for entry in dead {
        if let Some(allow) = allocate::shadow(acl, entry.direction, range, entry.number) {
            let direction = entry.direction;
            warnings.push(format!("{} {direction} {entry} has no effect: {allow} stands before it", acl.id));
        }
    }
    if missing.is_empty() {
        return Ok(None);
    }
    let room = room(acl, range, &missing, request.policy.quota)
        .map_err(|why| PlanRefusal::Unfit(format!("{}: {why}", acl.id)))?;
    let fullest = room.iter().map(|(_, used)| *used).max().unwrap_or(0);
    let quota = request.policy.quota;
    if fullest + 1 + FEW_LEFT > quota {
        warnings.push(format!("{} has {} of {quota} entries after this", acl.id, fullest + 1));
    }
    Ok(Some((prefer, missing, format!("{fullest} of {quota} entries in use"))))
}

/// The step that writes the counter of an ACL.
fn count_step(acl: &NetworkAcl, number: i32, observed: &Observed) -> Option<Step> {
    // What can't be read is not written over.
    if observed.counters_error.is_some() {
        return None;
    }
    let before = observed.counters.get(&acl.id).map(|c| c.value.clone());
    Some(Step {
        id: StepId(format!("count-{}", acl.id)),
        title: format!("Write {number} to the counter of {}", acl.id),
        wave: 3,
        weight: Weight::Courtesy,
        needs: vec![deny_step(&acl.id)],
        action: Action::WriteCounter { acl: acl.id.clone(), step: deny_step(&acl.id), number, before },
    })
}

fn courtesies(request: &Request<'_>, name: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(topic) = &request.topic_arn {
        let kind = request.finding.as_ref().map_or("no finding", |f| f.finding_type.as_str());
        let subject = format!("lazaret: {name} blocked in {} ({kind})", request.observed.scope);
        steps.push(Step {
            id: "notify".into(),
            title: "Tell the SNS topic".into(),
            wave: 3,
            weight: Weight::Courtesy,
            needs: vec![],
            action: Action::Notify { topic_arn: topic.clone(), subject: text::sns_subject(&subject) },
        });
    }
    if request.update_finding {
        let note = format!("Blocked {name} by {} with lazaret. Take back: lazaret unblock {name}", request.actor);
        steps.extend(update_finding(request.finding.as_ref(), Workflow::Notified, &note, 3));
    }
    steps
}

/// What a person should know before committing.
fn warnings(request: &Request<'_>, range: &IpNet, directions: &BTreeSet<AclDirection>) -> Vec<String> {
    let mut warnings = Vec::new();
    let observed = request.observed;
    for acl in observed.acls.values() {
        warnings.push(behind(acl, range, request.interfaces));
        let none = BTreeSet::new();
        let used = request.used.get(&acl.id).unwrap_or(&none);
        if let Some(how) = counter::compare(acl, observed.counters.get(&acl.id), used).drift() {
            warnings.push(format!("the counter of {} has drifted: it {how}. The table counts", acl.id));
        }
        for direction in directions {
            let wider = |e: &&&crate::domain::AclEntry| {
                e.action == crate::domain::AclAction::Deny
                    && e.number < crate::domain::AclEntry::FINAL
                    && e.range().is_some_and(|own| own != *range && own.contains(range))
            };
            if let Some(entry) = acl.entries_of(*direction, matches!(range, IpNet::V6(_))).iter().find(wider) {
                warnings.push(format!("{} {direction} has {entry}, which covers it too: not this block's", acl.id));
            }
        }
    }
    if let Some(error) = &observed.counters_error {
        warnings.push(format!("the counters can't be read, and are not written: {error}"));
    }
    if let Some(remote) = &request.remote {
        warnings.extend(words::direction(remote, directions));
    }
    let public =
        observed.interfaces.values().any(|i| !i.public_ips.is_empty() || i.private_ips.iter().any(|ip| ip.is_ipv6()));
    let outbound = request.remote.as_ref().is_some_and(|r| r.direction == Direction::Outbound);
    if let Some(instance) = observed.instance.as_ref().filter(|_| !public && !outbound) {
        warnings.push(format!(
            "{} has no public address: what reaches it from the internet comes through a load balancer or NAT, and the \
             network ACL sees that one's address instead. Block it at the load balancer's subnets or in AWS WAF",
            instance.id
        ));
    }
    warnings
}

/// Who is behind an ACL, and loses contact too.
fn behind(acl: &NetworkAcl, range: &IpNet, interfaces: &[Interface]) -> String {
    let there: Vec<&Interface> = interfaces.iter().filter(|i| acl.subnets.contains(&i.subnet)).collect();
    let instances: BTreeSet<_> = there.iter().filter_map(|i| i.instance.as_ref()).collect();
    let others = there.iter().filter(|i| i.instance.is_none()).count();
    format!(
        "{} guards {} with {} and {}: all of them lose contact with {}",
        acl.id,
        words::count(acl.subnets.len(), "subnet"),
        words::count(instances.len(), "instance"),
        words::count(others, "other interface"),
        shown(range),
    )
}

/// The ACLs that guard these subnets.
pub fn guarding<'a>(
    acls: impl IntoIterator<Item = &'a NetworkAcl>,
    interfaces: &BTreeMap<crate::domain::InterfaceId, Interface>,
) -> BTreeSet<AclId> {
    let subnets: BTreeSet<_> = interfaces.values().map(|i| &i.subnet).collect();
    acls.into_iter().filter(|a| a.subnets.iter().any(|s| subnets.contains(s))).map(|a| a.id.clone()).collect()
}

#[cfg(test)]
pub(super) mod tests;
