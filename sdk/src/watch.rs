//! Streams of the coordinator as streams of sdk values.

use futures::{Stream, StreamExt as _};
use lakegate_model::Failure;
use tonic::Streaming;

use crate::client::failure_of;

/// The items of a stream. A failure is its last item.
pub(crate) fn items<M, T>(
    messages: Streaming<M>,
    endpoint: String,
    read: fn(M) -> Result<T, Failure>,
) -> impl Stream<Item = Result<T, Failure>> + Send
where
    M: Send + 'static,
    T: Send,
{
    messages.map(move |message| message.map_err(|status| failure_of(&status, &endpoint)).and_then(read))
}
