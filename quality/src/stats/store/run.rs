//! A run: keys in the order of their hashes, with their counts.
//!
//! The upper halves of the hashes come first, then the lower halves, then the counts if any is not
//! one, each with room for `capacity` numbers of 8 bytes. Looking keys up reads upper halves, and
//! the rest only where they are found. A key may be in several runs; its count is the sum. What is
//! read is held against a checksum: keys that are wrong would give counts that are wrong, and no sign.

use std::{fs::File, io, os::unix::fs::FileExt};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Keys that are read at once.
const CHUNK: usize = 1 << 16;

/// Where a run is in its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    offset: u64,
    capacity: u64,
    len: u64,
    /// Whether counts are there; without, all are one.
    counted: bool,
    /// Keys of equal upper halves are in one.
    chunks: Vec<Chunk>,
}

/// Keys that are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Chunk {
    /// The place of the first.
    start: u64,
    /// Its upper half.
    first: u64,
    /// XXH3 of the upper halves, the lower halves, and the counts if there are any.
    sums: [u64; 3],
}

impl Run {
    /// Bytes that the run takes in its file.
    pub(super) fn bytes(&self) -> u64 {
        self.capacity * if self.counted { 24 } else { 16 }
    }

    /// Keys that there is room for.
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Writes keys, which come in order and are no more than the capacity.
    pub(super) fn write(
        file: &File,
        offset: u64,
        capacity: u64,
        counted: bool,
        mut keys: impl FnMut() -> io::Result<Option<(u128, u64)>>,
    ) -> io::Result<Run> {
        let mut run = Run { offset, capacity, len: 0, counted, chunks: Vec::new() };
        let (mut upper, mut lower, mut counts): (Vec<u64>, Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let next = keys()?;
            let high = next.map(|(hash, _)| (hash >> 64) as u64);
            if !upper.is_empty() && (next.is_none() || upper.len() >= CHUNK && upper.last().copied() != high) {
                let mut sums = [0; 3];
                for ((plane, numbers), sum) in [(0, &upper), (1, &lower), (2, &counts)].into_iter().zip(&mut sums) {
                    if plane < 2 || counted {
                        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                        *sum = xxh3_64(&bytes);
                        file.write_all_at(&bytes, run.place(plane, run.len))?;
                    }
                }
                run.chunks.push(Chunk { start: run.len, first: upper.first().copied().unwrap_or_default(), sums });
                run.len += upper.len() as u64;
                [&mut upper, &mut lower, &mut counts].into_iter().for_each(Vec::clear);
            }
            let Some((hash, count)) = next else { return Ok(run) };
            upper.push((hash >> 64) as u64);
            lower.push(hash as u64);
            counts.push(count);
        }
    }

    /// Adds to each number how often its key, in order, is in the run.
    pub(super) fn count(&self, file: &File, keys: &[(u128, u64)], found: &mut [u64]) -> io::Result<()> {
        let mut rest = keys;
        let mut found = found;
        for (index, chunk) in self.chunks.iter().enumerate() {
            let next = self.chunks.get(index + 1);
            let here = next.map_or(rest.len(), |next| rest.partition_point(|(hash, _)| ((hash >> 64) as u64) < next.first));
            let (now, later) = rest.split_at(here);
            let (slots, others) = std::mem::take(&mut found).split_at_mut(here);
            (rest, found) = (later, others);
            if !now.is_empty() {
                self.count_chunk(file, chunk, next, now, slots)?;
            }
        }
        Ok(())
    }

    fn count_chunk(&self, file: &File, chunk: &Chunk, next: Option<&Chunk>, keys: &[(u128, u64)], found: &mut [u64]) -> io::Result<()> {
        let upper = self.read(file, 0, chunk, next)?;
        // Read only if an upper half is found.
        let mut others: Option<(Vec<u64>, Vec<u64>)> = None;
        let mut at = 0;
        for ((hash, _), found) in keys.iter().zip(found) {
            let high = (hash >> 64) as u64;
            at += gallop(upper.get(at..).unwrap_or_default(), high);
            let mut place = at;
            while upper.get(place) == Some(&high) {
                let (lower, counts) = match &others {
                    Some(others) => others,
                    None => {
                        let counts = if self.counted { self.read(file, 2, chunk, next)? } else { Vec::new() };
                        others.insert((self.read(file, 1, chunk, next)?, counts))
                    }
                };
                if lower.get(place) == Some(&(*hash as u64)) {
                    *found += counts.get(place).copied().unwrap_or(1);
                }
                place += 1;
            }
        }
        Ok(())
    }

    fn place(&self, plane: u64, index: u64) -> u64 {
        self.offset + (plane * self.capacity + index) * 8
    }

    fn read(&self, file: &File, plane: u64, chunk: &Chunk, next: Option<&Chunk>) -> io::Result<Vec<u64>> {
        let numbers = next.map_or(self.len, |next| next.start) - chunk.start;
        let mut bytes = vec![0; usize::try_from(numbers).map_err(io::Error::other)? * 8];
        file.read_exact_at(&mut bytes, self.place(plane, chunk.start))?;
        if chunk.sums.get(plane as usize) != Some(&xxh3_64(&bytes)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its keys are damaged"));
        }
        let (numbers, _) = bytes.as_chunks::<8>();
        Ok(numbers.iter().map(|number| u64::from_le_bytes(*number)).collect())
    }
}

/// How many numbers at the start are less; found in steps that double, for it is mostly near.
fn gallop(numbers: &[u64], than: u64) -> usize {
    let mut step = 1;
    while numbers.get(step - 1).is_some_and(|number| *number < than) {
        step *= 2;
    }
    let from = step / 2;
    let window = numbers.get(from..numbers.len().min(step)).unwrap_or_default();
    from + window.partition_point(|number| *number < than)
}

/// The keys of a run, one after the other.
pub(super) struct Reader<'a> {
    run: &'a Run,
    file: &'a File,
    chunk: usize,
    keys: std::vec::IntoIter<(u128, u64)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(run: &'a Run, file: &'a File) -> Reader<'a> {
        Reader { run, file, chunk: 0, keys: Vec::new().into_iter() }
    }

    /// The next key, which stays the next.
    pub(super) fn peek(&mut self) -> io::Result<Option<(u128, u64)>> {
        if self.keys.as_slice().is_empty() {
            let Some(chunk) = self.run.chunks.get(self.chunk) else { return Ok(None) };
            self.chunk += 1;
            let next = self.run.chunks.get(self.chunk);
            let (upper, lower) = (self.run.read(self.file, 0, chunk, next)?, self.run.read(self.file, 1, chunk, next)?);
            let counts = if self.run.counted { self.run.read(self.file, 2, chunk, next)? } else { vec![1; upper.len()] };
            let hashes = upper.into_iter().zip(lower).map(|(upper, lower)| u128::from(upper) << 64 | u128::from(lower));
            self.keys = hashes.zip(counts).collect::<Vec<_>>().into_iter();
        }
        Ok(self.keys.as_slice().first().copied())
    }

    /// Goes on to the key after it.
    pub(super) fn skip(&mut self) {
        self.keys.next();
    }
}
