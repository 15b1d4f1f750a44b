//! The scenarios in the program: whether they are right, and what their findings look like once decoded.

use super::*;
use crate::cloud::port::FindingQuery;
use crate::domain::Source;

#[test]
fn every_scenario_loads_and_builds() {
    for name in Scenario::names() {
        let scenario = Scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
        let world = scenario.build(start(), 1).unwrap();
        assert_eq!(world.scopes.len(), 6, "{name}");
        assert_eq!(scenario.home_scope(), &security());
    }
}

#[tokio::test]
async fn every_finding_decodes() {
    let (sandbox, _) = sandbox();
    let query = FindingQuery { include_closed: true, ..Default::default() };
    let page = sandbox.findings(&security(), &query, None).await.unwrap();
    assert!(page.findings.len() > 15);
    for seen in &page.findings {
        println!(
            "{} {} {:?} {:?}",
            seen.finding.severity,
            seen.finding.finding_type,
            seen.finding.subjects.iter().map(|s| s.id()).collect::<Vec<_>>(),
            seen.finding.oddities
        );
        assert_ne!(seen.finding.source, Source::Unknown);
    }
}
