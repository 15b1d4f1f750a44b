//! `CreateTags` and `DeleteTags`.

use super::*;

fn of(sandbox: &Sandbox, interface: &str) -> Tags {
    sandbox.world().scopes[&payments()].interfaces[&InterfaceId::new(interface)].tags.clone()
}

#[tokio::test]
async fn tags_are_added_overwritten_and_removed_by_value() {
    let (sandbox, _) = sandbox();
    let resource = WEB_1_PRIMARY;
    sandbox.create_tags(&target(), resource, &tags([("a", "1"), ("b", "2")])).await.unwrap();
    sandbox.create_tags(&target(), resource, &tags([("b", "3")])).await.unwrap();
    assert_eq!(of(&sandbox, resource), tags([("a", "1"), ("b", "3")]));
    sandbox.delete_tags(&target(), resource, &tags([("a", "1"), ("b", "2"), ("c", "")])).await.unwrap();
    assert_eq!(of(&sandbox, resource), tags([("b", "3")]), "a tag with another value stays");
}

#[tokio::test]
async fn limits_are_aws_s() {
    let (sandbox, _) = sandbox();
    let world = sandbox.world();
    let long = |n: usize| "é".repeat(n);
    sandbox.create_tags(&target(), WEB_1_SECOND, &tags([(&long(128), &long(256))])).await.unwrap();
    sandbox.set_world(world.clone()).unwrap();
    for bad in [
        tags([(&long(129), "")]),
        tags([("k", &long(257))]),
        tags([("", "v")]),
        tags([("aws:x", "v")]),
        tags([("AWS:x", "v")]),
    ] {
        let error = sandbox.create_tags(&target(), WEB_1_PRIMARY, &bad).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::Invalid, "InvalidParameterValue"));
    }
    let full = instance(&world, "inventory-50").1;
    let error = sandbox.create_tags(&target(), full.as_str(), &tags([("one", "more")])).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Conflict, "TagLimitExceeded"));
    assert_eq!(sandbox.world(), world);
    sandbox.create_tags(&target(), full.as_str(), &tags([("Owner", "somebody else")])).await.unwrap();
}

#[tokio::test]
async fn aws_s_own_tags_don_t_count() {
    let (sandbox, _) = sandbox();
    let (_, grouped) = instance(&sandbox.world(), "web-3");
    let many: Tags = (0..47).map(|n| (format!("k{n}"), String::new())).collect();
    sandbox.create_tags(&target(), grouped.as_str(), &many).await.unwrap();
    let state = sandbox.world().scopes[&payments()].instances[&grouped].clone();
    assert_eq!(state.instance.tags.len(), 51, "Name, Owner, 47 and two of aws:");
    sandbox.create_tags(&target(), grouped.as_str(), &tags([("the", "fiftieth")])).await.unwrap();
    assert!(sandbox.create_tags(&target(), grouped.as_str(), &tags([("one", "more")])).await.is_err());
}

#[tokio::test]
async fn each_kind_of_resource_has_its_own_code() {
    let (sandbox, _) = sandbox();
    for (kind, code) in [
        ("i", "InvalidInstanceID.NotFound"),
        ("eni", "InvalidNetworkInterfaceID.NotFound"),
        ("sg", "InvalidGroup.NotFound"),
        ("snap", "InvalidSnapshot.NotFound"),
        ("vol", "InvalidVolume.NotFound"),
        ("vpc", "InvalidVpcID.NotFound"),
        ("subnet", "InvalidSubnetID.NotFound"),
        ("acl", "InvalidNetworkAclID.NotFound"),
        ("xyz", "InvalidID"),
    ] {
        let id = format!("{kind}-0123456789abcdef0");
        let error = sandbox.create_tags(&target(), &id, &tags([("k", "v")])).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::NotFound, code));
        assert!(sandbox.delete_tags(&target(), &id, &tags([("k", "v")])).await.is_err());
    }
    for id in ["vol-0aeb100000000000a", "vpc-0b7c1e2d3f4a50001", "subnet-0a11000000000001a", WEB_1] {
        sandbox.create_tags(&target(), id, &tags([("k", "v")])).await.unwrap_or_else(|error| panic!("{error}"));
    }
}
