//! A project's folder and the files in it, by paths relative to it with `/` between folders.

use std::{
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use lakegate_model::{
    diagnostics::{Diagnostic, Place},
    pipeline::decode::{FileProblem, ProjectFiles},
};

/// So many files are looked through for the one that may have been meant, and no more: a lake may
/// lie in the project's folder.
const SEARCHED: usize = 10_000;
/// No project nests its folders deeper.
const DEPTH: usize = 16;

/// A project's folder.
pub(super) struct Folder {
    path: PathBuf,
    text: String,
}

/// Why a file was not read.
pub(super) enum Unread {
    Missing,
    Because(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::Missing => f.write_str("it does not exist"),
            Unread::Because(reason) => f.write_str(reason),
        }
    }
}

impl Folder {
    /// Opens a folder that is there and whose path is text.
    pub(super) fn open(dir: &Path) -> Result<Folder, Diagnostic> {
        let refuse = |reason: String| Diagnostic::new(Place::whole(dir.display().to_string()), reason);
        let path = fs::canonicalize(dir).map_err(|error| match error.kind() {
            ErrorKind::NotFound => refuse("no such folder".to_owned()),
            _ => refuse(format!("can't be read: {error}")),
        })?;
        if !path.is_dir() {
            return Err(refuse("a lake project is a folder, and this is a file".to_owned()));
        }
        match path.to_str() {
            Some(text) => Ok(Folder { text: text.to_owned(), path }),
            None => Err(refuse("the path is not UTF-8, so addresses in the lake can't be written".to_owned())),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn has_folder(&self, name: &str) -> bool {
        self.path.join(name).is_dir()
    }

    /// A file's text, without a byte order mark.
    pub(super) fn text(&self, file: &str) -> Result<String, Unread> {
        let path = self.path.join(file);
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Unread::Missing,
            ErrorKind::IsADirectory => Unread::Because("it is a folder".to_owned()),
            _ => Unread::Because(error.to_string()),
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Unread::Because(format!("it is not UTF-8 (line {line}); save it as UTF-8"))
        })?;
        Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
    }

    /// The files below a folder whose names end so, sorted, and the folders that can't be listed
    /// with the reason. Hidden ones are left out. A folder that is not there has no files.
    pub(super) fn files(&self, below: &str, ends: &[&str]) -> (Vec<String>, Vec<(String, String)>) {
        let mut walk = Walk { ends, left: usize::MAX, files: Vec::new(), unlisted: Vec::new() };
        if self.has_folder(below) {
            walk.enter(&self.path.join(below), below, DEPTH);
        }
        walk.files.sort();
        (walk.files, walk.unlisted)
    }
}

struct Walk<'a> {
    ends: &'a [&'a str],
    left: usize,
    files: Vec<String>,
    unlisted: Vec<(String, String)>,
}

impl Walk<'_> {
    fn enter(&mut self, dir: &Path, name: &str, depth: usize) {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => {
                self.unlisted.push((name.to_owned(), error.to_string()));
                return;
            }
        };
        for entry in entries.flatten() {
            let Some(base) = entry.file_name().to_str().filter(|base| !base.starts_with('.')).map(str::to_owned) else { continue };
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let below = if name.is_empty() { base.clone() } else { format!("{name}/{base}") };
            // A link to a folder is not entered: it may lead back here.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth > 0 {
                self.enter(&entry.path(), &below, depth - 1);
            } else if !is_folder && self.ends.iter().any(|end| base.ends_with(end)) {
                self.files.push(below);
            }
        }
    }
}

impl ProjectFiles for Folder {
    fn read(&self, path: &str) -> Result<String, FileProblem> {
        self.text(path).map_err(|problem| match problem {
            Unread::Missing => FileProblem::Missing,
            Unread::Because(reason) => FileProblem::Unreadable(reason),
        })
    }

    fn files_ending(&self, end: &str) -> Vec<String> {
        let mut walk = Walk { ends: &[end], left: SEARCHED, files: Vec::new(), unlisted: Vec::new() };
        walk.enter(&self.path, "", DEPTH);
        walk.files.sort();
        walk.files
    }
}
