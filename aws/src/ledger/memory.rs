//! What the ledger's one writer knows without asking: what is under way in each stage and what was
//! counted. All of it can be read again from the table (`load.rs`).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use lakegate_coordinator::ports::ledger::StageCounts;
use lakegate_model::{
    ObjectVersion, StageKey, Timestamp,
    machine::{
        batch::OpenBatch,
        object::{ObjectFact, ObjectState, decide},
    },
    object::is_earlier,
    pipeline::BatchTrigger,
};

use super::{keys::Raw, outbox::Outbox};

/// What an entry of a log is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Of {
    Object(Raw),
    Batch(Raw),
}

/// Where an entry is, as far as counting needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// An execution in the phase of this name, and what it adds to the stage's counts when over.
    Execution { phase: &'static str, rows_out: u64, quarantined: u64, superseded: u64 },
    /// A member of the open batch.
    Collecting,
    /// A member of a sealed batch, which counts for it.
    Sealed,
    /// A member that was overwritten while it collected.
    Superseded,
}

impl Mark {
    pub(super) fn ready() -> Mark {
        Mark::phase("ready")
    }

    pub(super) fn phase(phase: &'static str) -> Mark {
        Mark::Execution { phase, rows_out: 0, quarantined: 0, superseded: 0 }
    }

    /// Whether nothing more happens to the entry.
    fn is_final(&self) -> bool {
        match self {
            Mark::Execution { phase, .. } => !is_unfinished(phase),
            Mark::Collecting => false,
            Mark::Sealed | Mark::Superseded => true,
        }
    }
}

/// Whether an execution in the phase of this name is not over.
pub(super) fn is_unfinished(phase: &str) -> bool {
    matches!(phase, "waiting" | "ready" | "running" | "promoting")
}

/// A stage's counts, in the order of `NAMES`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(pub(super) [u64; 9]);

/// The names of counts as stored.
pub(super) const NAMES: [&str; 9] =
    ["waiting", "ready", "running", "succeeded", "failed", "quarantined", "superseded", "collecting", "rows_out"];

impl Counts {
    fn of(mark: &Mark) -> Counts {
        let mut counts = [0; 9];
        match mark {
            Mark::Execution { phase, rows_out, quarantined, superseded } => {
                let name = if *phase == "promoting" { "running" } else { phase };
                if let Some(index) = NAMES.iter().position(|known| *known == name) {
                    counts[index] = 1;
                }
                counts[5] += quarantined;
                counts[6] += superseded;
                counts[8] += rows_out;
            }
            Mark::Collecting => counts[7] = 1,
            Mark::Superseded => counts[6] = 1,
            Mark::Sealed => {}
        }
        Counts(counts)
    }

    fn add(&mut self, other: &Counts) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count = count.saturating_add(more));
    }

    fn remove(&mut self, other: &Counts) {
        self.0.iter_mut().zip(other.0).for_each(|(count, less)| *count = count.saturating_sub(less));
    }

    fn named(&self, stage: &StageKey) -> StageCounts {
        let [waiting, ready, running, succeeded, failed, quarantined, superseded, collecting, rows_out] = self.0;
        StageCounts {
            stage: Some(stage.clone()),
            waiting,
            ready,
            running,
            succeeded,
            failed,
            quarantined,
            superseded,
            collecting,
            rows_out,
        }
    }
}

/// An entry that is not yet below the stage's floor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Which record of the log has it.
    pub(super) ordinal: u64,
    pub(super) of: Of,
    pub(super) mark: Mark,
    pub(super) execution: Option<Raw>,
}

/// A member of the open batch.
#[derive(Clone, Debug)]
pub(super) struct Collecting {
    pub(super) id: Raw,
    pub(super) object: ObjectVersion,
    pub(super) at: Timestamp,
}

/// What became of a new member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// It collects; these members, by `seq`, it has replaced.
    Replaced(Vec<(u64, Raw)>),
    /// A newer one collects already.
    Older,
}

/// What is known of a stage.
#[derive(Debug, Default)]
pub(super) struct StageMemory {
    pub(super) paused: bool,
    /// Everything in the log's records below this one is over, and counted in `base`.
    pub(super) floor: u64,
    /// The log's next record.
    pub(super) next: u64,
    /// Records of the log below this one may not be in the list of what is in quarantine (`backfill`).
    pub(super) unlisted: u64,
    pub(super) base: Counts,
    total: Counts,
    pub(super) entries: BTreeMap<u64, Entry>,
    pub(super) live: BTreeSet<u64>,
    pub(super) collecting: BTreeMap<u64, Collecting>,
    by_key: HashMap<(String, String), u64>,
    /// The entries of each record.
    records: BTreeMap<u64, Vec<u64>>,
    /// How many entries of a record are not over, or held, for those that have such.
    open: BTreeMap<u64, u64>,
}

impl StageMemory {
    pub(super) fn new(paused: bool, floor: u64, base: Counts) -> StageMemory {
        StageMemory { paused, floor, next: floor, base, total: base, ..StageMemory::default() }
    }

    pub(super) fn insert(&mut self, seq: u64, entry: Entry) {
        self.total.add(&Counts::of(&entry.mark));
        if !entry.mark.is_final() {
            *self.open.entry(entry.ordinal).or_default() += 1;
            if matches!(entry.mark, Mark::Execution { .. }) {
                self.live.insert(seq);
            }
        }
        self.records.entry(entry.ordinal).or_default().push(seq);
        self.entries.insert(seq, entry);
    }

