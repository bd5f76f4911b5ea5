//! Tables in the table catalog.

use lakegate_model::{
    Location, Timestamp,
    table::{Column, Schema},
};
use lakegate_proto::{
    convert::{Malformed, partition_from_wire},
    v1,
};
use serde::{Serialize, Serializer, ser::SerializeSeq as _};

/// A table as of its newest version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// `database.table`.
    pub table: String,
    /// Counted from 1; each publish makes the next one.
    pub version: u64,
    /// Where its files lie.
    pub location: Location,
    /// Its columns, the partition columns last. Serialised as names and printed types.
    #[serde(serialize_with = "printed")]
    pub schema: Schema,
    /// Columns whose values are folders, outermost first.
    pub partition_by: Vec<String>,
    /// Rows in all files.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// How many files.
    pub file_count: u64,
    /// When this version was made.
    pub updated_at: Timestamp,
    /// Its files; only where one table was asked for.
    pub files: Vec<TableFile>,
}

/// A file that is part of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableFile {
    /// Where it lies.
    pub location: Location,
    /// Partition column and value, outermost first; `None` is the null partition.
    pub partition: Vec<(String, Option<String>)>,
    /// Rows in it.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The run that wrote it.
    pub run: String,
}

impl TryFrom<v1::Table> for Table {
    type Error = Malformed;

    fn try_from(table: v1::Table) -> Result<Table, Malformed> {
        Ok(Table {
            table: table.table,
            version: table.version,
            location: Location::new(table.location),
            schema: table.schema.ok_or_else(|| Malformed::missing("schema"))?.try_into()?,
            partition_by: table.partition_by,
            rows: table.rows,
            bytes: table.bytes,
            file_count: table.file_count,
            updated_at: Timestamp(table.updated_at),
            files: table.files.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<v1::TableFile> for TableFile {
    fn from(file: v1::TableFile) -> TableFile {
        TableFile {
            location: Location::new(file.location),
            partition: partition_from_wire(file.partition),
            rows: file.rows,
            bytes: file.bytes,
            run: file.run,
        }
    }
}

fn printed<S: Serializer>(schema: &Schema, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Printed<'a> {
        name: &'a str,
        r#type: String,
    }
    let mut columns = serializer.serialize_seq(Some(schema.columns.len()))?;
    for Column { name, data_type } in &schema.columns {
        columns.serialize_element(&Printed { name, r#type: data_type.to_string() })?;
    }
    columns.end()
}

#[cfg(test)]
mod tests {
    use lakegate_model::table::DataType;

    use super::*;

    #[test]
    fn a_table_prints_its_types_and_keeps_its_null_partition() {
        let schema: Schema = [("month", DataType::Int(64)), ("tags", DataType::List(Box::new(DataType::String)))].into_iter().collect();
        let partition = vec![v1::PartitionValue { column: "month".into(), value: None }];
        let file = v1::TableFile { location: "file:///lake/a b.parquet".into(), partition, rows: 2, bytes: 9, run: "ex-1".into() };
        let wire = v1::Table { table: "nyc.t".into(), schema: Some((&schema).into()), files: vec![file], ..v1::Table::default() };
        let table = Table::try_from(wire).unwrap();
        assert_eq!(table.files[0].partition, [("month".to_owned(), None)]);
        let json = serde_json::to_value(&table).unwrap();
        assert_eq!(json["schema"][1], serde_json::json!({ "name": "tags", "type": "list<string>" }));
    }
}
