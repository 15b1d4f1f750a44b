//! Every reversible edit: what stood there, what will, how to tell which of the two stands there now, and the way back.
//!
//! One file a kind of edit, each an [`Edit`]; [`Change`] is any of them. A new kind is a file here, a line in
//! [`Change`] and one in `every!`, its reading in `engine/observe`, and its calls in `engine/apply`.

mod access_keys;
mod address;
mod backup_role;
mod delete_role;
mod deny_address;
mod edit;
mod finding;
mod groups;
mod membership;
mod metadata;
mod open_group;
mod policies;
mod profile;
mod protection;
mod quarantine_group;
mod registration;
mod tags;
mod volume;

pub use access_keys::SetAccessKeyStatus;
pub use address::SetAddress;
pub use backup_role::MakeBackupRole;
pub use delete_role::DeleteRole;
pub use deny_address::{DenyAddress, Seen, ways};
pub use edit::{BackIn, Edit, Standing};
pub use finding::{NO_NOTE, SetFinding, Swap};
pub use groups::SetInterfaceGroups;
pub use membership::{Place, SetPlace};
pub use metadata::SetMetadataOptions;
pub use open_group::OpenGroup;
pub use policies::{AttachManagedPolicy, PutInlinePolicy};
pub use profile::{SetInstanceProfile, profile_name};
pub use protection::SetProtection;
pub use quarantine_group::{MakeQuarantineGroup, leaks};
pub use registration::SetRegistration;
pub use tags::{SetTags, TagEdit, tags_of};
pub use volume::SetDeleteOnTermination;

pub use super::call::ApiCall;
pub use super::group_names::{GROUP_TO_BE_MADE, OPEN_GROUP_TO_BE_MADE, group_list};
use super::observed::{Needs, Observed};
use super::weight::Weight;
use crate::domain::{GroupId, InstanceId, Principal, RunId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One reversible edit of one AWS resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Sets a protection of an instance.
    Protection(SetProtection),
    /// Replaces the groups of a network interface.
    InterfaceGroups(SetInterfaceGroups),
    /// Sets or removes tags of one resource.
    Tags(SetTags),
    /// Makes the VPC's quarantine group, or lets the one we made reach the SSM endpoints.
    MakeQuarantineGroup(MakeQuarantineGroup),
    /// Puts another instance profile on an instance, puts the first one on it, or takes it off.
    InstanceProfile(SetInstanceProfile),
    /// Sets the metadata options of an instance.
    MetadataOptions(SetMetadataOptions),
    /// Makes a role and its instance profile, for instances to be moved to.
    MakeBackupRole(MakeBackupRole),
    /// Deletes a role for good.
    DeleteRole(DeleteRole),
    /// Moves an instance out of its Auto Scaling group's service, or back.
    Place(SetPlace),
    /// Registers a target with a load balancer, or deregisters it.
    Registration(SetRegistration),
    /// Takes an Elastic IP address off an interface, or puts it back.
    Address(SetAddress),
    /// Sets whether a volume goes with its instance.
    DeleteOnTermination(SetDeleteOnTermination),
    /// Makes an instance's allow-all group, or removes it.
    OpenGroup(OpenGroup),
    /// Denies a range in a network ACL.
    DenyAddress(DenyAddress),
    /// Makes a user's long-term key Active or Inactive.
    AccessKeyStatus(SetAccessKeyStatus),
    /// Sets or removes an inline policy of a user or role.
    InlinePolicy(PutInlinePolicy),
    /// Attaches a managed policy to a user, or detaches it.
    ManagedPolicy(AttachManagedPolicy),
    /// Sets workflow status and note of a finding.
    Finding(SetFinding),
}

