//! Evidence: buckets, consoles, volumes, agents and their commands, and what keeps snapshots.

use super::{Fixture, USER_DATA, refused};
use chrono::{DateTime, Duration, Utc};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::{NewObject, ShellCommand};
use lazaret::domain::{InstanceId, LockMode, Retention, SnapshotId, Tags, VolumeId};

/// A name that no other test's bucket has: bucket names are one in the whole world.
fn bucket(fixture: &dyn Fixture, what: &str) -> String {
    format!("evidence-{}-{what}", fixture.world().scope.account)
}

fn object(bucket: &str, key: &str, body: &[u8]) -> NewObject {
    use sha2::{Digest, Sha256};
    let sha256 = Sha256::digest(body).iter().map(|b| format!("{b:02x}")).collect();
    let (bucket, key, body) = (bucket.to_owned(), key.to_owned(), body.to_vec());
    NewObject { bucket, key, body, sha256, kms_key: None, retain_until: None }
}

pub(super) async fn objects_are_kept_once_and_found_again(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let name = bucket(fixture, "plain");
    fixture.make_bucket(&name, false).await;
    let cloud = fixture.cloud();
    let reads = cloud.reads();
    let body: Vec<u8> = (0..=255).collect();
    let key = "lazaret/a b/\u{e9}/run/console/output.txt";
    assert_eq!(reads.head_object(&world.scope, &name, key).await, Ok(None));
    assert_eq!(reads.get_object(&world.scope, &name, key).await, Ok(None));
    let new = object(&name, key, &body);
    writes.put_object(&target, &new).await.unwrap();
    let head = reads.head_object(&world.scope, &name, key).await.unwrap().unwrap();
    assert_eq!((head.bytes, head.sha256), (256, Some(new.sha256.clone())));
    assert_eq!(reads.get_object(&world.scope, &name, key).await, Ok(Some(body)));
    // Never overwritten: not by the same bytes, and not by others.
    for again in [new.clone(), object(&name, key, b"others")] {
        let answer = writes.put_object(&target, &again).await;
        refused(answer, "s3:PutObject", ErrorKind::AlreadyExists, "PreconditionFailed");
    }
    assert_eq!(reads.head_object(&world.scope, &name, key).await.unwrap().unwrap().sha256, Some(new.sha256));
    writes.put_object(&target, &object(&name, "lazaret/a b/\u{e9}/run/empty", b"")).await.unwrap();
    writes.put_object(&target, &object(&name, "lazaret/other", b"x")).await.unwrap();
    let listed = reads.list_objects(&world.scope, &name, "lazaret/a b/").await.unwrap();
    assert_eq!(listed, [key, "lazaret/a b/\u{e9}/run/empty"]);
    assert_eq!(reads.list_objects(&world.scope, &name, "nothing/").await, Ok(vec![]));
}

pub(super) async fn a_bucket_says_how_it_locks(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let cloud = fixture.cloud();
    let reads = cloud.reads();
    let (plain, locked) = (bucket(fixture, "plain"), bucket(fixture, "locked"));
    fixture.make_bucket(&plain, false).await;
    fixture.make_bucket(&locked, true).await;
    assert_eq!(reads.object_lock(&world.scope, &plain).await, Ok(None));
    let lock = reads.object_lock(&world.scope, &locked).await.unwrap().unwrap();
    assert_eq!(lock.default, Some(Retention { mode: LockMode::Governance, days: 30 }));
    let gone = bucket(fixture, "gone");
    let answer = reads.object_lock(&world.scope, &gone).await;
    refused(answer, "s3:GetObjectLockConfiguration", ErrorKind::NotFound, "NoSuchBucket");
    // What is kept with a retention of its own is kept like anything else.
    let until: DateTime<Utc> = "2999-01-01T00:00:00Z".parse().unwrap();
    let new = NewObject { retain_until: Some((LockMode::Governance, until)), ..object(&locked, "lazaret/x", b"x") };
    writes.put_object(&target, &new).await.unwrap();
    assert_eq!(reads.get_object(&world.scope, &locked, "lazaret/x").await, Ok(Some(b"x".to_vec())));
    let answer =
        writes.put_object(&target, &NewObject { body: b"y".to_vec(), ..object(&locked, "lazaret/x", b"y") }).await;
    refused(answer, "s3:PutObject", ErrorKind::AlreadyExists, "PreconditionFailed");
}

