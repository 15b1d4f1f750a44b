//! Stolen instance credentials: other Regions, half-done swaps, a backup that somebody else made, and late recovery.

use crate::exfiltration::{
    STOLEN, alive, bench, contain, issue, prepare, profile, request, request_for, restore, scope, step_state,
};
use crate::quarantine::comparable;
use crate::support::bench::{message, outcome};
use crate::support::sweep::commit_or_crash;
use chrono::Duration;
use lazaret::cloud::sandbox::{Fault, FaultKind, World};
use lazaret::domain::principal::{ROLE_POLICY_LIMIT, policies_size};
use lazaret::domain::{AclAction, AclDirection, AclEntry, Subject};
use lazaret::engine::prepare::ExfiltrationRequest;
use lazaret::engine::{Consent, EngineError, QuarantineRequest, Refusal};
use lazaret::ledger::Outcome;
use lazaret::playbook::deny;
use lazaret::playbook::exfiltration::Swap;
use lazaret::playbook::{Action, Change, FindingRef};
use lazaret::policy::{CutFlows, QuarantinePolicy};

/// One plan and one undo, wherever the instances are.
#[tokio::test(start_paused = true)]
async fn the_plan_names_the_region_of_an_instance_that_is_elsewhere() {
    let bench = bench();
    let dr = bench.find("dr-web-1").1;
    let plan = prepare(&bench, &request(&bench).await).await.unwrap().plan;
    for step in [format!("imdsv2-{dr}"), format!("profile-{dr}")] {
        let step = plan.step(&step.as_str().into()).unwrap_or_else(|| panic!("{step}"));
        assert!(step.title.contains("us-east-1"), "{}", step.title);
        assert!(plan.calls(step).iter().all(|c| c.target == format!("{dr} in us-east-1")), "{:?}", plan.calls(step));
    }
    assert!(plan.promise.kept.contains(dr.as_str()), "{}", plan.promise.kept);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_may_not_be_read_holds_nothing_up_and_its_instances_are_named_with_the_command() {
    let bench = bench();
    let (_, dr) = bench.find("dr-web-1");
    bench.sandbox.inject(Fault::on("ec2:DescribeInstances").nth(2).kind(FaultKind::Deny));
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(!alive(&bench, STOLEN));
    assert_eq!(profile(&bench.sandbox.world(), "dr-web-1"), "ec2rolle");
    assert!(message(&run).contains(&format!("{dr} may hold fresh credentials")), "{}", message(&run));
    let command = "--role ec2rolle --account 111122223333 --region us-east-1`";
    for said in [&run.plan.warnings, &run.plan.promise.next] {
        assert!(said.iter().any(|w| w.contains(dr.as_str()) && w.contains(command)), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_regions_instance_that_changed_since_is_drift_at_the_undo() {
    let bench = bench();
    let run = contain(&bench, &request(&bench).await).await;
    let (place, dr) = bench.find("dr-web-1");
    let other = format!("arn:aws:iam::{}:instance-profile/payments-db", place.account);
    let replace = |world: &mut World| {
        let state = world.scopes.get_mut(&place).unwrap().instances.get_mut(&dr).unwrap();
        state.instance.profile_arn = Some(other.clone());
    };
    bench.sandbox.edit(replace).unwrap();
    let mut undo = crate::support::sweep::restore_of(&run);
    undo.force.clear();
    let back = bench.engine.prepare_restore(&undo).await.unwrap();
    assert_eq!(back.plan.drift.len(), 1, "{:?}", back.plan.drift);
    assert!(back.plan.drift[0].what.contains(&format!("{dr} in us-east-1")), "{:?}", back.plan.drift);
}

/// The old profile is off, and the new one is refused: what was on the instance is not forgotten.
#[tokio::test(start_paused = true)]
async fn i1_a_stopped_instance_that_is_left_without_a_profile_is_said_and_can_be_put_back() {
    let bench = bench();
    let (place, web_2) = bench.find("web-2");
    let stop = |world: &mut World| {
        world.scopes.get_mut(&place).unwrap().instances.get_mut(&web_2).unwrap().instance.state = "stopped".into();
    };
    bench.sandbox.edit(stop).unwrap();
    let before = bench.sandbox.world();
    bench.sandbox.inject(Fault::on("ec2:AssociateIamInstanceProfile").always().kind(FaultKind::Deny));
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    assert_eq!(profile(&bench.sandbox.world(), "web-2"), "", "it was taken off");
    assert_eq!(step_state(&run, &format!("profile-{web_2}")), "not-verified");
    bench.sandbox.clear_faults();
    let back = restore(&bench, &run).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// EC2 takes a moment to see that the old profile is off.
#[tokio::test(start_paused = true)]
async fn an_association_that_ec2_still_sees_is_waited_for() {
    let bench = bench();
    let (place, web_2) = bench.find("web-2");
    let stop = |world: &mut World| {
        world.scopes.get_mut(&place).unwrap().instances.get_mut(&web_2).unwrap().instance.state = "stopped".into();
    };
    bench.sandbox.edit(stop).unwrap();
    let late = FaultKind::Error(lazaret::cloud::ErrorKind::Conflict, "IncorrectState");
    for nth in 1..=3 {
        bench.sandbox.inject(Fault::on("ec2:AssociateIamInstanceProfile").nth(nth).kind(late.clone()));
    }
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(profile(&bench.sandbox.world(), "web-2"), "ec2rolle-backup");
}

/// Who may make roles may write our tag on one that he alone can assume, between the plan and its run.
#[tokio::test(start_paused = true)]
async fn i6_a_role_with_our_tag_and_another_trust_policy_is_no_backup() {
    let bench = bench();
    let account = scope(&bench).account;
    let forget = |world: &mut World| {
        let account = world.accounts.get_mut(&account).unwrap();
        account.roles.remove("ec2rolle-backup");
        account.profiles.remove("ec2rolle-backup");
    };
    bench.sandbox.edit(forget).unwrap();
    let request = ExfiltrationRequest { swap: Swap::MakeBackup, ..request(&bench).await };
    let prepared = prepare(&bench, &request).await.unwrap();
    let squat = |world: &mut World| {
        let account = world.accounts.get_mut(&account).unwrap();
        let mut role = account.roles["ec2rolle"].clone();
        role.tags.insert("lazaret".into(), "backup-role".into());
        role.trust = role.trust.replace(r#""Service""#, r#""AWS""#).replace("ec2.amazonaws.com", "999999999999");
        role.inline.clear();
        account.roles.insert("ec2rolle-backup".into(), role);
    };
    bench.sandbox.edit(squat).unwrap();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(step_state(&run, "make-backup"), "failed", "{}", message(&run));
    let world = bench.sandbox.world();
    assert!(world.accounts[&account].roles["ec2rolle-backup"].inline.is_empty(), "nothing was given to it");
    assert_eq!(profile(&world, "web-1"), "ec2rolle");
    assert!(!alive(&bench, STOLEN), "cut all the same");
}

#[tokio::test(start_paused = true)]
async fn the_owner_of_the_role_itself_is_asked_too() {
    let bench = bench();
    let account = scope(&bench).account;
    let tag = |world: &mut World| {
        let role = world.accounts.get_mut(&account).unwrap().roles.get_mut("ec2rolle").unwrap();
        role.tags.insert("AutoRemediation".into(), "disabled".into());
    };
    bench.sandbox.edit(tag).unwrap();
    let prepared = prepare(&bench, &request(&bench).await).await.unwrap();
    let refused = bench.engine.commit(&prepared, &Consent::default(), None).await;
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::Exempt { .. }))), "{refused:?}");
    let consent = Consent { override_exemption: true, ..Consent::default() };
    assert_eq!(outcome(&bench.engine.commit(&prepared, &consent, None).await.unwrap()), Outcome::Done);
}

/// A cut that recovery finds not made is made as of then: what was handed out since the crash would outlive it.
#[tokio::test(start_paused = true)]
async fn a_cut_that_is_made_late_is_as_late_as_it_is_made() {
    let bench = bench();
    let prepared = prepare(&bench, &request(&bench).await).await.unwrap();
    bench.sandbox.inject(Fault::on("iam:PutRolePolicy").kind(FaultKind::HangBefore));
    assert_eq!(commit_or_crash(&bench, &prepared, &Consent::default()).await, None, "it hangs");
    bench.sandbox.clear_faults();
    bench.clock.advance(Duration::minutes(3));
    issue(&bench, "ASIASINCE", "ec2rolle");
    assert!(alive(&bench, "ASIASINCE"));
    let run = bench.recover_all().await.pop().unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(!alive(&bench, "ASIASINCE"));
    let before = restore(&bench, &run).await;
    assert_eq!(outcome(&before), Outcome::Done, "{}", message(&before));
    assert!(alive(&bench, STOLEN));
}

/// The moment of the cut takes more characters than what stands for it in the plan.
#[tokio::test(start_paused = true)]
async fn room_is_measured_for_the_policy_as_it_will_be_stored() {
    let bench = bench();
    let account = scope(&bench).account;
    let fill = |world: &mut World| {
        let role = world.accounts.get_mut(&account).unwrap().roles.get_mut("ec2rolle").unwrap();
        let room = ROLE_POLICY_LIMIT - policies_size(role.inline.values()) - deny::revoke_sessions_size(None);
        let frame = r#"{"Version":"2012-10-17","Statement":[],"Id":""}"#;
        let filler = frame.replace(r#""Id":"""#, &format!(r#""Id":"{}""#, "x".repeat(room - frame.len() + 1)));
        role.inline.insert("filler".into(), filler);
    };
    bench.sandbox.edit(fill).unwrap();
    let refused = prepare(&bench, &request(&bench).await).await.unwrap_err().to_string();
    assert!(refused.contains("no room for the revocation"), "{refused}");
}

/// Its path tells whose it is, whatever it is called.
#[tokio::test(start_paused = true)]
async fn a_role_under_identity_centers_path_is_never_planned_without_its_cut() {
    let bench = bench();
    let account = scope(&bench).account;
    let moved = |world: &mut World| {
        let role = world.accounts.get_mut(&account).unwrap().roles.get_mut("ec2rolle").unwrap();
        role.path = "/aws-reserved/sso.amazonaws.com/".into();
    };
    bench.sandbox.edit(moved).unwrap();
    let asked = crate::credentials::request(crate::credentials::role("ec2rolle"));
    let refused = bench.engine.prepare_credentials(&asked).await.unwrap_err().to_string();
    assert!(refused.contains("IAM Identity Center"), "{refused}");
}

/// Nothing is concluded from what may not be read: it is neither gone nor put back.
#[tokio::test(start_paused = true)]
async fn a_region_that_may_not_be_read_at_the_undo_stands_and_is_said() {
    let bench = bench();
    let run = contain(&bench, &request(&bench).await).await;
    let dr = bench.find("dr-web-1").1;
    bench.sandbox.inject(Fault::on("ec2:DescribeInstances").resource(&dr).always().kind(FaultKind::Deny));
    let back = restore(&bench, &run).await;
    let world = bench.sandbox.world();
    assert_eq!(
        (profile(&world, "web-1").as_str(), profile(&world, "dr-web-1").as_str()),
        ("ec2rolle", "ec2rolle-backup")
    );
    assert!(message(&back).contains(dr.as_str()), "{}", message(&back));
    bench.sandbox.clear_faults();
    let rest = restore(&bench, &run).await;
    assert_eq!(outcome(&rest), Outcome::Done, "{}", message(&rest));
    assert_eq!(profile(&bench.sandbox.world(), "dr-web-1"), "ec2rolle");
}

/// The body of the last message that the topic got, with each instance's state.
fn told(bench: &crate::support::bench::Bench) -> serde_json::Value {
    let topic = bench.topic(&scope(bench));
    let world = bench.sandbox.world();
    serde_json::from_str(&world.scopes[&scope(bench)].topics[&topic].messages.last().unwrap().body).unwrap()
}

/// An instance that needed nothing is told of, too: whoever reads the message must not take its silence for safety.
#[tokio::test(start_paused = true)]
async fn the_message_says_of_every_instance_what_holds_where_nothing_was_done() {
    let bench = bench();
    let (place, web_1) = bench.find("web-1");
    let (web_2, web_3, dr) = (bench.find("web-2").1, bench.find("web-3").1, bench.find("dr-web-1").1);
    let stage = |world: &mut World| {
        let instances = &mut world.scopes.get_mut(&place).unwrap().instances;
        instances.get_mut(&web_2).unwrap().instance.metadata.as_mut().unwrap().tokens_required = true;
        let moved = format!("arn:aws:iam::{}:instance-profile/ec2rolle-backup", place.account);
        instances.get_mut(&web_3).unwrap().instance.profile_arn = Some(moved);
    };
    bench.sandbox.edit(stage).unwrap();
    let before = bench.sandbox.world();
    bench.sandbox.inject(Fault::on("ec2:DescribeInstances").nth(2).kind(FaultKind::Deny));
    let run = contain(&bench, &request(&bench).await).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let body = told(&bench);
    for (instance, imdsv2, profile) in [
        (&web_1, "verified", "verified"),
        (&web_2, "IMDSv2 was required already", "verified"),
        (
            &web_3,
            "IMDSv2 is NOT required, and this run does not change it",
            "profile kept: it is ec2rolle-backup's already",
        ),
        (
            &dr,
            "left alone: what is in us-east-1 can't be read from here",
            "left alone: what is in us-east-1 can't be read from here",
        ),
    ] {
        let state = &body["instances"][instance.as_str()];
        assert_eq!((state["imdsv2"].as_str(), state["profile"].as_str()), (Some(imdsv2), Some(profile)), "{body}");
    }
    // What is only told of is nothing that the run hits, or that a restore would touch.
    let back = restore(&bench, &run).await;
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));

    let asked = ExfiltrationRequest { swap: Swap::None, ..request(&bench).await };
    contain(&bench, &asked).await;
    let state = told(&bench)["instances"][web_2.as_str()].clone();
    assert_eq!(state["profile"], "profile kept: asked not to", "{state}");
    assert_eq!(state["imdsv2"], "IMDSv2 was required already", "{state}");
}

/// A finding with two addresses, and room for one entry: the plan promises one.
#[tokio::test(start_paused = true)]
async fn several_addresses_share_the_room_of_a_network_acl() {
    let bench = bench();
    let acl: lazaret::domain::AclId = "acl-0b11c000000000001".into();
    let place = scope(&bench);
    let fill = |world: &mut World| {
        let table = world.scopes.get_mut(&place).unwrap().network_acls.get_mut(&acl).unwrap();
        let room = lazaret::domain::NetworkAcl::DEFAULT_QUOTA - 1;
        for n in 0.. {
            if table.entries_of(AclDirection::Ingress, false).len() >= room {
                break;
            }
            let entry = AclEntry {
                number: 2_000 + n,
                direction: AclDirection::Ingress,
                action: lazaret::domain::AclAction::Allow,
                protocol: "6".into(),
                cidr: "192.0.2.0/24".into(),
                ports: Some((443, 443)),
            };
            table.entries.push(entry);
        }
    };
    let of_probe = "Recon:EC2/PortProbeUnprotectedPort";
    let probe = request_for(&bench, of_probe).await;
    let denied = |plan: &lazaret::playbook::Plan| -> Vec<(String, i32)> {
        let of = |s: &lazaret::playbook::Step| match &s.action {
            Action::Change(Change::DenyAddress(deny)) if deny.acl == acl => Some((deny.range.to_string(), deny.number)),
            _ => None,
        };
        plan.steps.iter().filter_map(of).collect()
    };
    let roomy = denied(&prepare(&bench, &probe).await.unwrap().plan);
    assert_eq!(roomy.len(), 2, "{roomy:?}");
    assert_ne!(roomy[0].1, roomy[1].1, "each has a number of its own");

    bench.sandbox.edit(fill).unwrap();
    let plan = prepare(&bench, &probe).await.unwrap().plan;
    assert_eq!(denied(&plan), roomy[..1], "{:?}", plan.limits);
    assert!(plan.limits.iter().any(|l| l.contains("203.0.113.202 is not denied") && l.contains("no room")));

    let (hub, policy) =
        (Some(bench.hub.clone()), QuarantinePolicy { cut_flows: CutFlows::Nacl, ..bench.policy.clone() });
    let (seen, instance) = (probe.finding.clone().unwrap().0, bench.find("web-1").1);
    let finding = Some(FindingRef { hub, ..seen });
    let request = QuarantineRequest { scope: place.clone(), instance, finding, policy };
    let plan = bench.engine.prepare_quarantine(&request).await.unwrap().plan;
    assert_eq!(denied(&plan).len(), 1, "{:?}", plan.warnings);
    assert!(plan.warnings.iter().any(|w| w.contains("no network ACL denies 203.0.113.202") && w.contains("no room")));
}

/// Of two probes one came from CloudFront's addresses: the other is denied, and everything else goes on.
#[tokio::test(start_paused = true)]
async fn an_address_in_a_prefix_list_of_awss_is_left_and_said() {
    let bench = bench();
    let mut asked = request_for(&bench, "Recon:EC2/PortProbeUnprotectedPort").await;
    let (_, finding) = asked.finding.as_mut().unwrap();
    for subject in &mut finding.subjects {
        if let Subject::RemoteAddress(remote) = subject
            && remote.ip.to_string() == "203.0.113.202"
        {
            remote.ip = "130.176.1.1".parse().unwrap();
        }
    }
    bench.sandbox.clear_calls();
    let run = contain(&bench, &asked).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let left = "130.176.1.1 is not denied: 130.176.1.1/32 is not blocked: 130.176.0.0/18 is AWS's own (pl-a3a144ca ";
    assert!(run.plan.limits.iter().any(|l| l.contains(left)), "{:?}", run.plan.limits);
    let said = run.plan.warnings.join("\n");
    assert_eq!(said.matches("whether this is AWS's own").count(), 1, "{said}");
    let asked_for_lists =
        bench.sandbox.calls().iter().filter(|c| c.operation == "ec2:DescribeManagedPrefixLists").count();
    assert_eq!(asked_for_lists, 1, "once for both addresses");
    let world = bench.sandbox.world();
    let entries = world.scopes[&scope(&bench)].network_acls.values().flat_map(|a| &a.entries);
    let denied: std::collections::BTreeSet<&str> =
        entries.filter(|e| e.number < 90 && e.action == AclAction::Deny).map(|e| e.cidr.as_str()).collect();
    assert!(denied.contains("203.0.113.201/32") && !denied.contains("130.176.1.1/32"), "{denied:?}");
    assert!(!alive(&bench, STOLEN));
}