/// The same expression for whichever edit it is; and, with two, for two of one kind.
macro_rules! every {
    ($change:expr, $edit:ident => $do:expr) => {
        match $change {
            Change::Protection($edit) => $do,
            Change::InterfaceGroups($edit) => $do,
            Change::Tags($edit) => $do,
            Change::MakeQuarantineGroup($edit) => $do,
            Change::InstanceProfile($edit) => $do,
            Change::MetadataOptions($edit) => $do,
            Change::MakeBackupRole($edit) => $do,
            Change::DeleteRole($edit) => $do,
            Change::Place($edit) => $do,
            Change::Registration($edit) => $do,
            Change::Address($edit) => $do,
            Change::DeleteOnTermination($edit) => $do,
            Change::OpenGroup($edit) => $do,
            Change::DenyAddress($edit) => $do,
            Change::AccessKeyStatus($edit) => $do,
            Change::InlinePolicy($edit) => $do,
            Change::ManagedPolicy($edit) => $do,
            Change::Finding($edit) => $do,
        }
    };
    ($one:expr, $other:expr, $kind:ident: ($a:ident, $b:ident) => $do:expr) => {
        match ($one, $other) {
            (Change::Protection($a), Change::Protection($b)) => {
                let $kind = Change::Protection;
                $do
            }
            (Change::InterfaceGroups($a), Change::InterfaceGroups($b)) => {
                let $kind = Change::InterfaceGroups;
                $do
            }
            (Change::Tags($a), Change::Tags($b)) => {
                let $kind = Change::Tags;
                $do
            }
            (Change::MakeQuarantineGroup($a), Change::MakeQuarantineGroup($b)) => {
                let $kind = Change::MakeQuarantineGroup;
                $do
            }
            (Change::InstanceProfile($a), Change::InstanceProfile($b)) => {
                let $kind = Change::InstanceProfile;
                $do
            }
            (Change::MakeBackupRole($a), Change::MakeBackupRole($b)) => {
                let $kind = Change::MakeBackupRole;
                $do
            }
            (Change::DeleteRole($a), Change::DeleteRole($b)) => {
                let $kind = Change::DeleteRole;
                $do
            }
            (Change::MetadataOptions($a), Change::MetadataOptions($b)) => {
                let $kind = Change::MetadataOptions;
                $do
            }
            (Change::Place($a), Change::Place($b)) => {
                let $kind = Change::Place;
                $do
            }
            (Change::Registration($a), Change::Registration($b)) => {
                let $kind = Change::Registration;
                $do
            }
            (Change::Address($a), Change::Address($b)) => {
                let $kind = Change::Address;
                $do
            }
            (Change::OpenGroup($a), Change::OpenGroup($b)) => {
                let $kind = Change::OpenGroup;
                $do
            }
            (Change::DeleteOnTermination($a), Change::DeleteOnTermination($b)) => {
                let $kind = Change::DeleteOnTermination;
                $do
            }
            (Change::DenyAddress($a), Change::DenyAddress($b)) => {
                let $kind = Change::DenyAddress;
                $do
            }
            (Change::AccessKeyStatus($a), Change::AccessKeyStatus($b)) => {
                let $kind = Change::AccessKeyStatus;
                $do
            }
            (Change::InlinePolicy($a), Change::InlinePolicy($b)) => {
                let $kind = Change::InlinePolicy;
                $do
            }
            (Change::ManagedPolicy($a), Change::ManagedPolicy($b)) => {
                let $kind = Change::ManagedPolicy;
                $do
            }
            (Change::Finding($a), Change::Finding($b)) => {
                let $kind = Change::Finding;
                $do
            }
            _ => None,
        }
    };
}

impl Change {
    /// See [`Edit::fields`].
    pub fn fields(&self) -> Vec<String> {
        every!(self, e => e.fields())
    }

    /// See [`Edit::needs`].
    pub fn needs(&self) -> Needs {
        every!(self, e => e.needs())
    }

    /// See [`Edit::standing`].
    pub fn standing(&self, world: &Observed) -> Standing {
        every!(self, e => e.standing(world))
    }

    /// See [`Edit::before_text`].
    pub fn before_text(&self) -> String {
        every!(self, e => e.before_text())
    }

    /// See [`Edit::after_text`].
    pub fn after_text(&self) -> String {
        every!(self, e => e.after_text())
    }

    /// See [`Edit::what`].
    pub fn what(&self) -> String {
        every!(self, e => e.what())
    }

    /// See [`Edit::calls`].
    pub fn calls(&self) -> Vec<ApiCall> {
        every!(self, e => e.calls())
    }

    /// See [`Edit::reads`].
    pub fn reads(&self) -> Vec<ApiCall> {
        every!(self, e => e.reads())
    }

    /// See [`Edit::inverse`].
    pub fn inverse(&self) -> Option<Self> {
        every!(self, self, kind: (e, _same) => e.inverse().map(kind))
    }

    /// See [`Edit::then`].
    pub fn then(&self, later: &Self) -> Option<Self> {
        every!(self, later, kind: (a, b) => a.then(b).map(kind))
    }

    /// See [`Edit::minus`].
    pub fn minus(&self, back: &Self) -> Option<Self> {
        if std::mem::discriminant(self) != std::mem::discriminant(back) {
            return Some(self.clone());
        }
        every!(self, back, kind: (a, b) => a.minus(b).map(kind))
    }

    /// See [`Edit::overwriting`].
    pub fn overwriting(&self, world: &Observed) -> Option<Self> {
        every!(self, self, kind: (e, _same) => e.overwriting(world).map(kind))
    }

    /// See [`Edit::stands_in_part`].
    pub fn stands_in_part(&self, world: &Observed) -> Option<Vec<String>> {
        every!(self, e => e.stands_in_part(world))
    }

    /// See [`Edit::without_effect`].
    pub fn without_effect(&self, world: &Observed) -> Option<String> {
        every!(self, e => e.without_effect(world))
    }

