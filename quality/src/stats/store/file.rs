//! A file of states, and reading it.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Known, Origin, Stored, index::Index};

pub(super) const MAGIC: &[u8; 8] = b"LGSTATES";
pub(super) const VERSION: u32 = 2;
pub(super) const HEAD: u64 = 12;

/// Why states can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file can't be opened, read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else, which nobody wants to be written over.
    #[error("{} is no file of states", path.display())]
    NotStates {
        /// Which.
        path: PathBuf,
    },
    /// It was a file of states.
    #[error("{} is damaged; without it everything is measured again", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// It was written by another version.
    #[error("{} is of version {version}, and this is version {VERSION}; without it everything is measured again", path.display())]
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl Stored {
    /// The states in a file; none if there is no file.
    pub fn load(path: &Path) -> Result<Stored, StoreError> {
        let failed = |source| StoreError::Io { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Stored { origin: Some(Origin { path: path.to_owned(), known: None }), ..Stored::default() });
            }
            Err(error) => return Err(failed(error)),
        };
        Stored::read(path, Arc::new(file))
    }

    /// The states in a file that is open.
    pub(super) fn read(path: &Path, file: Arc<File>) -> Result<Stored, StoreError> {
        let failed = |source| StoreError::Io { path: path.to_owned(), source };
        let size = file.metadata().map_err(failed)?.len();
        let mut head = [0; HEAD as usize];
        let there = usize::try_from(size.min(HEAD)).unwrap_or_default();
        let head = head.get_mut(..there).unwrap_or_default();
        file.read_exact_at(head, 0).map_err(failed)?;
        if !MAGIC.starts_with(head.get(..MAGIC.len()).unwrap_or(head)) {
            return Err(StoreError::NotStates { path: path.to_owned() });
        }
        match head.last_chunk::<4>().copied().map(u32::from_le_bytes) {
            Some(version) if size >= HEAD && version != VERSION => return Err(StoreError::Version { path: path.to_owned(), version }),
            _ => {}
        }
        let Some(index) = Index::find(&file, size).map_err(failed)? else {
            return Err(StoreError::Damaged { path: path.to_owned() });
        };
        let (parts, sums) = index.open(&file);
        let origin = Origin { path: path.to_owned(), known: Some(Known { file, size }) };
        Ok(Stored { parts, sums, origin: Some(origin), ..Stored::default() })
    }
}
