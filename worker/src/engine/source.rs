//! An object's bytes: opened by plain path (nothing in a name means anything), checked to be the
//! version the task is about before and after they are read, decompressed if they are compressed.
//! An object on S3 is fetched first, by its version: what is fetched can't change any more.
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

use super::{Engine, failure, inflate, scratch::ScratchFile};

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
    bytes: Bytes,
}

/// Where an object's bytes are as they lie there.
#[derive(Debug)]
enum Bytes {
    /// In the object itself, a file that somebody may change.
    Original(Original),
    /// In memory, fetched.
    Memory(Vec<u8>),
    /// In a scratch file, fetched.
    Scratch(File, ScratchFile),
}

/// An object's bytes, decompressed.
#[derive(Debug)]
pub(super) struct Source {
    /// The object's key, for messages.
    pub key: String,
    /// The bytes, or where they are.
    pub content: Content,
    /// The object, to see whether it changed meanwhile; `None` if it was fetched.
    original: Option<Original>,
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
pub(super) fn open(location: &Location, object: &ObjectVersion, input: &Input, engine: &Engine) -> Result<Opened, Failure> {
    let key = &object.key;
    let Some(format) = input.format.or_else(|| Format::of_key(key)) else {
        return Err(failure::unreadable(key, "its name does not tell its format")
            .hint("give the stage `input: { format: … }`: csv, json, ndjson, parquet, arrow or avro"));
    };
    let (bytes, size, path) = if location.s3().is_some() {
        let (bytes, size) = fetch(location, object, engine)?;
        (bytes, size, location.to_string())
    } else {
        let path = local_path(location)?;
        let original = open_file(path, object)?;
        let size = original.file.metadata().map_err(|error| failure::of_io(&error, "reading", path))?.len();
        (Bytes::Original(original), size, path.to_owned())
    };
    if size == 0 {
        return Err(empty(key));
    }
    Ok(Opened { key: key.clone(), path, format, compression: Compression::of_key(key), size, bytes })
}

/// What is small enough to be read into memory is fetched there.
fn fetch(location: &Location, object: &ObjectVersion, engine: &Engine) -> Result<(Bytes, u64), Failure> {
    let version = Some(object.version.as_str()).filter(|version| !version.is_empty());
    if object.size <= engine.stream_above {
        let bytes = engine.remote.read(location, &object.key, version)?;
        let size = bytes.len() as u64;
        return Ok((Bytes::Memory(bytes), size));
    }
    let (kept, file) = engine.remote.fetch(location, &object.key, version, &engine.options.scratch)?;
    let size = file.metadata().map_err(|error| failure::of_io(&error, "reading", &kept.path().to_string_lossy()))?.len();
    Ok((Bytes::Scratch(file, kept), size))
}

fn open_file(path: &str, object: &ObjectVersion) -> Result<Original, Failure> {
    let key = &object.key;
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
    Ok(Original { file, path: path.to_owned(), version })
}

impl Opened {
    /// The object's bytes: in memory if, decompressed, they are at most `limit`, else in a file.
    pub(super) fn content(self, limit: u64, scratch: &std::path::Path) -> Result<Source, Failure> {
        let Opened { key, path, compression, size, bytes, .. } = self;
        let content = match (compression, &bytes) {
            (Some(compression), Bytes::Memory(packed)) => inflate::inflate(packed.as_slice(), compression, limit, scratch, &key)?,
            (Some(compression), Bytes::Original(Original { file, .. }) | Bytes::Scratch(file, _)) => {
                inflate::inflate(file, compression, limit, scratch, &key)?
            }
            (None, Bytes::Original(original)) if size > limit => Content::Disk(on_disk(&original.file, size, &path)?),
            (None, Bytes::Original(original)) => Content::Memory(read_whole(&original.file, size, &path)?),
            (None, Bytes::Memory(_)) => Content::Memory(Vec::new()),
            (None, Bytes::Scratch(file, _)) => Content::Disk(on_disk(file, size, &path)?),
        };
        let (content, original) = match (content, bytes) {
            (Content::Memory(_), Bytes::Memory(bytes)) if compression.is_none() => (Content::Memory(bytes), None),
            (Content::Disk(disk), Bytes::Scratch(_, kept)) if compression.is_none() => {
                (Content::Disk(OnDisk { _kept: Some(Arc::new(kept)), ..disk }), None)
            }
            (content, Bytes::Original(original)) => (content, Some(original)),
            (content, _) => (content, None),
        };
        if content.size() == 0 {
            return Err(empty(&key));
        }
        let source = Source { key, content, original };
        if matches!(source.content, Content::Memory(_)) {
            source.check_unchanged()?;
        }
        Ok(source)
    }
}

fn read_whole(mut file: &File, size: u64, path: &str) -> Result<Vec<u8>, Failure> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // One byte more than there is, so that the end is seen without growing the buffer.
    let mut bytes = Vec::with_capacity(size.saturating_add(1));
    file.read_to_end(&mut bytes).map_err(|error| failure::of_io(&error, "reading", path))?;
    Ok(bytes)
}

fn on_disk(file: &File, size: u64, path: &str) -> Result<OnDisk, Failure> {
    let file = file.try_clone().map_err(|error| failure::of_io(&error, "opening", path))?;
    Ok(OnDisk { files: Arc::from([file]), size, _kept: None })
}

impl Source {
    /// Fails if the object is no longer as it was when it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), Failure> {
        let Some(original) = &self.original else { return Ok(()) };
        let metadata = original.file.metadata().map_err(|error| failure::of_io(&error, "reading", &original.path))?;
        if version_of(&metadata) == original.version { Ok(()) } else { Err(changed(&self.key)) }
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
            .hint("it is neither a folder nor on S3")
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

/// The object is not there.
pub(super) fn gone(key: &str) -> Failure {
    Failure::new(FailureCode::ObjectGone, format!("object {key} no longer exists")).hint("it was removed or renamed before it was read")
}

/// The object is another version than the one meant.
pub(super) fn changed(key: &str) -> Failure {
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
