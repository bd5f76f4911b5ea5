//! A table's columns as Glue, and so Athena and Spark, name and type them.
//!
//! Glue's types are Hive's. Where Hive has no such type, the nearest one that reads the files as
//! they are stored:
//!
//! | ours | Glue's | why |
//! |---|---|---|
//! | `null` | `string` | columns without a value are stored as text |
//! | `uint8`, `uint16`, `uint32` | `smallint`, `int`, `bigint` | Parquet stores them in its signed integers with a note that they are unsigned. Spark reads them as the next wider signed type and refuses a narrower one. Athena overlooks the note: it reads a `uint32` above 2147483647 as negative, whatever the type here |
//! | `uint64` | `decimal(20,0)` | as Spark reads it; no integer of Hive's holds it. Athena reads one above 9223372036854775807 as negative |
//! | `int128`, and unsigned ones | `decimal(38,0)` | as they are stored |
//! | `time` | `bigint` | stored as a 64-bit integer: nanoseconds since midnight; readers that refuse a time refuse only this column |
//! | `duration` | `bigint` | stored as a plain 64-bit integer: microseconds |
//! | `timestamp`, `timestamp(zone)` | `timestamp` | stored in microseconds, whatever the unit was, and with a zone in UTC; Hive's type has no zone |
//! | a struct without fields | `string` | Parquet has no such group; stored as text |
//!
//! Categories and enumerations are stored as text, and arrays of a fixed size as lists: the model knows
//! them as `string` and `list`.
//!
//! A partition column's values are the names of folders. Where such a name is not how Hive writes a
//! value of the type, the column is `string`: lists, structs, bytes, times, durations, and timestamps
//! with a zone.
//!
//! Glue's names are lower case, and Athena and Spark find a file's columns by name without regard
//! to case. What Glue can't say of a column, its own name and type, is in the column's parameters.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_glue::types::Column as GlueColumn;
use lakegate_coordinator::ports::Result;
use lakegate_model::{
    Failure, FailureCode,
    table::{Column, DataType, Schema, TableId},
};

/// The column parameter with the name as it is in the files, if that is not Glue's.
pub(super) const NAME: &str = "lakegate.name";
/// The column parameter with the type as Lakegate names it, if Glue's says less.
pub(super) const TYPE: &str = "lakegate.type";
/// Characters of a name, and of a type, that Glue takes at most.
const LONGEST_NAME: usize = 255;
const LONGEST_TYPE: usize = 131_072;

/// A table's columns for Glue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Those in the files.
    pub(super) data: Vec<Named>,
    /// Those whose values are folders, outermost first.
    pub(super) partition: Vec<Named>,
}

/// A column for Glue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// In lower case.
    pub(super) name: String,
    pub(super) glue_type: String,
    /// What Glue can't say.
    pub(super) parameters: BTreeMap<&'static str, String>,
}

impl Columns {
    /// The columns of a table of this schema.
    ///
    /// # Errors
    /// `Conflict` if two names differ only by case; `InvalidRequest` if Glue can't take a name or type.
    pub(super) fn of(id: &TableId, schema: &Schema, partition_by: &[String]) -> Result<Columns> {
        distinct(&schema.columns, &format!("table {id}"))?;
        let is_partition = |column: &&Column| partition_by.contains(&column.name);
        let data = schema.columns.iter().filter(|column| !is_partition(column));
        let partition = partition_by.iter().filter_map(|name| schema.column(name));
        Ok(Columns {
            data: data.map(|column| Named::of(id, column, glue_type)).collect::<Result<_>>()?,
            partition: partition.map(|column| Named::of(id, column, |of| Ok(partition_type(of)))).collect::<Result<_>>()?,
        })
    }

