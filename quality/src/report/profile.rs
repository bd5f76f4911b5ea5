//! A dataset's profile as a report shows it.

use super::{
    document::{Bin, Column, Distribution},
    number::{measured, thousands},
};
use crate::profile::{ColumnProfile, Kind, Profile};

/// Numbers of which there are no more than so many are shown one by one.
const FEW: usize = 12;

/// The columns of a profile, in their order.
pub fn columns(profile: &Profile) -> Vec<Column> {
    profile.columns.iter().map(|column| of_column(column, profile.rows)).collect()
}

fn of_column(column: &ColumnProfile, rows: u64) -> Column {
    Column {
        name: column.name.clone(),
        data_type: type_name(column),
        rows,
        nulls: column.nulls,
        distinct: column.distinct,
        is_approximate: !column.distinct_is_exact,
        facts: facts(column),
        distribution: distribution(column),
    }
}

fn type_name(column: &ColumnProfile) -> String {
    let name = match column.kind {
        Kind::Unknown => "no values",
        Kind::Integral => "whole number",
        Kind::Fractional => "number",
        Kind::Boolean => "true or false",
        Kind::String => "text",
        Kind::Temporal | Kind::Nested => &column.stored,
    };
    if column.inferred && column.kind != Kind::Unknown { format!("{name}, as text") } else { name.to_owned() }
}

fn facts(column: &ColumnProfile) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    if column.distinct == Some(1) && column.distinct_is_exact {
        return facts;
    }
    if let Some(numbers) = &column.numbers {
        add("min", measured(numbers.min));
        add("mean", measured(numbers.mean));
        if let Some(median) = numbers.quantiles.iter().find(|quantile| quantile.share == 0.5) {
            add("median", measured(median.value));
        }
        add("max", measured(numbers.max));
        add("std", measured(numbers.standard_deviation));
    } else if let Some(lengths) = &column.lengths {
        let (min, max) = (thousands(lengths.min), thousands(lengths.max));
        add("length", if min == max { min } else { format!("{min} to {max}") });
    }
    if let Some(times) = &column.times {
        add("first", times.min.clone());
        add("last", times.max.clone());
    }
    facts
}

/// Values one by one where there are few, else numbers by ranges.
fn distribution(column: &ColumnProfile) -> Distribution {
    let bins = || column.bins.iter().map(|bin| Bin { low: bin.from, high: bin.to, shown: None, count: bin.count }).collect();
    match &column.values {
        Some(values) if column.bins.is_empty() || (values.is_whole() && values.top.len() <= FEW) => {
            let top = values.top.iter().map(|value| (value.value.clone(), value.count)).collect();
            Distribution::Values { top, other: values.other }
        }
        _ if !column.bins.is_empty() => Distribution::Histogram(bins()),
        _ => Distribution::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;
    use crate::{data::Dataset, profile};

    #[test]
    fn each_column_is_shown_as_what_it_is() {
        let numbers: Vec<i64> = (0..100).collect();
        let codes: Vec<&str> = (0..100).map(|i| if i % 4 == 0 { "b" } else { "a" }).collect();
        let flags: Vec<Option<i64>> = (0..100).map(|i| (i % 2 == 0).then_some(i % 4)).collect();
        let frame = df!("number" => numbers, "code" => codes, "flag" => flags).unwrap();
        let profile = profile::profile(&Dataset::of_frame(frame), &profile::Options::default()).unwrap();
        let [number, code, flag] = columns(&profile).try_into().unwrap();
        assert_eq!((number.data_type.as_str(), number.rows, number.nulls), ("whole number", 100, 0));
        let Distribution::Histogram(bins) = &number.distribution else { panic!("{number:?}") };
        assert_eq!((bins.iter().map(|bin| bin.count).sum::<u64>(), bins[0].low, bins.last().unwrap().high), (100, 0.0, 99.0));
        assert!(number.facts.contains(&("mean".to_owned(), "49.5".to_owned())), "{:?}", number.facts);
        let values = |top: &[(&str, u64)]| Distribution::Values { top: top.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect(), other: 0 };
        assert_eq!((code.distribution, code.facts), (values(&[("a", 75), ("b", 25)]), vec![("length".to_owned(), "1".to_owned())]));
        assert_eq!((flag.nulls, flag.distribution), (50, values(&[("0", 25), ("2", 25)])));
    }
}
