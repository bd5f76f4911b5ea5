//! Why SQL is not let in, and where.

use sqlparser::{parser::ParserError, tokenizer::Location};

use crate::language::nearest;

/// SQL that is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", place(*.line, *.column))]
pub struct SqlError {
    /// What is wrong with it.
    pub why: Why,
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
    /// The column in characters, from 1; 0 if it is not known.
    pub column: u64,
}

/// What can be wrong with SQL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The parser can't read it.
    #[error("{0}")]
    Unparsable(String),
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is so long that it could be nested deeper than any stack holds.
    #[error("it has {found} words and signs; {most} are the limit")]
    TooLong {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// There is more than one statement.
    #[error("a second statement begins here")]
    Second,
    /// A statement that does not only read; its first words.
    #[error("{0} is no query")]
    NoQuery(String),
    /// A table that is not declared.
    #[error("there is no table {name} here; there are: {}", known.join(", "))]
    NoTable {
        /// As it is written.
        name: String,
        /// Its last part.
        last: String,
        /// What there is: declared tables, and the query's own.
        known: Vec<String>,
    },
    /// A function in a table's place, such as `read_csv`.
    #[error("table function {name} is not allowed: rules read no files")]
    TableFunction {
        /// Its name.
        name: String,
        /// What there is: declared tables, and the query's own.
        known: Vec<String>,
    },
    /// `SELECT … INTO`, with the name that comes next.
    #[error("INTO {0} is not allowed: rules only read")]
    Into(String),
    /// A query in an expression.
    #[error("a condition on a row can't hold a query")]
    HoldsQuery,
    /// An expression that is no condition on one row.
    #[error("{0}")]
    NoCondition(String),
    /// A column that is in none of the tables.
    #[error("there is no column \"{name}\"")]
    NoColumn {
        /// As it is written.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Polars has no such SQL.
    #[error("{0}")]
    Unsupported(String),
    /// Polars can't do it with these columns.
    #[error("{0}")]
    Unplannable(String),
}

/// How many names a hint lists.
const LISTED: usize = 20;

impl SqlError {
    pub(super) fn new(why: Why) -> SqlError {
        SqlError { why, line: 0, column: 0 }
    }

    pub(super) fn at(mut self, place: Location) -> SqlError {
        (self.line, self.column) = (place.line, place.column);
        self
    }

    /// What to do about it; empty if nothing better is known than what it says.
    pub fn hint(&self) -> String {
        match &self.why {
            Why::NoTable { last, known, .. } => match nearest(last, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None => "a table that rules compare with is declared as a reference".to_owned(),
            },
            Why::NoColumn { name, known } => match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if known.is_empty() => "there are no columns".to_owned(),
                None if known.len() <= LISTED => format!("there are: {}", known.join(", ")),
                None => format!("there are: {}, …", known[..LISTED].join(", ")),
            },
            Why::Second | Why::NoQuery(_) | Why::Empty => "write one SELECT, or WITH … SELECT".to_owned(),
            Why::TableFunction { known, .. } => format!("there are the tables {}", known.join(", ")),
            Why::HoldsQuery => "`CustomSql` takes whole queries".to_owned(),
            Why::Unsupported(text) if text.contains("unsupported function") => "it is none of the SQL functions of Polars".to_owned(),
            _ => String::new(),
        }
    }
}

fn place(line: u64, column: u64) -> String {
    if line == 0 { String::new() } else { format!("line {line}, column {column} of the SQL: ") }
}

impl From<ParserError> for SqlError {
    fn from(error: ParserError) -> SqlError {
        let text = match &error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
            ParserError::RecursionLimitExceeded => "it is nested too deeply",
        };
        let unparsable = |text: &str| SqlError::new(Why::Unparsable(text.to_owned()));
        let Some((why, place)) = text.rsplit_once(" at Line: ") else { return unparsable(text) };
        let number = |text: &str| text.trim().parse().unwrap_or_default();
        match place.split_once(", Column: ") {
            Some((line, column)) => unparsable(why).at(Location { line: number(line), column: number(column) }),
            None => unparsable(why),
        }
    }
}
