//! A simulated AWS behind the [`crate::cloud::port`] traits: stateful, with AWS's own rules and error codes, its own
//! clock, seeded chance, latency, late reads and faults. It is what the console runs on with nothing configured, and
//! what most tests run against.
//!
//! May import `domain`, `intake` (to decode the findings it holds) and `cloud::port`. Deliberately absent: the
//! network, the system's clock and any chance but the seed's.

mod access;
mod acls;
mod address;
mod asff;
mod autoscaling;
mod background;
mod behaviour;
mod brief;
mod calls;
mod elb;
mod evaluate;
mod fault;
mod fleet;
mod flows;
mod forensics;
mod iam;
mod identities;
mod inside;
mod limiter;
mod profiles;
mod reads;
mod refusal;
mod roles;
mod rules;
mod scenario;
mod simulated;
mod stale;
mod store;
mod world;
mod writes;

pub use access::Access;
pub use behaviour::{Behaviour, Rate, Staleness};
pub use brief::{ApiCallBrief, ConnectionBrief, FindingBrief, KeyBrief, ProbeBrief, RemoteBrief, ResourceBrief, Span};
pub use calls::{CallOutcome, CallRecord, Moment, depth};
pub use fault::{Fault, FaultKind};
pub use fleet::{ClassicLoadBalancer, FleetWorld, Pool, Registered, ScalingState};
pub use identities::{InstanceProfile, Intruder, KeyState, PolicyState, Role, Session, UserState};
pub use inside::{AgentState, Bucket, BucketLock, CommandState, Inside, StoredObject};
pub use scenario::{DEFAULT_SCENARIO, Scenario, ScenarioError};
pub use simulated::{Sandbox, SandboxError};
pub use store::StoreError;
pub use world::{
    Account, Background, Caller, DEFAULT_GROUPS_PER_INTERFACE, Endpoint, FindingPatch, Group, InstanceState, Message,
    PrefixListState, ScopeWorld, SnapshotState, StoredFinding, Subnet, Topic, Vpc, World,
};

#[cfg(test)]
mod tests;
