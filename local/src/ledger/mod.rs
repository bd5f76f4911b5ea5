//! The ledger in one SQLite file.
//!
//! ```text
//!   callers ──► bounded channel ──► writer thread: BEGIN, whoever is waiting, COMMIT (one fsync), answers
//!   callers ──► a connection of the pool ──► reads, never behind a write
//! ```
//!
//! The file is in WAL mode with `synchronous=FULL`, so that a commit is on the disk. Requests that
//! wait together are committed together, each under a savepoint of its own: one that fails does not
//! hurt its neighbours. What is in each stage is kept beside the stage and changed in the same
//! transactions, so that counting costs nothing.

mod admit;
mod advance;
mod failure;
mod listings;
mod lock;
mod outbox;
mod pipelines;
mod queries;
mod readers;
mod removals;
mod rows;
mod schema;
mod seal;
mod writer;

use std::{collections::BTreeSet, path::Path};

use async_trait::async_trait;
use lakegate_coordinator::ports::{
    Ledger, Outgoing, Result,
    ledger::{
        Admission, Applied, Arrival, BatchRecord, Execution, Filter, Member, Move, MoveOutcome, ObjectRecord, Page, Paged, PipelineVersion,
        Removal, SealRequest, Sealed, StageCounts, Unrouted,
    },
};
use lakegate_model::{
    BatchId, DatasetId, ExecutionId, FailureCode, ObjectId, Pipeline, StageKey, Timestamp, destination::Destination,
    machine::batch::OpenBatch, pipeline::BatchTrigger, table::Schema,
};

use self::{lock::Lock, readers::Readers, writer::Writer};
use crate::{
    blocking::blocking,
    files::{create_dirs, io_failure, sync_dir},
};

/// The ledger in one SQLite file, which it owns for as long as it lives.
///
/// Dropping it finishes what was asked for and gives the file free.
pub struct SqliteLedger {
    // The order matters: the writer and the readers are gone before the lock is.
    writer: Writer,
    readers: Readers,
    _lock: Lock,
}

impl SqliteLedger {
    /// Opens the ledger at `path`, or makes a new one, and takes it for this process alone.
    ///
    /// # Errors
    /// `Conflict` if another process has it; `Ledger` if it can't be opened, is damaged, is no
    /// ledger, or was written by a newer version of Lakegate.
    pub async fn open(path: impl AsRef<Path>) -> Result<SqliteLedger> {
        let path = path.as_ref().to_owned();
        blocking(move || SqliteLedger::open_now(&path)).await
    }

    fn open_now(path: &Path) -> Result<SqliteLedger> {
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        create_dirs(above).map_err(|error| io_failure(FailureCode::Ledger, "make the ledger's folder", above, &error))?;
        let lock = Lock::take(path)?;
        let connection = schema::open(path)?;
        sync_dir(above).map_err(|error| io_failure(FailureCode::Ledger, "flush the ledger's folder", above, &error))?;
        let readers = Readers::new(path);
        let writer = Writer::start(connection, path)?;
        Ok(SqliteLedger { writer, readers, _lock: lock })
    }

