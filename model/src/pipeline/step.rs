//! What a stage does: transforms, jobs, and what comes after them.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::ColumnType;
use crate::{notify::Notify, table::TableId};

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

    pub(super) fn references(&self) -> Option<&BTreeMap<String, TableId>> {
        match self {
            Step::Transform(transform) => Some(&transform.references),
            Step::Job(job) => Some(&job.references),
            Step::Publish(_) | Step::Crawl(_) | Step::Notify(_) => None,
        }
    }

    pub(super) fn timeout(&self) -> Duration {
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
