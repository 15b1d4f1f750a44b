//! The words of the project as types: scopes, ids, findings, subjects, instances, access lists.
//!
//! Imports nothing of ours. No I/O, no async, no wall clock ([`Clock`] is asked for the time).

pub mod acl;
pub mod clock;
pub mod evidence;
pub mod finding;
pub mod fleet;
pub mod group;
pub mod ids;
pub mod instance;
pub mod metadata;
pub mod prefix_list;
pub mod principal;
pub mod scope;
pub mod severity;
pub mod subject;
pub mod text;

pub use acl::{AclAction, AclCounter, AclDirection, AclEntry, NetworkAcl};
pub use clock::{Clock, ManualClock, SystemClock};
pub use evidence::{Kept, LockMode, Retention, Vault};
pub use finding::{Compliance, Finding, FindingKey, RecordState, Source, Workflow};
pub use fleet::{
    Association, Balancer, ClassicBalancer, ElasticIp, ScalingGroup, ScalingMember, Target, TargetGroup, TargetKind,
};
pub use group::{GroupRule, RulePeer, SecurityGroup};
pub use ids::{
    AclId, FindingId, GroupId, InstanceId, InterfaceId, PrefixListId, RunId, SnapshotId, SubnetId, VolumeId, VpcId,
};
pub use instance::{Instance, Interface, Protection, Tags, Volume};
pub use metadata::MetadataOptions;
pub use prefix_list::PrefixList;
pub use principal::Principal;
pub use scope::{AccountId, Partition, Region, Scope};
pub use severity::Severity;
pub use subject::{Direction, PrincipalType, Subject};
