//! `DescribeNetworkInterfaces` and `ModifyNetworkInterfaceAttribute`.

use super::*;

#[tokio::test]
async fn groups_are_replaced_as_a_set_on_one_interface_alone() {
    let (sandbox, _) = sandbox();
    let web_1 = InstanceId::new(WEB_1);
    let before = interfaces(&sandbox, &payments(), &web_1).await;
    assert_eq!(before.iter().map(|i| (i.device_index, i.groups.len())).collect::<Vec<_>>(), [(0, 2), (1, 1)]);
    let db = group(&sandbox.world(), &payments(), "db");
    sandbox.set_interface_groups(&target(), &primary(), &[db.clone(), db.clone()]).await.unwrap();
    let after = interfaces(&sandbox, &payments(), &web_1).await;
    assert_eq!(after[0].groups.iter().collect::<Vec<_>>(), [&db]);
    assert_eq!(after[1], before[1]);
    let holding = InterfaceQuery::InGroup(db);
    let holding = sandbox.interfaces(&payments(), &holding).await.unwrap();
    assert!(holding.contains(&after[0]) && holding.contains(&after[1]));
}

#[tokio::test]
async fn what_ec2_refuses_is_refused_with_its_code_and_changes_nothing() {
    let (sandbox, _) = sandbox();
    let world = sandbox.world();
    let app = group(&world, &payments(), "app");
    let legacy = group(&world, &payments(), "legacy-all");
    let cases = [
        (WEB_1_PRIMARY, vec![GroupId::new("sg-0123456789abcdef0")], ErrorKind::NotFound, "InvalidGroup.NotFound"),
        (WEB_1_PRIMARY, vec![legacy], ErrorKind::NotFound, "InvalidGroup.NotFound"),
        (WEB_1_PRIMARY, vec![], ErrorKind::Invalid, "InvalidParameterValue"),
        ("eni-0123456789abcdef0", vec![app.clone()], ErrorKind::NotFound, "InvalidNetworkInterfaceID.NotFound"),
        ("eni-0e4500000000000b4", vec![app.clone()], ErrorKind::Denied, "AuthFailure"),
        ("eni-0e4500000000000a5", vec![app], ErrorKind::Conflict, "OperationNotPermitted"),
    ];
    for (interface, groups, kind, code) in cases {
        let interface = InterfaceId::new(interface);
        let error = sandbox.set_interface_groups(&target(), &interface, &groups).await.unwrap_err();
        assert_eq!(told(&error), (kind, code));
        assert_eq!((error.scope, error.resource), (Some(payments()), Some(interface.to_string())));
        assert!(!error.may_have_applied && !error.retryable);
    }
    assert_eq!(sandbox.world(), world);
}

#[tokio::test]
async fn five_groups_fit_by_default_and_sixteen_where_the_quota_was_raised() {
    let (sandbox, _) = sandbox();
    let add = |world: &mut World, scope: &Scope, vpc: &str, count: usize| -> Vec<GroupId> {
        let place = world.scopes.get_mut(scope).unwrap();
        let mut one = place.groups.values().find(|g| g.group.vpc.as_str() == vpc).unwrap().clone();
        let new = |n: usize| GroupId::new(format!("sg-{n:017x}"));
        (0..count)
            .map(|n| {
                one.group.id = new(n);
                one.group.name = format!("extra {n}");
                place.groups.insert(new(n), one.clone());
                new(n)
            })
            .collect()
    };
    let mut extra = Vec::new();
    sandbox.edit(|world| extra = add(world, &payments(), "vpc-0b7c1e2d3f4a50001", 6)).unwrap();
    sandbox.set_interface_groups(&target(), &primary(), &extra[..5]).await.unwrap();
    let error = sandbox.set_interface_groups(&target(), &primary(), &extra).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Conflict, "SecurityGroupsPerInterfaceLimitExceeded"));

    let (scope, router) = instance(&sandbox.world(), "router-1");
    assert_eq!(interfaces(&sandbox, &scope, &router).await[0].groups.len(), 13);
    let vpc = interfaces(&sandbox, &scope, &router).await[0].vpc.to_string();
    sandbox.edit(|world| extra = add(world, &build(), &vpc, 17)).unwrap();
    let interface = interfaces(&sandbox, &scope, &router).await[0].id.clone();
    sandbox.set_interface_groups(&Target::new(&scope), &interface, &extra[..16]).await.unwrap();
    let error = sandbox.set_interface_groups(&Target::new(&scope), &interface, &extra).await.unwrap_err();
    assert_eq!(error.code, "SecurityGroupsPerInterfaceLimitExceeded");
}

#[tokio::test]
async fn a_scope_that_is_not_ours_answers_as_aws_does() {
    let (sandbox, _) = sandbox();
    for (account, region, operation, code) in [
        // What is refused is the role, before the call gets anywhere.
        ("999999999999", "eu-central-1", "sts:AssumeRole", "AccessDenied"),
        ("111122223333", "ap-southeast-2", "ec2:DescribeNetworkInterfaces", "OptInRequired"),
    ] {
        let scope = Scope::parse(account, region).unwrap();
        let error = sandbox.interfaces(&scope, &InterfaceQuery::AttachedTo(vec![])).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::Denied, code));
        assert_eq!((error.operation.as_str(), error.scope.as_ref()), (operation, Some(&scope)));
        let target = Target::new(&scope);
        let error = sandbox.create_tags(&target, "i-0ab12cd34ef56ab78", &Tags::new()).await.unwrap_err();
        assert!(!error.may_have_applied && !error.retryable, "{error:?}");
    }
}
