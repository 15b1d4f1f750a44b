//! What the guard and the playbook refuse.

use super::*;

/// I7: read-only means not one mutating call leaves the process.
#[tokio::test]
async fn i7_read_only_and_dry_run_let_no_mutating_call_out() {
    for guard in [Guard { read_only: true, dry_run: false }, Guard { read_only: false, dry_run: true }] {
        let bench = Bench::new("crypto-mining").guarded(guard);
        let before = bench.sandbox.world();
        let refused = bench.quarantine("web-1").await;
        assert!(matches!(refused, Err(EngineError::Refused(Refusal::ReadOnly | Refusal::DryRun))), "{refused:?}");
        assert!(bench.sandbox.calls().iter().all(|c| !c.mutating));
        assert_eq!(bench.sandbox.world(), before);
        assert!(bench.ledger.runs(&Default::default()).await.unwrap().is_empty());
    }
}

/// I9: a sample is never acted on.
#[tokio::test]
async fn i9_a_sample_is_never_acted_on() {
    let bench = Bench::new("crypto-mining");
    let mut request = bench.request("web-1").await;
    request.finding.as_mut().unwrap().sample = true;
    let prepared = bench.engine.prepare_quarantine(&request).await.unwrap();
    let refused = bench.engine.commit(&prepared, &Consent::default(), None).await;
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::Sample(_)))), "{refused:?}");
}

#[tokio::test]
async fn an_exempted_instance_is_left_alone_unless_overridden() {
    let bench = Bench::new("crypto-mining");
    let prepared = bench.prepare("batch-9").await.unwrap();
    let refused = bench.engine.commit(&prepared, &Consent::default(), None).await;
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::Exempt { .. }))), "{refused:?}");
    let consent = Consent { override_exemption: true, ..Consent::default() };
    let run = bench.engine.commit(&prepared, &consent, None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
}

#[tokio::test]
async fn a_leaky_quarantine_group_is_refused_with_its_rules() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    bench.quarantine("web-1").await.unwrap();
    let group = bench.sandbox.world().scopes[&scope].interfaces_of(&instance)[0].groups.first().unwrap().clone();
    bench.restore("web-1").await.unwrap();
    let rule = GroupRule {
        protocol: "tcp".into(),
        from_port: Some(22),
        to_port: Some(22),
        peer: RulePeer::Cidr("0.0.0.0/0".into()),
    };
    bench
        .sandbox
        .edit(|w| w.scopes.get_mut(&scope).unwrap().groups.get_mut(&group).unwrap().group.ingress.push(rule))
        .unwrap();
    match bench.quarantine("web-1").await {
        Err(EngineError::Plan(PlanRefusal::LeakyGroup { group: named, rules })) => {
            assert_eq!(named, group);
            assert_eq!(rules, ["ingress tcp 22 0.0.0.0/0"]);
        }
        other => panic!("{other:?}"),
    }
}
