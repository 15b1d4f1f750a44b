//! Evidence first: what is captured on an instance before its isolation cuts the agent off.

use super::{bad, in_bucket, in_folder, let_time_pass};
use crate::support::bench::{Bench, message, outcome};
use lazaret::cloud::sandbox::{Behaviour, CallRecord, Fault, FaultKind};
use lazaret::engine::{Consent, RunReport};
use lazaret::ledger::Outcome;
use lazaret::playbook::Script;
use lazaret::policy::{ForensicsPolicy, VolatileEvidence};
use std::collections::BTreeSet;
use std::path::Path;

/// A bench whose quarantines run the scripts first.
fn evidence_first(bench: &Bench, folder: &Path) -> Bench {
    let mut bench = bench.clone();
    bench.policy.evidence_first = true;
    bench.policy.volatile = Some(VolatileEvidence { vault: in_folder(folder), otherwise: None, seconds: 60 });
    bench
}

fn first(calls: &[CallRecord], operation: &str) -> std::time::Duration {
    calls.iter().filter(|c| c.operation == operation).map(|c| c.started.elapsed).min().unwrap()
}

fn last(calls: &[CallRecord], operation: &str) -> std::time::Duration {
    calls.iter().filter(|c| c.operation == operation).map(|c| c.started.elapsed).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn volatile_evidence_comes_before_the_isolation_that_cuts_the_agent_off() {
    let folder = tempfile::tempdir().unwrap();
    let bench = evidence_first(&Bench::new("crypto-mining"), folder.path());
    let_time_pass(&bench);
    bench.sandbox.set_behaviour(Behaviour { command_time: std::time::Duration::from_secs(5), ..Behaviour::default() });
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(message(&run).contains("is isolated"), "{}", message(&run));
    let calls = bench.sandbox.calls();
    let swap = first(&calls, "ec2:ModifyNetworkInterfaceAttribute");
    assert!(last(&calls, "ssm:GetCommandInvocation") <= swap && first(&calls, "ec2:CreateSnapshots") < swap);
    assert_eq!(run.kept().len(), Script::ALL.len() + 1);
    assert_eq!(bad(&bench, &run).await, Vec::<String>::new());
    assert!(outcome(&bench.restore("web-1").await.unwrap()) == Outcome::Done);
}

/// Isolation waits for evidence so long and no longer, whatever hangs: the script, the call, the vault, the agent.
#[tokio::test(start_paused = true)]
async fn isolation_never_waits_past_the_deadline() {
    let hours = std::time::Duration::from_secs(7_200);
    let hang = |operation: &str| Some(Fault::on(operation).kind(FaultKind::HangBefore).always());
    for (what, fault) in [
        ("a script that never ends", None),
        ("SendCommand that never answers", hang("ssm:SendCommand")),
        ("GetCommandInvocation that never answers", hang("ssm:GetCommandInvocation")),
        ("an agent that is never told of", hang("ssm:DescribeInstanceInformation")),
        ("snapshots that are never answered for", hang("ec2:CreateSnapshots")),
        ("a bucket that never answers", hang("s3:PutObject")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = evidence_first(&Bench::new("crypto-mining"), folder.path());
        if what.contains("bucket") {
            let (scope, _) = bench.find("web-1");
            bench.policy.volatile = Some(VolatileEvidence { vault: in_bucket(&scope), otherwise: None, seconds: 60 });
        }
        let_time_pass(&bench);
        let slow = what.contains("script");
        let command_time = if slow { hours } else { std::time::Duration::ZERO };
        bench.sandbox.set_behaviour(Behaviour { command_time, ..Behaviour::default() });
        let prepared = bench.prepare("web-1").await.unwrap();
        bench.sandbox.clear_calls();
        if let Some(fault) = fault {
            bench.sandbox.inject(fault);
        }
        let running = {
            let bench = bench.clone();
            tokio::spawn(async move { bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap() })
        };
        tokio::time::sleep(std::time::Duration::from_secs(65)).await;
        let (scope, instance) = bench.find("web-1");
        let world = bench.sandbox.world();
        let held: BTreeSet<_> =
            world.scopes[&scope].interfaces_of(&instance).iter().flat_map(|i| i.groups.clone()).collect();
        let group = held.first().map(|g| world.scopes[&scope].groups[g].group.name.clone());
        assert!(held.len() == 1 && group.unwrap().starts_with("lazaret-quarantine-"), "{what}: {held:?}");
        bench.sandbox.clear_faults();
        if what.contains("snapshots") {
            running.abort(); // no call of EC2's has a bound of ours beside the adapter's: the run waits for its answer
            continue;
        }
        let run = running.await.unwrap();
        let report = RunReport::new(&run);
        assert!(report.isolated_ms.is_some_and(|ms| ms <= 65_000), "{what}: {report:?}");
        assert_eq!(outcome(&run), Outcome::Partial, "{what}: {}", message(&run));
        assert!(message(&run).contains("is isolated") && message(&run).contains(".sh on"), "{what}: {}", message(&run));
        assert!(!message(&run).contains("Write the manifest") || what.contains("bucket"), "{what}: {}", message(&run));
    }
}

#[tokio::test]
async fn without_an_agent_evidence_first_is_the_snapshots_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bench = evidence_first(&Bench::new("crypto-mining"), folder.path());
    let (scope, _) = bench.find("web-1");
    bench.sandbox.edit(|w| w.scopes.get_mut(&scope).unwrap().inside.agents.clear()).unwrap();
    let prepared = bench.prepare("web-1").await.unwrap();
    assert!(prepared.plan.warnings.iter().any(|w| w.contains("no scripts are run before the isolation")));
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(run.kept().is_empty());
}

/// A bucket that can't be used is no reason to isolate without evidence, whichever hand asks: the folder takes it.
#[tokio::test(start_paused = true)]
async fn evidence_that_comes_first_goes_into_a_folder_where_the_bucket_can_not_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let refused: [(&str, Option<Fault>); 3] = [
        ("no-such-bucket", None),
        ("payments-prod-evidence", Some(Fault::on("s3:GetObjectLockConfiguration").kind(FaultKind::Deny).always())),
        (
            "payments-prod-evidence",
            Some(Fault::on("s3:GetObjectLockConfiguration").kind(FaultKind::HangBefore).always()),
        ),
    ];
    for (bucket, fault) in refused {
        let mut bench = Bench::new("crypto-mining");
        let_time_pass(&bench);
        let (scope, _) = bench.find("web-1");
        let policy = ForensicsPolicy { bucket: Some(bucket.into()), ..ForensicsPolicy::default() };
        bench.policy.evidence_first = true;
        bench.policy.volatile = policy.volatile(&scope, Some(folder.path().join("evidence")));
        fault.into_iter().for_each(|f| bench.sandbox.inject(f));
        let prepared = bench.prepare("web-1").await.unwrap();
        let warned = prepared.plan.warnings.iter().any(|w| w.contains("evidence goes to") && w.contains(bucket));
        assert!(warned, "{bucket}: {:?}", prepared.plan.warnings);
        let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert_eq!(outcome(&run), Outcome::Done, "{bucket}: {}", message(&run));
        assert_eq!(run.kept().len(), Script::ALL.len() + 1);
        assert!(message(&run).contains(&format!("lazaret evidence verify {}", run.run)), "{}", message(&run));
        assert_eq!(bad(&bench, &run).await, Vec::<String>::new());
    }
}

