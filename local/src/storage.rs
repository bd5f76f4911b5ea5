//! The lake's files when its zones are directories.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Component, Path, PathBuf},
};

use async_trait::async_trait;
use lakegate_coordinator::ports::{Promotion, Result, Storage};
use lakegate_model::{Failure, FailureCode, Location, ObjectVersion, layout::INTERNAL, pipeline::Zone, project::Zones};

use crate::{
    blocking::blocking,
    files::{create_dirs, io_failure, object_of, sync_dir, write_beside},
};

/// Zones that are directories.
#[derive(Clone, Debug)]
pub struct Directory {
    zones: Zones,
}

impl Directory {
    /// Takes where each zone lies. The directories need not exist yet.
    pub fn new(zones: Zones) -> Directory {
        Directory { zones }
    }

    fn path_of(&self, zone: Zone, key: &str) -> Result<PathBuf> {
        if !is_plain(Path::new(key)) {
            return Err(Failure::new(FailureCode::InvalidRequest, format!("\"{key}\" is no key: it leads out of its zone")));
        }
        Ok(local_path(self.zones.location(zone))?.join(key))
    }
}

#[async_trait]
impl Storage for Directory {
    async fn head(&self, zone: Zone, key: &str) -> Result<Option<ObjectVersion>> {
        let (path, bucket, key) = (self.path_of(zone, key)?, self.zones.bucket(zone), key.to_owned());
        blocking(move || match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(object_of(bucket, &key, &metadata))),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(io_failure(FailureCode::LakeIo, "look at", &path, &error)),
        })
        .await
    }

    async fn write(&self, at: &Location, bytes: Vec<u8>) -> Result<()> {
        let target = local_path(at)?;
        blocking(move || replace(&target, &bytes).map_err(|error| io_failure(FailureCode::LakeIo, "write", &target, &error))).await
    }

    async fn read(&self, at: &Location) -> Result<Option<Vec<u8>>> {
        let path = local_path(at)?;
        blocking(move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(io_failure(FailureCode::LakeIo, "read", &path, &error)),
        })
        .await
    }

    async fn list(&self, below: &Location, after: &str, limit: usize) -> Result<Vec<String>> {
        let (folder, after) = (local_path(below)?, after.to_owned());
        blocking(move || {
            names_after(&folder, &after, limit).or_else(|error| match is_absent(&error) {
                true => Ok(Vec::new()),
                false => Err(io_failure(FailureCode::LakeIo, "list", &folder, &error)),
            })
        })
        .await
    }

    async fn promote(&self, moves: Vec<Promotion>) -> Result<Vec<String>> {
        blocking(move || {
            let mut versions = Vec::with_capacity(moves.len());
            let mut changed = BTreeSet::new();
            for promotion in &moves {
                let to = local_path(&promotion.to)?;
                promote_one(&local_path(&promotion.from)?, &to)?;
                let moved = fs::metadata(&to).map_err(|error| io_failure(FailureCode::LakeIo, "look at", &to, &error))?;
                versions.push(object_of("", "", &moved).version);
                changed.extend(to.parent().map(Path::to_owned));
            }
            changed
                .iter()
                .try_for_each(|dir| sync_dir(dir).map_err(|error| io_failure(FailureCode::LakeIo, "flush the folder", dir, &error)))?;
            Ok(versions)
        })
        .await
    }

    async fn discard(&self, below: &Location) -> Result<()> {
        let place = local_path(below)?;
        blocking(move || {
            refuse_foreign(&place)?;
            match fs::remove_dir_all(&place) {
                Ok(()) => Ok(()),
                Err(error) if is_absent(&error) => Ok(()),
                Err(error) => Err(io_failure(FailureCode::LakeIo, "delete", &place, &error)),
            }
        })
        .await
    }
}

/// Whether nothing but names is in a relative path.
fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn local_path(at: &Location) -> Result<PathBuf> {
    let path = at.path().map(PathBuf::from).filter(|path| path.strip_prefix("/").is_ok_and(is_plain));
    path.ok_or_else(|| Failure::new(FailureCode::InvalidRequest, format!("{at} is no absolute path on this machine")))
}

/// The first names of files in a folder that come after one. Hidden ones are those of files that are being written.
fn names_after(folder: &Path, after: &str, limit: usize) -> io::Result<Vec<String>> {
    let mut first = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') || name.as_str() <= after || !entry.file_type()?.is_file() {
            continue;
        }
        first.insert(name);
        if first.len() > limit {
            first.pop_last();
        }
    }
    Ok(first.into_iter().collect())
}

fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_dirs(folder)?;
    let beside = write_beside(target, bytes)?;
    if let Err(error) = fs::rename(&beside, target) {
        // The rename's own error is the one to tell.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    sync_dir(folder)
}

/// What was moved by an earlier try is where it belongs already. The file's bytes are flushed
/// before its name changes, so that the name never outlives them.
fn promote_one(from: &Path, to: &Path) -> Result<()> {
    let failed = |error: io::Error| io_failure(FailureCode::LakeIo, &format!("move {} to", from.display()), to, &error);
    match File::open(from) {
        Ok(staged) => {
            staged.sync_all().map_err(failed)?;
            create_dirs(to.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
            fs::rename(from, to).map_err(failed)
        }
        Err(error) if is_absent(&error) && to.is_file() => Ok(()),
        Err(error) if is_absent(&error) => {
            let message = format!("{} is gone, and {} is not there either", from.display(), to.display());
            Err(Failure::new(FailureCode::LakeIo, message).hint("something other than lakegate deletes in the zone; run it again"))
        }
        Err(error) => Err(failed(error)),
    }
}

/// Only what is below a zone's internal folder may be deleted, and only if the way there follows no
/// symbolic link: what a link points to is somebody else's. Deleting itself never follows one.
fn refuse_foreign(place: &Path) -> Result<()> {
    let refused = |why: String| Failure::new(FailureCode::InvalidRequest, format!("{} is not deleted: {why}", place.display()));
    let mut way = PathBuf::new();
    let mut internal = false;
    for part in place.components() {
        way.push(part);
        internal |= part.as_os_str() == INTERNAL;
        if internal && way.is_symlink() {
            return Err(refused(format!("{} is a symbolic link", way.display())));
        }
    }
    if internal { Ok(()) } else { Err(refused(format!("it is not below a {INTERNAL} folder"))) }
}
