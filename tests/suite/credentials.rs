//! contain-credentials on the sandbox, whose intruder goes on using what was stolen until a Deny really applies.

use crate::support::bench::{Bench, message, outcome, start};
use chrono::Duration;
use lazaret::cloud::sandbox::{Access, Behaviour, Staleness, World};
use lazaret::domain::principal::deny_all_arn;
use lazaret::domain::subject::AccessKeySubject;
use lazaret::domain::{Partition, PrincipalType, RunId, Scope, Tags};
use lazaret::engine::prepare::{Request, RestoreWhat};
use lazaret::engine::{Consent, CredentialsRequest, EngineError, Prepared, Refusal, RestoreRequest, RunReport};
use lazaret::ledger::{Outcome, RunState};
use lazaret::playbook::credentials::Credential;
use lazaret::playbook::plan::DriftKind;
use lazaret::playbook::{Change, FindingRef, PlanRefusal, deny};
use lazaret::policy::BlockPolicy;
use std::collections::BTreeSet;

pub(crate) const KEY: &str = "AKIAEXAMPLE0DEPLOY01";
pub(crate) const SECOND_KEY: &str = "AKIAEXAMPLE0DEPLOY02";
pub(crate) const AUDIT_KEY: &str = "AKIAEXAMPLE0AUDIT001";
pub(crate) const STOLEN: &str = "ASIAEXAMPLE0WEBROLE1";
const IN_RESERVE: &str = "ASIAEXAMPLE0WEBROLE2";
const OTHERS: &str = "ASIAEXAMPLE0WEBROLE3";
const USER_SESSION: &str = "ASIAEXAMPLE0CONSOLE1";

pub(crate) fn payments() -> Scope {
    Scope::parse("111122223333", "eu-central-1").unwrap()
}

pub(crate) fn bench() -> Bench {
    Bench::new("ssrf-exfiltration")
}

pub(crate) fn key(id: &str, kind: Option<PrincipalType>, name: &str) -> Credential {
    let principal_name = Some(name.to_owned()).filter(|n| !n.is_empty());
    Credential::Key(AccessKeySubject { id: id.into(), principal_type: kind, principal_name, principal_id: None })
}

pub(crate) fn role(name: &str) -> Credential {
    Credential::Role(name.into())
}

pub(crate) fn request(credential: Credential) -> CredentialsRequest {
    CredentialsRequest {
        scope: payments(),
        regions: vec![Scope::parse("111122223333", "us-east-1").unwrap()],
        credential,
        only_instance: None,
        finding: None,
        since: None,
        topic_arn: None,
        update_finding: false,
    }
}

async fn prepare(bench: &Bench, credential: Credential) -> Result<Prepared, EngineError> {
    bench.engine.prepare(&Request::Credentials(Box::new(request(credential)))).await
}

async fn revoke(bench: &Bench, credential: Credential) -> RunState {
    let prepared = prepare(bench, credential).await.unwrap();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap()
}

