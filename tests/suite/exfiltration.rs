//! Stolen instance credentials: every instance of the role moved to the backup, every session cut after that, and all of
//! it put back.

use crate::quarantine::comparable;
use crate::support::bench::{Bench, message, outcome, start};
use crate::support::sweep::{Drill, again_after_every_crash, commit_or_crash, every_call, every_call_back, restore_of};
use async_trait::async_trait;
use chrono::Duration;
use lazaret::cloud::sandbox::{Access, Fault, FaultKind, Session, World};
use lazaret::domain::{AclDirection, InstanceId, Principal, PrincipalType, Scope, Subject};
use lazaret::engine::prepare::{ExfiltrationRequest, Request};
use lazaret::engine::{Consent, EngineError, Prepared, Refusal};
use lazaret::ledger::{Outcome, RunState, Store};
use lazaret::playbook::change::{PutInlinePolicy, SetInstanceProfile};
use lazaret::playbook::exfiltration::{Swap, WITHOUT};
use lazaret::playbook::{Action, Change, FindingRef, PlanRefusal, Standing};
use lazaret::policy::BlockPolicy;
use serde_json::Value;

/// The session that was stolen from web-1.
pub(crate) const STOLEN: &str = "ASIAEXAMPLE0WEBROLE1";
const TYPE: &str = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS";

pub(crate) fn bench() -> Bench {
    Bench::new("ssrf-exfiltration")
}

pub(crate) fn scope(bench: &Bench) -> Scope {
    bench.find("web-1").0
}

/// What the command line would ask for, about the finding of this type.
pub(crate) async fn request_for(bench: &Bench, finding_type: &str) -> ExfiltrationRequest {
    let reads = bench.engine.cloud().reads();
    let page = reads.findings(&bench.hub, &Default::default(), None).await.unwrap();
    let seen = page.findings.into_iter().find(|s| s.finding.finding_type == finding_type).expect("the finding");
    let scope = seen.finding.scope().unwrap();
    let all: Vec<Scope> = bench.sandbox.world().scopes.keys().cloned().collect();
    ExfiltrationRequest {
        finding: Some((FindingRef::new(&seen.finding, Some(&seen.json), Some(bench.hub.clone())), seen.finding)),
        role: None,
        instance: None,
        swap: Swap::Backup,
        elsewhere: all,
        block: BlockPolicy::default(),
        aws: None,
        topic_arn: Some(bench.topic(&scope)),
        update_finding: true,
        scope,
    }
}

pub(crate) async fn request(bench: &Bench) -> ExfiltrationRequest {
    request_for(bench, TYPE).await
}

pub(crate) async fn prepare(bench: &Bench, request: &ExfiltrationRequest) -> Result<Prepared, EngineError> {
    bench.engine.prepare(&Request::Exfiltration(Box::new(request.clone()))).await
}

pub(crate) async fn contain(bench: &Bench, request: &ExfiltrationRequest) -> RunState {
    let prepared = prepare(bench, request).await.unwrap();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap()
}

pub(crate) async fn restore(bench: &Bench, run: &RunState) -> RunState {
    let back = bench.engine.prepare_restore(&restore_of(run)).await.unwrap();
    bench.engine.commit(&back, &Consent::default(), None).await.unwrap()
}

/// What AWS answers to a call with a session now.
fn access(bench: &Bench, session: &str) -> Access {
    let (world, scope) = (bench.sandbox.world(), scope(bench));
    world.access(&scope.account, session, "s3:ListAllMyBuckets", bench.sandbox.now())
}

pub(crate) fn alive(bench: &Bench, session: &str) -> bool {
    access(bench, session) == Access::Allowed
}

