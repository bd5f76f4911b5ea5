//! `NoGaps`: a row for every interval between the least and the greatest value.

use std::collections::BTreeMap;

use jiff::Timestamp;
use polars::prelude::{DataType, Expr, lit};

use super::super::judge::unmet;
use super::super::predicate::{numbers, temporal};
use super::super::scope::named;
use super::super::{Fault, Found, Plan, Scope, Verdict};
use super::moments::no_value;
use super::share::{keys, run, scan};
use crate::stats::Key;

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// So much of a number, from the least on.
    Number(f64),
    /// So many microseconds, from the calendar's start on: days are days, whatever the time of the first value.
    Micros(i64),
    /// So many months of the calendar.
    Months(i64),
}

impl Step {
    fn parse(text: &str) -> Option<Step> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            return (number.is_finite() && number > 0.0).then_some(Step::Number(number));
        }
        let (amount, unit) = text.split_once(char::is_whitespace)?;
        let amount: i64 = amount.parse().ok().filter(|amount| (1..=1_000_000).contains(amount))?;
        Some(match unit.trim().to_lowercase().trim_end_matches('s') {
            "second" => Step::Micros(amount * 1_000_000),
            "minute" => Step::Micros(amount * 60_000_000),
            "hour" => Step::Micros(amount * 3_600_000_000),
            "day" => Step::Micros(amount * temporal::DAY),
            "week" => Step::Micros(amount * 7 * temporal::DAY),
            "month" => Step::Months(amount),
            "year" => Step::Months(amount * 12),
            _ => return None,
        })
    }

    /// The number of the interval that a value is in.
    fn bucket(self, column: &str, dtype: &DataType) -> Result<Expr, Fault> {
        let temporal = matches!(dtype, DataType::Date | DataType::Datetime(..) | DataType::String);
        Ok(match self {
            Step::Number(_) if temporal && *dtype != DataType::String => {
                return Err(Fault::error("An interval of dates has a unit: \"1 day\"."));
            }
            // Numbers are told apart in `gaps`, where the least is known.
            Step::Number(_) => numbers::as_number(named(column), dtype)?.double(),
            Step::Micros(step) => temporal::micros(named(column), dtype)?.floor_div(lit(step)).cast(DataType::Float64),
            Step::Months(step) => {
                let months = if *dtype == DataType::Date {
                    months(named(column))
                } else {
                    let naive =
                        temporal::micros(named(column), dtype)?.cast(DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None));
                    months(naive)
                };
                months.floor_div(lit(step)).cast(DataType::Float64)
            }
        })
    }

    /// An interval as a person reads it.
    fn show(self, bucket: f64) -> String {
        match self {
            Step::Number(_) => super::super::judge::show(bucket),
            Step::Micros(step) => {
                let micros = (bucket as i64).saturating_mul(step);
                let text = Timestamp::from_microsecond(micros).map(|at| at.to_string()).unwrap_or_default();
                if step % temporal::DAY == 0 { text.get(..10).unwrap_or_default().to_owned() } else { text }
            }
            Step::Months(step) => {
                let months = (bucket as i64).saturating_mul(step);
                format!("{:04}-{:02}", months.div_euclid(12), months.rem_euclid(12) + 1)
            }
        }
    }
}

fn months(date: Expr) -> Expr {
    let year = date.clone().dt().year().cast(DataType::Int64);
    year * lit(12_i64) + date.dt().month().cast(DataType::Int64) - lit(1_i64)
}

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let text = scope.parameter(1)?.to_owned();
    let step = Step::parse(&text).ok_or_else(|| Fault::error(format!("\"{text}\" is no interval; \"10\" and \"1 day\" are.")))?;
    let bucket = step.bucket(&column, dtype)?;
    let filter = scope.filter()?;
    let groups: Vec<String> = scope.rule.group_by.iter().map(|key| key.value.clone()).collect();
    Ok(Plan::queried(move |found| {
        let found = buckets(found, &bucket, filter.as_ref(), &groups)?;
        found.into_iter().map(|(key, values)| Ok((key, judge(&column, &text, step, values)?))).collect()
    }))
}

type Buckets = BTreeMap<Key, Vec<f64>>;

fn buckets(found: &Found<'_>, bucket: &Expr, filter: Option<&Expr>, groups: &[String]) -> Result<Buckets, Fault> {
    let mut frame = scan(found)?;
    if let Some(filter) = filter {
        frame = frame.filter(filter.clone());
    }
    let mut columns: Vec<Expr> = groups.iter().enumerate().map(|(at, key)| named(key).alias(format!("key{at}"))).collect();
    columns.push(bucket.clone().alias("bucket"));
    let frame = run(frame.select(columns).unique(None, polars::prelude::UniqueKeepStrategy::Any))?;
    let mut values = Buckets::new();
    let column = frame.column("bucket")?.f64()?.clone();
    for (key, value) in keys(&frame, groups.len())?.into_iter().zip(column.iter()) {
        let of_key = values.entry(key).or_default();
        of_key.extend(value.filter(|value| value.is_finite()));
    }
    if groups.is_empty() && values.is_empty() {
        values.insert(Vec::new(), Vec::new());
    }
    Ok(values)
}

fn judge(column: &str, text: &str, step: Step, mut values: Vec<f64>) -> Result<Verdict, Fault> {
    values.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (values.first().copied(), values.last().copied()) else { return Err(no_value(column)) };
    let width = if let Step::Number(width) = step { width } else { 1.0 };
    let mut numbers: Vec<f64> = values.iter().map(|value| ((value - first) / width).floor()).collect();
    numbers.dedup();
    let expected = ((last - first) / width).floor() + 1.0;
    let missing = expected - numbers.len() as f64;
    let verdict = Verdict::new(missing <= 0.0).metric(format!("Column.{column}.NoGaps.Missing"), missing.max(0.0));
    Ok(verdict.because(|| {
        let gap = numbers.windows(2).find_map(|pair| match pair {
            [before, after] if after - before > 1.0 => Some(first + (before + 1.0) * width),
            _ => None,
        });
        let gap = gap.map(|bucket| format!(", the first at {}", step.show(bucket))).unwrap_or_default();
        unmet(missing, &format!("{missing} of {expected} intervals of {text} in \"{column}\" have no row{gap}."))
    }))
}
