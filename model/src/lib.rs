//! What Lakegate knows, without how it is stored, sent or run.
//!
//! Ids, events, the pipeline file and its validation, where data goes, and the state machines as
//! pure `decide(state, fact) -> (state, actions)`. Nothing here performs IO, reads a clock, draws
//! a random number or is async: time and ids are arguments.

pub mod audit;
pub mod cost;
pub mod destination;
pub mod diagnostics;
pub mod drift;
pub mod event;
pub mod failure;
pub mod ids;
pub mod layout;
pub mod location;
pub mod machine;
pub mod notify;
pub mod object;
pub mod pipeline;
pub mod project;
pub mod route;
pub mod table;
pub mod time;
pub mod trace;
mod yaml;

pub use failure::{Failure, FailureCode, Fault, Retry};
pub use ids::{BatchId, DatasetId, ExecutionId, ObjectId, StageKey, TaskId, WorkerId};
pub use location::Location;
pub use object::ObjectVersion;
pub use pipeline::Pipeline;
pub use time::Timestamp;
pub use trace::TraceContext;
