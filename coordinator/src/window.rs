//! The executions of a stage that are in memory: a bounded window onto the ledger.
//!
//! The ledger remembers all work; a stage holds at most `CAPACITY` executions of it and reads on
//! when it has worked some off. The window decides which of them may start: those that are ready,
//! whose time has come, and whose key no older version is still being worked on, so that a newer
//! version of an object never loses its place to an older one.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use lakegate_model::{ExecutionId, Timestamp, machine::execution::Phase};

use crate::ports::ledger::{Execution, Subject};

/// The most executions a stage holds in memory.
pub(crate) const CAPACITY: usize = 1024;

/// A stage's window onto the ledger.
#[derive(Default)]
pub(crate) struct Window {
    entries: HashMap<ExecutionId, Entry>,
    /// Ready executions by `seq`, which is the order they came in.
    ready: BTreeMap<u64, ExecutionId>,
    /// Those that must wait, by the time they may start.
    delayed: BTreeSet<(Timestamp, u64)>,
    by_seq: BTreeMap<u64, ExecutionId>,
    /// The executions of each key, oldest first.
    by_key: HashMap<String, BTreeSet<u64>>,
    /// The ledger was read up to this `seq`.
    cursor: u64,
    /// Whether nothing unfinished lies beyond the cursor, as far as we know.
    caught_up: bool,
    /// Whether one has to be over before the next one starts.
    one_by_one: bool,
}

struct Entry {
    execution: Execution,
    /// Taken out to be started; not offered again until its move is decided.
    taken: bool,
}

impl Entry {
    /// Whether it was begun, or is about to be, and is not over.
    fn is_under_way(&self) -> bool {
        self.taken || matches!(self.execution.state.phase, Phase::Running { .. } | Phase::Promoting { .. })
    }
}

impl Window {
    /// Where to read on.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Executions held.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether one has to be over, published and all, before the next one starts.
    pub(crate) fn one_by_one(&mut self, alone: bool) {
        self.one_by_one = alone;
    }

    /// How many were begun, or are about to be, and are not over.
    pub(crate) fn under_way(&self) -> usize {
        self.entries.values().filter(|entry| entry.is_under_way()).count()
    }

