//! quarantine-instance and its way back, on the sandbox.

mod group;
mod guarded;
mod races;

use crate::support::bench::{Bench, message, outcome};
use lazaret::cloud::sandbox::{Behaviour, CallRecord, Staleness, World, depth};
use lazaret::domain::{GroupId, GroupRule, Interface, InterfaceId, RulePeer, Scope, Tags};
use lazaret::engine::{Consent, EngineError, Guard, Refusal, RunReport};
use lazaret::ledger::{Outcome, Store};
use lazaret::playbook::{PlanRefusal, tags};
use std::collections::BTreeSet;
use std::time::Duration;

/// The world without what a restore leaves on purpose: the tags that say so, and a quarantine group that was made.
pub(crate) fn comparable(world: &World) -> World {
    let mut world = world.restorable();
    for place in world.scopes.values_mut() {
        for instance in place.instances.values_mut() {
            let tags = &mut instance.instance.tags;
            if tags.get(tags::STATUS).map(String::as_str) == Some(tags::RESTORED) {
                tags.remove(tags::STATUS);
                tags.remove(tags::RESTORED_AT);
            }
        }
        place.groups.retain(|_, g| !g.group.name.starts_with("lazaret-quarantine-"));
    }
    world
}

fn interfaces(world: &World, scope: &Scope, instance: &lazaret::domain::InstanceId) -> Vec<Interface> {
    world.scopes[scope].interfaces_of(instance).into_iter().cloned().collect()
}

#[tokio::test]
async fn i5_an_instance_goes_into_quarantine_and_comes_back_exactly_as_it_was() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let before = bench.sandbox.world();
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));

    let world = bench.sandbox.world();
    let contained = interfaces(&world, &scope, &instance);
    let groups: BTreeSet<&GroupId> = contained.iter().flat_map(|i| &i.groups).collect();
    assert_eq!(groups.len(), 1, "one group on all interfaces");
    for (was, is) in interfaces(&before, &scope, &instance).iter().zip(&contained) {
        assert_eq!(tags::read_originals(&is.tags).as_ref(), Some(&was.groups), "originals beside {}", is.id);
    }
    let tags = &world.scopes[&scope].instances[&instance].instance.tags;
    for key in [tags::STATUS, tags::QUARANTINED_AT, tags::FINDING_ID, tags::FINDING_TYPE, tags::ORIGINALS] {
        assert!(tags.contains_key(key), "{key}");
    }
    assert_eq!(tags[tags::STATUS], "Quarantined");
    let snapshots = &world.scopes[&scope].snapshots;
    assert_eq!(snapshots.len(), 2);
    for snapshot in snapshots.values() {
        for key in ["Purpose", "IncidentId", "SourceInstance", "CreatedBy"] {
            assert!(snapshot.snapshot.tags.contains_key(key), "{key}");
        }
    }
    let report = RunReport::new(&run);
    assert!(report.isolated_ms.is_some() && report.state == "done");
    assert_eq!(bench.finding(&instance).await.finding.workflow.as_str(), "NOTIFIED");

    let restored = bench.restore("web-1").await.unwrap();
    assert_eq!(outcome(&restored), Outcome::Done, "{}", message(&restored));
    let after = bench.sandbox.world();
    assert_eq!(comparable(&after), comparable(&before));
    let tags = &after.scopes[&scope].instances[&instance].instance.tags;
    assert_eq!(tags[tags::STATUS], "Restored");
    assert!(tags.contains_key(tags::RESTORED_AT) && !tags.contains_key(tags::ORIGINALS));
    assert_eq!(bench.ledger.verify().await.unwrap().bad, None);
}

#[tokio::test]
async fn restoring_twice_is_harmless() {
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    bench.restore("web-1").await.unwrap();
    let world = bench.sandbox.world();
    let again = bench.restore("web-1").await;
    assert!(matches!(again, Err(EngineError::Plan(PlanRefusal::Nothing(_)))), "{again:?}");
    assert_eq!(bench.sandbox.world(), world);
}

