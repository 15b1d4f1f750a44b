//! Security groups.

use super::*;
use crate::cloud::port::GroupQuery;
use crate::domain::{GroupRule, RulePeer, VpcId};

fn vpc() -> VpcId {
    VpcId::new("vpc-0b7c1e2d3f4a50001")
}

#[tokio::test]
async fn a_new_group_lets_everything_out_until_that_is_revoked() {
    let (sandbox, _) = sandbox();
    let given = tags([("lazaret", "quarantine")]);
    let id = sandbox.create_group(&target(), &vpc(), "lazaret-quarantine", "No traffic", &given).await.unwrap();
    let found = sandbox.groups(&payments(), &GroupQuery::Ids(vec![id.clone()])).await.unwrap();
    assert_eq!((found[0].ingress.len(), &found[0].egress), (0, &vec![GroupRule::all_egress()]));
    sandbox.revoke_egress(&target(), &id, &[GroupRule::all_egress()]).await.unwrap();
    let query = GroupQuery::Tagged(vpc(), "lazaret".into(), "quarantine".into());
    let found = sandbox.groups(&payments(), &query).await.unwrap();
    assert_eq!((found.len(), &found[0].id, found[0].egress.len()), (1, &id, 0));
    let error = sandbox.revoke_egress(&target(), &id, &[GroupRule::all_egress()]).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::NotFound, "InvalidPermission.NotFound"));
    let named = GroupQuery::Named(vpc(), "lazaret-quarantine".into());
    assert_eq!(sandbox.groups(&payments(), &named).await.unwrap(), found);
}

#[tokio::test]
async fn a_new_group_lets_everything_out_over_ipv6_too_where_the_vpc_has_it() {
    let (sandbox, _) = sandbox();
    let (scope, runner) = instance(&sandbox.world(), "stage-1");
    let vpc = interfaces(&sandbox, &scope, &runner).await[0].vpc.clone();
    let target = Target::new(&scope);
    let id = sandbox.create_group(&target, &vpc, "new", "New", &Tags::new()).await.unwrap();
    let query = GroupQuery::Ids(vec![id.clone()]);
    let egress = async || sandbox.groups(&scope, &query).await.unwrap()[0].egress.clone();
    assert_eq!(egress().await, [GroupRule::all_egress(), GroupRule::all_egress_v6()]);
    sandbox.revoke_egress(&target, &id, &[GroupRule::all_egress()]).await.unwrap();
    assert_eq!(egress().await, [GroupRule::all_egress_v6()]);
    // One that is there does not help one that is not.
    let both = [GroupRule::all_egress(), GroupRule::all_egress_v6()];
    let error = sandbox.revoke_egress(&target, &id, &both).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::NotFound, "InvalidPermission.NotFound"));
    sandbox.revoke_egress(&target, &id, &both[1..]).await.unwrap();
    assert!(egress().await.is_empty());
}

#[tokio::test]
async fn names_are_unique_in_a_vpc_and_within_the_rules() {
    let (sandbox, _) = sandbox();
    let world = sandbox.world();
    for (vpc, name, description, kind, code) in [
        (vpc(), "web", "x", ErrorKind::AlreadyExists, "InvalidGroup.Duplicate"),
        (vpc(), "default", "x", ErrorKind::Invalid, "InvalidGroup.Reserved"),
        (vpc(), "sg-new", "x", ErrorKind::Invalid, "InvalidParameterValue"),
        (vpc(), "né", "x", ErrorKind::Invalid, "InvalidParameterValue"),
        (vpc(), "new", "", ErrorKind::Invalid, "InvalidParameterValue"),
        (VpcId::new("vpc-0123456789abcdef0"), "new", "x", ErrorKind::NotFound, "InvalidVpcID.NotFound"),
    ] {
        let error = sandbox.create_group(&target(), &vpc, name, description, &Tags::new()).await.unwrap_err();
        assert_eq!(told(&error), (kind, code), "{name}");
    }
    assert_eq!(sandbox.world(), world, "a refused call gives out no id either");
    let other = VpcId::new("vpc-01e9ac70000000001");
    sandbox.create_group(&target(), &other, "web", "in another VPC", &Tags::new()).await.unwrap();
}

