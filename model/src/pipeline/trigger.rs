//! When a stage runs, and when a batch is due.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a stage runs, and on what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// On each object as it comes.
    Object,
    /// On a set of objects.
    Batch(BatchTrigger),
}

/// What seals an open batch. Whatever is met first seals it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchTrigger {
    /// When to look: on every tick the batch is sealed if it has `min_objects`.
    pub schedule: Schedule,
    /// Fewer are left to collect until `max_wait`. At least 1.
    pub min_objects: u64,
    /// So many seal it at once, and no batch has more.
    pub max_objects: u64,
    /// So many bytes seal it at once. A batch goes over only by its last object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// So long after its first object it is sealed even without `min_objects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_wait: Option<Duration>,
    /// So long without an arrival it is sealed, if it has `min_objects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Duration>,
}

impl Default for BatchTrigger {
    fn default() -> BatchTrigger {
        BatchTrigger {
            schedule: Schedule::Every(Duration::from_secs(300)),
            min_objects: 1,
            max_objects: 100_000,
            max_bytes: None,
            max_wait: None,
            quiet: None,
        }
    }
}

/// The ticks on which an open batch is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Multiples of this span, counted from the Unix epoch.
    Every(Duration),
    /// A cron expression in UTC: minute, hour, day of month, month, day of week.
    Cron(String),
    /// No ticks: counts, bytes, age or quiet alone seal.
    Never,
}
