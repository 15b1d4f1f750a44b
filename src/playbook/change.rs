//! Every reversible edit: what stood there, what will, how to tell which of the two stands there now, and the way back.

use super::observed::{Needs, Observed};
use crate::domain::{GroupId, GroupRule, InstanceId, InterfaceId, Protection, RulePeer, SecurityGroup, VpcId, text};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Stands for the quarantine group that an earlier step of the same run makes; replaced by the real id before the
/// step that names it is recorded.
pub const GROUP_TO_BE_MADE: &str = "sg-to-be-made";

/// One API call of a step, for the preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiCall {
    /// The operation as IAM spells it.
    pub operation: &'static str,
    /// What it is called on.
    pub target: String,
    /// What stands there, where the call changes something.
    pub before: Option<String>,
    /// What will stand there.
    pub after: Option<String>,
}

/// What one tag holds before and after; `None` where the tag is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagEdit {
    /// The value that stood there.
    pub before: Option<String>,
    /// The value that will.
    pub after: Option<String>,
}

/// One reversible edit of one AWS resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Sets a protection of an instance.
    Protection {
        /// The instance.
        instance: InstanceId,
        /// Which protection.
        protection: Protection,
        /// What stood there.
        before: bool,
        /// What will.
        after: bool,
    },
    /// Replaces the groups of a network interface.
    InterfaceGroups {
        /// The instance it is attached to.
        instance: InstanceId,
        /// The interface.
        interface: InterfaceId,
        /// The groups that stood on it.
        before: BTreeSet<GroupId>,
        /// The groups that will.
        after: BTreeSet<GroupId>,
    },
    /// Sets or removes tags of one resource.
    Tags {
        /// The instance whose tags they are, or whose interface's.
        instance: InstanceId,
        /// The resource.
        resource: String,
        /// The edits by key.
        edits: BTreeMap<String, TagEdit>,
    },
    /// Makes the VPC's quarantine group, or lets the one we made reach the SSM endpoints. Not taken back: the group
    /// hurts nobody, and the next quarantine needs it.
    MakeQuarantineGroup {
        /// The VPC.
        vpc: VpcId,
        /// The group's name.
        name: String,
        /// The group, where it is there and only lacks rules.
        existing: Option<GroupId>,
        /// The groups of SSM endpoints that it may reach on TCP 443.
        ssm_endpoint_groups: BTreeSet<GroupId>,
    },
}

/// Which side of a change the world is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds what the change leaves there.
    After,
    /// It holds what stood there before.
    Before,
    /// It holds something else: what, in words.
    Drift(String),
    /// The resource isn't there any more.
    Gone,
    /// It wasn't read.
    Unknown,
}

/// Groups in words, smallest id first.
pub fn group_list<'a>(groups: impl IntoIterator<Item = &'a GroupId>) -> String {
    let name = |g: &'a GroupId| if g.as_str() == GROUP_TO_BE_MADE { "the new quarantine group" } else { g.as_str() };
    let list: Vec<&str> = groups.into_iter().map(name).collect();
    if list.is_empty() { "no group".to_owned() } else { text::safe(&list.join(" ")).into_owned() }
}

fn on_off(on: bool) -> String {
    if on { "on".to_owned() } else { "off".to_owned() }
}

