//! The rule language from outside: the reference's cases, round trips, diagnostics, evaluation, and what a fuzzer finds.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test and its helpers fail by panicking")]

mod conformance;
mod diagnostics;
mod evaluation;
mod flags;
mod forms;
mod fuzz;
mod generate;
mod limits;
mod names;
mod round_trip;
mod rule_diagnostics;
mod said;
mod spans;
