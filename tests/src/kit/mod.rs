//! Scratch lakes, real processes, an independent reader.

pub mod binary;
pub mod boto;
pub mod cloud;
pub mod data;
pub mod duckdb;
pub mod faults;
pub mod gate;
pub mod lake;
pub mod moto;
pub mod otlp;
pub mod process;
pub mod python;
pub mod random;
pub mod scripted;
pub mod wait;

pub use binary::lakegate_binary;
pub use lake::{Finished, Lake};
pub use process::Process;
pub use random::Random;
pub use wait::{eventually, within};
