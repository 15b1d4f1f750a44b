//! collect-forensics, evidence first, and holding evidence against the ledger, on the sandbox.

mod first;
mod profile;
mod scripts;

use crate::support::bench::{Bench, message, outcome};
use crate::support::program::Home;
use crate::support::sweep::{self, Drill};
use async_trait::async_trait;
use chrono::Duration;
use lazaret::cloud::ErrorKind;
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::domain::{Kept, LockMode, Retention, Scope, Vault};
use lazaret::engine::evidence::verify_folder;
use lazaret::engine::prepare::{Request, RestoreWhat};
use lazaret::engine::{Consent, EngineError, ForensicsRequest, RestoreRequest, RunReport};
use lazaret::ledger::{Outcome, RunState, Store};
use lazaret::playbook::PlanRefusal;
use lazaret::playbook::evidence::Manifest;
use lazaret::policy::{BlockPolicy, ForensicsPolicy};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A bucket with Object Lock in web-1's own account and Region.
const BUCKET: &str = "payments-prod-evidence";

/// What a run keeps of a running instance whose agent is online.
const PIECES: [&str; 9] = [
    "commands/deleted-executables.txt",
    "commands/kernel.txt",
    "commands/logins.txt",
    "commands/persistence.txt",
    "commands/processes.txt",
    "commands/sockets.txt",
    "console/output.txt",
    "console/screenshot.jpg",
    "instance.json",
];

fn in_bucket(scope: &Scope) -> Vault {
    let policy = ForensicsPolicy { bucket: Some(BUCKET.into()), retain_days: Some(7), ..ForensicsPolicy::default() };
    policy.vault(scope).unwrap()
}

fn in_folder(folder: &Path) -> Vault {
    Vault::Folder { path: folder.join("evidence") }
}

fn ask(bench: &Bench, name: &str, vault: Vault) -> ForensicsRequest {
    let (scope, instance) = bench.find(name);
    let policy = ForensicsPolicy::default();
    ForensicsRequest { scope, instance, finding: None, policy, vault, topic_arn: None }
}

async fn collect(bench: &Bench, request: &ForensicsRequest) -> RunState {
    let prepared = bench.engine.prepare_forensics(request).await.unwrap();
    bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap()
}

fn names(run: &RunState) -> Vec<String> {
    let mut names: Vec<String> =
        run.kept().into_iter().map(|k| k.name.clone()).filter(|n| n != "manifest.json").collect();
    names.sort();
    names
}

fn kept<'a>(run: &'a RunState, name: &str) -> &'a Kept {
    run.kept().into_iter().find(|k| k.name == name).unwrap()
}

/// The file of a piece in a folder.
fn file(folder: &Path, run: &RunState, name: &str) -> PathBuf {
    let scope = &run.plan.scope;
    let instance = run.plan.instance().unwrap();
    let own = format!("{}/{}/{instance}/{}", scope.account, scope.region, run.run);
    folder.join("evidence").join(own).join(name)
}

/// The bytes of an object of a run in the bucket.
fn key(run: &RunState, name: &str) -> String {
    let scope = &run.plan.scope;
    format!("lazaret/{}/{}/{}/{}/{name}", scope.account, scope.region, run.plan.instance().unwrap(), run.run)
}

/// Moves the bench's clock with tokio's, which the tests pause: what waits for the world's time gets on.
fn let_time_pass(bench: &Bench) {
    let clock = Arc::downgrade(&bench.clock);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let Some(clock) = clock.upgrade() else { return };
            clock.advance(Duration::seconds(1));
        }
    });
}

