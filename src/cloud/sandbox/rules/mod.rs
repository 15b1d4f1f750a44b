//! AWS's own rules, one resource a file: each function checks everything first and only then changes the world, so
//! that a refused call changes nothing.

pub(super) mod acl_entries;
pub(super) mod addresses;
pub(super) mod agents;
pub(super) mod autoscaling;
pub(super) mod buckets;
pub(super) mod elb;
pub(super) mod findings;
pub(super) mod groups;
pub(super) mod iam;
pub(super) mod instances;
pub(super) mod interfaces;
pub(super) mod network_acls;
pub(super) mod parameters;
pub(super) mod prefix_lists;
pub(super) mod profiles;
pub(super) mod roles;
pub(super) mod snapshots;
pub(super) mod tags;
pub(super) mod topics;
