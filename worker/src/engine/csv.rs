//! CSV: types are inferred from the first rows, and from every row if those turn out to have told
//! too little; ragged lines are refused, never filled up.

use std::{
    fs::File,
    io::{BufReader, Cursor, Read},
    os::unix::fs::FileExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use lakegate_model::{
    Failure, FailureCode,
    pipeline::{Compression, CsvOptions, Input},
};
use polars::prelude::*;

use super::{
    evidence::Evidence,
    failure,
    schema::declared,
    scratch::ScratchFile,
    shape::{self, Marks, SeparatorCount},
    source::OnDisk,
    storage,
};

/// Rows that types are inferred from at first.
const FIRST_ROWS: usize = 100;
/// Bytes at the start of a large file that types are inferred from at first.
const SAMPLE: usize = 4 << 20;

/// How to read a CSV object.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    marks: Marks,
    header: bool,
    null_values: Vec<PlSmallStr>,
    declared: Vec<(PlSmallStr, DataType)>,
}

impl Layout {
    /// How to read the object of that key.
    pub(super) fn new(input: &Input, key: &str) -> Result<Layout, Failure> {
        let CsvOptions { delimiter, header, null_values, quote } = &input.csv;
        let delimiter = if *delimiter == ',' && is_tab_separated(key) { '\t' } else { *delimiter };
        let byte = |what: &str, mark: char| {
            u8::try_from(mark).ok().filter(u8::is_ascii).ok_or_else(|| {
                Failure::new(FailureCode::InvalidPipeline, format!("csv {what} {mark:?} is more than one byte")).hint("use an ASCII character")
            })
        };
        Ok(Layout {
            marks: Marks { separator: byte("delimiter", delimiter)?, quote: quote.map(|quote| byte("quote", quote)).transpose()? },
            header: *header,
            null_values: null_values.iter().map(|text| text.as_str().into()).collect(),
            declared: input.columns.iter().map(|(name, kind)| (name.as_str().into(), declared(*kind))).collect(),
        })
    }

    fn declares(&self, column: &str) -> bool {
        self.declared.iter().any(|(name, _)| name == column)
    }

    /// Options with these types for columns; the others are inferred from so many rows, text if 0.
    fn options(&self, types: &[(PlSmallStr, DataType)], rows: usize) -> CsvReadOptions {
        let types: Schema = types.iter().map(|(name, data_type)| Field::new(name.clone(), data_type.clone())).collect();
        CsvReadOptions::default()
            .with_has_header(self.header)
            .with_infer_schema_length(Some(rows))
            .with_schema_overwrite((!types.is_empty()).then(|| Arc::new(types)))
            .map_parse_options(|options| self.parse_options(options))
    }

    fn parse_options(&self, options: CsvParseOptions) -> CsvParseOptions {
        let nulls = (!self.null_values.is_empty()).then(|| NullValues::AllColumns(self.null_values.clone()));
        options.with_separator(self.marks.separator).with_quote_char(self.marks.quote).with_null_values(nulls).with_try_parse_dates(true)
    }
}

fn is_tab_separated(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let plain = Compression::of_key(&lower).and_then(|compression| lower.strip_suffix(compression.suffix())).unwrap_or(&lower);
    plain.ends_with(".tsv")
}

// ---------------------------------------------------------------- in memory

/// Reads CSV in memory. Columns without a single value have Polars' `Null` type.
pub(super) fn read(bytes: &[u8], layout: &Layout, key: &str) -> Result<DataFrame, Failure> {
    check_encoding(bytes, key)?;
    let frame = read_typed(bytes, layout, key)?;
    if has_shape(bytes, layout, frame.height(), frame.width()) {
        return Ok(frame);
    }
    let survey = shape::survey(bytes, layout.marks, frame.width()).unwrap_or_default();
    if let Some(failure) = ragged(&survey, frame.width(), key) {
        return Err(failure);
    }
    if survey.empty == 0 {
        return Ok(frame);
    }
    let mut kept = Vec::with_capacity(bytes.len());
    // Writing to memory does not fail.
    let _ = shape::without_empty_lines(bytes, &mut kept, layout.marks);
    read_typed(&kept, layout, key)
}

