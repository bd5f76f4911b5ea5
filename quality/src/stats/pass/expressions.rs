//! Expressions over a batch.

use std::{
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
};

use polars::prelude::*;

/// The columns an expression names.
pub(super) fn columns_of(expression: &Expr) -> BTreeSet<PlSmallStr> {
    let names = expression.into_iter().filter_map(|part| match part {
        Expr::Column(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

/// Whether an expression looks at one row at a time, so that batches can be asked apart.
pub(super) fn is_of_one_row(expression: &Expr) -> bool {
    !expression.into_iter().any(|part| {
        matches!(
            part,
            Expr::Agg(_)
                | Expr::Over { .. }
                | Expr::Sort { .. }
                | Expr::SortBy { .. }
                | Expr::Gather { .. }
                | Expr::Filter { .. }
                | Expr::Explode { .. }
                | Expr::Slice { .. }
                | Expr::Len
                | Expr::SubPlan(..)
                | Expr::Selector(_)
        )
    })
}

/// Conditions on the rows of a frame; null is false. Each that can't be worked out is an error of its own.
pub(super) fn evaluate(frame: &DataFrame, expressions: &[&Expr]) -> Vec<Result<BooleanChunked, String>> {
    let Some(together) = select(frame, expressions) else {
        return expressions.iter().map(|expression| alone(frame, expression)).collect();
    };
    together.columns().iter().map(|column| conditions(column, frame.height())).collect()
}

fn select(frame: &DataFrame, expressions: &[&Expr]) -> Option<DataFrame> {
    let named = expressions.iter().enumerate().map(|(index, expression)| (*expression).clone().alias(index.to_string()));
    collect(frame.clone().lazy().select(named.collect::<Vec<_>>())).ok()
}

/// Runs a plan. Should Polars panic, that is an error of this plan, and no other's.
fn collect(plan: LazyFrame) -> Result<DataFrame, String> {
    match panic::catch_unwind(AssertUnwindSafe(|| plan.collect())) {
        Ok(collected) => collected.map_err(|error| crate::data::first_line(&error)),
        Err(_) => Err("it can't be worked out".to_owned()),
    }
}

fn alone(frame: &DataFrame, expression: &Expr) -> Result<BooleanChunked, String> {
    let selected = collect(frame.clone().lazy().select([expression.clone().alias("0")]))?;
    let column = selected.columns().first().ok_or("the expression gives nothing")?;
    conditions(column, frame.height())
}

/// A column of conditions; a constant is one value for all rows.
fn conditions(column: &Column, rows: usize) -> Result<BooleanChunked, String> {
    let constant = column.len() == 1 && rows != 1;
    match column.dtype() {
        DataType::Null => Ok(BooleanChunked::full(PlSmallStr::EMPTY, false, rows)),
        DataType::Boolean => {
            let found = column.bool().map_err(|error| error.to_string())?;
            Ok(if constant { BooleanChunked::full(PlSmallStr::EMPTY, found.get(0) == Some(true), rows) } else { found.clone() })
        }
        other => Err(format!("the expression gives {other}, not true or false")),
    }
}
