//! Keys of one statistic, wherever they are.

use std::{
    fs::File,
    io,
    sync::{Arc, OnceLock},
};

use super::run::{Chunk, Run, Sieve, Writer};
use crate::stats::FrequencyTable;

/// Keys in the order of their hashes, with their counts.
#[derive(Debug)]
pub(super) enum Keys {
    /// In memory.
    Table(FrequencyTable),
    /// In a file.
    Run(Placed),
}

/// A run in its file.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) file: Arc<File>,
    pub(super) run: Run,
    chunks: OnceLock<Vec<Chunk>>,
}

impl Keys {
    /// Those of a run.
    pub(super) fn of_run(file: Arc<File>, run: Run) -> Keys {
        Keys::Run(Placed { file, run, chunks: OnceLock::new() })
    }

    /// How many.
    pub(super) fn len(&self) -> u64 {
        match self {
            Keys::Table(table) => table.len() as u64,
            Keys::Run(placed) => placed.run.len,
        }
    }

    /// About how many bytes they have in memory.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Keys::Table(table) => table.bytes(),
            Keys::Run(_) => 0,
        }
    }

    /// Whether they are to go to a file at once.
    pub(super) fn is_written(&self) -> bool {
        matches!(self, Keys::Table(table) if table.is_written())
    }

    /// The run, if they are in this file.
    pub(super) fn run_in(&self, file: &Arc<File>) -> Option<Run> {
        match self {
            Keys::Run(placed) if Arc::ptr_eq(&placed.file, file) => Some(placed.run),
            _ => None,
        }
    }

    /// What tells them from all other keys: equal ones are the same.
    pub(super) fn identity(&self) -> (usize, u64) {
        match self {
            Keys::Table(_) => (std::ptr::from_ref(self) as usize, u64::MAX),
            Keys::Run(placed) => (Arc::as_ptr(&placed.file) as usize, placed.run.offset),
        }
    }

    /// Adds to each number how often its key, in order, is here.
    pub(super) fn count(&self, keys: &[(u128, u64)], sieve: &Sieve, found: &mut [u64]) -> io::Result<()> {
        match self {
            Keys::Table(table) if table.is_written() => return Err(io::Error::other("keys are not where they belong")),
            Keys::Table(table) => table.count(keys, found),
            Keys::Run(placed) => placed.run.count(&placed.file, placed.chunks()?, keys, sieve, found)?,
        }
        Ok(())
    }

    /// Reads them in order.
    pub(super) fn cursor(&self) -> io::Result<Cursor<'_>> {
        Ok(match self {
            Keys::Table(table) if table.is_written() => return Err(io::Error::other("keys are not where they belong")),
            Keys::Table(table) => Cursor::Table { table, piece: 0, at: 0 },
            Keys::Run(placed) => Cursor::Run { placed, chunks: placed.chunks()?, keys: Vec::new(), at: 0 },
        })
    }

    /// Puts them at a place in a file: a run as it is, whether or not it is whole.
    pub(super) fn write(&self, file: &File, offset: u64) -> io::Result<Run> {
        match self {
            Keys::Table(table) => {
                let mut writer = Writer::new(file, offset);
                table.each(|hash, count| writer.push(hash, count))?;
                writer.finish()
            }
            Keys::Run(placed) => placed.copy(file, offset),
        }
    }
}

impl Placed {
    fn chunks(&self) -> io::Result<&[Chunk]> {
        match self.chunks.get() {
            Some(chunks) => Ok(chunks),
            None => {
                let chunks = self.run.chunks(&self.file)?;
                Ok(self.chunks.get_or_init(|| chunks))
            }
        }
    }

    fn copy(&self, file: &File, offset: u64) -> io::Result<Run> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; usize::try_from(self.run.bytes.min(1 << 20)).unwrap_or_default()];
        let mut done = 0;
        while done < self.run.bytes {
            let now = usize::try_from(self.run.bytes - done).map_or(bytes.len(), |left| left.min(bytes.len()));
            let part = bytes.get_mut(..now).unwrap_or_default();
            self.file.read_exact_at(part, self.run.offset + done)?;
            file.write_all_at(part, offset + done)?;
            done += now as u64;
        }
        Ok(Run { offset, own: false, ..self.run })
    }
}

/// Keys one after the other.
pub(super) enum Cursor<'a> {
    Table { table: &'a FrequencyTable, piece: usize, at: usize },
    Run { placed: &'a Placed, chunks: &'a [Chunk], keys: Vec<(u128, u64)>, at: usize },
}

impl Cursor<'_> {
    /// Tells of each key up to one, that one too.
    pub(super) fn each_until(&mut self, bound: u128, mut take: impl FnMut(u128, u64)) -> io::Result<()> {
        match self {
            Cursor::Table { table, piece, at } => {
                while let Some((hashes, counts)) = table.piece(*piece) {
                    let counts = counts.get(*at..).unwrap_or_default().iter().copied().chain(std::iter::repeat(1));
                    for (hash, count) in hashes.get(*at..).unwrap_or_default().iter().zip(counts) {
                        if *hash > bound {
                            return Ok(());
                        }
                        take(*hash, count);
                        *at += 1;
                    }
                    (*piece, *at) = (*piece + 1, 0);
                }
            }
            Cursor::Run { placed, chunks, keys, at } => loop {
                for (hash, count) in keys.get(*at..).unwrap_or_default() {
                    if *hash > bound {
                        return Ok(());
                    }
                    take(*hash, *count);
                    *at += 1;
                }
                let Some((next, later)) = chunks.split_first() else { return Ok(()) };
                keys.clear();
                *at = 0;
                placed.run.read(&placed.file, next, keys)?;
                *chunks = later;
            },
        }
        Ok(())
    }

    /// Hands over the keys up to one, that one too, behind those that are in `keys` already.
    pub(super) fn take_until(&mut self, bound: u128, taken: &mut Vec<(u128, u64)>) -> io::Result<()> {
        match self {
            Cursor::Table { table, piece, at } => {
                while let Some((hashes, counts)) = table.piece(*piece) {
                    let rest = hashes.get(*at..).unwrap_or_default();
                    let here = rest.partition_point(|hash| *hash <= bound);
                    let counts = counts.get(*at..).unwrap_or_default().iter().copied().chain(std::iter::repeat(1));
                    taken.extend(rest.iter().copied().take(here).zip(counts));
                    if here < rest.len() {
                        *at += here;
                        return Ok(());
                    }
                    (*piece, *at) = (*piece + 1, 0);
                }
            }
            Cursor::Run { placed, chunks, keys, at } => loop {
                let rest = keys.get(*at..).unwrap_or_default();
                let here = rest.partition_point(|(hash, _)| *hash <= bound);
                taken.extend_from_slice(rest.get(..here).unwrap_or_default());
                *at += here;
                if *at < keys.len() {
                    return Ok(());
                }
                let Some((next, later)) = chunks.split_first() else { return Ok(()) };
                keys.clear();
                *at = 0;
                placed.run.read(&placed.file, next, keys)?;
                *chunks = later;
            },
        }
        Ok(())
    }
}