fn read_typed(bytes: &[u8], layout: &Layout, key: &str) -> Result<DataFrame, Failure> {
    match read_with(bytes, layout.options(&layout.declared, FIRST_ROWS)) {
        Ok(mut frame) => match late_types(&frame, layout) {
            Some(types) => read_settled(bytes, layout, types, key),
            None => {
                mark_empty_columns(&mut frame, layout);
                Ok(frame)
            }
        },
        Err(error) if Unparsed::of(&error).is_some_and(|unparsed| !layout.declares(&unparsed.column)) => {
            let types = types_of_all(bytes, layout, key)?;
            read_settled(bytes, layout, types, key)
        }
        Err(error) => Err(explain(&error, bytes, layout, key)),
    }
}

fn read_with(bytes: &[u8], options: CsvReadOptions) -> PolarsResult<DataFrame> {
    options.into_reader_with_file_handle(Cursor::new(bytes)).finish()
}

/// Reads with a type for every column. A column that still has a value not of its type is text.
fn read_settled(bytes: &[u8], layout: &Layout, mut types: Vec<(PlSmallStr, DataType)>, key: &str) -> Result<DataFrame, Failure> {
    loop {
        let error = match read_with(bytes, layout.options(&as_read(&types), FIRST_ROWS)) {
            Ok(mut frame) => {
                mark_empty_columns(&mut frame, layout);
                return Ok(frame);
            }
            Err(error) => error,
        };
        let unparsed = Unparsed::of(&error).filter(|unparsed| !layout.declares(&unparsed.column));
        let column = unparsed.and_then(|unparsed| types.iter_mut().find(|(name, _)| *name == unparsed.column));
        match column {
            Some((_, data_type)) if *data_type != DataType::String => *data_type = DataType::String,
            _ => return Err(explain(&error, bytes, layout, key)),
        }
    }
}

/// CSV knows no `Null` type: columns without values are read as text.
fn as_read(types: &[(PlSmallStr, DataType)]) -> Vec<(PlSmallStr, DataType)> {
    let as_read = |data_type: &DataType| if *data_type == DataType::Null { DataType::String } else { data_type.clone() };
    types.iter().map(|(name, data_type)| (name.clone(), as_read(data_type))).collect()
}

/// The types of all columns, if one without a value in its first rows has other values than text
/// further on.
fn late_types(frame: &DataFrame, layout: &Layout) -> Option<Vec<(PlSmallStr, DataType)>> {
    let mut types: Vec<(PlSmallStr, DataType)> = frame.schema().iter().map(|(name, data_type)| (name.clone(), data_type.clone())).collect();
    let mut late = false;
    for (column, (name, data_type)) in frame.columns().iter().zip(&mut types) {
        let text = *data_type == DataType::String && !layout.declares(name);
        if !text || column.null_count() == column.len() || column.slice(0, FIRST_ROWS).null_count() < FIRST_ROWS {
            continue;
        }
        let mut evidence = Evidence::default();
        if let Ok(text) = column.str() {
            evidence.take(text);
        }
        let found = evidence.verdict();
        late |= found != *data_type;
        *data_type = found;
    }
    late.then_some(types)
}

/// The types told by all rows.
fn types_of_all(bytes: &[u8], layout: &Layout, key: &str) -> Result<Vec<(PlSmallStr, DataType)>, Failure> {
    let text = read_with(bytes, layout.options(&[], 0)).map_err(|error| explain(&error, bytes, layout, key))?;
    let type_of = |column: &Column| {
        if let Some((_, data_type)) = layout.declared.iter().find(|(name, _)| name == column.name()) {
            return data_type.clone();
        }
        let mut evidence = Evidence::default();
        if let Ok(text) = column.str() {
            evidence.take(text);
        }
        evidence.verdict()
    };
    Ok(text.columns().iter().map(|column| (column.name().clone(), type_of(column))).collect())
}

