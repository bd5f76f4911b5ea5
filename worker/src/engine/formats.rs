//! The formats besides CSV, in memory and from the disk.

use std::{
    fs::File,
    io::{BufReader, Cursor},
    num::NonZeroUsize,
    sync::Arc,
};

use lakegate_model::{
    Failure,
    pipeline::{Format, Input},
};
use polars::{
    io::{
        HiveOptions,
        avro::AvroReader,
        ipc::{IpcReader, IpcScanOptions},
        ndjson,
    },
    prelude::*,
};

use super::{
    csv::{self, Layout},
    failure,
    schema::declared,
    source::OnDisk,
    storage,
};

/// Reads an object in memory. Columns that nothing tells the type of have Polars' `Null` type.
pub(super) fn read(bytes: &[u8], format: Format, input: &Input, key: &str) -> Result<DataFrame, Failure> {
    let unreadable = |error: &PolarsError| explain(error, bytes, format, key);
    match format {
        Format::Csv => csv::read(bytes, &Layout::new(input, key)?, key),
        Format::Json => {
            let types = declared_schema(input);
            let mut reader = JsonReader::new(Cursor::new(bytes)).with_json_format(JsonFormat::Json).infer_schema_len(None);
            if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte != b'[') {
                return Err(failure::unreadable(key, "it is not one JSON array")
                    .hint("for one JSON object a line, set `input: { format: ndjson }`"));
            }
            if !types.is_empty() {
                reader = reader.with_schema_overwrite(&types);
            }
            reader.finish().map_err(|error| unreadable(&error))
        }
        Format::Ndjson => {
            let inferred = infer_ndjson(bytes, input).map_err(|error| unreadable(&error))?;
            let reader = JsonReader::new(Cursor::new(bytes)).with_json_format(JsonFormat::JsonLines).with_schema(Arc::new(inferred));
            reader.finish().map_err(|error| unreadable(&error))
        }
        Format::Parquet => {
            let mut reader = ParquetReader::new(Cursor::new(bytes));
            let untyped = reader.get_metadata().map(|metadata| storage::untyped_columns(metadata)).map_err(|error| unreadable(&error))?;
            let mut frame = reader.finish().map_err(|error| unreadable(&error))?;
            storage::forget_types(&mut frame, &untyped);
            cast_declared(frame, input, key)
        }
        Format::Arrow => cast_declared(IpcReader::new(Cursor::new(bytes)).finish().map_err(|error| unreadable(&error))?, input, key),
        Format::Avro => cast_declared(AvroReader::new(Cursor::new(bytes)).finish().map_err(|error| unreadable(&error))?, input, key),
    }
}

fn declared_schema(input: &Input) -> Schema {
    input.columns.iter().map(|(name, kind)| Field::new(name.as_str().into(), declared(*kind))).collect()
}

/// The types told by every line, and by the pipeline file.
fn infer_ndjson(text: &[u8], input: &Input) -> PolarsResult<Schema> {
    let text = text.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(text);
    Ok(with_declared(ndjson::infer_schema(&mut &*text, None)?, input))
}

fn with_declared(mut schema: Schema, input: &Input) -> Schema {
    for (name, kind) in &input.columns {
        if schema.contains(name) {
            schema.insert(name.as_str().into(), declared(*kind));
        }
    }
    schema
}

fn cast_declared(frame: DataFrame, input: &Input, key: &str) -> Result<DataFrame, Failure> {
    let casts = casts(frame.schema(), input);
    if casts.is_empty() {
        return Ok(frame);
    }
    frame.lazy().with_columns(casts).collect().map_err(|error| {
        failure::unreadable(key, format!("a declared type does not fit: {}", failure::clean(&error))).hint("change `input: { columns: … }`")
    })
}

fn casts(schema: &Schema, input: &Input) -> Vec<Expr> {
    let wanted = input.columns.iter().map(|(name, kind)| (name, declared(*kind)));
    let differing = wanted.filter(|(name, kind)| schema.get(name).is_some_and(|data_type| data_type != kind));
    differing.map(|(name, kind)| col(name.as_str()).strict_cast(kind)).collect()
}

