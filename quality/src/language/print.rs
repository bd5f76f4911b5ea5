//! Canonical spelling: what is printed reads as the same ruleset.

use std::fmt::{self, Display, Formatter};

use super::ast::{
    Analyzer, Composite, Label, Level, Node, Operator, Parameter, ParameterForm, Rule, Ruleset, Tag, TagValue, VariableValue,
};

mod condition;

/// A string in quotes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut rest = self.0;
        while let Some(special) = rest.find(['"', '\\']) {
            write!(f, "{}\\{}", &rest[..special], &rest[special..=special])?;
            rest = &rest[special + 1..];
        }
        write!(f, "{rest}\"")
    }
}

fn separated<T: Display>(f: &mut Formatter<'_>, separator: &str, items: impl IntoIterator<Item = T>) -> fmt::Result {
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

fn list<T: Display>(f: &mut Formatter<'_>, items: impl IntoIterator<Item = T>) -> fmt::Result {
    f.write_str("[")?;
    separated(f, ",", items)?;
    f.write_str("]")
}

impl Display for Ruleset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.metadata.is_empty() {
            f.write_str("Metadata = {\n    ")?;
            separated(f, ",\n    ", self.metadata.iter().map(|(key, values)| Pair(key, values, values.len() != 1)))?;
            f.write_str("\n}\n\n")?;
        }
        let primary = self.primary.as_ref().map(std::slice::from_ref);
        let sources = [("Primary", primary, false), ("AdditionalDataSources", Some(self.additional.as_slice()), true)];
        let sources: Vec<_> = sources
            .into_iter()
            .filter_map(|(key, values, list)| values.filter(|values| !values.is_empty()).map(|values| Pair(key, values, list)))
            .collect();
        if !sources.is_empty() {
            f.write_str("DataSources = {\n    ")?;
            separated(f, ",\n    ", sources)?;
            f.write_str("\n}\n\n")?;
        }
        for variable in &self.variables {
            write!(f, "{} = {}\n\n", variable.name, variable.value)?;
        }
        if !self.default_labels.is_empty() {
            write!(f, "DefaultLabels = {}\n\n", Labels(&self.default_labels))?;
        }
        if !self.rules.is_empty() {
            section(f, "Rules", &self.rules)?;
        }
        if !self.analyzers.is_empty() {
            f.write_str(if self.rules.is_empty() { "" } else { "\n\n" })?;
            section(f, "Analyzers", &self.analyzers)?;
        }
        Ok(())
    }
}

fn section<T: Display>(f: &mut Formatter<'_>, name: &str, items: &[T]) -> fmt::Result {
    write!(f, "{name} = [\n    ")?;
    separated(f, ",\n    ", items)?;
    f.write_str("\n]")
}

/// A pair of a dictionary, with its value as a list if it is one.
struct Pair<'a>(&'a str, &'a [String], bool);

impl Display for Pair<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Pair(key, values, is_list) = self;
        write!(f, "{}: ", Quoted(key))?;
        let values = values.iter().map(|value| Quoted(value));
        if *is_list { list(f, values) } else { separated(f, ",", values) }
    }
}

impl Display for VariableValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            VariableValue::Text(value) => Quoted(value).fmt(f),
            VariableValue::List(values) => list(f, values.iter().map(|value| Quoted(value))),
        }
    }
}

struct Labels<'a>(&'a [Label]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        separated(f, ", ", self.0)?;
        f.write_str("]")
    }
}

impl Display for Label {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", Quoted(&self.key), Quoted(&self.value))
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Node::Rule(rule) => rule.fmt(f),
            Node::Composite(composite) => composite.fmt(f),
        }
    }
}

impl Display for Composite {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let separator = match self.operator {
            Operator::And => ") AND (",
            Operator::Or => ") OR (",
        };
        let labelled = !self.labels.is_empty();
        f.write_str(if labelled { "((" } else { "(" })?;
        separated(f, separator, &self.parts)?;
        f.write_str(")")?;
        if labelled {
            write!(f, ") labels={}", Labels(&self.labels))?;
        }
        Ok(())
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        for parameter in &self.parameters {
            write!(f, " {parameter}")?;
        }
        if let Some(condition) = &self.condition {
            write!(f, " {condition}")?;
        }
        self.rows(f)?;
        if !self.labels.is_empty() {
            write!(f, " labels={}", Labels(&self.labels))?;
        }
        if let Some(threshold) = &self.threshold {
            write!(f, " with threshold {threshold}")?;
        }
        if let Some(mostly) = &self.mostly {
            write!(f, " with mostly {mostly}")?;
        }
        for tag in &self.tags {
            write!(f, " {tag}")?;
        }
        match self.level {
            Level::Error => Ok(()),
            Level::Warn => f.write_str(" with level = \"warn\""),
        }
    }
}

impl Rule {
    /// The clauses that choose rows.
    fn rows(&self, f: &mut impl fmt::Write) -> fmt::Result {
        if let Some(filter) = &self.filter {
            write!(f, " where {}", Quoted(&filter.value))?;
        }
        if !self.group_by.is_empty() {
            f.write_str(" group by")?;
        }
        self.group_by.iter().try_for_each(|column| write!(f, " {}", Quoted(&column.value)))
    }

    /// The name that the history of what the rule measures is kept by: type, parameters (values of variables
    /// in their stead), `where` and `group by`.
    pub fn statistic_name(&self) -> String {
        let mut name = statistic_name(self.kind.name(), &self.parameters);
        // Writing to a string does not fail.
        let _ = self.rows(&mut name);
        name
    }
}

impl Analyzer {
    /// The name that its history is kept by; that of a rule that measures the same is equal.
    pub fn statistic_name(&self) -> String {
        statistic_name(self.kind.name(), &self.parameters)
    }
}

fn statistic_name(kind: &str, parameters: &[Parameter]) -> String {
    parameters.iter().fold(kind.to_owned(), |name, parameter| format!("{name} {}", Quoted(&parameter.value)))
}

impl Display for Analyzer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        self.parameters.iter().try_for_each(|parameter| write!(f, " {parameter}"))
    }
}

impl Display for Parameter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(connector) = &self.connector {
            write!(f, "{connector} ")?;
        }
        match &self.form {
            ParameterForm::Quoted => Quoted(&self.value).fmt(f),
            ParameterForm::Bare => f.write_str(&self.value),
            ParameterForm::Variable(name) => write!(f, "${name}"),
        }
    }
}

impl Display for Tag {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "with {} = ", self.key)?;
        match &self.value {
            TagValue::Text(value) => Quoted(value).fmt(f),
            TagValue::Number(spelled, _) => f.write_str(spelled),
            TagValue::List(values) => list(f, values.iter().map(|value| Quoted(value))),
        }
    }
}
