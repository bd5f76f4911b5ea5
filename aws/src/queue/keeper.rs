//! The keeper of leases: extends those of all messages that are held, and hands the messages back when
//! the source is dropped.

use std::sync::Arc;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{Shared, requests::Wish};

/// Keeps leases until the source is dropped.
pub(super) async fn keep(shared: Arc<Shared>, mut closing: watch::Receiver<()>) {
    loop {
        let next = shared.state().next_renewal();
        tokio::select! {
            _ = closing.changed() => break,
            // All leases are equally long: with some to keep, a new one is never the next.
            () = shared.leases.notified(), if next.is_none() => {}
            () = renew_at(&shared, next) , if next.is_some() => {}
        }
    }
    let held = shared.state().close();
    let count = held.len();
    if let Err(failure) = shared.show(held).await {
        tracing::debug!(%failure, count, "messages that were held come again when their leases end");
    }
}

async fn renew_at(shared: &Shared, next: Option<Instant>) {
    if let Some(next) = next {
        sleep_until(next).await;
    }
    let asked = Instant::now();
    let due = shared.state().due(asked, shared.queue.lease());
    for (span, messages) in due {
        let answer = shared.queue.ask(Wish::Hide(span), messages).await;
        if let Some(failure) = answer.failure {
            tracing::warn!(%failure, "leases of held messages could not be extended; it is tried again");
        }
        shared.state().renewed(answer.outcomes, asked, Instant::now(), span);
    }
}