#[tokio::test]
async fn evidence_is_kept_listed_and_found_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let run = collect(&bench, &ask(&bench, "web-1", in_folder(folder.path()))).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert!(message(&run).contains("lazaret evidence verify"), "{}", message(&run));
    assert_eq!(names(&run), PIECES);
    assert_eq!(crate::quarantine::comparable(&bench.sandbox.world()), crate::quarantine::comparable(&before));

    let processes = std::fs::read_to_string(file(folder.path(), &run, "commands/processes.txt")).unwrap();
    assert!(processes.contains("kdevtmpfsi"), "{processes}");
    let picture = std::fs::read(file(folder.path(), &run, "console/screenshot.jpg")).unwrap();
    assert_eq!(picture[..3], [0xFF, 0xD8, 0xFF], "a JPEG");
    let about: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file(folder.path(), &run, "instance.json")).unwrap()).unwrap();
    assert_eq!(about["interfaces"].as_array().unwrap().len(), 2);
    assert!(about["groups"].as_array().unwrap().iter().all(|g| g["egress"].is_array()), "{about}");
    assert!(!about["network_acls"].as_array().unwrap().is_empty() && about["volumes"].as_array().unwrap().len() == 2);
    assert!(about["instance_profile"].as_str().unwrap().ends_with("/ec2rolle"));
    assert_eq!(about["profile"]["role"], "ec2rolle");
    let user_data = about["user_data_base64"].as_str().unwrap();
    assert!(user_data.starts_with("IyEvYmluL3No"), "a script: {user_data}");
    assert_eq!(about["not_read"], serde_json::json!([]));

    let bytes = std::fs::read(file(folder.path(), &run, "manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_slice(&bytes).unwrap();
    let listed: BTreeSet<&str> = manifest.objects.iter().map(|k| k.name.as_str()).collect();
    assert_eq!(listed, PIECES.into());
    assert!(manifest.objects.iter().all(|k| k.sha256.len() == 64 && k.source.contains(':')), "{manifest:?}");
    assert_eq!((manifest.snapshots.len(), manifest.missing.len()), (2, 0));
    assert_eq!(kept(&run, "manifest.json").bytes, bytes.len() as u64);

    let verdict = bench.engine.verify_evidence(run.run).await.unwrap();
    assert!(verdict.is_good(), "{verdict:?}");
    assert_eq!((verdict.pieces, verdict.manifest.as_ref()), (9, Some(&kept(&run, "manifest.json").sha256)));
    assert_eq!(RunReport::new(&run).evidence.len(), 10);
}

#[cfg(unix)]
#[tokio::test]
async fn evidence_on_this_machine_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let run = collect(&bench, &ask(&bench, "web-1", in_folder(folder.path()))).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let piece = file(folder.path(), &run, "console/output.txt");
    assert_eq!(mode(&piece), 0o600);
    let mut above = piece.parent().unwrap();
    while above != folder.path() {
        assert_eq!(mode(above), 0o700, "{}", above.display());
        above = above.parent().unwrap();
    }
}

/// I8: what an attacker writes goes into evidence, and nowhere else.
#[tokio::test]
async fn i8_nothing_that_a_host_says_reaches_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let run = collect(&bench, &ask(&bench, "web-1", in_folder(folder.path()))).await;
    let records = bench.ledger.records(run.run).await.unwrap();
    let all = serde_json::to_string(&records.iter().map(|r| &r.event).collect::<Vec<_>>()).unwrap();
    for said in ["kdevtmpfsi", "pool.xmr.example", "cloud-init", "amazon-ssm-agent"] {
        assert!(!all.contains(said), "{said}");
    }
    assert!(all.contains(&kept(&run, "commands/processes.txt").sha256));
}

/// What verification says of a run, one line a bad thing.
async fn bad(bench: &Bench, run: &RunState) -> Vec<String> {
    let verdict = bench.engine.verify_evidence(run.run).await.unwrap();
    assert_eq!(verdict.is_good(), verdict.bad.is_empty());
    verdict.bad.iter().map(|c| format!("{}: {}", c.name, c.wrong)).collect()
}

