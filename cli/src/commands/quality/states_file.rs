//! States of statistics in a file: what `quality run --states` reads and adds to.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use lakegate_model::{Failure, FailureCode};
use lakegate_quality::stats::{StoreError, Stored};

use crate::{
    error::{CliError, Result},
    output::Output,
};

/// The file, and what is known of the data by it.
pub(super) struct StatesFile {
    path: PathBuf,
    states: Arc<Mutex<Stored>>,
}

impl StatesFile {
    /// Reads the file; one that is not there is empty, and so is one that is damaged, which is told. What was never
    /// a file of states is the user's mistake, and stays as it is.
    pub(super) fn read(out: &Output, path: &Path) -> Result<StatesFile> {
        let stored = match Stored::load(path) {
            Ok(stored) => stored,
            Err(error @ StoreError::NotStates { .. }) => {
                return Err(CliError::wrong(error.to_string(), "name a file that `quality run --states` made, or one that is not there"));
            }
            Err(error @ StoreError::Io { .. }) => return Err(CliError::wrong(format!("can't read {error}"), "")),
            Err(error @ (StoreError::Damaged { .. } | StoreError::Version { .. })) => {
                out.note(format_args!("warning: {error}, as is done now"));
                Stored::default()
            }
        };
        Ok(StatesFile { path: path.to_owned(), states: Arc::new(Mutex::new(stored)) })
    }

    /// What is known, for an evaluation to use and add to.
    pub(super) fn states(&self) -> Arc<Mutex<Stored>> {
        self.states.clone()
    }

    /// Writes what was measured now. The file is whole at any time.
    pub(super) fn save(self, out: &Output) -> Result<()> {
        let Ok(mut stored) = self.states.lock() else { return Ok(()) };
        if let Some(why) = stored.lost() {
            out.note(format_args!("warning: {}: {why}; what it was of is measured again", self.path.display()));
        }
        let failed = |error: StoreError| Failure::new(FailureCode::LakeIo, format!("can't write {error}"));
        Ok(stored.save(&self.path).map_err(failed)?)
    }
}
