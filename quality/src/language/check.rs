//! A ruleset against the names of columns and references, and all else that parsing leaves open.

use std::collections::HashSet;

use super::ast::{Condition, Node, Number, Parameter, ParameterForm, Rule, Ruleset, Span, TagValue, TextCondition};
use super::registry::Meaning;
use super::{Diagnostic, MAX_DIAGNOSTICS, RuleType, eval, nearest};

/// What is wrong with a ruleset for data of these columns, with references of these aliases.
///
/// It says all that [`check_rules`] says too. `where` and `CustomSql` are SQL, which is checked where SQL is read.
pub fn check(ruleset: &Ruleset, source: &str, columns: &[&str], aliases: &[&str]) -> Vec<Diagnostic> {
    let mut checker = Checker::new(source);
    checker.rules(ruleset);
    let names = Names { columns, aliases, primary: ruleset.primary.as_deref(), known: columns.iter().copied().collect() };
    each_rule(&ruleset.rules, &mut |rule| {
        checker.parameters(&names, rule.kind, &rule.parameters);
        for column in &rule.group_by {
            checker.column(&names, &column.value, column.span);
        }
    });
    for analyzer in &ruleset.analyzers {
        checker.parameters(&names, analyzer.kind, &analyzer.parameters);
    }
    checker.finish()
}

/// What is wrong with a ruleset whatever the data: regular expressions that can't be read, calls of functions
/// that there are none, aggregates that can't be compared.
pub fn check_rules(ruleset: &Ruleset, source: &str) -> Vec<Diagnostic> {
    let mut checker = Checker::new(source);
    checker.rules(ruleset);
    checker.finish()
}

fn each_rule(nodes: &[Node], visit: &mut impl FnMut(&Rule)) {
    for node in nodes {
        match node {
            Node::Rule(rule) => visit(rule),
            Node::Composite(composite) => each_rule(&composite.parts, visit),
        }
    }
}

struct Names<'n> {
    columns: &'n [&'n str],
    aliases: &'n [&'n str],
    /// What the ruleset calls the data itself, beside `primary`.
    primary: Option<&'n str>,
    known: HashSet<&'n str>,
}

impl<'n> Names<'n> {
    /// Whether an alias is of the data itself.
    fn is_own(&self, alias: &str) -> bool {
        (alias == "primary" || self.primary == Some(alias)) && !self.aliases.contains(&alias)
    }

    /// The reference that a name such as `ref.column` begins with, and the rest. Both may have points of their own: the
    /// longest reference that there is is meant, or what is before the first point.
    fn split<'t>(&self, name: &'t str) -> Option<(&'t str, &'t str)> {
        let splits = || name.match_indices('.').filter_map(|(at, _)| Some((name.get(..at)?.trim(), name.get(at + 1..)?)));
        splits().rfind(|(alias, _)| self.aliases.contains(alias)).or_else(|| splits().next())
    }
}

struct Checker<'s> {
    source: &'s str,
    diagnostics: Vec<Diagnostic>,
    /// Patterns that can be read: the same are not tried again.
    patterns: HashSet<String>,
}

