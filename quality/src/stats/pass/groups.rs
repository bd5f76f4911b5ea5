//! A batch split by the values of some columns.

use polars::prelude::*;

use super::{batch::Batch, expressions::evaluate, plan::Section};

/// The values that make a group, as text; `None` is null.
pub(crate) type Key = Vec<Option<String>>;

/// The rows of each group.
pub(super) fn split(frame: &DataFrame, section: &Section) -> PolarsResult<Vec<(Key, Batch)>> {
    if frame.height() == 0 {
        return Ok(Vec::new());
    }
    let expressions: Vec<&Expr> = section.predicates.iter().map(|predicate| &predicate.expr).collect();
    let conditions = if expressions.is_empty() { Vec::new() } else { evaluate(frame, &expressions) };
    // What predicates say goes along as columns, so that each is worked out once and not for each group.
    let mut wide = frame.clone();
    for (place, found) in conditions.iter().enumerate() {
        if let Ok(found) = found {
            wide.with_column(found.clone().with_name(condition_name(place)).into_series().into_column())?;
        }
    }
    let parts = wide.partition_by_stable(section.group_by.iter().cloned(), true)?;
    let batches = parts.into_iter().map(|part| {
        let matches = conditions.iter().enumerate().map(|(place, found)| match found {
            Err(why) => Ok(Err(why.clone())),
            Ok(_) => Ok(Ok(u64::from(part.column(&condition_name(place))?.bool()?.sum().unwrap_or_default()))),
        });
        let matches = matches.collect::<PolarsResult<Vec<_>>>()?;
        Ok((key(&part, section)?, Batch::with_matches(&part, section, matches)?))
    });
    batches.collect()
}

/// No column of a dataset has such a name.
fn condition_name(place: usize) -> PlSmallStr {
    format!("\u{0}condition {place}").into()
}

fn key(part: &DataFrame, section: &Section) -> PolarsResult<Key> {
    section.group_by.iter().map(|name| Ok(key_text(&part.column(name)?.get(0)?))).collect()
}

/// A value of a group as text; `None` is null. Different numbers are different texts, and zero has no sign.
pub(crate) fn key_text(value: &AnyValue<'_>) -> Option<String> {
    Some(match value {
        AnyValue::Null => return None,
        AnyValue::Float32(number) => format!("{:?}", number + 0.0),
        AnyValue::Float64(number) => format!("{:?}", number + 0.0),
        value => value.str_value().into_owned(),
    })
}
