//! An object's bytes: opened by plain path (nothing in a name means anything), checked to be the
//! version the task is about before and after they are read, decompressed if they are compressed.
//!
//! What is small is read into memory, so that nothing that happens to the file afterwards matters.
//! What is large stays on the disk and is read from there in pieces.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    sync::Arc,
};

use lakegate_model::{
    Failure, FailureCode, Location, ObjectVersion,
    object::file_version,
    pipeline::{Compression, Format, Input},
};

use super::{failure, inflate, scratch::ScratchFile};

/// An object that was opened and found to be the right version.
#[derive(Debug)]
pub(super) struct Opened {
    /// The object's key, for messages.
    pub key: String,
    /// The path, for messages about the system.
    pub path: String,
    /// The format its bytes are in once decompressed.
    pub format: Format,
    /// How it is compressed as a whole.
    pub compression: Option<Compression>,
    /// Its size as it lies there.
    pub size: u64,
    file: File,
    version: String,
}

/// An object's bytes, decompressed.
#[derive(Debug)]
pub(super) struct Source {
    /// The object's key, for messages.
    pub key: String,
    /// The bytes, or where they are.
    pub content: Content,
    /// The object, to see whether it changed meanwhile.
    original: Original,
}

/// Where an object's bytes are.
#[derive(Debug)]
pub(super) enum Content {
    /// In memory.
    Memory(Vec<u8>),
    /// In a file: the object itself, or what was unpacked of it.
    Disk(OnDisk),
}

/// Bytes in a file. Polars takes open files as a shared slice.
#[derive(Clone, Debug)]
pub(super) struct OnDisk {
    /// Exactly one file.
    pub files: Arc<[File]>,
    /// How many bytes it has.
    pub size: u64,
    /// What keeps a copy of ours there as long as it is read.
    pub _kept: Option<Arc<ScratchFile>>,
}

#[derive(Debug)]
struct Original {
    file: File,
    path: String,
    version: String,
}

/// Opens an object and checks that it is the version meant.
pub(super) fn open(location: &Location, object: &ObjectVersion, input: &Input) -> Result<Opened, Failure> {
    let key = &object.key;
    let path = local_path(location)?;
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => gone(key),
        _ => failure::of_io(&error, "opening", path),
    })?;
    let metadata = file.metadata().map_err(|error| failure::of_io(&error, "reading", path))?;
    if !metadata.is_file() {
        return Err(failure::unreadable(key, "it is not a file"));
    }
    let version = version_of(&metadata);
    if is_file_version(&object.version) && object.version != version {
        return Err(changed(key));
    }
    let Some(format) = input.format.or_else(|| Format::of_key(key)) else {
        return Err(failure::unreadable(key, "its name does not tell its format")
            .hint("give the stage `input: { format: … }`: csv, json, ndjson, parquet, arrow or avro"));
    };
    let size = metadata.len();
    if size == 0 {
        return Err(empty(key));
    }
    Ok(Opened { key: key.clone(), path: path.to_owned(), format, compression: Compression::of_key(key), size, file, version })
}

impl Opened {
    /// The object's bytes: in memory if, decompressed, they are at most `limit`, else in a file.
    pub(super) fn content(self, limit: u64, scratch: &std::path::Path) -> Result<Source, Failure> {
        let content = match self.compression {
            Some(compression) => inflate::inflate(&self.file, compression, limit, scratch, &self.key)?,
            None if self.size > limit => Content::Disk(self.on_disk()?),
            None => Content::Memory(self.read_whole()?),
        };
        if content.size() == 0 {
            return Err(empty(&self.key));
        }
        let source = Source { key: self.key, content, original: Original { file: self.file, path: self.path, version: self.version } };
        if matches!(source.content, Content::Memory(_)) {
            source.check_unchanged()?;
        }
        Ok(source)
    }

    fn read_whole(&self) -> Result<Vec<u8>, Failure> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        // One byte more than there is, so that the end is seen without growing the buffer.
        let mut bytes = Vec::with_capacity(size.saturating_add(1));
        (&self.file).read_to_end(&mut bytes).map_err(|error| failure::of_io(&error, "reading", &self.path))?;
        Ok(bytes)
    }

    fn on_disk(&self) -> Result<OnDisk, Failure> {
        let file = self.file.try_clone().map_err(|error| failure::of_io(&error, "opening", &self.path))?;
        Ok(OnDisk { files: Arc::from([file]), size: self.size, _kept: None })
    }
}

impl Source {
    /// Fails if the object is no longer as it was when it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), Failure> {
        let metadata = self.original.file.metadata().map_err(|error| failure::of_io(&error, "reading", &self.original.path))?;
        if version_of(&metadata) == self.original.version { Ok(()) } else { Err(changed(&self.key)) }
    }
}

impl Content {
    /// How many bytes there are.
    pub(super) fn size(&self) -> u64 {
        match self {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Disk(disk) => disk.size,
        }
    }
}

/// The path of a place on this machine.
pub(crate) fn local_path(location: &Location) -> Result<&str, Failure> {
    location.path().ok_or_else(|| {
        Failure::new(FailureCode::InvalidRequest, format!("{location} is not on this worker's machine"))
            .hint("this worker reads and writes directories (file://) only")
    })
}

/// A file's version as the watcher computes it.
pub(super) fn version_of(metadata: &Metadata) -> String {
    file_version(metadata.len(), i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()))
}

/// Whether a version is one of a file on a disk, which can be compared with what is there.
fn is_file_version(version: &str) -> bool {
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    version.split_once('-').is_some_and(|(size, mtime)| is_hex(size) && is_hex(mtime.trim_start_matches('-')))
}

fn gone(key: &str) -> Failure {
    Failure::new(FailureCode::ObjectGone, format!("object {key} no longer exists")).hint("it was removed or renamed before it was read")
}

fn changed(key: &str) -> Failure {
    Failure::new(FailureCode::ObjectChanged, format!("object {key} was overwritten before it was read"))
        .hint("its new version is an object of its own and is processed as such")
}

/// The object holds no rows and nothing that tells its columns.
pub(super) fn empty(key: &str) -> Failure {
    Failure::new(FailureCode::EmptyObject, format!("object {key} is empty")).hint("nothing was read; write it again with its data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_of_files_are_compared() {
        assert!(is_file_version(&file_version(7, 1_700_000_000_000_000_000)));
        for version in ["", "null", "\"d41d8cd98f\"", "3LgAbc-x", "1-"] {
            assert!(!is_file_version(version), "{version}");
        }
    }
}
