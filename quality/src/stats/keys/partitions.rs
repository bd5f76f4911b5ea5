//! Hashes by their first bits, in memory up to a budget and in a temporary file beyond.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Bits of a hash that name its partition.
const BITS: u32 = 9;
/// Partitions.
pub(crate) const COUNT: usize = 1 << BITS;
/// Numbers of a chunk: 16 KB.
const CHUNK: usize = 1_024;

/// Bytes that all partitions of a pass may have in memory.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    left: Arc<AtomicU64>,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Budget {
        Budget { left: Arc::new(AtomicU64::new(bytes)) }
    }

    fn take(&self, bytes: u64) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Hashes of one thread.
pub(crate) struct Partitions {
    parts: Vec<Part>,
    budget: Budget,
    spill: Option<Spill>,
}

#[derive(Default)]
struct Part {
    /// Hashes of keys that were seen once more each.
    single: Lane,
    /// Hashes and counts in turn.
    counted: Lane,
}

#[derive(Default)]
struct Lane {
    open: Vec<u128>,
    full: Vec<Vec<u128>>,
    /// Where chunks begin in the file.
    spilled: Vec<u64>,
}

struct Spill {
    file: File,
    end: u64,
    bytes: Vec<u8>,
}

impl Partitions {
    pub(crate) fn new(budget: Budget) -> Partitions {
        let mut parts = Vec::new();
        parts.resize_with(COUNT, Part::default);
        Partitions { parts, budget, spill: None }
    }

    /// Keys that were seen once more each.
    pub(crate) fn extend(&mut self, hashes: &[u128]) -> io::Result<()> {
        for hash in hashes {
            if let Some(part) = self.parts.get_mut((hash >> (u128::BITS - BITS)) as usize) {
                part.single.open.push(*hash);
                if part.single.open.len() >= CHUNK {
                    part.single.close(&self.budget, &mut self.spill)?;
                }
            }
        }
        Ok(())
    }

    /// A key that was seen so often more.
    pub(crate) fn push(&mut self, hash: u128, count: u64) -> io::Result<()> {
        if count == 1 {
            return self.extend(&[hash]);
        }
        if let Some(part) = self.parts.get_mut((hash >> (u128::BITS - BITS)) as usize) {
            part.counted.open.extend([hash, u128::from(count)]);
            if part.counted.open.len() >= CHUNK {
                part.counted.close(&self.budget, &mut self.spill)?;
            }
        }
        Ok(())
    }

    /// Numbers in a partition, at least as many as it has keys.
    pub(crate) fn len(&self, index: usize) -> usize {
        self.parts.get(index).map_or(0, |part| part.single.len() + part.counted.len() / 2)
    }

    /// Whether every key of a partition came alone, however often.
    pub(crate) fn is_of_singles(&self, index: usize) -> bool {
        self.parts.get(index).is_none_or(|part| part.counted.len() == 0)
    }

    /// Hands over the keys of a partition that came alone.
    pub(crate) fn read_singles(&self, index: usize, take: impl FnMut(&[u128])) -> io::Result<()> {
        self.parts.get(index).map_or(Ok(()), |part| part.single.read(self.spill.as_ref(), take))
    }

    /// Hands over everything that is in a partition.
    pub(crate) fn read(&self, index: usize, mut take: impl FnMut(u128, u64)) -> io::Result<()> {
        let Some(part) = self.parts.get(index) else { return Ok(()) };
        part.single.read(self.spill.as_ref(), |numbers| numbers.iter().for_each(|hash| take(*hash, 1)))?;
        part.counted.read(self.spill.as_ref(), |numbers| {
            let (pairs, _) = numbers.as_chunks::<2>();
            pairs.iter().for_each(|[hash, count]| take(*hash, *count as u64));
        })
    }
}

impl Drop for Partitions {
    fn drop(&mut self) {
        let chunks: usize = self.parts.iter().map(|part| part.single.full.len() + part.counted.full.len()).sum();
        self.budget.give((chunks * CHUNK * size_of::<u128>()) as u64);
    }
}

impl Lane {
    fn close(&mut self, budget: &Budget, spill: &mut Option<Spill>) -> io::Result<()> {
        if budget.take((CHUNK * size_of::<u128>()) as u64) {
            let chunk = std::mem::replace(&mut self.open, Vec::with_capacity(CHUNK));
            self.full.push(chunk);
            return Ok(());
        }
        let spill = match spill {
            Some(spill) => spill,
            None => spill.insert(Spill { file: tempfile::tempfile()?, end: 0, bytes: Vec::new() }),
        };
        self.spilled.push(spill.end);
        spill.write(&self.open)?;
        self.open.clear();
        Ok(())
    }

    fn len(&self) -> usize {
        self.open.len() + (self.full.len() + self.spilled.len()) * CHUNK
    }

    fn read(&self, spill: Option<&Spill>, mut take: impl FnMut(&[u128])) -> io::Result<()> {
        self.full.iter().for_each(|chunk| take(chunk));
        take(&self.open);
        let Some(spill) = spill else { return Ok(()) };
        let mut bytes = vec![0; CHUNK * size_of::<u128>()];
        let mut numbers = Vec::with_capacity(CHUNK);
        for place in &self.spilled {
            spill.file.read_exact_at(&mut bytes, *place)?;
            numbers.clear();
            let (whole, _) = bytes.as_chunks::<16>();
            numbers.extend(whole.iter().map(|number| u128::from_le_bytes(*number)));
            take(&numbers);
        }
        Ok(())
    }
}

impl Spill {
    fn write(&mut self, numbers: &[u128]) -> io::Result<()> {
        self.bytes.clear();
        numbers.iter().for_each(|number| self.bytes.extend_from_slice(&number.to_le_bytes()));
        self.file.write_all(&self.bytes)?;
        self.end += self.bytes.len() as u64;
        Ok(())
    }
}
