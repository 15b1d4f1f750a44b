//! The allocator against tables, and for any table at all.

use super::super::tests::{acl, allow, both, deny, entry};
use super::*;
use crate::domain::AclAction;
use proptest::prelude::*;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn wanted<'a>(range: &'a IpNet, directions: &'a BTreeSet<AclDirection>) -> Wanted<'a> {
    Wanted { range, directions, band: Band::default(), prefer: None, above: None }
}

#[test]
fn a_deny_stands_below_the_lowest_allow_that_lets_it_through() {
    let (v4, v6, ways) = (net("203.0.113.7/32"), net("2001:db8::17/128"), both());
    let ingress = BTreeSet::from([AclDirection::Ingress]);
    for (name, entries, range, directions, expected) in [
        ("an empty table", vec![], v4, &ways, Ok(1)),
        ("the next above the highest deny", deny(12, "198.51.100.1/32"), v4, &ways, Ok(13)),
        ("IPv6 too: EC2 numbers both families as one", deny(12, "198.51.100.1/32"), v6, &ways, Ok(13)),
        (
            "an allow of a part of it counts",
            vec![allow(AclDirection::Ingress, 5, "6", "203.0.113.0/24")],
            v4,
            &ways,
            Ok(1),
        ),
        (
            "an allow of one port counts",
            [deny(4, "198.51.100.1/32").as_slice(), &[allow(AclDirection::Egress, 5, "6", "0.0.0.0/0")]].concat(),
            v4,
            &ways,
            Ok(1),
        ),
        ("an allow of the other family doesn't", vec![allow(AclDirection::Ingress, 1, "-1", "::/0")], v4, &ways, Ok(2)),
        ("an allow of others doesn't", vec![allow(AclDirection::Ingress, 1, "-1", "10.0.0.0/8")], v4, &ways, Ok(2)),
        (
            "an egress allow is nothing to ingress alone",
            vec![allow(AclDirection::Egress, 1, "-1", "0.0.0.0/0")],
            v4,
            &ingress,
            Ok(1),
        ),
    ] {
        assert_eq!(number(&acl(&entries), &wanted(&range, directions)), expected, "{name}");
    }
    let table = acl(&[allow(AclDirection::Egress, 1, "6", "0.0.0.0/0")]);
    let error = number(&table, &wanted(&v4, &ways)).unwrap_err();
    assert!(error.to_string().starts_with("egress 1 allow 0.0.0.0/0 protocol 6 lets it through"), "{error}");
}

#[test]
fn a_number_is_free_in_every_direction_that_gets_one() {
    let (range, ways) = (net("203.0.113.7/32"), both());
    let one = |direction, number| entry(direction, number, AclAction::Deny, "6", "198.51.100.9/32");
    let table = acl(&[one(AclDirection::Ingress, 3), one(AclDirection::Egress, 4)]);
    assert_eq!(number(&table, &wanted(&range, &ways)), Ok(5));
    let ingress = BTreeSet::from([AclDirection::Ingress]);
    assert_eq!(number(&table, &Wanted { prefer: Some(4), ..wanted(&range, &ingress) }), Ok(4));
    assert_eq!(number(&table, &Wanted { prefer: Some(3), ..wanted(&range, &ingress) }), Ok(5));
}

#[test]
fn at_the_end_of_the_band_holes_are_filled_and_then_it_says_so() {
    let (range, ways) = (net("203.0.113.7/32"), both());
    let band = Band::new(1, 3).unwrap();
    let table = acl(&[deny(3, "198.51.100.1/32"), deny(1, "198.51.100.2/32")].concat());
    assert_eq!(number(&table, &Wanted { band, ..wanted(&range, &ways) }), Ok(2));
    let full = acl(&[deny(3, "198.51.100.1/32"), deny(1, "198.51.100.2/32"), deny(2, "198.51.100.3/32")].concat());
    assert_eq!(number(&full, &Wanted { band, ..wanted(&range, &ways) }), Err(NoNumber::Taken { first: 1, last: 3 }));
    // Mistake 6 of the published handlers: past 100 the denies are dead. Here nothing is ever numbered there.
    let high = acl(&deny(99, "198.51.100.1/32"));
    assert_eq!(number(&high, &wanted(&range, &ways)), Ok(1));
}

#[test]
fn a_number_that_ec2_refused_is_not_tried_again_though_the_table_does_not_show_it() {
    let (range, ways) = (net("203.0.113.7/32"), both());
    let stale = acl(&deny(11, "198.51.100.1/32"));
    let mut tried = vec![];
    let mut above = None;
    for _ in 0..5 {
        let n = number(&stale, &Wanted { above, ..wanted(&range, &ways) }).unwrap();
        assert!(!tried.contains(&n), "{n} again, after {tried:?}");
        tried.push(n);
        above = Some(n);
    }
    assert_eq!(tried, [12, 13, 14, 15, 16]);
}

#[test]
fn a_full_table_is_said_and_nobody_is_evicted() {
    let range = net("203.0.113.7/32");
    let entries: Vec<AclEntry> = (1..=18).flat_map(|n| deny(n, &format!("198.51.100.{n}/32"))).collect();
    // 18 denies, the allow and the final deny.
    let error = room(&acl(&entries), &range, &both(), 20).unwrap_err();
    assert!(error.to_string().contains("ingress has 20 of 20 IPv4 entries"), "{error}");
    assert!(room(&acl(&entries), &range, &both(), 40).is_ok());
    let used = room(&acl(&entries), &net("2001:db8::17/128"), &both(), 20).unwrap();
    assert_eq!(used, [(AclDirection::Ingress, 2), (AclDirection::Egress, 2)]);
}

fn any_entry() -> impl Strategy<Value = AclEntry> {
    let cidr = prop_oneof![
        Just("0.0.0.0/0"),
        Just("203.0.113.0/24"),
        Just("203.0.113.7/32"),
        Just("10.0.0.0/8"),
        Just("::/0"),
        Just("2001:db8::/32"),
    ];
    (1..120, any::<bool>(), any::<bool>(), cidr).prop_map(|(number, egress, allows, cidr)| {
        let direction = if egress { AclDirection::Egress } else { AclDirection::Ingress };
        let action = if allows { AclAction::Allow } else { AclAction::Deny };
        entry(direction, number, action, "-1", cidr)
    })
}

proptest! {
    /// Whatever stands in the table: the number is in the band, free in each direction, and below every allow.
    #[test]
    fn a_number_always_takes_effect(
        entries in proptest::collection::vec(any_entry(), 0..60),
        v6 in any::<bool>(),
        above in proptest::option::of(0..120),
        prefer in proptest::option::of(-5..120),
        last in 1..120,
    ) {
        let range = if v6 { net("2001:db8::17/128") } else { net("203.0.113.7/32") };
        let (table, ways, band) = (acl(&entries), both(), Band::new(1, last).unwrap());
        let wanted = Wanted { range: &range, directions: &ways, band, prefer, above };
        match number(&table, &wanted) {
            Ok(n) => {
                prop_assert!(n >= 1 && (n <= last || Some(n) == prefer) && n < AclEntry::FINAL);
                for direction in &ways {
                    prop_assert!(table.at(*direction, n).is_none());
                    prop_assert!(shadow(&table, *direction, &range, n).is_none());
                }
            }
            // No number of the band would have done, but the one that EC2 has refused.
            Err(_) => for n in 1..=last {
                let taken = ways.iter().any(|d| table.at(*d, n).is_some() || shadow(&table, *d, &range, n).is_some());
                prop_assert!(taken || above == Some(n), "{n} would have done");
            }
        }
    }
}
