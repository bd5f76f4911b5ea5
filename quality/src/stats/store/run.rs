//! A run: keys in the order of their hashes, with their counts, as they lie in a file.
//!
//! Keys lie in chunks: the upper halves of some hashes, their lower halves, and their counts if any
//! is not one, all numbers of 8 bytes. Looking keys up reads upper halves, and the rest only where
//! they are found. Behind the chunks a list tells of each where it is, and a checksum of each of its
//! three planes: keys that are wrong would give counts that are wrong, and no sign.

use std::{fs::File, io, os::unix::fs::FileExt};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Keys that are read at once. (Tests need not make millions.)
const CHUNK: usize = if cfg!(test) { 1 << 6 } else { 1 << 13 };
/// Keys of a chunk to each that is looked up, from which on all of them are gone through.
const DENSE: usize = 16;
/// Numbers that tell of a chunk.
const NUMBERS: usize = 6;

/// Where a run is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// Where it begins.
    pub(super) offset: u64,
    /// Bytes, with the list of its chunks.
    pub(super) bytes: u64,
    /// Keys.
    pub(super) len: u64,
    /// Whether it is of a sum alone, and of no part.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) own: bool,
    /// How many chunks.
    pub(super) chunks: u64,
    /// XXH3 of the list.
    pub(super) hash: u64,
}

/// Keys that are read together. Those of equal upper halves are in one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Where it is in its run.
    place: u64,
    /// Keys.
    len: u64,
    /// Whether counts are there; without, all are one.
    counted: bool,
    /// The first upper half.
    first: u64,
    hashes: [u64; 3],
}

impl Run {
    /// Its chunks in order.
    pub(super) fn chunks(&self, file: &File) -> io::Result<Vec<Chunk>> {
        let length = self.chunks.checked_mul(NUMBERS as u64 * 8).filter(|length| *length <= self.bytes).ok_or_else(damaged)?;
        let mut bytes = Vec::new();
        read(file, self.offset + self.bytes - length, length / 8, self.hash, &mut bytes)?;
        let numbers = numbers(&bytes);
        let (chunks, _) = numbers.as_chunks::<NUMBERS>();
        let chunk = |[place, len, first, hashes @ ..]: &[u64; NUMBERS]| Chunk {
            place: *place,
            len: len >> 1,
            counted: len & 1 == 1,
            first: *first,
            hashes: *hashes,
        };
        Ok(chunks.iter().map(chunk).collect())
    }

    /// The keys of a chunk, behind those that are in `keys` already.
    pub(super) fn read(&self, file: &File, chunk: &Chunk, keys: &mut Vec<(u128, u64)>) -> io::Result<()> {
        let (upper, lower) = (self.plane(file, chunk, 0)?, self.plane(file, chunk, 1)?);
        let hashes = upper.into_iter().zip(lower).map(|(upper, lower)| u128::from(upper) << 64 | u128::from(lower));
        if chunk.counted {
            keys.extend(hashes.zip(self.plane(file, chunk, 2)?));
        } else {
            keys.extend(hashes.zip(std::iter::repeat(1)));
        }
        Ok(())
    }

    /// Adds to each number how often its key, in order, is in the run.
    pub(super) fn count(&self, file: &File, chunks: &[Chunk], keys: &[(u128, u64)], sieve: &Sieve, found: &mut [u64]) -> io::Result<()> {
        let Some(least) = keys.first().map(upper) else { return Ok(()) };
        let (mut rest, mut found) = (keys, found);
        let mut room = Vec::new();
        for index in chunks.partition_point(|chunk| chunk.first <= least).saturating_sub(1)..chunks.len() {
            let (Some(chunk), false) = (chunks.get(index), rest.is_empty()) else { break };
            let here = chunks.get(index + 1).map_or(rest.len(), |next| rest.partition_point(|key| upper(key) < next.first));
            let (now, later) = rest.split_at(here);
            let (slots, others) = std::mem::take(&mut found).split_at_mut(here);
            (rest, found) = (later, others);
            if !now.is_empty() {
                self.count_chunk(file, chunk, now, sieve, slots, &mut room)?;
            }
        }
        Ok(())
    }

