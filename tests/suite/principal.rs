//! Who is behind a credential and what hangs on it, as `lazaret show` tells; and Denies of ours that stand already.

use crate::credentials::{KEY, SECOND_KEY, STOLEN, bench, is_dead, key, payments, request, role};
use crate::revoke::finding;
use crate::support::bench::{Bench, message, outcome};
use crate::support::program::Home;
use chrono::{DateTime, Duration, Utc};
use lazaret::domain::PrincipalType;
use lazaret::domain::principal::{ROLE_POLICY_LIMIT, policies_size};
use lazaret::engine::principal::PrincipalSight;
use lazaret::engine::{Consent, EngineError, Guard, RestoreRequest};
use lazaret::ledger::{Outcome, RunState};
use lazaret::playbook::credentials::Credential;
use lazaret::playbook::{PlanRefusal, deny};

async fn look(bench: &Bench, credential: Credential) -> Result<PrincipalSight, EngineError> {
    let asked = request(credential);
    bench.engine.look_at_principal(&asked.scope, &asked.regions, &asked.credential, asked.since).await
}

async fn revoke(bench: &Bench, credential: Credential) -> RunState {
    let prepared = bench.engine.prepare_credentials(&request(credential)).await.unwrap();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    run
}

async fn restore(bench: &Bench, run: &RunState) {
    let request: RestoreRequest = crate::support::sweep::restore_of(run);
    let prepared = bench.engine.prepare_restore(&request).await.unwrap();
    let back = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
}