/// The bound, counted in calls that have to follow one another after commit.
#[tokio::test(start_paused = true)]
async fn isolated_at_depth_two_verified_at_three_done_at_five() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    // The first quarantine in a VPC makes its group, which costs three more calls in a row.
    assert_eq!(swap_depth(&bench, 2).await, 4, "with the group to be made");
    bench.restore("web-1").await.unwrap();
    for extra in 0..5 {
        add_interface(&bench, &scope, &instance, extra);
    }
    assert_eq!(swap_depth(&bench, 7).await, 2, "isolated");
    let calls = bench.sandbox.calls();
    assert_eq!(depth_until(&calls, "ec2:DescribeNetworkInterfaces"), 3, "verified");
    assert!(depth(&calls) <= 5, "everything: {}", depth(&calls));
}

/// How many of the calls up to the last of this operation had to follow one another.
fn depth_until(calls: &[CallRecord], operation: &str) -> usize {
    let end = calls.iter().filter(|c| c.operation == operation).filter_map(|c| c.ended).max().unwrap();
    let upto: Vec<_> = calls.iter().filter(|c| c.ended.is_some_and(|e| e <= end)).cloned().collect();
    depth(&upto)
}

/// Quarantines web-1 with a second's latency for each call, and counts the depth until the last of its swaps.
async fn swap_depth(bench: &Bench, swaps: usize) -> usize {
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.set_behaviour(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    bench.sandbox.clear_calls();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let calls = bench.sandbox.calls();
    bench.sandbox.set_behaviour(Behaviour::default());
    let swapped = calls.iter().filter(|c| c.operation == "ec2:ModifyNetworkInterfaceAttribute").count();
    assert_eq!(swapped, swaps);
    depth_until(&calls, "ec2:ModifyNetworkInterfaceAttribute")
}

fn add_interface(bench: &Bench, scope: &Scope, instance: &lazaret::domain::InstanceId, n: i32) -> InterfaceId {
    let id = InterfaceId::new(format!("eni-0eeeeeee{n:09x}"));
    bench
        .sandbox
        .edit(|world| {
            let place = world.scopes.get_mut(scope).unwrap();
            let mut interface = place.interfaces_of(instance)[0].clone();
            interface.id = id.clone();
            interface.device_index = 10 + n;
            interface.tags = Tags::new();
            place.interfaces.insert(id.clone(), interface);
        })
        .unwrap();
    id
}

/// The issue: 13 to 16 groups on an interface, and all come back.
#[tokio::test]
async fn sixteen_groups_on_an_interface_are_kept_and_come_back() {
    for count in [5, 12, 13, 16] {
        let bench = Bench::new("crypto-mining");
        let (scope, instance) = bench.find("web-1");
        bench
            .sandbox
            .edit(|world| {
                let place = world.scopes.get_mut(&scope).unwrap();
                place.groups_per_interface = Some(16);
                let id = place.interfaces_of(&instance)[0].id.clone();
                let mut template = place.groups[place.interfaces[&id].groups.first().unwrap()].clone();
                let mut groups = BTreeSet::new();
                for n in 0..count {
                    template.group.id = GroupId::new(format!("sg-{n:017x}"));
                    template.group.name = format!("many-{n}");
                    groups.insert(template.group.id.clone());
                    place.groups.insert(template.group.id.clone(), template.clone());
                }
                place.interfaces.get_mut(&id).unwrap().groups = groups;
            })
            .unwrap();
        let before = bench.sandbox.world();
        let run = bench.quarantine("web-1").await.unwrap();
        assert_eq!(outcome(&run), Outcome::Done, "{count}: {}", message(&run));
        let primary = &interfaces(&bench.sandbox.world(), &scope, &instance)[0];
        assert_eq!(tags::read_originals(&primary.tags).unwrap().len(), count);
        bench.restore("web-1").await.unwrap();
        assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
    }
}

/// Mistake 3 of the published handlers: one call for the instance misses interfaces.
#[tokio::test]
async fn mistake_3_every_interface_is_isolated_not_only_the_primary() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    add_interface(&bench, &scope, &instance, 1);
    assert_eq!(interfaces(&bench.sandbox.world(), &scope, &instance).len(), 3);
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done);
    let world = bench.sandbox.world();
    assert!(interfaces(&world, &scope, &instance).iter().all(|i| i.groups.len() == 1));
}

