//! The types of CSV's columns, told by their values: what Polars would infer, at a fraction of the cost. Polars tries
//! some sixty patterns of dates on every value that is none; here a column that holds text is asked no more, and what
//! most numbers and dates look like is known without a pattern.

use std::io::{self, Read};

use memchr::memchr;
use polars::{
    io::csv::read::schema_inference::{finish_infer_field_schema, infer_field_schema},
    prelude::{DataType, PlSmallStr, TimeUnit, TimeZone},
};

use super::{shape::Marks, source::BOM};

/// The first piece that is read, and the least of the following ones.
const PIECE: usize = 256 << 10;
/// The longest record, in bytes.
const LONGEST_RECORD: usize = 128 << 20;

/// The type that Polars infers for a value.
pub fn type_of(value: &str) -> DataType {
    known(value.as_bytes()).unwrap_or_else(|| infer_field_schema(value, true, false))
}

/// The types of so many columns, by all records behind the header, or by the first ones; a value among `nulls` says nothing.
/// A column without values is text.
///
/// # Errors
/// If the text can't be read, or a record is longer than 128 MiB, as where a quote never ends.
pub fn infer(text: impl Read, marks: Marks, nulls: &[PlSmallStr], columns: usize, rows: Option<usize>) -> io::Result<Vec<DataType>> {
    let mut found = vec![Kinds::default(); columns];
    let mut is_header = true;
    let mut left = rows.unwrap_or(usize::MAX);
    for_each_record(text, marks, |record| {
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        if record.is_empty() {
            return true;
        }
        if !std::mem::take(&mut is_header) {
            left -= 1;
            let fields = Fields { rest: Some(record), marks };
            for (field, kinds) in fields.zip(&mut found) {
                if let Some(value) = field.filter(|value| nulls.iter().all(|null| null.as_bytes() != *value)) {
                    kinds.take(value);
                }
            }
        }
        left > 0
    })?;
    Ok(found.into_iter().map(|kinds| finish_infer_field_schema(&kinds.seen.into_iter().collect())).collect())
}

/// The types that a column's values were seen to have.
#[derive(Clone, Default)]
struct Kinds {
    seen: Vec<DataType>,
    /// No further value can make it anything else than text.
    is_text: bool,
}

impl Kinds {
    fn take(&mut self, field: &[u8]) {
        if self.is_text {
            return;
        }
        let kind = known(field).unwrap_or_else(|| type_of(&String::from_utf8_lossy(field)));
        if !self.seen.contains(&kind) {
            self.seen.push(kind);
            self.is_text = finish_infer_field_schema(&self.seen.iter().cloned().collect()) == DataType::String;
        }
    }
}

/// A record's fields without their quotes; none where nothing is, not even quotes.
struct Fields<'r> {
    rest: Option<&'r [u8]>,
    marks: Marks,
}

impl<'r> Iterator for Fields<'r> {
    type Item = Option<&'r [u8]>;

    fn next(&mut self) -> Option<Option<&'r [u8]>> {
        let record = self.rest?;
        let Marks { separator, quote } = self.marks;
        let is_quoted = record.first().copied().is_some_and(|first| Some(first) == quote);
        let mut inside = false;
        let end = match is_quoted {
            false => memchr(separator, record),
            true => record.iter().position(|byte| {
                inside ^= Some(*byte) == quote;
                *byte == separator && !inside
            }),
        };
        let (field, rest) = match end {
            Some(end) => (record.get(..end)?, record.get(end + 1..)),
            None => (record, None),
        };
        self.rest = rest;
        let bare = if is_quoted { field.get(1..field.len() - 1) } else { None };
        Some(Some(bare.unwrap_or(field)).filter(|_| !field.is_empty()))
    }
}

