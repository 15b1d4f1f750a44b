//! The port's contract: one set of checks, held against the sandbox and, over HTTP through the real SDKs, against moto.
//!
//! A check is written against [`Cloud`] and a [`Fixture`], which built the start world that [`World`] describes. Each
//! test has a world of its own.

mod acls;
mod evidence;
mod finding;
mod findings;
mod fleet;
mod forensics;
mod groups;
mod iam;
mod iam_principals;
mod identity;
mod instances;
mod interfaces;
mod prefix_lists;
mod profiles;
mod rehearsal;
mod tags;

mod sandbox;
mod stand;

#[cfg(feature = "aws")]
mod adapters;
#[cfg(feature = "aws")]
mod connect;
#[cfg(feature = "aws")]
mod iam_wire;
#[cfg(feature = "aws")]
mod moto;
#[cfg(feature = "aws")]
mod program;
#[cfg(feature = "aws")]
mod server;
#[cfg(feature = "aws")]
mod wire;

use async_trait::async_trait;
use lazaret::cloud::port::{CloudError, InterfaceQuery, Permit, Target, Writes};
use lazaret::cloud::{Cloud, ErrorKind};
use lazaret::domain::{
    AclId, GroupId, InstanceId, Interface, InterfaceId, PrefixListId, Scope, SubnetId, VolumeId, VpcId,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The user data of the instance, in Base64.
const USER_DATA: &str = "IyEvYmluL3NoCmRuZiBpbnN0YWxsIC15IG5naW54Cg==";

/// What stands at the start of each check.
pub(crate) struct World {
    /// The caller's own account and Region.
    pub(crate) scope: Scope,
    /// Another account, which the caller may enter. Nothing of the below stands there.
    pub(crate) other: Scope,
    /// A VPC with one subnet.
    pub(crate) vpc: VpcId,
    /// Its subnet.
    pub(crate) subnet: SubnetId,
    /// Its groups `web`, `app` and `db`; `db` is tagged `Tier=data`.
    pub(crate) groups: [GroupId; 3],
    /// Its default network ACL, with entry 50, which denies TCP from 198.51.100.7/32.
    pub(crate) acl: AclId,
    /// A running instance named `web-1`.
    pub(crate) instance: InstanceId,
    /// Its interfaces 0 (`web` and `app`), 1 (`app`) and 2 (`db`).
    pub(crate) interfaces: [InterfaceId; 3],
    /// Its two volumes.
    pub(crate) volumes: BTreeSet<VolumeId>,
    /// A topic.
    pub(crate) topic: String,
    /// An interface endpoint for SSM in the VPC, behind `app`.
    pub(crate) endpoint: String,
    /// A prefix list of the account's own, `offices`, with [`OFFICES`] ranges, two pages of the real thing. AWS's own are
    /// there too.
    pub(crate) offices: PrefixListId,
    /// The active keys of the user `deploy-bot` (path `/ci/`), the older first. It has a console password, the inline
    /// policy `release` ([`RELEASE`]) and AWS's own policy `ReadOnlyAccess`.
    pub(crate) keys: [String; 2],
}

/// An inline policy as somebody wrote it, with what an encoding could spoil.
pub(crate) const RELEASE: &str = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\"Sid\": \"Release\", \"Effect\": \
    \"Allow\",\n    \"Action\": \"s3:PutObject\", \"Resource\": \"arn:aws:s3:::a+b/100%25/*\"}]\n}";

/// The trust policy of the role `web`, which has the inline policy `release` too, and is in the instance profile
/// `web`, which is on the instance. `AWSServiceRoleForAutoScaling` is there as well.
pub(crate) const TRUST: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\
    {\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}";

/// How many ranges stand in the prefix list `offices`: 10.1.0.0/24 and on.
pub(crate) const OFFICES: u8 = 120;

/// How many parameters stand below `/nacl`: three pages of the real thing. Each `/nacl/acl-…` holds its number; there
/// is also `/other/one`.
pub(crate) const PARAMETERS: usize = 23;

/// A start world, and what the port can't see or do.
#[async_trait]
pub(crate) trait Fixture: Send + Sync {
    /// The port to it.
    fn cloud(&self) -> Cloud;
    /// What stands there.
    fn world(&self) -> &World;
    /// Security Hub receives findings, as ASFF.
    async fn import(&self, findings: Vec<Value>);
    /// Makes a bucket in the caller's own account and Region, with Object Lock and a default retention of 30 days, or
    /// without.
    async fn make_bucket(&self, name: &str, locked: bool);
    /// The instance's agent goes online.
    async fn start_agent(&self);
    /// What was published to the topic: id, subject, body.
    async fn published(&self) -> Vec<(String, String, String)>;
}

impl dyn Fixture + '_ {
    fn writes(&self) -> Arc<dyn Writes> {
        self.cloud().writes(&Permit::granted_by_guard()).unwrap().clone()
    }

    fn target(&self) -> Target {
        Target::new(&self.world().scope)
    }

    /// The instance's interfaces in their order.
    async fn interfaces(&self) -> Vec<Interface> {
        let query = InterfaceQuery::AttachedTo(vec![self.world().instance.clone()]);
        self.cloud().reads().interfaces(&self.world().scope, &query).await.unwrap()
    }

    /// The groups on each of the instance's interfaces.
    async fn groups_on(&self) -> Vec<BTreeSet<GroupId>> {
        self.interfaces().await.into_iter().map(|i| i.groups).collect()
    }
}