/// Mistake 1: swap first, tag after. Here no access changes before ledger and tags hold the originals.
#[tokio::test]
async fn i1_mistake_1_the_originals_stand_in_ledger_and_tags_before_the_first_swap() {
    let bench = Bench::new("crypto-mining");
    bench.sandbox.clear_calls();
    let run = bench.quarantine("web-1").await.unwrap();
    let calls = bench.sandbox.calls();
    let first_swap = calls.iter().find(|c| c.operation == "ec2:ModifyNetworkInterfaceAttribute").unwrap();
    let tag_ends: Vec<_> =
        calls.iter().filter(|c| c.operation == "ec2:CreateTags").map(|c| c.ended.unwrap().order).collect();
    assert_eq!(tag_ends.len(), 3, "two interfaces and the instance");
    assert!(tag_ends.iter().all(|end| *end < first_swap.started.order));
    let records = bench.ledger.records(run.run).await.unwrap();
    let position =
        |wanted: &str| records.iter().position(|r| serde_json::to_string(&r.event).unwrap().contains(wanted)).unwrap();
    assert!(position("\"intended\",\"step\":\"swap-") < position("\"applied\",\"step\":\"swap-"));
}

/// I1: tags that can't be written keep isolation from going ahead, unless a person says otherwise.
#[tokio::test]
async fn i1_without_tags_there_is_no_swap_unless_asked_for() {
    let mut bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    bench.sandbox.deny("ec2:CreateTags");
    bench.sandbox.clear_calls();
    let run = bench.quarantine("web-1").await.unwrap();
    assert_ne!(outcome(&run), Outcome::Done);
    assert!(message(&run).contains("NOT isolated"), "{}", message(&run));
    assert!(bench.sandbox.calls().iter().all(|c| c.operation != "ec2:ModifyNetworkInterfaceAttribute"));
    bench.policy.without_tags = true;
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial);
    assert!(message(&run).contains("is isolated"), "{}", message(&run));
    bench.sandbox.clear_faults();
    bench.restore("web-1").await.unwrap();
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// Mistake 2: a second delivery records the quarantine group as the original.
#[tokio::test]
async fn i1_mistake_2_a_second_delivery_is_refused_and_overwrites_nothing() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let first = bench.quarantine("web-1").await.unwrap();
    let contained = bench.sandbox.world();
    for name in ["ana", "ben"] {
        match bench.colleague(name).quarantine("web-1").await {
            Err(EngineError::Plan(PlanRefusal::AlreadyQuarantined { by, since, run, .. })) => {
                assert_eq!((by.as_deref(), run), (Some("ana"), Some(first.run)));
                assert_eq!(since, Some(first.begun_at));
            }
            other => panic!("{other:?}"),
        }
    }
    // A hand with a ledger of its own knows by the tags.
    let stranger = Bench { ledger: lazaret::ledger::SqliteStore::in_memory().unwrap(), ..bench.clone() };
    match stranger.colleague("eve").quarantine("web-1").await {
        Err(EngineError::Plan(PlanRefusal::AlreadyQuarantined { by, since, run: None, .. })) => {
            assert_eq!(by.as_deref(), Some("ana"));
            assert!(since.is_some());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.sandbox.world(), contained);
    bench.restore("web-1").await.unwrap();
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// Mistake 8: a failed notification makes the containment look failed.
#[tokio::test]
async fn mistake_8_a_failed_notification_never_fails_a_containment() {
    let bench = Bench::new("crypto-mining");
    bench.sandbox.deny("sns:Publish");
    bench.sandbox.deny("securityhub:BatchUpdateFindings");
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done);
    assert!(message(&run).contains("is isolated") && message(&run).contains("Also failed"), "{}", message(&run));
}

#[tokio::test]
async fn mistake_8_the_subject_is_ascii_and_short_whatever_the_finding_says() {
    let bench = Bench::new("crypto-mining");
    let (scope, _) = bench.find("web-1");
    let mut request = bench.request("web-1").await;
    request.finding.as_mut().unwrap().finding_type = format!("🔥{}\n\u{202e}", "x".repeat(400));
    let prepared = bench.engine.prepare_quarantine(&request).await.unwrap();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let messages = &world.scopes[&scope].topics.values().next().unwrap().messages;
    assert_eq!(messages.len(), 1, "it was taken");
    assert!(messages[0].subject.is_ascii() && messages[0].subject.len() < 100);
    let body: serde_json::Value = serde_json::from_str(&messages[0].body).unwrap();
    assert_eq!(body["isolated"], true);
    assert_eq!(body["snapshots"].as_array().unwrap().len(), 2);
    assert_eq!(body["original_security_groups"].as_object().unwrap().len(), 2);
    assert!(body["restore"].as_str().unwrap().contains(&run.run.to_string()));
}

