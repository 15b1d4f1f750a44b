//! What a block is refused for, and what its preview says.

use super::*;
use lazaret::domain::{Finding, Tags};
use lazaret::engine::Refusal;
use lazaret::intake::asff;
use lazaret::playbook::block::facts;
use lazaret::playbook::{Action, FindingRef};
use lazaret::policy::address::AwsRanges;
use std::sync::Arc;

async fn refusal(bench: &Bench, request: &BlockRequest) -> String {
    bench.sandbox.clear_calls();
    let said = block(bench, request).await.unwrap_err().to_string();
    assert_eq!(writes(bench), [""; 0], "{said}");
    said
}

#[tokio::test]
async fn our_own_trusted_private_and_published_addresses_are_refused() {
    let bench = Bench::new("crypto-mining");
    let ranges = r#"{"createDate": "2026-02-01-00-00-00", "prefixes":
        [{"ip_prefix": "198.51.100.128/25", "region": "eu-west-1", "service": "S3"}], "ipv6_prefixes": []}"#;
    let aws = Some(Arc::new(AwsRanges::parse(ranges).unwrap()));
    let policy = BlockPolicy {
        trusted: vec!["203.0.113.128/25".parse().unwrap()],
        own_egress: vec!["198.51.100.8/32".parse().unwrap()],
        ..BlockPolicy::default()
    };
    for (address, said) in [
        // The public address of web-2, which is not even the instance that is meant.
        ("192.0.2.116", "192.0.2.116/32 is ours"),
        ("192.0.2.0/24", "is ours (eni-"),
        // An instance's IPv6 address is public by nature.
        ("2001:db8:20:10::40", "is ours"),
        ("198.51.100.8", "[block] own_egress"),
        ("203.0.113.200", "is trusted ([block] trusted)"),
        ("10.20.1.15", "10.0.0.0/8 is private"),
        ("198.51.100.200", "AWS's own (S3 in eu-west-1)"),
        ("198.52.0.0/17", "wider than /24: 32768 addresses"),
        ("0.0.0.0/0", "every address"),
    ] {
        let request = BlockRequest { policy: policy.clone(), aws: aws.clone(), ..request(&bench, address) };
        let refused = refusal(&bench, &request).await;
        assert!(refused.contains(said), "{address}: {refused}");
    }
    // Typed again, a wide one goes through.
    let wide = parse("203.0.112.0/25").unwrap();
    let request = BlockRequest { typed_again: Some(wide), ..request(&bench, "203.0.112.0/23") };
    assert!(refusal(&bench, &request).await.contains("wider than /24"), "typed otherwise");
    // Typed again for being wide, it is said to be AWS's all the same.
    let theirs = parse("198.51.0.0/17").unwrap();
    let typed = BlockRequest { typed_again: Some(theirs), aws: aws.clone(), ..self::request(&bench, "198.51.0.0/17") };
    let plan = bench.engine.prepare_block(&typed).await.unwrap().plan;
    assert!(plan.warnings.iter().any(|w| w.contains("touches AWS's own 198.51.100.128/25 (S3")), "{:?}", plan.warnings);
    let request = BlockRequest { typed_again: Some(request.range), ..request };
    done(&block(&bench, &request).await.unwrap());
}

#[tokio::test]
async fn a_full_table_is_refused_with_its_numbers_and_nobody_is_evicted() {
    let bench = Bench::new("crypto-mining");
    edit(&bench, DATA, |entries| {
        for n in 20..36 {
            entries.push(deny(n, AclDirection::Ingress, &format!("198.51.100.{n}")));
        }
    });
    let refused = refusal(&bench, &request(&bench, STRANGER)).await;
    assert!(refused.contains(&format!("{DATA}: ingress has 20 of 20 IPv4 entries: no room")), "{refused}");
    // IPv6 has room of its own, and so has the other table.
    done(&block(&bench, &in_acl("2001:db8:bad::99", DATA)).await.unwrap());
    done(&block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap());
    // A raised quota is believed, and EC2 has the last word.
    let raised = BlockPolicy { quota: 40, ..BlockPolicy::default() };
    let run = block(&bench, &BlockRequest { policy: raised.clone(), ..in_acl(STRANGER, DATA) }).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Failed);
    assert!(
        message(&run).contains("NetworkAclEntryLimitExceeded") && message(&run).contains("NOT denied"),
        "{}",
        message(&run)
    );
    bench.sandbox.edit(|w| w.scopes.get_mut(&payments()).unwrap().acl_entries = Some(40)).unwrap();
    let run = block(&bench, &BlockRequest { policy: raised, ..in_acl(STRANGER, DATA) }).await.unwrap();
    done(&run);
    assert!(run.plan.steps[0].title.contains("20 of 40 entries in use"), "{}", run.plan.steps[0].title);
}

