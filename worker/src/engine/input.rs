//! What a task reads: one object, or the members of a batch as one table.
//!
//! Small members are read into memory, large ones become plans that read them in pieces. A member
//! of a batch that can't be read is set aside with its reason and the others go on.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use lakegate_model::{
    BatchId, Failure, FailureCode, Location, ObjectId, ObjectVersion, Retry,
    machine::execution::Rejected,
    pipeline::{Format, Input},
    table,
};
use lakegate_proto::manifest::Manifest;
use polars::prelude::*;

use super::{
    Engine, TaskInput, align,
    csv::{CsvScan, Layout},
    failure,
    formats::{self, Scan},
    schema::polars_schema,
    source::{self, Content, Source, local_path},
    transform::Subject,
};

/// How much memory reading takes for each byte of a format that must be read as a whole: its
/// parsed form and the frame made of it.
const WHOLE_READ_FACTOR: u64 = 6;

/// The task's input.
pub(super) struct Inputs {
    members: Vec<Member>,
    /// Members of the batch that were set aside.
    pub rejected: Vec<Rejected>,
    /// What it is, for messages.
    pub subject: Subject,
    batch: Option<BatchId>,
}

struct Member {
    id: Option<ObjectId>,
    key: String,
    format: Format,
    data: Data,
    /// Rows of a table in memory, which are known even after it was taken.
    in_memory: u64,
}

enum Data {
    /// In memory. The object's bytes were checked as they were read.
    Table(DataFrame),
    /// CSV on the disk.
    Csv(Box<CsvScan>, Box<Source>, Arc<AtomicU64>),
    /// Another format on the disk.
    Scan(Box<Scan>, Box<Source>, Arc<AtomicU64>),
}

/// What a check of the input after a run found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// It was read as it is.
    Sound,
    /// It must be read again: types are now known better, or members were set aside.
    ReadAgain,
}

impl Inputs {
    /// Opens the input and reads what is small.
    pub(super) fn load(input: &TaskInput, options: &Input, engine: &Engine) -> Result<Inputs, Failure> {
        let mut budget = engine.stream_above.max(engine.options.slot_memory / 4);
        match input {
            TaskInput::Object { location, object } | TaskInput::Rows { location, object } => {
                let member = Member::load(None, location, object, options, engine, &mut budget)?;
                let subject = Subject(format!("object {}", object.key));
                Ok(Inputs { members: vec![member], rejected: Vec::new(), subject, batch: None })
            }
            TaskInput::Batch { manifest } => {
                let manifest = read_manifest(manifest, engine)?;
                let subject = Subject(format!("batch {}", manifest.batch));
                let mut inputs = Inputs {
                    members: Vec::with_capacity(manifest.objects.len()),
                    rejected: Vec::new(),
                    subject,
                    batch: Some(manifest.batch),
                };
                for entry in &manifest.objects {
                    match Member::load(Some(&entry.id), &entry.location, &entry.object, options, engine, &mut budget) {
                        Ok(member) => inputs.members.push(member),
                        Err(failure) => inputs.set_aside(&entry.id, failure)?,
                    }
                }
                inputs.check_any_left()?;
                Ok(inputs)
            }
        }
    }

    /// Sets a member aside, unless its failure may pass by itself.
    fn set_aside(&mut self, object: &ObjectId, failure: Failure) -> Result<(), Failure> {
        if failure.retry() != Retry::Never {
            return Err(failure);
        }
        self.rejected.push(Rejected { object: object.clone(), failure });
        Ok(())
    }

