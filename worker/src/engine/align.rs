//! Frames of different schemas as one: columns by name in the order they were first seen, types
//! widened, what a frame lacks null.

use lakegate_model::{drift, table};
use polars::prelude::*;

use super::{
    schema::{model_schema, polars_schema, to_model},
    text,
};

/// The schema that holds the rows of all.
pub(super) fn merged<'a>(schemas: impl IntoIterator<Item = &'a Schema>) -> table::Schema {
    let mut merged = table::Schema::default();
    let mut seen: Vec<&Schema> = Vec::new();
    for schema in schemas {
        // Most files of a batch have one of few schemas.
        if !seen.contains(&schema) {
            seen.push(schema);
            merged = drift::merge(&merged, &model_schema(schema));
        }
    }
    merged
}

/// A plan whose columns are `from`, with exactly the columns of `to`.
pub(super) fn plan(plan: LazyFrame, from: &Schema, to: &Schema) -> LazyFrame {
    if from == to && !from.iter_values().any(|data_type| *data_type == DataType::Null) {
        return plan;
    }
    // Columns are changed first and chosen then: a choice of constants alone would have one row.
    let changed: Vec<Expr> = to.iter().filter_map(|(name, wanted)| column(name, from.get(name), wanted)).collect();
    let chosen: Vec<Expr> = to.iter_names().map(|name| col(name.clone())).collect();
    plan.with_columns(changed).select(chosen)
}

fn column(name: &PlSmallStr, found: Option<&DataType>, wanted: &DataType) -> Option<Expr> {
    match found {
        None | Some(DataType::Null) if *wanted == DataType::Null => Some(lit(NULL).alias(name.clone())),
        None | Some(DataType::Null) => Some(lit(NULL).cast(wanted.clone()).alias(name.clone())),
        Some(found) if found == wanted => None,
        Some(DataType::String) => Some(text::parse(col(name.clone()), wanted)),
        Some(_) => Some(col(name.clone()).strict_cast(wanted.clone())),
    }
}

/// The frames below one another, with the merged schema.
pub(super) fn stack(frames: Vec<DataFrame>, schema: &table::Schema) -> PolarsResult<DataFrame> {
    let wanted = polars_schema(schema);
    let mut stacked: Option<DataFrame> = None;
    for frame in frames {
        let frame = conform(frame, &wanted)?;
        match &mut stacked {
            None => stacked = Some(frame),
            Some(stacked) => {
                stacked.vstack_mut_owned(frame)?;
            }
        }
    }
    let mut stacked = stacked.unwrap_or_else(|| DataFrame::empty_with_schema(&wanted));
    stacked.rechunk_mut();
    Ok(stacked)
}

/// The frame with exactly these columns.
pub(super) fn conform(frame: DataFrame, wanted: &Schema) -> PolarsResult<DataFrame> {
    if **frame.schema() == *wanted {
        return Ok(frame);
    }
    let height = frame.height();
    let mut columns = Vec::with_capacity(wanted.len());
    for (name, data_type) in wanted.iter() {
        let column = match frame.column(name) {
            Ok(column) if column.dtype() == data_type => column.clone(),
            Ok(column) if *column.dtype() != DataType::Null => cast(column, data_type)?,
            _ => Column::full_null(name.clone(), height, data_type),
        };
        columns.push(column);
    }
    DataFrame::new(height, columns)
}

fn cast(column: &Column, wanted: &DataType) -> PolarsResult<Column> {
    let said = || format!("column \"{}\" is {} in one file and {} in another", column.name(), to_model(column.dtype()), to_model(wanted));
    column.strict_cast(wanted).map_err(|error| PolarsError::SchemaMismatch(format!("{}: {error}", said()).into()))
}
