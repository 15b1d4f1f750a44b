//! The security group that isolates, one a VPC.

use super::edit::{Edit, Standing};
use crate::domain::{GroupId, GroupRule, RulePeer, SecurityGroup, VpcId, text};
use crate::playbook::call::ApiCall;
use crate::playbook::group_names::group_list;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Makes the VPC's quarantine group, or lets the one we made reach the SSM endpoints. Not taken back: the group hurts
/// nobody, and the next quarantine needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeQuarantineGroup {
    /// The VPC.
    pub vpc: VpcId,
    /// The group's name.
    pub name: String,
    /// The group, where it is there and only lacks rules.
    pub existing: Option<GroupId>,
    /// The groups of SSM endpoints that it may reach on TCP 443.
    pub ssm_endpoint_groups: BTreeSet<GroupId>,
}

impl Edit for MakeQuarantineGroup {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} quarantine group", self.vpc)]
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn standing(&self, _: &Observed) -> Standing {
        Standing::Unknown
    }

    fn before_text(&self) -> String {
        if self.existing.is_some() { "no egress".into() } else { "absent".into() }
    }

    fn after_text(&self) -> String {
        if self.ssm_endpoint_groups.is_empty() {
            "no ingress, no egress".into()
        } else {
            format!("no ingress, egress TCP 443 to {} alone", group_list(&self.ssm_endpoint_groups))
        }
    }

    fn what(&self) -> String {
        format!("quarantine group of {}", self.vpc)
    }

    fn calls(&self) -> Vec<ApiCall> {
        let reach = || Some(format!("TCP 443 to {}", group_list(&self.ssm_endpoint_groups)));
        if let Some(group) = &self.existing {
            return vec![
                ApiCall::read("ec2:DescribeSecurityGroups", group.as_str()),
                ApiCall::new("ec2:AuthorizeSecurityGroupEgress", group.as_str(), None, reach()),
            ];
        }
        let (absent, made) = (Some("absent".into()), Some(self.name.clone()));
        let mut calls = vec![ApiCall::new("ec2:CreateSecurityGroup", self.vpc.as_str(), absent, made)];
        // Each by itself: the second is there only where the VPC has an IPv6 range.
        for rule in GroupRule::defaults() {
            let (before, after) = (Some(rule.to_string()), Some("no egress".into()));
            calls.push(ApiCall::new("ec2:RevokeSecurityGroupEgress", &self.name, before, after));
        }
        if !self.ssm_endpoint_groups.is_empty() {
            calls.push(ApiCall::new("ec2:AuthorizeSecurityGroupEgress", &self.name, None, reach()));
        }
        calls.push(ApiCall::read("ec2:DescribeSecurityGroups", &self.name));
        calls
    }

    fn inverse(&self) -> Option<Self> {
        None
    }

    fn then(&self, _: &Self) -> Option<Self> {
        None
    }

    fn minus(&self, _: &Self) -> Option<Self> {
        Some(self.clone())
    }

    fn looks_first(&self) -> bool {
        false
    }
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
