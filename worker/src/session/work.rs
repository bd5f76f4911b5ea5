//! Working a parcel off: what a slot's blocking thread does.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use lakegate_model::{Failure, FailureCode, cost::Requests, machine::execution::TaskOutput};
use lakegate_proto::{
    convert::requests_to_wire,
    v1::{HandedBack, TaskResult, task_result::Result as Outcome},
};
use lakegate_telemetry::{Span, Tracer};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{
    admission::Memory,
    control::{Control, Stopped},
    parcel::{Parcel, Shared, Task},
};
use crate::engine::{Assignment, Engine, TaskInput};

/// What came of a task, and the requests that it made.
pub(super) type Executed = (Result<TaskOutput, Failure>, Requests);

/// What carries a task out. Blocks until it is done.
pub(super) trait Execute: Send + Sync + 'static {
    fn execute(&self, assignment: &Assignment) -> Executed;
}

impl Execute for Engine {
    fn execute(&self, assignment: &Assignment) -> Executed {
        self.execute_counted(assignment)
    }
}

/// What all slots share.
pub(super) struct Bench {
    pub(super) engine: Arc<dyn Execute>,
    pub(super) memory: Memory,
    pub(super) tracer: Tracer,
}

/// Where a slot's results go, and whether to go on.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) reports: mpsc::Sender<TaskResult>,
    /// Set when the worker is leaving: what hasn't begun is handed back.
    pub(super) leaving: Arc<AtomicBool>,
}

/// Works the parcel's tasks off in order and reports each. Ends early when nobody takes reports
/// any more: the session is over.
pub(super) fn work_off(parcel: Parcel, bench: &Bench, outlet: &Outlet) {
    let Parcel { id, stage_key, shared, tasks } = parcel;
    for task in tasks {
        let Task { control, trace, input, target, aside, at } = task;
        let admitted = (!outlet.leaving.load(Ordering::Relaxed)).then(|| bench.memory.admit(&shared.stage, &input));
        // Asked again: room for a large task can take long to come.
        let (outcome, requests) = if outlet.leaving.load(Ordering::Relaxed) {
            (Outcome::HandedBack(HandedBack {}), Requests::default())
        } else {
            let subject = subject(&input);
            let cancelled = Arc::clone(&control.cancelled);
            let Shared { stage, references, history, published } = shared.clone();
            let assignment = Assignment { stage, references, history, published, input, target, aside, at, cancelled };
            let mut span = bench.tracer.start("worker.task", trace);
            let (result, requests) = execute(bench.engine.as_ref(), &assignment, &control);
            record(&mut span, &control, &stage_key, &subject, &result);
            let outcome = match &result {
                Ok(output) => Outcome::Finished(output.into()),
                Err(failure) => Outcome::Failed(failure.into()),
            };
            (outcome, requests)
        };
        drop(admitted);
        let result =
            TaskResult { task: Some((&control.id).into()), parcel: id, result: Some(outcome), requests: requests_to_wire(&requests) };
        if outlet.reports.blocking_send(result).is_err() {
            return;
        }
    }
}

fn execute(engine: &dyn Execute, assignment: &Assignment, control: &Control) -> Executed {
    if let Some(failure) = control.failure() {
        return (Err(failure), Requests::default());
    }
    control.begin(Instant::now());
    // The engine turns Polars' panics into failures; this keeps the slot's thread whole even if
    // the engine itself has a defect.
    let executed = catch_unwind(AssertUnwindSafe(|| engine.execute(assignment)));
    let (result, requests) = executed.unwrap_or_else(|panic| (Err(panicked(panic.as_ref())), Requests::default()));
    // A task that was done before it noticed that it should stop is done.
    (result.map_err(|failure| control.failure().unwrap_or(failure)), requests)
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Failure::new(FailureCode::EnginePanic, format!("the engine panicked: {}", text.unwrap_or("it did not say why")))
}

fn subject(input: &TaskInput) -> String {
    match input {
        TaskInput::Object { object, .. } | TaskInput::Rows { object, .. } => object.key.clone(),
        TaskInput::Batch { manifest } => manifest.to_string(),
    }
}

/// Writes down what came of a task: in its span, and in the log.
fn record(span: &mut Span, control: &Control, stage_key: &str, subject: &str, result: &Result<TaskOutput, Failure>) {
    let execution = control.id.execution.as_str();
    let attempt = control.id.attempt;
    let trace_id = span.context().trace_id_hex();
    span.attribute("lakegate.execution", execution);
    span.attribute("lakegate.attempt", attempt);
    span.attribute("lakegate.stage", stage_key);
    match result {
        Ok(output) => {
            span.attribute("lakegate.rows_in", output.rows_in);
            span.attribute("lakegate.rows_out", output.rows_out);
            span.attribute("lakegate.rejected", output.rejected.len());
            if let Some(audit) = &output.audit {
                span.attribute("lakegate.quality.ruleset", audit.ruleset.as_str());
                span.attribute("lakegate.quality.verdict", audit.verdict.as_str());
                span.attribute("lakegate.quality.score", audit.score.0);
                span.attribute("lakegate.quality.rules", audit.rules.len());
                span.attribute("lakegate.quality.rows_aside", audit.rows_aside);
            }
            debug!(
                trace_id,
                execution,
                attempt,
                stage = stage_key,
                subject,
                rows_in = output.rows_in,
                rows_out = output.rows_out,
                micros = output.micros,
                "task finished"
            );
        }
        Err(failure) => {
            span.attribute("lakegate.failure", failure.code.as_str());
            span.fail(&failure.message);
            let code = failure.code.as_str();
            if control.stopped() == Some(Stopped::Cancelled) {
                debug!(trace_id, execution, attempt, stage = stage_key, subject, code, "task cancelled");
            } else {
                warn!(trace_id, execution, attempt, stage = stage_key, subject, code, why = %failure, "task failed");
            }
        }
    }
}
