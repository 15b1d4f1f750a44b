//! Snapshots, messages, parameters and network ACLs.

use super::{Fixture, PARAMETERS, refused};
use lazaret::cloud::ErrorKind;
use lazaret::domain::{AclAction, AclDirection, AclEntry, InstanceId, Tags, VolumeId};
use std::collections::BTreeSet;

pub(super) async fn all_volumes_are_snapshotted(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let incident = "arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f1";
    let tags: Tags = [("Purpose", "Forensic"), ("IncidentId", incident)].map(|(k, v)| (k.into(), v.into())).into();
    let made = writes.create_snapshots(&target, &world.instance, "lazaret", &tags).await.unwrap();
    assert_eq!(made.iter().map(|s| s.volume.clone()).collect::<BTreeSet<VolumeId>>(), world.volumes);
    let cloud = fixture.cloud();
    let mut found = cloud.reads().snapshots(&world.scope, "IncidentId", incident).await.unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let mut ids: Vec<_> = made.iter().map(|s| s.id.clone()).collect();
    ids.sort();
    assert_eq!(found.iter().map(|s| s.id.clone()).collect::<Vec<_>>(), ids);
    for snapshot in found {
        assert!(world.volumes.contains(&snapshot.volume) && snapshot.started_at.is_some(), "{snapshot:?}");
        assert!(["pending", "completed"].contains(&snapshot.state.as_str()), "{snapshot:?}");
        assert_eq!(snapshot.tags, tags);
    }
    assert_eq!(cloud.reads().snapshots(&world.scope, "IncidentId", "arn:*").await, Ok(vec![]));
    let answer = writes.create_snapshots(&target, &InstanceId::new("i-0123456789abcdef0"), "x", &tags).await;
    refused(answer, "ec2:CreateSnapshots", ErrorKind::NotFound, "InvalidInstanceID.NotFound");
}

pub(super) async fn a_message_lands(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let body = "{\"note\": \"line\\nand a snowman \u{2603}\"}";
    let id = writes.publish(&target, &world.topic, "quarantined i-0ab12", body).await.unwrap();
    assert_eq!(fixture.published().await, [(id, "quarantined i-0ab12".to_owned(), body.to_owned())]);
}

pub(super) async fn an_unknown_topic_is_refused(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let gone = format!("{}-gone", world.topic);
    refused(writes.publish(&target, &gone, "s", "b").await, "sns:Publish", ErrorKind::NotFound, "NotFound");
    let answer = writes.publish(&target, &world.topic, &"s".repeat(101), "b").await;
    refused(answer, "sns:Publish", ErrorKind::Invalid, "InvalidParameter");
    assert_eq!(fixture.published().await, []);
}

pub(super) async fn parameters_are_read_over_pages(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let found = cloud.reads().parameters(&world.scope, "/nacl").await.unwrap();
    let values: BTreeSet<(String, String)> = found.iter().map(|p| (p.name.clone(), p.value.clone())).collect();
    let expected = (0..PARAMETERS).map(|n| (format!("/nacl/acl-{n:08x}"), n.to_string()));
    assert_eq!(values, expected.collect());
    assert_eq!(found.len(), PARAMETERS);
    assert!(found.iter().all(|p| p.version == 1 && p.modified_at.is_some()), "{found:?}");
    assert_eq!(cloud.reads().parameters(&world.scope, "/nothing").await, Ok(vec![]));
}

pub(super) async fn network_acls_are_read(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let reads = cloud.reads();
    let found = reads.network_acls(&world.scope, std::slice::from_ref(&world.acl)).await.unwrap();
    let [acl] = &found[..] else { panic!("{found:?}") };
    assert!(acl.is_default && acl.vpc == world.vpc && acl.subnets == [world.subnet.clone()], "{acl:?}");
    let deny = AclEntry {
        number: 50,
        direction: AclDirection::Ingress,
        action: AclAction::Deny,
        protocol: "6".into(),
        cidr: "198.51.100.7/32".into(),
        ports: Some((0, 65535)),
    };
    assert_eq!(acl.denies(), [&deny]);
    for direction in [AclDirection::Ingress, AclDirection::Egress] {
        let last = acl.entries_of(direction, false).last().copied().cloned().unwrap();
        assert_eq!((last.number, last.action), (AclEntry::FINAL, AclAction::Deny));
    }
    let all = reads.network_acls(&world.scope, &[]).await.unwrap();
    assert!(all.iter().any(|a| a.id == world.acl), "{all:?}");
}
