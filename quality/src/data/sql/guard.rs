//! The walk over parsed SQL that refuses what it may not do.

use std::{collections::BTreeSet, ops::ControlFlow};

use sqlparser::{
    ast::{Expr, Function, ObjectName, Query, Select, SelectItem, Spanned, Statement, TableFactor, Visit, Visitor},
    dialect::GenericDialect,
    tokenizer::{Location, Token, Tokenizer},
};

use super::{SqlError, Why};

/// Functions of many rows, as Polars spells them.
const AGGREGATES: &[&str] = &[
    "avg",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "covar",
    "first",
    "last",
    "max",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "stdev",
    "stddev",
    "stdev_samp",
    "stddev_samp",
    "string_agg",
    "listagg",
    "group_concat",
    "sum",
    "total",
    "var",
    "variance",
    "var_samp",
    "array_agg",
    "unnest",
    "dense_rank",
    "first_value",
    "last_value",
    "lag",
    "lead",
    "rank",
    "row_number",
    "columns",
];

/// Fails if an expression is of more than one row.
pub(super) fn check_scalar(expression: &Expr) -> Result<(), SqlError> {
    broken(expression.visit(&mut Scalar))
}

/// Fails if a query hides in an expression.
pub(super) fn check_no_query(item: &SelectItem) -> Result<(), SqlError> {
    broken(item.visit(&mut NoQuery))
}

/// Fails if a query reads anything but these tables and its own common table expressions.
pub(super) fn check_query(query: &Query, tables: &[&str]) -> Result<(), SqlError> {
    let mut names = Names::default();
    let _ = query.visit(&mut names);
    broken(query.visit(&mut Guard { tables, own: names.0 }))
}

fn broken(flow: ControlFlow<SqlError>) -> Result<(), SqlError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refused) => Err(refused),
    }
}

/// How many words and signs a text has; values and the commas between them don't count.
pub(super) fn weight(text: &str) -> usize {
    let tokens = Tokenizer::new(&GenericDialect, text).tokenize().unwrap_or_default();
    let light = |token: &&Token| {
        matches!(token, Token::Whitespace(_) | Token::Number(..) | Token::SingleQuotedString(_) | Token::Comma | Token::Minus)
    };
    tokens.len() - tokens.iter().filter(light).count()
}

/// The first words of a statement, to name it by.
pub(super) fn first_words(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn refuse(place: Location, why: Why) -> ControlFlow<SqlError> {
    ControlFlow::Break(SqlError::new(why).at(place))
}

struct Scalar;

impl Visitor for Scalar {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        NoQuery.pre_visit_query(query)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<SqlError> {
        let refuse = |why: String| refuse(expression.span().start, Why::NoCondition(why));
        match expression {
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => refuse("* names no column".to_owned()),
            Expr::Function(function) if of_many_rows(function) => {
                refuse(format!("{} is of many rows, and the condition is asked of each row", function.name))
            }
            other => NoQuery.pre_visit_expr(other),
        }
    }
}

/// Breaks at the first query.
struct NoQuery;

impl Visitor for NoQuery {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        refuse(query.span().start, Why::HoldsQuery)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<SqlError> {
        match expression {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => refuse(expression.span().start, Why::HoldsQuery),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn of_many_rows(function: &Function) -> bool {
    let name = function.name.to_string().to_ascii_lowercase();
    function.over.is_some() || AGGREGATES.contains(&name.trim_matches(['"', '`']))
}

/// The names of a query's common table expressions, at any depth. Which is visible where is left to
/// Polars: none of them can name anything outside the query.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|table| table.alias.name.value.clone()));
        ControlFlow::Continue(())
    }
}

struct Guard<'a> {
    tables: &'a [&'a str],
    own: BTreeSet<String>,
}

impl Guard<'_> {
    fn check_table(&self, name: &ObjectName) -> ControlFlow<SqlError> {
        let parts: Vec<&str> = name.0.iter().filter_map(|part| part.as_ident().map(|ident| ident.value.as_str())).collect();
        if let [table] = parts.as_slice()
            && (self.tables.contains(table) || self.own.contains(*table))
        {
            return ControlFlow::Continue(());
        }
        let last = parts.last().copied().unwrap_or_default().to_owned();
        refuse(name.span().start, Why::NoTable { name: name.to_string(), last, known: self.known() })
    }

    fn known(&self) -> Vec<String> {
        self.tables.iter().map(|table| (*table).to_owned()).chain(self.own.iter().cloned()).collect()
    }
}

impl Visitor for Guard<'_> {
    type Break = SqlError;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<SqlError> {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            other => refuse(other.span().start, Why::NoQuery(first_words(other))),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        match &select.into {
            None => ControlFlow::Continue(()),
            Some(into) => refuse(into.name.span().start, Why::Into(into.name.to_string())),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<SqlError> {
        match factor {
            TableFactor::Table { name, args: None, .. } => self.check_table(name),
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            other => {
                let text = other.to_string();
                let name = text.split('(').next().unwrap_or(&text).trim().to_owned();
                refuse(other.span().start, Why::TableFunction { name, known: self.known() })
            }
        }
    }
}
