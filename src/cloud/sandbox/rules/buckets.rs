//! Buckets: another account's is refused, Object Lock holds, and what is put with a condition replaces nothing.

use super::super::inside::{Bucket, StoredObject};
use super::super::refusal::{Refusal, Ruling};
use super::super::world::{World, hex_of};
use crate::cloud::port::{NewObject, ObjectHead, ObjectLock};
use crate::domain::Scope;
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

/// A bucket's name is one in the whole world: it is found wherever it is, and then it is asked whose.
fn find<'a>(world: &'a World, owner: &Scope, name: &str) -> Ruling<&'a Bucket> {
    world.place(owner)?;
    let found = world.scopes.iter().find_map(|(scope, place)| Some((scope, place.inside.buckets.get(name)?)));
    match found {
        None => Err(Refusal::new("NoSuchBucket", "The specified bucket does not exist")),
        Some((scope, _)) if scope.account != owner.account => Err(Refusal::new("AccessDenied", "Access Denied")),
        Some((scope, _)) if scope.region != owner.region => {
            let message = "The bucket you are attempting to access must be addressed using the specified endpoint.";
            Err(Refusal::new("PermanentRedirect", message))
        }
        Some((_, bucket)) => Ok(bucket),
    }
}

fn find_mut<'a>(world: &'a mut World, owner: &Scope, name: &str) -> Ruling<&'a mut Bucket> {
    find(world, owner, name)?;
    let bucket = world.place_mut(owner)?.inside.buckets.get_mut(name);
    bucket.ok_or_else(|| Refusal::new("NoSuchBucket", "The specified bucket does not exist"))
}

/// The object as it stands: its latest version, unless that is a deletion.
fn latest<'a>(bucket: &'a Bucket, key: &str) -> Option<&'a Vec<u8>> {
    bucket.objects.get(key)?.last()?.body.as_ref()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

pub(in super::super) fn lock(world: &World, owner: &Scope, bucket: &str) -> Ruling<Option<ObjectLock>> {
    Ok(find(world, owner, bucket)?.lock.map(|lock| ObjectLock { default: lock.default }))
}

pub(in super::super) fn head(world: &World, owner: &Scope, bucket: &str, key: &str) -> Ruling<Option<ObjectHead>> {
    let body = latest(find(world, owner, bucket)?, key);
    Ok(body.map(|body| ObjectHead { bytes: body.len() as u64, sha256: Some(sha256(body)) }))
}

pub(in super::super) fn get(world: &World, owner: &Scope, bucket: &str, key: &str) -> Ruling<Option<Vec<u8>>> {
    Ok(latest(find(world, owner, bucket)?, key).cloned())
}

pub(in super::super) fn list(world: &World, owner: &Scope, bucket: &str, prefix: &str) -> Ruling<Vec<String>> {
    let bucket = find(world, owner, bucket)?;
    let keys = bucket.objects.keys().filter(|key| key.starts_with(prefix) && latest(bucket, key).is_some());
    Ok(keys.cloned().collect())
}

pub(in super::super) fn put(world: &mut World, owner: &Scope, object: &NewObject, now: DateTime<Utc>) -> Ruling<()> {
    let bucket = find_mut(world, owner, &object.bucket)?;
    if latest(bucket, &object.key).is_some() {
        let message = "At least one of the pre-conditions you specified did not hold";
        return Err(Refusal::new("PreconditionFailed", message));
    }
    if sha256(&object.body) != object.sha256 {
        return Err(Refusal::new("BadDigest", "The SHA256 you specified did not match the calculated checksum."));
    }
    if object.retain_until.is_some() && bucket.lock.is_none() {
        return Err(Refusal::new("InvalidRequest", "Bucket is missing Object Lock Configuration"));
    }
    let default = bucket.lock.and_then(|lock| lock.default);
    let default = default.map(|r| (r.mode, now + Duration::days(r.days.into())));
    let stored = StoredObject {
        body: Some(object.body.clone()),
        kms_key: object.kms_key.clone(),
        retain_until: object.retain_until.or(default),
        at: now,
    };
    bucket.objects.entry(object.key.clone()).or_default().push(stored);
    Ok(())
}

/// Writes over an object as somebody else would: where the bucket has versions, the one before stays.
pub(in super::super) fn overwrite(
    world: &mut World,
    owner: &Scope,
    bucket: &str,
    key: &str,
    body: Option<Vec<u8>>,
    now: DateTime<Utc>,
) -> Ruling<()> {
    let bucket = find_mut(world, owner, bucket)?;
    let versions = bucket.objects.entry(key.to_owned()).or_default();
    if bucket.lock.is_none() {
        versions.clear();
    }
    versions.push(StoredObject { body, kms_key: None, retain_until: None, at: now });
    Ok(())
}

/// Deletes every version of an object for good, as somebody else would. What is retained can't be.
pub(in super::super) fn erase(
    world: &mut World,
    owner: &Scope,
    bucket: &str,
    key: &str,
    now: DateTime<Utc>,
) -> Ruling<()> {
    let bucket = find_mut(world, owner, bucket)?;
    let versions = bucket.objects.get(key).into_iter().flatten();
    if versions.into_iter().any(|v| v.retain_until.is_some_and(|(_, until)| until > now)) {
        let message = "Access Denied because object protected by object lock.";
        return Err(Refusal::new("AccessDenied", message));
    }
    bucket.objects.remove(key);
    Ok(())
}

/// The ARN of the key that an account's volumes have where nobody names another: such a snapshot can't be shared.
pub(in super::super) fn default_key(scope: &Scope) -> String {
    scope.arn("kms", &format!("key/mrk-{}", hex_of(&[b"aws/ebs", scope.account.as_str().as_bytes()], 32)))
}
