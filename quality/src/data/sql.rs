//! What the SQL of rules may do: predicates over the dataset's columns, and queries over named
//! tables. Neither reads files, calls table functions or writes.
//!
//! The text is parsed exactly as Polars parses it, so that what is looked at here is what runs; it
//! is then planned by Polars on no rows, so that what Polars can't do is an error before any run.

mod guard;

use std::{
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
};

use polars::{prelude::*, sql::SQLContext};
use sqlparser::{
    ast::{SelectItem, Spanned, Statement},
    dialect::GenericDialect,
    parser::{Parser, ParserError, ParserOptions},
    tokenizer::{Location, Token},
};

use self::guard::{Refused, check_query, check_scalar};
use super::error::first_line;

/// SQL that is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", place(*.line, *.column))]
pub struct SqlError {
    /// What is wrong with it.
    pub why: String,
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
    /// The column in characters, from 1; 0 if it is not known.
    pub column: u64,
}

fn place(line: u64, column: u64) -> String {
    if line == 0 { String::new() } else { format!("line {line}, column {column} of the SQL: ") }
}

impl SqlError {
    fn new(why: impl Into<String>) -> SqlError {
        SqlError { why: why.into(), line: 0, column: 0 }
    }

    fn at(mut self, place: Location) -> SqlError {
        (self.line, self.column) = (place.line, place.column);
        self
    }
}

impl From<Refused> for SqlError {
    fn from(refused: Refused) -> SqlError {
        SqlError::new(refused.why).at(refused.place)
    }
}

/// Words, signs and brackets of a text at most, lists of values not counted: what is longer could
/// be nested so deep that no stack holds it.
const TOKENS: usize = 2_000;

/// A condition on each row. It may read columns of the schema and nothing else; aggregates, window
/// functions and queries are refused.
pub fn predicate(text: &str, schema: &Schema) -> Result<Expr, SqlError> {
    let mut parser = parser(text)?;
    let item = parser.parse_select_item().map_err(|error| unparsable(&error))?;
    match parser.peek_token() {
        token if token.token == Token::EOF => {}
        token => return Err(SqlError::new(format!("unexpected {} after the condition", token.token)).at(token.span.start)),
    }
    let SelectItem::UnnamedExpr(expression) = &item else {
        return Err(SqlError::new(format!("{item} is no condition on a row")));
    };
    check_scalar(expression)?;
    let expression = guarded(|| polars::sql::sql_expr(text))?;
    let empty = DataFrame::empty_with_schema(schema).lazy().select([expression.clone().alias("predicate")]);
    let planned = guarded(|| empty.collect())?;
    match planned.columns().first().map(Column::dtype) {
        Some(DataType::Boolean | DataType::Null) => Ok(expression),
        Some(other) => Err(SqlError::new(format!("it gives {other}, not true or false"))),
        None => Err(SqlError::new("it gives nothing")),
    }
}

/// One query over these tables and its own common table expressions.
pub fn query(text: &str, tables: &[(&str, LazyFrame)]) -> Result<LazyFrame, SqlError> {
    let statements = parser(text)?.parse_statements().map_err(|error| unparsable(&error))?;
    let query = match statements.as_slice() {
        [Statement::Query(query)] => query,
        [other] => return Err(SqlError::new(format!("{} is no query", guard::first_words(other))).at(other.span().start)),
        [] => return Err(SqlError::new("it is empty")),
        [_, second, ..] => return Err(SqlError::new("a second statement begins here").at(second.span().start)),
    };
    let names: BTreeSet<&str> = tables.iter().map(|(name, _)| *name).collect();
    check_query(query, &names)?;
    let mut context = SQLContext::new();
    for (name, plan) in tables {
        context.register(name, plan.clone());
    }
    guarded(|| {
        let mut plan = context.execute(text)?;
        plan.collect_schema()?;
        Ok(plan)
    })
}

/// What Polars makes of SQL. Should it panic, that is an error too.
fn guarded<T>(work: impl FnOnce() -> PolarsResult<T>) -> Result<T, SqlError> {
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| SqlError::new(first_line(&error))),
        Err(_) => Err(SqlError::new("it can't be planned")),
    }
}

fn parser(text: &str) -> Result<Parser<'static>, SqlError> {
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    let parser = Parser::new(&GenericDialect).with_options(options).try_with_sql(text).map_err(|error| unparsable(&error))?;
    let counted = guard::weight(text);
    if counted > TOKENS {
        return Err(SqlError::new(format!("it has {counted} words and signs; {TOKENS} are the limit")));
    }
    Ok(parser)
}

fn unparsable(error: &ParserError) -> SqlError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "it is nested too deeply",
    };
    let Some((why, place)) = text.rsplit_once(" at Line: ") else { return SqlError::new(text) };
    let place = place.split_once(", Column: ");
    let number = |text: &str| text.trim().parse().unwrap_or_default();
    match place {
        Some((line, column)) => SqlError::new(why).at(Location { line: number(line), column: number(column) }),
        None => SqlError::new(why),
    }
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
