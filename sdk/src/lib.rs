//! The Rust client of a lake: hand in data and pipelines, see what became of them.
//!
//! A [`Client`] speaks `lakegate.v1` with a coordinator. Every answer is a plain Rust value, every
//! error a [`Failure`] that says what happened, whose fault it is and whether to try again: the
//! same value the coordinator had, carried whole over the wire. Lists come page by page or as
//! streams that fetch their pages themselves.
//!
//! ```no_run
//! use futures::TryStreamExt as _;
//! use lakegate_sdk::{Client, Failure, Filter};
//!
//! # async fn example() -> Result<(), Failure> {
//! let lake = Client::connect("http://127.0.0.1:7447").await?;
//!
//! // Hand in a file that lies in the raw zone, and wait until it has been worked off.
//! let submitted = lake.submit(["nyc/flights/2013/01.csv.gz"]).await?;
//! for object in &submitted {
//!     println!("{}: {}", object.key, object.object.as_deref().unwrap_or("refused"));
//! }
//!
//! // Everything of a dataset that failed, and why.
//! let mut failed = std::pin::pin!(lake.runs(Filter::within("nyc/flights").state("failed")));
//! while let Some(run) = failed.try_next().await? {
//!     println!("{} {}: {:?}", run.id, run.subject_text, run.failure);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Calls that change nothing when done twice are tried again for a short while when the
//! coordinator can't be reached, so that a restart goes unnoticed; see [`Options`].

mod client;
mod options;
mod paging;
mod quality;
pub mod types;
mod watch;

pub use client::Client;
pub use lakegate_model::{Failure, FailureCode, Fault, Pipeline, Retry, Timestamp};
pub use options::Options;
pub use paging::{Filter, Page};
pub use types::{
    AnalyzerResult, AppliedPipeline, Audit, Batch, Cost, HistoryEntry, Object, ObjectHistory, PipelineInfo, QualityPoint, Quarantined,
    Release, Released, RuleResult, Run, StageCost, StageInfo, StagePause, StageStatus, Status, Submitted, Table, TableFile, Worker,
};