/// The name of the profile on an instance.
pub(crate) fn profile(world: &World, name: &str) -> String {
    let arn = world.find_instance(name).unwrap().1.instance.profile_arn.clone().unwrap_or_default();
    arn.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Hands out credentials of the role as the metadata service would, now.
pub(crate) fn issue(bench: &Bench, id: &str, role: &str) {
    let (now, account) = (bench.sandbox.now(), scope(bench).account);
    let session = Session {
        principal: Principal::Role(role.to_owned()),
        issued_at: now,
        expires_at: now + Duration::hours(6),
        source_instance: None,
    };
    let give =
        |world: &mut World| drop(world.accounts.get_mut(&account).unwrap().sessions.insert(id.to_owned(), session));
    bench.sandbox.edit(give).unwrap();
}

pub(crate) fn step_state<'a>(run: &'a RunState, id: &str) -> &'a str {
    run.steps[&id.into()].state.word()
}

#[tokio::test(start_paused = true)]
async fn every_instance_of_the_role_is_moved_and_every_session_cut_and_all_of_it_comes_back() {
    let bench = bench();
    let before = bench.sandbox.world();
    assert!(alive(&bench, STOLEN));
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    for name in ["web-1", "web-2", "web-3", "dr-web-1"] {
        let instance = &world.find_instance(name).unwrap().1.instance;
        assert_eq!(profile(&world, name), "ec2rolle-backup", "{name}");
        let (now, was) = (instance.metadata.unwrap(), before.find_instance(name).unwrap().1.instance.metadata.unwrap());
        assert!(now.tokens_required);
        assert_eq!(
            (now.hop_limit, now.endpoint, now.ipv6, now.tags),
            (was.hop_limit, was.endpoint, was.ipv6, was.tags)
        );
    }
    assert!(matches!(access(&bench, STOLEN), Access::Denied(_)), "{:?}", access(&bench, STOLEN));
    let back = restore(&bench, &run).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
    assert!(alive(&bench, STOLEN), "the way back from a false positive");
}

/// Mistake 5 of the published handlers: another profile on the instance leaves alive what was handed out.
#[tokio::test(start_paused = true)]
async fn mistake_5_a_swap_of_the_profile_alone_leaves_the_stolen_session_alive() {
    let bench = bench();
    let run = contain(&bench, &request(&bench).await).await;
    // The run as it would be without its revocation: the profiles as they are, the policy gone.
    let account = scope(&bench).account;
    let lift = |world: &mut World| {
        let role = world.accounts.get_mut(&account).unwrap().roles.get_mut("ec2rolle").unwrap();
        role.inline.retain(|name, _| !name.starts_with("lazaret-revoke-sessions-"));
    };
    let contained = bench.sandbox.world();
    bench.sandbox.edit(lift).unwrap();
    assert_eq!(profile(&bench.sandbox.world(), "web-1"), "ec2rolle-backup");
    assert!(alive(&bench, STOLEN), "the instance has another profile, and the thief goes on");
    bench.sandbox.set_world(contained).unwrap();
    assert!(!alive(&bench, STOLEN), "and now it is over");
    assert_eq!(outcome(&run), Outcome::Done);
}

/// A session that the metadata service hands out after the last swap was read back, and before the cut-off.
#[tokio::test(start_paused = true)]
async fn a_session_issued_between_swap_and_cut_off_is_dead_as_well() {
    let bench = bench();
    let prepared = prepare(&bench, &request(&bench).await).await.unwrap();
    // The run is stopped before its revocation, as a crash would.
    bench.sandbox.inject(Fault::on("iam:PutRolePolicy").kind(FaultKind::HangBefore));
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    assert_eq!(profile(&bench.sandbox.world(), "web-1"), "ec2rolle-backup");
    issue(&bench, "ASIAINBETWEEN", "ec2rolle");
    assert!(alive(&bench, STOLEN) && alive(&bench, "ASIAINBETWEEN"), "moved, and not cut yet");
    bench.sandbox.clear_faults();
    let run = bench.recover_all().await.pop().unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(!alive(&bench, STOLEN) && !alive(&bench, "ASIAINBETWEEN"));
    // What is handed out after the cut-off lives: the role goes on working for what still has it.
    bench.clock.advance(Duration::seconds(5));
    issue(&bench, "ASIALATER", "ec2rolle");
    assert!(alive(&bench, "ASIALATER"));
}

