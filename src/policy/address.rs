//! Which addresses may be blocked: never our own, never those that blocking would turn against us. Pure.

use crate::domain::{PrefixList, text};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;
use std::net::IpAddr;

/// Wider IPv4 ranges than this have to be typed again.
const WIDEST_V4: u8 = 24;

/// Wider IPv6 ranges than this have to be typed again: a /64 is one network, and often one subscriber.
const WIDEST_V6: u8 = 64;

/// Ranges that are never blocked, with what they are (RFC 6890's registry, RFC 6598, RFC 4291, RFC 5771).
/// The documentation ranges (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32) are not among them: drills and
/// GuardDuty's samples use them.
const NEVER: [(&str, &str); 20] = [
    ("0.0.0.0/8", "\"this network\""),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers and by AWS itself"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local: instance metadata, time and DNS live there"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved for protocols"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "for benchmarks inside networks"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, broadcast included"),
    ("::/128", "the unspecified address"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "IPv4 written as IPv6: name the IPv4 address"),
    ("64:ff9b::/96", "IPv4 behind NAT64: name the IPv4 address"),
    ("64:ff9b:1::/48", "IPv4 behind a local NAT64"),
    ("fc00::/7", "private (unique local)"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
];

/// Why an address may not be blocked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefusal {
    /// It is, or has in it, a range that is never blocked.
    #[error("{target} is not blocked: {range} is {what}")]
    Special {
        /// What was to be blocked.
        target: IpNet,
        /// The range that it touches.
        range: IpNet,
        /// What that range is.
        what: &'static str,
    },
    /// It is everything.
    #[error("{0} is every address: that is no block. Quarantine the instance instead")]
    Everything(IpNet),
    /// It touches a range that the configuration trusts.
    #[error("{target} is not blocked: {range} is trusted ([block] trusted)")]
    Trusted {
        /// What was to be blocked.
        target: IpNet,
        /// The trusted range.
        range: IpNet,
    },
    /// It touches an address that our own traffic comes from.
    #[error("{target} is not blocked: {range} is ours ({whose}). Blocking it would cut ourselves off")]
    Own {
        /// What was to be blocked.
        target: IpNet,
        /// The address or range of ours.
        range: IpNet,
        /// Whose it is, escaped.
        whose: String,
    },
    /// It touches a range that AWS publishes as its own, in a prefix list or in its file.
    #[error(
        "{target} is not blocked: {range} is AWS's own ({source_of}), and services that you depend on may live there"
    )]
    Aws {
        /// What was to be blocked.
        target: IpNet,
        /// The published range.
        range: IpNet,
        /// The prefix list that carries it, or AWS's name of the service with its Region; escaped.
        source_of: String,
    },
    /// It is wide, and was not typed again.
    #[error("{target} is wider than /{widest}: {count} addresses")]
    Wide {
        /// What was to be blocked.
        target: IpNet,
        /// The widest that needs no second word.
        widest: u8,
        /// How many addresses it has, in words.
        count: String,
    },
}

impl AddressRefusal {
    /// What a person can do instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Special { .. } | Self::Everything(_) => {
                "an attacker inside the network is contained with `lazaret quarantine`".into()
            }
            Self::Trusted { .. } => "take it out of [block] trusted if it is trusted no more".into(),
            Self::Own { .. } => "if one of ours attacks, contain it: `lazaret quarantine`".into(),
            Self::Aws { target, .. } | Self::Wide { target, .. } => {
                format!("if that is meant, type it again: --wide {target}")
            }
        }
    }
}

/// One of our own public addresses, or a range that our traffic comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRange {
    /// The range; a single address as /32 or /128.
    pub range: IpNet,
    /// Whose it is: an interface's id, or where it is configured.
    pub whose: String,
}

/// What an address is held against.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Ranges that the configuration trusts.
    pub trusted: &'a [IpNet],
    /// What our own traffic comes from.
    pub own: &'a [OwnRange],
    /// AWS's published ranges, where somebody keeps the file of them.
    pub aws: Option<&'a AwsRanges>,
    /// AWS's managed prefix lists, as far as they were read.
    pub lists: &'a [AwsList],
    /// What a person has typed a second time.
    pub typed_again: Option<&'a IpNet>,
}

impl Known<'_> {
    /// The range of AWS's own that touches `target`, with the prefix list that carries it, or the service and Region that
    /// the file names; escaped.
    pub fn awss(&self, target: &IpNet) -> Option<(IpNet, String)> {
        let listed = self.lists.iter().find_map(|l| Some((*l.find(target)?, l.list.to_string())));
        let published = || {
            let found = self.aws?.find(target)?;
            Some((found.range, text::fit(&format!("{} in {}", found.service, found.region), 100)))
        };
        listed.or_else(published)
    }
}

/// The range that a person or a finding names: an address alone is a range of one. Bits after the network are dropped.
///
/// # Errors
/// With what an address looks like.
pub fn parse(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let range = match text.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>(),
    };
    range.map(|r| r.trunc()).map_err(|_| {
        format!(
            "`{}` is not an address or range (such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::17)",
            text::fit(text, 60)
        )
    })
}