    fn check_any_left(&self) -> Result<(), Failure> {
        match (&self.batch, self.rejected.first()) {
            (Some(batch), Some(first)) if self.members.is_empty() => {
                let count = self.rejected.len();
                let message = format!("batch {batch}: none of its {count} object(s) could be read; the first: {}", first.failure.message);
                Err(Failure { code: first.failure.code, message, hint: first.failure.hint.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether all of it is in memory and at most `limit` bytes.
    pub(super) fn is_small(&self, limit: u64) -> bool {
        let mut total = 0_u64;
        self.members.iter().all(|member| match &member.data {
            Data::Table(frame) => {
                total = total.saturating_add(frame.estimated_size() as u64);
                self.members.len() == 1 || total <= limit
            }
            Data::Csv(..) | Data::Scan(..) => false,
        })
    }

    /// The schema of all members together.
    pub(super) fn schema(&self) -> table::Schema {
        align::merged(self.members.iter().map(Member::schema))
    }

    /// All of it as one frame, if all of it is in memory.
    pub(super) fn take_table(&mut self) -> Result<DataFrame, Failure> {
        let schema = self.schema();
        let mut frames: Vec<DataFrame> = Vec::with_capacity(self.members.len());
        for member in &mut self.members {
            if let Data::Table(frame) = &mut member.data {
                frames.push(std::mem::take(frame));
            }
        }
        match (frames.pop(), frames.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                frames.push(last);
                align::stack(frames, &schema).map_err(|error| self.subject.cannot_unite(&error))
            }
            (None, _) => Ok(DataFrame::empty()),
        }
    }

    /// All of it as one plan.
    pub(super) fn plan(&self) -> Result<LazyFrame, Failure> {
        let wanted = polars_schema(&self.schema());
        let plans: PolarsResult<Vec<LazyFrame>> = self.members.iter().map(|member| member.plan(&wanted)).collect();
        let union = UnionArgs { rechunk: false, maintain_order: true, ..UnionArgs::default() };
        let plan = plans.and_then(|mut plans| match (plans.pop(), plans.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                plans.push(last);
                concat(plans, union)
            }
            (None, _) => Ok(DataFrame::empty().lazy()),
        });
        plan.map_err(|error| self.subject.cannot_unite(&error))
    }

    /// Rows read in the last run of the plan.
    pub(super) fn rows(&self) -> u64 {
        self.members.iter().map(Member::rows).sum()
    }

    /// The members that were read, by their keys, in the order in which their rows come, with how many
    /// each had in the last run.
    pub(super) fn origins(&self) -> Vec<(String, u64)> {
        self.members.iter().map(|member| (member.key.clone(), member.rows())).collect()
    }

    /// After a run that went well: were the objects what they seemed?
    pub(super) fn check_after_success(&mut self, scratch: &Path) -> Result<Check, Failure> {
        self.check_each(|member| member.check_after_success(scratch))
    }

    /// After a run that failed: can each object be read on its own?
    pub(super) fn check_after_failure(&mut self) -> Result<Check, Failure> {
        self.check_each(Member::check_after_failure)
    }

    fn check_each(&mut self, mut check: impl FnMut(&mut Member) -> Result<Check, Failure>) -> Result<Check, Failure> {
        let mut found = Check::Sound;
        for mut member in std::mem::take(&mut self.members) {
            match (check(&mut member), member.id.clone()) {
                (Ok(check), _) => {
                    found = if check == Check::ReadAgain { check } else { found };
                    self.members.push(member);
                }
                (Err(failure), Some(id)) => {
                    found = Check::ReadAgain;
                    self.set_aside(&id, failure)?;
                }
                (Err(failure), None) => return Err(failure),
            }
        }
        self.check_any_left()?;
        Ok(found)
    }
}

impl Member {
    fn load(
        id: Option<&ObjectId>,
        location: &Location,
        object: &ObjectVersion,
        input: &Input,
        engine: &Engine,
        budget: &mut u64,
    ) -> Result<Member, Failure> {
        let opened = source::open(location, object, input, engine)?;
        let format = opened.format;
        let whole = matches!(format, Format::Json | Format::Avro);
        let limit = match format {
            Format::Json | Format::Avro => engine.options.slot_memory / WHOLE_READ_FACTOR,
            // What lies in these is often several times as large in memory.
            Format::Parquet | Format::Arrow => (engine.stream_above / 4).min(*budget),
            Format::Csv | Format::Ndjson => engine.stream_above.min(*budget),
        };
        let source = opened.content(limit, &engine.options.scratch)?;
        let (key, size) = (source.key.clone(), source.content.size());
        let data = match &source.content {
            Content::Memory(bytes) => {
                let frame = formats::read(bytes, format, input, &key)?;
                if frame.width() == 0 {
                    return Err(source::empty(&key));
                }
                *budget = budget.saturating_sub(size);
                Data::Table(frame)
            }
            Content::Disk(_) if whole => return Err(too_large(&key, format, size, engine.options.slot_memory)),
            Content::Disk(disk) if format == Format::Csv => {
                let scan = CsvScan::new(disk.clone(), Layout::new(input, &key)?, &key)?;
                Data::Csv(Box::new(scan), Box::new(source), Arc::default())
            }
            Content::Disk(disk) => {
                let Some(scan) = formats::scan(disk, format, input, &key)? else {
                    return Err(too_large(&key, format, size, engine.options.slot_memory));
                };
                Data::Scan(Box::new(scan), Box::new(source), Arc::default())
            }
        };
        let in_memory = if let Data::Table(frame) = &data { frame.height() as u64 } else { 0 };
        Ok(Member { id: id.cloned(), key, format, data, in_memory })
    }

    fn schema(&self) -> &Schema {
        match &self.data {
            Data::Table(frame) => frame.schema(),
            Data::Csv(scan, ..) => &scan.schema,
            Data::Scan(scan, ..) => &scan.schema,
        }
    }

    fn rows(&self) -> u64 {
        match &self.data {
            Data::Table(_) => self.in_memory,
            Data::Csv(_, _, rows) | Data::Scan(_, _, rows) => rows.load(Ordering::Relaxed),
        }
    }

    fn plan(&self, wanted: &Schema) -> PolarsResult<LazyFrame> {
        let (plan, rows) = match &self.data {
            Data::Table(frame) => return Ok(align::plan(frame.clone().lazy(), frame.schema(), wanted)),
            Data::Csv(scan, _, rows) => (scan.frame()?, rows),
            Data::Scan(scan, _, rows) => (scan.frame.clone(), rows),
        };
        rows.store(0, Ordering::Relaxed);
        Ok(align::plan(counted(plan, Arc::clone(rows)), self.schema(), wanted))
    }

    fn check_after_success(&mut self, scratch: &Path) -> Result<Check, Failure> {
        match &mut self.data {
            Data::Table(_) => Ok(Check::Sound),
            Data::Scan(_, source, _) => source.check_unchanged().map(|()| Check::Sound),
            Data::Csv(scan, source, rows) => {
                source.check_unchanged()?;
                let replaced = scan.check_shape(rows.load(Ordering::Relaxed), scratch, &self.key)?;
                Ok(if replaced { Check::ReadAgain } else { Check::Sound })
            }
        }
    }

    fn check_after_failure(&mut self) -> Result<Check, Failure> {
        let key = &self.key;
        match &mut self.data {
            Data::Table(_) => Ok(Check::Sound),
            Data::Scan(scan, source, _) => {
                source.check_unchanged()?;
                read_through(scan.frame.clone()).map_err(|error| formats::explain(&error, &[], self.format, key))?;
                Ok(Check::Sound)
            }
            Data::Csv(scan, source, _) => {
                source.check_unchanged()?;
                let settled = scan.settle_all();
                let read = settled.and_then(|changed| scan.frame().and_then(read_through).map(|()| changed));
                let changed = read.map_err(|error| scan.explain(&error, key))?;
                Ok(if changed { Check::ReadAgain } else { Check::Sound })
            }
        }
    }
}

/// The plan, counting the rows it reads. Columns that nobody asks for are still not read.
fn counted(plan: LazyFrame, rows: Arc<AtomicU64>) -> LazyFrame {
    let count = move |frame: DataFrame| {
        rows.fetch_add(frame.height() as u64, Ordering::Relaxed);
        Ok(frame)
    };
    plan.map(count, AllowedOptimizations::STREAMING | AllowedOptimizations::PROJECTION_PUSHDOWN, None, Some("count rows"))
}

/// Reads everything and keeps nothing.
fn read_through(plan: LazyFrame) -> PolarsResult<()> {
    let drop_rows = PlanCallback::new(|_: DataFrame| Ok(false));
    plan.sink_batches(drop_rows, false, None)?.collect_with_engine(polars::prelude::Engine::Streaming).map(|_| ())
}

fn too_large(key: &str, format: Format, size: u64, memory: u64) -> Failure {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let message = format!(
        "object {key}: {} can only be read as a whole; its {} MiB take about {} MiB of memory, and a slot of this worker has {} MiB",
        format.as_str(),
        mib(size),
        mib(size.saturating_mul(WHOLE_READ_FACTOR)),
        mib(memory)
    );
    Failure::new(FailureCode::OutOfMemory, message)
        .hint("write it as ndjson or parquet, which are read in pieces, or give slots more memory")
}

fn read_manifest(location: &Location, engine: &Engine) -> Result<Manifest, Failure> {
    let bytes = if location.s3().is_some() {
        engine.remote.read(location, location.as_str(), None)?
    } else {
        let path = local_path(location)?;
        fs::read(path).map_err(|error| failure::of_io(&error, "reading the manifest", path))?
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::new(FailureCode::Internal, format!("the manifest {location} is damaged: {error}")))
}
