//! Scratch lakes, real processes, an independent reader.

pub mod binary;
pub mod boto;
pub mod boto3;
pub mod browser;
pub mod cloud;
pub mod data;
pub mod duckdb;
pub mod faults;
pub mod gate;
pub mod hook;
pub mod lake;
pub mod metered;
pub mod moto;
pub mod otlp;
pub mod outage;
pub mod process;
pub mod python;
pub mod random;
pub mod scripted;
pub mod wait;

pub use binary::lakegate_binary;
pub use cloud::Cloud;
pub use lake::{Finished, Lake};
pub use process::Process;
pub use random::Random;
pub use wait::{eventually, within};
