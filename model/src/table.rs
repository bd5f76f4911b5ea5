//! Tables, their schemas and their files.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ids::ExecutionId, location::Location, time::Timestamp};

/// A table in the table catalog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableId {
    /// The database it is in.
    pub database: String,
    /// Its name there.
    pub table: String,
}

impl TableId {
    /// The table of that name in that database.
    pub fn new(database: impl Into<String>, table: impl Into<String>) -> TableId {
        TableId { database: database.into(), table: table.into() }
    }

    /// Reads `database.table`.
    pub fn parse(text: &str) -> Option<TableId> {
        let (database, table) = text.split_once('.')?;
        let named = !database.is_empty() && !table.is_empty() && !table.contains('.');
        named.then(|| TableId::new(database, table))
    }
}

/// `database.table`
impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

/// Columns in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// The columns.
    pub columns: Vec<Column>,
}

/// A column's name and type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub data_type: DataType,
}

impl Schema {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl<N: Into<String>> FromIterator<(N, DataType)> for Schema {
    fn from_iter<I: IntoIterator<Item = (N, DataType)>>(columns: I) -> Schema {
        Schema { columns: columns.into_iter().map(|(name, data_type)| Column { name: name.into(), data_type }).collect() }
    }
}

/// A column's type, in terms any table catalog can map.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// Only nulls so far: any type may follow.
    Null,
    /// True or false.
    Boolean,
    /// Signed integer of so many bits.
    Int(u8),
    /// Unsigned integer of so many bits.
    UInt(u8),
    /// Floating point of so many bits.
    Float(u8),
    /// Exact decimal.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// UTF-8 text.
    String,
    /// Bytes.
    Binary,
    /// Calendar date.
    Date,
    /// Time of day.
    Time,
    /// A point in time; with a zone's name if it was read with one.
    Timestamp(Option<String>),
    /// A span of time.
    Duration,
    /// A list of one type.
    List(Box<DataType>),
    /// Named fields.
    Struct(Vec<Column>),
}

/// SQL-like: `bigint` is written `int64`, a list `list<int64>`, a struct `struct<a: int64>`.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Null => f.write_str("null"),
            DataType::Boolean => f.write_str("boolean"),
            DataType::Int(bits) => write!(f, "int{bits}"),
            DataType::UInt(bits) => write!(f, "uint{bits}"),
            DataType::Float(bits) => write!(f, "float{bits}"),
            DataType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            DataType::String => f.write_str("string"),
            DataType::Binary => f.write_str("binary"),
            DataType::Date => f.write_str("date"),
            DataType::Time => f.write_str("time"),
            DataType::Timestamp(None) => f.write_str("timestamp"),
            DataType::Timestamp(Some(zone)) => write!(f, "timestamp({zone})"),
            DataType::Duration => f.write_str("duration"),
            DataType::List(item) => write!(f, "list<{item}>"),
            DataType::Struct(fields) => {
                let fields: Vec<String> = fields.iter().map(|field| format!("{}: {}", field.name, field.data_type)).collect();
                write!(f, "struct<{}>", fields.join(", "))
            }
        }
    }
}

/// A Parquet file an execution wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Where it lies now: in staging until it is promoted.
    pub location: Location,
    /// The key below its zone where it belongs.
    pub key: String,
    /// Partition column and value, outermost first; `None` is the null partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition: Vec<(String, Option<String>)>,
    /// Rows in it.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its version, as `object::file_version` or the store's etag.
    pub version: String,
}

/// A file that is part of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    /// Where it lies.
    pub location: Location,
    /// Partition column and value, outermost first; `None` is the null partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition: Vec<(String, Option<String>)>,
    /// Rows in it.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Which execution wrote it.
    pub execution: ExecutionId,
}

/// A table as of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVersion {
    /// Which table.
    pub id: TableId,
    /// Counted from 1; each publish makes the next one.
    pub version: u64,
    /// Where its files lie.
    pub location: Location,
    /// Columns in order, the partition columns last.
    pub schema: Schema,
    /// Columns whose values are folders, outermost first.
    pub partition_by: Vec<String>,
    /// Its files, in the order they came.
    pub files: Vec<TableFile>,
    /// When this version was made.
    pub at: Timestamp,
}

impl TableVersion {
    /// Rows in all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}
