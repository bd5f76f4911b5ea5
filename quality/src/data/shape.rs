//! The shape of CSV text: does every line have as many fields as the header?
//!
//! Polars fills short lines with nulls and reads an empty line as a row of nulls, so a file cut off
//! in the middle of a line would pass as whole. Counting separators while the bytes are at hand
//! costs next to nothing; only when the count is off are the lines looked at one by one.

use std::io::{self, Read, Write};

use memchr::{memchr, memchr_iter};

/// What separates and quotes fields.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// The byte between fields.
    pub separator: u8,
    /// The quote, if quotes mean anything.
    pub quote: Option<u8>,
}

/// A line with another number of fields than the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ragged {
    /// Counted from 1.
    pub line: u64,
    /// How many fields it has.
    pub fields: usize,
}

/// What a look at every line found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The first line that has too few or too many fields.
    pub ragged: Option<Ragged>,
    /// The first line that has too many.
    pub wide: Option<Ragged>,
    /// Empty lines.
    pub empty: u64,
    /// The line where a quoted field begins that never ends.
    pub unclosed: Option<u64>,
}

/// Separators outside quotes, if every quote encloses a field; counted piece by piece.
#[derive(Clone, Copy, Debug)]
pub struct SeparatorCount {
    marks: Marks,
    quoted: bool,
    count: u64,
}

impl SeparatorCount {
    /// Nothing counted yet.
    pub fn new(marks: Marks) -> SeparatorCount {
        SeparatorCount { marks, quoted: false, count: 0 }
    }

    /// Counts on.
    pub fn push(&mut self, bytes: &[u8]) {
        let Marks { separator, quote } = self.marks;
        match quote.filter(|quote| self.quoted || bytes.contains(quote)) {
            None => self.count += bytes.iter().filter(|byte| **byte == separator).count() as u64,
            Some(quote) => {
                let (mut quoted, mut count) = (self.quoted, 0);
                for byte in bytes {
                    quoted ^= *byte == quote;
                    count += u64::from(*byte == separator && !quoted);
                }
                self.quoted = quoted;
                self.count += count;
            }
        }
    }

    /// The count.
    pub fn total(self) -> u64 {
        self.count
    }
}

/// The lines of CSV text, fed piece by piece. A quote counts only where a field begins, and ends at
/// the next one that isn't doubled; line ends inside quotes end no record.
struct Lines {
    marks: Marks,
    line: u64,
    record_line: u64,
    fields: usize,
    length: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// A record as it ends: its first line, its fields, its bytes without the line end.
struct Record {
    line: u64,
    fields: usize,
    length: u64,
}

impl Lines {
    fn new(marks: Marks) -> Lines {
        Lines { marks, line: 1, record_line: 1, fields: 1, length: 0, state: State::FieldStart }
    }

    #[inline]
    fn push(&mut self, byte: u8) -> Option<Record> {
        let is_quote = self.marks.quote == Some(byte);
        if self.state == State::Quoted {
            self.state = if is_quote { State::QuoteInQuoted } else { State::Quoted };
            self.line += u64::from(byte == b'\n');
            self.length += 1;
            return None;
        }
        if byte == b'\n' {
            self.line += 1;
            return Some(self.end());
        }
        self.length += u64::from(byte != b'\r');
        if byte == self.marks.separator {
            self.fields += 1;
            self.state = State::FieldStart;
        } else if is_quote && self.state != State::Plain {
            self.state = State::Quoted;
        } else {
            self.state = State::Plain;
        }
        None
    }

    /// Takes bytes up to the end of a record or of the bytes. A line without quotes, as most are, is looked at as a
    /// whole, several times faster than byte by byte.
    fn next<'b>(&mut self, bytes: &'b [u8]) -> (Option<Record>, &'b [u8]) {
        if self.state == State::FieldStart
            && self.length == 0
            && self.fields == 1
            && let Some(end) = memchr(b'\n', bytes)
        {
            let (line, behind) = bytes.split_at(end);
            if self.marks.quote.is_none_or(|quote| memchr(quote, line).is_none()) {
                self.line += 1;
                self.fields += memchr_iter(self.marks.separator, line).count();
                self.length = u64::from(line.iter().any(|byte| *byte != b'\r'));
                return (Some(self.end()), behind.get(1..).unwrap_or_default());
            }
        }
        let mut bytes = bytes.iter();
        let record = bytes.find_map(|byte| self.push(*byte));
        (record, bytes.as_slice())
    }

    fn end(&mut self) -> Record {
        let record = Record { line: self.record_line, fields: self.fields, length: self.length };
        (self.record_line, self.fields, self.length, self.state) = (self.line, 1, 0, State::FieldStart);
        record
    }
}

