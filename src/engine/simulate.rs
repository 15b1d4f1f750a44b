//! The simulator's word on what a run has put on a principal: proof for people, on top of the read-back.

use super::Engine;
use super::answer::{Answer, step_error};
use super::readback::WAITS;
use super::retry::rereading;
use crate::cloud::ErrorKind;
use crate::cloud::port::Simulation;
use crate::domain::principal::{Decision, Simulated};
use crate::domain::{Principal, text};
use crate::ledger::RunState;
use crate::playbook::plan::SIMULATED_ACTION;
use crate::playbook::{Change, deny};
use chrono::{DateTime, Duration, SecondsFormat, Utc};

/// Asks whether a harmless action is denied now, and by a policy of this run.
pub(super) async fn simulate(
    engine: &Engine,
    state: &RunState,
    principal: &Principal,
    arn: &str,
    source_instance: Option<&String>,
) -> Answer {
    // A user's Deny holds for all its credentials; a role's for sessions from before the cut, which AWS's clock told.
    let cut_off = match principal {
        Principal::User(_) => None,
        Principal::Role(_) => Some(cut_off_of(state).unwrap_or(state.begun_at)),
    };
    let issued_at = cut_off.map(|at| at - Duration::minutes(1));
    let asked = |issued_at| Simulation {
        principal_arn: arn.to_owned(),
        action: SIMULATED_ACTION.to_owned(),
        issued_at,
        source_instance: source_instance.cloned(),
    };
    let reads = engine.cloud().reads();
    let scope = &state.plan.scope;
    let mut last = None;
    for wait in WAITS {
        tokio::time::sleep(wait).await;
        let simulation = asked(issued_at);
        match rereading(engine, || reads.simulate(scope, &simulation)).await {
            Ok(simulated) if is_ours(&simulated, &policies_of(state)) => {
                let mut proof = vec![said(&simulated, issued_at)];
                if let Some(cut_off) = cut_off {
                    // Those that come after the cut are told apart from those before it.
                    let later = Some(cut_off + Duration::minutes(1));
                    let simulation = asked(later);
                    if let Ok(simulated) = rereading(engine, || reads.simulate(scope, &simulation)).await {
                        proof.push(said(&simulated, later));
                    }
                }
                return Answer::applied(proof);
            }
            Ok(simulated) => last = Some(said(&simulated, issued_at)),
            Err(e) if e.kind == ErrorKind::Denied => {
                return Answer::applied(vec![
                    "no proof by simulation: iam:SimulatePrincipalPolicy is not permitted".into(),
                ]);
            }
            Err(e) => return Answer::Failed(step_error(&e)),
        }
    }
    Answer::failed("NotDenied", format!("IAM's simulator does not see the Deny: {}", last.unwrap_or_default()))
}

/// The cut-off as this run has written it.
fn cut_off_of(state: &RunState) -> Option<DateTime<Utc>> {
    let written = |change: &Change| match change {
        Change::InlinePolicy(e) => deny::cut_off_of(e.after.as_ref()?)?.parse().ok(),
        _ => None,
    };
    state.steps.values().filter_map(|s| s.change.as_ref()).find_map(written)
}

/// The names of the policies that this run has put there.
fn policies_of(state: &RunState) -> Vec<String> {
    let name = |change: &Change| match change {
        Change::InlinePolicy(e) if e.after.is_some() => Some(e.name.clone()),
        Change::ManagedPolicy(e) if e.after => e.arn.rsplit('/').next().map(str::to_owned),
        _ => None,
    };
    state.changes().iter().filter_map(name).collect()
}

/// Whether a policy of the run denies it. Where the run relied on a Deny that stood there, any does.
fn is_ours(simulated: &Simulated, policies: &[String]) -> bool {
    let ours = policies.is_empty() || simulated.by.iter().any(|by| policies.iter().any(|p| by.ends_with(p.as_str())));
    simulated.decision == Decision::ExplicitDeny && ours
}

fn said(simulated: &Simulated, issued_at: Option<DateTime<Utc>>) -> String {
    let whose = issued_at.map_or_else(String::new, |at| {
        format!(" with a session issued {}", at.to_rfc3339_opts(SecondsFormat::Secs, true))
    });
    let by: Vec<String> = simulated.by.iter().map(|b| text::fit(b, 120)).collect();
    let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(", ")) };
    format!("simulated {}{whose}: {}{by}", simulated.action, simulated.decision.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulated(decision: Decision, by: &str) -> Simulated {
        Simulated { action: SIMULATED_ACTION.into(), decision, by: [by.to_owned()].into() }
    }

    #[test]
    fn only_a_deny_of_the_runs_own_is_proof() {
        let ours = ["lazaret-deny-all-01".to_owned()];
        assert!(is_ours(&simulated(Decision::ExplicitDeny, "user_ci_lazaret-deny-all-01"), &ours));
        assert!(!is_ours(&simulated(Decision::ExplicitDeny, "user_ci_theirs"), &ours));
        assert!(!is_ours(&simulated(Decision::Allowed, "user_ci_lazaret-deny-all-01"), &ours));
        assert!(!is_ours(&simulated(Decision::ImplicitDeny, ""), &ours), "what nobody allows proves nothing");
        assert!(is_ours(&simulated(Decision::ExplicitDeny, "user_ci_theirs"), &[]), "one that was relied upon");
        assert!(!is_ours(&simulated(Decision::Allowed, ""), &[]));
    }
}
