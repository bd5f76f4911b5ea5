//! The ledger: the durable record of pipelines, objects, batches and executions, and the only
//! memory of work between stages. There is no second queue.

mod records;

use std::collections::BTreeSet;

use async_trait::async_trait;
use lakegate_model::{
    BatchId, DatasetId, ExecutionId, ObjectId, Pipeline, StageKey, Timestamp, destination::Destination, machine::batch::OpenBatch,
    pipeline::BatchTrigger, table::Schema,
};

pub use self::records::*;
use super::{Result, outbox::Outgoing};

/// The durable record.
///
/// `Ok` from anything that writes means durable: it survives a power cut. Callers write many things
/// in one call and many calls at once; the adapter commits them in groups. Each arrival and each
/// move stands for itself: one that does not apply changes nothing and does not stop its
/// neighbours. Whatever is written about one execution is written in one transaction.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Stores a pipeline as the newest version of its dataset's. One equal to the newest version
    /// (same digest) is that version.
    async fn apply_pipeline(&self, pipeline: &Pipeline, at: Timestamp) -> Result<Applied>;

    /// The newest version of every dataset's pipeline, by dataset.
    async fn pipelines(&self) -> Result<Vec<PipelineVersion>>;

    /// A version of a dataset's pipeline.
    async fn pipeline(&self, dataset: &DatasetId, version: u32) -> Result<Option<PipelineVersion>>;

    /// Records that objects have arrived at stages. An object the ledger knows (same id) is `Known`
    /// and nothing changes, whatever the pipeline's version is now. A new one gets a ready execution,
    /// or becomes a member of the stage's open batch, taking the place of a collecting member with
    /// the same bucket and key, which becomes `Superseded`; unless that member's sequencer says that
    /// it is the newer one: then the arrival is recorded as `Superseded`. Answers are in the order of
    /// arrivals.
    async fn admit(&self, arrivals: Vec<Arrival>) -> Result<Vec<Admission>>;

    /// Moves executions on. A move applies only if the execution is at revision `from`; it then has
    /// revision `from + 1` and everything in the move is written with it, outputs admitted as `admit`
    /// does. When the new phase is terminal, the states of its object or of its batch's members
    /// follow, as `lakegate_model::machine::object::decide` says: `Processed`, `Failed`,
    /// `Quarantined` or `Superseded`; a member named in `rejected` is `Quarantined` with that reason,
    /// or `Superseded` if the reason is `ObjectChanged`.
    async fn advance(&self, moves: Vec<Move>) -> Result<Vec<MoveOutcome>>;

    /// The destinations that messages of moves wait for.
    async fn destinations(&self) -> Result<Vec<Destination>>;

    /// The messages for a destination that moves have left and that are not marked as sent, oldest
    /// first, at most `limit`.
    async fn outgoing(&self, to: &Destination, limit: usize) -> Result<Vec<Outgoing>>;

    /// Marks messages, by their ids, as sent. Ids that are unknown are ignored. A message that was
    /// marked may be given out again after a restart, if it was of a move with others to the same
    /// destination that were not.
    async fn mark_sent(&self, ids: Vec<String>) -> Result<()>;

    /// Executions of a stage that are not over and have `seq > after`, in order of `seq`, at most `limit`.
    async fn unfinished(&self, stage: &StageKey, after: u64, limit: usize) -> Result<Vec<Execution>>;

    /// The stages that have executions that are not over, or collecting members.
    async fn busy_stages(&self) -> Result<Vec<StageKey>>;

    /// One execution.
    async fn execution(&self, id: &ExecutionId) -> Result<Option<Execution>>;

    /// What the stage's open batch has collected.
    async fn open_batch(&self, stage: &StageKey, trigger: &BatchTrigger) -> Result<OpenBatch>;

    /// Seals the oldest members of the open batch, as many as `members_to_seal` allows, and creates
    /// the batch's ready execution in the same transaction. `None` if the open batch is empty.
    async fn seal(&self, request: SealRequest) -> Result<Option<Sealed>>;

    /// The members of a sealed batch, in the order they came.
    async fn members(&self, batch: &BatchId) -> Result<Vec<Member>>;

    /// The same from the `from`-th on, counted from 0, at most `limit`. Of the others no more is read than where they are.
    async fn members_from(&self, batch: &BatchId, from: usize, limit: usize) -> Result<Vec<Member>>;

    /// These members, at most 1,000, in this order; objects that the ledger does not know are left out.
    async fn members_named(&self, objects: &[ObjectId]) -> Result<Vec<Member>>;

    /// Pauses or resumes a stage; tells whether that changed anything.
    async fn set_paused(&self, stage: &StageKey, paused: bool) -> Result<bool>;

    /// The paused stages.
    async fn paused(&self) -> Result<Vec<StageKey>>;

    /// The input schema recorded for a stage by `Move::schema`.
    async fn schema(&self, stage: &StageKey) -> Result<Option<Schema>>;

    /// Remembers objects that no pipeline takes, with the reason. One known already is not counted again.
    async fn record_unrouted(&self, objects: Vec<Unrouted>) -> Result<()>;

    /// The remembered objects that no pipeline took, with `id > after`, in order of id, at most
    /// `limit`. `admit` forgets those it takes.
    async fn unrouted_objects(&self, after: &str, limit: usize) -> Result<Vec<Unrouted>>;

    /// Records that objects were removed. A removal that names a version the ledger knows is of that
    /// version alone; any other is of its key: of every version that came before it, known already or
    /// told of later. What came after it is not removed, and a key that arrives again, even as a version
    /// that is `Known`, is there again. Sequencers say what came before; where one is missing, the
    /// order in which the ledger learnt of things. States do not change: what waits for a removed
    /// object fails by itself, with that reason.
    async fn record_removed(&self, removals: Vec<Removal>) -> Result<()>;

    /// How many objects no pipeline took.
    async fn unrouted(&self) -> Result<u64>;

    /// What is in each stage the ledger knows of.
    async fn counts(&self) -> Result<Vec<StageCounts>>;

    /// Executions, newest first.
    async fn runs(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>>;

    /// The executions whose id starts so, at most two: enough to tell none, one and many apart.
    async fn runs_by_prefix(&self, prefix: &str) -> Result<Vec<Execution>>;

    /// Objects, newest first.
    async fn objects(&self, filter: &Filter, page: &Page) -> Result<Paged<ObjectRecord>>;

    /// The objects whose id starts so, at most two; or, if there is none, those with exactly this
    /// key in the raw zone, newest first, at most one.
    async fn objects_by_name(&self, name: &str) -> Result<Vec<ObjectRecord>>;

    /// Those of these objects, at most 1,000, that the ledger knows.
    async fn known(&self, objects: &[ObjectId]) -> Result<BTreeSet<ObjectId>>;

    /// The objects an execution made, in the order they were made.
    async fn made_by(&self, execution: &ExecutionId) -> Result<Vec<ObjectRecord>>;

    /// The executions that had an object: its own, or its batch's.
    async fn runs_of(&self, object: &ObjectId) -> Result<Vec<Execution>>;

    /// Finishes what the adapter does behind its answers, such as copies for others to read. Called when
    /// the coordinator stops; takes seconds at most, and what is not finished is at the next start.
    async fn close(&self) {}

    /// Sealed batches, newest first.
    async fn batches(&self, filter: &Filter, page: &Page) -> Result<Paged<BatchRecord>>;

    /// The sealed batches whose id starts so, at most two.
    async fn batches_by_prefix(&self, prefix: &str) -> Result<Vec<BatchRecord>>;
}