    /// Whether a table's columns in Glue are not these.
    pub(super) fn differ(&self, found: &[GlueColumn]) -> bool {
        !self
            .data
            .iter()
            .map(|column| (column.name.as_str(), Some(column.glue_type.as_str())))
            .eq(found.iter().map(|f| (f.name(), f.r#type())))
    }
}

impl Named {
    fn of(id: &TableId, column: &Column, to_glue: impl Fn(&DataType) -> std::result::Result<String, Refused>) -> Result<Named> {
        let refused = |why: String| {
            Failure::new(FailureCode::InvalidRequest, format!("column \"{}\" of table {id} can't be in Glue: {why}", column.name))
                .hint("rename it in the pipeline's transform, or leave it out")
        };
        let name = column.name.to_lowercase();
        let glue_type = to_glue(&column.data_type).map_err(|refusal| match refusal {
            Refused::Twice(a, b) => differ_by_case(&a, &b, &format!("column \"{}\" of table {id}", column.name)),
            Refused::Name(field) => refused(format!("Athena and Spark know no field named \"{field}\"; they take letters, digits and `_`")),
        })?;
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(refused(format!("its name has {} characters, and Glue takes 1 to {LONGEST_NAME}", name.chars().count())));
        }
        if glue_type.len() > LONGEST_TYPE {
            return Err(refused(format!("its type takes {} characters, and Glue takes {LONGEST_TYPE}", glue_type.len())));
        }
        let mut parameters = BTreeMap::new();
        if name != column.name {
            parameters.insert(NAME, column.name.clone());
        }
        if !says_all(&column.data_type) {
            parameters.insert(TYPE, column.data_type.to_string());
        }
        Ok(Named { name, glue_type, parameters })
    }

    /// For Glue, with the comment and parameters that others gave the column of this name.
    pub(super) fn to_glue(&self, found: &[GlueColumn]) -> Result<GlueColumn> {
        let found = found.iter().find(|column| column.name() == self.name);
        let mut parameters: HashMap<String, String> = found.and_then(GlueColumn::parameters).cloned().unwrap_or_default();
        parameters.retain(|key, _| !key.starts_with("lakegate."));
        parameters.extend(self.parameters.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let column = GlueColumn::builder()
            .name(&self.name)
            .r#type(&self.glue_type)
            .set_comment(found.and_then(GlueColumn::comment).map(str::to_owned))
            .set_parameters((!parameters.is_empty()).then_some(parameters));
        column.build().map_err(|error| Failure::new(FailureCode::Internal, format!("a column can't be described to Glue: {error}")))
    }
}

/// Why a type can't be written for Glue.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// A field's name would break the type's text.
    Name(String),
    /// Two fields differ only by case.
    Twice(String, String),
}

fn distinct(columns: &[Column], of: &str) -> Result<()> {
    match same_but_for_case(columns) {
        Some((a, b)) => Err(differ_by_case(a, b, of)),
        None => Ok(()),
    }
}

fn differ_by_case(a: &str, b: &str, of: &str) -> Failure {
    Failure::new(FailureCode::Conflict, format!("\"{a}\" and \"{b}\" in {of} differ only by case, and names in Glue are lower case"))
        .hint("rename one of them in the pipeline's transform")
}

fn same_but_for_case(columns: &[Column]) -> Option<(&str, &str)> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    columns.iter().find_map(|column| Some((seen.insert(column.name.to_lowercase(), &column.name)?, column.name.as_str())))
}

/// Whether the type in Glue tells ours.
fn says_all(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null | DataType::UInt(_) | DataType::Time | DataType::Duration | DataType::Timestamp(Some(_)) => false,
        DataType::List(item) => says_all(item),
        DataType::Struct(fields) => {
            !fields.is_empty() && fields.iter().all(|field| field.name == field.name.to_lowercase() && says_all(&field.data_type))
        }
        _ => true,
    }
}

fn glue_type(data_type: &DataType) -> std::result::Result<String, Refused> {
    Ok(match data_type {
        DataType::Null | DataType::String => "string".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int(..=8) => "tinyint".to_owned(),
        DataType::Int(..=16) | DataType::UInt(..=8) => "smallint".to_owned(),
        DataType::Int(..=32) | DataType::UInt(..=16) => "int".to_owned(),
        DataType::Int(..=64) | DataType::UInt(..=32) | DataType::Time | DataType::Duration => "bigint".to_owned(),
        DataType::UInt(..=64) => "decimal(20,0)".to_owned(),
        DataType::Int(_) | DataType::UInt(_) => "decimal(38,0)".to_owned(),
        DataType::Float(..=32) => "float".to_owned(),
        DataType::Float(_) => "double".to_owned(),
        DataType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        DataType::Binary => "binary".to_owned(),
        DataType::Date => "date".to_owned(),
        DataType::Timestamp(_) => "timestamp".to_owned(),
        DataType::List(item) => format!("array<{}>", glue_type(item)?),
        // Stored as text: Parquet has no group without fields.
        DataType::Struct(fields) if fields.is_empty() => "string".to_owned(),
        DataType::Struct(fields) => struct_type(fields)?,
    })
}

