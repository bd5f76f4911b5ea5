//! What stopped the reading of files, with the file named: Polars reads several at once and seldom says which of
//! them it was.

use std::{
    fs::File,
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use polars::prelude::*;

use super::{
    DataError,
    error::system,
    shape,
    source::{Kind, Source},
    text::{csv_text, damage, marks},
};

/// What to do about a Parquet file that can't be read.
const DAMAGED: &str = "it is no Parquet file, or damaged or cut off: write it or fetch it again";
/// What to do about text with a value that is not of its column's type.
pub(super) const MIXED: &str = "a column's type is told by its first rows: write its values in one type, or the file as Parquet";
/// What to do about JSON that can't be read.
pub(super) const NO_JSON: &str = "write one array of objects, or one object a line";

/// What to do about compressed text that ends too early.
pub(super) const CUT_OFF: &str = "it is damaged or cut off: write it or fetch it again";

/// What can be done if a file of this kind can't be read.
fn hint_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Parquet(_) | Kind::Later(_) => DAMAGED,
        Kind::Csv => MIXED,
        Kind::Lines | Kind::Memory(_) => NO_JSON,
    }
}

/// What an error of a plan over these files means, each given with the plan of its own rows.
pub(super) fn blame(error: &PolarsError, files: &[(Source, LazyFrame)]) -> DataError {
    if let Some(damage) = files.iter().find_map(|(file, _)| damage(error, &file.path)) {
        return damage;
    }
    if let Some(source) = system(error) {
        let path = culprit(&source.to_string(), files.iter().map(|(file, _)| file.path.as_path()));
        return DataError::Read { path: path.map(Path::to_owned), source };
    }
    if let Some(misshapen) = files.iter().find_map(|(file, _)| misshapen(file, &|| true)) {
        return misshapen;
    }
    guilty(files).map_or_else(|| DataError::from(error.clone()), |file| DataError::of_file(&file.path, error, hint_of(&file.kind)))
}

/// Which of some files can't be read.
fn guilty(files: &[(Source, LazyFrame)]) -> Option<&Source> {
    let found = match files {
        [one] => Some(one),
        // This is the way of failure: nobody waits for a result any more.
        several => several.iter().find(|(_, plan)| !can_be_read(plan.clone())),
    };
    found.map(|(file, _)| file)
}

/// The file that an error of the system is about: the one that it names, the only one, or one that can't be opened.
pub(super) fn culprit<'f>(said: &str, files: impl Iterator<Item = &'f Path> + Clone) -> Option<&'f Path> {
    let is_named = |path: &&Path| path.to_str().is_some_and(|path| said.contains(path));
    let mut all = files.clone();
    let only = all.next().filter(|_| all.next().is_none());
    files.clone().find(is_named).or(only).or_else(|| files.clone().find(|path| File::open(path).is_err()))
}

fn can_be_read(plan: LazyFrame) -> bool {
    let read = || plan.sink_batches(PlanCallback::new(|_: DataFrame| Ok(false)), false, None)?.collect_with_engine(Engine::Streaming);
    catch_unwind(AssertUnwindSafe(read)).is_ok_and(|read| read.is_ok())
}

/// Reads a Parquet file's rows. What a damaged file makes Polars do may be a panic.
pub(super) fn guarded<T>(path: &Path, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, DataError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| DataError::of_file(path, &error, DAMAGED)),
        Err(_) => Err(DataError::Unreadable { path: path.to_owned(), why: "its pages can't be decoded".to_owned(), hint: DAMAGED }),
    }
}

/// What comes of work on these files. What a damaged file makes Polars do may be a panic.
pub(super) fn caught<T>(work: impl FnOnce() -> T, files: &[(Source, LazyFrame)]) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| match guilty(files) {
        Some(one) => undecoded(one),
        None => DataError::Query("Polars gave up while it read the data; one of its files may be damaged".to_owned()),
    })
}

/// What is wrong with the lines of a file, if it is CSV; as far as they were read while that is wanted.
pub(super) fn misshapen(file: &Source, is_wanted: &dyn Fn() -> bool) -> Option<DataError> {
    // Text that is compressed may be damaged too.
    catch_unwind(AssertUnwindSafe(|| check_lines(file, is_wanted))).unwrap_or_else(|_| Err(undecoded(file))).err()
}

/// Text that ends when nobody wants it any more.
struct While<'w, T> {
    text: T,
    is_wanted: &'w dyn Fn() -> bool,
}

impl<T: Read> Read for While<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.is_wanted)() { self.text.read(buffer) } else { Ok(0) }
    }
}

fn undecoded(file: &Source) -> DataError {
    DataError::Unreadable { path: file.path.clone(), why: "it can't be decoded".to_owned(), hint: hint_of(&file.kind) }
}

/// Fails if a CSV file has a line with more fields than its header, whose values would be lost without a word, or
/// a quote that swallows the rest. Polars looks for neither unless all columns are wanted. A line with fewer fields
/// has nulls for the others, which rules can ask about.
fn check_lines(file: &Source, is_wanted: &dyn Fn() -> bool) -> Result<(), DataError> {
    if !matches!(file.kind, Kind::Csv) {
        return Ok(());
    }
    let (path, width) = (file.path.as_path(), file.schema.len());
    let found = shape::survey(While { text: csv_text(path)?, is_wanted }, marks(path), width);
    let found = found.map_err(|error| DataError::of_file(path, &error.into(), CUT_OFF))?;
    let wrong = |why, hint| Err(DataError::Unreadable { path: path.to_owned(), why, hint });
    if let Some(line) = found.unclosed {
        return wrong(format!("line {line}: a quoted field begins here and never ends"), "close the quote, or double quotes inside fields");
    }
    match found.wide {
        Some(wide) => {
            let why = format!("line {} has {} fields where the header has {width}", wide.line, wide.fields);
            wrong(why, "quote fields that hold the delimiter, or name the columns in the header")
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Format;

    #[test]
    fn who_made_polars_give_up_is_found_among_several() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a.csv", "b.csv"].map(|name| {
            let path = folder.path().join(name);
            std::fs::write(&path, "id\n1\n").unwrap();
            let source = Source::open(&path, Format::Csv).unwrap();
            let plan = source.scan().unwrap();
            (source, plan)
        });
        std::fs::write(folder.path().join("b.csv"), "id\nx\n").unwrap();
        let error = caught(|| std::panic::resume_unwind(Box::new("no type")), &files).unwrap_err();
        assert!(matches!(&error, DataError::Unreadable { path, .. } if path.ends_with("b.csv")), "{error}");
    }
}
