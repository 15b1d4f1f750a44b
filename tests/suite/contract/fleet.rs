//! Auto Scaling, load balancers, Elastic IP addresses and kept volumes, on a start world that has some.

use super::refused;
use super::stand::{Stand, Standing};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::{AddressQuery, GroupQuery, InstanceQuery};
use lazaret::domain::{
    Balancer, ElasticIp, GroupRule, InstanceId, InterfaceId, ScalingGroup, ScalingMember, Tags, Target, TargetKind,
    Volume,
};

async fn group(fixture: &dyn Stand, s: &Standing) -> ScalingGroup {
    let names = [s.group.clone(), "no-such-group".to_owned()];
    let mut found = fixture.cloud().reads().scaling_groups(&fixture.world().scope, &names).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

async fn lifecycle(fixture: &dyn Stand) -> Option<String> {
    let world = fixture.world();
    let found = fixture.cloud().reads().scaling_member(&world.scope, &world.instance).await.unwrap();
    found.map(|m| m.lifecycle)
}

async fn registered(fixture: &dyn Stand, s: &Standing) -> bool {
    let world = fixture.world();
    let targets = fixture.cloud().reads().targets(&world.scope, &s.target_group).await.unwrap();
    targets.iter().any(|t| t.id == world.instance.as_str() && t.is_registered())
}

pub(super) async fn the_group_of_an_instance_is_known(fixture: &dyn Stand) {
    let (s, world) = (fixture.stand().await, fixture.world());
    let reads = fixture.cloud().reads().clone();
    let member = reads.scaling_member(&world.scope, &world.instance).await.unwrap();
    assert_eq!(member, Some(ScalingMember { group: s.group.clone(), lifecycle: "InService".into() }));
    let nobody = InstanceId::new("i-0123456789abcdef0");
    assert_eq!(reads.scaling_member(&world.scope, &nobody).await, Ok(None));
    let expected = ScalingGroup {
        name: s.group.clone(),
        min: 0,
        max: 2,
        desired: 1,
        asks_load_balancers: true,
        target_groups: [s.target_group.clone()].into(),
    };
    assert_eq!(group(fixture, &s).await, expected);
    assert_eq!(reads.scaling_groups(&world.scope, &[]).await, Ok(vec![]));
}

pub(super) async fn an_instance_enters_standby_and_leaves_it(fixture: &dyn Stand) {
    let (s, world) = (fixture.stand().await, fixture.world());
    let (writes, target) = (fixture.writes(), fixture.target());
    writes.enter_standby(&target, &s.group, &world.instance).await.unwrap();
    assert_eq!(lifecycle(fixture).await.as_deref(), Some("Standby"));
    assert_eq!(group(fixture, &s).await.desired, 0);
    assert!(!registered(fixture, &s).await, "AWS takes it out of the group's own target groups");
    let again = writes.enter_standby(&target, &s.group, &world.instance).await;
    refused(again, "autoscaling:EnterStandby", ErrorKind::Invalid, "ValidationError");

    writes.exit_standby(&target, &s.group, &world.instance).await.unwrap();
    assert_eq!(lifecycle(fixture).await.as_deref(), Some("InService"));
    assert_eq!(group(fixture, &s).await.desired, 1);
    assert!(registered(fixture, &s).await, "and back into them");
    let again = writes.exit_standby(&target, &s.group, &world.instance).await;
    refused(again, "autoscaling:ExitStandby", ErrorKind::Invalid, "ValidationError");
    let nowhere = writes.enter_standby(&target, "no-such-group", &world.instance).await;
    refused(nowhere, "autoscaling:EnterStandby", ErrorKind::Invalid, "ValidationError");
}

pub(super) async fn a_group_at_its_minimum_refuses_a_standby(fixture: &dyn Stand) {
    let (s, world) = (fixture.stand().await, fixture.world());
    fixture.set_minimum(&s, 1).await;
    let answer = fixture.writes().enter_standby(&fixture.target(), &s.group, &world.instance).await;
    refused(answer, "autoscaling:EnterStandby", ErrorKind::Invalid, "ValidationError");
    assert_eq!(lifecycle(fixture).await.as_deref(), Some("InService"));
    assert!(registered(fixture, &s).await);
}

pub(super) async fn an_instance_is_detached_and_attached(fixture: &dyn Stand) {
    let (s, world) = (fixture.stand().await, fixture.world());
    let (writes, target) = (fixture.writes(), fixture.target());
    fixture.set_minimum(&s, 1).await;
    writes.detach_instance(&target, &s.group, &world.instance).await.unwrap();
    assert_eq!(lifecycle(fixture).await, None);
    assert_eq!(group(fixture, &s).await.desired, 1, "another takes its place");
    assert!(!registered(fixture, &s).await);
    let again = writes.detach_instance(&target, &s.group, &world.instance).await;
    refused(again, "autoscaling:DetachInstances", ErrorKind::Invalid, "ValidationError");

    writes.attach_instance(&target, &s.group, &world.instance).await.unwrap();
    assert_eq!(lifecycle(fixture).await.as_deref(), Some("InService"));
    assert_eq!(group(fixture, &s).await.desired, 2);
    assert!(registered(fixture, &s).await);
    let again = writes.attach_instance(&target, &s.group, &world.instance).await;
    refused(again, "autoscaling:AttachInstances", ErrorKind::Invalid, "ValidationError");
}

pub(super) async fn targets_are_registered_and_deregistered(fixture: &dyn Stand) {
    let (s, world) = (fixture.stand().await, fixture.world());
    let (writes, target, reads) = (fixture.writes(), fixture.target(), fixture.cloud().reads().clone());
    let groups = reads.target_groups(&world.scope).await.unwrap();
    let mut kinds: Vec<_> = groups.iter().map(|g| (g.id.name(), g.kind, g.vpc.as_ref())).collect();
    kinds.sort_by_key(|(name, ..)| *name);
    let vpc = Some(&world.vpc);
    assert_eq!(kinds, [("by-address", TargetKind::Ip, vpc), ("web", TargetKind::Instance, vpc)]);

    let found = reads.targets(&world.scope, &s.target_group).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].id.as_str(), found[0].port), (world.instance.as_str(), Some(443)));
    writes.deregister_target(&target, &s.target_group, &found[0]).await.unwrap();
    assert!(!registered(fixture, &s).await);
    // Both are as good twice.
    writes.deregister_target(&target, &s.target_group, &found[0]).await.unwrap();
    writes.register_target(&target, &s.target_group, &found[0]).await.unwrap();
    writes.register_target(&target, &s.target_group, &found[0]).await.unwrap();
    assert!(registered(fixture, &s).await);

    let nowhere = Balancer::new(format!("{}0", s.target_group.as_str()));
    let (look, kind, code) = ("elasticloadbalancing:DescribeTargetHealth", ErrorKind::NotFound, "TargetGroupNotFound");
    refused(reads.targets(&world.scope, &nowhere).await, look, kind, code);
    let answer = writes.register_target(&target, &nowhere, &found[0]).await;
    refused(answer, "elasticloadbalancing:RegisterTargets", kind, code);
    let answer = writes.deregister_target(&target, &nowhere, &found[0]).await;
    refused(answer, "elasticloadbalancing:DeregisterTargets", kind, code);
}

