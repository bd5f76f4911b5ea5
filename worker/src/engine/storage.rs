//! How frames are stored as Parquet, and what a file says about itself besides its columns.

use std::{fs::File, io::Write, num::NonZeroUsize, sync::Arc};

use polars::{
    io::{
        HiveOptions,
        parquet::write::{BatchedWriter, KeyValueMetadata},
    },
    prelude::*,
};

use super::schema::stored;

/// The key in a file's metadata under which columns are named whose type nothing has told yet.
const UNTYPED: &str = "lakegate.untyped";

/// Rows in a row group: enough to compress well, few enough that a reader needs little memory.
pub(super) const ROW_GROUP: usize = 256 << 10;
/// Bytes in memory at which a row group is ended whatever its rows.
pub(super) const ROW_GROUP_BYTES: usize = 128 << 20;
/// Rows that the streaming engine hands over at once.
pub(super) const HANDED_OVER: NonZeroUsize = match NonZeroUsize::new(32 << 10) {
    Some(rows) => rows,
    None => NonZeroUsize::MIN,
};

/// The columns that a file names as untyped.
pub(super) fn untyped_columns(metadata: &FileMetadata) -> Vec<PlSmallStr> {
    let pairs = metadata.key_value_metadata.as_deref().unwrap_or_default();
    let named = pairs.iter().find(|pair| pair.key == UNTYPED).and_then(|pair| pair.value.as_deref());
    let names: Vec<String> = named.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    names.into_iter().map(PlSmallStr::from).collect()
}

/// Gives the named columns Polars' `Null` type if they hold nothing but nulls.
pub(super) fn forget_types(frame: &mut DataFrame, untyped: &[PlSmallStr]) {
    let height = frame.height();
    for name in untyped {
        if frame.column(name).is_ok_and(|column| column.null_count() == height) {
            // The column is there, and its new values are as many.
            let _ = frame.replace(name, Column::full_null(name.clone(), height, &DataType::Null));
        }
    }
}

/// The frame with the types it is stored with.
pub(super) fn to_stored(mut frame: DataFrame) -> PolarsResult<DataFrame> {
    for index in 0..frame.width() {
        let Some(column) = frame.columns().get(index) else { break };
        let data_type = stored(column.dtype());
        if *column.dtype() != data_type {
            let column = column.strict_cast(&data_type)?;
            frame.replace_column(index, column)?;
        }
    }
    Ok(frame)
}

fn options(schema: &Schema) -> ParquetWriteOptions {
    let untyped: Vec<&str> = schema.iter().filter(|(_, data_type)| **data_type == DataType::Null).map(|(name, _)| name.as_str()).collect();
    let metadata = (!untyped.is_empty()).then(|| {
        let names = serde_json::Value::from(untyped).to_string();
        KeyValueMetadata::from_static(vec![(UNTYPED.to_owned(), names)])
    });
    ParquetWriteOptions {
        compression: ParquetCompression::Zstd(None),
        row_group_size: Some(ROW_GROUP),
        key_value_metadata: metadata,
        ..ParquetWriteOptions::default()
    }
}

/// A plan that reads an open Parquet file, with the columns that are in the file and no others.
pub(super) fn scan(files: Arc<[File]>) -> PolarsResult<LazyFrame> {
    let args = ScanArgsParquet { glob: false, cache: false, hive_options: HiveOptions::new_disabled(), ..ScanArgsParquet::default() };
    LazyFrame::scan_parquet_sources(ScanSources::Files(files), args)
}

/// A frame as a Parquet file in memory.
pub(super) fn encode(frame: DataFrame) -> PolarsResult<Vec<u8>> {
    let options = options(frame.schema());
    let mut frame = to_stored(frame)?;
    let mut bytes = Vec::with_capacity(4096 + frame.estimated_size() / 2);
    // Sharing the columns of a small frame among threads costs more than encoding them.
    options.to_writer(&mut bytes).set_parallel(frame.height() > ROW_GROUP / 8).finish(&mut frame)?;
    Ok(bytes)
}

/// A writer that takes frames of this schema one after another.
pub(super) fn writer<W: Write>(to: W, schema: &Schema) -> PolarsResult<BatchedWriter<W>> {
    let stored_schema: Schema = schema.iter().map(|(name, data_type)| Field::new(name.clone(), stored(data_type))).collect();
    options(schema).to_writer(to).batched(&stored_schema)
}
