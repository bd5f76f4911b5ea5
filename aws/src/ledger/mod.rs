//! The ledger in a DynamoDB table, `<prefix>-ledger`.
//!
//! ```text
//!   callers ──► bounded channel ──► writer task, in rounds: moves ─► logs ─► objects ─► answers ─► seals
//!   callers ──► reads: what is under way from memory, records from the table, strongly consistent
//! ```
//!
//! Every stage has a *log*: numbered records, each put only if its number is free. Who writes the
//! next one has therefore read all before it, and a second coordinator started by mistake is refused
//! at its first write instead of sealing the same members again. The log says which objects are
//! about to be recorded and which batches are sealed; it is the list of a stage's work for a start,
//! and the list of its history for people. So neither needs an index, and counts need no writes:
//! everything below a stage's *floor* is over and counted with the floor; what is above it is read
//! again at the next start. The floor follows some hundred entries behind.
//!
//! What one item can say is not said twice. An execution has no item until it moves: it is what its
//! object or batch makes it. An object's state is its execution's; a member's batch is the one whose
//! members reach up to it, and its state is that batch's execution's. A batch of any size is
//! sealed, and ends, by one conditional write.
//!
//! | what | pk | sk | attributes |
//! |---|---|---|---|
//! | numbers | `meta` | `seq` | `next`: reserved in blocks |
//! | stage | `stages` | stage | `team` `dataset` `stage` `paused` `floor` `counts`; `projected`: up to where SDLF's tables are; `unlisted`: up to where what is in quarantine may not be in the index, all of the log if it is missing |
//! | log record | `log#`stage | ordinal | `first` `token`, and `entries` (24 bytes each: seq, object) or `batch` |
//! | object | `ob-` and 2 digits | its id | `seq` `arrival`; `landed` (its key, for the index); `aside` if superseded while it collected; `removed` if it was, alone |
//! | execution | `ex-` and 2 digits | its id | `of` `revision` `phase` `state` `updated` `token`; `outputs`revision; `letters`revision: messages to others, until they are sent; `schema` `number`; `landed` `seq` if something of it lies in quarantine |
//! | sealed batch | `ba-` and 2 digits | its id | `batch` |
//! | sealed batch | `sealed#`stage | last member's seq | `batch` |
//! | schema | `schemas` | stage | `schema` `number` |
//! | pipeline | `pipeline#`dataset | version | `version` `digest` `applied` `body` `token`; its dataset is named below `datasets` |
//! | unrouted | `unrouted` | object id | `object` `reason` `arrived` |
//! | removal of a key | `rm-` and 2 digits | a digest of bucket and key | `bucket` `key` `sequencer` `seq` `at` of the newest one |
//! | removal not told yet | `untold` | number | `bucket` `key` `sequencer` `seq`, `object` or `again`: until SDLF's table of objects has it |
//! | part | `part#`token | index | `bytes`: of what does not fit into its item; a batch's members; `expires` |
//!
//! Index `landed` (`landed`, `seq`; keys only): finding what landed by its key, for people; and, by a name that no
//! key is, a stage's executions of which something lies in quarantine.
//!
//! | step of a small object | write units |
//! |---|---|
//! | admitted | 1, and 1 in the index if it landed; the log 24 bytes, so 1 for each 40 in a round |
//! | started, ended | 1 each, and 1 in the index if it ended with something in quarantine |
//! | joined a batch; sealed and ended with it | as admitted; 1 for each 40 members, and some for the batch |
//! | handed on to the next stage | nothing but the next stage's own admission |
//!
//! Each request is counted for the stage it is for, and what DynamoDB says that it consumed.
//! Beside it SDLF's two tables are kept, which cost more than all of this (`crate::sdlf`).
//!
//! **After a crash.** A log entry without its object is nothing. What follows from a move (outputs,
//! schema) is in the move's item, and is carried out again while that is above the floor. A sealed
//! batch's items are made again from the log; members of one that was not sealed are still collecting.
//! Each write carries a token, so that one whose answer was lost is not taken for somebody else's.
//! After a write that failed, memory is read again before anything else is written.
//!
//! **Limits.** Memory holds some hundred bytes for each execution under way, each collecting
//! member and each message to others that is not sent, and for what is over above the floor; an execution that waits for
//! days, or a message whose destination is away for as long, holds its stage's floor, and the next start reads everything
//! since. Phases that are over stay over: a move away
//! from one is stale. Until coordinators have leases, an object that another one is writing at the
//! very moment of a start can be missed until a later start. A list by a rare state reads the log
//! from its end, some thousand records for a page, which may be short. Parts that nothing names any longer
//! have a time to live; nothing else has.

