//! Which addresses may be blocked, as a table and for any address at all.

use super::*;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const RANGES: &str = r#"{
  "syncToken": "1770000000", "createDate": "2026-02-01-10-11-12",
  "prefixes": [
    {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "AMAZON", "network_border_group": "ap-northeast-2"},
    {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "S3", "network_border_group": "ap-northeast-2"}
  ],
  "ipv6_prefixes": [
    {"ipv6_prefix": "2600:1f14::/35", "region": "us-west-2", "service": "EC2", "network_border_group": "us-west-2"}
  ]
}"#;

fn net(text: &str) -> IpNet {
    parse(text).unwrap()
}

fn list(id: &str, name: &str, ranges: &[&str]) -> AwsList {
    let list = PrefixList { id: id.into(), name: name.into() };
    AwsList { list, ranges: ranges.iter().map(|r| net(r)).collect() }
}

/// One word for what became of an address.
fn word(answer: Result<(), AddressRefusal>) -> &'static str {
    match answer {
        Ok(()) => "blocked",
        Err(AddressRefusal::Special { .. }) => "special",
        Err(AddressRefusal::Everything(_)) => "everything",
        Err(AddressRefusal::Trusted { .. }) => "trusted",
        Err(AddressRefusal::Own { .. }) => "own",
        Err(AddressRefusal::Aws { .. }) => "aws",
        Err(AddressRefusal::Wide { .. }) => "wide",
    }
}

#[test]
fn an_address_is_blocked_unless_something_speaks_against_it() {
    let aws = AwsRanges::parse(RANGES).unwrap();
    let trusted = [net("8.8.4.0/24"), net("2a00:1450::/32")];
    let own = [OwnRange { range: net("5.9.1.2"), whose: "eni-1".into() }];
    let known = Known { trusted: &trusted, own: &own, aws: Some(&aws), lists: &[], typed_again: None };
    for (text, expected) in [
        // Documentation ranges: drills and samples use them.
        ("192.0.2.44", "blocked"),
        ("198.51.100.0/24", "blocked"),
        ("203.0.113.7", "blocked"),
        ("2001:db8::17", "blocked"),
        ("2001:db8:1:2::/64", "blocked"),
        ("9.9.9.9", "blocked"),
        ("9.9.9.0/24", "blocked"),
        ("2a03:2880::1", "blocked"),
        ("10.1.2.3", "special"),
        ("172.16.0.1", "special"),
        ("172.31.255.255", "special"),
        ("172.32.0.1", "blocked"),
        ("192.168.1.1", "special"),
        ("100.64.0.1", "special"),
        ("100.128.0.1", "blocked"),
        ("127.0.0.1", "special"),
        ("169.254.169.254", "special"),
        ("224.0.0.1", "special"),
        ("239.255.255.255", "special"),
        ("255.255.255.255", "special"),
        ("0.0.0.1", "special"),
        ("198.18.0.1", "special"),
        ("::1", "special"),
        ("::", "special"),
        ("fe80::1", "special"),
        ("fd00:ec2::254", "special"),
        ("fc00::1", "special"),
        ("ff02::1", "special"),
        ("::ffff:203.0.113.7", "special"),
        ("64:ff9b::203.0.113.7", "special"),
        ("0.0.0.0/0", "everything"),
        ("::/0", "everything"),
        ("8.8.4.4", "trusted"),
        ("8.8.4.0/25", "trusted"),
        ("2a00:1450:4001::5", "trusted"),
        ("5.9.1.2", "own"),
        ("5.9.1.0/24", "own"),
        ("5.9.2.0/24", "blocked"),
        ("3.5.141.9", "aws"),
        ("2600:1f14:100::1", "aws"),
        ("9.9.8.0/23", "wide"),
        ("9.0.0.0/8", "wide"),
        ("2a03:2880::/63", "wide"),
        ("2a03:2880::/64", "blocked"),
        // What is wide and has something of ours, or private, in it is that first.
        ("10.0.0.0/7", "special"),
        ("8.0.0.0/8", "trusted"),
        ("5.0.0.0/8", "own"),
    ] {
        assert_eq!(word(check(&net(text), &known)), expected, "{text}");
    }
}

