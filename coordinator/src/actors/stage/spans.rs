//! What is said of an execution: its span, and in the log what failed and what broke rules.

use lakegate_model::{Failure, machine::execution::Phase};
use lakegate_telemetry::SpanRecord;

use super::StageActor;
use crate::ports::ledger::{Execution, Subject};

impl StageActor {
    pub(super) fn report(&self, execution: &Execution, failure: &Failure) {
        tracing::error!(
            stage = %self.key, execution = %execution.id, subject = subject_text(&execution.subject), code = failure.code.as_str(),
            trace_id = execution.trace.trace_id_hex(), "{failure}"
        );
    }

    /// Says in the log that data was let in that broke rules, or without rows that did.
    pub(super) fn warn(&self, execution: &Execution) {
        let Phase::Succeeded { .. } = &execution.state.phase else { return };
        let Some(audit) = execution.state.audit.as_deref().filter(|audit| audit.is_failing()) else { return };
        tracing::warn!(
            stage = %self.key, execution = %execution.id, subject = subject_text(&execution.subject), verdict = audit.verdict.as_str(),
            rows_aside = audit.rows_aside, trace_id = execution.trace.trace_id_hex(), "{}: {}", audit.ruleset, audit.reason
        );
    }

    /// Emits the execution's span, whose id was given to the worker when it started.
    pub(super) fn tell_end(&mut self, execution: &Execution) {
        let links = self.members.remove(&execution.id).unwrap_or_default();
        if !self.shared.tracer.enabled() {
            return;
        }
        let (error, rows) = match &execution.state.phase {
            Phase::Failed { failure } | Phase::Quarantined { failure } => (Some(failure.to_string()), 0),
            Phase::Succeeded { output } => (None, i64::try_from(output.rows_out).unwrap_or(i64::MAX)),
            _ => (None, 0),
        };
        let audit = execution.state.audit.as_deref();
        let mut attributes = vec![
            ("lakegate.stage", self.key.to_string().into()),
            ("lakegate.execution", execution.id.to_string().into()),
            ("lakegate.attempt", i64::from(execution.state.attempt).into()),
            ("lakegate.state", execution.state.phase.as_str().to_owned().into()),
            ("lakegate.rows_out", rows.into()),
        ];
        if let Some(audit) = audit {
            attributes.push(("lakegate.quality.verdict", audit.verdict.as_str().to_owned().into()));
            attributes.push(("lakegate.quality.score", audit.score.0.into()));
            attributes.push(("lakegate.quality.rows_aside", i64::try_from(audit.rows_aside).unwrap_or(i64::MAX).into()));
        }
        let name = if matches!(execution.subject, Subject::Batch { .. }) { "batch.execution" } else { "stage.execution" };
        self.shared.tracer.emit(SpanRecord {
            name,
            parent: execution.trace,
            span_id: execution.id.span_id(),
            start: execution.created_at,
            end: execution.updated_at,
            attributes,
            links,
            error,
        });
    }
}

/// The subject for people: a key, or how many objects.
pub(crate) fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Object { object, .. } => object.key.clone(),
        Subject::Batch { objects: 1, .. } => "1 object".to_owned(),
        Subject::Batch { objects, .. } => format!("{objects} objects"),
    }
}
