//! What the commands of data quality read: rulesets and data.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use lakegate_model::diagnostics::{Diagnostic, Place};
use lakegate_quality::{
    data::{DataError, Dataset, Format},
    language::{self, Ruleset},
};

use crate::{
    error::{CliError, Result},
    output::Output,
};

/// Data on this machine.
#[derive(clap::Args, Debug)]
pub(crate) struct DataArgs {
    /// The data: files or folders, all of them one dataset.
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// The data's format, where the files' names do not tell.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<DataFormat>,
}

/// What data is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    Parquet,
    Csv,
    Json,
}

impl From<DataFormat> for Format {
    fn from(format: DataFormat) -> Format {
        match format {
            DataFormat::Parquet => Format::Parquet,
            DataFormat::Csv => Format::Csv,
            DataFormat::Json => Format::Json,
        }
    }
}

impl DataArgs {
    /// The dataset. What is no data is the user's mistake.
    pub(crate) fn dataset(&self) -> Result<Dataset> {
        dataset(&self.data, self.format)
    }

    /// What the data is called.
    pub(crate) fn name(&self) -> String {
        match self.data.as_slice() {
            [path] => base_name(path),
            [first, rest @ ..] => format!("{} and {} more", base_name(first), rest.len()),
            [] => String::new(),
        }
    }
}

/// The last part of a path; of `.` and the like, that of the folder it is.
fn base_name(path: &Path) -> String {
    let whole = path.canonicalize();
    let name = path.file_name().or_else(|| whole.as_ref().ok().and_then(|path| path.file_name()));
    name.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Files and folders as one dataset.
pub(crate) fn dataset(paths: &[PathBuf], format: Option<DataFormat>) -> Result<Dataset> {
    Dataset::of_files(paths, format.map(Format::from)).map_err(|error| unread(&error))
}

/// Data that can't be read: nothing is said of it, and the command can't do what it was asked to.
pub(crate) fn unread(error: &DataError) -> CliError {
    let hint = match error {
        DataError::UnknownFormat { .. } => "pass --format parquet, csv or json",
        error => error.hint(),
    };
    CliError::wrong(error.to_string(), hint)
}

/// `ALIAS=PATH`
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) alias: String,
    pub(crate) path: PathBuf,
}

/// Reads `ALIAS=PATH`.
pub(crate) fn reference(text: &str) -> std::result::Result<Reference, String> {
    match text.split_once('=') {
        Some((alias, path)) if !alias.is_empty() && !path.is_empty() => {
            Ok(Reference { alias: alias.to_owned(), path: PathBuf::from(path) })
        }
        _ => Err("write it as ALIAS=PATH, such as airlines=reference/airlines.csv".to_owned()),
    }
}

/// References as datasets; several paths of one alias are one dataset.
pub(crate) fn references(references: &[Reference]) -> Result<BTreeMap<String, Dataset>> {
    let mut paths: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for reference in references {
        paths.entry(&reference.alias).or_default().push(reference.path.clone());
    }
    paths.into_iter().map(|(alias, paths)| Ok((alias.to_owned(), dataset(&paths, None)?))).collect()
}

/// A ruleset's file, as it was read.
pub(crate) struct Rules {
    /// How the file is called in what is said of it.
    pub(crate) file: String,
    /// What is in it.
    pub(crate) source: String,
}

impl Rules {
    /// Reads the file; `-` is standard input.
    pub(crate) fn read(path: &Path) -> Result<Rules> {
        let file = if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() };
        let failed = |error: io::Error| {
            CliError::wrong(format!("can't read {file}: {error}"), "name the file of a ruleset, or - for standard input")
        };
        let bytes = if path == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(path)
        };
        let bytes = bytes.map_err(failed)?;
        match String::from_utf8(bytes) {
            // A mark that some editors put before everything is no part of the text.
            Ok(source) => Ok(Rules { source: source.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(source), file }),
            Err(_) => Err(CliError::wrong(format!("{file} is no text in UTF-8"), "write the ruleset in UTF-8")),
        }
    }

    /// The ruleset that is in it, or all that is wrong with it.
    pub(crate) fn parse(&self) -> std::result::Result<Ruleset, Vec<Diagnostic>> {
        language::parse(&self.source).map_err(|found| self.placed(found))
    }

    /// What was found in the source, with the file it is in.
    pub(crate) fn placed(&self, found: Vec<language::Diagnostic>) -> Vec<Diagnostic> {
        let placed = |found: language::Diagnostic| {
            let language::Diagnostic { line, column, length, source, message, hint } = found;
            Diagnostic { place: Place { file: self.file.clone(), line, column, length, source }, message, hint }
        };
        found.into_iter().map(placed).collect()
    }

    /// Says what is wrong, on standard error.
    pub(crate) fn wrong(&self, out: &Output, diagnostics: &[Diagnostic]) -> CliError {
        out.diagnostics_in(&self.file, diagnostics);
        CliError::Wrong
    }
}