#[test]
fn typing_it_again_lets_a_wide_range_and_awss_own_through_and_nothing_else() {
    let aws = AwsRanges::parse(RANGES).unwrap();
    let trusted = [net("8.8.4.0/24")];
    let own = [OwnRange { range: net("5.9.1.2"), whose: "eni-1".into() }];
    let lists = [list("pl-a3a144ca", "com.amazonaws.global.cloudfront.origin-facing", &["130.176.0.0/18"])];
    for (text, again, expected) in [
        ("9.0.0.0/8", "9.0.0.0/8", "blocked"),
        ("9.0.0.0/8", "9.1.2.3/8", "blocked"),
        ("9.0.0.0/8", "9.0.0.0/9", "wide"),
        ("9.0.0.0/8", "9.0.0.0/7", "wide"),
        ("2a03:2880::/32", "2a03:2880::/32", "blocked"),
        ("3.5.141.9", "3.5.141.9", "blocked"),
        ("3.5.141.9", "3.5.141.8", "aws"),
        ("130.176.9.9", "130.176.9.9", "blocked"),
        ("130.176.9.9", "130.176.9.8", "aws"),
        ("0.0.0.0/0", "0.0.0.0/0", "everything"),
        ("10.0.0.0/8", "10.0.0.0/8", "special"),
        ("8.0.0.0/8", "8.0.0.0/8", "trusted"),
        ("5.0.0.0/8", "5.0.0.0/8", "own"),
    ] {
        let again = net(again);
        let known = Known { trusted: &trusted, own: &own, aws: Some(&aws), lists: &lists, typed_again: Some(&again) };
        assert_eq!(word(check(&net(text), &known)), expected, "{text} typed again as {again}");
    }
}

#[test]
fn a_range_in_a_prefix_list_of_awss_is_refused_by_the_lists_name() {
    let aws = AwsRanges::parse(RANGES).unwrap();
    let lists = [
        list("pl-63a5400a", "com.amazonaws.us-east-1.s3", &["52.216.0.0/15", "54.231.0.0/16"]),
        list("pl-0ab1", "com.amazonaws.global.cloudfront\u{1b}[31m", &["2600:9000:1000::/36", "130.176.0.0/18"]),
        list("pl-0ab2", "com.amazonaws.ap-northeast-2.s3", &["3.5.140.0/22"]),
    ];
    for (text, aws, said) in [
        ("52.217.3.4", None, "52.216.0.0/15 is AWS's own (pl-63a5400a com.amazonaws.us-east-1.s3), and"),
        ("54.231.255.255", None, "(pl-63a5400a com.amazonaws.us-east-1.s3)"),
        ("2600:9000:1000::1", None, "2600:9000:1000::/36 is AWS's own (pl-0ab1 "),
        ("130.176.1.0/24", None, "(pl-0ab1 "),
        // The list has the word; what no list carries the file still knows.
        ("3.5.141.9", Some(&aws), "(pl-0ab2 com.amazonaws.ap-northeast-2.s3)"),
        ("2600:1f14:100::1", Some(&aws), "2600:1f14::/35 is AWS's own (EC2 in us-west-2)"),
    ] {
        let known = Known { trusted: &[], own: &[], aws, lists: &lists, typed_again: None };
        let refused = check(&net(text), &known).unwrap_err();
        assert!(refused.to_string().contains(said) && !refused.to_string().contains('\u{1b}'), "{text}: {refused}");
        assert_eq!(refused.hint(), format!("if that is meant, type it again: --wide {}", net(text)));
    }
    for outside in ["52.218.0.1", "54.230.0.0", "2600:9000:2000::1", "9.9.9.9"] {
        let known = Known { trusted: &[], own: &[], aws: None, lists: &lists, typed_again: None };
        assert_eq!(word(check(&net(outside), &known)), "blocked", "{outside}");
    }
}

#[test]
fn an_entry_that_is_everybody_names_nobody() {
    let lists =
        [list("pl-0ab1", "com.amazonaws.global.all", &["0.0.0.0/0", "::/0", "0.0.0.0/1", "2000::/3", "3.0.0.0/8"])];
    let known = Known { trusted: &[], own: &[], aws: None, lists: &lists, typed_again: None };
    for (text, expected) in [("9.9.9.9", "blocked"), ("2a03:2880::1", "blocked"), ("3.4.5.6", "aws")] {
        assert_eq!(word(check(&net(text), &known)), expected, "{text}");
    }
}

