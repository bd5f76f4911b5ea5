//! What is wrong with a ruleset, said so that a person finds the place and mends it.

use std::fmt;

use serde::Serialize;

use super::ast::Span;

/// One thing that is wrong with a ruleset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// How many characters are meant, at least 1.
    pub length: usize,
    /// The text of the line.
    pub source: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty if the message says all there is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// `line:column: message`, and after an em dash the hint.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " — {}", self.hint) }
    }
}

impl std::error::Error for Diagnostic {}

impl Diagnostic {
    /// What is wrong at a place of a source.
    pub fn at(source: &str, span: Span, message: impl Into<String>, hint: impl Into<String>) -> Diagnostic {
        let start = floor(source, span.start);
        let end = floor(source, span.end).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
        Diagnostic {
            line: source[..line_start].matches('\n').count() + 1,
            column: source[line_start..start].chars().count() + 1,
            length: source[start..end.min(line_end)].trim_end().chars().count().max(1),
            source: source[line_start..line_end].trim_end_matches('\r').to_owned(),
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// The nearest place at or before an offset that is within a text and not within a character.
fn floor(source: &str, offset: usize) -> usize {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
