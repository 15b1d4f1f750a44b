//! The counter of an ACL's entries in Parameter Store: a hint for people and other programs. Never trusted, since
//! Parameter Store has no compare-and-swap: whoever writes last wins, and the table is what counts.

use crate::domain::{AclAction, AclCounter, AclEntry, NetworkAcl, text};
use std::collections::BTreeSet;

/// What a counter says beside the live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CounterState {
    /// There is none.
    Absent,
    /// It names a deny that stands, and none stands higher.
    Agrees(i32),
    /// It names the last number that we used; its deny has been taken away since.
    Used(i32),
    /// It differs from the table: what it does, in words, such as `says 4, the highest deny is 12`.
    Drifted(String),
}

impl CounterState {
    /// How it differs from the table, where it does.
    pub fn drift(self) -> Option<String> {
        match self {
            Self::Drifted(how) => Some(how),
            Self::Absent | Self::Agrees(_) | Self::Used(_) => None,
        }
    }
}

/// The denies' numbers below the final ones.
fn numbers(acl: &NetworkAcl) -> impl Iterator<Item = i32> {
    acl.entries.iter().filter(|e| e.action == AclAction::Deny && e.number < AclEntry::FINAL).map(|e| e.number)
}

/// Holds a counter against the live table. `used` are the numbers that our ledger knows to have been used in this ACL: a
/// block that is taken away leaves its number as the last one used.
pub fn compare(acl: &NetworkAcl, counter: Option<&AclCounter>, used: &BTreeSet<i32>) -> CounterState {
    let Some(counter) = counter else { return CounterState::Absent };
    let Some(says) = counter.number() else {
        return CounterState::Drifted(format!("holds \"{}\", which is no number", text::fit(&counter.value, 20)));
    };
    match numbers(acl).max() {
        Some(highest) if highest == says => CounterState::Agrees(says),
        highest if used.contains(&says) && highest.is_none_or(|h| h < says) => CounterState::Used(says),
        Some(highest) => CounterState::Drifted(format!("says {says}, the highest deny is {highest}")),
        None => CounterState::Drifted(format!("says {says}, and there is no deny")),
    }
}

/// What to write after a number was used: that number; nothing where the counter already names a deny that stands and
/// is higher, since somebody has used that one meanwhile.
pub fn reconcile(acl: &NetworkAcl, counter: Option<&AclCounter>, used: i32) -> Option<String> {
    let says = counter.and_then(AclCounter::number);
    let stands = |n: i32| numbers(acl).any(|taken| taken == n);
    match says {
        Some(n) if n == used || n > used && stands(n) => None,
        _ => Some(used.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{acl, deny};
    use super::*;

    fn counter(value: &str) -> AclCounter {
        AclCounter { value: value.into(), version: 3, modified_at: None }
    }

    #[test]
    fn a_counter_is_shown_beside_the_table_and_never_believed() {
        let table = acl(&deny(12, "203.0.113.7/32"));
        assert_eq!(compare(&table, None, &BTreeSet::new()), CounterState::Absent);
        assert_eq!(compare(&table, Some(&counter("12")), &BTreeSet::new()), CounterState::Agrees(12));
        for (value, said) in [
            ("4", "says 4, the highest deny is 12"),
            ("99", "says 99, the highest deny is 12"),
            ("x\u{1b}[2J", "holds \"x\\u{1b}[2J\", which is no number"),
        ] {
            assert_eq!(
                compare(&table, Some(&counter(value)), &BTreeSet::from([4, 14])),
                CounterState::Drifted(said.into())
            );
        }
        let none = compare(&acl(&[]), Some(&counter("3")), &BTreeSet::new());
        assert_eq!(none, CounterState::Drifted("says 3, and there is no deny".into()));
        // What we used and took away is the last number used, and no drift.
        assert_eq!(compare(&acl(&[]), Some(&counter("3")), &BTreeSet::from([3])), CounterState::Used(3));
        assert_eq!(compare(&table, Some(&counter("14")), &BTreeSet::from([4, 14])), CounterState::Used(14));
    }

    #[test]
    fn the_last_number_used_is_written_unless_somebody_has_used_a_later_one() {
        let table = acl(&[deny(12, "203.0.113.7/32"), deny(14, "203.0.113.8/32")].concat());
        for (value, used, written) in [
            (None, 12, Some("12")),
            (Some("11"), 12, Some("12")),
            (Some("12"), 12, None),
            // 14 stands: somebody was there after us.
            (Some("14"), 12, None),
            // 99 stands nowhere: a number that nobody uses is no reason to leave it.
            (Some("99"), 12, Some("12")),
            (Some("rubbish"), 12, Some("12")),
            (Some(" 12 "), 12, None),
        ] {
            let counter = value.map(counter);
            assert_eq!(reconcile(&table, counter.as_ref(), used).as_deref(), written, "{value:?}");
        }
    }
}
