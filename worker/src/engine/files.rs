//! Output files: on a disk written under a hidden name, made durable, then renamed; on S3 put whole.
//! Whoever lists the place sees a whole file or none.

use std::{
    fs::{self, File},
    io::{BufWriter, Seek as _, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use lakegate_model::{Failure, FailureCode, Location, table::OutputFile};
use polars::{io::parquet::write::BatchedWriter, prelude::*};

use super::{
    failure,
    folders::Folders,
    remote::Remote,
    scratch::{ScratchFile, unique_name},
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

/// Writes output files, wherever they go.
pub(super) struct Writing {
    folders: Arc<Folders>,
    remote: Arc<Remote>,
    /// Where what goes to S3 is gathered.
    scratch: PathBuf,
}

impl Writing {
    /// With no folder known yet.
    pub(super) fn new(remote: Arc<Remote>, scratch: PathBuf) -> Writing {
        Writing { folders: Arc::default(), remote, scratch }
    }

    /// The same by another way to S3.
    pub(super) fn through(&self, remote: Arc<Remote>) -> Writing {
        Writing { folders: Arc::clone(&self.folders), remote, scratch: self.scratch.clone() }
    }

    /// Writes a frame as one file.
    pub(super) fn write_frame(&self, destination: Destination, frame: DataFrame) -> Result<OutputFile, Failure> {
        let rows = frame.height() as u64;
        let encoded = |error: PolarsError| destination.encoding_failed(&error);
        if destination.location.s3().is_some() {
            let bytes = storage::encode(frame).map_err(encoded)?;
            let size = bytes.len() as u64;
            let version = self.remote.write(&destination.location, bytes)?;
            return Ok(destination.written(rows, size, version));
        }
        let hidden = HiddenFile::create(&destination, &self.folders)?;
        hidden.write(&storage::encode(frame).map_err(encoded)?)?;
        let (size, version) = hidden.commit()?;
        Ok(destination.written(rows, size, version))
    }

    /// Removes a file that was written, if it can be.
    pub(super) fn remove(&self, location: &Location) {
        if location.s3().is_some() {
            let _ = self.remote.delete(location);
        } else if let Ok(path) = local_path(location) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Destination {
    fn written(self, rows: u64, bytes: u64, version: String) -> OutputFile {
        let Destination { location, key, partition } = self;
        OutputFile { location, key, partition, rows, bytes, version }
    }

    fn encoding_failed(&self, error: &PolarsError) -> Failure {
        if let PolarsError::IO { error, .. } = error {
            return failure::of_io(error, "writing", self.location.as_str());
        }
        let message = format!("{} can't be written as Parquet: {}", self.key, failure::clean(error));
        Failure::new(FailureCode::TransformFailed, message).hint("cast or leave out the columns of types that Parquet has not")
    }
}

/// A file under its hidden name. Dropped before it is committed, it is removed.
#[derive(Debug)]
struct HiddenFile {
    file: Arc<File>,
    hidden: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl HiddenFile {
    /// A new file in the destination's folder, which is made if it isn't there.
    fn create(destination: &Destination, folders: &Folders) -> Result<HiddenFile, Failure> {
        let path = PathBuf::from(local_path(&destination.location)?);
        let folder = path.parent().unwrap_or_else(|| Path::new("/"));
        let name = unique_name();
        let file = Arc::new(folders.create_file(folder, &name)?);
        let hidden = folder.join(name);
        Ok(HiddenFile { file, hidden, path, committed: false })
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        failure::of_io(error, "writing", &self.path.to_string_lossy())
    }

    /// Writes a whole file at once.
    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        (&*self.file).write_all(bytes).map_err(|error| self.failed(&error))
    }

    /// Makes the file durable and gives it its name; its size and version.
    fn commit(mut self) -> Result<(u64, String), Failure> {
        self.file.sync_data().map_err(|error| self.failed(&error))?;
        let metadata = self.file.metadata().map_err(|error| self.failed(&error))?;
        fs::rename(&self.hidden, &self.path).map_err(|error| self.failed(&error))?;
        self.committed = true;
        Ok((metadata.len(), version_of(&metadata)))
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
    destination: Destination,
    to: Growing,
    writer: BatchedWriter<BufWriter<Arc<File>>>,
    pending: Option<DataFrame>,
    rows: u64,
}

/// Where the frames go until the file is whole.
enum Growing {
    /// Beside its place, under a hidden name.
    Hidden(HiddenFile),
    /// A scratch file, to be uploaded.
    Scratch(Arc<File>, ScratchFile, Arc<Remote>),
}

impl GrowingFile {
    /// A new file for frames of this schema.
    pub(super) fn create(destination: Destination, schema: &Schema, writing: &Writing) -> Result<GrowingFile, Failure> {
        let (to, file) = if destination.location.s3().is_some() {
            let (kept, file) = ScratchFile::create(&writing.scratch)?;
            let file = Arc::new(file);
            (Growing::Scratch(Arc::clone(&file), kept, Arc::clone(&writing.remote)), file)
        } else {
            let hidden = HiddenFile::create(&destination, &writing.folders)?;
            let file = Arc::clone(&hidden.file);
            (Growing::Hidden(hidden), file)
        };
        let buffered = BufWriter::with_capacity(1 << 20, file);
        let writer = storage::writer(buffered, schema).map_err(|error| destination.encoding_failed(&error))?;
        Ok(GrowingFile { destination, to, writer, pending: None, rows: 0 })
    }

    /// Adds rows. They are gathered into row groups of a useful size.
    pub(super) fn push(&mut self, frame: DataFrame) -> Result<(), Failure> {
        self.rows += frame.height() as u64;
        let frame = storage::to_stored(frame).map_err(|error| self.destination.encoding_failed(&error))?;
        match &mut self.pending {
            Some(pending) => {
                pending.vstack_mut_owned(frame).map_err(|error| self.destination.encoding_failed(&error))?;
            }
            None => self.pending = Some(frame),
        }
        if self.pending.as_ref().is_some_and(is_full) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let Some(mut frame) = self.pending.take().filter(|frame| frame.height() > 0) else { return Ok(()) };
        frame.rechunk_mut();
        self.writer.write_batch(&frame).map_err(|error| self.destination.encoding_failed(&error))
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn commit(mut self) -> Result<OutputFile, Failure> {
        self.flush()?;
        self.writer.finish().map_err(|error| self.destination.encoding_failed(&error))?;
        let GrowingFile { destination, to, writer, rows, .. } = self;
        // What it still buffers is written by this.
        drop(writer);
        let (size, version) = match to {
            Growing::Hidden(hidden) => hidden.commit()?,
            Growing::Scratch(file, kept, remote) => {
                let local = |error: std::io::Error| failure::of_io(&error, "reading", &kept.path().to_string_lossy());
                let size = file.metadata().map_err(local)?.len();
                (&*file).rewind().map_err(local)?;
                (size, remote.upload(&destination.location, &mut &*file, size)?)
            }
        };
        Ok(destination.written(rows, size, version))
    }
}

fn is_full(pending: &DataFrame) -> bool {
    pending.height() >= storage::ROW_GROUP || pending.estimated_size() >= storage::ROW_GROUP_BYTES
}
