//! The messages a source has: those that wait to be received, and the leases of all that are not
//! acknowledged. Time comes in as an argument.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use lakegate_coordinator::ports::{Message, Receipt};
use lakegate_model::Failure;
use tokio::time::Instant;

use super::requests::{Delivered, Outcome};
use crate::events::{Told, order};

/// How long SQS lets a message be kept from others, however often that is extended.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// What one source has.
#[derive(Default)]
pub(super) struct State {
    /// Leased, to be given out.
    ready: VecDeque<Message>,
    /// Leases of all messages that are not acknowledged, given out or not, by their numbers.
    held: BTreeMap<u64, Lease>,
    /// The numbers of held messages by SQS's message ids.
    numbers: HashMap<String, u64>,
    next: u64,
    /// About how many messages wait in the queue.
    pub(super) waiting: u64,
    /// Why nothing could be received last time, until somebody is told.
    pub(super) trouble: Option<Failure>,
    /// The source is dropped.
    pub(super) closed: bool,
}

/// The right to be the only one who has a message, for a while.
struct Lease {
    id: String,
    handle: String,
    since: Instant,
    /// When to extend it; `None` if it can't be any more.
    renew_at: Option<Instant>,
}

/// A message as it was received.
pub(super) struct Arrived {
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) told: Told,
}

impl State {
    /// Nothing yet, of a queue in which about so many messages wait.
    pub(super) fn new(waiting: u64) -> State {
        State { waiting, ..State::default() }
    }

    /// Messages to be given out.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Messages not acknowledged.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes a message in. One that came again while it is held has only its lease changed: SQS
    /// knows it by the newest handle.
    pub(super) fn put(&mut self, arrived: Arrived, now: Instant, lease: Duration) {
        let Arrived { id, handle, told } = arrived;
        let renew_at = Some(now + renewal(lease));
        if let Some(known) = self.numbers.get(&id).and_then(|number| self.held.get_mut(number)) {
            *known = Lease { id, handle, since: now, renew_at };
            return;
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(id.clone(), number);
        self.held.insert(number, Lease { id, handle, since: now, renew_at });
        let Told { events, passed, not_understood } = told;
        self.ready.push_back(Message { receipt: Receipt(number.to_string()), events, passed, not_understood });
    }

    /// At most `max` messages, in the order of their events as far as they are at hand.
    pub(super) fn take(&mut self, max: usize) -> Vec<Message> {
        order::among(self.ready.make_contiguous());
        let count = self.ready.len().min(max);
        self.ready.drain(..count).collect()
    }

    /// Ends the leases of what is held under these receipts; others are unknown.
    pub(super) fn release(&mut self, receipts: &[Receipt]) -> Vec<Delivered> {
        receipts.iter().filter_map(|receipt| self.remove(number_of(receipt)?)).collect()
    }

    /// Ends everything.
    pub(super) fn close(&mut self) -> Vec<Delivered> {
        self.closed = true;
        self.ready.clear();
        self.numbers.clear();
        std::mem::take(&mut self.held).into_iter().map(|(number, lease)| Delivered { number, handle: lease.handle }).collect()
    }

    fn remove(&mut self, number: u64) -> Option<Delivered> {
        let Lease { id, handle, .. } = self.held.remove(&number)?;
        self.numbers.remove(&id);
        Some(Delivered { number, handle })
    }

    /// When the next lease is to be extended.
    pub(super) fn next_renewal(&self) -> Option<Instant> {
        self.held.values().filter_map(|lease| lease.renew_at).min()
    }

    /// The leases to extend, by how long each can be extended: all the same but for those whose
    /// twelve hours are nearly over.
    pub(super) fn due(&mut self, now: Instant, lease: Duration) -> BTreeMap<Duration, Vec<Delivered>> {
        // Those that will be due soon go along, so that requests are full.
        let horizon = now + lease / 12;
        let mut due: BTreeMap<Duration, Vec<Delivered>> = BTreeMap::new();
        for (number, held) in &mut self.held {
            if held.renew_at.is_none_or(|at| at > horizon) {
                continue;
            }
            let left = LONGEST.saturating_sub(now.duration_since(held.since) + Duration::from_secs(1));
            let span = Duration::from_secs(left.min(lease).as_secs());
            if span.is_zero() {
                held.renew_at = None;
            } else {
                due.entry(span).or_default().push(Delivered { number: *number, handle: held.handle.clone() });
            }
        }
        due
    }

    /// What became of leases that were to be extended at `asked`. A lease that is lost is not extended
    /// again; what was not given out yet under it will come again, and is forgotten.
    pub(super) fn renewed(&mut self, outcomes: Vec<(Delivered, Outcome)>, asked: Instant, now: Instant, span: Duration) {
        let mut lost = Vec::new();
        for (Delivered { number, handle }, outcome) in outcomes {
            // Meanwhile it may be acknowledged, or have come again.
            let Some(held) = self.held.get_mut(&number).filter(|held| held.handle == handle) else { continue };
            held.renew_at = match outcome {
                Outcome::Done => Some(asked + renewal(span)),
                Outcome::Again => Some(now + renewal(span) / 4),
                Outcome::Unknown => {
                    lost.push(Receipt(number.to_string()));
                    None
                }
            };
        }
        if !lost.is_empty() {
            tracing::debug!(count = lost.len(), "leases were lost; these messages come again");
            self.forget_unread(&lost);
        }
    }

    fn forget_unread(&mut self, lost: &[Receipt]) {
        let (gone, ready) = std::mem::take(&mut self.ready).into_iter().partition(|message| lost.contains(&message.receipt));
        self.ready = ready;
        let gone: VecDeque<Message> = gone;
        for number in gone.iter().filter_map(|message| number_of(&message.receipt)) {
            self.remove(number);
        }
    }
}

/// How long after a lease's beginning it is extended: well before half of it has passed.
fn renewal(lease: Duration) -> Duration {
    lease / 3
}

fn number_of(receipt: &Receipt) -> Option<u64> {
    receipt.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use lakegate_model::{ObjectVersion, Timestamp, event::ObjectEvent};

    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    fn arrived(id: &str, handle: &str, sequencer: &str) -> Arrived {
        let sequencer = Some(sequencer.to_owned());
        let object = ObjectVersion { bucket: "raw".into(), key: "a".into(), version: id.into(), sequencer, size: 1 };
        let told = Told { events: vec![ObjectEvent::created(object, Timestamp(0))], ..Told::default() };
        Arrived { id: id.into(), handle: handle.into(), told }
    }

    fn versions(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.events[0].object.version.as_str()).collect()
    }

