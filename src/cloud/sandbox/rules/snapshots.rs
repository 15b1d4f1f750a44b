//! `DescribeVolumes`, `DescribeSnapshots` and `CreateSnapshots`, and what keeps snapshots: locks, copies, shares.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::{ScopeWorld, SnapshotState, World};
use super::{buckets, instances, tags};
use crate::cloud::port::{Snapshot, VolumeDetail};
use crate::domain::{AccountId, InstanceId, Retention, Scope, SnapshotId, Tags, VolumeId};
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeSet;

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
        if is_completed(snapshot, now) {
            snapshot.state = "completed".to_owned();
        }
    }
    found
}

fn is_completed(snapshot: &Snapshot, now: DateTime<Utc>) -> bool {
    snapshot.state == "completed" || snapshot.started_at.is_some_and(|at| at + TAKES <= now)
}

fn unknown(id: &SnapshotId) -> Refusal {
    Refusal::new("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
}

/// The longest that a snapshot may be locked, in days (EC2 API reference, `LockSnapshot`).
const LONGEST_LOCK: u32 = 36_500;

pub(in super::super) fn lock(place: &mut ScopeWorld, id: &SnapshotId, lock: Retention) -> Ruling<()> {
    let state = place.snapshots.get_mut(id).ok_or_else(|| unknown(id))?;
    if !(1..=LONGEST_LOCK).contains(&lock.days) {
        return Err(Refusal::new("InvalidParameterValue", "The lock duration must be between 1 and 36500 days."));
    }
    state.lock = Some(lock);
    Ok(())
}

pub(in super::super) fn share(world: &mut World, scope: &Scope, id: &SnapshotId, with: &[AccountId]) -> Ruling<()> {
    let default_key = buckets::default_key(scope);
    let state = world.place_mut(scope)?.snapshots.get_mut(id).ok_or_else(|| unknown(id))?;
    if state.snapshot.kms_key.as_ref() == Some(&default_key) {
        return Err(Refusal::new("InvalidParameter", "Encrypted snapshots with EBS default key cannot be shared"));
    }
    state.shared_with.extend(with.iter().cloned());
    Ok(())
}

pub(in super::super) fn copy(
    world: &mut World,
    scope: &Scope,
    source: &SnapshotId,
    kms_key: &str,
    description: &str,
    given: &Tags,
    now: DateTime<Utc>,
) -> Ruling<SnapshotId> {
    let from = world.place(scope)?.snapshots.get(source).ok_or_else(|| unknown(source))?.snapshot.clone();
    tags::check(given)?;
    if !is_completed(&from, now) {
        let message = format!("The snapshot '{source}' is in state 'pending'; only completed ones can be copied.");
        return Err(Refusal::new("IncorrectState", message));
    }
    let id = SnapshotId::new(world.new_id("snap-"));
    let (state, kms_key) = ("pending".to_owned(), Some(kms_key.to_owned()));
    // EC2 says that a copy is of no volume that exists: vol-ffffffff.
    let volume = VolumeId::new("vol-ffffffff");
    let snapshot = Snapshot { id: id.clone(), volume, state, started_at: Some(now), tags: given.clone(), kms_key };
    let description = description.to_owned();
    let state = SnapshotState { snapshot, description, lock: None, shared_with: BTreeSet::new() };
    world.place_mut(scope)?.snapshots.insert(id.clone(), state);
    Ok(id)
}

/// The volumes that exist, as they are described by themselves.
pub(in super::super) fn volumes(place: &ScopeWorld, ids: &[VolumeId]) -> Vec<VolumeDetail> {
    let known = ids.iter().filter_map(|id| Some((id, place.volumes.get(id)?)));
    known
        .map(|(id, tags)| {
            let kms_key = place.inside.volume_keys.get(id).cloned();
            let attached = place.instances.values().find(|i| i.instance.volumes.iter().any(|v| v.id == *id));
            VolumeDetail {
                id: id.clone(),
                state: if attached.is_some() { "in-use" } else { "available" }.to_owned(),
                size_gib: 8,
                volume_type: "gp3".to_owned(),
                encrypted: kms_key.is_some(),
                kms_key,
                snapshot: None,
                created_at: attached.and_then(|i| i.instance.launched_at),
                tags: tags.clone(),
            }
        })
        .collect()
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
        let kms_key = world.place(scope)?.inside.volume_keys.get(&volume).cloned();
        let (state, tags) = ("pending".to_owned(), given.clone());
        made.push(Snapshot { id, volume, state, started_at: Some(now), tags, kms_key });
    }
    let place = world.place_mut(scope)?;
    for snapshot in &made {
        let (snapshot, description) = (snapshot.clone(), description.to_owned());
        let state = SnapshotState { snapshot: snapshot.clone(), description, lock: None, shared_with: BTreeSet::new() };
        place.snapshots.insert(snapshot.id.clone(), state);
    }
    Ok(made)
}