impl<'s> Checker<'s> {
    fn new(source: &'s str) -> Checker<'s> {
        Checker { source, diagnostics: Vec::new(), patterns: HashSet::new() }
    }

    fn report(&mut self, span: Span, message: String, hint: String) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(Diagnostic::at(self.source, span, message, hint));
        }
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        self.diagnostics
    }

    fn rules(&mut self, ruleset: &Ruleset) {
        each_rule(&ruleset.rules, &mut |rule| self.rule(rule));
        for analyzer in &ruleset.analyzers {
            self.patterns_of(analyzer.kind, &analyzer.parameters);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.patterns_of(rule.kind, &rule.parameters);
        if let Some(Condition::Text(TextCondition::Matches { pattern, .. })) = &rule.condition {
            self.pattern(&pattern.value, pattern.span);
        }
        for tag in rule.tags.iter().filter(|tag| tag.key == "uriRegex") {
            if let TagValue::Text(pattern) = &tag.value {
                self.pattern(pattern, tag.span);
            }
        }
        let condition = match &rule.condition {
            Some(Condition::Number(comparison)) => Some(comparison),
            _ => None,
        };
        for comparison in [condition, rule.threshold.as_ref(), rule.mostly.as_ref()].into_iter().flatten() {
            for number in comparison.operands() {
                self.number(number, rule.span);
            }
        }
    }

    /// Tried with a history of nothing: what fails is the expression's own fault.
    fn number(&mut self, number: &Number, span: Span) {
        if let Err(error) = number.value(&eval::NoHistory) {
            let hint = error.hint();
            self.report(span, error.to_string(), hint);
        }
    }

    fn patterns_of(&mut self, kind: RuleType, parameters: &[Parameter]) {
        for (meaning, parameter) in kind.meanings(parameters) {
            match meaning {
                Meaning::Pattern => self.pattern(&parameter.value, parameter.span),
                Meaning::Aggregate if aggregate(&parameter.value).is_none() => {
                    let message = format!("{:?} is no aggregate that can be compared", parameter.value);
                    self.report(parameter.span, message, "write \"sum(column)\" or \"avg(reference.column)\"".to_owned());
                }
                _ => {}
            }
        }
    }

    fn pattern(&mut self, pattern: &str, span: Span) {
        if self.patterns.contains(pattern) {
            return;
        }
        match fancy_regex::Regex::new(pattern) {
            Ok(_) => {
                self.patterns.insert(pattern.to_owned());
            }
            Err(error) => {
                // The engine draws its own caret over several lines; what is wrong is in the last.
                let error = error.to_string();
                let error = error.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.report(span, format!("this regular expression can't be read: {error}"), String::new());
            }
        }
    }

    fn parameters(&mut self, names: &Names<'_>, kind: RuleType, parameters: &[Parameter]) {
        for (meaning, parameter) in kind.meanings(parameters) {
            let (value, span) = (parameter.value.as_str(), parameter.span);
            match meaning {
                Meaning::ColumnOrAll if parameter.form == ParameterForm::Bare && value == "AllColumns" => {}
                Meaning::Column | Meaning::ColumnOrAll => self.column(names, value, span),
                Meaning::Columns => value.split(',').for_each(|column| self.column(names, column.trim(), span)),
                Meaning::Mapping => value.split(',').for_each(|pair| {
                    let column = pair.split_once("->").map_or(pair, |(column, _)| column);
                    self.column(names, column.trim(), span);
                }),
                Meaning::Alias => self.alias(names, value, span),
                Meaning::ReferenceColumns => match names.split(value) {
                    Some((alias, _)) => self.alias(names, alias.trim(), span),
                    None => self.report(span, format!("{value:?} names no column of a reference"), "write \"reference.column\"".to_owned()),
                },
                Meaning::Aggregate => self.aggregate(names, value, span),
                _ => {}
            }
        }
    }

    /// `sum(column)` or `sum(reference.column)`; a column may have a point in its name.
    fn aggregate(&mut self, names: &Names<'_>, value: &str, span: Span) {
        let Some(column) = aggregate(value) else { return };
        match names.split(column) {
            _ if names.known.contains(column) => {}
            Some((alias, rest)) if names.is_own(alias) => self.column(names, rest, span),
            Some((alias, _)) if !names.known.contains(alias) => self.alias(names, alias, span),
            _ => self.column(names, column, span),
        }
    }

    fn column(&mut self, names: &Names<'_>, column: &str, span: Span) {
        // A field of a nested column is named with a point.
        let parent = column.split_once('.').map_or(column, |(parent, _)| parent);
        let plain = unquoted(column).unwrap_or(column);
        if [column, parent, plain].iter().any(|name| names.known.contains(name)) {
            return;
        }
        self.unknown("column", column, names.columns, span);
    }

    fn alias(&mut self, names: &Names<'_>, alias: &str, span: Span) {
        if !names.aliases.contains(&alias) {
            self.unknown("reference", alias, names.aliases, span);
        }
    }

    fn unknown(&mut self, what: &str, name: &str, known: &[&str], span: Span) {
        const SHOWN: usize = 20;
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => format!("there is no {what} at all"),
            None if known.len() <= SHOWN => format!("there are: {}", known.join(", ")),
            None => format!("there are: {}, …", known[..SHOWN].join(", ")),
        };
        self.report(span, format!("there is no {what} {name:?}"), hint);
    }
}

/// The name between backticks, in which Glue wants names with dots.
pub(crate) fn unquoted(name: &str) -> Option<&str> {
    name.strip_prefix('`')?.strip_suffix('`').filter(|name| !name.is_empty())
}

/// The column in `sum(…)` or `avg(…)`.
fn aggregate(text: &str) -> Option<&str> {
    let (function, rest) = text.split_once('(')?;
    let column = rest.trim_end().strip_suffix(')')?.trim();
    let known = ["sum", "avg"].iter().any(|known| function.trim().eq_ignore_ascii_case(known));
    (known && !column.is_empty()).then_some(column)
}