/// Checks that a call was refused and what is known about it.
#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, CloudError>, operation: &str, kind: ErrorKind, code: &str) {
    let error = answer.unwrap_err();
    assert_eq!((error.operation.as_str(), error.kind, error.code.as_str()), (operation, kind, code), "{error}");
    assert!(error.scope.is_some(), "{error:?}");
    assert!(!error.may_have_applied && !error.retryable, "{error:?}");
}

macro_rules! checks {
    ($($file:ident::{$($check:ident),+ $(,)?})+) => {
        mod on_sandbox {
            $($(
                #[tokio::test]
                async fn $check() {
                    super::$file::$check(&super::sandbox::Simulated::fresh()).await;
                }
            )+)+
        }

        #[cfg(feature = "aws")]
        mod on_moto {
            $($(
                #[tokio::test]
                async fn $check() {
                    super::$file::$check(&super::moto::Moto::fresh().await).await;
                }
            )+)+
        }
    };
}

checks! {
    identity::{the_caller_is_known, another_account_is_another_account}
    instances::{
        an_instance_is_described, unknown_instances_are_left_out, instances_are_found_by_tag, protections_are_set_and_read,
    }
    interfaces::{
        each_interface_shows_its_own_groups, interfaces_are_found_by_group, groups_on_an_interface_are_replaced_whole,
        an_unknown_group_changes_nothing, an_unknown_interface_is_refused,
    }
    groups::{
        groups_are_found, a_group_is_made_once, egress_is_revoked_and_authorized, rules_are_read_peer_by_peer,
        endpoints_are_listed,
    }
    tags::{tags_are_set_and_overwritten, tags_are_deleted_by_value, tags_have_limits}
    evidence::{
        all_volumes_are_snapshotted, a_message_lands, an_unknown_topic_is_refused, parameters_are_read_over_pages,
        network_acls_are_read,
    }
    acls::{
        an_entry_is_made_and_removed_in_each_direction_and_family, a_number_is_one_persons_in_its_direction,
        a_range_keeps_its_network, numbers_are_legal, the_final_denies_stay, a_table_has_a_quota,
        what_is_not_there_is_refused, an_entry_is_rehearsed, a_counter_is_written_and_read_by_name,
        all_interfaces_are_listed, unknown_acls_are_left_out,
    }
    prefix_lists::{
        awss_own_lists_are_found_and_nobody_elses, a_list_is_read_whole_over_pages, an_unknown_list_is_refused,
    }
    profiles::{
        a_profile_is_replaced_without_a_gap, a_profile_is_taken_off_and_put_on, metadata_options_are_set_whole_and_read,
        a_role_is_made_as_asked_and_once, a_role_is_deleted_once_nothing_is_on_it,
        the_document_of_a_managed_policy_is_read, a_rehearsal_of_profiles_and_roles_changes_nothing,
    }
    forensics::{
        objects_are_kept_once_and_found_again, a_bucket_says_how_it_locks, anothers_bucket_is_refused,
        consoles_are_captured, user_data_is_read_as_it_is_kept, volumes_are_described_by_themselves, a_script_runs_and_is_found_by_its_comment,
        no_command_goes_where_no_agent_is, snapshots_are_kept,
    }
    rehearsal::{a_rehearsal_changes_nothing, a_rehearsal_says_what_would_be_refused}
    iam_principals::{
        users_and_roles_are_described, keys_and_passwords_are_listed, a_key_names_its_user, keys_are_switched_off_and_on,
        inline_policies_are_kept_byte_for_byte, policies_are_put_overwritten_and_deleted, policies_have_quotas,
        the_policy_that_denies_everything_is_attached_and_detached, roles_of_aws_can_not_be_edited,
        iam_tells_the_time, an_instance_shows_its_profile, what_does_not_exist_in_iam_is_said, a_rehearsal_leaves_iam_alone,
    }
    findings::{
        open_findings_come_newest_first, findings_are_filtered, findings_of_one_resource_are_asked_for_by_its_exact_id,
        the_sent_json_is_kept, pages_are_followed,
        findings_are_updated, a_call_takes_a_hundred_findings, what_was_not_updated_is_said, a_rehearsed_update_changes_nothing,
    }
}