/// A retention that the bucket can't hold, for want of Object Lock, costs no evidence.
#[tokio::test(start_paused = true)]
async fn evidence_that_comes_first_is_not_lost_on_a_bucket_without_object_lock() {
    let mut bench = Bench::new("crypto-mining");
    let_time_pass(&bench);
    let (scope, _) = bench.find("web-1");
    let unlock = |w: &mut lazaret::cloud::sandbox::World| {
        w.scopes.get_mut(&scope).unwrap().inside.buckets.get_mut(super::BUCKET).unwrap().lock = None;
    };
    bench.sandbox.edit(unlock).unwrap();
    bench.policy.evidence_first = true;
    bench.policy.volatile = Some(VolatileEvidence { vault: in_bucket(&scope), otherwise: None, seconds: 60 });
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(run.kept().len(), Script::ALL.len() + 1);
}

/// The groups that web-1's interfaces hold are the quarantine group alone.
fn isolated(bench: &Bench) -> bool {
    let (scope, instance) = bench.find("web-1");
    let world = bench.sandbox.world();
    let held: BTreeSet<_> =
        world.scopes[&scope].interfaces_of(&instance).iter().flat_map(|i| i.groups.clone()).collect();
    let names = held.iter().map(|g| world.scopes[&scope].groups[g].group.name.clone());
    held.len() == 1 && names.into_iter().all(|n| n.starts_with("lazaret-quarantine-"))
}

