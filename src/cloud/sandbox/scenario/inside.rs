//! Agents, consoles and buckets of a scenario.

use super::super::inside::{AgentState, Bucket, BucketLock};
use super::super::world::World;
use super::document::{AgentEntry, BucketEntry};
use crate::domain::{LockMode, Retention, Scope};

/// Adds the agent of an instance, and what its console says.
pub(super) fn add_agent(world: &mut World, scope: &Scope, entry: &AgentEntry) -> Result<(), String> {
    let found = world.instance(scope, &entry.instance).map(|i| i.instance.id.clone());
    let instance = found.ok_or_else(|| format!("there is no instance `{}`", entry.instance))?;
    let place = world.scopes.get_mut(scope).ok_or("its scope is unknown")?;
    let agent = AgentState {
        lost: entry.lost,
        profile: entry.profile.clone(),
        platform: entry.platform.clone(),
        outputs: entry.says.clone(),
    };
    if let Some(text) = &entry.console {
        place.inside.consoles.insert(instance.clone(), text.clone());
    }
    match place.inside.agents.insert(instance, agent) {
        Some(_) => Err(format!("`{}` has two agents", entry.instance)),
        None => Ok(()),
    }
}

/// Adds a bucket. Its name is one in the whole world.
pub(super) fn add_bucket(world: &mut World, scope: &Scope, entry: &BucketEntry) -> Result<(), String> {
    if world.scopes.values().any(|place| place.inside.buckets.contains_key(&entry.name)) {
        return Err("there is a bucket of this name already".into());
    }
    if entry.retain_days.is_some() && !entry.object_lock {
        return Err("`retain_days` wants `object_lock`".into());
    }
    let default = entry.retain_days.map(|days| Retention { mode: LockMode::Governance, days });
    let lock = entry.object_lock.then_some(BucketLock { default });
    let place = world.scopes.get_mut(scope).ok_or("its scope is unknown")?;
    place.inside.buckets.insert(entry.name.clone(), Bucket { lock, ..Bucket::default() });
    Ok(())
}
