//! What can be wrong with CSV, said with line and column.

use lakegate_model::{Failure, FailureCode};
use lakegate_quality::data::shape::{self, SeparatorCount};
use polars::prelude::*;

use super::Layout;
use crate::engine::failure;

/// A value that is not of its column's type, as Polars reports it.
pub(super) struct Unparsed {
    value: String,
    data_type: String,
    /// Its column.
    pub column: String,
    number: usize,
}

impl Unparsed {
    /// What an error says, if it is about a value.
    pub(super) fn of(error: &PolarsError) -> Option<Unparsed> {
        let text = error.to_string();
        let rest = text.split_once("could not parse `")?.1;
        let (value, rest) = rest.split_once("` as dtype `")?;
        let (data_type, rest) = rest.split_once("` at column '")?;
        let (column, rest) = rest.split_once("' (column number ")?;
        let number = rest.split_once(')')?.0.parse().ok()?;
        Some(Unparsed { value: value.to_owned(), data_type: data_type.to_owned(), column: column.to_owned(), number })
    }
}

/// What a look at every line found, as a failure.
pub(super) fn ragged(survey: &shape::Survey, width: usize, key: &str) -> Option<Failure> {
    if let Some(line) = survey.unclosed {
        let why = format!("line {line}: a quoted field begins here and never ends");
        return Some(
            failure::unreadable(key, why)
                .hint("close the quote; if quotes mean nothing in this data, set `input: { csv: { quote: none } }`"),
        );
    }
    let shape::Ragged { line, fields } = survey.ragged?;
    let hint = if fields < width {
        "the file may be cut off; write it again whole, or quote line ends inside fields"
    } else {
        "quote fields that hold the delimiter, or set `input: { csv: { delimiter: … } }`"
    };
    Some(failure::unreadable(key, format!("line {line} has {fields} field(s) where the header has {width}")).hint(hint))
}

/// What is wrong with a text that Polars can't read; `bytes` if it is in memory.
pub(super) fn explain(error: &PolarsError, bytes: &[u8], layout: &Layout, key: &str) -> Failure {
    if matches!(error, PolarsError::NoData(_)) {
        return Failure::new(FailureCode::EmptyObject, format!("object {key} holds nothing but empty lines"))
            .hint("write it again with its data");
    }
    let text = error.to_string();
    if text.contains("invalid utf-8") {
        return not_utf8(bytes, key);
    }
    if !bytes.is_empty() {
        let width = header_width(bytes, layout);
        let survey = shape::survey(bytes, layout.marks, width).unwrap_or_default();
        if (text.contains("found more fields") || survey.unclosed.is_some())
            && let Some(failure) = ragged(&survey, width, key)
        {
            return failure;
        }
    }
    if let Some(unparsed) = Unparsed::of(error) {
        return unparsed.explain(bytes, layout, key);
    }
    if text.contains("CSV malformed") {
        return failure::unreadable(key, "its quotes don't pair up")
            .hint("double quotes inside quoted fields, or set `input: { csv: { quote: none } }`");
    }
    failure::unreadable(key, format!("it can't be read as CSV: {}", failure::clean(error)))
}

impl Unparsed {
    fn explain(&self, bytes: &[u8], layout: &Layout, key: &str) -> Failure {
        let Unparsed { value, data_type, column, number } = self;
        let line = shape::line_of(bytes, layout.marks, *number, value.as_bytes());
        let place = line.map_or_else(String::new, |line| format!("line {line}, "));
        let short: String = value.chars().take(60).collect();
        if data_type == "str" {
            let why = format!("{place}column \"{column}\": the quotes of {short:?} don't pair up");
            return failure::unreadable(key, why).hint("double quotes inside quoted fields, or set `input: { csv: { quote: none } }`");
        }
        let why = format!("{place}column \"{column}\": {short:?} is not of type {data_type}");
        let hint = match layout.declares(column) {
            true => format!("the pipeline declares this type; declare `input: {{ columns: {{ {column}: string }} }}` or mend the data"),
            false => format!("declare the column's type: `input: {{ columns: {{ {column}: string }} }}`"),
        };
        failure::unreadable(key, why).hint(hint)
    }
}

fn header_width(bytes: &[u8], layout: &Layout) -> usize {
    let line = bytes.split(|byte| *byte == b'\n').find(|line| !line.is_empty() && *line != b"\r").unwrap_or_default();
    let mut count = SeparatorCount::new(layout.marks);
    count.push(line);
    usize::try_from(count.total()).unwrap_or(usize::MAX).saturating_add(1)
}

/// Refuses what only looks like text: UTF-16, and names of columns that are not UTF-8.
pub(super) fn check_encoding(bytes: &[u8], key: &str) -> Result<(), Failure> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(failure::unreadable(key, "it is UTF-16 text").hint("convert it to UTF-8: iconv -f UTF-16 -t UTF-8"));
    }
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if std::str::from_utf8(header).is_err() { Err(not_utf8(bytes, key)) } else { Ok(()) }
}

fn not_utf8(bytes: &[u8], key: &str) -> Failure {
    let line = std::str::from_utf8(bytes).err().map(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    });
    let place = line.map_or_else(String::new, |line| format!("line {line}: "));
    failure::unreadable(key, format!("{place}the text is not UTF-8")).hint("convert it to UTF-8, for example: iconv -f LATIN1 -t UTF-8")
}
