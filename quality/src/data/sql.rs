//! What SQL may do: expressions over columns, and queries over named tables. Neither reads files, calls table
//! functions or writes. Rules may do no more than this, and neither may transforms.
//!
//! The text is parsed exactly as Polars parses it, so that what is looked at here is what runs. What rules ask is
//! then planned by Polars on no rows, so that what Polars can't do is an error before any run.

mod ahead;
mod error;
mod guard;
mod patterns;

use std::panic::{self, AssertUnwindSafe};

use polars::{prelude::*, sql::SQLContext};
use sqlparser::{
    ast::{Query, SelectItem, Spanned, Statement},
    dialect::GenericDialect,
    parser::{Parser, ParserOptions},
    tokenizer::{Location, Token, Tokenizer},
};

pub use self::{
    ahead::{Table, check_predicate, check_rules_query},
    error::{SqlError, Why},
};
use super::error::{first_line, innermost};
use patterns::{StandIns, by_names};

/// Words, signs and brackets of rules' SQL at most, lists of values not counted: what is longer could
/// be nested so deep that no stack holds it.
const TOKENS: usize = 2_000;

/// A condition on each row. It may read columns of the schema and nothing else; aggregates, window
/// functions and queries are refused.
pub fn predicate(text: &str, schema: &Schema) -> Result<Expr, SqlError> {
    let expression = by_names(condition(text)?, schema);
    let empty = DataFrame::empty_with_schema(schema).lazy().select([expression.clone().alias("predicate")]);
    let planned = guarded(text, schema, || empty.collect())?;
    match planned.columns().first().map(Column::dtype) {
        Some(DataType::Boolean | DataType::Null) => Ok(expression),
        Some(other) => Err(SqlError::new(Why::NoCondition(format!("it gives {other}, not true or false")))),
        None => Err(SqlError::new(Why::NoCondition("it gives nothing".to_owned()))),
    }
}

/// A condition on each row, whatever the columns are.
fn condition(text: &str) -> Result<Expr, SqlError> {
    weigh(text)?;
    let item = select_item(text, "condition")?;
    let SelectItem::UnnamedExpr(expression) = &item else {
        return Err(SqlError::new(Why::NoCondition(format!("{item} is no condition on a row"))));
    };
    guard::check_scalar(expression)?;
    guarded(text, &Schema::default(), || polars::sql::sql_expr(text))
}

/// One query over these tables and its own common table expressions.
pub fn query(text: &str, tables: &[(&str, LazyFrame)]) -> Result<LazyFrame, SqlError> {
    weigh(text)?;
    let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
    check_query(text, &names)?;
    planned(text, tables.iter().map(|(name, plan)| (*name, plan.clone())).collect())
}

fn planned(text: &str, mut tables: Vec<(&str, LazyFrame)>) -> Result<LazyFrame, SqlError> {
    let mut context = SQLContext::new();
    let mut columns = Schema::default();
    for (_, plan) in &mut tables {
        // What can't be read says so when it is run.
        columns.merge(plan.collect_schema().map(|schema| Schema::clone(&schema)).unwrap_or_default());
    }
    let stand_ins = StandIns::of(&columns);
    let asked = if stand_ins.is_empty() { None } else { Some(stand_ins.rewrite(parsed_query(text)?)) };
    for (name, plan) in tables {
        context.register(name, stand_ins.put_into(plan.clone()).unwrap_or(plan));
    }
    guarded(text, &columns, || {
        let mut plan = context.execute(asked.as_deref().unwrap_or(text))?;
        plan.collect_schema()?;
        stand_ins.take_out_of(plan)
    })
}

/// Whether a text is one query over these tables and its own common table expressions.
///
/// # Errors
/// What is not allowed or can't be parsed, with its place where the parser tells it.
pub fn check_query(text: &str, tables: &[&str]) -> Result<(), SqlError> {
    guard::check_query(&parsed_query(text)?, tables)
}

/// Whether a text is one expression that reads columns, and in which no query hides.
///
/// # Errors
/// What is not allowed or can't be parsed, with its place where the parser tells it.
pub fn check_expression(text: &str) -> Result<(), SqlError> {
    guard::check_no_query(&select_item(text, "expression")?)
}

fn parsed_query(text: &str) -> Result<Query, SqlError> {
    let mut statements = parser(text)?.parse_statements()?;
    if let Some(second) = statements.get(1) {
        return Err(SqlError::new(Why::Second).at(second.span().start));
    }
    match statements.pop() {
        Some(Statement::Query(query)) => Ok(*query),
        Some(other) => Err(SqlError::new(Why::NoQuery(guard::first_words(&other))).at(other.span().start)),
        None => Err(SqlError::new(Why::Empty)),
    }
}

fn select_item(text: &str, what: &str) -> Result<SelectItem, SqlError> {
    let mut parser = parser(text)?;
    let item = parser.parse_select_item()?;
    match parser.peek_token() {
        token if token.token == Token::EOF => Ok(item),
        token => Err(SqlError::new(Why::Unparsable(format!("unexpected {} after the {what}", token.token))).at(token.span.start)),
    }
}

/// What Polars makes of SQL over these columns. Should it panic, that is an error too.
fn guarded<T>(text: &str, columns: &Schema, work: impl FnOnce() -> PolarsResult<T>) -> Result<T, SqlError> {
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| unplannable(text, columns, &error)),
        Err(_) => Err(SqlError::new(Why::Unplannable("it can't be planned".to_owned()))),
    }
}

/// What Polars says of SQL, at the place of the first thing that it names.
fn unplannable(text: &str, columns: &Schema, error: &PolarsError) -> SqlError {
    let said = first_line(error);
    let quoted = || ['"', '\'', '`'].into_iter().flat_map(|quote| said.split(quote).skip(1).step_by(2));
    // Of a column with a table before it Polars' SQL says so in words only.
    let is_missing = match innermost(error) {
        PolarsError::ColumnNotFound(_) | PolarsError::SchemaFieldNotFound(_) => true,
        other => matches!(other, PolarsError::SQLInterface(_)) && said.contains("no column named"),
    };
    let missing = quoted().find(|name| is_missing && !columns.contains(name));
    let place = missing.into_iter().chain(quoted()).find_map(|name| place_of(text, name));
    let why = match missing {
        Some(name) => Why::NoColumn { name: name.to_owned(), known: columns.iter_names().map(ToString::to_string).collect() },
        None if matches!(innermost(error), PolarsError::SQLInterface(_) | PolarsError::SQLSyntax(_)) => Why::Unsupported(said.clone()),
        None => Why::Unplannable(said.clone()),
    };
    match place {
        Some(place) => SqlError::new(why).at(place),
        None => SqlError::new(why),
    }
}

/// Where a name is first written.
fn place_of(text: &str, name: &str) -> Option<Location> {
    let tokens = Tokenizer::new(&GenericDialect, text).tokenize_with_location().ok()?;
    let is_it = |token: &Token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(name));
    tokens.iter().find(|token| is_it(&token.token)).map(|token| token.span.start)
}

fn parser(text: &str) -> Result<Parser<'static>, SqlError> {
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    Ok(Parser::new(&GenericDialect).with_options(options).try_with_sql(text)?)
}

/// Fails if a text has more words and signs than rules may have.
fn weigh(text: &str) -> Result<(), SqlError> {
    match guard::weight(text) {
        found if found > TOKENS => Err(SqlError::new(Why::TooLong { found, most: TOKENS })),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
