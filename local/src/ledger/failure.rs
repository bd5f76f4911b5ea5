//! SQLite's errors as failures.

use std::path::Path;

use lakegate_model::{Failure, FailureCode};
use rusqlite::ErrorCode;

/// What went wrong with the ledger at `path`, and what to do about it.
pub(super) fn ledger_failure(path: &Path, error: &rusqlite::Error) -> Failure {
    let at = path.display();
    let failed = |message: String| Failure::new(FailureCode::Ledger, message);
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => failed(format!("the disk is full, so nothing can be written to the ledger {at}"))
            .hint("make room on the disk; nothing was half-written, and what failed is tried again"),
        Some(ErrorCode::DatabaseCorrupt) => failed(format!("the ledger {at} is damaged: {error}"))
            .hint("stop lakegate, keep a copy of the file, and put back a backup; without one, move it away and a new ledger takes in the raw zone again"),
        Some(ErrorCode::NotADatabase) => failed(format!("{at} is not a ledger: it is no SQLite database, or its first page is damaged"))
            .hint("name another file as `ledger:` in lakegate.yaml, or put back a backup"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => failed(format!("the ledger {at} can't be opened for writing: {error}"))
            .hint("give the user that runs lakegate the right to write the file and its folder"),
        _ => failed(format!("the ledger {at} failed: {error}")),
    }
}
