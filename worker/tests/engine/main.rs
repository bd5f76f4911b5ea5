//! The engine on real files.

mod batches;
mod lake;
mod large;
mod output;
mod reading;
mod transforms;
