//! Columns that are called `*` or `^…$`: Polars' SQL takes such names for patterns of names, quoted or not.
//! In a condition they are put right once it is read; a query knows them by other names as long as it is planned.

use std::ops::ControlFlow;

use polars::prelude::*;
use sqlparser::ast::{Expr as Written, Ident, Query, visit_expressions_mut};

use crate::data::named;

/// How the names begin that queries know such columns by.
const STAND_IN: &str = "__lakegate_column_";

/// An expression whose columns are those of these very names.
pub(super) fn by_names(expression: Expr, schema: &Schema) -> Expr {
    expression.map_expr(|part| match part {
        Expr::Selector(Selector::Wildcard) if schema.contains("*") => named("*"),
        Expr::Selector(Selector::Matches(name)) if schema.contains(&name) => Expr::Column(name),
        part => part,
    })
}

/// Which of some columns have other names in a query, by their places; none as long as it needs none.
#[derive(Debug, Default, PartialEq)]
pub(super) struct StandIns(Vec<PlSmallStr>);

impl StandIns {
    /// For the columns of all tables of a query.
    pub(super) fn of(columns: &Schema) -> StandIns {
        let is_pattern = |name: &&PlSmallStr| *name == "*" || (name.starts_with('^') && name.ends_with('$'));
        StandIns(columns.iter_names().filter(is_pattern).cloned().collect())
    }

    /// Whether nothing has another name.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn stand_in(&self, name: &str) -> Option<String> {
        self.0.iter().position(|known| known == name).map(|place| format!("{STAND_IN}{place}"))
    }

    fn original(&self, name: &str) -> Option<&PlSmallStr> {
        self.0.get(name.strip_prefix(STAND_IN)?.parse::<usize>().ok()?)
    }

    /// A query's text with the other names.
    pub(super) fn rewrite(&self, mut query: Query) -> String {
        let put = |ident: &mut Ident| {
            if let Some(stand_in) = self.stand_in(&ident.value) {
                *ident = Ident::with_quote('"', stand_in);
            }
        };
        let _ = visit_expressions_mut(&mut query, |expression| {
            match expression {
                Written::Identifier(ident) => put(ident),
                Written::CompoundIdentifier(parts) => parts.iter_mut().for_each(put),
                _ => {}
            }
            ControlFlow::<()>::Continue(())
        });
        query.to_string()
    }

    /// A table with the other names.
    pub(super) fn put_into(&self, plan: LazyFrame) -> PolarsResult<LazyFrame> {
        renamed(plan, |name| self.stand_in(name).map(PlSmallStr::from_string))
    }

    /// A query's result with the names that its columns have.
    pub(super) fn take_out_of(&self, plan: LazyFrame) -> PolarsResult<LazyFrame> {
        renamed(plan, |name| self.original(name).cloned())
    }
}

fn renamed(mut plan: LazyFrame, new: impl Fn(&str) -> Option<PlSmallStr>) -> PolarsResult<LazyFrame> {
    let schema = plan.collect_schema()?;
    if schema.iter_names().all(|name| new(name).is_none()) {
        return Ok(plan);
    }
    let columns = schema.iter_names().map(|name| match new(name) {
        Some(new) => named(name).alias(new),
        None => named(name),
    });
    Ok(plan.select(columns.collect::<Vec<_>>()))
}
