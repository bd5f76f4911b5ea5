//! How often keys and values occur: uniqueness, duplicates, distinct values, entropy.

use polars::prelude::{DataType, Expr, len, lit};

use super::super::judge::{Judge, Shares, ratio, unmet};
use super::super::predicate::{self, is_nested};
use super::super::scope::{named, quoted};
use super::super::{Fault, Plan, RowTest, Scope, Verdict};
use super::completeness::no_rows;
use crate::language::RuleType;
use crate::stats::{FrequencySummary, Measure};

/// `Column.c` or `Multicolumn.a,b`.
pub(super) fn of_columns(columns: &[String]) -> String {
    match columns {
        [column] => format!("Column.{column}"),
        columns => format!("Multicolumn.{}", columns.join(",")),
    }
}

/// `Uniqueness` and `IsUnique`.
pub(super) fn uniqueness(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let columns = scope.columns(0)?;
    let metric = format!("{}.Uniqueness", of_columns(&columns));
    let keys = scope.statistic(Measure::Frequencies(columns.clone()));
    let (judge, shares) = (Judge::of(scope)?, Shares::of(scope)?);
    let whole = scope.rule.kind == RuleType::IsUnique;
    let rows = key_test(scope, &columns)?;
    let rows = if whole { rows } else { rows.apart() };
    let plan = Plan::shared(vec![keys.clone()], move |found| {
        let keys = found.frequencies(&keys)?;
        let share = unique_share(keys)?;
        let holds = judge.holds(share) && ((!whole && !shares.partial()) || shares.hold(keys.singles, keys.rows));
        let expected = if whole || shares.partial() { shares.expected() } else { judge.expected().to_owned() };
        Ok(Verdict::new(holds).metric(metric.clone(), share).because(|| unmet(share, &format!("{}; expected {expected}.", repeated(keys)))))
    });
    Ok(plan.with_rows(rows))
}

fn unique_share(keys: &FrequencySummary) -> Result<f64, Fault> {
    match (keys.rows, keys.null_rows) {
        (0, 0) => Err(no_rows()),
        (0, nulls) => Err(Fault::failed(format!("All {nulls} values are null."))),
        (rows, _) => Ok(ratio(keys.singles, rows)),
    }
}

fn repeated(keys: &FrequencySummary) -> String {
    let repeated = keys.groups.saturating_sub(keys.singles);
    format!("{repeated} of {} keys occur more than once, in {} of {} rows", keys.groups, keys.in_duplicates, keys.rows)
}

/// A row's key occurs once among the rule's rows; rows whose columns are all null are not asked.
fn key_test(scope: &Scope<'_>, columns: &[String]) -> Result<RowTest, Fault> {
    let keys: Vec<Expr> = columns.iter().map(|column| named(column)).collect();
    let times = match scope.filter()? {
        Some(filter) => filter.fill_null(false).cast(DataType::UInt32).sum(),
        None => len().cast(DataType::UInt32),
    };
    let no_key = keys.iter().cloned().map(Expr::is_null).reduce(Expr::and).unwrap_or_else(|| lit(false));
    let mut within = keys;
    within.extend(scope.rule.group_by.iter().map(|column| named(&column.value)));
    let pass = times.over(within)?.lt_eq(lit(1_u32)).or(no_key);
    let shown = show_key(scope, columns)?;
    Ok(RowTest::of_value(pass, shown).words("Value: ", format!(" occurs more than once in {}.", quoted(columns))))
}

fn show_key(scope: &Scope<'_>, columns: &[String]) -> Result<Expr, Fault> {
    let mut shown: Option<Expr> = None;
    for column in columns {
        let dtype = scope.schema().get(column).unwrap_or(&DataType::Null);
        let value = predicate::shown(named(column), dtype).fill_null(lit("NULL"));
        shown = Some(match shown {
            Some(before) => before + lit(", ") + value,
            None => value,
        });
    }
    Ok(shown.unwrap_or_else(|| lit("")))
}