#[tokio::test(start_paused = true)]
async fn the_cut_off_is_later_than_the_last_swap_that_was_read_back() {
    let bench = bench();
    let run = contain(&bench, &request(&bench).await).await;
    let records = bench.ledger.records(run.run).await.unwrap();
    let swaps = records.iter().filter_map(|r| match &r.event {
        lazaret::ledger::Event::Verified { step, .. } if step.0.starts_with("profile-") => Some((r.seq, r.at)),
        _ => None,
    });
    let last = swaps.max().expect("the swaps were read back");
    let status = &run.steps[&"revoke-sessions".into()];
    let Some(Change::InlinePolicy(PutInlinePolicy { name, after: Some(document), .. })) = &status.change else {
        panic!()
    };
    assert!(name.ends_with(&run.run.to_string()), "{name}");
    let document: Value = serde_json::from_str(document).unwrap();
    let cut_off = document["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"].as_str().unwrap();
    let cut_off: chrono::DateTime<chrono::Utc> = cut_off.parse().unwrap();
    assert!(cut_off > last.1, "{cut_off} is not later than {}", last.1);
    let intended = records
        .iter()
        .find(|r| matches!(&r.event, lazaret::ledger::Event::Intended { step, .. } if step.0 == "revoke-sessions"));
    assert!(intended.unwrap().seq > last.0, "set only after the read-back");
}

#[tokio::test(start_paused = true)]
async fn one_instance_that_fails_stops_nothing_and_is_said() {
    let bench = bench();
    let web_2 = bench.find("web-2").1;
    let world = bench.sandbox.world();
    let association =
        bench.engine.cloud().reads().profile_associations(&scope(&bench), std::slice::from_ref(&web_2)).await.unwrap();
    bench.sandbox.inject(
        Fault::on("ec2:ReplaceIamInstanceProfileAssociation")
            .resource(&association[0].id)
            .always()
            .kind(FaultKind::Deny),
    );
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    assert!(!alive(&bench, STOLEN), "cut all the same");
    assert_eq!(step_state(&run, &format!("profile-{web_2}")), "failed");
    assert!(message(&run).contains(web_2.as_str()), "{}", message(&run));
    let now = bench.sandbox.world();
    assert_eq!((profile(&now, "web-1").as_str(), profile(&now, "web-2").as_str()), ("ec2rolle-backup", "ec2rolle"));
    // The message tells each instance's state, and that this one has fresh credentials.
    let topic = bench.topic(&scope(&bench));
    let body = now.scopes[&scope(&bench)].topics[&topic].messages.last().unwrap().body.clone();
    let body: Value = serde_json::from_str(&body).unwrap();
    let state = &body["instances"][web_2.as_str()];
    assert_eq!((state["imdsv2"].as_str(), state["profile"].as_str()), (Some("verified"), Some("failed")), "{body}");
    assert!(body["message"].as_str().unwrap().contains(&format!("{web_2} may hold fresh credentials")), "{body}");
    drop(world);
}

