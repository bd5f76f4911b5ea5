//! One value, where it stands, and what it can be read as. Every reader reports what is wrong and
//! then returns `None`.

use std::time::Duration;

use marked_yaml::{Marker, Node, types::MarkedScalarNode};

use super::{Fields, Report, size::parse_size};
use crate::{
    diagnostics::{Diagnostic, Place, nearest},
    time::parse_duration,
};

/// One value of a file.
#[derive(Clone, Copy)]
pub(crate) struct Value<'n> {
    report: &'n Report<'n>,
    key: Option<&'n MarkedScalarNode>,
    node: &'n Node,
}

impl<'n> Value<'n> {
    pub(super) fn root(report: &'n Report<'n>, node: &'n Node) -> Value<'n> {
        Value { report, key: None, node }
    }

    pub(super) fn of_key(report: &'n Report<'n>, key: &'n MarkedScalarNode, node: &'n Node) -> Value<'n> {
        Value { report, key: Some(key), node }
    }

    /// Reports that this value is wrong.
    pub(crate) fn wrong(&self, message: impl Into<String>) {
        self.report.add(Diagnostic::new(self.place(), message));
    }

    /// Reports that this value is wrong, and what to do about it.
    pub(crate) fn wrong_with(&self, message: impl Into<String>, hint: impl Into<String>) {
        self.report.add(Diagnostic::new(self.place(), message).hint(hint));
    }

    /// Reports that the key of this value is wrong, and what to do about it.
    pub(crate) fn wrong_key(&self, message: impl Into<String>, hint: impl Into<String>) {
        self.report.add(Diagnostic::new(self.key_place(), message).hint(hint));
    }

    /// Reports that the language has this and this version has not.
    pub(crate) fn unsupported(&self, what: &str) {
        self.wrong(not_supported(what));
    }

    /// Reports that the language has this key and this version has not.
    pub(super) fn unsupported_key(&self, key: &str) {
        self.wrong_key(not_supported(&format!("`{key}`")), "");
    }

    /// Where the value stands; where its key stands if it is empty.
    pub(crate) fn place(&self) -> Place {
        let Some(start) = self.start().filter(|_| !self.is_null()) else { return self.key_place() };
        let length = match self.node {
            Node::Scalar(scalar) => self.scalar_length(scalar, start),
            Node::Mapping(_) | Node::Sequence(_) => self.block_length(start),
        };
        self.report.place(start.line(), start.column(), length)
    }