#[tokio::test]
async fn whatever_was_done_to_evidence_in_a_folder_shows() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let run = collect(&bench, &ask(&bench, "web-1", in_folder(folder.path()))).await;
    let at = |name: &str| file(folder.path(), &run, name);
    assert_eq!(bad(&bench, &run).await, Vec::<String>::new());

    // Changed, with the same length.
    let true_bytes = std::fs::read(at("commands/processes.txt")).unwrap();
    let mut forged = true_bytes.clone();
    *forged.last_mut().unwrap() ^= 1;
    std::fs::write(at("commands/processes.txt"), &forged).unwrap();
    let said = bad(&bench, &run).await;
    assert!(said.len() == 1 && said[0].starts_with("commands/processes.txt: changed: SHA-256"), "{said:?}");
    // Changed in length.
    std::fs::write(at("commands/processes.txt"), &true_bytes[1..]).unwrap();
    let said = bad(&bench, &run).await;
    assert!(said.len() == 1 && said[0].starts_with("commands/processes.txt: changed:"), "{said:?}");
    // Missing.
    std::fs::remove_file(at("commands/processes.txt")).unwrap();
    assert_eq!(bad(&bench, &run).await, ["commands/processes.txt: missing"]);
    std::fs::write(at("commands/processes.txt"), &true_bytes).unwrap();
    assert_eq!(bad(&bench, &run).await, Vec::<String>::new());
    // Extra.
    std::fs::write(at("commands/planted\u{1b}[2J.txt"), "x").unwrap();
    let said = bad(&bench, &run).await;
    assert!(said.len() == 1 && said[0].contains("extra") && !said[0].contains('\u{1b}'), "{said:?}");
    std::fs::remove_file(at("commands/planted\u{1b}[2J.txt")).unwrap();
    // The list itself, with an entry that fits the forged piece.
    std::fs::write(at("commands/processes.txt"), &forged).unwrap();
    let list = std::fs::read_to_string(at("manifest.json")).unwrap();
    let true_hash = &kept(&run, "commands/processes.txt").sha256;
    let forged_hash = true_hash.chars().rev().collect::<String>();
    std::fs::write(at("manifest.json"), list.replace(true_hash, &forged_hash)).unwrap();
    let said = bad(&bench, &run).await;
    assert!(said.len() == 2 && said[0].starts_with("manifest.json: changed"), "{said:?}");
    assert!(said[1].starts_with("commands/processes.txt: changed"), "{said:?}");
    // A link that shows the true bytes from somewhere else.
    std::fs::write(at("manifest.json"), &list).unwrap();
    std::fs::remove_file(at("commands/processes.txt")).unwrap();
    std::fs::write(folder.path().join("elsewhere"), &true_bytes).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), at("commands/processes.txt")).unwrap();
        let said = bad(&bench, &run).await;
        assert!(said.len() == 1 && said[0].starts_with("commands/processes.txt: "), "{said:?}");
    }
}

#[tokio::test]
async fn whatever_was_done_to_evidence_in_a_bucket_shows_and_object_lock_holds() {
    let bench = Bench::new("crypto-mining");
    let (scope, _) = bench.find("web-1");
    let run = collect(&bench, &ask(&bench, "web-1", in_bucket(&scope))).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(bad(&bench, &run).await, Vec::<String>::new());
    let world = bench.sandbox.world();
    let objects = &world.scopes[&scope].inside.buckets[BUCKET].objects;
    assert_eq!(objects.len(), PIECES.len() + 1);
    for (key, versions) in objects {
        let (mode, until) = versions[0].retain_until.unwrap();
        assert_eq!((versions.len(), mode), (1, LockMode::Governance), "{key}");
        assert_eq!((until - versions[0].at).num_days(), 7, "{key}: the policy's days, not the bucket's 30");
    }
    let processes = key(&run, "commands/processes.txt");
    let error = bench.sandbox.erase(&scope, BUCKET, &processes).unwrap_err().to_string();
    assert!(error.contains("object lock"), "{error}");
    bench.sandbox.overwrite(&scope, BUCKET, &processes, Some(b"nothing to see".to_vec())).unwrap();
    let said = bad(&bench, &run).await;
    assert!(said.len() == 1 && said[0].starts_with("commands/processes.txt: changed"), "{said:?}");
    bench.sandbox.overwrite(&scope, BUCKET, &processes, None).unwrap();
    assert_eq!(bad(&bench, &run).await, ["commands/processes.txt: missing"]);
    let manifest = key(&run, "manifest.json");
    bench.sandbox.overwrite(&scope, BUCKET, &manifest, Some(b"{}".to_vec())).unwrap();
    bench.sandbox.overwrite(&scope, BUCKET, &key(&run, "planted"), Some(vec![])).unwrap();
    let said = bad(&bench, &run).await;
    assert!(said[0].starts_with("manifest.json: changed") && said.len() == 3, "{said:?}");
    assert_eq!(said[2], "planted: extra: this run did not keep it");
}

