//! Which files a rule is on: the dataset's, or those of a path, as its tags narrow them.

use super::super::super::predicate::pattern::Pattern;
use super::super::super::{Fault, Scope};
use crate::data::{DataError, FileAccess, FileAccessError, FileEntry};
use crate::language::ast::TagValue;

/// The files of a parameter, or the dataset's if there is none. There is at least one.
pub(super) fn find(scope: &Scope<'_>, parameter: usize) -> Result<Vec<FileEntry>, Fault> {
    let access = scope.context.files.as_ref();
    let files = match scope.rule.parameters.get(parameter) {
        Some(parameter) => access.list(&parameter.value).map_err(of_place)?,
        None => of_dataset(scope, access)?,
    };
    let files = narrow(scope, files)?;
    match files.is_empty() {
        true => Err(Fault::failed("There is no file to look at.")),
        false => Ok(files),
    }
}

/// A place that a rule names and where nothing is can't be measured, however often it is looked at.
fn of_place(error: FileAccessError) -> Fault {
    if error.is_not_there() { Fault::Error(error.to_string()) } else { Fault::from(error) }
}

/// The dataset's files are there as long as it is: one that is gone leaves data that can't be read.
fn of_dataset(scope: &Scope<'_>, access: &dyn FileAccess) -> Result<Vec<FileEntry>, Fault> {
    let (dataset, own) = match scope.text_tag("dataFrame")? {
        Some(alias) if alias != "primary" => (scope.reference(alias, "additional data sources")?, None),
        // With fields of structs as columns it is not of files any more; as it is, it still is.
        _ => (scope.whole, scope.context.own_files.clone()),
    };
    let of_paths = || dataset.files().iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let locations: Vec<String> = own.unwrap_or_else(of_paths);
    if locations.is_empty() {
        return Err(Fault::error("The dataset is not of files, so there is nothing to look at; name a path."));
    }
    let mut files = Vec::with_capacity(locations.len());
    for location in &locations {
        let found = access.list(location)?;
        if found.is_empty() {
            let source = std::io::ErrorKind::NotFound.into();
            return Err(Fault::from(DataError::Open { path: location.into(), source }));
        }
        files.extend(found);
    }
    Ok(files)
}

/// `recentFiles` first and then `uriRegex`, unless `filterOrder` says otherwise.
fn narrow(scope: &Scope<'_>, mut files: Vec<FileEntry>) -> Result<Vec<FileEntry>, Fault> {
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
        files.sort_by(|left, right| right.modified.cmp(&left.modified).then_with(|| left.location.cmp(&right.location)));
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

fn matching(scope: &Scope<'_>, files: &mut Vec<FileEntry>) -> Result<(), Fault> {
    if let Some(regex) = scope.text_tag("uriRegex")? {
        // Glue documents `(?!.*\.tmp$).*` as what leaves `.tmp` out: a look ahead is from the path's start.
        let pattern = if regex.starts_with("(?") { format!(r"\A(?:{regex})") } else { regex.to_owned() };
        let pattern = Pattern::new(&pattern)?;
        for file in std::mem::take(files) {
            if pattern.is_in(&file.location)? {
                files.push(file);
            }
        }
    }
    Ok(())
}
