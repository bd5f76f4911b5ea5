//! How often keys occur.

use std::{borrow::Cow, fs::File, io, os::unix::fs::FileExt as _, sync::Arc};

use serde::{Deserialize, Serialize};

use super::bits;

/// Counts of keys, and the keys themselves as hashes of 128 bits if they were kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frequencies {
    /// What rules ask for.
    pub summary: FrequencySummary,
    /// What merging needs: kept if it is small, or if states were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<FrequencyTable>,
}

/// How often keys occur, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrequencySummary {
    /// Rows with a key: at least one of the columns is not null.
    pub rows: u64,
    /// Rows of which all columns are null.
    pub null_rows: u64,
    /// Distinct keys.
    pub groups: u64,
    /// Keys that occur once.
    pub singles: u64,
    /// Rows whose key occurs more than once.
    pub in_duplicates: u64,
    /// −Σ p ln p over the keys, in nats; 0 of no keys.
    #[serde(with = "bits")]
    pub entropy: f64,
}

/// Adds up a summary from the counts of keys.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summing {
    rows: u64,
    groups: u64,
    singles: u64,
    c_ln_c: f64,
}

impl Summing {
    /// One more key that occurs so often.
    pub(crate) fn add(&mut self, count: u64) {
        self.rows += count;
        self.groups += 1;
        if count == 1 {
            self.singles += 1;
        } else {
            self.c_ln_c += count as f64 * (count as f64).ln();
        }
    }

    /// So many keys more that occur once each.
    pub(crate) fn add_singles(&mut self, keys: u64) {
        self.rows += keys;
        self.groups += keys;
        self.singles += keys;
    }

    /// What a summary was made of.
    pub(crate) fn of(summary: &FrequencySummary) -> Summing {
        let rows = summary.rows as f64;
        let c_ln_c = if summary.groups < 2 { rows * rows.max(1.0).ln() } else { rows * (rows.ln() - summary.entropy) };
        Summing { rows: summary.rows, groups: summary.groups, singles: summary.singles, c_ln_c }
    }

    /// So many more of a key that was there so often before.
    pub(crate) fn raise(&mut self, before: u64, more: u64) {
        if before == 0 {
            return self.add(more);
        }
        let c_ln_c = |count: u64| count as f64 * (count as f64).ln();
        self.rows += more;
        self.singles -= u64::from(before == 1);
        self.c_ln_c += c_ln_c(before + more) - c_ln_c(before);
    }

    /// Adds the other's keys, none of which is here.
    pub(crate) fn merge(&mut self, other: &Summing) {
        self.rows += other.rows;
        self.groups += other.groups;
        self.singles += other.singles;
        self.c_ln_c += other.c_ln_c;
    }

    /// The summary.
    pub(crate) fn finish(&self, null_rows: u64) -> FrequencySummary {
        let rows = self.rows as f64;
        // Of one key it is nothing, and rounding should not make it less.
        let entropy = if self.groups < 2 { 0.0 } else { (rows.ln() - self.c_ln_c / rows).max(0.0) };
        let (groups, singles) = (self.groups, self.singles);
        FrequencySummary { rows: self.rows, null_rows, groups, singles, in_duplicates: self.rows - singles, entropy }
    }
}

/// Keys in the order of their hashes, 16 bytes each, and 8 more if any of their piece repeats.
#[derive(Clone, Debug, Default)]
pub struct FrequencyTable(Vec<Arc<Piece>>);

/// Keys that follow each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piece {
    hashes: Vec<u128>,
    /// Empty if every key occurs once.
    counts: Vec<u64>,
    /// Where they are, if they are not in memory.
    place: Option<Place>,
}

/// Keys in a temporary file.
#[derive(Clone, Debug)]
struct Place {
    file: Arc<File>,
    offset: u64,
    len: usize,
    counted: bool,
}

