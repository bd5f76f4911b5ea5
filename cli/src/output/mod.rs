//! The one place that writes to standard output and standard error. Standard output carries what
//! was asked for: text and tables for people, or JSON and nothing else for programs.

pub(crate) mod table;
pub(crate) mod text;

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

use anstream::AutoStream;
use clap::ColorChoice;
use futures::{Stream, StreamExt as _};
use indicatif::{MultiProgress, ProgressDrawTarget};
use lakegate_model::{Failure, FailureCode, diagnostics::Diagnostic};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::{
    config::{OutputFormat, is_ci},
    error::{CliError, Result},
};

/// Where and how a command answers.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    format: OutputFormat,
    color: anstream::ColorChoice,
    screen: MultiProgress,
}

impl Output {
    /// Answers in this format, with colour when told, or when there is a terminal that wants it.
    pub(crate) fn new(format: OutputFormat, color: ColorChoice) -> Output {
        let color = match color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        let watched = format == OutputFormat::Table && io::stderr().is_terminal() && !is_ci();
        let target = if watched { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        Output { format, color, screen: MultiProgress::with_draw_target(target) }
    }

    /// What the answer was asked for as.
    pub(crate) fn format(&self) -> OutputFormat {
        self.format
    }

    /// How many columns standard output shows, if it is a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        comfy_table::Table::new().width().map(usize::from)
    }

    /// Whether a program reads the answer.
    pub(crate) fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Whether a person watches standard error, so that bars may move there.
    pub(crate) fn is_watched(&self) -> bool {
        !self.screen.is_hidden()
    }

    /// Where bars move: nowhere unless a person watches.
    pub(crate) fn screen(&self) -> &MultiProgress {
        &self.screen
    }

    /// Whether standard output gets colour.
    pub(crate) fn is_colored(&self) -> bool {
        match self.color {
            anstream::ColorChoice::Auto => AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
            choice => choice != anstream::ColorChoice::Never,
        }
    }

    /// A line for people; nothing for programs.
    pub(crate) fn say(&self, line: impl Display) -> Result<()> {
        if !self.is_json() {
            self.write(&line)?;
        }
        Ok(())
    }

    /// The answer: as a document for programs, as text for people.
    pub(crate) fn answer<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        if self.is_json() { self.document(value) } else { self.write(&text(value)) }
    }

    /// One of many answers: a JSON line for programs, text for people.
    pub(crate) fn next_answer<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        if self.is_json() { self.write(&json(serde_json::to_string(value))?) } else { self.write(&text(value)) }
    }

    /// A JSON document for programs; nothing for people.
    pub(crate) fn for_programs<T: Serialize>(&self, value: &T) -> Result<()> {
        if self.is_json() { self.document(value) } else { Ok(()) }
    }

    /// A JSON line for programs; nothing for people.
    pub(crate) fn line_for_programs<T: Serialize>(&self, value: &T) -> Result<()> {
        if self.is_json() { self.write(&json(serde_json::to_string(value))?) } else { Ok(()) }
    }

    /// A list that is too long to hold: one JSON array, written as it comes.
    pub(crate) async fn array<T: Serialize>(&self, items: impl Stream<Item = std::result::Result<T, Failure>>) -> Result<()> {
        let mut items = std::pin::pin!(items);
        let mut out = io::BufWriter::new(io::stdout().lock());
        let mut before = "[\n";
        while let Some(item) = items.next().await {
            write!(out, "{before}{}", json(serde_json::to_string(&item?))?)?;
            before = ",\n";
        }
        let end = if before == ",\n" { "\n]" } else { "[]" };
        writeln!(out, "{end}")?;
        Ok(out.flush()?)
    }

    /// Text as it is, whatever the format: a completion script.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// A remark on standard error that is no part of the answer.
    pub(crate) fn note(&self, line: impl Display) {
        // A remark that can't be written has nobody who would read of that either.
        let _ = self.screen.suspend(|| writeln!(AutoStream::new(io::stderr(), self.color), "{line}"));
    }

    /// A failure on standard error: what happened, where, what to do.
    pub(crate) fn failure(&self, failure: &Failure) {
        let mut lines = failure.message.lines();
        self.note(format_args!("{} {}", "error:".red().bold(), lines.next().unwrap_or_default()));
        for line in lines {
            self.note(format_args!("  {line}"));
        }
        if !failure.hint.is_empty() {
            self.note(format_args!("  {} {}", "hint:".cyan(), failure.hint));
        }
    }

    /// What is wrong with a project's files, on standard error.
    pub(crate) fn diagnostics(&self, diagnostics: &[Diagnostic]) {
        self.diagnostics_in("the project's files", diagnostics);
    }

    /// What is wrong with files, on standard error.
    pub(crate) fn diagnostics_in(&self, files: &str, diagnostics: &[Diagnostic]) {
        if let [Diagnostic { place, message, hint }] = diagnostics
            && place.line == 0
        {
            return self.failure(&Failure::new(FailureCode::InvalidPipeline, format!("{place}: {message}")).hint(hint));
        }
        for diagnostic in diagnostics {
            self.note(format_args!("{diagnostic}\n"));
        }
        let count = text::counted(diagnostics.len() as u64, "error");
        self.note(format_args!("{} {count} in {files}", "error:".red().bold()));
    }

    fn document<T: Serialize>(&self, value: &T) -> Result<()> {
        self.write(&json(serde_json::to_string_pretty(value))?)
    }

    fn write(&self, text: &impl Display) -> Result<()> {
        let mut out = AutoStream::new(io::stdout(), self.color).lock();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }
}

/// Standard error for log lines: bars make way for each.
pub(crate) struct LogLines(pub(crate) MultiProgress);

impl io::Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn json(text: serde_json::Result<String>) -> Result<String> {
    text.map_err(|error| CliError::from(io::Error::other(error)))
}
