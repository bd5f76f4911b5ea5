//! What can be wrong with a dataset, and whose doing it is: what the system would not give us may be given the
//! next time, what a file says will be said whenever it is read.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use polars::prelude::PolarsError;

/// Why there is no dataset, or why it can't be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A path can't be looked at.
    #[error("can't open {}: {source}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading went wrong on the way: a file that has gone, a disk, a network.
    #[error("can't read {}: {source}", named(path.as_deref()))]
    Read {
        /// Which file, as far as that is known.
        path: Option<PathBuf>,
        /// Why.
        source: Arc<io::Error>,
    },
    /// What a measurement has to put down could not be written to or read from a temporary file.
    #[error("can't keep keys in a temporary file: {0}")]
    Scratch(io::Error),
    /// Nothing to read was found.
    #[error("{} holds no data file (.parquet, .csv, .tsv, .json, .ndjson, .jsonl; .gz and .zst of the text formats)", path.display())]
    Empty {
        /// Where.
        path: PathBuf,
    },
    /// No format is known by the suffix.
    #[error("{}: the name doesn't tell the format; say which it is", path.display())]
    UnknownFormat {
        /// Which file.
        path: PathBuf,
    },
    /// A file is not of the format it should be, or damaged.
    #[error("can't read {}: {why}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Two files have a column of types that can't be put together.
    #[error("column {column:?} is {left} in one file and {right} in {}", path.display())]
    Types {
        /// Which column.
        column: String,
        /// The type in the files before.
        left: String,
        /// The type in this file.
        right: String,
        /// This file.
        path: PathBuf,
    },
    /// All of it was to be read, with nothing asked of it, and could not be; which of its files is to blame is not
    /// known.
    #[error("can't read {of}: {why}")]
    Damaged {
        /// What is known of it: `the data`, or which reference.
        of: String,
        /// What is wrong with it.
        why: String,
    },
    /// A plan can't be run.
    #[error("{0}")]
    Query(String),
}

impl DataError {
    /// What Polars said of a file.
    pub(crate) fn of_file(path: &Path, error: &PolarsError, hint: &'static str) -> DataError {
        match system(error) {
            Some(source) => DataError::Read { path: Some(path.to_owned()), source },
            None => DataError::Unreadable { path: path.to_owned(), why: first_line(error), hint },
        }
    }

    /// What an error of Polars says of the data: what [`DataError::into_polars`] has sent along, or what Polars met.
    pub(crate) fn of_polars(error: &PolarsError) -> Arc<DataError> {
        sent_along(error).unwrap_or_else(|| Arc::new(DataError::from(error.clone())))
    }

    /// As an error of Polars, for functions that Polars calls: [`DataError::of_polars`] finds it as it was.
    pub(crate) fn into_polars(self) -> PolarsError {
        let kind = self.io().map_or(io::ErrorKind::InvalidData, io::Error::kind);
        PolarsError::IO { error: Arc::new(io::Error::new(kind, SentAlong(Arc::new(self)))), msg: None }
    }

    /// Whether the data could not be read, so that nothing can be said of it. Otherwise something was asked of
    /// it that it has no answer to.
    pub fn is_unread(&self) -> bool {
        !matches!(self, DataError::Query(_) | DataError::Types { .. })
    }

    /// What the system reported, if that is what stopped us: another try may have better luck.
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            DataError::Open { source, .. } | DataError::Scratch(source) => Some(source),
            DataError::Read { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The file or folder it is about, if it is known.
    pub fn path(&self) -> Option<&Path> {
        match self {
            DataError::Open { path, .. }
            | DataError::Empty { path }
            | DataError::UnknownFormat { path }
            | DataError::Unreadable { path, .. }
            | DataError::Types { path, .. } => Some(path),
            DataError::Read { path, .. } => path.as_deref(),
            DataError::Scratch(_) | DataError::Damaged { .. } | DataError::Query(_) => None,
        }
    }

    /// What to do about it; empty if nothing better is known than what it says.
    pub fn hint(&self) -> &'static str {
        match self {
            DataError::Open { .. } => "name files or folders that are there, and may be read",
            DataError::Read { .. } => "see that the file is there and can be read, and that nothing changes it meanwhile",
            DataError::Scratch(_) => "make room where temporary files are kept, or name another place in TMPDIR",
            DataError::Unreadable { hint, .. } => hint,
            DataError::Damaged { .. } => "it is damaged or cut off: write it or fetch it again",
            DataError::Types { .. } => "write the column in one type, or ask the files apart",
            DataError::Empty { .. } | DataError::UnknownFormat { .. } | DataError::Query(_) => "",
        }
    }
}

