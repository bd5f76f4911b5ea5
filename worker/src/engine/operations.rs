//! The declarative operations.

use lakegate_model::pipeline::{ColumnType, Operation};
use polars::{prelude::*, sql::sql_expr};

use super::{schema::declared, text};

/// The operation's name in a pipeline file and its place among its step's, counted from 1.
pub(super) fn name_of(index: usize, operation: &Operation) -> String {
    let name = match operation {
        Operation::Select(_) => "select",
        Operation::Rename(_) => "rename",
        Operation::Cast(_) => "cast",
        Operation::Filter(_) => "filter",
        Operation::Derive(_) => "derive",
        Operation::Deduplicate(_) => "deduplicate",
        Operation::DropNulls(_) => "drop_nulls",
    };
    format!("operation {} ({name})", index + 1)
}

/// The plan with the operation on top.
pub(super) fn apply(plan: LazyFrame, schema: &Schema, operation: &Operation) -> PolarsResult<LazyFrame> {
    Ok(match operation {
        Operation::Select(columns) => {
            check(schema, columns)?;
            plan.select(columns.iter().map(|column| col(column.as_str())).collect::<Vec<_>>())
        }
        Operation::Rename(names) => {
            check(schema, names.keys())?;
            plan.rename(names.keys(), names.values(), true)
        }
        Operation::Cast(types) => {
            check(schema, types.keys())?;
            let casts: Vec<Expr> = types.iter().map(|(name, kind)| cast(name, schema.get(name), *kind)).collect();
            plan.with_columns(casts)
        }
        Operation::Filter(predicate) => plan.filter(sql_expr(predicate)?),
        Operation::Derive(columns) => {
            let mut plan = plan;
            for (name, expression) in columns {
                plan = plan.with_columns([sql_expr(expression)?.alias(name.as_str())]);
            }
            plan
        }
        Operation::Deduplicate(columns) => plan.unique_stable(subset(schema, columns)?, UniqueKeepStrategy::First),
        Operation::DropNulls(columns) => plan.drop_nulls(subset(schema, columns)?),
    })
}

fn subset(schema: &Schema, columns: &[String]) -> PolarsResult<Option<Selector>> {
    check(schema, columns)?;
    let names: Arc<[PlSmallStr]> = columns.iter().map(|column| column.as_str().into()).collect();
    Ok((!columns.is_empty()).then_some(Selector::ByName { names, strict: true }))
}

fn check<'a>(schema: &Schema, columns: impl IntoIterator<Item = &'a String>) -> PolarsResult<()> {
    match columns.into_iter().find(|column| !schema.contains(column.as_str())) {
        Some(missing) => Err(PolarsError::ColumnNotFound(format!("\"{missing}\"").into())),
        None => Ok(()),
    }
}

fn cast(name: &str, from: Option<&DataType>, to: ColumnType) -> Expr {
    match from {
        Some(DataType::String) => text::parse(col(name), &declared(to)),
        _ => col(name).strict_cast(declared(to)),
    }
}