    /// How many transactions have been committed since it was opened.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn apply_pipeline(&self, pipeline: &Pipeline, at: Timestamp) -> Result<Applied> {
        let pipeline = pipeline.clone();
        self.writer.write(move |changes| changes.apply_pipeline(&pipeline, at)).await
    }

    async fn pipelines(&self) -> Result<Vec<PipelineVersion>> {
        self.readers.read(pipelines::newest).await
    }

    async fn pipeline(&self, dataset: &DatasetId, version: u32) -> Result<Option<PipelineVersion>> {
        let dataset = dataset.clone();
        self.readers.read(move |connection| pipelines::version(connection, &dataset, version)).await
    }

    async fn admit(&self, arrivals: Vec<Arrival>) -> Result<Vec<Admission>> {
        self.writer.write(move |changes| changes.admit(&arrivals)).await
    }

    async fn advance(&self, moves: Vec<Move>) -> Result<Vec<MoveOutcome>> {
        self.writer.write(move |changes| changes.advance(&moves)).await
    }

    async fn destinations(&self) -> Result<Vec<Destination>> {
        self.readers.read(outbox::destinations).await
    }

    async fn outgoing(&self, to: &Destination, limit: usize) -> Result<Vec<Outgoing>> {
        let to = to.to_string();
        self.readers.read(move |connection| outbox::outgoing(connection, &to, limit)).await
    }

    async fn mark_sent(&self, ids: Vec<String>) -> Result<()> {
        self.writer.write(move |changes| changes.mark_sent(&ids)).await
    }

    async fn unfinished(&self, stage: &StageKey, after: u64, limit: usize) -> Result<Vec<Execution>> {
        let stage = stage.clone();
        self.readers.read(move |connection| queries::unfinished(connection, &stage, after, limit)).await
    }

    async fn busy_stages(&self) -> Result<Vec<StageKey>> {
        self.readers.read(queries::busy_stages).await
    }

    async fn execution(&self, id: &ExecutionId) -> Result<Option<Execution>> {
        let id = id.clone();
        self.readers.read(move |connection| queries::execution(connection, &id)).await
    }

    async fn open_batch(&self, stage: &StageKey, trigger: &BatchTrigger) -> Result<OpenBatch> {
        let (stage, trigger) = (stage.clone(), trigger.clone());
        self.readers.read(move |connection| queries::open_batch(connection, &stage, &trigger)).await
    }

    async fn seal(&self, request: SealRequest) -> Result<Option<Sealed>> {
        self.writer.write(move |changes| changes.seal(&request)).await
    }

    async fn members(&self, batch: &BatchId) -> Result<Vec<Member>> {
        let batch = batch.clone();
        self.readers.read(move |connection| queries::members(connection, &batch)).await
    }

    async fn members_from(&self, batch: &BatchId, from: usize, limit: usize) -> Result<Vec<Member>> {
        let batch = batch.clone();
        self.readers.read(move |connection| queries::members_from(connection, &batch, from, limit)).await
    }

    async fn members_named(&self, objects: &[ObjectId]) -> Result<Vec<Member>> {
        let objects = objects.to_vec();
        self.readers.read(move |connection| queries::members_named(connection, &objects)).await
    }

    async fn set_paused(&self, stage: &StageKey, paused: bool) -> Result<bool> {
        let stage = stage.clone();
        self.writer.write(move |changes| changes.set_paused(&stage, paused)).await
    }

    async fn paused(&self) -> Result<Vec<StageKey>> {
        self.readers.read(queries::paused).await
    }

    async fn schema(&self, stage: &StageKey) -> Result<Option<Schema>> {
        let stage = stage.clone();
        self.readers.read(move |connection| queries::schema(connection, &stage)).await
    }

    async fn record_unrouted(&self, objects: Vec<Unrouted>) -> Result<()> {
        self.writer.write(move |changes| changes.record_unrouted(&objects)).await
    }

    async fn record_removed(&self, removals: Vec<Removal>) -> Result<()> {
        self.writer.write(move |changes| changes.record_removed(&removals)).await
    }

    async fn unrouted_objects(&self, after: &str, limit: usize) -> Result<Vec<Unrouted>> {
        let after = after.to_owned();
        self.readers.read(move |connection| queries::unrouted_objects(connection, &after, limit)).await
    }

    async fn unrouted(&self) -> Result<u64> {
        self.readers.read(queries::unrouted).await
    }

    async fn counts(&self) -> Result<Vec<StageCounts>> {
        self.readers.read(queries::counts).await
    }

    async fn runs(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        let listing = listings::Listing::of_runs(filter, page)?;
        self.readers.read(move |connection| listing.read(connection, rows::execution)).await
    }

    async fn runs_by_prefix(&self, prefix: &str) -> Result<Vec<Execution>> {
        let prefix = prefix.to_owned();
        self.readers.read(move |connection| listings::runs_by_prefix(connection, &prefix)).await
    }

    async fn objects(&self, filter: &Filter, page: &Page) -> Result<Paged<ObjectRecord>> {
        let listing = listings::Listing::of_objects(filter, page)?;
        self.readers.read(move |connection| listing.read(connection, rows::object)).await
    }

    async fn objects_by_name(&self, name: &str) -> Result<Vec<ObjectRecord>> {
        let name = name.to_owned();
        self.readers.read(move |connection| listings::objects_by_name(connection, &name)).await
    }

    async fn known(&self, objects: &[ObjectId]) -> Result<BTreeSet<ObjectId>> {
        let objects = objects.to_vec();
        self.readers.read(move |connection| listings::known(connection, &objects)).await
    }

    async fn made_by(&self, execution: &ExecutionId) -> Result<Vec<ObjectRecord>> {
        let execution = execution.clone();
        self.readers.read(move |connection| listings::made_by(connection, &execution)).await
    }

    async fn runs_of(&self, object: &ObjectId) -> Result<Vec<Execution>> {
        let object = object.clone();
        self.readers.read(move |connection| listings::runs_of(connection, &object)).await
    }

    async fn batches(&self, filter: &Filter, page: &Page) -> Result<Paged<BatchRecord>> {
        let listing = listings::Listing::of_batches(filter, page)?;
        self.readers.read(move |connection| listing.read(connection, rows::batch)).await
    }

    async fn batches_by_prefix(&self, prefix: &str) -> Result<Vec<BatchRecord>> {
        let prefix = prefix.to_owned();
        self.readers.read(move |connection| listings::batches_by_prefix(connection, &prefix)).await
    }
}