/// Mistake 7: the first characters of an ASFF id are the same for all findings.
#[tokio::test]
async fn mistake_7_incidents_of_two_findings_differ() {
    let bench = Bench::new("crypto-mining");
    let page = bench.engine.cloud().reads().findings(&bench.hub, &Default::default(), None).await.unwrap();
    let incidents: BTreeSet<String> =
        page.findings.iter().map(|s| lazaret::playbook::FindingRef::new(&s.finding, None, None).incident()).collect();
    assert_eq!(incidents.len(), page.findings.len());
}

/// Restore leaves alone what somebody else has changed, and puts it back when told.
#[tokio::test]
async fn i5_i6_drift_is_shown_left_alone_and_overwritten_only_when_told() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let before = bench.sandbox.world();
    let other_group = before.scopes[&scope].interfaces_of(&instance)[1].groups.clone();
    bench.quarantine("web-1").await.unwrap();
    let first = before.scopes[&scope].interfaces_of(&instance)[0].id.clone();
    bench
        .sandbox
        .edit(|w| w.scopes.get_mut(&scope).unwrap().interfaces.get_mut(&first).unwrap().groups = other_group.clone())
        .unwrap();
    let run = bench.restore("web-1").await.unwrap();
    assert_eq!(run.plan.drift.len(), 1, "{:?}", run.plan.drift);
    let world = bench.sandbox.world();
    assert_eq!(world.scopes[&scope].interfaces[&first].groups, other_group, "left alone");
    assert_ne!(world.scopes[&scope].instances[&instance].instance.tags[tags::STATUS], "Restored");

    let mut request = bench.restore_request("web-1");
    request.force = BTreeSet::from(["all".to_owned()]);
    let prepared = bench.engine.prepare_restore(&request).await.unwrap();
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

#[tokio::test]
async fn i5_a_group_deleted_meanwhile_is_said_and_the_rest_comes_back() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let before = bench.sandbox.world();
    bench.quarantine("web-1").await.unwrap();
    let primary = before.scopes[&scope].interfaces_of(&instance)[0].clone();
    assert_eq!(primary.groups.len(), 2);
    let gone = primary.groups.first().unwrap().clone();
    bench
        .sandbox
        .edit(|w| {
            w.scopes.get_mut(&scope).unwrap().groups.remove(&gone);
        })
        .unwrap();
    let run = bench.restore("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(message(&run).contains(gone.as_str()), "{}", message(&run));
    assert_eq!(run.plan.drift.len(), 1);
    let left: BTreeSet<GroupId> = primary.groups.iter().skip(1).cloned().collect();
    assert_eq!(bench.sandbox.world().scopes[&scope].interfaces[&primary.id].groups, left);
}

/// The ledger is gone: tags alone restore, and only when they are believed.
#[tokio::test]
async fn tags_alone_restore_when_the_ledger_does_not_know_and_a_person_believes_them() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    bench.quarantine("web-1").await.unwrap();
    let stranger =
        Bench { ledger: lazaret::ledger::SqliteStore::in_memory().unwrap(), ..bench.clone() }.colleague("eve");
    let prepared = stranger.engine.prepare_restore(&stranger.restore_request("web-1")).await.unwrap();
    assert!(prepared.from_tags() && prepared.plan.warnings[0].contains("anyone"));
    let refused = stranger.engine.commit(&prepared, &Consent::default(), None).await;
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::UntrustedTags(_)))), "{refused:?}");
    let consent = Consent { trust_tags: true, ..Consent::default() };
    let run = stranger.engine.commit(&prepared, &consent, None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let (mut after, mut before) = (comparable(&bench.sandbox.world()), comparable(&before));
    // Protections are in no tag: they stay on.
    let (scope, instance) = bench.find("web-1");
    for world in [&mut after, &mut before] {
        let state = world.scopes.get_mut(&scope).unwrap().instances.get_mut(&instance).unwrap();
        (state.termination_protection, state.stop_protection) = (true, true);
    }
    assert_eq!(after, before);
}
