//! `lakegate.yaml`: where the lake is and how it is run, as one value.
//!
//! `decode` reads it from the file and says what is wrong with it, with line and column.

pub mod decode;

use std::time::Duration;

use serde::Serialize;

use crate::{location::Location, pipeline::Zone};

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

    /// The bucket name that objects of a zone carry: for a directory the zone's own name, so that
    /// a lake can be moved to another path and still be known.
    pub fn bucket(&self, zone: Zone) -> &'static str {
        zone.as_str()
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
}

/// Which table catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogAddress {
    /// A directory at this absolute path.
    Local(String),
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
}
