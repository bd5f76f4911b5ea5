//! What a file says, decompressed if it is compressed.

use std::{
    io::{self, Read},
    path::Path,
};

use polars::{
    io::utils::compression::{CompressedReader, SupportedCompression},
    prelude::PolarsError,
};

use super::{
    DataError,
    blame::CUT_OFF,
    error::io_of,
    files::is_tab_separated,
    shape::Marks,
    source::{BOM, open},
};

/// What separates and quotes a CSV file's fields.
pub(super) fn marks(path: &Path) -> Marks {
    Marks { separator: if is_tab_separated(path) { b'\t' } else { b',' }, quote: Some(b'"') }
}

/// A CSV file's text without the mark that some programs put before UTF-8: behind it a field may begin with a quote.
pub(super) fn csv_text(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let mut text = text(path)?;
    let mut head = Vec::new();
    text.by_ref().take(BOM.len() as u64).read_to_end(&mut head).map_err(|error| failed(path, error))?;
    if head == BOM {
        head.clear();
    }
    Ok(Box::new(io::Cursor::new(head).chain(text)))
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let mut file = open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head).map_err(|error| failed(path, error))?;
    if SupportedCompression::check(&head).is_none() {
        return Ok(Box::new(io::Cursor::new(head).chain(file)));
    }
    file.read_to_end(&mut head).map_err(|error| failed(path, error))?;
    let text = CompressedReader::try_new(head.into()).map_err(|error| DataError::of_file(path, &error, CUT_OFF))?;
    Ok(Box::new(Decompressed(text)))
}

/// What stopped the reading of a file's text.
pub(super) fn failed(path: &Path, error: io::Error) -> DataError {
    DataError::of_file(path, &error.into(), CUT_OFF)
}

/// What is wrong with compressed text that Polars could not read for this reason: what decompresses it there reports damage
/// as the system would an outage, but for the number that the system has for each of its errors.
pub(super) fn damage(error: &PolarsError, path: &Path) -> Option<DataError> {
    let error = io_of(error)?;
    if error.kind() != io::ErrorKind::Other || error.raw_os_error().is_some() {
        return None;
    }
    let read = text(path).and_then(|mut text| io::copy(&mut text, &mut io::sink()).map_err(|error| failed(path, error)));
    read.err().filter(|error| error.io().is_none())
}

/// Text whose compressed form is in memory: whatever goes wrong is the file's doing, and no other try reads better.
struct Decompressed(CompressedReader);

impl Read for Decompressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
