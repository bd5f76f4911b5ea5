//! Why something failed: whose fault it is and whether trying again can help, decided where the
//! failure is met and never guessed from its text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A failure as it is stored, sent and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Failure {
    /// What kind of failure.
    pub code: FailureCode,
    /// What happened and where: object, file, line, table.
    pub message: String,
    /// What to do about it; empty if there is nothing better to say than the message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// `message` and, after an em dash, the hint.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " — {}", self.hint) }
    }
}

impl Failure {
    /// A failure without a hint.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), hint: String::new() }
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = hint.into();
        self
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.code.fault()
    }

    /// Whether to try again.
    pub fn retry(&self) -> Retry {
        self.code.retry()
    }
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The data, the transform or the pipeline file.
    User,
    /// Lakegate itself.
    System,
    /// Something Lakegate depends on: a disk, a network, a cloud.
    Outside,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same input will fail the same way.
    Never,
    /// It may pass; counts as a failed attempt.
    Backoff,
}

macro_rules! failure_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $fault:ident, $retry:ident;)*) => {
        /// The kinds of failure. The text of each is part of the public interface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FailureCode { $($(#[$doc])* $name,)* }

        impl FailureCode {
            /// Every code.
            pub const ALL: &'static [FailureCode] = &[$(FailureCode::$name,)*];

            /// The code as stored, sent and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(FailureCode::$name => $text,)* }
            }

            /// Whose fault a failure of this kind is.
            pub fn fault(self) -> Fault {
                match self { $(FailureCode::$name => Fault::$fault,)* }
            }

            /// Whether a failure of this kind can pass by itself.
            pub fn retry(self) -> Retry {
                match self { $(FailureCode::$name => Retry::$retry,)* }
            }
        }
    };
}

failure_codes! {
    /// The object no longer exists.
    ObjectGone = "object_gone", User, Never;
    /// The object changed while it was read; its new version is an object of its own.
    ObjectChanged = "object_changed", User, Never;
    /// The object can't be read as the format it should be in.
    UnreadableData = "unreadable_data", User, Never;
    /// The object has no bytes, or no header.
    EmptyObject = "empty_object", User, Never;
    /// The SQL or declarative steps failed on this data.
    TransformFailed = "transform_failed", User, Never;
    /// The schema is not one the dataset's drift policy lets in.
    SchemaDrift = "schema_drift", User, Never;
    /// The rules of a `quality` step don't hold, or could not be evaluated.
    QualityFailed = "quality_failed", User, Never;
    /// Rules could not be held against what was written, because it, or what it is compared with, could not be reached.
    Unaudited = "unaudited", Outside, Backoff;
    /// Data of the lake is damaged: what was staged, or a table that it is compared with.
    DamagedData = "damaged_data", Outside, Never;
    /// Polars panicked on this input.
    EnginePanic = "engine_panic", System, Never;
    /// The task needs more memory than the worker's slot may use.
    OutOfMemory = "out_of_memory", User, Never;
    /// Reading or writing the lake failed.
    LakeIo = "lake_io", Outside, Backoff;
    /// Permission to read or write was denied.
    PermissionDenied = "permission_denied", Outside, Backoff;
    /// The table has a later version than the one that rules about the whole of it were held against.
    Overtaken = "overtaken", Outside, Backoff;
    /// The table catalog refused or failed.
    Catalog = "catalog", Outside, Backoff;
    /// The step ran longer than its timeout.
    Timeout = "timeout", User, Backoff;
    /// The worker was lost, or the coordinator was restarted while the task ran.
    WorkerLost = "worker_lost", Outside, Backoff;
    /// The run was cancelled.
    Cancelled = "cancelled", User, Never;
    /// The pipeline file or project is wrong.
    InvalidPipeline = "invalid_pipeline", User, Never;
    /// The request or command is wrong.
    InvalidRequest = "invalid_request", User, Never;
    /// What was asked for does not exist.
    NotFound = "not_found", User, Never;
    /// What was asked for contradicts what is there.
    Conflict = "conflict", User, Never;
    /// No pipeline takes this object.
    Unrouted = "unrouted", User, Never;
    /// The service is starting, stopping or full.
    Unavailable = "unavailable", Outside, Backoff;
    /// The ledger refused or failed.
    Ledger = "ledger", Outside, Backoff;
    /// A defect in Lakegate.
    Internal = "internal", System, Backoff;
}

impl FailureCode {
    /// Whether what ends with it is kept in quarantine, to go through its stage again once the cause is mended: its
    /// audit let it not pass, or could not be held.
    pub fn sets_aside(self) -> bool {
        matches!(self, FailureCode::QualityFailed | FailureCode::Unaudited | FailureCode::DamagedData)
    }

    /// The code with this text.
    pub fn from_text(text: &str) -> Option<FailureCode> {
        FailureCode::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FailureCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A code this version doesn't know reads as `internal`, so that a newer peer is never misread as agreeing.
impl<'de> Deserialize<'de> for FailureCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(FailureCode::from_text(&text).unwrap_or(FailureCode::Internal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_they_print_and_are_distinct() {
        for code in FailureCode::ALL {
            assert_eq!(FailureCode::from_text(code.as_str()), Some(*code));
        }
    }
}
