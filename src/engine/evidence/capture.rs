//! One piece of evidence, as its API call answers it.

use super::super::Engine;
use super::super::answer::step_error;
use super::super::observe::observe;
use super::super::retry::rereading;
use super::Captured;
use super::command;
use crate::cloud::port::GroupQuery;
use crate::cloud::{ErrorKind, Writes};
use crate::domain::{InstanceId, NetworkAcl, Protection, SubnetId, Vault, VolumeId};
use crate::ledger::{RunState, StepError};
use crate::playbook::change::profile_name;
use crate::playbook::{Capture, Needs};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Takes one piece.
///
/// # Errors
/// When its call fails: then there is nothing to keep.
pub(super) async fn take(
    engine: &Engine,
    writes: &dyn Writes,
    state: &RunState,
    instance: &InstanceId,
    what: &Capture,
    vault: &Vault,
    bound: Duration,
) -> Result<Captured, StepError> {
    let (reads, scope) = (engine.cloud().reads(), &state.plan.scope);
    let alone = |bytes: Vec<u8>| Captured { bytes, note: None };
    match what {
        Capture::Metadata => Ok(metadata(engine, state, instance).await),
        Capture::Screenshot => {
            let picture = rereading(engine, || reads.console_screenshot(scope, instance)).await;
            picture.map(alone).map_err(|e| step_error(&e))
        }
        Capture::ConsoleOutput => {
            let latest = rereading(engine, || reads.console_output(scope, instance, true)).await;
            let output = match latest {
                // Only Nitro instances tell what stands there now.
                Err(e) if matches!(e.kind, ErrorKind::Conflict | ErrorKind::Invalid) => {
                    rereading(engine, || reads.console_output(scope, instance, false)).await
                }
                latest => latest,
            };
            let output = output.map_err(|e| step_error(&e))?;
            let note = match output.at {
                _ if output.bytes.is_empty() => Some("the instance has said nothing on its console".to_owned()),
                Some(at) => Some(format!("as of {}", at.format("%Y-%m-%d %H:%M:%SZ"))),
                None => None,
            };
            Ok(Captured { bytes: output.bytes, note })
        }
        Capture::Command { script, wait_for_agent, upload } => {
            let upload = command::upload_to(state, vault, instance, *upload);
            command::run(engine, writes, state, instance, *script, *wait_for_agent, upload, bound).await
        }
    }
}

/// What EC2 says of the instance and what stands around it. What can't be read is named in it, and nothing else is lost
/// for that.
async fn metadata(engine: &Engine, state: &RunState, instance: &InstanceId) -> Captured {
    let (reads, scope) = (engine.cloud().reads(), &state.plan.scope);
    let mut not_read: Vec<String> = Vec::new();
    let needs = Needs {
        instance: Some(instance.clone()),
        protections: BTreeSet::from([Protection::Termination, Protection::Stop]),
        ..Needs::default()
    };
    let seen = rereading(engine, || observe(reads.as_ref(), scope, &needs, engine.now())).await;
    let world = seen.map_err(|e| not_read.push(e.to_string())).ok();
    let described = world.as_ref().and_then(|w| w.instance.clone());
    let interfaces: Vec<_> = world.iter().flat_map(|w| w.interfaces_in_order()).cloned().collect();
    let groups: BTreeSet<_> = interfaces.iter().flat_map(|i| i.groups.iter().cloned()).collect();
    let subnets: BTreeSet<SubnetId> = interfaces.iter().map(|i| i.subnet.clone()).collect();
    let volumes: Vec<VolumeId> = described.iter().flat_map(|i| &i.volumes).map(|v| v.id.clone()).collect();
    let query = GroupQuery::Ids(groups.into_iter().collect());
    let (groups, acls, volumes, agent, user_data) = futures::join!(
        rereading(engine, || reads.groups(scope, &query)),
        rereading(engine, || reads.network_acls(scope, &[])),
        rereading(engine, || reads.volumes(scope, &volumes)),
        rereading(engine, || reads.agent(scope, instance)),
        rereading(engine, || reads.user_data(scope, instance)),
    );
    fn told<T: serde::Serialize>(answer: Result<T, crate::cloud::CloudError>, not_read: &mut Vec<String>) -> Value {
        answer.map_err(|e| not_read.push(e.to_string())).map_or(Value::Null, |v| json!(v))
    }
    let acls = acls.map(|all| all.into_iter().filter(|a| guards(a, &subnets)).collect::<Vec<_>>());
    let protections: serde_json::Map<String, Value> = world
        .iter()
        .flat_map(|w| &w.protections)
        .map(|(protection, on)| (protection.attribute().to_owned(), json!(on)))
        .collect();
    let profile = described.as_ref().and_then(|i| i.profile_arn.clone());
    let in_it = match profile.as_deref().map(profile_name) {
        Some(name) => told(rereading(engine, || reads.instance_profile(scope, name)).await, &mut not_read),
        None => Value::Null,
    };
    let value = json!({
        "read_at": engine.now(),
        "scope": scope,
        "instance": described,
        "interfaces": interfaces,
        "groups": told(groups, &mut not_read),
        "network_acls": told(acls, &mut not_read),
        "volumes": told(volumes, &mut not_read),
        "agent": told(agent, &mut not_read),
        "protections": protections,
        "user_data_base64": told(user_data, &mut not_read),
        "instance_profile": profile,
        "profile": in_it,
        "not_read": not_read,
    });
    let note = (!not_read.is_empty()).then(|| format!("not read: {}", not_read.join("; ")));
    let mut bytes = serde_json::to_vec_pretty(&value).unwrap_or_default();
    bytes.push(b'\n');
    Captured { bytes, note }
}

/// Whether a network ACL stands before one of these subnets.
fn guards(acl: &NetworkAcl, subnets: &BTreeSet<SubnetId>) -> bool {
    acl.subnets.iter().any(|s| subnets.contains(s))
}