impl From<PolarsError> for DataError {
    fn from(error: PolarsError) -> DataError {
        match system(&error) {
            Some(source) => DataError::Read { path: None, source },
            None => DataError::Query(first_line(&error)),
        }
    }
}

/// An error of the data on its way through Polars, whose errors hold those of the system and no others.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SentAlong(Arc<DataError>);

fn sent_along(error: &PolarsError) -> Option<Arc<DataError>> {
    let PolarsError::IO { error, .. } = innermost(error) else { return None };
    error.get_ref()?.downcast_ref::<SentAlong>().map(|sent| Arc::clone(&sent.0))
}

/// An error without what it was met in.
pub(crate) fn innermost(error: &PolarsError) -> &PolarsError {
    match error {
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => innermost(error),
        other => other,
    }
}

/// [`io_of`], with all that Polars says of it: the file's path may be in that.
pub(super) fn system(error: &PolarsError) -> Option<Arc<io::Error>> {
    let said = |source: &Arc<io::Error>| match error {
        PolarsError::IO { msg: None, .. } => Arc::clone(source),
        more => Arc::new(io::Error::new(source.kind(), first_line(more))),
    };
    io_of(error).map(said)
}

fn named(path: Option<&Path>) -> String {
    path.map_or_else(|| "the data".to_owned(), |path| path.display().to_string())
}

/// What the system reported, if that is what stopped Polars. What a file holds is not the system's doing: one
/// that ends too early will end there whenever it is read.
pub fn io_of(error: &PolarsError) -> Option<&Arc<io::Error>> {
    let PolarsError::IO { error, .. } = innermost(error) else { return None };
    let is_content = matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
    Some(error).filter(|_| !is_content)
}

/// What an error of Polars says, without the plan and the advice to Python programmers that follow.
pub(crate) fn first_line(error: &PolarsError) -> String {
    let text = error.to_string();
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(kind: io::ErrorKind) -> PolarsError {
        PolarsError::IO { error: Arc::new(kind.into()), msg: None }
    }

    #[test]
    fn what_the_system_does_is_told_from_what_a_file_says() {
        let read = DataError::of_file(Path::new("a.csv"), &io(io::ErrorKind::NotFound), "");
        assert!(read.is_unread() && read.io().is_some_and(|error| error.kind() == io::ErrorKind::NotFound), "{read}");
        assert!(read.to_string().starts_with("can't read a.csv: ") && read.path() == Some(Path::new("a.csv")), "{read}");
        let damaged = DataError::of_file(Path::new("a.csv"), &io(io::ErrorKind::UnexpectedEof), "write it again");
        assert!(damaged.is_unread() && damaged.io().is_none() && damaged.hint() == "write it again", "{damaged}");
        let wrong = DataError::from(PolarsError::ColumnNotFound("x".into()));
        assert!(!wrong.is_unread() && wrong.io().is_none(), "{wrong}");
        let wrapped = PolarsError::Context { error: Box::new(io(io::ErrorKind::Other)), msg: "reading".into() };
        assert!(DataError::from(wrapped).io().is_some());
    }

    #[test]
    fn what_is_sent_through_polars_arrives_as_it_was() {
        let gone = || DataError::Open { path: "a.csv".into(), source: io::ErrorKind::NotFound.into() };
        let damaged = || DataError::Unreadable { path: "a.csv".into(), why: "it is cut off".to_owned(), hint: "write it again" };
        let full = || DataError::Scratch(io::ErrorKind::StorageFull.into());
        for sent in [gone, damaged, full] as [fn() -> DataError; 3] {
            let wrapped = PolarsError::Context { error: Box::new(sent().into_polars()), msg: "in a plan".into() };
            let (arrived, sent) = (DataError::of_polars(&wrapped.clone()), sent());
            assert_eq!((arrived.to_string(), arrived.hint(), arrived.path()), (sent.to_string(), sent.hint(), sent.path()));
            assert_eq!(arrived.io().map(io::Error::kind), sent.io().map(io::Error::kind));
        }
    }
}
