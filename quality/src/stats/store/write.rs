//! Putting what is known in a file of states.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io,
    sync::Arc,
};

use super::{
    DataFile, Stored,
    block::{Block, Saved as _},
    entry::Entry,
    keys::Keys,
    merge::{Scratch, is_damage},
    run::Run,
    slot::Slot,
    sum::Sum,
};

impl Stored {
    /// Writes all that is not in the file, and says where it ends. What can't be read is forgotten.
    pub(super) fn write(&mut self, mut writer: Writer<'_>) -> io::Result<u64> {
        let mut lost = None;
        let mut written = |what: String, done: io::Result<()>| match done {
            Ok(()) => Ok(true),
            Err(error) if is_damage(&error) => {
                lost = Some((what, error));
                Ok(false)
            }
            Err(error) => Err(error),
        };
        // Parts first: a sum of few of them names their runs.
        let mut gone: Vec<DataFile> = Vec::new();
        for (file, slot) in &mut self.parts {
            if slot.block_in(writer.known).is_none() && !written(file.path.display().to_string(), writer.part(slot))? {
                gone.push(file.clone());
            }
        }
        let mut broken: Vec<String> = Vec::new();
        for (key, sum) in &mut self.sums {
            if sum.entry.block_in(writer.known).is_none() && !written("a sum".to_owned(), writer.sum(sum))? {
                broken.push(key.clone());
            }
        }
        gone.iter().for_each(|file| drop(self.parts.remove(file)));
        broken.iter().for_each(|key| drop(self.sums.remove(key)));
        if let Some((what, why)) = lost {
            self.lose(&what, &why);
        }
        self.scratch = Scratch::default();
        (self.in_memory, self.lent) = (0, 0);
        Ok(writer.end)
    }
}

/// Puts parts and sums in a file.
pub(super) struct Writer<'a> {
    to: &'a File,
    /// The handle that what is written is read with.
    known: &'a Arc<File>,
    end: u64,
    /// The statistics of parts that are worth their place, if some are not.
    wanted: Option<BTreeSet<String>>,
    /// Runs that were written, by what they were of.
    runs: HashMap<(usize, u64), Run>,
}

impl<'a> Writer<'a> {
    /// Writes from this place on.
    pub(super) fn new(to: &'a File, known: &'a Arc<File>, end: u64) -> Writer<'a> {
        Writer { to, known, end, wanted: None, runs: HashMap::new() }
    }

    /// Leaves out the statistics of parts that are none of these.
    pub(super) fn wanting(self, wanted: Option<BTreeSet<String>>) -> Writer<'a> {
        Writer { wanted, ..self }
    }

    fn part(&mut self, slot: &mut Slot) -> io::Result<()> {
        let mut part = slot.read()?.into_owned();
        if let Some(wanted) = &self.wanted {
            part.retain(|key, _| wanted.contains(key));
        }
        let mut bytes = 0;
        for entry in part.values_mut() {
            bytes += self.keys(entry, false)?;
        }
        let block = Block::write(self.to, self.end, &part.write(self.known))?;
        self.end += block.length;
        slot.settle(Arc::clone(self.known), block, bytes + block.length);
        Ok(())
    }

    fn sum(&mut self, sum: &mut Sum) -> io::Result<()> {
        let entry = sum.entry.get()?;
        let bytes = self.keys(entry, true)?;
        let block = Block::write(self.to, self.end, &entry.write(self.known))?;
        self.end += block.length;
        sum.bytes = bytes + block.length;
        sum.entry.put(Arc::clone(self.known), block);
        Ok(())
    }

    /// Puts the keys of an entry in the file that are not there yet. Returns the bytes of those that are of it alone.
    fn keys(&mut self, entry: &mut Entry, of_sum: bool) -> io::Result<u64> {
        let mut bytes = 0;
        for keys in &mut entry.keys {
            let written = keys.run_in(self.known).or_else(|| self.runs.get(&keys.identity()).copied());
            let run = match written {
                Some(run) => run,
                None => {
                    let run = Run { own: of_sum, ..keys.write(self.to, self.end)? };
                    self.end += run.bytes;
                    self.runs.insert(keys.identity(), run);
                    run
                }
            };
            if run.own == of_sum {
                bytes += run.bytes;
            }
            *keys = Arc::new(Keys::of_run(Arc::clone(self.known), run));
        }
        Ok(bytes)
    }
}
