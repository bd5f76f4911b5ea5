//! CSV that is read in pieces.

use std::{
    fs::File,
    io::{BufReader, Read},
    os::unix::fs::FileExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use lakegate_model::Failure;
use lakegate_quality::data::shape::{self, Marks, SeparatorCount};
use polars::prelude::*;

use super::{
    Layout, as_read,
    memory::read_typed,
    wrong::{check_encoding, explain, ragged},
};
use crate::engine::{evidence::Evidence, failure, scratch::ScratchFile, source::OnDisk, storage};

/// Bytes at the start of a large file that types are inferred from at first.
const SAMPLE: usize = 4 << 20;

/// A CSV file that is read in pieces.
#[derive(Clone, Debug)]
pub(in crate::engine) struct CsvScan {
    disk: OnDisk,
    /// The type of every column; `Null` for one without a value.
    pub schema: Schema,
    layout: Layout,
}

impl CsvScan {
    /// Settles the types by the start of the file, and by all of it for columns without a value there.
    pub(in crate::engine) fn new(disk: OnDisk, layout: Layout, key: &str) -> Result<CsvScan, Failure> {
        let sample = head(&disk, key)?;
        let complete = sample.len() as u64 == disk.size;
        let sample = if complete { sample.as_slice() } else { whole_lines(&sample, layout.marks, key)? };
        check_encoding(sample, key)?;
        let schema = Schema::clone(read_typed(sample, &layout, key)?.schema());
        let mut scan = CsvScan { disk, schema, layout };
        let unknown: Vec<PlSmallStr> =
            scan.schema.iter().filter(|(_, data_type)| **data_type == DataType::Null).map(|(name, _)| name.clone()).collect();
        if !complete && !unknown.is_empty() {
            scan.settle(&unknown).map_err(|error| scan.explain(&error, key))?;
        }
        Ok(scan)
    }

    /// Settles the types of all columns by every row. Whether a type changed.
    pub(in crate::engine) fn settle_all(&mut self) -> PolarsResult<bool> {
        let names: Vec<PlSmallStr> = self.schema.iter_names().filter(|name| !self.layout.declares(name)).cloned().collect();
        let before = self.schema.clone();
        self.settle(&names)?;
        Ok(self.schema != before)
    }

    fn settle(&mut self, names: &[PlSmallStr]) -> PolarsResult<()> {
        let evidence: Arc<Mutex<Vec<Evidence>>> = Arc::new(Mutex::new(vec![Evidence::default(); names.len()]));
        let taken = Arc::clone(&evidence);
        let take = PlanCallback::new(move |frame: DataFrame| {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            for (evidence, column) in taken.iter_mut().zip(frame.columns()) {
                evidence.take(column.str()?);
            }
            Ok(false)
        });
        let text: Schema = self.schema.iter_names().map(|name| Field::new(name.clone(), DataType::String)).collect();
        let columns: Vec<Expr> = names.iter().map(|name| col(name.clone())).collect();
        let pass = self.reader(text).finish()?.select(columns).sink_batches(take, false, Some(storage::HANDED_OVER))?;
        pass.collect_with_engine(Engine::Streaming)?;
        let evidence = std::mem::take(&mut *evidence.lock().unwrap_or_else(PoisonError::into_inner));
        for (name, evidence) in names.iter().zip(evidence) {
            self.schema.insert(name.clone(), evidence.verdict());
        }
        Ok(())
    }

    fn reader(&self, types: Schema) -> LazyCsvReader {
        LazyCsvReader::new_with_sources(ScanSources::Files(Arc::clone(&self.disk.files)))
            .with_glob(false)
            .with_cache(false)
            .with_has_header(self.layout.header)
            .with_schema(Some(Arc::new(types)))
            .map_parse_options(|options| self.layout.parse_options(options))
    }

    /// The file as a plan.
    pub(in crate::engine) fn frame(&self) -> PolarsResult<LazyFrame> {
        let types = self.schema.iter().map(|(name, data_type)| (name.clone(), data_type.clone())).collect::<Vec<_>>();
        let types: Schema = as_read(&types).into_iter().map(|(name, data_type)| Field::new(name, data_type)).collect();
        self.reader(types).finish()
    }

    /// Checks the lines of a file of which `rows` rows were read. True if the file had empty lines
    /// and was replaced by a copy without them, which must be read instead.
    pub(in crate::engine) fn check_shape(&mut self, rows: u64, scratch: &Path, key: &str) -> Result<bool, Failure> {
        let width = self.schema.len();
        if width < 2 {
            return Ok(false);
        }
        let failed = |error: std::io::Error| failure::of_io(&error, "reading object", key);
        if self.separators().map_err(failed)? == (rows + u64::from(self.layout.header)) * (width as u64 - 1) {
            return Ok(false);
        }
        let survey = shape::survey(self.text(), self.layout.marks, width).map_err(failed)?;
        if let Some(failure) = ragged(&survey, width, key) {
            return Err(failure);
        }
        if survey.empty == 0 {
            return Ok(false);
        }
        let (kept, file) = ScratchFile::create(scratch)?;
        shape::without_empty_lines(self.text(), std::io::BufWriter::new(&file), self.layout.marks).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        self.disk = OnDisk { files: Arc::from([file]), size, _kept: Some(Arc::new(kept)) };
        Ok(true)
    }

    fn separators(&self) -> std::io::Result<u64> {
        let mut count = SeparatorCount::new(self.layout.marks);
        let mut text = self.text();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = text.read(&mut buffer)?;
            if read == 0 {
                return Ok(count.total());
            }
            count.push(buffer.get(..read).unwrap_or_default());
        }
    }

    /// Finds what is wrong with lines that Polars could not make sense of.
    pub(in crate::engine) fn explain(&self, error: &PolarsError, key: &str) -> Failure {
        if let Ok(survey) = shape::survey(self.text(), self.layout.marks, self.schema.len())
            && let Some(failure) = ragged(&survey, self.schema.len(), key)
        {
            return failure;
        }
        explain(error, &[], &self.layout, key)
    }

    fn text(&self) -> impl Read + '_ {
        BufReader::with_capacity(1 << 20, Positioned { file: self.disk.files.first(), at: 0 })
    }
}

/// Reads a file from its start, whatever others do with its cursor.
struct Positioned<'a> {
    file: Option<&'a File>,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some(file) = self.file else { return Ok(0) };
        let read = file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn head(disk: &OnDisk, key: &str) -> Result<Vec<u8>, Failure> {
    let mut sample = Vec::with_capacity(SAMPLE);
    let read = Positioned { file: disk.files.first(), at: 0 }.take(SAMPLE as u64).read_to_end(&mut sample);
    read.map_err(|error| failure::of_io(&error, "reading object", key))?;
    Ok(sample)
}

/// The lines of a sample that are whole: up to the last line end outside quotes.
fn whole_lines<'a>(sample: &'a [u8], marks: Marks, key: &str) -> Result<&'a [u8], Failure> {
    let (mut quoted, mut end) = (false, 0);
    for (index, byte) in sample.iter().enumerate() {
        quoted ^= marks.quote == Some(*byte);
        if *byte == b'\n' && !quoted {
            end = index + 1;
        }
    }
    match sample.get(..end) {
        Some(lines) if !lines.is_empty() => Ok(lines),
        _ => Err(failure::unreadable(key, format!("no line ends in its first {} MiB", SAMPLE >> 20))
            .hint("it is not CSV, or a quoted field never ends")),
    }
}
