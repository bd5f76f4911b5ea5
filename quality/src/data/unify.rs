//! Columns of many files as those of one dataset: all that any file has, in the order in which they
//! are first seen, of types that hold every file's values. Where a file lacks a column it is null.

use std::path::Path;

use polars::prelude::*;

use super::DataError;

/// Adds a file's columns to those of the files before it.
pub(super) fn add(all: &mut Schema, one: &Schema, path: &Path) -> Result<(), DataError> {
    for (name, data_type) in one.iter() {
        let wider = match all.get(name) {
            Some(known) if known == data_type => continue,
            Some(known) => supertype(known, data_type).ok_or_else(|| DataError::Types {
                column: name.to_string(),
                left: known.to_string(),
                right: data_type.to_string(),
                path: path.to_owned(),
            })?,
            None => data_type.clone(),
        };
        all.with_column(name.clone(), wider);
    }
    Ok(())
}

/// The type that Polars gives to a union of columns of two types.
fn supertype(left: &DataType, right: &DataType) -> Option<DataType> {
    let frame = |data_type: &DataType| {
        let field = Field::new(PlSmallStr::EMPTY, data_type.clone());
        DataFrame::empty_with_schema(&Schema::from_iter([field])).lazy()
    };
    let mut union = concat([frame(left), frame(right)], UnionArgs { to_supertypes: true, ..UnionArgs::default() }).ok()?;
    union.collect_schema().ok()?.get("").cloned()
}

/// A column by its very name; `col` would read `*` and `^…$` as patterns.
pub(crate) fn named(name: &str) -> Expr {
    Expr::Column(name.into())
}

/// Expressions that make a file's columns those of the dataset; `None` if they already are.
pub(super) fn align(all: &Schema, one: &Schema) -> Option<Vec<Expr>> {
    if all == one {
        return None;
    }
    let columns = all.iter().map(|(name, data_type)| match one.get(name) {
        Some(same) if same == data_type => named(name),
        Some(_) => named(name).strict_cast(data_type.clone()),
        None => lit(NULL).cast(data_type.clone()).alias(name.clone()),
    });
    Some(columns.collect())
}