pub(super) async fn classic_load_balancers_are_left_and_joined(fixture: &dyn Stand) {
    let (s, world) = (fixture.stand().await, fixture.world());
    let (writes, target, reads) = (fixture.writes(), fixture.target(), fixture.cloud().reads().clone());
    let instances = async || {
        let found = reads.classic_balancers(&world.scope).await.unwrap();
        assert_eq!(found.iter().map(|b| &b.id).collect::<Vec<_>>(), [&s.classic]);
        let health: Vec<Target> = reads.classic_targets(&world.scope, &s.classic).await.unwrap();
        let ids: std::collections::BTreeSet<InstanceId> = health.iter().map(|t| t.id.as_str().into()).collect();
        assert_eq!(ids, found[0].instances);
        ids
    };
    assert_eq!(instances().await, [world.instance.clone()].into());
    writes.deregister_from_classic(&target, &s.classic, &world.instance).await.unwrap();
    assert_eq!(instances().await, [].into());
    let again = writes.deregister_from_classic(&target, &s.classic, &world.instance).await;
    let operation = "elasticloadbalancing:DeregisterInstancesFromLoadBalancer";
    refused(again, operation, ErrorKind::Invalid, "InvalidInstance");
    writes.register_with_classic(&target, &s.classic, &world.instance).await.unwrap();
    writes.register_with_classic(&target, &s.classic, &world.instance).await.unwrap();
    assert_eq!(instances().await, [world.instance.clone()].into());

    let nowhere = Balancer::new("no-such-balancer");
    let (kind, code) = (ErrorKind::NotFound, "LoadBalancerNotFound");
    let answer = reads.classic_targets(&world.scope, &nowhere).await;
    refused(answer, "elasticloadbalancing:DescribeInstanceHealth", kind, code);
    let answer = writes.register_with_classic(&target, &nowhere, &world.instance).await;
    refused(answer, "elasticloadbalancing:RegisterInstancesWithLoadBalancer", kind, code);
    let answer = writes.deregister_from_classic(&target, &nowhere, &world.instance).await;
    refused(answer, operation, kind, code);
}

