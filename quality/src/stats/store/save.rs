//! Writing a file of states, which others may read or write at the same time.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use super::{
    Known, Origin, StoreError, Stored,
    file::{HEAD, MAGIC, VERSION},
    index::Index,
    write::Writer,
};

/// Bytes that may be out of date beside as many that are not.
const SLACK: u64 = 16 << 20;

impl Stored {
    /// Writes the states, if they are not the file's. What is in the file already is not written again, unless it is
    /// time to tidy up. Whoever reads meanwhile, or after a crash, finds the states of before or those of now. What
    /// others have written to the file since it was loaded stays; a file that this was not loaded from is replaced.
    pub fn save(&mut self, path: &Path) -> Result<(), StoreError> {
        if !self.changed && self.known(path).is_some() && path.exists() {
            return Ok(());
        }
        self.put(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        self.changed = false;
        Ok(())
    }

    fn known(&self, path: &Path) -> Option<&Known> {
        self.origin.as_ref().filter(|origin| origin.path == path)?.known.as_ref()
    }

    fn put(&mut self, path: &Path) -> io::Result<()> {
        loop {
            let locked = match Locked::open(path) {
                Ok(Some(locked)) => locked,
                // Another one has its place by now.
                Ok(None) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => match self.rewrite(path, false) {
                    // Somebody else was sooner.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                    done => return done,
                },
                Err(error) => return Err(error),
            };
            if self.origin.as_ref().is_some_and(|origin| origin.path == path) {
                self.join(path, &locked.file)?;
            }
            return match self.known(path).map(|known| Arc::clone(&known.file)) {
                Some(known) if locked.writable && self.is_tidy(&known) => self.append(path, &locked.file, known),
                _ => self.rewrite(path, true),
            };
        }
    }

    /// Takes in what others have written to the file since it was read; nobody else writes now.
    fn join(&mut self, path: &Path, file: &File) -> io::Result<()> {
        let now = file.metadata()?;
        let same = match self.known(path) {
            Some(known) => {
                let then = known.file.metadata()?;
                let same = (now.dev(), now.ino()) == (then.dev(), then.ino());
                if same && now.len() == known.size {
                    return Ok(());
                }
                // What is in both is known by one handle.
                same.then(|| Arc::clone(&known.file))
            }
            None => None,
        };
        // A handle of its own: what is locked would stay so as long as a copy of its handle is there.
        let opened = same.map_or_else(|| File::open(path).map(Arc::new), Ok)?;
        let theirs = match Stored::read(path, Arc::clone(&opened)) {
            Ok(theirs) => theirs,
            // What is damaged is of no use to anybody.
            Err(StoreError::Damaged { .. }) => {
                self.origin = Some(Origin { path: path.to_owned(), known: None });
                return Ok(());
            }
            Err(StoreError::Io { source, .. }) => return Err(source),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        let known: BTreeSet<&Path> = self.parts.keys().map(|file| file.path.as_path()).collect();
        let (others, same): (Vec<_>, Vec<_>) = theirs.parts.into_iter().partition(|(file, _)| !known.contains(file.path.as_path()));
        drop(known);
        for (file, slot) in same {
            // Of another version of a file this is the one that counts.
            if let Some(ours) = self.parts.get_mut(&file)
                && ours.block_in(&opened) != slot.block_in(&opened)
                && let (Ok(mine), Ok(more)) = (ours.read(), slot.read())
                && more.keys().any(|key| !mine.contains_key(key))
            {
                let (mine, more) = (mine.into_owned(), more.into_owned());
                let mut all = more;
                all.extend(mine);
                ours.cover(all);
            }
        }
        self.parts.extend(others);
        for (key, sum) in theirs.sums {
            self.sums.entry(key).or_insert(sum);
        }
        self.origin = theirs.origin;
        Ok(())
    }

    /// Whether most of the file is not out of date.
    fn is_tidy(&self, file: &File) -> bool {
        let live: u64 = self.parts.values().map(|slot| slot.bytes).chain(self.sums.values().map(|sum| sum.bytes)).sum();
        file.metadata().is_ok_and(|metadata| metadata.len() <= 2 * live + SLACK)
    }

    /// Puts what is new behind what is there; the old end stays, should the new one not become whole.
    fn append(&mut self, path: &Path, to: &File, known: Arc<File>) -> io::Result<()> {
        let end = to.metadata()?.len();
        // What is in the file is told by the handle that it was read with.
        let end = self.write(Writer::new(to, &known, end))?;
        Index::of(&self.parts, &self.sums, &known).write(to, end)?;
        self.keep(path, known)
    }

    /// Writes all to a new file that takes the place of the one that is there, if one may be there.
    fn rewrite(&mut self, path: &Path, replace: bool) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Who else may read it is for the umask to say, as with any file.
        let shared = std::fs::Permissions::from_mode(0o666);
        let (file, draft) = tempfile::Builder::new().permissions(shared).tempfile_in(folder)?.into_parts();
        let file = Arc::new(file);
        file.write_all_at(&[MAGIC.as_slice(), &VERSION.to_le_bytes()].concat(), 0)?;
        // The statistics of parts that no sum is of: nobody has asked for them since files were added.
        let wanted = (!self.sums.is_empty()).then(|| self.sums.keys().cloned().collect());
        let end = self.write(Writer::new(&file, &file, HEAD).wanting(wanted))?;
        Index::of(&self.parts, &self.sums, &file).write(&file, end)?;
        let placed = if replace { draft.persist(path) } else { draft.persist_noclobber(path) };
        placed.map_err(|error| error.error)?;
        self.keep(path, file)
    }

    fn keep(&mut self, path: &Path, file: Arc<File>) -> io::Result<()> {
        let size = file.metadata()?.len();
        self.origin = Some(Origin { path: path.to_owned(), known: Some(Known { file, size }) });
        Ok(())
    }
}

/// A file that nobody else writes to.
struct Locked {
    file: File,
    /// Whether it may be written to; it may be replaced in any case.
    writable: bool,
}

impl Locked {
    /// `None` if another file has taken its place meanwhile.
    fn open(path: &Path) -> io::Result<Option<Locked>> {
        let (file, writable) = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => (file, true),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => (File::open(path)?, false),
            Err(error) => return Err(error),
        };
        // Where files can't be locked there is nobody to wait for, and it is written anew.
        let writable = file.lock().is_ok() && writable;
        let (now, then) = match std::fs::metadata(path) {
            Ok(now) => (now, file.metadata()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(((now.dev(), now.ino()) == (then.dev(), then.ino())).then_some(Locked { file, writable }))
    }
}
