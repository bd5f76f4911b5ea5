//! What can be told of rules' SQL before there is data: whether it can be read, whether it is allowed, and whether
//! Polars has the functions that it calls. Where the columns are known, all of it.

use std::{collections::BTreeSet, ops::ControlFlow};

use polars::prelude::*;
use sqlparser::ast::{Expr, Function, Ident, ObjectName, Spanned, Visit, Visitor};

use super::{SqlError, Why, check_query, condition, guarded, parsed_query, planned, predicate, weigh};

/// A table that a query may read.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Its columns, if they are known.
    pub schema: Option<&'a Schema>,
}

/// Whether a text is a condition on each row of these columns; of unknown ones, whether it may be.
///
/// # Errors
/// What is wrong with it, with its place where it is known.
pub fn check_predicate(text: &str, schema: Option<&Schema>) -> Result<(), SqlError> {
    match schema {
        Some(schema) => predicate(text, schema).map(drop),
        None => condition(text).map(drop),
    }
}

/// Whether a text is one query over these tables, as far as their columns are known. `open` says that there may be
/// other tables: whatever has a name that a reference may have is then taken for one.
///
/// # Errors
/// What is wrong with it, with its place where it is known.
pub fn check_rules_query(text: &str, tables: &[Table<'_>], open: bool) -> Result<(), SqlError> {
    weigh(text)?;
    let query = parsed_query(text)?;
    let mut mentions = Mentions::default();
    let _ = query.visit(&mut mentions);
    let mut tables = tables.to_vec();
    if open {
        let unknown = mentions.tables.iter().filter(|name| tables.iter().all(|table| table.name != name.as_str()));
        let others: Vec<Table<'_>> = unknown.map(|name| Table { name, schema: None }).collect();
        tables.extend(others);
    }
    check_query(text, &tables.iter().map(|table| table.name).collect::<Vec<_>>())?;
    if tables.iter().all(|table| table.schema.is_some()) {
        let plans = tables.iter().filter_map(|table| Some((table.name, DataFrame::empty_with_schema(table.schema?).lazy())));
        return planned(text, plans.collect()).map(drop);
    }
    if let ControlFlow::Break(unknown) = query.visit(&mut Functions) {
        return Err(unknown);
    }
    // Every name that is written may be a column of a table whose columns are unknown.
    let guessed = Schema::from_iter(mentions.names.iter().map(|name| Field::new(name.as_str().into(), DataType::Null)));
    let plan = |table: &Table<'_>| DataFrame::empty_with_schema(table.schema.unwrap_or(&guessed)).lazy();
    match planned(text, tables.iter().map(|table| (table.name, plan(table))).collect()) {
        Err(error) if is_of_polars(&error.why) => Err(error),
        _ => Ok(()),
    }
}

/// Whether Polars lacks what is asked, whatever the columns: it says so in these words, and in no type of its own.
fn is_of_polars(why: &Why) -> bool {
    const LACKS: [&str; 3] = ["support", "not yet implemented", "recursive CTE"];
    matches!(why, Why::Unsupported(text) if LACKS.iter().any(|words| text.contains(words)))
}

/// The names that are written in a query: those of tables that may be references, and all that may be of columns.
#[derive(Default)]
struct Mentions {
    tables: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Visitor for Mentions {
    type Break = ();

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        let [part] = name.0.as_slice() else { return ControlFlow::Continue(()) };
        let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
        let table = part.as_ident().filter(|ident| ident.quote_style != Some('\'') && ident.value.chars().all(plain));
        self.tables.extend(table.map(|ident| ident.value.clone()));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        let of = |ident: &Ident| ident.value.clone();
        match expression {
            Expr::Identifier(ident) => self.names.extend([of(ident)]),
            Expr::CompoundIdentifier(parts) => self.names.extend(parts.iter().map(of)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Breaks at the first function that Polars does not know.
struct Functions;

impl Visitor for Functions {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<SqlError> {
        let Expr::Function(function) = expression else { return ControlFlow::Continue(()) };
        // Over which rows it is asked does not change whether it is known.
        let text = Function { over: None, filter: None, null_treatment: None, within_group: Vec::new(), ..function.clone() }.to_string();
        match guarded(&text, &Schema::default(), || polars::sql::sql_expr(&text)) {
            Err(SqlError { why: Why::Unsupported(said), .. }) if said.contains("unsupported function") => {
                ControlFlow::Break(SqlError::new(Why::Unsupported(said)).at(function.name.span().start))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
