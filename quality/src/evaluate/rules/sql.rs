//! `CustomSql`: a query over the dataset, as `primary`, and its references.
//!
//! With a condition the query gives one number. Without, it gives the rows that pass: columns of the dataset, by
//! which the dataset's rows are found again (null equals null).

use polars::prelude::{DataType, Expr, JoinArgs, JoinType, LazyFrame, MaintainOrderJoin, Schema, lit};

use super::super::judge::{Judge, Shares, show};
use super::super::scope::{after, named, quoted};
use super::super::{Fault, Plan, RowTest, Scope};
use super::PRIMARY;
use super::completeness::no_rows;
use super::share::{self, run};
use crate::data::{self, sql::Why};

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let query = prepare(scope)?;
    if scope.rule.condition.is_some() || scope.analyzer { scalar(scope, query) } else { rows(scope, query) }
}

fn prepare(scope: &Scope<'_>) -> Result<LazyFrame, Fault> {
    // What can't be read is no fault of the query, which would tell of it in words only.
    let scan = |dataset: &data::Dataset| -> Result<LazyFrame, Fault> {
        let mut plan = dataset.scan()?;
        plan.collect_schema()?;
        Ok(plan)
    };
    let mut tables = vec![(PRIMARY, scan(scope.whole)?)];
    if let Some(name) = scope.primary.filter(|name| *name != PRIMARY && !scope.context.references.contains_key(*name)) {
        tables.push((name, scan(scope.whole)?));
    }
    for (alias, dataset) in &scope.context.references {
        tables.push((alias, scan(dataset)?));
    }
    data::sql::query(scope.parameter(0)?, &tables).map_err(|error| {
        let hint = match &error.why {
            Why::NoTable { .. } => "; a table that is not found has to be given as a reference".to_owned(),
            _ => after(&error.hint()),
        };
        Fault::error(format!("The query can't be run: {error}{hint}."))
    })
}

fn scalar(scope: &Scope<'_>, query: LazyFrame) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    Ok(Plan::direct(move |_| {
        // Two rows are enough to see that there is more than one.
        let frame = run(query.clone().limit(2))?;
        let value = match (frame.height(), frame.columns()) {
            (1, [value]) => value,
            (rows, columns) => {
                let rows = if rows > 1 { "several".to_owned() } else { rows.to_string() };
                return Err(Fault::error(format!("The query gives {rows} rows of {} columns; one number is expected.", columns.len())));
            }
        };
        let dtype = value.dtype();
        if !dtype.is_primitive_numeric() && !dtype.is_decimal() && *dtype != DataType::Boolean && *dtype != DataType::Null {
            return Err(Fault::error(format!("The query gives {dtype}; a number is expected.")));
        }
        let value = value.cast(&DataType::Float64)?.f64()?.get(0);
        let value = value.ok_or_else(|| Fault::failed("The query gives NULL; a number is expected."))?;
        Ok(judge.verdict("Dataset.*.CustomSQL", value, || format!("the query gives {}", show(value))))
    }))
}

fn rows(scope: &Scope<'_>, mut query: LazyFrame) -> Result<Plan, Fault> {
    let given = query.collect_schema()?;
    let columns = shared_columns(scope.whole.schema(), &given)?;
    let mark = scope.mark("given");
    let casts: Vec<Expr> = columns.iter().map(|(name, dtype)| named(name).cast(dtype.clone())).collect();
    let keys: Vec<Expr> = columns.iter().map(|(name, _)| named(name)).collect();
    let shown = keys.first().cloned().map(|key| super::super::predicate::shown(key, &columns[0].1)).unwrap_or_else(|| lit(""));
    let given = query.select(casts).unique(None, polars::prelude::UniqueKeepStrategy::Any).with_column(lit(true).alias(mark.as_str()));
    let test =
        RowTest::of_value(named(&mark), shown).words("Value: ", " is not among the rows that the query gives.").prepared(move |frame| {
            let mut join = JoinArgs::new(JoinType::Left);
            join.maintain_order = MaintainOrderJoin::Left;
            join.nulls_equal = true;
            frame.join(given.clone(), keys.clone(), keys.clone(), join)
        });
    let shares = Shares::of(scope)?;
    share::by_rows(scope, test, move |hits, rows| match rows {
        0 => Err(no_rows()),
        _ => Ok(shares.verdict("Dataset.*.CustomSQL.Compliance", hits, rows, || "as the query gives them".to_owned())),
    })
}

/// The columns that the query gives, all of which have to be the dataset's.
fn shared_columns(ours: &Schema, given: &Schema) -> Result<Vec<(String, DataType)>, Fault> {
    let strangers: Vec<&str> = given.iter_names().map(|name| name.as_str()).filter(|name| !ours.contains(name)).collect();
    if !strangers.is_empty() {
        return Err(Fault::error(format!("Columns that the query gives are not found in the dataset: {}.", quoted(&strangers))));
    }
    Ok(given.iter_names().filter_map(|name| Some((name.to_string(), ours.get(name)?.clone()))).collect())
}