mod admit;
mod backfill;
mod blob;
pub(crate) mod feed;
mod keys;
mod listings;
mod load;
mod log;
mod memory;
mod moves;
mod outbox;
mod pages;
mod pipelines;
mod reader;
mod records;
pub(crate) mod removals;
mod seal;
mod table;
mod tables;
mod tails;
mod units;
mod writer;

use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    ops::Bound,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use lakegate_coordinator::ports::{
    Ledger, Outgoing, Result,
    ledger::{
        Admission, Applied, Arrival, BatchRecord, Execution, Filter, Member, Move, MoveOutcome, ObjectRecord, Page, Paged, PipelineVersion,
        Removal, SealRequest, Sealed, StageCounts, Unrouted,
    },
};
use lakegate_model::{
    BatchId, DatasetId, ExecutionId, ObjectId, Pipeline, StageKey, Timestamp, destination::Destination, machine::batch::OpenBatch,
    pipeline::BatchTrigger, table::Schema,
};

use self::{
    feed::Source,
    keys::Key,
    memory::{Memory, Of, StageMemory},
    reader::Reader,
    records::json,
    table::{Item, Range, Table, number, text},
    writer::{Desk, Doubtful, Request, Writer, lock},
};
use crate::{
    account::Account,
    provision,
    sdlf::{self, Projection, pending::Pending, projector::Projector},
};
pub(crate) use tables::table_name;

/// The ledger in DynamoDB, written by this process alone.
pub struct DynamoLedger {
    reader: Reader,
    writer: Writer,
    instance: String,
    applied: AtomicU64,
    pipelines: pipelines::Kept,
    projector: Option<Projector>,
    doubtful: Doubtful,
}

impl DynamoLedger {
    /// Opens the ledger `dynamodb://<prefix>`, and finishes what a crash has left half done.
    ///
    /// # Errors
    /// `Ledger` if its table is not there, or can't be read; `PermissionDenied`.
    pub async fn open(account: &Account, prefix: &str) -> Result<DynamoLedger> {
        DynamoLedger::open_with(account, prefix, None).await
    }

    /// As `open`, and keeps the tables that tools built on SDLF read.
    ///
    /// # Errors
    /// As `open`, for those tables too.
    pub async fn open_with(account: &Account, prefix: &str, kept: Option<Projection>) -> Result<DynamoLedger> {
        let table = Table::new(account, tables::table_name(prefix));
        provision::check(&table.client, &tables::spec(prefix)).await?;
        let memory = Arc::new(Mutex::new(Memory::default()));
        let instance = instance();
        let pending = kept.as_ref().map(|_| Arc::new(Pending::default()));
        if let Some(kept) = &kept {
            sdlf::check(account, &kept.tables).await?;
        }
        let mut desk = Desk::new(table.clone(), Arc::clone(&memory), instance.clone(), pending.clone());
        desk.load().await?;
        let reader = Reader { table, memory };
        let doubtful = desk.doubtful.clone();
        let projector = kept.zip(pending).map(|(kept, pending)| Projector::start(account, kept, Source(reader.clone()), pending));
        Ok(DynamoLedger {
            reader,
            writer: Writer::start(desk),
            instance,
            applied: AtomicU64::new(0),
            pipelines: pipelines::Kept::default(),
            projector,
            doubtful,
        })
    }

