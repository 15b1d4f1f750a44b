//! `DescribeSnapshots` and `CreateSnapshots`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::{ScopeWorld, SnapshotState, World};
use super::{instances, tags};
use crate::cloud::port::Snapshot;
use crate::domain::{InstanceId, Scope, SnapshotId, Tags, VolumeId};
use chrono::{DateTime, Duration, Utc};

/// How long a snapshot is `pending` here. Real ones take minutes to hours.
const TAKES: Duration = Duration::seconds(90);

pub(in super::super) fn describe(place: &ScopeWorld, tag: &str, value: &str, now: DateTime<Utc>) -> Vec<Snapshot> {
    let mut found: Vec<Snapshot> = place
        .snapshots
        .values()
        .map(|s| &s.snapshot)
        .filter(|s| s.tags.get(tag).is_some_and(|v| v == value))
        .cloned()
        .collect();
    for snapshot in &mut found {
        if snapshot.state == "pending" && snapshot.started_at.is_some_and(|at| at + TAKES <= now) {
            snapshot.state = "completed".to_owned();
        }
    }
    found
}

pub(in super::super) fn create(
    world: &mut World,
    scope: &Scope,
    instance: &InstanceId,
    description: &str,
    given: &Tags,
    now: DateTime<Utc>,
) -> Ruling<Vec<Snapshot>> {
    let place = world.place(scope)?;
    let state = place.instances.get(instance).ok_or_else(|| instances::unknown(instance))?;
    tags::check(given)?;
    if description.chars().count() > 255 {
        return Err(Refusal::new("InvalidParameterValue", "The description is longer than 255 characters."));
    }
    if !state.instance.exists() || state.instance.volumes.is_empty() {
        return Err(Refusal::new(
            "IncorrectInstanceState",
            format!("The instance '{instance}' has no attached EBS volumes to snapshot."),
        ));
    }
    let volumes: Vec<VolumeId> = state.instance.volumes.iter().map(|v| v.id.clone()).collect();
    let mut made = Vec::with_capacity(volumes.len());
    for volume in volumes {
        let id = SnapshotId::new(world.new_id("snap-"));
        made.push(Snapshot { id, volume, state: "pending".to_owned(), started_at: Some(now), tags: given.clone() });
    }
    let place = world.place_mut(scope)?;
    for snapshot in &made {
        let state = SnapshotState { snapshot: snapshot.clone(), description: description.to_owned() };
        place.snapshots.insert(snapshot.id.clone(), state);
    }
    Ok(made)
}
