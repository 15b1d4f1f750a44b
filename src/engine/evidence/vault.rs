//! Where evidence is kept: a bucket, or a folder on this machine. Nothing is overwritten in either.

use super::super::Engine;
use super::super::retry::{ATTEMPTS, rereading, retrying};
use crate::cloud::port::{NewObject, Target};
use crate::cloud::{CloudError, ErrorKind, Writes};
use crate::domain::{InstanceId, Kept, Scope, Vault};
use crate::ledger::RunState;
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// How we name what the folder does, where a bucket's call would have its operation.
const FOLDER: &str = "local:Folder";

/// The folder of one run in its vault.
#[derive(Debug, Clone)]
pub(super) struct Place {
    vault: Vault,
    folder: String,
}

impl Place {
    pub(super) fn of(state: &RunState, vault: &Vault, instance: &InstanceId) -> Self {
        let folder = vault.folder_of(&state.plan.scope, instance, state.run);
        Self { vault: vault.clone(), folder }
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Whether it is on this machine.
    pub(super) fn is_a_folder(&self) -> bool {
        matches!(self.vault, Vault::Folder { .. })
    }

    /// The place in words.
    pub(super) fn describe(&self) -> String {
        match &self.vault {
            Vault::Bucket { bucket, .. } => format!("s3://{bucket}/{}", self.folder),
            Vault::Folder { path } => path.join(&self.folder).display().to_string(),
        }
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// What is known of a piece before it is put away.
pub(super) fn kept(name: String, bytes: &[u8], at: DateTime<Utc>, source: &str) -> Kept {
    Kept { name, sha256: sha256(bytes), bytes: bytes.len() as u64, captured_at: at, source: source.to_owned() }
}

/// Puts a piece into the vault. One of that name that is there already is left alone: the same bytes are as good, others
/// are an error. After an unclear answer it looks, and tries again where nothing is there: neither a bucket nor a folder
/// replaces what it has.
pub(super) async fn put(
    engine: &Engine,
    writes: &dyn Writes,
    place: &Place,
    kept: &Kept,
    bytes: Vec<u8>,
) -> Result<(), CloudError> {
    let mut unclear = None;
    for _ in 0..ATTEMPTS {
        let Err(error) = try_to_put(engine, writes, place, kept, bytes.clone()).await else { return Ok(()) };
        if error.kind != ErrorKind::AlreadyExists && !error.may_have_applied {
            return Err(error);
        }
        match stat(engine, place, &kept.name).await {
            Ok(Some((sha256, _))) if sha256 == kept.sha256 => return Ok(()),
            Ok(Some((sha256, _))) => {
                let message = format!("{} is there already, with SHA-256 {sha256}: it is not overwritten", kept.name);
                return Err(CloudError { message, may_have_applied: false, ..error });
            }
            Ok(None) => unclear = Some(error),
            Err(_) => return Err(error),
        }
    }
    unclear.map_or(Ok(()), Err)
}

async fn try_to_put(
    engine: &Engine,
    writes: &dyn Writes,
    place: &Place,
    kept: &Kept,
    bytes: Vec<u8>,
) -> Result<(), CloudError> {
    match &place.vault {
        Vault::Bucket { owner, bucket, kms_key, retain, .. } => {
            let object = NewObject {
                bucket: bucket.clone(),
                key: place.key(&kept.name),
                body: bytes,
                sha256: kept.sha256.clone(),
                kms_key: kms_key.clone(),
                retain_until: retain.map(|r| (r.mode, engine.now() + Duration::days(r.days.into()))),
            };
            let target = Target::new(owner);
            retrying(engine, || writes.put_object(&target, &object)).await
        }
        Vault::Folder { path } => {
            let (root, file) = (path.clone(), path.join(place.key(&kept.name)));
            blocking(&file.clone(), move || write_new(&root, &file, &bytes)).await
        }
    }
}

/// The SHA-256 and size of a piece in the vault; none where it isn't there.
pub(super) async fn stat(engine: &Engine, place: &Place, name: &str) -> Result<Option<(String, u64)>, CloudError> {
    if let Vault::Bucket { owner, bucket, .. } = &place.vault {
        let (reads, key) = (engine.cloud().reads(), place.key(name));
        let Some(head) = rereading(engine, || reads.head_object(owner, bucket, &key)).await? else { return Ok(None) };
        if let Some(sha256) = head.sha256 {
            return Ok(Some((sha256, head.bytes)));
        }
    }
    Ok(get(Some(engine), place, name).await?.map(|bytes| (sha256(&bytes), bytes.len() as u64)))
}

/// The engine that asks for a bucket; a folder of this machine needs none.
fn asking(engine: Option<&Engine>) -> Result<&Engine, CloudError> {
    let why = "the evidence is in a bucket, which is asked for over AWS alone";
    engine.ok_or_else(|| CloudError::new("s3:GetObject", ErrorKind::Credentials, "NotConnected", why))
}

/// The bytes of a piece in the vault; none where it isn't there.
pub(super) async fn get(engine: Option<&Engine>, place: &Place, name: &str) -> Result<Option<Vec<u8>>, CloudError> {
    match &place.vault {
        Vault::Bucket { owner, bucket, .. } => {
            let engine = asking(engine)?;
            let (reads, key) = (engine.cloud().reads(), place.key(name));
            rereading(engine, || reads.get_object(owner, bucket, &key)).await
        }
        Vault::Folder { path } => {
            let file = path.join(place.key(name));
            blocking(&file.clone(), move || match std::fs::symlink_metadata(&file) {
                // A link would show something else than what was kept.
                Ok(meta) if meta.is_file() => std::fs::read(&file).map(Some),
                Ok(_) => Err(std::io::Error::other("it is not a plain file")),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(e),
            })
            .await
        }
    }
}

/// The size of a piece in the vault, without reading it; none where it isn't there.
pub(super) async fn size(engine: Option<&Engine>, place: &Place, name: &str) -> Result<Option<u64>, CloudError> {
    match &place.vault {
        Vault::Bucket { owner, bucket, .. } => {
            let engine = asking(engine)?;
            let (reads, key) = (engine.cloud().reads(), place.key(name));
            Ok(rereading(engine, || reads.head_object(owner, bucket, &key)).await?.map(|head| head.bytes))
        }
        Vault::Folder { path } => {
            let file = path.join(place.key(name));
            blocking(&file.clone(), move || match std::fs::symlink_metadata(&file) {
                Ok(meta) => Ok(Some(meta.len())),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(e),
            })
            .await
        }
    }
}

/// The names of everything in the run's folder, in order.
pub(super) async fn list(engine: Option<&Engine>, place: &Place) -> Result<Vec<String>, CloudError> {
    let prefix = format!("{}/", place.folder);
    match &place.vault {
        Vault::Bucket { owner, bucket, .. } => {
            let engine = asking(engine)?;
            let reads = engine.cloud().reads();
            let keys = rereading(engine, || reads.list_objects(owner, bucket, &prefix)).await?;
            Ok(keys.into_iter().filter_map(|key| key.strip_prefix(&prefix).map(str::to_owned)).collect())
        }
        Vault::Folder { path } => {
            let folder = path.join(&place.folder);
            blocking(&folder.clone(), move || {
                let mut names = Vec::new();
                walk(&folder, &folder, &mut names)?;
                names.sort();
                Ok(names)
            })
            .await
        }
    }
}

/// Whether the vault is there and ours, and what a bucket's Object Lock makes of the retention that is asked for.
///
/// # Errors
/// When the bucket isn't there, belongs to another account, or can't be asked.
pub(in crate::engine) async fn check(engine: &Engine, vault: &Vault) -> Result<Vault, CloudError> {
    let mut checked = vault.clone();
    if let Vault::Bucket { owner, bucket, retain, .. } = &mut checked {
        let reads = engine.cloud().reads();
        let lock = rereading(engine, || reads.object_lock(owner, bucket)).await?;
        if lock.is_none() {
            *retain = None;
        }
    }
    Ok(checked)
}

/// The scope whose bucket a vault is, for messages.
pub(in crate::engine) fn owner(vault: &Vault) -> Option<&Scope> {
    match vault {
        Vault::Bucket { owner, .. } => Some(owner),
        Vault::Folder { .. } => None,
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, CloudError> {
    let failed = |kind, code: &str, why: String| Err(CloudError::new(FOLDER, kind, code, why).on(path.display()));
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            failed(ErrorKind::AlreadyExists, "AlreadyExists", e.to_string())
        }
        Ok(Err(e)) => failed(ErrorKind::Other, "FolderFailed", e.to_string()),
        Err(e) => failed(ErrorKind::Other, "FolderFailed", e.to_string()),
    }
}

/// Writes a file that is there whole or not at all, survives a power cut, and replaces none. Folders are the owner's
/// alone.
fn write_new(root: &Path, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let folder = file.parent().ok_or_else(|| std::io::Error::other("no folder"))?;
    make_folders(folder)?;
    if std::fs::symlink_metadata(file).is_ok() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // What an interrupted writing left behind is ours to throw away: only a whole file gets its name.
    let part = folder.join(format!(".{name}.part"));
    match std::fs::remove_file(&part) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&part)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    // A second name for the same file, where a renaming would replace what is there.
    std::fs::hard_link(&part, file)?;
    std::fs::remove_file(&part)?;
    // The names have to survive, too, up to the vault's own folder.
    let mut above = Some(folder);
    while let Some(dir) = above {
        #[cfg(unix)]
        std::fs::File::open(dir)?.sync_all()?;
        above = (dir != root).then(|| dir.parent()).flatten();
    }
    Ok(())
}

fn make_folders(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn walk(root: &PathBuf, folder: &Path, names: &mut Vec<String>) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(root, &entry.path(), names)?;
        } else if let Ok(inside) = entry.path().strip_prefix(root) {
            let parts: Vec<_> = inside.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
            names.push(parts.join("/"));
        }
    }
    Ok(())
}
