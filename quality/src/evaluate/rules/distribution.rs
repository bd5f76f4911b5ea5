//! `DistributionMatch`: how far the values are from those of a reference.
//!
//! `ks` is the greatest distance of the two cumulative shares. `chi-square` is half the sum of (p−q)²/(p+q) over the
//! classes, from 0 (alike) to 1 (nothing in common), whatever the numbers of rows. `psi` is the population stability
//! index, the sum of (p−q)·ln(p/q). Classes are the values themselves, or, of numbers, tenths of the reference.

use std::collections::BTreeMap;

use polars::prelude::{DataType, Expr, LazyFrame, len};

use super::super::judge::Judge;
use super::super::predicate::{as_text, is_nested, numbers};
use super::super::scope::{column_of, named};
use super::super::{Fault, Plan, Scope};
use super::share::{run, scan};

/// A class of which there is nothing counts as this share, or its logarithm would have no end.
const FLOOR: f64 = 1e-4;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let (column, dtype) = scope.column(0)?;
    let method = scope.parameter(2)?.to_owned();
    let target = scope.parameter(1)?;
    let (alias, other) = target.split_once('.').ok_or_else(|| Fault::error(format!("\"{target}\" is no \"reference.column\".")))?;
    let reference = scope.reference(alias, "additional data sources")?.clone();
    let other = other.trim_start_matches('{').trim_end_matches('}').trim().to_owned();
    let other_type = column_of(reference.schema(), &other, &format!("\"{alias}\""))?.clone();
    let numeric = |dtype: &DataType| dtype.is_primitive_numeric() || dtype.is_decimal();
    let as_numbers = numeric(dtype) && numeric(&other_type);
    if is_nested(dtype) || is_nested(&other_type) || (method == "ks" && !as_numbers) {
        return Err(Fault::error(format!(
            "\"{column}\" is of type {dtype}, and \"{target}\" of {other_type}: {method} does not compare them."
        )));
    }
    let value = |name: &str, dtype: &DataType| -> Result<Expr, Fault> {
        if as_numbers { Ok(numbers::as_number(named(name), dtype)?.double()) } else { as_text(named(name), dtype) }
    };
    let (ours, theirs) = (value(&column, dtype)?, value(&other, &other_type)?);
    let filter = scope.filter()?;
    let metric = format!("Column.{column}.DistributionMatch.{method}");
    Ok(Plan::direct(move |found| {
        let mut frame = scan(found)?;
        if let Some(filter) = &filter {
            frame = frame.filter(filter.clone());
        }
        let scanned = reference.scan().map_err(|error| Fault::Error(error.to_string()))?;
        let distance = if as_numbers {
            of_numbers(&method, &counted(frame, &ours)?, &counted(scanned, &theirs)?)?
        } else {
            of_classes(&method, &texts(frame, &ours)?, &texts(scanned, &theirs)?)?
        };
        Ok(judge.verdict(metric.clone(), distance, || format!("distance ({method}) from the reference")))
    }))
}

fn values(frame: LazyFrame, value: &Expr) -> LazyFrame {
    frame
        .select([value.clone().alias("value")])
        .filter(named("value").is_not_null())
        .group_by([named("value")])
        .agg([len().cast(DataType::Float64).alias("rows")])
}

/// Values in order, and how often each is there. Zero has no sign: that of -0.0 goes when zero is added.
fn counted(frame: LazyFrame, value: &Expr) -> Result<Vec<(f64, f64)>, Fault> {
    let frame = run(values(frame, value))?;
    let (values, rows) = (frame.column("value")?.f64()?.clone(), frame.column("rows")?.f64()?.clone());
    let mut counted: Vec<(f64, f64)> = values.iter().zip(rows.iter()).filter_map(|(value, rows)| Some((value? + 0.0, rows?))).collect();
    counted.sort_by(|left, right| left.0.total_cmp(&right.0));
    Ok(counted)
}

fn texts(frame: LazyFrame, value: &Expr) -> Result<BTreeMap<String, f64>, Fault> {
    let frame = run(values(frame, value))?;
    let (values, rows) = (frame.column("value")?.str()?.clone(), frame.column("rows")?.f64()?.clone());
    Ok(values.iter().zip(rows.iter()).filter_map(|(value, rows)| Some((value?.to_owned(), rows?))).collect())
}

fn of_numbers(method: &str, ours: &[(f64, f64)], theirs: &[(f64, f64)]) -> Result<f64, Fault> {
    let total = |counted: &[(f64, f64)]| counted.iter().map(|(_, rows)| rows).sum::<f64>();
    let (all, all_theirs) = (total(ours), total(theirs));
    if all == 0.0 || all_theirs == 0.0 {
        return Err(Fault::failed("There is nothing to compare: one of the two has no value."));
    }
    if method == "ks" {
        let (mut distance, mut below, mut below_theirs): (f64, f64, f64) = (0.0, 0.0, 0.0);
        let (mut left, mut right) = (ours.iter().peekable(), theirs.iter().peekable());
        while let Some(next) = [left.peek(), right.peek()].into_iter().flatten().map(|(value, _)| *value).min_by(f64::total_cmp) {
            while let Some((_, rows)) = left.next_if(|(value, _)| value.total_cmp(&next).is_le()) {
                below += rows;
            }
            while let Some((_, rows)) = right.next_if(|(value, _)| value.total_cmp(&next).is_le()) {
                below_theirs += rows;
            }
            distance = distance.max((below / all - below_theirs / all_theirs).abs());
        }
        return Ok(distance);
    }
    let mut edges = Vec::new();
    let mut below = 0.0;
    for (value, rows) in theirs {
        below += rows;
        while below / all_theirs * 10.0 >= (edges.len() + 1) as f64 && edges.len() < 9 {
            edges.push(*value);
        }
    }
    let classes = |counted: &[(f64, f64)]| {
        let mut classes = BTreeMap::new();
        for (value, rows) in counted {
            // Equal edges, of a value that fills several tenths, are one.
            *classes.entry(edges.partition_point(|edge| edge.total_cmp(value).is_lt()).to_string()).or_insert(0.0) += rows;
        }
        classes
    };
    of_classes(method, &classes(ours), &classes(theirs))
}

fn of_classes(method: &str, ours: &BTreeMap<String, f64>, theirs: &BTreeMap<String, f64>) -> Result<f64, Fault> {
    let (all, all_theirs): (f64, f64) = (ours.values().sum(), theirs.values().sum());
    if all == 0.0 || all_theirs == 0.0 {
        return Err(Fault::failed("There is nothing to compare: one of the two has no value."));
    }
    let mut distance = 0.0;
    for class in ours.keys().chain(theirs.keys().filter(|class| !ours.contains_key(*class))) {
        let share = ours.get(class).copied().unwrap_or(0.0) / all;
        let expected = theirs.get(class).copied().unwrap_or(0.0) / all_theirs;
        distance += match method {
            "chi-square" => (share - expected).powi(2) / (share + expected) / 2.0,
            "psi" => (share.max(FLOOR) - expected.max(FLOOR)) * (share.max(FLOOR) / expected.max(FLOOR)).ln(),
            other => return Err(Fault::error(format!("\"{other}\" is none of \"ks\", \"chi-square\" and \"psi\"."))),
        };
    }
    Ok(distance)
}
