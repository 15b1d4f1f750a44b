//! SNS `Publish`.

use super::*;

#[tokio::test]
async fn published_messages_can_be_read() {
    let (sandbox, _) = sandbox();
    let first = sandbox.publish(&target(), TOPIC, "Quarantined i-1", "{}").await.unwrap();
    let second = sandbox.publish(&target(), TOPIC, &"s".repeat(99), &"b".repeat(262_144)).await.unwrap();
    assert_ne!(first, second);
    let world = sandbox.world();
    let messages = &world.scopes[&payments()].topics[TOPIC].messages;
    assert_eq!((messages.len(), messages[0].subject.as_str(), &messages[0].id), (2, "Quarantined i-1", &first));
}

#[tokio::test]
async fn sns_s_rules_for_subjects_and_bodies() {
    let (sandbox, _) = sandbox();
    let world = sandbox.world();
    let (long, body) = ("s".repeat(100), "b".repeat(262_145));
    for (topic, subject, body, code) in [
        (TOPIC, "🔥 contained", "x", "InvalidParameter"),
        (TOPIC, long.as_str(), "x", "InvalidParameter"),
        (TOPIC, "two\nlines", "x", "InvalidParameter"),
        (TOPIC, "", "x", "InvalidParameter"),
        (TOPIC, " begins with a space", "x", "InvalidParameter"),
        (TOPIC, "ok", "", "InvalidParameter"),
        (TOPIC, "ok", body.as_str(), "InvalidParameter"),
        ("arn:aws:sns:us-east-1:111122223333:security-alerts", "ok", "x", "InvalidParameter"),
        ("topic", "ok", "x", "InvalidParameter"),
        ("arn:aws:sns:eu-central-1:111122223333:none", "ok", "x", "NotFound"),
    ] {
        let error = sandbox.publish(&target(), topic, subject, body).await.unwrap_err();
        assert_eq!(error.code, code, "{topic} {subject}");
    }
    assert_eq!(sandbox.world(), world);
}