/// Gives columns without a value the `Null` type.
fn mark_empty_columns(frame: &mut DataFrame, layout: &Layout) {
    let height = frame.height();
    let empty = |column: &Column| *column.dtype() == DataType::String && column.null_count() == height && !layout.declares(column.name());
    let names: Vec<PlSmallStr> = frame.columns().iter().filter(|column| empty(column)).map(|column| column.name().clone()).collect();
    for name in names {
        // The name was just taken from the frame, and the height is its own.
        let _ = frame.replace(&name.clone(), Column::full_null(name, height, &DataType::Null));
    }
}

// ---------------------------------------------------------------- larger than memory

/// A CSV file that is read in pieces.
#[derive(Clone, Debug)]
pub(super) struct CsvScan {
    /// The file.
    pub disk: OnDisk,
    /// The type of every column; `Null` for one without a value.
    pub schema: Schema,
    layout: Layout,
}

impl CsvScan {
    /// Settles the types by the start of the file, and by all of it for columns without a value there.
    pub(super) fn new(disk: OnDisk, layout: Layout, key: &str) -> Result<CsvScan, Failure> {
        let sample = head(&disk, key)?;
        let complete = sample.len() as u64 == disk.size;
        let sample = if complete { sample.as_slice() } else { whole_lines(&sample, layout.marks, key)? };
        check_encoding(sample, key)?;
        let schema = Schema::clone(read_typed(sample, &layout, key)?.schema());
        let mut scan = CsvScan { disk, schema, layout };
        let unknown: Vec<PlSmallStr> = scan.schema.iter().filter(|(_, data_type)| **data_type == DataType::Null).map(|(name, _)| name.clone()).collect();
        if !complete && !unknown.is_empty() {
            scan.settle(&unknown).map_err(|error| scan.explain(&error, key))?;
        }
        Ok(scan)
    }

