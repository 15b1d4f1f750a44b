//! What may replace an instance or expose it: its Auto Scaling group, load balancers' targets, Elastic IP addresses.

use super::ids::{InstanceId, InterfaceId, VpcId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

/// An instance's place in its Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingMember {
    /// The group's name.
    pub group: String,
    /// `InService`, `Standby`, `EnteringStandby`, `Pending…`, `Detaching`, `Terminating…`, `Warmed:…`, as AWS spells it.
    pub lifecycle: String,
}

/// An Auto Scaling group, as far as taking an instance out of it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingGroup {
    /// Its name, unique in the account and Region.
    pub name: String,
    /// How many instances it has at least.
    pub min: i32,
    /// And at most.
    pub max: i32,
    /// How many it tries to have.
    pub desired: i32,
    /// Whether it also replaces what a load balancer calls unhealthy.
    pub asks_load_balancers: bool,
    /// The target groups that it registers its instances with.
    pub target_groups: BTreeSet<Balancer>,
}

/// Where targets are registered: a target group, by its ARN, or a classic load balancer, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Balancer(String);

impl Balancer {
    /// Takes an ARN or a classic load balancer's name as AWS wrote it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The ARN, or the classic load balancer's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a target group; else a classic load balancer.
    pub fn is_target_group(&self) -> bool {
        // A classic load balancer's name holds letters, digits and hyphens alone.
        self.0.starts_with("arn:")
    }

    /// The name that people know it by.
    pub fn name(&self) -> &str {
        // arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID
        if self.is_target_group() { self.0.split('/').nth(1).unwrap_or(&self.0) } else { &self.0 }
    }
}

impl fmt::Display for Balancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.is_target_group() { "target group" } else { "load balancer" }, self.name())
    }
}

/// What a target group's targets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Instances, by id.
    Instance,
    /// Addresses.
    Ip,
    /// Functions, or other load balancers.
    Other,
}

/// A target group of an Application, Network or Gateway Load Balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its ARN.
    pub id: Balancer,
    /// Its VPC; functions have none.
    pub vpc: Option<VpcId>,
    /// What its targets are.
    pub kind: TargetKind,
}

/// A classic load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassicBalancer {
    /// Its name.
    pub id: Balancer,
    /// The instances that are registered.
    pub instances: BTreeSet<InstanceId>,
}

/// One target of a target group or classic load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// An instance's id, or an address.
    pub id: String,
    /// The port that it is registered with; a classic load balancer has listeners instead.
    pub port: Option<i32>,
    /// The Availability Zone that it was registered with, where one was given: `all` for addresses outside the VPC.
    pub zone: Option<String>,
    /// `healthy`, `initial`, `unhealthy`, `draining`, `unused`, `unavailable`; of a classic one `InService`,
    /// `OutOfService`.
    pub state: String,
    /// AWS's code for why it isn't healthy.
    pub reason: Option<String>,
}

impl Target {
    /// Whether it is registered, and not on its way out.
    pub fn is_registered(&self) -> bool {
        !matches!(self.state.as_str(), "draining" | "unhealthy.draining")
            && self.reason.as_deref() != Some("Target.NotRegistered")
    }

    /// Whether nothing more is to be waited for: it is well, or nobody checks it.
    pub fn is_well(&self) -> bool {
        self.is_healthy() || self.is_unchecked()
    }

    /// Whether its load balancer's checks call it well.
    pub fn is_healthy(&self) -> bool {
        matches!(self.state.as_str(), "healthy" | "InService")
    }

    /// Whether it is registered where nobody checks targets: the other reasons for `unused` and `unavailable` are faults.
    fn is_unchecked(&self) -> bool {
        let reason = self.reason.as_deref();
        matches!(
            (self.state.as_str(), reason),
            ("unavailable", Some("Target.HealthCheckDisabled")) | ("unused", Some("Target.NotInUse"))
        )
    }

    /// Whether no waiting makes it well: its instance does not run, or its address can't be used.
    pub fn is_hopeless(&self) -> bool {
        matches!(self.reason.as_deref(), Some("Target.InvalidState" | "Target.IpUnusable"))
    }
}

/// Where an Elastic IP address points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// Its id, `eipassoc-…`: a new one each time.
    pub id: String,
    /// The interface.
    pub interface: InterfaceId,
    /// The private address on it.
    pub private_ip: IpAddr,
}

/// An Elastic IP address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIp {
    /// Its id, `eipalloc-…`, which stays ours while it points nowhere.
    pub allocation: String,
    /// The address.
    pub public_ip: IpAddr,
    /// Where it points, if anywhere.
    pub association: Option<Association>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balancers_have_names() {
        let arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/0123456789abcdef";
        assert_eq!(Balancer::new(arn).to_string(), "target group web");
        assert_eq!(Balancer::new("old-web").to_string(), "load balancer old-web");
        assert_eq!(Balancer::new("arn:odd").name(), "arn:odd");
    }

    #[test]
    fn a_target_that_nobody_checks_is_as_well_as_it_gets() {
        let target = |state: &str, reason: Option<&str>| Target {
            id: "i-1".into(),
            port: None,
            zone: None,
            state: state.into(),
            reason: reason.map(str::to_owned),
        };
        for (state, reason, registered, well) in [
            ("healthy", None, true, true),
            ("InService", None, true, true),
            ("unavailable", Some("Target.HealthCheckDisabled"), true, true),
            ("unused", Some("Target.NotInUse"), true, true),
            ("unused", Some("Target.NotRegistered"), false, false),
            ("unused", Some("Target.InvalidState"), true, false),
            ("unavailable", Some("Elb.InternalError"), true, false),
            ("initial", Some("Elb.InitialHealthChecking"), true, false),
            ("unhealthy", Some("Target.Timeout"), true, false),
            ("OutOfService", Some("ELB"), true, false),
            ("draining", Some("Target.DeregistrationInProgress"), false, false),
        ] {
            let target = target(state, reason);
            assert_eq!((target.is_registered(), target.is_well()), (registered, well), "{state} {reason:?}");
        }
    }
}
