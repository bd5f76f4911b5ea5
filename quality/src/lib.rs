//! Data quality: the rule language (DQDL), and its evaluation over Polars frames.
//!
//! The way of a ruleset: [`language`] reads and checks it, [`evaluate`] turns its rules into
//! deduplicated statistics, [`stats`] measures all of them in as few scans of the [`data`] as
//! possible, and `evaluate` compares what was measured with the rules' conditions. [`profile`]
//! measures a dataset without rules, [`suggest`] makes rules of that, and [`anomalies`] tells
//! whether a statistic is unlike its history. [`report`] tells what came of it,
//! to programs and to people.
//! No network: whoever calls hands over paths, frames and earlier metrics.

pub mod anomalies;
pub mod data;
pub mod evaluate;
pub mod language;
pub mod profile;
pub mod report;
pub mod stats;
pub mod suggest;
