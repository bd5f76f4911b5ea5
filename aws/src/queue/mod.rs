//! A queue of SQS as a source of events.
//!
//! ```text
//!   SQS ──► pollers: one, more while receives come full ──► ready (bounded) ──► receive
//!              │ what says nothing: deleted                   │
//!              └─────────────── leases of all that is held ◄──┴── acknowledge: delete, hand back: show
//!                                      ▲
//!                               keeper: extends them before half has passed; at the end hands all back
//! ```
//!
//! * A message is leased from the moment it is received until it is acknowledged or handed back: the
//!   keeper hides it from others again and again, up to the twelve hours that SQS allows. The length of
//!   a lease is the queue's own visibility timeout.
//! * An idle queue costs one request every twenty seconds. When a receive comes full, more pollers
//!   join in; each of them leaves when a receive of its own does not.
//! * Pollers wait while as much is ready as may be, so that memory stays flat.
//! * A message that comes again while it is held is not given out again. One whose lease is lost
//!   before it was given out is forgotten; it comes again.
//! * When the queue can't be reached, the pollers wait longer each time, and `receive` says why.
//! * A receive that is under way when the source is dropped is not cut off, because SQS may have leased
//!   messages for it already: it ends within its twenty seconds, and what it brings is handed back.

mod keeper;
mod poller;
mod requests;
mod state;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
use std::time::Duration;

use async_trait::async_trait;
use lakegate_coordinator::ports::{EventSource, Message, Receipt, Result};
use lakegate_model::{StageKey, TraceContext, project::Zones};
use tokio::sync::{Notify, watch};

use self::{
    requests::{Delivered, Queue, Wish},
    state::State,
};
use crate::{
    account::Account,
    events::{self, Told},
};
pub(crate) use requests::{client_of, find};

/// The attribute of a message that says which trace it belongs to, as W3C writes it.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// A queue of SQS that S3 tells what happens in the lake: itself, by way of SNS, or of EventBridge.
pub struct SqsSource {
    shared: Arc<Shared>,
    /// The tasks end when this is dropped.
    _open: watch::Sender<()>,
}

/// What the source shares with its tasks.
struct Shared {
    queue: Queue,
    zones: Zones,
    /// The stages that take from it; none if it is told what happens in the lake.
    stages: Vec<StageKey>,
    state: Mutex<State>,
    /// There are messages to receive, or there is trouble to tell.
    news: Notify,
    /// Messages were taken from what is ready.
    room: Notify,
    /// There are leases to keep.
    leases: Notify,
    helpers: AtomicUsize,
    /// Messages that are being deleted.
    leaving: AtomicU64,
}

impl SqsSource {
    /// Opens a queue by its name, or its URL, and begins to receive from it. Has to be called in a
    /// Tokio runtime, in which its tasks go on until some time after it is dropped.
    ///
    /// # Errors
    /// `NotFound` if there is no such queue; `PermissionDenied` or `Unavailable` if it can't be asked.
    pub async fn open(account: &Account, zones: Zones, queue: &str) -> Result<SqsSource> {
        SqsSource::open_for(account, zones, queue, Vec::new()).await
    }

    /// Opens the queue by which objects are handed to these stages, otherwise as `open` does.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_for(account: &Account, zones: Zones, queue: &str, stages: Vec<StageKey>) -> Result<SqsSource> {
        let (queue, waiting) = Queue::open(account, queue).await?;
        tracing::debug!(queue = queue.name(), lease = ?queue.lease(), waiting, "receiving");
        let shared = Arc::new(Shared {
            queue,
            zones,
            stages,
            state: Mutex::new(State::new(waiting)),
            news: Notify::new(),
            room: Notify::new(),
            leases: Notify::new(),
            helpers: AtomicUsize::new(0),
            leaving: AtomicU64::new(0),
        });
        let (open, closing) = watch::channel(());
        tokio::spawn(keeper::keep(Arc::clone(&shared), closing.clone()));
        tokio::spawn(poller::poll(Arc::clone(&shared), closing));
        Ok(SqsSource { shared, _open: open })
    }
}

#[async_trait]
impl EventSource for SqsSource {
    fn name(&self) -> &str {
        self.shared.queue.name()
    }

    async fn receive(&self, max: usize) -> Result<Vec<Message>> {
        loop {
            let news = self.shared.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            // A message is taken only when it is also returned: dropping the future loses nothing.
            if let Some(received) = self.shared.take(max.max(1)) {
                return received;
            }
            news.await;
        }
    }

    async fn acknowledge(&self, receipts: Vec<Receipt>) -> Result<()> {
        let (messages, leaving) = {
            let mut state = self.shared.state();
            let messages = state.release(&receipts);
            let leaving = Leaving::count(&self.shared.leaving, messages.len());
            (messages, leaving)
        };
        self.shared.delete(messages, leaving).await
    }

    async fn hand_back(&self, receipts: Vec<Receipt>) -> Result<()> {
        let messages = self.shared.state().release(&receipts);
        self.shared.show(messages).await
    }

    fn read_again(&self, body: &str) -> Option<Message> {
        let Told { events, passed, not_understood } = self.shared.read_text(body, TraceContext::NONE);
        Some(Message { receipt: Receipt(String::new()), events, passed, not_understood })
    }

    fn arriving(&self) -> u64 {
        let state = self.shared.state();
        state.held() as u64 + state.waiting + self.shared.leaving.load(Ordering::Acquire)
    }
}

impl Shared {
    /// What a message says.
    fn read(&self, message: &aws_sdk_sqs::types::Message) -> Told {
        let attribute = message.message_attributes.as_ref().and_then(|all| all.get(TRACEPARENT)?.string_value.as_deref());
        let trace = attribute.and_then(TraceContext::parse).unwrap_or(TraceContext::NONE);
        self.read_text(message.body.as_deref().unwrap_or_default(), trace)
    }

    fn read_text(&self, body: &str, trace: TraceContext) -> Told {
        if self.stages.is_empty() {
            return events::read(&self.zones, body);
        }
        events::passed::read(&self.zones, &self.stages, body, trace)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is ready, or else what the trouble is; `None` if there is neither.
    fn take(&self, max: usize) -> Option<Result<Vec<Message>>> {
        let mut state = self.state();
        let messages = state.take(max);
        if messages.is_empty() {
            return state.trouble.take().map(Err);
        }
        drop(state);
        self.room.notify_waiters();
        Some(Ok(messages))
    }

    /// Deletes messages that are not held any more. They count as under way until it is done.
    async fn delete(&self, messages: Vec<Delivered>, _leaving: Leaving<'_>) -> Result<()> {
        self.queue.insist(Wish::Delete, messages).await
    }

    /// Shows messages to all receivers again.
    async fn show(&self, messages: Vec<Delivered>) -> Result<()> {
        self.queue.insist(Wish::Hide(Duration::ZERO), messages).await
    }
}

/// Counts messages while it lives.
struct Leaving<'a> {
    counter: &'a AtomicU64,
    count: u64,
}

impl Leaving<'_> {
    fn count(counter: &AtomicU64, count: usize) -> Leaving<'_> {
        let count = count as u64;
        counter.fetch_add(count, Ordering::AcqRel);
        Leaving { counter, count }
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.count, Ordering::AcqRel);
    }
}
