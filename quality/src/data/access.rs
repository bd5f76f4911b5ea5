//! Files as such, for rules about them: which there are at a place, and their bytes.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use jiff::Timestamp;

/// A file as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it is: a path, or a URI such as `s3://bucket/key`.
    pub location: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// When it was last modified, in microseconds since 1970-01-01 UTC.
    pub modified: i64,
}

impl FileEntry {
    /// The last part of where it is.
    pub fn name(&self) -> &str {
        self.location.rsplit('/').next().unwrap_or(&self.location)
    }
}

/// What can't be listed or read, and why, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum FileAccessError {
    /// It is no place that can be looked at from here, however often it is tried.
    #[error("{0}")]
    Refused(String),
    /// The system or the service where it is has reported an error: another try may have better luck. The kind
    /// `NotFound` says that nothing is there.
    #[error("\"{location}\" can't be read: {source}.")]
    Io {
        /// Where.
        location: String,
        /// Why.
        source: io::Error,
    },
}

impl FileAccessError {
    /// Whether nothing is there.
    pub(crate) fn is_not_there(&self) -> bool {
        let FileAccessError::Io { source, .. } = self else { return false };
        matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    }
}

/// Lists and reads files. Whoever evaluates rules says which places they may name; [`LocalFiles`] knows this machine.
pub trait FileAccess: Send + Sync {
    /// The file at a location, or all files below it, in the order of their locations. Of a place where nothing is
    /// there may be none.
    ///
    /// # Errors
    /// If it can't be told which there are.
    fn list(&self, location: &str) -> Result<Vec<FileEntry>, FileAccessError>;

    /// A listed file's bytes.
    ///
    /// # Errors
    /// If it can't be opened, because it is gone or else.
    fn open(&self, file: &FileEntry) -> Result<Box<dyn Read>, FileAccessError>;
}

/// The files of this machine, by their paths or `file://` URIs.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalFiles;

impl FileAccess for LocalFiles {
    fn list(&self, location: &str) -> Result<Vec<FileEntry>, FileAccessError> {
        let mut found = Vec::new();
        walk(Path::new(local(location)?), &mut found).map_err(|error| unreadable(location, error))?;
        Ok(found)
    }

    fn open(&self, file: &FileEntry) -> Result<Box<dyn Read>, FileAccessError> {
        let opened = fs::File::open(local(&file.location)?).map_err(|error| unreadable(&file.location, error))?;
        Ok(Box::new(opened))
    }
}

fn unreadable(location: &str, source: io::Error) -> FileAccessError {
    FileAccessError::Io { location: location.to_owned(), source }
}

/// The path of a place on this machine.
fn local(location: &str) -> Result<&str, FileAccessError> {
    let path = location.strip_prefix("file://").unwrap_or(location);
    if path.contains("://") {
        let hint = "rules on files on S3 are for a pipeline's workers, or for a command built with the feature `aws`";
        return Err(FileAccessError::Refused(format!(
            "\"{location}\" is not a file on this machine, and no other can be reached from here; {hint}."
        )));
    }
    Ok(path)
}

/// A file, or all below a folder in the order of their names; links to folders are not followed.
fn walk(path: &Path, found: &mut Vec<FileEntry>) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        let modified = Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)?.as_microsecond();
        found.push(FileEntry { location: path.to_string_lossy().into_owned(), bytes: metadata.len(), modified });
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        // A link that leads nowhere is no file.
        let is_wanted = kind.is_dir() || kind.is_file() || fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file());
        let walked = if is_wanted { walk(&entry.path(), found) } else { Ok(()) };
        // What was removed since the folder was read is not there.
        walked.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    }
    Ok(())
}