impl Change {
    /// The instance that has to be read to see this change.
    pub fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Protection { instance, .. }
            | Self::InterfaceGroups { instance, .. }
            | Self::Tags { instance, .. } => Some(instance),
            Self::MakeQuarantineGroup { .. } => None,
        }
    }

    /// The fields it edits, each as `resource field`: no two changes of one wave may name the same.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::Protection { instance, protection, .. } => vec![format!("{instance} {}", protection.attribute())],
            Self::InterfaceGroups { interface, .. } => vec![format!("{interface} groups")],
            Self::Tags { resource, edits, .. } => edits.keys().map(|k| format!("{resource} tag {k}")).collect(),
            Self::MakeQuarantineGroup { vpc, .. } => vec![format!("{vpc} quarantine group")],
        }
    }

    /// What has to be read to tell where it stands.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs { instance: self.instance().cloned(), ..Needs::default() };
        match self {
            Self::Protection { protection, .. } => {
                needs.protections.insert(*protection);
            }
            Self::InterfaceGroups { before, after, .. } => {
                needs.groups.extend(before.iter().chain(after).cloned());
            }
            Self::Tags { .. } | Self::MakeQuarantineGroup { .. } => {}
        }
        needs
    }

    /// Which side of this change the observed world is on.
    pub fn standing(&self, world: &Observed) -> Standing {
        match self {
            Self::Protection { protection, before, after, .. } => {
                if world.instance.is_none() {
                    return Standing::Gone;
                }
                match world.protections.get(protection) {
                    None => Standing::Unknown,
                    Some(now) if now == after => Standing::After,
                    Some(now) if now == before => Standing::Before,
                    Some(now) => Standing::Drift(on_off(*now)),
                }
            }
            Self::InterfaceGroups { interface, before, after, .. } => match world.interfaces.get(interface) {
                None => Standing::Gone,
                Some(now) if &now.groups == after => Standing::After,
                Some(now) if &now.groups == before => Standing::Before,
                Some(now) => Standing::Drift(group_list(&now.groups)),
            },
            Self::Tags { resource, edits, .. } => {
                let Some(tags) = tags_of(world, resource) else { return Standing::Gone };
                let all =
                    |side: fn(&TagEdit) -> &Option<String>| edits.iter().all(|(k, e)| tags.get(k) == side(e).as_ref());
                if all(|e| &e.after) {
                    Standing::After
                } else if all(|e| &e.before) {
                    Standing::Before
                } else {
                    let odd: Vec<String> = edits
                        .iter()
                        .filter(|(k, e)| tags.get(*k) != e.after.as_ref())
                        .map(|(k, _)| format!("{k}={}", show_tag(tags.get(k).map(String::as_str))))
                        .collect();
                    Standing::Drift(odd.join(", "))
                }
            }
            Self::MakeQuarantineGroup { .. } => Standing::Unknown,
        }
    }

    /// What stood there, in words.
    pub fn before_text(&self) -> String {
        match self {
            Self::Protection { before, .. } => on_off(*before),
            Self::InterfaceGroups { before, .. } => group_list(before),
            Self::Tags { edits, .. } => tag_list(edits, |e| &e.before),
            Self::MakeQuarantineGroup { existing: Some(_), .. } => "no egress".into(),
            Self::MakeQuarantineGroup { existing: None, .. } => "absent".into(),
        }
    }

    /// What will stand there, in words.
    pub fn after_text(&self) -> String {
        match self {
            Self::Protection { after, .. } => on_off(*after),
            Self::InterfaceGroups { after, .. } => group_list(after),
            Self::Tags { edits, .. } => tag_list(edits, |e| &e.after),
            Self::MakeQuarantineGroup { ssm_endpoint_groups, .. } if ssm_endpoint_groups.is_empty() => {
                "no ingress, no egress".into()
            }
            Self::MakeQuarantineGroup { ssm_endpoint_groups, .. } => {
                format!("no ingress, egress TCP 443 to {} alone", group_list(ssm_endpoint_groups))
            }
        }
    }

    /// The resource and field, in words.
    pub fn what(&self) -> String {
        match self {
            Self::Protection { instance, protection, .. } => format!("{protection} of {instance}"),
            Self::InterfaceGroups { interface, .. } => format!("groups of {interface}"),
            Self::Tags { resource, .. } => format!("tags of {}", text::safe(resource)),
            Self::MakeQuarantineGroup { vpc, .. } => format!("quarantine group of {vpc}"),
        }
    }

    /// The API calls that make it.
    pub fn calls(&self) -> Vec<ApiCall> {
        let call = |operation, target: &str, before, after| ApiCall {
            operation,
            target: text::safe(target).into_owned(),
            before,
            after,
        };
        let both = || (Some(self.before_text()), Some(self.after_text()));
        match self {
            Self::Protection { instance, protection, .. } => {
                let (before, after) = both();
                let target = format!("{instance} {}", protection.attribute());
                vec![call("ec2:ModifyInstanceAttribute", &target, before, after)]
            }
            Self::InterfaceGroups { interface, .. } => {
                let (before, after) = both();
                vec![call("ec2:ModifyNetworkInterfaceAttribute", interface.as_str(), before, after)]
            }
            Self::Tags { resource, edits, .. } => {
                let set: BTreeMap<_, _> = edits.iter().filter(|(_, e)| e.after.is_some()).collect();
                let removed: BTreeMap<_, _> = edits.iter().filter(|(_, e)| e.after.is_none()).collect();
                let mut calls = Vec::new();
                if !set.is_empty() {
                    let show =
                        |side: fn(&TagEdit) -> &Option<String>| Some(tag_list(set.iter().map(|(k, e)| (*k, *e)), side));
                    calls.push(call("ec2:CreateTags", resource, show(|e| &e.before), show(|e| &e.after)));
                }
                if !removed.is_empty() {
                    let before = tag_list(removed.iter().map(|(k, e)| (*k, *e)), |e| &e.before);
                    calls.push(call("ec2:DeleteTags", resource, Some(before), Some("absent".into())));
                }
                calls
            }
            Self::MakeQuarantineGroup { existing: Some(group), ssm_endpoint_groups, .. } => {
                let rules = format!("TCP 443 to {}", group_list(ssm_endpoint_groups));
                vec![
                    call("ec2:DescribeSecurityGroups", group.as_str(), None, None),
                    call("ec2:AuthorizeSecurityGroupEgress", group.as_str(), None, Some(rules)),
                ]
            }
            Self::MakeQuarantineGroup { vpc, name, existing: None, ssm_endpoint_groups } => {
                let mut calls =
                    vec![call("ec2:CreateSecurityGroup", vpc.as_str(), Some("absent".into()), Some(name.clone()))];
                // Each by itself: the second is there only where the VPC has an IPv6 range.
                for rule in GroupRule::defaults() {
                    let after = Some("no egress".into());
                    calls.push(call("ec2:RevokeSecurityGroupEgress", name, Some(rule.to_string()), after));
                }
                if !ssm_endpoint_groups.is_empty() {
                    let rules = format!("TCP 443 to {}", group_list(ssm_endpoint_groups));
                    calls.push(call("ec2:AuthorizeSecurityGroupEgress", name, None, Some(rules)));
                }
                calls.push(call("ec2:DescribeSecurityGroups", name, None, None));
                calls
            }
        }
    }

    /// The same change with the group that was made in place of [`GROUP_TO_BE_MADE`].
    #[must_use]
    pub fn with_group_made(mut self, made: &GroupId) -> Self {
        if let Self::InterfaceGroups { after, .. } = &mut self
            && after.remove(&GroupId::new(GROUP_TO_BE_MADE))
        {
            after.insert(made.clone());
        }
        self
    }

    /// The change that leaves what this one found; `None` where there is no way back, or none is wanted.
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Protection { instance, protection, before, after } => {
                Self::Protection { instance, protection, before: after, after: before }
            }
            Self::InterfaceGroups { instance, interface, before, after } => {
                Self::InterfaceGroups { instance, interface, before: after, after: before }
            }
            Self::Tags { instance, resource, edits } => Self::Tags {
                instance,
                resource,
                edits: edits.into_iter().map(|(k, e)| (k, TagEdit { before: e.after, after: e.before })).collect(),
            },
            Self::MakeQuarantineGroup { .. } => return None,
        })
    }

    /// This change and a later one of the same resource as one, when they are of one kind and resource.
    ///
    /// What goes back is what stood there first, as long as the later change began where the earlier one left off, or
    /// where it had begun (when it had no effect). Otherwise somebody else decided in between, and theirs counts.
    pub fn then(&self, later: &Self) -> Option<Self> {
        match (self, later) {
            (
                Self::Protection { instance, protection, before, after },
                Self::Protection { instance: i2, protection: p2, before: b2, after: a2 },
            ) if instance == i2 && protection == p2 => Some(Self::Protection {
                instance: instance.clone(),
                protection: *protection,
                before: chained(before, after, b2),
                after: *a2,
            }),
            (
                Self::InterfaceGroups { instance, interface, before, after },
                Self::InterfaceGroups { interface: e2, before: b2, after: a2, .. },
            ) if interface == e2 => Some(Self::InterfaceGroups {
                instance: instance.clone(),
                interface: interface.clone(),
                before: chained(before, after, b2),
                after: a2.clone(),
            }),
            (Self::Tags { instance, resource, edits }, Self::Tags { resource: r2, edits: e2, .. })
                if resource == r2 =>
            {
                let mut both = edits.clone();
                for (key, edit) in e2 {
                    both.entry(key.clone())
                        .and_modify(|first| {
                            *first = TagEdit {
                                before: chained(&first.before, &first.after, &edit.before),
                                after: edit.after.clone(),
                            };
                        })
                        .or_insert_with(|| edit.clone());
                }
                Some(Self::Tags { instance: instance.clone(), resource: resource.clone(), edits: both })
            }
            _ => None,
        }
    }

    /// What is left of this change once `back` has put its fields back; `None` when nothing is.
    pub fn minus(&self, back: &Self) -> Option<Self> {
        match (self, back) {
            (Self::Tags { instance, resource, edits }, Self::Tags { resource: r2, edits: e2, .. })
                if resource == r2 =>
            {
                let left: BTreeMap<String, TagEdit> =
                    edits.iter().filter(|(k, _)| !e2.contains_key(*k)).map(|(k, e)| (k.clone(), e.clone())).collect();
                let left = Self::Tags { instance: instance.clone(), resource: resource.clone(), edits: left };
                (!left.fields().is_empty()).then_some(left)
            }
            (Self::Protection { .. } | Self::InterfaceGroups { .. }, _) if self.fields() == back.fields() => None,
            _ => Some(self.clone()),
        }
    }
}