#[tokio::test]
async fn one_captures_failure_never_stops_the_others() {
    let denied = [
        ("ec2:GetConsoleScreenshot", 8),
        ("ec2:GetConsoleOutput", 8),
        ("ssm:SendCommand", 3),
        ("ssm:GetCommandInvocation", 3),
        ("ec2:CreateSnapshots", 9),
        ("ec2:DescribeVolumes", 9),
    ];
    for (operation, left) in denied {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new("crypto-mining");
        bench.sandbox.deny(operation);
        let run = collect(&bench, &ask(&bench, "web-1", in_folder(folder.path()))).await;
        let whole = operation == "ec2:DescribeVolumes";
        assert_eq!(
            outcome(&run),
            if whole { Outcome::Done } else { Outcome::Partial },
            "{operation}: {}",
            message(&run)
        );
        assert_eq!(names(&run).len(), left, "{operation}: {:?}", names(&run));
        assert!(whole || message(&run).contains(operation), "{operation}: {}", message(&run));
        let bytes = std::fs::read(file(folder.path(), &run, "manifest.json")).unwrap();
        let manifest: Manifest = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(manifest.missing.is_empty(), whole, "{operation}: {:?}", manifest.missing);
        assert_eq!(bad(&bench, &run).await, Vec::<String>::new(), "{operation}");
    }
}

