//! Data that could not be read: what came of the rules is then nothing, rather than an error of theirs.

use std::{path::Path, sync::Arc};

use super::{Context, Fault};
use crate::data::{DataError, Dataset};

/// What kept an evaluation from the data.
pub(super) struct Unread<'a> {
    /// With what each is called.
    datasets: Vec<(String, &'a Dataset)>,
    found: Option<Arc<DataError>>,
    broken: bool,
}

impl<'a> Unread<'a> {
    /// Nothing so far, of a dataset and of all that rules may compare it with.
    pub(super) fn new(data: &'a Dataset, context: &'a Context) -> Unread<'a> {
        let references = context.references.iter().map(|(alias, reference)| (format!("the reference \"{alias}\""), reference));
        Unread { datasets: std::iter::once(("the data".to_owned(), data)).chain(references).collect(), found: None, broken: false }
    }

    /// Takes in why something could not be told.
    pub(super) fn note(&mut self, fault: &Fault) {
        match fault {
            Fault::Unread(error) => self.found = self.found.take().or_else(|| Some(Arc::clone(error))),
            Fault::Broken(_) => self.broken = true,
            Fault::Error(_) | Fault::Failed(_) => {}
        }
    }

    /// What it was, with the file named.
    ///
    /// A query that came to grief doesn't tell whether its own doing was wrong or a file is damaged, and its
    /// words are not to be relied on: so all is read once more, with nothing asked of it. What is wrong then is
    /// wrong with the data.
    pub(super) fn settle(self) -> Option<Arc<DataError>> {
        match self.found {
            Some(error) => Some(named(error, &self.datasets.iter().map(|(_, data)| *data).collect::<Vec<_>>())),
            None if self.broken => self.datasets.iter().find_map(|(of, data)| data.read_through().err().map(|error| damaged(of, error))),
            None => None,
        }
    }
}

fn damaged(of: &str, error: DataError) -> Arc<DataError> {
    Arc::new(match error {
        DataError::Query(why) => DataError::Damaged { of: of.to_owned(), why },
        error => error,
    })
}

/// An error of the system with the file that it is about, if that can be told.
pub(super) fn named(error: Arc<DataError>, datasets: &[&Dataset]) -> Arc<DataError> {
    let DataError::Read { path: None, source } = &*error else { return error };
    let path = Dataset::culprit(datasets, &source.to_string());
    path.map(Path::to_owned)
        .map_or_else(|| Arc::clone(&error), |path| Arc::new(DataError::Read { path: Some(path), source: Arc::clone(source) }))
}
