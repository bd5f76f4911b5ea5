//! What the ledger has written and SDLF's tables don't tell yet: at most so many things, each once,
//! however often it changes. What does not fit is not kept: its stage's log is read again from there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lakegate_coordinator::ports::ledger::{Execution, Move};
use lakegate_model::{StageKey, Timestamp, machine::execution::Phase};
use tokio::sync::Notify;

/// Things that may wait; each takes some hundred bytes.
const MOST: usize = 20_000;
/// Statuses that are kept of one execution while it waits; of more the oldest but the first are left out.
const STEPS: usize = 32;
/// Records of a log that get below a mark when it is written, at least: one write for so many.
const MARK_EVERY: u64 = 64;

/// The sixteen bytes of an id.
pub(crate) type Raw = [u8; 16];

/// What rows are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// An object, and the execution of its own if it has one.
    Object(Raw),
    /// A sealed batch's execution.
    Batch(Raw),
    /// The objects of a sealed batch.
    Members(Raw),
}

/// A status as SDLF names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Started,
    /// Under way, in this component of its stage.
    Processing(&'static str),
    Completed,
    Failed,
    Canceled,
}

/// A status that an execution came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The execution's revision with it.
    pub(crate) revision: u64,
    pub(crate) at: Timestamp,
    pub(crate) status: Status,
    /// Whether nothing comes after it.
    pub(crate) is_over: bool,
}

impl Step {
    /// Where an execution is.
    pub(crate) fn of(execution: &Execution) -> Step {
        Step::new(execution.revision, execution.updated_at, &execution.state.phase)
    }

    /// Where a move brings an execution.
    pub(crate) fn of_move(step: &Move) -> Step {
        Step::new(step.from + 1, step.at, &step.to.phase)
    }

    fn new(revision: u64, at: Timestamp, phase: &Phase) -> Step {
        let status = match phase {
            Phase::Ready { .. } if revision == 0 => Status::Started,
            Phase::Ready { .. } | Phase::Waiting { .. } => Status::Processing("Preupdate"),
            Phase::Running { .. } => Status::Processing("Process"),
            Phase::Promoting { .. } => Status::Processing("Postupdate"),
            Phase::Succeeded { .. } => Status::Completed,
            Phase::Failed { .. } | Phase::Quarantined { .. } => Status::Failed,
            Phase::Superseded { .. } => Status::Canceled,
        };
        Step { revision, at, status, is_over: phase.is_terminal() }
    }

    /// How an execution begins.
    pub(crate) fn begun(execution: &Execution) -> Step {
        Step { revision: 0, at: execution.created_at, status: Status::Started, is_over: false }
    }
}

/// Word of something that was written.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) subject: Subject,
    /// The record of its stage's log that it is in.
    pub(crate) ordinal: u64,
    /// Whether the object's own row changes.
    pub(crate) is_row_due: bool,
    /// What its execution went through, in order.
    pub(crate) steps: Vec<Step>,
}

/// Something to be written into the tables.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) stage: Arc<StageKey>,
    pub(crate) note: Note,
    ticket: u64,
}

impl Work {
    /// What the log says of something, no more.
    pub(crate) fn of_log(stage: &Arc<StageKey>, ordinal: u64, subject: Subject) -> Work {
        let note = Note { subject, ordinal, is_row_due: matches!(subject, Subject::Object(_)), steps: Vec::new() };
        Work { stage: Arc::clone(stage), note, ticket: 0 }
    }

    /// Takes in what came later, or earlier.
    fn join(&mut self, other: Note) {
        self.note.ordinal = self.note.ordinal.min(other.ordinal);
        self.note.is_row_due |= other.is_row_due;
        self.note.steps.extend(other.steps);
        self.note.steps.sort_by_key(|step| step.revision);
        self.note.steps.dedup_by_key(|step| step.revision);
        if let Some(many) = self.note.steps.len().checked_sub(STEPS) {
            self.note.steps.drain(1..1 + many);
        }
    }
}

/// How far a stage's log is in the tables.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// Everything below this record is, durably noted.
    written: u64,
    /// Everything below this record is over, and was noted here.
    settled: u64,
    /// From this record on the log is to be read again.
    behind: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<Subject, Work>,
    order: BTreeMap<u64, Subject>,
    /// What is being written: stage and record.
    taken: Vec<(Arc<StageKey>, u64)>,
    stages: HashMap<Arc<StageKey>, Marks>,
    tickets: u64,
    /// Whether the ledger has removals that the tables were not told of.
    removals: bool,
    closing: bool,
}

/// What the tables don't tell yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    state: Mutex<State>,
    pub(crate) changed: Notify,
}

impl Pending {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes word of something that was written. Never waits.
    pub(crate) fn note(&self, stage: &StageKey, note: Note) {
        let mut state = self.state();
        let key = state.key(stage);
        state.put(Work { stage: key, note, ticket: 0 });
        drop(state);
        self.changed.notify_one();
    }

    /// The ledger has a removal to tell.
    pub(crate) fn note_removals(&self) {
        self.state().removals = true;
        self.changed.notify_one();
    }