/// One direction has room and the other has none left: what stands is kept, and said to be a half.
#[tokio::test(start_paused = true)]
async fn a_block_that_ends_half_done_says_so_and_both_ways_back_take_the_half() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let prepared = bench.engine.prepare_block(&in_acl(STRANGER, PUBLIC)).await.unwrap();
    bench.sandbox.inject(
        lazaret::cloud::sandbox::Fault::on("ec2:CreateNetworkAclEntry")
            .nth(2)
            .kind(lazaret::cloud::sandbox::FaultKind::Deny),
    );
    let run = commit(&bench, &prepared).await;
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    assert!(message(&run).contains("stands in ingress alone"), "{}", message(&run));
    bench.sandbox.clear_faults();
    // A second block finishes it, under the number that the half has.
    let rest = block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap();
    done(&rest);
    assert_eq!(denied_once(&live(&bench, PUBLIC), STRANGER), 6);
    done(&restore(&bench, &rest).await.unwrap());
    done(&restore(&bench, &run).await.unwrap());
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

#[tokio::test]
async fn the_preview_names_who_else_is_behind_the_table_and_what_it_will_not_stop() {
    let bench = Bench::new("crypto-mining");
    let plan = bench.engine.prepare_block(&request(&bench, STRANGER)).await.unwrap().plan;
    let warned = |what: &str| plan.warnings.iter().any(|w| w.contains(what));
    assert!(
        warned(&format!("{PUBLIC} guards 2 subnets with 8 instances and 0 other interfaces")),
        "{:?}",
        plan.warnings
    );
    assert!(warned(&format!("{DATA} guards 1 subnet with 3 instances")), "{:?}", plan.warnings);
    assert!(
        warned(&format!("the counter of {PUBLIC} has drifted: it says 4, the highest deny is 5")),
        "{:?}",
        plan.warnings
    );
    assert!(plan.limits.iter().any(|l| l.contains("behind a load balancer")), "{:?}", plan.limits);
    let calls: Vec<_> = plan.steps.iter().flat_map(|s| s.calls()).collect();
    let creates: Vec<String> = calls
        .iter()
        .filter(|c| c.operation == "ec2:CreateNetworkAclEntry")
        .map(|c| format!("{} {}", c.target, c.after.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        creates,
        [
            format!("{PUBLIC} ingress 6 deny {STRANGER}/32"),
            format!("{PUBLIC} egress 6 deny {STRANGER}/32"),
            format!("{DATA} ingress 14 deny {STRANGER}/32"),
            format!("{DATA} egress 14 deny {STRANGER}/32"),
        ]
    );
    assert!(calls.iter().any(|c| c.operation == "ssm:PutParameter" && c.before.as_deref() == Some("\"4\"")));
    // An instance without a public address is behind something whose address the table sees.
    let (scope, batch) = bench.find("batch-9");
    let hidden = BlockRequest { scope, instances: vec![batch], ..request(&bench, STRANGER) };
    let plan = bench.engine.prepare_block(&hidden).await.unwrap().plan;
    assert!(plan.warnings.iter().any(|w| w.contains("has no public address")), "{:?}", plan.warnings);
}

/// The first finding of the hub that names this address.
async fn finding_from(bench: &Bench, address: &str) -> (Finding, FindingRef) {
    let page = bench.engine.cloud().reads().findings(&bench.hub, &Default::default(), None).await.unwrap();
    let range = parse(address).unwrap();
    let seen = page.findings.into_iter().find(|s| facts(&s.finding, &range).named && !s.finding.sample).unwrap();
    let finding = asff::decode(&serde_json::from_str(&seen.json).unwrap()).unwrap();
    let kept = FindingRef::new(&finding, Some(&seen.json), Some(bench.hub.clone()));
    (finding, kept)
}

#[tokio::test]
async fn the_address_of_an_api_caller_is_refused_with_what_helps_instead() {
    let bench = Bench::new("ssrf-exfiltration");
    let caller = "203.0.113.201";
    let (finding, kept) = finding_from(&bench, caller).await;
    let range = parse(caller).unwrap();
    let request = BlockRequest { finding: Some(kept), remote: Some(facts(&finding, &range)), ..in_acl(caller, PUBLIC) };
    let refused = refusal(&bench, &request).await;
    assert!(refused.contains("never crosses a network ACL") && refused.contains("lazaret revoke"), "{refused}");
}

#[tokio::test]
async fn the_findings_direction_is_weighed_and_the_finding_is_told() {
    let bench = Bench::new("ssh-brute-force");
    let attacker = "198.51.100.139";
    let (finding, kept) = finding_from(&bench, attacker).await;
    let (scope, build) = bench.find("build-7");
    let range = parse(attacker).unwrap();
    let asked = BlockRequest {
        scope: scope.clone(),
        instances: vec![build],
        remote: Some(facts(&finding, &range)),
        finding: Some(kept),
        update_finding: true,
        topic_arn: Some(bench.topic(&scope)),
        directions: Some(BTreeSet::from([AclDirection::Egress])),
        ..in_acl(attacker, PUBLIC)
    };
    let asked = BlockRequest { acls: vec![], ..asked };
    let plan = bench.engine.prepare_block(&asked).await.unwrap().plan;
    assert!(plan.warnings.iter().any(|w| w.contains("without an ingress entry their packets still come in")));
    let run = block(&bench, &BlockRequest { directions: None, ..asked }).await.unwrap();
    done(&run);
    assert!(run.plan.steps.iter().any(|s| matches!(&s.action, Action::UpdateFinding { note, .. }
        if note.contains(&format!("Take back: lazaret unblock {attacker}")))));
    let world = bench.sandbox.world();
    let message = &world.scopes[&scope].topics.values().next().unwrap().messages[0];
    assert!(message.subject.contains(&format!("{attacker} is denied in")), "{}", message.subject);
    // A direction that nobody knows is said.
    let unknown = "2001:db8:5511::9";
    let (finding, kept) = finding_from(&bench, unknown).await;
    let (_, router) = bench.find("router-1");
    let request = BlockRequest {
        scope,
        instances: vec![router],
        acls: vec![],
        remote: Some(facts(&finding, &parse(unknown).unwrap())),
        finding: Some(kept),
        ..in_acl(unknown, PUBLIC)
    };
    let plan = bench.engine.prepare_block(&request).await.unwrap().plan;
    assert!(plan.warnings.iter().any(|w| w.contains("does not say which side connected")), "{:?}", plan.warnings);
}

#[tokio::test]
async fn i9_a_sample_is_never_acted_on_and_an_owner_can_keep_us_away() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    let seen = bench.finding(&instance).await;
    let mut kept = FindingRef::new(&seen.finding, Some(&seen.json), Some(bench.hub.clone()));
    kept.sample = true;
    let prepared =
        bench.engine.prepare_block(&BlockRequest { finding: Some(kept), ..request(&bench, STRANGER) }).await.unwrap();
    let refused = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused(Refusal::Sample(_))), "{refused}");
    bench
        .sandbox
        .edit(|w| {
            let place = w.scopes.get_mut(&scope).unwrap();
            let tags: &mut Tags = &mut place.instances.get_mut(&instance).unwrap().instance.tags;
            tags.insert("AutoRemediation".into(), "Disabled".into());
        })
        .unwrap();
    // Not the first of those that are named, and it counts all the same.
    let (_, other) = bench.find("web-2");
    let both = BlockRequest { instances: vec![other, instance], ..request(&bench, STRANGER) };
    let prepared = bench.engine.prepare_block(&both).await.unwrap();
    let refused = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused(Refusal::Exempt { .. })), "{refused}");
    let consent = Consent { override_exemption: true, ..Consent::default() };
    let run = bench.engine.commit(&prepared, &consent, None).await.unwrap();
    done(&run);
    // Taking it back needs no second word.
    done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let bench = Bench::new("crypto-mining");
    let gone = refusal(&bench, &in_acl(STRANGER, "acl-0123456789abcdef0")).await;
    assert!(gone.contains("network ACL acl-0123456789abcdef0 does not exist in 111122223333/eu-central-1"), "{gone}");
    let ghost = BlockRequest { instances: vec!["i-0123456789abcdef0".into()], ..request(&bench, STRANGER) };
    assert!(refusal(&bench, &ghost).await.contains("instance i-0123456789abcdef0 does not exist"));
    let nowhere = BlockRequest { instances: vec![], ..request(&bench, STRANGER) };
    assert!(refusal(&bench, &nowhere).await.contains("name an instance or a network ACL"));
    let nothing = unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap_err().to_string();
    assert!(nothing.contains("no block of ours denies"), "{nothing}");
}