    fn receipts(messages: &[Message]) -> Vec<Receipt> {
        messages.iter().map(|message| message.receipt.clone()).collect()
    }

    #[test]
    fn messages_of_one_key_are_given_out_in_order_and_each_once() {
        let (mut state, now) = (State::default(), Instant::now());
        for (id, sequencer) in [("late", "02"), ("early", "01"), ("late", "02")] {
            state.put(arrived(id, &format!("h-{id}"), sequencer), now, LEASE);
        }
        assert_eq!(versions(&state.take(1)), ["early"]);
        assert_eq!(versions(&state.take(10)), ["late"]);
        assert_eq!((state.ready(), state.held()), (0, 2));
        state.put(arrived("late", "newer", "02"), now, LEASE);
        assert!(state.take(10).is_empty(), "it is held");
    }

    #[test]
    fn a_receipt_is_good_once_and_for_the_newest_handle() {
        let (mut state, now) = (State::default(), Instant::now());
        for handle in ["old", "new"] {
            state.put(arrived("a", handle, "1"), now, LEASE);
        }
        let receipts = receipts(&state.take(10));
        let released = state.release(&receipts);
        assert_eq!(released.iter().map(|message| message.handle.as_str()).collect::<Vec<_>>(), ["new"]);
        assert!(state.release(&receipts).is_empty() && state.release(&[Receipt("x".into()), Receipt("7".into())]).is_empty());
        state.put(arrived("a", "again", "1"), now, LEASE);
        assert_eq!(state.take(10).len(), 1, "once it is released it may come again");
    }

    #[test]
    fn leases_are_extended_before_half_has_passed_and_for_twelve_hours() {
        let (mut state, start) = (State::default(), Instant::now());
        state.put(arrived("a", "a", "1"), start, LEASE);
        let (mut now, mut covered) = (start, start + LEASE);
        while let Some(next) = state.next_renewal() {
            assert!(next >= now && next - now < LEASE / 2 && next < covered);
            now = next;
            for (span, messages) in state.due(now, LEASE) {
                covered = now + span;
                let outcomes = messages.into_iter().map(|message| (message, Outcome::Done)).collect();
                state.renewed(outcomes, now, now, span);
            }
        }
        assert!(covered <= start + LONGEST && covered > start + LONGEST - Duration::from_secs(5), "{:?}", covered - start);
    }

    #[test]
    fn a_renewal_that_fails_is_tried_soon_and_a_lost_lease_is_given_up() {
        let (mut state, start) = (State::default(), Instant::now());
        for id in ["read", "unread"] {
            state.put(arrived(id, id, "1"), start, LEASE);
        }
        assert_eq!(versions(&state.take(1)), ["read"]);
        let due = |state: &mut State, at: Instant| state.due(at, LEASE).into_values().flatten().collect::<Vec<_>>();
        let at = start + LEASE / 3;
        let both = due(&mut state, at);
        assert_eq!(both.len(), 2);
        let outcome = |outcome| both.iter().map(|message| (message.clone(), outcome)).collect::<Vec<_>>();
        state.renewed(outcome(Outcome::Again), at, at, LEASE);
        assert!(state.next_renewal().unwrap() - at < LEASE / 6);
        state.renewed(outcome(Outcome::Unknown), at, at, LEASE);
        assert_eq!((state.next_renewal(), state.ready(), state.held()), (None, 0, 1));
    }

    #[test]
    fn closing_gives_everything_back() {
        let mut state = State::default();
        for id in ["read", "unread"] {
            state.put(arrived(id, id, "1"), Instant::now(), LEASE);
        }
        let read = receipts(&state.take(1));
        assert_eq!(state.close().len(), 2);
        assert!(state.closed && state.release(&read).is_empty() && state.take(9).is_empty());
    }
}
