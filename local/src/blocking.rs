//! Work that blocks, kept off the async threads.

use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Failure::new(FailureCode::Internal, format!("a blocking task did not finish: {error}"))),
    }
}
