//! Analyzers of many statistics: `AllStatistics` and `Distribution`.

use polars::prelude::DataType;

use super::super::judge::show;
use super::super::predicate::is_nested;
use super::super::{Fault, Found, Plan, Scope, Verdict, Want};
use super::moments::{breadth, of_moments};
use crate::language::RuleType;
use crate::stats::{Histogram, Measure, State};

/// How many of the most frequent values are told.
const SHOWN: usize = 20;

/// The columns that the parameter means: one, or all.
fn columns(scope: &Scope<'_>) -> Result<Vec<(String, DataType)>, Fault> {
    if scope.parameter(0)? == "AllColumns" && !scope.schema().contains("AllColumns") {
        return Ok(scope.whole.schema().iter().map(|(name, dtype)| (name.to_string(), dtype.clone())).collect());
    }
    let (name, dtype) = scope.column(0)?;
    Ok(vec![(name, dtype.clone())])
}

fn is_number(dtype: &DataType) -> bool {
    dtype.is_primitive_numeric() || dtype.is_decimal()
}

/// What is measured of one column.
struct Column {
    name: String,
    dtype: DataType,
    complete: Want,
    keys: Option<Want>,
    moments: Option<Want>,
    extremes: Option<Want>,
    lengths: Option<Want>,
}

impl Column {
    fn new(scope: &Scope<'_>, name: String, dtype: &DataType) -> Column {
        let want = |measure: fn(String) -> Measure| scope.statistic(measure(name.clone()));
        let comparable = !is_nested(dtype);
        Column {
            complete: want(Measure::Complete),
            keys: comparable.then(|| want(|name| Measure::Frequencies(vec![name]))),
            moments: is_number(dtype).then(|| want(Measure::Moments)),
            extremes: is_number(dtype).then(|| want(Measure::Extremes)),
            lengths: (*dtype == DataType::String).then(|| want(Measure::Lengths)),
            name,
            dtype: dtype.clone(),
        }
    }

    fn wants(&self) -> Vec<Want> {
        let others = [&self.keys, &self.moments, &self.extremes, &self.lengths];
        std::iter::once(&self.complete).chain(others.into_iter().flatten()).cloned().collect()
    }

    fn measured(&self, found: &Found<'_>, mut verdict: Verdict) -> Result<Verdict, Fault> {
        let mut add = |name: &str, value: f64| {
            verdict.metrics.insert(format!("Column.{}.{name}", self.name), value);
        };
        let (hits, rows) = found.ratio(&self.complete)?;
        add("Completeness", super::super::judge::ratio(hits, rows));
        if let Some(keys) = &self.keys {
            let keys = found.frequencies(keys)?;
            add("DistinctValuesCount", (keys.groups + u64::from(keys.null_rows > 0)) as f64);
            if keys.rows > 0 {
                add("Uniqueness", super::super::judge::ratio(keys.singles, keys.rows));
                add("UniqueValueRatio", super::super::judge::ratio(keys.singles, keys.groups));
                add("Entropy", keys.entropy);
            }
        }
        if let Some(moments) = &self.moments {
            let moments = found.moments(moments)?;
            for kind in [
                RuleType::Mean,
                RuleType::Sum,
                RuleType::StandardDeviation,
                RuleType::Variance,
                RuleType::Skewness,
                RuleType::Kurtosis,
                RuleType::ZerosCount,
            ] {
                if let Some(value) = of_moments(kind, moments, &self.dtype) {
                    add(kind.name(), value);
                }
            }
        }
        if let Some(extremes) = &self.extremes
            && let Some((min, max)) = found.extremes(extremes)?
        {
            add("Minimum", min);
            add("Maximum", max);
            add("Range", breadth((min, max), &self.dtype));
        }
        if let Some(lengths) = &self.lengths
            && let Some((shortest, longest)) = super::lengths::bounds(found.lengths(lengths)?)
        {
            add("MinimumLength", shortest);
            add("MaximumLength", longest);
        }
        Ok(verdict)
    }
}

pub(super) fn all_statistics(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let rows = scope.statistic(Measure::Rows);
    let columns: Vec<Column> = columns(scope)?.into_iter().map(|(name, dtype)| Column::new(scope, name, &dtype)).collect();
    let wants = std::iter::once(rows.clone()).chain(columns.iter().flat_map(Column::wants)).collect();
    Ok(Plan::shared(wants, move |found| {
        let mut verdict = Verdict::new(true);
        verdict.metrics.insert("Dataset.*.RowCount".to_owned(), found.rows(&rows)? as f64);
        columns.iter().try_fold(verdict, |verdict, column| column.measured(found, verdict))
    }))
}

/// Rows of each range of numbers, or of each of the most frequent values; nulls are left out.
pub(super) fn distribution(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let columns: Vec<(String, DataType)> = columns(scope)?.into_iter().filter(|(_, dtype)| !is_nested(dtype)).collect();
    let measured: Vec<(String, Want)> = columns
        .into_iter()
        .map(|(name, dtype)| {
            let measure = if is_number(&dtype) { Measure::Histogram(name.clone()) } else { Measure::TopValues(name.clone()) };
            (name, scope.statistic(measure))
        })
        .collect();
    let wants = measured.iter().map(|(_, want)| want.clone()).collect();
    Ok(Plan::shared(wants, move |found| {
        let mut verdict = Verdict::new(true);
        for (name, want) in &measured {
            let state = found.state(want)?;
            let counted = match state.histogram() {
                Some(histogram) => ranges(histogram),
                None => top(state)?,
            };
            verdict.metrics.extend(counted.into_iter().map(|(class, rows)| (format!("Column.{name}.Distribution.{class}"), rows)));
        }
        Ok(verdict)
    }))
}

fn top(state: &State) -> Result<Vec<(String, f64)>, Fault> {
    let values = state.top().ok_or_else(super::super::found::unlike)?;
    let values = values.into_iter().filter_map(|(value, rows)| Some((value?.to_owned(), rows as f64)));
    Ok(values.take(SHOWN).collect())
}

/// Named by their edges, which are the same from run to run: `[8, 12)`.
fn ranges(histogram: &Histogram) -> Vec<(String, f64)> {
    let ranges = histogram.ranges();
    match histogram.constant() {
        Some(value) => vec![(show(value), ranges.iter().map(|(_, _, rows)| *rows as f64).sum())],
        None => ranges.into_iter().map(|(from, to, rows)| (format!("[{}, {})", show(from), show(to)), rows as f64)).collect(),
    }
}
