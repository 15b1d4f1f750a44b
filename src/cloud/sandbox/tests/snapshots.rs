//! `CreateSnapshots` and `DescribeSnapshots`.

use super::*;
use chrono::Duration;

#[tokio::test]
async fn all_volumes_are_taken_at_once_and_completed_later() {
    let (sandbox, clock) = sandbox();
    let web_1 = InstanceId::new(WEB_1);
    let given = tags([("Purpose", "Forensic"), ("IncidentId", "01H")]);
    let made = sandbox.create_snapshots(&target(), &web_1, "evidence", &given).await.unwrap();
    assert_eq!(made.len(), 2);
    assert!(made.iter().all(|s| s.state == "pending" && s.tags == given && s.started_at == Some(start())));
    let listed =
        |sandbox: Arc<Sandbox>| async move { sandbox.snapshots(&payments(), "IncidentId", "01H").await.unwrap() };
    assert_eq!(listed(sandbox.clone()).await.len(), 2);
    clock.advance(Duration::minutes(2));
    assert!(listed(sandbox.clone()).await.iter().all(|s| s.state == "completed"));
    assert!(sandbox.snapshots(&payments(), "IncidentId", "02H").await.unwrap().is_empty());
    let again = sandbox.create_snapshots(&target(), &web_1, "evidence", &given).await.unwrap();
    assert!(again.iter().all(|s| made.iter().all(|m| m.id != s.id)), "a second call makes others: it isn't idempotent");
}

#[tokio::test]
async fn what_can_t_be_snapshotted_is_refused() {
    let (sandbox, _) = sandbox();
    let unknown = InstanceId::new("i-0123456789abcdef0");
    let error = sandbox.create_snapshots(&target(), &unknown, "", &Tags::new()).await.unwrap_err();
    assert_eq!(error.code, "InvalidInstanceID.NotFound");
    let reserved = tags([("aws:x", "v")]);
    let error = sandbox.create_snapshots(&target(), &InstanceId::new(WEB_1), "", &reserved).await.unwrap_err();
    assert_eq!(error.code, "InvalidParameterValue");
    sandbox.terminate(&payments(), &InstanceId::new(WEB_1)).unwrap();
    let error = sandbox.create_snapshots(&target(), &InstanceId::new(WEB_1), "", &Tags::new()).await.unwrap_err();
    assert_eq!(error.code, "IncorrectInstanceState");
}
