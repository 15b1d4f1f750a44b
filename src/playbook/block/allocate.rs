//! Which number a deny gets: from the live table, below every allow that would let the address through. Pure.

use crate::domain::{AclDirection, AclEntry, NetworkAcl};
use crate::policy::Band;
use ipnet::IpNet;
use std::collections::BTreeSet;

/// Why no number could be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoNumber {
    /// The table is full.
    #[error(
        "{direction} has {used} of {quota} {family} entries: no room. No entry of somebody else's makes way. Remove one, \
         or ask AWS for a higher quota and set [block] quota"
    )]
    Full {
        /// The direction without room.
        direction: AclDirection,
        /// `IPv4` or `IPv6`.
        family: &'static str,
        /// How many entries it has, the final deny included.
        used: usize,
        /// How many it may have.
        quota: usize,
    },
    /// An allow stands so low that no number of the band is below it.
    #[error(
        "{direction} {allow} lets it through, and no number of the band {band} is below that: move the allow up, or \
         set [block] band"
    )]
    BehindAllow {
        /// The direction.
        direction: AclDirection,
        /// The allow.
        allow: String,
        /// The band.
        band: Band,
    },
    /// Every number of the band below the allows is taken.
    #[error("every number from {first} to {last} is taken: remove an entry, or set [block] band")]
    Taken {
        /// The first number that would do.
        first: i32,
        /// The last.
        last: i32,
    },
}

/// What a number is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// What is denied.
    pub range: &'a IpNet,
    /// The directions that get an entry, all under the same number.
    pub directions: &'a BTreeSet<AclDirection>,
    /// The numbers that may be used.
    pub band: Band,
    /// A number that is taken if it can be: where half of the block stands already.
    pub prefer: Option<i32>,
    /// A number that EC2 has just said no to, though the table as it was read doesn't show it: search above it.
    pub above: Option<i32>,
}

/// The last number of the band that is below every allow which lets the range through, in every direction wanted.
fn ceiling(acl: &NetworkAcl, wanted: &Wanted<'_>) -> Result<i32, NoNumber> {
    let mut last = wanted.band.last();
    for direction in wanted.directions {
        let Some(allow) = acl.lowest_allow(*direction, wanted.range) else { continue };
        if allow.number <= wanted.band.first() {
            let (direction, band) = (*direction, wanted.band);
            return Err(NoNumber::BehindAllow { direction, allow: allow.to_string(), band });
        }
        last = last.min(allow.number - 1);
    }
    Ok(last)
}

/// The number for a deny: the next above the highest deny in use, so that the counter goes up as people expect; where
/// there is none, the lowest that is free. It is free in every direction wanted, in both address families, since EC2
/// numbers them as one.
///
/// # Errors
/// When there is none: an allow stands too low, or all are taken. Room is a question of its own, see [`room`].
pub fn number(acl: &NetworkAcl, wanted: &Wanted<'_>) -> Result<i32, NoNumber> {
    let (first, last) = (wanted.band.first(), ceiling(acl, wanted)?);
    let free = |n: &i32| wanted.directions.iter().all(|d| acl.at(*d, *n).is_none());
    if let Some(n) = wanted.prefer.filter(|n| (1..=last).contains(n) && free(n)) {
        return Ok(n);
    }
    let denies = acl.entries.iter().filter(|e| e.action == crate::domain::AclAction::Deny);
    let highest = denies.map(|e| e.number).filter(|n| (first..=last).contains(n)).max().unwrap_or(first - 1);
    let from = highest.max(wanted.above.unwrap_or(0)) + 1;
    let refused = |n: &i32| wanted.above == Some(*n);
    (from.max(first)..=last)
        .find(free)
        .or_else(|| (first..=last).find(|n| free(n) && !refused(n)))
        .ok_or(NoNumber::Taken { first, last })
}

/// How many entries each direction wanted has, and whether one more fits.
///
/// # Errors
/// When one is full. Nobody's entry is evicted to make room.
pub fn room(
    acl: &NetworkAcl,
    range: &IpNet,
    directions: &BTreeSet<AclDirection>,
    quota: usize,
) -> Result<Vec<(AclDirection, usize)>, NoNumber> {
    let ipv6 = matches!(range, IpNet::V6(_));
    let mut list = Vec::new();
    for direction in directions {
        let used = acl.entries_of(*direction, ipv6).len();
        if used >= quota {
            let family = if ipv6 { "IPv6" } else { "IPv4" };
            return Err(NoNumber::Full { direction: *direction, family, used, quota });
        }
        list.push((*direction, used));
    }
    Ok(list)
}

/// Whether a number of an ACL takes effect for a range: no allow below it lets the range through. Else that allow.
pub fn shadow<'a>(acl: &'a NetworkAcl, direction: AclDirection, range: &IpNet, number: i32) -> Option<&'a AclEntry> {
    acl.lowest_allow(direction, range).filter(|allow| allow.number < number)
}

#[cfg(test)]
#[path = "allocate_tests.rs"]
mod tests;
