//! The sections of a ruleset.

use std::collections::HashSet;

use super::super::ast::{Label, Ruleset, Span, Variable, VariableValue};
use super::super::lexer::TokenKind;
use super::{MAX_EXPANDED, Parsed, Parser, Stop, did_you_mean};

/// In the order they have to be in. Variables are between the second and the third.
pub(super) const SECTIONS: &[&str] = &["Metadata", "DataSources", "DefaultLabels", "Rules", "Analyzers"];

/// Most labels of a rule, and most characters of keys and values.
const MAX_LABELS: usize = 10;
const MAX_LABEL_KEY: usize = 128;
const MAX_LABEL_VALUE: usize = 256;

impl Parser<'_> {
    pub(super) fn document(&mut self) -> Parsed<Ruleset> {
        let mut ruleset = Ruleset::default();
        // The next section that may come, by its place in `SECTIONS`.
        let mut next = 0;
        let mut seen = [false; SECTIONS.len()];
        let mut sound = true;
        while *self.kind() != TokenKind::End && !self.full() {
            let start = self.at;
            let (name, span) = (self.word(), self.span());
            let section = SECTIONS.iter().position(|section| *section == name);
            if name.is_empty() || !self.is_symbol_at(1, "=") {
                return self.outside(next);
            }
            let result = match section {
                Some(place) if seen[place] => {
                    self.fail(span, format!("there is a section `{name}` already"), "put all that it has into one")
                }
                Some(place) if place < next => {
                    let hint = format!("sections come in this order: {}", SECTIONS.join(", "));
                    self.fail(span, format!("`{name}` comes too late"), hint)
                }
                Some(place) => {
                    next = place + 1;
                    seen[place] = true;
                    self.section(place, &mut ruleset)
                }
                None if next > 2 => {
                    self.fail(span, format!("the variable `{name}` comes too late"), "variables come before `DefaultLabels` and `Rules`")
                }
                None => {
                    next = 2;
                    self.variable().map(|variable| ruleset.variables.push(variable))
                }
            };
            if result.is_err() {
                sound = false;
                self.next_section(start);
            }
        }
        if sound && ruleset.rules.is_empty() && ruleset.analyzers.is_empty() {
            return self.fail(self.span(), "there are no rules and no analyzers", "a ruleset is written `Rules = [ RowCount > 0 ]`");
        }
        if sound { Ok(ruleset) } else { Err(Stop) }
    }

    /// What is here begins no section.
    fn outside<T>(&mut self, next: usize) -> Parsed<T> {
        let word = self.word();
        if SECTIONS.contains(&word) {
            self.advance();
            return self.unexpected("`=`", "a section is written `Rules = [ … ]`");
        }
        let rule = super::super::RuleType::find(word).is_some();
        let (wanted, hint) = match next {
            _ if self.is_symbol_at(1, ":") => ("`=`", "a section is written `Rules = [ … ]`".to_owned()),
            4.. => ("the end of the text", if rule { "rules are between the brackets of `Rules`" } else { "" }.to_owned()),
            _ if rule => ("a section", "rules are written `Rules = [ … ]`".to_owned()),
            _ => ("a section", did_you_mean(word, SECTIONS.iter().copied())),
        };
        self.unexpected(wanted, &hint)
    }

    /// After a section that was given up: to the next one that surely begins.
    fn next_section(&mut self, start: usize) {
        if self.at == start {
            self.advance();
        }
        while *self.kind() != TokenKind::End && !(SECTIONS.contains(&self.word()) && self.is_symbol_at(1, "=")) {
            self.advance();
        }
    }

    fn section(&mut self, place: usize, ruleset: &mut Ruleset) -> Parsed<()> {
        self.advance();
        self.advance();
        match place {
            0 => self.metadata(ruleset),
            1 => self.data_sources(ruleset),
            2 => self.labels().map(|labels| ruleset.default_labels = labels),
            3 => self.list(Parser::chain).map(|rules| ruleset.rules = rules),
            _ => self.list(Parser::analyzer).map(|analyzers| ruleset.analyzers = analyzers),
        }
    }

    /// `[ … ]`, which may be empty.
    fn list<T>(&mut self, item: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect("[", "the section is a list in square brackets")?;
        match self.eat("]") {
            true => Ok(Vec::new()),
            false => self.items_apart(item),
        }
    }

    fn metadata(&mut self, ruleset: &mut Ruleset) -> Parsed<()> {
        for (key, span, value) in self.dictionary()? {
            if key != "Version" {
                let hint = did_you_mean(&key, ["Version"]);
                return self.fail(
                    span,
                    format!("`Metadata` has no {key:?}"),
                    if hint.is_empty() { "its only key is \"Version\"".to_owned() } else { hint },
                );
            }
            let values = match value {
                VariableValue::Text(value) => vec![value],
                VariableValue::List(values) => values,
            };
            ruleset.metadata.push((key, values));
        }
        Ok(())
    }

    fn data_sources(&mut self, ruleset: &mut Ruleset) -> Parsed<()> {
        for (key, span, value) in self.dictionary()? {
            match (key.as_str(), value) {
                ("Primary", VariableValue::Text(value)) => ruleset.primary = Some(value),
                ("AdditionalDataSources", VariableValue::List(values)) => ruleset.additional = values,
                ("Primary", VariableValue::List(_)) => {
                    return self.fail(span, "there is one primary source", "write `\"Primary\": \"name\"`");
                }
                ("AdditionalDataSources", VariableValue::Text(value)) => {
                    return self.fail(span, "additional sources are a list", format!("write `\"AdditionalDataSources\": [{value:?}]`"));
                }
                (key, _) => {
                    let hint = did_you_mean(key, ["Primary", "AdditionalDataSources"]);
                    return self.fail(span, format!("`DataSources` has no {key:?}"), hint);
                }
            }
        }
        Ok(())
    }

    /// `{ "key": "value", "key": ["value", …] }`
    fn dictionary(&mut self) -> Parsed<Vec<(String, Span, VariableValue)>> {
        self.expect("{", "the section is in curly brackets")?;
        let mut pairs = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let (key, span) = self.text("a key in double quotes", "")?;
            self.expect(":", "a pair is written `\"key\": \"value\"`")?;
            let value = self.value()?;
            if !seen.insert(key.clone()) {
                return self.fail(span, format!("{key:?} is here twice"), "");
            }
            pairs.push((key, span, value));
            if self.eat("}") {
                return Ok(pairs);
            }
            self.expect(",", "pairs are separated by commas, and `}` ends them")?;
        }
    }

    /// A string, or a list of them that is not empty.
    fn value(&mut self) -> Parsed<VariableValue> {
        const HINT: &str = "a value is a string in double quotes, or a list of them";
        if !self.eat("[") {
            return Ok(VariableValue::Text(self.text("a string", HINT)?.0));
        }
        self.items(|parser| parser.text("a string", HINT).map(|(value, _)| value)).map(VariableValue::List)
    }

    fn variable(&mut self) -> Parsed<Variable> {
        let (name, span) = (self.word().to_owned(), self.advance());
        self.advance();
        if name.starts_with(['.', '_']) {
            self.report(span, "names of variables can't begin with `.` or `_`", "");
        }
        let before = self.diagnostics.len();
        let Ok(value) = self.value() else {
            self.number_value(before);
            self.variables.insert(name, None);
            return Err(Stop);
        };
        let whole = self.since(span.start);
        let texts = match &value {
            VariableValue::Text(text) => std::slice::from_ref(text),
            VariableValue::List(texts) => texts,
        };
        if texts.iter().any(|text| refers(text)) {
            let hint = "write its value out: variables stand for themselves in rules only";
            return self.fail(whole, format!("the variable `{name}` refers to a variable"), hint);
        }
        if self.variables.insert(name.clone(), Some(value.clone())).is_some() {
            return self.fail(span, format!("there is a variable `{name}` already"), "");
        }
        Ok(Variable { name, value, span: whole })
    }

    /// Numbers are so likely to be tried that the hint is theirs.
    fn number_value(&mut self, before: usize) {
        if self.word().starts_with(|first: char| first.is_ascii_digit())
            && let Some(diagnostic) = self.diagnostics.get_mut(before)
        {
            diagnostic.hint = "variables are strings or lists of strings, never numbers".to_owned();
        }
    }

    /// `[ "key"="value", … ]`, which may be empty.
    pub(super) fn labels(&mut self) -> Parsed<Vec<Label>> {
        let start = self.span().start;
        self.expect("[", "labels are written `[\"key\"=\"value\"]`")?;
        if self.eat("]") {
            return Ok(Vec::new());
        }
        let labels = self.items(Parser::label)?;
        let span = self.since(start);
        let mut keys = HashSet::new();
        if let Some(twice) = labels.iter().find(|label| !keys.insert(label.key.as_str())) {
            return self.fail(span, format!("the label {:?} is here twice", twice.key), "");
        }
        if labels.len() > MAX_LABELS {
            return self.fail(span, format!("there are {} labels", labels.len()), format!("{MAX_LABELS} are allowed"));
        }
        Ok(labels)
    }

    fn label(&mut self) -> Parsed<Label> {
        let (key, key_span) = self.text("a label's key in double quotes", "labels are written `[\"key\"=\"value\"]`")?;
        self.expect("=", "labels are written `[\"key\"=\"value\"]`")?;
        let (value, value_span) = self.text("a label's value in double quotes", "labels are written `[\"key\"=\"value\"]`")?;
        for (what, text, most, span) in [("key", &key, MAX_LABEL_KEY, key_span), ("value", &value, MAX_LABEL_VALUE, value_span)] {
            let length = text.chars().count();
            if length == 0 || length > most {
                self.report(span, format!("a label's {what} has 1 to {most} characters, not {length}"), "");
            }
        }
        Ok(Label { key, value })
    }

    /// What a variable stands for.
    pub(super) fn resolve(&mut self) -> Parsed<(String, VariableValue, Span)> {
        let span = self.advance();
        let name = self.slice(span).trim_start_matches('$');
        match self.variables.get(name) {
            Some(Some(value)) => {
                self.expanded += match value {
                    VariableValue::Text(text) => text.len(),
                    VariableValue::List(texts) => texts.iter().map(|text| size_of::<String>() + text.len()).sum(),
                };
                if self.expanded > MAX_EXPANDED {
                    let hint = "use fewer or shorter variables";
                    return self.fail(span, "the variables of this ruleset come to too much text", hint);
                }
                Ok((name.to_owned(), value.clone(), span))
            }
            Some(None) => Err(Stop),
            None => {
                let hint = match did_you_mean(name, self.variables.keys().map(String::as_str)) {
                    hint if hint.is_empty() => format!("write `{name} = \"…\"` before `Rules`"),
                    hint => hint,
                };
                self.fail(span, format!("there is no variable `{name}`"), hint)
            }
        }
    }
}

/// Whether a value looks like it refers to a variable: `$` and a name.
fn refers(text: &str) -> bool {
    text.split('$').skip(1).any(|rest| rest.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
}
