//! What SQL may do: one query over `input`, the references its step declares and its own CTEs.
//!
//! The text is parsed exactly as Polars parses it, so that what is looked at here is what runs.

use std::{collections::BTreeSet, ops::ControlFlow};

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
            Step::Publish(_) => {}
        }
    }
    failures
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
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Failure> {
        check_sql(&Sql { text: text.to_owned(), file: Some("transforms/t.sql".to_owned()) }, &["airlines"])
    }

    #[test]
    fn queries_over_what_is_declared_are_let_in() {
        for text in [
            "SELECT * FROM input",
            "SELECT i.a, l.name FROM input i JOIN airlines AS l ON i.a = l.a;",
            "WITH t AS (SELECT a FROM input), u AS (SELECT * FROM t) SELECT * FROM u UNION ALL SELECT a FROM t",
            "SELECT * FROM (SELECT a FROM input WHERE a IN (SELECT a FROM airlines)) x",
            "SELECT 'read_csv(''/etc/passwd'')' AS a FROM input",
            "VALUES (1, 2)",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM READ_PARQUET('x')",
            "SELECT * FROM input, read_ndjson('x')",
            "SELECT * FROM input WHERE a IN (SELECT a FROM read_csv('x'))",
            "SELECT (SELECT MAX(a) FROM read_csv('x')) FROM input",
            "WITH t AS (SELECT * FROM read_csv('x')) SELECT * FROM t",
            "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM \"/etc/passwd\"",
            "SELECT * FROM nyc.airlines",
            "SELECT * FROM input.airlines",
            "SELECT * FROM inptu",
            "SELECT * INTO t FROM input",
            "SELECT * FROM input; SELECT 1",
            "CREATE TABLE t AS SELECT * FROM input",
            "DROP TABLE input",
            "DELETE FROM input",
            "TRUNCATE input",
            "EXPLAIN SELECT * FROM input",
            "SHOW TABLES",
            "COPY input TO '/tmp/x'",
            "WITH t AS (DELETE FROM input RETURNING *) SELECT * FROM t",
            "SELECT * FROM TABLE(read_csv('x'))",
            "SELECT a b c FROM input",
        ] {
            let refused = check(text);
            assert_eq!(refused.as_ref().map_err(|failure| failure.code), Err(FailureCode::InvalidPipeline), "{text}");
        }
    }

    #[test]
    fn refusals_say_where_and_what_there_is() {
        let failure = check("SELECT *\nFROM inptu").unwrap_err();
        assert_eq!(failure.message, "transforms/t.sql:2:6: there is no table inptu here");
        assert_eq!(
            failure.hint,
            "did you mean input? There are: input, airlines; declare a published table under `references:` to read it"
        );
        let failure = check("SELECT a,\n  b c d FROM input").unwrap_err();
        assert!(failure.message.starts_with("transforms/t.sql:2:7: "), "{failure}");
    }

    #[test]
    fn no_query_hides_in_an_expression() {
        assert_eq!(check_expression("filter", "a > 1 AND UPPER(b) IN ('X')"), Ok(()));
        for text in ["a IN (SELECT a FROM read_csv('x'))", "EXISTS (SELECT 1)", "(SELECT 1)", "a >", "a; b", "a FROM input"] {
            assert!(check_expression("filter", text).is_err(), "{text}");
        }
    }
}
