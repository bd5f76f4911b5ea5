//! What is wrong with a project's files, said so that a person finds the place and mends it.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty if the message says all there is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

impl Diagnostic {
    /// A diagnostic without a hint.
    pub fn new(place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic { place, message: message.into(), hint: String::new() }
    }

    /// The same diagnostic with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = hint.into();
        self
    }
}

/// A stretch of one line of a file, or a file as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, relative to the project.
    pub file: String,
    /// The line, counted from 1; 0 means the file as a whole.
    pub line: usize,
    /// The column in characters, counted from 1; 0 means the file as a whole.
    pub column: usize,
    /// How many characters are meant. At least 1 unless the file as a whole is.
    pub length: usize,
    /// The text of the line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
}

impl Place {
    /// A file as a whole.
    pub fn whole(file: impl Into<String>) -> Place {
        Place { file: file.into(), ..Place::default() }
    }
}

/// `file:line:column`, or `file` for a file as a whole.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line == 0 { Ok(()) } else { write!(f, ":{}:{}", self.line, self.column) }
    }
}

/// The message with its place, the line it is about, and the hint below what is meant:
///
/// ```text
/// pipelines/flights.yaml:12:7: unknown key `triger`
///    12 |     - triger: object
///       |       ^^^^^^ did you mean `trigger`?
/// ```
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        if self.place.line == 0 {
            return if self.hint.is_empty() { Ok(()) } else { write!(f, "\n   {}", self.hint) };
        }
        let (line, indent) = printable(&self.place);
        let length = self.place.length.min(line.chars().count().saturating_sub(indent)).max(1);
        write!(f, "\n{:>5} | {line}\n      | {:indent$}{:^>length$}", self.place.line, "", "")?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " {}", self.hint) }
    }
}

/// The longest piece of a line that is shown, in characters.
const SHOWN: usize = 160;

/// A line as it can be shown, and how many characters stand before what is meant: every control
/// character, a tab too, takes one column and does nothing, and of a long line only a piece is shown.
fn printable(place: &Place) -> (String, usize) {
    let before = place.column.saturating_sub(1);
    let skipped = if before + place.length > SHOWN { before.saturating_sub(SHOWN / 4) } else { 0 };
    let plain = place.source.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c });
    (plain.skip(skipped).take(SHOWN).collect(), before - skipped)
}

/// The candidate most like `name`, if one is like enough to be what was meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(1);
    let distances = candidates.into_iter().map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    distances.filter(|(distance, _)| *distance <= allowed).min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { file: "pipelines/flights.yaml".into(), line: 12, column: 5, length: 6, source: "    triger: object".into() }
    }

    #[test]
    fn a_person_sees_the_line_and_what_is_meant() {
        let shown = Diagnostic::new(place(), "unknown key `triger`").hint("did you mean `trigger`?").to_string();
        let expected =
            "pipelines/flights.yaml:12:5: unknown key `triger`\n   12 |     triger: object\n      |     ^^^^^^ did you mean `trigger`?";
        assert_eq!(shown, expected);
    }

    #[test]
    fn control_characters_of_a_file_never_reach_the_terminal() {
        let place = Place { source: "\tname: \u{1b}[31mred".into(), ..place() };
        assert!(!Diagnostic::new(place, "wrong").to_string().contains(['\t', '\u{1b}']));
    }

    #[test]
    fn of_a_long_line_the_piece_that_is_meant_is_shown() {
        let place = Place { source: format!("{}here{}", "x".repeat(1000), "y".repeat(1000)), column: 1001, length: 4, ..place() };
        let shown = Diagnostic::new(place, "wrong").to_string();
        assert!(shown.contains("xhere") && shown.lines().all(|line| line.chars().count() < 200), "{shown}");
    }

    #[test]
    fn only_what_is_like_enough_is_near() {
        assert_eq!(nearest("triger", ["trigger", "team"]), Some("trigger"));
        assert_eq!(nearest("sql", ["steps", "timeout"]), None);
    }
}