    /// Everything below these records is over and was noted.
    pub(crate) fn settle(&self, stages: impl Iterator<Item = (Arc<StageKey>, u64)>) {
        let mut state = self.state();
        for (stage, ordinal) in stages {
            let marks = state.stages.entry(stage).or_default();
            marks.settled = marks.settled.max(ordinal);
        }
    }

    /// The ledger was opened, or read again after a write that failed: of a stage everything is looked at
    /// that is not known to be in the tables. `written` is what its item says.
    pub(crate) fn reread(&self, stage: &StageKey, written: u64) {
        let mut state = self.state();
        let key = state.key(stage);
        let marks = state.stages.entry(key).or_default();
        marks.written = marks.written.max(written);
        marks.behind = Some(marks.behind.map_or(marks.written, |behind| behind.min(marks.written)));
        state.removals = true;
        drop(state);
        self.changed.notify_one();
    }

    /// The oldest things that wait, at most `most`. They are to be given back, or to be done with.
    pub(crate) fn take(&self, most: usize) -> Vec<Work> {
        let mut state = self.state();
        let mut works = Vec::new();
        while works.len() < most
            && let Some((_, subject)) = state.order.pop_first()
        {
            works.extend(state.waiting.remove(&subject));
        }
        state.taken = works.iter().map(|work| (Arc::clone(&work.stage), work.note.ordinal)).collect();
        works
    }

    /// What was taken is in the tables, but for these.
    pub(crate) fn give_back(&self, works: Vec<Work>) {
        let mut state = self.state();
        for work in works {
            state.put(work);
        }
        state.taken.clear();
    }

    /// A stage whose log is to be read again, and from which record on.
    pub(crate) fn behind(&self) -> Option<(Arc<StageKey>, u64)> {
        let state = self.state();
        state.stages.iter().find_map(|(key, marks)| Some((Arc::clone(key), marks.behind?)))
    }

    /// A stage's log was read again from a record up to another, or to its end (`None`).
    pub(crate) fn caught_up(&self, stage: &Arc<StageKey>, from: u64, to: Option<u64>) {
        if let Some(marks) = self.state().stages.get_mut(stage)
            && marks.behind == Some(from)
        {
            marks.behind = to;
        }
    }

    /// Whether there are removals to tell; there are none from now on but new ones.
    pub(crate) fn take_removals(&self) -> bool {
        std::mem::take(&mut self.state().removals)
    }

    /// The marks that can be written, by stage.
    pub(crate) fn due(&self) -> Vec<(Arc<StageKey>, u64)> {
        let state = self.state();
        let mut lowest: HashMap<&Arc<StageKey>, u64> = HashMap::new();
        let waiting = state.waiting.values().map(|work| (&work.stage, work.note.ordinal));
        for (stage, ordinal) in waiting.chain(state.taken.iter().map(|(stage, ordinal)| (stage, *ordinal))) {
            let known = lowest.entry(stage).or_insert(ordinal);
            *known = ordinal.min(*known);
        }
        let mark = |(key, marks): (&Arc<StageKey>, &Marks)| {
            let least = lowest.get(key).copied().unwrap_or(u64::MAX);
            let mark = marks.settled.min(least).min(marks.behind.unwrap_or(u64::MAX));
            (mark >= marks.written + MARK_EVERY).then(|| (Arc::clone(key), mark))
        };
        state.stages.iter().filter_map(mark).collect()
    }

    /// A mark is written.
    pub(crate) fn marked(&self, stage: &Arc<StageKey>, ordinal: u64) {
        if let Some(marks) = self.state().stages.get_mut(stage) {
            marks.written = ordinal;
        }
    }

    /// Asks for an end as soon as nothing waits.
    pub(crate) fn close(&self) {
        self.state().closing = true;
        self.changed.notify_one();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.state().closing
    }

    /// Whether nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && !state.removals && state.stages.values().all(|marks| marks.behind.is_none())
    }

    /// Whether something waits that was noted.
    pub(crate) fn has_works(&self) -> bool {
        !self.state().waiting.is_empty()
    }
}

impl State {
    /// The key as it is shared.
    fn key(&mut self, stage: &StageKey) -> Arc<StageKey> {
        if let Some((key, _)) = self.stages.get_key_value(stage) {
            return Arc::clone(key);
        }
        let key = Arc::new(stage.clone());
        self.stages.insert(Arc::clone(&key), Marks::default());
        key
    }

    fn put(&mut self, mut work: Work) {
        if let Some(there) = self.waiting.get_mut(&work.note.subject) {
            there.join(work.note);
            return;
        }
        if self.waiting.len() >= MOST {
            let marks = self.stages.entry(work.stage).or_default();
            marks.behind = Some(marks.behind.map_or(work.note.ordinal, |behind| behind.min(work.note.ordinal)));
            return;
        }
        self.tickets += 1;
        work.ticket = self.tickets;
        self.order.insert(work.ticket, work.note.subject);
        self.waiting.insert(work.note.subject, work);
    }
}

#[cfg(test)]
#[path = "pending_tests.rs"]
mod tests;
