//! The prefix lists that AWS manages.

use super::{Fixture, OFFICES, refused};
use ipnet::IpNet;
use lazaret::cloud::ErrorKind;
use lazaret::domain::PrefixList;
use std::collections::BTreeSet;

async fn lists(fixture: &dyn Fixture) -> Vec<PrefixList> {
    fixture.cloud().reads().aws_prefix_lists(&fixture.world().scope).await.unwrap()
}

async fn ranges(fixture: &dyn Fixture, name: &str) -> Vec<IpNet> {
    let list = lists(fixture).await.into_iter().find(|l| l.name == name).unwrap_or_else(|| panic!("{name}"));
    fixture.cloud().reads().prefix_list_entries(&fixture.world().scope, &list.id).await.unwrap()
}

pub(super) async fn awss_own_lists_are_found_and_nobody_elses(fixture: &dyn Fixture) {
    let found = lists(fixture).await;
    let ids: BTreeSet<&str> = found.iter().map(|l| l.id.as_str()).collect();
    assert!(ids.len() == found.len() && ids.iter().all(|id| id.starts_with("pl-")), "{found:?}");
    assert!(found.iter().all(|l| l.name.starts_with("com.amazonaws.")), "{found:?}");
    assert!(!ids.contains(fixture.world().offices.as_str()), "{found:?}");
    assert!(ranges(fixture, "com.amazonaws.eu-central-1.s3").await.contains(&"52.216.0.0/15".parse().unwrap()));
    let cloudfront = ranges(fixture, "com.amazonaws.global.cloudfront.origin-facing").await;
    assert!(cloudfront.contains(&"130.176.0.0/18".parse().unwrap()), "{cloudfront:?}");
    let lattice = ranges(fixture, "com.amazonaws.eu-central-1.ipv6.vpc-lattice").await;
    assert_eq!(lattice, ["fd00:ec2:80::/64".parse::<IpNet>().unwrap()]);
}

pub(super) async fn a_list_is_read_whole_over_pages(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let found = cloud.reads().prefix_list_entries(&world.scope, &world.offices).await.unwrap();
    let expected: Vec<IpNet> = (0..OFFICES).map(|n| format!("10.1.{n}.0/24").parse().unwrap()).collect();
    assert_eq!(found, expected);
}

pub(super) async fn an_unknown_list_is_refused(fixture: &dyn Fixture) {
    let answer =
        fixture.cloud().reads().prefix_list_entries(&fixture.world().scope, &"pl-0123456789abcdef0".into()).await;
    refused(answer, "ec2:GetManagedPrefixListEntries", ErrorKind::NotFound, "InvalidPrefixListID.NotFound");
}