impl Piece {
    /// Of keys in the order of their hashes, none twice.
    pub(crate) fn of_sorted(keys: &[(u128, u64)]) -> Piece {
        let singles = keys.iter().all(|(_, count)| *count == 1);
        let counts = if singles { Vec::new() } else { keys.iter().map(|(_, count)| *count).collect() };
        Piece { hashes: keys.iter().map(|(hash, _)| *hash).collect(), counts, place: None }
    }

    /// Of hashes in order, none twice, of keys that occur once.
    pub(crate) fn of_singles(hashes: Vec<u128>) -> Piece {
        Piece { hashes, counts: Vec::new(), place: None }
    }

    fn len(&self) -> usize {
        self.place.as_ref().map_or(self.hashes.len(), |place| place.len)
    }

    /// Bytes in memory, or in a file.
    pub(crate) fn bytes(&self) -> u64 {
        self.hashes.len() as u64 * 16 + self.counts.len() as u64 * 8
    }

    /// Puts the keys at a place in a file that is theirs.
    pub(crate) fn write(self, file: &Arc<File>, offset: u64) -> io::Result<Piece> {
        let hashes = self.hashes.iter().flat_map(|hash| hash.to_le_bytes());
        let bytes: Vec<u8> = hashes.chain(self.counts.iter().flat_map(|count| count.to_le_bytes())).collect();
        file.write_all_at(&bytes, offset)?;
        let place = Place { file: Arc::clone(file), offset, len: self.hashes.len(), counted: !self.counts.is_empty() };
        Ok(Piece { place: Some(place), ..Piece::default() })
    }

    /// The keys in memory.
    fn read(&self) -> io::Result<Cow<'_, Piece>> {
        let Some(Place { file, offset, len, counted }) = &self.place else { return Ok(Cow::Borrowed(self)) };
        let mut bytes = vec![0; len * if *counted { 24 } else { 16 }];
        file.read_exact_at(&mut bytes, *offset)?;
        let (hashes, counts) = bytes.split_at(len * 16);
        let hashes = hashes.as_chunks::<16>().0.iter().map(|hash| u128::from_le_bytes(*hash)).collect();
        let counts = counts.as_chunks::<8>().0.iter().map(|count| u64::from_le_bytes(*count)).collect();
        Ok(Cow::Owned(Piece { hashes, counts, place: None }))
    }
}

impl FrequencyTable {
    /// Of keys in the order of their hashes, none twice.
    pub(crate) fn of_sorted(keys: &[(u128, u64)]) -> FrequencyTable {
        FrequencyTable::of_pieces([Piece::of_sorted(keys)])
    }

