//! How a stage reads what it is given: formats, compression, columns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a stage reads its input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The format; absent means by the key's suffix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Types of columns that must not be guessed, by column name: `zip: string`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnType>,
    /// How to read CSV.
    #[serde(default)]
    pub csv: CsvOptions,
}

/// How to read CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    /// One byte between fields.
    pub delimiter: char,
    /// Whether the first line names the columns; without it they are `column_1`, `column_2`, …
    pub header: bool,
    /// Texts that mean null, besides the empty field.
    pub null_values: Vec<String>,
    /// The quote character; `None` reads quotes as text.
    pub quote: Option<char>,
}

impl Default for CsvOptions {
    fn default() -> CsvOptions {
        CsvOptions { delimiter: ',', header: true, null_values: Vec::new(), quote: Some('"') }
    }
}

/// A file format, whatever its compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values; `.csv`, `.tsv` (with tabs), `.txt`.
    Csv,
    /// One JSON array of objects; `.json`.
    Json,
    /// One JSON object a line; `.ndjson`, `.jsonl`.
    Ndjson,
    /// Apache Parquet; `.parquet`.
    Parquet,
    /// Apache Arrow IPC file; `.arrow`, `.ipc`, `.feather`.
    Arrow,
    /// Apache Avro; `.avro`.
    Avro,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Format] = &[Format::Csv, Format::Json, Format::Ndjson, Format::Parquet, Format::Arrow, Format::Avro];

    /// The name in a pipeline file.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::Avro => "avro",
        }
    }

    /// The format of that name.
    pub fn from_text(text: &str) -> Option<Format> {
        Format::ALL.iter().copied().find(|format| format.as_str() == text)
    }

    /// The format a key's suffix tells, compression suffix set aside.
    pub fn of_key(key: &str) -> Option<Format> {
        let lower = key.to_ascii_lowercase();
        let plain =
            Compression::of_key(&lower).map_or(lower.as_str(), |compression| lower.strip_suffix(compression.suffix()).unwrap_or(&lower));
        match plain.rsplit_once('.')?.1 {
            "csv" | "tsv" | "txt" => Some(Format::Csv),
            "json" => Some(Format::Json),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "parquet" | "pq" => Some(Format::Parquet),
            "arrow" | "ipc" | "feather" => Some(Format::Arrow),
            "avro" => Some(Format::Avro),
            _ => None,
        }
    }
}

/// How a file is compressed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

impl Compression {
    /// The suffix that tells it.
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
        }
    }

    /// The compression a key's suffix tells.
    pub fn of_key(key: &str) -> Option<Compression> {
        let lower = key.to_ascii_lowercase();
        [Compression::Gzip, Compression::Zstd].into_iter().find(|compression| lower.ends_with(compression.suffix()))
    }
}

/// A column type that a pipeline file can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// True or false.
    Boolean,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 32-bit floating point.
    Float32,
    /// 64-bit floating point.
    Float64,
    /// Calendar date.
    Date,
    /// Microseconds without a time zone.
    Timestamp,
}

impl ColumnType {
    /// Every type.
    pub const ALL: &'static [ColumnType] = &[
        ColumnType::String,
        ColumnType::Boolean,
        ColumnType::Int32,
        ColumnType::Int64,
        ColumnType::Float32,
        ColumnType::Float64,
        ColumnType::Date,
        ColumnType::Timestamp,
    ];

    /// The name in a pipeline file.
    pub fn as_str(self) -> &'static str {
        match self {
            ColumnType::String => "string",
            ColumnType::Boolean => "boolean",
            ColumnType::Int32 => "int32",
            ColumnType::Int64 => "int64",
            ColumnType::Float32 => "float32",
            ColumnType::Float64 => "float64",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
        }
    }

    /// The type of that name.
    pub fn from_text(text: &str) -> Option<ColumnType> {
        ColumnType::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}
