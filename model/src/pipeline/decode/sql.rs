//! Texts from the project's files, SQL inline too, and the tables they may read.

use std::collections::BTreeMap;

use super::{Context, TableMention, names};
use crate::{diagnostics::nearest, pipeline::Sql, table::TableId, yaml::Value};

/// The files of a project. Paths are relative to it, with `/` between folders.
pub trait ProjectFiles {
    /// The text of a file.
    fn read(&self, path: &str) -> Result<String, FileProblem>;

    /// The files whose names end so, to find the one that was meant.
    fn files_ending(&self, end: &str) -> Vec<String>;
}

/// Why a file of the project could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// There is no such file.
    Missing,
    /// There is, but it can't be read; the text says why.
    Unreadable(String),
}

impl Context<'_> {
    /// A query: the name of a `.sql` file of the project, or the text itself.
    pub(super) fn sql(&self, value: Value<'_>) -> Option<Sql> {
        let text = value.filled_text()?.trim();
        if !text.ends_with(".sql") || text.contains(char::is_whitespace) {
            return Some(Sql { text: text.to_owned(), file: None });
        }
        let (path, text) = self.file(value, "SQL", ".sql")?;
        Some(Sql { text, file: Some(path) })
    }

    /// The text of a file of the project that is named here: its path as it is kept, and what it says.
    pub(super) fn file(&self, value: Value<'_>, kind: &str, end: &str) -> Option<(String, String)> {
        let text = value.filled_text()?.trim();
        let Some(path) = inside(text) else {
            value.wrong_with(format!("{kind} file `{text}` is not inside the project"), "paths are relative to the project's folder");
            return None;
        };
        match self.files.read(&path) {
            Ok(content) if content.trim().is_empty() => {
                value.wrong(format!("{kind} file `{path}` is empty"));
                None
            }
            Ok(content) => Some((path, content)),
            Err(FileProblem::Missing) => {
                value.wrong_with(format!("{kind} file `{path}` does not exist"), self.meant(&path, end));
                None
            }
            Err(FileProblem::Unreadable(reason)) => {
                value.wrong(format!("{kind} file `{path}` can't be read: {reason}"));
                None
            }
        }
    }

    fn meant(&self, path: &str, end: &str) -> String {
        let known = self.files.files_ending(end);
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let elsewhere = known.iter().find(|known| base(known) == base(path)).map(String::as_str);
        match elsewhere.or_else(|| nearest(path, known.iter().map(String::as_str))) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "paths are relative to the project's folder".to_owned(),
        }
    }

    /// Published tables by the name a query knows them by.
    pub(super) fn references(&mut self, stage: usize, value: Value<'_>) -> BTreeMap<String, TableId> {
        let mut references = BTreeMap::new();
        for (alias, value) in value.entries().unwrap_or_default() {
            if alias == "input" {
                value.wrong_key("a reference can't be called `input`: that is the table the stage is given", "choose another name");
            } else if !names::is_sql_name(alias) {
                value.wrong_key(format!("SQL can't call a table `{alias}`"), "use letters, digits and `_`, and no digit first");
            }
            if let Some(table) = names::table(value) {
                self.read.references.push(TableMention { table: table.clone(), stage, place: value.place() });
                references.insert(alias.to_owned(), table);
            }
        }
        references
    }
}

/// The path with `.` segments left out; `None` if it leaves the project.
fn inside(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| *segment != ".").collect();
    let stays = !segments.iter().any(|segment| segment.is_empty() || *segment == ".." || segment.contains('\\'));
    stays.then(|| segments.join("/"))
}
