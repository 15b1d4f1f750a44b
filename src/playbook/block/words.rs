//! What is said of a block: names, warnings, and what it will not stop.

use super::{How, Request};
use crate::domain::{AclDirection, AclId, Direction, Finding, Subject};
use crate::playbook::change::ways;
use crate::policy::Stands;
use crate::policy::address::AwsLists;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a finding says of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteFacts {
    /// Which side connected.
    pub direction: Direction,
    /// Whether it is known as a caller of AWS's API alone: its traffic never crosses our ACLs.
    pub api_caller: bool,
    /// Whether the finding names it at all.
    pub named: bool,
}

/// What a finding says of an address or range. Of several connections, ones that disagree leave the direction unknown.
pub fn facts(finding: &Finding, range: &IpNet) -> RemoteFacts {
    let named = |s: &Subject| match s {
        Subject::RemoteAddress(a) if range.contains(&a.ip) => Some((a.direction, a.api_caller)),
        _ => None,
    };
    let all: Vec<(Direction, bool)> = finding.subjects.iter().filter_map(named).collect();
    let ways: BTreeSet<Direction> = all.iter().filter(|(_, api)| !api).map(|(direction, _)| *direction).collect();
    let direction = match ways.iter().collect::<Vec<_>>().as_slice() {
        [only] => **only,
        _ => Direction::Unknown,
    };
    RemoteFacts { direction, api_caller: !all.is_empty() && all.iter().all(|(_, api)| *api), named: !all.is_empty() }
}

/// The range as people write it: a single address without its length.
pub fn shown(range: &IpNet) -> String {
    if range.prefix_len() == range.max_prefix_len() { range.addr().to_string() } else { range.to_string() }
}

/// How plans name what is blocked: one run at a time holds it in an account and Region.
pub fn subject(range: &IpNet) -> String {
    format!("address:{}", shown(&range.trunc()))
}

/// `1 subnet`, `2 subnets`.
pub(super) fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("{n} {one}") } else { format!("{n} {one}s") }
}

/// What the finding's direction means for the directions that are denied.
pub(super) fn direction(remote: &RemoteFacts, directions: &BTreeSet<AclDirection>) -> Option<String> {
    let lacks = |d| !directions.contains(&d);
    match remote.direction {
        _ if !remote.named => Some("the finding does not name this address".into()),
        Direction::Inbound if lacks(AclDirection::Ingress) => Some(
            "the finding says that they connected to us: without an ingress entry their packets still come in".into(),
        ),
        Direction::Outbound if lacks(AclDirection::Egress) => {
            Some("the finding says that we connected to them: without an egress entry our packets still go out".into())
        }
        Direction::Unknown if directions.len() > 1 => {
            Some("the finding does not say which side connected: both directions are denied".into())
        }
        _ => None,
    }
}

/// What the address could not be held against, of what AWS says of its own ranges. `file`: whether `ip-ranges.json` is
/// there.
pub(super) fn awss(lists: &AwsLists, file: bool) -> Option<String> {
    let against = match (lists.read.len(), file) {
        (0, false) => "nothing".to_owned(),
        (0, true) => "the file of [block] aws_ranges alone".to_owned(),
        (n, false) => format!("{} of AWS's alone", count(n, "prefix list")),
        (n, true) => format!("{} of AWS's and the file of [block] aws_ranges", count(n, "prefix list")),
    };
    let checked = format!("whether this is AWS's own was checked against {against}");
    if !lists.unread.is_empty() {
        let why = lists.unread.join("; ");
        return Some(format!("AWS's prefix lists could not be read: {why}. So {checked}"));
    }
    match (lists.read.len(), file) {
        (0, _) => Some(format!("AWS shows no prefix list of its own here: {checked}")),
        (_, false) => Some(format!("{checked}: EC2's ranges and others are in none ([block] aws_ranges adds them)")),
        (_, true) => None,
    }
}

/// Adds what several addresses' blocks say of themselves: once where it is the same.
pub fn say_once(said: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for sentence in more {
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
}

/// What the block will not stop.
pub(super) fn limits(hows: &BTreeMap<&AclId, How>) -> Vec<String> {
    let mut limits = vec![
        "whoever is behind the address may come back from another one".to_owned(),
        "traffic within a subnet, DNS to the VPC's resolver and instance metadata cross no network ACL".to_owned(),
        "behind a load balancer, NAT or proxy the network ACL sees that one's address, not this one".to_owned(),
        "calls of AWS's API from this address cross no network ACL: credentials have to be cut".to_owned(),
    ];
    if hows.values().any(|how| how.directions.len() == 1) {
        limits.push("one direction alone is denied: packets of the other still pass".to_owned());
    }
    limits
}

/// How ACLs deny, for a title (where and for how long) and for a promise (in which directions, too).
pub(super) fn hows(hows: &BTreeMap<&AclId, How>) -> (String, String) {
    let mut alike: Vec<(&How, Vec<&str>)> = Vec::new();
    for (acl, how) in hows {
        match alike.iter_mut().find(|(other, _)| *other == how) {
            Some((_, acls)) => acls.push(acl.as_str()),
            None => alike.push((how, vec![acl.as_str()])),
        }
    }
    let title = alike.iter().map(|(how, acls)| format!("{} {}", acls.join(" "), how.stands));
    let promise =
        alike.iter().map(|(how, acls)| format!("{}, {}, {}", acls.join(" "), ways(&how.directions), how.stands));
    (title.collect::<Vec<_>>().join(" and "), promise.collect::<Vec<_>>().join("; in "))
}

/// What to look at next.
pub(super) fn next(request: &Request<'_>, hows: &BTreeMap<&AclId, How>, name: &str) -> Vec<String> {
    let mut next = Vec::new();
    if let Some(instance) = &request.observed.instance {
        next.push(format!("If {0} may be compromised: lazaret quarantine {0}", instance.id));
    }
    next.push(if hows.values().all(|how| how.stands == Stands::UntilTakenBack) {
        format!("To take it back: lazaret unblock {name}")
    } else {
        format!(
            "When its time is over a `lazaret sweep` takes it away, and nothing else does. Before that: lazaret unblock {name}"
        )
    });
    next
}
