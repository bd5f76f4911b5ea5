//! A file's text as a tree, or what is wrong with it as YAML.

use marked_yaml::{LoadError, LoaderOptions, Marker, Node, parse_yaml_with_options};

use super::{Report, Value};
use crate::diagnostics::Diagnostic;

/// Deeper than any file of ours; the parser recurses, so depth is bounded before it starts.
const MAX_DEPTH: usize = 128;

/// A file whose top level is a mapping.
pub(crate) struct Document {
    root: Node,
}

impl Document {
    /// Reads a text; says what is wrong in the report.
    pub(crate) fn parse(text: &str, report: &Report<'_>) -> Option<Document> {
        if let Some((line, problem)) = refused(text) {
            report.add(Diagnostic::new(report.place(line, 1, 1), problem));
            return None;
        }
        // Kept apart, plain and quoted scalars tell `5` from `"5"`.
        let options = |strict| LoaderOptions::default().error_on_duplicate_keys(strict).prevent_coercion(true);
        let parsed = parse_yaml_with_options(0, text, options(true)).or_else(|error| {
            report.add(explain(&error, report));
            // A duplicate key leaves the rest of the file to be looked at.
            if matches!(error, LoadError::DuplicateKey(_)) { parse_yaml_with_options(0, text, options(false)) } else { Err(error) }
        });
        Some(Document { root: parsed.ok()? })
    }

    /// The top level.
    pub(crate) fn root<'d>(&'d self, report: &'d Report<'d>) -> Value<'d> {
        Value::root(report, &self.root)
    }
}

/// What the parser would take wrongly or not survive: a second document, which it leaves unread,
/// and nesting without end. The line and what to say.
fn refused(text: &str) -> Option<(usize, String)> {
    let (mut open, mut content) = (0_usize, false);
    for (index, line) in text.lines().enumerate() {
        let begins_document = line == "---" || line.starts_with("--- ");
        if begins_document && content {
            return Some((index + 1, "a second YAML document; one file holds one".to_owned()));
        }
        let trimmed = line.trim_start();
        content |= begins_document || !(trimmed.is_empty() || trimmed.starts_with(['#', '%']));
        let block = line.chars().take_while(|c| " \t-?:".contains(*c)).count();
        for c in line.chars() {
            match c {
                '[' | '{' => open += 1,
                ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            if open + block > MAX_DEPTH {
                return Some((index + 1, "nested too deeply".to_owned()));
            }
        }
    }
    None
}

fn explain(error: &LoadError, report: &Report<'_>) -> Diagnostic {
    let at = |mark: &Marker, length: usize| report.place(mark.line(), mark.column(), length);
    match error {
        LoadError::DuplicateKey(keys) => {
            let length = keys.key.as_str().chars().count();
            let place = keys.key.span().start().map_or_else(|| report.place(1, 1, 1), |mark| at(mark, length));
            let diagnostic = Diagnostic::new(place, format!("duplicate key `{}`", keys.key.as_str()));
            match keys.prev_key.span().start() {
                Some(first) => diagnostic.hint(format!("it is already on line {}", first.line())),
                None => diagnostic,
            }
        }
        LoadError::TopLevelMustBeMapping(mark) | LoadError::TopLevelMustBeSequence(mark) => {
            Diagnostic::new(at(mark, 1), "the file must be `key: value` lines at its top level")
        }
        LoadError::UnexpectedAnchor(mark) => {
            Diagnostic::new(at(mark, 1), "YAML anchors (`&name`) are not supported").hint("write the value out")
        }
        LoadError::UnexpectedTag(mark) => {
            Diagnostic::new(at(mark, 1), "YAML tags (`!name`) are not supported").hint("quote a text that starts with `!`")
        }
        LoadError::MappingKeyMustBeScalar(mark) => {
            Diagnostic::new(at(mark, 1), "a key must be a plain text").hint("quote a text that starts with `{` or `[`")
        }
        LoadError::ScanError(mark, error) => explain_syntax(mark, error.info(), report),
    }
}

fn explain_syntax(mark: &Marker, problem: &str, report: &Report<'_>) -> Diagnostic {
    // The parser stops before a line it can't take the indentation of.
    for line in [mark.line(), mark.line() + 1] {
        let indent: String = report.from(line, 1).take_while(|c| c.is_whitespace()).collect();
        if indent.contains('\t') {
            return Diagnostic::new(report.place(line, 1, indent.chars().count()), "not valid YAML: a tab in the indentation")
                .hint("indent with spaces");
        }
    }
    let place = report.place(mark.line(), mark.column(), 1);
    let pairs = place.source.matches(": ").count();
    let hint = if pairs > 1 && !place.source.contains(['{', '"', '\'']) {
        "quote a text that contains `: `"
    } else {
        "look at the indentation, brackets and quotes here and in the lines above"
    };
    Diagnostic::new(place, format!("not valid YAML: {problem}")).hint(hint)
}