#[tokio::test]
async fn egress_rules_are_checked() {
    let (sandbox, _) = sandbox();
    let app = group(&sandbox.world(), &payments(), "app");
    let web = group(&sandbox.world(), &payments(), "web");
    let rule = GroupRule::https_to(web.clone());
    sandbox.authorize_egress(&target(), &app, std::slice::from_ref(&rule)).await.unwrap();
    let world = sandbox.world();
    let unknown = GroupId::new("sg-0123456789abcdef0");
    let odd = GroupRule { peer: RulePeer::Cidr("10.0.0.0/99".into()), ..rule.clone() };
    let many: Vec<GroupRule> =
        (1..70).map(|n| GroupRule { from_port: Some(n), to_port: Some(n), ..rule.clone() }).collect();
    for (rules, kind, code) in [
        (vec![rule], ErrorKind::AlreadyExists, "InvalidPermission.Duplicate"),
        (vec![GroupRule::https_to(unknown.clone())], ErrorKind::NotFound, "InvalidGroup.NotFound"),
        (vec![odd], ErrorKind::Invalid, "InvalidParameterValue"),
        (vec![], ErrorKind::Invalid, "MissingParameter"),
        (many, ErrorKind::Conflict, "RulesPerSecurityGroupLimitExceeded"),
    ] {
        let error = sandbox.authorize_egress(&target(), &app, &rules).await.unwrap_err();
        assert_eq!(told(&error), (kind, code));
    }
    let error = sandbox.revoke_egress(&target(), &unknown, &[GroupRule::all_egress()]).await.unwrap_err();
    assert_eq!(error.code, "InvalidGroup.NotFound");
    assert_eq!(sandbox.world(), world);
}

#[tokio::test]
async fn the_estate_has_quarantine_groups_of_both_kinds_and_ssm_endpoints() {
    let (sandbox, _) = sandbox();
    let tagged = |vpc: &str| GroupQuery::Tagged(VpcId::new(vpc), "lazaret".into(), "quarantine".into());
    let leaky = sandbox.groups(&payments(), &tagged("vpc-01e9ac70000000001")).await.unwrap();
    assert_eq!(leaky[0].ingress[0].to_string(), "tcp 22 10.0.0.0/8");
    assert!(sandbox.groups(&payments(), &tagged("vpc-0b7c1e2d3f4a50001")).await.unwrap().is_empty());
    let (scope, runner) = instance(&sandbox.world(), "build-7");
    let vpc = interfaces(&sandbox, &scope, &runner).await[0].vpc.clone();
    let endpoints = sandbox.vpc_endpoints(&scope, &vpc).await.unwrap();
    assert!(endpoints.iter().any(|e| e.service == "com.amazonaws.eu-central-1.ssm" && e.groups.len() == 1));
    assert!(sandbox.vpc_endpoints(&payments(), &super::groups::vpc()).await.unwrap().is_empty());
}

#[tokio::test]
async fn network_acls_and_their_counters_are_real_data() {
    let (sandbox, _) = sandbox();
    let acls = sandbox.network_acls(&payments(), &[]).await.unwrap();
    let data = acls.iter().find(|a| !a.is_default).unwrap();
    assert_eq!(data.denies().iter().map(|e| e.number).max(), Some(13));
    assert!(data.denies().iter().all(|e| (1..90).contains(&e.number) || e.is_ipv6()));
    let ipv6 = data.entries_of(crate::domain::AclDirection::Ingress, true);
    assert_eq!(ipv6.iter().map(|e| e.number).collect::<Vec<_>>(), [13, 101, 32768]);
    let counters = sandbox.parameters(&payments(), "/nacl").await.unwrap();
    assert!(counters.iter().any(|p| p.name == format!("/nacl/{}", data.id) && p.value == "13"));
    assert_eq!(sandbox.parameters(&payments(), "nacl").await.unwrap_err().code, "ValidationException");
    assert!(sandbox.parameters(&payments(), "/nac").await.unwrap().is_empty());
    let unknown = crate::domain::AclId::new("acl-0123456789abcdef0");
    assert_eq!(sandbox.network_acls(&payments(), &[unknown]).await.unwrap(), []);
    for acl in sandbox.network_acls(&payments(), std::slice::from_ref(&data.id)).await.unwrap() {
        assert_eq!(&acl, data);
    }
}
