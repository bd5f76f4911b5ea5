//! Data quality: the rule language (DQDL), and its evaluation over Polars frames.
//!
//! [`stats`] measures statistics in as few scans of the [`data`] as possible.
//! No network: whoever calls hands over paths, frames and earlier metrics.

pub mod data;
pub mod stats;
