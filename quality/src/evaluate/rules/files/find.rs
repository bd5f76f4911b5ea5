//! Which files a rule is on: the dataset's, or those of a path, as its tags narrow them.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::super::predicate::pattern::Pattern;
use super::super::super::{Fault, Scope};
use crate::language::ast::TagValue;

/// A file.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub(super) modified: i64,
}

impl File {
    /// The last part of its path.
    pub(super) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// The files of a parameter, or the dataset's if there is none. There is at least one.
pub(super) fn find(scope: &Scope<'_>, parameter: usize) -> Result<Vec<File>, Fault> {
    let paths = match scope.rule.parameters.get(parameter) {
        Some(parameter) => of_path(&parameter.value)?,
        None => of_dataset(scope)?,
    };
    let files = paths.iter().map(|path| look(path)).collect::<Result<Vec<_>, _>>()?;
    let files = narrow(scope, files)?;
    match files.is_empty() {
        true => Err(Fault::failed("There is no file to look at.")),
        false => Ok(files),
    }
}

fn of_dataset(scope: &Scope<'_>) -> Result<Vec<PathBuf>, Fault> {
    let dataset = match scope.text_tag("dataFrame")? {
        Some(alias) if alias != "primary" => scope.reference(alias, "additional data sources")?,
        _ => scope.data,
    };
    match dataset.files() {
        [] => Err(Fault::error("The dataset is not of files on this machine, so there is nothing to look at; name a path.")),
        files => Ok(files.to_vec()),
    }
}

fn of_path(text: &str) -> Result<Vec<PathBuf>, Fault> {
    let local = text.strip_prefix("file://").unwrap_or(text);
    if local.contains("://") {
        return Err(Fault::error(format!("\"{text}\" is not a file on this machine; rules on files read local files only.")));
    }
    let mut found = Vec::new();
    walk(Path::new(local), &mut found).map_err(|error| Fault::error(format!("\"{text}\" can't be read: {error}.")))?;
    Ok(found)
}

/// A file, or all below a folder in the order of their names; links to folders are not followed.
fn walk(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), found)?;
        } else if fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()) {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn look(path: &Path) -> Result<File, Fault> {
    let metadata = fs::metadata(path).map_err(|error| Fault::error(format!("{} can't be read: {error}.", path.display())))?;
    let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    let modified = modified.ok_or_else(|| Fault::error(format!("It is not known when {} was modified.", path.display())))?;
    Ok(File { path: path.to_owned(), bytes: metadata.len(), modified: modified.as_microsecond() })
}

/// `recentFiles` first and then `uriRegex`, unless `filterOrder` says otherwise.
fn narrow(scope: &Scope<'_>, mut files: Vec<File>) -> Result<Vec<File>, Fault> {
    let order = match scope.tag("filterOrder").map(|tag| &tag.value) {
        None => Vec::new(),
        Some(TagValue::List(names)) => names.clone(),
        Some(TagValue::Text(names)) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        Some(TagValue::Number(..)) => return Err(Fault::error("`filterOrder` is a list: [\"uriRegex\",\"recentFiles\"].")),
    };
    if let Some(other) = order.iter().find(|name| !matches!(name.as_str(), "recentFiles" | "uriRegex")) {
        return Err(Fault::error(format!("\"{other}\" is neither \"recentFiles\" nor \"uriRegex\".")));
    }
    let recent = recent(scope)?;
    let regex_first = order.first().is_some_and(|name| name == "uriRegex");
    if regex_first {
        matching(scope, &mut files)?;
    }
    if let Some(count) = recent {
        files.sort_by(|left, right| right.modified.cmp(&left.modified).then_with(|| left.path.cmp(&right.path)));
        files.truncate(count);
    }
    if !regex_first {
        matching(scope, &mut files)?;
    }
    Ok(files)
}

fn recent(scope: &Scope<'_>) -> Result<Option<usize>, Fault> {
    let count = match scope.tag("recentFiles").map(|tag| &tag.value) {
        None => return Ok(None),
        Some(TagValue::Number(text, _) | TagValue::Text(text)) => text.trim().parse::<usize>().ok().filter(|count| *count > 0),
        Some(TagValue::List(_)) => None,
    };
    count.map(Some).ok_or_else(|| Fault::error("`recentFiles` is a number of files, at least 1."))
}

fn matching(scope: &Scope<'_>, files: &mut Vec<File>) -> Result<(), Fault> {
    if let Some(regex) = scope.text_tag("uriRegex")? {
        // Glue documents `(?!.*\.tmp$).*` as what leaves `.tmp` out: a look ahead is from the path's start.
        let pattern = if regex.starts_with("(?") { format!(r"\A(?:{regex})") } else { regex.to_owned() };
        let pattern = Pattern::new(&pattern)?;
        files.retain(|file| pattern.is_in(&file.path.to_string_lossy()));
    }
    Ok(())
}