/// What stood there before two changes in a row.
fn chained<T: Clone + PartialEq>(before: &T, after: &T, later_before: &T) -> T {
    if later_before == after || later_before == before { before.clone() } else { later_before.clone() }
}

/// The tags of the instance or one of its interfaces; `None` when it isn't there.
pub fn tags_of<'a>(world: &'a Observed, resource: &str) -> Option<&'a crate::domain::Tags> {
    match &world.instance {
        Some(instance) if instance.id.as_str() == resource => Some(&instance.tags),
        _ => world.interfaces.values().find(|i| i.id.as_str() == resource).map(|i| &i.tags),
    }
}

fn show_tag(value: Option<&str>) -> String {
    value.map_or("absent".to_owned(), |v| format!("\"{}\"", text::fit(v, 80)))
}

fn tag_list<'a>(
    edits: impl IntoIterator<Item = (&'a String, &'a TagEdit)>,
    side: fn(&TagEdit) -> &Option<String>,
) -> String {
    let list: Vec<String> =
        edits.into_iter().map(|(k, e)| format!("{}={}", text::safe(k), show_tag(side(e).as_deref()))).collect();
    list.join(", ")
}

/// The rules by which a group lets through more than TCP 443 to the allowed groups, each with its direction; empty
/// for a group that isolates.
pub fn leaks(group: &SecurityGroup, https_to: &BTreeSet<GroupId>) -> Vec<String> {
    let allowed = |rule: &GroupRule| {
        rule.protocol == "tcp"
            && rule.from_port == Some(443)
            && rule.to_port == Some(443)
            && matches!(&rule.peer, RulePeer::Group(g) if https_to.contains(g))
    };
    let ingress = group.ingress.iter().map(|r| format!("ingress {r}"));
    let egress = group.egress.iter().filter(|r| !allowed(r)).map(|r| format!("egress {r}"));
    ingress.chain(egress).map(|r| text::safe(&r).into_owned()).collect()
}
