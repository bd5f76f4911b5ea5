//! Against a reference: `RowCountMatch`, `SchemaMatch`, `AggregateMatch`.

use polars::prelude::DataType;

use super::super::judge::{Judge, ratio};
use super::super::scope::{column_of, quoted};
use super::super::{Fault, Plan, Scope, Want};
use super::moments::{no_value, of_moments};
use crate::language::RuleType;
use crate::stats::{Measure, Statistic};

/// How reasons name the references.
const SOURCES: &str = "additional data sources";

pub(super) fn row_count(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let alias = scope.parameter(0)?.to_owned();
    scope.reference(&alias, SOURCES)?;
    let ours = Want { source: None, statistic: Statistic::of(Measure::Rows) };
    let theirs = Want { source: Some(alias.clone()), statistic: Statistic::of(Measure::Rows) };
    Ok(Plan::shared(vec![ours.clone(), theirs.clone()], move |found| {
        let (ours, theirs) = (found.rows(&ours)?, found.rows(&theirs)?);
        let share = match (ours, theirs) {
            (0, 0) => 1.0,
            (_, 0) => return Err(Fault::failed(format!("\"{alias}\" has no rows, the dataset has {ours}."))),
            (ours, theirs) => ours as f64 / theirs as f64,
        };
        Ok(judge.verdict(format!("Dataset.{alias}.RowCountMatch"), share, || format!("{ours} rows, and {theirs} in \"{alias}\"")))
    }))
}

/// Columns that are there by name and type; with another number of columns none counts, as in Glue.
pub(super) fn schema(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let alias = scope.parameter(0)?.to_owned();
    let (ours, theirs) = (scope.whole.schema(), scope.reference(&alias, SOURCES)?.schema());
    let mut differences = Vec::new();
    for (name, dtype) in ours.iter() {
        match theirs.get(name) {
            None => differences.push(format!("\"{name}\" is not in \"{alias}\"")),
            Some(other) if other != dtype => differences.push(format!("\"{name}\" is {dtype}, and {other} in \"{alias}\"")),
            Some(_) => {}
        }
    }
    let equal = ours.len() - differences.len();
    let missing: Vec<&str> = theirs.iter_names().map(|name| name.as_str()).filter(|name| !ours.contains(name)).collect();
    if !missing.is_empty() {
        differences.push(format!("missing: {}", quoted(&missing)));
    }
    let share = if ours.len() == theirs.len() { ratio(equal as u64, ours.len() as u64) } else { 0.0 };
    Ok(Plan::direct(move |_| {
        Ok(judge.verdict(format!("Dataset.{alias}.SchemaMatch"), share, || {
            let few: Vec<&str> = differences.iter().take(10).map(String::as_str).collect();
            if few.is_empty() { "the columns are equal".to_owned() } else { few.join("; ") }
        }))
    }))
}

/// One side of an `AggregateMatch`.
struct Aggregate {
    mean: bool,
    column: String,
    dtype: DataType,
    want: Want,
}

impl Aggregate {
    /// `sum(amount)`, `avg(ref.amount)`.
    fn parse(scope: &Scope<'_>, text: &str) -> Result<Aggregate, Fault> {
        let unknown = || Fault::error(format!("\"{text}\" is no aggregate; \"sum(amount)\" and \"avg(reference.amount)\" are."));
        let (function, rest) = text.trim().split_once('(').ok_or_else(unknown)?;
        let inner = rest.trim().strip_suffix(')').ok_or_else(unknown)?.trim();
        let mean = match function.trim().to_lowercase().as_str() {
            "sum" => false,
            "avg" => true,
            _ => return Err(unknown()),
        };
        let (source, column, dtype) = match scope.source_of(inner) {
            Some((alias, column)) if !scope.schema().contains(inner) => {
                let reference = scope.reference(alias, "additional sources")?;
                let dtype = column_of(reference.schema(), column, &format!("\"{alias}\""))?;
                (Some(alias.to_owned()), column.to_owned(), dtype.clone())
            }
            _ => {
                let column = scope.own(inner);
                let dtype = column_of(scope.schema(), column, "the dataset")?;
                (None, column.to_owned(), dtype.clone())
            }
        };
        let want = Want { source, statistic: Statistic::of(Measure::Moments(column.clone())) };
        Ok(Aggregate { mean, column, dtype, want })
    }

    fn value(&self, found: &super::super::Found<'_>) -> Result<f64, Fault> {
        let moments = found.moments(&self.want)?;
        let value = of_moments(if self.mean { RuleType::Mean } else { RuleType::Sum }, moments, &self.dtype);
        value.ok_or_else(|| no_value(&self.column))
    }
}

pub(super) fn aggregate(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let (first_text, second_text) = (scope.parameter(0)?.to_owned(), scope.parameter(1)?.to_owned());
    let (first, second) = (Aggregate::parse(scope, &first_text)?, Aggregate::parse(scope, &second_text)?);
    let columns = if first.column == second.column { first.column.clone() } else { format!("{},{}", first.column, second.column) };
    let metric = format!("Column.{columns}.AggregateMatch");
    Ok(Plan::shared(vec![first.want.clone(), second.want.clone()], move |found| {
        let (left, right) = (first.value(found)?, second.value(found)?);
        let share = match (left == 0.0, right == 0.0) {
            (true, true) => 1.0,
            (false, true) => 0.0,
            _ => left / right,
        };
        Ok(judge.verdict(metric.clone(), share, || format!("{first_text} is {left}, {second_text} is {right}")))
    }))
}
