//! A pipeline: a team's ordered stages for a dataset, as one immutable value.
//!
//! `decode` reads it from a pipeline file and says what is wrong with the file, with line and
//! column. Once read, a pipeline is whole: the text of every SQL file it names is inside it, so
//! that a version means the same for ever, whatever happens to the files.

pub mod decode;
pub mod trigger;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{DatasetId, StageKey, digest},
    notify::Notify,
    table::TableId,
};
pub use trigger::{BatchTrigger, Schedule, Trigger};

/// A team's ordered stages for a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Whose pipeline, for what data.
    pub dataset: DatasetId,
    /// The raw keys it takes; empty means every key below `<team>/<dataset>/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// What happens when an object's schema is not the dataset's.
    #[serde(default)]
    pub drift: DriftPolicy,
    /// The stages in order; a stage's output is the next one's input. Never empty.
    pub stages: Vec<Stage>,
}

impl Pipeline {
    /// What the pipeline says, as a short digest: equal digests are the same pipeline.
    pub fn digest(&self) -> String {
        // Serialising plain data with text keys cannot fail; were it to, every pipeline would get
        // the same digest and `apply` would refuse to change it, loudly, rather than lose anything.
        digest("pipeline", &[&serde_json::to_vec(self).unwrap_or_default()])
    }

    /// The stage of that name and its place.
    pub fn stage(&self, name: &str) -> Option<(usize, &Stage)> {
        self.stages.iter().enumerate().find(|(_, stage)| stage.name == name)
    }

    /// The key of the stage at `index`.
    pub fn stage_key(&self, index: usize) -> Option<StageKey> {
        Some(StageKey::new(self.dataset.clone(), &self.stages.get(index)?.name))
    }
}

/// Raw keys outside `<team>/<dataset>/` that belong to this dataset too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The keys that start so; the rest of the key is the relative path.
    pub prefix: String,
    /// Only keys that end so, such as `.csv.gz`; empty takes all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suffix: String,
}

/// What happens when an object's schema is not the one recorded for its dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftPolicy {
    /// New columns are added, types are widened, missing columns read as null.
    #[default]
    Evolve,
    /// The execution fails and says what differs.
    Freeze,
    /// The object goes to quarantine with what differs; its neighbours go on.
    Quarantine,
}

/// A trigger and a list of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Unique in its pipeline.
    pub name: String,
    /// When it runs, and on what.
    pub trigger: Trigger,
    /// How to read what it is given.
    #[serde(default)]
    pub input: Input,
    /// What it does, in order. Transforms and jobs come before `publish`.
    pub steps: Vec<Step>,
    /// Where its output goes.
    pub output: Output,
    /// How often it tries.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// The queue that its objects come by; `None` if they come straight from the stage before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<StageQueue>,
}

/// A stage's queue, by which others can hand objects in and take them out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageQueue {
    /// Its name or URL. One whose name ends with `.fifo` keeps the order of a dataset's messages.
    pub name: String,
    /// The queue for messages that were received too often, if it is not `<name>-dead-letters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<String>,
    /// How often that is; `bootstrap` says if this does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_receives: Option<u32>,
}

impl Stage {
    /// The `publish` step, if there is one.
    pub fn publish(&self) -> Option<&Publish> {
        self.steps.iter().find_map(|step| match step {
            Step::Publish(publish) => Some(publish),
            Step::Transform(_) | Step::Job(_) | Step::Crawl(_) | Step::Notify(_) => None,
        })
    }

    /// Whom its runs' ends are told.
    pub fn notices(&self) -> impl Iterator<Item = &Notify> {
        self.steps.iter().filter_map(|step| match step {
            Step::Notify(notify) => Some(notify),
            Step::Transform(_) | Step::Job(_) | Step::Publish(_) | Step::Crawl(_) => None,
        })
    }

    /// The crawler that registers what it makes, if that is left to one.
    pub fn crawl(&self) -> Option<&Crawl> {
        self.steps.iter().find_map(|step| match step {
            Step::Crawl(crawl) => Some(crawl),
            Step::Transform(_) | Step::Job(_) | Step::Publish(_) | Step::Notify(_) => None,
        })
    }

    /// The published tables its transforms read, by the name the SQL knows them by.
    pub fn references(&self) -> BTreeMap<&str, &TableId> {
        self.steps.iter().filter_map(Step::references).flatten().map(|(alias, table)| (alias.as_str(), table)).collect()
    }

    /// The longest an attempt may take on a worker: the sum of its steps' timeouts.
    pub fn timeout(&self) -> Duration {
        self.steps.iter().map(Step::timeout).sum()
    }

