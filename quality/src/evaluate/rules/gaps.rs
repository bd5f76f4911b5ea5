//! `NoGaps`: a row for every interval between the least and the greatest value.

use std::collections::BTreeMap;

use jiff::Timestamp;
use polars::prelude::{Column, DataType, Expr, lit};

use super::super::judge::unmet;
use super::super::predicate::exact::{self, DIGITS, Exact};
use super::super::predicate::{numbers, temporal};
use super::super::scope::named;
use super::super::{Fault, Found, Plan, Scope, Verdict};
use super::moments::no_value;
use super::share::{keys, run, scan};
use super::steps::{Doubles, Steps, Units};
use crate::stats::Key;

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// So much of a number, from the least on; with all its digits, if it is written with digits.
    Number(f64, Option<Exact>),
    /// So many microseconds, from the calendar's start on: days are days, whatever the time of the first value.
    Micros(i64),
    /// So many months of the calendar.
    Months(i64),
}

impl Step {
    fn parse(text: &str) -> Option<Step> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            return (number.is_finite() && number > 0.0).then(|| Step::Number(number, Exact::parse(text)));
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

    /// What tells values apart, and how: numbers as they are, moments by the number of the interval that they are in.
    fn measure(self, column: &str, dtype: &DataType) -> Result<(Expr, Width), Fault> {
        let one = Width::Units(Units { width: 1, factor: 1, scale: 0 });
        Ok(match self {
            Step::Number(..) if matches!(dtype, DataType::Date | DataType::Datetime(..)) => {
                return Err(Fault::error("An interval of dates has a unit: \"1 day\"."));
            }
            Step::Number(width, exact) => match exact.and_then(|width| units(dtype, width)) {
                Some(units) => (named(column), Width::Units(units)),
                None => {
                    let epsilon = if *dtype == DataType::Float32 { f32::EPSILON.into() } else { f64::EPSILON };
                    (numbers::as_number(named(column), dtype)?.double(), Width::Doubles(Doubles { width, epsilon }))
                }
            },
            Step::Micros(step) => (temporal::micros(named(column), dtype)?.floor_div(lit(step)), one),
            Step::Months(step) => {
                let months = if *dtype == DataType::Date {
                    months(named(column))
                } else {
                    let naive =
                        temporal::micros(named(column), dtype)?.cast(DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None));
                    months(naive)
                };
                (months.floor_div(lit(step)), one)
            }
        })
    }

    /// An interval as a person reads it.
    fn show(self, at: Exact) -> String {
        let moment = |step: i64| i64::try_from(at.units).unwrap_or(i64::MAX).saturating_mul(step);
        match self {
            Step::Number(..) => at.to_string(),
            Step::Micros(step) => {
                let text = Timestamp::from_microsecond(moment(step)).map(|at| at.to_string()).unwrap_or_default();
                if step % temporal::DAY == 0 { text.get(..10).unwrap_or_default().to_owned() } else { text }
            }
            Step::Months(step) => {
                let months = moment(step);
                format!("{:04}-{:02}", months.div_euclid(12), months.rem_euclid(12) + 1)
            }
        }
    }
}

/// How values are told apart.
#[derive(Clone, Copy, Debug)]
enum Width {
    Units(Units),
    Doubles(Doubles),
}

/// The units of a column and a width, if all of the column's values have room in them.
fn units(dtype: &DataType, width: Exact) -> Option<Units> {
    let (whole, decimals) = exact::digits(dtype).filter(|_| *dtype != DataType::Boolean)?;
    let scale = decimals.max(width.scale);
    let fits = scale == decimals || whole + scale <= DIGITS;
    let factor = exact::power(scale - decimals).filter(|_| fits)?;
    Some(Units { width: width.at(scale)?.unsigned_abs(), factor, scale })
}

fn months(date: Expr) -> Expr {
    let year = date.clone().dt().year().cast(DataType::Int64);
    year * lit(12_i64) + date.dt().month().cast(DataType::Int64) - lit(1_i64)
}

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    let text = scope.parameter(1)?.to_owned();
    let step = Step::parse(&text).ok_or_else(|| Fault::error(format!("\"{text}\" is no interval; \"10\" and \"1 day\" are.")))?;
    let (value, width) = step.measure(&column, dtype)?;
    let filter = scope.filter()?;
    let groups: Vec<String> = scope.rule.group_by.iter().map(|key| key.value.clone()).collect();
    Ok(Plan::queried(move |found| {
        let (keys, values) = distinct(found, &value, filter.as_ref(), &groups)?;
        match width {
            Width::Units(units) => {
                let values = values.as_materialized_series().to_physical_repr().cast(&DataType::Int128)?;
                let of_keys = grouped(keys, values.i128()?.iter(), groups.is_empty()).into_iter();
                let judged = of_keys.map(|(key, values)| {
                    let steps = units.steps(values).map(|(steps, gap)| (steps, gap.map(|gap| step.show(gap))));
                    Ok((key, judge(&column, &text, steps)?))
                });
                judged.collect()
            }
            Width::Doubles(doubles) => {
                let numbers = values.f64()?.iter().map(|value| value.filter(|value| value.is_finite()));
                let of_keys = grouped(keys, numbers, groups.is_empty()).into_iter();
                of_keys.map(|(key, values)| Ok((key, judge(&column, &text, doubles.steps(values))?))).collect()
            }
        }
    }))
}

/// Each value of each group once, with the group's key.
fn distinct(found: &Found<'_>, value: &Expr, filter: Option<&Expr>, groups: &[String]) -> Result<(Vec<Key>, Column), Fault> {
    let mut frame = scan(found)?;
    if let Some(filter) = filter {
        frame = frame.filter(filter.clone());
    }
    let mut columns: Vec<Expr> = groups.iter().enumerate().map(|(at, key)| named(key).alias(format!("key{at}"))).collect();
    columns.push(value.clone().alias("value"));
    let frame = run(frame.select(columns).unique(None, polars::prelude::UniqueKeepStrategy::Any))?;
    Ok((keys(&frame, groups.len())?, frame.column("value")?.clone()))
}

/// The values of each group. Without groups there is one, if it has no rows too.
fn grouped<T>(keys: Vec<Key>, values: impl Iterator<Item = Option<T>>, one: bool) -> BTreeMap<Key, Vec<T>> {
    let mut of_keys = BTreeMap::new();
    if one {
        of_keys.insert(Vec::new(), Vec::new());
    }
    for (key, value) in keys.into_iter().zip(values) {
        of_keys.entry(key).or_insert_with(Vec::new).extend(value);
    }
    of_keys
}

fn judge(column: &str, text: &str, steps: Option<(Steps, Option<String>)>) -> Result<Verdict, Fault> {
    let (Steps { expected, missing, .. }, gap) = steps.ok_or_else(|| no_value(column))?;
    let verdict = Verdict::new(missing == 0).metric(format!("Column.{column}.NoGaps.Missing"), missing as f64);
    Ok(verdict.because(|| {
        let gap = gap.map(|gap| format!(", the first at {gap}")).unwrap_or_default();
        unmet(missing as f64, &format!("{missing} of {expected} intervals of {text} in \"{column}\" have no row{gap}."))
    }))
}