pub(super) async fn an_address_is_taken_off_and_put_back(fixture: &dyn Stand) {
    let (s, world) = (fixture.stand().await, fixture.world());
    let (writes, target, reads) = (fixture.writes(), fixture.target(), fixture.cloud().reads().clone());
    let of = |query: AddressQuery| {
        let (reads, scope) = (reads.clone(), world.scope.clone());
        async move { reads.addresses(&scope, &query).await.unwrap() }
    };
    let known = AddressQuery::Allocations(vec![s.allocation.clone(), "eipalloc-0123456789abcdef0".into()]);
    let found: Vec<ElasticIp> = of(AddressQuery::Of(world.instance.clone())).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(of(known.clone()).await, found, "an unknown allocation is left out");
    let primary = fixture.interfaces().await.remove(0);
    let association = found[0].association.clone().unwrap();
    assert_eq!(found[0].allocation, s.allocation);
    assert_eq!((&association.interface, association.private_ip), (&primary.id, primary.private_ips[0]));

    writes.disassociate_address(&target, &association.id).await.unwrap();
    assert_eq!(of(known.clone()).await[0].association, None, "and still ours");
    assert_eq!(of(AddressQuery::Of(world.instance.clone())).await, []);
    let again = writes.disassociate_address(&target, &association.id).await;
    refused(again, "ec2:DisassociateAddress", ErrorKind::NotFound, "InvalidAssociationID.NotFound");

    let back = async || writes.associate_address(&target, &s.allocation, &primary.id, association.private_ip).await;
    back().await.unwrap();
    let now = of(known).await[0].association.clone().unwrap();
    assert_eq!((&now.interface, now.private_ip), (&association.interface, association.private_ip));
    back().await.unwrap();
    // It is never taken from where it points.
    let elsewhere = &world.interfaces[1];
    let other = fixture.interfaces().await.remove(1).private_ips[0];
    let taken = writes.associate_address(&target, &s.allocation, elsewhere, other).await;
    refused(taken, "ec2:AssociateAddress", ErrorKind::Conflict, "Resource.AlreadyAssociated");
    let gone = InterfaceId::new("eni-0123456789abcdef0");
    let nowhere = writes.associate_address(&target, &s.allocation, &gone, other).await;
    refused(nowhere, "ec2:AssociateAddress", ErrorKind::NotFound, "InvalidNetworkInterfaceID.NotFound");
}

pub(super) async fn a_volume_is_kept(fixture: &dyn Stand) {
    let world = fixture.world();
    let (writes, target) = (fixture.writes(), fixture.target());
    let volumes = async || {
        let query = InstanceQuery::Ids(vec![world.instance.clone()]);
        let mut found = fixture.cloud().reads().instances(&world.scope, &query).await.unwrap();
        found.remove(0).volumes
    };
    let before = volumes().await;
    for delete_on_termination in [false, true] {
        let volume = Volume { delete_on_termination, ..before[0].clone() };
        writes.set_delete_on_termination(&target, &world.instance, &volume).await.unwrap();
        let now = volumes().await;
        assert_eq!(now.iter().find(|v| v.id == volume.id), Some(&volume));
        assert_eq!(now[1..], before[1..], "one volume a call");
    }
}

pub(super) async fn a_group_is_opened_and_removed(fixture: &dyn Stand) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let id = writes.create_group(&target, &world.vpc, "open", "Everything", &Tags::new()).await.unwrap();
    let read = async || {
        let query = GroupQuery::Ids(vec![id.clone()]);
        fixture.cloud().reads().groups(&world.scope, &query).await.unwrap().into_iter().next()
    };
    let all = GroupRule::defaults();
    writes.authorize_ingress(&target, &id, &all).await.unwrap();
    let mut ingress = read().await.unwrap().ingress;
    ingress.sort();
    let mut expected = all.to_vec();
    expected.sort();
    assert_eq!(ingress, expected, "both families");
    let again = writes.authorize_ingress(&target, &id, &all[..1]).await;
    refused(again, "ec2:AuthorizeSecurityGroupIngress", ErrorKind::AlreadyExists, "InvalidPermission.Duplicate");

    writes.set_interface_groups(&target, &world.interfaces[2], std::slice::from_ref(&id)).await.unwrap();
    let held = writes.delete_group(&target, &id).await;
    refused(held, "ec2:DeleteSecurityGroup", ErrorKind::Conflict, "DependencyViolation");
    writes.set_interface_groups(&target, &world.interfaces[2], &world.groups[2..]).await.unwrap();
    writes.delete_group(&target, &id).await.unwrap();
    assert_eq!(read().await, None);
    let gone = writes.delete_group(&target, &id).await;
    refused(gone, "ec2:DeleteSecurityGroup", ErrorKind::NotFound, "InvalidGroup.NotFound");
}

macro_rules! checks {
    ($($check:ident),+ $(,)?) => {
        mod on_sandbox {
            $(#[tokio::test]
            async fn $check() {
                super::$check(&crate::contract::sandbox::Simulated::fresh()).await;
            })+
        }

        #[cfg(feature = "aws")]
        mod on_moto {
            $(#[tokio::test]
            async fn $check() {
                super::$check(&crate::contract::moto::Moto::fresh().await).await;
            })+
        }
    };
}

checks! {
    the_group_of_an_instance_is_known, an_instance_enters_standby_and_leaves_it,
    a_group_at_its_minimum_refuses_a_standby, an_instance_is_detached_and_attached,
    targets_are_registered_and_deregistered, classic_load_balancers_are_left_and_joined,
    an_address_is_taken_off_and_put_back, a_volume_is_kept, a_group_is_opened_and_removed,
}
