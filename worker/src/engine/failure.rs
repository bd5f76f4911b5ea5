//! What Polars and the system report, as failures people can act on.

use std::{any::Any, io};

use lakegate_model::{Failure, FailureCode};
use polars::prelude::PolarsError;

/// Where Polars' message stops being one: plan dumps, advice on arguments nobody here passes.
const NOISE: [&str; 7] = [
    "\n\nDid you mean",
    "; valid columns: ",
    "\n\nResolved plan until failure",
    "\n\nYou might want to try",
    "\n\nConsider setting",
    "\n\nTry increasing",
    "\n\nThe current offset in the file",
];

/// Polars' message without what only its own developers need.
pub(crate) fn clean(error: &PolarsError) -> String {
    let text = error.to_string();
    let end = NOISE.iter().filter_map(|noise| text.find(noise)).min().unwrap_or(text.len());
    let text = text.get(..end).unwrap_or(&text).trim();
    text.strip_prefix("sql parser error: ").unwrap_or(text).to_owned()
}

/// A failure of the system while `doing` something with `path`.
pub(super) fn of_io(error: &io::Error, doing: &str, path: &str) -> Failure {
    let message = format!("{doing} {path}: {error}");
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Failure::new(FailureCode::PermissionDenied, message).hint("let the worker's user read the lake and write to its zones")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::new(FailureCode::LakeIo, message).hint("make room on the disk")
        }
        _ => Failure::new(FailureCode::LakeIo, message),
    }
}

/// What the system reported, if that is what stopped Polars.
pub(super) fn io_of(error: &PolarsError) -> Option<&io::Error> {
    lakegate_quality::data::io_of(error).map(AsRef::as_ref)
}

/// The data at `key` is not what its format says.
pub(super) fn unreadable(key: &str, why: impl AsRef<str>) -> Failure {
    Failure::new(FailureCode::UnreadableData, format!("object {key}: {}", why.as_ref()))
}

/// What a panic said.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "no message"
    }
}

/// The name nearest to `name`, if one is near enough to be what was meant.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let scored = known.into_iter().map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

/// "did you mean …? columns: …", for a name that is not among `columns`.
pub(super) fn columns_hint<'a>(name: &str, columns: impl IntoIterator<Item = &'a str>) -> String {
    let columns: Vec<&str> = columns.into_iter().collect();
    let listed = if columns.is_empty() { "there are no columns".to_owned() } else { format!("columns: {}", columns.join(", ")) };
    match nearest(name, columns.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"? {listed}"),
        None => listed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn plan_dumps_are_cut_off() {
        let error = PolarsError::ColumnNotFound(
            "unable to find x\n\nResolved plan until failure:\n\n\t---> FAILED HERE RESOLVING 'sink' <---".into(),
        );
        assert_eq!(clean(&error), "not found: unable to find x");
    }

    #[test]
    fn what_the_system_reports_is_told_from_what_is_wrong_with_the_data() {
        let of = |kind: io::ErrorKind| PolarsError::IO { error: Arc::new(kind.into()), msg: None };
        let within = of(io::ErrorKind::PermissionDenied).context("while reading".into());
        assert_eq!(io_of(&within).map(io::Error::kind), Some(io::ErrorKind::PermissionDenied));
        assert_eq!(of_io(io_of(&within).unwrap(), "auditing", "x").code, FailureCode::PermissionDenied);
        assert_eq!(of_io(io_of(&of(io::ErrorKind::NotFound)).unwrap(), "auditing", "x").code, FailureCode::LakeIo);
        assert!(io_of(&of(io::ErrorKind::UnexpectedEof)).is_none());
        assert!(io_of(&PolarsError::ComputeError("no number".into())).is_none());
    }

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(nearest("Carier", ["carrier", "origin"]), Some("carrier"));
        assert_eq!(nearest("zzz", ["carrier", "origin"]), None);
    }
}
