//! A pipeline: a team's ordered stages for a dataset, as one immutable value.
//!
//! `decode` reads it from a pipeline file and says what is wrong with the file, with line and
//! column. Once read, a pipeline is whole: the text of every file it names, of SQL or rules, is inside it, so
//! that a version means the same for ever, whatever happens to the files.

pub mod decode;
mod input;
mod step;
pub mod trigger;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{DatasetId, StageKey, digest},
    notify::Notify,
    table::TableId,
};
pub use input::{ColumnType, Compression, CsvOptions, Format, Input};
pub use step::{
    Composites, Crawl, DEFAULT_CRAWL_TIMEOUT, DEFAULT_JOB_TIMEOUT, DEFAULT_QUALITY_TIMEOUT, DEFAULT_TRANSFORM_TIMEOUT, Engine, Job,
    LONGEST_HISTORY, OnFailure, Operation, Publish, Quality, Ruleset, Scope, Sql, Step, Transform, TransformWork, asked_as,
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
    /// What it does, in order. Transforms and jobs come before `quality`, and that before `publish`.
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
            Step::Transform(_) | Step::Job(_) | Step::Quality(_) | Step::Crawl(_) | Step::Notify(_) => None,
        })
    }

    /// Whom its runs' ends are told.
    pub fn notices(&self) -> impl Iterator<Item = &Notify> {
        self.steps.iter().filter_map(|step| match step {
            Step::Notify(notify) => Some(notify),
            Step::Transform(_) | Step::Job(_) | Step::Quality(_) | Step::Publish(_) | Step::Crawl(_) => None,
        })
    }

    /// The crawler that registers what it makes, if that is left to one.
    pub fn crawl(&self) -> Option<&Crawl> {
        self.steps.iter().find_map(|step| match step {
            Step::Crawl(crawl) => Some(crawl),
            Step::Transform(_) | Step::Job(_) | Step::Quality(_) | Step::Publish(_) | Step::Notify(_) => None,
        })
    }

    /// The `quality` step, if there is one.
    pub fn quality(&self) -> Option<&Quality> {
        self.steps.iter().find_map(|step| match step {
            Step::Quality(quality) => Some(quality),
            Step::Transform(_) | Step::Job(_) | Step::Publish(_) | Step::Crawl(_) | Step::Notify(_) => None,
        })
    }

    /// Whether it audits the table that it publishes to, not only what it adds.
    pub fn audits_table(&self) -> bool {
        self.quality().is_some_and(|quality| quality.scope == Scope::Table)
    }

    /// The published tables its transforms and rules read, by the name they know them by.
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
        self.publish().is_some() || self.crawl().is_some() || self.quality().is_some() || drift != DriftPolicy::Evolve
    }
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
