//! Stopping a task from outside.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lakegate_model::{Failure, FailureCode, TaskId, time::format_duration};

/// The session's hold on a task it has taken and not yet reported.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) id: TaskId,
    /// What the engine looks at.
    pub(super) cancelled: Arc<AtomicBool>,
    why: OnceLock<Stopped>,
    begun: OnceLock<Instant>,
    /// Zero means none.
    timeout: Duration,
}

/// Why a task was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The coordinator gave the attempt up, or is gone.
    Cancelled,
    /// It ran longer than it may.
    TimedOut,
}

impl Control {
    pub(super) fn new(id: TaskId, timeout: Duration) -> Control {
        Control { id, cancelled: Arc::default(), why: OnceLock::new(), begun: OnceLock::new(), timeout }
    }

    /// Tells the task to stop. The first reason stays.
    pub(super) fn stop(&self, why: Stopped) {
        self.why.get_or_init(|| why);
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// The task begins: its time runs from now.
    pub(super) fn begin(&self, now: Instant) {
        self.begun.get_or_init(|| now);
    }

    /// Whether it has run longer than it may.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        !self.timeout.is_zero() && self.begun.get().is_some_and(|begun| now.duration_since(*begun) > self.timeout)
    }

    /// Why it was told to stop, if it was.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.why.get().copied()
    }

    /// What a task that was told to stop failed with.
    pub(super) fn failure(&self) -> Option<Failure> {
        Some(match self.stopped()? {
            Stopped::Cancelled => Failure::new(FailureCode::Cancelled, format!("task {} was cancelled", self.id)),
            Stopped::TimedOut => {
                let message = format!("task {} ran longer than its timeout of {}", self.id, format_duration(self.timeout));
                Failure::new(FailureCode::Timeout, message)
                    .hint("raise the step's `timeout` in the pipeline file, or give the step less to do")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use lakegate_model::ExecutionId;

    use super::*;

    fn control(timeout: Duration) -> Control {
        Control::new(TaskId { execution: ExecutionId::from_text("ex-1"), step: 0, attempt: 1 }, timeout)
    }

    #[test]
    fn time_runs_from_the_begin() {
        let (control, now) = (control(Duration::from_secs(1)), Instant::now());
        assert!(!control.is_overdue(now + Duration::from_secs(9)));
        control.begin(now);
        assert!(!control.is_overdue(now + Duration::from_secs(1)));
        assert!(control.is_overdue(now + Duration::from_millis(1001)));
    }

    #[test]
    fn without_a_timeout_it_is_never_overdue() {
        let (control, now) = (control(Duration::ZERO), Instant::now());
        control.begin(now);
        assert!(!control.is_overdue(now + Duration::from_secs(1_000_000)));
    }

    #[test]
    fn the_first_reason_stays() {
        let control = control(Duration::from_secs(90));
        assert_eq!(control.failure(), None);
        control.stop(Stopped::TimedOut);
        control.stop(Stopped::Cancelled);
        let failure = control.failure().unwrap();
        assert_eq!(failure.code, FailureCode::Timeout);
        assert!(failure.message.contains("1m30s"), "{failure}");
    }
}
