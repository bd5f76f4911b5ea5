//! Decompression in a stream: into memory as long as it is little, into a scratch file beyond.

use std::{
    io::{BufReader, Read, Write},
    path::Path,
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use lakegate_model::{Failure, pipeline::Compression};

use super::{
    failure,
    scratch::ScratchFile,
    source::{Content, OnDisk},
};

/// The bytes that a compressed file holds.
pub(super) fn inflate(file: impl Read, compression: Compression, limit: u64, scratch: &Path, key: &str) -> Result<Content, Failure> {
    let mut packed = BufReader::with_capacity(64 << 10, file);
    match compression {
        Compression::Gzip => read(MultiGzDecoder::new(packed), limit, scratch).map_err(|error| error.at(key, "gzip")),
        Compression::Zstd => {
            let decoder =
                zstd::stream::read::Decoder::with_buffer(&mut packed).map_err(|error| ReadError::Packed(error).at(key, "zstd"))?;
            read(decoder, limit, scratch).map_err(|error| error.at(key, "zstd"))
        }
    }
}

enum ReadError {
    Packed(std::io::Error),
    Scratch(Failure),
}

impl ReadError {
    fn at(self, key: &str, compression: &str) -> Failure {
        match self {
            ReadError::Packed(error) => failure::unreadable(key, format!("it can't be decompressed as {compression}: {error}"))
                .hint("it is cut off or damaged, or its suffix is wrong; write it again"),
            ReadError::Scratch(failure) => failure,
        }
    }
}

fn read(mut decoder: impl Read, limit: u64, scratch: &Path) -> Result<Content, ReadError> {
    let mut head = Vec::new();
    decoder.by_ref().take(limit.saturating_add(1)).read_to_end(&mut head).map_err(ReadError::Packed)?;
    if head.len() as u64 <= limit {
        return Ok(Content::Memory(head));
    }
    let (kept, mut file) = ScratchFile::create(scratch).map_err(ReadError::Scratch)?;
    let path = kept.path().to_string_lossy().into_owned();
    let written = |error: std::io::Error| ReadError::Scratch(failure::of_io(&error, "writing", &path));
    file.write_all(&head).map_err(written)?;
    let mut size = head.len() as u64;
    head.clear();
    head.resize(1 << 20, 0);
    loop {
        let read = decoder.read(&mut head).map_err(ReadError::Packed)?;
        if read == 0 {
            break;
        }
        file.write_all(head.get(..read).unwrap_or_default()).map_err(written)?;
        size += read as u64;
    }
    Ok(Content::Disk(OnDisk { files: Arc::from([file]), size, _kept: Some(Arc::new(kept)) }))
}
