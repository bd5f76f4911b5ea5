//! Analyzers of many statistics: `AllStatistics` and `Distribution`.

use polars::prelude::{DataType, len, lit};

use super::super::predicate::{is_nested, numbers};
use super::super::scope::named;
use super::super::{Fault, Found, Plan, Scope, Verdict, Want};
use super::moments::of_moments;
use super::share::{run, scan};
use crate::language::RuleType;
use crate::stats::Measure;

/// How many bins numbers fall into, and how many of the most frequent values are told.
const BINS: u32 = 20;

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
                if let Some(value) = of_moments(kind, moments) {
                    add(kind.name(), value);
                }
            }
        }
        if let Some(extremes) = &self.extremes
            && let Some((min, max)) = found.extremes(extremes)?
        {
            add("Minimum", min);
            add("Maximum", max);
            add("Range", max - min);
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

/// Rows of each bin between the least and the greatest number, or of each of the most frequent values; nulls are left out.
pub(super) fn distribution(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let columns: Vec<(String, DataType)> = columns(scope)?.into_iter().filter(|(_, dtype)| !is_nested(dtype)).collect();
    let measured: Vec<(String, DataType, Want)> = columns
        .into_iter()
        .map(|(name, dtype)| {
            let measure = if is_number(&dtype) { Measure::Extremes(name.clone()) } else { Measure::TopValues(name.clone()) };
            (name, dtype, scope.statistic(measure))
        })
        .collect();
    let wants = measured.iter().map(|(_, _, want)| want.clone()).collect();
    Ok(Plan::shared(wants, move |found| {
        let mut verdict = Verdict::new(true);
        for (name, dtype, want) in &measured {
            let counted = if is_number(dtype) { bins(found, name, dtype, want)? } else { top(found, want)? };
            verdict.metrics.extend(counted.into_iter().map(|(class, rows)| (format!("Column.{name}.Distribution.{class}"), rows)));
        }
        Ok(verdict)
    }))
}

fn top(found: &Found<'_>, want: &Want) -> Result<Vec<(String, f64)>, Fault> {
    let values = found.state(want)?.top().ok_or_else(super::super::found::unlike)?;
    let values = values.into_iter().filter_map(|(value, rows)| Some((value?.to_owned(), rows as f64)));
    Ok(values.take(usize::try_from(BINS).unwrap_or(usize::MAX)).collect())
}

fn bins(found: &Found<'_>, name: &str, dtype: &DataType, want: &Want) -> Result<Vec<(String, f64)>, Fault> {
    let Some((min, max)) = found.extremes(want)?.filter(|(min, max)| min.is_finite() && max.is_finite()) else { return Ok(Vec::new()) };
    let width = (max - min) / f64::from(BINS);
    let value = numbers::as_number(named(name), dtype)?.double();
    let bin = if width > 0.0 { ((value.clone() - lit(min)) / lit(width)).floor() } else { value.clone() * lit(0.0) };
    let frame = scan(found)?.filter(value.is_not_null()).group_by([bin.alias("bin")]).agg([len().cast(DataType::Float64).alias("rows")]);
    let frame = run(frame)?;
    let (bins, rows) = (frame.column("bin")?.f64()?.clone(), frame.column("rows")?.f64()?.clone());
    let mut counted = vec![0.0; usize::try_from(BINS).unwrap_or_default()];
    for (bin, rows) in bins.iter().zip(rows.iter()).filter_map(|(bin, rows)| Some((bin?, rows?))) {
        // The greatest is in the last bin, rather than in one of its own.
        let last = counted.len() - 1;
        if let Some(count) = counted.get_mut((bin as usize).min(last)) {
            *count += rows;
        }
    }
    let label = |at: usize| {
        let edge = |at: usize| super::super::judge::show(min + width * at as f64);
        let close = if at + 1 == counted.len() { ']' } else { ')' };
        format!("[{}, {}{close}", edge(at), edge(at + 1))
    };
    if width == 0.0 {
        return Ok(vec![(super::super::judge::show(min), counted.iter().sum())]);
    }
    Ok(counted.iter().enumerate().map(|(at, rows)| (label(at), *rows)).collect())
}
