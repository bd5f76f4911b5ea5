//! What SQL may do: one query over `input`, the references its step declares and its own CTEs.
//!
//! How SQL is read and what of it is allowed is told by `lakegate-quality`, as of rules' SQL; here it is said in
//! a transform's words.

use std::sync::{Arc, Mutex, PoisonError};

use lakegate_model::{
    Failure, FailureCode,
    pipeline::{Operation, Sql, Stage, Step, TransformWork},
};
use lakegate_quality::data::sql::{self, SqlError, Why};

use super::{failure::nearest, operations};

/// The SQL's name in messages: its file, or that it is inline.
pub(super) fn name_of(sql: &Sql) -> String {
    sql.file.clone().unwrap_or_else(|| "the inline SQL".to_owned())
}

/// Whether SQL is one query that reads nothing but `input`, these references and its own CTEs.
/// Fails with `invalid_pipeline` and, where the parser tells, the line and column.
pub fn check_sql(sql: &Sql, references: &[&str]) -> Result<(), Failure> {
    let tables: Vec<&str> = std::iter::once("input").chain(references.iter().copied()).collect();
    sql::check_query(&sql.text, &tables).map_err(|error| invalid(&name_of(sql), &error))
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
    sql::check_expression(text).map_err(|error| invalid(&format!("{name} `{text}`"), &error))
}

const ONE_QUERY: &str = "write one SELECT (or WITH … SELECT) over table input";

/// What is wrong with SQL, in a transform's words.
fn invalid(name: &str, error: &SqlError) -> Failure {
    let place = if error.line > 0 { format!(":{}:{}", error.line, error.column) } else { String::new() };
    let (why, hint) = match &error.why {
        why @ (Why::NoQuery(_) | Why::Empty | Why::Second) => (why.to_string(), ONE_QUERY.to_owned()),
        Why::NoTable { name, last, known } => (format!("there is no table {name} here"), tables_hint(last, known)),
        Why::TableFunction { name, known } => {
            (format!("table function {name} is not allowed: a transform reads no files"), tables_hint("", known))
        }
        Why::Into(table) => (format!("INTO {table} is not allowed"), "the stage's output goes where the pipeline says".to_owned()),
        Why::HoldsQuery => ("an expression can't hold a query".to_owned(), "use `transform: { sql: … }` for that".to_owned()),
        why => (why.to_string(), String::new()),
    };
    Failure::new(FailureCode::InvalidPipeline, format!("{name}{place}: {why}")).hint(hint)
}

fn tables_hint(meant: &str, known: &[String]) -> String {
    let (known, all) = (known.iter().map(String::as_str), known.join(", "));
    let declare = "declare a published table under `references:` to read it";
    match nearest(meant, known) {
        Some(near) => format!("did you mean {near}? There are: {all}; {declare}"),
        None => format!("there are: {all}; {declare}"),
    }
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
