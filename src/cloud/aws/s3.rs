//! S3: the buckets that evidence is kept in. Each call names the account that has to own the bucket.

use super::AwsCloud;
use super::error::{call, incomplete};
use crate::cloud::operations::{GET_OBJECT, GET_OBJECT_LOCK_CONFIGURATION, HEAD_OBJECT, LIST_OBJECTS, PUT_OBJECT};
use crate::cloud::port::{
    CloudError, CloudResult, ErrorKind, NewObject, ObjectHead, ObjectLock, S3Reads, S3Writes, Target,
};
use crate::domain::{LockMode, Retention, Scope};
use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ObjectLockEnabled, ObjectLockMode, ObjectLockRetentionMode, ServerSideEncryption,
};
use aws_smithy_types::{DateTime, base64};

/// The days of a year in which S3 counts a default retention.
const YEAR: u32 = 365;

/// A digest as S3's headers have it, base64, from hexadecimal.
fn header_digest(hex: &str) -> String {
    let digit = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).filter_map(digit).collect();
    base64::encode(bytes)
}

/// A digest in hexadecimal from an answer's header. That of a multipart upload (`…-3`) is of no whole object.
fn digest_of_header(header: &str) -> Option<String> {
    let bytes = base64::decode(header).ok().filter(|bytes| bytes.len() == 32)?;
    Some(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn unless<T>(codes: &[&str], answer: CloudResult<Option<T>>) -> CloudResult<Option<T>> {
    match answer {
        Err(error) if codes.contains(&error.code.as_str()) => Ok(None),
        answer => answer,
    }
}

#[async_trait]
impl S3Reads for AwsCloud {
    async fn object_lock(&self, owner: &Scope, bucket: &str) -> CloudResult<Option<ObjectLock>> {
        let clients = self.clients.of(owner).await?;
        let s3 = &clients.s3;
        let request = s3.get_object_lock_configuration().bucket(bucket).expected_bucket_owner(owner.account.as_str());
        let answer = call(GET_OBJECT_LOCK_CONFIGURATION, Some(owner), request.send()).await.map_err(|e| e.on(bucket));
        let answer = unless(&["ObjectLockConfigurationNotFoundError"], answer.map(Some))?;
        let found = answer.and_then(|a| a.object_lock_configuration);
        let on = found.filter(|c| c.object_lock_enabled() == Some(&ObjectLockEnabled::Enabled));
        Ok(on.map(|configuration| {
            let default = configuration.rule().and_then(|rule| rule.default_retention()).and_then(|r| {
                let days = r.days().or_else(|| r.years()?.checked_mul(YEAR as i32)).and_then(|d| u32::try_from(d).ok());
                let mode = match r.mode()? {
                    ObjectLockRetentionMode::Compliance => LockMode::Compliance,
                    _ => LockMode::Governance,
                };
                Some(Retention { mode, days: days? })
            });
            ObjectLock { default }
        }))
    }

    async fn head_object(&self, owner: &Scope, bucket: &str, key: &str) -> CloudResult<Option<ObjectHead>> {
        let clients = self.clients.of(owner).await?;
        let s3 = &clients.s3;
        let request = s3
            .head_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .expected_bucket_owner(owner.account.as_str());
        let answer = call(HEAD_OBJECT, Some(owner), request.send()).await.map_err(|e| e.on(key));
        // An answer to HEAD has no body, and so no code of its own.
        let answer = unless(&["NotFound", "NoSuchKey", "Http404"], answer.map(Some))?;
        Ok(answer.map(|a| ObjectHead {
            bytes: a.content_length().and_then(|n| u64::try_from(n).ok()).unwrap_or_default(),
            sha256: a.checksum_sha256().and_then(digest_of_header),
        }))
    }

    async fn get_object(&self, owner: &Scope, bucket: &str, key: &str) -> CloudResult<Option<Vec<u8>>> {
        let clients = self.clients.of(owner).await?;
        let s3 = &clients.s3;
        let request = s3.get_object().bucket(bucket).key(key).expected_bucket_owner(owner.account.as_str());
        let answer = call(GET_OBJECT, Some(owner), request.send()).await.map_err(|e| e.on(key));
        let Some(answer) = unless(&["NoSuchKey"], answer.map(Some))? else { return Ok(None) };
        let body = answer.body.collect().await.map_err(|e| CloudError {
            may_have_applied: false,
            ..CloudError::new(GET_OBJECT.name, ErrorKind::Unavailable, "ConnectionFailed", e.to_string())
                .at(owner)
                .on(key)
        })?;
        Ok(Some(body.to_vec()))
    }

    async fn list_objects(&self, owner: &Scope, bucket: &str, prefix: &str) -> CloudResult<Vec<String>> {
        let clients = self.clients.of(owner).await?;
        let s3 = &clients.s3;
        let pages = s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .expected_bucket_owner(owner.account.as_str())
            .into_paginator()
            .send();
        let pages = call(LIST_OBJECTS, Some(owner), pages.collect::<Result<Vec<_>, _>>()).await;
        let pages = pages.map_err(|e| e.on(bucket))?;
        let keys = pages.iter().flat_map(|page| page.contents()).filter_map(|o| o.key());
        Ok(keys.filter(|key| key.starts_with(prefix)).map(str::to_owned).collect())
    }
}

#[async_trait]
impl S3Writes for AwsCloud {
    async fn put_object(&self, target: &Target, object: &NewObject) -> CloudResult<()> {
        if target.dry_run {
            return Ok(()); // S3 knows no rehearsal
        }
        let scope = &target.scope;
        let clients = self.clients.of(scope).await?;
        let s3_once = &clients.s3_once;
        let sse = if object.kms_key.is_some() { ServerSideEncryption::AwsKms } else { ServerSideEncryption::Aes256 };
        let lock = object.retain_until.map(|(mode, until)| {
            let mode = match mode {
                LockMode::Compliance => ObjectLockMode::Compliance,
                LockMode::Governance => ObjectLockMode::Governance,
            };
            (mode, DateTime::from_secs(until.timestamp()))
        });
        let (mode, until) = lock.unzip();
        let request = s3_once
            .put_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .body(ByteStream::from(object.body.clone()))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(header_digest(&object.sha256))
            .if_none_match("*")
            .server_side_encryption(sse)
            .set_ssekms_key_id(object.kms_key.clone())
            .set_object_lock_mode(mode)
            .set_object_lock_retain_until_date(until)
            .expected_bucket_owner(scope.account.as_str());
        let answer = call(PUT_OBJECT, Some(scope), request.send()).await.map_err(|e| e.on(&object.key))?;
        // S3 has checked the digest that we sent, and says which one it keeps.
        match answer.checksum_sha256().and_then(digest_of_header) {
            Some(kept) if kept != object.sha256 => Err(incomplete(PUT_OBJECT, scope, "the digest that was sent")),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_go_to_headers_and_come_back() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(header_digest(empty), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(digest_of_header(&header_digest(empty)).as_deref(), Some(empty));
        assert_eq!(digest_of_header("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-2"), None);
        assert_eq!(digest_of_header("AAAA"), None);
    }
}
