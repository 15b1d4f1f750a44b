//! What the adapters do beyond the contract.

use super::Fixture;
use super::findings::{import_six, key, note, one};
use super::moto::Moto;
use lazaret::domain::{AclId, Tags};

#[tokio::test]
async fn a_note_that_is_too_long_is_cut_and_not_refused() {
    let fixture: &dyn Fixture = &Moto::fresh().await;
    import_six(fixture).await;
    let keys = [key(fixture, "new")];
    let long = note(&"é".repeat(600));
    assert_eq!(fixture.writes().update_findings(&fixture.target(), &keys, &long).await, Ok(vec![]));
    assert_eq!(one(fixture, "new").await.finding.note, Some("é".repeat(512)));
}

#[tokio::test]
async fn an_unknown_network_acl_is_left_out() {
    let fixture: &dyn Fixture = &Moto::fresh().await;
    let world = fixture.world();
    let ids = [AclId::new("acl-0123456789abcdef0"), world.acl.clone(), AclId::new("acl-*")];
    let found = fixture.cloud().reads().network_acls(&world.scope, &ids).await.unwrap();
    assert_eq!(found.iter().map(|a| &a.id).collect::<Vec<_>>(), [&world.acl]);
}

#[tokio::test]
async fn deleting_no_tags_deletes_none() {
    // EC2 deletes all of a resource's tags when none is named.
    let fixture: &dyn Fixture = &Moto::fresh().await;
    let instance = fixture.world().instance.as_str();
    fixture.writes().delete_tags(&fixture.target(), instance, &Tags::new()).await.unwrap();
    let query = lazaret::cloud::port::InstanceQuery::Tagged("Name".into(), "web-1".into());
    assert_eq!(fixture.cloud().reads().instances(&fixture.world().scope, &query).await.unwrap().len(), 1);
}