    /// Most keys are not there: the upper halves tell that, as they are in the file.
    fn count_chunk(
        &self,
        file: &File,
        chunk: &Chunk,
        keys: &[(u128, u64)],
        sieve: &Sieve,
        found: &mut [u64],
        room: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.bytes(file, chunk, 0, room)?;
        let (halves, _) = room.as_chunks::<8>();
        let half_at = |place: usize| halves.get(place).map(|half| u64::from_le_bytes(*half));
        let key_at = |place: usize| keys.get(place).map(upper);
        // Read only if an upper half is found.
        let mut others: Option<(Vec<u64>, Vec<u64>)> = None;
        let mut add = |place: usize, key: usize| -> io::Result<()> {
            let (lower, counts) = match &others {
                Some(others) => others,
                None => {
                    let counts = if chunk.counted { self.plane(file, chunk, 2)? } else { Vec::new() };
                    others.insert((self.plane(file, chunk, 1)?, counts))
                }
            };
            if let (Some((hash, _)), Some(found)) = (keys.get(key), found.get_mut(key))
                && lower.get(place) == Some(&(*hash as u64))
            {
                *found += counts.get(place).copied().unwrap_or(1);
            }
            Ok(())
        };
        if keys.len() * DENSE < halves.len() {
            let mut at = 0;
            for (key, half) in keys.iter().map(upper).enumerate() {
                at = gallop(half_at, at, half);
                let mut place = at;
                while half_at(place) == Some(half) {
                    add(place, key)?;
                    place += 1;
                }
            }
            return Ok(());
        }
        let mut at = 0;
        for (place, half) in halves.iter().map(|half| u64::from_le_bytes(*half)).enumerate() {
            if sieve.may_have(half) {
                at = gallop(key_at, at, half);
                let mut key = at;
                while key_at(key) == Some(half) {
                    add(place, key)?;
                    key += 1;
                }
            }
        }
        Ok(())
    }

    fn plane(&self, file: &File, chunk: &Chunk, plane: u64) -> io::Result<Vec<u64>> {
        let mut bytes = Vec::new();
        self.bytes(file, chunk, plane, &mut bytes)?;
        Ok(numbers(&bytes))
    }

    fn bytes(&self, file: &File, chunk: &Chunk, plane: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        let hash = chunk.hashes.get(plane as usize).copied().unwrap_or_default();
        read(file, self.offset + chunk.place + plane * chunk.len * 8, chunk.len, hash, bytes)
    }
}

fn upper((hash, _): &(u128, u64)) -> u64 {
    (hash >> 64) as u64
}

/// Which upper halves some keys have: what does not go through, none of them has.
#[derive(Debug)]
pub(super) struct Sieve {
    bits: Vec<u64>,
    /// Bits of an upper half that are not looked at.
    shift: u32,
}

impl Sieve {
    /// Of some keys.
    pub(super) fn of(keys: &[(u128, u64)]) -> Sieve {
        // Some 64 places for each key, and 8 MB at most.
        let width = (keys.len().max(1).ilog2() + 6).min(26);
        let mut sieve = Sieve { bits: vec![0; 1 << (width - 6)], shift: u64::BITS - width };
        for half in keys.iter().map(upper) {
            let place = half >> sieve.shift;
            if let Some(bits) = sieve.bits.get_mut((place >> 6) as usize) {
                *bits |= 1 << (place & 63);
            }
        }
        sieve
    }

    fn may_have(&self, half: u64) -> bool {
        let place = half >> self.shift;
        self.bits.get((place >> 6) as usize).is_some_and(|bits| bits >> (place & 63) & 1 == 1)
    }
}

/// Numbers into room that may have been used before.
fn read(file: &File, offset: u64, numbers: u64, hash: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let length = usize::try_from(numbers).ok().and_then(|numbers| numbers.checked_mul(8)).ok_or_else(damaged)?;
    bytes.resize(length, 0);
    file.read_exact_at(bytes, offset)?;
    if xxh3_64(bytes) == hash { Ok(()) } else { Err(damaged()) }
}

