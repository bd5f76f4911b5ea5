//! Reading and writing a file of states.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    DataFile, Stored,
    block::{Block, Saved},
    entry::Entry,
    index::Index,
    keys::Keys,
    merge::{Scratch, is_damage},
    parts::Slot,
    run::Run,
    sum::Sum,
};

pub(super) const MAGIC: &[u8; 8] = b"LGSTATES";
const VERSION: u32 = 2;
pub(super) const HEAD: u64 = 12;
/// Bytes that may be out of date beside as many that are not.
const SLACK: u64 = 16 << 20;

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
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::default()),
            Err(error) => return Err(failed(error)),
        };
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
        let file = Arc::new(file);
        let (parts, sums) = index.open(&file);
        Ok(Stored { parts, sums, file: Some((path.to_owned(), file)), ..Stored::default() })
    }

    /// Writes the states, if they are not the file's. What is in the file already is not written again, unless it is
    /// time to tidy up. Whoever reads meanwhile, or after a crash, finds the states of before or those of now.
    pub fn save(&mut self, path: &Path) -> Result<(), StoreError> {
        if !self.changed && self.file.as_ref().is_some_and(|(known, file)| known == path && is_same(path, file)) {
            return Ok(());
        }
        let saved = match self.can_append(path) {
            true => self.append(path).and_then(|appended| if appended { Ok(()) } else { self.rewrite(path) }),
            false => self.rewrite(path),
        };
        saved.map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        self.changed = false;
        Ok(())
    }

    fn can_append(&self, path: &Path) -> bool {
        let Some((known, file)) = &self.file else { return false };
        let size = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
        let live: u64 = self.parts.values().map(|slot| slot.bytes).chain(self.sums.values().map(|sum| sum.bytes)).sum();
        // Another process may have put a new file in its place.
        known == path && size <= 2 * live + SLACK && is_same(path, file)
    }

    /// Puts what is new behind what is there; the old end stays, should the new one not become whole. `false` if the
    /// file can't be had alone, or is another one by now.
    fn append(&mut self, path: &Path) -> io::Result<bool> {
        let opened = OpenOptions::new().read(true).write(true).open(path)?;
        let Some((_, known)) = self.file.clone() else { return Ok(false) };
        if opened.lock().is_err() || !is_same(path, &known) || !is_same(path, &opened) {
            return Ok(false);
        }
        // What is in the file is told by the handle that it was read with.
        let end = opened.metadata()?.len();
        let end = self.write(Writer { to: &opened, known: &known, end, runs: HashMap::new() })?;
        Index::of(&self.parts, &self.sums, &known).write(&opened, end)?;
        opened.unlock()?;
        Ok(true)
    }

    fn rewrite(&mut self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Who else may read it is for the umask to say, as with any file.
        let shared = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let (file, draft) = tempfile::Builder::new().permissions(shared).tempfile_in(folder)?.into_parts();
        let file = Arc::new(file);
        file.write_all_at(&[MAGIC.as_slice(), &VERSION.to_le_bytes()].concat(), 0)?;
        self.tidy();
        let end = self.write(Writer { to: &file, known: &file, end: HEAD, runs: HashMap::new() })?;
        Index::of(&self.parts, &self.sums, &file).write(&file, end)?;
        draft.persist(path).map_err(|error| error.error)?;
        self.file = Some((path.to_owned(), file));
        Ok(())
    }

    /// Forgets the statistics of parts that no sum is of: nobody has asked for them since files were added.
    fn tidy(&mut self) {
        if self.sums.is_empty() {
            return;
        }
        for slot in self.parts.values_mut() {
            // What can't be read is told when it is written.
            if let Ok(part) = slot.part.get() {
                part.retain(|key, _| self.sums.contains_key(key));
            }
        }
    }

    /// Writes all that is not in the file, and says where it ends. What can't be read is forgotten.
    fn write(&mut self, mut writer: Writer<'_>) -> io::Result<u64> {
        let mut lost = None;
        let mut written = |what: String, done: io::Result<()>| match done {
            Ok(()) => Ok(true),
            Err(error) if is_damage(&error) => {
                lost = Some((what, error));
                Ok(false)
            }
            Err(error) => Err(error),
        };
        // Parts first: a sum of few of them names their runs.
        let mut gone: Vec<DataFile> = Vec::new();
        for (file, slot) in &mut self.parts {
            if slot.part.block_in(writer.known).is_none() && !written(file.path.display().to_string(), writer.part(slot))? {
                gone.push(file.clone());
            }
        }
        let mut broken: Vec<String> = Vec::new();
        for (key, sum) in &mut self.sums {
            if sum.entry.block_in(writer.known).is_none() && !written("a sum".to_owned(), writer.sum(sum))? {
                broken.push(key.clone());
            }
        }
        gone.iter().for_each(|file| drop(self.parts.remove(file)));
        broken.iter().for_each(|key| drop(self.sums.remove(key)));
        if let Some((what, why)) = lost {
            self.lose(&what, &why);
        }
        self.scratch = Scratch::default();
        Ok(writer.end)
    }
}

/// Puts parts and sums in a file.
struct Writer<'a> {
    to: &'a File,
    /// The handle that what is written is read with.
    known: &'a Arc<File>,
    end: u64,
    /// Runs that were written, by what they were of.
    runs: HashMap<(usize, u64), Run>,
}

impl Writer<'_> {
    fn part(&mut self, slot: &mut Slot) -> io::Result<()> {
        let part = slot.part.get()?;
        let mut bytes = 0;
        for entry in part.values_mut() {
            bytes += self.keys(entry, false)?;
        }
        let block = Block::write(self.to, self.end, &part.write(self.known))?;
        self.end += block.length;
        slot.bytes = bytes + block.length;
        slot.part.put(Arc::clone(self.known), block);
        Ok(())
    }

    fn sum(&mut self, sum: &mut Sum) -> io::Result<()> {
        let entry = sum.entry.get()?;
        let bytes = self.keys(entry, true)?;
        let block = Block::write(self.to, self.end, &entry.write(self.known))?;
        self.end += block.length;
        sum.bytes = bytes + block.length;
        sum.entry.put(Arc::clone(self.known), block);
        Ok(())
    }

    /// Puts the keys of an entry in the file that are not there yet. Returns the bytes of those that are of it alone.
    fn keys(&mut self, entry: &mut Entry, of_sum: bool) -> io::Result<u64> {
        let mut bytes = 0;
        for keys in &mut entry.keys {
            let written = keys.run_in(self.known).or_else(|| self.runs.get(&keys.identity()).copied());
            let run = match written {
                Some(run) => run,
                None => {
                    let run = Run { own: of_sum, ..keys.write(self.to, self.end)? };
                    self.end += run.bytes;
                    self.runs.insert(keys.identity(), run);
                    run
                }
            };
            if run.own == of_sum {
                bytes += run.bytes;
            }
            *keys = Arc::new(Keys::of_run(Arc::clone(self.known), run));
        }
        Ok(bytes)
    }
}

fn is_same(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(now), Ok(then)) = (std::fs::metadata(path), file.metadata()) else { return false };
    (now.dev(), now.ino(), now.len()) == (then.dev(), then.ino(), then.len())
}
