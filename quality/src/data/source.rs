//! One file: its columns, and a plan that reads it.

use std::{
    fs::File,
    io::{Cursor, Read},
    num::NonZeroUsize,
    os::unix::fs::MetadataExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use polars::{
    io::{HiveOptions, parquet::metadata::FileMetadataRef},
    prelude::*,
};

use super::{
    DataError, Format,
    blame::{MIXED, NO_JSON, guarded},
    parts::Open,
    text::{damage, failed, marks, text},
    types,
};

/// A text file up to this size tells its types by every row, a larger one by its first rows.
const SETTLED_BYTES: u64 = 64 << 20;
/// So many rows.
const SAMPLE_ROWS: usize = 100_000;
/// What some programs put before UTF-8.
pub(super) const BOM: &[u8] = &[0xEF, 0xBB, 0xBF];

/// A file as its columns were found to be.
#[derive(Clone)]
pub(crate) struct Source {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its columns.
    pub(crate) schema: SchemaRef,
    /// What else is known of it.
    pub(crate) kind: Kind,
    /// What the file system said of it before anything of it was read; nothing of what is no file.
    pub(crate) stamp: Option<Stamp>,
}

/// What tells a file from another one that takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds from 1970 to its last change.
    pub(crate) modified: u128,
    /// The file itself, by whatever name, and when something of it was last changed.
    inode: (u64, u64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of the file that is there now.
    pub(crate) fn of(path: &Path) -> std::io::Result<Stamp> {
        let metadata = std::fs::metadata(path)?;
        // A file from before 1970 is as old as any.
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let (inode, changed) = ((metadata.dev(), metadata.ino()), (metadata.ctime(), metadata.ctime_nsec()));
        Ok(Stamp { size: metadata.len(), modified, inode, changed })
    }
}

/// What a Parquet file's footer says.
#[derive(Clone)]
pub(crate) struct Footer {
    /// Row groups with their statistics.
    pub(crate) metadata: FileMetadataRef,
    /// The columns as they are decoded.
    pub(crate) fields: Arc<ArrowSchema>,
}

/// How a file is read.
#[derive(Clone)]
pub(crate) enum Kind {
    /// With its footer.
    Parquet(Box<Footer>),
    /// In pieces.
    Csv,
    /// In pieces, one object a line.
    Lines,
    /// A JSON array can't be read in pieces: it is in memory.
    Memory(DataFrame),
    /// From wherever its rows are, when they are wanted.
    Later(Arc<dyn Open>),
}

impl Source {
    /// Looks at a file.
    pub(crate) fn open(path: &Path, format: Format) -> Result<Source, DataError> {
        let stamp = Stamp::of(path).map_err(|source| DataError::Open { path: path.to_owned(), source })?;
        let found = match format {
            Format::Parquet => open_parquet(path),
            Format::Csv => open_csv(path),
            Format::Json => open_json(path),
        };
        let (schema, kind) = found?;
        Ok(Source { path: path.to_owned(), schema, kind, stamp: Some(stamp) })
    }

    /// All rows, with the file's own columns.
    pub(crate) fn scan(&self) -> Result<LazyFrame, DataError> {
        let plan = match &self.kind {
            Kind::Parquet(_) => scan_parquet(&[self.path.as_path()])?,
            Kind::Csv => csv(&self.path)?.with_schema(Some(Arc::clone(&self.schema))).finish()?,
            Kind::Lines => lines(&self.path)?.with_schema(Some(Arc::clone(&self.schema))).finish()?,
            Kind::Memory(frame) => frame.clone().lazy(),
            Kind::Later(open) => open.open()?,
        };
        Ok(plan)
    }

    /// The footer of a Parquet file.
    pub(crate) fn footer(&self) -> Option<&Footer> {
        match &self.kind {
            Kind::Parquet(footer) => Some(footer),
            _ => None,
        }
    }
}

/// A plan of Parquet files with equal columns.
pub(crate) fn scan_parquet(paths: &[&Path]) -> Result<LazyFrame, DataError> {
    let paths = paths.iter().map(|path| PlRefPath::try_from_path(path)).collect::<PolarsResult<Vec<_>>>()?;
    let args = ScanArgsParquet { glob: false, cache: false, hive_options: HiveOptions::new_disabled(), ..ScanArgsParquet::default() };
    Ok(LazyFrame::scan_parquet_files(paths.into(), args)?)
}

fn open_parquet(path: &Path) -> Result<(SchemaRef, Kind), DataError> {
    let file = open(path)?;
    let (metadata, fields) = guarded(path, || {
        let mut reader = ParquetReader::new(file);
        Ok((Arc::clone(reader.get_metadata()?), reader.schema()?))
    })?;
    // Polars gives up on types that it has not, such as intervals.
    let schema = catch_unwind(AssertUnwindSafe(|| Schema::from_arrow_schema(&fields)));
    let unknown =
        |_| DataError::Unreadable { path: path.to_owned(), why: unknown_types(&fields), hint: "write the column in another type" };
    let schema = schema.map_err(unknown)?;
    Ok((Arc::new(schema), Kind::Parquet(Box::new(Footer { metadata, fields }))))
}

/// Which columns have types that Polars has not.
fn unknown_types(fields: &ArrowSchema) -> String {
    let unknown = fields.iter_values().filter(|field| catch_unwind(AssertUnwindSafe(|| Field::from(*field))).is_err());
    let named: Vec<String> = unknown.map(|field| format!("{:?} is {:?}", field.name.as_str(), field.dtype)).collect();
    format!("Polars has no such type: column {}", named.join(", "))
}

fn open_csv(path: &Path) -> Result<(SchemaRef, Kind), DataError> {
    let rows = if size(path)? <= SETTLED_BYTES { None } else { Some(SAMPLE_ROWS) };
    let named = csv(path)?.with_infer_schema_length(Some(1)).finish().and_then(|mut plan| plan.collect_schema());
    let named = named.map_err(|error| damage(&error, path).unwrap_or_else(|| DataError::of_file(path, &error, MIXED)))?;
    let types = types::infer(text(path)?, marks(path), &[], named.len(), rows);
    let types = types.map_err(|error| failed(path, error))?;
    let fields = named.iter_names_cloned().zip(types).map(|(name, data_type)| Field::new(name, data_type));
    Ok((Arc::new(fields.collect()), Kind::Csv))
}

fn csv(path: &Path) -> Result<LazyCsvReader, DataError> {
    Ok(LazyCsvReader::new(PlRefPath::try_from_path(path)?)
        .with_glob(false)
        .with_cache(false)
        .with_has_header(true)
        .with_raise_if_empty(false)
        .with_separator(marks(path).separator)
        .with_try_parse_dates(true))
}

fn open_json(path: &Path) -> Result<(SchemaRef, Kind), DataError> {
    let unreadable = |error: PolarsError| damage(&error, path).unwrap_or_else(|| DataError::of_file(path, &error, NO_JSON));
    if is_array(path)? {
        let frame = read_array(path)?;
        return Ok((Arc::clone(frame.schema()), Kind::Memory(frame)));
    }
    if size(path)? == 0 {
        return Ok((Arc::new(Schema::default()), Kind::Memory(DataFrame::empty())));
    }
    let rows = if size(path)? <= SETTLED_BYTES { None } else { NonZeroUsize::new(SAMPLE_ROWS) };
    let plan = lines(path)?.with_infer_schema_length(rows).finish();
    let schema = plan.and_then(|mut plan| plan.collect_schema()).map_err(unreadable)?;
    Ok((schema, Kind::Lines))
}

fn lines(path: &Path) -> Result<LazyJsonLineReader, DataError> {
    Ok(LazyJsonLineReader::new(PlRefPath::try_from_path(path)?))
}

/// Whether a file's first character begins an array.
fn is_array(path: &Path) -> Result<bool, DataError> {
    let mut head = Vec::new();
    text(path)?.take(512).read_to_end(&mut head).map_err(|error| failed(path, error))?;
    let head = head.strip_prefix(BOM).unwrap_or(&head);
    Ok(head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'['))
}

fn read_array(path: &Path) -> Result<DataFrame, DataError> {
    let mut all = Vec::new();
    text(path)?.read_to_end(&mut all).map_err(|error| failed(path, error))?;
    let text = all.strip_prefix(BOM).unwrap_or(&all);
    let inner: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(2).collect();
    if inner == b"[]" {
        return Ok(DataFrame::empty());
    }
    let reader = JsonReader::new(Cursor::new(text)).with_json_format(JsonFormat::Json).infer_schema_len(None);
    reader.finish().map_err(|error| DataError::of_file(path, &error, NO_JSON))
}

fn size(path: &Path) -> Result<u64, DataError> {
    std::fs::metadata(path).map(|metadata| metadata.len()).map_err(|source| DataError::Open { path: path.to_owned(), source })
}

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|source| DataError::Open { path: path.to_owned(), source })
}
