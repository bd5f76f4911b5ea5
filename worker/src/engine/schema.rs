//! Between Polars' types and the model's.
//!
//! A column of Polars' `Null` type is one that no value has told the type of yet. Parquet has no
//! such type that every reader knows, so it is stored as text and named in the file's metadata
//! (`storage`), and read back as `Null`: an empty column never decides what type a later file's has.

use lakegate_model::{
    pipeline::ColumnType,
    table::{self, Column as ModelColumn, DataType as ModelType},
};
use polars::prelude::*;

/// The model's type for a Polars type.
pub(super) fn to_model(data_type: &DataType) -> ModelType {
    match data_type {
        DataType::Null => ModelType::Null,
        DataType::Boolean => ModelType::Boolean,
        DataType::Int8 => ModelType::Int(8),
        DataType::Int16 => ModelType::Int(16),
        DataType::Int32 => ModelType::Int(32),
        DataType::Int64 => ModelType::Int(64),
        DataType::UInt8 => ModelType::UInt(8),
        DataType::UInt16 => ModelType::UInt(16),
        DataType::UInt32 => ModelType::UInt(32),
        DataType::UInt64 => ModelType::UInt(64),
        DataType::Int128 | DataType::UInt128 => ModelType::Decimal { precision: 38, scale: 0 },
        DataType::Float32 => ModelType::Float(32),
        DataType::Float64 => ModelType::Float(64),
        DataType::Decimal(precision, scale) => {
            ModelType::Decimal { precision: u8::try_from(*precision).unwrap_or(38), scale: u8::try_from(*scale).unwrap_or(0) }
        }
        DataType::Binary => ModelType::Binary,
        DataType::Date => ModelType::Date,
        DataType::Time => ModelType::Time,
        DataType::Datetime(_, zone) => ModelType::Timestamp(zone.as_ref().map(|zone| zone.to_string())),
        DataType::Duration(_) => ModelType::Duration,
        DataType::List(item) | DataType::Array(item, _) => ModelType::List(Box::new(to_model(item))),
        DataType::Struct(fields) => ModelType::Struct(
            fields.iter().map(|field| ModelColumn { name: field.name.to_string(), data_type: to_model(&field.dtype) }).collect(),
        ),
        _ => ModelType::String,
    }
}

/// The Polars type for a type of the model.
pub(super) fn to_polars(data_type: &ModelType) -> DataType {
    match data_type {
        ModelType::Null => DataType::Null,
        ModelType::Boolean => DataType::Boolean,
        ModelType::Int(8) => DataType::Int8,
        ModelType::Int(16) => DataType::Int16,
        ModelType::Int(32) => DataType::Int32,
        ModelType::Int(_) => DataType::Int64,
        ModelType::UInt(8) => DataType::UInt8,
        ModelType::UInt(16) => DataType::UInt16,
        ModelType::UInt(32) => DataType::UInt32,
        ModelType::UInt(_) => DataType::UInt64,
        ModelType::Float(32) => DataType::Float32,
        ModelType::Float(_) => DataType::Float64,
        ModelType::Decimal { precision, scale } => DataType::Decimal(usize::from(*precision), usize::from(*scale)),
        ModelType::String => DataType::String,
        ModelType::Binary => DataType::Binary,
        ModelType::Date => DataType::Date,
        ModelType::Time => DataType::Time,
        ModelType::Timestamp(zone) => DataType::Datetime(TimeUnit::Microseconds, zone.as_deref().and_then(time_zone)),
        ModelType::Duration => DataType::Duration(TimeUnit::Microseconds),
        ModelType::List(item) => DataType::List(Box::new(to_polars(item))),
        ModelType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| Field::new(field.name.as_str().into(), to_polars(&field.data_type))).collect())
        }
    }
}

fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZone::opt_try_new(Some(name)).ok().flatten()
}

/// The Polars type a pipeline file asks for.
pub(super) fn declared(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::String => DataType::String,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float32 => DataType::Float32,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Date => DataType::Date,
        ColumnType::Timestamp => DataType::Datetime(TimeUnit::Microseconds, None),
    }
}

