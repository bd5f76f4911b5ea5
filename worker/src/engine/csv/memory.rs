//! CSV that is in memory.

use std::io::Cursor;

use lakegate_model::Failure;
use lakegate_quality::data::{
    shape::{self, SeparatorCount},
    types,
};
use polars::prelude::*;

use super::{
    Layout, as_read,
    wrong::{Unparsed, check_encoding, explain, ragged},
};
use crate::engine::evidence::Evidence;

/// Rows that types are inferred from at first.
const FIRST_ROWS: usize = 100;

/// Reads CSV in memory. Columns without a single value have Polars' `Null` type.
pub(in crate::engine) fn read(bytes: &[u8], layout: &Layout, key: &str) -> Result<DataFrame, Failure> {
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

/// Reads lines as they are, each column with the type of all its values.
pub(super) fn read_typed(bytes: &[u8], layout: &Layout, key: &str) -> Result<DataFrame, Failure> {
    let options = match first_types(bytes, layout) {
        Some(types) => layout.options(&types, 0),
        None => layout.options(&layout.declared, FIRST_ROWS),
    };
    match read_with(bytes, options) {
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

/// The types told by the first rows below a header. Polars would tell the same, and take longer for it than for the rest.
fn first_types(bytes: &[u8], layout: &Layout) -> Option<Vec<(PlSmallStr, DataType)>> {
    if !layout.header {
        return None;
    }
    let header = read_with(bytes, layout.options(&[], 0).with_n_rows(Some(0))).ok()?;
    let found = types::infer(bytes, layout.marks, &layout.null_values, header.width(), Some(FIRST_ROWS)).ok()?;
    let declared =
        |name: &PlSmallStr| layout.declared.iter().find(|(declared, _)| declared == name).map(|(_, data_type)| data_type.clone());
    Some(header.schema().iter_names_cloned().zip(found).map(|(name, found)| (name.clone(), declared(&name).unwrap_or(found))).collect())
}

fn read_with(bytes: &[u8], options: CsvReadOptions) -> PolarsResult<DataFrame> {
    options.into_reader_with_file_handle(Cursor::new(bytes)).finish()
}

/// Reads with a type for every column. A column that still has a value not of its type is text.
fn read_settled(bytes: &[u8], layout: &Layout, mut types: Vec<(PlSmallStr, DataType)>, key: &str) -> Result<DataFrame, Failure> {
    loop {
        let error = match read_with(bytes, layout.options(&as_read(&types), if layout.header { 0 } else { FIRST_ROWS })) {
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

/// Whether the lines of a text that was read have as many fields as the header.
fn has_shape(bytes: &[u8], layout: &Layout, rows: usize, width: usize) -> bool {
    let mut count = SeparatorCount::new(layout.marks);
    count.push(bytes);
    width < 2 || count.total() == ((rows + usize::from(layout.header)) * (width - 1)) as u64
}
