//! Data quality: the rule language (DQDL), and its evaluation over Polars frames.
//!
//! [`language`] reads and checks a ruleset.
//! [`stats`] measures statistics in as few scans of the [`data`] as possible.
//! [`evaluate`] holds rules against statistics.
//! [`anomalies`] tells whether a statistic is unlike its history.
//! [`profile`] measures a dataset without rules.
//! [`suggest`] makes rules of that.
//! No network: whoever calls hands over paths, frames and earlier metrics.

pub mod anomalies;
pub mod data;
pub mod evaluate;
pub mod language;
pub mod profile;
pub mod stats;
pub mod suggest;
