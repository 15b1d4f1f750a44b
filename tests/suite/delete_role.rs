//! The end of a role: only when its name is typed, nothing uses it, and all that it was stands in the ledger.

use crate::exfiltration::alive;
use crate::support::bench::{Bench, message, outcome};
use crate::support::sweep::{FAULTS, commit_or_crash, fault_at, places, restore_of};
use lazaret::cloud::sandbox::{Fault, FaultKind, World};
use lazaret::domain::Scope;
use lazaret::engine::prepare::{DeleteRoleRequest, RestoreWhat};
use lazaret::engine::{Consent, EngineError, Refusal, RunReport};
use lazaret::ledger::{Outcome, Store};
use lazaret::playbook::Change;

fn bench() -> Bench {
    Bench::new("ssrf-exfiltration")
}

fn scope(bench: &Bench) -> Scope {
    bench.find("web-1").0
}

fn delete_request(bench: &Bench, role: &str) -> DeleteRoleRequest {
    let all = bench.sandbox.world().scopes.keys().cloned().collect();
    DeleteRoleRequest { scope: scope(bench), role: role.to_owned(), elsewhere: all }
}

fn typed(role: &str) -> Consent {
    Consent { typed: Some(role.to_owned()), ..Consent::default() }
}

/// Takes the role off every instance, everywhere.
fn free(bench: &Bench, role: &str) {
    let ending = format!("/{role}");
    let free = |world: &mut World| {
        for place in world.scopes.values_mut() {
            for state in place.instances.values_mut() {
                state.instance.profile_arn = state.instance.profile_arn.take().filter(|arn| !arn.ends_with(&ending));
            }
        }
    };
    bench.sandbox.edit(free).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_role_is_deleted_only_when_its_name_is_typed_and_nothing_uses_it() {
    let bench = bench();
    let request = delete_request(&bench, "ec2rolle");
    let refused = bench.engine.prepare_delete_role(&request).await.unwrap_err().to_string();
    assert!(refused.contains("still on") && refused.contains("us-east-1"), "{refused}");
    free(&bench, "ec2rolle");
    let before = bench.sandbox.world();
    let prepared = bench.engine.prepare_delete_role(&request).await.unwrap();
    for consent in [Consent::default(), typed("ec2role")] {
        let refused = bench.engine.commit(&prepared, &consent, None).await;
        assert!(matches!(refused, Err(EngineError::Refused(Refusal::NotTyped(_)))), "{refused:?}");
    }
    assert_eq!(bench.sandbox.world(), before, "nothing was changed");
    let run = bench.engine.commit(&prepared, &typed("ec2rolle"), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let account = &world.accounts[&scope(&bench).account];
    assert!(!account.roles.contains_key("ec2rolle"));
    assert_eq!(account.profiles["ec2rolle"].role, "");

    // All that it was stands in the ledger, from before the first call.
    let records = bench.ledger.records(run.run).await.unwrap();
    let was = &before.accounts[&scope(&bench).account].roles["ec2rolle"];
    let exported = records.iter().find_map(|r| match &r.event {
        lazaret::ledger::Event::Intended { change: Some(change), .. } => match &**change {
            Change::DeleteRole(delete) => Some(delete.clone()),
            _ => None,
        },
        _ => None,
    });
    let exported = exported.expect("the export");
    let role = &exported.export.role;
    assert_eq!(
        (&role.trust, &role.tags, &role.description, role.max_session),
        (&was.trust, &was.tags, &was.description, was.max_session)
    );
    assert_eq!((&role.path, &role.boundary, &role.id), (&was.path, &was.boundary, &was.id));
    assert_eq!((&exported.export.inline, &exported.export.attached), (&was.inline, &was.attached));
    assert!(exported.export.profiles.iter().any(|p| p.name == "ec2rolle"));
    assert!(exported.managed.values().any(|document| document.contains("ssmmessages")), "{:?}", exported.managed);

    // And that there is no way back is said, with where the export is.
    let mut back = restore_of(&run);
    back.what = RestoreWhat::Run(run.run);
    let refused = bench.engine.prepare_restore(&back).await.unwrap_err().to_string();
    assert!(refused.contains("can't come back") && refused.contains("export"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_changed_or_came_into_use_since_the_plan_is_left_alone() {
    for change in ["policy", "used"] {
        let bench = bench();
        free(&bench, "ec2rolle");
        let prepared = bench.engine.prepare_delete_role(&delete_request(&bench, "ec2rolle")).await.unwrap();
        let (scope, web_1) = bench.find("web-1");
        let edit = |world: &mut World| match change {
            "policy" => {
                let role = world.accounts.get_mut(&scope.account).unwrap().roles.get_mut("ec2rolle").unwrap();
                role.inline.insert("new".into(), "{}".into());
            }
            _ => {
                let arn = format!("arn:aws:iam::{}:instance-profile/ec2rolle", scope.account);
                let place = world.scopes.get_mut(&scope).unwrap();
                place.instances.get_mut(&web_1).unwrap().instance.profile_arn = Some(arn);
            }
        };
        bench.sandbox.edit(edit).unwrap();
        let before = bench.sandbox.world();
        let run = bench.engine.commit(&prepared, &typed("ec2rolle"), None).await.unwrap();
        assert_eq!(outcome(&run), Outcome::Failed, "{change}: {}", message(&run));
        assert_eq!(bench.sandbox.world().accounts, before.accounts, "{change}");
    }
}

/// What denies comes off last: no session that was cut acts again while the role is taken apart, and none does where that
/// is broken off.
#[tokio::test(start_paused = true)]
async fn what_is_denied_stays_denied_until_nothing_is_allowed() {
    let deny = r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    for denied in ["inline", "attached"] {
        for call in ["iam:DetachRolePolicy", "iam:DeleteRolePolicy"] {
            for nth in 1..=3 {
                let bench = bench();
                free(&bench, "ec2rolle");
                let scope = scope(&bench);
                let cut = |world: &mut World| {
                    let role = world.accounts.get_mut(&scope.account).unwrap().roles.get_mut("ec2rolle").unwrap();
                    match denied {
                        "inline" => drop(role.inline.insert("a-deny".into(), deny.into())),
                        _ => drop(role.attached.insert("arn:aws:iam::aws:policy/AWSDenyAll".into())),
                    }
                };
                assert!(alive(&bench, "ASIAEXAMPLE0WEBROLE1"));
                bench.sandbox.edit(cut).unwrap();
                let prepared = bench.engine.prepare_delete_role(&delete_request(&bench, "ec2rolle")).await.unwrap();
                bench.sandbox.inject(Fault::on(call).nth(nth).kind(FaultKind::HangAfter));
                commit_or_crash(&bench, &prepared, &typed("ec2rolle")).await;
                assert!(!alive(&bench, "ASIAEXAMPLE0WEBROLE1"), "denied {denied}, broken off after {call} {nth}");
            }
        }
    }
}

/// A deletion has no way back: after every fault and crash it is either done, or said not to be, and recovery ends it.
#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_deletion_fails_times_out_and_crashes() {
    let stage = || async {
        let bench = bench();
        free(&bench, "ec2rolle");
        let prepared = bench.engine.prepare_delete_role(&delete_request(&bench, "ec2rolle")).await.unwrap();
        bench.sandbox.clear_calls();
        (bench, prepared)
    };
    let gone = |bench: &Bench| !bench.sandbox.world().accounts[&scope(bench).account].roles.contains_key("ec2rolle");
    let (clean, prepared) = stage().await;
    commit_or_crash(&clean, &prepared, &typed("ec2rolle")).await.unwrap();
    let places = places(&clean.sandbox.calls());
    assert!(gone(&clean) && places.len() >= 8, "{places:?}");
    for place in &places {
        for kind in &FAULTS {
            let what = format!("{kind:?} at {place:?}");
            let (bench, prepared) = stage().await;
            bench.sandbox.inject(fault_at(place, kind));
            let run = commit_or_crash(&bench, &prepared, &typed("ec2rolle")).await;
            bench.sandbox.clear_faults();
            for run in run.into_iter().chain(bench.recover_all().await) {
                let report = RunReport::new(&run);
                assert_eq!(report.state == "done", gone(&bench), "{what}: {}", report.message);
                assert!(report.state == "done" || *kind != FaultKind::Throttle, "{what}: {}", report.message);
            }
            // Asked for again, it is finished.
            if !gone(&bench) {
                let prepared = bench.engine.prepare_delete_role(&delete_request(&bench, "ec2rolle")).await.unwrap();
                let run = bench.engine.commit(&prepared, &typed("ec2rolle"), None).await.unwrap();
                assert_eq!(outcome(&run), Outcome::Done, "{what}, then again: {}", message(&run));
            }
            assert!(gone(&bench), "{what}");
            assert!(bench.engine.unfinished().await.unwrap().is_empty(), "{what}");
        }
    }
}
