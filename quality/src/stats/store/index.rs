//! The index at the end of a file of states: data files, and where everything is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    DataFile,
    block::{Block, Held},
    file::{HEAD, MAGIC},
    slot::Slot,
    sum::{self, Sum},
};

const TAIL: u64 = 32;
/// Bytes that are searched at once.
const BLOCK: usize = 1 << 20;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    files: Vec<DataFile>,
    parts: Vec<PartPlace>,
    /// Sets of files that sums are of.
    coverages: Vec<Vec<usize>>,
    sums: Vec<SumPlace>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PartPlace {
    file: usize,
    block: Block,
    bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct SumPlace {
    statistic: String,
    coverage: usize,
    block: Block,
    bytes: u64,
}

impl Index {
    /// Of parts and sums that are in this file.
    pub(super) fn of(parts: &BTreeMap<DataFile, Slot>, sums: &BTreeMap<String, Sum>, file: &Arc<File>) -> Index {
        let coverages = sum::coverages(sums);
        let files: BTreeSet<&DataFile> = parts.keys().chain(coverages.iter().flat_map(|coverage| coverage.iter())).collect();
        let places: BTreeMap<&DataFile, usize> = files.iter().enumerate().map(|(place, file)| (*file, place)).collect();
        let place = |file: &DataFile| places.get(file).copied();
        let part =
            |(name, slot): (&DataFile, &Slot)| Some(PartPlace { file: place(name)?, block: slot.block_in(file)?, bytes: slot.bytes });
        let sum = |(statistic, sum): (&String, &Sum)| {
            let coverage = coverages.iter().position(|known| Arc::ptr_eq(known, &sum.coverage))?;
            Some(SumPlace { statistic: statistic.clone(), coverage, block: sum.entry.block_in(file)?, bytes: sum.bytes })
        };
        Index {
            parts: parts.iter().filter_map(part).collect(),
            sums: sums.iter().filter_map(sum).collect(),
            coverages: coverages.iter().map(|coverage| coverage.iter().filter_map(place).collect()).collect(),
            files: files.into_iter().cloned().collect(),
        }
    }

    /// What it tells of; nothing of that is read yet.
    pub(super) fn open(self, file: &Arc<File>) -> (BTreeMap<DataFile, Slot>, BTreeMap<String, Sum>) {
        let part = |place: &PartPlace| Some((self.files.get(place.file)?.clone(), Slot::at(Arc::clone(file), place.block, place.bytes)));
        let coverage = |places: &Vec<usize>| Arc::new(places.iter().filter_map(|place| self.files.get(*place).cloned()).collect());
        let coverages: Vec<Arc<BTreeSet<DataFile>>> = self.coverages.iter().map(coverage).collect();
        let sum = |place: &SumPlace| {
            let coverage = Arc::clone(coverages.get(place.coverage)?);
            Some((place.statistic.clone(), Sum { entry: Held::at(Arc::clone(file), place.block), coverage, bytes: place.bytes }))
        };
        (self.parts.iter().filter_map(part).collect(), self.sums.iter().filter_map(sum).collect())
    }

    /// What the end of a file says. Should that have been cut off while it was written, the end before it is still there.
    pub(super) fn find(file: &File, size: u64) -> io::Result<Option<Index>> {
        if let Some(index) = Index::until(file, size)? {
            return Ok(Some(index));
        }
        let mut block = vec![0; BLOCK];
        let mut upto = size;
        while upto > HEAD + TAIL {
            let from = upto.saturating_sub(BLOCK as u64);
            let block = block.get_mut(..usize::try_from(upto - from).unwrap_or_default()).unwrap_or_default();
            file.read_exact_at(block, from)?;
            for (place, _) in block.windows(MAGIC.len()).enumerate().rev().filter(|(_, bytes)| *bytes == MAGIC) {
                if let Some(index) = Index::until(file, from + (place + MAGIC.len()) as u64)? {
                    return Ok(Some(index));
                }
            }
            // A mark may lie across the border of two blocks.
            upto = if from == 0 { 0 } else { from + MAGIC.len() as u64 - 1 };
        }
        Ok(None)
    }

    /// What an end that lies here says, if it does.
    fn until(file: &File, end: u64) -> io::Result<Option<Index>> {
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

    /// Puts it, and the end of the file, at a place.
    pub(super) fn write(&self, file: &File, place: u64) -> io::Result<()> {
        let json = serde_json::to_vec(self)?;
        let tail = [place.to_le_bytes(), (json.len() as u64).to_le_bytes(), xxh3_64(&json).to_le_bytes(), *MAGIC].concat();
        file.set_len(place)?;
        file.write_all_at(&json, place)?;
        file.write_all_at(&tail, place + json.len() as u64)?;
        file.sync_data()
    }
}