fn struct_type(fields: &[Column]) -> std::result::Result<String, Refused> {
    if let Some((a, b)) = same_but_for_case(fields) {
        return Err(Refused::Twice(a.to_owned(), b.to_owned()));
    }
    let mut parts = Vec::new();
    for field in fields {
        if !is_field_name(&field.name) {
            return Err(Refused::Name(field.name.clone()));
        }
        parts.push(format!("{}:{}", field.name.to_lowercase(), glue_type(&field.data_type)?));
    }
    Ok(format!("struct<{}>", parts.join(",")))
}

/// Whether both Hive's and Spark's readers of types take it without quotes. Digits first would be
/// read as a number.
fn is_field_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn partition_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Binary | DataType::Time | DataType::Duration | DataType::Timestamp(Some(_)) | DataType::List(_) | DataType::Struct(_) => {
            "string".to_owned()
        }
        other => glue_type(other).unwrap_or_else(|_| "string".to_owned()),
    }
}

/// The names of partition columns as Glue has them.
pub(super) fn lower(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn fields<const N: usize>(fields: [(&str, DataType); N]) -> Vec<Column> {
        fields.into_iter().collect::<Schema>().columns
    }

    /// A number for each kind of type. A new kind does not compile until it has one, and then the table
    /// below must know it.
    fn kind(data_type: &DataType) -> usize {
        match data_type {
            DataType::Null => 0,
            DataType::Boolean => 1,
            DataType::Int(_) => 2,
            DataType::UInt(_) => 3,
            DataType::Float(_) => 4,
            DataType::Decimal { .. } => 5,
            DataType::String => 6,
            DataType::Binary => 7,
            DataType::Date => 8,
            DataType::Time => 9,
            DataType::Timestamp(_) => 10,
            DataType::Duration => 11,
            DataType::List(_) => 12,
            DataType::Struct(_) => 13,
        }
    }

    #[test]
    fn every_type_has_one_that_athena_and_spark_read() {
        let nested = DataType::Struct(fields([
            ("Id", DataType::UInt(32)),
            ("tags", DataType::List(Box::new(DataType::String))),
            ("at", DataType::Struct(fields([("x", DataType::Float(64)), ("_y", DataType::Decimal { precision: 12, scale: 3 })]))),
        ]));
        let mut kinds = BTreeSet::new();
        let list = |item| DataType::List(Box::new(item));
        for (ours, glue, says_all_of_it) in [
            (DataType::Null, "string", false),
            (DataType::Boolean, "boolean", true),
            (DataType::Int(8), "tinyint", true),
            (DataType::Int(16), "smallint", true),
            (DataType::Int(32), "int", true),
            (DataType::Int(64), "bigint", true),
            (DataType::Int(128), "decimal(38,0)", true),
            (DataType::UInt(8), "smallint", false),
            (DataType::UInt(16), "int", false),
            (DataType::UInt(32), "bigint", false),
            (DataType::UInt(64), "decimal(20,0)", false),
            (DataType::Float(32), "float", true),
            (DataType::Float(64), "double", true),
            (DataType::Decimal { precision: 38, scale: 9 }, "decimal(38,9)", true),
            (DataType::String, "string", true),
            (DataType::Binary, "binary", true),
            (DataType::Date, "date", true),
            (DataType::Time, "bigint", false),
            (DataType::Timestamp(None), "timestamp", true),
            (DataType::Timestamp(Some("Europe/Paris".into())), "timestamp", false),
            (DataType::Duration, "bigint", false),
            (DataType::UInt(128), "decimal(38,0)", false),
            (list(DataType::Decimal { precision: 4, scale: 2 }), "array<decimal(4,2)>", true),
            (list(DataType::Timestamp(Some("UTC".into()))), "array<timestamp>", false),
            (list(DataType::Duration), "array<bigint>", false),
            (
                list(DataType::Struct(fields([("at", DataType::Timestamp(None)), ("b", DataType::Binary)]))),
                "array<struct<at:timestamp,b:binary>>",
                true,
            ),
            (DataType::List(Box::new(DataType::List(Box::new(DataType::Int(16))))), "array<array<smallint>>", true),
            (DataType::Struct(Vec::new()), "string", false),
            (nested, "struct<id:bigint,tags:array<string>,at:struct<x:double,_y:decimal(12,3)>>", false),
        ] {
            assert_eq!(glue_type(&ours).unwrap(), glue, "{ours}");
            assert_eq!(says_all(&ours), says_all_of_it, "{ours}");
            kinds.insert(kind(&ours));
        }
        assert_eq!(kinds, (0..=13).collect());
    }

    #[test]
    fn partition_columns_have_the_type_that_their_folders_are_written_in() {
        for (ours, glue) in [
            (DataType::Int(64), "bigint"),
            (DataType::UInt(8), "smallint"),
            (DataType::Date, "date"),
            (DataType::Boolean, "boolean"),
            (DataType::Timestamp(None), "timestamp"),
            (DataType::Timestamp(Some("UTC".into())), "string"),
            (DataType::Duration, "string"),
            (DataType::Time, "string"),
            (DataType::Binary, "string"),
            (DataType::List(Box::new(DataType::Int(8))), "string"),
        ] {
            assert_eq!(partition_type(&ours), glue, "{ours}");
        }
    }

    #[test]
    fn names_are_lower_case_and_what_they_were_is_kept() {
        let schema = [("Carrier", DataType::String), ("Month", DataType::Int(64)), ("delay", DataType::UInt(8)), ("day", DataType::Date)];
        let id = TableId::new("nyc", "flights");
        let columns = Columns::of(&id, &schema.into_iter().collect(), &["day".into(), "Month".into()]).unwrap();
        let told: Vec<_> = columns
            .data
            .iter()
            .chain(&columns.partition)
            .map(|column| (column.name.as_str(), column.glue_type.as_str(), column.parameters.clone()))
            .collect();
        let none = BTreeMap::new();
        let expected = [
            ("carrier", "string", BTreeMap::from([(NAME, "Carrier".to_owned())])),
            ("delay", "smallint", BTreeMap::from([(TYPE, "uint8".to_owned())])),
            ("day", "date", none),
            ("month", "bigint", BTreeMap::from([(NAME, "Month".to_owned())])),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_glue_can_not_say_is_refused() {
        let id = TableId::new("nyc", "flights");
        let deep = |name: &str| DataType::List(Box::new(DataType::Struct(fields([("a", DataType::Null), (name, DataType::Null)]))));
        for (columns, code, part) in [
            (vec![("a", DataType::Null), ("A", DataType::Null)], FailureCode::Conflict, "\"a\" and \"A\" in table nyc.flights"),
            (vec![("x", deep("A"))], FailureCode::Conflict, "\"a\" and \"A\" in column \"x\""),
            (vec![("x", deep("b:c"))], FailureCode::InvalidRequest, "\"b:c\""),
            (vec![("x", deep("1e5"))], FailureCode::InvalidRequest, "\"1e5\""),
            (vec![("", DataType::Null)], FailureCode::InvalidRequest, "0 characters"),
        ] {
            let failure = Columns::of(&id, &columns.into_iter().collect(), &[]).unwrap_err();
            assert_eq!(failure.code, code, "{failure}");
            assert!(failure.message.contains(part), "{failure}");
        }
    }

    #[test]
    fn what_others_said_of_a_column_is_kept() {
        let named = Named { name: "delay".into(), glue_type: "bigint".into(), parameters: BTreeMap::new() };
        let theirs =
            GlueColumn::builder().name("delay").r#type("int").comment("minutes").parameters("owner", "ops").parameters(TYPE, "uint16");
        let column = named.to_glue(&[theirs.build().unwrap()]).unwrap();
        assert_eq!((column.r#type(), column.comment()), (Some("bigint"), Some("minutes")));
        assert_eq!(column.parameters().unwrap().keys().collect::<BTreeSet<_>>(), BTreeSet::from([&"owner".to_owned()]));
    }
}