/// The type a column of this type is stored with: one that every reader of Parquet knows.
pub(super) fn stored(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null | DataType::Categorical(..) | DataType::Enum(..) => DataType::String,
        DataType::Int128 | DataType::UInt128 => DataType::Decimal(38, 0),
        DataType::Datetime(_, zone) => DataType::Datetime(TimeUnit::Microseconds, zone.clone()),
        DataType::Duration(_) => DataType::Duration(TimeUnit::Microseconds),
        DataType::List(item) | DataType::Array(item, _) => DataType::List(Box::new(stored(item))),
        DataType::Struct(fields) if fields.is_empty() => DataType::String,
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| Field::new(field.name.clone(), stored(&field.dtype))).collect())
        }
        other => other.clone(),
    }
}

/// The model's schema for a Polars schema.
pub(super) fn model_schema(schema: &Schema) -> table::Schema {
    schema.iter().map(|(name, data_type)| (name.as_str(), to_model(data_type))).collect()
}

/// The Polars schema for a schema of the model.
pub(super) fn polars_schema(schema: &table::Schema) -> Schema {
    schema.columns.iter().map(|column| Field::new(column.name.as_str().into(), to_polars(&column.data_type))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A catalog is told the model's type, and its readers find the stored one.
    #[test]
    fn what_is_stored_is_what_the_model_says() {
        let categories = DataType::from_categories(Categories::global());
        let field = |name: &str, data_type| Field::new(name.into(), data_type);
        for (data_type, model) in [
            (DataType::Int128, ModelType::Decimal { precision: 38, scale: 0 }),
            (DataType::UInt128, ModelType::Decimal { precision: 38, scale: 0 }),
            (DataType::UInt64, ModelType::UInt(64)),
            (DataType::Decimal(12, 3), ModelType::Decimal { precision: 12, scale: 3 }),
            (categories.clone(), ModelType::String),
            (DataType::Binary, ModelType::Binary),
            (DataType::Time, ModelType::Time),
            (DataType::Datetime(TimeUnit::Nanoseconds, None), ModelType::Timestamp(None)),
            (DataType::Datetime(TimeUnit::Milliseconds, time_zone("Europe/Paris")), ModelType::Timestamp(Some("Europe/Paris".into()))),
            (DataType::Duration(TimeUnit::Nanoseconds), ModelType::Duration),
            (DataType::Array(Box::new(categories), 2), ModelType::List(Box::new(ModelType::String))),
            (
                DataType::Struct(vec![field("a", DataType::Int128), field("b", DataType::Duration(TimeUnit::Milliseconds))]),
                ModelType::Struct(vec![
                    ModelColumn { name: "a".into(), data_type: ModelType::Decimal { precision: 38, scale: 0 } },
                    ModelColumn { name: "b".into(), data_type: ModelType::Duration },
                ]),
            ),
        ] {
            assert_eq!(to_model(&data_type), model, "{data_type}");
            assert_eq!(to_model(&stored(&data_type)), model, "{data_type} as stored");
        }
        for unit in [TimeUnit::Nanoseconds, TimeUnit::Milliseconds] {
            assert_eq!(stored(&DataType::Datetime(unit, None)), DataType::Datetime(TimeUnit::Microseconds, None));
            assert_eq!(stored(&DataType::Duration(unit)), DataType::Duration(TimeUnit::Microseconds));
        }
        let wide = Series::new("n".into(), [1_i64, 2]).cast(&DataType::UInt128).unwrap();
        assert_eq!(wide.cast(&stored(wide.dtype())).unwrap().dtype(), &DataType::Decimal(38, 0));
    }

    #[test]
    fn every_model_type_survives_polars() {
        let types = [
            ModelType::Null,
            ModelType::Boolean,
            ModelType::Int(8),
            ModelType::Int(64),
            ModelType::UInt(16),
            ModelType::Float(32),
            ModelType::Decimal { precision: 12, scale: 3 },
            ModelType::String,
            ModelType::Binary,
            ModelType::Date,
            ModelType::Time,
            ModelType::Timestamp(None),
            ModelType::Timestamp(Some("UTC".into())),
            ModelType::Duration,
            ModelType::List(Box::new(ModelType::Struct(vec![ModelColumn { name: "a".into(), data_type: ModelType::Int(32) }]))),
        ];
        for data_type in types {
            assert_eq!(to_model(&to_polars(&data_type)), data_type);
        }
    }
}
