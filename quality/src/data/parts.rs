//! A dataset of parts whose columns and sizes are known beforehand: files at hand, and what is
//! fetched only when its rows are wanted.

use std::{fmt, path::PathBuf, sync::Arc};

use polars::prelude::*;

use super::{
    DataError, Dataset, Format,
    source::{Kind, Source},
};

/// Opens a part when its rows are wanted.
pub trait Open: Send + Sync {
    /// Its rows, with all columns of the dataset.
    fn open(&self) -> Result<LazyFrame, DataError>;
}

/// A part of a dataset. Its name and size are what states know it by: equal ones are the same rows.
#[derive(Clone)]
pub enum Part {
    /// A Parquet file on this machine. Columns that it lacks are null, and those of other types are cast.
    File {
        /// Where it is.
        path: PathBuf,
        /// What it is known by.
        name: String,
        /// Bytes.
        size: u64,
    },
    /// Rows that are somewhere else, and may never be needed.
    Later {
        /// What they are known by.
        name: String,
        /// Bytes.
        size: u64,
        /// Opens them.
        open: Arc<dyn Open>,
    },
}

impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::File { path, name, size } => write!(formatter, "File({name}, {size} bytes, {})", path.display()),
            Part::Later { name, size, .. } => write!(formatter, "Later({name}, {size} bytes)"),
        }
    }
}

impl Dataset {
    /// Parts as one dataset with these columns. Of files the footers are read, of others nothing.
    pub fn of_parts(schema: Schema, parts: Vec<Part>) -> Result<Dataset, DataError> {
        let schema = Arc::new(schema);
        let (mut names, mut sizes, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            let (name, size) = match part {
                Part::File { path, name, size } => {
                    sources.push(Source::open(&path, Format::Parquet)?);
                    (name, size)
                }
                Part::Later { name, size, open } => {
                    sources.push(Source { path: PathBuf::from(&name), schema: Arc::clone(&schema), kind: Kind::Later(open), stamp: None });
                    (name, size)
                }
            };
            names.push(PathBuf::from(name));
            sizes.push(size);
        }
        Ok(Dataset::of_sources(schema, names, Some(sizes), sources))
    }
}