/// Looking is no cut: nothing of the mutating half is called, nothing is recorded, and it works read-only.
#[tokio::test(start_paused = true)]
async fn i7_a_look_at_a_principal_calls_nothing_that_changes_anything() {
    let bench = bench();
    let looker = bench.guarded(Guard { read_only: true, ..Guard::default() });
    let before = bench.sandbox.world().restorable();
    bench.sandbox.clear_calls();
    for credential in [
        key(KEY, None, ""),
        key(STOLEN, Some(PrincipalType::Role), "ec2rolle"),
        Credential::User("jan.kowalski".into()),
        role("ec2rolle"),
        role("AWSServiceRoleForAutoScaling"),
    ] {
        for bench in [&bench, &looker] {
            look(bench, credential.clone()).await.unwrap_or_else(|e| panic!("{}: {e}", credential.named()));
        }
    }
    let calls = bench.sandbox.calls();
    assert!(calls.len() > 20 && calls.iter().all(|c| !c.mutating), "{calls:?}");
    assert_eq!(bench.sandbox.world().restorable(), before);
    assert!(bench.engine.unfinished().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_look_tells_what_a_cut_would_see_and_what_stands_after_it() {
    let bench = bench();
    let open = look(&bench, key(KEY, None, "")).await.unwrap();
    assert_eq!((open.principal().to_string().as_str(), open.status().as_str()), ("user:deploy-bot", "not contained"));
    assert_eq!((open.denies.len(), open.runs.len()), (0, 0));
    let user = open.dossier.user.as_ref().unwrap();
    assert_eq!(user.keys.iter().map(|k| k.id.as_str()).collect::<Vec<_>>(), [KEY, SECOND_KEY]);
    assert!(open.next.iter().all(|n| !n.contains(SECOND_KEY)), "keys are listed by themselves: {:?}", open.next);
    assert!(look(&bench, Credential::User("jan.kowalski".into())).await.unwrap().next.join(" ").contains("password"));

    let run = revoke(&bench, key(KEY, None, "")).await;
    let cut = look(&bench, key(KEY, None, "")).await.unwrap();
    assert_eq!(cut.status(), "denied everything");
    assert_eq!((cut.denies[0].run, cut.denies[0].cut_off, cut.runs[0].run), (run.run, None, run.run));

    let run = revoke(&bench, role("ec2rolle")).await;
    let cut = look(&bench, key(STOLEN, Some(PrincipalType::Role), "ec2rolle")).await.unwrap();
    let at: DateTime<Utc> = deny::cut_off(bench.sandbox.now());
    assert_eq!((cut.denies[0].run, cut.denies[0].cut_off), (run.run, Some(at)));
    assert!(cut.status().contains(&at.format("every session issued before %Y-%m-%d %H:%M:%SZ").to_string()));
    assert_eq!(cut.key.as_deref(), Some(STOLEN));
    assert!(cut.trusted.contains(&"ec2.amazonaws.com".to_owned()), "{:?}", cut.trusted);
    let instances: Vec<&str> = cut.dossier.instances.iter().map(|u| u.instance.as_str()).collect();
    assert!(instances.len() == 4 && instances.contains(&bench.find("dr-web-1").1.as_str()), "{instances:?}");
    restore(&bench, &run).await;
    let after = look(&bench, role("ec2rolle")).await.unwrap();
    assert_eq!((after.status().as_str(), after.denies.len(), after.runs.len()), ("not contained", 0, 0));

    // Whom a cut would refuse is answered with the same words.
    for (credential, says) in [
        (key("ASIAROOT", Some(PrincipalType::Root), "root"), "root user"),
        (key("ASIANOBODY", None, ""), "nobody here knows whose"),
        (role("no-such-role"), "role no-such-role"),
    ] {
        match look(&bench, credential).await {
            Err(EngineError::Plan(refusal)) => assert!(refusal.to_string().contains(says), "{refusal}"),
            other => panic!("{other:?}"),
        }
    }
}

/// A second cut covers the first: its plan says so, and which of them a person takes back.
#[tokio::test(start_paused = true)]
async fn a_second_revocation_says_what_stands_already_and_that_its_restore_alone_changes_nothing() {
    let bench = bench();
    let first = revoke(&bench, role("ec2rolle")).await;
    bench.clock.advance(Duration::minutes(5));
    let covered = format!("`lazaret restore --run {}` alone changes nothing while this one stands", first.run);
    let second = bench.engine.prepare_credentials(&request(role("ec2rolle"))).await.unwrap();
    assert!(second.plan.warnings.iter().any(|w| w.contains(&covered)), "{:?}", second.plan.warnings);
    let narrow =
        lazaret::engine::CredentialsRequest { only_instance: Some(bench.find("web-1").1), ..request(role("ec2rolle")) };
    let narrow = bench.engine.prepare_credentials(&narrow).await.unwrap();
    let beside = |w: &String| w.contains(&first.run.to_string()) && w.contains("each is taken back by itself");
    assert!(narrow.plan.warnings.iter().any(beside), "{:?}", narrow.plan.warnings);

    let second = bench.engine.commit(&second, &Consent::default(), None).await.unwrap();
    // What was said holds: the first goes, byte for byte, and nobody lives again.
    restore(&bench, &first).await;
    assert!(is_dead(&bench, STOLEN));
    restore(&bench, &second).await;
    assert!(!is_dead(&bench, STOLEN));
}

/// Where there is no room, what may go without letting anything live again is named.
#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_the_deny_that_another_covers_is_named() {
    let bench = bench();
    let first = revoke(&bench, role("ec2rolle")).await;
    bench.clock.advance(Duration::minutes(5));
    let second = revoke(&bench, role("ec2rolle")).await;
    let fill = |world: &mut lazaret::cloud::sandbox::World| {
        let account = world.accounts.get_mut(&payments().account).unwrap();
        let inline = &mut account.roles.get_mut("ec2rolle").unwrap().inline;
        let frame = r#"{"Version":"2012-10-17","Statement":[],"Id":""}"#;
        let room = ROLE_POLICY_LIMIT - policies_size(inline.values());
        let filler = frame.replace(r#""Id":"""#, &format!(r#""Id":"{}""#, "x".repeat(room - frame.len() - 5)));
        inline.insert("filler".into(), filler);
    };
    bench.sandbox.edit(fill).unwrap();
    let told = match bench.engine.prepare_credentials(&request(role("ec2rolle"))).await {
        Err(EngineError::Plan(PlanRefusal::Unfit(told))) => told,
        other => panic!("{other:?}"),
    };
    let spare = format!("`lazaret restore --run {}` makes room", first.run);
    assert!(told.contains(&spare) && told.contains(&second.run.to_string()), "{told}");
    restore(&bench, &first).await;
    bench.clock.advance(Duration::minutes(1));
    revoke(&bench, role("ec2rolle")).await;
}

#[test]
fn a_key_a_user_and_a_role_are_shown_with_what_hangs_on_them() {
    let home = Home::new();
    let run = |args: &[&str]| home.run(&[&["--sandbox=ssrf-exfiltration", "show"], args].concat());
    let said = run(&["key", KEY]);
    assert_eq!(said.code, 0, "{said:?}");
    for words in ["user deploy-bot", "not contained", KEY, "<- named", SECOND_KEY, "days ago", "none for the console"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    let user = run(&["user", "deploy-bot", "--json"]);
    let value = user.json();
    assert_eq!((user.code, value["principal"].as_str()), (0, Some("user:deploy-bot")), "{user:?}");
    assert_eq!((value["status"].as_str(), value["user"]["keys"][0]["id"].as_str()), (Some("not contained"), Some(KEY)));
    let arn = "arn:aws:sts::111122223333:assumed-role/ec2rolle/i-0ab12cd34ef56ab78";
    let role = run(&["role", arn]);
    assert_eq!(role.code, 0, "{role:?}");
    for words in ["role ec2rolle", "trusts      ec2.amazonaws.com", "i-0ab12cd34ef56ab78 in eu-central-1", "us-east-1"]
    {
        assert!(role.out.contains(words), "{words}: {}", role.out);
    }

    // Whose a session's key is, a finding says; nobody looks for its id by hand.
    let alone = run(&["key", STOLEN]);
    let id = finding(&home, STOLEN);
    assert!(alone.code != 0 && alone.err.contains(&format!("`lazaret show key {STOLEN} --finding arn:")), "{alone:?}");
    let told = run(&["key", STOLEN, "--finding", &id]);
    assert!(told.code == 0 && told.out.contains("role ec2rolle") && told.out.contains(STOLEN), "{told:?}");
    assert_eq!(run(&["key", KEY, "--finding", &id]).code, 2, "it is about another");
    assert_eq!(run(&["user", "nobody"]).code, 1);
    for wrong in [&["key"][..], &["machine", "x"], &["i-0ab12cd34ef56ab78", "--finding", &id]] {
        let said = run(wrong);
        assert!(said.code == 2 && said.err.contains("lazaret show key"), "{wrong:?}: {said:?}");
    }
    assert!(home.run(&["--sandbox", "show", "i-0ab12cd34ef56ab78"]).code == 0, "as before");
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]);
        assert!(script.out.contains("show") && script.code == 0, "{shell}");
    }
}
