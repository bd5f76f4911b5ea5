//! The engine on real files.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test and its helpers fail by panicking")]

mod audits;
mod batches;
mod lake;
mod large;
mod output;
mod reading;
mod released;
mod transforms;
