//! The walk over parsed SQL that refuses what rules may not do.

use std::{collections::BTreeSet, ops::ControlFlow};

use sqlparser::{
    ast::{Expr, Function, ObjectName, Query, Select, Spanned, Statement, TableFactor, Visit, Visitor},
    dialect::GenericDialect,
    tokenizer::{Location, Token, Tokenizer},
};

/// Why SQL is refused, and where.
pub(super) struct Refused {
    pub(super) place: Location,
    pub(super) why: String,
}

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
pub(super) fn check_scalar(expression: &Expr) -> Result<(), Refused> {
    broken(expression.visit(&mut Scalar))
}

/// Fails if a query reads anything but these tables and its own common table expressions.
pub(super) fn check_query(query: &Query, tables: &BTreeSet<&str>) -> Result<(), Refused> {
    let mut names = Names::default();
    let _ = query.visit(&mut names);
    broken(query.visit(&mut Guard { tables, own: names.0 }))
}

fn broken(flow: ControlFlow<Refused>) -> Result<(), Refused> {
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

struct Scalar;

impl Visitor for Scalar {
    type Break = Refused;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refused> {
        ControlFlow::Break(Refused { place: query.span().start, why: "a condition on a row can't hold a query".to_owned() })
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Refused> {
        let refuse = |why: String| ControlFlow::Break(Refused { place: expression.span().start, why });
        match expression {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                refuse("a condition on a row can't hold a query".to_owned())
            }
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => refuse("* names no column".to_owned()),
            Expr::Function(function) => match of_many_rows(function) {
                true => refuse(format!("{} is of many rows, and the condition is asked of each row", function.name)),
                false => ControlFlow::Continue(()),
            },
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
    tables: &'a BTreeSet<&'a str>,
    own: BTreeSet<String>,
}

impl Guard<'_> {
    fn check_table(&self, name: &ObjectName) -> ControlFlow<Refused> {
        let parts: Vec<&str> = name.0.iter().filter_map(|part| part.as_ident().map(|ident| ident.value.as_str())).collect();
        if let [table] = parts.as_slice()
            && (self.tables.contains(table) || self.own.contains(*table))
        {
            return ControlFlow::Continue(());
        }
        let known: Vec<&str> = self.tables.iter().copied().chain(self.own.iter().map(String::as_str)).collect();
        let why = format!("there is no table {name} here; there are: {}", known.join(", "));
        ControlFlow::Break(Refused { place: name.span().start, why })
    }
}

impl Visitor for Guard<'_> {
    type Break = Refused;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Refused> {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            other => ControlFlow::Break(Refused { place: other.span().start, why: format!("{} is no query", first_words(other)) }),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refused> {
        match &select.into {
            None => ControlFlow::Continue(()),
            Some(into) => {
                let why = format!("INTO {} is not allowed: rules only read", into.name);
                ControlFlow::Break(Refused { place: into.name.span().start, why })
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
                let why = format!("table function {function} is not allowed: rules read no files");
                ControlFlow::Break(Refused { place: other.span().start, why })
            }
        }
    }
}
