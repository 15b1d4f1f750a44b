//! A machine whose clock is wrong: sessions are cut by AWS's.

use crate::exfiltration::{alive, bench, contain, issue, request, scope};
use crate::support::bench::{Bench, message, outcome};
use chrono::Duration;
use lazaret::cloud::sandbox::Behaviour;
use lazaret::engine::prepare::Request;
use lazaret::engine::{Consent, CredentialsRequest};
use lazaret::ledger::{Outcome, RunState};
use lazaret::playbook::credentials::Credential;

const ROLE: &str = "ec2rolle";
const JUST_NOW: &str = "ASIAEXAMPLE0JUSTNOW1";
const AFTERWARDS: &str = "ASIAEXAMPLE0LATER001";

/// A bench whose clock is behind AWS's by so many seconds; ahead of it where they are negative.
fn behind(seconds: i64) -> Bench {
    let bench = bench();
    bench.sandbox.set_behaviour(Behaviour { clock_ahead: seconds, ..Behaviour::default() });
    bench
}

async fn revoke(bench: &Bench) -> RunState {
    let request = CredentialsRequest {
        scope: scope(bench),
        regions: vec![],
        credential: Credential::Role(ROLE.into()),
        only_instance: None,
        finding: None,
        since: None,
        topic_arn: None,
        update_finding: false,
    };
    let prepared = bench.engine.prepare(&Request::Credentials(Box::new(request))).await.unwrap();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap()
}

fn warning(run: &RunState) -> Option<&String> {
    run.plan.warnings.iter().find(|w| w.contains("clock"))
}

#[tokio::test(start_paused = true)]
async fn on_a_slow_machine_the_sessions_of_the_time_it_lacks_die_too() {
    let bench = behind(3600);
    bench.clock.advance(Duration::seconds(10));
    issue(&bench, JUST_NOW, ROLE);
    assert!(alive(&bench, JUST_NOW));
    let run = revoke(&bench).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(!alive(&bench, JUST_NOW), "it was issued before the cut");
    assert_eq!(
        warning(&run).unwrap(),
        "this machine's clock is 3600 seconds behind AWS's: set it. The cut-off is told by AWS's"
    );
}

#[tokio::test(start_paused = true)]
async fn on_a_fast_machine_sessions_that_are_issued_after_the_cut_live() {
    let bench = behind(-3600);
    issue(&bench, JUST_NOW, ROLE);
    let run = revoke(&bench).await;
    assert_eq!(outcome(&run), Outcome::Done, "the proof is asked for by the same clock: {}", message(&run));
    assert!(!alive(&bench, JUST_NOW));
    bench.clock.advance(Duration::seconds(10));
    issue(&bench, AFTERWARDS, ROLE);
    assert!(alive(&bench, AFTERWARDS), "nobody is locked out for an hour");
    assert_eq!(
        warning(&run).unwrap(),
        "this machine's clock is 3600 seconds ahead of AWS's: set it. The cut-off is told by AWS's"
    );
}

#[tokio::test(start_paused = true)]
async fn the_whole_answer_to_stolen_credentials_cuts_by_it_too() {
    let bench = behind(40);
    issue(&bench, JUST_NOW, ROLE);
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(!alive(&bench, JUST_NOW));
    assert!(warning(&run).unwrap().contains("40 seconds behind"));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_right_is_not_spoken_of() {
    let run = revoke(&behind(0)).await;
    assert_eq!(warning(&run), None);
    assert!(!run.plan.limits.iter().any(|l| l.contains("clock")), "{:?}", run.plan.limits);
}
