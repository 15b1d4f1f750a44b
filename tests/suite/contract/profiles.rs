//! Profiles on instances, metadata options, and roles that are made and deleted.

use super::{Fixture, TRUST, refused};
use lazaret::cloud::ErrorKind;
use lazaret::cloud::port::InstanceQuery;
use lazaret::domain::principal::{ProfileAssociation, Role, deny_all_arn};
use lazaret::domain::{InstanceId, MetadataOptions, Partition, Tags};

const REPLACE: &str = "ec2:ReplaceIamInstanceProfileAssociation";

fn unknown() -> InstanceId {
    InstanceId::new("i-0123456789abcdef0")
}

fn backup(fixture: &dyn Fixture) -> Role {
    Role {
        name: "web-backup".into(),
        id: String::new(),
        arn: format!("arn:aws:iam::{}:role/web-backup", fixture.world().scope.account),
        path: "/".into(),
        trust: TRUST.into(),
        max_session: 7_200,
        description: Some("Takes over".into()),
        boundary: None,
        created_at: None,
        used_at: None,
        tags: Tags::from([("lazaret".to_owned(), "backup-role".to_owned())]),
    }
}

/// Makes the role and the profile `web-backup`; answers the profile's ARN.
async fn make_backup(fixture: &dyn Fixture) -> String {
    let (writes, target) = (fixture.writes(), fixture.target());
    let role = backup(fixture);
    writes.create_role(&target, &role).await.unwrap();
    writes.create_profile(&target, &role.name, "/", &role.tags).await.unwrap();
    writes.add_role_to_profile(&target, &role.name, &role.name).await.unwrap();
    fixture.cloud().reads().instance_profile(&fixture.world().scope, &role.name).await.unwrap().arn
}

/// The one association of the instance that is not on its way out.
async fn association(fixture: &dyn Fixture) -> Option<ProfileAssociation> {
    let world = fixture.world();
    let found = fixture.cloud().reads().profile_associations(&world.scope, std::slice::from_ref(&world.instance)).await;
    let mut live: Vec<ProfileAssociation> = found.unwrap().into_iter().filter(ProfileAssociation::is_live).collect();
    assert!(live.len() <= 1, "{live:?}");
    live.pop()
}

async fn described_profile(fixture: &dyn Fixture) -> Option<String> {
    let world = fixture.world();
    let query = InstanceQuery::Ids(vec![world.instance.clone()]);
    fixture.cloud().reads().instances(&world.scope, &query).await.unwrap().remove(0).profile_arn
}

pub(super) async fn a_profile_is_replaced_without_a_gap(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let arn = make_backup(fixture).await;
    let before = association(fixture).await.unwrap();
    assert!(before.profile_arn.ends_with(":instance-profile/web"), "{before:?}");
    let id = writes.replace_profile(&target, &before.id, &arn).await.unwrap();
    let after = association(fixture).await.unwrap();
    assert_eq!((&after.id, &after.profile_arn, &after.instance), (&id, &arn, &world.instance));
    assert_ne!(after.id, before.id, "the old association is gone");
    assert_eq!(described_profile(fixture).await, Some(arn.clone()));
    let again = writes.replace_profile(&target, &before.id, &arn).await;
    refused(again, REPLACE, ErrorKind::NotFound, "InvalidAssociationID.NotFound");
    let nowhere = writes.replace_profile(&target, &after.id, "arn:aws:iam::1:instance-profile/none").await;
    refused(nowhere, REPLACE, ErrorKind::Invalid, "InvalidParameterValue");
    assert_eq!(association(fixture).await, Some(after), "what was refused changed nothing");
}

pub(super) async fn a_profile_is_taken_off_and_put_on(fixture: &dyn Fixture) {
    let (world, writes, target) = (fixture.world(), fixture.writes(), fixture.target());
    let before = association(fixture).await.unwrap();
    let twice = writes.associate_profile(&target, &world.instance, &before.profile_arn).await;
    refused(twice, "ec2:AssociateIamInstanceProfile", ErrorKind::Conflict, "IncorrectState");
    writes.disassociate_profile(&target, &before.id).await.unwrap();
    assert_eq!((association(fixture).await, described_profile(fixture).await), (None, None));
    let again = writes.disassociate_profile(&target, &before.id).await;
    refused(again, "ec2:DisassociateIamInstanceProfile", ErrorKind::NotFound, "InvalidAssociationID.NotFound");
    let id = writes.associate_profile(&target, &world.instance, &before.profile_arn).await.unwrap();
    let after = association(fixture).await.unwrap();
    assert_eq!((&after.id, &after.profile_arn), (&id, &before.profile_arn));
    let nobody = writes.associate_profile(&target, &unknown(), &before.profile_arn).await;
    refused(nobody, "ec2:AssociateIamInstanceProfile", ErrorKind::NotFound, "InvalidInstanceID.NotFound");
}

pub(super) async fn metadata_options_are_set_whole_and_read(fixture: &dyn Fixture) {
    let (world, writes, target, cloud) = (fixture.world(), fixture.writes(), fixture.target(), fixture.cloud());
    let query = InstanceQuery::Ids(vec![world.instance.clone()]);
    let read = || async { cloud.reads().instances(&world.scope, &query).await.unwrap().remove(0).metadata.unwrap() };
    let start = read().await;
    assert!(!start.tokens_required && start.endpoint && !start.pending, "{start:?}");
    let odd = MetadataOptions {
        tokens_required: false,
        hop_limit: 3,
        endpoint: true,
        ipv6: true,
        tags: true,
        pending: false,
    };
    for options in [odd, odd.with_tokens(), MetadataOptions { endpoint: false, ..odd }, start] {
        writes.set_metadata_options(&target, &world.instance, &options).await.unwrap();
        assert_eq!(read().await, options);
    }
    let nobody = writes.set_metadata_options(&target, &unknown(), &start).await;
    refused(nobody, "ec2:ModifyInstanceMetadataOptions", ErrorKind::NotFound, "InvalidInstanceID.NotFound");
}