    /// Settles the types of all columns by every row. Whether a type changed.
    pub(super) fn settle_all(&mut self) -> PolarsResult<bool> {
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
    pub(super) fn frame(&self) -> PolarsResult<LazyFrame> {
        let types = self.schema.iter().map(|(name, data_type)| (name.clone(), data_type.clone())).collect::<Vec<_>>();
        let types: Schema = as_read(&types).into_iter().map(|(name, data_type)| Field::new(name, data_type)).collect();
        self.reader(types).finish()
    }

    /// Checks the lines of a file of which `rows` rows were read. True if the file had empty lines
    /// and was replaced by a copy without them, which must be read instead.
    pub(super) fn check_shape(&mut self, rows: u64, scratch: &Path, key: &str) -> Result<bool, Failure> {
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
    pub(super) fn explain(&self, error: &PolarsError, key: &str) -> Failure {
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
        _ => Err(failure::unreadable(key, format!("no line ends in its first {} MiB", SAMPLE >> 20)).hint("it is not CSV, or a quoted field never ends")),
    }
}

// ---------------------------------------------------------------- what can be wrong

/// A value that is not of its column's type, as Polars reports it.
struct Unparsed {
    value: String,
    data_type: String,
    column: String,
    number: usize,
}

impl Unparsed {
    fn of(error: &PolarsError) -> Option<Unparsed> {
        let text = error.to_string();
        let rest = text.split_once("could not parse `")?.1;
        let (value, rest) = rest.split_once("` as dtype `")?;
        let (data_type, rest) = rest.split_once("` at column '")?;
        let (column, rest) = rest.split_once("' (column number ")?;
        let number = rest.split_once(')')?.0.parse().ok()?;
        Some(Unparsed { value: value.to_owned(), data_type: data_type.to_owned(), column: column.to_owned(), number })
    }
}

/// Whether the lines of a text that was read have as many fields as the header.
fn has_shape(bytes: &[u8], layout: &Layout, rows: usize, width: usize) -> bool {
    let mut count = SeparatorCount::new(layout.marks);
    count.push(bytes);
    width < 2 || count.total() == ((rows + usize::from(layout.header)) * (width - 1)) as u64
}

fn ragged(survey: &shape::Survey, width: usize, key: &str) -> Option<Failure> {
    if let Some(line) = survey.unclosed {
        let why = format!("line {line}: a quoted field begins here and never ends");
        return Some(failure::unreadable(key, why).hint("close the quote; if quotes mean nothing in this data, set `input: { csv: { quote: null } }`"));
    }
    let shape::Ragged { line, fields } = survey.ragged?;
    let hint = if fields < width {
        "the file may be cut off; write it again whole, or quote line ends inside fields"
    } else {
        "quote fields that hold the delimiter, or set `input: { csv: { delimiter: … } }`"
    };
    Some(failure::unreadable(key, format!("line {line} has {fields} field(s) where the header has {width}")).hint(hint))
}

fn explain(error: &PolarsError, bytes: &[u8], layout: &Layout, key: &str) -> Failure {
    if matches!(error, PolarsError::NoData(_)) {
        return Failure::new(FailureCode::EmptyObject, format!("object {key} holds nothing but empty lines")).hint("write it again with its data");
    }
    let text = error.to_string();
    if text.contains("invalid utf-8") {
        return not_utf8(bytes, key);
    }
    if !bytes.is_empty() {
        let width = header_width(bytes, layout);
        let survey = shape::survey(bytes, layout.marks, width).unwrap_or_default();
        if (text.contains("found more fields") || survey.unclosed.is_some())
            && let Some(failure) = ragged(&survey, width, key)
        {
            return failure;
        }
    }
    if let Some(unparsed) = Unparsed::of(error) {
        return unparsed.explain(bytes, layout, key);
    }
    if text.contains("CSV malformed") {
        return failure::unreadable(key, "its quotes don't pair up").hint("double quotes inside quoted fields, or set `input: { csv: { quote: null } }`");
    }
    failure::unreadable(key, format!("it can't be read as CSV: {}", failure::clean(error)))
}

impl Unparsed {
    fn explain(&self, bytes: &[u8], layout: &Layout, key: &str) -> Failure {
        let Unparsed { value, data_type, column, number } = self;
        let line = shape::line_of(bytes, layout.marks, *number, value.as_bytes());
        let place = line.map_or_else(String::new, |line| format!("line {line}, "));
        let short: String = value.chars().take(60).collect();
        if data_type == "str" {
            let why = format!("{place}column \"{column}\": the quotes of {short:?} don't pair up");
            return failure::unreadable(key, why).hint("double quotes inside quoted fields, or set `input: { csv: { quote: null } }`");
        }
        let why = format!("{place}column \"{column}\": {short:?} is not of type {data_type}");
        let hint = match layout.declares(column) {
            true => format!("the pipeline declares this type; declare `input: {{ columns: {{ {column}: string }} }}` or mend the data"),
            false => format!("declare the column's type: `input: {{ columns: {{ {column}: string }} }}`"),
        };
        failure::unreadable(key, why).hint(hint)
    }
}

fn header_width(bytes: &[u8], layout: &Layout) -> usize {
    let line = bytes.split(|byte| *byte == b'\n').find(|line| !line.is_empty() && *line != b"\r").unwrap_or_default();
    let mut count = SeparatorCount::new(layout.marks);
    count.push(line);
    usize::try_from(count.total()).unwrap_or(usize::MAX).saturating_add(1)
}

/// Refuses what only looks like text: UTF-16, and names of columns that are not UTF-8.
fn check_encoding(bytes: &[u8], key: &str) -> Result<(), Failure> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(failure::unreadable(key, "it is UTF-16 text").hint("convert it to UTF-8: iconv -f UTF-16 -t UTF-8"));
    }
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if std::str::from_utf8(header).is_err() { Err(not_utf8(bytes, key)) } else { Ok(()) }
}

fn not_utf8(bytes: &[u8], key: &str) -> Failure {
    let line = std::str::from_utf8(bytes).err().map(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    });
    let place = line.map_or_else(String::new, |line| format!("line {line}: "));
    failure::unreadable(key, format!("{place}the text is not UTF-8")).hint("convert it to UTF-8, for example: iconv -f LATIN1 -t UTF-8")
}
