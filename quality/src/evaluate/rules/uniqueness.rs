//! How often keys and values occur: uniqueness, duplicates, distinct values, entropy.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, OnceLock},
};

use polars::prelude::{BooleanChunked, DataType, Expr, Field, IntoColumn, PolarsResult, as_struct, lit};

use super::super::judge::{Judge, Shares, ratio, unmet};
use super::super::predicate::{self, is_nested};
use super::super::scope::{named, quoted};
use super::super::{Fault, Plan, RowTest, Scope, Verdict};
use super::completeness::no_rows;
use crate::language::RuleType;
use crate::stats::{FrequencySummary, Measure, keys_of_rows, repeated_keys};

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

pub(super) fn repeated(keys: &FrequencySummary) -> String {
    let repeated = keys.groups.saturating_sub(keys.singles);
    format!("{repeated} of {} keys occur more than once, in {} of {} rows", keys.groups, keys.in_duplicates, keys.rows)
}

/// A row's key occurs once among the rule's rows; rows whose columns are all null are not asked.
///
/// The keys that repeat are found in a pass of their own, and rows are then looked up one by one: a window over
/// the keys would need all rows at once, and groups as many as there are keys.
pub(super) fn key_test(scope: &Scope<'_>, columns: &[String]) -> Result<RowTest, Fault> {
    // As the statistic takes them: each once, in the order of their names.
    let groups = scope.rule.group_by.iter().map(|column| column.value.clone());
    let within: BTreeSet<String> = columns.iter().cloned().chain(groups).collect();
    let no_key = columns.iter().map(|column| named(column).is_null()).reduce(Expr::and).unwrap_or_else(|| lit(false));
    let within: Vec<String> = within.into_iter().collect();
    let key = as_struct(within.iter().map(|column| named(column)).collect());
    let filter = scope.rule.filter.as_ref().map(|filter| filter.value.clone());
    let (data, once, known) = (scope.data.clone(), scope.mark("once"), OnceLock::new());
    let pass = named(&once).or(no_key);
    let shown = show_key(scope, columns)?;
    let test = RowTest::of_value(pass, shown).prepared(move |frame| {
        let find = || repeated_keys(&data, &within, filter.as_deref()).map(Arc::new);
        let repeated = known.get_or_init(find).clone();
        frame.with_column(occurs_once(key.clone(), repeated).alias(once.as_str()))
    });
    Ok(test.words("Value: ", format!(" occurs more than once in {}.", quoted(columns))))
}

/// Whether a key, as a struct of its columns, is not among those that repeat.
fn occurs_once(key: Expr, repeated: PolarsResult<Arc<HashSet<u128>>>) -> Expr {
    key.map(
        move |column| {
            let repeated = repeated.clone()?;
            let columns = column.struct_()?.fields_as_series();
            let keys = keys_of_rows(&columns.iter().collect::<Vec<_>>())?;
            let once: BooleanChunked = keys.iter().map(|key| Some(key.is_none_or(|key| !repeated.contains(&key)))).collect();
            Ok(once.with_name(column.name().clone()).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
    )
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

#[cfg(test)]
mod tests {
    use std::fs;

    use polars::prelude::{Engine, IntoLazy, df};

    use super::*;
    use crate::data::Dataset;

    #[test]
    fn keys_that_can_not_be_read_again_are_no_error_of_the_rule() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "id,x\n1,2\n").unwrap();
        let data = Dataset::of_files(std::slice::from_ref(&path), None).unwrap();
        let fault = || {
            let repeated = repeated_keys(&data, &["id".to_owned()], None).map(Arc::new);
            let once = occurs_once(as_struct(vec![named("id")]), repeated).alias("once");
            df!("id" => [1]).unwrap().lazy().with_column(once).collect_with_engine(Engine::Streaming).map_err(Fault::from).map(drop)
        };
        assert!(fault().is_ok());
        fs::write(&path, "id,x\n1,2,3\n").unwrap();
        assert!(matches!(fault(), Err(Fault::Unread(error)) if error.io().is_none() && error.path() == Some(&path)));
        fs::remove_file(&path).unwrap();
        assert!(matches!(fault(), Err(Fault::Unread(error)) if error.io().is_some() && error.path() == Some(&path)));
    }
}