/// Hands out records without their line ends until it is told that there are enough.
fn for_each_record(mut text: impl Read, marks: Marks, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut is_start = true;
    loop {
        // As much again as a record that is not whole yet: it is looked at from its start each time.
        let wanted = buffer.len().max(PIECE) as u64;
        let read = text.by_ref().take(wanted).read_to_end(&mut buffer)?;
        let mut rest = buffer.as_slice();
        if std::mem::take(&mut is_start) {
            // Behind the mark that some programs put before UTF-8 a field may begin with a quote.
            rest = rest.strip_prefix(BOM).unwrap_or(rest);
        }
        while let Some(end) = end_of_record(rest, marks) {
            let (record, behind) = rest.split_at(end);
            if !take(record) {
                return Ok(());
            }
            rest = behind.get(1..).unwrap_or_default();
        }
        if read == 0 {
            take(rest);
            return Ok(());
        }
        if rest.len() > LONGEST_RECORD {
            let why = format!("a record is longer than {} MiB; does a quote that begins a field never end?", LONGEST_RECORD >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let done = buffer.len() - rest.len();
        buffer.drain(..done);
    }
}

/// Where the first record ends: at a line end outside quotes, which begin where a field begins.
fn end_of_record(bytes: &[u8], Marks { separator, quote }: Marks) -> Option<usize> {
    let end = memchr(b'\n', bytes)?;
    let Some(quote) = quote.filter(|quote| bytes.get(..end).is_some_and(|line| memchr(*quote, line).is_some())) else {
        return Some(end);
    };
    let (mut begins, mut is_quoted, mut inside) = (true, false, false);
    bytes.iter().position(|byte| {
        if std::mem::take(&mut begins) {
            is_quoted = *byte == quote;
        }
        inside ^= is_quoted && *byte == quote;
        begins = !inside && *byte == separator;
        !inside && *byte == b'\n'
    })
}

/// The type of a value that looks as most do; the others take Polars' patterns.
fn known(value: &[u8]) -> Option<DataType> {
    let unsigned = value.strip_prefix(b"-").unwrap_or(value);
    let (whole, rest) = digits(unsigned);
    match rest {
        // As many as surely fit into 64 bits.
        [] if (1..=18).contains(&whole) => Some(DataType::Int64),
        [b'.', fraction @ ..] if !fraction.is_empty() && digits(fraction).1.is_empty() => Some(DataType::Float64),
        [b'-', ..] => known_time(value),
        _ => None,
    }
}

/// `2025-01-31`, and that with `T` or a space and `23:59:59`, with a fraction, with a `Z`.
fn known_time(value: &[u8]) -> Option<DataType> {
    let (date, time) = value.split_at_checked(10)?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let in_range = |number: u8, range: std::ops::RangeInclusive<u8>| range.contains(&number);
    // The last days of months take a calendar.
    let is_date = [y1, y2, y3, y4].iter().all(u8::is_ascii_digit) && in_range(two(m1, m2)?, 1..=12) && in_range(two(d1, d2)?, 1..=28);
    if !is_date {
        return None;
    }
    let (b'T' | b' ', time) = (match time {
        [] => return Some(DataType::Date),
        [between, time @ ..] => (*between, time),
    }) else {
        return None;
    };
    let (clock, rest) = time.split_at_checked(8)?;
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = clock else { return None };
    if !(in_range(two(h1, h2)?, 0..=23) && in_range(two(m1, m2)?, 0..=59) && in_range(two(s1, s2)?, 0..=59)) {
        return None;
    }
    let rest = match rest {
        [b'.', fraction @ ..] => match digits(fraction) {
            (1..=9, rest) => rest,
            _ => return None,
        },
        rest => rest,
    };
    match rest {
        [] => Some(DataType::Datetime(TimeUnit::Microseconds, None)),
        b"Z" => Some(DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))),
        _ => None,
    }
}