#[tokio::test]
async fn evidence_goes_into_no_bucket_that_is_not_there_or_not_ours() {
    let bench = Bench::new("crypto-mining");
    let (scope, _) = bench.find("web-1");
    for (bucket, owner, wanted) in [
        ("nobodys-bucket", &scope, "there is no such bucket"),
        ("security-evidence-555566667777", &scope, "it is not a bucket of account 111122223333"),
        (BUCKET, &Scope::parse("111122223333", "us-east-1").unwrap(), "the bucket is not in us-east-1"),
    ] {
        let policy = ForensicsPolicy { bucket: Some(bucket.into()), ..ForensicsPolicy::default() };
        let request = ask(&bench, "web-1", policy.vault(owner).unwrap());
        let error = bench.engine.prepare_forensics(&request).await.unwrap_err();
        assert!(matches!(error, EngineError::Plan(PlanRefusal::Unfit(_))), "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
    }
    assert!(bench.sandbox.calls().iter().all(|c| !c.mutating));
}

#[tokio::test]
async fn an_isolated_instance_still_tells_what_ec2_knows() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    let prepared = bench.engine.prepare_forensics(&ask(&bench, "web-1", in_folder(folder.path()))).await.unwrap();
    let warned = prepared.plan.warnings.iter().any(|w| w.contains("no scripts are run: its agent is ConnectionLost"));
    assert!(warned, "{:?}", prepared.plan.warnings);
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(names(&run), ["console/output.txt", "console/screenshot.jpg", "instance.json"]);
    // The quarantine goes back as if no evidence had been taken.
    assert_eq!(outcome(&bench.restore("web-1").await.unwrap()), Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_locked_copied_and_shared() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let_time_pass(&bench);
    let (scope, _) = bench.find("db-1");
    let forensic = "555566667777";
    let mut request = ask(&bench, "db-1", in_folder(folder.path()));
    request.policy.lock_snapshots_days = Some(14);
    request.policy.share_with = vec![forensic.parse().unwrap()];

    // One of db-1's volumes is under the account's default key.
    let prepared = bench.engine.prepare_forensics(&request).await.unwrap();
    let warned = prepared.plan.warnings.iter().any(|w| w.contains("--copy-key"));
    assert!(warned, "{:?}", prepared.plan.warnings);
    let run = collect(&bench, &request).await;
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    assert!(message(&run).contains("default key") && message(&run).contains("--copy-key"), "{}", message(&run));
    let world = bench.sandbox.world();
    let snapshots = &world.scopes[&scope].snapshots;
    let retention = Retention { mode: LockMode::Governance, days: 14 };
    assert!(snapshots.values().all(|s| s.lock == Some(retention)), "{snapshots:?}");
    let shared = snapshots.values().filter(|s| !s.shared_with.is_empty()).count();
    assert_eq!((snapshots.len(), shared), (3, 2), "what can be shared is");

    // Under a customer's key the copies are shared, and the originals are not.
    request.policy.copy_kms_key = Some("arn:aws:kms:eu-central-1:111122223333:key/evidence".into());
    let run = collect(&bench, &request).await;
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let world = bench.sandbox.world();
    let of_run: Vec<_> = world.scopes[&scope].snapshots.values().collect();
    let id = run.run.to_string();
    let copies: Vec<_> = of_run.iter().filter(|s| s.snapshot.tags.get("LazaretCopyRun") == Some(&id)).collect();
    let own: Vec<_> = of_run.iter().filter(|s| s.snapshot.tags.get("LazaretRun") == Some(&id)).collect();
    assert_eq!((copies.len(), own.len()), (3, 3));
    assert!(copies.iter().all(|s| s.shared_with.len() == 1 && s.snapshot.kms_key.is_some()), "{copies:?}");
    assert!(own.iter().all(|s| s.shared_with.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_snapshots_never_holds_up_a_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let mut request = ask(&bench, "web-1", in_folder(folder.path()));
    request.policy.copy_kms_key = Some("alias/evidence".into());
    let prepared = bench.engine.prepare_forensics(&request).await.unwrap();
    let collecting = {
        let bench = bench.clone();
        tokio::spawn(async move { bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap() })
    };
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(!collecting.is_finished(), "it waits for the snapshots");
    let quarantine = bench.colleague("ben").quarantine("web-1").await.unwrap();
    assert_eq!(outcome(&quarantine), Outcome::Done, "{}", message(&quarantine));
    assert!(!collecting.is_finished());
    // The clock stands still, so they never complete: the run gives up in time, and says what is missing.
    let run = collecting.await.unwrap();
    assert_eq!(outcome(&run), Outcome::Partial);
    assert!(message(&run).contains("within 60 minutes"), "{}", message(&run));
    assert_eq!(names(&run), PIECES);
}

#[tokio::test]
async fn restore_of_a_forensics_run_leaves_the_evidence_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let run = collect(&bench, &ask(&bench, "web-1", in_folder(folder.path()))).await;
    let request = RestoreRequest {
        scope: run.plan.scope.clone(),
        what: RestoreWhat::Run(run.run),
        force: BTreeSet::new(),
        finding_status: None,
        topic_arn: None,
        block: BlockPolicy::default(),
        aws: None,
    };
    let error = bench.engine.prepare_restore(&request).await.unwrap_err().to_string();
    assert!(error.contains("took evidence, which stays where it is kept"), "{error}");
    assert_eq!(bad(&bench, &run).await, Vec::<String>::new());
}

/// web-1's evidence into a bucket.
struct IntoBucket;

#[async_trait(?Send)]
impl Drill for IntoBucket {
    async fn stage(&self) -> (Bench, Request) {
        let bench = Bench::new("crypto-mining");
        let (scope, _) = bench.find("web-1");
        let mut request = ask(&bench, "web-1", in_bucket(&scope));
        request.policy.lock_snapshots_days = Some(3);
        (bench, Request::Forensics(Box::new(request)))
    }

    /// Some run's folder in the bucket has all its pieces.
    fn holds(&self, bench: &Bench) -> bool {
        let (scope, _) = bench.find("web-1");
        let world = bench.sandbox.world();
        let objects = &world.scopes[&scope].inside.buckets[BUCKET].objects;
        objects
            .keys()
            .filter_map(|k| k.strip_suffix("manifest.json"))
            .any(|folder| PIECES.iter().all(|piece| objects.contains_key(&format!("{folder}{piece}"))))
    }

    /// Nothing is put twice, nothing is sent twice, and no snapshot is taken twice.
    fn check(&self, bench: &Bench, _: &lazaret::cloud::sandbox::World, what: &str) {
        let (scope, _) = bench.find("web-1");
        let world = bench.sandbox.world();
        let inside = &world.scopes[&scope].inside;
        for (key, versions) in &inside.buckets[BUCKET].objects {
            assert_eq!(versions.len(), 1, "{what}: {key} was put twice");
        }
        let mut comments: Vec<&str> = inside.commands.values().map(|c| c.comment.as_str()).collect();
        let all = comments.len();
        comments.sort_unstable();
        comments.dedup();
        assert_eq!(comments.len(), all, "{what}: a command was sent twice");
        let mut taken = std::collections::BTreeMap::<(&str, &str), usize>::new();
        for snapshot in world.scopes[&scope].snapshots.values() {
            let run = snapshot.snapshot.tags.get("LazaretRun").map_or("", String::as_str);
            *taken.entry((run, snapshot.snapshot.volume.as_str())).or_default() += 1;
        }
        assert!(taken.values().all(|n| *n == 1), "{what}: {taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_collection_fails_times_out_and_crashes() {
    sweep::every_call(&IntoBucket).await;
}

#[tokio::test(start_paused = true)]
async fn i3_after_every_crash_a_second_collection_is_whole() {
    sweep::again_after_every_crash(&IntoBucket).await;
}

/// What a run kept before it crashed, and what it kept after, are one list that verifies.
#[tokio::test(start_paused = true)]
async fn i3_evidence_of_a_run_that_was_taken_over_verifies() {
    let mut verified = 0;
    for (operation, kind) in [
        ("s3:PutObject", FaultKind::HangBefore),
        ("s3:PutObject", FaultKind::HangAfter),
        ("ssm:SendCommand", FaultKind::HangAfter),
        ("ssm:GetCommandInvocation", FaultKind::HangBefore),
        ("ec2:GetConsoleOutput", FaultKind::HangBefore),
    ] {
        for nth in 1..=10 {
            let what = format!("{kind:?} at {operation} {nth}");
            let (bench, request) = IntoBucket.stage().await;
            let prepared = bench.engine.prepare(&request).await.unwrap();
            bench.sandbox.inject(Fault::on(operation).nth(nth).kind(kind.clone()));
            if sweep::commit_or_crash(&bench, &prepared, &Consent::default()).await.is_some() {
                bench.sandbox.clear_faults();
                continue; // there are fewer calls
            }
            bench.sandbox.clear_faults();
            let ended = bench.recover_all().await;
            let [run] = &ended[..] else { panic!("{what}: {ended:?}") };
            if run.kept().is_empty() {
                continue; // nothing was kept before: it ended there
            }
            assert_eq!(bad(&bench, run).await, Vec::<String>::new(), "{what}: {}", message(run));
            verified += 1;
            // What was sent is fetched, and what can be asked for again is.
            if operation != "ssm:SendCommand" || kind == FaultKind::HangAfter {
                assert!(names(run).contains(&"instance.json".to_owned()), "{what}: {:?}", names(run));
            }
        }
    }
    assert!(verified >= 20, "{verified}");
}

/// A volume is snapshotted once in 15 seconds: right after a quarantine, which has done so, that is waited for.
#[tokio::test(start_paused = true)]
async fn snapshots_of_a_moment_ago_are_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let_time_pass(&bench);
    let too_soon = FaultKind::Error(ErrorKind::Throttled, "SnapshotCreationPerVolumeRateExceeded");
    let faults = || Fault::on("ec2:CreateSnapshots").kind(too_soon.clone()).always();
    bench.sandbox.inject(faults());
    let prepared = bench.engine.prepare_forensics(&ask(&bench, "web-1", in_folder(folder.path()))).await.unwrap();
    let running = {
        let (bench, prepared) = (bench.clone(), prepared);
        tokio::spawn(async move { bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap() })
    };
    tokio::time::sleep(std::time::Duration::from_secs(15)).await;
    bench.sandbox.clear_faults();
    let run = running.await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    let (scope, _) = bench.find("web-1");
    assert_eq!(bench.sandbox.world().scopes[&scope].snapshots.len(), 2);
    // And not for ever.
    bench.sandbox.inject(faults());
    let run = collect(&bench, &ask(&bench, "web-1", in_folder(folder.path()))).await;
    assert_eq!(outcome(&run), Outcome::Partial, "{}", message(&run));
    assert!(message(&run).contains("SnapshotCreationPerVolumeRateExceeded"), "{}", message(&run));
}

/// Evidence in a folder is verified with the ledger alone: nobody's credentials, and no call.
#[tokio::test]
async fn a_folder_is_verified_without_aws() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let run = collect(&bench, &ask(&bench, "web-1", in_folder(folder.path()))).await;
    bench.sandbox.clear_calls();
    let good = verify_folder(&bench.ledger, run.run).await.unwrap().unwrap();
    assert!(good.is_good() && good.pieces == PIECES.len(), "{good:?}");
    std::fs::write(file(folder.path(), &run, "console/output.txt"), "nothing happened").unwrap();
    let bad = verify_folder(&bench.ledger, run.run).await.unwrap().unwrap();
    assert_eq!(bad.bad.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["console/output.txt"]);
    assert!(bench.sandbox.calls().is_empty());
    // What is in a bucket is asked for there.
    let (scope, _) = bench.find("web-1");
    let elsewhere = collect(&bench, &ask(&bench, "web-1", in_bucket(&scope))).await;
    assert_eq!(verify_folder(&bench.ledger, elsewhere.run).await.unwrap(), None);
    let unknown = verify_folder(&bench.ledger, lazaret::domain::RunId::from_parts(1, 1)).await.unwrap_err();
    assert!(unknown.to_string().contains("the ledger has no run"), "{unknown}");
}

/// The program, too, and what it says to do next can be pasted.
#[test]
fn the_program_verifies_a_folder_without_credentials() {
    let home = Home::new();
    let taken = home.run(&["--sandbox", "forensics", "i-0ab12cd34ef56ab78", "--yes", "--json"]).json();
    let run = taken["run"].as_str().unwrap();
    let next = taken["next"][0].as_str().unwrap();
    assert!(next.ends_with(&format!("lazaret evidence verify {run}")), "{next}");
    let data = home.path().join("data/lazaret/sandbox/crypto-mining");
    let verified = home.run(&["--data", data.to_str().unwrap(), "evidence", "verify", run]);
    assert_eq!((verified.code, verified.out.starts_with("good: 9 pieces")), (0, true), "{verified:?}");
}

/// A finding about something else is no reason for this instance's evidence.
#[test]
fn a_finding_about_another_instance_is_refused() {
    let home = Home::new();
    let listed = home.run(&["--sandbox", "findings", "--json"]).out;
    let other = listed.lines().find(|l| l.contains("i-09e3f00000000b007")).unwrap();
    let other: serde_json::Value = serde_json::from_str(other).unwrap();
    let id = other["id"].as_str().unwrap();
    let said = home.run(&["--sandbox", "forensics", "i-0ab12cd34ef56ab78", "--finding", id, "--plan"]);
    assert!(said.code == 2 && said.err.contains("not about i-0ab12cd34ef56ab78"), "{said:?}");
}
