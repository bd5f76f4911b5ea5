//! What an evaluation needs besides rules and data.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::History;
use super::rules::distribution::Known;
use crate::data::{Dataset, FileAccess, LocalFiles};
use crate::stats::Stored;

/// What an evaluation needs besides rules and data.
#[derive(Clone)]
pub struct Context {
    /// Other datasets, by their aliases.
    pub references: BTreeMap<String, Dataset>,
    /// Earlier values of statistics.
    pub history: Arc<dyn History>,
    /// What was measured earlier of the dataset's files, which is not measured again; what is measured now is put
    /// there too. What can't be kept is measured as if there were none: the dataset with fields of structs as
    /// columns, what looks at the clock or back, and queries of a rule's own.
    pub states: Option<Arc<Mutex<Stored>>>,
    /// How rules on files list and read them; by default those of this machine.
    pub files: Arc<dyn FileAccess>,
    /// Where the dataset's own files are, for rules on files that name no path, if they are not those that the
    /// dataset is read from, such as copies of them.
    pub own_files: Option<Vec<String>>,
    /// What `now()` is.
    pub now: Timestamp,
    /// How it is evaluated.
    pub options: Options,
    /// What is known of references, which does not change while they are the same.
    pub(crate) known: Known,
}

impl Context {
    /// No references, no history, default options.
    pub fn new(now: Timestamp) -> Context {
        Context {
            references: BTreeMap::new(),
            history: Arc::new(BTreeMap::new()),
            states: None,
            files: Arc::new(LocalFiles),
            own_files: None,
            now,
            options: Options::default(),
            known: Known::default(),
        }
    }

    /// With another dataset.
    pub fn with_reference(mut self, alias: impl Into<String>, dataset: Dataset) -> Context {
        self.references.insert(alias.into(), dataset);
        self
    }

    /// With earlier values.
    pub fn with_history(mut self, history: Arc<dyn History>) -> Context {
        self.history = history;
        self
    }

    /// With states of the dataset's files.
    pub fn with_states(mut self, states: Arc<Mutex<Stored>>) -> Context {
        self.states = Some(states);
        self
    }

    /// With another way to files.
    pub fn with_files(mut self, files: Arc<dyn FileAccess>) -> Context {
        self.files = files;
        self
    }

    /// With the places of the dataset's own files.
    pub fn with_own_files(mut self, locations: Vec<String>) -> Context {
        self.own_files = Some(locations);
        self
    }

    /// Evaluated in another way.
    pub fn with_options(mut self, options: Options) -> Context {
        self.options = options;
        self
    }
}

/// How rulesets are evaluated; the defaults are those of Glue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How rules put together by `and` and `or` are.
    pub composites: CompositeEvaluation,
    /// What is said of rows that a rule's `where` leaves out.
    pub filtered_rows: FilteredRows,
    /// Whether lists of rules per row say the rules' labels too.
    pub rows_with_labels: bool,
}

/// How rules put together by `and` and `or` are evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompositeEvaluation {
    /// Each part on the whole dataset, then the operators.
    #[default]
    Dataset,
    /// The operators on each row; all rows have to hold. Every part has to be a rule on rows.
    Row,
}

/// What is said of rows that a rule's `where` leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilteredRows {
    /// They pass.
    #[default]
    Passed,
    /// They are among the skipped.
    Skipped,
}