/// A plan that reads a file in pieces, and the types of its columns.
pub(super) struct Scan {
    /// The plan; columns that nothing tells the type of have Polars' `Null` type.
    pub frame: LazyFrame,
    /// Its columns.
    pub schema: SchemaRef,
}

/// A plan that reads a file of this format in pieces; `None` if the format must be read as a whole.
pub(super) fn scan(disk: &OnDisk, format: Format, input: &Input, key: &str) -> Result<Option<Scan>, Failure> {
    let unreadable = |error: PolarsError| explain(&error, &[], format, key);
    let sources = || ScanSources::Files(Arc::clone(&disk.files));
    let scanned = match format {
        Format::Csv | Format::Json | Format::Avro => return Ok(None),
        Format::Ndjson => infer_ndjson_file(disk, input).and_then(|schema| {
            LazyJsonLineReader::new_with_sources(sources())
                .with_schema(Some(Arc::new(schema)))
                .with_batch_size(NonZeroUsize::new(32 << 10))
                .finish()
        }),
        Format::Parquet => scan_parquet(disk),
        Format::Arrow => {
            let args =
                UnifiedScanArgs { glob: false, cache: false, hive_options: HiveOptions::new_disabled(), ..UnifiedScanArgs::default() };
            LazyFrame::scan_ipc_sources(sources(), IpcScanOptions::default(), args)
        }
    };
    let mut frame = scanned.map_err(unreadable)?;
    let schema = frame.collect_schema().map_err(unreadable)?;
    let casts = if format == Format::Ndjson { Vec::new() } else { casts(&schema, input) };
    if casts.is_empty() {
        return Ok(Some(Scan { frame, schema }));
    }
    let mut frame = frame.with_columns(casts);
    let schema = frame.collect_schema().map_err(unreadable)?;
    Ok(Some(Scan { frame, schema }))
}

fn infer_ndjson_file(disk: &OnDisk, input: &Input) -> PolarsResult<Schema> {
    let Some(file) = disk.files.first() else { return Ok(Schema::default()) };
    let mut text = BufReader::with_capacity(1 << 20, rewound(file)?);
    Ok(with_declared(ndjson::infer_schema(&mut text, None)?, input))
}

fn rewound(file: &File) -> std::io::Result<&File> {
    std::io::Seek::rewind(&mut &*file)?;
    Ok(file)
}

fn scan_parquet(disk: &OnDisk) -> PolarsResult<LazyFrame> {
    let untyped = match disk.files.first() {
        Some(file) => storage::untyped_columns(ParquetReader::new(file.try_clone()?).get_metadata()?),
        None => Vec::new(),
    };
    let frame = storage::scan(Arc::clone(&disk.files))?;
    let forgotten: Vec<Expr> = untyped.into_iter().map(|name| lit(NULL).alias(name)).collect();
    Ok(if forgotten.is_empty() { frame } else { frame.with_columns(forgotten) })
}

/// What is wrong with an object of this format that can't be read; `bytes` if they are in memory.
pub(super) fn explain(error: &PolarsError, bytes: &[u8], format: Format, key: &str) -> Failure {
    let name = format.as_str();
    if format == Format::Ndjson
        && let Some((line, why)) = bad_json_line(bytes)
    {
        return failure::unreadable(key, format!("line {line} is not a JSON object: {why}"))
            .hint("every line must be one whole JSON object");
    }
    let hint = match format {
        Format::Json | Format::Ndjson => {
            "mend the JSON; if a field has values of several kinds, declare it: `input: { columns: { <name>: string } }`"
        }
        _ => "it is cut off, damaged or of another format; write it again, or set `input: { format: … }`",
    };
    failure::unreadable(key, format!("it can't be read as {name}: {}", failure::clean(error))).hint(hint)
}

fn bad_json_line(bytes: &[u8]) -> Option<(usize, String)> {
    let text = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    let lines = text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.into_iter().find_map(|(index, line)| match serde_json::from_slice::<serde_json::Value>(line) {
        Ok(serde_json::Value::Object(_)) => None,
        Ok(_) => Some((index + 1, "it is another JSON value".to_owned())),
        Err(error) => Some((index + 1, error.to_string())),
    })
}