#[tokio::test(start_paused = true)]
async fn without_a_backup_that_may_take_over_the_sessions_are_cut_and_the_rest_is_said() {
    for (change, says) in [
        ("wider", "allows iam:*"),
        ("untrusted", "EC2 can't assume it"),
        ("gone", "--make-backup"),
        ("no profile", "it is in no instance profile"),
    ] {
        let bench = bench();
        let account = scope(&bench).account;
        let spoil = |world: &mut World| {
            let account = world.accounts.get_mut(&account).unwrap();
            let backup = account.roles.get_mut("ec2rolle-backup").unwrap();
            let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#;
            match change {
                "wider" => drop(backup.inline.insert("more".into(), all.into())),
                "untrusted" => backup.trust = backup.trust.replace("ec2.amazonaws.com", "lambda.amazonaws.com"),
                "gone" => drop(account.roles.remove("ec2rolle-backup")),
                _ => account.profiles.get_mut("ec2rolle-backup").unwrap().role.clear(),
            }
        };
        bench.sandbox.edit(spoil).unwrap();
        let run = contain(&bench, &request(&bench).await).await;
        assert_eq!(outcome(&run), Outcome::Done, "{change}: {}", message(&run));
        assert!(!alive(&bench, STOLEN), "{change}");
        assert_eq!(profile(&bench.sandbox.world(), "web-1"), "ec2rolle", "{change}");
        assert!(run.plan.warnings.iter().any(|w| w.contains(says)), "{change}: {:?}", run.plan.warnings);
        assert!(run.plan.limits.iter().any(|l| l.contains("fresh credentials")), "{change}: {:?}", run.plan.limits);
        assert!(message(&run).contains("may hold fresh credentials"), "{}", message(&run));
    }
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_made_only_when_asked_and_without_what_the_finding_used() {
    let bench = bench();
    let (scope, before) = (scope(&bench), bench.sandbox.world());
    let forget = |world: &mut World| {
        let account = world.accounts.get_mut(&scope.account).unwrap();
        account.roles.remove("ec2rolle-backup");
        account.profiles.remove("ec2rolle-backup");
    };
    bench.sandbox.edit(forget).unwrap();
    let request = ExfiltrationRequest { swap: Swap::MakeBackup, ..request(&bench).await };
    let run = contain(&bench, &request).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let (made, original) =
        (&world.accounts[&scope.account].roles["ec2rolle-backup"], &before.accounts[&scope.account].roles["ec2rolle"]);
    assert_eq!(made.tags.get("lazaret").map(String::as_str), Some("backup-role"));
    assert_eq!(made.attached, original.attached);
    assert_eq!(made.inline["invoices"], original.inline["invoices"]);
    assert!(made.inline[WITHOUT].contains("\"s3:ListAllMyBuckets\""), "{}", made.inline[WITHOUT]);
    assert_eq!(profile(&world, "web-1"), "ec2rolle-backup");
    issue(&bench, "ASIABACKUP", "ec2rolle-backup");
    assert!(matches!(access(&bench, "ASIABACKUP"), Access::Denied(_)), "not what the thief did");
    // It stays after a restore, and what we made may take over the next time as well.
    let back = restore(&bench, &run).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert!(bench.sandbox.world().accounts[&scope.account].roles.contains_key("ec2rolle-backup"));
    let again = prepare(&bench, &request).await.unwrap();
    assert!(again.plan.step(&"make-backup".into()).is_none(), "{:?}", again.plan.warnings);
    assert!(again.plan.steps.iter().any(|s| matches!(s.action, Action::Change(Change::InstanceProfile(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_callers_address_is_no_use_in_a_network_acl_and_a_connections_is() {
    let bench = bench();
    let plan = prepare(&bench, &request(&bench).await).await.unwrap().plan;
    assert!(
        plan.limits.iter().any(|l| l.contains("203.0.113.201") && l.contains("crosses no network ACL")),
        "{:?}",
        plan.limits
    );
    assert!(!plan.steps.iter().any(|s| matches!(s.action, Action::Change(Change::DenyAddress(_)))));

    // The probe of the same instance came over the network.
    let probe = request_for(&bench, "Recon:EC2/PortProbeUnprotectedPort").await;
    let before = bench.sandbox.world();
    let run = contain(&bench, &probe).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    // web-1 has interfaces in two subnets with an ACL each, web-3 in a third.
    for acl in ["acl-0b11c000000000001", "acl-0da7a000000000001"] {
        let table = &world.scopes[&scope(&bench)].network_acls[&acl.into()];
        for direction in [AclDirection::Ingress, AclDirection::Egress] {
            let denied = table.entries_of(direction, false).iter().any(|e| e.cidr == "203.0.113.201/32");
            assert!(denied, "{acl} {direction}");
        }
    }
    let back = restore(&bench, &run).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    // A counter says which number was used last: it is not taken back.
    let without_counters = |world: &World| {
        let mut world = comparable(world);
        world.scopes.values_mut().for_each(|place| place.parameters.clear());
        world
    };
    let world = bench.sandbox.world();
    assert_eq!(without_counters(&world), without_counters(&before));
    assert_ne!(world.scopes[&scope(&bench)].parameters, before.scopes[&scope(&bench)].parameters);
}

#[tokio::test(start_paused = true)]
async fn drift_at_undo_is_left_alone_and_the_rest_goes_back() {
    let bench = bench();
    let run = contain(&bench, &request(&bench).await).await;
    let (scope, web_2) = bench.find("web-2");
    let other = format!("arn:aws:iam::{}:instance-profile/payments-db", scope.account);
    let replace = |world: &mut World| {
        let state = world.scopes.get_mut(&scope).unwrap().instances.get_mut(&web_2).unwrap();
        state.instance.profile_arn = Some(other.clone());
    };
    bench.sandbox.edit(replace).unwrap();
    let mut undo = restore_of(&run);
    undo.force.clear();
    let back = bench.engine.prepare_restore(&undo).await.unwrap();
    assert_eq!(back.plan.drift.len(), 1, "{:?}", back.plan.drift);
    assert!(back.plan.drift[0].what.contains(web_2.as_str()) && back.plan.drift[0].now == "payments-db");
    let begins = &back.plan.warnings;
    assert!(begins.len() == 1 && begins[0].contains("issued before 2026-"), "{begins:?}");
    assert!(begins[0].ends_with("and has not expired acts again, a thief's too"), "{begins:?}");
    let back = bench.engine.commit(&back, &Consent::default(), None).await.unwrap();
    let world = bench.sandbox.world();
    assert_eq!((profile(&world, "web-1").as_str(), profile(&world, "web-2").as_str()), ("ec2rolle", "payments-db"));
    assert!(message(&back).contains("NOT fully restored"), "{}", message(&back));
    // Asked for by name, it goes back too.
    let forced = bench.engine.prepare_restore(&restore_of(&run)).await.unwrap();
    bench.engine.commit(&forced, &Consent::default(), None).await.unwrap();
    assert_eq!(profile(&bench.sandbox.world(), "web-2"), "ec2rolle");
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_changed_since_the_plan_is_left_alone() {
    let bench = bench();
    let prepared = prepare(&bench, &request(&bench).await).await.unwrap();
    let (scope, web_3) = bench.find("web-3");
    let other = format!("arn:aws:iam::{}:instance-profile/payments-db", scope.account);
    let replace = |world: &mut World| {
        world.scopes.get_mut(&scope).unwrap().instances.get_mut(&web_3).unwrap().instance.profile_arn =
            Some(other.clone());
    };
    bench.sandbox.edit(replace).unwrap();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial);
    assert_eq!(profile(&bench.sandbox.world(), "web-3"), "payments-db");
    assert!(!alive(&bench, STOLEN));
    let swap = SetInstanceProfile { instance: web_3, before: None, after: Some("x/y".into()), region: None };
    let empty = lazaret::playbook::Observed::empty(scope, start());
    assert_eq!(lazaret::playbook::Edit::standing(&swap, &empty), Standing::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_instance_takes_two_calls_and_comes_back() {
    let bench = bench();
    let (scope, web_2) = bench.find("web-2");
    let stop = |world: &mut World| {
        world.scopes.get_mut(&scope).unwrap().instances.get_mut(&web_2).unwrap().instance.state = "stopped".into();
    };
    bench.sandbox.edit(stop).unwrap();
    let before = bench.sandbox.world();
    // The second of the two fails once, and nobody knows whether it was made.
    bench.sandbox.inject(Fault::on("ec2:AssociateIamInstanceProfile").kind(FaultKind::TimeoutBefore));
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(profile(&bench.sandbox.world(), "web-2"), "ec2rolle-backup");
    let back = restore(&bench, &run).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_behind_an_instance_is_sent_elsewhere() {
    let bench = bench();
    // A user's own key from the same exit node: another remedy.
    let mut of_user = request(&bench).await;
    let (_, finding) = of_user.finding.as_mut().unwrap();
    for subject in &mut finding.subjects {
        if let Subject::AccessKey(key) = subject {
            (key.principal_type, key.principal_name) = (Some(PrincipalType::User), Some("deploy-bot".into()));
        }
    }
    let refused = prepare(&bench, &of_user).await.unwrap_err().to_string();
    assert!(refused.contains("lazaret revoke user"), "{refused}");
    // A role of the same name, and not the one that the finding is about.
    let mut namesake = request(&bench).await;
    let (_, finding) = namesake.finding.as_mut().unwrap();
    for subject in &mut finding.subjects {
        if let Subject::AccessKey(key) = subject {
            key.principal_id = Some("AROAEXAMPLEELSEWHERE1:i-0ab12cd34ef56ab78".into());
        }
    }
    let refused = prepare(&bench, &namesake).await.unwrap_err().to_string();
    assert!(refused.contains("AROAEXAMPLEELSEWHERE1") && refused.contains("--role ec2rolle"), "{refused}");
    let sso = ExfiltrationRequest {
        role: Some("AWSReservedSSO_Administrator_0a1b2c3d4e5f6071".into()),
        ..request(&bench).await
    };
    let refused = prepare(&bench, &sso).await.unwrap_err().to_string();
    assert!(refused.contains("IAM Identity Center"), "{refused}");
    let linked = ExfiltrationRequest { role: Some("AWSServiceRoleForAutoScaling".into()), ..request(&bench).await };
    let refused = prepare(&bench, &linked).await.unwrap_err().to_string();
    assert!(refused.contains("UnmodifiableEntity"), "{refused}");
    let missing = ExfiltrationRequest { role: Some("nobody".into()), ..request(&bench).await };
    assert!(matches!(prepare(&bench, &missing).await, Err(EngineError::Plan(PlanRefusal::NotFound { .. }))));
    let of_instance =
        ExfiltrationRequest { finding: None, instance: Some(bench.find("db-1").1), ..request(&bench).await };
    let plan = prepare(&bench, &of_instance).await.unwrap().plan;
    assert_eq!(plan.subject, "role:payments-db");
    assert!(
        plan.warnings.iter().any(|w| w.contains("backup.amazonaws.com") && w.contains("ci-runner")),
        "{:?}",
        plan.warnings
    );
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_keeps_automation_away_is_asked() {
    let bench = bench();
    let (scope, web_3) = bench.find("web-3");
    let tag = |world: &mut World| {
        let tags = &mut world.scopes.get_mut(&scope).unwrap().instances.get_mut(&web_3).unwrap().instance.tags;
        tags.insert("AutoRemediation".into(), "disabled".into());
    };
    bench.sandbox.edit(tag).unwrap();
    let prepared = prepare(&bench, &request(&bench).await).await.unwrap();
    let refused = bench.engine.commit(&prepared, &Consent::default(), None).await;
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::Exempt { .. }))), "{refused:?}");
    let consent = Consent { override_exemption: true, ..Consent::default() };
    assert_eq!(outcome(&bench.engine.commit(&prepared, &consent, None).await.unwrap()), Outcome::Done);
}

/// IAM knows the backup's profile a moment before EC2 does.
#[tokio::test(start_paused = true)]
async fn a_profile_that_ec2_does_not_know_yet_is_waited_for() {
    let bench = bench();
    let late = FaultKind::Error(lazaret::cloud::ErrorKind::Invalid, "InvalidParameterValue");
    for nth in 1..=3 {
        bench.sandbox.inject(Fault::on("ec2:ReplaceIamInstanceProfileAssociation").nth(nth).kind(late.clone()));
    }
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
}

/// More instances than one page of anything: each is moved.
#[tokio::test(start_paused = true)]
async fn many_instances_are_all_moved() {
    let bench = bench();
    let (scope, web_2) = bench.find("web-2");
    let breed = |world: &mut World| {
        let place = world.scopes.get_mut(&scope).unwrap();
        let model = place.instances[&web_2].clone();
        for n in 0..120 {
            let mut twin = model.clone();
            twin.instance.id = InstanceId::new(format!("i-0feed0000000{n:05}"));
            place.instances.insert(twin.instance.id.clone(), twin);
        }
    };
    bench.sandbox.edit(breed).unwrap();
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let left = world.scopes[&scope]
        .instances
        .values()
        .filter(|i| i.instance.profile_arn.as_deref().is_some_and(|arn| arn.ends_with("/ec2rolle")));
    assert_eq!(left.count(), 0);
}

struct Exfiltration;

#[async_trait(?Send)]
impl Drill for Exfiltration {
    async fn stage(&self) -> (Bench, Request) {
        let bench = bench();
        // Two instances in different subnets are what the playbook is about: the third one adds only time.
        let (scope, web_2) = bench.find("web-2");
        let drop_profile = |world: &mut World| {
            world.scopes.get_mut(&scope).unwrap().instances.get_mut(&web_2).unwrap().instance.profile_arn = None;
        };
        bench.sandbox.edit(drop_profile).unwrap();
        let request = request(&bench).await;
        (bench, Request::Exfiltration(Box::new(request)))
    }

    fn holds(&self, bench: &Bench) -> bool {
        let world = bench.sandbox.world();
        let moved = |name: &&str| {
            let metadata = world.find_instance(name).unwrap().1.instance.metadata;
            profile(&world, name) == "ec2rolle-backup" && metadata.is_some_and(|m| m.tokens_required)
        };
        !alive(bench, STOLEN) && ["web-1", "web-3"].iter().all(moved)
    }
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_containment_fails_times_out_and_crashes() {
    every_call(&Exfiltration).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_its_way_back_fails_times_out_and_crashes() {
    every_call_back(&Exfiltration).await;
}

#[tokio::test(start_paused = true)]
async fn i3_after_every_crash_a_second_containment_finishes_what_the_first_began() {
    again_after_every_crash(&Exfiltration).await;
}

/// The same with a backup role that is made on the way. It stays, so that it is no part of what is compared.
struct WithBackup;

fn without_backup(world: &World) -> World {
    let mut world = comparable(world);
    for account in world.accounts.values_mut() {
        account.roles.remove("ec2rolle-backup");
        account.profiles.remove("ec2rolle-backup");
    }
    world
}

#[async_trait(?Send)]
impl Drill for WithBackup {
    async fn stage(&self) -> (Bench, Request) {
        let bench = bench();
        let (scope, web_2) = bench.find("web-2");
        let web_3 = bench.find("web-3").1;
        let change = |world: &mut World| {
            let account = world.accounts.get_mut(&scope.account).unwrap();
            account.roles.remove("ec2rolle-backup");
            account.profiles.remove("ec2rolle-backup");
            let instances = &mut world.scopes.get_mut(&scope).unwrap().instances;
            for id in [&web_2, &web_3] {
                instances.get_mut(id).unwrap().instance.profile_arn = None;
            }
        };
        bench.sandbox.edit(change).unwrap();
        let request = ExfiltrationRequest { swap: Swap::MakeBackup, ..request(&bench).await };
        (bench, Request::Exfiltration(Box::new(request)))
    }

    fn holds(&self, bench: &Bench) -> bool {
        !alive(bench, STOLEN) && profile(&bench.sandbox.world(), "web-1") == "ec2rolle-backup"
    }

    fn comparable(&self, world: &World) -> World {
        without_backup(world)
    }

    fn check(&self, bench: &Bench, _before: &World, what: &str) {
        let world = bench.sandbox.world();
        let account = &world.accounts[&scope(bench).account];
        // Whatever is on an instance can be assumed: a profile without its role gives no credentials.
        if profile(&world, "web-1") == "ec2rolle-backup" {
            assert_eq!(account.profiles["ec2rolle-backup"].role, "ec2rolle-backup", "{what}");
            assert!(account.roles["ec2rolle-backup"].inline.contains_key(WITHOUT), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_containment_that_makes_its_backup_fails_times_out_and_crashes() {
    every_call(&WithBackup).await;
}