pub(super) async fn anothers_bucket_is_refused(fixture: &dyn Fixture) {
    let (world, writes) = (fixture.world(), fixture.writes());
    let name = bucket(fixture, "ours");
    fixture.make_bucket(&name, false).await;
    let cloud = fixture.cloud();
    let answer = cloud.reads().object_lock(&world.other, &name).await;
    refused(answer, "s3:GetObjectLockConfiguration", ErrorKind::Denied, "AccessDenied");
    let target = lazaret::cloud::port::Target::new(&world.other);
    let answer = writes.put_object(&target, &object(&name, "lazaret/x", b"x")).await;
    refused(answer, "s3:PutObject", ErrorKind::Denied, "AccessDenied");
    assert_eq!(cloud.reads().list_objects(&world.scope, &name, "").await, Ok(vec![]));
}

pub(super) async fn consoles_are_captured(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let reads = cloud.reads();
    let picture = reads.console_screenshot(&world.scope, &world.instance).await.unwrap();
    assert_eq!(picture[..3], [0xFF, 0xD8, 0xFF], "a JPEG");
    for latest in [true, false] {
        let output = reads.console_output(&world.scope, &world.instance, latest).await.unwrap();
        assert!(!output.bytes.is_empty() && output.at.is_some(), "{output:?}");
        assert!(String::from_utf8(output.bytes).unwrap().contains("Linux version"));
    }
    let gone = InstanceId::new("i-0123456789abcdef0");
    let answer = reads.console_output(&world.scope, &gone, false).await;
    refused(answer, "ec2:GetConsoleOutput", ErrorKind::NotFound, "InvalidInstanceID.NotFound");
    let answer = reads.console_screenshot(&world.scope, &gone).await;
    refused(answer, "ec2:GetConsoleScreenshot", ErrorKind::NotFound, "InvalidInstanceID.NotFound");
}

pub(super) async fn user_data_is_read_as_it_is_kept(fixture: &dyn Fixture) {
    let (world, reads) = (fixture.world(), fixture.cloud().reads().clone());
    assert_eq!(reads.user_data(&world.scope, &world.instance).await, Ok(Some(USER_DATA.to_owned())));
    let gone = InstanceId::new("i-0123456789abcdef0");
    let answer = reads.user_data(&world.scope, &gone).await;
    refused(answer, "ec2:DescribeInstanceAttribute", ErrorKind::NotFound, "InvalidInstanceID.NotFound");
}

pub(super) async fn volumes_are_described_by_themselves(fixture: &dyn Fixture) {
    let (world, cloud) = (fixture.world(), fixture.cloud());
    let mut ids: Vec<VolumeId> = world.volumes.iter().cloned().collect();
    ids.push(VolumeId::new("vol-0123456789abcdef0"));
    let found = cloud.reads().volumes(&world.scope, &ids).await.unwrap();
    assert_eq!(found.iter().map(|v| v.id.clone()).collect::<std::collections::BTreeSet<_>>(), world.volumes);
    for volume in found {
        assert_eq!((volume.state.as_str(), volume.size_gib, volume.encrypted), ("in-use", 8, false), "{volume:?}");
        assert!(volume.kms_key.is_none() && !volume.volume_type.is_empty(), "{volume:?}");
    }
    assert_eq!(cloud.reads().volumes(&world.scope, &[]).await, Ok(vec![]));
}

fn command(fixture: &dyn Fixture, comment: &str) -> ShellCommand {
    ShellCommand {
        instance: fixture.world().instance.clone(),
        script: "#!/bin/sh\n# lazaret: processes\nps\n".into(),
        comment: comment.into(),
        seconds: 60,
        upload: None,
    }
}

