//! Running a plan for its rows, which are handed over in their order as they come.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use lakegate_model::{Failure, FailureCode};
use polars::prelude::*;

use super::{Assignment, storage};

/// Why a plan was not run to its end.
pub(super) enum Undrained {
    /// Polars failed: the data, or what the plan does with it.
    Polars(PolarsError),
    /// Whoever took the rows failed, or the task was cancelled.
    Own(Failure),
}

/// The task is no longer wanted.
fn cancelled() -> Failure {
    Failure::new(FailureCode::Cancelled, "the task was cancelled while it ran")
}

/// Fails once the task is no longer wanted.
pub(super) fn check_cancelled(assignment: &Assignment) -> Result<(), Failure> {
    if assignment.cancelled.load(Ordering::Relaxed) { Err(cancelled()) } else { Ok(()) }
}

/// Runs a plan in pieces and gives each to `push`; what the rows went into comes back at the end.
pub(super) fn drain<T: Send + 'static>(
    plan: LazyFrame,
    into: T,
    is_cancelled: &Arc<AtomicBool>,
    push: fn(&mut T, DataFrame) -> Result<(), Failure>,
) -> Result<T, Undrained> {
    let shared = Arc::new(Mutex::new((into, None::<Failure>)));
    let (taker, is_cancelled) = (Arc::clone(&shared), Arc::clone(is_cancelled));
    let take = PlanCallback::new(move |frame: DataFrame| {
        let mut taker = taker.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = if is_cancelled.load(Ordering::Relaxed) { Err(cancelled()) } else { push(&mut taker.0, frame) };
        taken.map(|()| false).map_err(|failure| {
            let error = PolarsError::ComputeError(failure.message.clone().into());
            taker.1 = Some(failure);
            error
        })
    });
    let ran = plan
        .sink_batches(take, true, Some(storage::HANDED_OVER))
        .and_then(|plan| plan.collect_with_engine(polars::prelude::Engine::Streaming));
    let failed = shared.lock().unwrap_or_else(PoisonError::into_inner).1.take();
    match (failed, ran) {
        (Some(failure), _) => Err(Undrained::Own(failure)),
        (None, Err(error)) => Err(Undrained::Polars(error)),
        (None, Ok(_)) => match Arc::try_unwrap(shared) {
            Ok(shared) => Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner).0),
            Err(_) => Err(Undrained::Own(Failure::new(FailureCode::Internal, "the plan still holds its output after it ended"))),
        },
    }
}
