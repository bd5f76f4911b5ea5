//! Events that wait to be received, and those that are held.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use lakegate_coordinator::ports::{Message, Receipt};
use lakegate_model::event::ObjectEvent;
use tokio::sync::Notify;

/// Messages that may be held at once; nothing more is given out until some are acknowledged.
const HELD: usize = 16_384;

/// The queue between the threads that find events and whoever receives them.
pub(super) struct Outbox {
    state: Mutex<State>,
    capacity: usize,
    room: Condvar,
    news: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<(u64, ObjectEvent)>,
    held: HashMap<u64, ObjectEvent>,
    next: u64,
    closed: bool,
}

impl Outbox {
    pub(super) fn new(capacity: usize) -> Outbox {
        Outbox { state: Mutex::default(), capacity: capacity.max(1), room: Condvar::new(), news: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room and puts the event in; false if nobody will receive it any more.
    pub(super) fn put(&self, event: ObjectEvent) -> bool {
        let full = |state: &mut State| state.ready.len() >= self.capacity && !state.closed;
        let mut state = self.room.wait_while(self.state(), full).unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return false;
        }
        let number = state.next;
        state.next += 1;
        state.ready.push_back((number, event));
        drop(state);
        self.news.notify_waiters();
        true
    }

    /// Waits for events and gives at most `max` of them; `None` once the outbox is closed. An event
    /// is taken only when it is also returned, so that dropping the future loses nothing.
    pub(super) async fn receive(&self, max: usize) -> Option<Vec<Message>> {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            match self.take(max.max(1)) {
                Some(messages) if messages.is_empty() => news.await,
                taken => return taken,
            }
        }
    }

    fn take(&self, max: usize) -> Option<Vec<Message>> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        let count = state.ready.len().min(max).min(HELD.saturating_sub(state.held.len()));
        let taken: Vec<(u64, ObjectEvent)> = state.ready.drain(..count).collect();
        let messages = taken
            .iter()
            .map(|(number, event)| Message {
                receipt: Receipt(number.to_string()),
                events: vec![event.clone()],
                passed: Vec::new(),
                not_understood: Vec::new(),
            })
            .collect();
        state.held.extend(taken);
        drop(state);
        self.room.notify_all();
        Some(messages)
    }

    pub(super) fn acknowledge(&self, receipts: &[Receipt]) {
        let mut state = self.state();
        for number in receipts.iter().filter_map(number_of) {
            state.held.remove(&number);
        }
        drop(state);
        self.news.notify_waiters();
    }

    pub(super) fn hand_back(&self, receipts: &[Receipt]) {
        let mut state = self.state();
        for number in receipts.iter().rev().filter_map(number_of) {
            if let Some(event) = state.held.remove(&number) {
                state.ready.push_front((number, event));
            }
        }
        drop(state);
        self.news.notify_waiters();
    }

    /// Waiting and held.
    pub(super) fn len(&self) -> u64 {
        let state = self.state();
        (state.ready.len() + state.held.len()) as u64
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.room.notify_all();
        self.news.notify_waiters();
    }
}

fn number_of(receipt: &Receipt) -> Option<u64> {
    receipt.0.parse().ok()
}