    /// Makes what the ledger `dynamodb://<prefix>` needs and does not have: a table that is paid by
    /// request and can be recovered to any second. Changes nothing that is as it should be.
    ///
    /// # Errors
    /// `Ledger` if DynamoDB refuses or fails; `PermissionDenied`.
    pub async fn create(account: &Account, prefix: &str) -> Result<()> {
        DynamoLedger::ensure(account, prefix, false).await.map(drop)
    }

    /// As `create`, and tells whether all was as it should be; with `dry_run` it only looks.
    pub(crate) async fn ensure(account: &Account, prefix: &str, dry_run: bool) -> Result<bool> {
        provision::ensure(&Table::new(account, tables::table_name(prefix)).client, &tables::spec(prefix), dry_run).await
    }

    /// Waits until memory is what the table is: after a write that failed it may lack what was written
    /// all the same.
    async fn settled(&self) -> Result<()> {
        if self.doubtful.holds() { self.writer.ask(Request::Settle).await } else { Ok(()) }
    }

    /// What is remembered of a stage; nothing if it is not known.
    fn of_stage<T: Default>(&self, stage: &StageKey, read: impl FnOnce(&StageMemory) -> T) -> T {
        lock(&self.reader.memory).stages.get(stage).map(read).unwrap_or_default()
    }

    fn stages(&self, which: impl Fn(&StageMemory) -> bool) -> Vec<StageKey> {
        let memory = lock(&self.reader.memory);
        memory.stages.iter().filter(|(_, stage)| which(stage)).map(|(key, _)| (**key).clone()).collect()
    }
}

/// A name that no other process has.
fn instance() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

