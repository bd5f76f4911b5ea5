//! Blocks: what is written apart, and read only when it is wanted.

use std::{borrow::Cow, fs::File, io, os::unix::fs::FileExt, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

/// Where a block of JSON is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Block {
    pub(super) offset: u64,
    pub(super) length: u64,
    /// XXH3.
    hash: u64,
}

impl Block {
    /// Puts a block at a place.
    pub(super) fn write(file: &File, offset: u64, content: &impl Serialize) -> io::Result<Block> {
        let json = serde_json::to_vec(content)?;
        file.write_all_at(&json, offset)?;
        Ok(Block { offset, length: json.len() as u64, hash: xxh3_64(&json) })
    }

    fn read<T: DeserializeOwned>(&self, file: &File) -> io::Result<T> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "its states are damaged");
        // What is longer than the file is not worth the memory.
        if self.offset.checked_add(self.length).is_none_or(|end| file.metadata().is_ok_and(|metadata| metadata.len() < end)) {
            return Err(damaged());
        }
        let mut json = vec![0; usize::try_from(self.length).map_err(io::Error::other)?];
        file.read_exact_at(&mut json, self.offset)?;
        if xxh3_64(&json) != self.hash {
            return Err(damaged());
        }
        serde_json::from_slice(&json).map_err(|_| damaged())
    }
}

/// What can be kept in a block.
pub(super) trait Saved: Sized {
    /// It as it is read.
    type Written: DeserializeOwned;
    /// It as it is written.
    type Writing<'a>: Serialize
    where
        Self: 'a;

    /// What was written in a file.
    fn read(written: Self::Written, file: &Arc<File>) -> Self;
    /// What to write in a file in which all its keys are.
    fn write(&self, file: &Arc<File>) -> Self::Writing<'_>;
}

/// Something in memory, in a block, or both.
#[derive(Clone, Debug)]
pub(super) struct Held<T> {
    place: Option<(Arc<File>, Block)>,
    value: Option<T>,
}

impl<T: Saved> Held<T> {
    /// In memory.
    pub(super) fn new(value: T) -> Held<T> {
        Held { place: None, value: Some(value) }
    }

    /// In a block.
    pub(super) fn at(file: Arc<File>, block: Block) -> Held<T> {
        Held { place: Some((file, block)), value: None }
    }

    /// It, read if it must be.
    pub(super) fn get(&mut self) -> io::Result<&mut T> {
        let value = match (self.value.take(), &self.place) {
            (Some(value), _) => value,
            (None, Some((file, block))) => T::read(block.read(file)?, file),
            (None, None) => return Err(io::Error::other("it is nowhere")),
        };
        Ok(self.value.insert(value))
    }

    /// It, if it is in memory.
    pub(super) fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// It is in this block from now on, and needs no memory.
    pub(super) fn put(&mut self, file: Arc<File>, block: Block) {
        *self = Held::at(file, block);
    }

    /// It. What must be read is not kept: of thousands it would be too much.
    pub(super) fn peek(&self) -> io::Result<Cow<'_, T>>
    where
        T: Clone,
    {
        match (&self.value, &self.place) {
            (Some(value), _) => Ok(Cow::Borrowed(value)),
            (None, Some((file, block))) => Ok(Cow::Owned(T::read(block.read(file)?, file))),
            (None, None) => Err(io::Error::other("it is nowhere")),
        }
    }

    /// It, to be changed, if it is in memory alone.
    pub(super) fn in_memory(&mut self) -> Option<&mut T> {
        self.value.as_mut().filter(|_| self.place.is_none())
    }

    /// The block, if it is in this file.
    pub(super) fn block_in(&self, file: &Arc<File>) -> Option<Block> {
        self.place.as_ref().filter(|(of, _)| Arc::ptr_eq(of, file)).map(|(_, block)| *block)
    }
}