/// The refusal's own words.
async fn refusal(bench: &Bench, credential: Credential) -> String {
    match prepare(bench, credential).await {
        Err(EngineError::Plan(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn access(bench: &Bench, credential: &str) -> Access {
    bench.sandbox.world().access(&payments().account, credential, "s3:ListAllMyBuckets", bench.sandbox.now())
}

pub(crate) fn is_dead(bench: &Bench, credential: &str) -> bool {
    access(bench, credential) != Access::Allowed
}

fn restore_request(run: RunId, names: &[&str]) -> RestoreRequest {
    RestoreRequest {
        scope: payments(),
        what: RestoreWhat::Run(run),
        force: names.iter().map(|n| (*n).to_owned()).collect(),
        finding_status: None,
        topic_arn: None,
        block: BlockPolicy::default(),
        aws: None,
    }
}

async fn restore(bench: &Bench, run: RunId, names: &[&str]) -> RunState {
    let prepared = bench.engine.prepare_restore(&restore_request(run, names)).await.unwrap();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap()
}

/// A principal's inline policies, by name.
fn policies(bench: &Bench, user: bool, name: &str) -> Vec<(String, String)> {
    let world = bench.sandbox.world();
    let account = &world.accounts[&payments().account];
    let inline = if user { &account.users[name].inline } else { &account.roles[name].inline };
    inline.iter().map(|(n, d)| (n.clone(), d.clone())).collect()
}

fn edit_account(bench: &Bench, edit: impl FnOnce(&mut lazaret::cloud::sandbox::Account)) {
    bench.sandbox.edit(|w| edit(w.accounts.get_mut(&payments().account).unwrap())).unwrap();
}

fn same_but_for_intruders(bench: &Bench, before: &World) {
    assert_eq!(bench.sandbox.world().restorable(), before.restorable());
}

#[tokio::test(start_paused = true)]
async fn a_users_key_goes_inactive_and_its_user_is_denied_everything() {
    let bench = bench();
    let before = bench.sandbox.world();
    let run = revoke(&bench, key(KEY, None, "")).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(message(&run), format!("{KEY} is Inactive, and user deploy-bot is denied everything"));
    assert_eq!(access(&bench, KEY), Access::NotAccepted("InvalidClientTokenId"));
    assert!(matches!(access(&bench, SECOND_KEY), Access::Denied(_)), "the user as a whole is denied");
    let proof = RunReport::new(&run).steps.into_iter().find(|s| s.id == "simulate").unwrap();
    let [said] = proof.output.as_slice() else { panic!("{proof:?}") };
    assert!(said.contains("explicitDeny") && said.contains(&format!("lazaret-deny-all-{}", run.run)), "{said}");

    let back = restore(&bench, run.run, &[KEY]).await;
    assert_eq!((outcome(&back), message(&back)), (Outcome::Done, "deploy-bot is as it was"));
    same_but_for_intruders(&bench, &before);
    assert!(!is_dead(&bench, KEY));
}

/// Mistake 4: a Deny conditioned on `aws:TokenIssueTime` never applies to a long-term key.
#[tokio::test(start_paused = true)]
async fn mistake_4_the_deny_for_a_long_term_key_has_no_condition() {
    let bench = bench();
    // Such a Deny, as the published handlers write it, leaves the key at work.
    let conditioned = deny::settled(&deny::revoke_sessions(None), RunId::from_parts(0, 0), start());
    edit_account(&bench, |a| drop(a.users.get_mut("deploy-bot").unwrap().inline.insert("theirs".into(), conditioned)));
    assert!(!is_dead(&bench, KEY));
    let run = revoke(&bench, key(KEY, Some(PrincipalType::User), "deploy-bot")).await;
    let (_, ours) = policies(&bench, true, "deploy-bot").into_iter().find(|(n, _)| n.starts_with("lazaret")).unwrap();
    assert!(!ours.contains("Condition") && !ours.contains("TokenIssueTime"), "{ours}");
    // The Deny holds by itself, should the key be made Active again.
    restore(&bench, revoke_other(&bench).await, &[]).await;
    edit_account(&bench, |a| a.users.get_mut("deploy-bot").unwrap().keys.get_mut(KEY).unwrap().active = true);
    assert!(matches!(access(&bench, KEY), Access::Denied(_)), "{}", message(&run));
}

/// Another run on another principal, which must not matter to the first.
async fn revoke_other(bench: &Bench) -> RunId {
    revoke(bench, key(USER_SESSION, Some(PrincipalType::User), "jan.kowalski")).await.run
}

/// Mistake 5: swapping the role does not invalidate what was handed out; only the revocation does.
#[tokio::test(start_paused = true)]
async fn mistake_5_a_swapped_profile_leaves_the_session_alive_and_the_revocation_kills_it() {
    let bench = bench();
    let (scope, instance) = bench.find("web-1");
    let backup = "arn:aws:iam::111122223333:instance-profile/ec2rolle-backup";
    bench
        .sandbox
        .edit(|w| {
            let place = w.scopes.get_mut(&scope).unwrap();
            place.instances.get_mut(&instance).unwrap().instance.profile_arn = Some(backup.to_owned());
        })
        .unwrap();
    assert!(!is_dead(&bench, STOLEN), "the swap alone");
    let run = revoke(&bench, key(STOLEN, Some(PrincipalType::Role), "ec2rolle")).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(is_dead(&bench, STOLEN) && is_dead(&bench, IN_RESERVE) && is_dead(&bench, OTHERS));
    // The intruder's own log says so, too.
    bench.clock.advance(Duration::minutes(10));
    let intruders = bench.sandbox.world().intruders_at(bench.sandbox.now());
    let (intruder, now) = intruders.iter().find(|(i, _)| i.credential == STOLEN).unwrap();
    assert!(matches!(now, Access::Denied(_)) && intruder.denied > 100 && intruder.allowed < 5, "{intruder:?}");
}

/// Mistake 7: `finding_id[:8]` is the same for all ASFF ids, and no legal name.
#[tokio::test(start_paused = true)]
async fn mistake_7_policies_are_named_after_their_run_and_never_collide() {
    let bench = bench();
    let mut names = BTreeSet::new();
    for _ in 0..3 {
        bench.clock.advance(Duration::minutes(1));
        let mut asked = request(role("ec2rolle"));
        asked.finding = Some(finding(&bench, STOLEN).await.0);
        let prepared = bench.engine.prepare_credentials(&asked).await.unwrap();
        let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        let added: Vec<String> = run.changes().iter().flat_map(Change::fields).collect();
        assert_eq!(added, [format!("role:ec2rolle policy lazaret-revoke-sessions-{}", run.run)]);
        assert!(!added[0].contains("arn:aws"), "{added:?}");
        names.extend(added);
    }
    assert_eq!(names.len(), 3);
    let ours = policies(&bench, false, "ec2rolle").into_iter().filter(|(n, _)| n.starts_with("lazaret")).count();
    assert_eq!(ours, 3, "each run's own stands");
}

/// The finding about a key, and when it was first seen.
async fn finding(bench: &Bench, key: &str) -> (FindingRef, Option<chrono::DateTime<chrono::Utc>>) {
    let page = bench.engine.cloud().reads().findings(&bench.hub, &Default::default(), None).await.unwrap();
    let about = |s: &&lazaret::cloud::port::SeenFinding| s.finding.subjects.iter().any(|s| s.id() == key);
    let seen = page.findings.iter().find(about).unwrap();
    let reference = FindingRef::new(&seen.finding, Some(&seen.json), Some(bench.hub.clone()));
    (reference, seen.finding.first_seen.or(seen.finding.created_at))
}

#[tokio::test(start_paused = true)]
async fn a_role_is_shown_with_everybody_who_uses_it() {
    let bench = bench();
    let shared = prepare(&bench, role("ec2rolle")).await.unwrap().plan;
    let warnings = shared.warnings.join("\n");
    for name in ["web-1", "web-2", "web-3", "dr-web-1"] {
        let (_, instance) = bench.find(name);
        assert!(warnings.contains(instance.as_str()), "{name}: {warnings}");
    }
    assert!(warnings.contains("--only-instance") && warnings.contains("eu-central-1, us-east-1"), "{warnings}");
    let services = prepare(&bench, role("payments-db")).await.unwrap().plan.warnings.join("\n");
    assert!(
        services.contains("backup.amazonaws.com") && services.contains("222233334444:role/ci-runner"),
        "{services}"
    );
    let alone = prepare(&bench, role("ec2rolle-backup")).await.unwrap().plan.warnings.join("\n");
    assert!(alone.contains("no instance uses role ec2rolle-backup") && !alone.contains("--only-instance"), "{alone}");
}

#[tokio::test(start_paused = true)]
async fn the_sessions_of_one_instance_are_cut_and_those_of_the_others_live() {
    let bench = bench();
    let (_, web_1) = bench.find("web-1");
    let asked = CredentialsRequest { only_instance: Some(web_1.clone()), ..request(role("ec2rolle")) };
    let prepared = bench.engine.prepare_credentials(&asked).await.unwrap();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(is_dead(&bench, STOLEN) && !is_dead(&bench, OTHERS) && !is_dead(&bench, IN_RESERVE));
    assert!(message(&run).contains(web_1.as_str()), "{}", message(&run));
    // An instance elsewhere: its ARN is of its own Region.
    let (_, dr) = bench.find("dr-web-1");
    let asked = CredentialsRequest { only_instance: Some(dr), ..request(role("ec2rolle")) };
    let prepared = bench.engine.prepare_credentials(&asked).await.unwrap();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert!(is_dead(&bench, IN_RESERVE) && !is_dead(&bench, OTHERS));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_issued_after_the_cut_off_lives() {
    let bench = bench();
    revoke(&bench, role("ec2rolle")).await;
    assert!(is_dead(&bench, OTHERS));
    // One issued in the very second of the cut is cut; the next second's is not.
    for (later, dead) in [(0, true), (1, false)] {
        let at = bench.sandbox.now() + Duration::seconds(later);
        edit_account(&bench, |a| a.sessions.get_mut(OTHERS).unwrap().issued_at = at);
        assert_eq!(is_dead(&bench, OTHERS), dead, "{later}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_users_session_is_cut_at_the_user_though_its_prefix_is_a_roles() {
    let bench = bench();
    assert!(!is_dead(&bench, USER_SESSION));
    let before = bench.sandbox.world();
    let run = revoke(&bench, key(USER_SESSION, Some(PrincipalType::User), "jan.kowalski")).await;
    assert_eq!((outcome(&run), run.plan.subject.as_str()), (Outcome::Done, "user:jan.kowalski"));
    assert!(is_dead(&bench, USER_SESSION));
    assert!(run.plan.promise.next.iter().any(|n| n.contains("console password")), "{:?}", run.plan.promise.next);
    restore(&bench, run.run, &[]).await;
    same_but_for_intruders(&bench, &before);
}

#[tokio::test(start_paused = true)]
async fn who_can_not_be_denied_here_is_refused_before_anything_is_changed() {
    let bench = bench();
    let other = |name: &str| Some(PrincipalType::Other(name.into()));
    for (credential, words) in [
        (key("ASIAEXAMPLE00000ROOT", Some(PrincipalType::Root), "root"), "root user"),
        (key("ASIAEXAMPLE0FEDERATE", Some(PrincipalType::Federated), "eve"), "GetFederationToken"),
        (key("ASIAEXAMPLE0FOREIGN1", other("AWSAccount"), "999999999999"), "another account"),
        (key("ASIAEXAMPLE0SERVICE1", other("AWSService"), "config"), "AWS service"),
        (key("ASIAEXAMPLE0UNKNOWN1", None, ""), "CloudTrail"),
        (key("ASIAEXAMPLE0PENTEST1", Some(PrincipalType::Role), "pentest"), "does not exist in 111122223333"),
        (key("AKIAEXAMPLE0DELETED1", Some(PrincipalType::User), "deploy-bot"), "it was deleted"),
        (role("AWSServiceRoleForAutoScaling"), "service-linked role of autoscaling.amazonaws.com"),
        (role("AWSReservedSSO_Administrator_0a1b2c3d4e5f6071"), "permission set Administrator"),
    ] {
        bench.sandbox.clear_calls();
        let said = refusal(&bench, credential.clone()).await;
        assert!(said.contains(words), "{credential:?}: {said}");
        assert!(bench.sandbox.calls().iter().all(|c| !c.mutating));
    }
}

/// A principal of another account that has the same name here must not cost its namesake.
#[tokio::test(start_paused = true)]
async fn a_namesake_is_not_cut() {
    let bench = bench();
    let told = |id: &str| {
        Credential::Key(AccessKeySubject {
            id: STOLEN.into(),
            principal_type: Some(PrincipalType::Role),
            principal_name: Some("ec2rolle".into()),
            principal_id: Some(id.into()),
        })
    };
    let said = refusal(&bench, told("AROAEXAMPLEELSEWHERE1:i-0ab12cd34ef56ab78")).await;
    assert!(said.contains("another account's of the same name") && said.contains("AROAEXAMPLEPAYWEB0001"), "{said}");
    assert!(prepare(&bench, told("AROAEXAMPLEPAYWEB0001:i-0ab12cd34ef56ab78")).await.is_ok());
    // What is no unique id tells nothing.
    assert!(prepare(&bench, told("111122223333:ec2rolle")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_awss_own_policy_is_attached() {
    let bench = bench();
    let before = bench.sandbox.world();
    let run = revoke(&bench, key(AUDIT_KEY, None, "")).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let user = &world.accounts[&payments().account].users["audit-export"];
    assert!(user.attached.contains(&deny_all_arn(&Partition::Aws)));
    assert_eq!(user.inline, before.accounts[&payments().account].users["audit-export"].inline);
    assert!(run.plan.warnings.iter().any(|w| w.contains("no room for an inline Deny")), "{:?}", run.plan.warnings);
    restore(&bench, run.run, &[AUDIT_KEY]).await;
    same_but_for_intruders(&bench, &before);
}

#[tokio::test(start_paused = true)]
async fn with_no_room_at_all_the_key_goes_inactive_and_the_run_says_what_does_not_hold() {
    let bench = bench();
    edit_account(&bench, |a| {
        let user = a.users.get_mut("audit-export").unwrap();
        user.attached = (0..10).map(|n| format!("arn:aws:iam::111122223333:policy/p{n}")).collect();
    });
    let run = revoke(&bench, key(AUDIT_KEY, None, "")).await;
    assert_eq!(outcome(&run), Outcome::Partial);
    assert!(message(&run).contains("user audit-export is NOT contained") && message(&run).contains("LimitExceeded"));
    assert_eq!(access(&bench, AUDIT_KEY), Access::NotAccepted("InvalidClientTokenId"));
    assert!(run.plan.warnings.iter().any(|w| w.contains("attaching may fail")), "{:?}", run.plan.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_full_role_is_refused_before_any_call() {
    let bench = bench();
    edit_account(&bench, |a| {
        let long = format!(r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"{}"}}}}"#, "x".repeat(10_000));
        drop(a.roles.get_mut("ec2rolle").unwrap().inline.insert("long".into(), long));
    });
    assert!(refusal(&bench, role("ec2rolle")).await.contains("no room on role ec2rolle"));
}

#[tokio::test(start_paused = true)]
async fn a_user_is_cut_with_every_key_it_has() {
    let bench = bench();
    let before = bench.sandbox.world();
    let run = revoke(&bench, Credential::User("deploy-bot".into())).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    for id in [KEY, SECOND_KEY] {
        assert_eq!(access(&bench, id), Access::NotAccepted("InvalidClientTokenId"), "{id}");
    }
    let back = restore(&bench, run.run, &[SECOND_KEY]).await;
    assert!(is_dead(&bench, KEY) && !is_dead(&bench, SECOND_KEY), "one was asked for: {}", message(&back));
    restore(&bench, run.run, &[KEY]).await;
    same_but_for_intruders(&bench, &before);
}

#[tokio::test(start_paused = true)]
async fn a_restore_leaves_the_key_inactive_says_so_and_reactivates_it_only_by_its_id() {
    let bench = bench();
    let before = bench.sandbox.world();
    let run = revoke(&bench, key(KEY, None, "")).await;
    // `all` names nothing.
    let back = restore(&bench, run.run, &["all"]).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert!(back.plan.drift.iter().all(|d| d.kind == DriftKind::Withheld) && !back.plan.leaves_to_decide());
    let begins =
        "user deploy-bot acts again with every Active key and every session that has not expired, a thief's too";
    assert_eq!(back.plan.warnings, [begins]);
    let how = format!("lazaret restore --run {} --reactivate {KEY}", run.run);
    assert!(message(&back).contains(&how) && message(&back).contains("Inactive"), "{}", message(&back));
    assert_eq!(access(&bench, KEY), Access::NotAccepted("InvalidClientTokenId"));
    assert!(!is_dead(&bench, SECOND_KEY), "the Deny is gone");
    let again = bench.engine.prepare_restore(&restore_request(run.run, &["all"])).await;
    match again {
        Err(EngineError::Plan(PlanRefusal::Nothing(said))) => assert!(said.contains(&how), "{said}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(message(&restore(&bench, run.run, &[KEY]).await), "deploy-bot is as it was");
    same_but_for_intruders(&bench, &before);
}

/// I6: a policy that somebody else has rewritten is theirs.
#[tokio::test(start_paused = true)]
async fn i6_a_policy_that_somebody_rewrote_is_left_alone_and_reported() {
    for forced in [false, true] {
        let bench = bench();
        let run = revoke(&bench, role("ec2rolle")).await;
        let name = format!("lazaret-revoke-sessions-{}", run.run);
        let theirs = r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
        edit_account(&bench, |a| {
            drop(a.roles.get_mut("ec2rolle").unwrap().inline.insert(name.clone(), theirs.into()));
        });
        let names: &[&str] = if forced { &["all"] } else { &[] };
        match bench.engine.prepare_restore(&restore_request(run.run, names)).await {
            Err(EngineError::Plan(PlanRefusal::Drifted { drift, .. })) => {
                assert!(drift.len() == 1 && drift[0].now.contains("Deny") && drift[0].kind == DriftKind::LeftAlone);
            }
            other => panic!("{other:?}"),
        }
        assert!(policies(&bench, false, "ec2rolle").contains(&(name, theirs.to_owned())));
    }
}

/// I6: neither what stood there before nor what came since is touched.
#[tokio::test(start_paused = true)]
async fn i6_others_policies_and_keys_stand_after_a_restore() {
    let bench = bench();
    let run = revoke(&bench, key(KEY, None, "")).await;
    edit_account(&bench, |a| {
        let user = a.users.get_mut("deploy-bot").unwrap();
        user.inline.insert("theirs".into(), deny::deny_all());
        user.keys.remove(KEY);
    });
    let back = restore(&bench, run.run, &[KEY]).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert!(message(&back).contains(KEY), "the deleted key is reported: {}", message(&back));
    let names: Vec<String> = policies(&bench, true, "deploy-bot").into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, ["release", "theirs"]);
}

/// A Deny that is put on and taken off again by an intruder with other credentials is seen.
#[tokio::test(start_paused = true)]
async fn a_deny_that_does_not_hold_is_not_called_contained() {
    let bench = bench();
    let prepared = prepare(&bench, role("ec2rolle")).await.unwrap();
    bench.sandbox.set_behaviour(Behaviour { staleness: Staleness::Reads(200), ..Behaviour::default() });
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    assert!(message(&run).contains("are NOT revoked"), "{}", message(&run));
}

#[tokio::test(start_paused = true)]
async fn a_slow_iam_is_waited_for() {
    let bench = bench();
    let prepared = prepare(&bench, key(KEY, None, "")).await.unwrap();
    bench.sandbox.set_behaviour(Behaviour { staleness: Staleness::Reads(3), ..Behaviour::default() });
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
}

#[tokio::test(start_paused = true)]
async fn without_the_simulator_it_is_contained_all_the_same() {
    let bench = bench();
    bench.sandbox.deny("iam:SimulatePrincipalPolicy");
    let run = revoke(&bench, key(KEY, None, "")).await;
    assert_eq!(outcome(&run), Outcome::Done);
    let proof = RunReport::new(&run).steps.into_iter().find(|s| s.id == "simulate").unwrap();
    assert!(proof.output[0].contains("not permitted"), "{proof:?}");
}

/// I4: two responders on one key.
#[tokio::test(start_paused = true)]
async fn i4_two_responders_and_one_acts() {
    let (ana, ben) = (bench(), "ben");
    let ben = ana.colleague(ben);
    let (first, second) =
        (prepare(&ana, key(KEY, None, "")).await.unwrap(), prepare(&ben, key(KEY, None, "")).await.unwrap());
    ana.clock.advance(Duration::seconds(1));
    let run = ana.engine.commit(&first, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done);
    match ben.engine.commit(&second, &Consent::default(), None).await {
        Err(EngineError::Refused(Refusal::Overtaken { by, run: theirs, .. })) => {
            assert_eq!((by.as_str(), theirs), ("ana", run.run));
        }
        other => panic!("{other:?}"),
    }
    match prepare(&ben, key(KEY, None, "")).await {
        Err(EngineError::Plan(PlanRefusal::AlreadyContained { by, run: theirs, .. })) => {
            assert_eq!((by.as_deref(), theirs), (Some("ana"), Some(run.run)));
        }
        other => panic!("{other:?}"),
    }
    // The user's other key is another matter, and each run takes back its own.
    let other = revoke(&ben, key(SECOND_KEY, None, "")).await;
    restore(&ana, run.run, &[KEY]).await;
    assert!(matches!(access(&ana, KEY), Access::Denied(_)), "ben's Deny stands");
    restore(&ana, other.run, &[SECOND_KEY]).await;
    assert!(!is_dead(&ana, KEY) && !is_dead(&ana, SECOND_KEY));
}

/// The plan that was looked at is committed later: time alone changes nothing about it.
#[tokio::test(start_paused = true)]
async fn a_plan_that_was_looked_at_for_a_minute_is_still_the_same() {
    let bench = bench();
    for credential in [role("ec2rolle"), key(KEY, None, "")] {
        let prepared = prepare(&bench, credential).await.unwrap();
        bench.clock.advance(Duration::minutes(1));
        let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
        // The cut-off is of the moment of the call, not of the preview.
        let now = deny::cut_off(bench.sandbox.now()).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let cut = run.changes().into_iter().any(|c| c.after_text().contains(&now));
        assert!(cut || run.plan.subject.starts_with("user:"), "{now}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_world_that_changed_since_the_preview_is_shown_again() {
    let bench = bench();
    let prepared = prepare(&bench, Credential::User("deploy-bot".into())).await.unwrap();
    edit_account(&bench, |a| {
        let key = lazaret::cloud::sandbox::KeyState { active: true, created_at: start() };
        a.users.get_mut("deploy-bot").unwrap().keys.insert("AKIAEXAMPLE0DEPLOY03".into(), key);
    });
    bench.clock.advance(Duration::minutes(1));
    match bench.engine.commit(&prepared, &Consent::default(), None).await {
        Err(EngineError::Changed(again)) => {
            assert!(again.plan.steps.iter().any(|s| s.title.contains("AKIAEXAMPLE0DEPLOY03")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_lazaret_itself_acts_as_is_not_cut_unless_that_is_meant() {
    let bench = bench();
    let prepared = prepare(&bench, role("lazaret-responder")).await.unwrap();
    match bench.engine.commit(&prepared, &Consent::default(), None).await {
        Err(EngineError::Refused(Refusal::OwnPrincipal(own))) => assert_eq!(own, "role lazaret-responder"),
        other => panic!("{other:?}"),
    }
    let meant = Consent { lock_out_self: true, ..Consent::default() };
    assert_eq!(outcome(&bench.engine.commit(&prepared, &meant, None).await.unwrap()), Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn an_owners_exemption_holds_for_roles_and_users() {
    let bench = bench();
    let exempt = || Tags::from([("AutoRemediation".to_owned(), "Disabled".to_owned())]);
    edit_account(&bench, |a| {
        a.roles.get_mut("ec2rolle").unwrap().tags = exempt();
        a.users.get_mut("deploy-bot").unwrap().tags = exempt();
    });
    for credential in [role("ec2rolle"), key(KEY, None, "")] {
        let prepared = prepare(&bench, credential).await.unwrap();
        let refused = bench.engine.commit(&prepared, &Consent::default(), None).await;
        assert!(matches!(refused, Err(EngineError::Refused(Refusal::Exempt { .. }))), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_else_the_principal_has_is_a_list_to_act_on() {
    let bench = bench();
    let (reference, since) = finding(&bench, KEY).await;
    let asked = CredentialsRequest {
        finding: Some(reference),
        since,
        ..request(key(KEY, Some(PrincipalType::User), "deploy-bot"))
    };
    let next = bench.engine.prepare_credentials(&asked).await.unwrap().plan.promise.next;
    let line = |words: &[&str]| next.iter().any(|n| words.iter().all(|w| n.contains(w)));
    assert!(next[0].contains(SECOND_KEY) && next[0].contains("SINCE the finding began"), "{next:?}");
    assert!(line(&["policy/deploy", "SINCE"]) && line(&["inline", "release"]) && line(&["CloudTrail"]), "{next:?}");
    assert!(!line(&["console password"]), "it has none: {next:?}");
}

/// I8: what others wrote reaches neither the report nor a policy unescaped.
#[tokio::test(start_paused = true)]
async fn i8_names_of_others_are_escaped() {
    let bench = bench();
    let evil = "evil\u{1b}[2J\u{202e}";
    edit_account(&bench, |a| {
        let role = a.roles["ec2rolle"].clone();
        drop(a.roles.insert(evil.to_owned(), role));
        let user = a.users.get_mut("deploy-bot").unwrap();
        user.inline.insert(evil.to_owned(), deny::revoke_sessions(None));
    });
    for credential in [role(evil), key(KEY, None, "")] {
        let run = revoke(&bench, credential).await;
        let report = serde_json::to_string(&RunReport::new(&run).message).unwrap()
            + &run.plan.title
            + &run.plan.warnings.join(" ")
            + &run.plan.promise.next.join(" ")
            + &run.plan.steps.iter().map(|s| s.title.clone()).collect::<String>()
            + &run.plan.steps.iter().flat_map(|s| s.calls()).map(|c| c.target).collect::<String>();
        assert!(!report.contains('\u{1b}') && !report.contains('\u{202e}'), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_cut_twice_is_cut_later_and_each_run_takes_back_its_own() {
    let bench = bench();
    let before = bench.sandbox.world();
    let first = revoke(&bench, role("ec2rolle")).await;
    bench.clock.advance(Duration::minutes(5));
    let second = revoke(&bench, role("ec2rolle")).await;
    restore(&bench, first.run, &[]).await;
    assert!(is_dead(&bench, STOLEN), "the second stands");
    restore(&bench, second.run, &[]).await;
    assert!(!is_dead(&bench, STOLEN));
    same_but_for_intruders(&bench, &before);
}