/// Snapshots that give no answer are looked for once the instance is isolated, and a look that fails stops nothing.
#[tokio::test(start_paused = true)]
async fn a_look_for_snapshots_that_fails_or_hangs_does_not_hold_up_isolation() {
    for (created, look, says) in [
        (FaultKind::TimeoutAfter, FaultKind::Deny, "CreateSnapshots"),
        (FaultKind::TimeoutBefore, FaultKind::HangBefore, "CreateSnapshots"),
    ] {
        for first in [true, false] {
            let mut bench = Bench::new("crypto-mining");
            let_time_pass(&bench);
            bench.policy.evidence_first = first;
            bench.sandbox.inject(Fault::on("ec2:CreateSnapshots").kind(created.clone()));
            bench.sandbox.inject(Fault::on("ec2:DescribeSnapshots").kind(look.clone()).always());
            let run = bench.quarantine("web-1").await.unwrap();
            assert_eq!(outcome(&run), Outcome::Partial, "{look:?}: {}", message(&run));
            assert!(isolated(&bench) && message(&run).contains("is isolated"), "{}", message(&run));
            let report = RunReport::new(&run);
            assert!(report.isolated_ms.is_some_and(|ms| ms <= 5_000), "{look:?}: {report:?}");
            let status = &run.steps[&"snapshots".into()].state;
            assert_eq!(status.word(), "indeterminate");
            assert!(status.why().unwrap().contains(says), "{status:?}");
        }
    }
    // And one that finds them says so, before the notification is written.
    let mut bench = Bench::new("crypto-mining");
    bench.policy.evidence_first = true;
    bench.sandbox.inject(Fault::on("ec2:CreateSnapshots").kind(FaultKind::TimeoutAfter));
    let run = bench.quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let (scope, _) = bench.find("web-1");
    let body = bench.sandbox.world().scopes[&scope].topics[&bench.topic(&scope)].messages.last().unwrap().body.clone();
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(!body["snapshots"].as_array().unwrap().is_empty(), "{body}");
}

/// Stops a quarantine while its scripts run, `after` so many seconds of the deadline.
async fn crash_while_scripts_run(bench: &Bench, after: u64) -> lazaret::domain::RunId {
    let prepared = bench.prepare("web-1").await.unwrap();
    let running = {
        let bench = bench.clone();
        tokio::spawn(async move { drop(bench.engine.commit(&prepared, &Consent::default(), None).await) })
    };
    tokio::time::sleep(std::time::Duration::from_secs(after)).await;
    running.abort();
    assert!(!isolated(bench), "isolation waits for the scripts");
    bench.engine.unfinished().await.unwrap().pop().expect("it has not ended").0.run
}

