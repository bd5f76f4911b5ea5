//! Files to read: those named, and those in folders, in the order of their names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::DataError;

/// What a file is written in. CSV and JSON may be compressed with gzip or Zstandard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated with a header; tabs if the name ends in `.tsv`.
    Csv,
    /// One array of objects, or one object a line.
    Json,
}

impl Format {
    /// The format a file's name tells.
    pub fn of_path(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let plain = [".gz", ".zst"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
        match plain.rsplit_once('.')?.1 {
            "parquet" | "pq" => Some(Format::Parquet),
            "csv" | "tsv" => Some(Format::Csv),
            "json" | "ndjson" | "jsonl" => Some(Format::Json),
            _ => None,
        }
    }
}

/// Whether columns are separated by tabs.
pub(super) fn is_tab_separated(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    [".tsv", ".tsv.gz", ".tsv.zst"].iter().any(|suffix| name.ends_with(suffix))
}

/// All files of some files and folders with their formats; in a folder, those whose names tell one.
/// Hidden files and those that begin with `_` are nobody's data.
pub(super) fn find(paths: &[PathBuf], format: Option<Format>) -> Result<Vec<(PathBuf, Format)>, DataError> {
    let mut found = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|source| DataError::Open { path: path.clone(), source })?;
        if metadata.is_dir() {
            let before = found.len();
            walk(path, format, &mut found)?;
            if found.len() == before {
                return Err(DataError::Empty { path: path.clone() });
            }
        } else {
            let known = format.or_else(|| Format::of_path(path));
            found.push((path.clone(), known.ok_or_else(|| DataError::UnknownFormat { path: path.clone() })?));
        }
    }
    Ok(found)
}

fn walk(folder: &Path, format: Option<Format>, found: &mut Vec<(PathBuf, Format)>) -> Result<(), DataError> {
    let failed = |source| DataError::Open { path: folder.to_owned(), source };
    let mut entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>()).map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_')) {
            continue;
        }
        let path = entry.path();
        let metadata = fs::metadata(&path).map_err(|source| DataError::Open { path: path.clone(), source })?;
        if metadata.is_dir() {
            walk(&path, format, found)?;
        } else if let Some(of_name) = Format::of_path(&path)
            && format.is_none_or(|format| format == of_name)
        {
            found.push((path, of_name));
        }
    }
    Ok(())
}
