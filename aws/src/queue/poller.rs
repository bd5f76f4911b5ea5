//! Pollers: they receive from the queue into what is ready. One is always there; helpers come and go.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    Leaving, Shared,
    requests::{Delivered, TEN},
    state::Arrived,
};
use crate::backoff;

/// How long a receive waits for messages; the most that SQS knows.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The same for helpers, who are there for what waits already.
const SHORT_POLL: Duration = Duration::from_secs(1);
/// How long more messages are waited for after a receive that brought some, but fewer than it could:
/// each request is paid for, however many it brings. What comes after a quiet time never waits.
const GATHER: Duration = Duration::from_millis(400);
/// The most helpers at a time.
const HELPERS: usize = 7;
/// Pollers wait while so many messages are ready. Each may bring ten more.
const READY: usize = 1_000;
/// Pollers wait while so many messages are not acknowledged.
const HELD: usize = 16_384;
/// How often the queue is asked how much waits in it, at most.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// The first and the longest wait after a failure.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Receives until the source is dropped.
pub(super) async fn poll(shared: Arc<Shared>, mut closing: watch::Receiver<()>) {
    let (mut failures, mut asked) = (0, Instant::now());
    while has_room(&shared, &mut closing).await {
        match receive(&shared, LONG_POLL).await {
            Ok(count) => {
                failures = 0;
                if count == TEN {
                    call_help(&shared, &closing);
                }
                if count > 0 && asked.elapsed() >= ASK_EVERY {
                    asked = Instant::now();
                    ask_what_waits(&shared).await;
                }
                if (1..TEN).contains(&count) {
                    tokio::select! {
                        _ = closing.changed() => return,
                        () = sleep(GATHER) => {}
                    }
                }
            }
            Err(failure) => {
                failures += 1;
                shared.state().trouble = Some(failure);
                shared.news.notify_waiters();
                tokio::select! {
                    _ = closing.changed() => return,
                    () = sleep(backoff::after(failures, WAITS.0, WAITS.1)) => {}
                }
            }
        }
    }
}

/// Receives as long as receives come full.
async fn help(shared: Arc<Shared>, mut closing: watch::Receiver<()>) {
    while has_room(&shared, &mut closing).await {
        match receive(&shared, SHORT_POLL).await {
            Ok(TEN) => call_help(&shared, &closing),
            Ok(_) => break,
            Err(failure) => {
                tracing::debug!(%failure, "a helper could not receive");
                break;
            }
        }
    }
    shared.helpers.fetch_sub(1, Ordering::AcqRel);
}

fn call_help(shared: &Arc<Shared>, closing: &watch::Receiver<()>) {
    let more = |helpers| (helpers < HELPERS).then_some(helpers + 1);
    if shared.helpers.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok() {
        tokio::spawn(help(Arc::clone(shared), closing.clone()));
    }
}

/// Waits until there is room for more; false once the source is dropped.
async fn has_room(shared: &Shared, closing: &mut watch::Receiver<()>) -> bool {
    loop {
        let room = shared.room.notified();
        tokio::pin!(room);
        room.as_mut().enable();
        if closing.has_changed().is_err() {
            return false;
        }
        let is_full = {
            let state = shared.state();
            state.ready() >= READY || state.held() >= HELD
        };
        if !is_full {
            return true;
        }
        tokio::select! {
            _ = closing.changed() => return false,
            () = room => {}
        }
    }
}

/// Receives once, and gives how many messages came.
async fn receive(shared: &Shared, wait: Duration) -> lakegate_coordinator::ports::Result<usize> {
    let messages = shared.queue.receive(wait).await?;
    let (count, now) = (messages.len(), Instant::now());
    let (silent, telling): (Vec<Arrived>, Vec<Arrived>) =
        messages.into_iter().filter_map(|message| arrived(shared, message)).partition(|message| message.told.is_nothing());
    let leaving = Leaving::count(&shared.leaving, silent.len());
    let late = take_in(shared, count, telling, now);
    if !late.is_empty()
        && let Err(failure) = shared.show(late).await
    {
        tracing::debug!(%failure, "messages that came after the end come again when their leases end");
    }
    // Nobody else needs to hear of these: S3's test event, and what happens outside the zones.
    if let Err(failure) = shared.delete(silent.into_iter().map(delivered).collect(), leaving).await {
        tracing::debug!(%failure, "messages that say nothing could not be deleted and come again");
    }
    Ok(count)
}

fn arrived(shared: &Shared, message: aws_sdk_sqs::types::Message) -> Option<Arrived> {
    let told = shared.read(&message);
    let handle = message.receipt_handle?;
    Some(Arrived { id: message.message_id.unwrap_or_else(|| handle.clone()), handle, told })
}

/// Keeps messages; gives those back that came too late.
fn take_in(shared: &Shared, count: usize, telling: Vec<Arrived>, now: Instant) -> Vec<Delivered> {
    let mut state = shared.state();
    if state.closed {
        return telling.into_iter().map(delivered).collect();
    }
    // Waiting for messages asks all of the queue: when none came, none waited.
    state.waiting = if count == 0 { 0 } else { state.waiting.saturating_sub(count as u64) };
    for message in telling {
        state.put(message, now, shared.queue.lease());
    }
    drop(state);
    shared.news.notify_waiters();
    shared.leases.notify_one();
    Vec::new()
}

/// What has no number here, as it is not held.
fn delivered(arrived: Arrived) -> Delivered {
    Delivered { number: 0, handle: arrived.handle }
}

async fn ask_what_waits(shared: &Shared) {
    match shared.queue.waiting().await {
        Ok(waiting) => shared.state().waiting = waiting,
        Err(failure) => tracing::debug!(%failure, "how much waits in the queue is not known"),
    }
}
