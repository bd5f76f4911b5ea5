//! Exact counting of keys in bounded memory.
//!
//! A key is hashed to 128 bits (`hash`), so that two keys are taken for one with a probability that
//! no dataset will ever meet. Keys that repeat are counted at once in a small table (`counter`). When
//! they do not, hashes go to partitions by their first bits (`partitions`), which are kept in memory
//! up to a budget and in a temporary file beyond; at the end each partition is counted apart (`count`).

mod count;
mod counter;
mod hash;
mod partitions;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    count::{Keep, KeyCounts},
    counter::Counter,
    hash::{Hashes, hash_bytes, hash_values, hashes_of, keys_of_rows},
    partitions::Budget,
};