pub(super) async fn a_script_runs_and_is_found_by_its_comment(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let cloud = fixture.cloud();
    let reads = cloud.reads();
    fixture.start_agent().await;
    let agent = reads.agent(&world.scope, &world.instance).await.unwrap().unwrap();
    assert!(agent.is_online() && agent.has_a_shell() && !agent.version.is_empty(), "{agent:?}");
    let id = writes.send_command(&target, &command(fixture, "lazaret RUN processes")).await.unwrap();
    writes.send_command(&target, &command(fixture, "somebody else")).await.unwrap();
    // moto's clock is the machine's, and the sandbox's stands at the scenario's beginning.
    let long_ago: DateTime<Utc> = "2020-01-01T00:00:00Z".parse().unwrap();
    let sent = reads.commands_since(&world.scope, &world.instance, long_ago).await.unwrap();
    assert_eq!(sent.len(), 2, "{sent:?}");
    let ours = sent.iter().find(|i| i.comment == "lazaret RUN processes").unwrap();
    assert_eq!(ours.command, id);
    let later = ours.at.unwrap() + Duration::hours(1);
    assert_eq!(reads.commands_since(&world.scope, &world.instance, later).await, Ok(vec![]));
    let other = InstanceId::new("i-0123456789abcdef0");
    assert_eq!(reads.commands_since(&world.scope, &other, long_ago).await, Ok(vec![]));
    let result = reads.command_result(&world.scope, &id, &world.instance).await.unwrap().unwrap();
    assert!(result.has_ended() && result.status == "Success" && result.code == 0, "{result:?}");
    assert_eq!(reads.command_result(&world.scope, &id, &other).await, Ok(None));
}

pub(super) async fn no_command_goes_where_no_agent_is(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    assert_eq!(fixture.cloud().reads().agent(&world.scope, &world.instance).await, Ok(None));
    let answer = writes.send_command(&target, &command(fixture, "lazaret RUN processes")).await;
    refused(answer, "ssm:SendCommand", ErrorKind::Invalid, "InvalidInstanceId");
}

pub(super) async fn snapshots_are_kept(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let tags: Tags = [("LazaretRun".to_owned(), "RUN".to_owned())].into();
    let made = writes.create_snapshots(&target, &world.instance, "lazaret", &tags).await.unwrap();
    let (id, lock) = (&made[0].id, Retention { mode: LockMode::Governance, days: 14 });
    // Setting the same twice is setting it once.
    for _ in 0..2 {
        writes.lock_snapshot(&target, id, lock).await.unwrap();
        writes.share_snapshot(&target, id, &["444455556666".parse().unwrap()]).await.unwrap();
    }
    let gone = SnapshotId::new("snap-0123456789abcdef0");
    let answer = writes.lock_snapshot(&target, &gone, lock).await;
    refused(answer, "ec2:LockSnapshot", ErrorKind::NotFound, "InvalidSnapshot.NotFound");
    let answer = writes.share_snapshot(&target, &gone, &["444455556666".parse().unwrap()]).await;
    refused(answer, "ec2:ModifySnapshotAttribute", ErrorKind::NotFound, "InvalidSnapshot.NotFound");
    let answer = writes.copy_snapshot(&target, &gone, "alias/evidence", "copy", &tags).await;
    refused(answer, "ec2:CopySnapshot", ErrorKind::NotFound, "InvalidSnapshot.NotFound");
    // moto's snapshots are completed at once; the sandbox's take their time, as real ones do.
    let copied = writes
        .copy_snapshot(&target, id, "alias/evidence", "copy", &[("LazaretCopyOf".into(), id.to_string())].into())
        .await;
    match copied {
        Ok(copy) => {
            let found = fixture.cloud().reads().snapshots(&world.scope, "LazaretCopyOf", id.as_str()).await.unwrap();
            assert_eq!(found.iter().map(|s| &s.id).collect::<Vec<_>>(), [&copy]);
            assert!(found[0].kms_key.is_some(), "{found:?}");
        }
        error => refused(error, "ec2:CopySnapshot", ErrorKind::Conflict, "IncorrectState"),
    }
}
