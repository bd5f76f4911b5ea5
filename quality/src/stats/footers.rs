//! What Parquet footers tell without a scan: rows, nulls, and the ends of integers, dates and
//! timestamps.
//!
//! Never more than they are sure of. A filter, groups, a file of another format, a row group
//! without the statistic: all of that is scanned instead. So are floats, whose NaN statistics leave
//! out, and everything whose statistics may be cut short.

use polars::{
    io::parquet::metadata::{ParquetStatistics, deserialize},
    prelude::*,
};

use super::{
    Measure, State, Statistic,
    pass::{Target, extremes_of},
    states::Extremes,
};
use crate::data::{Dataset, Footer, Source};

/// The state of a statistic, if no scan is needed for it.
pub(super) fn answer(dataset: &Dataset, statistic: &Statistic) -> Option<State> {
    if statistic.filter.is_some() || !statistic.group_by.is_empty() {
        return None;
    }
    match &statistic.measure {
        Measure::Rows => dataset.known_rows().map(State::Rows),
        Measure::Complete(column) => complete(dataset, &flat(dataset, column)?),
        Measure::Extremes(column) => extremes(dataset, &flat(dataset, column)?),
        _ => None,
    }
}

/// A column whose values are those of one column chunk in each row group.
fn flat(dataset: &Dataset, name: &str) -> Option<Target> {
    Target::resolve(dataset.schema(), name).ok().filter(|target| target.path.is_empty() && !target.data_type.is_nested())
}

fn complete(dataset: &Dataset, target: &Target) -> Option<State> {
    let (mut matches, mut rows) = (0, 0);
    for (source, footer) in dataset.footers()? {
        rows += footer.metadata.num_rows as u64;
        if source.schema.contains(&target.root) {
            let nulls = (0..footer.metadata.row_groups.len()).map(|group| nulls(footer, group, &target.root)).sum::<Option<u64>>()?;
            matches += (footer.metadata.num_rows as u64).checked_sub(nulls)?;
        }
    }
    Some(State::Ratio { matches, rows })
}

/// Nulls of a column in a row group.
fn nulls(footer: &Footer, group: usize, name: &str) -> Option<u64> {
    let mut chunks = footer.metadata.row_groups.get(group)?.columns_under_root_iter(name)?;
    let statistics = chunks.next()?.statistics(&footer.metadata.footer_buf)?.ok()?;
    // Of a nested column the nulls would be those of its leaves.
    if chunks.next().is_some() { None } else { u64::try_from(statistics.null_count()?).ok() }
}

fn extremes(dataset: &Dataset, target: &Target) -> Option<State> {
    let sure = |data_type: &DataType| data_type.is_primitive_numeric() && !data_type.is_float();
    if !sure(&target.data_type) && !matches!(target.data_type, DataType::Date | DataType::Datetime(..)) {
        return None;
    }
    let mut all = Extremes::default();
    for (source, footer) in dataset.footers()? {
        all.merge(&of_file(source, footer, target)?);
    }
    Some(State::Extremes(all))
}

fn of_file(source: &Source, footer: &Footer, target: &Target) -> Option<Extremes> {
    let mut all = Extremes::default();
    let Some(data_type) = source.schema.get(&target.root) else { return Some(all) };
    // What is cast when it is read may have other ends than what is stored.
    if *data_type != target.data_type {
        return None;
    }
    for (index, group) in footer.metadata.row_groups.iter().enumerate() {
        let values = (group.num_rows() as u64).checked_sub(nulls(footer, index, &target.root)?)?;
        if values > 0 {
            all.merge(&of_group(footer, index, &target.root, data_type)?.with_count(values));
        }
    }
    Some(all)
}

fn of_group(footer: &Footer, group: usize, name: &str, data_type: &DataType) -> Option<Extremes> {
    let field = footer.fields.get(name)?;
    let mut chunks = footer.metadata.row_groups.get(group)?.columns_under_root_iter(name)?;
    let raw = footer.metadata.row_groups.get(group)?.columns_under_root_iter(name)?.next()?;
    let raw = raw.statistics(&footer.metadata.footer_buf)?.ok()?;
    if !is_stored_as(data_type, raw.as_int32().is_some(), raw.as_int64().is_some()) {
        return None;
    }
    let ParquetStatistics::Column(statistics) = deserialize(field, &mut chunks, &footer.metadata.footer_buf).ok()?? else { return None };
    let statistics = statistics.into_arrow().ok()?;
    let least = Series::try_from((field, statistics.min_value?)).ok()?;
    let greatest = Series::try_from((field, statistics.max_value?)).ok()?;
    let ends = [extremes_of(&least).ok()?, extremes_of(&greatest).ok()?];
    Some(Extremes::of_ends(1, ends.first()?.minimum()?, ends.last()?.maximum()?))
}

/// Whether a type is stored as integers of 32 or 64 bits, as it mostly is; old timestamps, for one, are not.
fn is_stored_as(data_type: &DataType, narrow: bool, wide: bool) -> bool {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 | DataType::Date => narrow,
        DataType::UInt32 => narrow || wide,
        DataType::Int64 | DataType::UInt64 | DataType::Datetime(..) => wide,
        _ => false,
    }
}

#[cfg(test)]
#[path = "footers_tests.rs"]
mod tests;
