//! The group that lets everything through, through which interfaces pass on their way to quarantine.

use super::edit::{BackIn, Edit, Standing};
use crate::domain::{GroupRule, InstanceId, VpcId};
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use crate::playbook::tags;
use crate::playbook::weight::Weight;
use serde::{Deserialize, Serialize};

/// Makes an instance's allow-all group, or removes it: nobody keeps such a group longer than it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGroup {
    /// The instance that it is for.
    pub instance: InstanceId,
    /// The VPC.
    pub vpc: VpcId,
    /// Whether it was there.
    pub before: bool,
    /// Whether it will be.
    pub after: bool,
}

impl OpenGroup {
    /// Its name, by which an unclear answer is looked into: one an instance, since one run at a time holds an instance.
    pub fn name(&self) -> String {
        format!("lazaret-cut-flows-{}", self.instance)
    }
}

fn words(there: bool) -> String {
    if there { "everything in and out, IPv4 and IPv6".into() } else { "absent".into() }
}

impl Edit for OpenGroup {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} group {}", self.vpc, self.name())]
    }

    fn needs(&self) -> Needs {
        Needs { named_group: Some((self.vpc.clone(), self.name())), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        match &world.named_group {
            // I6: one of that name that isn't marked as ours is somebody else's.
            Some(group) if !tags::is_open_group(&group.tags) => Standing::Drift(format!("{} isn't ours", group.id)),
            now if now.is_some() == self.before => Standing::Before,
            _ => Standing::After,
        }
    }

    fn before_text(&self) -> String {
        words(self.before)
    }

    fn after_text(&self) -> String {
        words(self.after)
    }

    fn what(&self) -> String {
        format!("group {}", self.name())
    }

    fn calls(&self) -> Vec<ApiCall> {
        let name = self.name();
        if !self.after {
            return vec![
                ApiCall::read("ec2:DescribeSecurityGroups", &name),
                ApiCall::new("ec2:DeleteSecurityGroup", &name, Some(self.before_text()), Some("absent".into())),
            ];
        }
        let all: Vec<String> = GroupRule::defaults().iter().map(ToString::to_string).collect();
        vec![
            ApiCall::new("ec2:CreateSecurityGroup", self.vpc.as_str(), Some("absent".into()), Some(name.clone())),
            ApiCall::new("ec2:AuthorizeSecurityGroupIngress", &name, None, Some(all.join("; "))),
            ApiCall::new("ec2:AuthorizeSecurityGroupEgress", &name, None, Some(all.join("; "))),
            ApiCall::read("ec2:DescribeSecurityGroups", &name),
        ]
    }

    fn inverse(&self) -> Option<Self> {
        // Only away: nothing of ours ever puts an allow-all group back.
        self.after.then(|| Self { before: true, after: false, ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.fields() == later.fields()).then(|| Self { before: self.before, after: later.after, ..self.clone() })
    }

    fn back_in(&self) -> BackIn {
        BackIn::Afterwards
    }

    fn back_weight(&self) -> Weight {
        Weight::Wanted
    }
}