    /// Whether none are held and the ledger has no more.
    pub(crate) fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.caught_up
    }

    /// How many to read from the ledger now; zero if there is nothing to read or too little room
    /// to make it worth while.
    pub(crate) fn room(&self) -> usize {
        let room = CAPACITY.saturating_sub(self.entries.len());
        if self.caught_up || room < CAPACITY / 2 { 0 } else { room }
    }

    /// Reads the ledger again from the beginning: something may be in it that was never heard of here.
    pub(crate) fn look_again(&mut self) {
        (self.cursor, self.caught_up) = (0, false);
    }

    /// Takes in a page read from the ledger from the cursor on; `asked` is how many were asked for.
    pub(crate) fn extend(&mut self, page: Vec<Execution>, asked: usize, now: Timestamp) {
        self.caught_up = page.len() < asked;
        for execution in page {
            self.cursor = self.cursor.max(execution.seq);
            // What is held is newer than what was read: moves of it may be under way.
            if !self.entries.contains_key(&execution.id) {
                self.put(execution, now);
            }
        }
    }

    /// Takes in executions that were admitted just now, as long as the window is at the ledger's
    /// end and has room; otherwise they will be read from the ledger in their turn.
    pub(crate) fn admit(&mut self, executions: Vec<Execution>, now: Timestamp) {
        for execution in executions {
            if !self.caught_up || self.entries.len() >= CAPACITY {
                self.caught_up = false;
                return;
            }
            // Calls can overtake each other: an older execution may come after the cursor passed
            // it. It is new to the window all the same, and stale ones are refused by the ledger.
            self.cursor = self.cursor.max(execution.seq);
            self.put(execution, now);
        }
    }

    /// Puts an execution where its phase says, or takes it out if it is over.
    pub(crate) fn put(&mut self, execution: Execution, now: Timestamp) {
        self.remove(&execution.id);
        let (id, seq) = (execution.id.clone(), execution.seq);
        match &execution.state.phase {
            phase if phase.is_terminal() => return,
            Phase::Ready { not_before } if *not_before <= now => {
                self.ready.insert(seq, id.clone());
            }
            Phase::Ready { not_before } => {
                self.delayed.insert((*not_before, seq));
            }
            _ => {}
        }
        if let Some(key) = key_of(&execution) {
            self.by_key.entry(key.to_owned()).or_default().insert(seq);
        }
        self.by_seq.insert(seq, id.clone());
        self.entries.insert(id, Entry { execution, taken: false });
    }

    /// Takes an execution out.
    pub(crate) fn remove(&mut self, id: &ExecutionId) -> Option<Execution> {
        let entry = self.entries.remove(id)?;
        let seq = entry.execution.seq;
        self.by_seq.remove(&seq);
        self.ready.remove(&seq);
        if let Phase::Ready { not_before } = entry.execution.state.phase {
            self.delayed.remove(&(not_before, seq));
        }
        if let Some(key) = key_of(&entry.execution)
            && let Some(same_key) = self.by_key.get_mut(key)
        {
            same_key.remove(&seq);
            if same_key.is_empty() {
                self.by_key.remove(key);
            }
        }
        Some(entry.execution)
    }

    /// The execution of that id, if it is in the window.
    pub(crate) fn get(&self, id: &ExecutionId) -> Option<&Execution> {
        self.entries.get(id).map(|entry| &entry.execution)
    }

    /// Every execution held, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Execution> {
        self.entries.values().map(|entry| &entry.execution)
    }

    /// Moves those whose time has come to the ready ones; returns when the next one's time comes.
    pub(crate) fn wake(&mut self, now: Timestamp) -> Option<Timestamp> {
        while let Some((at, seq)) = self.delayed.first().copied() {
            if at > now {
                return Some(at);
            }
            self.delayed.remove(&(at, seq));
            if let Some(id) = self.by_seq.get(&seq) {
                self.ready.insert(seq, id.clone());
            }
        }
        None
    }

    /// How many may start now, and the input size of the first of them.
    pub(crate) fn demand(&self) -> (usize, Option<u64>) {
        let mut startable = self.startable();
        let Some(first) = startable.next() else { return (0, None) };
        (1 + startable.count(), Some(input_bytes(&first.execution)))
    }

    fn startable(&self) -> impl Iterator<Item = &Entry> {
        let most = match self.one_by_one {
            false => usize::MAX,
            true => usize::from(self.under_way() == 0),
        };
        let ready = self.ready.values().filter_map(|id| self.entries.get(id));
        ready.filter(|entry| !entry.taken && self.is_oldest_of_key(&entry.execution)).take(most)
    }

    fn is_oldest_of_key(&self, execution: &Execution) -> bool {
        let oldest = key_of(execution).and_then(|key| self.by_key.get(key)).and_then(BTreeSet::first);
        oldest.is_none_or(|oldest| *oldest == execution.seq)
    }

    /// Takes the oldest startable executions that can share a parcel with the first of them: same
    /// pipeline version, at most `most`, and at most `bytes` of input, the first excepted. They
    /// are not offered again until they are `put`.
    pub(crate) fn take(&mut self, most: usize, bytes: u64) -> Vec<Execution> {
        let mut taken: VecDeque<Execution> = VecDeque::new();
        let mut sum = 0_u64;
        for entry in self.startable() {
            let size = input_bytes(&entry.execution);
            let fits = match taken.front() {
                None => true,
                Some(first) => {
                    first.pipeline_version == entry.execution.pipeline_version
                        && sum.saturating_add(size) <= bytes
                        && shares(&entry.execution)
                }
            };
            if !fits || taken.len() >= most {
                break;
            }
            sum = sum.saturating_add(size);
            taken.push_back(entry.execution.clone());
            if !shares(&entry.execution) {
                break;
            }
        }
        for execution in &taken {
            if let Some(entry) = self.entries.get_mut(&execution.id) {
                entry.taken = true;
            }
            self.ready.remove(&execution.seq);
        }
        taken.into()
    }
}

/// Only object tasks share a parcel: a batch is a parcel of its own.
fn shares(execution: &Execution) -> bool {
    matches!(execution.subject, Subject::Object { .. })
}

fn key_of(execution: &Execution) -> Option<&str> {
    match &execution.subject {
        Subject::Object { object, .. } => Some(&object.key),
        Subject::Batch { .. } => None,
    }
}

/// Bytes of an execution's input.
pub(crate) fn input_bytes(execution: &Execution) -> u64 {
    match &execution.subject {
        Subject::Object { object, .. } => object.size,
        Subject::Batch { bytes, .. } => *bytes,
    }
}

