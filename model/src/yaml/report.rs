//! What is wrong with one file so far.

use std::cell::RefCell;

use crate::diagnostics::{Diagnostic, Place};

/// Collects what is wrong with one file.
pub(crate) struct Report<'t> {
    file: &'t str,
    lines: Vec<&'t str>,
    found: RefCell<Vec<Diagnostic>>,
}

impl<'t> Report<'t> {
    /// An empty report on a file with this text.
    pub(crate) fn new(file: &'t str, text: &'t str) -> Report<'t> {
        Report { file, lines: text.lines().collect(), found: RefCell::new(Vec::new()) }
    }

    /// Adds one thing that is wrong.
    pub(crate) fn add(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// What is wrong, in the order of the file.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|diagnostic| (diagnostic.place.line, diagnostic.place.column));
        found
    }

    /// The characters of a line from a column on, both counted from 1.
    pub(crate) fn from(&self, line: usize, column: usize) -> impl Iterator<Item = char> {
        let line = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or_default();
        line.chars().skip(column.saturating_sub(1))
    }

    /// So many characters of a line. A line beyond the end is the last one: an error at the end of
    /// a file is shown where the text ends.
    pub(crate) fn place(&self, line: usize, column: usize, length: usize) -> Place {
        let last = self.lines.len().max(1);
        let (line, column) = if line > last { (last, usize::MAX) } else { (line.max(1), column) };
        let source = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or_default();
        let column = column.clamp(1, source.chars().count() + 1);
        Place { file: self.file.to_owned(), line, column, length: length.max(1), source: source.to_owned() }
    }
}