pub(super) async fn a_role_is_made_as_asked_and_once(fixture: &dyn Fixture) {
    let (world, writes, target, cloud) = (fixture.world(), fixture.writes(), fixture.target(), fixture.cloud());
    make_backup(fixture).await;
    let (wanted, made) = (backup(fixture), cloud.reads().role(&world.scope, "web-backup").await.unwrap());
    assert_eq!((&made.trust, made.max_session, &made.description), (&wanted.trust, 7_200, &wanted.description));
    assert_eq!((&made.path, &made.tags, &made.arn), (&wanted.path, &wanted.tags, &wanted.arn));
    assert!(!made.id.is_empty());
    let again = writes.create_role(&target, &wanted).await;
    refused(again, "iam:CreateRole", ErrorKind::AlreadyExists, "EntityAlreadyExists");
    let again = writes.create_profile(&target, "web-backup", "/", &Tags::new()).await;
    refused(again, "iam:CreateInstanceProfile", ErrorKind::AlreadyExists, "EntityAlreadyExists");
    let second = writes.add_role_to_profile(&target, "web-backup", "web").await;
    refused(second, "iam:AddRoleToInstanceProfile", ErrorKind::Conflict, "LimitExceeded");
    let profiles = cloud.reads().profiles_of_role(&world.scope, "web-backup").await.unwrap();
    assert_eq!(profiles.iter().map(|p| p.role.as_deref()).collect::<Vec<_>>(), [Some("web-backup")]);
}

pub(super) async fn a_role_is_deleted_once_nothing_is_on_it(fixture: &dyn Fixture) {
    let (world, writes, target, cloud) = (fixture.world(), fixture.writes(), fixture.target(), fixture.cloud());
    make_backup(fixture).await;
    let (role, deny) = ("web-backup", deny_all_arn(&Partition::Aws));
    writes.attach_role_policy(&target, role, &deny).await.unwrap();
    writes.attach_role_policy(&target, role, &deny).await.unwrap();
    writes.put_role_policy(&target, role, "p", super::RELEASE).await.unwrap();
    assert!(cloud.reads().attached_role_policies(&world.scope, role).await.unwrap().contains(&deny));
    let conflict = || async {
        let answer = writes.delete_role(&target, role).await;
        refused(answer, "iam:DeleteRole", ErrorKind::Conflict, "DeleteConflict");
    };
    conflict().await;
    writes.remove_role_from_profile(&target, role, role).await.unwrap();
    conflict().await;
    writes.detach_role_policy(&target, role, &deny).await.unwrap();
    conflict().await;
    writes.delete_role_policy(&target, role, "p").await.unwrap();
    writes.delete_role(&target, role).await.unwrap();
    let gone = cloud.reads().role(&world.scope, role).await;
    refused(gone, "iam:GetRole", ErrorKind::NotFound, "NoSuchEntity");
    let again = writes.delete_role(&target, role).await;
    refused(again, "iam:DeleteRole", ErrorKind::NotFound, "NoSuchEntity");
    let again = writes.remove_role_from_profile(&target, "web-backup", "web").await;
    refused(again, "iam:RemoveRoleFromInstanceProfile", ErrorKind::NotFound, "NoSuchEntity");
    let again = writes.detach_role_policy(&target, "web", &deny).await;
    refused(again, "iam:DetachRolePolicy", ErrorKind::NotFound, "NoSuchEntity");
}

pub(super) async fn the_document_of_a_managed_policy_is_read(fixture: &dyn Fixture) {
    let (scope, cloud) = (&fixture.world().scope, fixture.cloud());
    let arn = deny_all_arn(&Partition::Aws);
    let policy = cloud.reads().managed_policy(scope, &arn).await.unwrap();
    let document = cloud.reads().policy_document(scope, &arn, &policy.version).await.unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let statement = document["Statement"].as_array().map_or(&document["Statement"], |list| &list[0]);
    assert_eq!(statement["Effect"], "Deny");
    let none = cloud.reads().policy_document(scope, &arn, "v99").await;
    refused(none, "iam:GetPolicyVersion", ErrorKind::NotFound, "NoSuchEntity");
}

pub(super) async fn a_rehearsal_of_profiles_and_roles_changes_nothing(fixture: &dyn Fixture) {
    let (world, writes, cloud) = (fixture.world(), fixture.writes(), fixture.cloud());
    let target = lazaret::cloud::port::Target { dry_run: true, ..fixture.target() };
    let before = association(fixture).await.unwrap();
    writes.replace_profile(&target, &before.id, "arn:aws:iam::1:instance-profile/none").await.unwrap();
    writes.disassociate_profile(&target, &before.id).await.unwrap();
    writes.create_role(&target, &backup(fixture)).await.unwrap();
    writes.delete_role(&target, "web").await.unwrap();
    let required = MetadataOptions {
        tokens_required: true,
        hop_limit: 2,
        endpoint: true,
        ipv6: false,
        tags: false,
        pending: false,
    };
    writes.set_metadata_options(&target, &world.instance, &required).await.unwrap();
    assert_eq!(association(fixture).await, Some(before));
    let query = InstanceQuery::Ids(vec![world.instance.clone()]);
    let now = cloud.reads().instances(&world.scope, &query).await.unwrap().remove(0);
    assert!(!now.metadata.unwrap().tokens_required);
    assert!(cloud.reads().role(&world.scope, "web-backup").await.is_err());
    assert!(cloud.reads().role(&world.scope, "web").await.is_ok());
}
