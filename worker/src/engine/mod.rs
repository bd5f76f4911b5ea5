//! The engine: carries out one step of an execution on this machine with Polars.
//!
//! ```text
//! source ─► inflate ─► csv, formats ─► input (one table) ─► transform ─► files, partitions
//!                        evidence            align            sql, operations   storage
//! ```
//!
//! A stage that audits has what it wrote read again and held against its rules (`audit`), before anybody
//! else sees it.
//!
//! What is small is read into memory and run by Polars' in-memory engine: that has the least
//! overhead, and most objects are small. What is large is read in pieces by the streaming engine
//! and written as it comes, so that its size is bounded by the disk, not by memory; only what the
//! query itself has to keep (a sort, the groups of an aggregate, one side of a join) is held.
//!
//! `slot_memory` is an admission limit: it decides what is read as a whole, what is read in pieces
//! and how much output is gathered, and refuses what can only be read as a whole and is too large.
//! It does not stop a query that needs more than that for itself; the system does, and the
//! coordinator then sees a lost worker.

mod align;
mod audit;
mod csv;
mod drain;
mod evidence;
mod failure;
mod files;
mod folders;
mod formats;
mod inflate;
mod input;
mod meter;
mod operations;
mod partitions;
mod references;
mod released;
mod remote;
mod rule_files;
mod schema;
mod scratch;
mod sink;
mod source;
mod sql;
mod storage;
mod task;
mod text;
mod transform;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use lakegate_model::{
    ExecutionId, Failure, FailureCode, Location, ObjectVersion, Timestamp,
    cost::Requests,
    machine::execution::TaskOutput,
    pipeline::Stage,
    table::{OutputFile, Schema, TableId},
};

pub use self::sql::{check_sql, check_stage};
pub(crate) use self::{failure::clean, remote::Remote, rule_files::LakeFiles, scratch::ScratchFile, source::local_path};
use self::{files::Writing, meter::Tally, references::Kept, sql::AllowedStages};

/// Bytes, decompressed, above which an input is read in pieces unless the engine is told otherwise.
pub const STREAM_ABOVE: u64 = 32 << 20;

/// What the engine may use.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// A folder for large files while they are decompressed. Made when it is first needed.
    pub scratch: PathBuf,
    /// Bytes of memory a slot is meant to use. See the module's header for what this bounds.
    pub slot_memory: u64,
}

/// Carries out tasks; shared by all slots. Its calls block.
pub struct Engine {
    options: EngineOptions,
    stream_above: u64,
    remote: Arc<Remote>,
    writing: Arc<Writing>,
    references: Arc<Kept>,
    allowed: Arc<AllowedStages>,
}

/// A step of an execution, with all that carrying it out needs.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The stage; its steps up to `publish` are carried out.
    pub stage: Arc<Stage>,
    /// The published tables its SQL reads besides `input`.
    pub references: Arc<Vec<ReferenceTable>>,
    /// Earlier values of what the stage's rules measure.
    pub history: Arc<History>,
    /// The table that it adds to; needed if its rules are about the whole of that.
    pub published: Option<Arc<Published>>,
    /// What it reads.
    pub input: TaskInput,
    /// Where it writes.
    pub target: Target,
    /// Where it writes the rows that the audit sets aside; needed if the stage audits.
    pub aside: Option<Aside>,
    /// When it was started: what the rules take for now.
    pub at: Timestamp,
    /// Set to stop it; it then fails with `cancelled` at the next opportunity.
    pub cancelled: Arc<AtomicBool>,
}

/// Earlier values by the names of their statistics, the oldest first.
pub type History = BTreeMap<String, Vec<(Timestamp, f64)>>;

/// Where a task writes rows that are set aside.
#[derive(Clone, Debug)]
pub struct Aside {
    /// Where the file is written.
    pub location: Location,
    /// Its key where it belongs.
    pub key: String,
}

/// A published table at a fixed version.
#[derive(Clone, Debug)]
pub struct ReferenceTable {
    /// The name the SQL knows it by.
    pub alias: String,
    /// Which table.
    pub table: TableId,
    /// Which version of it.
    pub version: u64,
    /// Its columns, the partition columns included.
    pub schema: Schema,
    /// Its files.
    pub files: Vec<ReferenceFile>,
}

/// A file of a table.
#[derive(Clone, Debug)]
pub struct ReferenceFile {
    /// Where it lies.
    pub location: Location,
    /// Its partition's columns and values; `None` is null.
    pub partition: Vec<(String, Option<String>)>,
    /// Its size.
    pub bytes: u64,
}

impl From<&OutputFile> for ReferenceFile {
    fn from(file: &OutputFile) -> ReferenceFile {
        ReferenceFile { location: file.location.clone(), partition: file.partition.clone(), bytes: file.bytes }
    }
}