    /// Marks an entry; nothing happens if it is over already.
    pub(super) fn mark(&mut self, seq: u64, mark: Mark) {
        let Some(entry) = self.entries.get_mut(&seq).filter(|entry| !entry.mark.is_final()) else { return };
        self.total.remove(&Counts::of(&entry.mark));
        self.total.add(&Counts::of(&mark));
        entry.mark = mark;
        if mark.is_final() {
            let ordinal = entry.ordinal;
            self.live.remove(&seq);
            self.close(ordinal);
        }
    }

    /// Keeps the floor below an entry, over or not, until it is released as often.
    pub(super) fn hold(&mut self, seq: u64) {
        if let Some(entry) = self.entries.get(&seq) {
            *self.open.entry(entry.ordinal).or_default() += 1;
        }
    }

    /// Ends a hold.
    pub(super) fn release(&mut self, seq: u64) {
        if let Some(ordinal) = self.entries.get(&seq).map(|entry| entry.ordinal) {
            self.close(ordinal);
        }
    }

    fn close(&mut self, ordinal: u64) {
        if let Some(open) = self.open.get_mut(&ordinal) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.open.remove(&ordinal);
            }
        }
    }

    /// A new member joins the open batch, and the older ones of its key leave it.
    pub(super) fn join(&mut self, seq: u64, ordinal: u64, member: Collecting) -> Joined {
        let key = (member.object.bucket.clone(), member.object.key.clone());
        let of = Of::Object(member.id);
        let there = self.by_key.get(&key).copied();
        if let Some(other) = there.and_then(|seq| self.collecting.get(&seq))
            && is_earlier(member.object.sequencer.as_deref(), other.object.sequencer.as_deref())
        {
            self.insert(seq, Entry { ordinal, of, mark: Mark::Superseded, execution: None });
            return Joined::Older;
        }
        let mut replaced = Vec::new();
        if let Some(old) = there
            && decide(ObjectState::Collecting, ObjectFact::Superseded).is_some()
            && let Some(left) = self.collecting.remove(&old)
        {
            self.mark(old, Mark::Superseded);
            replaced.push((old, left.id));
        }
        self.by_key.insert(key, seq);
        self.collecting.insert(seq, member);
        self.insert(seq, Entry { ordinal, of, mark: Mark::Collecting, execution: None });
        Joined::Replaced(replaced)
    }

    /// The members up to `last` have left the open batch for a sealed one.
    pub(super) fn seal(&mut self, last: u64) {
        let stay = self.collecting.split_off(&(last + 1));
        for (seq, member) in std::mem::replace(&mut self.collecting, stay) {
            self.mark(seq, Mark::Sealed);
            self.by_key.remove(&(member.object.bucket, member.object.key));
        }
    }

    pub(super) fn open_batch(&self, trigger: &BatchTrigger) -> OpenBatch {
        let members = self.collecting.values();
        members.fold(OpenBatch::default(), |open, member| open.with_member(trigger, member.object.size, member.at))
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.live.is_empty() || !self.collecting.is_empty()
    }

    /// The first record of the log that has entries which are not over; the next one if none has.
    pub(super) fn first_open(&self) -> u64 {
        self.open.first_key_value().map_or(self.next, |(ordinal, _)| *ordinal)
    }

    /// How far the floor can be raised, and the counts of what is below it then; `None` if fewer
    /// than `least` entries would get below it.
    pub(super) fn next_floor(&self, least: usize) -> Option<(u64, Counts)> {
        let floor = self.first_open();
        let below = || self.records.range(..floor).flat_map(|(_, seqs)| seqs);
        if floor <= self.floor || below().take(least).count() < least {
            return None;
        }
        let mut base = self.base;
        below().filter_map(|seq| self.entries.get(seq)).for_each(|entry| base.add(&Counts::of(&entry.mark)));
        Some((floor, base))
    }

    pub(super) fn raise_floor(&mut self, floor: u64, base: Counts) {
        let above = self.records.split_off(&floor);
        for seq in std::mem::replace(&mut self.records, above).into_values().flatten() {
            self.entries.remove(&seq);
        }
        (self.floor, self.base) = (floor, base);
    }
}

/// Where an execution that is not over is.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) stage: Arc<StageKey>,
    pub(super) seq: u64,
    pub(super) of: Of,
}

/// What is known of all stages.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) stages: BTreeMap<Arc<StageKey>, StageMemory>,
    /// The executions that are not over.
    pub(super) runs: HashMap<Raw, Run>,
    /// The objects that nobody takes.
    pub(super) unrouted: HashSet<Raw>,
    /// Messages to others that are not sent.
    pub(super) outbox: Outbox,
}

impl Memory {
    /// Records an execution's entry.
    pub(super) fn insert_run(&mut self, stage: &StageKey, seq: u64, entry: Entry) {
        let Some((key, _)) = self.stages.get_key_value(stage) else { return };
        let key = Arc::clone(key);
        if let Some(raw) = entry.execution.filter(|_| !entry.mark.is_final()) {
            self.runs.insert(raw, Run { stage: Arc::clone(&key), seq, of: entry.of });
        }
        if let Some(stage) = self.stages.get_mut(&key) {
            stage.insert(seq, entry);
        }
    }

    /// An execution has moved on.
    pub(super) fn mark_run(&mut self, raw: &Raw, mark: Mark) {
        let Some(run) = self.runs.get(raw).cloned() else { return };
        if let Some(stage) = self.stages.get_mut(&run.stage) {
            stage.mark(run.seq, mark);
        }
        if mark.is_final() {
            self.runs.remove(raw);
        }
    }

    pub(super) fn counts(&self) -> Vec<StageCounts> {
        self.stages.iter().map(|(key, stage)| stage.total.named(key)).collect()
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
