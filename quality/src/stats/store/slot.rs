//! What is known of one data file.

use std::{borrow::Cow, fs::File, io, sync::Arc};

use super::{
    block::{Block, Held},
    entry::Part,
    merge::Scratch,
};

/// The statistics of a data file, in layers: what was measured later lies on what is in a file already, and
/// neither needs to be in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// What a later one tells counts.
    layers: Vec<Held<Part>>,
    /// Bytes in the file.
    pub(super) bytes: u64,
    /// Whether something was measured since it was read.
    pub(super) grown: bool,
}

impl Slot {
    /// In a block.
    pub(super) fn at(file: Arc<File>, block: Block, bytes: u64) -> Slot {
        Slot { layers: vec![Held::at(file, block)], bytes, grown: false }
    }

    /// In memory.
    pub(super) fn of(part: Part) -> Slot {
        Slot { layers: vec![Held::new(part)], ..Slot::default() }
    }

    /// All statistics. What must be read is not kept.
    pub(super) fn read(&self) -> io::Result<Cow<'_, Part>> {
        let mut layers = self.layers.iter();
        let Some(first) = layers.next() else { return Ok(Cow::Owned(Part::new())) };
        layers.try_fold(first.peek()?, |all, layer| {
            let mut all = all.into_owned();
            all.extend(layer.peek()?.into_owned());
            Ok(Cow::Owned(all))
        })
    }

    /// Puts statistics in the place of those that are known.
    pub(super) fn cover(&mut self, part: Part) {
        match self.layers.last_mut().and_then(Held::in_memory) {
            Some(known) => known.extend(part),
            None => self.layers.push(Held::new(part)),
        }
    }

    /// Puts those of another under what is known.
    pub(super) fn underlay(&mut self, other: Slot) {
        self.layers.splice(0..0, other.layers);
    }

    /// Forgets one statistic.
    pub(super) fn forget(&mut self, key: &str) -> io::Result<()> {
        let mut part = self.read()?.into_owned();
        part.remove(key);
        self.layers = vec![Held::new(part)];
        Ok(())
    }

    /// About how many bytes it has in memory.
    pub(super) fn weight(&mut self) -> u64 {
        let parts = self.layers.iter_mut().filter_map(Held::in_memory);
        parts.flat_map(|part| part.values().map(super::entry::Entry::weight)).sum()
    }

    /// Writes all that is in memory into the temporary file.
    pub(super) fn put_away(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        for layer in &mut self.layers {
            if let Some(part) = layer.in_memory() {
                let (file, block) = scratch.put(part)?;
                layer.put(file, block);
            }
        }
        Ok(())
    }

    /// Copies it with its keys into the temporary file, so that no other file is needed for it.
    pub(super) fn copy(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        let mut part = self.read()?.into_owned();
        let (file, block) = scratch.put(&mut part)?;
        self.settle(file, block, self.bytes);
        Ok(())
    }

    /// All of it is in this block.
    pub(super) fn settle(&mut self, file: Arc<File>, block: Block, bytes: u64) {
        self.layers = vec![Held::at(file, block)];
        self.bytes = bytes;
    }

    /// The block, if all of it is in this file.
    pub(super) fn block_in(&self, file: &Arc<File>) -> Option<Block> {
        match self.layers.as_slice() {
            [one] => one.block_in(file),
            _ => None,
        }
    }
}
