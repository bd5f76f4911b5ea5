//! Scratch lakes, real processes, an independent reader.

pub mod binary;
pub mod data;
pub mod duckdb;
pub mod lake;
pub mod otlp;
pub mod process;
pub mod random;
pub mod wait;

pub use binary::lakegate_binary;
pub use lake::{Finished, Lake};
pub use process::Process;
pub use random::Random;
pub use wait::{eventually, within};
