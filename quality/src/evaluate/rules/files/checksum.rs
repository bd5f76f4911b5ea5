//! Checksums of files.

use std::io::Read;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::super::super::{Fault, Scope};
use crate::data::{FileAccess, FileAccessError, FileEntry};

/// An algorithm of `hashAlgorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
}

impl Algorithm {
    /// A rule's; SHA-256 if it says none.
    pub(super) fn of(scope: &Scope<'_>) -> Result<Algorithm, Fault> {
        match scope.text_tag("hashAlgorithm")?.map(str::to_uppercase).as_deref() {
            None | Some("SHA-256" | "SHA256") => Ok(Algorithm::Sha256),
            Some("SHA-1" | "SHA1") => Ok(Algorithm::Sha1),
            Some("MD5") => Ok(Algorithm::Md5),
            Some(other) => Err(Fault::error(format!("\"{other}\" is none of \"MD5\", \"SHA-1\" and \"SHA-256\"."))),
        }
    }

    /// A file's checksum in lower-case hexadecimal digits.
    pub(super) fn checksum(self, access: &dyn FileAccess, file: &FileEntry) -> Result<String, Fault> {
        let bytes = access.open(file)?;
        let result = match self {
            Algorithm::Md5 => digest::<Md5>(bytes),
            Algorithm::Sha1 => digest::<Sha1>(bytes),
            Algorithm::Sha256 => digest::<Sha256>(bytes),
        };
        Ok(result.map_err(|source| FileAccessError::Io { location: file.location.clone(), source })?)
    }
}

fn digest<D: Digest>(mut file: impl Read) -> std::io::Result<String> {
    let mut digest = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some([]) | None => break,
            Some(bytes) => digest.update(bytes),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
