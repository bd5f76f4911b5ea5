//! What rules are evaluated on: files as one dataset, or a frame in memory.
//!
//! [`Dataset`] knows its columns and hands out a plan of all its rows; statistics read it in
//! batches (`batches`). [`sql`] is the guard of what rules' SQL may do, [`shape`] looks at lines of CSV, [`types`] at
//! its values.

mod access;
mod batches;
mod blame;
mod dataset;
mod error;
mod files;
mod parts;
pub mod shape;
mod source;
pub mod sql;
mod text;
pub mod types;
mod unify;

pub use self::{
    access::{FileAccess, FileAccessError, FileEntry, LocalFiles},
    dataset::Dataset,
    error::{DataError, io_of},
    files::Format,
    parts::{Open, Part},
};
pub(crate) use self::{
    batches::Batches,
    error::{first_line, innermost},
    source::{Footer, Source, Stamp},
    unify::named,
};
