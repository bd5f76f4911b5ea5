//! The lake's files, for the little the coordinator does with them: it never reads data. What it reads is what it
//! has written itself: events that were set aside.

use async_trait::async_trait;
use lakegate_model::{Location, ObjectVersion, pipeline::Zone};

use super::Result;

/// The lake's files.
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// The object a key names now; `None` if there is none.
    ///
    /// # Errors
    /// The zone can't be read.
    async fn head(&self, zone: Zone, key: &str) -> Result<Option<ObjectVersion>>;

    /// Writes a small file whole: readers see all of it or nothing. `Ok` is durable.
    ///
    /// # Errors
    /// The place can't be written; nothing is there, or what was there before.
    async fn write(&self, at: &Location, bytes: Vec<u8>) -> Result<()>;

    /// Reads a small file whole; `None` if there is none.
    ///
    /// # Errors
    /// The place can't be read.
    async fn read(&self, at: &Location) -> Result<Option<Vec<u8>>>;

    /// The names of the files directly below a place that come after this one, in the order of their bytes, at most
    /// `limit`. Files that are being written, and folders, are not among them. Nothing there is success.
    ///
    /// # Errors
    /// The place can't be read.
    async fn list(&self, below: &Location, after: &str, limit: usize) -> Result<Vec<String>>;

    /// Moves staged files to where they belong, each atomically, overwriting. A file that is
    /// no longer at `from` but is at `to` was moved by an earlier try and counts as moved: doing
    /// it again after a crash finishes the work. `Ok` is durable, and has for each move, in their order, the
    /// version that `head` gives of the file from now on: it need not be the one that was staged.
    ///
    /// # Errors
    /// Some file is at neither place, or can't be moved; others may have been.
    async fn promote(&self, moves: Vec<Promotion>) -> Result<Vec<String>>;

    /// Deletes everything below a place. Nothing there is success.
    ///
    /// # Errors
    /// Something can't be deleted.
    async fn discard(&self, below: &Location) -> Result<()>;
}

/// One file's move from staging to where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Where the attempt wrote it.
    pub from: Location,
    /// Where it belongs.
    pub to: Location,
}
