//! The quarantine group: made where there is none, rehearsed, and open to the SSM endpoints where asked for.

use super::*;

#[tokio::test]
async fn a_quarantine_group_is_made_where_the_vpc_has_none_and_isolates() {
    let bench = Bench::new("crypto-mining");
    let (scope, instance) = bench.find("web-1");
    bench
        .sandbox
        .edit(|w| w.scopes.get_mut(&scope).unwrap().groups.retain(|_, g| !g.group.tags.contains_key("lazaret")))
        .unwrap();
    let before = bench.sandbox.world();
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let group = world.scopes[&scope].interfaces_of(&instance)[0].groups.first().unwrap().clone();
    let made = &world.scopes[&scope].groups[&group].group;
    assert!(made.ingress.is_empty() && made.egress.is_empty(), "{made:?}");
    bench.restore("web-1").await.unwrap();
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

/// A dry run asks EC2 and changes nothing.
#[tokio::test]
async fn a_rehearsal_tells_what_would_be_denied_and_changes_nothing() {
    let bench = Bench::new("crypto-mining").guarded(Guard { read_only: false, dry_run: true });
    let before = bench.sandbox.world();
    let prepared = bench.prepare("web-1").await.unwrap();
    bench.sandbox.deny("ec2:CreateSnapshots");
    let answers = bench.engine.rehearse(&prepared).await.unwrap();
    let denied: Vec<&str> = answers.iter().filter(|a| a.allowed == Some(false)).map(|a| a.step.0.as_str()).collect();
    assert_eq!(denied, ["snapshots"]);
    assert!(answers.iter().filter(|a| a.allowed == Some(true)).count() >= 5, "{answers:?}");
    assert_eq!(bench.sandbox.world(), before);
    assert!(bench.sandbox.calls().iter().all(|c| !c.mutating || c.dry_run));
}

/// With `allow_ssm` the group reaches the VPC's SSM endpoints on TCP 443 and nothing else, whether it is made now or was
/// made before; without it such a group is refused.
#[tokio::test]
async fn allow_ssm_opens_the_way_to_the_endpoints_and_nothing_else() {
    for made_before in [false, true] {
        let mut bench = Bench::new("crypto-mining");
        let (name, scope, instance, endpoints) = with_ssm_endpoints(&bench);
        bench
            .sandbox
            .edit(|w| {
                let tagged = |g: &lazaret::domain::Tags| g.contains_key("lazaret");
                w.scopes.get_mut(&scope).unwrap().groups.retain(|_, g| !tagged(&g.group.tags));
            })
            .unwrap();
        if made_before {
            quarantine_without_finding(&bench, &name).await;
            bench.restore(&name).await.unwrap();
        }
        bench.policy.allow_ssm = true;
        let run = quarantine_without_finding(&bench, &name).await;
        assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
        let world = bench.sandbox.world();
        let group = world.scopes[&scope].interfaces_of(&instance)[0].groups.first().unwrap().clone();
        let made = &world.scopes[&scope].groups[&group].group;
        let wanted: BTreeSet<GroupRule> = endpoints.into_iter().map(GroupRule::https_to).collect();
        assert_eq!(made.egress.iter().cloned().collect::<BTreeSet<_>>(), wanted);
        assert!(made.ingress.is_empty());
        bench.restore(&name).await.unwrap();
        bench.policy.allow_ssm = false;
        let (scope, instance) = bench.find(&name);
        let request =
            lazaret::engine::QuarantineRequest { scope, instance, finding: None, policy: bench.policy.clone() };
        let refused = bench.engine.prepare_quarantine(&request).await;
        assert!(matches!(refused, Err(EngineError::Plan(PlanRefusal::LeakyGroup { .. }))), "{refused:?}");
    }
}

async fn quarantine_without_finding(bench: &Bench, name: &str) -> lazaret::ledger::RunState {
    let (scope, instance) = bench.find(name);
    let request = lazaret::engine::QuarantineRequest { scope, instance, finding: None, policy: bench.policy.clone() };
    let prepared = bench.engine.prepare_quarantine(&request).await.unwrap();
    let consent = Consent { override_exemption: true, ..Consent::default() };
    bench.engine.commit(&prepared, &consent, None).await.unwrap()
}

/// A running instance in a VPC with SSM endpoints, and the groups on those.
fn with_ssm_endpoints(bench: &Bench) -> (String, Scope, lazaret::domain::InstanceId, BTreeSet<GroupId>) {
    let world = bench.sandbox.world();
    for (scope, place) in &world.scopes {
        for endpoint in place.endpoints.values().filter(|e| e.endpoint.service.ends_with(".ssm")) {
            let here = |i: &lazaret::domain::Instance| {
                i.vpc.as_ref() == Some(&endpoint.vpc)
                    && i.state == "running"
                    && i.lifecycle.is_none()
                    && i.operator.is_none()
            };
            let plain = |i: &Interface| !i.requester_managed && i.operator.is_none();
            if let Some(found) = place
                .instances
                .values()
                .find(|s| here(&s.instance) && place.interfaces_of(&s.instance.id).into_iter().all(plain))
            {
                let groups = place
                    .endpoints
                    .values()
                    .filter(|e| {
                        e.vpc == endpoint.vpc && e.endpoint.service.contains("ssm")
                            || e.endpoint.service.contains("ec2messages")
                    })
                    .flat_map(|e| e.endpoint.groups.clone())
                    .collect();
                let id = found.instance.id.clone();
                return (id.to_string(), scope.clone(), id, groups);
            }
        }
    }
    panic!("no instance behind SSM endpoints")
}
