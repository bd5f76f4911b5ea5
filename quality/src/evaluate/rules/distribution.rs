//! `DistributionMatch`: how far the values are from those of a reference.
//!
//! `ks` is the greatest distance of the two cumulative shares. `chi-square` is half the sum of (p−q)²/(p+q) over the
//! classes, from 0 (alike) to 1 (nothing in common), whatever the numbers of rows. `psi` is the population stability
//! index, the sum of (p−q)·ln(p/q). Classes are the values themselves, or, of numbers, tenths of the reference: the
//! dataset moves no edge, so distances from one reference compare over time, and how many of the dataset's numbers
//! are in each class is measured with all else and merges. A class that is empty on both sides is no distance.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use polars::prelude::{DataType, Expr, LazyFrame, len};

use super::super::found::unlike;
use super::super::judge::Judge;
use super::super::predicate::{as_text, is_nested, numbers};
use super::super::scope::{column_of, named};
use super::super::{Fault, Plan, Scope, Verdict};
use super::share::{run, scan};
use crate::data::Dataset;
use crate::stats::{Edges, Measure};

/// A class of which there is nothing counts as this share, or its logarithm would have no end.
const FLOOR: f64 = 1e-4;

/// The classes of a reference's numbers: the edges between them, and how many are in each.
#[derive(Clone)]
struct Tenths {
    edges: Edges,
    counts: Arc<Vec<u64>>,
}

/// Classes that were made of references' columns before. A rule may be planned many times, once for each group and
/// once for each part of a table, and a reference is not read again for that.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<HashMap<AliasAndColumn, (Dataset, Tenths)>>>);

type AliasAndColumn = (String, String);

impl Known {
    fn tenths(&self, (alias, reference): (&str, &Dataset), column: &str, value: &Expr) -> Result<Tenths, Fault> {
        let key = (alias.to_owned(), column.to_owned());
        let known = self.0.lock().ok().and_then(|known| known.get(&key).cloned());
        if let Some((_, tenths)) = known.filter(|(of, _)| of.is(reference)) {
            return Ok(tenths);
        }
        let theirs = counted(reference.scan()?, value)?;
        let edges = Edges::of(&tenths(&theirs));
        let made = Tenths { counts: Arc::new(classes(&theirs, &edges.values())), edges };
        if let Ok(mut known) = self.0.lock() {
            known.insert(key, (reference.clone(), made.clone()));
        }
        Ok(made)
    }
}

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let (column, dtype) = scope.column(0)?;
    let method = scope.parameter(2)?.to_owned();
    let target = scope.parameter(1)?;
    let (alias, other) = scope.source_of(target).ok_or_else(|| Fault::error(format!("\"{target}\" is no \"reference.column\".")))?;
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
    if as_numbers && method != "ks" {
        let Tenths { edges, counts: expected } = scope.context.known.tenths((alias, &reference), &other, &theirs)?;
        let ours = scope.statistic(Measure::Classes(column, edges));
        return Ok(Plan::shared(vec![ours.clone()], move |found| {
            let counts = found.state(&ours)?.classes().ok_or_else(unlike)?;
            let named = |counts: &[u64]| counts.iter().enumerate().map(|(at, rows)| (at.to_string(), *rows as f64)).collect();
            let distance = of_classes(&method, &named(counts), &named(&expected))?;
            of_distance(&judge, &metric, &method, distance)
        }));
    }
    Ok(Plan::direct(move |found| {
        let mut frame = scan(found)?;
        if let Some(filter) = &filter {
            frame = frame.filter(filter.clone());
        }
        let scanned = reference.scan()?;
        let distance = if as_numbers {
            of_numbers(&counted(frame, &ours)?, &counted(scanned, &theirs)?)?
        } else {
            of_classes(&method, &texts(frame, &ours)?, &texts(scanned, &theirs)?)?
        };
        of_distance(&judge, &metric, &method, distance)
    }))
}

/// A distance that is no number is never compared: it would hold or not hold by chance.
fn of_distance(judge: &Judge, metric: &str, method: &str, distance: f64) -> Result<Verdict, Fault> {
    if distance.is_nan() {
        return Err(Fault::error(format!("There is no distance ({method}) from the reference: it is not a number.")));
    }
    Ok(judge.verdict(metric, distance, || format!("distance ({method}) from the reference")))
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

/// The greatest distance of the cumulative shares.
fn of_numbers(ours: &[(f64, f64)], theirs: &[(f64, f64)]) -> Result<f64, Fault> {
    let (all, all_theirs) = (total(ours), total(theirs));
    if all == 0.0 || all_theirs == 0.0 {
        return Err(Fault::failed("There is nothing to compare: one of the two has no value."));
    }
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
    Ok(distance)
}

fn total(counted: &[(f64, f64)]) -> f64 {
    counted.iter().map(|(_, rows)| rows).sum()
}

/// The numbers that end each tenth but the last. Equal ones, of a value that fills several tenths, are one.
fn tenths(counted: &[(f64, f64)]) -> Vec<f64> {
    let all = total(counted);
    let (mut edges, mut passed, mut below) = (Vec::new(), 0, 0.0);
    for (value, rows) in counted.iter().filter(|(value, _)| !value.is_nan()) {
        below += rows;
        let tenths = ((below / all * 10.0).floor() as usize).min(9);
        if tenths > passed {
            passed = tenths;
            edges.push(*value);
        }
    }
    edges
}

/// How many rows of a reference are in each class.
fn classes(counted: &[(f64, f64)], edges: &[f64]) -> Vec<u64> {
    let mut classes = vec![0; edges.len() + 1];
    for (value, rows) in counted {
        let place = if value.is_nan() { edges.len() } else { edges.partition_point(|edge| edge < value) };
        if let Some(count) = classes.get_mut(place) {
            *count += *rows as u64;
        }
    }
    classes
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
        if share == 0.0 && expected == 0.0 {
            continue;
        }
        distance += match method {
            "chi-square" => (share - expected).powi(2) / (share + expected) / 2.0,
            "psi" => (share.max(FLOOR) - expected.max(FLOOR)) * (share.max(FLOOR) / expected.max(FLOOR)).ln(),
            other => return Err(Fault::error(format!("\"{other}\" is none of \"ks\", \"chi-square\" and \"psi\"."))),
        };
    }
    Ok(distance)
}