/// `IsPrimaryKey`: unique, and complete in each column.
pub(super) fn primary_key(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let columns = scope.columns(0)?;
    let keys = scope.statistic(Measure::Frequencies(columns.clone()));
    let complete: Vec<_> = columns.iter().map(|column| (column.clone(), scope.statistic(Measure::Complete(column.clone())))).collect();
    let shares = Shares::of(scope)?;
    let mut rows = key_test(scope, &columns)?;
    for column in &columns {
        rows.pass = rows.pass.and(named(column).is_not_null());
    }
    let rows = rows.words("Value: ", format!(" is not a key of {}: it has a NULL or occurs more than once.", quoted(&columns)));
    let mut wants = vec![keys.clone()];
    wants.extend(complete.iter().map(|(_, want)| want.clone()));
    let plan = Plan::shared(wants, move |found| {
        let keys = found.frequencies(&keys)?;
        let all = keys.rows + keys.null_rows;
        if all == 0 {
            return Err(no_rows());
        }
        let unique = ratio(keys.singles, keys.rows);
        let mut verdict = Verdict::new(shares.hold(keys.singles, keys.rows));
        let mut faults = Vec::new();
        if !verdict.holds {
            faults.push(repeated(keys));
        }
        verdict = verdict.metric(format!("{}.Uniqueness", of_columns(&columns)), unique);
        for (column, want) in &complete {
            let (hits, rows) = found.ratio(want)?;
            verdict = verdict.metric(format!("Column.{column}.Completeness"), ratio(hits, rows));
            if !shares.hold(hits, rows) {
                verdict.holds = false;
                faults.push(format!("{} of {rows} values of \"{column}\" are null", rows - hits));
            }
        }
        let expected = shares.expected();
        Ok(verdict.because(|| unmet(unique, &format!("{}; expected {expected}.", faults.join("; ")))))
    });
    Ok(plan.with_rows(rows))
}

/// `DuplicateRowCount`: rows whose key occurs more than once, all of them counted. Without columns the key is all columns.
pub(super) fn duplicates(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let columns = match scope.columns(0)? {
        none if none.is_empty() => scope.whole.schema().iter_names().map(ToString::to_string).collect(),
        columns => columns,
    };
    let keys = scope.statistic(Measure::Frequencies(columns));
    Ok(Plan::shared(vec![keys.clone()], move |found| {
        let keys = found.frequencies(&keys)?;
        Ok(judge.verdict("Dataset.*.DuplicateRowCount", keys.in_duplicates as f64, || repeated(keys)))
    }))
}

/// `UniqueValueRatio`, `DistinctValuesCount` (null is a value) and `Entropy`.
pub(super) fn of_values(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let (column, _) = scope.column(0)?;
    let kind = scope.rule.kind;
    let metric = format!("Column.{column}.{}", kind.name());
    let values = scope.statistic(Measure::Frequencies(vec![column.clone()]));
    Ok(Plan::shared(vec![values.clone()], move |found| {
        let values = found.frequencies(&values)?;
        let distinct = values.groups + u64::from(values.null_rows > 0);
        if kind == RuleType::DistinctValuesCount {
            return Ok(judge.verdict(metric.clone(), distinct as f64, || {
                if values.null_rows > 0 { "NULL counts as one value".to_owned() } else { String::new() }
            }));
        }
        unique_share(values)?;
        Ok(match kind {
            RuleType::Entropy => judge.verdict(metric.clone(), values.entropy, String::new),
            _ => judge.verdict(metric.clone(), ratio(values.singles, values.groups), || {
                format!("{} of {} values occur once", values.singles, values.groups)
            }),
        })
    }))
}

/// `NotConstant`: at least two values; null is none.
pub(super) fn not_constant(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (column, dtype) = scope.column(0)?;
    if is_nested(dtype) {
        return Err(Fault::error(format!("Column \"{column}\" is of type {dtype}, whose values are not compared.")));
    }
    let values = scope.statistic(Measure::Frequencies(vec![column.clone()]));
    Ok(Plan::shared(vec![values.clone()], move |found| {
        let values = found.frequencies(&values)?;
        if values.rows + values.null_rows == 0 {
            return Err(no_rows());
        }
        Ok(Verdict::new(values.groups > 1).metric(format!("Column.{column}.DistinctValues"), values.groups as f64).because(|| {
            unmet(values.groups as f64, &format!("\"{column}\" has {} value in {} rows; expected at least 2.", values.groups, values.rows))
        }))
    }))
}
