//! What rules are evaluated on: files as one dataset, or a frame in memory.
//!
//! [`Dataset`] knows its columns and hands out a plan of all its rows; statistics read it in
//! batches (`batches`). [`sql`] is the guard of what rules' SQL may do.

mod batches;
mod dataset;
mod error;
mod files;
mod source;
pub mod sql;
mod unify;

pub(crate) use self::{
    batches::Batches,
    error::first_line,
    source::{Footer, Source},
};
pub use self::{dataset::Dataset, error::DataError, files::Format};
