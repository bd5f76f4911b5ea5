//! Output files: written under a hidden name, made durable, then renamed. Whoever lists the folder
//! sees a whole file or none.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use lakegate_model::{Failure, FailureCode, Location, table::OutputFile};
use polars::{io::parquet::write::BatchedWriter, prelude::*};

use super::{
    failure,
    folders::Folders,
    scratch::unique_name,
    source::{local_path, version_of},
    storage,
};

/// Where a file goes and what it is called below its zone.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    /// Where it is written.
    pub location: Location,
    /// Its key where it belongs.
    pub key: String,
    /// Its partition.
    pub partition: Vec<(String, Option<String>)>,
}

/// A file under its hidden name. Dropped before it is committed, it is removed.
#[derive(Debug)]
pub(super) struct HiddenFile {
    file: Arc<File>,
    hidden: PathBuf,
    path: PathBuf,
    destination: Destination,
    committed: bool,
}

impl HiddenFile {
    /// A new file in the destination's folder, which is made if it isn't there.
    pub(super) fn create(destination: Destination, folders: &Folders) -> Result<HiddenFile, Failure> {
        let path = PathBuf::from(local_path(&destination.location)?);
        let folder = path.parent().unwrap_or_else(|| Path::new("/"));
        let name = unique_name();
        let file = Arc::new(folders.create_file(folder, &name)?);
        let hidden = folder.join(name);
        Ok(HiddenFile { file, hidden, path, destination, committed: false })
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        failure::of_io(error, "writing", &self.path.to_string_lossy())
    }

    /// Writes a whole file at once.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        (&*self.file).write_all(bytes).map_err(|error| self.failed(&error))
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn commit(mut self, rows: u64) -> Result<OutputFile, Failure> {
        self.file.sync_data().map_err(|error| self.failed(&error))?;
        let metadata = self.file.metadata().map_err(|error| self.failed(&error))?;
        fs::rename(&self.hidden, &self.path).map_err(|error| self.failed(&error))?;
        self.committed = true;
        let Destination { location, key, partition } = self.destination.clone();
        Ok(OutputFile { location, key, partition, rows, bytes: metadata.len(), version: version_of(&metadata) })
    }
}

impl Drop for HiddenFile {
    fn drop(&mut self) {
        if !self.committed {
            // What can't be removed is hidden: no reader takes it for data.
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

/// A Parquet file that is written frame by frame.
pub(super) struct GrowingFile {
    hidden: HiddenFile,
    writer: BatchedWriter<BufWriter<Arc<File>>>,
    pending: Option<DataFrame>,
    rows: u64,
}

impl GrowingFile {
    /// A new file for frames of this schema.
    pub(super) fn create(destination: Destination, schema: &Schema, folders: &Folders) -> Result<GrowingFile, Failure> {
        let hidden = HiddenFile::create(destination, folders)?;
        let buffered = BufWriter::with_capacity(1 << 20, Arc::clone(&hidden.file));
        let writer = storage::writer(buffered, schema).map_err(|error| hidden.encoding_failed(&error))?;
        Ok(GrowingFile { hidden, writer, pending: None, rows: 0 })
    }

    /// Adds rows. They are gathered into row groups of a useful size.
    pub(super) fn push(&mut self, frame: DataFrame) -> Result<(), Failure> {
        self.rows += frame.height() as u64;
        let frame = storage::to_stored(frame).map_err(|error| self.hidden.encoding_failed(&error))?;
        match &mut self.pending {
            Some(pending) => {
                pending.vstack_mut_owned(frame).map_err(|error| self.hidden.encoding_failed(&error))?;
            }
            None => self.pending = Some(frame),
        }
        if self.pending.as_ref().is_some_and(is_full) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let Some(mut frame) = self.pending.take().filter(|frame| frame.height() > 0) else { return Ok(()) };
        frame.rechunk_mut();
        self.writer.write_batch(&frame).map_err(|error| self.hidden.encoding_failed(&error))
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn commit(mut self) -> Result<OutputFile, Failure> {
        self.flush()?;
        self.writer.finish().map_err(|error| self.hidden.encoding_failed(&error))?;
        self.hidden.commit(self.rows)
    }
}

impl HiddenFile {
    fn encoding_failed(&self, error: &PolarsError) -> Failure {
        if let PolarsError::IO { error, .. } = error {
            return self.failed(error);
        }
        let message = format!("{} can't be written as Parquet: {}", self.destination.key, failure::clean(error));
        Failure::new(FailureCode::TransformFailed, message).hint("cast or leave out the columns of types that Parquet has not")
    }
}

fn is_full(pending: &DataFrame) -> bool {
    pending.height() >= storage::ROW_GROUP || pending.estimated_size() >= storage::ROW_GROUP_BYTES
}

/// Writes a frame as one file.
pub(super) fn write_frame(destination: Destination, frame: DataFrame, folders: &Folders) -> Result<OutputFile, Failure> {
    let rows = frame.height() as u64;
    let hidden = HiddenFile::create(destination, folders)?;
    let bytes = storage::encode(frame).map_err(|error| hidden.encoding_failed(&error))?;
    hidden.write(&bytes)?;
    hidden.commit(rows)
}
