//! What the adapters share about files: their versions, and making a change to a directory durable.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use lakegate_model::{Failure, FailureCode, ObjectVersion, object::file_version};

/// The object that a file is now.
pub(crate) fn object_of(bucket: &str, key: &str, metadata: &Metadata) -> ObjectVersion {
    let mtime = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    let size = metadata.len();
    ObjectVersion { bucket: bucket.to_owned(), key: key.to_owned(), version: file_version(size, mtime), sequencer: None, size }
}

/// Makes the names in a directory durable: what was created in, moved into or removed from it.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes a directory and what is missing above it, durably.
pub(crate) fn create_dirs(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Ok(()) => dir.parent().map_or(Ok(()), sync_dir),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = dir.parent().filter(|above| !above.as_os_str().is_empty()).ok_or(error)?;
            create_dirs(above)?;
            create_dirs(dir)
        }
        Err(error) => Err(error),
    }
}

/// Writes a new file beside `target`, hidden and flushed, and returns its path. On an error there is none.
pub(crate) fn write_beside(target: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = OsString::from(".");
    name.push(target.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let beside = target.with_file_name(name);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written {
        // The write's own error is the one to tell.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    Ok(beside)
}

/// An error of the file system as a failure: what could not be done, to what, and what to do.
pub(crate) fn io_failure(code: FailureCode, what: &str, path: &Path, error: &io::Error) -> Failure {
    let code = if error.kind() == io::ErrorKind::PermissionDenied { FailureCode::PermissionDenied } else { code };
    let failure = Failure::new(code, format!("can't {what} {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::PermissionDenied => failure.hint("give the user that runs lakegate the right to read and write there"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => failure.hint("make room on the disk; what failed is tried again"),
        io::ErrorKind::CrossesDevices => failure.hint("keep each zone, with its _lakegate folder, on one file system"),
        _ => failure,
    }
}
