//! Reading and writing a file of states.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    Content, Stored,
    run::{Reader, Run},
};
use crate::stats::FrequencyTable;

const MAGIC: &[u8; 8] = b"LGSTATES";
const VERSION: u32 = 1;
const HEAD: u64 = 12;
const TAIL: u64 = 32;
/// Bytes that are searched at once.
const BLOCK: usize = 1 << 20;
/// Runs of one statistic at most; with one more they are put together.
const RUNS: usize = 8;
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
        match content(&file, size).map_err(failed)? {
            Some(content) => Ok(Stored { content, file: Some((path.to_owned(), Arc::new(file))), ..Stored::default() }),
            None => Err(StoreError::Damaged { path: path.to_owned() }),
        }
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
        let live: u64 = self.content.entries.values().flat_map(|entry| &entry.runs).map(Run::bytes).sum();
        let runs = |key: &String| self.fresh.get(key).map_or(0, Vec::len);
        let few = self.content.entries.iter().all(|(key, entry)| entry.runs.len() + runs(key) <= RUNS);
        // Another process may have put a new file in its place.
        known == path && few && size <= 2 * live + SLACK && is_same(path, file)
    }

    /// Puts what is new behind what is there; the old end stays, should the new one not become whole. `false` if the
    /// file can't be had alone, or is another one by now.
    fn append(&mut self, path: &Path) -> io::Result<bool> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.lock().is_err() || !self.file.as_ref().is_some_and(|(_, known)| is_same(path, known) && is_same(path, &file)) {
            return Ok(false);
        }
        let mut end = file.metadata()?.len();
        for (key, tables) in std::mem::take(&mut self.fresh) {
            let Some(entry) = self.content.entries.get_mut(&key) else { continue };
            for table in tables {
                let run = write_table(&file, end, &table)?;
                end += run.bytes();
                entry.runs.push(run);
            }
        }
        write_end(&file, end, &self.content)?;
        file.unlock()?;
        self.file = Some((path.to_owned(), Arc::new(file)));
        Ok(true)
    }

    fn rewrite(&mut self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let new = tempfile::NamedTempFile::new_in(folder)?;
        let file = new.as_file();
        file.write_all_at(&[MAGIC.as_slice(), &VERSION.to_le_bytes()].concat(), 0)?;
        let mut end = HEAD;
        let mut lost: Vec<String> = Vec::new();
        for (key, entry) in &mut self.content.entries {
            // Tables in memory become runs too, so that there is one way to put them together.
            let mut runs: Vec<(Run, &File)> = Vec::new();
            if let Some((_, old)) = &self.file {
                runs.extend(entry.runs.drain(..).map(|run| (run, &**old)));
            }
            for table in self.fresh.remove(key).unwrap_or_default() {
                let run = write_table(file, end, &table)?;
                end += run.bytes();
                runs.push((run, file));
            }
            entry.runs = match runs.len() {
                0 => Vec::new(),
                1 if runs.iter().all(|(_, of)| std::ptr::eq(*of, file)) => runs.into_iter().map(|(run, _)| run).collect(),
                _ => match merge(file, end, &runs) {
                    Ok(run) => {
                        end += run.bytes();
                        vec![run]
                    }
                    // Keys that can't be read are of no use: the statistic is measured anew next time.
                    Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                        lost.push(key.clone());
                        Vec::new()
                    }
                    Err(error) => return Err(error),
                },
            };
        }
        self.retain(|key| !lost.contains(key));
        write_end(file, end, &self.content)?;
        let file = new.persist(path).map_err(|error| error.error)?;
        self.fresh.clear();
        self.file = Some((path.to_owned(), Arc::new(file)));
        Ok(())
    }
}

/// What the end of a file says. Should that have been cut off while it was written, the end before it is still there.
fn content(file: &File, size: u64) -> io::Result<Option<Content>> {
    if let Some(content) = content_until(file, size)? {
        return Ok(Some(content));
    }
    let mut block = vec![0; BLOCK];
    let mut upto = size;
    while upto > HEAD + TAIL {
        let from = upto.saturating_sub(BLOCK as u64);
        let block = block.get_mut(..usize::try_from(upto - from).unwrap_or_default()).unwrap_or_default();
        file.read_exact_at(block, from)?;
        for (place, _) in block.windows(MAGIC.len()).enumerate().rev().filter(|(_, bytes)| *bytes == MAGIC) {
            if let Some(content) = content_until(file, from + (place + MAGIC.len()) as u64)? {
                return Ok(Some(content));
            }
        }
        // A mark may lie across the border of two blocks.
        upto = if from == 0 { 0 } else { from + MAGIC.len() as u64 - 1 };
    }
    Ok(None)
}

/// What an end that lies here says, if it does.
fn content_until(file: &File, end: u64) -> io::Result<Option<Content>> {
    let Some(tail_place) = end.checked_sub(TAIL).filter(|place| *place >= HEAD) else { return Ok(None) };
    let mut tail = [0; TAIL as usize];
    file.read_exact_at(&mut tail, tail_place)?;
    let (numbers, _) = tail.as_chunks::<8>();
    let [place, length, hash, magic] = numbers else { return Ok(None) };
    let (place, length) = (u64::from_le_bytes(*place), u64::from_le_bytes(*length));
    if magic != MAGIC || place.checked_add(length) != Some(tail_place) {
        return Ok(None);
    }
    let Ok(length) = usize::try_from(length) else { return Ok(None) };
    let mut json = vec![0; length];
    file.read_exact_at(&mut json, place)?;
    if xxh3_64(&json) != u64::from_le_bytes(*hash) {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&json).ok())
}

fn is_same(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(now), Ok(then)) = (std::fs::metadata(path), file.metadata()) else { return false };
    (now.dev(), now.ino(), now.len()) == (then.dev(), then.ino(), then.len())
}

fn write_table(file: &File, offset: u64, table: &FrequencyTable) -> io::Result<Run> {
    let mut keys = table.iter();
    Run::write(file, offset, table.len() as u64, !table.is_of_singles(), || Ok(keys.next()))
}

/// All keys of some runs as one.
fn merge(file: &File, offset: u64, runs: &[(Run, &File)]) -> io::Result<Run> {
    let capacity = runs.iter().map(|(run, _)| run.capacity()).sum();
    let mut readers: Vec<Reader<'_>> = runs.iter().map(|(run, file)| Reader::new(run, file)).collect();
    Run::write(file, offset, capacity, true, || {
        let mut least: Option<u128> = None;
        for reader in &mut readers {
            if let Some((hash, _)) = reader.peek()? {
                least = Some(least.map_or(hash, |least| least.min(hash)));
            }
        }
        let Some(hash) = least else { return Ok(None) };
        let mut all = 0;
        for reader in &mut readers {
            if let Some((key, count)) = reader.peek()?
                && key == hash
            {
                all += count;
                reader.skip();
            }
        }
        Ok(Some((hash, all)))
    })
}

fn write_end(file: &File, place: u64, content: &Content) -> io::Result<()> {
    let json = serde_json::to_vec(content)?;
    let tail = [place.to_le_bytes(), (json.len() as u64).to_le_bytes(), xxh3_64(&json).to_le_bytes(), *MAGIC].concat();
    file.set_len(place)?;
    file.write_all_at(&json, place)?;
    file.write_all_at(&tail, place + json.len() as u64)?;
    file.sync_data()
}
