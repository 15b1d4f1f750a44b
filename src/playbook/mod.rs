//! Playbooks: pure functions from what was found and observed to a [`Plan`], and the plan's vocabulary.
//!
//! May import `domain` and `policy`. No I/O, no async, no clock: the time comes in with the observation. A plan is
//! data: the value that is previewed is the value that runs.

mod back_to_work;
pub mod block;
mod call;
pub mod change;
pub mod credentials;
pub mod delete_role;
pub mod deny;
pub mod dossier;
mod drift;
pub mod evidence;
pub mod exfiltration;
pub mod fleet;
pub mod forensics;
mod group_names;
pub mod observed;
pub mod plan;
pub mod quarantine;
pub mod refusal;
pub mod restore;
pub mod service;
pub mod tags;
pub mod update_findings;
mod weight;

pub use change::{ApiCall, Change, Edit, Standing, TagEdit};
pub use evidence::{Capture, Evidence, Script};
pub use fleet::{Fleet, FleetNeeds};
pub use observed::{FindingNow, GroupChoice, Needs, Observed};
pub use plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
pub use service::{ServiceCheck, TargetRef};