/// Looks at every line of a text whose records should have `width` fields.
///
/// # Errors
/// If the text can't be read.
pub fn survey(mut text: impl Read, marks: Marks, width: usize) -> io::Result<Survey> {
    let mut survey = Survey::default();
    let mut lines = Lines::new(marks);
    let mut take = |record: Record| {
        if record.length == 0 {
            survey.empty += 1;
        } else if record.fields != width {
            let found = Ragged { line: record.line, fields: record.fields };
            survey.ragged = survey.ragged.or(Some(found));
            survey.wide = survey.wide.or(Some(found).filter(|found| found.fields > width));
        }
    };
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = text.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        let mut rest = buffer.get(..read).unwrap_or_default();
        while !rest.is_empty() {
            let (record, behind) = lines.next(rest);
            record.map(&mut take);
            rest = behind;
        }
    }
    if lines.state == State::Quoted {
        survey.unclosed = Some(lines.record_line);
    } else if lines.length > 0 {
        take(lines.end());
    }
    Ok(survey)
}

/// Copies a text without its empty lines.
///
/// # Errors
/// If the text can't be read or the copy can't be written.
pub fn without_empty_lines(mut text: impl Read, mut to: impl Write, marks: Marks) -> io::Result<()> {
    let mut lines = Lines::new(marks);
    let mut line = Vec::new();
    for_each_byte(&mut text, |byte| {
        line.push(byte);
        if let Some(record) = lines.push(byte) {
            if record.length > 0 {
                to.write_all(&line)?;
            }
            line.clear();
        }
        Ok(())
    })?;
    to.write_all(&line)
}

/// The line on which the `number`-th field (counted from 1) of a record is `value`.
pub fn line_of(text: &[u8], marks: Marks, number: usize, value: &[u8]) -> Option<u64> {
    let mut lines = Lines::new(marks);
    let mut start = 0;
    for (index, byte) in text.iter().enumerate() {
        let (fields, line) = (lines.fields, lines.record_line);
        let ended = lines.push(*byte).is_some();
        if ended || lines.fields != fields {
            let field = text.get(start..index).unwrap_or_default();
            if fields == number && (field == value || field.strip_suffix(b"\r") == Some(value)) {
                return Some(line);
            }
            start = index + 1;
        }
    }
    (lines.fields == number && text.get(start..) == Some(value)).then_some(lines.record_line)
}

fn for_each_byte(text: &mut impl Read, mut take: impl FnMut(u8) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = text.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        for byte in buffer.get(..read).unwrap_or_default() {
            take(*byte)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { separator: b',', quote: Some(b'"') };

    fn ragged(text: &str) -> Option<(u64, usize)> {
        survey(text.as_bytes(), MARKS, 2).unwrap().ragged.map(|ragged| (ragged.line, ragged.fields))
    }

    #[test]
    fn the_first_line_of_another_width_is_found() {
        assert_eq!(ragged("a,b\n1,2\n3,4"), None);
        assert_eq!(ragged("a,b\n1,2\n3"), Some((3, 1)));
        assert_eq!(ragged("a,b\n1,2,3\n4,5\n"), Some((2, 3)));
        assert_eq!(ragged("a,b\r\n1,\"x,\n\"\"y\"\r\n\r\n3\r\n"), Some((5, 1)));
        assert_eq!(ragged("a,b\n5\" pipe,2\n"), None);
        let wide = survey("a,b\n1\n2,3,4\n5,6,7\n".as_bytes(), MARKS, 2).unwrap().wide;
        assert_eq!(wide, Some(Ragged { line: 3, fields: 3 }), "short ones are told apart");
    }

    #[test]
    fn a_quote_that_never_ends_is_found() {
        assert_eq!(survey("a,b\n1,\"x\n2,3\n".as_bytes(), MARKS, 2).unwrap().unclosed, Some(2));
    }

    #[test]
    fn empty_lines_are_counted_and_left_out() {
        let text = "a,b\n\n1,\"x\n\ny\"\r\n\r\n3,4\n\n";
        assert_eq!(survey(text.as_bytes(), MARKS, 2).unwrap(), Survey { empty: 3, ..Survey::default() });
        let mut kept = Vec::new();
        without_empty_lines(text.as_bytes(), &mut kept, MARKS).unwrap();
        assert_eq!(String::from_utf8(kept).unwrap(), "a,b\n1,\"x\n\ny\"\r\n3,4\n");
    }

    #[test]
    fn separators_in_quotes_do_not_count() {
        let mut count = SeparatorCount::new(MARKS);
        for piece in ["a,b\n1,\"x,", "y\"\n2,3\n"] {
            count.push(piece.as_bytes());
        }
        assert_eq!(count.total(), 3);
    }

    #[test]
    fn a_value_is_found_in_its_column() {
        assert_eq!(line_of(b"a,b\nx,1\n1,x\n", MARKS, 2, b"x"), Some(3));
        assert_eq!(line_of(b"a,b\n1,\"q\nr\"\n1,x", MARKS, 2, b"x"), Some(4));
        assert_eq!(line_of(b"a,b\n1,x", MARKS, 1, b"x"), None);
    }
}