    /// Of pieces in order.
    pub(crate) fn of_pieces(pieces: impl IntoIterator<Item = Piece>) -> FrequencyTable {
        FrequencyTable(pieces.into_iter().filter(|piece| piece.len() > 0).map(Arc::new).collect())
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.0.iter().map(|piece| piece.len()).sum()
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|piece| piece.bytes()).sum()
    }

    /// Whether keys are in a temporary file: they can be read one after the other, and nothing else.
    pub(crate) fn is_written(&self) -> bool {
        self.0.iter().any(|piece| piece.place.is_some())
    }

    /// Tells of each key in order, wherever it is.
    pub(crate) fn each(&self, mut take: impl FnMut(u128, u64) -> io::Result<()>) -> io::Result<()> {
        for piece in &self.0 {
            let piece = piece.read()?;
            let counts = piece.counts.iter().copied().chain(std::iter::repeat(1));
            piece.hashes.iter().zip(counts).try_for_each(|(hash, count)| take(*hash, count))?;
        }
        Ok(())
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hashes of a piece, and their counts; without counts all are one.
    pub(crate) fn piece(&self, place: usize) -> Option<(&[u128], &[u64])> {
        self.0.get(place).map(|piece| (piece.hashes.as_slice(), piece.counts.as_slice()))
    }

    /// Adds to each number how often its key, in order, is here.
    pub(crate) fn count(&self, keys: &[(u128, u64)], found: &mut [u64]) {
        let Some((least, _)) = keys.first() else { return };
        let mut place = self.0.partition_point(|piece| piece.hashes.last().is_some_and(|last| last < least));
        let mut at = 0;
        for ((hash, _), found) in keys.iter().zip(found) {
            while let Some(piece) = self.0.get(place) {
                let rest = piece.hashes.get(at..).unwrap_or_default();
                // Mostly it is near.
                let near = rest.len().min(64);
                let window = if rest.get(near.saturating_sub(1)).is_some_and(|last| last >= hash) { rest.get(..near) } else { Some(rest) };
                at += window.unwrap_or_default().partition_point(|known| known < hash);
                if at < piece.hashes.len() {
                    if piece.hashes.get(at) == Some(hash) {
                        *found += piece.counts.get(at).copied().unwrap_or(1);
                    }
                    break;
                }
                (place, at) = (place + 1, 0);
            }
        }
    }

    /// Keys with their counts, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u128, u64)> + '_ {
        self.0.iter().flat_map(|piece| {
            let counts = piece.counts.iter().copied().chain(std::iter::repeat(1));
            piece.hashes.iter().copied().zip(counts)
        })
    }

    /// Both tables' keys, and what they add up to.
    fn merge(&self, other: &FrequencyTable) -> (FrequencyTable, Summing) {
        let mut summing = Summing::default();
        let mut all = Vec::with_capacity(self.len() + other.len());
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(one), Some(two)) if one.0 == two.0 => (one.0, one.1 + two.1),
                (Some(one), Some(two)) if one.0 > two.0 => *two,
                (Some(one), _) => *one,
                (None, Some(two)) => *two,
                (None, None) => break,
            };
            left.next_if(|key| key.0 == next.0);
            right.next_if(|key| key.0 == next.0);
            summing.add(next.1);
            all.push(next);
        }
        (FrequencyTable::of_sorted(&all), summing)
    }
}

impl PartialEq for FrequencyTable {
    fn eq(&self, other: &FrequencyTable) -> bool {
        !self.is_written() && !other.is_written() && self.iter().eq(other.iter())
    }
}

impl Frequencies {
    /// Adds the other's rows. Fails, and leaves all as it was, if keys were not kept.
    pub(crate) fn merge(&mut self, other: &Frequencies) -> Result<(), NoKeys> {
        let null_rows = self.summary.null_rows + other.summary.null_rows;
        let (Some(left), Some(right)) = (self.keys(), other.keys()) else { return Err(NoKeys) };
        let (table, summing) = left.merge(&right);
        *self = Frequencies { summary: summing.finish(null_rows), table: Some(table) };
        Ok(())
    }

    /// The keys; those of no rows are always known.
    fn keys(&self) -> Option<FrequencyTable> {
        match self.summary.rows {
            0 => Some(FrequencyTable::default()),
            _ => self.table.clone().filter(|table| !table.is_written()),
        }
    }
}

/// Keys were not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKeys;

/// As a list of triples: the halves of the hash, and the count.
impl Serialize for FrequencyTable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_written() {
            return Err(serde::ser::Error::custom("keys are in a temporary file"));
        }
        serializer.collect_seq(self.iter().map(|(hash, count)| ((hash >> 64) as u64, hash as u64, count)))
    }
}

impl<'de> Deserialize<'de> for FrequencyTable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<FrequencyTable, D::Error> {
        let keys = Vec::<(u64, u64, u64)>::deserialize(deserializer)?;
        let keys: Vec<(u128, u64)> = keys.into_iter().map(|(high, low, count)| (u128::from(high) << 64 | u128::from(low), count)).collect();
        if keys.is_sorted_by(|left, right| left.0 < right.0) {
            Ok(FrequencyTable::of_sorted(&keys))
        } else {
            Err(serde::de::Error::custom("keys are not in order"))
        }
    }
}
