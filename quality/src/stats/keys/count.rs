//! Counts of keys, first by each thread and then over all.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    counter::Counter,
    hash::Hashes,
    partitions::{self, Budget, Partitions},
};
use crate::stats::states::{Frequencies, FrequencyTable, Piece, Summing};

/// Keys counted at once before they go to partitions; the table stays in the second cache.
const AT_ONCE: usize = 1 << 15;
/// Keys that occur less often than so on average are not worth counting at once.
const REPEATS: u64 = 3;
/// Keys that go straight to partitions before it is tried again.
const STRAIGHT: usize = 2_000_000;
/// Tables of up to so many keys are always kept.
const SMALL: u64 = 1 << 16;

/// Which keys are kept once they are counted; few are always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// None, if there are many.
    Few,
    /// Those that occur more than once.
    Repeated,
    /// All.
    All,
    /// All; in a temporary file if they may take more bytes than so many.
    Written(u64),
}

/// Keys as one thread sees them.
pub(crate) struct KeyCounts {
    null_rows: u64,
    table: Counter,
    /// Rows in the table.
    absorbed: u64,
    straight: usize,
    parts: Option<Partitions>,
    budget: Budget,
}

impl KeyCounts {
    pub(crate) fn new(budget: Budget) -> KeyCounts {
        KeyCounts { null_rows: 0, table: Counter::default(), absorbed: 0, straight: 0, parts: None, budget }
    }

    /// Adds the keys of a batch.
    pub(crate) fn update(&mut self, hashes: &Hashes) -> io::Result<()> {
        self.null_rows += hashes.null_rows;
        let mut rest = hashes.keys.as_slice();
        while !rest.is_empty() {
            let at_once = if self.straight == 0 { 4_096 } else { self.straight };
            let (now, later) = rest.split_at(rest.len().min(at_once));
            rest = later;
            if self.straight > 0 {
                self.straight -= now.len();
                self.parts().extend(now)?;
                continue;
            }
            now.iter().for_each(|hash| self.table.add(*hash, 1));
            self.absorbed += now.len() as u64;
            self.relieve()?;
        }
        Ok(())
    }

    /// Adds keys that are counted already.
    pub(crate) fn update_counted(&mut self, null_rows: u64, keys: impl Iterator<Item = (u128, u64)>) -> io::Result<()> {
        self.null_rows += null_rows;
        for (hash, count) in keys {
            self.table.add(hash, count);
            self.absorbed += count;
        }
        self.relieve()
    }

