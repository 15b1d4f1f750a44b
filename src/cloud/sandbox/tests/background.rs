//! The findings that go on arriving.

use super::*;
use crate::cloud::port::{FindingQuery, FindingUpdate};
use crate::cloud::sandbox::background::present;
use crate::domain::Workflow;
use chrono::Duration;

#[test]
fn they_are_a_pure_function_of_seed_and_index() {
    let later = start() + Duration::hours(5);
    let (one, same) = (present(&world(), later), present(&world(), later));
    assert_eq!(one, same);
    let other = present(&Scenario::load("crypto-mining").unwrap().build(start(), 2).unwrap(), later);
    assert_ne!(one, other);
    // What was there a minute earlier is the same finding still.
    let earlier = present(&world(), later - Duration::minutes(1));
    assert_eq!(earlier[5..], one[one.iter().position(|m| m.index == earlier[5].index).unwrap()..][..earlier.len() - 5]);
}

#[test]
fn they_come_every_20_to_45_seconds_and_go_after_an_hour() {
    assert!(present(&world(), start()).is_empty());
    for hours in [1, 7, 24 * 30] {
        let now = start() + Duration::hours(hours);
        let made = present(&world(), now);
        assert!((90..=200).contains(&made.len()), "{}", made.len());
        assert!(made.iter().all(|m| m.at <= now && m.at > now - Duration::hours(1)));
        for pair in made.windows(2) {
            let gap = (pair[1].at - pair[0].at).num_seconds();
            assert!((19..=45).contains(&gap), "{gap}");
        }
    }
}

#[tokio::test]
async fn one_that_somebody_changed_stays() {
    let (sandbox, clock) = sandbox();
    clock.advance(Duration::hours(2));
    let newest = sandbox.findings(&security(), &FindingQuery::default(), None).await.unwrap().findings;
    let is_made = |id: &str| present(&sandbox.world(), sandbox.now()).iter().any(|m| m.json["Id"] == id);
    let key = newest.iter().find(|s| is_made(s.finding.id.as_str())).unwrap().finding.key().unwrap();
    let update = FindingUpdate { workflow: Some(Workflow::Suppressed), note: Some("noise".into()) };
    let failed = sandbox.update_findings(&Target::new(&security()), std::slice::from_ref(&key), &update).await;
    assert!(failed.unwrap().is_empty());
    clock.advance(Duration::hours(48));
    let query = FindingQuery { ids: vec![key.id.clone()], include_closed: true, ..FindingQuery::default() };
    let kept = sandbox.findings(&security(), &query, None).await.unwrap().findings;
    assert_eq!((kept.len(), &kept[0].finding.workflow), (1, &Workflow::Suppressed));
    assert_eq!(kept[0].finding.note.as_deref(), Some("noise"));
}