/// The table that a stage publishes to, before what its execution adds.
#[derive(Clone, Debug)]
pub struct Published {
    /// The zone that it lies in.
    pub zone: Location,
    /// The table; `None` if there is none yet.
    pub table: Option<ReferenceTable>,
}

/// What a task reads.
#[derive(Clone, Debug)]
pub enum TaskInput {
    /// One object.
    Object {
        /// Where it lies.
        location: Location,
        /// Which version of it.
        object: ObjectVersion,
    },
    /// Rows that an audit of the stage set aside. They have been through its transforms.
    Rows {
        /// Where their file lies.
        location: Location,
        /// The file.
        object: ObjectVersion,
    },
    /// A sealed batch.
    Batch {
        /// Where its manifest lies, as `lakegate_proto::manifest::Manifest` in JSON.
        manifest: Location,
    },
}

/// Where a task writes.
#[derive(Clone, Debug)]
pub enum Target {
    /// One Parquet file.
    File {
        /// Where it is written.
        location: Location,
        /// Its key where it belongs.
        key: String,
    },
    /// A table's files, one or more for each partition.
    Table {
        /// The place they are written below.
        staging: Location,
        /// The key of the table's folder.
        root: String,
        /// Columns whose values become folders, outermost first.
        partition_by: Vec<String>,
        /// What writes them; their names are made of it.
        execution: ExecutionId,
    },
}

impl Engine {
    /// An engine with nothing read yet.
    pub fn new(options: EngineOptions) -> Engine {
        let remote = Arc::<Remote>::default();
        Engine {
            writing: Arc::new(Writing::new(Arc::clone(&remote), options.scratch.clone())),
            remote,
            options,
            stream_above: STREAM_ABOVE,
            references: Arc::default(),
            allowed: Arc::default(),
        }
    }

    /// The same engine with another size above which inputs are read in pieces, in bytes.
    #[must_use]
    pub fn stream_above(self, bytes: u64) -> Engine {
        Engine { stream_above: bytes, ..self }
    }

    /// Carries a task out and returns what it wrote. Blocks; may be called by several threads at once.
    ///
    /// Fails with the reason and never panics: a panic in Polars becomes `engine_panic` with its
    /// message. Whatever it fails with, no output is left under its final name.
    pub fn execute(&self, assignment: &Assignment) -> Result<TaskOutput, Failure> {
        self.execute_counted(assignment).0
    }

    /// As `execute`, and the requests that it made to S3, whatever came of it. A table that several
    /// tasks refer to is counted for the one that fetched it.
    pub fn execute_counted(&self, assignment: &Assignment) -> (Result<TaskOutput, Failure>, Requests) {
        let tally = Tally::default();
        let remote = Arc::new(self.remote.counted_on(tally.clone()));
        let own = Engine {
            options: self.options.clone(),
            stream_above: self.stream_above,
            writing: Arc::new(self.writing.through(Arc::clone(&remote))),
            remote,
            references: Arc::clone(&self.references),
            allowed: Arc::clone(&self.allowed),
        };
        let result = guarded(&assignment.input, || task::run(&own, assignment));
        (result, tally.requests())
    }
}

/// A panic as a failure of the task that met it.
fn guarded(input: &TaskInput, work: impl FnOnce() -> Result<TaskOutput, Failure>) -> Result<TaskOutput, Failure> {
    // What the work changes besides its own is behind locks whose poison is ignored on purpose:
    // every one of them guards a cache that is whole at any time.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let subject = match input {
            TaskInput::Object { object, .. } => format!("object {}", object.key),
            TaskInput::Rows { object, .. } => format!("rows {}", object.key),
            TaskInput::Batch { manifest } => format!("batch of {manifest}"),
        };
        let message = format!("{subject}: Polars panicked: {}", failure::panic_message(payload.as_ref()));
        Err(Failure::new(FailureCode::EnginePanic, message)
            .hint("this is a defect; the data that causes it may be avoided by declaring column types"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_the_task_with_its_message() {
        let input = TaskInput::Object {
            location: Location::of_path("/raw/a.csv"),
            object: ObjectVersion { bucket: "raw".into(), key: "a.csv".into(), version: String::new(), sequencer: None, size: 0 },
        };
        for panicked in [guarded(&input, || panic!("chunk {} is wrong", 7)), guarded(&input, || panic!("chunk 7 is wrong"))] {
            let failure = panicked.unwrap_err();
            assert_eq!(failure.code, FailureCode::EnginePanic);
            assert_eq!(failure.message, "object a.csv: Polars panicked: chunk 7 is wrong");
        }
    }
}
