//! Network interfaces and the groups on them: the heart of an isolation.

use super::{Fixture, refused};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::InterfaceQuery;
use lazaret::domain::{GroupId, InstanceId, InterfaceId};
use std::collections::BTreeSet;

fn set(groups: &[&GroupId]) -> BTreeSet<GroupId> {
    groups.iter().map(|g| (*g).clone()).collect()
}

pub(super) async fn each_interface_shows_its_own_groups(fixture: &dyn Fixture) {
    let world = fixture.world();
    let [web, app, db] = &world.groups;
    let found = fixture.interfaces().await;
    let ids: Vec<&InterfaceId> = found.iter().map(|i| &i.id).collect();
    assert_eq!(ids, world.interfaces.iter().collect::<Vec<_>>());
    assert_eq!(found.iter().map(|i| i.device_index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(fixture.groups_on().await, [set(&[web, app]), set(&[app]), set(&[db])]);
    for interface in &found {
        assert_eq!(interface.instance.as_ref(), Some(&world.instance));
        assert_eq!((&interface.vpc, &interface.subnet), (&world.vpc, &world.subnet));
        assert!(!interface.requester_managed && interface.operator.is_none());
        assert!(!interface.private_ips.is_empty(), "{interface:?}");
    }
    let query = InterfaceQuery::AttachedTo(vec![InstanceId::new("i-0123456789abcdef0")]);
    assert_eq!(fixture.cloud().reads().interfaces(&world.scope, &query).await, Ok(vec![]));
    let query = InterfaceQuery::AttachedTo(vec![]);
    assert_eq!(fixture.cloud().reads().interfaces(&world.scope, &query).await, Ok(vec![]));
}

pub(super) async fn interfaces_are_found_by_group(fixture: &dyn Fixture) {
    let world = fixture.world();
    let [web, app, db] = &world.groups;
    let [first, second, third] = &world.interfaces;
    for (group, expected) in [(web, vec![first]), (app, vec![first, second]), (db, vec![third])] {
        let query = InterfaceQuery::InGroup(group.clone());
        let mut found = fixture.cloud().reads().interfaces(&world.scope, &query).await.unwrap();
        // An endpoint's own interface may hold the group too.
        found.retain(|i| i.instance.as_ref() == Some(&world.instance));
        assert_eq!(found.iter().map(|i| &i.id).collect::<Vec<_>>(), expected, "{group}");
    }
}

pub(super) async fn groups_on_an_interface_are_replaced_whole(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let [web, app, db] = &world.groups;
    let [first, second, _] = &world.interfaces;
    writes.set_interface_groups(&target, first, std::slice::from_ref(db)).await.unwrap();
    assert_eq!(fixture.groups_on().await, [set(&[db]), set(&[app]), set(&[db])]);
    // Setting what stands there already is no error.
    writes.set_interface_groups(&target, first, std::slice::from_ref(db)).await.unwrap();
    writes.set_interface_groups(&target, second, &[web.clone(), app.clone(), db.clone()]).await.unwrap();
    assert_eq!(fixture.groups_on().await, [set(&[db]), set(&[web, app, db]), set(&[db])]);
    writes.set_interface_groups(&target, first, &[app.clone(), web.clone()]).await.unwrap();
    writes.set_interface_groups(&target, second, std::slice::from_ref(app)).await.unwrap();
    assert_eq!(fixture.groups_on().await, [set(&[web, app]), set(&[app]), set(&[db])]);
}

pub(super) async fn an_unknown_group_changes_nothing(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let before = fixture.groups_on().await;
    let gone = GroupId::new("sg-0123456789abcdef0");
    for groups in [vec![gone.clone()], vec![world.groups[0].clone(), gone]] {
        let answer = writes.set_interface_groups(&target, &world.interfaces[0], &groups).await;
        let error = answer.clone().unwrap_err();
        assert_eq!(error.resource.as_deref(), Some(world.interfaces[0].as_str()));
        refused(answer, "ec2:ModifyNetworkInterfaceAttribute", ErrorKind::NotFound, "InvalidGroup.NotFound");
    }
    assert_eq!(fixture.groups_on().await, before);
}

pub(super) async fn an_unknown_interface_is_refused(fixture: &dyn Fixture) {
    let gone = InterfaceId::new("eni-0123456789abcdef0");
    let answer = fixture.writes().set_interface_groups(&fixture.target(), &gone, &fixture.world().groups[..1]).await;
    let code = "InvalidNetworkInterfaceID.NotFound";
    refused(answer, "ec2:ModifyNetworkInterfaceAttribute", ErrorKind::NotFound, code);
}