    /// Whether output goes through staging before it is let into the zone: where something must
    /// still be decided about it, or where it becomes part of a table.
    pub fn is_staged(&self, drift: DriftPolicy) -> bool {
        self.publish().is_some() || self.crawl().is_some() || drift != DriftPolicy::Evolve
    }
}

/// How a stage reads its input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The format; absent means by the key's suffix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Types of columns that must not be guessed, by column name: `zip: string`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnType>,
    /// How to read CSV.
    #[serde(default)]
    pub csv: CsvOptions,
}

/// How to read CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    /// One byte between fields.
    pub delimiter: char,
    /// Whether the first line names the columns; without it they are `column_1`, `column_2`, …
    pub header: bool,
    /// Texts that mean null, besides the empty field.
    pub null_values: Vec<String>,
    /// The quote character; `None` reads quotes as text.
    pub quote: Option<char>,
}

impl Default for CsvOptions {
    fn default() -> CsvOptions {
        CsvOptions { delimiter: ',', header: true, null_values: Vec::new(), quote: Some('"') }
    }
}

/// A file format, whatever its compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values; `.csv`, `.tsv` (with tabs), `.txt`.
    Csv,
    /// One JSON array of objects; `.json`.
    Json,
    /// One JSON object a line; `.ndjson`, `.jsonl`.
    Ndjson,
    /// Apache Parquet; `.parquet`.
    Parquet,
    /// Apache Arrow IPC file; `.arrow`, `.ipc`, `.feather`.
    Arrow,
    /// Apache Avro; `.avro`.
    Avro,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Format] = &[Format::Csv, Format::Json, Format::Ndjson, Format::Parquet, Format::Arrow, Format::Avro];

    /// The name in a pipeline file.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::Avro => "avro",
        }
    }

    /// The format of that name.
    pub fn from_text(text: &str) -> Option<Format> {
        Format::ALL.iter().copied().find(|format| format.as_str() == text)
    }

    /// The format a key's suffix tells, compression suffix set aside.
    pub fn of_key(key: &str) -> Option<Format> {
        let lower = key.to_ascii_lowercase();
        let plain =
            Compression::of_key(&lower).map_or(lower.as_str(), |compression| lower.strip_suffix(compression.suffix()).unwrap_or(&lower));
        match plain.rsplit_once('.')?.1 {
            "csv" | "tsv" | "txt" => Some(Format::Csv),
            "json" => Some(Format::Json),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "parquet" | "pq" => Some(Format::Parquet),
            "arrow" | "ipc" | "feather" => Some(Format::Arrow),
            "avro" => Some(Format::Avro),
            _ => None,
        }
    }
}

/// How a file is compressed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

impl Compression {
    /// The suffix that tells it.
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
        }
    }

    /// The compression a key's suffix tells.
    pub fn of_key(key: &str) -> Option<Compression> {
        let lower = key.to_ascii_lowercase();
        [Compression::Gzip, Compression::Zstd].into_iter().find(|compression| lower.ends_with(compression.suffix()))
    }
}

/// A column type that a pipeline file can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// True or false.
    Boolean,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 32-bit floating point.
    Float32,
    /// 64-bit floating point.
    Float64,
    /// Calendar date.
    Date,
    /// Microseconds without a time zone.
    Timestamp,
}

impl ColumnType {
    /// Every type.
    pub const ALL: &'static [ColumnType] = &[
        ColumnType::String,
        ColumnType::Boolean,
        ColumnType::Int32,
        ColumnType::Int64,
        ColumnType::Float32,
        ColumnType::Float64,
        ColumnType::Date,
        ColumnType::Timestamp,
    ];

    /// The name in a pipeline file.
    pub fn as_str(self) -> &'static str {
        match self {
            ColumnType::String => "string",
            ColumnType::Boolean => "boolean",
            ColumnType::Int32 => "int32",
            ColumnType::Int64 => "int64",
            ColumnType::Float32 => "float32",
            ColumnType::Float64 => "float64",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
        }
    }

    /// The type of that name.
    pub fn from_text(text: &str) -> Option<ColumnType> {
        ColumnType::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// One thing a stage does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Light work on a worker.
    Transform(Transform),
    /// Work on an engine.
    Job(Job),
    /// Registration in the table catalog. The last step that works on data, at most once.
    Publish(Publish),
    /// Registration by a crawler of the table catalog: `publish` in a pipeline file, and in its place.
    Crawl(Crawl),
    /// Telling others how the run ended, wherever it stands among the steps.
    Notify(Notify),
}