    /// Empties the table into the partitions if it is full.
    fn relieve(&mut self) -> io::Result<()> {
        if self.table.len() < AT_ONCE {
            return Ok(());
        }
        if self.absorbed < self.table.len() as u64 * REPEATS {
            self.straight = STRAIGHT;
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut table = std::mem::take(&mut self.table);
        let parts = self.parts();
        table.iter().try_for_each(|(hash, count)| parts.push(hash, count))?;
        table.reset(AT_ONCE);
        self.table = table;
        self.absorbed = 0;
        Ok(())
    }

    fn parts(&mut self) -> &mut Partitions {
        self.parts.get_or_insert_with(|| Partitions::new(self.budget.clone()))
    }

    /// Counts over all threads.
    pub(crate) fn finish(mut all: Vec<KeyCounts>, keep: Keep, threads: usize) -> io::Result<Frequencies> {
        let null_rows = all.iter().map(|counts| counts.null_rows).sum();
        if all.iter().all(|counts| counts.parts.is_none()) {
            let mut table = Counter::default();
            all.iter().flat_map(|counts| counts.table.iter()).for_each(|(hash, count)| table.add(hash, count));
            let summing = summed(&table);
            let table = (keep != Keep::Few || table.len() as u64 <= SMALL).then(|| FrequencyTable::of_sorted(&sorted(table.iter())));
            return Ok(Frequencies { summary: summing.finish(null_rows), table });
        }
        for counts in all.iter_mut().filter(|counts| counts.table.len() > 0) {
            counts.flush()?;
        }
        let parts: Vec<Partitions> = all.into_iter().filter_map(|counts| counts.parts).collect();
        let counted = count_partitions(&parts, keep, threads)?;
        drop(parts);
        let mut summing = Summing::default();
        counted.iter().for_each(|(part, _)| summing.merge(part));
        let summary = summing.finish(null_rows);
        let table = (keep != Keep::Few).then(|| FrequencyTable::of_pieces(counted.into_iter().map(|(_, keys)| keys)));
        Ok(Frequencies { summary, table })
    }
}

fn summed(table: &Counter) -> Summing {
    let mut summing = Summing::default();
    if table.is_of_singles() {
        summing.add_singles(table.len() as u64);
    } else {
        table.iter().for_each(|(_, count)| summing.add(count));
    }
    summing
}

fn sorted(keys: impl Iterator<Item = (u128, u64)>) -> Vec<(u128, u64)> {
    let mut keys: Vec<(u128, u64)> = keys.collect();
    keys.sort_unstable_by_key(|(hash, _)| *hash);
    keys
}

type Counted = (Summing, Piece);

/// Counts the keys of a partition that were seen once more each.
fn sort_and_count(parts: &[Partitions], index: usize) -> io::Result<Counted> {
    let mut hashes: Vec<u128> = Vec::with_capacity(parts.iter().map(|part| part.len(index)).sum());
    for part in parts {
        part.read_singles(index, |numbers| hashes.extend_from_slice(numbers))?;
    }
    hashes.sort_unstable();
    // As counters know them, which take 0 for no key.
    hashes.iter_mut().take_while(|hash| **hash == 0).for_each(|hash| *hash = 1);
    let mut summing = Summing::default();
    if hashes.is_sorted_by(|left, right| left < right) {
        summing.add_singles(hashes.len() as u64);
        return Ok((summing, Piece::of_singles(hashes)));
    }
    let equal = hashes.chunk_by(|left, right| left == right);
    let keys: Vec<(u128, u64)> = equal.filter_map(|same| Some((*same.first()?, same.len() as u64))).collect();
    keys.iter().for_each(|(_, count)| summing.add(*count));
    Ok((summing, Piece::of_sorted(&keys)))
}

/// Counts each partition apart, in the order of the hashes.
fn count_partitions(parts: &[Partitions], keep: Keep, threads: usize) -> io::Result<Vec<Counted>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Counted)>> = Mutex::new(Vec::with_capacity(partitions::COUNT));
    let numbers: usize = (0..partitions::COUNT).flat_map(|index| parts.iter().map(move |part| part.len(index))).sum();
    let file = match keep {
        Keep::Written(bytes) if (numbers * size_of::<u128>()) as u64 > bytes => Some((Arc::new(tempfile::tempfile()?), AtomicU64::new(0))),
        _ => None,
    };
    let put = |index: usize, (summing, piece): Counted| -> io::Result<()> {
        let piece = match &file {
            Some((file, end)) => {
                let offset = end.fetch_add(piece.bytes(), Ordering::Relaxed);
                piece.write(file, offset)?
            }
            None => piece,
        };
        done.lock().unwrap_or_else(PoisonError::into_inner).push((index, (summing, piece)));
        Ok(())
    };
    let work = || -> io::Result<()> {
        let mut table = Counter::default();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= partitions::COUNT {
                return Ok(());
            }
            if matches!(keep, Keep::All | Keep::Written(_)) && parts.iter().all(|part| part.is_of_singles(index)) {
                // What is sorted anyway needs no table.
                put(index, sort_and_count(parts, index)?)?;
                continue;
            }
            table.reset(parts.iter().map(|part| part.len(index)).sum());
            for part in parts {
                part.read(index, |hash, count| table.add(hash, count))?;
            }
            let summing = summed(&table);
            let keys = match keep {
                Keep::Few => Piece::default(),
                Keep::Repeated if table.is_of_singles() => Piece::default(),
                Keep::Repeated => Piece::of_sorted(&sorted(table.iter().filter(|(_, count)| *count > 1))),
                Keep::All | Keep::Written(_) => Piece::of_sorted(&sorted(table.iter())),
            };
            put(index, (summing, keys))?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread has panicked"))))
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, counted)| counted).collect())
}
