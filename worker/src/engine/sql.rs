//! What SQL may do: one query over `input`, the references its step declares and its own CTEs.
//!
//! The text is parsed exactly as Polars parses it, so that what is looked at here is what runs.

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};

use lakegate_model::{
    Failure, FailureCode,
    pipeline::{Operation, Sql, Stage, Step, TransformWork},
};
use sqlparser::{
    ast::{Expr, ObjectName, Query, Select, Spanned, Statement, TableFactor, Visit, Visitor},
    dialect::GenericDialect,
    parser::{Parser, ParserError, ParserOptions},
    tokenizer::{Location, Token},
};

use super::{failure::nearest, operations};

/// The SQL's name in messages: its file, or that it is inline.
pub(super) fn name_of(sql: &Sql) -> String {
    sql.file.clone().unwrap_or_else(|| "the inline SQL".to_owned())
}

/// Whether SQL is one query that reads nothing but `input`, these references and its own CTEs.
/// Fails with `invalid_pipeline` and, where the parser tells, the line and column.
pub fn check_sql(sql: &Sql, references: &[&str]) -> Result<(), Failure> {
    let name = name_of(sql);
    let statements = parser(&sql.text).and_then(|mut parser| parser.parse_statements()).map_err(|error| unparsable(&name, &error))?;
    let query = match statements.as_slice() {
        [Statement::Query(query)] => query,
        [other] => return Err(invalid(&name, None, format!("it is no query: {}", first_words(other)), ONE_QUERY)),
        [] => return Err(invalid(&name, None, "it is empty", ONE_QUERY)),
        [_, second, ..] => return Err(invalid(&name, Some(second.span().start), "a second statement begins here", ONE_QUERY)),
    };
    let mut names = CteNames::default();
    let _ = query.visit(&mut names);
    let mut guard = Guard { references, ctes: names.0 };
    match query.visit(&mut guard) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refused) => Err(invalid(&name, refused.place, refused.why, &refused.hint)),
    }
}

/// Everything in a stage's SQL and expressions that is not allowed or can't be parsed.
pub fn check_stage(stage: &Stage) -> Vec<Failure> {
    let mut failures = Vec::new();
    for step in &stage.steps {
        match step {
            Step::Transform(transform) => {
                let references: Vec<&str> = transform.references.keys().map(String::as_str).collect();
                match &transform.work {
                    TransformWork::Sql(sql) => failures.extend(check_sql(sql, &references).err()),
                    TransformWork::Operations(operations) => failures.extend(check_operations(&stage.name, operations)),
                }
            }
            Step::Job(job) => {
                let references: Vec<&str> = job.references.keys().map(String::as_str).collect();
                failures.extend(check_sql(&job.sql, &references).err());
            }
            Step::Quality(_) | Step::Publish(_) | Step::Crawl(_) | Step::Notify(_) => {}
        }
    }
    failures
}

/// Stages known kept at most.
const KNOWN_STAGES: usize = 64;

/// Stages whose SQL was looked at and let in, so that it is not parsed once more for each object.
#[derive(Debug, Default)]
pub(super) struct AllowedStages(Mutex<Vec<Arc<Stage>>>);

impl AllowedStages {
    /// Fails with the first thing in the stage that is not allowed.
    pub(super) fn check(&self, stage: &Arc<Stage>) -> Result<(), Failure> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|known| Arc::ptr_eq(known, stage) || known == stage) {
            return Ok(());
        }
        if let Some(refused) = check_stage(stage).into_iter().next() {
            return Err(refused);
        }
        if known.len() == KNOWN_STAGES {
            known.remove(0);
        }
        known.push(Arc::clone(stage));
        Ok(())
    }
}

fn check_operations(stage: &str, operations: &[Operation]) -> Vec<Failure> {
    let expressions = operations.iter().enumerate().flat_map(|(index, operation)| {
        let texts: Vec<&String> = match operation {
            Operation::Filter(predicate) => vec![predicate],
            Operation::Derive(columns) => columns.iter().map(|(_, expression)| expression).collect(),
            _ => Vec::new(),
        };
        let name = format!("stage {stage}, {}", operations::name_of(index, operation));
        texts.into_iter().map(move |text| (name.clone(), text))
    });
    expressions.filter_map(|(name, text)| check_expression(&name, text).err()).collect()
}

