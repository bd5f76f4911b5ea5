//! Keys of many sources put together.
//!
//! Hashes are spread evenly. So all sources are read in step, some range of hashes at a time, and
//! what they have in it is sorted: it is made of runs that are in order, and quick to sort. That
//! takes a chunk of each source in memory; very many sources are put together in groups first.

use std::{fs::File, io, sync::Arc};

use super::{
    keys::{Cursor, Keys},
    run::Writer,
};
use crate::stats::{FrequencySummary, FrequencyTable, states::Summing};

/// Keys of a range, about.
const RANGE: u64 = if cfg!(test) { 1 << 6 } else { 1 << 15 };
/// Sources that are read at once. (Tests need not make hundreds.)
const SOURCES: usize = if cfg!(test) { 5 } else { 512 };

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

/// A file for what was put together, until it is saved; gone when nobody needs it any more.
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
}

/// What all keys of some sources add up to; rows without a key are not known here.
pub(super) fn sum_up(sources: &[Arc<Keys>], scratch: &mut Scratch) -> Result<FrequencySummary, Trouble> {
    let mut summing = Summing::default();
    let groups = few(sources, scratch)?;
    each(groups.as_deref().unwrap_or(sources), |_, count| {
        summing.add(count);
        Ok(())
    })?;
    Ok(summing.finish(0))
}

/// All keys of some sources as one, and what they add up to.
pub(super) fn put_together(sources: &[Arc<Keys>], scratch: &mut Scratch) -> Result<(Arc<Keys>, FrequencySummary), Trouble> {
    let mut summing = Summing::default();
    let groups = few(sources, scratch)?;
    let sources = groups.as_deref().unwrap_or(sources);
    let keys = if sources.iter().map(|keys| keys.len()).sum::<u64>() <= SMALL {
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

/// All keys of a source.
pub(super) fn all(source: &Arc<Keys>) -> Result<Vec<(u128, u64)>, Trouble> {
    let mut keys = Vec::new();
    let mut cursor = source.cursor().map_err(|error| Trouble::Source(0, error))?;
    cursor.take_until(u128::MAX, &mut keys).map_err(|error| Trouble::Source(0, error))?;
    Ok(keys)
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
    let mut cursors: Vec<Cursor<'_>> = Vec::with_capacity(sources.len());
    for (place, source) in sources.iter().enumerate() {
        cursors.push(source.cursor().map_err(|error| Trouble::Source(place, error))?);
    }
    let ranges = u128::from(sources.iter().map(|keys| keys.len()).sum::<u64>().div_ceil(RANGE).max(1));
    let mut keys = Vec::new();
    for range in 1..=ranges {
        let bound = if range == ranges { u128::MAX } else { u128::MAX / ranges * range };
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