/// A number of two digits.
fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// How many digits a text begins with, and what follows them.
fn digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, text.get(count..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use polars::prelude::{CsvReadOptions, Field, LazyCsvReader, LazyFileListReader, Schema, SerReader};
    use proptest::prelude::*;

    use super::*;

    const MARKS: Marks = Marks { separator: b',', quote: Some(b'"') };

    fn as_polars_infers(text: &str, rows: Option<usize>) -> Vec<DataType> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.csv");
        std::fs::write(&path, text).unwrap();
        let reader = LazyCsvReader::new(path.to_str().unwrap().into()).with_infer_schema_length(rows).with_try_parse_dates(true);
        let schema = reader.finish().unwrap().collect_schema().unwrap();
        schema.iter_values().cloned().collect()
    }

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "-?[0-9]{1,4}",
            "[+-]?[0-9]{17,22}",
            "-?[0-9]{0,3}\\.[0-9]{0,3}(e-?[0-9])?",
            "(true|False|NaN|inf|-|x|\\.| 1|1 )",
            "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]",
            "20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{1,10})?)?(Z|\\+02:00)?",
            "[0-3][0-9]/[01][0-9]/20[0-9]{2}( [0-2][0-9]:[0-5][0-9])?",
            "[0-2]?[0-9]:[0-6][0-9](:[0-6][0-9])?",
            "\"[0-9]{0,2}(,|\n|\"\"|)[a-z]?\"",
        ]
    }

    /// Whether Polars reads a text in these types.
    fn reads(text: &str, types: &[DataType]) -> bool {
        let schema: Schema = types.iter().enumerate().map(|(at, data_type)| Field::new(at.to_string().into(), data_type.clone())).collect();
        let options = CsvReadOptions::default().with_schema(Some(schema.into()));
        let options = options.map_parse_options(|options| options.with_truncate_ragged_lines(true).with_try_parse_dates(true));
        options.into_reader_with_file_handle(io::Cursor::new(text)).finish().is_ok()
    }

    proptest! {
        #[test]
        fn what_polars_reads_in_the_types_that_it_infers_is_read_in_these(
            records in prop::collection::vec(prop::collection::vec(value(), 0..4), 1..6),
        ) {
            // With empty lines, and lines that are too short.
            let lines = records.iter().map(|fields| fields.join(","));
            let text = std::iter::once("a,b,c".to_owned()).chain(lines).collect::<Vec<_>>().join("\n");
            let types = infer(text.as_bytes(), MARKS, &[], 3, None).unwrap();
            let theirs = as_polars_infers(&text, None);
            prop_assert!(!reads(&text, &theirs) || reads(&text, &types), "{:?}: {:?}, {:?}", text, types, theirs);
        }

        #[test]
        fn every_value_has_the_type_that_polars_infers(value in value()) {
            prop_assert_eq!(type_of(&value), infer_field_schema(&value, true, false));
        }

        #[test]
        fn columns_have_the_types_that_polars_infers(
            first in prop::collection::vec(value(), 1..6), second in prop::collection::vec(value(), 1..6), crlf: bool, ended: bool,
            mixed: bool, rows in prop_oneof![Just(None), (1_usize..4).prop_map(Some)],
        ) {
            // Of one shape, so that types other than text come about.
            let same: Vec<String> = if mixed { first } else { vec![first[0].clone(); first.len()] };
            let end = if crlf { "\r\n" } else { "\n" };
            let lines = same.iter().zip(second.iter().cycle()).map(|(a, b)| format!("{a},{b},1"));
            let mut text = std::iter::once("a,\"b,\nc\",d".to_owned()).chain(lines).collect::<Vec<_>>().join(end);
            if ended {
                text.push_str(end);
            }
            prop_assert_eq!(infer(text.as_bytes(), MARKS, &[], 3, rows).unwrap(), as_polars_infers(&text, rows), "{:?}", text);
        }
    }

    #[test]
    fn a_mark_before_a_quoted_header_is_no_part_of_it() {
        let text = "\u{feff}\"a\nx\",b\n1,2013-01-02\n";
        assert_eq!(infer(text.as_bytes(), MARKS, &[], 2, None).unwrap(), [DataType::Int64, DataType::Date]);
    }

    #[test]
    fn records_may_be_longer_than_a_piece_and_a_quote_may_never_end() {
        let long = format!("a,b\n1,\"{}\"\n2,x\n1.5,\"y\n3,{}", "x\n".repeat(PIECE), "4\n".repeat(PIECE));
        assert_eq!(infer(long.as_bytes(), MARKS, &[], 2, None).unwrap(), [DataType::Float64, DataType::String]);
        assert_eq!(infer(&b"a,b\n-,x\n2,-"[..], MARKS, &["-".into(), "x".into()], 2, None).unwrap(), [DataType::Int64, DataType::String]);
        assert_eq!(infer(&b""[..], MARKS, &[], 1, None).unwrap(), [DataType::String], "as Polars calls a column without values");
    }
}