/// An expression reads columns, nothing else: no query may hide in it.
fn check_expression(name: &str, text: &str) -> Result<(), Failure> {
    let name = format!("{name} `{text}`");
    let parsed = parser(text).and_then(|mut parser| {
        let item = parser.parse_select_item()?;
        match parser.peek_token().token {
            Token::EOF => Ok(item),
            other => Err(ParserError::ParserError(format!("unexpected {other} after the expression"))),
        }
    });
    let item = parsed.map_err(|error| unparsable(&name, &error))?;
    match item.visit(&mut NoQuery) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(invalid(&name, None, "an expression can't hold a query", "use `transform: { sql: … }` for that")),
    }
}

const ONE_QUERY: &str = "write one SELECT (or WITH … SELECT) over table input";

fn parser(text: &str) -> Result<Parser<'static>, ParserError> {
    Parser::new(&GenericDialect).with_options(ParserOptions { trailing_commas: true, ..ParserOptions::default() }).try_with_sql(text)
}

fn unparsable(name: &str, error: &ParserError) -> Failure {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "it is nested too deeply",
    };
    let (text, place) = match text.rsplit_once(" at Line: ") {
        Some((text, place)) => (text, parse_place(place)),
        None => (text, None),
    };
    invalid(name, place, text, "")
}

/// `3, Column: 14`
fn parse_place(text: &str) -> Option<Location> {
    let (line, column) = text.split_once(", Column: ")?;
    Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
}

fn invalid(name: &str, place: Option<Location>, why: impl AsRef<str>, hint: &str) -> Failure {
    let place = place.filter(|place| place.line > 0).map_or_else(String::new, |place| format!(":{}:{}", place.line, place.column));
    Failure::new(FailureCode::InvalidPipeline, format!("{name}{place}: {}", why.as_ref())).hint(hint)
}

fn first_words(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The names of a query's CTEs, at any depth. Which of them is visible where is left to Polars:
/// none of them can name anything outside the query.
#[derive(Default)]
struct CteNames(BTreeSet<String>);

impl Visitor for CteNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|table| table.alias.name.value.clone()));
        ControlFlow::Continue(())
    }
}

struct Guard<'a> {
    references: &'a [&'a str],
    ctes: BTreeSet<String>,
}

struct Refused {
    place: Option<Location>,
    why: String,
    hint: String,
}

impl Guard<'_> {
    fn check_table(&self, name: &ObjectName) -> ControlFlow<Refused> {
        let parts: Vec<&str> = name.0.iter().filter_map(|part| part.as_ident().map(|ident| ident.value.as_str())).collect();
        let known = |table: &str| table == "input" || self.references.contains(&table) || self.ctes.contains(table);
        if let [table] = parts.as_slice()
            && known(table)
        {
            return ControlFlow::Continue(());
        }
        let place = Some(name.span().start);
        ControlFlow::Break(Refused { place, why: format!("there is no table {name} here"), hint: self.tables_hint(&parts) })
    }

    fn tables_hint(&self, parts: &[&str]) -> String {
        let mut tables = vec!["input"];
        tables.extend(self.references);
        tables.extend(self.ctes.iter().map(String::as_str));
        let declare = "declare a published table under `references:` to read it";
        match parts.last().and_then(|name| nearest(name, tables.iter().copied())) {
            Some(near) => format!("did you mean {near}? There are: {}; {declare}", tables.join(", ")),
            None => format!("there are: {}; {declare}", tables.join(", ")),
        }
    }
}

impl Visitor for Guard<'_> {
    type Break = Refused;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Refused> {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            other => {
                let why = format!("{} is no query", first_words(other));
                ControlFlow::Break(Refused { place: Some(other.span().start), why, hint: ONE_QUERY.to_owned() })
            }
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refused> {
        match &select.into {
            None => ControlFlow::Continue(()),
            Some(into) => {
                let why = format!("INTO {} is not allowed", into.name);
                ControlFlow::Break(Refused {
                    place: Some(into.name.span().start),
                    why,
                    hint: "the stage's output goes where the pipeline says".to_owned(),
                })
            }
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refused> {
        match factor {
            TableFactor::Table { name, args: None, .. } => self.check_table(name),
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            other => {
                let text = other.to_string();
                let function = text.split('(').next().unwrap_or(&text).trim();
                let why = format!("table function {function} is not allowed: a transform reads no files");
                ControlFlow::Break(Refused { place: Some(other.span().start), why, hint: self.tables_hint(&[]) })
            }
        }
    }
}

/// Breaks at the first query.
struct NoQuery;

impl Visitor for NoQuery {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