/// Whether two ranges have an address in common.
pub fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Says whether a range may be blocked.
///
/// # Errors
/// With the weightiest reason against it.
pub fn check(target: &IpNet, known: &Known<'_>) -> Result<(), AddressRefusal> {
    let target = target.trunc();
    if target.prefix_len() == 0 {
        return Err(AddressRefusal::Everything(target));
    }
    for (range, what) in never() {
        if overlap(&target, &range) {
            return Err(AddressRefusal::Special { target, range, what });
        }
    }
    if let Some(range) = known.trusted.iter().find(|r| overlap(&target, r)) {
        return Err(AddressRefusal::Trusted { target, range: range.trunc() });
    }
    if let Some(own) = known.own.iter().find(|o| overlap(&target, &o.range)) {
        return Err(AddressRefusal::Own { target, range: own.range, whose: own.whose.clone() });
    }
    if known.typed_again.is_some_and(|again| again.trunc() == target) {
        return Ok(());
    }
    let widest = if matches!(target, IpNet::V4(_)) { WIDEST_V4 } else { WIDEST_V6 };
    if target.prefix_len() < widest {
        return Err(AddressRefusal::Wide { target, widest, count: count(&target) });
    }
    match known.awss(&target) {
        Some((range, source_of)) => Err(AddressRefusal::Aws { target, range, source_of }),
        None => Ok(()),
    }
}

/// [`NEVER`] as ranges. A test reads every one of them.
fn never() -> impl Iterator<Item = (IpNet, &'static str)> {
    NEVER.iter().filter_map(|(range, what)| Some((range.parse().ok()?, *what)))
}

/// How many addresses a range has.
fn count(range: &IpNet) -> String {
    let bits = u32::from(range.max_prefix_len() - range.prefix_len());
    if bits < 32 { (1_u64 << bits).to_string() } else { format!("2^{bits}") }
}

/// One range of AWS's `ip-ranges.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsRange {
    /// The range.
    pub range: IpNet,
    /// The service, as AWS names it: `EC2`, `S3`, `CLOUDFRONT`, …
    pub service: String,
    /// The Region, or `GLOBAL`.
    pub region: String,
}

/// AWS's published ranges with the date that stands on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsRanges {
    /// `createDate` as AWS writes it.
    pub created: String,
    ranges: Vec<AwsRange>,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "createDate")]
    created: String,
    prefixes: Vec<V4>,
    ipv6_prefixes: Vec<V6>,
}

#[derive(Deserialize)]
struct V4 {
    ip_prefix: Ipv4Net,
    region: String,
    service: String,
}

#[derive(Deserialize)]
struct V6 {
    ipv6_prefix: Ipv6Net,
    region: String,
    service: String,
}

impl AwsRanges {
    /// Reads the text of `ip-ranges.json` (VPC user guide, "AWS IP address ranges").
    ///
    /// # Errors
    /// When it is not that file, or has no ranges at all: nothing would be refused by it, silently.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|e| format!("not AWS's ip-ranges.json: {e}"))?;
        let v4 = file.prefixes.into_iter().map(|p| (IpNet::V4(p.ip_prefix), p.service, p.region));
        let v6 = file.ipv6_prefixes.into_iter().map(|p| (IpNet::V6(p.ipv6_prefix), p.service, p.region));
        let ranges: Vec<AwsRange> =
            v4.chain(v6).map(|(range, service, region)| AwsRange { range: range.trunc(), service, region }).collect();
        if ranges.is_empty() {
            return Err("not AWS's ip-ranges.json: it has no ranges".into());
        }
        let created = text::fit(&file.created, 40);
        Ok(Self { created, ranges })
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none. [`AwsRanges::parse`] makes no such value.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The published range that touches `target`; where several do, one of a service by name before `AMAZON`, which
    /// lists all of them again.
    pub fn find(&self, target: &IpNet) -> Option<&AwsRange> {
        let touching = || self.ranges.iter().filter(|r| overlap(target, &r.range));
        touching().find(|r| r.service != "AMAZON").or_else(|| touching().next())
    }
}

/// A prefix list that AWS manages, with its ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsList {
    /// The list.
    pub list: PrefixList,
    /// Its ranges, of either family.
    pub ranges: Vec<IpNet>,
}

impl AwsList {
    /// What a range of a service is at its widest: IANA gives the registries /8s and /12s (IANA, "IPv4 Address Space" and
    /// "IPv6 Global Unicast Address Assignments"). What is wider than that names nobody, and would refuse everything.
    fn names_somebody(range: &IpNet) -> bool {
        range.prefix_len() >= if matches!(range, IpNet::V4(_)) { 8 } else { 12 }
    }

    /// The range of it that touches `target`.
    pub fn find(&self, target: &IpNet) -> Option<&IpNet> {
        self.ranges.iter().find(|r| Self::names_somebody(r) && overlap(target, r))
    }
}

/// What was read of AWS's managed prefix lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsLists {
    /// Those that were read whole.
    pub read: Vec<AwsList>,
    /// Which were not, and why; escaped.
    pub unread: Vec<String>,
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
