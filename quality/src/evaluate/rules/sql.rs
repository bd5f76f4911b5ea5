//! `CustomSql`: a query over the dataset, as `primary`, and its references.
//!
//! With a condition the query gives one number. Without, it gives the rows that pass: columns of the dataset, by
//! which the dataset's rows are found again (null equals null). If they are columns by which more rows are found than
//! the query gives, and those are not all the same, nobody knows which it meant: that is an error.

use polars::prelude::{DataType, Expr, JoinArgs, JoinType, LazyFrame, MaintainOrderJoin, Schema, UniqueKeepStrategy, len, lit};

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

/// Rows that a query gives, by columns that the dataset's rows may share.
struct Given {
    data: data::Dataset,
    query: LazyFrame,
    /// The query's columns, cast to the dataset's.
    casts: Vec<Expr>,
    keys: Vec<Expr>,
    names: Vec<String>,
    mark: String,
}

impl Given {
    /// Sees that `marked` rows, which have the values of rows that the query gives, are those that it gives.
    fn is_of(&self, marked: u64) -> Result<(), Fault> {
        let returned = run(self.query.clone().select([len().cast(DataType::UInt64).alias("rows")]))?;
        let returned = returned.column("rows")?.u64()?.get(0).unwrap_or(0);
        if marked <= returned || !self.mixes()? {
            return Ok(());
        }
        let columns = quoted(&self.names);
        Err(Fault::error(format!(
            "The query gives {returned} rows, and {marked} rows of the dataset have their values of {columns}; select columns that tell rows apart."
        )))
    }

    /// Whether some rows that differ have the same key, which the query gives less often than they are.
    fn mixes(&self) -> Result<bool, Fault> {
        let (rows, returned) = (format!("{}_rows", self.mark), format!("{}_returned", self.mark));
        let data = self.data.scan()?;
        let counted = self.query.clone().select(self.casts.clone()).group_by(self.keys.clone()).agg([len().alias(&returned)]);
        let held = self.joined(data.clone(), counted, JoinType::Inner).group_by(self.keys.clone());
        let unclear = held.agg([len().alias(&rows), named(&returned).first()]).filter(named(&rows).gt(named(&returned)));
        let unclear = self.joined(data, unclear.select(self.keys.clone()), JoinType::Semi);
        let different = unclear.unique(None, UniqueKeepStrategy::Any).group_by(self.keys.clone()).agg([len().alias(&rows)]);
        Ok(run(different.filter(named(&rows).gt(lit(1))).limit(1))?.height() > 0)
    }

    fn joined(&self, left: LazyFrame, right: LazyFrame, how: JoinType) -> LazyFrame {
        let mut join = JoinArgs::new(how);
        join.nulls_equal = true;
        left.join(right, self.keys.clone(), self.keys.clone(), join)
    }
}

fn rows(scope: &Scope<'_>, mut query: LazyFrame) -> Result<Plan, Fault> {
    let given = query.collect_schema()?;
    let columns = shared_columns(scope.whole.schema(), &given)?;
    let mark = scope.mark("given");
    let casts: Vec<Expr> = columns.iter().map(|(name, dtype)| named(name).cast(dtype.clone())).collect();
    let keys: Vec<Expr> = columns.iter().map(|(name, _)| named(name)).collect();
    let shown = keys.first().cloned().map(|key| super::super::predicate::shown(key, &columns[0].1)).unwrap_or_else(|| lit(""));
    // Rows that are the same in all columns are not told apart, and need not be.
    let in_part = (columns.len() < scope.whole.schema().len()).then(|| Given {
        data: scope.whole.clone(),
        query: query.clone(),
        casts: casts.clone(),
        keys: keys.clone(),
        names: columns.iter().map(|(name, _)| name.clone()).collect(),
        mark: mark.clone(),
    });
    let given = query.select(casts).unique(None, UniqueKeepStrategy::Any).with_column(lit(true).alias(mark.as_str()));
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
        _ => {
            in_part.iter().try_for_each(|given| given.is_of(hits))?;
            Ok(shares.verdict("Dataset.*.CustomSQL.Compliance", hits, rows, || "as the query gives them".to_owned()))
        }
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
