//! Declarative operations.

use crate::{pipeline::Operation, yaml::Value};

const KINDS: &[&str] = &["select", "rename", "cast", "filter", "derive", "deduplicate", "drop_nulls"];

pub(super) fn operations(value: Value<'_>) -> Option<Vec<Operation>> {
    let operations: Vec<Option<Operation>> = value.filled_list()?.into_iter().map(operation).collect();
    operations.into_iter().collect()
}

fn operation(value: Value<'_>) -> Option<Operation> {
    if value.as_text().is_some() {
        // Of all columns, these two need no list.
        return value
            .one_of(&[("deduplicate", Operation::Deduplicate as fn(Vec<String>) -> Operation), ("drop_nulls", Operation::DropNulls)])
            .map(|of| of(Vec::new()));
    }
    let (kind, value) = value.fields(KINDS, &[])?.exactly_one(KINDS)?;
    match kind {
        "select" => {
            value.filled_list()?;
            distinct(value).map(Operation::Select)
        }
        "rename" => {
            let pairs = pairs(value, Value::filled_text)?;
            for (index, (_, new)) in pairs.iter().enumerate() {
                if pairs.iter().take(index).any(|(_, before)| before == new) {
                    value.wrong(format!("two columns would be called `{new}`"));
                }
            }
            Some(Operation::Rename(pairs.into_iter().map(|(old, new)| (old, new.to_owned())).collect()))
        }
        "cast" => Some(Operation::Cast(pairs(value, |kind| super::stage::column_type(*kind))?.into_iter().collect())),
        "filter" => value.filled_text().map(|predicate| Operation::Filter(predicate.trim().to_owned())),
        "derive" => {
            let pairs = pairs(value, Value::filled_text)?;
            Some(Operation::Derive(pairs.into_iter().map(|(column, expression)| (column, expression.trim().to_owned())).collect()))
        }
        "deduplicate" => distinct(value).map(Operation::Deduplicate),
        _ => distinct(value).map(Operation::DropNulls),
    }
}

/// Something by column name, at least one.
fn pairs<'n, T>(value: Value<'n>, read: impl Fn(&Value<'n>) -> Option<T>) -> Option<Vec<(String, T)>> {
    let entries = value.entries()?;
    if entries.is_empty() {
        value.wrong("no column is named here");
        return None;
    }
    let pairs: Vec<Option<(String, T)>> = entries.iter().map(|(name, value)| Some(((*name).to_owned(), read(value)?))).collect();
    pairs.into_iter().collect()
}

/// Columns, each named once.
pub(super) fn distinct(value: Value<'_>) -> Option<Vec<String>> {
    let columns = value.texts()?;
    let twice = columns.iter().enumerate().find(|(index, column)| columns.iter().take(*index).any(|before| before == *column));
    if let Some((index, column)) = twice {
        value.list()?.get(index)?.wrong(format!("column `{column}` is named twice"));
        return None;
    }
    Some(columns)
}
