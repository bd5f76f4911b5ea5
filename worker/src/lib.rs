//! The worker: dials the coordinator, is sent tasks, and does them with Polars, reading and writing
//! the lake itself. It knows no ledger and no other worker.

pub mod engine;
pub mod options;
pub mod preview;
pub mod rule_files;
pub mod session;

pub use options::WorkerOptions;
pub use session::run;