/// The deadline counts from the run's beginning: who takes the run over waits for what is left of it, and for nothing
/// where it is over.
#[tokio::test(start_paused = true)]
async fn i3_a_recovered_run_waits_for_evidence_no_longer_than_the_first_would_have() {
    for (away, waits) in [(0, 39..=42), (15, 24..=27), (300, 0..=1)] {
        let folder = tempfile::tempdir().unwrap();
        let bench = evidence_first(&Bench::new("crypto-mining"), folder.path());
        let_time_pass(&bench);
        let hours = std::time::Duration::from_secs(7_200);
        bench.sandbox.set_behaviour(Behaviour { command_time: hours, ..Behaviour::default() });
        let run = crash_while_scripts_run(&bench, 20).await;
        bench.clock.advance(chrono::Duration::seconds(away));
        let start = tokio::time::Instant::now();
        let running = {
            let bench = bench.clone();
            tokio::spawn(async move { bench.engine.recover(run, true, true, None).await.unwrap() })
        };
        while !isolated(&bench) {
            assert!(start.elapsed().as_secs() <= 65, "{away}: not isolated");
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        let waited = start.elapsed().as_secs();
        assert!(waits.contains(&waited), "gone for {away} s: {waited} s, not {waits:?}");
        let run = running.await.unwrap();
        assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
        assert!(message(&run).contains("is isolated"), "{}", message(&run));
    }
}

/// A vault or a list of snapshots that can't be read keeps no recovered run from isolating.
#[tokio::test(start_paused = true)]
async fn i3_evidence_that_can_not_be_looked_for_does_not_keep_a_recovered_run_from_isolating() {
    for look in [FaultKind::Deny, FaultKind::HangBefore] {
        let mut bench = Bench::new("crypto-mining");
        let (scope, _) = bench.find("web-1");
        bench.policy.evidence_first = true;
        bench.policy.volatile = Some(VolatileEvidence { vault: in_bucket(&scope), otherwise: None, seconds: 60 });
        let_time_pass(&bench);
        bench.sandbox.inject(Fault::on("ec2:CreateSnapshots").kind(FaultKind::HangAfter));
        let hours = std::time::Duration::from_secs(7_200);
        bench.sandbox.set_behaviour(Behaviour { command_time: hours, ..Behaviour::default() });
        let run = crash_while_scripts_run(&bench, 20).await;
        for operation in ["s3:HeadObject", "ec2:DescribeSnapshots", "ssm:ListCommandInvocations"] {
            bench.sandbox.inject(Fault::on(operation).kind(look.clone()).always());
        }
        let start = tokio::time::Instant::now();
        let run = bench.engine.recover(run, true, true, None).await.unwrap();
        assert!(isolated(&bench) && message(&run).contains("is isolated"), "{look:?}: {}", message(&run));
        assert_eq!(outcome(&run), Outcome::Partial, "{look:?}: {}", message(&run));
        assert!(RunReport::new(&run).isolated_ms.is_some_and(|ms| ms <= 62_000), "{look:?}");
        assert!(start.elapsed().as_secs() <= 180, "{look:?}: {:?}", start.elapsed());
    }
}

/// A run is rarely taken over before its deadline: what the scripts said meanwhile is fetched beside the isolation.
#[tokio::test(start_paused = true)]
async fn i3_what_scripts_said_before_a_late_recovery_is_kept_and_isolation_does_not_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let bench = evidence_first(&Bench::new("crypto-mining"), folder.path());
    let_time_pass(&bench);
    let latency = std::time::Duration::from_millis(200);
    let command_time = std::time::Duration::from_secs(30);
    bench.sandbox.set_behaviour(Behaviour { command_time, latency, ..Behaviour::default() });
    let run = crash_while_scripts_run(&bench, 20).await;
    bench.clock.advance(chrono::Duration::minutes(5));
    let sent = bench.sandbox.calls().iter().filter(|c| c.operation == "ssm:SendCommand").count();
    let start = tokio::time::Instant::now();
    let running = {
        let bench = bench.clone();
        tokio::spawn(async move { bench.engine.recover(run, true, true, None).await.unwrap() })
    };
    while !isolated(&bench) {
        assert!(start.elapsed().as_secs() <= 3, "isolation waits for evidence whose time is over");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let run = running.await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(run.kept().len(), Script::ALL.len() + 1);
    assert_eq!(bad(&bench, &run).await, Vec::<String>::new());
    let again = bench.sandbox.calls().iter().filter(|c| c.operation == "ssm:SendCommand").count();
    assert_eq!(again, sent, "no script is run twice");
}
