//! Keys of many sources put together.
//!
//! Hashes are spread evenly. So all sources are read in step, some range of hashes at a time. What they
//! have in it is counted in a table, or, to be written, sorted: it is made of runs that are in order, and
//! quick to sort. That takes a chunk of each source in memory; very many sources are put together in
//! groups first.

use std::{fs::File, io, sync::Arc};

use super::{
    block::{Block, Saved as _},
    entry::Part,
    keys::{Cursor, Keys},
    run::Writer,
};
use crate::stats::{FrequencySummary, FrequencyTable, keys::Counter, states::Summing};

/// Keys of a range, about.
const RANGE: u64 = if cfg!(test) { 1 << 6 } else { 1 << 15 };
/// Keys of a range that are counted in a table, which the second cache should have room for.
const COUNTED: u64 = if cfg!(test) { 1 << 6 } else { 1 << 14 };
/// Sources that are read at once. (Tests need not make hundreds.)
const SOURCES: usize = if cfg!(test) { 5 } else { 256 };
/// Keys that stay in memory when they are put together.
const SMALL: u64 = if cfg!(test) { 1 << 7 } else { 1 << 16 };

/// What keeps sources from being put together.
#[derive(Debug)]
pub(super) enum Trouble {
    /// This one, by its place, can't be read.
    Source(usize, io::Error),
    /// The temporary file can't be written.
    Io(io::Error),
}

/// Whether an error says that what is stored is not what was stored.
pub(super) fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// A file for what is too much for memory, until it is saved; gone when nobody needs it any more.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    file: Option<Arc<File>>,
    end: u64,
}

impl Scratch {
    fn file(&mut self) -> io::Result<Arc<File>> {
        let file = match self.file.take() {
            Some(file) => file,
            None => Arc::new(tempfile::tempfile()?),
        };
        Ok(Arc::clone(self.file.insert(file)))
    }

    /// Writes the statistics of a data file, and their keys, which are in this file then.
    pub(super) fn put(&mut self, part: &mut Part) -> io::Result<(Arc<File>, Block)> {
        let file = self.file()?;
        for keys in part.values_mut().flat_map(|entry| &mut entry.keys) {
            if keys.run_in(&file).is_none() {
                let run = keys.write(&file, self.end)?;
                self.end += run.bytes;
                *keys = Arc::new(Keys::of_run(Arc::clone(&file), run));
            }
        }
        let block = Block::write(&file, self.end, &part.write(&file))?;
        self.end += block.length;
        Ok((file, block))
    }
}

/// What all keys of some sources add up to; rows without a key are not known here. The sources must be few.
pub(super) fn sum_up(sources: &[Arc<Keys>]) -> Result<FrequencySummary, Trouble> {
    let mut summing = Summing::default();
    let mut cursors = cursors(sources)?;
    let mut table = Counter::default();
    for bound in bounds(len(sources), COUNTED) {
        table.reset(COUNTED as usize);
        for (place, cursor) in cursors.iter_mut().enumerate() {
            cursor.each_until(bound, |hash, count| table.add(hash, count)).map_err(|error| Trouble::Source(place, error))?;
        }
        if table.is_of_singles() {
            summing.add_singles(table.len() as u64);
        } else {
            table.iter().for_each(|(_, count)| summing.add(count));
        }
    }
    Ok(summing.finish(0))
}

fn len(sources: &[Arc<Keys>]) -> u64 {
    sources.iter().map(|keys| keys.len()).sum()
}

/// The last hashes of ranges that have about so many of all keys each.
pub(super) fn bounds(keys: u64, of_range: u64) -> impl Iterator<Item = u128> {
    let ranges = u128::from(keys.div_ceil(of_range).max(1));
    (1..=ranges).map(move |range| if range == ranges { u128::MAX } else { u128::MAX / ranges * range })
}

fn cursors(sources: &[Arc<Keys>]) -> Result<Vec<Cursor<'_>>, Trouble> {
    let sources = sources.iter().enumerate();
    sources.map(|(place, source)| source.cursor().map_err(|error| Trouble::Source(place, error))).collect()
}

/// All keys of some sources as one, and what they add up to.
pub(super) fn put_together(sources: &[Arc<Keys>], scratch: &mut Scratch) -> Result<(Arc<Keys>, FrequencySummary), Trouble> {
    let mut summing = Summing::default();
    let groups = few(sources, scratch)?;
    let sources = groups.as_deref().unwrap_or(sources);
    let keys = if len(sources) <= SMALL {
        let mut keys = Vec::new();
        each(sources, |hash, count| {
            summing.add(count);
            keys.push((hash, count));
            Ok(())
        })?;
        Arc::new(Keys::Table(FrequencyTable::of_sorted(&keys)))
    } else {
        write(sources, scratch, |count| summing.add(count))?
    };
    Ok((keys, summing.finish(0)))
}

/// Fewer sources with the same keys, if there are too many.
fn few(sources: &[Arc<Keys>], scratch: &mut Scratch) -> Result<Option<Vec<Arc<Keys>>>, Trouble> {
    if sources.len() <= SOURCES {
        return Ok(None);
    }
    let mut groups = Vec::new();
    for (index, group) in sources.chunks(SOURCES).enumerate() {
        groups.push(write(group, scratch, |_| ()).map_err(|trouble| match trouble {
            Trouble::Source(place, error) => Trouble::Source(index * SOURCES + place, error),
            Trouble::Io(error) => Trouble::Io(error),
        })?);
    }
    Ok(few(&groups, scratch)?.or(Some(groups)))
}

fn write(sources: &[Arc<Keys>], scratch: &mut Scratch, mut counted: impl FnMut(u64)) -> Result<Arc<Keys>, Trouble> {
    let file = scratch.file().map_err(Trouble::Io)?;
    let mut writer = Writer::new(&file, scratch.end);
    each(sources, |hash, count| {
        counted(count);
        writer.push(hash, count)
    })?;
    let run = writer.finish().map_err(Trouble::Io)?;
    scratch.end += run.bytes;
    Ok(Arc::new(Keys::of_run(file, run)))
}

/// Hands over the keys in order, each once with all its counts.
fn each(sources: &[Arc<Keys>], mut take: impl FnMut(u128, u64) -> io::Result<()>) -> Result<(), Trouble> {
    let mut cursors = cursors(sources)?;
    let mut keys = Vec::new();
    for bound in bounds(len(sources), RANGE) {
        keys.clear();
        let mut of_one = true;
        for (place, cursor) in cursors.iter_mut().enumerate() {
            let before = keys.len();
            cursor.take_until(bound, &mut keys).map_err(|error| Trouble::Source(place, error))?;
            of_one &= before == 0 || before == keys.len();
        }
        if !of_one {
            keys.sort_by_key(|(hash, _)| *hash);
        }
        let equal = keys.chunk_by(|(one, _), (other, _)| one == other);
        for same in equal {
            if let Some((hash, _)) = same.first() {
                take(*hash, same.iter().map(|(_, count)| count).sum()).map_err(Trouble::Io)?;
            }
        }
    }
    Ok(())
}