#[cfg(test)]
mod tests {
    use lakegate_model::{
        DatasetId, ObjectVersion, StageKey, TraceContext, WorkerId,
        machine::execution::{ExecutionState, Fact, Rules, decide},
        pipeline::RetryPolicy,
    };

    use super::*;

    fn execution(seq: u64, key: &str, size: u64) -> Execution {
        let stage = StageKey::new(DatasetId::new("nyc", "flights"), "clean");
        let object = ObjectVersion { bucket: "raw".into(), key: key.into(), version: seq.to_string(), sequencer: None, size };
        Execution {
            id: ExecutionId::of(&stage, object.id().as_str(), 1),
            seq,
            stage,
            pipeline_version: 1,
            subject: Subject::Object { object, relative: key.into() },
            revision: 0,
            state: ExecutionState::new(Timestamp(0)),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            trace: TraceContext::NONE,
        }
    }

    fn window(executions: Vec<Execution>) -> Window {
        let mut window = Window::default();
        window.extend(executions, CAPACITY, Timestamp(0));
        window
    }

    fn seqs(taken: &[Execution]) -> Vec<u64> {
        taken.iter().map(|execution| execution.seq).collect()
    }

    fn started(mut execution: Execution) -> Execution {
        let rules = Rules { retry: RetryPolicy::default(), staged: false, audited: false };
        let fact = Fact::Started { worker: WorkerId::from_text("w"), audits_on: None };
        let (state, _) = decide(&execution.state, fact, rules, Timestamp(0)).expect("ready");
        execution.state = state;
        execution
    }

    #[test]
    fn an_older_version_of_a_key_goes_first_and_alone() {
        let mut window = window(vec![execution(1, "a", 1), execution(2, "a", 1), execution(3, "b", 1)]);
        let taken = window.take(10, 100);
        assert_eq!(seqs(&taken), [1, 3]);
        assert!(window.take(10, 100).is_empty());
        for execution in taken {
            window.put(started(execution), Timestamp(0));
        }
        assert_eq!(window.demand(), (0, None), "the older version is running");
        let first = execution(1, "a", 1).id;
        window.remove(&first);
        assert_eq!(seqs(&window.take(10, 100)), [2]);
    }

    #[test]
    fn one_by_one_the_next_one_waits_until_the_one_before_is_over() {
        let mut window = window((1..=3).map(|seq| execution(seq, &seq.to_string(), 10)).collect());
        window.one_by_one(true);
        assert_eq!(window.demand(), (1, Some(10)));
        let mut taken = window.take(9, 100);
        assert_eq!(seqs(&taken), [1]);
        assert_eq!(window.demand(), (0, None), "it is being started");
        let running = started(taken.remove(0));
        let first = running.id.clone();
        window.put(running, Timestamp(0));
        assert!(window.take(9, 100).is_empty(), "it runs");
        window.remove(&first);
        assert_eq!(seqs(&window.take(9, 100)), [2]);
    }

    #[test]
    fn parcels_keep_their_limits() {
        let mut window = window((1..=9).map(|seq| execution(seq, &seq.to_string(), 10)).collect());
        assert_eq!(seqs(&window.take(3, 100)), [1, 2, 3]);
        assert_eq!(seqs(&window.take(9, 25)), [4, 5]);
        assert_eq!(seqs(&window.take(9, 1)), [6], "the first one always fits");
    }

    #[test]
    fn a_full_window_leaves_the_rest_to_the_ledger() {
        let mut window = window(Vec::new());
        let many = u64::try_from(CAPACITY).expect("fits") + 10;
        window.admit((1..=many).map(|seq| execution(seq, &seq.to_string(), 1)).collect(), Timestamp(0));
        assert_eq!(window.len(), CAPACITY);
        assert_eq!(window.room(), 0, "no room yet");
        for execution in window.take(CAPACITY, u64::MAX) {
            window.remove(&execution.id);
        }
        assert_eq!(window.room(), CAPACITY);
        assert_eq!(window.cursor(), u64::try_from(CAPACITY).expect("fits"));
        assert!(!window.is_idle());
    }

    #[test]
    fn the_delayed_wake_in_their_time() {
        let mut later = execution(1, "a", 1);
        later.state.phase = Phase::Ready { not_before: Timestamp(50) };
        let mut window = window(vec![later]);
        assert_eq!(window.wake(Timestamp(49)), Some(Timestamp(50)));
        assert_eq!(window.demand().0, 0);
        assert_eq!(window.wake(Timestamp(50)), None);
        assert_eq!(window.demand(), (1, Some(1)));
    }
}