    /// The first character. The parser marks a block mapping at its first colon, so its first key
    /// is asked too.
    fn start(&self) -> Option<&'n Marker> {
        let marked = self.node.span().start();
        let Node::Mapping(mapping) = self.node else { return marked };
        let first = mapping.keys().filter_map(|key| key.span().start()).min_by_key(|mark| mark.character());
        marked.into_iter().chain(first).min_by_key(|mark| mark.character())
    }

    /// Where the key of the value stands; the value itself if it has none.
    pub(crate) fn key_place(&self) -> Place {
        match (self.key, self.node) {
            (Some(key), _) => key.span().start().map_or_else(
                || self.report.place(1, 1, 1),
                |start| self.report.place(start.line(), start.column(), self.scalar_length(key, start)),
            ),
            (None, Node::Scalar(_)) => self
                .node
                .span()
                .start()
                .map_or_else(|| self.report.place(1, 1, 1), |start| self.report.place(start.line(), start.column(), 1)),
            (None, _) => self.place(),
        }
    }

    /// How many characters of its first line a scalar takes as written.
    fn scalar_length(&self, scalar: &MarkedScalarNode, start: &Marker) -> usize {
        let mut written = self.report.from(start.line(), start.column());
        match written.next() {
            Some(quote @ ('"' | '\'')) => 1 + written.position(|c| c == quote).map_or(scalar.as_str().chars().count(), |end| end + 1),
            Some('|' | '>') => 1,
            _ => scalar.as_str().lines().next().unwrap_or_default().chars().count(),
        }
    }

    /// How many characters of its first line a mapping or list takes, a comment left out.
    fn block_length(&self, start: &Marker) -> usize {
        let line: String = self.report.from(start.line(), start.column()).collect();
        match self.node.span().end() {
            Some(end) if end.line() == start.line() && end.column() > start.column() => end.column() - start.column() + 1,
            _ => line.split(" #").next().unwrap_or_default().trim_end().chars().count(),
        }
    }

    /// How the value is called in messages.
    fn name(&self) -> String {
        self.key.map_or_else(|| "this".to_owned(), |key| format!("`{}`", key.as_str()))
    }

    fn kind(&self) -> &'static str {
        match self.node {
            Node::Scalar(_) if self.is_null() => "empty",
            Node::Scalar(_) => "a single value",
            Node::Mapping(_) => "a mapping",
            Node::Sequence(_) => "a list",
        }
    }

    fn mistyped<T>(&self, wanted: &str) -> Option<T> {
        self.wrong(format!("{} must be {wanted}, but is {}", self.name(), self.kind()));
        None
    }

    /// Whether nothing is written here, or `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.node, Node::Scalar(scalar) if scalar.may_coerce() && matches!(scalar.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Whether it is a mapping.
    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.node, Node::Mapping(_))
    }

    /// The value of a key, if this is a mapping that has it; nothing is checked or reported.
    pub(crate) fn entry(&self, key: &str) -> Option<Value<'n>> {
        let Node::Mapping(mapping) = self.node else { return None };
        let (key, node) = mapping.get_key_value(key)?;
        Some(Value::of_key(self.report, key, node))
    }

    /// A single value as text; `None` if it is something else, which is not reported.
    pub(crate) fn as_text(&self) -> Option<&'n str> {
        match self.node {
            Node::Scalar(scalar) if !self.is_null() => Some(scalar.as_str()),
            _ => None,
        }
    }

    /// A single value as text, whatever it looks like.
    pub(crate) fn text(&self) -> Option<&'n str> {
        if self.key.is_none() && self.is_null() {
            self.wrong_with("this must be a text, but is empty", "a text that reads `null` or `~` is written in quotes");
            return None;
        }
        self.as_text().or_else(|| self.mistyped("a text"))
    }

    /// A text with something in it.
    pub(crate) fn filled_text(&self) -> Option<&'n str> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.wrong(format!("{} is empty", self.name()));
            return None;
        }
        Some(text)
    }

    /// One of a few texts.
    pub(crate) fn one_of<T: Copy>(&self, known: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = known.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let hint = match nearest(text, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => String::new(),
            };
            self.wrong_with(format!("{} must be {}, but is `{text}`", self.name(), either(&names)), hint);
        }
        found.map(|(_, value)| *value)
    }

    /// A plain `true` or `false`.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.plain() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => self.mistyped_as("true or false"),
        }
    }

    /// A whole number of at least `least`.
    pub(crate) fn number(&self, least: u64) -> Option<u64> {
        let Some(number) = self.plain().and_then(|text| text.replace('_', "").parse::<u64>().ok()) else {
            return self.mistyped_as("a whole number");
        };
        if number < least {
            self.wrong(format!("{} must be at least {least}", self.name()));
            return None;
        }
        Some(number)
    }

    /// A span of time: `90s`, `5m`, `1h30m`.
    pub(crate) fn duration(&self) -> Option<Duration> {
        let text = self.text()?;
        let span = parse_duration(text);
        if span.is_none() {
            let message = format!("{} must be a span of time, but is `{text}`", self.name());
            self.wrong_with(message, "write a number and ms, s, m, h or d: `90s`, `5m`, `1h30m`");
        }
        span
    }

    /// A span of time that is not zero.
    pub(crate) fn positive_duration(&self) -> Option<Duration> {
        let span = self.duration()?;
        if span.is_zero() {
            self.wrong(format!("{} must be longer than nothing", self.name()));
            return None;
        }
        Some(span)
    }

    /// A number of bytes: `64MB`, `1GiB`, `1048576`.
    pub(crate) fn size(&self) -> Option<u64> {
        let text = self.text()?;
        let size = parse_size(text);
        if size.is_none_or(|size| size == 0) {
            let message = format!("{} must be a number of bytes above zero, but is `{text}`", self.name());
            self.wrong_with(message, "write a whole number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB: `64MB`, `1GiB`");
            return None;
        }
        size
    }

    /// The values of a list.
    pub(crate) fn list(&self) -> Option<Vec<Value<'n>>> {
        match self.node {
            Node::Sequence(items) => Some(items.iter().map(|node| Value { report: self.report, key: None, node }).collect()),
            _ => self.mistyped("a list"),
        }
    }

    /// The values of a list that has at least one.
    pub(crate) fn filled_list(&self) -> Option<Vec<Value<'n>>> {
        let items = self.list()?;
        if items.is_empty() {
            self.wrong(format!("{} is empty", self.name()));
            return None;
        }
        Some(items)
    }

    /// A list of texts.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        self.list()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// A mapping with these keys; the second list holds those that are known but can't be used yet.
    pub(crate) fn fields(&self, known: &[&'static str], unsupported: &[&'static str]) -> Option<Fields<'n>> {
        match self.node {
            Node::Mapping(mapping) => Some(Fields::new(self.report, mapping, self.place(), known, unsupported)),
            _ => self.mistyped("a mapping of `key: value`"),
        }
    }

    /// A mapping whose keys are names of the user's choice, in the order of the file.
    pub(crate) fn entries(&self) -> Option<Vec<(&'n str, Value<'n>)>> {
        match self.node {
            Node::Mapping(mapping) => {
                Some(mapping.iter().map(|(key, node)| (key.as_str(), Value::of_key(self.report, key, node))).collect())
            }
            _ => self.mistyped("a mapping of `name: value`"),
        }
    }

    /// The text of a value that was written without quotes.
    fn plain(&self) -> Option<&'n str> {
        match self.node {
            Node::Scalar(scalar) if scalar.may_coerce() => Some(scalar.as_str()),
            _ => None,
        }
    }

    fn mistyped_as<T>(&self, wanted: &str) -> Option<T> {
        match self.node {
            Node::Scalar(scalar) if !scalar.may_coerce() => {
                self.wrong_with(format!("{} must be {wanted}, but is a text in quotes", self.name()), "leave the quotes out");
                None
            }
            Node::Scalar(scalar) if !self.is_null() => {
                self.wrong(format!("{} must be {wanted}, but is `{}`", self.name(), scalar.as_str()));
                None
            }
            _ => self.mistyped(wanted),
        }
    }
}

fn not_supported(what: &str) -> String {
    format!("{what} is not supported by this version of Lakegate")
}

/// `a, b or c`
fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(|name| format!("`{name}`")).collect();
            format!("{} or `{last}`", most.join(", "))
        }
    }
}
