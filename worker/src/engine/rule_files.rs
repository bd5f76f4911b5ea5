//! Files that rules name, on this machine and on S3.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use lakegate_model::{Failure, FailureCode, Location, failure::Retry};
use lakegate_quality::data::{FileAccess, FileAccessError, FileEntry, LocalFiles};

use super::{remote::Remote, scratch::ScratchFile};

/// Files of the lake and of other buckets, as this worker may read them.
pub(crate) struct LakeFiles {
    remote: Remote,
    /// A folder for objects while they are read.
    scratch: PathBuf,
}

impl LakeFiles {
    /// Reached this way.
    pub(crate) fn new(remote: Remote, scratch: PathBuf) -> LakeFiles {
        LakeFiles { remote, scratch }
    }
}

impl FileAccess for LakeFiles {
    fn list(&self, location: &str) -> Result<Vec<FileEntry>, FileAccessError> {
        match on_s3(location) {
            Some(location) => self.remote.list(&location).map_err(|failure| told(&location, failure)),
            None => LocalFiles.list(location),
        }
    }

    fn open(&self, file: &FileEntry) -> Result<Box<dyn Read>, FileAccessError> {
        let Some(location) = on_s3(&file.location) else { return LocalFiles.open(file) };
        let (kept, file) =
            self.remote.fetch(&location, location.as_str(), None, &self.scratch).map_err(|failure| told(&location, failure))?;
        Ok(Box::new(Fetched { file, _kept: kept }))
    }
}

/// A place on S3; the schemes that Hadoop has for it mean the same.
fn on_s3(location: &str) -> Option<Location> {
    let (scheme, rest) = location.split_once("://")?;
    ["s3", "s3a", "s3n"].contains(&scheme).then(|| Location::new(format!("s3://{rest}")))
}

/// What may pass, and what somebody else has done meanwhile, is no error of the rule; what was asked wrongly is.
fn told(location: &Location, failure: Failure) -> FileAccessError {
    let hint = if failure.hint.is_empty() { String::new() } else { format!(" ({})", failure.hint) };
    let kind = match failure.code {
        FailureCode::ObjectGone => io::ErrorKind::NotFound,
        FailureCode::PermissionDenied => io::ErrorKind::PermissionDenied,
        code if code.retry() == Retry::Backoff => io::ErrorKind::Other,
        _ => return FileAccessError::Refused(format!("{}{hint}.", failure.message)),
    };
    FileAccessError::Io { location: location.to_string(), source: io::Error::new(kind, format!("{}{hint}", failure.message)) }
}

/// An object's bytes, which are there as long as they are read.
struct Fetched {
    file: File,
    _kept: ScratchFile,
}

impl Read for Fetched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_on_s3_have_several_schemes() {
        for location in ["s3://bucket/a b/", "s3a://bucket/a b", "s3n://bucket/a b/"] {
            assert_eq!(on_s3(location), Some(Location::new("s3://bucket/a b")), "{location}");
        }
        for location in ["/bucket/a", "file:///bucket/a", "gs://bucket/a", "a/s3://b"] {
            assert_eq!(on_s3(location), None, "{location}");
        }
    }

    #[test]
    fn files_of_the_machine_are_read_and_other_places_are_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), "text").unwrap();
        let files = LakeFiles::new(Remote::default(), folder.path().join("scratch"));
        let found = files.list(folder.path().to_str().unwrap()).unwrap();
        assert_eq!((found.len(), found[0].bytes, found[0].name()), (1, 4, "a.txt"));
        assert_eq!(io::read_to_string(files.open(&found[0]).unwrap()).unwrap(), "text");
        let error = files.list("gs://bucket/a").unwrap_err();
        assert!(matches!(&error, FileAccessError::Refused(why) if why.contains("gs://bucket/a")), "{error}");
    }

    #[test]
    fn an_outage_is_told_from_what_is_asked_wrongly() {
        let location = Location::new("s3://bucket/a");
        let kind = |code| match told(&location, Failure::new(code, "listing it")) {
            FileAccessError::Io { source, .. } => Some(source.kind()),
            FileAccessError::Refused(_) => None,
        };
        assert_eq!(kind(FailureCode::LakeIo), Some(io::ErrorKind::Other));
        assert_eq!(kind(FailureCode::PermissionDenied), Some(io::ErrorKind::PermissionDenied));
        assert_eq!(kind(FailureCode::ObjectGone), Some(io::ErrorKind::NotFound));
        assert_eq!(kind(FailureCode::InvalidRequest), None);
    }
}