    /// See [`Edit::undoing`].
    pub fn undoing(&self) -> Option<String> {
        every!(self, e => e.undoing())
    }

    /// See [`Edit::renewed_by`].
    pub fn renewed_by(&self, later: &Self) -> bool {
        every!(self, later, kind: (a, b) => a.renewed_by(b).then(|| kind(b.clone()))).is_some()
    }

    /// See [`Edit::only_when_asked`].
    pub fn only_when_asked(&self) -> bool {
        every!(self, e => e.only_when_asked())
    }

    /// See [`Edit::asked_as`].
    pub fn asked_as(&self) -> Vec<String> {
        every!(self, e => e.asked_as())
    }

    /// See [`Edit::settle`].
    #[must_use]
    pub fn settle(self, run: RunId, now: DateTime<Utc>) -> Self {
        let settled = every!(&self, &self, kind: (e, _same) => Some(kind(e.clone().settle(run, now))));
        settled.unwrap_or(self)
    }

    /// See [`Edit::back_in`].
    pub fn back_in(&self) -> BackIn {
        every!(self, e => e.back_in())
    }

    /// See [`Edit::back_weight`].
    pub fn back_weight(&self) -> Weight {
        every!(self, e => e.back_weight())
    }

    /// See [`Edit::looks_first`].
    pub fn looks_first(&self) -> bool {
        every!(self, e => e.looks_first())
    }

    /// Whether the world can be asked where it stands.
    pub fn can_be_read(&self) -> bool {
        // What is passed through does not stay, and groups and roles that are made are read by the step that makes them.
        let passing = matches!(self, Self::InterfaceGroups(SetInterfaceGroups { passing: true, .. }));
        !passing && !matches!(self, Self::MakeQuarantineGroup(_) | Self::OpenGroup(_) | Self::MakeBackupRole(_))
    }

    /// The instance that it is an edit of, where it is one.
    pub fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Protection(SetProtection { instance, .. })
            | Self::InterfaceGroups(SetInterfaceGroups { instance, .. })
            | Self::Tags(SetTags { instance, .. }) => Some(instance),
            Self::Place(SetPlace { instance, .. })
            | Self::Registration(SetRegistration { instance, .. })
            | Self::Address(SetAddress { instance, .. })
            | Self::OpenGroup(OpenGroup { instance, .. })
            | Self::DeleteOnTermination(SetDeleteOnTermination { instance, .. }) => Some(instance),
            Self::InstanceProfile(_) | Self::MetadataOptions(_) => None,
            Self::MakeBackupRole(_) | Self::DeleteRole(_) => None,
            Self::DenyAddress(_) => None,
            Self::MakeQuarantineGroup(_)
            | Self::Finding(_)
            | Self::AccessKeyStatus(_)
            | Self::InlinePolicy(_)
            | Self::ManagedPolicy(_) => None,
        }
    }

    /// The user or role whose rights it is an edit of, where it is one.
    pub fn principal(&self) -> Option<Principal> {
        match self {
            Self::AccessKeyStatus(e) => Some(Principal::User(e.user.clone())),
            Self::InlinePolicy(e) => Some(e.of.clone()),
            Self::ManagedPolicy(e) => Some(Principal::User(e.user.clone())),
            Self::DeleteRole(e) => Some(Principal::Role(e.name().to_owned())),
            _ => None,
        }
    }

    /// The parts that go back each for itself: the status and the note of a finding; any other change is one part.
    pub fn apart(self) -> Vec<Self> {
        match self {
            Self::Finding(finding) => finding.apart().into_iter().map(Self::Finding).collect(),
            other => vec![other],
        }
    }

    /// The same change, knowing where the world that it rests on may be an old one.
    #[must_use]
    pub fn resting_on(mut self, world: &Observed) -> Self {
        if let Self::Finding(finding) = &mut self {
            finding.lagging = world.findings.get(&finding.key).is_some_and(|now| !now.shown);
        }
        self
    }

    /// The same change with the group that was made in place of [`GROUP_TO_BE_MADE`].
    #[must_use]
    pub fn with_group_made(self, made: &GroupId) -> Self {
        self.with_group(GROUP_TO_BE_MADE, made)
    }

    /// The same change with the allow-all group that was made in place of [`OPEN_GROUP_TO_BE_MADE`].
    #[must_use]
    pub fn with_open_group(self, made: &GroupId) -> Self {
        self.with_group(OPEN_GROUP_TO_BE_MADE, made)
    }

    fn with_group(mut self, placeholder: &str, made: &GroupId) -> Self {
        if let Self::InterfaceGroups(SetInterfaceGroups { before, after, .. }) = &mut self {
            for groups in [before, after] {
                if groups.remove(&GroupId::new(placeholder)) {
                    groups.insert(made.clone());
                }
            }
        }
        self
    }
}