impl Step {
    /// The name of the step's kind in a pipeline file.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Transform(_) => "transform",
            Step::Job(_) => "job",
            Step::Publish(_) | Step::Crawl(_) => "publish",
            Step::Notify(_) => "notify",
        }
    }

    fn references(&self) -> Option<&BTreeMap<String, TableId>> {
        match self {
            Step::Transform(transform) => Some(&transform.references),
            Step::Job(job) => Some(&job.references),
            Step::Publish(_) | Step::Crawl(_) | Step::Notify(_) => None,
        }
    }

    fn timeout(&self) -> Duration {
        match self {
            Step::Transform(transform) => transform.timeout,
            Step::Job(job) => job.timeout,
            Step::Publish(_) | Step::Crawl(_) | Step::Notify(_) => Duration::ZERO,
        }
    }
}

/// What an attempt of a transform may take when the pipeline file says nothing.
pub const DEFAULT_TRANSFORM_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// What an attempt of a job may take when the pipeline file says nothing.
pub const DEFAULT_JOB_TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);
/// How long a crawl is waited for when the pipeline file says nothing.
pub const DEFAULT_CRAWL_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A light transform: SQL, or declarative operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    /// What it does to table `input`.
    pub work: TransformWork,
    /// Published tables the SQL may read besides `input`, by the name it knows them by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, TableId>,
    /// The longest an attempt may take.
    pub timeout: Duration,
}

/// What a transform does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformWork {
    /// One SQL query over `input` and the references.
    Sql(Sql),
    /// Operations one after another.
    Operations(Vec<Operation>),
}

/// A SQL text and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sql {
    /// The query.
    pub text: String,
    /// The file it was read from, relative to the project; absent for SQL written inline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A declarative operation on the rows so far. Expressions and predicates are SQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Keep these columns, in this order.
    Select(Vec<String>),
    /// New name by old name.
    Rename(BTreeMap<String, String>),
    /// New type by column; a value that can't be cast fails the task.
    Cast(BTreeMap<String, ColumnType>),
    /// Keep the rows for which the predicate is true.
    Filter(String),
    /// Add or replace columns: expression by column name, in order; later ones see earlier ones.
    Derive(Vec<(String, String)>),
    /// Keep one row of each group of rows equal in these columns (all columns if empty).
    Deduplicate(Vec<String>),
    /// Drop the rows with a null in one of these columns (any column if empty).
    DropNulls(Vec<String>),
}

/// Heavy work on an engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Which engine.
    pub engine: Engine,
    /// The query over the whole batch as table `input`.
    pub sql: Sql,
    /// Published tables the SQL may read besides `input`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, TableId>,
    /// The longest an attempt may take.
    pub timeout: Duration,
}

/// What runs a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// A Lakegate worker.
    Worker,
}

/// Registration in the table catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Which table.
    pub table: TableId,
    /// Columns whose values become folders, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_by: Vec<String>,
    /// LF-Tags that the table has in Lake Formation, value by key. A catalog that has none keeps none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lf_tags: BTreeMap<String, String>,
}

/// Registration by a crawler, which finds out by itself what tables there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crawl {
    /// Its name in the table catalog.
    pub crawler: String,
    /// How long it is waited for, from the moment that the output is in its zone.
    pub timeout: Duration,
}

/// Where a stage's output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The zone's name.
    pub zone: Zone,
}

/// Where in the lake data lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Where files land.
    Raw,
    /// Between stages.
    Stage,
    /// Where tables are read.
    Analytics,
}

impl Zone {
    /// Every zone.
    pub const ALL: &'static [Zone] = &[Zone::Raw, Zone::Stage, Zone::Analytics];

    /// The name in files, and the bucket of a zone that is a directory.
    pub fn as_str(self) -> &'static str {
        match self {
            Zone::Raw => "raw",
            Zone::Stage => "stage",
            Zone::Analytics => "analytics",
        }
    }

    /// The zone of that name.
    pub fn from_text(text: &str) -> Option<Zone> {
        Zone::ALL.iter().copied().find(|zone| zone.as_str() == text)
    }
}

/// How often an execution is tried before it is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Failed attempts that may pass by themselves; the last of them is final. At least 1.
    pub attempts: u32,
    /// The wait after the first failed attempt; it doubles with each, up to a hundred times this.
    pub backoff: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy { attempts: 3, backoff: Duration::from_secs(1) }
    }
}

impl RetryPolicy {
    /// The wait after so many failed attempts.
    pub fn wait_after(&self, failures: u32) -> Duration {
        self.backoff.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(100).min(100))
    }
}