#[test]
fn every_refusal_says_why_and_what_to_do_instead() {
    let known = Known { trusted: &[], own: &[], aws: None, lists: &[], typed_again: None };
    let wide = check(&net("9.9.8.0/23"), &known).unwrap_err();
    assert_eq!(wide.to_string(), "9.9.8.0/23 is wider than /24: 512 addresses");
    assert_eq!(wide.hint(), "if that is meant, type it again: --wide 9.9.8.0/23");
    let wide = check(&net("2a03::/20"), &known).unwrap_err();
    assert!(wide.to_string().contains("2^108 addresses"), "{wide}");
    let metadata = check(&net("169.254.169.254"), &known).unwrap_err();
    assert!(metadata.to_string().contains("169.254.0.0/16 is link-local: instance metadata"), "{metadata}");
}

#[test]
fn awss_file_is_read_whole_or_not_at_all() {
    let ranges = AwsRanges::parse(RANGES).unwrap();
    assert_eq!((ranges.len(), ranges.created.as_str()), (3, "2026-02-01-10-11-12"));
    let found = ranges.find(&net("3.5.140.1")).unwrap();
    assert_eq!((found.range, found.service.as_str()), (net("3.5.140.0/22"), "S3"), "by the service's name, not AMAZON");
    assert_eq!(ranges.find(&net("3.4.0.0")), None);
    for bad in [
        "",
        "[]",
        "<html>",
        r#"{"createDate": "x", "prefixes": []}"#,
        r#"{"createDate": "x", "prefixes": [], "ipv6_prefixes": []}"#,
        r#"{"createDate": "x", "prefixes": [{"ip_prefix": "3.5.140.0/33", "region": "r", "service": "s"}], "ipv6_prefixes": []}"#,
    ] {
        assert!(AwsRanges::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_people_type_is_an_address_or_a_range() {
    for (text, range) in [
        (" 203.0.113.7 ", "203.0.113.7/32"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:DB8::17", "2001:db8::17/128"),
        ("2001:db8::17/64", "2001:db8::/64"),
    ] {
        assert_eq!(net(text).to_string(), range);
    }
    for bad in
        ["", "203.0.113", "203.0.113.7/33", "203.0.113.256", "evil.example", "203.0.113.7,203.0.113.8", "1\u{1b}[31m"]
    {
        let error = parse(bad).unwrap_err();
        assert!(error.contains("is not an address or range") && !error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn the_ranges_that_are_never_blocked_are_ranges() {
    assert_eq!(never().count(), NEVER.len());
    assert!(never().all(|(range, _)| range == range.trunc()));
}

fn any_net() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u32>(), 0_u8..=32).prop_map(|(ip, n)| IpNet::new(Ipv4Addr::from(ip).into(), n).unwrap());
    let v6 = (any::<u128>(), 0_u8..=128).prop_map(|(ip, n)| IpNet::new(Ipv6Addr::from(ip).into(), n).unwrap());
    prop_oneof![v4, v6]
}

proptest! {
    /// Whatever is let through has no address in common with what is ours, trusted or special, and is narrow or typed.
    #[test]
    fn nothing_of_ours_is_ever_let_through(
        target in any_net(),
        trusted in proptest::collection::vec(any_net(), 0..4),
        own in proptest::collection::vec(any_net(), 0..4),
        again in proptest::option::of(any_net()),
        typed in any::<bool>(),
    ) {
        let own: Vec<OwnRange> = own.into_iter().map(|range| OwnRange { range, whose: "us".into() }).collect();
        let again = if typed { Some(target) } else { again };
        let known = Known { trusted: &trusted, own: &own, aws: None, lists: &[], typed_again: again.as_ref() };
        if check(&target, &known).is_ok() {
            prop_assert!(never().all(|(range, _)| !overlap(&target, &range)));
            prop_assert!(trusted.iter().all(|r| !overlap(&target, r)));
            prop_assert!(own.iter().all(|o| !overlap(&target, &o.range)));
            let widest = if target.addr().is_ipv4() { WIDEST_V4 } else { WIDEST_V6 };
            prop_assert!(target.prefix_len() >= widest || again.is_some_and(|a| a.trunc() == target.trunc()));
        }
    }

    /// What can be read back is what was meant.
    #[test]
    fn a_range_survives_being_written(target in any_net()) {
        prop_assert_eq!(parse(&target.to_string()), Ok(target.trunc()));
    }
}
