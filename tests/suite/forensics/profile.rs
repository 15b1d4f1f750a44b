//! The instance profile that is put on for the scripts, and taken off after.

use super::{BUCKET, IntoBucket, PIECES, ask, in_bucket, in_folder, names};
use crate::support::bench::{Bench, message, outcome};
use crate::support::sweep::{self, Drill};
use async_trait::async_trait;
use lazaret::cloud::sandbox::{Fault, FaultKind};
use lazaret::domain::Vault;
use lazaret::engine::prepare::Request;
use lazaret::engine::{Consent, ForensicsRequest};
use lazaret::ledger::Outcome;

/// The profile's name on an instance.
fn profile(bench: &Bench, name: &str) -> Option<String> {
    let (scope, instance) = bench.find(name);
    let arn = bench.sandbox.world().scopes[&scope].instances[&instance].instance.profile_arn.clone()?;
    arn.rsplit('/').next().map(str::to_owned)
}

/// db-1's agent is online only under the profile for evidence.
fn under_a_profile(bench: &Bench, vault: Vault) -> ForensicsRequest {
    let mut request = ask(bench, "db-1", vault);
    request.policy.instance_profile = Some("lazaret-forensics".into());
    request
}

#[tokio::test(start_paused = true)]
async fn the_profile_for_the_scripts_is_put_on_and_the_one_before_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let request = under_a_profile(&bench, in_folder(folder.path()));
    let prepared = bench.engine.prepare_forensics(&request).await.unwrap();
    let said = prepared.plan.warnings.join("; ");
    assert!(said.contains("payments-db -> lazaret-forensics"), "{said}");
    let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&run), Outcome::Done, "{}", message(&run));
    assert_eq!(names(&run), PIECES);
    assert_eq!(profile(&bench, "db-1").as_deref(), Some("payments-db"));
    assert_eq!(crate::quarantine::comparable(&bench.sandbox.world()), crate::quarantine::comparable(&before));
    assert!(sweep::standing(&bench).await.is_empty(), "what the run took back itself does not stand");
    // Without it there are no scripts.
    let mut without = request.clone();
    without.policy.instance_profile = None;
    let plan = bench.engine.prepare_forensics(&without).await.unwrap().plan;
    assert!(plan.warnings.iter().any(|w| w.contains("no scripts are run")), "{:?}", plan.warnings);
    // One that is not there is no reason to change anything.
    let mut unknown = request;
    unknown.policy.instance_profile = Some("nobodys".into());
    let error = bench.engine.prepare_forensics(&unknown).await.unwrap_err().to_string();
    assert!(error.contains("instance profile nobodys does not exist"), "{error}");
}

/// The profile comes back whatever becomes of the scripts.
#[tokio::test(start_paused = true)]
async fn the_profile_comes_back_in_every_outcome() {
    for (operation, kind) in [
        ("ssm:SendCommand", FaultKind::Deny),
        ("ssm:SendCommand", FaultKind::HangBefore),
        ("ssm:GetCommandInvocation", FaultKind::HangBefore),
        ("ssm:DescribeInstanceInformation", FaultKind::Fail),
        ("s3:PutObject", FaultKind::Unavailable),
        ("ec2:CreateSnapshots", FaultKind::Fail),
    ] {
        let what = format!("{kind:?} at {operation}");
        let bench = Bench::new("crypto-mining");
        let (scope, _) = bench.find("db-1");
        let prepared = bench.engine.prepare_forensics(&under_a_profile(&bench, in_bucket(&scope))).await.unwrap();
        bench.sandbox.inject(Fault::on(operation).kind(kind).always());
        let run = bench.engine.commit(&prepared, &Consent::default(), None).await.unwrap();
        assert!(outcome(&run) != Outcome::Done, "{what}: {}", message(&run));
        assert_eq!(profile(&bench, "db-1").as_deref(), Some("payments-db"), "{what}: {}", message(&run));
        assert!(sweep::standing(&bench).await.is_empty(), "{what}");
    }
}

/// db-1's evidence, under the profile for evidence.
struct UnderAProfile;

#[async_trait(?Send)]
impl Drill for UnderAProfile {
    async fn stage(&self) -> (Bench, Request) {
        let bench = Bench::new("crypto-mining");
        let (scope, _) = bench.find("db-1");
        let request = under_a_profile(&bench, in_bucket(&scope));
        (bench, Request::Forensics(Box::new(request)))
    }

    fn holds(&self, bench: &Bench) -> bool {
        IntoBucket.holds(bench) && profile(bench, "db-1").as_deref() == Some("payments-db")
    }

    fn check(&self, bench: &Bench, before: &lazaret::cloud::sandbox::World, what: &str) {
        IntoBucket.check(bench, before, what);
    }
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_collection_under_a_profile_fails_times_out_and_crashes() {
    sweep::every_call(&UnderAProfile).await;
}

#[tokio::test(start_paused = true)]
async fn i3_a_run_that_is_ended_by_a_person_leaves_a_profile_that_restore_takes_back() {
    let bench = Bench::new("crypto-mining");
    let (scope, _) = bench.find("db-1");
    let prepared = bench.engine.prepare_forensics(&under_a_profile(&bench, in_bucket(&scope))).await.unwrap();
    bench.sandbox.inject(Fault::on("ssm:SendCommand").kind(FaultKind::HangBefore));
    assert!(sweep::commit_or_crash(&bench, &prepared, &Consent::default()).await.is_none());
    bench.sandbox.clear_faults();
    assert_eq!(profile(&bench, "db-1").as_deref(), Some("lazaret-forensics"));
    bench.let_leases_run_out();
    let (left, _) = bench.engine.unfinished().await.unwrap().pop().unwrap();
    let ended = bench.engine.recover(left.run, false, false, None).await.unwrap();
    assert_eq!(outcome(&ended), Outcome::Partial, "{}", message(&ended));
    let back = bench.engine.prepare_restore(&sweep::restore_of(&ended)).await.unwrap();
    let back = bench.engine.commit(&back, &Consent::default(), None).await.unwrap();
    assert_eq!(outcome(&back), Outcome::Done, "{}", message(&back));
    assert_eq!(profile(&bench, "db-1").as_deref(), Some("payments-db"));
    assert!(!bench.sandbox.world().scopes[&scope].inside.buckets[BUCKET].objects.is_empty(), "evidence stays");
}
