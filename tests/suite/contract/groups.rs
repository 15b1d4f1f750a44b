//! Security groups and what stands around them in a VPC.

use super::{Fixture, refused};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::{GroupQuery, VpcEndpoint};
use lazaret::domain::{GroupId, GroupRule, RulePeer, SecurityGroup, Tags, VpcId};

async fn group(fixture: &dyn Fixture, id: &GroupId) -> SecurityGroup {
    let query = GroupQuery::Ids(vec![id.clone()]);
    let found = fixture.cloud().reads().groups(&fixture.world().scope, &query).await.unwrap();
    found.into_iter().next().unwrap()
}

async fn made(fixture: &dyn Fixture) -> GroupId {
    let tags = Tags::from([("lazaret".to_owned(), "quarantine".to_owned())]);
    let vpc = &fixture.world().vpc;
    fixture.writes().create_group(&fixture.target(), vpc, "quarantine", "Nothing in or out", &tags).await.unwrap()
}

pub(super) async fn groups_are_found(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let [web, app, db] = &world.groups;
    let (gone, elsewhere) = (GroupId::new("sg-0123456789abcdef0"), VpcId::new("vpc-0123456789abcdef0"));
    for (query, mut expected) in [
        (GroupQuery::Ids(vec![web.clone(), gone.clone(), app.clone()]), vec![web, app]),
        (GroupQuery::Ids(vec![gone]), vec![]),
        (GroupQuery::Ids(vec![]), vec![]),
        (GroupQuery::Named(world.vpc.clone(), "app".into()), vec![app]),
        (GroupQuery::Named(world.vpc.clone(), "ap".into()), vec![]),
        (GroupQuery::Named(elsewhere.clone(), "app".into()), vec![]),
        (GroupQuery::Tagged(world.vpc.clone(), "Tier".into(), "data".into()), vec![db]),
        (GroupQuery::Tagged(world.vpc.clone(), "Tier".into(), "dat".into()), vec![]),
        (GroupQuery::Tagged(elsewhere, "Tier".into(), "data".into()), vec![]),
    ] {
        let found = cloud.reads().groups(&world.scope, &query).await.unwrap();
        let mut ids: Vec<&GroupId> = found.iter().map(|g| &g.id).collect();
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected, "{query:?}");
        assert!(found.iter().all(|g| g.vpc == world.vpc && !g.name.is_empty()), "{found:?}");
    }
}

pub(super) async fn a_group_is_made_once(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let id = made(fixture).await;
    let found = group(fixture, &id).await;
    assert_eq!((found.name.as_str(), &found.vpc), ("quarantine", &world.vpc));
    assert_eq!(found.tags.get("lazaret").map(String::as_str), Some("quarantine"));
    // EC2 lets a new group talk to everybody.
    assert_eq!((found.ingress, found.egress), (vec![], vec![GroupRule::all_egress()]));

    let again = writes.create_group(&target, &world.vpc, "quarantine", "again", &Tags::new()).await;
    refused(again, "ec2:CreateSecurityGroup", ErrorKind::AlreadyExists, "InvalidGroup.Duplicate");
    let nowhere = VpcId::new("vpc-0123456789abcdef0");
    let answer = writes.create_group(&target, &nowhere, "other", "elsewhere", &Tags::new()).await;
    refused(answer, "ec2:CreateSecurityGroup", ErrorKind::NotFound, "InvalidVpcID.NotFound");
}

pub(super) async fn egress_is_revoked_and_authorized(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let id = made(fixture).await;
    writes.revoke_egress(&target, &id, &[GroupRule::all_egress()]).await.unwrap();
    assert_eq!(group(fixture, &id).await.egress, []);
    let again = writes.revoke_egress(&target, &id, &[GroupRule::all_egress()]).await;
    refused(again, "ec2:RevokeSecurityGroupEgress", ErrorKind::NotFound, "InvalidPermission.NotFound");

    let https = GroupRule::https_to(world.groups[1].clone());
    writes.authorize_egress(&target, &id, std::slice::from_ref(&https)).await.unwrap();
    assert_eq!(group(fixture, &id).await.egress, std::slice::from_ref(&https));
    let again = writes.authorize_egress(&target, &id, std::slice::from_ref(&https)).await;
    refused(again, "ec2:AuthorizeSecurityGroupEgress", ErrorKind::AlreadyExists, "InvalidPermission.Duplicate");
    writes.revoke_egress(&target, &id, &[https]).await.unwrap();
    assert_eq!(group(fixture, &id).await.egress, []);
}

pub(super) async fn rules_are_read_peer_by_peer(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let id = made(fixture).await;
    writes.revoke_egress(&target, &id, &[GroupRule::all_egress()]).await.unwrap();
    let tcp = |peer| GroupRule { protocol: "tcp".into(), from_port: Some(8000), to_port: Some(8080), peer };
    let mut rules = vec![
        tcp(RulePeer::Cidr("10.1.0.0/16".into())),
        tcp(RulePeer::Cidr("192.0.2.0/24".into())),
        tcp(RulePeer::Cidr("2001:db8::/32".into())),
        tcp(RulePeer::Group(world.groups[0].clone())),
    ];
    writes.authorize_egress(&target, &id, &rules).await.unwrap();
    let mut found = group(fixture, &id).await.egress;
    found.sort();
    rules.sort();
    assert_eq!(found, rules);
}

pub(super) async fn endpoints_are_listed(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let found = cloud.reads().vpc_endpoints(&world.scope, &world.vpc).await.unwrap();
    let expected = VpcEndpoint {
        id: world.endpoint.clone(),
        service: format!("com.amazonaws.{}.ssm", world.scope.region),
        groups: vec![world.groups[1].clone()],
    };
    assert_eq!(found, [expected]);
    let nowhere = VpcId::new("vpc-0123456789abcdef0");
    assert_eq!(cloud.reads().vpc_endpoints(&world.scope, &nowhere).await, Ok(vec![]));
}

#[test]
fn a_group_with_a_rule_that_is_not_understood_is_not_closed() {
    let rule = GroupRule { peer: RulePeer::Other("an unknown peer".into()), ..GroupRule::all_egress() };
    let group = SecurityGroup {
        id: GroupId::new("sg-0ab12cd34ef56ab78"),
        name: "lazaret-quarantine".into(),
        vpc: VpcId::new("vpc-0ab12cd34ef56ab78"),
        ingress: vec![],
        egress: vec![rule, GroupRule::all_egress_v6()],
        tags: Tags::new(),
    };
    let leaks = lazaret::playbook::change::leaks(&group, &std::collections::BTreeSet::new());
    assert_eq!(leaks, ["egress all protocols an unknown peer", "egress all protocols ::/0"]);
}
