//! Rules' SQL before they are evaluated: what can't be read, is not allowed or is unknown to Polars is told at its
//! place in the ruleset.

use std::collections::BTreeMap;

use polars::prelude::Schema;

use super::rules::PRIMARY;
use crate::data::sql::{self, SqlError, Table, Why};
use crate::language::ast::{Node, Parameter, ParameterForm, Rule, Span, Text};
use crate::language::registry::Meaning;
use crate::language::{Diagnostic, MAX_DIAGNOSTICS, RuleType, Ruleset};

/// What is known of the data before rules are asked of it.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// The dataset's columns.
    pub schema: Option<&'a Schema>,
    /// The references by their aliases, with their columns.
    pub references: BTreeMap<&'a str, Option<&'a Schema>>,
    /// Whether there may be references besides these.
    pub open: bool,
}

/// What is wrong with the SQL of a ruleset: with `where` and `CustomSql`. Where the columns are known, unknown ones
/// and unfit types are wrong too.
pub fn check_sql(ruleset: &Ruleset, source: &str, known: &Known<'_>) -> Vec<Diagnostic> {
    let own = [Some(PRIMARY), ruleset.primary.as_deref()];
    let own = own.into_iter().flatten().filter(|name| !known.references.contains_key(name));
    let own = own.map(|name| Table { name, schema: known.schema });
    let references = known.references.iter().map(|(name, schema)| Table { name, schema: *schema });
    let mut checker = Checker { ruleset, source, known, tables: own.chain(references).collect(), found: Vec::new() };
    ruleset.rules.iter().for_each(|node| checker.node(node));
    ruleset.analyzers.iter().for_each(|analyzer| checker.parameters(analyzer.kind, &analyzer.parameters));
    checker.found
}

struct Checker<'a> {
    ruleset: &'a Ruleset,
    source: &'a str,
    known: &'a Known<'a>,
    tables: Vec<Table<'a>>,
    found: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn node(&mut self, node: &Node) {
        match node {
            Node::Composite(composite) => composite.parts.iter().for_each(|part| self.node(part)),
            Node::Rule(rule) => self.rule(rule),
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.parameters(rule.kind, &rule.parameters);
        if let Some(Text { value, span }) = &rule.filter {
            self.report(*span, sql::check_predicate(value, self.known.schema));
        }
    }

    fn parameters(&mut self, kind: RuleType, parameters: &[Parameter]) {
        for (_, parameter) in kind.meanings(parameters).into_iter().filter(|(meaning, _)| *meaning == Meaning::Sql) {
            let checked = sql::check_rules_query(&parameter.value, &self.tables, self.known.open);
            self.report(self.written(parameter), checked);
        }
    }

    /// Where a parameter's text is written: a variable's where it is declared.
    fn written(&self, parameter: &Parameter) -> Span {
        let ParameterForm::Variable(name) = &parameter.form else { return parameter.span };
        self.ruleset.variables.iter().find(|variable| variable.name == *name).map_or(parameter.span, |variable| variable.span)
    }

    fn report(&mut self, literal: Span, checked: Result<(), SqlError>) {
        let Err(error) = checked else { return };
        let message = match &error.why {
            Why::Unparsable(why) => format!("this SQL can't be read: {why}"),
            Why::Unsupported(why) | Why::Unplannable(why) => format!("Polars can't do this: {why}"),
            why => why.to_string(),
        };
        let found = Diagnostic::at(self.source, place(self.source, literal, &error), message, error.hint());
        if self.found.len() < MAX_DIAGNOSTICS && !self.found.contains(&found) {
            self.found.push(found);
        }
    }
}

/// The place of an error in the string that the SQL is written in, where quotes and backslashes are escaped. The
/// string as a whole, if no place is known; its end, if that comes too early.
fn place(source: &str, literal: Span, error: &SqlError) -> Span {
    let text = source.get(literal.start..literal.end).unwrap_or_default();
    let Some(quote) = text.find('"').map(|at| literal.start + at) else { return literal };
    let whole = Span { start: quote, end: literal.end };
    if matches!(&error.why, Why::Unparsable(why) if why.ends_with("found: EOF")) {
        return Span { start: literal.end.saturating_sub(1), end: literal.end };
    }
    let (mut line, mut column, mut start) = (1, 1, None);
    let mut characters = source[quote + 1..literal.end].char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let meant = match character {
            '\\' => characters.next_if(|(_, next)| matches!(next, '"' | '\\')).map_or('\\', |(_, escaped)| escaped),
            other => other,
        };
        let at = quote + 1 + at;
        match start {
            None if (line, column) == (error.line, error.column) => start = Some(at),
            Some(start) if !(meant.is_alphanumeric() || meant == '_') => return Span { start, end: at },
            _ => {}
        }
        (line, column) = if meant == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    start.map_or(whole, |start| Span { start, end: literal.end })
}
