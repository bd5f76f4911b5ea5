//! `lakegate.yaml`: where the lake is and how it is run, as one value.
//!
//! `decode` reads it from the file and says what is wrong with it, with line and column.

pub mod decode;
pub mod sdlf;
mod uses;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use self::sdlf::SdlfTables;
use crate::{location::Location, notify::TeamNotices, pipeline::Zone};
pub use uses::Uses;

/// A lake project's settings, environments and overrides already applied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Where each zone lies.
    pub zones: Zones,
    /// Where objects, batches and executions are remembered.
    pub ledger: LedgerAddress,
    /// Where tables are registered.
    pub catalog: CatalogAddress,
    /// Where events come from.
    pub events: Vec<EventSourceAddress>,
    /// Whom each team has told how all its runs end.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: TeamNotices,
    /// LF-Tags, value by key, of every table whose pipeline names no other value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lf_tags: BTreeMap<String, String>,
    /// Where tools built on SDLF read of objects and executions; only beside a ledger in DynamoDB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdlf: Option<SdlfTables>,
}

/// Where each zone lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Zones {
    /// Where files land.
    pub raw: Location,
    /// Between stages.
    pub stage: Location,
    /// Where tables are read.
    pub analytics: Location,
}

impl Zones {
    /// Where a zone lies.
    pub fn location(&self, zone: Zone) -> &Location {
        match zone {
            Zone::Raw => &self.raw,
            Zone::Stage => &self.stage,
            Zone::Analytics => &self.analytics,
        }
    }

    /// The bucket name that objects of a zone carry: the zone's own name, wherever it lies, so that
    /// a lake can be moved to another place and still be known.
    pub fn bucket(&self, zone: Zone) -> &'static str {
        zone.as_str()
    }

    /// The zone that an S3 object lies in, and its key below that zone; `None` if it lies in none.
    /// The zone with the longest prefix has it.
    pub fn of_s3<'a>(&self, bucket: &str, key: &'a str) -> Option<(Zone, &'a str)> {
        let below = |zone: &Zone| {
            let (its_bucket, prefix) = self.location(*zone).s3()?;
            let rest = key.strip_prefix(prefix)?;
            let rest = if prefix.is_empty() { rest } else { rest.strip_prefix('/')? };
            (its_bucket == bucket).then_some((*zone, rest))
        };
        Zone::ALL.iter().filter_map(below).min_by_key(|(_, rest)| rest.len())
    }

    /// Where an object lies; `None` if its bucket is no zone's.
    pub fn locate(&self, bucket: &str, key: &str) -> Option<Location> {
        Some(self.location(Zone::from_text(bucket)?).join(key))
    }
}

/// Which ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAddress {
    /// A SQLite file at this absolute path.
    Sqlite(String),
    /// DynamoDB tables whose names begin so.
    #[serde(rename = "dynamodb")]
    DynamoDb(String),
}

/// As in `lakegate.yaml`.
impl fmt::Display for LedgerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerAddress::Sqlite(path) => write!(f, "sqlite:{path}"),
            LedgerAddress::DynamoDb(prefix) => write!(f, "dynamodb://{prefix}"),
        }
    }
}

/// Which table catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogAddress {
    /// A directory at this absolute path.
    Local(String),
    /// Databases of the Glue Data Catalog whose names begin so; may be empty.
    Glue(String),
}

/// As in `lakegate.yaml`.
impl fmt::Display for CatalogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CatalogAddress::Local(path) => write!(f, "local:{path}"),
            CatalogAddress::Glue(prefix) => write!(f, "glue://{prefix}"),
        }
    }
}

/// A source of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventSourceAddress {
    /// Watch the raw zone's directory.
    Watch {
        /// How long a file must have been left alone before it is taken, where the system can't
        /// tell whether somebody still has it open for writing.
        settle: Duration,
    },
    /// Receive from an SQS queue.
    Sqs {
        /// Its name, or its whole URL.
        queue: String,
    },
}

/// As in `lakegate.yaml`.
impl fmt::Display for EventSourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventSourceAddress::Watch { .. } => f.write_str("watch"),
            EventSourceAddress::Sqs { queue } if queue.contains("://") => f.write_str(queue),
            EventSourceAddress::Sqs { queue } => write!(f, "sqs://{queue}"),
        }
    }
}

impl Settings {
    /// Whether anything of it is on AWS.
    pub fn is_on_aws(&self) -> bool {
        let zones = Zone::ALL.iter().any(|zone| self.zones.location(*zone).s3().is_some());
        let events = self.events.iter().any(|event| matches!(event, EventSourceAddress::Sqs { .. }));
        let told = self.teams.values().flatten().any(|notify| notify.to.is_on_aws());
        zones || events || told || matches!(self.ledger, LedgerAddress::DynamoDb(_)) || matches!(self.catalog, CatalogAddress::Glue(_))
    }
}
