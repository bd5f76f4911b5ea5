//! How a command ends badly: what happened, where, what to do, and the exit code.

use std::{io, process::ExitCode};

use lakegate_model::{Failure, FailureCode, diagnostics::Diagnostic};

use crate::output::Output;

/// How a command ended, if not well.
#[derive(Debug)]
pub(crate) enum CliError {
    /// Something failed, and this is what.
    Failed(Failure),
    /// Files of the project are wrong.
    Diagnostics(Vec<Diagnostic>),
    /// The work failed or a check did not hold, and the command has said so already.
    Unmet,
    /// A file is wrong, and the command has said so already.
    Wrong,
    /// Nobody reads standard output any more.
    Closed,
}

/// The answer of a command.
pub(crate) type Result<T> = std::result::Result<T, CliError>;

/// The work failed, or a check did not hold.
pub(crate) const EXIT_UNMET: u8 = 1;
/// The command or a file is wrong.
pub(crate) const EXIT_WRONG: u8 = 2;

impl CliError {
    /// The command can't do what it was asked to, because of how it was asked.
    pub(crate) fn wrong(what: impl Into<String>, hint: impl Into<String>) -> CliError {
        CliError::Failed(Failure::new(FailureCode::InvalidRequest, what).hint(hint))
    }

    /// Says what happened on standard error, unless it has been said, and gives the exit code.
    pub(crate) fn report(&self, out: &Output) -> ExitCode {
        match self {
            CliError::Failed(failure) => out.failure(failure),
            CliError::Diagnostics(diagnostics) => out.diagnostics(diagnostics),
            CliError::Unmet | CliError::Wrong | CliError::Closed => {}
        }
        ExitCode::from(self.exit_code())
    }

    fn exit_code(&self) -> u8 {
        match self {
            CliError::Failed(failure) => exit_code(failure),
            CliError::Diagnostics(_) | CliError::Wrong => EXIT_WRONG,
            CliError::Unmet => EXIT_UNMET,
            CliError::Closed => 0,
        }
    }
}

/// What the user asked for wrongly is 2; what went wrong with it is 1.
fn exit_code(failure: &Failure) -> u8 {
    match failure.code {
        FailureCode::InvalidRequest | FailureCode::InvalidPipeline | FailureCode::NotFound => EXIT_WRONG,
        _ => EXIT_UNMET,
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> CliError {
        CliError::Failed(failure)
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> CliError {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return CliError::Closed;
        }
        CliError::Failed(Failure::new(FailureCode::LakeIo, error.to_string()))
    }
}

/// A failure to read or write a file of this machine, with its path.
pub(crate) fn at_path(path: &std::path::Path, doing: &str, error: &io::Error) -> Failure {
    let code = if error.kind() == io::ErrorKind::PermissionDenied { FailureCode::PermissionDenied } else { FailureCode::LakeIo };
    Failure::new(code, format!("can't {doing} {}: {error}", path.display()))
}

/// A setting of traces or logs that can't be followed. Its text says what to set instead.
pub(crate) fn telemetry_failure(error: &lakegate_telemetry::Error) -> Failure {
    let text = error.to_string();
    let (what, hint) = text.split_once(" — ").unwrap_or((&text, ""));
    Failure::new(FailureCode::InvalidRequest, what).hint(hint)
}