fn unrouted(item: &Item) -> Result<Unrouted> {
    Ok(Unrouted { object: json(item, "object")?, reason: text(item, "reason")?.to_owned(), at: Timestamp(number(item, "arrived")?) })
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn apply_pipeline(&self, pipeline: &Pipeline, at: Timestamp) -> Result<Applied> {
        let token = format!("{}-pipeline-{}", self.instance, self.applied.fetch_add(1, Ordering::Relaxed));
        let applied = self.reader.apply_pipeline(pipeline, at, &token).await;
        self.pipelines.forget();
        applied
    }

    async fn pipelines(&self) -> Result<Vec<PipelineVersion>> {
        self.pipelines.list(&self.reader).await
    }

    async fn pipeline(&self, dataset: &DatasetId, version: u32) -> Result<Option<PipelineVersion>> {
        self.reader.pipeline(dataset, version).await
    }

    async fn admit(&self, arrivals: Vec<Arrival>) -> Result<Vec<Admission>> {
        self.writer.ask(|reply| Request::Admit(arrivals, reply)).await
    }

    async fn advance(&self, moves: Vec<Move>) -> Result<Vec<MoveOutcome>> {
        self.writer.ask(|reply| Request::Advance(moves, reply)).await
    }

    async fn destinations(&self) -> Result<Vec<Destination>> {
        Ok(self.waiting_destinations())
    }

    async fn outgoing(&self, to: &Destination, limit: usize) -> Result<Vec<Outgoing>> {
        self.waiting_for(to, limit).await
    }

    async fn mark_sent(&self, ids: Vec<String>) -> Result<()> {
        self.forget_sent(&ids).await
    }

    async fn unfinished(&self, stage: &StageKey, after: u64, limit: usize) -> Result<Vec<Execution>> {
        self.settled().await?;
        let wanted: Vec<Of> = self.of_stage(stage, |stage| {
            let later = stage.live.range((Bound::Excluded(after), Bound::Unbounded)).take(limit);
            later.filter_map(|seq| stage.entries.get(seq)).map(|entry| entry.of).collect()
        });
        let stored = self.reader.stored(&wanted).await?;
        let mut executions = self.reader.executions(&stored).await?;
        executions.retain(|execution| !execution.state.phase.is_terminal());
        Ok(executions)
    }

    async fn busy_stages(&self) -> Result<Vec<StageKey>> {
        Ok(self.stages(StageMemory::is_busy))
    }

    async fn execution(&self, id: &ExecutionId) -> Result<Option<Execution>> {
        self.reader.execution(id).await
    }

    async fn open_batch(&self, stage: &StageKey, trigger: &BatchTrigger) -> Result<OpenBatch> {
        self.settled().await?;
        Ok(self.of_stage(stage, |stage| stage.open_batch(trigger)))
    }

    async fn seal(&self, request: SealRequest) -> Result<Option<Sealed>> {
        self.writer.ask(|reply| Request::Seal(Box::new(request), reply)).await
    }

    async fn members(&self, batch: &BatchId) -> Result<Vec<Member>> {
        self.reader.members(batch).await
    }

    async fn members_from(&self, batch: &BatchId, from: usize, limit: usize) -> Result<Vec<Member>> {
        self.reader.members_from(batch, from, limit).await
    }

    async fn members_named(&self, objects: &[ObjectId]) -> Result<Vec<Member>> {
        self.reader.members_named(objects).await
    }

    async fn set_paused(&self, stage: &StageKey, paused: bool) -> Result<bool> {
        self.writer.ask(|reply| Request::Pause(stage.clone(), paused, reply)).await
    }

    async fn paused(&self) -> Result<Vec<StageKey>> {
        Ok(self.stages(|stage| stage.paused))
    }

    async fn schema(&self, stage: &StageKey) -> Result<Option<Schema>> {
        match self.reader.table.get(&Key::schema(stage)).await? {
            Some(item) => self.reader.table.unpack(&item, "schema").await.map(Some),
            None => Ok(None),
        }
    }

    async fn record_unrouted(&self, objects: Vec<Unrouted>) -> Result<()> {
        self.writer.ask(|reply| Request::Unrouted(objects, reply)).await
    }

    async fn record_removed(&self, removals: Vec<Removal>) -> Result<()> {
        self.writer.ask(|reply| Request::Removed(removals, reply)).await
    }

    async fn close(&self) {
        if let Some(projector) = &self.projector {
            projector.close().await;
        }
    }

    async fn unrouted_objects(&self, after: &str, limit: usize) -> Result<Vec<Unrouted>> {
        // The character before any that an id has makes the start one that is not taken.
        let range = Range { from: format!("{after} "), limit, ..Range::all(keys::UNROUTED) };
        self.reader.table.query(range).await?.iter().map(unrouted).collect()
    }

    async fn unrouted(&self) -> Result<u64> {
        Ok(lock(&self.reader.memory).unrouted.len() as u64)
    }

    async fn counts(&self) -> Result<Vec<StageCounts>> {
        Ok(lock(&self.reader.memory).counts())
    }

    async fn runs(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        self.reader.runs(filter, page).await
    }

    async fn runs_by_prefix(&self, prefix: &str) -> Result<Vec<Execution>> {
        self.reader.runs_by_prefix(prefix).await
    }

    async fn objects(&self, filter: &Filter, page: &Page) -> Result<Paged<ObjectRecord>> {
        self.reader.objects(filter, page).await
    }

    async fn objects_by_name(&self, name: &str) -> Result<Vec<ObjectRecord>> {
        self.reader.objects_by_name(name).await
    }

    async fn known(&self, objects: &[ObjectId]) -> Result<BTreeSet<ObjectId>> {
        self.reader.known(objects).await
    }

    async fn made_by(&self, execution: &ExecutionId) -> Result<Vec<ObjectRecord>> {
        self.reader.made_by(execution).await
    }

    async fn runs_of(&self, object: &ObjectId) -> Result<Vec<Execution>> {
        let execution = self.reader.object(object).await?.and_then(|record| record.execution);
        match execution {
            Some(id) => Ok(self.reader.execution(&id).await?.into_iter().collect()),
            None => Ok(Vec::new()),
        }
    }

    async fn batches(&self, filter: &Filter, page: &Page) -> Result<Paged<BatchRecord>> {
        self.reader.batches(filter, page).await
    }

    async fn batches_by_prefix(&self, prefix: &str) -> Result<Vec<BatchRecord>> {
        self.reader.batches_by_prefix(prefix).await
    }
}