fn numbers(bytes: &[u8]) -> Vec<u64> {
    let (numbers, _) = bytes.as_chunks::<8>();
    numbers.iter().map(|number| u64::from_le_bytes(*number)).collect()
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its keys are damaged")
}

/// The first place from this one on whose number is not less; found in steps that double, for it is mostly near.
fn gallop(number: impl Fn(usize) -> Option<u64>, from: usize, than: u64) -> usize {
    let is_less = |place: usize| number(place).is_some_and(|number| number < than);
    let mut step = 1;
    while is_less(from + step - 1) {
        step *= 2;
    }
    // All before the half of the last step are less, and what is at its end is not.
    let (mut low, mut high) = (from + step / 2, from + step - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        (low, high) = if is_less(middle) { (middle + 1, high) } else { (low, middle) };
    }
    low
}

/// Writes a run.
pub(super) struct Writer<'a> {
    file: &'a File,
    offset: u64,
    bytes: u64,
    len: u64,
    /// Keys of the chunk that is not full yet.
    keys: Vec<(u128, u64)>,
    /// Room for its planes.
    planes: Vec<u8>,
    list: Vec<u8>,
}

fn fill(plane: &mut [u8], keys: &[(u128, u64)], number: impl Fn(&(u128, u64)) -> u64) {
    let (numbers, _) = plane.as_chunks_mut::<8>();
    numbers.iter_mut().zip(keys).for_each(|(bytes, key)| *bytes = number(key).to_le_bytes());
}

impl<'a> Writer<'a> {
    pub(super) fn new(file: &'a File, offset: u64) -> Writer<'a> {
        Writer { file, offset, bytes: 0, len: 0, keys: Vec::with_capacity(CHUNK), planes: Vec::new(), list: Vec::new() }
    }

    /// One more key, which comes after all others.
    pub(super) fn push(&mut self, hash: u128, count: u64) -> io::Result<()> {
        if self.keys.len() >= CHUNK && self.keys.last().is_some_and(|(last, _)| last >> 64 != hash >> 64) {
            self.close()?;
        }
        self.keys.push((hash, count));
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        let Some((first, _)) = self.keys.first() else { return Ok(()) };
        let (first, len) = ((first >> 64) as u64, self.keys.len());
        let counted = self.keys.iter().any(|(_, count)| *count != 1);
        let planes = if counted { 3 } else { 2 };
        let mut bytes = std::mem::take(&mut self.planes);
        bytes.resize(len * planes * 8, 0);
        let mut plane = bytes.chunks_exact_mut(len * 8);
        plane.next().into_iter().for_each(|plane| fill(plane, &self.keys, |(hash, _)| (hash >> 64) as u64));
        plane.next().into_iter().for_each(|plane| fill(plane, &self.keys, |(hash, _)| *hash as u64));
        plane.next().into_iter().for_each(|plane| fill(plane, &self.keys, |(_, count)| *count));
        self.file.write_all_at(&bytes, self.offset + self.bytes)?;
        let mut hashes = bytes.chunks(len * 8).map(xxh3_64);
        let mut hash = || hashes.next().unwrap_or_default();
        let numbers: [u64; NUMBERS] = [self.bytes, (len as u64) << 1 | u64::from(counted), first, hash(), hash(), hash()];
        self.list.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self.bytes += bytes.len() as u64;
        self.planes = bytes;
        self.len += len as u64;
        self.keys.clear();
        Ok(())
    }

    /// What was written.
    pub(super) fn finish(mut self) -> io::Result<Run> {
        self.close()?;
        self.file.write_all_at(&self.list, self.offset + self.bytes)?;
        Ok(Run {
            offset: self.offset,
            bytes: self.bytes + self.list.len() as u64,
            len: self.len,
            own: false,
            chunks: (self.list.len() / (NUMBERS * 8)) as u64,
            hash: xxh3_64(&self.list),
        })
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
