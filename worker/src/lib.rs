//! Being built.

pub mod engine;
pub mod preview;
