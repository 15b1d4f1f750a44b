//! The world in a file that several processes share.

use super::*;
use std::thread;

fn open(path: &std::path::Path, seed: Option<u64>) -> Arc<Sandbox> {
    let scenario = Scenario::load("crypto-mining").unwrap();
    let sandbox = Sandbox::open(path, scenario, seed, Arc::new(ManualClock::new(start()))).unwrap();
    sandbox.set_behaviour(Default::default());
    sandbox
}

#[tokio::test]
async fn two_handles_share_one_world() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.db");
    let (one, two) = (open(&file, None), open(&file, None));
    one.create_tags(&target(), WEB_1, &tags([("k", "v")])).await.unwrap();
    let (scope, id) = instance(&two.world(), "web-1");
    let all = crate::cloud::port::InstanceQuery::Ids(vec![id]);
    assert_eq!(two.instances(&scope, &all).await.unwrap()[0].tags.get("k").map(String::as_str), Some("v"));
    two.create_tags(&target(), WEB_1, &tags([("l", "w")])).await.unwrap();
    assert_eq!(one.world(), two.world());
    drop((one, two));
    let again = open(&file, None);
    assert_eq!(again.instances(&scope, &all).await.unwrap()[0].tags.get("l").map(String::as_str), Some("w"));
    again.reset().unwrap();
    assert_eq!(again.world(), Scenario::load("crypto-mining").unwrap().build(start(), 7).unwrap());
}

#[test]
fn no_change_is_lost_between_processes_that_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.db");
    open(&file, None);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let file = file.clone();
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let sandbox = open(&file, None);
                    for n in 0..8 {
                        sandbox.publish(&target(), TOPIC, &format!("{writer} {n}"), "b").await.unwrap();
                    }
                });
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let world = open(&file, None).world();
    let messages = &world.scopes[&payments()].topics[TOPIC].messages;
    let mut ids: Vec<&str> = messages.iter().map(|m| m.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((messages.len(), ids.len(), world.made), (32, 32, 32));
}

#[test]
fn several_processes_may_make_the_file_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sandbox.db");
        let openers: Vec<_> = (0..4)
            .map(|_| {
                let file = file.clone();
                thread::spawn(move || open(&file, None).world())
            })
            .collect();
        let worlds: Vec<World> = openers.into_iter().map(|opener| opener.join().unwrap()).collect();
        assert!(worlds.iter().all(|world| *world == worlds[0]));
    }
}

#[test]
fn a_refused_call_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.db");
    let sandbox = open(&file, None);
    let before = sandbox.world();
    assert!(sandbox.terminate(&payments(), &InstanceId::new("i-0123456789abcdef0")).is_err());
    assert_eq!(open(&file, None).world(), before);
}

#[test]
fn another_seed_begins_another_world_and_no_seed_takes_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.db");
    assert_eq!(open(&file, Some(3)).world().seed, 3);
    assert_eq!(open(&file, None).world().seed, 3);
    assert_eq!(open(&file, Some(4)).world().seed, 4);
}

#[test]
fn scenarios_share_a_file_without_touching_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.db");
    let mining = open(&file, None);
    mining.edit(|world| world.made = 99).unwrap();
    let other = Scenario::load("ssh-brute-force").unwrap();
    let other = Sandbox::open(&file, other, None, Arc::new(ManualClock::new(start()))).unwrap();
    assert_eq!((other.world().made, mining.world().made), (0, 99));
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "not a database, and long enough to be taken for one if nobody looks at its first bytes")
        .unwrap();
    let scenario = Scenario::load("crypto-mining").unwrap();
    let error = Sandbox::open(&file, scenario, None, Arc::new(ManualClock::new(start()))).err().unwrap();
    assert!(error.to_string().contains("notes.txt"), "{error}");
}

#[test]
fn a_world_survives_being_written_down() {
    let world = world();
    let json = serde_json::to_string(&world).unwrap();
    assert_eq!(serde_json::from_str::<World>(&json).unwrap(), world);
}

#[tokio::test]
async fn in_memory_a_reset_goes_back_to_the_world_given() {
    let (sandbox, _) = sandbox();
    let before = sandbox.world();
    sandbox.create_tags(&target(), WEB_1, &tags([("k", "v")])).await.unwrap();
    sandbox.publish(&target(), TOPIC, "s", "b").await.unwrap();
    assert_ne!(sandbox.world(), before);
    sandbox.delete_tags(&target(), WEB_1, &tags([("k", "v")])).await.unwrap();
    assert_ne!(sandbox.world(), before);
    assert_eq!(sandbox.world().restorable(), before.restorable(), "messages are nothing that a restore takes back");
    sandbox.reset().unwrap();
    assert_eq!(sandbox.world(), before);
}
