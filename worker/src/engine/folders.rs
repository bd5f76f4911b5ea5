//! Folders that are known to be there, so that a thousand files cost one `mkdir`.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use lakegate_model::Failure;

use super::failure;

/// Folders kept in mind at most; then all are forgotten.
const KNOWN: usize = 10_000;

/// Folders this worker has made or found.
#[derive(Debug, Default)]
pub(super) struct Folders(Mutex<HashSet<PathBuf>>);

impl Folders {
    /// Creates a file in a folder, which is made if it isn't there.
    pub(super) fn create_file(&self, folder: &Path, name: &str) -> Result<File, Failure> {
        let path = folder.join(name);
        let failed = |error: io::Error| failure::of_io(&error, "creating", &path.to_string_lossy());
        if !self.is_known(folder) {
            self.make(folder).map_err(failed)?;
        }
        match File::create_new(&path) {
            // It was there, and somebody removed it: staging that was discarded, for one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make(folder).map_err(failed)?;
                File::create_new(&path).map_err(failed)
            }
            other => other.map_err(failed),
        }
    }

    fn is_known(&self, folder: &Path) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }

    fn make(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(folder.to_path_buf());
        Ok(())
    }
}
