//! The ends of the stages' logs, merged: what was recorded last comes first.

use lakegate_coordinator::ports::Result;
use lakegate_model::StageKey;

use super::{
    keys::{self, Key},
    memory::{Mark, Of, StageMemory, is_unfinished},
    pages::Asked,
    reader::Reader,
    records::LogRecord,
    table::{Range, number},
    writer::lock,
};

/// Records of a log read at once.
const LOG_READ: usize = 50;

/// Entries taken from memory at once: it is locked meanwhile.
const MEMORY_READ: usize = 1_000;

/// A stage's log, read from its end.
struct Tail {
    stage: StageKey,
    /// Where the next entries are.
    next: Next,
    /// Only what was recorded before this number is still to come.
    before: u64,
    /// Records below this one are not read yet.
    ordinal: u64,
    /// What was read and not taken, newest last.
    entries: Vec<(u64, Of)>,
}

enum Next {
    /// In memory, which says of those above its floor which are wanted. It may have had some already.
    Memory { gave: bool },
    /// In the log.
    Log,
}

/// Whether an entry is an execution that is over, in the state that is asked for if there is one.
fn is_over(mark: &Mark, state: Option<&str>) -> bool {
    match mark {
        Mark::Execution { phase, .. } => state.map_or(!is_unfinished(phase), |state| *phase == state),
        Mark::Collecting | Mark::Sealed | Mark::Superseded => false,
    }
}

impl Tail {
    /// The next entries that memory has. What it has not, if it has no more, is in the log below its floor.
    fn take_from(&mut self, known: &StageMemory, state: Option<&str>) {
        let over = known.entries.range(..self.before).rev().filter(|(_, entry)| is_over(&entry.mark, state));
        self.entries = over.take(MEMORY_READ).map(|(seq, entry)| (*seq, entry.of)).collect();
        self.entries.reverse();
        // The floor may have risen over what memory had before.
        self.ordinal = known.floor;
        if let Some((oldest, _)) = self.entries.first() {
            (self.before, self.next) = (*oldest, Next::Memory { gave: true });
        }
    }
}

/// The newest entries of several logs.
pub(super) struct Tails<'a> {
    reader: &'a Reader,
    state: Option<String>,
    tails: Vec<Tail>,
}

impl<'a> Tails<'a> {
    pub(super) async fn open(reader: &'a Reader, asked: &Asked<'_>) -> Result<Tails<'a>> {
        let stages: Vec<(StageKey, u64)> = {
            let memory = lock(&reader.memory);
            let stages = memory.stages.iter().filter(|(stage, _)| asked.takes(stage));
            stages.map(|(stage, known)| ((**stage).clone(), known.next)).collect()
        };
        let mut tails = Vec::with_capacity(stages.len());
        for (stage, next) in stages {
            let ordinal = if asked.before == u64::MAX { next } else { reader.ordinal_before(&stage, next, asked.before).await? };
            tails.push(Tail { stage, next: Next::Log, before: asked.before, ordinal, entries: Vec::new() });
        }
        Ok(Tails { reader, state: None, tails })
    }

    /// Only of executions that are over. Above the floor memory says which these are, so that nothing is read of what
    /// waits, however much it is.
    pub(super) fn of_over(reader: &'a Reader, asked: &Asked<'_>) -> Tails<'a> {
        let tail = |stage: &StageKey| Tail {
            stage: stage.clone(),
            next: Next::Memory { gave: false },
            before: asked.before,
            ordinal: 0,
            entries: Vec::new(),
        };
        let tails = lock(&reader.memory).stages.keys().filter(|stage| asked.takes(stage)).map(|stage| tail(stage)).collect();
        Tails { reader, state: asked.state.map(str::to_owned), tails }
    }

    async fn fill(&mut self) -> Result<()> {
        for tail in self.tails.iter_mut().filter(|tail| tail.entries.is_empty()) {
            if let Next::Memory { gave } = tail.next {
                if let Some(known) = lock(&self.reader.memory).stages.get(&tail.stage) {
                    tail.take_from(known, self.state.as_deref());
                }
                if !tail.entries.is_empty() {
                    continue;
                }
                tail.next = Next::Log;
                // What memory gave last is at its floor, or above.
                if !gave && tail.before != u64::MAX {
                    tail.ordinal = self.reader.ordinal_before(&tail.stage, tail.ordinal, tail.before).await?;
                }
            }
            while tail.entries.is_empty() && tail.ordinal > 0 {
                let range =
                    Range { to: keys::number(tail.ordinal - 1), newest_first: true, limit: LOG_READ, ..Range::all(keys::log(&tail.stage)) };
                let items = self.reader.table.query(range).await?;
                tail.ordinal = tail.ordinal.saturating_sub(LOG_READ as u64);
                for item in items {
                    match LogRecord::read(&item)? {
                        LogRecord::Arrivals(entries) => tail.entries.extend(entries.into_iter().map(|(seq, raw)| (seq, Of::Object(raw)))),
                        LogRecord::Sealed(batch) => {
                            tail.entries.extend(keys::raw(batch.id.as_str()).map(|raw| (batch.seq, Of::Batch(raw))))
                        }
                    }
                }
                tail.entries.retain(|(seq, _)| *seq < tail.before);
                tail.entries.sort_unstable_by_key(|(seq, _)| *seq);
            }
        }
        Ok(())
    }

    /// The next newest entries, at most so many; none if there are no more.
    pub(super) async fn next(&mut self, most: usize) -> Result<Vec<(u64, Of)>> {
        let mut taken = Vec::with_capacity(most);
        while taken.len() < most {
            self.fill().await?;
            let newest =
                self.tails.iter_mut().filter(|tail| !tail.entries.is_empty()).max_by_key(|tail| tail.entries.last().map(|(seq, _)| *seq));
            match newest.and_then(|tail| tail.entries.pop()) {
                Some(entry) => taken.push(entry),
                None => break,
            }
        }
        Ok(taken)
    }
}

impl Reader {
    /// The end of those records of a stage's log that have entries below `seq`, by halving.
    async fn ordinal_before(&self, stage: &StageKey, next: u64, seq: u64) -> Result<u64> {
        let (mut low, mut high) = (0, next);
        while low < high {
            let middle = low + (high - low) / 2;
            let first: u64 = match self.table.get(&Key::log(stage, middle)).await? {
                Some(item) => number(&item, "first")?,
                None => u64::MAX,
            };
            if first < seq {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}
