//! Rules, what puts them together, and analyzers.

use super::super::RuleType;
use super::super::ast::{Analyzer, Composite, Level, Node, Operator, Parameter, ParameterForm, Rule, Span, VariableValue};
use super::super::lexer::{TokenKind, shorten};
use super::super::registry::ConditionKind;
use super::super::validate;
use super::recovery::is_rule_name;
use super::{Parsed, Parser, Stop, nearest};

/// A part of a chain, and its labels if they stand behind its bracket.
struct Part {
    node: Node,
    outer_labels: Option<Span>,
}

impl Parser<'_> {
    /// Rules put together by `and` and `or`, of which `and` binds tighter.
    pub(super) fn chain(&mut self) -> Parsed<Node> {
        let start = self.span().start;
        let mut parts = vec![self.and_chain()?];
        while self.eat_word("or") || self.eat_word("OR") {
            parts.push(self.and_chain()?);
        }
        Ok(self.together(Operator::Or, parts, start)?.node)
    }

    fn and_chain(&mut self) -> Parsed<Part> {
        let start = self.span().start;
        let mut parts = vec![self.part()?];
        while self.eat_word("and") || self.eat_word("AND") {
            parts.push(self.part()?);
        }
        self.together(Operator::And, parts, start)
    }

    fn together(&mut self, operator: Operator, mut parts: Vec<Part>, start: usize) -> Parsed<Part> {
        if parts.len() == 1
            && let Some(part) = parts.pop()
        {
            return Ok(part);
        }
        if let Some(span) = parts.iter().find_map(|part| part.outer_labels) {
            let hint = "labels of all rules: `((A) and (B)) labels=[…]`; of one: `(A labels=[…]) and (B)`";
            return self.fail(span, "it is not clear which rules these labels are of", hint);
        }
        let parts = parts.into_iter().map(|part| part.node).collect();
        let composite = Composite { operator, parts, labels: Vec::new(), span: self.since(start) };
        Ok(Part { node: Node::Composite(composite), outer_labels: None })
    }

    fn part(&mut self) -> Parsed<Part> {
        if !self.is_symbol("(") {
            return Ok(Part { node: Node::Rule(Box::new(self.rule()?)), outer_labels: None });
        }
        let mut node = self.deeper(|parser| {
            parser.advance();
            let node = parser.chain()?;
            parser.expect(")", "a bracket is not closed")?;
            Ok(node)
        })?;
        if self.word() != "labels" {
            return Ok(Part { node, outer_labels: None });
        }
        let span = self.advance();
        self.expect("=", "labels are written `labels=[\"key\"=\"value\"]`")?;
        let labels = self.labels()?;
        let span = self.since(span.start);
        let own = match &mut node {
            Node::Rule(rule) => &mut rule.labels,
            Node::Composite(composite) => &mut composite.labels,
        };
        if own.is_empty() {
            *own = labels;
        } else if !labels.is_empty() {
            return self.fail(span, "these rules have labels already", "put all of them into one list");
        }
        Ok(Part { node, outer_labels: Some(span) })
    }

    /// The type that is named here.
    fn rule_type(&mut self) -> Parsed<RuleType> {
        let (word, span) = (self.word(), self.span());
        if word.is_empty() {
            let hint = if *self.kind() == TokenKind::End { "the list is not closed" } else { "" };
            return self.unexpected("the name of a rule", hint);
        }
        let Some(kind) = RuleType::find(word) else {
            let hint = match nearest(word, RuleType::ALL.iter().map(|kind| kind.name())) {
                Some(near) => format!("did you mean `{near}`?"),
                None if word == "Rules" || word == "Analyzers" => "a bracket before is not closed".to_owned(),
                None => String::new(),
            };
            return self.fail(span, format!("there is no rule `{}`", shorten(word)), hint);
        };
        self.advance();
        Ok(kind)
    }

    fn rule(&mut self) -> Parsed<Rule> {
        let name = self.span();
        let kind = self.rule_type()?;
        let spec = kind.spec();
        let mut rule = Rule {
            kind,
            parameters: self.parameters(kind)?,
            condition: None,
            filter: None,
            group_by: Vec::new(),
            labels: Vec::new(),
            tags: Vec::new(),
            threshold: None,
            mostly: None,
            level: Level::Error,
            span: name,
        };
        let condition_start = self.span().start;
        // What the type has no use for is read nevertheless, so that the message is about that.
        let kinds = if spec.conditions.is_empty() { ConditionKind::ALL } else { spec.conditions };
        rule.condition = self.condition(kinds)?;
        let condition = self.since(condition_start);
        self.clauses(&mut rule)?;
        rule.span = self.since(name.start);
        // Otherwise what is in the way is more likely the matter.
        if self.ends_rule() {
            for (span, message, hint) in validate::rule(&rule, name, condition) {
                self.report(span, message, hint);
            }
        }
        Ok(rule)
    }

    fn ends_rule(&self) -> bool {
        matches!(self.word(), "and" | "AND" | "or" | "OR") || matches!(self.kind(), TokenKind::Symbol("," | "]" | ")") | TokenKind::End)
    }

    pub(super) fn analyzer(&mut self) -> Parsed<Analyzer> {
        let name = self.span();
        let kind = self.rule_type()?;
        let parameters = self.parameters(kind)?;
        let analyzer = Analyzer { kind, parameters, span: self.since(name.start) };
        if !(self.is_symbol(",") || self.is_symbol("]") || *self.kind() == TokenKind::End || is_rule_name(self.word())) {
            return self.unexpected("`,` or `]`", "an analyzer only measures: it has a name and parameters, no condition");
        }
        for (span, message, hint) in validate::analyzer(&analyzer, name) {
            self.report(span, message, hint);
        }
        Ok(analyzer)
    }

    fn parameters(&mut self, kind: RuleType) -> Parsed<Vec<Parameter>> {
        let mut parameters: Vec<Parameter> = Vec::new();
        loop {
            let start = self.span().start;
            let connector = matches!(self.word(), "of" | "OF" | "and" | "AND").then(|| self.word().to_owned());
            let ahead = usize::from(connector.is_some());
            if !self.is_parameter(ahead) {
                return match connector.as_deref() {
                    Some("of" | "OF") => {
                        self.advance();
                        self.unexpected("a parameter", "write a name in double quotes after `of`")
                    }
                    _ => Ok(parameters),
                };
            }
            if ahead == 1 {
                self.advance();
            }
            self.misread_rule(kind, parameters.is_empty(), connector.as_deref())?;
            let (value, form) = self.parameter()?;
            parameters.push(Parameter { value, form, connector, span: self.since(start) });
        }
    }

    /// Whether what is so many places ahead can be a parameter, and is no keyword.
    fn is_parameter(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            TokenKind::Text(_) | TokenKind::Variable => true,
            TokenKind::Word => match self.word_at(ahead) {
                "group" => self.word_at(ahead + 1) != "by",
                word => !is_keyword(word),
            },
            _ => false,
        }
    }

    fn parameter(&mut self) -> Parsed<(String, ParameterForm)> {
        match self.kind() {
            TokenKind::Text(value) => {
                let value = value.clone();
                self.advance();
                Ok((value, ParameterForm::Quoted))
            }
            TokenKind::Variable => match self.resolve()? {
                (name, VariableValue::Text(value), _) => Ok((value, ParameterForm::Variable(name))),
                (name, VariableValue::List(_), span) => {
                    self.fail(span, format!("`{name}` is a list, and a parameter is one string"), "lists go behind `in`")
                }
            },
            _ => {
                let value = self.word().to_owned();
                self.advance();
                Ok((value, ParameterForm::Bare))
            }
        }
    }

    /// The name of a rule where a parameter would be: a comma or brackets are missing. The reference parser takes
    /// it for a column.
    fn misread_rule(&mut self, kind: RuleType, first: bool, connector: Option<&str>) -> Parsed<()> {
        let word = self.word();
        if first || !is_rule_name(word) {
            return Ok(());
        }
        let hint = match connector {
            Some("and" | "AND") => format!("rules that are put together are in brackets: `({} …) and ({word} …)`", kind.name()),
            _ => format!("a comma is missing before it; if it is a column, write \"{word}\""),
        };
        self.fail(self.span(), format!("`{word}` is the name of a rule"), hint)?;
        Err(Stop)
    }
}

/// Words that end parameters. Those in capitals are none of DQDL's, and no columns either, or a condition would be
/// taken for parameters.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: &[&str] = &["between", "in", "not", "matches", "where", "labels", "with"];
    const OPERATORS: &[&str] = &["and", "AND", "or", "OR", "of", "OF"];
    OPERATORS.contains(&word) || KEYWORDS.iter().any(|keyword| *keyword == word || keyword.to_ascii_uppercase() == word)
}
