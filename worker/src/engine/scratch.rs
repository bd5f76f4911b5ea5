//! Files of the worker's own that live as long as somebody holds them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use lakegate_model::Failure;

use super::failure;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A name that no other process or thread uses at the same time.
pub(super) fn unique_name() -> String {
    format!(".lakegate-{}-{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A file that is deleted when it is dropped.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    path: PathBuf,
}

impl ScratchFile {
    /// A new file in `folder`, which is made if it isn't there; open for writing and reading.
    pub(super) fn create(folder: &Path) -> Result<(ScratchFile, File), Failure> {
        let path = folder.join(unique_name());
        let open = || File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let file = open()
            .or_else(|_| fs::create_dir_all(folder).and_then(|()| open()))
            .map_err(|error| failure::of_io(&error, "creating", &path.to_string_lossy()))?;
        Ok((ScratchFile { path }, file))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // What can't be deleted is a hidden file in a scratch folder: nobody takes it for data.
        let _ = fs::remove_file(&self.path);
    }
}
