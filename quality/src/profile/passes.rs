//! What is measured in which pass, and what becomes of it.

use polars::prelude::{DataType, PlSmallStr, lit};

use super::{ColumnProfile, Kind, Lengths, Numbers, Profile, Quantile, Spread, TypeCounts, ValueCount, bins::bins, times::times};
use crate::{
    data::{DataError, Dataset, named},
    stats::{self, Measure, MeasureError, Measured, Quantiles, Statistic, TopValues, measure_with_options},
};

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Only these columns, if any are named.
    pub columns: Option<Vec<String>>,
    /// Up to how many different values all of them are counted.
    pub categories: u64,
    /// Up to how many different values the most frequent ones are counted.
    pub frequent: u64,
    /// How many of those are shown.
    pub shown: usize,
    /// How many bins numbers are put in, for plots.
    pub bins: usize,
    /// Which quantiles of numbers are told, from 0 to 1.
    pub quantiles: Vec<f64>,
    /// Bytes that values of all columns may take in memory together, be they numbers or counted values; where they
    /// would take more, quantiles are about right, and values are not counted. The profile says so.
    pub memory: u64,
}

impl Default for Options {
    fn default() -> Options {
        let quantiles = vec![0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
        Options { columns: None, categories: 120, frequent: 10_000, shown: 20, bins: 20, quantiles, memory: 256 << 20 }
    }
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no such column.
    #[error("there is no column {0:?}")]
    NoColumn(String),
    /// The dataset can't be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// It can't be measured.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

/// Profiles a dataset in one pass, or two.
///
/// # Errors
/// If the dataset can't be read, or has not all of the columns that are named.
pub fn profile(data: &Dataset, options: &Options) -> Result<Profile, ProfileError> {
    let chosen = chosen(data, options)?;
    let wanted: Vec<Statistic> = std::iter::once(Measure::Rows)
        .chain(chosen.iter().flat_map(|(name, stored)| first_pass(name, stored)))
        .map(Statistic::of)
        .collect();
    let first = measure_with_options(data, &wanted, &keeping(options))?;
    let rows = first.get(&Statistic::of(Measure::Rows)).ok().and_then(|state| state.rows()).unwrap_or_default();
    let mut columns: Vec<ColumnProfile> = chosen.iter().map(|(name, stored)| of_first_pass(name, stored, rows, &first, options)).collect();
    let uncounted = second_pass(data, &mut columns, options)?;
    Ok(Profile { rows, columns, uncounted })
}

fn keeping(options: &Options) -> stats::Options {
    stats::Options { values: Some(options.memory), ..stats::Options::default() }
}

/// The columns that are looked at, in the dataset's order.
fn chosen(data: &Dataset, options: &Options) -> Result<Vec<(String, DataType)>, ProfileError> {
    let all = data.schema().iter().map(|(name, stored)| (name.to_string(), stored.clone()));
    let Some(wanted) = &options.columns else { return Ok(all.collect()) };
    match wanted.iter().find(|name| !data.schema().contains(name)) {
        Some(unknown) => Err(ProfileError::NoColumn(unknown.clone())),
        None => Ok(all.filter(|(name, _)| wanted.contains(name)).collect()),
    }
}

fn first_pass(name: &str, stored: &DataType) -> Vec<Measure> {
    let name = || name.to_owned();
    let mut measures = vec![Measure::Complete(name())];
    match Kind::of_stored(stored) {
        Kind::Integral | Kind::Fractional => measures.extend(of_numbers(name)),
        Kind::String => measures.extend([Measure::Types(name()), Measure::Lengths(name())]),
        Kind::Temporal => measures.push(Measure::Extremes(name())),
        Kind::Boolean | Kind::Unknown | Kind::Nested => {}
    }
    if !matches!(Kind::of_stored(stored), Kind::Unknown | Kind::Nested) {
        measures.push(Measure::ApproximateDistinct(name()));
    }
    measures
}

fn of_numbers(name: impl Fn() -> String) -> [Measure; 3] {
    [Measure::Extremes(name()), Measure::Moments(name()), Measure::Quantiles(name())]
}

fn of_first_pass(name: &str, stored: &DataType, rows: u64, first: &Measured, options: &Options) -> ColumnProfile {
    let get = |measure: fn(String) -> Measure| first.get(&Statistic::of(measure(name.to_owned()))).ok();
    let present = get(Measure::Complete).and_then(|state| state.ratio()).map_or(0, |(present, _)| present);
    let types = get(Measure::Types).and_then(|state| state.types()).map(|types| TypeCounts {
        null: types.nulls,
        fractional: types.fractional,
        integral: types.integral,
        boolean: types.boolean,
        string: types.other,
    });
    let stored_kind = Kind::of_stored(stored);
    let kind = types.map_or(stored_kind, TypeCounts::kind);
    let lengths = get(Measure::Lengths).and_then(|state| state.lengths()).and_then(|lengths| lengths.shortest.zip(lengths.longest));
    let extremes = get(Measure::Extremes).and_then(|state| state.extremes()).and_then(|found| found.minimum().zip(found.maximum()));
    let (numbers, bins) = numbers(name, first, options).unzip();
    ColumnProfile {
        name: name.to_owned(),
        stored: stored.to_string(),
        kind,
        inferred: kind != stored_kind,
        nulls: rows - present.min(rows),
        completeness: if rows == 0 { 1.0 } else { present as f64 / rows as f64 },
        distinct: get(Measure::ApproximateDistinct).and_then(|state| state.approximate_distinct()).map(|about| about.round() as u64),
        distinct_is_exact: false,
        types,
        lengths: lengths.map(|(min, max)| Lengths { min, max }),
        numbers,
        times: extremes.and_then(|(min, max)| times(stored, min, max)),
        values: None,
        bins: bins.unwrap_or_default(),
    }
}

/// What is known of numbers, and they in bins; nothing if there are none, or they were not measured.
fn numbers(name: &str, measured: &Measured, options: &Options) -> Option<(Numbers, Vec<super::Bin>)> {
    let get = |measure: fn(String) -> Measure| measured.get(&Statistic::of(measure(name.to_owned()))).ok();
    let extremes = get(Measure::Extremes)?.extremes()?;
    let moments = get(Measure::Moments)?.moments()?;
    let quantiles = get(Measure::Quantiles)?.quantiles()?;
    let (min, max) = (extremes.minimum()?, extremes.maximum()?);
    let quantile = |share: f64| Some(Quantile { share, value: quantiles.quantile(share)? });
    let numbers = Numbers {
        min,
        max,
        mean: moments.mean()?,
        standard_deviation: moments.standard_deviation()?,
        variance: moments.variance()?,
        sum: moments.sum(),
        skewness: moments.skewness()?,
        kurtosis: moments.kurtosis()?,
        range: max - min,
        interquartile_range: quantiles.quantile(0.75)? - quantiles.quantile(0.25)?,
        zeros: moments.zeros,
        is_exact: quantiles.is_exact(),
        quantiles: options.quantiles.iter().copied().filter_map(quantile).collect(),
    };
    Some((numbers, binned(min, max, quantiles, options.bins)))
}

fn binned(min: f64, max: f64, quantiles: &Quantiles, number: usize) -> Vec<super::Bin> {
    // Infinities and NaN have no place in a plot; what is between them has.
    let finite = |value: f64| value.is_finite().then_some(value);
    let from_values = |values: &[f64]| (values.iter().copied().find_map(finite), values.iter().rev().copied().find_map(finite));
    let (least, greatest) = match quantiles.values() {
        Some(values) => from_values(values),
        None => (finite(min), finite(max)),
    };
    let Some((least, greatest)) = least.zip(greatest) else { return Vec::new() };
    bins(least, greatest, number, |edge| quantiles.below(edge))
}

/// Counts values where there are few of them, and measures strings that are numbers. Gives the columns whose values
/// would have been counted, had there been room.
fn second_pass(data: &Dataset, columns: &mut [ColumnProfile], options: &Options) -> Result<Vec<String>, ProfileError> {
    let (counted, uncounted) = counted(columns, options);
    let mut wanted: Vec<Statistic> = counted.into_iter().map(|name| Statistic::of(Measure::TopValues(name))).collect();
    let mut casts = Vec::new();
    for column in columns.iter() {
        if column.inferred && column.kind.is_numeric() {
            let cast = unused(data, &column.name);
            wanted.extend(of_numbers(|| cast.clone()).map(Statistic::of));
            // Deequ's numbers may have a space between sign and digits.
            let number = named(&column.name).str().replace_all(lit(" "), lit(""), true).cast(DataType::Float64);
            casts.push(number.alias(PlSmallStr::from_str(&cast)));
        }
    }
    if wanted.is_empty() {
        return Ok(uncounted);
    }
    // Whatever is asked for, the dataset is read once.
    let with_numbers = if casts.is_empty() { None } else { Some(Dataset::of_lazy(data.scan()?.with_columns(casts))?) };
    let measured = measure_with_options(with_numbers.as_ref().unwrap_or(data), &wanted, &keeping(options))?;
    for column in columns {
        if let Some(top) = measured.get(&Statistic::of(Measure::TopValues(column.name.clone()))).ok().and_then(|state| state.top_values()) {
            add_values(column, top, options);
        }
        if column.inferred
            && let Some((numbers, bins)) = numbers(&unused(data, &column.name), &measured, options)
        {
            (column.numbers, column.bins) = (Some(numbers), bins);
        }
    }
    Ok(uncounted)
}

/// Bytes of a value in a table of counts besides its text.
const ENTRY: u64 = 112;

/// The columns whose values are counted, and those for which there is no room; the fewer values, the sooner.
fn counted(columns: &[ColumnProfile], options: &Options) -> (Vec<String>, Vec<String>) {
    let mut few: Vec<(u64, usize)> = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if let Some(distinct) = column.distinct.filter(|distinct| *distinct <= limit(column, options) && column.kind != Kind::Unknown) {
            let text = column.lengths.map_or(20, |lengths| (lengths.min + lengths.max) / 2);
            few.push((distinct * (ENTRY + text), place));
        }
    }
    few.sort_unstable();
    // Each thread has a table of its own.
    let room = options.memory / stats::FEW_THREADS as u64;
    let mut used = 0_u64;
    let mut chosen = vec![false; columns.len()];
    let mut left_out = vec![false; columns.len()];
    for (bytes, place) in few {
        used = used.saturating_add(bytes);
        let into = if used <= room { &mut chosen } else { &mut left_out };
        into.iter_mut().skip(place).take(1).for_each(|flag| *flag = true);
    }
    let named = |flags: Vec<bool>| {
        columns.iter().zip(flags).filter(|(_, flag)| *flag).map(|(column, _)| column.name.clone()).collect::<Vec<String>>()
    };
    (named(chosen), named(left_out))
}

/// Up to how many values are counted. The most frequent of many fractions tell nobody anything.
fn limit(column: &ColumnProfile, options: &Options) -> u64 {
    match column.kind {
        Kind::String | Kind::Integral | Kind::Boolean => options.frequent.max(options.categories),
        _ => options.categories,
    }
}

fn add_values(column: &mut ColumnProfile, top: &TopValues, options: &Options) {
    let distinct = top.distinct() as u64;
    if top.is_exact() {
        (column.distinct, column.distinct_is_exact) = (Some(distinct), true);
    }
    let shown = if distinct <= options.categories { top.distinct() } else { options.shown };
    let values = top.top();
    let counted = values.iter().filter_map(|(value, count)| Some(ValueCount { value: (*value)?.to_owned(), count: *count }));
    let shown: Vec<ValueCount> = counted.take(shown).collect();
    let among: u64 = shown.iter().map(|value| value.count).sum();
    let present = top.rows - top.nulls;
    // A list of values that are all there once says nothing.
    if distinct <= options.categories || shown.first().is_some_and(|value| value.count > 1) {
        column.values = Some(Spread { top: shown, other: present - among.min(present) });
    }
}

/// A name for a column's numbers that no column has.
fn unused(data: &Dataset, name: &str) -> String {
    let mut unused = format!("{name} as number");
    while data.schema().contains(&unused) {
        unused.push('_');
    }
    unused
}
